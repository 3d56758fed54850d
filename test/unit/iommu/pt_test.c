/* SPDX-License-Identifier: MIT */
/* The driver's tables: blocks, permissions, roots of both stages, rollback, charges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "iommu/pt/vmsa64.h"

#define RAM_BASE GIB(4)

struct rig {
	struct nb_mem *mem;
	struct ram *ram;
	struct charge charge;
	struct pt pt;
};

static void rig_init(struct rig *rig, enum pt_stage stage, unsigned ias)
{
	rig->mem = nb_mem_create(48);
	rig->ram = ram_create(rig->mem, NB_PA(RAM_BASE), MIB(64));
	rig->charge = (struct charge){ .limit = MIB(64) };
	assert_true(pt_init(&rig->pt, stage, ias, 48, rig->ram, &rig->charge));
}

static void rig_finish(struct rig *rig)
{
	pt_finish(&rig->pt);
	assert_int_equal(rig->charge.used, 0);
	assert_int_equal(ram_used(rig->ram), 0);
	ram_destroy(rig->ram);
	nb_mem_destroy(rig->mem);
}

static int map(struct rig *rig, uint64_t iova, uint64_t pa, uint64_t bytes, unsigned prot)
{
	struct nb_pgtable_cleared undone;
	int ret = pt_map(&rig->pt, NB_IOVA(iova), NB_PA(pa), bytes, prot, &undone);

	if (!ret)
		assert_int_equal(undone.leaves, 0);
	else
		pt_reap(&rig->pt);
	return ret;
}

static void unmap(struct rig *rig, uint64_t iova, uint64_t bytes)
{
	struct nb_pgtable_cleared cleared;

	pt_unmap(&rig->pt, NB_IOVA(iova), bytes, &cleared);
	pt_reap(&rig->pt);
}

static void check_leaf(struct rig *rig, uint64_t iova, uint64_t pa, uint64_t bytes, unsigned prot)
{
	struct pt_leaf leaf;

	assert_true(pt_lookup(&rig->pt, NB_IOVA(iova), &leaf));
	assert_int_equal(leaf.pa.v, pa);
	assert_int_equal(leaf.bytes, bytes);
	assert_int_equal(leaf.prot, prot);
}

static void blocks(void **state)
{
	struct rig rig;
	struct pt_leaf leaf;
	uint64_t used;

	rig_init(&rig, PT_STAGE1, 48);
	used = rig.charge.used;
	/* 4 KiB, then 2 MiB, then 1 GiB, and back, in one congruent area. */
	assert_int_equal(map(&rig, GIB(1) - MIB(2) - KIB(4), GIB(9) - MIB(2) - KIB(4),
				 GIB(1) + MIB(4) + KIB(8), PT_READ | PT_WRITE),
		0);
	check_leaf(&rig, GIB(1) - MIB(2) - KIB(4), GIB(9) - MIB(2) - KIB(4), KIB(4), 3);
	check_leaf(&rig, GIB(1) - MIB(2), GIB(9) - MIB(2), MIB(2), 3);
	check_leaf(&rig, GIB(1) + 5, GIB(9) + 5, GIB(1), 3);
	check_leaf(&rig, GIB(2) + MIB(1), GIB(10) + MIB(1), MIB(2), 3);
	check_leaf(&rig, GIB(2) + MIB(2), GIB(10) + MIB(2), KIB(4), 3);
	assert_false(pt_lookup(&rig.pt, NB_IOVA(GIB(2) + MIB(2) + KIB(4)), &leaf));

	/* A block that reaches out of the range stays. */
	unmap(&rig, GIB(1), MIB(2));
	check_leaf(&rig, GIB(1), GIB(9), GIB(1), 3);
	assert_int_equal(map(&rig, GIB(1), 0, KIB(4), PT_READ), -EEXIST);
	assert_int_equal(map(&rig, 0, 0, GIB(3), PT_READ), -EEXIST);
	check_leaf(&rig, GIB(1), GIB(9), GIB(1), 3);

	unmap(&rig, 0, BIT64(48));
	assert_true(pt_empty(&rig.pt));
	assert_int_equal(rig.charge.used, used);
	/* 2 MiB congruent only. */
	assert_int_equal(map(&rig, GIB(4), MIB(2), GIB(1), PT_READ), 0);
	check_leaf(&rig, GIB(4) + MIB(6), MIB(8), MIB(2), PT_READ);
	rig_finish(&rig);
}

