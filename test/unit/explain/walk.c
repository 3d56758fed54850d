/* SPDX-License-Identifier: MIT */
/*
 * Translations explained: that the result is translation's own, what the steps are, what the caches
 * hold; that nothing changes by being looked at; and that each rendering holds it all.
 */
#include <stdio.h>

#include <json-c/json.h>
#include <nestbox/explain.h>

#include "../smmuv3/rig.h"
#include "smmuv3/model.h"

struct memory {
	char text[65536];
	size_t len;
};

static void to_memory(void *ctx, const char *text, size_t len)
{
	struct memory *to = ctx;

	assert_true(to->len + len < sizeof(to->text));
	memcpy(to->text + to->len, text, len);
	to->len += len;
	to->text[to->len] = '\0';
}

static const struct nb_explain_names names = { "0000:01:00.0", "smmu0" };
static struct nb_explanation e;
static struct memory m;

static void explain(struct rig *rig, uint64_t iova, uint32_t flags)
{
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(iova), .flags = flags };

	assert_int_equal(nb_smmuv3_explain(rig->smmu, RIG_SID, &txn, &e), 0);
}

static const char *text(unsigned flags)
{
	m.len = 0;
	nb_explain_text(&e, &names, flags, to_memory, &m);
	return m.text;
}

static void check_width(const char *of)
{
	size_t width;

	for (; *of; of += width + (of[width] == '\n')) {
		width = strcspn(of, "\n");
		if (width > 100)
			fail_msg("%zu columns: %.*s", width, (int)width, of);
	}
}

/* ---- steps ---- */

/* "STE S2' ...": ' is nested. */
static void steps(char *out)
{
	static const char *const kinds[] = { "L1STD", "STE", "L1CD", "CD", "S1", "S2" };

	*out = '\0';
	for (unsigned i = 0; i < e.n; i++) {
		strcat(out, i ? " " : "");
		strcat(out, kinds[e.steps[i].kind]);
		strcat(out, e.steps[i].depth ? "'" : "");
	}
}

static const struct {
	const char *what;
	void (*build)(struct rig *rig);
	uint32_t at; /* poked with value, unless 0 */
	uint64_t value, iova;
	uint32_t flags;
	const char *steps;
	uint64_t pa;   /* or 0: an event */
	uint8_t event; /* or 0 and pa 0: aborted */
} cases[] = {
	{ "stage 1", rig_s1, 0, 0, RIG_VA + 8, NB_READ, "STE CD S1 S1 S1 S1", RAM(DATA_AT) + 8, 0 },
	{ "stage 2", rig_s2, 0, 0, RAM(DATA_AT), NB_WRITE, "STE S2 S2 S2", RAM(DATA_AT), 0 },
	{ "both", rig_nested, 0, 0, RIG_VA, NB_READ,
		"STE S2' S2' S2' CD S2' S2' S2' S1 S2' S2' S2' S1 S2' S2' S2' S1 S2' S2' S2' S1 "
		"S2 S2 S2",
		RAM(DATA_AT), 0 },
	{ "nothing mapped", rig_s1, 0, 0, 0x1000, NB_READ, "STE CD S1 S1", 0, EVT_F_TRANSLATION },
	{ "beyond", rig_s1, 0, 0, BIT64(48), NB_READ, "STE CD", 0, EVT_F_TRANSLATION },
	{ "no permission", rig_s1, S1_L3 + 24, S1_PAGE(RAM(DATA_AT)) | TTD_AP_RO, RIG_VA, NB_WRITE,
		"STE CD S1 S1 S1 S1", 0, EVT_F_PERMISSION },
	{ "no stage 2 for the CD", rig_nested, S2_L3 + 8 * (CD_AT >> 12), 0, RIG_VA, NB_READ,
		"STE S2' S2' S2'", 0, EVT_F_TRANSLATION },
	{ "no stage 2 for a table", rig_nested, S2_L3 + 8 * (S1_L1 >> 12), 0, RIG_VA, NB_READ,
		"STE S2' S2' S2' CD S2' S2' S2' S1 S2' S2' S2'", 0, EVT_F_TRANSLATION },
	{ "no stage 2 for the data", rig_nested, S2_L3 + 8 * (DATA_AT >> 12), 0, RIG_VA, NB_READ,
		"STE S2' S2' S2' CD S2' S2' S2' S1 S2' S2' S2' S1 S2' S2' S2' S1 S2' S2' S2' S1 "
		"S2 S2 S2",
		0, EVT_F_TRANSLATION },
	{ "a table where nobody answers", rig_s1, S1_L0, TABLE(BIT64(40)), RIG_VA, NB_READ,
		"STE CD S1", 0, EVT_F_WALK_EABT },
	{ "a bad CD", rig_s1, CD_AT, 0, RIG_VA, NB_READ, "STE CD", 0, EVT_C_BAD_CD },
	{ "a bad STE", rig_s1, STRTAB_AT + 64 * RIG_SID, 0, RIG_VA, NB_READ, "STE", 0,
		EVT_C_BAD_STE },
	{ "abort", rig_s1, STRTAB_AT + 64 * RIG_SID, 1, RIG_VA, NB_READ, "STE", 0, 0 },
	{ "bypass", rig_s1, STRTAB_AT + 64 * RIG_SID, 9, RIG_VA, NB_READ, "STE", RIG_VA, 0 },
};

