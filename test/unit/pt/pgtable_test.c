/* SPDX-License-Identifier: MIT */
/* The table writer: geometry, attributes, random maps against a plain model, failures, looking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/bits.h"
#include "mem/ram.h"
#include "pt/pgtable.h"

#define RAM_BASE  GIB(4)
#define RAM_BYTES MIB(256)
#define RW	  (NB_PGTABLE_READ | NB_PGTABLE_WRITE)

struct rig {
	struct nb_mem *mem;
	struct nb_pgtable_ram *ram;
	struct nb_pgtable *pt;
};

static const struct nb_pgtable_attrs rw = { .flags = RW }, ro = { .flags = NB_PGTABLE_READ };

static bool rig_init(struct rig *rig, struct nb_pgtable_options options)
{
	rig->mem = nb_mem_create(52);
	rig->ram = nb_pgtable_ram_create(rig->mem, NB_PA(RAM_BASE), RAM_BYTES);
	options.size = sizeof(options);
	options.ram = rig->ram;
	rig->pt = nb_pgtable_create(&options);
	return rig->pt != NULL;
}

static void rig_finish(struct rig *rig)
{
	nb_pgtable_destroy(rig->pt);
	assert_int_equal(ram_used((struct ram *)rig->ram), 0);
	nb_pgtable_ram_destroy(rig->ram);
	nb_mem_destroy(rig->mem);
}

static struct nb_pgtable_info info_of(struct rig *rig)
{
	struct nb_pgtable_info info;

	nb_pgtable_info(rig->pt, &info, sizeof(info));
	return info;
}

static int map(struct rig *rig, uint64_t iova, uint64_t pa, uint64_t bytes)
{
	return nb_pgtable_map(rig->pt, NB_IOVA(iova), NB_PA(pa), bytes, &rw, NULL);
}

static struct nb_pgtable_cleared unmap(struct rig *rig, uint64_t iova, uint64_t bytes)
{
	struct nb_pgtable_cleared cleared;

	nb_pgtable_unmap(rig->pt, NB_IOVA(iova), bytes, &cleared);
	nb_pgtable_reap(rig->pt);
	return cleared;
}

/* Arm ARM D8.2: where walks start, and what the registers then say. */
static void geometry(void **state)
{
	static const struct {
		unsigned stage, granule, ias, oas;
		bool concatenate;
		int level; /* -1: impossible */
		uint64_t root;
		unsigned tg, sl0;
	} rows[] = {
		{ 1, 12, 48, 48, false, 0, KIB(4), 0, 2 },
		{ 1, 12, 39, 48, false, 1, KIB(4), 0, 1 },
		{ 1, 12, 25, 48, false, 2, KIB(4), 0, 0 },
		{ 1, 14, 48, 48, false, 0, KIB(4), 2, 3 },
		{ 1, 14, 47, 48, false, 1, KIB(16), 2, 2 },
		{ 1, 16, 48, 48, false, 1, KIB(4), 1, 2 },
		{ 1, 16, 52, 52, false, 1, KIB(8), 1, 2 },
		{ 1, 16, 42, 48, false, 2, KIB(64), 1, 1 },
		{ 1, 16, 42, 52, false, 2, KIB(64), 1, 1 },
		{ 1, 12, 30, 48, false, 2, KIB(4), 0, 0 },
		{ 1, 16, 28, 48, false, 3, KIB(32), 1, 0 },
		{ 2, 12, 32, 32, false, 1, KIB(4), 0, 1 },
		{ 2, 12, 40, 40, false, 1, KIB(8), 0, 1 },
		{ 2, 12, 43, 48, false, 1, KIB(64), 0, 1 },
		{ 2, 12, 44, 44, false, 0, KIB(4), 0, 2 },
		{ 2, 12, 34, 48, true, 2, KIB(64), 0, 0 },
		{ 2, 12, 25, 48, true, 2, KIB(4), 0, 0 },
		{ 2, 14, 48, 48, false, 1, KIB(32), 2, 2 },
		{ 2, 14, 40, 40, false, 2, KIB(256), 2, 1 },
		{ 2, 14, 42, 42, false, 1, KIB(4), 2, 2 },
		{ 2, 14, 29, 48, true, 3, KIB(256), 2, 0 },
		{ 2, 16, 43, 43, false, 2, KIB(128), 1, 1 },
		{ 2, 16, 46, 48, true, 2, MIB(1), 1, 1 },
		{ 2, 16, 46, 48, false, 1, KIB(4), 1, 2 },
		{ 2, 16, 52, 52, false, 1, KIB(8), 1, 2 },
		{ 1, 12, 52, 48, false, -1 },
		{ 1, 14, 48, 52, false, -1 },
		{ 1, 16, 50, 52, false, -1 },
		{ 1, 12, 24, 48, false, -1 },
		{ 1, 13, 48, 48, false, -1 },
		{ 2, 12, 48, 44, false, -1 },
		{ 1, 12, 48, 48, true, -1 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct nb_pgtable_options options = { .stage = rows[i].stage - 1,
			.granule_lg2 = rows[i].granule,
			.ias = rows[i].ias,
			.oas = rows[i].oas,
			.concatenate = rows[i].concatenate };
		struct rig rig;
		struct nb_pgtable_info info;

		assert_int_equal(rig_init(&rig, options), rows[i].level >= 0);
		if (rig.pt) {
			info = info_of(&rig);
			assert_int_equal(info.start_level, rows[i].level);
			assert_int_equal(info.root_bytes, rows[i].root);
			assert_int_equal(info.table_bytes, rows[i].root);
			assert_true(is_aligned(info.root.v, rows[i].root));
			assert_int_equal(info.tg, rows[i].tg);
			assert_int_equal(info.sl0, rows[i].sl0);
			assert_int_equal(info.tsz, 64 - rows[i].ias);
			assert_true(info.empty && !info.unlinked);
			/* No leaves of levels that are not there. */
			assert_int_equal(
				info.leaf_sizes >> pgt_shift(rig.pt, rows[i].level) >> 1, 0);
		}
		rig_finish(&rig);
	}
}

/* Arm ARM D8.3: the very words. */
static void attributes(void **state)
{
	static const struct {
		unsigned stage;
		bool fwb, xnx;
		struct nb_pgtable_attrs attrs;
		uint64_t desc; /* of a page at 0; 0: refused */
	} rows[] = {
		{ 1, 0, 0, { RW | 12 }, 0xf47 },
		{ 1, 0, 0, { NB_PGTABLE_READ | 12 }, 0xfc7 },
		{ 1, 0, 0, { RW }, 0x0060000000000f47 },
		{ 1, 0, 0, { RW | NB_PGTABLE_EXEC }, 0x0020000000000f47 },
		{ 1, 0, 0, { RW | 12 | NB_PGTABLE_PRIV }, 0xf07 },
		{ 1, 0, 0, { RW | 12 | NB_PGTABLE_GLOBAL }, 0x747 },
		{ 1, 0, 0, { RW | 12 | NB_PGTABLE_NO_AF }, 0xb47 },
		{ 1, 0, 0, { RW | 12 | NB_PGTABLE_DBM }, 0x0008000000000fc7 },
		{ 1, 0, 0, { RW | 12 | NB_PGTABLE_DBM | NB_PGTABLE_DIRTY }, 0x0008000000000f47 },
		{ 1, 0, 0, { NB_PGTABLE_READ | 12 | NB_PGTABLE_DBM }, 0xfc7 },
		{ 1, 0, 0, { RW | 12, NB_PGTABLE_DEVICE }, 0xf4b },
		{ 1, 0, 0, { RW | 12, NB_PGTABLE_NON_CACHEABLE, NB_PGTABLE_SH(2) }, 0xe43 },
		{ 1, 0, 0, { RW | 12, NB_PGTABLE_ATTR(7), NB_PGTABLE_SH(0) }, 0xc5f },
		{ 1, 0, 0, { RW | 12, .bits = BIT64(55) }, 0x0080000000000f47 },
		{ 1, 0, 0, { RW, NB_PGTABLE_ATTR(8) }, 0 },
		{ 1, 0, 0, { RW, .bits = BIT64(12) }, 0 },
		{ 1, 0, 0, { RW, .memory = 3 }, 0 },
		{ 1, 0, 0, { RW, .sh = 1 }, 0 },
		{ 1, 0, 0, { 0 }, 0 },
		{ 1, 0, 0, { RW | 512 }, 0 },
		{ 1, 0, 0, { RW, .sh = NB_PGTABLE_SH(4) }, 0 },
		{ 1, 0, 0, { NB_PGTABLE_WRITE | 12 }, 0xf47 },
		{ 2, 0, 0, { RW | NB_PGTABLE_PRIV }, 0 },
		{ 2, 0, 0, { RW | NB_PGTABLE_GLOBAL }, 0 },
		{ 2, 0, 0, { RW, .bits = BIT64(47) }, 0 },
		{ 2, 0, 0, { RW | 12, NB_PGTABLE_ATTR(15), NB_PGTABLE_SH(2) }, 0x6ff },
		{ 2, 0, 0, { RW | 12, NB_PGTABLE_NON_CACHEABLE }, 0x7d7 },
		{ 2, 1, 0, { RW | 12, NB_PGTABLE_DEVICE }, 0x7c7 },
		{ 2, 0, 0, { RW | 12 | NB_PGTABLE_NO_AF }, 0x3ff },
		{ 2, 0, 0, { RW | 12 | NB_PGTABLE_DBM | NB_PGTABLE_DIRTY }, 0x00080000000007ff },
		{ 2, 0, 0, { RW | 12 }, 0x7ff },
		{ 2, 0, 0, { NB_PGTABLE_WRITE | 12 }, 0x7bf },
		{ 2, 0, 0, { 12 }, 0x73f },
		{ 2, 0, 0, { RW }, 0x00400000000007ff },
		{ 2, 0, 0, { RW | NB_PGTABLE_EXEC }, 0x7ff },
		{ 2, 0, 1, { RW | NB_PGTABLE_EXEC }, 0x00200000000007ff },
		{ 2, 0, 1, { RW | NB_PGTABLE_EXEC_PRIV }, 0x00600000000007ff },
		{ 2, 1, 0, { RW | 12 }, 0x7db },
		{ 2, 0, 0, { RW | 12, NB_PGTABLE_DEVICE }, 0x7c7 },
		{ 2, 0, 0, { RW | 12 | NB_PGTABLE_DBM }, 0x000800000000077f },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const struct nb_pgtable_options options = {
			.stage = rows[i].stage - 1, .fwb = rows[i].fwb, .xnx = rows[i].xnx
		};
		struct nb_pgtable_leaf leaf;
		struct rig rig;
		int ret;

		assert_true(rig_init(&rig, options));
		ret = nb_pgtable_map(rig.pt, NB_IOVA(0), NB_PA(0), KIB(4), &rows[i].attrs, NULL);
		assert_int_equal(ret, rows[i].desc ? 0 : -EINVAL);
		if (!ret) {
			uint32_t flags = rows[i].attrs.flags;

			assert_true(nb_pgtable_lookup(rig.pt, NB_IOVA(0), &leaf));
			assert_int_equal(leaf.desc, rows[i].desc);
			/* Read back as given, but for what the stage or feature does not have. */
			if (rows[i].stage == 1 && (flags & RW) == RW)
				assert_int_equal(leaf.flags, flags);
			if (rows[i].xnx)
				assert_int_equal(leaf.flags, flags);
		}
		rig_finish(&rig);
	}
}

static void ranges(void **state)
{
	static const struct {
		uint64_t iova, pa, bytes;
		int ret;
	} rows[] = {
		{ 0, 0, 0, -EINVAL },
		{ KIB(2), 0, KIB(4), -EINVAL },
		{ 0, KIB(2), KIB(4), -EINVAL },
		{ 0, 0, KIB(6), -EINVAL },
		{ BIT64(39) - KIB(4), 0, KIB(8), -ERANGE },
		{ BIT64(39), 0, KIB(4), -ERANGE },
		{ 0, BIT64(40) - KIB(4), KIB(8), -ERANGE },
		{ 0 - KIB(4), 0, KIB(8), -ERANGE },
		{ 0, 0 - KIB(4), KIB(8), -ERANGE },
		{ 0, 0, 0 - KIB(4), -ERANGE },
		{ BIT64(39) - KIB(4), BIT64(40) - KIB(4), KIB(4), 0 },
	};
	struct nb_pgtable_leaf leaf;
	struct rig rig;

	assert_true(rig_init(&rig, (struct nb_pgtable_options){ .ias = 39, .oas = 40 }));
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(map(&rig, rows[i].iova, rows[i].pa, rows[i].bytes), rows[i].ret);
	assert_true(nb_pgtable_lookup(rig.pt, NB_IOVA(BIT64(39) - 1), &leaf));
	assert_false(nb_pgtable_lookup(rig.pt, NB_IOVA(BIT64(39)), &leaf));
	assert_int_equal(unmap(&rig, BIT64(39), KIB(4)).leaves, 0);
	assert_int_equal(unmap(&rig, 0, UINT64_MAX).leaves, 1);
	assert_true(info_of(&rig).empty);
	rig_finish(&rig);
}

/* Each granule's leaf sizes, one above the other, and the 52-bit encoding. */
static void leaves(void **state)
{
	static const struct {
		unsigned granule, bits, max;
		uint64_t sizes;
	} rows[] = {
		{ 12, 48, 0, KIB(4) | MIB(2) | GIB(1) },
		{ 12, 48, 21, KIB(4) | MIB(2) },
		{ 12, 48, 29, KIB(4) | MIB(2) },
		{ 12, 48, 12, KIB(4) },
		{ 14, 48, 0, KIB(16) | MIB(32) },
		{ 16, 48, 0, KIB(64) | MIB(512) },
		{ 16, 52, 0, KIB(64) | MIB(512) | GIB(4096) },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t page = BIT64(rows[i].granule), at = rows[i].bits == 52 ? BIT64(51) : 0;
		struct nb_pgtable_leaf leaf;
		struct rig rig;

		assert_true(
			rig_init(&rig, (struct nb_pgtable_options){ .granule_lg2 = rows[i].granule,
					       .ias = rows[i].bits,
					       .oas = rows[i].bits,
					       .max_leaf_lg2 = rows[i].max }));
		assert_int_equal(info_of(&rig).leaf_sizes, rows[i].sizes);
		for (uint64_t sizes = rows[i].sizes; sizes; sizes &= sizes - 1) {
			uint64_t bytes = sizes & -sizes;

			assert_int_equal(map(&rig, at + bytes, at + 2 * bytes, bytes), 0);
			assert_true(nb_pgtable_lookup(rig.pt, NB_IOVA(at + 2 * bytes - 1), &leaf));
			assert_int_equal(leaf.iova.v, at + bytes);
			assert_int_equal(leaf.pa.v, at + 2 * bytes);
			assert_int_equal(leaf.bytes, bytes);
			/* A block that reaches out of the range stays. */
			assert_int_equal(unmap(&rig, at + bytes, bytes - page).leaves, 0);
			assert_int_equal(map(&rig, at + bytes, 0, page), -EEXIST);
			assert_int_equal(unmap(&rig, at + bytes, bytes).bytes, bytes);
		}
		rig_finish(&rig);
	}
}

/* Where bits 51:48 of the output change in the middle of a table. */
static void across_48(void **state)
{
	struct nb_pgtable_leaf leaf;
	struct rig rig;

	assert_true(rig_init(
		&rig, (struct nb_pgtable_options){ .granule_lg2 = 16, .ias = 48, .oas = 52 }));
	assert_int_equal(map(&rig, MIB(64), 5 * BIT64(48) - MIB(32), MIB(256)), 0);
	for (uint64_t off = 0; off < MIB(256); off += KIB(64)) {
		assert_true(nb_pgtable_lookup(rig.pt, NB_IOVA(MIB(64) + off), &leaf));
		assert_int_equal(leaf.pa.v, 5 * BIT64(48) - MIB(32) + off);
	}
	rig_finish(&rig);
}

/*
 * Random maps and unmaps of ranges against an array of pages. Blocks stay whole: unmapping is by what
 * was mapped.
 */
#define PAGES  40000u
#define ABSENT UINT64_MAX

struct model {
	uint64_t pa[PAGES];
	uint64_t start[PAGES]; /* first page and number of pages of the mapping that a page is of */
	uint64_t n[PAGES];
};

static unsigned below(unsigned n)
{
	return (unsigned)random() % n;
}

static void model_set(struct model *m, uint64_t at, uint64_t n, uint64_t pa, uint64_t page)
{
	for (uint64_t i = 0; i < n; i++) {
		m->pa[at + i] = pa == ABSENT ? ABSENT : pa + i * page;
		m->start[at + i] = at;
		m->n[at + i] = n;
	}
}

static bool model_free(const struct model *m, uint64_t at, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		if (m->pa[at + i] != ABSENT)
			return false;
	return true;
}

struct walked {
	const struct model *m;
	uint64_t page, base, pages;
};

static int check_each(void *ctx, const struct nb_pgtable_leaf *leaf)
{
	struct walked *w = ctx;
	uint64_t first = (leaf->iova.v - w->base) / w->page;

	for (uint64_t i = 0; i < leaf->bytes / w->page; i++)
		assert_int_equal(w->m->pa[first + i], leaf->pa.v + i * w->page);
	w->pages += leaf->bytes / w->page;
	return 0;
}

static void check_all(struct rig *rig, const struct model *m, uint64_t page, uint64_t base)
{
	struct walked w = { m, page, base, 0 };
	struct nb_pgtable_leaf leaf;
	uint64_t mapped = 0;

	for (uint64_t i = 0; i < PAGES; i++) {
		bool found = nb_pgtable_lookup(rig->pt, NB_IOVA(base + i * page), &leaf);

		assert_int_equal(found, m->pa[i] != ABSENT);
		if (found)
			assert_int_equal(leaf.pa.v + (base + i * page - leaf.iova.v), m->pa[i]);
		mapped += found;
	}
	assert_int_equal(nb_pgtable_each(rig->pt, NB_IOVA(0), UINT64_MAX, check_each, &w), 0);
	assert_int_equal(w.pages, mapped);
}

static void random_step(struct rig *rig, struct model *m, uint64_t page, uint64_t base)
{
	uint64_t at = below(PAGES), n = 1 + below(below(8) ? 700 : 12000), pa;
	struct nb_pgtable_cleared cleared;
	bool free;

	n = MIN(n, PAGES - at);
	if (m->pa[at] != ABSENT) {
		at = m->start[at];
		n = m->n[at];
		cleared = unmap(rig, base + at * page, n * page);
		assert_int_equal(cleared.bytes, n * page);
		model_set(m, at, n, ABSENT, page);
		return;
	}
	/* Congruent, so that blocks are possible; or not. */
	pa = below(2) ? GIB(8) + at * page + (base & (MIB(512) - 1)) : (uint64_t)below(1000) * page;
	free = model_free(m, at, n);
	assert_int_equal(nb_pgtable_map(rig->pt, NB_IOVA(base + at * page), NB_PA(pa), n * page,
				 &ro, &cleared),
		free ? 0 : -EEXIST);
	nb_pgtable_reap(rig->pt);
	if (free)
		model_set(m, at, n, pa, page);
}

static void random_maps(void **state)
{
	static const struct nb_pgtable_options rows[] = {
		{ .granule_lg2 = 12 },
		{ .granule_lg2 = 14 },
		{ .granule_lg2 = 16, .ias = 52, .oas = 52 },
		{ .stage = NB_PGTABLE_STAGE2, .granule_lg2 = 12, .ias = 40, .no_spare = true },
		{ .stage = NB_PGTABLE_STAGE2, .granule_lg2 = 12, .ias = 33, .concatenate = true },
		{ .stage = NB_PGTABLE_STAGE2, .granule_lg2 = 14, .ias = 48, .max_leaf_lg2 = 14 },
		{ .stage = NB_PGTABLE_STAGE2, .granule_lg2 = 16, .ias = 43, .spare_tables = 3 },
	};
	struct model *m = malloc(sizeof(*m));
	struct rig rig;

	srandom(7);
	for (unsigned r = 0; r < ARRAY_LEN(rows); r++) {
		uint64_t page = BIT64(rows[r].granule_lg2), used;
		uint64_t base = BIT64((rows[r].ias ?: 48) - 1) - (PAGES / 2) * page;

		assert_true(rig_init(&rig, rows[r]));
		used = info_of(&rig).table_bytes;
		model_set(m, 0, PAGES, ABSENT, page);
		for (unsigned i = 0; i < 600; i++) {
			random_step(&rig, m, page, base);
			if (i % 100 == 99)
				check_all(&rig, m, page, base);
		}
		unmap(&rig, 0, UINT64_MAX);
		assert_true(info_of(&rig).empty);
		assert_int_equal(info_of(&rig).table_bytes, used);
		rig_finish(&rig);
	}
	free(m);
}

/* Memory that ends after some number of allocations. */
struct scarce {
	struct nb_pgtable_ram *ram;
	unsigned left;
};

static void *scarce_alloc(void *ctx, uint64_t bytes, nb_pa *pa)
{
	struct scarce *scarce = ctx;

	if (!scarce->left)
		return NULL;
	scarce->left--;
	return nb_pgtable_ram_alloc(scarce->ram, bytes, pa);
}

static void scarce_free(void *ctx, void *ptr, nb_pa pa, uint64_t bytes)
{
	struct scarce *scarce = ctx;

	memset(ptr, 0xff, bytes); /* used after it was freed, it would look valid */
	nb_pgtable_ram_free(scarce->ram, pa, bytes);
}

/* Every number of allocations: success, or ENOMEM and all as it was. */
static void exhaustion(void **state)
{
	static const struct nb_pgtable_ops ops = { sizeof(ops), scarce_alloc, scarce_free };
	struct nb_mem *mem = nb_mem_create(48);
	struct scarce scarce = { .ram = nb_pgtable_ram_create(mem, NB_PA(RAM_BASE), MIB(16)) };
	struct nb_pgtable_options options = {
		.size = sizeof(options), .no_spare = true, .ops = &ops, .ctx = &scarce
	};
	struct nb_pgtable_cleared undone;
	struct nb_pgtable_info before, after;
	struct nb_pgtable_leaf leaf;
	unsigned failures = 0;
	int ret = -ENOMEM;

	assert_null(nb_pgtable_create(&options)); /* not even the root */
	for (unsigned n = 0; ret; n++) {
		struct nb_pgtable *pt;

		scarce.left = 4;
		pt = nb_pgtable_create(&options);
		assert_int_equal(
			nb_pgtable_map(pt, NB_IOVA(GIB(512) - MIB(4)), NB_PA(0), KIB(4), &rw, NULL),
			0);
		nb_pgtable_info(pt, &before, sizeof(before));
		scarce.left = n;
		/* Across the end of a level 1 table, not congruent: nothing but pages. */
		ret = nb_pgtable_map(
			pt, NB_IOVA(GIB(512) - MIB(3)), NB_PA(KIB(4)), MIB(8), &rw, &undone);
		if (ret) {
			assert_int_equal(ret, -ENOMEM);
			nb_pgtable_reap(pt);
			nb_pgtable_info(pt, &after, sizeof(after));
			assert_int_equal(after.table_bytes, before.table_bytes);
			assert_false(after.unlinked || after.empty);
			assert_int_equal(undone.bytes % KIB(4), 0);
			assert_true(nb_pgtable_lookup(pt, NB_IOVA(GIB(512) - MIB(4)), &leaf));
			assert_false(nb_pgtable_lookup(pt, NB_IOVA(GIB(512) - MIB(3)), &leaf));
			failures++;
		}
		nb_pgtable_destroy(pt);
		assert_int_equal(ram_used((struct ram *)scarce.ram), 0);
	}
	assert_int_equal(failures, 6); /* four leaf tables, one each of levels 1 and 2 */
	nb_pgtable_ram_destroy(scarce.ram);
	nb_mem_destroy(mem);
}

/* A table that was unlinked is intact, whatever is mapped next, until it is reaped. */
static void unlinked(void **state)
{
	struct nb_pgtable_cleared cleared;
	struct nb_pgtable_leaf leaf;
	const uint64_t *root, *l1, *l2, *l3;
	struct rig rig;

	assert_true(rig_init(&rig, (struct nb_pgtable_options){ 0 }));
	assert_int_equal(map(&rig, GIB(1), MIB(4), KIB(8)), 0);
	root = rig.pt->root->desc;
	l1 = rig.pt->root->child[0]->desc;
	l2 = rig.pt->root->child[0]->child[1]->desc;
	l3 = rig.pt->root->child[0]->child[1]->child[0]->desc;
	nb_pgtable_unmap(rig.pt, NB_IOVA(GIB(1)), KIB(4), &cleared);
	assert_false(cleared.tables);
	assert_int_equal(l3[0], 0);
	nb_pgtable_unmap(rig.pt, NB_IOVA(0), BIT64(39), &cleared);
	assert_true(cleared.tables && info_of(&rig).unlinked);
	assert_int_equal(cleared.leaves, 1);
	assert_int_equal(cleared.min_leaf, KIB(4));
	assert_int_equal(root[0], 0);
	assert_int_equal(info_of(&rig).table_bytes, KIB(4));
	assert_int_equal(map(&rig, GIB(1), MIB(8), KIB(4)), 0);
	assert_true((l1[1] & 3) == 3 && (l2[0] & 3) == 3 && (l3[1] & 3) == 3);
	assert_true(rig.pt->root->child[0]->desc != l1);
	nb_pgtable_reap(rig.pt);
	assert_false(info_of(&rig).unlinked);
	assert_true(nb_pgtable_lookup(rig.pt, NB_IOVA(GIB(1)), &leaf));
	assert_false(nb_pgtable_lookup(rig.pt, NB_IOVA(GIB(1) + KIB(4)), &leaf));
	rig_finish(&rig);
}

static int count_leaf(void *ctx, const struct nb_pgtable_leaf *leaf)
{
	unsigned *left = ctx;

	return --*left ? 0 : (int)(leaf->iova.v >> 12);
}

static void iteration(void **state)
{
	struct rig rig;
	unsigned left = 100;

	assert_true(rig_init(&rig, (struct nb_pgtable_options){ 0 }));
	assert_int_equal(map(&rig, KIB(4), KIB(8), KIB(40)), 0);
	assert_int_equal(nb_pgtable_each(rig.pt, NB_IOVA(0), GIB(1), count_leaf, &left), 0);
	assert_int_equal(left, 90);
	/* A leaf counts with any byte of it; fn ends it. */
	left = 3;
	assert_int_equal(nb_pgtable_each(rig.pt, NB_IOVA(KIB(9)), GIB(1), count_leaf, &left), 4);
	left = 9;
	assert_int_equal(nb_pgtable_each(rig.pt, NB_IOVA(KIB(9)), KIB(4), count_leaf, &left), 0);
	assert_int_equal(left, 7);
	assert_int_equal(nb_pgtable_each(rig.pt, NB_IOVA(BIT64(48)), 1, count_leaf, &left), 0);
	assert_int_equal(left, 7);
	rig_finish(&rig);
}

/* As hardware would: the third page is written. */
static void dirty(void **state)
{
	const struct nb_pgtable_attrs attrs = { .flags = RW | NB_PGTABLE_DBM };
	struct rig rig;
	unsigned left;

	for (unsigned stage = 0; stage < 2; stage++) {
		uint64_t *desc;

		assert_true(rig_init(&rig, (struct nb_pgtable_options){ .stage = stage }));
		assert_int_equal(map(&rig, GIB(1), 0, KIB(4)), 0); /* writable, but not managed */
		assert_int_equal(nb_pgtable_map(rig.pt, NB_IOVA(0), NB_PA(GIB(3) + KIB(4)), MIB(1),
					 &attrs, NULL),
			0);
		left = 2;
		assert_int_equal(
			nb_pgtable_dirty(rig.pt, NB_IOVA(0), GIB(2), false, count_leaf, &left), 0);
		assert_int_equal(left, 2);
		desc = &rig.pt->root->child[0]->child[0]->child[0]->desc[3];
		*desc ^= BIT64(7); /* AP[2], S2AP[1] */
		left = 1;
		assert_int_equal(
			nb_pgtable_dirty(rig.pt, NB_IOVA(0), GIB(2), true, count_leaf, &left), 3);
		left = 1;
		assert_int_equal(
			nb_pgtable_dirty(rig.pt, NB_IOVA(0), GIB(2), false, count_leaf, &left), 3);
		left = 1;
		assert_int_equal(
			nb_pgtable_dirty(rig.pt, NB_IOVA(0), GIB(2), false, count_leaf, &left), 0);
		rig_finish(&rig);
	}
}

static void dump(void **state)
{
	static const char expected[] =
		"stage 2, 4 KiB granule, 40 input and 48 output bits, root 0x100000000, level 1\n"
		"  0x0000000001000-0x00000001fffff -> 0x0000000003000  rw----a--  attr 0xf sh 3  "
		"level 3: 511 x 4 KiB\n"
		"  0x0000000200000-0x00000005fffff -> 0x0000000400000  r-----a--  attr 0xf sh 3  "
		"level 2: 2 x 2 MiB\n"
		"  0x0000000600000-0x0000000600fff -> 0x0000000800000  rw----a--  attr 0xf sh 3  "
		"level 3: 1 x 4 KiB\n"
		"  0x0000000601000-0x0000000601fff -> 0x0000000801000  rw----a--  attr 0x1 sh 2  "
		"level 3: 1 x 4 KiB\n";
	const struct nb_pgtable_attrs device = {
		.flags = RW, .memory = NB_PGTABLE_DEVICE, .sh = NB_PGTABLE_SH(2)
	};
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct rig rig;

	assert_true(rig_init(
		&rig, (struct nb_pgtable_options){ .stage = NB_PGTABLE_STAGE2, .ias = 40 }));
	assert_int_equal(map(&rig, KIB(4), KIB(12), MIB(2) - KIB(4)), 0);
	assert_int_equal(
		nb_pgtable_map(rig.pt, NB_IOVA(MIB(2)), NB_PA(MIB(4)), MIB(4), &ro, NULL), 0);
	assert_int_equal(map(&rig, MIB(6), MIB(8), KIB(4)), 0);
	assert_int_equal(nb_pgtable_map(rig.pt, NB_IOVA(MIB(6) + KIB(4)), NB_PA(MIB(8) + KIB(4)),
				 KIB(4), &device, NULL),
		0);
	nb_pgtable_dump(rig.pt, out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	rig_finish(&rig);
}

/* A struct of an older or a newer header. */
static void sizes(void **state)
{
	struct nb_pgtable_options options = { 0 };
	struct nb_pgtable_info info;
	struct rig rig;

	assert_true(rig_init(&rig, options));
	memset(&info, 0xff, sizeof(info));
	nb_pgtable_info(rig.pt, &info, offsetof(struct nb_pgtable_info, start_level));
	assert_int_equal(info.root_bytes, KIB(4));
	assert_int_equal(info.start_level, UINT32_MAX);
	options.ram = rig.ram;
	assert_null(nb_pgtable_create(&options));
	options.size = sizeof(options) + 1;
	assert_null(nb_pgtable_create(&options));
	options.size = sizeof(options);
	options.ram = NULL;
	assert_null(nb_pgtable_create(&options));
	nb_pgtable_destroy(NULL);
	nb_pgtable_ram_destroy(NULL);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(geometry),
		cmocka_unit_test(attributes),
		cmocka_unit_test(ranges),
		cmocka_unit_test(leaves),
		cmocka_unit_test(across_48),
		cmocka_unit_test(random_maps),
		cmocka_unit_test(exhaustion),
		cmocka_unit_test(unlinked),
		cmocka_unit_test(iteration),
		cmocka_unit_test(dirty),
		cmocka_unit_test(dump),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
