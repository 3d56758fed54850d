/* SPDX-License-Identifier: MIT */
/*
 * Structures as tables of fields: where each is, when it counts, and how it is put into words. What
 * needs more than its own value has a function.
 */
#ifndef EXPLAIN_FIELDS_H
#define EXPLAIN_FIELDS_H

#include <nestbox/explain.h>

#include "base/bits.h"
#include "base/text.h"

/** What the fields are of, and beside what. */
struct fields_of {
	const struct nb_smmuv3_config *hw;
	const uint64_t *words;
	const uint64_t *ste; /* of a CD; or NULL */
	unsigned uses;	     /* which kinds of fields count: bits that the structure defines */
};

struct field_desc {
	const char *name;
	uint8_t word, high, low;
	uint8_t when; /* counts if all of these are in `uses`; 0: always */
	bool address;
	const char *const *values; /* by value, `n_values` of them; NULL entries: reserved */
	uint8_t n_values;
	/* Add the meaning; return why it is ILLEGAL, or NULL. Only called where it counts. */
	const char *(*say)(const struct fields_of *of, uint64_t value, struct text *text);
};

#define NAMES(list) .values = (list), .n_values = ARRAY_LEN(list)

static inline uint64_t field_bits(uint64_t word, unsigned high, unsigned low)
{
	return (word & MASK64(high, low)) >> low;
}

/** Decode all. out is empty but for name and what. */
void fields_decode(const struct field_desc *descs, size_t n, const struct fields_of *of,
	struct nb_explain_fields *out);

/** An SMMU that has everything. */
extern const struct nb_smmuv3_config fields_all_features;

/** What stream table entries and context descriptors have alike: field_desc.say, and parts of it. */
const char *fields_say_sh(const struct fields_of *of, uint64_t value, struct text *text);
const char *fields_say_granule(const struct fields_of *of, uint64_t tg0, struct text *text);
const char *fields_say_ps(const struct fields_of *of, uint64_t value, struct text *text);
const char *fields_say_aa64(const struct fields_of *of, uint64_t value, struct text *text);
const char *fields_say_endi(const struct fields_of *of, uint64_t value, struct text *text);
const char *fields_say_ha(const struct fields_of *of, uint64_t value, struct text *text);
const char *fields_say_hd(const struct fields_of *of, uint64_t value, bool ha, struct text *text);
const char *fields_say_stall(const struct fields_of *of, uint64_t value, struct text *text);
unsigned fields_addr_bits(const struct nb_smmuv3_config *hw, unsigned field);
/** "4 KiB"; buf: 16 bytes. */
const char *fields_size(unsigned lg2, char *buf, size_t size);
/** A granule by a TG0 or S2TG field; 0: reserved, or not there. */
unsigned fields_granule_lg2(const struct nb_smmuv3_config *hw, unsigned tg0);

#endif
