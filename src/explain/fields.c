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

const char *fields_say_sh(const struct fields_of *of, uint64_t value, struct text *text)
{
	static const char *const names[] = { "non-shareable", "reserved", "outer shareable",
		"inner shareable" };

	text_add(text, "table walks are %s", names[value & 3]);
	return NULL;
}

const char *fields_say_granule(const struct fields_of *of, uint64_t tg0, struct text *text)
{
	static const char *const names[] = { "4 KiB granule", "64 KiB granule", "16 KiB granule",
		"reserved" };

	text_add(text, "%s", names[tg0 & 3]);
	if (tg0 == 3)
		return "reserved granule";
	return fields_granule_lg2(of->hw, tg0) ? NULL : "this granule is not implemented (IDR5)";
}

const char *fields_say_ps(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, "output addresses of %u bits", fields_addr_bits(of->hw, value));
	return NULL;
}

const char *fields_say_aa64(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, value ? "VMSAv8-64 tables" : "VMSAv8-32 LPAE tables");
	return value ? NULL : "AArch32 tables are not implemented (IDR0.TTF)";
}

const char *fields_say_endi(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, value ? "big-endian tables" : "little-endian tables");
	return value ? "big-endian tables are not implemented (IDR0.TTENDIAN)" : NULL;
}

const char *fields_say_ha(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, value ? "hardware updates the access flag"
			     : "no hardware update of the access flag");
	if (value && of->hw->httu == NB_SMMUV3_HTTU_NONE)
		return "hardware update of the access flag is not implemented (IDR0.HTTU)";
	return NULL;
}

const char *fields_say_hd(const struct fields_of *of, uint64_t value, bool ha, struct text *text)
{
	text_add(text, !value ? "no hardware update of dirty state"
		       : ha   ? "hardware updates dirty state"
			      : "dirty state without the access flag's update: off");
	if (value && of->hw->httu != NB_SMMUV3_HTTU_DIRTY)
		return "hardware update of dirty state is not implemented (IDR0.HTTU)";
	return NULL;
}

const char *fields_say_stall(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, value ? "faults of this stage stall" : "faults of this stage terminate");
	if (value && of->hw->stall_model == NB_SMMUV3_STALL_NONE)
		return "faults cannot stall here (IDR0.STALL_MODEL is 0b01)";
	if (!value && of->hw->stall_model == NB_SMMUV3_STALL_FORCED)
		return "faults must stall here (IDR0.STALL_MODEL is 0b10)";
	return NULL;
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
