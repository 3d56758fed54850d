/* SPDX-License-Identifier: MIT */
/*
 * Leaf-table caches: where the descriptors of leaves are, for each *slice* of the input, which is what
 * 512 pages cover. A walk that finds the slices it needs reads two descriptors (nested), or one, instead
 * of up to 24; descriptors themselves are read anew each time.
 *
 * An entry is a pointer to the descriptors of the slice's pages, or to the one descriptor of the block
 * that it lies in. They belong to a port, and to its owner alone.
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

/* A leaf by way of the cache: valid, its access flag set, inside the output size. */
struct leaf {
	uint64_t desc, addr;
	uint8_t size_lg2, hierarchy;
};

/* What a stage is asked for. */
struct leaf_key {
	uint64_t input, gen;
	uint32_t tag;
	const struct smmu_tt *tt;
	unsigned out_bits;
	bool need_af;
};

static inline uint64_t leaf_gen(const struct smmu_walk *w)
{
	/* Both only grow, so the sum is equal only while both are. */
	return (w->gen >> IOTLB_GEN_TABLE_LG2) +
	       atomic_load_explicit(w->port->removals, memory_order_acquire);
}

static inline struct smmu_leaf_slot *leaf_slot(
	struct smmu_leaf_slot *cache, uint32_t tag, uint64_t slice)
{
	return &cache[(slice + tag * 0x9e5u) % SMMU_LEAF_SLOTS];
}

static inline bool leaf_load(const struct smmu_walk *w, const struct smmu_leaf_slot *slot,
	unsigned index, uint64_t *desc)
{
	const uint64_t *ptr = (const uint64_t *)slot->table + index;

	if (__builtin_expect(slot->by_pa, 0))
		return !nb_mem_load64(w->smmu->mem, NB_PA(slot->table + 8 * index), desc);
	*desc = __atomic_load_n(ptr, __ATOMIC_ACQUIRE);
	return !sigbus_poisoned(ptr, sizeof(*ptr));
}

/* False: not known, or anything else than a leaf to be used. A walk then finds out what it is. */
static inline __attribute__((always_inline)) bool leaf_find(const struct smmu_walk *w,
	struct smmu_leaf_slot *cache, const struct leaf_key *key, struct leaf *leaf)
{
	unsigned granule = key->tt->granule_lg2, shift;
	uint64_t slice = key->input >> (granule + LEAF_SLICE_LG2), desc;
	const struct smmu_leaf_slot *slot = leaf_slot(cache, key->tag, slice);

	if (slot->slice != slice || slot->gen != key->gen || slot->tag != key->tag)
		return false;
	if (!leaf_load(w, slot, key->input >> granule & slot->index_mask, &desc))
		return false;
	/* The type of leaf that belongs there, not another one that has replaced it since. */
	if ((desc & 3) != (slot->index_mask ? 3 : 1) || (key->need_af && !(desc & TTD_AF)))
		return false;
	shift = slot->size_lg2;
	leaf->addr = ttd_addr(desc, granule, shift, smmu_pa52(w->smmu));
	if (leaf->addr >> key->out_bits)
		return false;
	leaf->addr |= key->input & (BIT64(shift) - 1);
	leaf->desc = desc;
	leaf->size_lg2 = shift;
	leaf->hierarchy = slot->hierarchy;
	return true;
}

/* Stage 1 of the walk's access. */
static inline __attribute__((always_inline)) bool leaf_s1(
	const struct smmu_walk *w, uint64_t gen, struct smmu_result *out)
{
	const struct smmu_s1 *s1 = &w->cfg->s1;
	uint64_t va = smmu_canonical(w->cfg, w->access.iova).v;
	const struct smmu_tt *tt = &s1->tt[va >> 55 & 1];
	uint64_t top = (uint64_t)((int64_t)(va << 8) >> 63);
	struct leaf leaf;
	bool clean;

	if (!tt->in_bits || (va ^ top) >> tt->in_bits)
		return false;
	if (!leaf_find(w, w->port->s1_leaves,
		    &(struct leaf_key){ va, gen, w->tag, tt, s1->out_bits, s1->ha || !s1->affd },
		    &leaf))
		return false;
	clean = s1_is_clean(leaf.desc, s1->hd);
	*out = (struct smmu_result){ .addr = leaf.addr,
		.size_lg2 = leaf.size_lg2,
		.prot = s1_perms(s1, leaf.desc, leaf.hierarchy, clean) &
			(clean ? ~PERM_WRITE : ~0u),
		.global = !(leaf.desc & TTD_NG) };
	return true;
}

/* Stage 2 of an IPA; *device: whether it says that memory is. */
static inline __attribute__((always_inline)) bool leaf_s2(const struct smmu_walk *w, uint64_t gen,
	uint64_t ipa, struct smmu_result *out, bool *device)
{
	const struct smmu_s2 *s2 = &w->cfg->s2;
	struct leaf leaf;
	bool clean;

	if (ipa >> s2->tt.in_bits)
		return false;
	if (!leaf_find(w, w->port->s2_leaves,
		    &(struct leaf_key){
			    ipa, gen, w->tag, &s2->tt, s2->out_bits, s2->ha || !s2->affd },
		    &leaf))
		return false;
	clean = s2_is_clean(leaf.desc, s2->hd);
	*device = s2_is_device(leaf.desc, s2->fwb);
	*out = (struct smmu_result){ .addr = leaf.addr,
		.size_lg2 = leaf.size_lg2,
		.prot = s2_perms(w->smmu, leaf.desc, clean) & (clean ? ~PERM_WRITE : ~0u) };
	return true;
}

static inline bool leaf_usable(const struct smmu_walk *w)
{
	return w->port && w->tag && !w->rec;
}

/* The whole translation, if it needs nothing but what is known and allows what is asked for. */
static inline __attribute__((always_inline)) bool leaf_walk(
	const struct smmu_walk *w, struct smmu_result *out)
{
	uint8_t need = smmu_need(&w->access);
	struct smmu_result s2;
	uint64_t gen;
	bool device;

	if (!leaf_usable(w))
		return false;
	gen = leaf_gen(w);
	if (!w->cfg->use_s1)
		return w->cfg->use_s2 && leaf_s2(w, gen, w->access.iova.v, out, &device) &&
		       (out->prot & need) == need;
	if (!leaf_s1(w, gen, out))
		return false;
	if (w->cfg->use_s2) {
		if (!leaf_s2(w, gen, out->addr, &s2, &device))
			return false;
		out->addr = s2.addr;
		out->size_lg2 = MIN(out->size_lg2, s2.size_lg2);
		out->prot &= s2.prot;
	}
	return (out->prot & need) == need;
}

/* leaf.c: a leaf was found by a walk, its descriptor at pa. */
struct leaf_at {
	struct smmu_leaf_slot *cache;
	const struct smmu_tt *tt;
	uint64_t input, pa, tables;
	unsigned shift;
};

void leaf_fill(const struct smmu_walk *w, const struct leaf_at *at);

#endif
