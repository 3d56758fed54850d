/* SPDX-License-Identifier: MIT */
/* A table of formats, and what each makes of an event. */
#include "trace/format.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/check.h"
#include "trace/decode.h"
#include "trace/explain.h"
#include "trace/json.h"

typedef int event_fn(char *buf, size_t size, const struct trace_event *event);

static int clamp(int n, size_t size)
{
	return n < 0 ? 0 : MIN(n, (int)size - 1);
}

/* ---- text ---- */

/** Texts are printable already (trace/decode.h), but a line must stay one, whoever made it. */
static void keep_on_line(char *buf, int len)
{
	for (int i = 0; i < len; i++) {
		if ((unsigned char)buf[i] < 0x20 || buf[i] == 0x7f)
			buf[i] = '?';
	}
}

static int event_text(char *buf, size_t size, const struct trace_event *event)
{
	int len;

	if (event->kind == TRACE_CALL)
		len = trace_line(buf, size - 1, event->tid, event->text,
			event->continues ? TRACE_CONTINUES : event->result, event->why);
	else
		len = clamp(snprintf(buf, size - 1, "%s", event->text), size - 1);
	keep_on_line(buf, len);
	buf[len] = '\n';
	buf[len + 1] = '\0';
	return len + 1;
}

/* ---- what the other two share ---- */

static void add_reason(struct json *json, const struct why *why)
{
	if (!why || why->class == WHY_NONE || !json_open(json, "reason"))
		return;
	json_string(json, "class", why_class_name(why->class));
	json_string(json, "rule", why->rule);
	json_string(json, "group", why->group[0] ? why->group : NULL);
	json_string(json, "device", why->device[0] ? why->device : NULL);
	json_string(json, "iommu", why->iommu[0] ? why->iommu : NULL);
	json_string(json, "missing", why->missing[0] ? why->missing : NULL);
	json_string(json, "instead", why->instead[0] ? why->instead : NULL);
	json_close(json);
}

static void add_call(struct json *json, const struct trace_event *event)
{
	bool failed = event->result < 0 && event->result >= -4095;

	if (event->continues)
		json_value(json, "result", "null");
	else
		json_number(json, "result", failed ? -1 : event->result);
	json_string(json, "errno", failed ? errno_name((int)-event->result) : NULL);
}

static void add_fault(struct json *json, const struct trace_event *event)
{
	json_string(json, "device", event->device);
	json_string(json, "iommu", event->iommu);
	json_string(json, "access", event->read ? "read" : "write");
	json_value(json, "iova", "%llu", (unsigned long long)event->iova);
	json_number(json, "stage", event->stage);
	json_value(json, "delivered", event->delivered ? "true" : "false");
	json_string(json, "found", event->found && event->found[0] ? event->found : NULL);
}

static void add_interrupt(struct json *json, const struct trace_event *event)
{
	json_string(json, "device", event->device);
	json_number(json, "vector", event->vector);
	json_string(json, "outcome", event->outcome);
}

static void add_reset(struct json *json, const struct trace_event *event)
{
	json_string(json, "device", event->device);
}

static const struct {
	const char *kind;
	void (*details)(struct json *json, const struct trace_event *event);
} kinds[] = {
	[TRACE_CALL] = { "call", add_call },
	[TRACE_FAULT] = { "fault", add_fault },
	[TRACE_INTERRUPT] = { "interrupt", add_interrupt },
	[TRACE_RESET] = { "reset", add_reset },
};

/** What came of it, and in words; the text comes last, since it may be long and is cut then. */
static void add_details(struct json *json, const struct trace_event *event)
{
	kinds[event->kind].details(json, event);
	add_reason(json, event->why);
	json_string(json, "text", event->text);
}

/* ---- json ---- */

static int event_json(char *buf, size_t size, const struct trace_event *event)
{
	bool call = event->kind == TRACE_CALL;
	struct json json;

	json_begin(&json, buf, size, "");
	json_string(&json, "kind", kinds[event->kind].kind);
	json_value(&json, "begin_ns", "%llu", (unsigned long long)event->begin_ns);
	json_value(&json, "end_ns", "%llu", (unsigned long long)event->end_ns);
	if (call && event->pid)
		json_number(&json, "pid", event->pid);
	if (call)
		json_number(&json, "tid", event->tid);
	json_string(&json, "name", event->name);
	add_details(&json, event);
	return json_end(&json);
}

