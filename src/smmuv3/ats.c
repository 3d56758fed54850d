/* SPDX-License-Identifier: MIT */
/*
 * ATS: translation requests, and what becomes of accesses that are marked as translated (IHI 0070
 * 3.9.1). A request is a translation whose result leaves the SMMU; what it finds wrong with the
 * address is told to the function, not to the event queue.
 */
#include "smmuv3/model.h"

static struct dma_txn dma_of(
	const struct nb_smmuv3_port *port, const struct nb_smmuv3_txn *txn, uint8_t prot)
{
	bool ssv = txn->flags & NB_SSV;

	/* IHI 0070 13.7: without a PASID a request is for unprivileged data. */
	return (struct dma_txn){ .iova = txn->iova,
		.sid = port->port.sid,
		.ssid = ssv ? txn->ssid : 0,
		.ssid_valid = ssv,
		.priv = ssv && (txn->flags & NB_PRIV),
		.prot = prot };
}

static bool translation_related(enum evt_type type)
{
	return type == EVT_F_TRANSLATION || type == EVT_F_ADDR_SIZE || type == EVT_F_ACCESS ||
	       type == EVT_F_PERMISSION;
}

/* What comes before the STE is known. */
static bool no_ste(enum evt_type type)
{
	return type == EVT_C_BAD_STREAMID || type == EVT_F_STE_FETCH || type == EVT_C_BAD_STE;
}

static bool rec_cfg_ats(const struct nb_smmuv3 *smmu)
{
	return atomic_load_explicit(&smmu->cr2, memory_order_relaxed) & CR2_REC_CFG_ATS;
}

void smmu_ats_config_event(
	struct nb_smmuv3 *smmu, const struct smmu_fault *fault, const struct dma_txn *txn)
{
	struct smmu_access access = { .iova = txn->iova, .prot = txn->prot };

	if (rec_cfg_ats(smmu))
		smmu_event(smmu, fault, txn, &access);
}

static void record(struct nb_smmuv3 *smmu, enum evt_type type, const struct dma_txn *txn)
{
	struct smmu_access access = { .iova = txn->iova, .prot = txn->prot };

	smmu_event(smmu, &(struct smmu_fault){ .type = type }, txn, &access);
}

/* IHI 0070 5.2 EATS: the effective value. Split-stage needs that translated accesses are checked. */
static unsigned effective_eats(const struct nb_smmuv3 *smmu, const struct smmu_cfg *cfg)
{
	bool atschk = atomic_load_explicit(&smmu->cr0, memory_order_relaxed) & CR0_ATSCHK;

	return cfg->eats == STE_EATS_S1CHK && !atschk ? STE_EATS_ABT : cfg->eats;
}

/* IHI 0070 3.9.1.2: success without permissions, of the smallest size there is. */
static enum nb_smmuv3_ats_status denied(const struct nb_smmuv3 *smmu,
	const struct nb_smmuv3_txn *txn, struct nb_smmuv3_ats_entry *entry)
{
	unsigned granules = smmu->hw.granules;
	uint64_t stu = granules & NB_SMMUV3_GRAN4K    ? KIB(4)
		       : granules & NB_SMMUV3_GRAN16K ? KIB(16)
						      : KIB(64);

	*entry = (struct nb_smmuv3_ats_entry){ .iova = NB_IOVA(align_down(txn->iova.v, stu)),
		.bytes = stu,
		.priv = (txn->flags & NB_SSV) && (txn->flags & NB_PRIV) };
	return NB_SMMUV3_ATS_SUCCESS;
}

static enum nb_smmuv3_ats_status failed(struct nb_smmuv3 *smmu, const struct nb_smmuv3_txn *txn,
	const struct dma_txn *dma, const struct smmu_fault *fault,
	struct nb_smmuv3_ats_entry *entry)
{
	if (translation_related(fault->type))
		return denied(smmu, txn, entry);
	smmu_ats_config_event(smmu, fault, dma);
	return NB_SMMUV3_ATS_ABORT;
}

static enum nb_smmuv3_ats_status refused(struct nb_smmuv3 *smmu, const struct dma_txn *dma)
{
	record(smmu, EVT_F_BAD_ATS_TREQ, dma);
	return NB_SMMUV3_ATS_UNSUPPORTED;
}

