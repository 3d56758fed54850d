/* SPDX-License-Identifier: MIT */
/*
 * Text into a buffer of fixed size. What does not fit is cut off and the text then ends in "...";
 * it is always terminated.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *buf;
	size_t size, len;
	bool full;
};

/** size is at least 8. */
void text_init(struct text *text, char *buf, size_t size);
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * Add bytes that the program or a file gave: what is not printable ASCII (and any of the characters
 * in escape, and the backslash) becomes \n, \t or \xNN, so that no text breaks out of its line.
 */
void text_add_escaped(struct text *text, const char *bytes, size_t len, const char *escape);

#endif
