/* SPDX-License-Identifier: MIT */
/*
 * One JSON object into a buffer of fixed size, on one line. Whatever does not fit, the text is valid:
 * members that do not fit are left out, strings are cut and end in "...". (json-c builds trees and
 * knows no limit.)
 */
#ifndef TRACE_JSON_H
#define TRACE_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json {
	char *buf;
	size_t size, len;
	unsigned depth; /* objects that are open */
	bool first;	/* no member yet in the innermost */
};

/** Starts with prefix and an open object. size is at least strlen(prefix) + 8. */
void json_begin(struct json *json, char *buf, size_t size, const char *prefix);
/** Close what is open, add a newline. The length. */
int json_end(struct json *json);

/** An object as a member. False: no room, then it is not to be filled and closed. */
bool json_open(struct json *json, const char *key);
void json_close(struct json *json);

/** Any bytes; what is not UTF-8 becomes U+FFFD. NULL: null. */
void json_string(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, long long value);
/** A value that is JSON already. */
void json_value(struct json *json, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
