/* SPDX-License-Identifier: MIT */
/*
 * Leaf-table caches: a table that was found stays where it was until the right command comes (so that
 * there is a cache, and tests of invalidation test something), and is looked for anew when it came.
 * And updates of descriptors by many threads at once lose nothing.
 */
#include <pthread.h>
#include <stdio.h>

#include "rig.h"
#include "smmuv3/model.h"

#define NEXT_VA	  (RIG_VA + 0x1000) /* of the same leaf table */
#define OTHER_L3  0x30000
#define OTHER_L2  0x31000
#define S2_OTHER  0x32000
#define OLD	  RAM(0x20000)
#define NEW	  RAM(0x21000)
#define ID	  ((uint64_t)RIG_VMID << 32 | (uint64_t)RIG_ASID << 48)
#define IPA_OF_L3 RAM(S1_L3)

struct row {
	const char *what;
	void (*base)(struct rig *rig);
	uint64_t at, value;	/* changed in memory */
	uint64_t first, second; /* translated before, and after: by the same leaf table */
	uint64_t w0, w1;	/* the command */
	bool seen;
};

#define S1_TABLE S1_L2 + 16, TABLE(RAM(OTHER_L3))
#define S1_LEAF	 S1_L3 + 32, S1_PAGE(NEW)
#define S1_UPPER S1_L1 + 8, TABLE(RAM(OTHER_L2))
#define S1_UNDER S2_L3 + 8 * (S1_L3 >> 12), S2_PAGE(RAM(OTHER_L3))
#define S2_LEAF	 S2_L3 + 8 * 0x20, S2_PAGE(NEW)
#define S2_TABLE S2_L2, TABLE(RAM(S2_OTHER))
#define VAS	 RIG_VA, NEXT_VA
#define IPAS	 RAM(0x10000), RAM(0x20000)

static const struct row rows[] = {
	{ "no command", rig_s1, S1_TABLE, VAS, CMD_PREFETCH_CONFIG, 0, false },
	{ "leaves are read anew", rig_s1, S1_LEAF, VAS, CMD_PREFETCH_CONFIG, 0, true },
	{ "TLBI_NH_VA, Leaf: another table", rig_s1, S1_TABLE, VAS, CMD_TLBI_NH_VA | ID,
		NEXT_VA | CMD_1_LEAF, false },
	{ "TLBI_NH_VA: another table", rig_s1, S1_TABLE, VAS, CMD_TLBI_NH_VA | ID, NEXT_VA, true },
	{ "TLBI_NH_VA: another upper table", rig_s1, S1_UPPER, VAS, CMD_TLBI_NH_VA | ID, NEXT_VA,
		true },
	{ "TLBI_NH_VAA: another table", rig_s1, S1_TABLE, VAS, CMD_TLBI_NH_VAA | ID, NEXT_VA,
		true },
	{ "TLBI_NH_ASID: another table", rig_s1, S1_TABLE, VAS, CMD_TLBI_NH_ASID | ID, 0, true },
	{ "TLBI_NSNH_ALL: another table", rig_s1, S1_TABLE, VAS, CMD_TLBI_NSNH_ALL, 0, true },
	{ "CFGI_STE: another table", rig_s1, S1_TABLE, VAS, CMD_CFGI_STE | (uint64_t)RIG_SID << 32,
		0, true },
	{ "CFGI_CD: another table", rig_s1, S1_TABLE, VAS, CMD_CFGI_CD | (uint64_t)RIG_SID << 32, 0,
		true },
	{ "another VMID's TLBI", rig_s1, S1_TABLE, VAS, CMD_TLBI_NH_ALL | 3ull << 32, 0, false },
	{ "nested, no command", rig_nested, S1_TABLE, VAS, CMD_PREFETCH_CONFIG, 0, false },
	{ "nested, TLBI_NH_VA", rig_nested, S1_TABLE, VAS, CMD_TLBI_NH_VA | ID, NEXT_VA, true },
	{ "nested, the table's page, no command", rig_nested, S1_UNDER, VAS, CMD_PREFETCH_CONFIG, 0,
		false },
	{ "nested, the table's page, TLBI_S2_IPA", rig_nested, S1_UNDER, VAS, CMD_TLBI_S2_IPA | ID,
		IPA_OF_L3 | CMD_1_LEAF, true },
	{ "nested, the table's page, S12_VMALL", rig_nested, S1_UNDER, VAS, CMD_TLBI_S12_VMALL | ID,
		0, true },
	{ "nested, the page at stage 2 is read anew", rig_nested, S2_LEAF, VAS, CMD_PREFETCH_CONFIG,
		0, true },
	{ "stage 2, no command", rig_s2, S2_TABLE, IPAS, CMD_PREFETCH_CONFIG, 0, false },
	{ "stage 2, leaves are read anew", rig_s2, S2_LEAF, IPAS, CMD_PREFETCH_CONFIG, 0, true },
	{ "stage 2, TLBI_S2_IPA, Leaf: another table", rig_s2, S2_TABLE, IPAS, CMD_TLBI_S2_IPA | ID,
		RAM(0x20000) | CMD_1_LEAF, false },
	{ "stage 2, TLBI_S2_IPA: another table", rig_s2, S2_TABLE, IPAS, CMD_TLBI_S2_IPA | ID,
		RAM(0x20000), true },
};

