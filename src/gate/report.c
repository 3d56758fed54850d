/* SPDX-License-Identifier: MIT */
/*
 * What the user is told (rule R3): refusals and DMA faults as lines on stderr, equal ones counted
 * rather than repeated; every call as an event of the traces; the last refusal as JSON in the box's
 * /dev/nestbox, written from out here.
 *
 * No lock is held while a reader is waited for, and a device's thread takes none that is held for
 * longer than it takes to compare some lines.
 */
#include "gate/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "gate/traces.h"
#include "iommu/mmio.h"
#include "trace/calls.h"
#include "trace/decode.h"
#include "trace/explain.h"
#include "trace/outlet.h"

#define LOG_SLOTS 64
/* A device that runs wild faults at ever new addresses: stderr gets so many lines of it. */
#define FAULT_LINES_MAX 32
/* What explain_log_add prints for one line: the count of the one that gives way, and the line. */
#define SAID_MAX (2 * EXPLAIN_LINE_MAX + 128)

/** Lines that are to be said once the lock is dropped. */
struct said {
	char text[SAID_MAX];
	size_t len;
};

struct report {
	struct machine *machine;
	struct outlet *err; /* stderr; NULL: nothing is said there */

	pthread_mutex_t lock;
	struct explain_log *log; /* NULL: --quiet */
	struct said *said;	 /* of whoever holds the lock; NULL: print at once */
	atomic_uint fault_lines;

	pthread_mutex_t last_lock; /* the file last-refusal */
	int dir;

	struct traces *traces;
	bool trace_whole;     /* so far: of serve_args.trace */
	bool trace_on_err;    /* that one */
	bool faults_in_trace; /* and has the lines of DMA faults already */
};

static void print_line(void *ctx, const char *line)
{
	struct report *report = ctx;
	struct said now, *said = report->said ? report->said : &now;
	size_t room;
	int n;

	now.len = 0;
	room = sizeof(said->text) - said->len;
	n = snprintf(said->text + said->len, room, "%s\n", line);
	/* Half a line is none. */
	if (n > 0 && (size_t)n < room)
		said->len += (size_t)n;
	if (said == &now)
		outlet_put(report->err, now.text, now.len, OUTLET_WAIT_ROOM);
}

/** One line, if it was not said before. */
static void say(struct report *report, const char *line, enum outlet_patience patience)
{
	struct said said;

	said.len = 0;
	pthread_mutex_lock(&report->lock);
	report->said = &said;
	explain_log_add(report->log, line);
	report->said = NULL;
	pthread_mutex_unlock(&report->lock);
	if (said.len)
		outlet_put(report->err, said.text, said.len, patience);
}

/* ---- start and end ---- */

static int start_trace(struct report *report, const struct serve_args *args)
{
	bool shared = args->trace_fd == STDERR_FILENO;
	struct trace_target target = {
		.outlet = shared ? report->err
				 : outlet_create(args->trace_fd, true, args->trace_format),
		.shared = shared,
		.format = args->trace_format,
		.whole = &report->trace_whole,
	};

	report->trace_on_err = shared;
	report->faults_in_trace = shared && args->trace_format == TRACE_TEXT;
	return target.outlet ? traces_start(report->traces, &target) : -ENOMEM;
}

static bool start(struct report *report, const struct serve_args *args)
{
	bool to_err = args->trace && args->trace_fd == STDERR_FILENO;

	report->traces = traces_create();
	if (!args->quiet)
		report->log = explain_log_create(LOG_SLOTS, print_line, report);
	if (!args->quiet || to_err)
		report->err = outlet_create(
			STDERR_FILENO, false, to_err ? args->trace_format : TRACE_TEXT);
	return report->traces && (args->quiet || report->log) &&
	       (report->err || (args->quiet && !to_err));
}

struct report *report_create(const struct serve_args *args)
{
	struct report *report = calloc(1, sizeof(*report));
	bool ok;

	if (report) {
		pthread_mutex_init(&report->lock, NULL);
		pthread_mutex_init(&report->last_lock, NULL);
		report->machine = args->machine;
		report->dir = args->report_dir;
		report->trace_whole = true;
	}
	ok = report && start(report, args);
	if (args->trace && !ok && args->trace_fd != STDERR_FILENO)
		close(args->trace_fd);
	if (ok && (!args->trace || start_trace(report, args) >= 0))
		return report;
	report_destroy(report);
	return NULL;
}