static void check_case(struct rig *rig, size_t i)
{
	char found[256];
	uint64_t pa;

	explain(rig, cases[i].iova, cases[i].flags);
	steps(found);
	assert_string_equal(found, cases[i].steps);
	assert_int_equal(e.ok, cases[i].pa != 0);
	assert_int_equal(e.abort, !cases[i].pa && !cases[i].event);
	assert_int_equal(e.event ? field_get(EVT_0_TYPE, e.record[0]) : 0, cases[i].event);
	/* Nothing was recorded. What translation says is the same, and its record. */
	assert_int_equal(rig_event_count(rig), 0);
	pa = rig_pa(rig, cases[i].iova, cases[i].flags);
	assert_true(pa == (cases[i].pa ?: RIG_ABORT));
	assert_true(!e.ok || e.pa.v == pa);
	assert_int_equal(rig_event_count(rig), e.event);
	if (e.event) {
		uint64_t record[EVT_WORDS];

		rig_event(rig, record);
		assert_memory_equal(record, e.record, sizeof(record));
	}
}

static void test_cases(void **state)
{
	struct rig rig;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		rig_init(&rig);
		cases[i].build(&rig);
		if (cases[i].at)
			rig_poke(&rig, cases[i].at, cases[i].value);
		check_case(&rig, i);
		rig_finish(&rig);
	}
}

/* ---- accesses by translated addresses ---- */

#define EATS(n) ((uint64_t)(n) << 28)
#define CR0_ATS (CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN | CR0_ATSCHK)
#define IPA	RAM(DATA_AT)
#define STE_AT	(STRTAB_AT + 64 * RIG_SID)

