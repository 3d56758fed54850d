/* SPDX-License-Identifier: MIT */
/* Copies that the engine does for a Linux guest in stock QEMU, by the script bench/guest. */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#include <stdbool.h>

/** Of the largest copies, MB/s: the engine's, and the guest processor's memcpy. */
struct guest_rates {
	double engine, memcpy;
};

/**
 * A run with private and one with shared guest memory; build: the build's folder. False, with a word
 * on stderr: guests cannot be run here.
 */
bool guest_measure(const char *build, struct guest_rates *private, struct guest_rates *shared);

#endif
