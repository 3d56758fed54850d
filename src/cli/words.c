/* SPDX-License-Identifier: MIT */
#include "cli/words.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 16

static bool is_between(char c)
{
	return isspace((unsigned char)c) || c == ',' || c == ';';
}

/* False: no hexadecimal number of at most 64 bits. */
static bool add_word(struct words *words, const char *text, size_t len)
{
	uint64_t value = 0;
	unsigned digits = 0;

	if (len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
		text += 2;
		len -= 2;
	}
	for (size_t i = 0; i < len; i++) {
		char c = (char)(text[i] | 0x20);

		if (text[i] == '_')
			continue;
		if (!isxdigit((unsigned char)text[i]) || ++digits > DIGITS_MAX)
			return false;
		value = value << 4 | (unsigned)(c >= 'a' ? c - 'a' + 10 : text[i] - '0');
	}
	if (!digits || words->n == WORDS_MAX)
		return false;
	words->digits[words->n] = digits;
	words->word[words->n++] = value;
	return true;
}

/* "event 0x10 received:", and newer kernels' "event: F_TRANSLATION client: ...": no words. */
static bool is_announcement(const char *line)
{
	return strstr(line, " event") || strstr(line, "stag:") || !strncmp(line, "event", 5);
}

int words_add_line(struct words *words, const char *line, char bad[32])
{
	const char *colon = strrchr(line, ':');

	if (is_announcement(line))
		return 0;
	if (colon)
		line = colon + 1;
	while (*line) {
		size_t len = 0;

		while (line[len] && !is_between(line[len]))
			len++;
		if (len && !add_word(words, line, len)) {
			snprintf(bad, 32, "%.*s", (int)(len < 31 ? len : 31), line);
			return -1;
		}
		line += len + (len == 0);
	}
	return 0;
}

static bool all_short(const struct words *words)
{
	for (unsigned i = 0; i < words->n; i++)
		if (words->digits[i] > 8)
			return false;
	return true;
}

int words_as_64(const struct words *words, unsigned n, uint64_t *out)
{
	if (words->n == n) {
		memcpy(out, words->word, n * sizeof(*out));
		return 0;
	}
	if (words->n != 2 * n || !all_short(words))
		return -1;
	for (unsigned i = 0; i < n; i++)
		out[i] = words->word[2 * i] | words->word[2 * i + 1] << 32;
	return 0;
}
