/* SPDX-License-Identifier: MIT */
#include "control/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/text.h"

/* ---- requests ---- */

static const char *const verbs[] = {
	[CONTROL_LIST] = "list",
	[CONTROL_SHOW] = "show",
	[CONTROL_STATS] = "stats",
	[CONTROL_TRACE] = "trace",
	[CONTROL_WALK] = "walk",
	[CONTROL_SNAPSHOT] = "snapshot",
};

bool control_refuse(struct control_problem *problem, const char *error, const char *format, ...)
{
	va_list args;

	problem->error = error;
	problem->fatal = false;
	va_start(args, format);
	vsnprintf(problem->message, sizeof(problem->message), format, args);
	va_end(args);
	return false;
}

#define ANY (-1)

/** Each key of a request, and who takes its value. */
struct key {
	const char *name;
	int verb; /* of this request only; ANY: of all */
	bool (*take)(struct json_object *value, struct control_request *out,
		struct control_problem *problem);
};

/** No shorter string that a NUL ends passes for this one. */
static bool is_word(struct json_object *value, const char *word)
{
	return json_object_is_type(value, json_type_string) &&
	       (size_t)json_object_get_string_len(value) == strlen(word) &&
	       !strcmp(json_object_get_string(value), word);
}

static bool take_version(
	struct json_object *value, struct control_request *out, struct control_problem *problem)
{
	if (json_object_is_type(value, json_type_int) &&
		json_object_get_int64(value) == CONTROL_VERSION)
		return true;
	return control_refuse(problem, "bad-version", "version: must be %d", CONTROL_VERSION);
}

static bool take_request(
	struct json_object *value, struct control_request *out, struct control_problem *problem)
{
	const char *name = json_object_get_string(value);
	char shown[64];
	struct text text;

	if (!json_object_is_type(value, json_type_string))
		return control_refuse(problem, "bad-request", "request: must be a string");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		out->verb = (enum control_verb)i;
		if (is_word(value, verbs[i]))
			return true;
	}
	text_init(&text, shown, sizeof(shown));
	text_add_escaped(&text, name, strlen(name), "");
	return control_refuse(problem, "unknown-request",
		"there is no request '%s' (yet), must be one of list, show, stats, trace, walk, "
		"snapshot",
		shown);
}

static bool take_on(
	struct json_object *value, struct control_request *out, struct control_problem *problem)
{
	out->on = json_object_get_boolean(value);
	return json_object_is_type(value, json_type_boolean) ||
	       control_refuse(problem, "bad-request", "on: must be true or false");
}

static bool take_format(
	struct json_object *value, struct control_request *out, struct control_problem *problem)
{
	int format = -1;

	if (json_object_is_type(value, json_type_string) &&
		is_word(value, json_object_get_string(value)))
		format = trace_format_parse(json_object_get_string(value));
	if (format < 0)
		return control_refuse(
			problem, "bad-request", "format: must be text, json or chrome");
	out->format = (enum trace_format)format;
	return true;
}

static bool take_device(
	struct json_object *value, struct control_request *out, struct control_problem *problem)
{
	const char *name = json_object_get_string(value);
	size_t len = name ? strlen(name) : 0;

	if (!name || !is_word(value, name) || len >= sizeof(out->walk.device))
		return control_refuse(problem, "bad-request", "device: must be a device's name");
	memcpy(out->walk.device, name, len + 1);
	return true;
}

static bool is_number(struct json_object *value, uint64_t most)
{
	return json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0 &&
	       json_object_get_uint64(value) <= most;
}

static bool take_iova(
	struct json_object *value, struct control_request *out, struct control_problem *problem)
{
	out->walk.iova = json_object_get_uint64(value);
	return is_number(value, UINT64_MAX) ||
	       control_refuse(problem, "bad-request", "iova: must be a number of 64 bits");
}

static bool take_pasid(
	struct json_object *value, struct control_request *out, struct control_problem *problem)
{
	out->walk.has_pasid = true;
	out->walk.pasid = (uint32_t)json_object_get_int64(value);
	return is_number(value, (1u << 20) - 1) ||
	       control_refuse(problem, "bad-request", "pasid: must be a number below 2^20");
}

