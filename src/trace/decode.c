/* SPDX-License-Identifier: MIT */
#include "trace/decode.h"

#include <string.h>

#include "base/bits.h"
#include "trace/calls.h"

#define STRING_MAX 64 /* of a string argument, as much as a device's name can be */

size_t trace_ioctl_bytes(const char *kind, unsigned cmd, uint32_t argsz)
{
	const struct trace_call *call = trace_call_find(kind, cmd);

	if (!call)
		return 0;
	switch (call->form) {
	case TRACE_NONE:
	case TRACE_VALUE:
		return 0;
	case TRACE_INT_PTR:
		return sizeof(int);
	case TRACE_STRING:
		return STRING_MAX;
	case TRACE_STRUCT:
		break;
	}
	return call->tail && argsz > call->bytes ? MIN(argsz, TRACE_ARG_MAX) : call->bytes;
}

static void add_struct(
	struct text *text, const struct trace_call *call, const struct trace_ioctl_call *said)
{
	const struct trace_tail tail = { said->arg, said->arg_len, said->failed };

	text_add(text, "{");
	trace_add_fields(text, call->fields, said->arg, said->arg_len);
	if (said->arg_len < call->bytes)
		text_add(text, "%s...", said->arg_len < 4 ? "" : ", ");
	else if (call->tail)
		call->tail(text, &tail);
	text_add(text, "}");
}

static void add_pointed(
	struct text *text, const struct trace_call *call, const struct trace_ioctl_call *said)
{
	const void *arg = said->arg;
	size_t len = said->arg_len;
	int number;

	switch (call->form) {
	case TRACE_INT_PTR:
		memcpy(&number, arg, sizeof(number));
		text_add(text, "[%d]", number);
		break;
	case TRACE_STRING:
		text_add(text, "\"");
		text_add_escaped(text, arg, strnlen(arg, len), "\"");
		text_add(text, memchr(arg, '\0', len) ? "\"" : "\"...");
		break;
	default:
		add_struct(text, call, said);
		break;
	}
}

static void add_argument(
	struct text *text, const struct trace_call *call, const struct trace_ioctl_call *said)
{
	size_t need = call->form == TRACE_INT_PTR ? sizeof(int) : 1;

	if (call->form == TRACE_NONE)
		return;
	text_add(text, ", ");
	if (call->form == TRACE_VALUE)
		trace_add_named(text, call->names, said->raw);
	else if (!said->raw)
		text_add(text, "NULL");
	else if (!said->arg || said->arg_len < need)
		text_add(text, "0x%llx", (unsigned long long)said->raw);
	else
		add_pointed(text, call, said);
}

static void add_unknown(struct text *text, unsigned cmd)
{
	const char *name = trace_foreign_name(cmd);

	if (name)
		text_add(text, "%s", name);
	else
		text_add(text, "ioctl %#x", cmd);
}

static void add_call(struct text *text, const struct trace_ioctl_call *said)
{
	const struct trace_call *call = trace_call_find(said->kind, said->cmd);

	if (call) {
		text_add(text, "%s", call->name);
		add_argument(text, call, said);
	} else {
		add_unknown(text, said->cmd);
		text_add(text, ", 0x%llx", (unsigned long long)said->raw);
	}
}

int trace_ioctl(char *buf, size_t len, const struct trace_ioctl_call *call)
{
	struct text text;

	text_init(&text, buf, len);
	add_call(&text, call);
	return (int)text.len;
}

int trace_ioctl_name(char *buf, size_t len, const char *kind, unsigned cmd, uint64_t raw)
{
	const struct trace_call *call = trace_call_find(kind, cmd);
	struct text text;

	text_init(&text, buf, len);
	if (!call) {
		add_unknown(&text, cmd);
		return (int)text.len;
	}
	text_add(&text, "%s", call->name);
	if (call->form == TRACE_VALUE) {
		text_add(&text, "(");
		trace_add_named(&text, call->names, raw);
		text_add(&text, ")");
	}
	return (int)text.len;
}

/** " = 3", " = -1 EBUSY", and the reason where there is one. */
static void add_result(struct text *text, long result, const struct why *why)
{
	bool failed = result < 0 && result >= -4095;

	if (result == TRACE_CONTINUES)
		text_add(text, " = ?");
	else if (failed)
		text_add(text, " = -1 %s", errno_name((int)-result));
	else
		text_add(text, " = %ld", result);
	if (!why || why->class == WHY_NONE)
		return;
	text_add(text, " <%s: ", why->rule ? why->rule : "reason");
	text_add_escaped(text, why->missing, strlen(why->missing), "");
	text_add(text, ">");
}

int trace_line(
	char *buf, size_t len, pid_t pid, const char *call, long result, const struct why *why)
{
	struct text text;

	text_init(&text, buf, len);
	text_add(&text, "[%d] %s", (int)pid, call);
	add_result(&text, result, why);
	return (int)text.len;
}

int trace_ioctl_text(char *buf, size_t len, const struct trace_ioctl_call *call)
{
	struct text text;

	text_init(&text, buf, len);
	text_add(&text, "ioctl(%d<%s>, ", call->fd, call->path);
	add_call(&text, call);
	text_add(&text, ")");
	return (int)text.len;
}
