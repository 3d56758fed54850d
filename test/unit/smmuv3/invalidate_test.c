/* SPDX-License-Identifier: MIT */
/*
 * Caches: what was translated once stays as it was until the right command comes (so caches are
 * there, and tests of invalidation test something), and is gone when it came.
 */
#include <stdio.h>

#include "rig.h"

#define SID(sid)   ((uint64_t)(sid) << 32)
#define VMID(vmid) ((uint64_t)(vmid) << 32)
#define ASID(asid) ((uint64_t)(asid) << 48)
#define OTHER	   RAM(0x20000)
#define ELSEWHERE  (RIG_VA + 0x10000)

struct row {
	const char *what;
	void (*base)(struct rig *rig);
	/* What is changed in memory. */
	uint64_t at, value;
	uint64_t iova;
	uint64_t w0, w1; /* the command */
	bool reaches;
	uint64_t after; /* the address once it is seen */
};

static void s1_block(struct rig *rig)
{
	rig_s1(rig);
	rig_poke(rig, S1_L2 + 16, S1_BLOCK(RAM(MIB(2))));
}

static void s1_global(struct rig *rig)
{
	rig_s1(rig);
	rig_poke(rig, S1_L3 + 24, S1_PAGE(RAM(DATA_AT)) & ~TTD_NG);
}

#define LEAF   S1_L3 + 24, S1_PAGE(OTHER), RIG_VA
#define GONE   S1_L3 + 24, 0, RIG_VA
#define BLOCK  S1_L2 + 16, 0, RIG_VA
#define CDS    CD_AT, CD0 & ~CD_0_V, RIG_VA
#define STES   STRTAB_AT + 64 * RIG_SID, STE0_BYPASS, RIG_VA
#define S2LEAF (S2_L3 + 8 * (DATA_AT >> 12)), S2_PAGE(OTHER)
#define ID     VMID(RIG_VMID) | ASID(RIG_ASID)

