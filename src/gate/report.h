/* SPDX-License-Identifier: MIT */
/*
 * What the user is told (rule R3): refusals and DMA faults on standard error, the trace, the last refusal
 * as a file in the box. Nothing here waits for a reader that does not drain (trace/outlet.h).
 */
#ifndef GATE_REPORT_H
#define GATE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/why.h"
#include "iommu/mmio.h"
#include "trace/format.h"

struct call;
struct machine_device;
struct report;
struct serve_args;

struct report *report_create(const struct serve_args *args);
/** Prints what was repeated, ends the traces. False: serve_args.trace is not complete. */
bool report_destroy(struct report *report);

/** A call on one of our files or nodes is done. */
struct report_call {
	struct call *call;
	const char *kind; /* file_ops.name; NULL: not an ioctl, then: */
	const char *name; /* for reasons, equal for equal mistakes: "open(/dev/vfio/1)", "mmap" */
	const char *text; /* for traces: "open(\"/dev/vfio/vfio\", O_RDWR)" */
	unsigned cmd;
	uint64_t arg;
	uint32_t argsz; /* as the program gave it (report_argsz) */
	long result;
	bool continues; /* the kernel runs it: there is no result yet */
	const struct why *why;
};
void report_call(struct report *report, const struct report_call *done);
/**
 * The first word of an ioctl's argument, where a trace will want to know how long that is: afterwards
 * it may say how long it should have been. 0: not known.
 */
uint32_t report_argsz(const struct report *report, struct call *call, const char *kind);
/** Whether somebody reads along; cheap. */
bool report_traces(const struct report *report);
/** machine->fault. */
void report_fault(void *ctx, const struct iommu_fault *fault, const struct machine_device *dev);

/** machine->event. */
struct pci_event;
void report_event(void *ctx, const struct machine_device *dev, const struct pci_event *happened);

/*
 * Traces that come and go while the box runs. At most REPORT_TRACES_MAX at a time.
 */
#define REPORT_TRACES_MAX 8

/** Trace to fd from now on; fd is the report's. An id from 1 up, or -errno (fd is closed then). */
int report_trace_start(struct report *report, int fd, enum trace_format format);
/** Stop it and close its descriptor. -ENOENT: there is none of that id (any more: its reader left). */
int report_trace_stop(struct report *report, int id);

#endif
