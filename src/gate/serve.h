/* SPDX-License-Identifier: MIT */
/*
 * The call side of a box: threads that receive seccomp notifications, decide what each is about
 * (an open of one of our nodes, a call on a stand-in, or nothing of ours: continue), and drive the
 * struct file behind it with a caller that reads and writes the program's memory.
 */
#ifndef GATE_SERVE_H
#define GATE_SERVE_H

#include <stdbool.h>

#include "base/error.h"
#include "gate/tree.h"
#include "machine/machine.h"
#include "trace/format.h"
#include "vfio/vfio.h"

struct serve;

struct serve_args {
	struct machine *machine;
	struct vfio *vfio;
	const struct tree *tree;
	int listener;
	int report_dir;	 /* last-refusal is written here */
	int sys;	 /* of struct launched; -1: /sys stays as it is */
	bool admin;	 /* the program is root's */
	uint64_t mnt_ns; /* of struct launched */
	unsigned fd_base;
	bool quiet;   /* no refusals on stderr */
	bool trace;   /* every call is told: */
	int trace_fd; /* to it; serve's, also where serve_start fails, but for standard error */
	enum trace_format trace_format;
	bool poll_spin;	 /* --poll=spin */
	bool memlock;	 /* --memlock=enforce */
	bool strict_pin; /* --strict-pin, as the filter was told */
};

/** In the child, just before exec: install the filter. The listener descriptor, or -errno. */
int filter_install(unsigned fd_base, bool strict_pin, struct error *error);

/** The architecture (AUDIT_ARCH_*) whose calls are served. */
unsigned filter_arch(void);

/** Start the notification threads and the poller. NULL with a message. */
struct serve *serve_start(const struct serve_args *args, struct error *error);

/* For who looks in. */
struct report;

/** Where traces are started and stopped (gate/report.h). */
struct report *serve_report(struct serve *serve);
/** Which open file this memfd stands in for: to be compared only. NULL: none. */
const struct file *serve_file(struct serve *serve, uint64_t dev, uint64_t ino);

/**
 * After the program and all descendants are gone: drains, closes every file, joins the threads,
 * prints counts of repeated refusals, frees. False: the trace (serve_args.trace) is not complete.
 */
bool serve_stop(struct serve *serve);

#endif