/* Every CR0, STE and address: the explanation is the access's own result, and its own record. */
static const struct {
	const char *what;
	uint32_t cr0;
	bool no_ats;
	uint64_t ste0, ste1; /* of a nested STE otherwise; 0: as it is */
	uint32_t at;	     /* poked with value, unless 0 */
	uint64_t value, addr;
	const char *steps;
	uint64_t pa;   /* or 0: an event */
	uint8_t event; /* or 0 and pa 0: aborted */
	bool recorded;
} translated[] = {
	{ "off", 0, .addr = IPA, .steps = "", .event = EVT_F_TRANSL_FORBIDDEN },
	{ "off, with events", CR0_EVENTQEN, .addr = IPA, .steps = "",
		.event = EVT_F_TRANSL_FORBIDDEN, .recorded = true },
	{ "no ATS", CR0_ATS, .no_ats = true, .addr = IPA, .steps = "" },
	{ "unchecked", CR0_ATS & ~CR0_ATSCHK, .addr = IPA + 8, .steps = "", .pa = IPA + 8 },
	{ "unchecked, whatever the STE is", CR0_ATS & ~CR0_ATSCHK, .at = STE_AT, .addr = 0x123,
		.steps = "", .pa = 0x123 },
	{ "unchecked, beyond the OAS", CR0_ATS & ~CR0_ATSCHK, .addr = BIT64(48), .steps = "" },
	{ "EATS 0b00", CR0_ATS, .addr = IPA, .steps = "STE", .event = EVT_F_TRANSL_FORBIDDEN,
		.recorded = true },
	{ "full", CR0_ATS, .ste1 = EATS(1), .addr = BIT64(40), .steps = "STE", .pa = BIT64(40) },
	{ "full, beyond the OAS", CR0_ATS, .ste1 = EATS(1), .addr = BIT64(48), .steps = "STE" },
	{ "full, a bad CD", CR0_ATS, .ste1 = EATS(1), .at = CD_AT, .addr = IPA, .steps = "STE",
		.pa = IPA },
	{ "abort", CR0_ATS, .ste0 = 1, .addr = IPA, .steps = "STE" },
	{ "bypass", CR0_ATS, .ste0 = STE0_BYPASS, .addr = IPA, .steps = "STE",
		.event = EVT_F_TRANSL_FORBIDDEN, .recorded = true },
	{ "a bad STE", CR0_ATS, .at = STE_AT, .addr = IPA, .steps = "STE", .event = EVT_C_BAD_STE,
		.recorded = true },
	{ "split", CR0_ATS, .ste1 = EATS(2), .addr = IPA + 8, .steps = "STE S2 S2 S2",
		.pa = IPA + 8 },
	{ "split, a block", CR0_ATS, .ste1 = EATS(2), .addr = RAM(MIB(3)), .steps = "STE S2 S2",
		.pa = RAM(MIB(3)) },
	{ "split, a bad CD", CR0_ATS, .ste1 = EATS(2), .at = CD_AT, .addr = IPA,
		.steps = "STE S2 S2 S2", .pa = IPA },
	{ "split, not mapped", CR0_ATS, .ste1 = EATS(2), .at = S2_L3 + 8 * (DATA_AT >> 12),
		.addr = IPA, .steps = "STE S2 S2 S2", .event = EVT_F_TRANSLATION,
		.recorded = true },
	{ "split, not writable", CR0_ATS, .ste1 = EATS(2), .at = S2_L3 + 8 * (DATA_AT >> 12),
		.value = S2_PAGE(IPA) & ~BIT64(7), .addr = IPA, .steps = "STE S2 S2 S2",
		.event = EVT_F_PERMISSION, .recorded = true },
	{ "split, PRIVCFG", CR0_ATS, .ste1 = EATS(2) | UINT64_C(3) << 48,
		.at = S2_L3 + 8 * (DATA_AT >> 12), .addr = IPA, .steps = "STE S2 S2 S2",
		.event = EVT_F_TRANSLATION, .recorded = true },
};

static void build_translated(struct rig *rig, size_t i, uint32_t cr2)
{
	rig_create(rig, (struct nb_smmuv3_config){ .ats = !translated[i].no_ats,
				.ssid_bits = 4,
				.stall_model = NB_SMMUV3_STALL_ALLOWED });
	rig_nested(rig);
	rig_poke(rig, STE_AT + 8, translated[i].ste1);
	rig_poke(rig, STE_AT, translated[i].ste0 ?: STE0_NEST);
	rig_enable(rig);
	rig_write(rig, R_CR0, 0); /* CR2 is read-only while SMMUEN is 1 */
	rig_write(rig, R_CR2, cr2);
	rig_write(rig, R_CR0, translated[i].cr0);
	if (translated[i].at)
		rig_poke(rig, translated[i].at, translated[i].value);
}

static enum nb_smmuv3_verdict access_of(
	struct rig *rig, uint64_t addr, uint32_t flags, struct nb_smmuv3_span *span)
{
	struct nb_smmuv3_port *port = smmuv3_port_of(rig->port);
	struct nb_smmuv3_txn txn = { NB_IOVA(addr), 3, flags };
	enum nb_smmuv3_verdict verdict;

	nb_smmuv3_enter(port);
	verdict = nb_smmuv3_translate(port, &txn, span);
	nb_smmuv3_leave(port);
	return verdict;
}

