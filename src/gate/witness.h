/* SPDX-License-Identifier: MIT */
/*
 * The witness: a process in the supervisor's process group that does nothing but take note of the
 * signals it is sent. The program is normally in that group too, so a signal that the witness got
 * as well was sent to the group (kill %1, timeout), and has reached the program without us; one
 * that only the supervisor got is to be passed on. Nothing else tells the two apart: their siginfo
 * is the same.
 */
#ifndef GATE_WITNESS_H
#define GATE_WITNESS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct witness {
	pid_t pid; /* 0: there is none, and nothing was sent to the group */
	int sock;
	unsigned seen[NSIG]; /* how often each signal came that was not asked for yet */
};

/** Start it, while every signal in question is blocked. 0 or -errno. */
int witness_start(struct witness *witness);

/**
 * Whether this signal, which we have just got, went to the whole group; told once for each time.
 */
bool witness_saw(struct witness *witness, int sig);

/** It is not needed any more. Returns before it has ended. */
void witness_dismiss(struct witness *witness);
/** End it. Idempotent. */
void witness_stop(struct witness *witness);

#endif
