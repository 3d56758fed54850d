/* SPDX-License-Identifier: MIT */
/*
 * Maps that fail, for want of memory at every allocation there is or for what is mapped already at any
 * place: all is as it was, to the last byte of table memory. Memory that no descriptor can address.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "base/bits.h"
#include "mem/ram.h"
#include "pt/pgtable.h"

#define RAM_BASE  GIB(4)
#define RAM_BYTES MIB(64)
#define RW	  (NB_PGTABLE_READ | NB_PGTABLE_WRITE)

static const struct nb_pgtable_attrs rw = { .flags = RW };

/* Memory that ends after some number of allocations, or is where it should not be. */
struct memory {
	struct nb_mem *mem;
	struct nb_pgtable_ram *ram;
	unsigned left;
	uint64_t displace; /* added to each address */
};

static void *memory_alloc(void *ctx, uint64_t bytes, nb_pa *pa)
{
	struct memory *memory = ctx;
	void *ptr;

	if (!memory->left)
		return NULL;
	memory->left--;
	ptr = nb_pgtable_ram_alloc(memory->ram, bytes, pa);
	pa->v += memory->displace;
	return ptr;
}

static void memory_free(void *ctx, void *ptr, nb_pa pa, uint64_t bytes)
{
	struct memory *memory = ctx;

	memset(ptr, 0xff, bytes); /* used after it was freed, it would look valid */
	nb_pgtable_ram_free(memory->ram, NB_PA(pa.v - memory->displace), bytes);
}

static const struct nb_pgtable_ops ops = { sizeof(ops), memory_alloc, memory_free };

static void memory_init(struct memory *memory)
{
	*memory = (struct memory){ .mem = nb_mem_create(52), .left = UINT32_MAX };
	memory->ram = nb_pgtable_ram_create(memory->mem, NB_PA(RAM_BASE), RAM_BYTES);
	assert_non_null(memory->ram);
}

static uint64_t used(const struct memory *memory)
{
	return ram_used((struct ram *)memory->ram);
}

static void memory_finish(struct memory *memory)
{
	assert_int_equal(used(memory), 0);
	nb_pgtable_ram_destroy(memory->ram);
	nb_mem_destroy(memory->mem);
}

static struct nb_pgtable *create(struct memory *memory, struct nb_pgtable_options options)
{
	options.size = sizeof(options);
	options.ops = &ops;
	options.ctx = memory;
	return nb_pgtable_create(&options);
}

static int map(struct nb_pgtable *pt, uint64_t iova, uint64_t pa, uint64_t bytes,
	struct nb_pgtable_cleared *undone)
{
	return nb_pgtable_map(pt, NB_IOVA(iova), NB_PA(pa), bytes, &rw, undone);
}

/* All that can be seen of tables. */
struct snapshot {
	char *text;
	size_t len;
	uint64_t table_bytes;
};

static struct snapshot take(const struct nb_pgtable *pt)
{
	struct snapshot snapshot = { NULL, 0, 0 };
	struct nb_pgtable_info info;
	FILE *out = open_memstream(&snapshot.text, &snapshot.len);

	nb_pgtable_dump(pt, out);
	fclose(out);
	nb_pgtable_info(pt, &info, sizeof(info));
	snapshot.table_bytes = info.table_bytes;
	return snapshot;
}

static void check_same(struct nb_pgtable *pt, const struct snapshot *before)
{
	struct snapshot after;

	nb_pgtable_reap(pt);
	after = take(pt);
	assert_string_equal(after.text, before->text);
	assert_int_equal(after.table_bytes, before->table_bytes);
	free(after.text);
}

/* ---- what is mapped ---- */

static const struct nb_pgtable_options kinds[] = {
	{ .granule_lg2 = 12, .no_spare = true },
	{ .granule_lg2 = 12, .ias = 39, .max_leaf_lg2 = 12, .no_spare = true },
	{ .granule_lg2 = 12, .spare_tables = 3 },
	{ .granule_lg2 = 14, .ias = 47, .no_spare = true },
	{ .granule_lg2 = 16, .ias = 52, .oas = 52, .no_spare = true },
	{ .stage = NB_PGTABLE_STAGE2, .granule_lg2 = 12, .ias = 40, .no_spare = true },
	{ .stage = NB_PGTABLE_STAGE2, .granule_lg2 = 12, .ias = 33, .concatenate = true },
	{ .stage = NB_PGTABLE_STAGE2, .granule_lg2 = 14, .ias = 48, .no_spare = true },
};

struct target {
	uint64_t iova, pa, bytes;
};

#define TARGETS 3

/*
 * Two pages, two blocks, and on the other side of where a table of level 2 ends the like; the same by
 * pages alone, since the addresses are not congruent; pages and blocks up to the top.
 */
static struct target target_of(const struct nb_pgtable *pt, unsigned i)
{
	uint64_t page = pgt_leaf_bytes(pt, 3), block = pgt_leaf_bytes(pt, 2),
		 half = 2 * block + 2 * page, end = pgt_leaf_bytes(pt, 1);

