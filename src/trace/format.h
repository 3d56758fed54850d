/* SPDX-License-Identifier: MIT */
/*
 * Events, and the formats in which they are told: --trace-format=text|json|chrome (doc/trace.md).
 *
 *   text    as strace does, one line each
 *   json    one JSON object a line
 *   chrome  the Trace Event Format, which Perfetto opens: an array that need not be closed. Every
 *           event but the first starts with its comma, so that what there is at any time is JSON
 *           once "]" is added.
 */
#ifndef TRACE_FORMAT_H
#define TRACE_FORMAT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
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
	TRACE_INTERRUPT,
	TRACE_RESET, /* of a device */
};

struct trace_event {
	enum trace_event_kind kind;
	uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC; equal for what has no duration */
	pid_t pid, tid;		   /* TRACE_CALL: the calling thread; pid 0: not known */
	const char *name;	   /* "VFIO_IOMMU_MAP_DMA", "open", "DMA fault" */
	const char *text;      /* as in text: the call with its arguments, or the fault's line */
	long result;	       /* TRACE_CALL */
	bool continues;	       /* TRACE_CALL: the kernel runs it, the result is not known */
	const struct why *why; /* may be NULL */
	const char *device;    /* all but TRACE_CALL: its name, may be NULL */
	const char *iommu;     /* TRACE_FAULT: likewise */
	uint64_t iova;	       /* TRACE_FAULT */
	bool read;	       /* TRACE_FAULT: what was tried */
	unsigned stage;	       /* TRACE_FAULT; 0: none of the two */
	bool delivered;	       /* TRACE_FAULT: to the owner of stage 1 */
	const char *found;     /* TRACE_FAULT: what was there, may be "" */
	unsigned vector;       /* TRACE_INTERRUPT */
	const char *outcome;   /* TRACE_INTERRUPT: struct pci_event */
};

/** No line is longer: a pipe takes it in one piece. */
#define TRACE_EVENT_MAX PIPE_BUF

/**
 * A whole line with newline, cut to fit and then still of its format: its length. Of a JSON object
 * that does not fit, members are missing at the end, and strings end in "...". size at least 64.
 */
int trace_format_event(
	char *buf, size_t size, enum trace_format format, const struct trace_event *event);
/** What stands before the first event: a line (chrome: it names nestbox's own row), or nothing. */
int trace_format_head(char *buf, size_t size, enum trace_format format, pid_t nestbox);
/** What stands behind the last one, where the trace is whole. */
const char *trace_format_tail(enum trace_format format);
/** A line that says that so many are missing here. */
int trace_format_lost(
	char *buf, size_t size, enum trace_format format, uint64_t lines, uint64_t now_ns);
/**
 * chrome only (else nothing: 0): a line that names a row of the picture, before the row's first
 * event. tid 0: names the process.
 */
int trace_format_row(
	char *buf, size_t size, enum trace_format format, pid_t pid, pid_t tid, const char *name);

#endif
