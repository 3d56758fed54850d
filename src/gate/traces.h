/* SPDX-License-Identifier: MIT */
/*
 * The traces of a box: each an outlet and a format, started and stopped while calls go on. One whose
 * reader has left ends by itself.
 */
#ifndef GATE_TRACES_H
#define GATE_TRACES_H

#include <stdbool.h>

#include "trace/format.h"
#include "trace/outlet.h"

struct traces;

struct traces *traces_create(void);
/** Stops all. NULL accepted. */
void traces_destroy(struct traces *traces);

struct trace_target {
	struct outlet *outlet; /* the trace's, unless: */
	bool shared;	       /* standard error: others speak there too, and it stays open */
	enum trace_format format;
	bool *whole; /* set to false where the trace lacks something; may be NULL */
};

/** An id from 1 up; -EMFILE: too many (the outlet is closed then). */
int traces_start(struct traces *traces, const struct trace_target *target);
/** When it returns, the outlet is not used any more. -ENOENT: no such trace (any more). */
int traces_stop(struct traces *traces, int id);
/** Whether there is one; cheap. */
bool traces_on(const struct traces *traces);

/** Tell all of them. device: from a device's thread, never waits. */
void traces_tell(struct traces *traces, const struct trace_event *event, bool device);

#endif
