/* SPDX-License-Identifier: MIT */
/*
 * The way of a transaction whose translation is cached, inlined into whoever translates: the IOTLB, under
 * the configuration that the port holds. Nothing shared is written, and no configuration is read.
 */
#ifndef SMMUV3_LOOKUP_H
#define SMMUV3_LOOKUP_H

#include "smmuv3/model.h"

/* Flags (NB_*) that choose the kind of access: an index of smmu_held.need. */
#define SMMU_KINDS (NB_READ | NB_WRITE | NB_INSN | NB_PRIV)

static inline void smmu_span_of(
	const struct iotlb_entry *entry, nb_iova iova, struct nb_smmuv3_span *span)
{
	uint64_t mask = BIT64(entry->size_lg2) - 1, at = iova.v & mask;

	span->pa = NB_PA(entry->pa | at);
	span->bytes = mask + 1 - at;
}

/* False: the slow way. */
static inline __attribute__((always_inline)) bool smmu_lookup_cached(struct nb_smmuv3_port *port,
	nb_iova iova, uint32_t flags, uint32_t ssid, struct nb_smmuv3_span *span)
{
	const struct iotlb *tlb = port->smmu->tlb;
	const struct smmu_held *held = &port->held;
	uint8_t need = held->need[flags & SMMU_KINDS];
	uint64_t gen = iotlb_gen(tlb, held->tag);
	struct iotlb_entry entry;

	/* No entry has tag 0. */
	if ((flags & (NB_SSV | NB_TRANSLATED)) != (held->ssv ? NB_SSV : 0) ||
		(held->ssv && ssid != held->ssid))
		return false;
	/* While the tag is the configuration's. What one finds after this was filled under it. */
	if ((gen ^ held->gen) >> IOTLB_GEN_ALL_LG2 ||
		atomic_load_explicit(&port->stalls, memory_order_relaxed))
		return false;
	if (!iotlb_find(tlb, held->tag, gen, iova, &entry) || (entry.prot & need) != need)
		return false;
	smmu_span_of(&entry, iova, span);
	return true;
}

static inline __attribute__((always_inline)) enum nb_smmuv3_verdict smmu_translate(
	struct nb_smmuv3_port *port, nb_iova iova, uint32_t flags, uint32_t ssid,
	struct nb_smmuv3_span *span)
{
	if (__builtin_expect(smmu_lookup_cached(port, iova, flags, ssid, span), 1))
		return NB_SMMUV3_OK;
	return smmu_translate_slow(port, iova, flags, ssid, span);
}

#endif