static const struct row rows[] = {
	{ "TLBI_NH_VA", rig_s1, LEAF, CMD_TLBI_NH_VA | ID, RIG_VA, true, OTHER },
	{ "TLBI_NH_VA to invalid", rig_s1, GONE, CMD_TLBI_NH_VA | ID, RIG_VA, true, RIG_ABORT },
	{ "TLBI_NH_VA in a block", s1_block, BLOCK, CMD_TLBI_NH_VA | ID, RIG_VA + 0x1000, true,
		RIG_ABORT },
	{ "TLBI_NH_VA elsewhere", rig_s1, LEAF, CMD_TLBI_NH_VA | ID, ELSEWHERE, false, 0 },
	{ "TLBI_NH_VA, other ASID", rig_s1, LEAF, CMD_TLBI_NH_VA | VMID(RIG_VMID) | ASID(8), RIG_VA,
		false, 0 },
	{ "TLBI_NH_VA, other ASID, global", s1_global, GONE,
		CMD_TLBI_NH_VA | VMID(RIG_VMID) | ASID(8), RIG_VA, true, RIG_ABORT },
	{ "TLBI_NH_VA, other VMID", rig_s1, LEAF, CMD_TLBI_NH_VA | VMID(8) | ASID(RIG_ASID), RIG_VA,
		false, 0 },
	{ "TLBI_NH_VA, a range of 16 pages", rig_s1, LEAF, CMD_TLBI_NH_VA | ID | 15 << 12,
		(RIG_VA - 0xf000) | 1 << 10, true, OTHER },
	{ "TLBI_NH_VA, a range short by one", rig_s1, LEAF, CMD_TLBI_NH_VA | ID | 14 << 12,
		(RIG_VA - 0xf000) | 1 << 10, false, 0 },
	{ "TLBI_NH_VA, a range by scale", rig_s1, LEAF, CMD_TLBI_NH_VA | ID | 4 << 20,
		(RIG_VA - 0xf000) | 1 << 10, true, OTHER },
	{ "TLBI_NH_VA, by scale, short by one", rig_s1, LEAF, CMD_TLBI_NH_VA | ID | 4 << 20,
		(RIG_VA - 0x10000) | 1 << 10, false, 0 },
	{ "TLBI_NH_VA, a huge range", rig_s1, LEAF, CMD_TLBI_NH_VA | ID | 19 << 20, 1 << 10, true,
		OTHER },
	{ "TLBI_NH_VA, an endless range", rig_s1, LEAF, CMD_TLBI_NH_VA | ID | 31 << 20 | 31 << 12,
		1 << 10 | 0x1000, true, OTHER },
	{ "TLBI_NH_VAA", rig_s1, LEAF, CMD_TLBI_NH_VAA | VMID(RIG_VMID), RIG_VA, true, OTHER },
	{ "TLBI_NH_ASID", rig_s1, LEAF, CMD_TLBI_NH_ASID | ID, 0, true, OTHER },
	{ "TLBI_NH_ASID, other ASID", rig_s1, LEAF, CMD_TLBI_NH_ASID | VMID(RIG_VMID), 0, false,
		0 },
	{ "TLBI_NH_ALL", rig_s1, LEAF, CMD_TLBI_NH_ALL | VMID(RIG_VMID), 0, true, OTHER },
	{ "TLBI_NH_ALL, other VMID", rig_s1, LEAF, CMD_TLBI_NH_ALL | VMID(1), 0, false, 0 },
	{ "TLBI_NSNH_ALL", rig_s1, LEAF, CMD_TLBI_NSNH_ALL, 0, true, OTHER },
	{ "TLBI_S2_IPA", rig_s2, S2LEAF, RAM(DATA_AT), CMD_TLBI_S2_IPA | VMID(RIG_VMID),
		RAM(DATA_AT), true, OTHER },
	{ "TLBI_S2_IPA elsewhere", rig_s2, S2LEAF, RAM(DATA_AT), CMD_TLBI_S2_IPA | VMID(RIG_VMID),
		RAM(DATA_AT + 0x1000), false, 0 },
	{ "TLBI_S2_IPA, other VMID", rig_s2, S2LEAF, RAM(DATA_AT), CMD_TLBI_S2_IPA | VMID(1),
		RAM(DATA_AT), false, 0 },
	{ "TLBI_S2_IPA, nested", rig_nested, S2LEAF, RIG_VA, CMD_TLBI_S2_IPA | VMID(RIG_VMID),
		RAM(DATA_AT), true, OTHER },
	{ "TLBI_S12_VMALL", rig_s2, S2LEAF, RAM(DATA_AT), CMD_TLBI_S12_VMALL | VMID(RIG_VMID), 0,
		true, OTHER },
	{ "TLBI_S12_VMALL, nested", rig_nested, S2LEAF, RIG_VA, CMD_TLBI_S12_VMALL | VMID(RIG_VMID),
		0, true, OTHER },
	{ "TLBI_NH_VA, nested", rig_nested, LEAF, CMD_TLBI_NH_VA | ID, RIG_VA, true, OTHER },
	{ "TLBI_NH_VA is not for stage 2", rig_s2, S2LEAF, RAM(DATA_AT), CMD_TLBI_NH_VA | ID,
		RAM(DATA_AT), false, 0 },
	{ "CFGI_STE", rig_s1, STES, CMD_CFGI_STE | SID(RIG_SID), 0, true, RIG_VA },
	{ "CFGI_STE, other stream", rig_s1, STES, CMD_CFGI_STE | SID(4), 0, false, 0 },
	{ "CFGI_STE_RANGE", rig_s1, STES, CMD_CFGI_STE_RANGE | SID(4), 0, true, RIG_VA },
	{ "CFGI_STE_RANGE, other streams", rig_s1, STES, CMD_CFGI_STE_RANGE | SID(6), 0, false, 0 },
	{ "CFGI_ALL", rig_s1, STES, CMD_CFGI_STE_RANGE, 31, true, RIG_VA },
	{ "CFGI_CD", rig_s1, CDS, CMD_CFGI_CD | SID(RIG_SID), 0, true, RIG_ABORT },
	{ "CFGI_CD, other stream", rig_s1, CDS, CMD_CFGI_CD | SID(7), 0, false, 0 },
	{ "CFGI_CD_ALL", rig_s1, CDS, CMD_CFGI_CD_ALL | SID(RIG_SID), 0, true, RIG_ABORT },
	{ "TLBI is not CFGI", rig_s1, CDS, CMD_TLBI_NSNH_ALL, 0, false, 0 },
	{ "PREFETCH_CONFIG drops nothing", rig_s1, STES, CMD_PREFETCH_CONFIG | SID(RIG_SID), 0,
		false, 0 },
};

