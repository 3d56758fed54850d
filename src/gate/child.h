/* SPDX-License-Identifier: MIT */
/* The program's process between fork and exec. */
#ifndef GATE_CHILD_H
#define GATE_CHILD_H

#include <grp.h>
#include <signal.h>
#include <stdbool.h>

#include "gate/launch.h"

/** Whom --user names, looked up before the fork. */
struct child_user {
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	int n_groups; /* 0: stay who we are */
};

struct child {
	const struct launch_args *args;
	struct child_user user;
	int sock;		   /* the child's end */
	sigset_t mask;		   /* the program's */
	struct sigaction on_child; /* its SIGCHLD */
};

/* What the child tells the supervisor: this, then one child_node for each TREE_NODE, in order. */
struct child_report {
	/* err 0: all is well, and listener, report directory and copy of /sys come along */
	struct error error;
	unsigned n_nodes;
	bool has_sys; /* false: the third descriptor is none */
};

struct child_node {
	uint64_t mnt_id, ino, dev;
};

/** ctx: struct child. Does not return. */
void child_run(void *ctx);

#endif
