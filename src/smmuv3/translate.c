/* SPDX-License-Identifier: MIT */
/*
 * From a transaction to a physical address: the port's hot entry, else the IOTLB, else the stream's
 * configuration and a walk. Nothing is allocated, and nothing shared is written on a hit.
 */
#include "smmuv3/model.h"

#include <stdio.h>
#include <string.h>

/* Configurations that change under our feet: after this many attempts, go without the caches. */
#define MAX_ATTEMPTS 4

static void span_of(const struct iotlb_entry *entry, nb_iova iova, struct dma_span *span)
{
	uint64_t mask = BIT64(entry->size_lg2) - 1;

	span->pa = NB_PA(entry->pa | (iova.v & mask));
	span->bytes = mask + 1 - (iova.v & mask);
}

static bool allows(
	const struct iotlb_entry *entry, const struct smmu_cfg *cfg, const struct dma_txn *txn)
{
	struct smmu_access access = smmu_access_of(cfg, txn);
	uint8_t need = smmu_need(&access);

	return (entry->prot & need) == need;
}

struct smmu_access smmu_access_of(const struct smmu_cfg *cfg, const struct dma_txn *txn)
{
	/* IHI 0070 5.2 INSTCFG: for reads only. */
	bool priv = txn->priv, inst = txn->inst;

	if (cfg->privcfg & 2)
		priv = cfg->privcfg == STE_OVR_SET;
	if (cfg->instcfg & 2)
		inst = cfg->instcfg == STE_OVR_SET;
	return (struct smmu_access){
		.iova = txn->iova,
		.prot = txn->prot,
		.priv = priv,
		.inst = inst && !(txn->prot & NB_DMA_WRITE),
	};
}

/* SMMUEN is 0: GBPA decides for all streams (IHI 0070 6.3.14). No event, whatever happens. */
static int bypass_all(struct nb_smmuv3 *smmu, const struct dma_txn *txn, struct dma_span *span)
{
	if (atomic_load_explicit(&smmu->gbpa, memory_order_acquire) & GBPA_ABORT)
		return -1;
	if (txn->iova.v >> smmu->oas_bits)
		return -1;
	span->pa = NB_PA(txn->iova.v);
	span->bytes = BIT64(smmu->oas_bits) - txn->iova.v;
	return 0;
}

/* One translation on its way through the slow path. */
struct miss {
	struct smmu_cfg cfg;
	uint32_t tag; /* 0: result must not be cached */
	uint64_t gen;
	bool globals;
	struct smmu_fault fault;
};

enum step {
	STEP_AGAIN, /* the configuration changed meanwhile */
	STEP_WALK,
	STEP_OFF, /* SMMUEN is 0 */
	STEP_FAULT,
};

/* A to D of the table in config.c. */
static enum step configure(struct nb_smmuv3 *smmu, const struct dma_txn *txn, struct miss *miss)
{
	uint64_t state = atomic_load_explicit(&smmu->cfg_gen, memory_order_acquire);

	if (!(atomic_load_explicit(&smmu->cr0, memory_order_acquire) & CR0_SMMUEN))
		return STEP_OFF;
	if (!smmu_cfg_get(smmu, txn, state, &miss->cfg, &miss->tag, &miss->fault))
		return STEP_FAULT;
	/* Not under this tag: a page of this kind is first seen, then cached (smmu_cfg_mark). */
	miss->globals = smmu_cfg_globals(smmu, miss->tag);
	miss->gen = iotlb_gen(smmu->tlb, miss->tag);
	if (atomic_load_explicit(&smmu->cfg_gen, memory_order_acquire) == state)
		return STEP_WALK;
	return STEP_AGAIN;
}

static bool try_iotlb(struct nb_smmuv3 *smmu, const struct miss *miss, const struct dma_txn *txn,
	nb_iova iova, struct iotlb_entry *entry)
{
	/* Under another generation than ours the tag may be another stream's by now. */
	return miss->tag && iotlb_lookup(smmu->tlb, miss->tag, iova, entry) &&
	       entry->gen == miss->gen && allows(entry, &miss->cfg, txn);
}

static void fill(struct nb_smmuv3 *smmu, const struct miss *miss, const struct smmu_result *result,
	struct iotlb_entry *entry)
{
	if (result->global && !miss->globals) {
		smmu_cfg_mark_globals(smmu, miss->tag);
		return;
	}
	if (!miss->tag)
		return;
	entry->tag = miss->tag;
	entry->gen = miss->gen;
	iotlb_insert(smmu->tlb, entry);
}