	if (i == 2)
		return (struct target){ BIT64(pt->ias) - half, BIT64(pt->oas) - half, half };
	return (struct target){ end - half, 4 * end - half + i * page, 2 * half };
}

/* Neighbours in its first table and perhaps its last, and something far from it. */
static void surround(struct nb_pgtable *pt, const struct target *t, bool after)
{
	uint64_t page = pgt_leaf_bytes(pt, 3);

	assert_int_equal(map(pt, 0, 0, 3 * page, NULL), 0);
	assert_int_equal(map(pt, t->iova - page, 0, page, NULL), 0);
	if (after)
		assert_int_equal(map(pt, t->iova + t->bytes, 0, page, NULL), 0);
}

static int count_bytes(void *ctx, const struct nb_pgtable_leaf *leaf)
{
	*(uint64_t *)ctx += leaf->bytes;
	return 0;
}

static uint64_t mapped(const struct nb_pgtable *pt, const struct target *t)
{
	uint64_t bytes = 0;

	nb_pgtable_each(pt, NB_IOVA(t->iova), t->bytes, count_bytes, &bytes);
	return bytes;
}

/* ---- no memory ---- */

/* The n-th allocation fails. False: there were not so many. */
static bool fail_nth(
	struct memory *memory, struct nb_pgtable *pt, const struct target *t, unsigned n)
{
	struct snapshot before = take(pt);
	struct nb_pgtable_cleared undone;
	uint64_t bytes = used(memory);
	int ret;

	memory->left = n;
	ret = map(pt, t->iova, t->pa, t->bytes, &undone);
	memory->left = UINT32_MAX;
	if (ret) {
		assert_int_equal(ret, -ENOMEM);
		assert_true(undone.bytes < t->bytes);
		assert_true(!undone.leaves == !undone.min_leaf);
		check_same(pt, &before);
		assert_int_equal(mapped(pt, t), 0);
		assert_true(pt->max_spare || used(memory) == bytes);
	} else {
		assert_int_equal(undone.leaves, 0);
		assert_int_equal(mapped(pt, t), t->bytes);
		nb_pgtable_unmap(pt, NB_IOVA(t->iova), t->bytes, NULL);
		check_same(pt, &before);
	}
	free(before.text);
	return ret;
}

static void no_memory(void **state)
{
	for (unsigned k = 0; k < ARRAY_LEN(kinds); k++)
		for (unsigned i = 0; i < TARGETS; i++) {
			struct memory memory;
			struct nb_pgtable *pt;
			struct target t;
			unsigned n = 0;

			memory_init(&memory);
			pt = create(&memory, kinds[k]);
			assert_non_null(pt);
			t = target_of(pt, i);
			surround(pt, &t, i == 1);
			while (fail_nth(&memory, pt, &t, n))
				n++;
			assert_true(n > 0 || i == 2); /* there the neighbour's table will do */
			nb_pgtable_destroy(pt);
			memory_finish(&memory);
		}
}

/* ---- something in the way ---- */

static void in_the_way(struct nb_pgtable *pt, const struct target *t, uint64_t at)
{
	uint64_t page = pgt_leaf_bytes(pt, 3);
	struct nb_pgtable_cleared undone;
	struct snapshot before;

	assert_int_equal(map(pt, t->iova + at, 0, page, NULL), 0);
	before = take(pt);
	assert_int_equal(map(pt, t->iova, t->pa, t->bytes, &undone), -EEXIST);
	/* Up to it, or to the block that it is in the way of. */
	assert_true(undone.bytes <= at && at - undone.bytes < pgt_leaf_bytes(pt, 2));
	check_same(pt, &before);
	assert_int_equal(mapped(pt, t), page);
	free(before.text);
	nb_pgtable_unmap(pt, NB_IOVA(t->iova + at), page, NULL);
	nb_pgtable_reap(pt);
}

static void overlaps(void **state)
{
	for (unsigned k = 0; k < ARRAY_LEN(kinds); k++)
		for (unsigned i = 0; i < TARGETS; i++) {
			struct memory memory;
			struct nb_pgtable *pt;
			struct target t;
			uint64_t page, block;

			memory_init(&memory);
			pt = create(&memory, kinds[k]);
			page = pgt_leaf_bytes(pt, 3);
			block = pgt_leaf_bytes(pt, 2);
			t = target_of(pt, i);
			surround(pt, &t, i == 1);
			for (uint64_t at = 0; at < t.bytes; at += block / 2)
				in_the_way(pt, &t, at);
			in_the_way(pt, &t, page);
			in_the_way(pt, &t, t.bytes - page);
			nb_pgtable_destroy(pt);
			memory_finish(&memory);
		}
}

