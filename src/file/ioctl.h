/* SPDX-License-Identifier: MIT */
/*
 * The ioctl dispatcher: a table says how much of the argument is read and written, handlers hold
 * only semantics. For VFIO's argsz convention: copy the fixed part (-EFAULT), require
 * argsz >= minsz (-EINVAL), call, copy the fixed part back.
 */
#ifndef FILE_IOCTL_H
#define FILE_IOCTL_H

#include "base/hostlock.h"
#include "file/file.h"

/** One call in progress, for handlers that need more than the fixed part. */
struct ioctl_call {
	struct file *file;
	struct caller *caller;
	unsigned cmd;
	uint64_t uaddr; /* the raw argument */
	struct why *why;
};

/* In the order in which a table reads. NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding) */
struct ioctl_row {
	unsigned cmd;
	const char *name;
	/** Fixed part in bytes; 0: the argument is a plain value (or none), data is NULL. */
	unsigned minsz;
	/** data: the fixed part, copied in; copied back if the handler returns >= 0 and out is set.
	 */
	long (*handler)(struct ioctl_call *call, void *data);
	bool out;
};

#define IOCTL_MAX_FIXED 128

/**
 * busy_begin for a call: 0, or -EINTR once its caller has died, which then nobody sees (design 9).
 * The host lock is held at entry and return.
 */
int ioctl_busy_begin(struct ioctl_call *call, struct hostlock *lock, struct busy *busy);

/** -ENOTTY (protocol class) for a command that is not in the table. */
long ioctl_dispatch(const struct ioctl_row *rows, unsigned n_rows, struct ioctl_call *call);

#endif