static void check_translated(struct rig *rig, size_t i, uint32_t flags)
{
	struct nb_smmuv3_txn txn = { NB_IOVA(translated[i].addr), 3, flags };
	struct nb_smmuv3_span span;
	enum nb_smmuv3_verdict verdict;
	uint64_t record[EVT_WORDS];
	char found[256];

	assert_int_equal(nb_smmuv3_explain(rig->smmu, RIG_SID, &txn, &e), 0);
	steps(found);
	assert_string_equal(found, translated[i].steps);
	assert_int_equal(e.ok, translated[i].pa != 0);
	assert_int_equal(e.abort, !translated[i].pa && !translated[i].event);
	assert_int_equal(e.event ? field_get(EVT_0_TYPE, e.record[0]) : 0, translated[i].event);
	assert_int_equal(rig_event_count(rig), 0);
	assert_false(e.stage1 || e.cfg_cached || e.n_entries);
	verdict = access_of(rig, translated[i].addr, flags, &span);
	assert_int_equal(verdict, e.ok ? NB_SMMUV3_OK : NB_SMMUV3_ABORT);
	assert_int_equal(e.verdict, e.event ? NB_SMMUV3_ABORT : NB_SMMUV3_OK);
	if (e.ok) {
		uint64_t mask = BIT64(e.size_lg2) - 1;

		assert_true(e.pa.v == span.pa.v && e.pa.v == translated[i].pa);
		assert_true(span.bytes == mask + 1 - (span.pa.v & mask));
	}
	if (!translated[i].recorded)
		return;
	assert_int_equal(rig_event_count(rig), !e.silent);
	if (!e.silent) {
		rig_event(rig, record);
		assert_memory_equal(record, e.record, sizeof(record));
	}
}

static void test_translated(void **state)
{
	/* A PASID says nothing, nor does what comes with one. */
	static const uint32_t kinds[] = { NB_WRITE, NB_WRITE | NB_SSV,
		NB_WRITE | NB_SSV | NB_PRIV };
	struct rig rig;

	for (size_t i = 0; i < ARRAY_LEN(translated); i++)
		for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
			build_translated(&rig, i, CR2_RECINVSID | CR2_REC_CFG_ATS);
			check_translated(&rig, i, kinds[k] | NB_TRANSLATED);
			check_width(text(0));
			rig_finish(&rig);
		}
}

/* Without CR2.REC_CFG_ATS what is wrong with the configuration is not recorded, with it it is. */
static void test_translated_silent(void **state)
{
	struct rig rig;

	for (size_t i = 0; i < ARRAY_LEN(translated); i++) {
		build_translated(&rig, i, CR2_RECINVSID);
		check_translated(&rig, i, NB_WRITE | NB_TRANSLATED);
		assert_int_equal(e.silent, translated[i].event == EVT_C_BAD_STE);
		check_width(text(0));
		rig_finish(&rig);
	}
}

/* A stream that the table does not have, and one without a default substream: steps and records. */
static void test_translated_stream(void **state)
{
	struct nb_smmuv3_txn txn = { NB_IOVA(IPA), 0, NB_READ | NB_TRANSLATED };
	struct nb_smmuv3_span span;
	uint64_t record[EVT_WORDS];
	struct rig rig;

	build_translated(&rig, 0, CR2_REC_CFG_ATS);
	rig_write(&rig, R_CR0, CR0_ATS);
	assert_int_equal(nb_smmuv3_explain(rig.smmu, 64, &txn, &e), 0);
	assert_int_equal(field_get(EVT_0_TYPE, e.record[0]), EVT_C_BAD_STREAMID);
	assert_true(!e.silent && !e.n && !e.configured);
	rig_poke(&rig, STE_AT + 8, EATS(1));
	rig_poke(&rig, STE_AT, STE0_NEST | field_prep(STE_0_S1CDMAX, 1));
	explain(&rig, IPA, txn.flags);
	assert_int_equal(field_get(EVT_0_TYPE, e.record[0]), EVT_F_STREAM_DISABLED);
	check_width(text(0));
	assert_int_equal(access_of(&rig, IPA, txn.flags, &span), NB_SMMUV3_ABORT);
	rig_event(&rig, record);
	assert_memory_equal(record, e.record, sizeof(record));
	rig_finish(&rig);
}

