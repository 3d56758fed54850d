/* SPDX-License-Identifier: MIT */
/*
 * Inside the table writer. Tables are written, hardly ever read: what the writer must know of them is
 * kept beside them (struct pgt_table), so that unmapping a full table is one store in its parent, and
 * so that nothing a walker or a guest writes into them can mislead it.
 */
#ifndef PT_PGTABLE_H
#define PT_PGTABLE_H

#include <nestbox/pgtable.h>

#include "base/bits.h"

#define PGT_LAST_LEVEL	     3
#define PGT_MAX_CONCATENATED 16 /* Arm ARM D8.2: stage 2 roots */

/* Arm ARM D8.3.1. */
#define PTE_VALID  BIT64(0)
#define PTE_MEMORY MASK64(5, 2) /* of leaves: AttrIndx (bits 4:2), MemAttr */
#define PTE_SH	   MASK64(9, 8)
#define PTE_TABLE  BIT64(1) /* levels 0 to 2: a table, not a block; level 3: always set */

/*
 * A table. valid counts its valid descriptors; children are its tables, by index. A table that is
 * unlinked keeps its children: they go with it.
 */
struct pgt_table {
	uint64_t *desc;
	nb_pa pa;
	struct pgt_table *next; /* of those unlinked, or spare */
	uint32_t valid;
	uint8_t level;
	struct pgt_table *child[]; /* none in a table of level 3 */
};

struct nb_pgtable {
	/* Constant after creation. */
	bool s2, fwb, xnx;
	uint8_t granule_lg2, ias, oas, start_level;
	uint32_t root_entries;
	uint64_t leaf_sizes;
	uint64_t root_bytes;
	struct nb_pgtable_ops ops;
	void *ctx;
	unsigned max_spare;

	struct pgt_table *root;
	struct pgt_table *unlinked;
	struct pgt_table *spare[2]; /* with children, without (level 3) */
	unsigned n_spare;
	uint64_t tables; /* in use, the root not counted */
};

/* A range, consumed from its start. */
struct pgt_cursor {
	uint64_t iova, pa, left;
	uint64_t attrs; /* of leaves */
};

static inline unsigned pgt_table_bits(const struct nb_pgtable *pt)
{
	return pt->granule_lg2 - 3;
}

static inline unsigned pgt_shift(const struct nb_pgtable *pt, unsigned level)
{
	return pt->granule_lg2 + pgt_table_bits(pt) * (PGT_LAST_LEVEL - level);
}

static inline uint64_t pgt_leaf_bytes(const struct nb_pgtable *pt, unsigned level)
{
	return BIT64(pgt_shift(pt, level));
}

static inline unsigned pgt_entries(const struct nb_pgtable *pt, unsigned level)
{
	return level == pt->start_level ? pt->root_entries : 1u << pgt_table_bits(pt);
}

static inline unsigned pgt_index(const struct nb_pgtable *pt, unsigned level, uint64_t iova)
{
	return (iova >> pgt_shift(pt, level)) & (pgt_entries(pt, level) - 1);
}

static inline struct pgt_table *pgt_child(const struct pgt_table *table, unsigned i)
{
	return table->level == PGT_LAST_LEVEL ? NULL : table->child[i];
}

static inline uint64_t pgt_load(const uint64_t *desc)
{
	return __atomic_load_n(desc, __ATOMIC_RELAXED);
}

/* Release: what the descriptor points to is written before a walk can follow it. */
static inline void pgt_store(uint64_t *desc, uint64_t value)
{
	__atomic_store_n(desc, value, __ATOMIC_RELEASE);
}

static inline void pgt_advance(struct pgt_cursor *c, uint64_t bytes)
{
	bytes = MIN(bytes, c->left);
	c->iova += bytes;
	c->pa += bytes;
	c->left -= bytes;
}

/* Arm ARM D8.3: with 64 KiB, bits 51:48 of an address are in bits 15:12 of a descriptor. */
static inline uint64_t pgt_addr(uint64_t pa)
{
	return (pa & MASK64(47, 12)) | (pa >> 48 << 12);
}

static inline uint64_t pgt_addr_of(const struct nb_pgtable *pt, unsigned level, uint64_t desc)
{
	uint64_t addr = desc & MASK64(47, 0) & ~(pgt_leaf_bytes(pt, level) - 1);

	return pt->granule_lg2 == 16 ? addr | (desc & MASK64(15, 12)) << 36 : addr;
}

/* format.c: what tables look like. */
/* Start level, root and leaf sizes. False: the architecture has no such tables. */
bool pgt_geometry(struct nb_pgtable *pt, const struct nb_pgtable_options *options);
/* Leaf attributes; false: there are none such. */
bool pgt_attrs(const struct nb_pgtable *pt, const struct nb_pgtable_attrs *attrs, uint64_t *desc);
uint32_t pgt_flags(const struct nb_pgtable *pt, uint64_t desc);
bool pgt_is_dirty(const struct nb_pgtable *pt, uint64_t desc);
/* Make a dirty leaf clean; hardware may write the descriptor at the same time. */
void pgt_make_clean(const struct nb_pgtable *pt, uint64_t *desc);

/* table.c: tables as memory. */
/* A table whose descriptors hold anything, its children nothing. NULL: no memory. */
struct pgt_table *pgt_table_get(struct nb_pgtable *pt, unsigned level);
/* Nobody walks it; with its children. */
void pgt_table_put(struct nb_pgtable *pt, struct pgt_table *table);
struct pgt_table *pgt_root_create(struct nb_pgtable *pt);
void pgt_tables_destroy(struct nb_pgtable *pt);

#endif