/* ---- chrome ---- */

/** In microseconds, as the format has it. */
static void add_time(struct json *json, const char *key, uint64_t ns)
{
	json_value(json, key, "%llu.%03u", (unsigned long long)(ns / 1000), (unsigned)(ns % 1000));
}

static int event_chrome(char *buf, size_t size, const struct trace_event *event)
{
	bool call = event->kind == TRACE_CALL;
	struct json json;

	/* Without ph, ts, pid and tid it would be no event: those first. */
	json_begin(&json, buf, size, ",");
	json_string(&json, "ph", call ? "X" : "i");
	add_time(&json, "ts", event->begin_ns);
	json_number(&json, "pid", event->pid ? event->pid : event->tid);
	json_number(&json, "tid", event->tid);
	if (call)
		add_time(&json, "dur", event->end_ns - event->begin_ns);
	else
		json_string(&json, "s", "p");
	json_string(&json, "name", event->name);
	json_string(&json, "cat", kinds[event->kind].kind);
	if (json_open(&json, "args"))
		add_details(&json, event);
	return json_end(&json);
}

/* ---- the table ---- */

static const struct {
	const char *name, *tail;
	event_fn *event;
} formats[] = {
	[TRACE_TEXT] = { "text", "", event_text },
	[TRACE_JSON] = { "json", "", event_json },
	[TRACE_CHROME] = { "chrome", "]\n", event_chrome },
};

int trace_format_parse(const char *name)
{
	for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
		if (!strcmp(name, formats[i].name))
			return (int)i;
	}
	return -1;
}

int trace_format_event(
	char *buf, size_t size, enum trace_format format, const struct trace_event *event)
{
	nb_assert(size >= 64);
	return formats[format].event(buf, size, event);
}

const char *trace_format_tail(enum trace_format format)
{
	return formats[format].tail;
}

/* ---- lines that are no events ---- */

static int metadata(
	char *buf, size_t size, const char *prefix, pid_t pid, pid_t tid, const char *name)
{
	struct json json;

	json_begin(&json, buf, size, prefix);
	json_string(&json, "ph", "M");
	json_number(&json, "pid", pid);
	json_number(&json, "tid", tid ? tid : pid);
	json_string(&json, "name", tid ? "thread_name" : "process_name");
	if (json_open(&json, "args"))
		json_string(&json, "name", name);
	return json_end(&json);
}

int trace_format_head(char *buf, size_t size, enum trace_format format, pid_t nestbox)
{
	if (format == TRACE_CHROME)
		return metadata(buf, size, "[", nestbox, 0, "nestbox: devices");
	return 0;
}

int trace_format_row(
	char *buf, size_t size, enum trace_format format, pid_t pid, pid_t tid, const char *name)
{
	return format == TRACE_CHROME ? metadata(buf, size, ",", pid, tid, name) : 0;
}

static int lost_text(char *buf, size_t size, uint64_t lines)
{
	return clamp(snprintf(buf, size, "nestbox: ... %llu line%s lost\n",
			     (unsigned long long)lines, lines == 1 ? "" : "s"),
		size);
}

int trace_format_lost(
	char *buf, size_t size, enum trace_format format, uint64_t lines, uint64_t now_ns)
{
	struct json json;

	nb_assert(size >= 64);
	if (format == TRACE_TEXT)
		return lost_text(buf, size, lines);
	json_begin(&json, buf, size, format == TRACE_CHROME ? "," : "");
	if (format == TRACE_CHROME) {
		json_string(&json, "ph", "i");
		add_time(&json, "ts", now_ns);
		json_number(&json, "pid", getpid());
		json_number(&json, "tid", getpid());
		json_string(&json, "s", "g");
		json_string(&json, "name", "lines lost");
		if (json_open(&json, "args"))
			json_value(&json, "lines", "%llu", (unsigned long long)lines);
	} else {
		json_string(&json, "kind", "lost");
		json_value(&json, "begin_ns", "%llu", (unsigned long long)now_ns);
		json_value(&json, "lines", "%llu", (unsigned long long)lines);
	}
	return json_end(&json);
}