/* No IOTLB is asked; the configuration cache is, but for what it has of stage 1. */
static void test_translated_caches(void **state)
{
	struct nb_smmuv3_span span;
	struct rig rig;

	build_translated(&rig, 0, 0);
	rig_write(&rig, R_CR0, CR0_ATS);
	rig_poke(&rig, STE_AT + 8, EATS(2));
	rig_pa(&rig, RIG_VA, NB_DMA_READ);
	assert_int_equal(access_of(&rig, IPA, NB_READ | NB_TRANSLATED, &span), NB_SMMUV3_OK);
	rig_poke(&rig, CD_AT, 0);
	explain(&rig, IPA, NB_READ | NB_TRANSLATED);
	assert_true(e.ok && e.stage2 && !e.stage1 && e.vmid == RIG_VMID);
	assert_true(e.cfg_cached && !e.cfg_differs && !e.n_entries);
	assert_non_null(strstr(text(0), "Read of translated address 0x40010000"));
	assert_non_null(strstr(text(0), "IOTLB: not asked"));
	rig_poke(&rig, STE_AT + 8, EATS(1));
	explain(&rig, IPA, NB_READ | NB_TRANSLATED);
	assert_true(e.ok && !e.stage2 && e.cfg_differs);
	assert_non_null(strstr(text(0), "the STE permits that"));
	rig_write(&rig, R_CR0, CR0_ATS & ~CR0_ATSCHK);
	explain(&rig, IPA, NB_READ | NB_TRANSLATED);
	assert_non_null(strstr(text(0), "CR0.ATSCHK is 0"));
	assert_null(strstr(text(0), "Caches"));
	m.len = 0;
	nb_explain_json(&e, &names, to_memory, &m);
	assert_non_null(strstr(m.text, "\"translated\": true"));
	rig_finish(&rig);
}

/* What becomes of a fault where CD.S or CD.A says otherwise; nothing stalls by being explained. */
static void test_verdicts(void **state)
{
	struct rig rig;

	rig_create(&rig, (struct nb_smmuv3_config){
				 .stall_model = NB_SMMUV3_STALL_ALLOWED, .raz_wi = true });
	rig_enable(&rig);
	rig_s1(&rig);
	explain(&rig, 0x1000, NB_READ);
	assert_true(e.event && e.verdict == NB_SMMUV3_ABORT);
	rig_poke(&rig, CD_AT, (CD0 | CD_0_S) & ~CD_0_R);
	rig_cmd(&rig, CMD_CFGI_CD | (uint64_t)RIG_SID << 32, 1);
	explain(&rig, 0x1000, NB_READ);
	assert_true(e.event && !e.silent && e.verdict == NB_SMMUV3_STALLED);
	assert_true(e.record[1] & EVT_1_STALL);
	assert_non_null(strstr(text(0), "stalls until CMD_RESUME"));
	rig_poke(&rig, CD_AT, CD0 & ~CD_0_A);
	rig_cmd(&rig, CMD_CFGI_CD | (uint64_t)RIG_SID << 32, 1);
	explain(&rig, 0x1000, NB_READ);
	assert_true(e.event && e.verdict == NB_SMMUV3_RAZ_WI);
	assert_int_equal(rig_event_count(&rig), 0);
	rig_finish(&rig);
}

/* Each substream by its own CD. */
static void test_substreams(void **state)
{
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(RIG_VA), .flags = NB_READ | NB_SSV };
	struct rig rig;

	rig_create(&rig, (struct nb_smmuv3_config){ .ssid_bits = 4 });
	rig_enable(&rig);
	rig_s1_tables(&rig);
	rig_ste(&rig, RIG_SID, STE0_S1 | field_prep(STE_0_S1CDMAX, 1),
		field_prep(STE_1_S1DSS, STE_S1DSS_TERMINATE), RIG_VMID, 0);
	rig_poke(&rig, CD_AT + 64, CD0); /* another one, of empty tables */
	rig_poke(&rig, CD_AT + 64 + 8, RAM(S2_L0));
	assert_int_equal(nb_smmuv3_explain(rig.smmu, RIG_SID, &txn, &e), 0);
	assert_true(e.ok && e.pa.v == RAM(DATA_AT));
	txn.ssid = 1;
	assert_int_equal(nb_smmuv3_explain(rig.smmu, RIG_SID, &txn, &e), 0);
	assert_true(e.event && field_get(EVT_0_SSID, e.record[0]) == 1);
	assert_int_equal(field_get(EVT_0_TYPE, e.record[0]), EVT_F_TRANSLATION);
	txn.ssid = 2;
	assert_int_equal(nb_smmuv3_explain(rig.smmu, RIG_SID, &txn, &e), 0);
	assert_int_equal(field_get(EVT_0_TYPE, e.record[0]), EVT_C_BAD_SUBSTREAMID);
	rig_finish(&rig);
}

