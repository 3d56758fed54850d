/* SPDX-License-Identifier: MIT */
/* A probe in a child of its own, its output captured, for a limited time. */
#ifndef DOCTOR_RUN_H
#define DOCTOR_RUN_H

#include "platform/probe.h"

enum run_end {
	RUN_ENDED,     /* lack is its verdict */
	RUN_KILLED,    /* by `signal`, it or a child that it waited for */
	RUN_HUNG,      /* ended by us */
	RUN_UNSTARTED, /* cannot fork, or make a pipe */
};

struct run_result {
	enum run_end end;
	enum lack lack;
	int signal;
	char said[256]; /* the first line that it printed, cut if it is longer */
};

/**
 * Nothing of the probe is left afterwards: whatever it started is killed, daemons included. Its
 * standard input is /dev/null.
 */
void probe_run(const struct probe *probe, unsigned limit_ms, struct run_result *result);

#endif
