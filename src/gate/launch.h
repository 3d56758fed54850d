/* SPDX-License-Identifier: MIT */
/*
 * The process side of a box: supervisor (this process, outside), guardian (kills everything if the
 * supervisor dies), and the program, in its own mount namespace (and user namespace where we lack
 * CAP_SYS_ADMIN) behind a seccomp notification filter.
 */
#ifndef GATE_LAUNCH_H
#define GATE_LAUNCH_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"
#include "gate/guardian.h"
#include "gate/tree.h"
#include "gate/witness.h"

struct launch_args {
	char *const *argv; /* PROG ARGS; looked up in PATH as execvp does */
	const char *user;  /* --user: drop to this user (we are root), or NULL */
	struct tree *tree; /* nodes' identities are filled in */
	/* The program's limit of descriptors, or NULL: ours. */
	const struct rlimit *nofile;
	unsigned fd_base; /* stand-ins are descriptors from here up */
	bool strict_pin;  /* what changes memory is notified */
	struct guardian_will will;
};

struct launched {
	pid_t pid;	 /* the program */
	int listener;	 /* seccomp notification descriptor; closed by launch_finish */
	int report_dir;	 /* O_PATH of the box's /dev/nestbox (a tmpfs): reports are written there */
	int sys;	 /* the box's /sys, to be changed (namespace.h); -1: it cannot be */
	uint64_t mnt_ns; /* inode of the box's mount namespace; 0: not known */

	bool interrupted; /* by launch_wait: the program was killed by SIGINT */

	/* The launcher's own. */
	struct guardian guardian;
	struct witness witness;
	int pidfd;	      /* of the program */
	int signals;	      /* signalfd: what is passed on */
	sigset_t caller_mask; /* put back by launch_finish */
};

/**
 * Make the box and start the program. Returns once exec is certain to be attempted. 0, or a
 * negative errno with the first thing that failed in words (exit 125). Failures of exec itself are
 * told by launch_wait: 126, 127.
 *
 * Call it while there is one thread, so that every later one has the signals blocked that are
 * passed on. Every descriptor that is to stay ours must have FD_CLOEXEC: those without it are the
 * program's, and are closed here, because a pipe that the program closes must not stay open in this
 * process. For the same reason 0 and 1 become /dev/null; 2 stays.
 */
int launch(const struct launch_args *args, struct launched *out, struct error *error);

/**
 * Pass signals on and reap until the program and all its descendants have ended. Returns the exit
 * status for the shell: the program's, 128 + signal, 126 or 127.
 */
int launch_wait(struct launched *launched);

/** Kill whatever is left and close. */
void launch_finish(struct launched *launched);

#endif