static void build(struct rig *rig, const struct row *row)
{
	rig_init(rig);
	row->base(rig);
	rig_poke(rig, S1_L3 + 32, S1_PAGE(OLD));
	rig_poke(rig, OTHER_L2 + 16, TABLE(RAM(OTHER_L3)));
	rig_poke(rig, OTHER_L3 + 32, S1_PAGE(NEW));
	rig_poke(rig, S2_OTHER + 8 * 0x20, S2_PAGE(NEW));
}

static bool check(const struct row *row)
{
	struct rig rig;
	uint64_t pa;

	build(&rig, row);
	assert_int_not_equal(rig_pa(&rig, row->first, NB_DMA_READ), RIG_ABORT);
	rig_poke(&rig, row->at, row->value);
	rig_cmd(&rig, row->w0, row->w1);
	pa = rig_pa(&rig, row->second, NB_DMA_READ);
	rig_finish(&rig);
	return pa == (row->seen ? NEW : OLD);
}

static void test_stale(void **state)
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

/* A block in the place of a table, and the other way, without a command: never the wrong type. */
static void test_other_type(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig_s1(&rig);
	rig_poke(&rig, S1_L2 + 16, S1_BLOCK(RAM(MIB(2))));
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_READ), RAM(MIB(2) + 0x3000));
	rig_poke(&rig, S1_L2 + 16, TABLE(RAM(S1_L3)));
	rig_cmd(&rig, CMD_TLBI_NH_VA | ID, RIG_VA | CMD_1_LEAF);
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_READ), RAM(DATA_AT));
	/* Not in the last level's table, whose entry is no page now. */
	rig_poke(&rig, S1_L3 + 24, S1_BLOCK(RAM(DATA_AT)));
	rig_cmd(&rig, CMD_TLBI_NH_VA | ID, RIG_VA | CMD_1_LEAF);
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_READ), RIG_ABORT);
	rig_finish(&rig);
}

/* The extent that a leaf table lies in goes, and another comes in its place. */
static void test_extent(void **state)
{
	static _Alignas(4096) uint64_t table[2][512];
	struct nb_extent ext = { .pa = NB_PA(GIB(2)), .bytes = 4096, .ptr = table[0] };
	struct rig rig;

	rig_init(&rig);
	rig_s1(&rig);
	table[0][3] = S1_PAGE(RAM(DATA_AT));
	table[0][4] = S1_PAGE(OLD);
	table[1][4] = S1_PAGE(NEW);
	assert_int_equal(nb_mem_add(rig.mem, &ext), 0);
	rig_poke(&rig, S1_L2 + 16, TABLE(GIB(2)));
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_READ), RAM(DATA_AT));
	nb_mem_remove(rig.mem, &ext);
	assert_int_equal(rig_pa(&rig, NEXT_VA, NB_DMA_READ), RIG_ABORT);
	ext.ptr = table[1];
	assert_int_equal(nb_mem_add(rig.mem, &ext), 0);
	assert_int_equal(rig_pa(&rig, NEXT_VA, NB_DMA_READ), NEW);
	nb_mem_remove(rig.mem, &ext);
	rig_finish(&rig);
}

