/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

void text_init(struct text *text, char *buf, size_t size)
{
	nb_assert(size >= 8);
	*text = (struct text){ .buf = buf, .size = size };
	buf[0] = '\0';
}

static void text_cut(struct text *text)
{
	text->full = true;
	text->len = text->size - 1;
	memcpy(text->buf + text->size - 4, "...", 4);
}

void text_add(struct text *text, const char *format, ...)
{
	size_t room = text->size - text->len;
	va_list args;
	int n;

	if (text->full)
		return;
	va_start(args, format);
	n = vsnprintf(text->buf + text->len, room, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= room)
		text_cut(text);
	else
		text->len += (size_t)n;
}

void text_add_escaped(struct text *text, const char *bytes, size_t len, const char *escape)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '\n')
			text_add(text, "\\n");
		else if (c == '\t')
			text_add(text, "\\t");
		else if (c < 0x20 || c > 0x7e)
			text_add(text, "\\x%02x", c);
		else if (c == '\\' || strchr(escape, c))
			text_add(text, "\\%c", c);
		else
			text_add(text, "%c", c);
	}
}
