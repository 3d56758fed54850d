/* SPDX-License-Identifier: MIT */
/*
 * From a transaction to a physical address, where the IOTLB does not know it (lookup.h): the stream's
 * configuration, and a walk. Nothing is allocated.
 *
 * A port *holds* a copy of the configuration that it last used, so that a miss copies none and takes no
 * lock; config.c has the table of what makes it safe to fill the IOTLB under it.
 */
#include <string.h>

#include "smmuv3/lookup.h"

/* Configurations that change under our feet: after this many attempts, go without the caches. */
#define MAX_ATTEMPTS 4

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

/* Flags of <nestbox/smmuv3.h> as the rest of the host says it, and back. */
static struct dma_txn txn_of(
	const struct nb_smmuv3_port *port, nb_iova iova, uint32_t flags, uint32_t ssid)
{
	return (struct dma_txn){
		.iova = iova,
		.sid = port->port.sid,
		.ssid = flags & NB_SSV ? ssid : 0,
		.ssid_valid = flags & NB_SSV,
		.priv = flags & NB_PRIV,
		.inst = flags & NB_INSN,
		.translated = flags & NB_TRANSLATED,
		.prot = flags & (NB_DMA_READ | NB_DMA_WRITE),
	};
}

_Static_assert(NB_READ == NB_DMA_READ && NB_WRITE == NB_DMA_WRITE, "txn_of");

static uint32_t flags_of(const struct dma_txn *txn)
{
	return txn->prot | (txn->inst ? NB_INSN : 0) | (txn->priv ? NB_PRIV : 0) |
	       (txn->ssid_valid ? NB_SSV : 0) | (txn->translated ? NB_TRANSLATED : 0);
}

/* SMMUEN is 0: GBPA decides for all streams (IHI 0070 6.3.14). No event, whatever happens. */
static enum smmu_outcome bypass_all(
	struct nb_smmuv3 *smmu, const struct dma_txn *txn, struct smmu_lookup *out)
{
	if (atomic_load_explicit(&smmu->gbpa, memory_order_acquire) & GBPA_ABORT)
		return SMMU_ABORTED;
	if (txn->iova.v >> smmu->oas_bits)
		return SMMU_ABORTED;
	out->span.pa = NB_PA(txn->iova.v);
	out->span.bytes = BIT64(smmu->oas_bits) - txn->iova.v;
	return SMMU_TRANSLATED;
}

enum step {
	STEP_AGAIN, /* the configuration changed meanwhile */
	STEP_HELD,  /* it is the one that was held */
	STEP_NEW,
	STEP_OFF, /* SMMUEN is 0 */
	STEP_FAULT,
};

/*
 * C and D of the table in config.c; A and B were when the configuration was taken, and D covers all the
 * time since: SMMUEN has not changed either (smmu_cfg_changed).
 */
static bool held_current(struct nb_smmuv3 *smmu, struct smmu_held *held, const struct dma_txn *txn)
{
	if (!held->tag || held->ssv != txn->ssid_valid || (held->ssv && held->ssid != txn->ssid))
		return false;
	held->gens = smmu_gens_of(smmu->tlb, held->class);
	return atomic_load_explicit(&smmu->cfg_gen, memory_order_acquire) == held->state;
}

static void set_needs(struct smmu_held *held)
{
	struct smmu_access access;
	uint32_t kind;

	for (kind = 0; kind < ARRAY_LEN(held->need); kind++) {
		access = smmu_access_of(
			&held->cfg, &(struct dma_txn){ .prot = kind & (NB_READ | NB_WRITE),
					    .inst = kind & NB_INSN,
					    .priv = kind & NB_PRIV });
		held->need[kind] = smmu_need(&access);
	}
}