static unsigned loads;

static int count_load(void *ctx, uint64_t off, uint64_t *val)
{
	loads++;
	*val = *(uint64_t *)(void *)((uint8_t *)ctx + off);
	return 0;
}

/* Tables that have no host pointer are cached by where they are: one load then. */
static void test_indirect(void **state)
{
	static const struct nb_mem_ops ops = { .load64 = count_load };
	struct nb_extent ext = { .pa = NB_PA(GIB(2)), .bytes = MIB(1), .ops = &ops };
	struct rig rig;

	rig_init(&rig);
	rig_s1(&rig);
	ext.ctx = rig.ram;
	assert_int_equal(nb_mem_add(rig.mem, &ext), 0);
	rig_poke(&rig, CD_AT + 8, GIB(2) + S1_L0);
	rig_poke(&rig, S1_L0, TABLE(GIB(2) + S1_L1));
	rig_poke(&rig, S1_L1 + 8 * 1, TABLE(GIB(2) + S1_L2));
	rig_poke(&rig, S1_L2 + 8 * 2, TABLE(GIB(2) + S1_L3));
	rig_poke(&rig, S1_L3 + 32, S1_PAGE(NEW));
	loads = 0;
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_READ), RAM(DATA_AT));
	assert_int_equal(loads, 4);
	assert_int_equal(rig_pa(&rig, NEXT_VA, NB_DMA_READ), NEW);
	assert_int_equal(loads, 5);
	nb_mem_remove(rig.mem, &ext);
	rig_finish(&rig);
}

/* ---- updates ---- */

#define PAGES	 256
#define UPDATERS 3
#define SOFTWARE MASK64(58, 55) /* bits that hardware ignores */

struct updater {
	struct rig *rig;
	struct nb_smmuv3_port *port;
	unsigned number, clean_writes, refused;
};

static void rig_httu(struct rig *rig)
{
	unsigned i;

	rig_create(rig, (struct nb_smmuv3_config){ .httu = NB_SMMUV3_HTTU_DIRTY });
	rig_enable(rig);
	rig_nested(rig);
	rig_poke(rig, CD_AT, CD0 | CD_0_HA | CD_0_HD);
	rig_ste(rig, RIG_SID, STE0_NEST, 0, STE2_S2 | STE_2_S2HA | STE_2_S2HD, RAM(S2_L1));
	for (i = 0; i < PAGES; i++)
		rig_poke(rig, S1_L3 + 8 * i,
			(S1_PAGE(RAM((uint64_t)(i + 256) << 12)) & ~TTD_AF) | TTD_AP_RO | TTD_DBM);
	for (i = 0; i < 512; i++)
		rig_poke(rig, S2_L3 + 8 * i,
			(S2_PAGE(RAM((uint64_t)i << 12)) & ~(TTD_AF | TTD_S2_WRITE)) | TTD_DBM);
}

static void *update(void *arg)
{
	struct updater *u = arg;
	struct dma_txn txn = { .sid = RIG_SID, .prot = NB_DMA_WRITE };
	struct dma_span span;
	unsigned i, page;

	for (i = 0; i < 4 * PAGES; i++) {
		page = (i * 7 + u->number * 31) % PAGES;
		txn.iova = NB_IOVA((RIG_VA & ~MASK64(20, 0)) + ((uint64_t)page << 12));
		port_enter(smmuv3_port(u->port));
		if (smmuv3_translate(u->rig->smmu, smmuv3_port(u->port), &txn, &span))
			u->refused++;
		/* A write that is allowed shows in both descriptors already. */
		u->clean_writes +=
			(__atomic_load_n(rig_at(u->rig, S1_L3 + 8 * page), __ATOMIC_ACQUIRE) &
				TTD_AP_RO) != 0;
		u->clean_writes += !(__atomic_load_n(rig_at(u->rig, S2_L3 + 8 * (page + 256)),
					     __ATOMIC_ACQUIRE) &
				     TTD_S2_WRITE);
		port_leave(smmuv3_port(u->port));
	}
	return NULL;
}

