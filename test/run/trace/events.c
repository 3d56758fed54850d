/* SPDX-License-Identifier: MIT */
/*
 * Reads a trace strictly, and prints each event on a line: its kind, name, thread, duration, result,
 * errno, the reason's rule, and the text. Fails where it is not what doc/trace.md says.
 *
 * usage: events json|chrome FILE
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

static struct json_object *parse(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)len);
	if (!object)
		errx(1, "%s: %.*s", json_tokener_error_desc(json_tokener_get_error(tokener)),
			(int)len, text);
	json_tokener_free(tokener);
	return object;
}

/** The member, or NULL. */
static struct json_object *get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

static struct json_object *need(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *value = get(object, key);

	if (!json_object_is_type(value, type))
		errx(1, "no %s %s: %s", json_type_to_name(type), key,
			json_object_to_json_string(object));
	return value;
}

static const char *word(struct json_object *object, const char *key)
{
	struct json_object *value = get(object, key);

	return value ? json_object_get_string(value) : "-";
}

static void print_details(struct json_object *details, bool call)
{
	/* null: the kernel runs it. */
	if (call && get(details, "result"))
		need(details, "result", json_type_int);
	need(details, "text", json_type_string);
	printf(" %s %s %s %s\n", word(details, "result"), word(details, "errno"),
		word(get(details, "reason"), "rule"), word(details, "text"));
}

static void print_chrome(struct json_object *event)
{
	const char *ph = json_object_get_string(need(event, "ph", json_type_string));
	struct json_object *args = need(event, "args", json_type_object);

	need(event, "pid", json_type_int);
	printf("%s %s %s", ph, json_object_get_string(need(event, "name", json_type_string)),
		json_object_get_string(need(event, "tid", json_type_int)));
	if (strcmp(ph, "M"))
		need(event, "ts", json_type_double);
	if (!strcmp(ph, "X"))
		printf(" %d", json_object_get_double(need(event, "dur", json_type_double)) > 0);
	if (get(args, "text"))
		print_details(args, !strcmp(ph, "X"));
	else
		printf(" %s\n", json_object_to_json_string(args));
}

static void print_json(struct json_object *event)
{
	const char *kind = json_object_get_string(need(event, "kind", json_type_string));
	long long begin = json_object_get_int64(need(event, "begin_ns", json_type_int));
	bool call = !strcmp(kind, "call");

	if (!strcmp(kind, "lost")) {
		printf("lost %s\n", word(event, "lines"));
		return;
	}
	printf("%s %s", kind, json_object_get_string(need(event, "name", json_type_string)));
	if (call)
		printf(" %s %d", json_object_get_string(need(event, "tid", json_type_int)),
			json_object_get_int64(need(event, "end_ns", json_type_int)) > begin);
	print_details(event, call);
}

static char *read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		err(1, "%s", path);
	for (*len = 0;;) {
		text = realloc(text, size += 1 << 20);
		*len += fread(text + *len, 1, size - *len, file);
		if (*len < size)
			break;
	}
	fclose(file);
	return text;
}

static void print_lines(const char *text, size_t len)
{
	const char *end;

	for (; len && (end = memchr(text, '\n', len)); text = end + 1) {
		struct json_object *event = parse(text, (size_t)(end - text));

		len -= (size_t)(end + 1 - text);
		print_json(event);
		json_object_put(event);
	}
	if (len)
		errx(1, "the last line has no end");
}

int main(int argc, char **argv)
{
	struct json_object *array;
	size_t len;
	char *text;

	if (argc != 3)
		errx(1, "usage: events json|chrome FILE");
	text = read_file(argv[2], &len);
	if (!strcmp(argv[1], "json")) {
		print_lines(text, len);
	} else {
		array = parse(text, len);
		for (size_t i = 0; i < json_object_array_length(array); i++)
			print_chrome(json_object_array_get_idx(array, i));
		json_object_put(array);
	}
	free(text);
	return 0;
}
