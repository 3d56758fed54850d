/* SPDX-License-Identifier: MIT */
/*
 * Leaf-table caches: where the descriptors of leaves are, for each *slice* of the input, which is what
 * 512 pages cover. A walk that finds the slices it needs reads two descriptors (nested), or one, instead
 * of up to 24; descriptors themselves are read anew each time.
 *
 * An entry is a pointer to the descriptors of the slice's pages, or to the one descriptor of the block
 * that it lies in, and what the configuration says about such leaves. They belong to a port, and to its
 * owner alone. What is not a leaf that can be used as it is, is left to the walker.
 *
 * Which invalidation reaches an entry: it is live while iotlb_tables of its tag is what it was. TLBIs
 * with Leaf=1 leave tables where they were. Nested, where a stage 1 table lies (after stage 2) changes
 * by TLBI_S2_IPA, which takes all of the tag; so the permission to read the table, checked once, holds
 * as long. A host pointer is one of an extent that is direct as a whole, and live while no extent was
 * removed (nb_mem_removals).
 */
#ifndef SMMUV3_LEAF_H
#define SMMUV3_LEAF_H

#include "mem/sigbus.h"
#include "smmuv3/granule.h"
#include "smmuv3/perms.h"

#define LEAF_SLICE_LG2 9

/* What is not so with most: bits of smmu_leaf_slot.odd. */
#define LEAF_ODD_BY_PA 1u /* table is where the descriptors are, there is no host pointer */
#define LEAF_ODD_PA52  2u /* addresses have 52 bits */
#define LEAF_ODD_HD    4u /* hardware keeps dirty state */

/* Both only grow, so the sum is equal only while both are. */
static inline uint64_t leaf_gen(const struct smmu_walk *w)
{
	return w->tables + atomic_load_explicit(w->port->removals, memory_order_acquire);
}

static inline uint64_t leaf_key(uint32_t tag, uint64_t slice)
{
	return (uint64_t)tag << 53 | slice; /* of at most 64 - 12 - 9 bits */
}

static inline struct smmu_leaf_slot *leaf_slot(
	struct nb_smmuv3_port *port, bool s2, uint32_t tag, uint64_t slice)
{
	return &port->leaves[s2][(slice + tag * 0x9e5u) % SMMU_LEAF_SLOTS];
}

/* A translation on its way through the stages. (No bytes: a store of one could be to any object.) */
struct leaf {
	uint64_t addr; /* input of the next stage */
	uint64_t desc; /* of the last one */
	uint32_t size_lg2, prot;
	uint32_t global, split_lg2; /* as in smmu_result */
};

/* Field by field, here and below: loads wider than the stores before them wait for these. */
static inline void leaf_begin(struct leaf *leaf, uint64_t addr)
{
	leaf->addr = addr;
	leaf->size_lg2 = 63;
	leaf->prot = PERM_ALL;
	leaf->global = leaf->split_lg2 = 0;
}

static inline void leaf_copy(struct leaf *to, const struct leaf *from)
{
	to->addr = from->addr;
	to->size_lg2 = from->size_lg2;
	to->prot = from->prot;
	to->global = from->global;
	to->split_lg2 = from->split_lg2;
}

/* The output address of a descriptor, and the offset into its block, of the input. */
static inline uint64_t leaf_join(uint64_t desc, uint64_t input, uint64_t offset_mask)
{
	uint64_t addr = desc & MASK64(47, 12);

	return addr ^ ((addr ^ input) & offset_mask);
}

/* leaf.c: a step by a slot whose leaves want more than what is below. */
bool leaf_step_odd(const struct nb_mem *mem, const struct smmu_leaf_slot *slot, bool s2,
	uint64_t index, struct leaf *leaf);