/* Meanwhile software sets bits of its own, one by one. */
static void *set_bits(void *arg)
{
	struct rig *rig = arg;
	unsigned bit, i;

	for (bit = 55; bit <= 58; bit++)
		for (i = 0; i < PAGES; i++)
			__atomic_fetch_or(rig_at(rig, S1_L3 + 8 * i), BIT64(bit), __ATOMIC_ACQ_REL);
	return NULL;
}

static void test_updates(void **state)
{
	const uint64_t touched = TTD_AF | TTD_DBM | SOFTWARE;
	struct updater u[UPDATERS];
	pthread_t threads[UPDATERS + 1];
	struct rig rig;
	unsigned i;

	rig_httu(&rig);
	for (i = 0; i < UPDATERS; i++) {
		u[i] = (struct updater){
			.rig = &rig, .number = i, .port = nb_smmuv3_port_create(rig.smmu, RIG_SID)
		};
		pthread_create(&threads[i], NULL, update, &u[i]);
	}
	pthread_create(&threads[i], NULL, set_bits, &rig);
	for (i = 0; i <= UPDATERS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < UPDATERS; i++) {
		assert_int_equal(u[i].refused, 0);
		assert_int_equal(u[i].clean_writes, 0);
		nb_smmuv3_port_destroy(u[i].port);
	}
	for (i = 0; i < PAGES; i++)
		assert_int_equal(*rig_at(&rig, S1_L3 + 8 * i) & (touched | TTD_AP_RO), touched);
	rig_finish(&rig);
}

/* What was read while clean is not written to without an update, cached or not. */
static void test_clean_is_not_writable(void **state)
{
	struct dma_span span;
	struct rig rig;
	uint64_t va = RIG_VA & ~MASK64(20, 0);

	rig_httu(&rig);
	assert_int_equal(rig_translate_sid(&rig, RIG_SID, va, NB_DMA_READ, &span), 0);
	assert_int_equal(rig_translate_sid(&rig, RIG_SID, va, NB_DMA_READ, &span), 0);
	assert_int_equal(*rig_at(&rig, S1_L3) & (TTD_AF | TTD_AP_RO), TTD_AF | TTD_AP_RO);
	assert_int_equal(rig_translate_sid(&rig, RIG_SID, va, NB_DMA_WRITE, &span), 0);
	assert_int_equal(*rig_at(&rig, S1_L3) & (TTD_AF | TTD_AP_RO), TTD_AF);
	/* Software cleans it: the next write after the invalidation makes it dirty again. */
	rig_poke(&rig, S1_L3, *rig_at(&rig, S1_L3) | TTD_AP_RO);
	rig_cmd(&rig, CMD_TLBI_NH_VA | ID, va | CMD_1_LEAF);
	assert_int_equal(rig_translate_sid(&rig, RIG_SID, va, NB_DMA_WRITE, &span), 0);
	assert_int_equal(*rig_at(&rig, S1_L3) & TTD_AP_RO, 0);
	rig_finish(&rig);
}

/* A walk that is not to update says what would be, and writes nothing. */
static void test_no_update(void **state)
{
	struct dma_txn txn = { .sid = RIG_SID, .prot = NB_DMA_WRITE };
	struct smmu_result result;
	struct smmu_fault fault;
	struct smmu_cfg cfg;
	struct smmu_walk w = { .cfg = &cfg, .no_update = true };
	struct rig rig;
	uint8_t *before = malloc(RIG_RAM_BYTES);

	rig_httu(&rig);
	txn.iova = NB_IOVA(RIG_VA & ~MASK64(20, 0));
	/* Fetching the configuration itself may set the access flag of its page. */
	assert_true(smmu_cfg_fetch(rig.smmu, &txn, &cfg, &fault, NULL));
	memcpy(before, rig.ram, RIG_RAM_BYTES);
	w.smmu = rig.smmu;
	w.access = smmu_access_of(&cfg, &txn);
	assert_true(smmu_walk(&w, &result, &fault));
	assert_int_equal(result.addr, RAM(MIB(1)));
	assert_memory_equal(before, rig.ram, RIG_RAM_BYTES);
	free(before);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_other_type),
		cmocka_unit_test(test_extent),
		cmocka_unit_test(test_indirect),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_clean_is_not_writable),
		cmocka_unit_test(test_no_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
