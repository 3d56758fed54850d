/* SPDX-License-Identifier: MIT */
/*
 * Stream table entries (IHI 0070 5.2): every field in words, and every rule that makes an entry
 * ILLEGAL (5.2.2). The rules are those of smmuv3/ste_decode.c, one reason each; a test holds the two
 * together.
 */
#include <string.h>

#include "explain/fields.h"
#include "smmuv3/granule.h"

/* When fields count: bits of `uses`. */
enum {
	VALID = 1 << 0,
	TRAFFIC = 1 << 1, /* Config is not "abort" */
	USES_S1 = 1 << 2,
	USES_S2 = 1 << 3,
	SUBSTREAMS = 1 << 4, /* S1CDMax is not 0, and they are implemented */
	HAS_S2 = 1 << 5,     /* implemented: the VMID tags stage 1 too */
	ATS = 1 << 6,
	SSIDSIZE = 1 << 7, /* substreams are implemented, stage 1 is used */
};

static unsigned config_of(const struct fields_of *of)
{
	return field_get(STE_0_CONFIG, of->words[0]);
}

static bool uses_s2(const struct fields_of *of)
{
	return config_of(of) & STE_CONFIG_S2;
}

static const char *say_v(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, value ? "valid" : "invalid");
	return value ? NULL : "an entry with V = 0 is not valid";
}

static const char *say_config(const struct fields_of *of, uint64_t value, struct text *text)
{
	static const char *const names[] = { "every transaction is aborted, without an event",
		"reserved, as 0b000: aborted", "reserved, as 0b000: aborted",
		"reserved, as 0b000: aborted", "bypass: addresses are physical",
		"stage 1 translates", "stage 2 translates", "stage 1, then stage 2 translate" };

	text_add(text, "%s", names[value & 7]);
	if ((value & 5) == 5 && of->hw->no_stage1)
		return "stage 1 is not implemented (IDR0.S1P)";
	if ((value & 6) == 6 && of->hw->no_stage2)
		return "stage 2 is not implemented (IDR0.S2P)";
	return NULL;
}

static const char *say_s1fmt(const struct fields_of *of, uint64_t value, struct text *text)
{
	static const char *const names[] = { "a linear table of CDs",
		"2 levels, tables of 64 CDs (4 KiB)", "2 levels, tables of 1024 CDs (64 KiB)",
		"reserved, as 0b00: linear" };

	text_add(text, "%s", names[value & 3]);
	if (of->hw->linear_tables_only && (value == 1 || value == 2))
		return "2-level tables of CDs are not implemented (IDR0.CD2L)";
	return NULL;
}

static const char *say_ctxptr(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, uses_s2(of) ? "IPA of the CD, or of the table of CDs"
				   : "PA of the CD, or of the table of CDs");
	if (!uses_s2(of) && value >> of->hw->oas_bits)
		return "the address is beyond the OAS";
	return NULL;
}

static const char *say_cdmax(const struct fields_of *of, uint64_t value, struct text *text)
{
	if (value)
		text_add(text, "%llu substreams (2^%u)", 1ull << (value & 31), (unsigned)value);
	else
		text_add(text, "one CD, no substreams");
	return value > of->hw->ssid_bits ? "more substreams than IDR1.SSIDSIZE" : NULL;
}

static const char *say_s1stalld(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(
		text, value ? "stage 1 faults may not stall" : "CD.S chooses whether faults stall");
	if (value && of->hw->stall_model != NB_SMMUV3_STALL_ALLOWED)
		return "the stall model leaves no choice (IDR0.STALL_MODEL is not 0b00)";
	return NULL;
}

static const char *say_eats(const struct fields_of *of, uint64_t value, struct text *text)
{
	static const char *const names[] = { "no ATS", "full ATS", "split-stage ATS",
		"reserved, as 0b00: no ATS" };
	bool s2s = of->words[2] & STE_2_S2S;

	text_add(text, "%s", names[value & 3]);
	if (value == STE_EATS_TRANS && uses_s2(of) && s2s)
		return "ATS with a stage 2 that stalls (S2S = 1)";
	if (value == STE_EATS_S1CHK && config_of(of) != 7)
		return "split-stage ATS needs both stages (Config 0b111)";
	if (value == STE_EATS_S1CHK && s2s)
		return "split-stage ATS with a stage 2 that stalls (S2S = 1)";
	return NULL;
}

static const char *say_override(const char *const names[4], uint64_t value, struct text *text)
{
	text_add(text, "%s", names[value & 3]);
	return NULL;
}

static const char *say_privcfg(const struct fields_of *of, uint64_t value, struct text *text)
{
	static const char *const names[] = { "privilege as the transaction says",
		"reserved, as 0b00", "all are unprivileged", "all are privileged" };

	return say_override(names, value, text);
}

static const char *say_instcfg(const struct fields_of *of, uint64_t value, struct text *text)
{
	static const char *const names[] = { "instruction or data as the transaction says",
		"reserved, as 0b00", "all are data", "all reads are instruction fetches" };

	return say_override(names, value, text);
}