/* A to D of the table in config.c. */
static enum step configure(struct nb_smmuv3 *smmu, struct smmu_held *held,
	const struct dma_txn *txn, struct smmu_fault *fault)
{
	uint64_t state = atomic_load_explicit(&smmu->cfg_gen, memory_order_acquire);
	uint32_t tag;

	held->tag = 0;
	if (!(atomic_load_explicit(&smmu->cr0, memory_order_acquire) & CR0_SMMUEN))
		return STEP_OFF;
	if (!smmu_cfg_get(smmu, txn, state, &held->cfg, &tag, fault))
		return STEP_FAULT;
	/* Not under this tag: a page of this kind is first seen, then cached (fill). */
	held->globals = smmu_cfg_globals(smmu, tag);
	held->split_lg2 = smmu_cfg_split(smmu, tag);
	held->class = iotlb_class(smmu->tlb, tag);
	held->gens = smmu_gens_of(smmu->tlb, held->class);
	held->state = state;
	held->ssv = txn->ssid_valid;
	held->ssid = txn->ssid;
	held->tbi = held->cfg.use_s1 && (held->cfg.s1.tt[0].tbi || held->cfg.s1.tt[1].tbi);
	set_needs(held);
	if (atomic_load_explicit(&smmu->cfg_gen, memory_order_acquire) != state)
		return STEP_AGAIN; /* tag 0: what was fetched in this section is usable in it */
	held->tag = tag;
	return STEP_NEW;
}

/* Fill the IOTLB; not where a TLBI would not know yet that there is such an entry (config.c). */
static void fill(struct nb_smmuv3_port *port, struct smmu_held *held, nb_iova iova,
	const struct iotlb_entry *entry, const struct smmu_result *result)
{
	if (!held->tag)
		return;
	if (result->global && !held->globals) {
		smmu_cfg_mark_globals(port->smmu, held->tag);
		held->globals = true;
		return;
	}
	if (result->split_lg2 > held->split_lg2) {
		smmu_cfg_mark_split(port->smmu, held->tag, result->split_lg2);
		held->split_lg2 = result->split_lg2;
		return;
	}
	iotlb_fill(&port->iotlb, held->tag, held->gens.gen, iova, entry);
}

static bool walk(struct nb_smmuv3_port *port, struct smmu_held *held, const struct dma_txn *txn,
	nb_iova iova, struct iotlb_entry *entry, struct smmu_lookup *out)
{
	struct smmu_walk w = { .smmu = port->smmu,
		.cfg = &held->cfg,
		.access = smmu_access_of(&held->cfg, txn),
		.port = held->tag ? port : NULL,
		.tag = held->tag,
		.tables = held->gens.tables };
	struct smmu_result result;

	if (!smmu_walk(&w, &result, &out->fault))
		return false;
	*entry = (struct iotlb_entry){ .pa = align_down(result.addr, BIT64(result.size_lg2)),
		.size_lg2 = result.size_lg2,
		.prot = result.prot };
	out->global = result.global;
	fill(port, held, iova, entry, &result);
	return true;
}

/* Under its own address, which TBI may have changed, or under a configuration that is news. */
static bool try_iotlb(struct nb_smmuv3_port *port, const struct smmu_held *held,
	const struct dma_txn *txn, nb_iova iova, struct iotlb_entry *entry)
{
	uint64_t gen = iotlb_gen(port->tlb, held->tag);
	uint8_t need = held->need[flags_of(txn) & SMMU_KINDS];

	/* Under another generation than ours the tag may be another stream's by now. */
	return held->tag && !((gen ^ held->gens.gen) >> IOTLB_GEN_ALL_LG2) &&
	       iotlb_find(port->tlb, &port->iotlb, held->tag, gen, iova, entry) &&
	       (entry->prot & need) == need;
}

static enum smmu_outcome resolve(struct nb_smmuv3_port *port, struct smmu_held *held,
	const struct dma_txn *txn, struct smmu_lookup *out)
{
	enum step step = held_current(port->smmu, held, txn) ? STEP_HELD : STEP_AGAIN;
	struct iotlb_entry entry;
	nb_iova iova;
	unsigned i;

	for (i = 0; step == STEP_AGAIN && i < MAX_ATTEMPTS; i++)
		step = configure(port->smmu, held, txn, &out->fault);
	out->cfg = step == STEP_OFF ? NULL : &held->cfg;
	out->size_lg2 = 0;
	if (step == STEP_OFF)
		return bypass_all(port->smmu, txn, out);
	if (step == STEP_FAULT)
		return SMMU_FAULTED;
	if (held->cfg.abort)
		return SMMU_ABORTED; /* IHI 0070 5.2: no event */
	iova = smmu_canonical(&held->cfg, txn->iova);
	if (!((step == STEP_NEW || iova.v != txn->iova.v) &&
		    try_iotlb(port, held, txn, iova, &entry)) &&
		!walk(port, held, txn, iova, &entry, out))
		return SMMU_FAULTED;
	out->iova = NB_IOVA(align_down(iova.v, BIT64(entry.size_lg2)));
	out->size_lg2 = entry.size_lg2;
	out->prot = entry.prot;
	smmu_span_of(entry.pa, entry.size_lg2, iova, &out->span);
	/* Whatever passes by smmu_stall_check needs the tag. */
	if (atomic_load_explicit(&port->stalls, memory_order_relaxed))
		held->tag = 0;
	return SMMU_TRANSLATED;
}

