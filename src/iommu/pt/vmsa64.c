/* SPDX-License-Identifier: MIT */
/*
 * VMSAv8-64 tables, 4 KiB granule (Arm ARM DDI 0487, D8.3: descriptor formats).
 *
 * Hardware walks the tables while we write them, so every descriptor is one 64-bit atomic store,
 * released after what it points to. Two things are kept in bits that hardware ignores:
 *
 * - A table descriptor's bits 11:2 (ignored: D8.3.1) count the valid descriptors of the table it
 *   points to, so that unmapping knows in O(1) that a table became empty.
 * - Unlinked tables, which a walk that began earlier may still read, form a list: descriptor 0 of
 *   each holds the address of the next. Bit 0 of it is clear, so it stays an invalid descriptor.
 */
#include "iommu/pt/vmsa64.h"

#include <errno.h>

#include "base/bits.h"
#include "base/check.h"

#define PTE_VALID  BIT64(0)
#define PTE_TABLE  BIT64(1) /* levels 0 to 2: a table, not a block; level 3: always set */
#define PTE_ADDR   MASK64(47, 12)
#define TABLE_USED MASK64(11, 2) /* ours; see above */

/* Stage 1 leaf attributes: D8.3.2. */
#define S1_ATTR_WB (UINT64_C(1) << 2) /* AttrIndx = 1 */
#define S1_AP_EL0  BIT64(6)	      /* AP[1]: devices are unprivileged */
#define S1_AP_RO   BIT64(7)	      /* AP[2] */
#define S1_NG	   BIT64(11)	      /* tagged with the ASID */

/* Stage 2 leaf attributes. */
#define S2_ATTR_WB (UINT64_C(0xf) << 2) /* MemAttr: inner and outer write-back */
#define S2AP_R	   BIT64(6)
#define S2AP_W	   BIT64(7)

#define LEAF_SH_INNER (UINT64_C(3) << 8)
#define LEAF_AF	      BIT64(10)

#define LAST_LEVEL	 3
#define TABLE_BYTES	 4096
#define MAX_CONCATENATED 16 /* D8.2: stage 2 roots */

/* What one pt_map or pt_unmap has still to do. */
struct cursor {
	uint64_t iova, pa, left;
	uint64_t attrs; /* of leaves */
	struct pt_cleared *cleared;
};

static unsigned level_shift(unsigned level)
{
	return 12 + 9 * (LAST_LEVEL - level);
}

static uint64_t level_bytes(unsigned level)
{
	return BIT64(level_shift(level));
}

static unsigned level_entries(const struct pt *pt, unsigned level)
{
	return level == pt->start_level ? pt->root_entries : 512;
}

static unsigned level_index(const struct pt *pt, unsigned level, uint64_t iova)
{
	return (iova >> level_shift(level)) & (level_entries(pt, level) - 1);
}

static bool is_table(uint64_t desc, unsigned level)
{
	return level < LAST_LEVEL && (desc & PTE_VALID) && (desc & PTE_TABLE);
}

static uint64_t *table_of(const struct pt *pt, uint64_t desc)
{
	return ram_ptr(pt->ram, NB_PA(desc & PTE_ADDR));
}

/* Release: what the descriptor points to is written before a walk can follow it. */
static void set_desc(uint64_t *desc, uint64_t value)
{
	__atomic_store_n(desc, value, __ATOMIC_RELEASE);
}

static uint64_t leaf_attrs(enum pt_stage stage, unsigned prot)
{
	uint64_t attrs = PTE_VALID | LEAF_AF | LEAF_SH_INNER;

	if (stage == PT_STAGE2)
		return attrs | S2_ATTR_WB | (prot & PT_READ ? S2AP_R : 0) |
		       (prot & PT_WRITE ? S2AP_W : 0);

	/* Stage 1 knows no write-only: a writable page can be read (as in Linux io-pgtable-arm). */
	return attrs | S1_ATTR_WB | S1_AP_EL0 | S1_NG | (prot & PT_WRITE ? 0 : S1_AP_RO);
}

static unsigned leaf_prot(enum pt_stage stage, uint64_t desc)
{
	if (stage == PT_STAGE2)
		return (desc & S2AP_R ? PT_READ : 0) | (desc & S2AP_W ? PT_WRITE : 0);
	return PT_READ | (desc & S1_AP_RO ? 0 : PT_WRITE);
}

