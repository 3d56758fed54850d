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

static void check_width(const char *of)
{
	size_t width;

	for (; *of; of += width + (of[width] == '\n')) {
		width = strcspn(of, "\n");
		if (width > 100)
			fail_msg("%zu columns: %.*s", width, (int)width, of);
	}
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
