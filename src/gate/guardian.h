/* SPDX-License-Identifier: MIT */
/*
 * The guardian: a process between supervisor and program, an ancestor of everything in the box,
 * that outlives whatever happens to either and leaves nothing behind.
 *
 * It is a child subreaper, so that every orphan of the box becomes its child; it blocks all
 * signals and has its own session, so that neither the terminal nor a kill of the job's process
 * group reaches it; and it holds one end of a socket whose other end only the supervisor has.
 * When that hangs up, the supervisor has ended, however it did: kill everything. When no child is
 * left, the box has ended.
 */
#ifndef GATE_GUARDIAN_H
#define GATE_GUARDIAN_H

#include <stdbool.h>
#include <sys/types.h>

/** What is done last, in the guardian: when nothing of the box is left, whoever ended it. */
struct guardian_will {
	void (*run)(
		void *ctx); /* NULL: nothing; may be done again by the supervisor, if it lives */
	void *ctx;
	int fd; /* stays open for it */
};

struct guardian {
	pid_t pid;
	int sock; /* the supervisor's end; closing it kills the box */
};

enum guardian_news {
	GUARDIAN_STARTED, /* value: the program's pid */
	GUARDIAN_STOPPED, /* value: the program's wait status */
	GUARDIAN_ENDED,	  /* likewise */
};

struct guardian_report {
	enum guardian_news news;
	int value;
};

/**
 * Fork the guardian, which forks the program and runs body(ctx) in it; body must not return. 0 or
 * -errno. SIGCHLD must have its default disposition. will: may be NULL.
 */
int guardian_start(struct guardian *guardian, void (*body)(void *ctx), void *ctx,
	const struct guardian_will *will);

/** The next report. True, or false once the guardian is gone. */
bool guardian_receive(struct guardian *guardian, struct guardian_report *report);

/** Kill what is left, wait for the guardian's end. Idempotent. */
void guardian_stop(struct guardian *guardian);

/**
 * Kill and reap until the calling process has no children: as each dies, its own children become
 * ours where we are a subreaper.
 */
void guardian_kill_children(void);

#endif
