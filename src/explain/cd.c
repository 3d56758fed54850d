/* SPDX-License-Identifier: MIT */
/*
 * Context descriptors (IHI 0070 5.4): every field in words, and every rule that makes one ILLEGAL
 * (5.4.2); those of smmuv3/cd_decode.c, one reason each.
 */
#include <string.h>

#include "explain/fields.h"
#include "smmuv3/regs.h"

/* When fields count. */
enum {
	VALID = 1 << 0,
	HAS_T0 = 1 << 1, /* EPD0 is 0 */
	HAS_T1 = 1 << 2,
	HAS_T = 1 << 3, /* either */
};

static const char *say_v(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, value ? "valid" : "invalid");
	return value ? NULL : "a descriptor with V = 0 is not valid";
}

/* TG1 has an encoding of its own: as TG0. */
static unsigned tg_of(const struct fields_of *of, bool one)
{
	static const uint8_t as[4] = { 3, CD_TG0_16K, CD_TG0_4K, CD_TG0_64K };

	return one ? as[field_get(CD_0_TG1, of->words[0])] : field_get(CD_0_TG0, of->words[0]);
}

static const char *say_txsz(const struct fields_of *of, bool one, uint64_t value, struct text *text)
{
	unsigned granule = fields_granule_lg2(of->hw, tg_of(of, one)), bits = 64 - value;
	unsigned most = of->hw->vax && granule == 16 ? 52 : 48;

	text_add(text, "addresses of %u bits", bits);
	if (granule && bits >= 25 && bits <= most)
		text_add(text, ", walks start at level %u",
			4 - (unsigned)DIV_ROUND_UP(bits - granule, granule - 3));
	if (bits < 25)
		return "fewer than 25 bits (TxSZ above 39)";
	return bits > most ? "more bits than 48 (52 with 64 KiB and IDR5.VAX)" : NULL;
}

static const char *say_t0sz(const struct fields_of *of, uint64_t value, struct text *text)
{
	return say_txsz(of, false, value, text);
}

static const char *say_t1sz(const struct fields_of *of, uint64_t value, struct text *text)
{
	return say_txsz(of, true, value, text);
}

static const char *say_tg(const struct fields_of *of, bool one, struct text *text)
{
	return fields_say_granule(of, tg_of(of, one), text);
}

static const char *say_tg0(const struct fields_of *of, uint64_t value, struct text *text)
{
	return say_tg(of, false, text);
}

static const char *say_tg1(const struct fields_of *of, uint64_t value, struct text *text)
{
	return say_tg(of, true, text);
}

static const char *say_hd(const struct fields_of *of, uint64_t value, struct text *text)
{
	return fields_say_hd(of, value, of->words[0] & CD_0_HA, text);
}

static const char *say_s(const struct fields_of *of, uint64_t value, struct text *text)
{
	const char *illegal = fields_say_stall(of, value, text);

	if (value && of->ste && (of->ste[1] & STE_1_S1STALLD))
		return "stalling although STE.S1STALLD forbids it";
	return illegal;
}

static const char *say_a(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, value ? "what terminates is aborted"
			     : "what terminates reads as zero, writes are ignored");
	if (!value && !of->hw->raz_wi)
		return "termination is always an abort here (IDR0.TERM_MODEL is 1)";
	return NULL;
}

static const char *say_ttb(const struct fields_of *of, bool one, uint64_t value, struct text *text)
{
	unsigned granule = fields_granule_lg2(of->hw, tg_of(of, one)),
		 out = fields_addr_bits(of->hw, field_get(CD_0_IPS, of->words[0]));

	text_add(text, "the first table for addresses that begin with %s", one ? "ones" : "zeros");
	if (granule && value >> (granule == 16 ? out : MIN(out, 48u)))
		return "the table is beyond what IPS allows";
	return NULL;
}

static const char *say_ttb0(const struct fields_of *of, uint64_t value, struct text *text)
{
	return say_ttb(of, false, value, text);
}

static const char *say_ttb1(const struct fields_of *of, uint64_t value, struct text *text)
{
	return say_ttb(of, true, value, text);
}

static const char *const cacheabilities[] = { "table walks are not cached",
	"write-back, allocating", "write-through", "write-back, not allocating" };
static const char *const epd0s[] = { "TTB0 is walked", "TTB0 is disabled" };
static const char *const epd1s[] = { "TTB1 is walked", "TTB1 is disabled" };
static const char *const affds[] = { "an access flag of 0 is a fault",
	"an access flag of 0 is no fault" };
