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
 * Which invalidation reaches an entry: it is live while its tag's generation is, from
 * IOTLB_GEN_TABLE_LG2 up. TLBIs with Leaf=1 leave tables where they were. Nested, where a stage 1 table
 * lies (after stage 2) changes by TLBI_S2_IPA, which bumps all of the generation; so the permission to
 * read the table, checked once, holds as long. A host pointer is one of an extent that is direct
 * as a whole, and live while no extent was removed (nb_mem_removals).
 */
#ifndef SMMUV3_LEAF_H
#define SMMUV3_LEAF_H

#include "mem/sigbus.h"
#include "smmuv3/granule.h"
#include "smmuv3/perms.h"

#define LEAF_SLICE_LG2 9

/* Both only grow, so the sum is equal only while both are. */
static inline uint64_t leaf_gen(const struct smmu_walk *w)
{
	return (w->gen >> IOTLB_GEN_TABLE_LG2) +
	       atomic_load_explicit(w->port->removals, memory_order_acquire);
}

static inline struct smmu_leaf_slot *leaf_slot(
	struct nb_smmuv3_port *port, bool s2, uint32_t tag, uint64_t slice)
{
	return &port->leaves[s2][(slice + tag * 0x9e5u) % SMMU_LEAF_SLOTS];
}

/* One stage's leaf, by way of the cache. */
struct leaf {
	const struct smmu_leaf_slot *slot;
	const uint64_t *ptr; /* where desc was read; NULL: by nb_mem_load64 */
	uint64_t desc;
};

/* False: unknown, or no leaf to be used: its type is another, no access flag, too large an address. */
static inline __attribute__((always_inline)) bool leaf_find(const struct smmu_walk *w, bool s2,
	unsigned granule, uint64_t gen, uint64_t input, struct leaf *leaf)
{
	uint64_t slice = input >> (granule + LEAF_SLICE_LG2);
	const struct smmu_leaf_slot *slot = leaf_slot(w->port, s2, w->tag, slice);
	unsigned index = input >> granule & slot->index_mask;

	/* A slice is all inside the input size, or outside: that was checked when it was filled. */
	if ((slot->slice ^ slice) | (slot->gen ^ gen) | (slot->tag ^ w->tag))
		return false;
	leaf->slot = slot;
	leaf->ptr = NULL;
	if (__builtin_expect(!slot->by_pa, 1)) {
		leaf->ptr = (const uint64_t *)slot->table + index;
		leaf->desc = __atomic_load_n(leaf->ptr, __ATOMIC_ACQUIRE);
	} else if (nb_mem_load64(w->smmu->mem, NB_PA(slot->table + 8 * index), &leaf->desc)) {
		return false;
	}
	return !((leaf->desc ^ slot->want) & slot->must);
}

static inline uint64_t leaf_addr(const struct leaf *leaf, uint64_t input)
{
	uint64_t addr = leaf->desc & leaf->slot->addr_mask;

	if (__builtin_expect(leaf->slot->pa52, 0))
		addr |= (leaf->desc & TTD_ADDR_51_48) << 36;
	return addr | (input & ~(~UINT64_C(0) << leaf->slot->size_lg2));
}

/* What is allowed without an update of dirty state (perms.h). */
static inline uint8_t leaf_perms(const struct leaf *leaf, bool s2)
{
	unsigned attrs = ttd_attrs(leaf->desc);

	if (__builtin_expect(leaf->desc & TTD_DBM, 0) && leaf->slot->hd &&
		(attrs & 2) == (s2 ? 0 : ATTR_RO))
		return leaf->slot->perms[attrs ^ 2] & ~PERM_WRITE;
	return leaf->slot->perms[attrs];
}

/* The access ended without SIGBUS (mem/sigbus.h). */
static inline bool leaf_sound(const struct leaf *leaf)
{
	return !leaf->ptr || !sigbus_poisoned(leaf->ptr, sizeof(*leaf->ptr));
}

/* Stage 2 alone, for an access of this class that needs this much. */
static inline __attribute__((always_inline)) bool leaf_walk_s2(const struct smmu_walk *w,
	uint64_t ipa, enum evt_class class, uint8_t need, struct smmu_result *out)
{
	const struct smmu_s2 *s2 = &w->cfg->s2;
	struct leaf leaf;

	if (!w->port || !leaf_find(w, true, s2->tt.granule_lg2, leaf_gen(w), ipa, &leaf))
		return false;
	if (class != EVT_CLASS_IN && s2->ptw && s2_is_device(leaf.desc, s2->fwb))
		return false;
	*out = (struct smmu_result){ .addr = leaf_addr(&leaf, ipa),
		.size_lg2 = leaf.slot->size_lg2,
		.prot = leaf_perms(&leaf, true) };
	return (out->prot & need) == need && leaf_sound(&leaf);
}

/* The whole translation of the access, which needs this much. */
static inline __attribute__((always_inline)) bool leaf_walk(
	const struct smmu_walk *w, uint8_t need, struct smmu_result *out)
{
	const struct smmu_cfg *cfg = w->cfg;
	uint64_t va = smmu_canonical(cfg, w->access.iova).v, gen, addr;
	struct leaf s1, s2 = { 0 };
	unsigned size, prot, split = 0;

	if (!cfg->use_s1)
		return cfg->use_s2 && leaf_walk_s2(w, va, EVT_CLASS_IN, need, out);
	if (!w->port)
		return false;
	gen = leaf_gen(w);
	if (!leaf_find(w, false, cfg->s1.tt[va >> 55 & 1].granule_lg2, gen, va, &s1))
		return false;
	addr = leaf_addr(&s1, va);
	size = s1.slot->size_lg2;
	prot = leaf_perms(&s1, false);
	if (cfg->use_s2) {
		if (!leaf_find(w, true, cfg->s2.tt.granule_lg2, gen, addr, &s2))
			return false;
		addr = leaf_addr(&s2, addr);
		split = size > s2.slot->size_lg2 ? size : 0;
		size = MIN(size, (unsigned)s2.slot->size_lg2);
		prot &= leaf_perms(&s2, true);
	}
	*out = (struct smmu_result){ .addr = addr,
		.size_lg2 = size,
		.prot = prot,
		.global = !(s1.desc & TTD_NG),
		.split_lg2 = split };
	return (prot & need) == need && leaf_sound(&s1) && leaf_sound(&s2);
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