static const char *say_cont(const struct fields_of *of, uint64_t value, struct text *text)
{
	if (value)
		text_add(text, "%u entries are alike (a hint)", 1u << (value & 15));
	else
		text_add(text, "the entry stands alone");
	return NULL;
}

/* ---- stage 2 ---- */

static unsigned s2_granule(const struct fields_of *of)
{
	return fields_granule_lg2(of->hw, field_get(STE_2_S2TG, of->words[2]));
}

static unsigned s2_in_bits(const struct fields_of *of)
{
	return 64 - field_get(STE_2_S2T0SZ, of->words[2]);
}

static const char *say_s2t0sz(const struct fields_of *of, uint64_t value, struct text *text)
{
	unsigned bits = 64 - value, most = MIN(s2_granule(of) == 16 ? 52u : 48u, of->hw->oas_bits);

	text_add(text, "IPAs of %u bits", bits);
	if (bits < 25)
		return "fewer than 25 bits (S2T0SZ above 39)";
	return bits > most ? "more bits than the OAS, or than the granule allows" : NULL;
}

static const char *say_s2sl0(const struct fields_of *of, uint64_t value, struct text *text)
{
	unsigned granule = s2_granule(of), in_bits = s2_in_bits(of), level, below;
	const struct s2_start *start;

	if (!granule) {
		text_add(text, "start level unknown: no granule");
		return NULL; /* S2TG is what is wrong */
	}
	start = s2_start_of(granule);
	level = start->level[value & 3];
	if (level == 255) {
		text_add(text, "reserved");
		return "reserved start level";
	}
	text_add(text, "walks start at level %u", level);
	if (value == 2 && of->hw->oas_bits < start->least_oas)
		return "the start level needs a larger OAS";
	below = granule + (granule - 3) * (3 - level);
	if (in_bits < below + 1)
		return "the start level resolves nothing of so few bits (S2T0SZ)";
	if (in_bits > below + granule - 3 + 4)
		return "the start level would need more than 16 concatenated tables (S2T0SZ)";
	if (in_bits > below + granule - 3)
		text_add(text, ", %u concatenated tables", 1u << (in_bits - below - (granule - 3)));
	return NULL;
}

static const char *say_s2hd(const struct fields_of *of, uint64_t value, struct text *text)
{
	return fields_say_hd(of, value, of->words[2] & STE_2_S2HA, text);
}

static const char *say_s2ttb(const struct fields_of *of, uint64_t value, struct text *text)
{
	unsigned granule = s2_granule(of),
		 out = fields_addr_bits(of->hw, field_get(STE_2_S2PS, of->words[2]));

	text_add(text, "the first table of stage 2");
	if (granule && value >> (granule == 16 ? out : MIN(out, 48u)))
		return "the table is beyond what S2PS allows";
	return NULL;
}

static const char *const mevs[] = { "each event is recorded", "equal events may be merged" };
static const char *const dss[] = { "without SubstreamID: terminated",
	"without SubstreamID: stage 1 is bypassed", "without SubstreamID: CD 0 is used",
	"reserved, as 0b00: terminated" };
static const char *const strws[] = { "NS-EL1: tagged with ASID and VMID",
	"reserved without IDR0.Hyp", "EL2, where IDR0.Hyp", "reserved" };
static const char *const fwbs[] = { "stage 2 attributes combine with those of stage 1",
	"stage 2 attributes may force write-back" };
static const char *const mtcfgs[] = { "memory type as the transaction says",
	"memory type from MemAttr" };
static const char *const shcfgs[] = { "non-shareable", "shareability as the transaction says",
	"outer shareable", "inner shareable" };
static const char *const nscfgs[] = { "for Secure streams: as the transaction says", "reserved",
	"for Secure streams: secure", "for Secure streams: non-secure" };
static const char *const s2affds[] = { "an access flag of 0 is a fault",
	"an access flag of 0 is no fault" };
static const char *const s2ptws[] = { "stage 1 tables may be in Device memory",
	"stage 1 tables in Device memory are a fault" };
static const char *const s2rs[] = { "stage 2 faults are not recorded",
	"stage 2 faults are recorded" };
static const char *const cacheabilities[] = { "table walks are not cached",
	"write-back, allocating", "write-through", "write-back, not allocating" };
static const char *const dcps[] = { "directed cache prefetch is inhibited",
	"directed cache prefetch is allowed" };
static const char *const dres[] = { "destructive reads become plain ones",
	"destructive reads are allowed" };
static const char *const ppars[] = { "PRI responses on overflow without a PASID",
	"PRI responses on overflow with the PASID" };

