/* SPDX-License-Identifier: MIT */
/*
 * Reasons as text (rule R3): one line for stderr, JSON for /dev/nestbox/last-refusal, and the
 * memory of what was already said, so that a program that retries does not flood the terminal.
 */
#ifndef TRACE_EXPLAIN_H
#define TRACE_EXPLAIN_H

#include <stdint.h>
#include <sys/types.h>

#include "base/why.h"

#define EXPLAIN_LINE_MAX 1024

/** One refused call. */
struct explain {
	const char *call; /* "VFIO_SET_IOMMU(VFIO_TYPE1_NESTING_IOMMU)": trace_ioctl_name */
	pid_t pid;
	const struct why *why;
	/** What there is after the refusal: equal to what there was before it. */
	unsigned long domains, attachments, mappings;
};

/** Whether this belongs on stderr (refused, misuse and stopped) or only into the trace. */
bool explain_is_refusal(const struct why *why);

/** "refused", "misuse", "stopped", "protocol". */
const char *why_class_name(enum why_class class);

/** "nestbox: CALL: ERRNO: what is missing (group, device, IOMMU); instead: ...", no newline. */
int explain_line(char *buf, size_t len, const struct explain *explain);

/** One JSON object and a newline, for free(); NULL without memory. */
char *explain_json(const struct explain *explain);

/**
 * Lines already said. Bounded: at most `slots` different lines are remembered, the one that was
 * longest not seen gives way. Not thread-safe: the owner's lock.
 */
struct explain_log;

typedef void explain_print_fn(void *ctx, const char *line);

struct explain_log *explain_log_create(unsigned slots, explain_print_fn *print, void *ctx);
/** Print the line, or count it if it was said before. */
void explain_log_add(struct explain_log *log, const char *line);
/** Print how often what was repeated, and forget all. */
void explain_log_flush(struct explain_log *log);
/** Flushes. NULL accepted. */
void explain_log_destroy(struct explain_log *log);

#endif