/*
 * Walk with the most that the page permits of what is asked: a write intention marks the page dirty
 * only where it is granted, so an access that is denied is tried again for less.
 */
static bool walk(struct nb_smmuv3 *smmu, const struct smmu_cfg *cfg, const struct dma_txn *dma,
	struct smmu_result *out, struct smmu_fault *fault)
{
	static const uint8_t tries[] = { NB_DMA_READ | NB_DMA_WRITE, NB_DMA_WRITE, NB_DMA_READ, 0 };
	struct smmu_walk w = { .smmu = smmu, .cfg = cfg, .access = smmu_access_of(cfg, dma) };
	bool ok = false;
	unsigned i;

	for (i = 0; i < ARRAY_LEN(tries) && !ok; i++) {
		if (tries[i] & ~dma->prot)
			continue;
		w.access.prot = tries[i];
		ok = smmu_walk(&w, out, fault);
		if (!ok && (fault->type != EVT_F_PERMISSION || fault->class != EVT_CLASS_IN))
			break;
	}
	return ok;
}

/* IHI 0070 13.7.1: what is granted, after the STE's overrides. */
static void grant(const struct smmu_cfg *cfg, const struct nb_smmuv3_txn *txn,
	const struct dma_txn *dma, uint8_t perms, struct nb_smmuv3_ats_entry *entry)
{
	bool priv = smmu_access_of(cfg, dma).priv;
	bool exe = (txn->flags & NB_SSV) && (txn->flags & NB_INSN);
	bool exec;

	perms = priv ? perms >> 3 : perms;
	exec = perms & PERM_UX;
	/* INSTCFG instruction: a read is a fetch. Data: a fetch is a read. Else Exe implies R. */
	entry->read = cfg->instcfg == STE_OVR_SET ? exec : perms & PERM_UR;
	entry->write = perms & PERM_UW;
	entry->exec = exe && entry->read && (cfg->instcfg == STE_OVR_CLEAR || exec);
}

static enum nb_smmuv3_ats_status translate(struct nb_smmuv3 *smmu, const struct smmu_cfg *cfg,
	const struct nb_smmuv3_txn *txn, const struct dma_txn *dma,
	struct nb_smmuv3_ats_entry *entry)
{
	struct smmu_fault fault = { 0 };
	struct smmu_result result;
	uint64_t mask;

	if (!walk(smmu, cfg, dma, &result, &fault))
		return failed(smmu, txn, dma, &fault, entry);
	mask = BIT64(result.size_lg2) - 1;
	*entry = (struct nb_smmuv3_ats_entry){
		.iova = NB_IOVA(txn->iova.v & ~mask),
		.pa = NB_PA(
			(effective_eats(smmu, cfg) == STE_EATS_S1CHK ? result.ipa : result.addr) &
			~mask),
		.bytes = mask + 1,
		.priv = dma->priv,
	};
	grant(cfg, txn, dma, result.prot, entry);
	return entry->read || entry->write ? NB_SMMUV3_ATS_SUCCESS : denied(smmu, txn, entry);
}

enum nb_smmuv3_ats_status nb_smmuv3_ats_request(struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *txn, struct nb_smmuv3_ats_entry *entry)
{
	struct nb_smmuv3 *smmu = port->smmu;
	struct dma_txn dma =
		dma_of(port, txn, NB_DMA_READ | (txn->flags & NB_WRITE ? NB_DMA_WRITE : 0));
	uint64_t state = atomic_load_explicit(&smmu->cfg_gen, memory_order_acquire);
	struct smmu_fault fault = { 0 };
	struct smmu_cfg cfg;
	uint32_t tag;
	bool ok;

	/* Without IDR0.ATS nobody hears of the request. */
	if (!smmu->hw.ats)
		return NB_SMMUV3_ATS_UNSUPPORTED;
	if (!(atomic_load_explicit(&smmu->cr0, memory_order_acquire) & CR0_SMMUEN))
		return refused(smmu, &dma);
	ok = smmu_cfg_get(smmu, &dma, state, &cfg, &tag, &fault);
	/* EATS is looked at as soon as the STE is known, before any CD. */
	if (!ok && no_ste(fault.type))
		return failed(smmu, txn, &dma, &fault, entry);
	if (cfg.abort)
		return NB_SMMUV3_ATS_UNSUPPORTED;
	if (effective_eats(smmu, &cfg) == STE_EATS_ABT)
		return refused(smmu, &dma);
	if (!ok)
		return failed(smmu, txn, &dma, &fault, entry);
	return translate(smmu, &cfg, txn, &dma, entry);
}