static void permissions(void **state)
{
	struct rig rig;

	rig_init(&rig, PT_STAGE1, 48);
	assert_int_equal(map(&rig, 0, 0, KIB(4), PT_READ), 0);
	assert_int_equal(map(&rig, KIB(4), 0, KIB(4), PT_WRITE), 0);
	check_leaf(&rig, 0, 0, KIB(4), PT_READ);
	check_leaf(&rig, KIB(4), 0, KIB(4), PT_READ | PT_WRITE); /* stage 1 has no write-only */
	rig_finish(&rig);

	rig_init(&rig, PT_STAGE2, 48);
	for (unsigned prot = 1; prot <= 3; prot++) {
		assert_int_equal(map(&rig, prot * KIB(4), 0, KIB(4), prot), 0);
		check_leaf(&rig, prot * KIB(4), 0, KIB(4), prot);
	}
	rig_finish(&rig);
}

static void roots(void **state)
{
	/* Stage 2: input bits, first level, entries of the root (D8.2, concatenation). */
	static const unsigned rows[][3] = { { 32, 1, 4 }, { 36, 1, 64 }, { 39, 1, 512 },
		{ 40, 1, 1024 }, { 42, 1, 4096 }, { 44, 0, 32 }, { 48, 0, 512 } };
	struct rig rig;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t top = BIT64(rows[i][0]) - KIB(4);
		uint64_t root_bytes = MAX(rows[i][2] * 8u, 4096u);

		rig_init(&rig, PT_STAGE2, rows[i][0]);
		assert_int_equal(rig.pt.start_level, rows[i][1]);
		assert_true(is_aligned(rig.pt.root.v, root_bytes));
		assert_int_equal(rig.charge.used, root_bytes);
		assert_int_equal(map(&rig, top, GIB(1), KIB(4), PT_READ), 0);
		check_leaf(&rig, top, GIB(1), KIB(4), PT_READ);
		unmap(&rig, top, KIB(4));
		assert_int_equal(rig.charge.used, root_bytes);
		rig_finish(&rig);
	}
}

/* Every budget: success, or ENOMEM with tables and budget as before. */
static void exhaustion(void **state)
{
	struct rig rig;
	bool ok = false;
	unsigned failures = 0;

	for (unsigned pages = 0; !ok; pages++) {
		uint64_t before;

		rig_init(&rig, PT_STAGE1, 48);
		assert_int_equal(map(&rig, GIB(512) - MIB(4), 0, KIB(4), PT_READ), 0);
		before = rig.charge.used;
		rig.charge.limit = before + pages * KIB(4);
		/* Across the end of a level 1 table, not congruent: nothing but pages. */
		ok = map(&rig, GIB(512) - MIB(3), KIB(4), MIB(8), PT_READ) == 0;
		if (!ok) {
			assert_int_equal(rig.charge.used, before);
			check_leaf(&rig, GIB(512) - MIB(4), 0, KIB(4), PT_READ);
			failures++;
		}
		rig_finish(&rig);
	}
	assert_int_equal(failures, 6); /* four leaf tables, one each of levels 1 and 2 */
}

/* Random maps and unmaps of slots against a plain array. */
static void random_slots(void **state)
{
	enum {
		SLOTS = 64,
		SLOT_PAGES = 700
	};
	bool mapped[SLOTS] = { false };
	struct rig rig;
	uint64_t used;

	rig_init(&rig, PT_STAGE2, 48);
	used = rig.charge.used;
	srandom(1);
	for (unsigned round = 0; round < 2000; round++) {
		unsigned s = random() % SLOTS;
		uint64_t iova = s * SLOT_PAGES * KIB(4), bytes = SLOT_PAGES * KIB(4);
		struct pt_leaf leaf;

		if (mapped[s])
			unmap(&rig, iova, bytes);
		else
			assert_int_equal(map(&rig, iova, iova + GIB(1), bytes, PT_READ), 0);
		mapped[s] = !mapped[s];
		s = random() % SLOTS;
		iova = (s * SLOT_PAGES + random() % SLOT_PAGES) * KIB(4);
		assert_int_equal(pt_lookup(&rig.pt, NB_IOVA(iova), &leaf), mapped[s]);
		if (mapped[s])
			assert_int_equal(leaf.pa.v, iova + GIB(1));
	}
	for (unsigned s = 0; s < SLOTS; s++)
		unmap(&rig, s * SLOT_PAGES * KIB(4), SLOT_PAGES * KIB(4));
	assert_int_equal(rig.charge.used, used);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks),
		cmocka_unit_test(permissions),
		cmocka_unit_test(roots),
		cmocka_unit_test(exhaustion),
		cmocka_unit_test(random_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
