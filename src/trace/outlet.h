/* SPDX-License-Identifier: MIT */
/*
 * Somewhere to say something to that may not listen: standard error, a trace file, a client of the
 * control socket. Whoever speaks is never held up for long, and never for good, by a reader that does not
 * drain: not a caller, and a device not at all.
 *
 * A line is written whole or not at all, in the order of the calls, and lines that were dropped are
 * counted: once there is room again "... N lines lost" (in the outlet's format) says so.
 */
#ifndef TRACE_OUTLET_H
#define TRACE_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outlet;

enum outlet_patience {
	/** A device, or somebody who holds a lock: never waits, drops the line where there is no room. */
	OUTLET_NO_WAIT,
	/**
	 * A caller: the line has been written when this returns (so that it stands before what the program
	 * says next), unless the reader took nothing for OUTLET_STALL_MS; then the outlet is stalled,
	 * nobody waits any more, and lines are queued while there is room, until it drains.
	 */
	OUTLET_WAIT,
};

#define OUTLET_STALL_MS	 1000
#define OUTLET_BYTES_MAX (1u << 20) /* queued */

/** Owns fd where `own`. NULL without memory or thread. Flags of the open file (shared with the program)
 * are not touched. */
struct outlet *outlet_create(int fd, bool own);
/** One or several whole lines, newline included. Any thread; takes only the outlet's own lock. */
void outlet_put(struct outlet *outlet, const char *text, size_t len, enum outlet_patience patience);
/** Lines that were dropped so far. */
uint64_t outlet_lost(struct outlet *outlet);
/** Whether writing failed for good (EPIPE, ENOSPC, ...): its errno, or 0. */
int outlet_error(struct outlet *outlet);
/** Gives the reader OUTLET_STALL_MS to take the rest. False: something was lost. NULL accepted. */
bool outlet_close(struct outlet *outlet);

#endif