static void test_off(void **state)
{
	struct rig rig;

	rig_create(&rig, (struct nb_smmuv3_config){ 0 });
	explain(&rig, 0x1234, NB_READ);
	assert_true(!e.enabled && e.ok && e.pa.v == 0x1234 && !e.n);
	assert_non_null(strstr(text(0), "GBPA"));
	rig_finish(&rig);
}

/* ---- what each step says ---- */

static void test_steps(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig_nested(&rig);
	rig_poke(&rig, S1_L1 + 8, TABLE(RAM(S1_L2)) | TTD_APTABLE_RO);
	explain(&rig, RIG_VA, NB_READ);
	assert_int_equal(e.steps[4].kind, NB_EXPLAIN_CD);
	assert_true(e.steps[4].pa.v == RAM(CD_AT) && e.steps[4].words[0] == CD0);
	/* Entries 0, 1, 2 and 3 of the four levels. */
	for (unsigned level = 0; level < 4; level++) {
		const struct nb_explain_step *step = &e.steps[8 + 4 * level];

		assert_int_equal(step->kind, NB_EXPLAIN_S1);
		assert_int_equal(step->level, level);
		assert_int_equal(step->index, level);
		assert_int_equal(step->granule_lg2, 12);
	}
	assert_non_null(strstr(e.steps[20].note, "write"));
	assert_true(e.ipa.v == RAM(DATA_AT));
	assert_int_equal(e.prot & NB_EXPLAIN_W, 0);
	assert_true(e.asid == RIG_ASID && e.vmid == RIG_VMID);
	rig_finish(&rig);
}

/* Hardware would set the access flag and make it writable: explaining says so, and does not. */
static void test_no_update(void **state)
{
	const uint64_t clean = (S1_PAGE(RAM(DATA_AT)) | TTD_AP_RO | TTD_DBM) & ~TTD_AF;
	struct rig rig;

	rig_create(&rig, (struct nb_smmuv3_config){ .httu = NB_SMMUV3_HTTU_DIRTY });
	rig_enable(&rig);
	rig_s1(&rig);
	rig_poke(&rig, CD_AT, CD0 | CD_0_HA | CD_0_HD);
	rig_poke(&rig, S1_L3 + 24, clean);
	explain(&rig, RIG_VA, NB_WRITE);
	assert_true(e.ok);
	assert_true(*rig_at(&rig, S1_L3 + 24) == clean);
	assert_non_null(strstr(text(0), "DBM: clean"));
	assert_true(rig_pa(&rig, RIG_VA, NB_DMA_WRITE) == RAM(DATA_AT));
	assert_true(*rig_at(&rig, S1_L3 + 24) == ((clean | TTD_AF) & ~TTD_AP_RO));
	rig_finish(&rig);
}

/* Other granules have other indexes. */
static void test_granule(void **state)
{
	struct rig rig;

	rig_create(&rig, (struct nb_smmuv3_config){ .granules = NB_SMMUV3_GRAN64K });
	rig_enable(&rig);
	rig_s1(&rig);
	/* 42 bits: levels 2 and 3. Their tables are not in the way of others where they are read. */
	rig_poke(&rig, CD_AT, (CD0 & ~CD_0_T0SZ) | 22 | 1 << 6);
	rig_poke(&rig, CD_AT + 8, RAM(0x20000));
	rig_poke(&rig, 0x20000 + 8 * 5, TABLE(RAM(0x30000)));
	rig_poke(&rig, 0x30000 + 8 * 7, S1_PAGE(RAM(0x40000)));
	explain(&rig, 5ull << 29 | 7 << 16 | 0x1234, NB_READ);
	assert_true(e.ok && e.pa.v == RAM(0x41234) && e.size_lg2 == 16);
	assert_int_equal(e.n, 4);
	assert_true(e.steps[2].granule_lg2 == 16 && e.steps[2].level == 2 && e.steps[2].index == 5);
	assert_true(e.steps[3].index == 7);
	assert_non_null(strstr(text(0), "64 KiB page -> 0x40040000"));
	rig_finish(&rig);
}

