/* SPDX-License-Identifier: MIT */
/*
 * Events, and the formats in which they are told: --trace-format=text|json|chrome.
 *
 *   text    as strace does, one line each
 *   json    one JSON object a line (doc/control.md)
 *   chrome  the Trace Event Format, which Perfetto opens: an array that is never closed
 */
#ifndef TRACE_FORMAT_H
#define TRACE_FORMAT_H

#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

enum trace_format {
	TRACE_TEXT,
	TRACE_JSON,
	TRACE_CHROME
};

/** By its name; -1: no such format. */
int trace_format_parse(const char *name);

enum trace_event_kind {
	TRACE_CALL,  /* a call on one of our files or nodes, done */
	TRACE_FAULT, /* a DMA that was refused */
};

struct trace_event {
	enum trace_event_kind kind;
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC; equal for what has no duration */
	pid_t tid;		   /* TRACE_CALL: the calling thread */
	const char *name;	   /* "VFIO_IOMMU_MAP_DMA", "open", "DMA fault" */
	const char *text;      /* as in text: the call with its arguments, or the fault's line */
	long result;	       /* TRACE_CALL */
	const struct why *why; /* may be NULL */
	const char *device, *iommu; /* TRACE_FAULT: names, may be NULL */
};

/** A whole line with newline, cut to fit: its length. size at least 64. */
int trace_format_event(
	char *buf, size_t size, enum trace_format format, const struct trace_event *event);
/** What stands before the first event ("" or "[\n"). */
const char *trace_format_head(enum trace_format format);

#endif