enum smmu_outcome smmu_resolve(
	struct nb_smmuv3_port *port, const struct dma_txn *txn, struct smmu_lookup *out)
{
	return resolve(port, &port->held, txn, out);
}

static enum nb_smmuv3_verdict translate(struct nb_smmuv3_port *port, struct smmu_held *held,
	const struct dma_txn *txn, struct nb_smmuv3_span *span)
{
	enum nb_smmuv3_verdict verdict;
	struct smmu_lookup lookup;
	enum smmu_outcome outcome;

	if (txn->translated)
		return smmu_translated(port, txn, span);
	if (smmu_stall_check(port, txn, &verdict, &span->stag))
		return verdict;
	outcome = resolve(port, held, txn, &lookup);
	if (outcome == SMMU_ABORTED)
		return NB_SMMUV3_ABORT;
	if (outcome == SMMU_FAULTED)
		return smmu_fail(port->smmu, port, txn, lookup.cfg, &lookup.fault, &span->stag);
	span->pa = lookup.span.pa;
	span->bytes = lookup.span.bytes;
	return NB_SMMUV3_OK;
}

/* Apart from the function below, whose variables then have no addresses. */
static __attribute__((noinline)) enum nb_smmuv3_verdict translate_any(struct nb_smmuv3_port *port,
	nb_iova iova, uint32_t flags, uint32_t ssid, struct nb_smmuv3_span *span)
{
	struct dma_txn txn = txn_of(port, iova, flags, ssid);

	return translate(port, &port->held, &txn, span);
}

__attribute__((noinline)) enum nb_smmuv3_verdict smmu_translate_slow(struct nb_smmuv3_port *port,
	nb_iova iova, uint32_t flags, uint32_t ssid, struct nb_smmuv3_span *span)
{
	if (__builtin_expect(smmu_miss(port, iova, flags, ssid, span), 1))
		return NB_SMMUV3_OK;
	return translate_any(port, iova, flags, ssid, span);
}

/* A transaction of a stream that is not the port's. */
static __attribute__((noinline)) enum nb_smmuv3_verdict translate_foreign(
	struct nb_smmuv3_port *port, const struct dma_txn *txn, struct nb_smmuv3_span *span)
{
	struct smmu_held held = { .tag = 0 };

	return translate(port, &held, txn, span);
}

_Static_assert((int)DMA_TRANSLATED == NB_SMMUV3_OK && (int)DMA_TXN_ABORTS == NB_SMMUV3_ABORT &&
		       (int)DMA_TXN_STALLS == NB_SMMUV3_STALLED &&
		       (int)DMA_TXN_RAZ_WI == NB_SMMUV3_RAZ_WI,
	"smmuv3_translate");

int smmuv3_translate(void *ctx, struct port *of, const struct dma_txn *txn, struct dma_span *span)
{
	struct nb_smmuv3_port *port = to_smmu_port(of);
	enum nb_smmuv3_verdict verdict;
	struct nb_smmuv3_span out;

	if (__builtin_expect(txn->sid == of->sid, 1))
		verdict = smmu_translate(port, txn->iova, flags_of(txn), txn->ssid, &out);
	else
		verdict = translate_foreign(port, txn, &out);
	if (verdict == NB_SMMUV3_OK)
		*span = (struct dma_span){ out.pa, out.bytes };
	return verdict;
}

void smmuv3_forget(void *ctx, struct port *port, const struct dma_txn *txn)
{
	smmu_stall_forget(to_smmu_port(port), txn);
}
