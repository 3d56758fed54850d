/* SPDX-License-Identifier: MIT */
/*
 * The way of most transactions, inlined into whoever translates: the IOTLB, under the configuration that
 * the port holds; or leaf tables that are known, and then a fill. Nothing shared is written.
 */
#ifndef SMMUV3_LOOKUP_H
#define SMMUV3_LOOKUP_H

#include "smmuv3/leaf.h"

/* Flags (NB_*) that choose the kind of access: an index of smmu_held.need. */
#define SMMU_KINDS (NB_READ | NB_WRITE | NB_INSN | NB_PRIV)

static inline void smmu_span_of(
	uint64_t pa, unsigned size_lg2, nb_iova iova, struct nb_smmuv3_span *span)
{
	uint64_t mask = BIT64(size_lg2) - 1, at = iova.v & mask;

	span->pa = NB_PA((pa & ~mask) | at);
	span->bytes = mask + 1 - at;
}

/* Whether the held configuration is that of the transaction, as far as flags and ssid say. */
static inline bool smmu_same_stream(const struct smmu_held *held, uint32_t flags, uint32_t ssid)
{
	return (flags & (NB_SSV | NB_TRANSLATED)) == (held->ssv ? NB_SSV : 0) &&
	       (!held->ssv || ssid == held->ssid);
}

/* A hit like most: of the same generation and size as the last fill. False: the slow way. */
static inline __attribute__((always_inline)) bool smmu_hit(struct nb_smmuv3_port *port,
	nb_iova iova, uint32_t flags, uint32_t ssid, struct nb_smmuv3_span *span)
{
	const struct smmu_held *held = &port->held;
	uint8_t need = held->need[flags & SMMU_KINDS];
	uint64_t gen = iotlb_class_gen(port->tlb, held->class), value;

	/* While the tag is the configuration's; what one finds then was filled under it. No entry has tag
	 * 0. */
	if (!smmu_same_stream(held, flags, ssid) || (gen ^ held->gens.gen) >> IOTLB_GEN_ALL_LG2 ||
		atomic_load_explicit(&port->stalls, memory_order_relaxed))
		return false;
	value = iotlb_probe(&port->iotlb, held->tag, gen, iova);
	if (!value || (value & need) != need)
		return false;
	smmu_span_of(value, value >> 6 & 63, iova, span);
	return true;
}

static inline struct smmu_gens smmu_gens_of(
	const struct iotlb *tlb, const struct iotlb_class *class)
{
	struct smmu_gens gens;

	gens.gen = iotlb_class_gen(tlb, class);
	gens.tables = iotlb_class_tables(tlb, class);
	return gens;
}

/*
 * C and D of the table in config.c; A and B were when the configuration was taken, and D covers all the
 * time since: SMMUEN has not changed either (smmu_cfg_changed). *gens: to fill
 * with, and then to be held.
 */
static inline bool smmu_held_usable(
	struct nb_smmuv3_port *port, uint32_t flags, uint32_t ssid, struct smmu_gens *gens)
{
	const struct smmu_held *held = &port->held;

	*gens = smmu_gens_of(port->tlb, held->class);
	return held->tag && smmu_same_stream(held, flags, ssid) &&
	       atomic_load_explicit(&port->smmu->cfg_gen, memory_order_acquire) == held->state &&
	       !atomic_load_explicit(&port->stalls, memory_order_relaxed);
}

static inline nb_iova smmu_held_canonical(const struct smmu_held *held, nb_iova iova)
{
	return __builtin_expect(held->tbi, 0) ? smmu_canonical(&held->cfg, iova) : iova;
}

/* Fill with what the leaf tables yield. False: TLBIs must be told first that there is such an entry. */
static inline __attribute__((always_inline)) bool smmu_fill_known(struct nb_smmuv3_port *port,
	uint64_t gen, nb_iova iova, const struct leaf *leaf, struct nb_smmuv3_span *span)
{
	const struct smmu_held *held = &port->held;
	uint64_t offset = leaf->addr & (BIT64(leaf->size_lg2) - 1);

	if (leaf->global > held->globals || leaf->split_lg2 > held->split_lg2)
		return false;
	iotlb_fill(&port->iotlb, held->tag, gen, smmu_held_canonical(held, iova),
		&(struct iotlb_entry){ .pa = leaf->addr - offset,
			.size_lg2 = (uint8_t)leaf->size_lg2,
			.prot = (uint8_t)leaf->prot });
	span->pa = NB_PA(leaf->addr);
	span->bytes = BIT64(leaf->size_lg2) - offset;
	return true;
}

/*
 * A miss like most: the held configuration is current, and the leaf-table caches know where the
 * descriptors are. The same as resolve (translate.c) for these, without its detours. False: not such a
 * one.
 */
static inline __attribute__((always_inline)) bool smmu_miss(struct nb_smmuv3_port *port,
	nb_iova iova, uint32_t flags, uint32_t ssid, struct nb_smmuv3_span *span)
{
	struct smmu_walk w = { .smmu = port->smmu,
		.cfg = &port->held.cfg,
		.access.iova = smmu_held_canonical(&port->held, iova),
		.port = port,
		.tag = port->held.tag };
	uint8_t need = port->held.need[flags & SMMU_KINDS];
	struct iotlb_entry entry;
	struct leaf leaf;
	struct smmu_gens gens;

	if (!smmu_held_usable(port, flags, ssid, &gens))
		return false;
	port->held.gens = gens;
	w.tables = gens.tables;
	/*
	 * An entry of an earlier generation may have outlived what was invalidated since; but to walk anew
	 * is as cheap as to find that out.
	 */
	if (!(port->iotlb.sizes & (port->iotlb.sizes - 1)) && leaf_walk(&w, need, &leaf))
		return smmu_fill_known(port, gens.gen, iova, &leaf, span);
	if (iotlb_find(port->tlb, &port->iotlb, w.tag, gens.gen, iova, &entry) &&
		(entry.prot & need) == need) {
		smmu_span_of(entry.pa, entry.size_lg2, iova, span);
		return true;
	}
	return leaf_walk(&w, need, &leaf) && smmu_fill_known(port, gens.gen, iova, &leaf, span);
}

static inline __attribute__((always_inline)) enum nb_smmuv3_verdict smmu_translate(
	struct nb_smmuv3_port *port, nb_iova iova, uint32_t flags, uint32_t ssid,
	struct nb_smmuv3_span *span)
{
	if (__builtin_expect(smmu_hit(port, iova, flags, ssid, span), 1))
		return NB_SMMUV3_OK;
	return smmu_translate_slow(port, iova, flags, ssid, span);
}

#endif