static bool walk(struct nb_smmuv3 *smmu, struct port *port, struct miss *miss,
	const struct dma_txn *txn, nb_iova iova, struct iotlb_entry *entry)
{
	struct smmu_walk w = { .smmu = smmu,
		.cfg = &miss->cfg,
		.access = smmu_access_of(&miss->cfg, txn),
		.port = miss->tag ? to_smmu_port(port) : NULL,
		.tag = miss->tag,
		.gen = miss->gen };
	struct smmu_result result;
	uint64_t mask;

	if (!smmu_walk(&w, &result, &miss->fault))
		return false;
	mask = BIT64(result.size_lg2) - 1;
	*entry = (struct iotlb_entry){ .page = (iova.v & ~mask) >> 12,
		.pa = result.addr & ~mask,
		.size_lg2 = result.size_lg2,
		.prot = result.prot };
	fill(smmu, miss, &result, entry);
	return true;
}

static int abort_txn(struct nb_smmuv3 *smmu, struct port *port, const struct miss *miss,
	const struct dma_txn *txn)
{
	uint16_t stag;

	return smmu_fail(smmu, to_smmu_port(port), txn, &miss->cfg, &miss->fault, &stag);
}

static void set_hot(
	struct nb_smmuv3_port *port, const struct smmu_cfg *cfg, const struct iotlb_entry *entry)
{
	struct dma_txn txn = { 0 };
	struct smmu_access access;
	unsigned kind;

	if (port->port.hot.tag != entry->tag || port->port.hot.gen != entry->gen)
		for (kind = 0; kind < ARRAY_LEN(port->need); kind++) {
			txn.prot = kind & 3;
			txn.inst = kind & 4;
			txn.priv = kind & 8;
			access = smmu_access_of(cfg, &txn);
			port->need[kind] = smmu_need(&access);
		}
	port->port.hot = *entry;
}

static __attribute__((noinline)) int translate_slow(
	struct nb_smmuv3 *smmu, struct port *port, const struct dma_txn *txn, struct dma_span *span)
{
	enum step step = STEP_AGAIN;
	struct iotlb_entry entry;
	struct miss miss;
	unsigned i;
	nb_iova iova;

	if (txn->translated)
		return smmu_translated(smmu, port, txn, span);
	memset(&miss.fault, 0, sizeof(miss.fault));
	for (i = 0; step == STEP_AGAIN && i < MAX_ATTEMPTS; i++)
		step = configure(smmu, txn, &miss);
	if (step == STEP_OFF)
		return bypass_all(smmu, txn, span);
	if (step == STEP_FAULT)
		return abort_txn(smmu, port, &miss, txn);
	if (step == STEP_AGAIN)
		miss.tag = 0; /* what was fetched in this section is usable in it */
	if (miss.cfg.abort)
		return -1; /* IHI 0070 5.2: aborted by configuration, no event */
	iova = smmu_canonical(&miss.cfg, txn->iova);
	if (!try_iotlb(smmu, &miss, txn, iova, &entry) &&
		!walk(smmu, port, &miss, txn, iova, &entry))
		return abort_txn(smmu, port, &miss, txn);
	if (entry.tag && port->sid == txn->sid && !txn->ssid_valid)
		set_hot(to_smmu_port(port), &miss.cfg, &entry);
	span_of(&entry, iova, span);
	return 0;
}

/* The hot entry's page, or another page under the configuration that it shows to be current. */
static inline bool fast(
	struct nb_smmuv3 *smmu, struct port *port, const struct dma_txn *txn, struct dma_span *span)
{
	struct iotlb_entry entry;
	uint8_t need = to_smmu_port(port)->need[smmu_kind(txn)];
	uint32_t tag = port->hot.tag;

	if (!tag || port->sid != txn->sid || txn->ssid_valid || txn->translated)
		return false;
	if (iotlb_entry_live(smmu->tlb, &port->hot, tag, txn->iova)) {
		if ((port->hot.prot & need) != need)
			return false;
		span_of(&port->hot, txn->iova, span);
		return true;
	}
	/* Same generation at the lookup as in the hot entry: the tag is still this stream's. */
	if (!iotlb_lookup(smmu->tlb, tag, txn->iova, &entry) || entry.gen != port->hot.gen ||
		(entry.prot & need) != need)
		return false;
	port->hot = entry;
	span_of(&entry, txn->iova, span);
	return true;
}

/* flatten: with the probe inlined, what it finds stays in registers on its way to the hot entry. */
__attribute__((flatten)) int smmuv3_translate(
	void *ctx, struct port *port, const struct dma_txn *txn, struct dma_span *span)
{
	struct nb_smmuv3 *smmu = ctx;

	if (__builtin_expect(fast(smmu, port, txn, span), 1))
		return 0;
	return translate_slow(smmu, port, txn, span);
}