/* Members that are true or false. */
#define TAKE_BOOL(member)                                                                          \
	static bool take_##member(struct json_object *value, struct control_request *out,          \
		struct control_problem *problem)                                                   \
	{                                                                                          \
		out->walk.member = json_object_get_boolean(value);                                 \
		return json_object_is_type(value, json_type_boolean) ||                            \
		       control_refuse(problem, "bad-request", #member ": must be true or false");  \
	}

TAKE_BOOL(write)
TAKE_BOOL(privileged)
TAKE_BOOL(instruction)
TAKE_BOOL(translated)
TAKE_BOOL(text)
TAKE_BOOL(colour)
TAKE_BOOL(svg)

static const struct key keys[] = {
	{ "request", ANY, take_request }, /* first: others depend on it */
	{ "version", ANY, take_version },
	{ "on", CONTROL_TRACE, take_on },
	{ "format", CONTROL_TRACE, take_format },
	{ "device", CONTROL_WALK, take_device },
	{ "iova", CONTROL_WALK, take_iova },
	{ "pasid", CONTROL_WALK, take_pasid },
	{ "write", CONTROL_WALK, take_write },
	{ "privileged", CONTROL_WALK, take_privileged },
	{ "instruction", CONTROL_WALK, take_instruction },
	{ "translated", CONTROL_WALK, take_translated },
	{ "text", CONTROL_WALK, take_text },
	{ "colour", CONTROL_WALK, take_colour },
	{ "svg", CONTROL_WALK, take_svg },
};

static bool is_key(const struct key *key, const char *name, const struct control_request *out)
{
	return !strcmp(key->name, name) && (key->verb == ANY || key->verb == (int)out->verb);
}

/** Unknown keys are errors, as in host descriptions: a typo must not be an answer to something else. */
static bool check_keys(struct json_object *object, const struct control_request *out,
	struct control_problem *problem)
{
	char shown[64];
	struct text text;

	json_object_object_foreach(object, name, value)
	{
		bool known = false;

		(void)value;
		for (size_t i = 0; i < ARRAY_LEN(keys); i++)
			known |= is_key(&keys[i], name, out);
		if (known)
			continue;
		text_init(&text, shown, sizeof(shown));
		text_add_escaped(&text, name, strlen(name), "");
		return control_refuse(problem, "bad-request", "the request %s has no '%s'",
			verbs[out->verb], shown);
	}
	return true;
}

static bool take_object(
	struct json_object *object, struct control_request *out, struct control_problem *problem)
{
	struct json_object *value;

	*out = (struct control_request){ .on = true, .format = TRACE_TEXT };
	if (!json_object_is_type(object, json_type_object))
		return control_refuse(problem, "bad-json", "a request is a JSON object");
	if (!json_object_object_get_ex(object, "request", &value))
		return control_refuse(problem, "bad-request", "there is no 'request' in it");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (json_object_object_get_ex(object, keys[i].name, &value) &&
			(keys[i].verb == ANY || keys[i].verb == (int)out->verb) &&
			!keys[i].take(value, out, problem))
			return false;
	}
	if (out->verb == CONTROL_WALK &&
		(!*out->walk.device || !json_object_object_get_ex(object, "iova", &value)))
		return control_refuse(
			problem, "bad-request", "walk: 'device' and 'iova' are needed");
	return check_keys(object, out, problem);
}

static struct json_object *parse_all(const char *line, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(CONTROL_REQUEST_DEEP);
	struct json_object *object = NULL;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With the newline, so that a number at the end is complete. */
	object = json_tokener_parse_ex(tokener, line, (int)len + 1);
	json_tokener_free(tokener);
	return object;
}

bool control_parse(
	const char *line, size_t len, struct control_request *out, struct control_problem *problem)
{
	struct json_object *object;
	bool good;

	object = memchr(line, '\0', len) ? NULL : parse_all(line, len);
	if (!object) {
		control_refuse(problem, "bad-json", "this is no JSON object in one line");
		problem->fatal = true;
		return false;
	}
	good = take_object(object, out, problem);
	if (!good)
		problem->fatal = !strcmp(problem->error, "bad-json");
	json_object_put(object);
	return good;
}

/* ---- answers ---- */

void control_put(struct json_object *object, const char *key, struct json_object *value)
{
	if (!object || json_object_object_add(object, key, value))
		json_object_put(value);
}

void control_append(struct json_object *array, struct json_object *value)
{
	if (!array || json_object_array_add(array, value))
		json_object_put(value);
}

void control_put_u64(struct json_object *object, const char *key, uint64_t value)
{
	control_put(object, key, json_object_new_uint64(value));
}

void control_put_bool(struct json_object *object, const char *key, bool value)
{
	control_put(object, key, json_object_new_boolean(value));
}

struct json_object *control_text(const char *text)
{
	char shown[1024];
	struct text out;

	text_init(&out, shown, sizeof(shown));
	text_add_escaped(&out, text, strlen(text), "");
	return json_object_new_string(shown);
}

void control_put_text(struct json_object *object, const char *key, const char *text)
{
	control_put(object, key, text ? control_text(text) : NULL);
}

struct json_object *control_answer(const char *request)
{
	struct json_object *object = json_object_new_object();

	control_put_u64(object, "version", CONTROL_VERSION);
	control_put_text(object, "request", request);
	return object;
}

struct json_object *control_problem_json(const struct control_problem *problem)
{
	struct json_object *object = json_object_new_object();

	control_put_u64(object, "version", CONTROL_VERSION);
	control_put_text(object, "error", problem->error);
	control_put(object, "message", json_object_new_string(problem->message)); /* ASCII */
	return object;
}

char *control_line(struct json_object *object, size_t *len)
{
	const char *text =
		object ? json_object_to_json_string_length(object,
				 JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE, len)
		       : NULL;
	char *line = text ? malloc(*len + 2) : NULL;

	if (line) {
		memcpy(line, text, *len);
		memcpy(line + *len, "\n", 2);
		*len += 1;
	}
	json_object_put(object);
	return line;
}
