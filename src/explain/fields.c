/* SPDX-License-Identifier: MIT */
#include "explain/fields.h"

#include <stdio.h>
#include <string.h>

const struct nb_smmuv3_config fields_all_features = {
	.oas_bits = 52,
	.sid_bits = 32,
	.ssid_bits = 20,
	.granules = NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN16K | NB_SMMUV3_GRAN64K,
	.stall_model = NB_SMMUV3_STALL_ALLOWED,
	.httu = NB_SMMUV3_HTTU_DIRTY,
	.bbml = 2,
	.fwb = true,
	.xnx = true,
	.vax = true,
	.ats = true,
	.pri = true,
	.msi = true,
	.sev = true,
	.raz_wi = true,
};

unsigned fields_addr_bits(const struct nb_smmuv3_config *hw, unsigned field)
{
	static const uint8_t bits[8] = { 32, 36, 40, 42, 44, 48, 52, 52 };

	return MIN(bits[field & 7], hw->oas_bits);
}

unsigned fields_granule_lg2(const struct nb_smmuv3_config *hw, unsigned tg0)
{
	static const uint8_t lg2[4] = { 12, 16, 14, 0 };
	static const uint8_t has[4] = { NB_SMMUV3_GRAN4K, NB_SMMUV3_GRAN64K, NB_SMMUV3_GRAN16K, 0 };

	return hw->granules & has[tg0 & 3] ? lg2[tg0 & 3] : 0;
}

const char *fields_size(unsigned lg2, char *buf, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	snprintf(buf, size, "%u %s", 1u << lg2 % 10, units[MIN(lg2 / 10, 6u)]);
	return buf;
}

const char *fields_say_shareability(uint64_t value)
{
	static const char *const names[] = { "non-shareable", "reserved", "outer shareable",
		"inner shareable" };

	return names[value & 3];
}

static void decode(
	const struct field_desc *desc, const struct fields_of *of, struct nb_explain_field *field)
{
	uint64_t value = field_bits(of->words[desc->word], desc->high, desc->low);
	struct text text;

	*field = (struct nb_explain_field){ .name = desc->name,
		.word = desc->word,
		.high = desc->high,
		.low = desc->low,
		.used = (of->uses & desc->when) == desc->when,
		.address = desc->address,
		.value = desc->address ? value << desc->low : value };
	text_init(&text, field->meaning, sizeof(field->meaning));
	if (!field->used)
		return;
	if (desc->say)
		field->illegal = desc->say(of, field->value, &text);
	else if (desc->values)
		text_add(&text, "%s",
			value < desc->n_values && desc->values[value] ? desc->values[value]
								      : "reserved");
}

void fields_decode(const struct field_desc *descs, size_t n, const struct fields_of *of,
	struct nb_explain_fields *out)
{
	for (size_t i = 0; i < n && out->n < NB_EXPLAIN_FIELDS_MAX; i++) {
		struct nb_explain_field *field = &out->field[out->n++];

		decode(&descs[i], of, field);
		out->illegal |= field->illegal != NULL;
	}
}