/* ---- caches ---- */

static void test_caches(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig_s2(&rig);
	explain(&rig, RAM(DATA_AT), NB_READ);
	assert_true(e.caches_known && !e.cfg_cached && !e.n_entries);
	explain(&rig, RAM(DATA_AT), NB_READ);
	assert_true(!e.cfg_cached && !e.n_entries); /* explaining has cached nothing */
	rig_pa(&rig, RAM(DATA_AT), NB_DMA_READ);
	explain(&rig, RAM(DATA_AT), NB_READ);
	assert_true(e.cfg_cached && !e.cfg_differs);
	assert_int_equal(e.n_entries, 1);
	assert_true(e.entries[0].live && !e.entries[0].differs && e.entries[0].size_lg2 == 12);
	assert_true(e.entries[0].pa.v == RAM(DATA_AT));
	/* A table that was changed, and not invalidated. */
	rig_poke(&rig, S2_L3 + 8 * (DATA_AT >> 12), 0);
	explain(&rig, RAM(DATA_AT), NB_READ);
	assert_true(e.event && e.entries[0].live && e.entries[0].differs);
	assert_non_null(strstr(text(0), "a TLBI is missing"));
	/* Invalidated with all there is: dead, though it is still there. */
	rig_cmd(&rig, CMD_TLBI_NSNH_ALL, 0);
	explain(&rig, RAM(DATA_AT), NB_READ);
	assert_true(!e.n_entries || !e.entries[0].live);
	/* An STE that was changed, and not invalidated. */
	rig_poke(&rig, STRTAB_AT + 64 * RIG_SID, 1);
	explain(&rig, RAM(DATA_AT), NB_READ);
	assert_true(e.cfg_cached && e.cfg_differs);
	assert_non_null(strstr(text(0), "a CFGI is missing"));
	rig_finish(&rig);
}

/* ---- renderings ---- */

static struct json_object *get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	assert_true(json_object_object_get_ex(object, key, &value));
	return value;
}

static void test_json(void **state)
{
	struct json_object *object, *steps;
	struct rig rig;

	rig_init(&rig);
	rig_nested(&rig);
	explain(&rig, RIG_VA, NB_READ);
	m.len = 0;
	nb_explain_json(&e, &(struct nb_explain_names){ "a\"\\\x1b\xff", NULL }, to_memory, &m);
	assert_null(strchr(m.text, '\n'));
	object = json_tokener_parse(m.text);
	assert_non_null(object);
	assert_string_equal(json_object_get_string(get(object, "result")), "ok");
	assert_string_equal(json_object_get_string(get(object, "pa")), "0x40010000");
	assert_null(get(object, "iommu"));
	steps = get(object, "steps");
	assert_int_equal(json_object_array_length(steps), e.n);
	assert_string_equal(
		json_object_get_string(get(json_object_array_get_idx(steps, 0), "kind")), "STE");
	assert_true(
		json_object_array_length(get(json_object_array_get_idx(steps, 0), "fields")) > 40);
	json_object_put(object);
	rig_finish(&rig);
}

static unsigned count(const char *in, const char *what)
{
	unsigned n = 0;

	for (in = strstr(in, what); in; in = strstr(in + 1, what))
		n++;
	return n;
}

static void test_text(void **state)
{
	struct rig rig;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		rig_init(&rig);
		cases[i].build(&rig);
		if (cases[i].at)
			rig_poke(&rig, cases[i].at, cases[i].value);
		explain(&rig, cases[i].iova, cases[i].flags);
		check_width(text(0));
		assert_null(strchr(m.text, '\033'));
		assert_int_equal(count(text(NB_EXPLAIN_COLOUR), "\033[") % 2, 0);
		rig_finish(&rig);
	}
}