/* A block in the way of pages, of a block, and of itself; it is taken out as a whole only. */
static void blocks(void **state)
{
	struct nb_pgtable_cleared cleared;
	struct snapshot before;
	struct memory memory;
	struct nb_pgtable *pt;

	memory_init(&memory);
	pt = create(&memory, kinds[0]);
	assert_int_equal(map(pt, GIB(1), GIB(1), GIB(1), NULL), 0);
	before = take(pt);
	assert_int_equal(map(pt, GIB(1) + KIB(8), 0, KIB(4), NULL), -EEXIST);
	assert_int_equal(map(pt, GIB(2) - MIB(2), 0, MIB(4), NULL), -EEXIST);
	assert_int_equal(map(pt, GIB(1) - MIB(2), 0, MIB(4), NULL), -EEXIST);
	assert_int_equal(map(pt, 0, 0, GIB(4), NULL), -EEXIST);
	check_same(pt, &before);
	nb_pgtable_unmap(pt, NB_IOVA(GIB(1) + 1), GIB(1), &cleared);
	assert_int_equal(cleared.leaves, 0);
	nb_pgtable_unmap(pt, NB_IOVA(GIB(1)), GIB(1) - 1, &cleared);
	assert_int_equal(cleared.leaves, 0);
	nb_pgtable_unmap(pt, NB_IOVA(0), 0, &cleared);
	assert_true(!cleared.leaves && !cleared.min_leaf && !cleared.tables);
	check_same(pt, &before);
	nb_pgtable_unmap(pt, NB_IOVA(GIB(1) - 1), GIB(1) + 2, &cleared);
	assert_true(cleared.leaves == 1 && cleared.bytes == GIB(1) && cleared.tables);
	free(before.text);
	nb_pgtable_destroy(pt);
	memory_finish(&memory);
}

/* ---- far apart ---- */

/* One page in each of the root's entries: between them nothing is visited, and nothing is left. */
static void gaps(void **state)
{
	for (unsigned k = 0; k < ARRAY_LEN(kinds); k++) {
		struct memory memory;
		struct nb_pgtable *pt;
		struct nb_pgtable_info info;
		uint64_t page, step, bytes = 0, root;
		unsigned n;

		memory_init(&memory);
		pt = create(&memory, kinds[k]);
		root = used(&memory);
		page = pgt_leaf_bytes(pt, 3);
		n = MIN(pt->root_entries, 16u);
		step = BIT64(pt->ias) / n;
		for (unsigned i = 0; i < n; i++)
			assert_int_equal(map(pt, (i + 1) * step - page, i * page, page, NULL), 0);
		nb_pgtable_each(pt, NB_IOVA(0), UINT64_MAX, count_bytes, &bytes);
		assert_int_equal(bytes, n * page);
		bytes = 0;
		nb_pgtable_each(pt, NB_IOVA(step), step - page, count_bytes, &bytes);
		assert_int_equal(bytes, 0);
		nb_pgtable_each(pt, NB_IOVA(BIT64(pt->ias) - 1), UINT64_MAX, count_bytes, &bytes);
		assert_int_equal(bytes, page);
		nb_pgtable_unmap(pt, NB_IOVA(1), UINT64_MAX, NULL);
		nb_pgtable_reap(pt);
		nb_pgtable_info(pt, &info, sizeof(info));
		assert_true(info.empty && info.table_bytes == root);
		assert_true(pt->max_spare || used(&memory) == root);
		nb_pgtable_destroy(pt);
		memory_finish(&memory);
	}
}

/* ---- memory elsewhere ---- */

static void displaced(void **state)
{
	static const struct {
		struct nb_pgtable_options options;
		uint64_t displace;
		bool good;
	} rows[] = {
		{ { .no_spare = true, .granule_lg2 = 12 }, 0, true },
		{ { .no_spare = true, .granule_lg2 = 12 }, BIT64(40), true },
		{ { .no_spare = true, .granule_lg2 = 12 }, 64, false },
		{ { .no_spare = true, .granule_lg2 = 12 }, BIT64(48), false },
		{ { .no_spare = true, .granule_lg2 = 14, .ias = 47 }, KIB(4), false },
		{ { .no_spare = true, .granule_lg2 = 16 }, BIT64(48), false },
		{ { .no_spare = true, .granule_lg2 = 16, .oas = 52 }, BIT64(48), true },
		{ { .no_spare = true, .granule_lg2 = 16, .oas = 52 }, BIT64(52), false },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct memory memory;
		struct nb_pgtable *pt;
		struct snapshot before;

		memory_init(&memory);
		memory.displace = rows[i].displace;
		pt = create(&memory, rows[i].options);
		assert_int_equal(pt != NULL, rows[i].good);
		nb_pgtable_destroy(pt);
		/* A table, not the root. */
		memory.displace = 0;
		pt = create(&memory, rows[i].options);
		before = take(pt);
		memory.displace = rows[i].displace;
		assert_int_equal(map(pt, 0, 0, KIB(64), NULL), rows[i].good ? 0 : -ENOMEM);
		if (rows[i].good)
			nb_pgtable_unmap(pt, NB_IOVA(0), KIB(64), NULL);
		check_same(pt, &before);
		free(before.text);
		memory.displace = 0;
		nb_pgtable_destroy(pt);
		memory_finish(&memory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(blocks),
		cmocka_unit_test(gaps),
		cmocka_unit_test(displaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