static const char *const wxns[] = { "writable memory may be executable",
	"writable memory is never executable" };
static const char *const uwxns[] = { "-", "AArch32 only" };
static const char *const tbis[] = { "the top byte counts", "the top byte is ignored" };
static const char *const pans[] = { "privileged data accesses reach what unprivileged ones can",
	"privileged data accesses may not reach that" };
static const char *const rs[] = { "stage 1 faults are not recorded",
	"stage 1 faults are recorded" };
static const char *const asets[] = { "the ASID is shared with processors (DVM)",
	"the ASID is the SMMU's alone" };
static const char *const hads[] = { "tables restrict what is below them",
	"attributes in table descriptors are ignored" };

static const struct field_desc cd_fields[] = {
	{ "V", 0, 31, 31, .say = say_v },
	{ "AA64", 0, 41, 41, VALID, .say = fields_say_aa64 },
	{ "T0SZ", 0, 5, 0, HAS_T0, .say = say_t0sz },
	{ "TG0", 0, 7, 6, HAS_T0, .say = say_tg0 },
	{ "IR0", 0, 9, 8, HAS_T0, NAMES(cacheabilities) },
	{ "OR0", 0, 11, 10, HAS_T0, NAMES(cacheabilities) },
	{ "SH0", 0, 13, 12, HAS_T0, .say = fields_say_sh },
	{ "EPD0", 0, 14, 14, VALID, NAMES(epd0s) },
	{ "ENDI", 0, 15, 15, HAS_T, .say = fields_say_endi },
	{ "T1SZ", 0, 21, 16, HAS_T1, .say = say_t1sz },
	{ "TG1", 0, 23, 22, HAS_T1, .say = say_tg1 },
	{ "IR1", 0, 25, 24, HAS_T1, NAMES(cacheabilities) },
	{ "OR1", 0, 27, 26, HAS_T1, NAMES(cacheabilities) },
	{ "SH1", 0, 29, 28, HAS_T1, .say = fields_say_sh },
	{ "EPD1", 0, 30, 30, VALID, NAMES(epd1s) },
	{ "IPS", 0, 34, 32, VALID, .say = fields_say_ps },
	{ "AFFD", 0, 35, 35, VALID, NAMES(affds) },
	{ "WXN", 0, 36, 36, VALID, NAMES(wxns) },
	{ "UWXN", 0, 37, 37, VALID, NAMES(uwxns) },
	{ "TBI0", 0, 38, 38, VALID, NAMES(tbis) },
	{ "TBI1", 0, 39, 39, VALID, NAMES(tbis) },
	{ "PAN", 0, 40, 40, VALID, NAMES(pans) },
	{ "HD", 0, 42, 42, VALID, .say = say_hd },
	{ "HA", 0, 43, 43, VALID, .say = fields_say_ha },
	{ "S", 0, 44, 44, VALID, .say = say_s },
	{ "R", 0, 45, 45, VALID, NAMES(rs) },
	{ "A", 0, 46, 46, VALID, .say = say_a },
	{ "ASET", 0, 47, 47, VALID, NAMES(asets) },
	{ "ASID", 0, 63, 48, VALID },
	{ "HAD0", 1, 1, 1, HAS_T0, NAMES(hads) },
	{ "TTB0", 1, 51, 4, HAS_T0, .address = true, .say = say_ttb0 },
	{ "HAD1", 2, 1, 1, HAS_T1, NAMES(hads) },
	{ "TTB1", 2, 51, 4, HAS_T1, .address = true, .say = say_ttb1 },
	{ "MAIR", 3, 63, 0, VALID },
	{ "AMAIR", 4, 63, 0, VALID },
};

void nb_explain_cd(const struct nb_smmuv3_config *hw, const uint64_t ste[8], const uint64_t cd[8],
	struct nb_explain_fields *out)
{
	struct fields_of of = { .hw = hw ? hw : &fields_all_features, .words = cd, .ste = ste };
	bool t0 = !(cd[0] & CD_0_EPD0), t1 = !(cd[0] & CD_0_EPD1);

	memset(out, 0, sizeof(*out));
	out->name = "CD";
	out->what = "Context descriptor: the stage 1 of a stream or substream.";
	if (cd[0] & CD_0_V)
		of.uses = VALID | (t0 ? HAS_T0 : 0) | (t1 ? HAS_T1 : 0) | (t0 || t1 ? HAS_T : 0);
	fields_decode(cd_fields, ARRAY_LEN(cd_fields), &of, out);
}