static const struct field_desc ste_fields[] = {
	{ "V", 0, 0, 0, .say = say_v },
	{ "Config", 0, 3, 1, VALID, .say = say_config },
	{ "S1Fmt", 0, 5, 4, SUBSTREAMS, .say = say_s1fmt },
	{ "S1ContextPtr", 0, 51, 6, USES_S1, .address = true, .say = say_ctxptr },
	{ "S1CDMax", 0, 63, 59, SSIDSIZE, .say = say_cdmax },
	{ "S1DSS", 1, 1, 0, SUBSTREAMS, NAMES(dss) },
	{ "S1CIR", 1, 3, 2, USES_S1, NAMES(cacheabilities) },
	{ "S1COR", 1, 5, 4, USES_S1, NAMES(cacheabilities) },
	{ "S1CSH", 1, 7, 6, USES_S1, .say = fields_say_sh },
	{ "S2HWU", 1, 11, 8, USES_S2 },
	{ "DRE", 1, 12, 12, TRAFFIC, NAMES(dres) },
	{ "CONT", 1, 16, 13, VALID, .say = say_cont },
	{ "DCP", 1, 17, 17, TRAFFIC, NAMES(dcps) },
	{ "PPAR", 1, 18, 18, ATS, NAMES(ppars) },
	{ "MEV", 1, 19, 19, TRAFFIC, NAMES(mevs) },
	{ "S2FWB", 1, 25, 25, USES_S2, NAMES(fwbs) },
	{ "S1MPAM", 1, 26, 26, USES_S1 },
	{ "S1STALLD", 1, 27, 27, USES_S1, .say = say_s1stalld },
	{ "EATS", 1, 29, 28, ATS, .say = say_eats },
	{ "STRW", 1, 31, 30, USES_S1, NAMES(strws) },
	{ "MemAttr", 1, 35, 32, TRAFFIC },
	{ "MTCFG", 1, 36, 36, TRAFFIC, NAMES(mtcfgs) },
	{ "ALLOCCFG", 1, 40, 37, TRAFFIC },
	{ "SHCFG", 1, 45, 44, TRAFFIC, NAMES(shcfgs) },
	{ "NSCFG", 1, 47, 46, TRAFFIC, NAMES(nscfgs) },
	{ "PRIVCFG", 1, 49, 48, TRAFFIC, .say = say_privcfg },
	{ "INSTCFG", 1, 51, 50, TRAFFIC, .say = say_instcfg },
	{ "S2VMID", 2, 15, 0, TRAFFIC | HAS_S2 },
	{ "S2T0SZ", 2, 37, 32, USES_S2, .say = say_s2t0sz },
	{ "S2SL0", 2, 39, 38, USES_S2, .say = say_s2sl0 },
	{ "S2IR0", 2, 41, 40, USES_S2, NAMES(cacheabilities) },
	{ "S2OR0", 2, 43, 42, USES_S2, NAMES(cacheabilities) },
	{ "S2SH0", 2, 45, 44, USES_S2, .say = fields_say_sh },
	{ "S2TG", 2, 47, 46, USES_S2, .say = fields_say_granule },
	{ "S2PS", 2, 50, 48, USES_S2, .say = fields_say_ps },
	{ "S2AA64", 2, 51, 51, USES_S2, .say = fields_say_aa64 },
	{ "S2ENDI", 2, 52, 52, USES_S2, .say = fields_say_endi },
	{ "S2AFFD", 2, 53, 53, USES_S2, NAMES(s2affds) },
	{ "S2PTW", 2, 54, 54, USES_S2, NAMES(s2ptws) },
	{ "S2HD", 2, 55, 55, USES_S2, .say = say_s2hd },
	{ "S2HA", 2, 56, 56, USES_S2, .say = fields_say_ha },
	{ "S2S", 2, 57, 57, USES_S2, .say = fields_say_stall },
	{ "S2R", 2, 58, 58, USES_S2, NAMES(s2rs) },
	{ "S2TTB", 3, 51, 4, USES_S2, .address = true, .say = say_s2ttb },
};

static unsigned uses_of(const struct nb_smmuv3_config *hw, const uint64_t ste[8])
{
	unsigned config = field_get(STE_0_CONFIG, ste[0]);
	bool traffic = (ste[0] & STE_0_V) && (config & STE_CONFIG_BYPASS);
	bool s1 = traffic && (config & STE_CONFIG_S1), s2 = traffic && (config & STE_CONFIG_S2);
	bool max = field_get(STE_0_S1CDMAX, ste[0]);

	return (ste[0] & STE_0_V ? VALID : 0) | (traffic ? TRAFFIC : 0) | (s1 ? USES_S1 : 0) |
	       (s2 ? USES_S2 : 0) | (s1 && hw->ssid_bits ? SSIDSIZE : 0) |
	       (s1 && hw->ssid_bits && max ? SUBSTREAMS : 0) | (!hw->no_stage2 ? HAS_S2 : 0) |
	       (traffic && hw->ats && config != STE_CONFIG_BYPASS ? ATS : 0);
}

void nb_explain_ste(
	const struct nb_smmuv3_config *hw, const uint64_t ste[8], struct nb_explain_fields *out)
{
	struct fields_of of = { .hw = hw ? hw : &fields_all_features, .words = ste };

	memset(out, 0, sizeof(*out));
	out->name = "STE";
	out->what = "Stream table entry: what becomes of a stream's transactions.";
	of.uses = uses_of(of.hw, ste);
	fields_decode(ste_fields, ARRAY_LEN(ste_fields), &of, out);
}
