/* SPDX-License-Identifier: MIT */
/*
 * The messages of the control socket (doc/control.md): one JSON object a line, both ways. Every answer
 * has the protocol's version; an answer with "error" is a refusal.
 */
#ifndef CONTROL_MESSAGE_H
#define CONTROL_MESSAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/walk.h"
#include "trace/format.h"

#define CONTROL_VERSION	     1
#define CONTROL_REQUEST_MAX  65536 /* bytes of a line */
#define CONTROL_CLIENTS_MAX  16
#define CONTROL_REQUEST_DEEP 8

enum control_verb {
	CONTROL_LIST,
	CONTROL_SHOW,
	CONTROL_STATS,
	CONTROL_TRACE,
	CONTROL_WALK,
	CONTROL_SNAPSHOT,
};

struct control_request {
	enum control_verb verb;
	bool on; /* CONTROL_TRACE: */
	enum trace_format format;
	struct control_walk walk; /* CONTROL_WALK */
};

/** Why a request is refused. */
struct control_problem {
	const char *error; /* static, kebab-case: what programs go by */
	char message[256];
	bool fatal; /* the connection ends */
};

/** A line without its newline. */
bool control_parse(
	const char *line, size_t len, struct control_request *out, struct control_problem *problem);
bool control_refuse(struct control_problem *problem, const char *error, const char *format, ...)
	__attribute__((format(printf, 3, 4))); /* false */

/** {"version": 1, "request": name}; the caller adds. */
struct json_object *control_answer(const char *request);
struct json_object *control_problem_json(const struct control_problem *problem);
/** As one line with newline, the object released. NULL without memory. */
char *control_line(struct json_object *object, size_t *len);

/* Members; without memory they are left out. */
void control_put(struct json_object *object, const char *key, struct json_object *value);
void control_put_u64(struct json_object *object, const char *key, uint64_t value);
void control_put_bool(struct json_object *object, const char *key, bool value);
/** NULL: null. Bytes of programs become printable ASCII. */
void control_put_text(struct json_object *object, const char *key, const char *text);
struct json_object *control_text(const char *text);
void control_append(struct json_object *array, struct json_object *value);

#endif
