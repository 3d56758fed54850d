/* SPDX-License-Identifier: MIT */
/*
 * A trace is used without the lock, since telling may wait for its reader: `users` counts who does.
 * One that is ending gets no new users, and is closed once it has none: by whoever stops it, or, where
 * its reader left, by the next caller that comes by. Never by a device, since closing waits.
 */
#include "gate/traces.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "gate/report.h"

#define ROWS 128
/* Two names of rows before an event. */
#define ROW_LINE_MAX 256

/** A row of the picture (trace_format_row) that was named: a process (tid 0) or a thread. */
struct row {
	pid_t pid, tid;
};

struct trace {
	struct trace_target target;
	int id; /* 0: free */
	unsigned users;
	bool ending, failed;   /* failed: its reader left; it ends */
	bool closing;	       /* somebody closes it */
	struct row rows[ROWS]; /* the last of each hash: a row that lost its place is named again */
};

struct traces {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	atomic_uint running;
	int last_id;
	struct trace slots[REPORT_TRACES_MAX];
};

struct traces *traces_create(void)
{
	struct traces *traces = calloc(1, sizeof(*traces));

	if (!traces)
		return NULL;
	pthread_mutex_init(&traces->lock, NULL);
	pthread_cond_init(&traces->ended, NULL);
	return traces;
}

bool traces_on(const struct traces *traces)
{
	return atomic_load_explicit(&traces->running, memory_order_relaxed);
}

/* ---- use; end ---- */

/** The trace is whole. It has no users. */
static bool finish(const struct trace_target *target)
{
	const char *tail = trace_format_tail(target->format);
	bool whole = !outlet_error(target->outlet) && !outlet_lost(target->outlet);

	if (whole && *tail)
		whole = outlet_put(target->outlet, tail, strlen(tail), OUTLET_WAIT_ROOM);
	return (target->shared || outlet_close(target->outlet)) && whole;
}

/** Lock held, and dropped meanwhile. The trace is ending and has no users. */
static void close_trace(struct traces *traces, struct trace *trace)
{
	bool whole;

	trace->closing = true;
	pthread_mutex_unlock(&traces->lock);
	whole = finish(&trace->target);
	pthread_mutex_lock(&traces->lock);
	if (trace->target.whole)
		*trace->target.whole &= whole;
	trace->id = 0;
	pthread_cond_broadcast(&traces->ended);
}

static void end(struct traces *traces, struct trace *trace)
{
	if (!trace->ending)
		atomic_fetch_sub(&traces->running, 1);
	trace->ending = true;
}

/** Lock held. */
static void release(struct traces *traces, struct trace *trace)
{
	if (outlet_error(trace->target.outlet)) {
		trace->failed = true;
		end(traces, trace);
	}
	if (!--trace->users && trace->ending)
		pthread_cond_broadcast(&traces->ended);
}

/** The next trace from slot *at on, with one more user; NULL: there is none. Lock held. */
static struct trace *next(struct traces *traces, unsigned *at)
{
	while (*at < REPORT_TRACES_MAX) {
		struct trace *trace = &traces->slots[(*at)++];

		if (!trace->id || trace->ending)
			continue;
		trace->users++;
		return trace;
	}
	return NULL;
}

/** Close what has failed: that is quick, nothing is left to be written. Lock held. */
static void reap(struct traces *traces)
{
	for (unsigned i = 0; i < REPORT_TRACES_MAX; i++) {
		struct trace *trace = &traces->slots[i];

		if (trace->id && trace->failed && !trace->users && !trace->closing)
			close_trace(traces, trace);
	}
}

/* ---- start and stop ---- */

static struct trace *free_slot(struct traces *traces)
{
	for (unsigned i = 0; i < REPORT_TRACES_MAX; i++) {
		if (!traces->slots[i].id)
			return &traces->slots[i];
	}
	return NULL;
}

int traces_start(struct traces *traces, const struct trace_target *target)
{
	struct trace *trace;
	char head[ROW_LINE_MAX];
	int len, id = -EMFILE;

	pthread_mutex_lock(&traces->lock);
	reap(traces);
	trace = free_slot(traces);
	if (trace) {
		id = ++traces->last_id;
		*trace = (struct trace){ .target = *target, .id = id };
		/* Before anybody else speaks there; the queue of a new outlet has room. */
		len = trace_format_head(head, sizeof(head), target->format, getpid());
		if (len)
			outlet_put(target->outlet, head, (size_t)len, OUTLET_NO_WAIT);
		atomic_fetch_add(&traces->running, 1);
	}
	pthread_mutex_unlock(&traces->lock);
	if (!trace && !target->shared)
		outlet_close(target->outlet);
	return id;
}