/* One stage; gen is leaf_gen. False: unknown, or no leaf to be used as it is. */
static inline __attribute__((always_inline)) bool leaf_step(
	const struct smmu_walk *w, bool s2, unsigned granule, uint64_t gen, struct leaf *leaf)
{
	uint64_t input = leaf->addr, page = input >> granule, slice = page >> LEAF_SLICE_LG2, desc;
	const struct smmu_leaf_slot *slot = leaf_slot(w->port, s2, w->tag, slice);
	uint64_t index = page & slot->index_mask;

	/* A slice is all inside the input size, or outside: that was checked when it was filled. */
	if ((slot->key ^ leaf_key(w->tag, slice)) | (slot->gen ^ gen))
		return false;
	if (__builtin_expect(slot->odd, 0)) {
		struct leaf odd = *leaf; /* so that the address of *leaf is nobody's */
		bool ok = leaf_step_odd(w->smmu->mem, slot, s2, index, &odd);

		*leaf = odd;
		return ok;
	}
	desc = __atomic_load_n((const uint64_t *)slot->table + index, __ATOMIC_ACQUIRE);
	/* Another type, no access flag, too large an address. */
	if ((desc ^ slot->want) & slot->must)
		return false;
	leaf->addr = leaf_join(desc, input, slot->offset_mask);
	leaf->desc = desc;
	leaf->size_lg2 = slot->size_lg2;
	leaf->prot = slot->perms[ttd_attrs(desc)];
	return true;
}

/*
 * After the last descriptor was read: whether none of them was of memory that is gone (mem/sigbus.h).
 * Where any such memory is, it is left to the walker, which asks about each.
 */
static inline bool leaf_sound(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	return !atomic_load_explicit(&sigbus_poisonings, memory_order_relaxed);
}

static inline __attribute__((always_inline)) bool leaf_s1(
	const struct smmu_walk *w, uint64_t gen, struct leaf *leaf)
{
	const struct smmu_tt *tt = &w->cfg->s1.tt[leaf->addr >> 55 & 1];

	if (!leaf_step(w, false, tt->granule_lg2, gen, leaf))
		return false;
	leaf->global = !(leaf->desc & TTD_NG);
	return true;
}

/* After stage 1, or without. */
static inline __attribute__((always_inline)) bool leaf_s2(
	const struct smmu_walk *w, uint64_t gen, struct leaf *leaf)
{
	uint32_t s1_prot = leaf->prot, s1_lg2 = leaf->size_lg2;

	if (!leaf_step(w, true, w->cfg->s2.tt.granule_lg2, gen, leaf))
		return false;
	leaf->prot &= s1_prot;
	leaf->split_lg2 = leaf->size_lg2 < s1_lg2 && w->cfg->use_s1 ? s1_lg2 : 0;
	leaf->size_lg2 = MIN(leaf->size_lg2, s1_lg2);
	return true;
}

static inline __attribute__((always_inline)) struct smmu_result leaf_result(const struct leaf *leaf)
{
	return (struct smmu_result){ .addr = leaf->addr,
		.size_lg2 = (uint8_t)leaf->size_lg2,
		.prot = (uint8_t)leaf->prot,
		.global = leaf->global,
		.split_lg2 = (uint8_t)leaf->split_lg2 };
}

/* Stage 2 alone, for an access of this class that needs this much. */
static inline __attribute__((always_inline)) bool leaf_walk_s2(const struct smmu_walk *w,
	uint64_t ipa, enum evt_class class, uint8_t need, struct smmu_result *out)
{
	const struct smmu_s2 *s2 = &w->cfg->s2;
	struct leaf leaf;

	leaf_begin(&leaf, ipa);
	if (!w->port || !leaf_step(w, true, s2->tt.granule_lg2, leaf_gen(w), &leaf))
		return false;
	if (class != EVT_CLASS_IN && s2->ptw && s2_is_device(leaf.desc, s2->fwb))
		return false;
	*out = leaf_result(&leaf);
	return (leaf.prot & need) == need && leaf_sound();
}

/* The whole translation of the access, whose address is canonical, and which needs this much. */
static inline __attribute__((always_inline)) bool leaf_walk(
	const struct smmu_walk *w, uint8_t need, struct leaf *leaf)
{
	const struct smmu_cfg *cfg = w->cfg;
	uint64_t gen;

	if (!w->port || !(cfg->use_s1 || cfg->use_s2))
		return false;
	gen = leaf_gen(w);
	leaf_begin(leaf, w->access.iova.v);
	return (!cfg->use_s1 || leaf_s1(w, gen, leaf)) && (!cfg->use_s2 || leaf_s2(w, gen, leaf)) &&
	       (leaf->prot & need) == need && leaf_sound();
}

/* leaf.c: a walk found a leaf. */
struct leaf_at {
	bool s2;
	const struct smmu_tt *tt;
	uint64_t input, pa,
		tables; /* pa: of its descriptor; tables: descriptors on the way, OR-ed */
	unsigned shift;
};

void leaf_fill(const struct smmu_walk *w, const struct leaf_at *at);

#endif
