/* SPDX-License-Identifier: MIT */
/* Figures of whole boxes: start-up, memory, many side by side. All end the process on failure. */
#ifndef BENCH_BOXES_H
#define BENCH_BOXES_H

#include <stddef.h>

/** The shortest of `times` runs of argv to its end, in milliseconds; its output is thrown away. */
double boxes_start_up_ms(char *const argv[], unsigned times);

/** Resident memory of an idle box's own processes, in MiB: argv runs until its standard
 * input ends, and says a line once it idles. */
double boxes_resident_mib(char *const argv[]);

/**
 * n runs of argv at once. Each says a line when it is ready, gets one to start, and says a figure:
 * their sum.
 */
double boxes_sum(char *const argv[], unsigned n);

#endif