/** Lock held, and dropped meanwhile. */
static void stop(struct traces *traces, struct trace *trace)
{
	const int id = trace->id;

	end(traces, trace);
	while (trace->id == id) {
		if (trace->users || trace->closing)
			pthread_cond_wait(&traces->ended, &traces->lock);
		else
			close_trace(traces, trace);
	}
}

int traces_stop(struct traces *traces, int id)
{
	int ret = -ENOENT;

	pthread_mutex_lock(&traces->lock);
	for (unsigned i = 0; id > 0 && i < REPORT_TRACES_MAX; i++) {
		if (traces->slots[i].id != id || traces->slots[i].ending)
			continue;
		stop(traces, &traces->slots[i]);
		ret = 0;
		break;
	}
	pthread_mutex_unlock(&traces->lock);
	return ret;
}

void traces_destroy(struct traces *traces)
{
	if (!traces)
		return;
	pthread_mutex_lock(&traces->lock);
	for (unsigned i = 0; i < REPORT_TRACES_MAX; i++) {
		if (traces->slots[i].id)
			stop(traces, &traces->slots[i]);
	}
	pthread_mutex_unlock(&traces->lock);
	pthread_cond_destroy(&traces->ended);
	pthread_mutex_destroy(&traces->lock);
	free(traces);
}

/* ---- events ---- */

/** Whether the row is new to this trace; then it is known from now on. */
static bool row_is_new(struct traces *traces, struct trace *trace, pid_t pid, pid_t tid)
{
	struct row *row = &trace->rows[((unsigned)pid + 31 * (unsigned)tid) % ROWS];
	bool new;

	pthread_mutex_lock(&traces->lock);
	new = row->pid != pid || row->tid != tid;
	*row = (struct row){ pid, tid };
	pthread_mutex_unlock(&traces->lock);
	return new;
}

/** What a thread calls itself; it waits for our answer, so it is still that thread. */
static void read_name(char name[32], pid_t id)
{
	char path[32];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)id);
	file = fopen(path, "re");
	if (!file || !fgets(name, 32, file))
		snprintf(name, 32, "%d", (int)id);
	name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
}

/** The names of rows that come first; the length. */
static int name_rows(
	struct traces *traces, struct trace *trace, char *buf, const struct trace_event *event)
{
	enum trace_format format = trace->target.format;
	char name[32];
	int len = 0;

	if (format != TRACE_CHROME)
		return 0;
	if (event->kind != TRACE_CALL) {
		if (!row_is_new(traces, trace, event->pid, event->tid))
			return 0;
		return trace_format_row(
			buf, ROW_LINE_MAX, format, event->pid, event->tid, event->device);
	}
	if (row_is_new(traces, trace, event->pid, 0)) {
		read_name(name, event->pid);
		len = trace_format_row(buf, ROW_LINE_MAX, format, event->pid, 0, name);
	}
	if (row_is_new(traces, trace, event->pid, event->tid)) {
		read_name(name, event->tid);
		len += trace_format_row(
			buf + len, ROW_LINE_MAX, format, event->pid, event->tid, name);
	}
	return len;
}

static void tell(
	struct traces *traces, struct trace *trace, const struct trace_event *event, bool device)
{
	char buf[2 * ROW_LINE_MAX + TRACE_EVENT_MAX];
	/* On standard error it stands before what the program says next. */
	enum outlet_patience patience = device		       ? OUTLET_NO_WAIT
					: trace->target.shared ? OUTLET_WAIT
							       : OUTLET_WAIT_ROOM;
	int len = name_rows(traces, trace, buf, event);

	len += trace_format_event(buf + len, TRACE_EVENT_MAX, trace->target.format, event);
	outlet_put(trace->target.outlet, buf, (size_t)len, patience);
}

void traces_tell(struct traces *traces, const struct trace_event *event, bool device)
{
	struct trace *trace;
	unsigned at = 0;

	pthread_mutex_lock(&traces->lock);
	while ((trace = next(traces, &at))) {
		pthread_mutex_unlock(&traces->lock);
		tell(traces, trace, event, device);
		pthread_mutex_lock(&traces->lock);
		release(traces, trace);
	}
	if (!device)
		reap(traces);
	pthread_mutex_unlock(&traces->lock);
}
