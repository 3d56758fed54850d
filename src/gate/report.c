/* SPDX-License-Identifier: MIT */
/*
 * What the user is told (rule R3): refusals and DMA faults as lines on stderr, equal ones counted
 * rather than repeated; every call as a line of the trace; the last refusal as JSON in the box's
 * /dev/nestbox, written from out here.
 */
#include "gate/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "iommu/mmio.h"
#include "trace/decode.h"
#include "trace/explain.h"

#define LOG_SLOTS 64

struct report {
	pthread_mutex_t lock; /* log, trace, last-refusal */
	struct machine *machine;
	struct explain_log *log; /* NULL: --quiet */
	FILE *trace;
	int dir;
	unsigned fault_lines;
};

static void print_line(void *ctx, const char *line)
{
	/* One write: the program writes to the same terminal. */
	fprintf(stderr, "%s\n", line);
}

struct report *report_create(const struct serve_args *args)
{
	struct report *report = calloc(1, sizeof(*report));

	if (!report)
		return NULL;
	if (!args->quiet)
		report->log = explain_log_create(LOG_SLOTS, print_line, report);
	if (!args->quiet && !report->log) {
		free(report);
		return NULL;
	}
	pthread_mutex_init(&report->lock, NULL);
	report->machine = args->machine;
	report->trace = args->trace;
	report->dir = args->report_dir;
	return report;
}

void report_destroy(struct report *report)
{
	if (!report)
		return;
	explain_log_destroy(report->log);
	pthread_mutex_destroy(&report->lock);
	free(report);
}

bool report_traces(const struct report *report)
{
	return report->trace;
}

/* ---- refusals ---- */

/** In one step, so that a reader sees the old one or the new one. */
static void write_last(const struct report *report, const struct explain *explain)
{
	AUTO_FREE char *json = explain_json(explain);
	size_t len = json ? strlen(json) : 0;
	int fd;

	if (!json || report->dir < 0)
		return;
	fd = openat(report->dir, ".last-refusal",
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return;
	if (write(fd, json, len) == (ssize_t)len)
		renameat(report->dir, ".last-refusal", report->dir, "last-refusal");
	close(fd);
}

static void call_name(char *buf, size_t size, const struct report_call *done)
{
	if (done->kind)
		trace_ioctl_name(buf, size, done->kind, done->cmd, done->arg);
	else
		snprintf(buf, size, "%s", done->name);
}

static void report_refusal(struct report *report, const struct report_call *done)
{
	char name[256], line[EXPLAIN_LINE_MAX];
	struct machine_counts counts;
	struct explain explain;

	machine_counts(report->machine, &counts);
	call_name(name, sizeof(name), done);
	explain = (struct explain){
		.call = name,
		.pid = (pid_t)done->call->notif->pid,
		.why = done->why,
		.domains = counts.domains,
		.attachments = counts.attachments,
		.mappings = counts.mappings,
	};
	explain_line(line, sizeof(line), &explain);
	pthread_mutex_lock(&report->lock);
	if (report->log)
		explain_log_add(report->log, line);
	write_last(report, &explain);
	pthread_mutex_unlock(&report->lock);
}

/* ---- trace ---- */

static void trace_ioctl_done(struct report *report, const struct report_call *done)
{
	struct call *call = done->call;
	char line[TRACE_LINE_MAX];
	uint8_t arg[TRACE_ARG_MAX];
	uint32_t argsz = 0;
	struct trace_ioctl_call t = {
		.pid = (pid_t)call->notif->pid,
		.fd = (int)call->notif->data.args[0],
		.path = call->origin.path,
		.kind = done->kind,
		.cmd = done->cmd,
		.raw = done->arg,
		.result = done->result,
		.why = done->why,
	};

	if (trace_ioctl_bytes(done->kind, done->cmd, 0)) {
		usermem_copy_in(&call->caller, &argsz, done->arg, sizeof(argsz));
		t.arg_len = trace_ioctl_bytes(done->kind, done->cmd, argsz);
		if (t.arg_len && t.arg_len <= sizeof(arg))
			t.arg = usermem_copy_in(&call->caller, arg, done->arg, t.arg_len) ? NULL
											  : arg;
		if (!t.arg)
			t.arg_len = 0;
	}
	trace_ioctl_line(line, sizeof(line), &t);
	pthread_mutex_lock(&report->lock);
	fprintf(report->trace, "%s\n", line);
	fflush(report->trace);
	pthread_mutex_unlock(&report->lock);
}

static void trace_text_done(struct report *report, const struct report_call *done)
{
	char line[TRACE_LINE_MAX];

	trace_line(line, sizeof(line), (pid_t)done->call->notif->pid, done->text, done->result,
		done->why);
	pthread_mutex_lock(&report->lock);
	fprintf(report->trace, "%s\n", line);
	fflush(report->trace);
	pthread_mutex_unlock(&report->lock);
}

void report_call(struct report *report, const struct report_call *done)
{
	if (explain_is_refusal(done->why))
		report_refusal(report, done);
	if (!report->trace)
		return;
	if (done->kind)
		trace_ioctl_done(report, done);
	else
		trace_text_done(report, done);
}

/* ---- DMA faults ---- */

/* A device that runs wild faults at ever new addresses: stderr gets so many lines of it. */
#define FAULT_LINES_MAX 32

static void fault_line(char *line, size_t size, const struct iommu_fault *fault, const char *device)
{
	int n = snprintf(line, size, "nestbox: DMA fault: %s: %s of iova 0x%llx: %s", device,
		fault->read ? "read" : "write", (unsigned long long)fault->iova, fault->name);

	if (n > 0 && (size_t)n < size && fault->stage)
		n += snprintf(line + n, size - (size_t)n, ", stage %u", fault->stage);
	if (n > 0 && (size_t)n < size && fault->stage == 2)
		n += snprintf(
			line + n, size - (size_t)n, ", ipa 0x%llx", (unsigned long long)fault->ipa);
	if (n > 0 && (size_t)n < size)
		snprintf(line + n, size - (size_t)n, " (IOMMU %s, StreamID 0x%x)", fault->iommu,
			fault->sid);
}

void report_fault(void *ctx, const struct iommu_fault *fault, const struct machine_device *dev)
{
	struct report *report = ctx;
	char line[256];

	fault_line(line, sizeof(line), fault, dev ? dev->pci.name : "unknown device");
	pthread_mutex_lock(&report->lock);
	if (report->trace) {
		fprintf(report->trace, "%s\n", line);
		fflush(report->trace);
	}
	/* A trace on stderr has the line already. */
	if (report->trace != stderr && report->log && report->fault_lines <= FAULT_LINES_MAX) {
		if (report->fault_lines++ == FAULT_LINES_MAX)
			print_line(report, "nestbox: more DMA faults: see --trace");
		else
			explain_log_add(report->log, line);
	}
	pthread_mutex_unlock(&report->lock);
}
