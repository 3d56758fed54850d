/* SPDX-License-Identifier: MIT */
/*
 * System calls on our files as text, the way strace shows them:
 *
 *   [1234] ioctl(9</dev/vfio/vfio>, VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, ...}) = 0
 *
 * A table says for each ioctl what its argument is made of; nothing here knows what a call does.
 * kind is the file's (file_ops.name): "container", "group" or "device"; numbers from 12 up mean
 * different calls on each.
 */
#ifndef TRACE_DECODE_H
#define TRACE_DECODE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

/** No call is longer as text (it then ends in "..."). */
#define TRACE_LINE_MAX 2048

/** No more than this of an argument is ever looked at. */
#define TRACE_ARG_MAX 1024

/**
 * How many bytes of the argument trace_ioctl wants to see; 0 where it is a plain value. argsz: the
 * argument's first 32-bit word, where it can be read, or 0. At most TRACE_ARG_MAX.
 */
size_t trace_ioctl_bytes(const char *kind, unsigned cmd, uint32_t argsz);

/** An ioctl, on descriptor fd that was opened as path. */
struct trace_ioctl_call {
	int fd;
	const char *path; /* "/dev/vfio/vfio" */
	const char *kind;
	unsigned cmd;
	/* arg_len bytes of what raw points to as they are after the call; NULL where they cannot be
	 * read (the pointer is shown then). */
	const void *arg;
	size_t arg_len;
	uint64_t raw;
	bool failed; /* what it would have answered is not there */
};

/**
 * The call without its file: "VFIO_IOMMU_MAP_DMA, {argsz=32, ...}". Returns the length of the text
 * in buf.
 */
int trace_ioctl(char *buf, size_t len, const struct trace_ioctl_call *call);

/** The short name of a call for reasons: "VFIO_SET_IOMMU(VFIO_TYPE1_NESTING_IOMMU)". */
int trace_ioctl_name(char *buf, size_t len, const char *kind, unsigned cmd, uint64_t raw);

/** A result that is not known: the kernel runs the call. */
#define TRACE_CONTINUES LONG_MIN

/** A whole line, without newline: "[pid] CALL = RESULT", with errno and reason where it failed. */
int trace_line(
	char *buf, size_t len, pid_t pid, const char *call, long result, const struct why *why);

/** The same with its file: the CALL of such a line. */
int trace_ioctl_text(char *buf, size_t len, const struct trace_ioctl_call *call);

#endif