static void test_svg(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig_nested(&rig);
	explain(&rig, RIG_VA, NB_READ);
	m.len = 0;
	nb_explain_svg(&e, &(struct nb_explain_names){ "<&\">", "\x01" }, to_memory, &m);
	assert_int_equal(count(m.text, "<g class=\"step\">"), e.n);
	assert_int_equal(count(m.text, "class=\"arrow\""), e.n);
	assert_int_equal(count(m.text, "<g class=\"result\">"), 1);
	assert_int_equal(count(m.text, "<g "), count(m.text, "</g>"));
	assert_int_equal(count(m.text, "<text "), count(m.text, "</text>"));
	assert_non_null(strstr(m.text, "&#60;&#38;&#34;&#62;"));
	assert_null(strchr(m.text, '\x01'));
	assert_null(strstr(m.text, "http://fonts"));
	rig_finish(&rig);
}

/* ---- descriptors ---- */

static const struct {
	unsigned stage, level, granule;
	uint64_t desc;
	int kind;
	uint64_t addr;
	const char *words;
} descs[] = {
	{ 1, 3, 12, 0, NB_EXPLAIN_INVALID, 0, "nothing is mapped" },
	{ 1, 3, 12, 0x1001, NB_EXPLAIN_INVALID, 0, "reserved at level 3" },
	{ 1, 0, 12, 1, NB_EXPLAIN_INVALID, 0, "no block" },
	{ 1, 1, 14, 1, NB_EXPLAIN_INVALID, 0, "no block" },
	{ 1, 0, 12, 0x5003, NB_EXPLAIN_TABLE, 0x5000, "table" },
	{ 1, 0, 12, 0x5003 | TTD_APTABLE_RO, NB_EXPLAIN_TABLE, 0x5000,
		"nothing below is writable" },
	{ 1, 3, 12, 0x5c43, NB_EXPLAIN_PAGE, 0x5000, "4 KiB page, rwx, privileged rw-" },
	{ 1, 3, 12, 0x5843, NB_EXPLAIN_PAGE, 0x5000, "access flag 0" },
	{ 1, 3, 12, 0x5443, NB_EXPLAIN_PAGE, 0x5000, "global" },
	{ 1, 3, 12, 0x5cc3 | BIT64(51), NB_EXPLAIN_PAGE, 0x5000, "DBM: clean" },
	{ 1, 2, 12, 0x200c41 | BIT64(52), NB_EXPLAIN_BLOCK, 0x200000, "2 MiB block" },
	{ 1, 1, 12, 0x40000c41, NB_EXPLAIN_BLOCK, 0x40000000, "1 GiB block" },
	{ 1, 2, 14, 0x2000c41, NB_EXPLAIN_BLOCK, 0x2000000, "32 MiB block" },
	{ 1, 2, 16, 0x20000c41, NB_EXPLAIN_BLOCK, 0x20000000, "512 MiB block" },
	{ 1, 3, 16, 0x1fc43, NB_EXPLAIN_PAGE, 0xf000000010000, "64 KiB page" },
	{ 2, 3, 12, 0x54ff, NB_EXPLAIN_PAGE, 0x5000, "rwx, write-back" },
	{ 2, 3, 12, 0x5443, NB_EXPLAIN_PAGE, 0x5000, "r-x, device" },
	{ 2, 3, 12, 0x54ff | BIT64(54), NB_EXPLAIN_PAGE, 0x5000, "rw-" },
	{ 2, 3, 12, 0x54ff | BIT64(53), NB_EXPLAIN_PAGE, 0x5000, "rwx, privileged rw-" },
};

static void test_descriptors(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(descs); i++) {
		struct nb_explain_descriptor desc;

		nb_explain_desc(
			descs[i].stage, descs[i].level, descs[i].granule, descs[i].desc, &desc);
		if ((int)desc.kind != descs[i].kind || desc.addr != descs[i].addr ||
			!strstr(desc.words, descs[i].words))
			fail_msg("descriptor %zu: %d %#llx %s", i, (int)desc.kind,
				(unsigned long long)desc.addr, desc.words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_translated),
		cmocka_unit_test(test_translated_silent),
		cmocka_unit_test(test_translated_stream),
		cmocka_unit_test(test_translated_caches),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_substreams),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_no_update),
		cmocka_unit_test(test_granule),
		cmocka_unit_test(test_caches),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_svg),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