bool report_destroy(struct report *report)
{
	bool whole;

	if (!report)
		return true;
	explain_log_destroy(report->log);
	traces_destroy(report->traces);
	whole = outlet_close(report->err) || !report->trace_on_err;
	whole &= report->trace_whole;
	pthread_mutex_destroy(&report->lock);
	pthread_mutex_destroy(&report->last_lock);
	free(report);
	return whole;
}

bool report_traces(const struct report *report)
{
	return traces_on(report->traces);
}

int report_trace_start(struct report *report, int fd, enum trace_format format)
{
	struct trace_target target = { outlet_create(fd, true, format), .format = format };

	return target.outlet ? traces_start(report->traces, &target) : -ENOMEM;
}

int report_trace_stop(struct report *report, int id)
{
	return traces_stop(report->traces, id);
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
	/* The directory is the program's too: a FIFO that it put there must not hold us up. */
	fd = openat(report->dir, ".last-refusal",
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
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
	pthread_mutex_lock(&report->last_lock);
	write_last(report, &explain);
	pthread_mutex_unlock(&report->last_lock);
	if (!report->log)
		return;
	explain_line(line, sizeof(line), &explain);
	say(report, line, OUTLET_WAIT);
}

/* ---- events ---- */

uint32_t report_argsz(const struct report *report, struct call *call, const char *kind)
{
	const unsigned cmd = (unsigned)call->notif->data.args[1];
	uint32_t argsz = 0;

	/* Nor is anything waited for, that the call itself may not want. */
	if (!report_traces(report) || atomic_load(&call->serve->userfaults) ||
		!trace_ioctl_bytes(kind, cmd, 0) ||
		usermem_copy_in(&call->caller, &argsz, call->notif->data.args[2], sizeof(argsz)))
		return 0;
	return argsz;
}

/** By argsz 0 the fixed part alone. */
static bool read_argument(
	const struct report_call *done, uint32_t argsz, uint8_t arg[TRACE_ARG_MAX], size_t *len)
{
	const struct trace_call *row = trace_call_find(done->kind, done->cmd);
	int n;

	*len = MIN(trace_ioctl_bytes(done->kind, done->cmd, argsz), (size_t)TRACE_ARG_MAX);
	if (row && row->form == TRACE_STRING) {
		/* It may end right before memory that is not there. */
		n = usermem_string(done->call, done->arg, (char *)arg, *len);
		*len = n >= 0 ? (size_t)n + 1 : 0;
		return n >= 0;
	}
	if (*len && !usermem_copy_in(&done->call->caller, arg, done->arg, *len))
		return true;
	*len = 0;
	return false;
}

/** The call with its arguments, as they are after it. */
static void ioctl_text(char *buf, size_t size, const struct report_call *done)
{
	struct call *call = done->call;
	uint8_t arg[TRACE_ARG_MAX];
	struct trace_ioctl_call t = {
		.fd = (int)call->notif->data.args[0],
		.path = call->origin.path,
		.kind = done->kind,
		.cmd = done->cmd,
		.raw = done->arg,
		.failed = done->result < 0,
	};

	if (trace_ioctl_bytes(done->kind, done->cmd, 0)) {
		if (read_argument(done, done->argsz, arg, &t.arg_len) ||
			read_argument(done, 0, arg, &t.arg_len))
			t.arg = arg;
	}
	trace_ioctl_text(buf, size, &t);
}

static void tell_call(struct report *report, const struct report_call *done)
{
	struct call *call = done->call;
	struct proc *proc = call_proc(call);
	char name[256], text[TRACE_LINE_MAX];
	struct trace_event event = {
		.kind = TRACE_CALL,
		.end_ns = clock_ns(),
		.tid = (pid_t)call->notif->pid,
		.pid = proc ? proc_tgid(proc) : 0,
		.name = name,
		.text = done->kind ? text : done->text,
		.result = done->result,
		.continues = done->continues,
		.why = done->why,
	};

	/* 0: no trace was on when it began. */
	event.begin_ns = call->begin_ns ? call->begin_ns : event.end_ns;
	call_name(name, sizeof(name), done);
	name[strcspn(name, "(")] = '\0';
	if (done->kind)
		ioctl_text(text, sizeof(text), done);
	traces_tell(report->traces, &event, false);
}

void report_call(struct report *report, const struct report_call *done)
{
	if (explain_is_refusal(done->why))
		report_refusal(report, done);
	if (report_traces(report))
		tell_call(report, done);
}

/* ---- DMA faults: from a device's thread, or from whoever holds the host lock ---- */

static void fault_line(char *line, size_t size, const struct iommu_fault *fault, const char *device)
{
	struct text text;

	text_init(&text, line, size);
	text_add(&text, "nestbox: DMA fault: %s: %s of iova 0x%llx: %s", device,
		fault->read ? "read" : "write", (unsigned long long)fault->iova, fault->name);
	if (fault->stage)
		text_add(&text, ", stage %u", fault->stage);
	if (fault->stage == 2)
		text_add(&text, ", ipa 0x%llx", (unsigned long long)fault->ipa);
	if (fault->found[0])
		text_add(&text, "%s %s", fault->stage ? "," : ":", fault->found);
	if (fault->delivered)
		text_add(&text, "; delivered to the owner of stage 1");
	if (fault->iommu)
		text_add(&text, " (IOMMU %s, StreamID 0x%x)", fault->iommu, fault->sid);
}

/** An event of a device; sid: names its row in pictures. */
static struct trace_event device_event(
	enum trace_event_kind kind, const char *name, const char *device, uint32_t sid)
{
	uint64_t now = clock_ns();

	return (struct trace_event){
		.kind = kind,
		.begin_ns = now,
		.end_ns = now,
		.pid = getpid(),
		/* The device's row; 0 would be the process. */
		.tid = (pid_t)(sid + 1),
		.name = name,
		.device = device,
	};
}

static void tell_fault(struct report *report, const struct iommu_fault *fault, const char *device,
	const char *line)
{
	struct trace_event event = device_event(TRACE_FAULT, fault->name, device, fault->sid);

	event.text = line;
	event.iommu = fault->iommu;
	event.iova = fault->iova;
	event.read = fault->read;
	event.stage = fault->stage;
	event.delivered = fault->delivered;
	event.found = fault->found;
	traces_tell(report->traces, &event, true);
}

static void say_fault(struct report *report, const char *line)
{
	static const char more[] = "nestbox: more DMA faults: see --trace\n";
	unsigned n = atomic_fetch_add(&report->fault_lines, 1);

	if (n < FAULT_LINES_MAX)
		say(report, line, OUTLET_NO_WAIT);
	else if (n == FAULT_LINES_MAX)
		outlet_put(report->err, more, strlen(more), OUTLET_NO_WAIT);
}

void report_fault(void *ctx, const struct iommu_fault *fault, const struct machine_device *dev)
{
	struct report *report = ctx;
	const char *device = dev ? dev->pci.name : "unknown device";
	bool traced = report_traces(report);
	/* R7: what the program is told by its fault region is no complaint. */
	bool said = report->log && !report->faults_in_trace && !fault->delivered &&
		    atomic_load(&report->fault_lines) <= FAULT_LINES_MAX;
	char line[256];

	if (!traced && !said)
		return;
	fault_line(line, sizeof(line), fault, device);
	if (traced)
		tell_fault(report, fault, device, line);
	if (said)
		say_fault(report, line);
}

/* ---- what devices do: from a device's thread, its lock held ---- */

void report_event(void *ctx, const struct machine_device *dev, const struct pci_event *happened)
{
	struct report *report = ctx;
	bool interrupt = !strcmp(happened->kind, "interrupt");
	struct trace_event event;
	char line[128];

	if (!report_traces(report))
		return;
	event = device_event(interrupt ? TRACE_INTERRUPT : TRACE_RESET, happened->name,
		dev->pci.name, dev->iommu.sid);
	if (interrupt)
		snprintf(line, sizeof(line), "nestbox: interrupt: %s: %s vector %u: %s",
			dev->pci.name, happened->name, happened->vector, happened->outcome);
	else
		snprintf(line, sizeof(line), "nestbox: reset: %s", dev->pci.name);
	event.text = line;
	event.vector = happened->vector;
	event.outcome = happened->outcome;
	traces_tell(report->traces, &event, true);
}