/*
 * D8.2: a stage 2 walk may start one level later with up to 16 concatenated tables. Like Linux, use
 * that only to do without level 0, which small output sizes do not allow.
 */
static void choose_root(struct pt *pt)
{
	unsigned level = pt->ias > 39 ? 0 : pt->ias > 30 ? 1 : 2;
	unsigned bits = pt->ias - level_shift(level);

	if (pt->stage == PT_STAGE2 && level == 0 && BIT64(bits) <= MAX_CONCATENATED) {
		level = 1;
		bits += 9;
	}
	pt->start_level = level;
	pt->root_entries = 1u << bits;
}

static uint64_t root_bytes(const struct pt *pt)
{
	return MAX(pt->root_entries * sizeof(uint64_t), (uint64_t)TABLE_BYTES);
}

bool pt_init(struct pt *pt, enum pt_stage stage, unsigned ias, unsigned oas, struct ram *ram,
	struct charge *charge)
{
	void *root;

	nb_assert(ias >= 31 && ias <= 48 && oas >= 31 && oas <= 48);
	*pt = (struct pt){ .ram = ram, .charge = charge, .stage = stage, .ias = ias, .oas = oas };
	choose_root(pt);
	return ram_alloc(ram, root_bytes(pt), charge, &pt->root, &root);
}

static void free_tables(struct pt *pt, uint64_t *table, unsigned level)
{
	for (unsigned i = 0; i < level_entries(pt, level); i++) {
		if (!is_table(table[i], level))
			continue;
		free_tables(pt, table_of(pt, table[i]), level + 1);
		ram_free(pt->ram, NB_PA(table[i] & PTE_ADDR), TABLE_BYTES, pt->charge);
	}
}

void pt_finish(struct pt *pt)
{
	pt_reap(pt);
	free_tables(pt, ram_ptr(pt->ram, pt->root), pt->start_level);
	ram_free(pt->ram, pt->root, root_bytes(pt), pt->charge);
}

static void advance(struct cursor *c, uint64_t bytes)
{
	bytes = MIN(bytes, c->left);
	c->iova += bytes;
	c->pa += bytes;
	c->left -= bytes;
}

static bool leaf_fits(const struct cursor *c, unsigned level)
{
	uint64_t bytes = level_bytes(level);

	return (PT_PGSIZES & bytes) && is_aligned(c->iova | c->pa, bytes) && c->left >= bytes;
}

static bool add_table(struct pt *pt, uint64_t *desc)
{
	nb_pa pa;
	void *ptr;

	if (!ram_alloc(pt->ram, TABLE_BYTES, pt->charge, &pa, &ptr))
		return false;
	set_desc(desc, pa.v | PTE_TABLE | PTE_VALID);
	return true;
}

static int put_leaf(uint64_t *desc, unsigned level, const struct cursor *c, unsigned *used)
{
	if (*desc & PTE_VALID)
		return -EEXIST;
	set_desc(desc, c->pa | c->attrs | (level == LAST_LEVEL ? PTE_TABLE : 0));
	++*used;
	return 0;
}

static int map_table(
	struct pt *pt, uint64_t *table, unsigned level, struct cursor *c, unsigned *used);

static int map_below(
	struct pt *pt, uint64_t *desc, unsigned level, struct cursor *c, unsigned *used)
{
	unsigned below;
	int ret;

	if (!(*desc & PTE_VALID)) {
		if (!add_table(pt, desc))
			return -ENOMEM;
		++*used;
	} else if (!is_table(*desc, level)) {
		return -EEXIST;
	}
	below = field_get(TABLE_USED, *desc);
	ret = map_table(pt, table_of(pt, *desc), level + 1, c, &below);
	set_desc(desc, (*desc & ~TABLE_USED) | field_prep(TABLE_USED, below));
	return ret;
}

static int map_table(
	struct pt *pt, uint64_t *table, unsigned level, struct cursor *c, unsigned *used)
{
	unsigned n = level_entries(pt, level);

	for (unsigned i = level_index(pt, level, c->iova); i < n && c->left; i++) {
		bool leaf = leaf_fits(c, level);
		int ret = leaf ? put_leaf(&table[i], level, c, used)
			       : map_below(pt, &table[i], level, c, used);

		if (ret)
			return ret;
		if (leaf)
			advance(c, level_bytes(level));
	}
	return 0;
}

