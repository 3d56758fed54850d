/* SPDX-License-Identifier: MIT */
/* Hexadecimal words, as logs and people write them. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define WORDS_MAX 16 /* read; what more there is is an error */

struct words {
	uint64_t word[WORDS_MAX];
	unsigned digits[WORDS_MAX]; /* of each, without 0x */
	unsigned n;
};

/**
 * Add the words of a line. What comes before the last colon is a log's prefix ("arm-smmu-v3
 * 2b400000.iommu:"); a line that announces an event has none. Words may have 0x or not, underscores,
 * and a comma after them. 0, or -1: bad (32 bytes) is what cannot be read.
 */
int words_add_line(struct words *words, const char *line, char bad[32]);

/** Make n 64-bit words of them: they are n such, or 2n of 32 bits, the low half first. -1: neither. */
int words_as_64(const struct words *words, unsigned n, uint64_t *out);

#endif
