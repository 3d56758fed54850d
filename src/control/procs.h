/* SPDX-License-Identifier: MIT */
/*
 * The processes of a box, as /proc shows them: descendants of the guardian, which as their subreaper
 * is an ancestor of all there are; and which of our open files each holds a descriptor of.
 *
 * All of it is of no single moment, and bounded: a box with more processes or descriptors than that is
 * shown in part.
 */
#ifndef CONTROL_PROCS_H
#define CONTROL_PROCS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTROL_PROCS_MAX 1024	/* of the box */
#define CONTROL_FDS_MAX	  65536 /* looked at, of all of them */

struct control_proc {
	pid_t pid, ppid;
	bool in_box;
	char comm[64];
};

/** A process holds a descriptor of the memfd (dev, ino). */
struct control_holder {
	uint64_t dev, ino;
	pid_t pid;
	const void *file; /* for who takes it: which file of ours that is */
};

struct control_procs {
	struct control_proc *list; /* by pid */
	unsigned n;
	struct control_holder *holders; /* by pid; several where there are several descriptors */
	unsigned n_holders;
	bool partial; /* there are more processes or descriptors */
};

/** -ENOMEM, or 0. */
int control_procs_take(struct control_procs *procs, pid_t guardian);
/** Fill in the holders too. */
int control_procs_holders(struct control_procs *procs);
void control_procs_free(struct control_procs *procs);

/** The parent of pid, or -1. comm (64 bytes) may be NULL. */
pid_t control_parent(pid_t pid, char *comm);

#endif
