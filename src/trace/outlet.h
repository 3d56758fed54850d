/* SPDX-License-Identifier: MIT */
/*
 * Somewhere to say something to that may not listen: standard error, a trace file, a client of the
 * control socket. Whoever speaks is never held up for long, and never for good, by a reader that
 * does not drain: not a caller, and a device not at all.
 *
 * Each outlet has a thread that writes, and a queue. Writing without blocking would need no thread,
 * but the flags of the open file are the program's too and must stay; a poll before the write
 * promises nothing, because the program fills the same pipe; and even a write that "does not block"
 * waits for whoever is copying into that pipe, which memory behind a userfaultfd can make for ever.
 *
 * A line of up to PIPE_BUF bytes is written whole or not at all, in the order of the calls. Lines
 * that were dropped are counted: once there is room again a line in the outlet's format says how
 * many.
 */
#ifndef TRACE_OUTLET_H
#define TRACE_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/format.h"

struct outlet;

enum outlet_patience {
	/** A device, or somebody who holds a lock: never waits, drops the line where there is no room.
	 */
	OUTLET_NO_WAIT,
	/** A caller that has many lines: waits for room in the queue, as below. */
	OUTLET_WAIT_ROOM,
	/**
	 * A caller: the line has been written when this returns (so that it stands before what the
	 * program says next), unless that took longer than OUTLET_STALL_MS; then the outlet is
	 * stalled, nobody waits any more, and lines are queued while there is room, until all of
	 * them have been taken.
	 */
	OUTLET_WAIT,
};

#define OUTLET_STALL_MS	 1000
#define OUTLET_CLOSE_MS	 10000
#define OUTLET_BYTES_MAX (1u << 20) /* queued */

/** Owns fd where `own`, also if it fails. NULL without memory or thread. */
struct outlet *outlet_create(int fd, bool own, enum trace_format format);
/**
 * One or several whole lines, newline included; all of them are taken, or none (false). Any thread;
 * takes only the outlet's own lock.
 */
bool outlet_put(struct outlet *outlet, const char *text, size_t len, enum outlet_patience patience);
/** Lines that were dropped so far. */
uint64_t outlet_lost(struct outlet *outlet);
/** Whether writing failed for good (EPIPE, ENOSPC, ...): its errno, or 0. */
int outlet_error(struct outlet *outlet);
/**
 * Gives the reader time to take the rest: until it has taken nothing for OUTLET_STALL_MS, and at
 * most OUTLET_CLOSE_MS. False: something was lost. NULL accepted.
 */
bool outlet_close(struct outlet *outlet);

#endif