static bool check(const struct row *row)
{
	struct rig rig;
	uint64_t before, stale, after;
	bool ok;

	rig_init(&rig);
	row->base(&rig);
	before = rig_pa(&rig, row->iova, NB_DMA_READ);
	assert_int_not_equal(before, RIG_ABORT);
	rig_pa(&rig, row->iova, NB_DMA_READ); /* global pages are cached at second sight */
	rig_poke(&rig, row->at, row->value);
	stale = rig_pa(&rig, row->iova, NB_DMA_READ);
	rig_cmd(&rig, row->w0, row->w1);
	after = rig_pa(&rig, row->iova, NB_DMA_READ);
	ok = stale == before && after == (row->reaches ? row->after : before);
	/* A port that holds nothing of its own sees what there is now. */
	nb_smmuv3_port_destroy(smmuv3_port_of(rig.port));
	rig.port = smmuv3_port(nb_smmuv3_port_create(rig.smmu, RIG_SID));
	ok = ok && (!row->reaches || rig_pa(&rig, row->iova, NB_DMA_READ) == after);
	rig_finish(&rig);
	return ok;
}

static void test_rows(void **state)
{
	unsigned i, failed = 0;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (!check(&rows[i])) {
			printf("  %s\n", rows[i].what);
			failed++;
		}
	}
	assert_int_equal(failed, 0);
}

/* More streams than the configuration cache holds, several pages each: always the right ones. */
static void test_evictions(void **state)
{
	struct dma_span span;
	struct rig rig;
	unsigned i, turn;

	rig_create(&rig, (struct nb_smmuv3_config){ 0 });
	rig_enable(&rig);
	rig_write(&rig, R_CR0, CR0_EVENTQEN | CR0_CMDQEN);
	nb_smmuv3_write(rig.smmu, R_STRTAB_BASE, RAM(MIB(1)), 8);
	rig_write(&rig, R_STRTAB_CFG, 10);
	rig_write(&rig, R_CR0, CR0_EVENTQEN | CR0_CMDQEN | CR0_SMMUEN);
	rig_s1_tables(&rig);
	rig_s2_tables(&rig);
	/* Even streams bypass, odd ones go through stage 2. */
	for (i = 0; i < 1024; i++) {
		rig_poke(&rig, MIB(1) + 64 * i, i % 2 ? STE0_S2 : STE0_BYPASS);
		rig_poke(&rig, MIB(1) + 64 * i + 16, STE2_S2);
		rig_poke(&rig, MIB(1) + 64 * i + 24, RAM(S2_L1));
	}
	for (i = 0; i < 512; i++)
		rig_poke(&rig, S2_L3 + 8 * i, S2_PAGE(RAM((uint64_t)(511 - i) << 12)));
	for (turn = 0; turn < 4 * 1024; turn++) {
		uint64_t off = turn * 7919 % 512 << 12;

		i = turn * 2654435761u >> 22;
		assert_int_equal(rig_translate_sid(&rig, i, RAM(off), NB_DMA_READ, &span), 0);
		assert_int_equal(span.pa.v, i % 2 ? RAM(MIB(2) - KIB(4) - off) : RAM(off));
	}
	rig_finish(&rig);
}

/* A permission that the cached entry lacks is a fault, again and again, and does not spoil it. */
static void test_permission_hit(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig_s1(&rig);
	rig_poke(&rig, S1_L3 + 24, S1_PAGE(RAM(DATA_AT)) | TTD_AP_RO);
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_READ), RAM(DATA_AT));
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_WRITE), RIG_ABORT);
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_READ), RAM(DATA_AT));
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_WRITE), RIG_ABORT);
	assert_int_equal(rig_event_count(&rig), 2);
	rig_finish(&rig);
}

/* Stage 2's pages are smaller than the block: one TLBI, as drivers send it, reaches all of it. */
static void test_split_block(void **state)
{
	const uint64_t ids = (uint64_t)RIG_VMID << 32 | (uint64_t)RIG_ASID << 48;
	const uint64_t block = align_down(RIG_VA, MIB(2));
	struct rig rig;
	unsigned i;

	rig_init(&rig);
	rig_nested(&rig);
	rig_poke(&rig, S1_L2 + 16, S1_BLOCK(RAM(0)));
	/* Twice: what is seen for the first time is not cached yet. */
	for (i = 0; i < 2; i++) {
		assert_int_equal(rig_pa(&rig, block, NB_DMA_READ), RAM(0));
		assert_int_equal(rig_pa(&rig, block + 0x5000, NB_DMA_READ), RAM(0x5000));
	}
	rig_poke(&rig, S1_L2 + 16, 0);
	rig_cmd(&rig, CMD_TLBI_NH_VA | ids, block | CMD_1_LEAF);
	assert_true(rig_pa(&rig, block, NB_DMA_READ) == RIG_ABORT);
	assert_true(rig_pa(&rig, block + 0x5000, NB_DMA_READ) == RIG_ABORT);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_evictions),
		cmocka_unit_test(test_permission_hit),
		cmocka_unit_test(test_split_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
