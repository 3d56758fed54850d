/* SPDX-License-Identifier: MIT */
#include "trace/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

#define VALUE_MAX 64 /* of what json_value is for */

/** Up to where members may be: behind it must fit what closes the objects, newline and NUL. */
static size_t limit(const struct json *json)
{
	return json->size - 2 - json->depth;
}

static bool fits(const struct json *json, size_t len)
{
	return json->len + len <= limit(json);
}

static void put(struct json *json, const char *text, size_t len)
{
	memcpy(json->buf + json->len, text, len);
	json->len += len;
}

/** The key, if `room` bytes of a value fit behind it. */
static bool put_key(struct json *json, const char *key, size_t room)
{
	size_t len = strlen(key);

	if (!fits(json, !json->first + len + 3 + room))
		return false;
	if (!json->first)
		put(json, ",", 1);
	put(json, "\"", 1);
	put(json, key, len);
	put(json, "\":", 2);
	json->first = false;
	return true;
}

void json_begin(struct json *json, char *buf, size_t size, const char *prefix)
{
	nb_assert(size >= strlen(prefix) + 8);
	*json = (struct json){ .buf = buf, .size = size, .depth = 1, .first = true };
	put(json, prefix, strlen(prefix));
	put(json, "{", 1);
}

int json_end(struct json *json)
{
	while (json->depth)
		json_close(json);
	put(json, "\n", 1);
	json->buf[json->len] = '\0';
	return (int)json->len;
}

bool json_open(struct json *json, const char *key)
{
	/* Both braces. */
	if (!put_key(json, key, 2))
		return false;
	put(json, "{", 1);
	json->depth++;
	json->first = true;
	return true;
}

void json_close(struct json *json)
{
	json->depth--;
	json->first = false;
	put(json, "}", 1);
}

void json_value(struct json *json, const char *key, const char *format, ...)
{
	char value[VALUE_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	nb_assert(n > 0 && n < VALUE_MAX);
	if (put_key(json, key, (size_t)n))
		put(json, value, (size_t)n);
}

void json_number(struct json *json, const char *key, long long value)
{
	json_value(json, key, "%lld", value);
}

/* ---- strings ---- */

/** Bytes of the well-formed UTF-8 sequence at s (Unicode 15, table 3-7); 0: there is none. */
static size_t utf8_len(const unsigned char *s)
{
	static const struct {
		unsigned char first, last, low, high; /* of the first byte, and of the second */
		size_t len;
	} rows[] = {
		{ 0x00, 0x7f, 0x00, 0xff, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, /* below: too long a form */
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, /* above: surrogates */
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 }, /* above: beyond U+10FFFF */
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = 1;

		if (s[0] < rows[i].first || s[0] > rows[i].last)
			continue;
		if (rows[i].len == 1)
			return 1;
		if (s[1] < rows[i].low || s[1] > rows[i].high)
			return 0;
		while (++n < rows[i].len) {
			if ((s[n] & 0xc0) != 0x80)
				return 0;
		}
		return n;
	}
	return 0;
}

/** The next character of s as JSON. Bytes of s that it stands for. */
static size_t escape(char out[8], const char *s)
{
	static const char short_forms[] = "\"\"\\\\\nn\tt\rr\bb\ff";
	unsigned char c = (unsigned char)s[0];
	size_t len = utf8_len((const unsigned char *)s);

	for (const char *form = short_forms; *form; form += 2) {
		if (*s == form[0]) {
			snprintf(out, 8, "\\%c", form[1]);
			return 1;
		}
	}
	if (!len || c < 0x20)
		snprintf(out, 8, "\\u%04x", len ? c : 0xfffd);
	else
		snprintf(out, 8, "%.*s", (int)len, s);
	return len ? len : 1;
}

#define CUT "...\""

void json_string(struct json *json, const char *key, const char *value)
{
	size_t cut;
	char out[8];

	if (!value) {
		json_value(json, key, "null");
		return;
	}
	if (!put_key(json, key, 1 + strlen(CUT)))
		return;
	put(json, "\"", 1);
	cut = json->len; /* so far CUT can follow */
	while (*value) {
		value += escape(out, value);
		if (!fits(json, strlen(out) + 1)) {
			json->len = cut;
			put(json, CUT, strlen(CUT));
			return;
		}
		put(json, out, strlen(out));
		if (fits(json, strlen(CUT)))
			cut = json->len;
	}
	put(json, "\"", 1);
}