int pt_map(struct pt *pt, nb_iova iova, nb_pa pa, uint64_t bytes, unsigned prot, uint64_t *done)
{
	struct cursor c = { iova.v, pa.v, bytes, leaf_attrs(pt->stage, prot), NULL };
	int ret;

	nb_assert(is_aligned(iova.v | pa.v | bytes, TABLE_BYTES) && bytes);
	nb_assert(((iova.v + bytes - 1) >> pt->ias) == 0 && ((pa.v + bytes - 1) >> pt->oas) == 0);
	ret = map_table(pt, ram_ptr(pt->ram, pt->root), pt->start_level, &c, &pt->root_used);
	*done = bytes - c.left;
	return ret;
}

static void unlink_table(struct pt *pt, uint64_t *desc, unsigned *used)
{
	uint64_t pa = *desc & PTE_ADDR;

	set_desc(desc, 0);
	--*used;
	set_desc(ram_ptr(pt->ram, NB_PA(pa)), pt->garbage);
	pt->garbage = pa;
}

static void clear_leaf(uint64_t *desc, unsigned level, struct cursor *c, unsigned *used)
{
	uint64_t bytes = level_bytes(level);

	if (!is_aligned(c->iova, bytes) || c->left < bytes)
		return; /* reaches out of the range */
	set_desc(desc, 0);
	--*used;
	c->cleared->leaves++;
	if (!c->cleared->min_leaf || bytes < c->cleared->min_leaf)
		c->cleared->min_leaf = bytes;
}

static void unmap_table(
	struct pt *pt, uint64_t *table, unsigned level, struct cursor *c, unsigned *used);

static void unmap_below(
	struct pt *pt, uint64_t *desc, unsigned level, struct cursor *c, unsigned *used)
{
	unsigned below = field_get(TABLE_USED, *desc);

	unmap_table(pt, table_of(pt, *desc), level + 1, c, &below);
	if (below)
		set_desc(desc, (*desc & ~TABLE_USED) | field_prep(TABLE_USED, below));
	else
		unlink_table(pt, desc, used);
}

static void unmap_table(
	struct pt *pt, uint64_t *table, unsigned level, struct cursor *c, unsigned *used)
{
	unsigned n = level_entries(pt, level);

	for (unsigned i = level_index(pt, level, c->iova); i < n && c->left; i++) {
		uint64_t next = align_down(c->iova, level_bytes(level)) + level_bytes(level);

		if (is_table(table[i], level)) {
			unmap_below(pt, &table[i], level, c, used);
			continue;
		}
		if (table[i] & PTE_VALID)
			clear_leaf(&table[i], level, c, used);
		advance(c, next - c->iova);
	}
}

void pt_unmap(struct pt *pt, nb_iova iova, uint64_t bytes, struct pt_cleared *cleared)
{
	struct cursor c = { iova.v, 0, bytes, 0, cleared };

	*cleared = (struct pt_cleared){ 0 };
	unmap_table(pt, ram_ptr(pt->ram, pt->root), pt->start_level, &c, &pt->root_used);
}

void pt_prune(struct pt *pt, nb_iova iova)
{
	struct pt_cleared none;

	/*
	 * One byte: no leaf lies wholly in it, but an empty table on the way is unlinked like one
	 * that just became empty.
	 */
	pt_unmap(pt, iova, 1, &none);
}

void pt_reap(struct pt *pt)
{
	while (pt->garbage) {
		uint64_t pa = pt->garbage;
		uint64_t *table = ram_ptr(pt->ram, NB_PA(pa));

		pt->garbage = table[0];
		ram_free(pt->ram, NB_PA(pa), TABLE_BYTES, pt->charge);
	}
}

bool pt_lookup(const struct pt *pt, nb_iova iova, struct pt_leaf *leaf)
{
	const uint64_t *table = ram_ptr(pt->ram, pt->root);

	if (iova.v >> pt->ias)
		return false;
	for (unsigned level = pt->start_level;; level++) {
		uint64_t desc = table[level_index(pt, level, iova.v)];
		uint64_t offset = iova.v & (level_bytes(level) - 1);

		if (!(desc & PTE_VALID))
			return false;
		if (is_table(desc, level)) {
			table = table_of(pt, desc);
			continue;
		}
		*leaf = (struct pt_leaf){ NB_PA((desc & PTE_ADDR) + offset), level_bytes(level),
			leaf_prot(pt->stage, desc) };
		return true;
	}
}