/* IHI 0070 3.9.1.1: beyond the OAS it is aborted, with no event. */
static enum nb_smmuv3_verdict pass(
	const struct nb_smmuv3 *smmu, const struct dma_txn *txn, struct nb_smmuv3_span *span)
{
	if (txn->iova.v >> smmu->oas_bits)
		return NB_SMMUV3_ABORT;
	span->pa = NB_PA(txn->iova.v);
	span->bytes = BIT64(smmu->oas_bits) - txn->iova.v;
	return NB_SMMUV3_OK;
}

static enum nb_smmuv3_verdict forbidden(struct nb_smmuv3 *smmu, const struct dma_txn *txn)
{
	record(smmu, EVT_F_TRANSL_FORBIDDEN, txn);
	return NB_SMMUV3_ABORT;
}

/* Split-stage: the address is an IPA; faults are those of any transaction. */
static enum nb_smmuv3_verdict through_s2(struct nb_smmuv3_port *port, struct smmu_cfg *cfg,
	const struct dma_txn *txn, struct nb_smmuv3_span *span)
{
	struct smmu_walk w = { .smmu = port->smmu, .cfg = cfg, .access = smmu_access_of(cfg, txn) };
	struct smmu_fault fault = { 0 };
	struct smmu_result result;

	cfg->use_s1 = false;
	if (!smmu_walk(&w, &result, &fault))
		return smmu_fail(port->smmu, port, txn, cfg, &fault, &span->stag);
	span->pa = NB_PA(result.addr);
	span->bytes = BIT64(result.size_lg2) - (result.addr & (BIT64(result.size_lg2) - 1));
	return NB_SMMUV3_OK;
}

/* IHI 0070 3.9.1.3, with CR0.ATSCHK: the STE says whether, and as what, the address may pass. */
static enum nb_smmuv3_verdict checked(
	struct nb_smmuv3_port *port, const struct dma_txn *txn, struct nb_smmuv3_span *span)
{
	struct nb_smmuv3 *smmu = port->smmu;
	uint64_t state = atomic_load_explicit(&smmu->cfg_gen, memory_order_acquire);
	struct smmu_fault fault = { 0 };
	struct smmu_cfg cfg;
	uint32_t tag;
	bool ok = smmu_cfg_get(smmu, txn, state, &cfg, &tag, &fault);

	if (!ok && no_ste(fault.type)) {
		fault.silent = false; /* RECINVSID does not matter */
		smmu_ats_config_event(smmu, &fault, txn);
		return NB_SMMUV3_ABORT;
	}
	if (cfg.abort)
		return NB_SMMUV3_ABORT;
	if (effective_eats(smmu, &cfg) == STE_EATS_ABT)
		return forbidden(smmu, txn);
	if (!ok && fault.type == EVT_F_STREAM_DISABLED) {
		smmu_ats_config_event(smmu, &fault, txn);
		return NB_SMMUV3_ABORT;
	}
	/* Whatever is wrong with a CD: none is used. */
	if (cfg.eats == STE_EATS_S1CHK)
		return through_s2(port, &cfg, txn, span);
	return pass(smmu, txn, span);
}

enum nb_smmuv3_verdict smmu_translated(
	struct nb_smmuv3_port *port, const struct dma_txn *txn, struct nb_smmuv3_span *span)
{
	struct nb_smmuv3 *smmu = port->smmu;
	uint32_t cr0 = atomic_load_explicit(&smmu->cr0, memory_order_acquire);
	struct dma_txn plain = *txn;

	/* IHI 0070 3.9.1.3: there is no IDR3.PASIDTT, a PASID says nothing here. */
	plain.ssid_valid = plain.priv = plain.inst = false;
	plain.ssid = 0;
	if (!smmu->hw.ats)
		return NB_SMMUV3_ABORT;
	if (!(cr0 & CR0_SMMUEN))
		return forbidden(smmu, &plain);
	return cr0 & CR0_ATSCHK ? checked(port, &plain, span) : pass(smmu, &plain, span);
}
