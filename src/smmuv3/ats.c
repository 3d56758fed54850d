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
static enum smmu_outcome pass(const struct nb_smmuv3 *smmu, struct smmu_translated *out)
{
	uint64_t addr = out->txn.iova.v;

	if (addr >> smmu->oas_bits)
		return SMMU_ABORTED;
	out->result = (struct smmu_result){
		.addr = addr, .size_lg2 = (uint8_t)smmu->oas_bits, .prot = PERM_ALL
	};
	return SMMU_TRANSLATED;
}

static enum smmu_outcome forbidden(struct smmu_translated *out)
{
	out->fault = (struct smmu_fault){ .type = EVT_F_TRANSL_FORBIDDEN };
	return SMMU_FAULTED;
}

/* Of the configuration: recorded if CR2 asks for it, whatever RECINVSID says. */
static enum smmu_outcome misconfigured(const struct nb_smmuv3 *smmu, struct smmu_translated *out)
{
	out->fault.silent = !rec_cfg_ats(smmu);
	return SMMU_FAULTED;
}

/* Split-stage: the address is an IPA; faults are those of any transaction. */
static enum smmu_outcome through_s2(
	struct nb_smmuv3 *smmu, struct smmu_recorder *rec, struct smmu_translated *out)
{
	struct smmu_walk w = { .smmu = smmu, .cfg = &out->cfg, .rec = rec, .no_update = rec };

	out->s2 = true;
	out->cfg.use_s1 = false;
	w.access = out->access = smmu_access_of(&out->cfg, &out->txn);
	return smmu_walk(&w, &out->result, &out->fault) ? SMMU_TRANSLATED : SMMU_FAULTED;
}

/* For a recorder from the tables, else as any transaction gets it. */
static bool configure(
	struct nb_smmuv3 *smmu, struct smmu_recorder *rec, struct smmu_translated *out)
{
	uint64_t state = atomic_load_explicit(&smmu->cfg_gen, memory_order_acquire);
	uint32_t tag;

	if (rec)
		return smmu_cfg_fetch(smmu, &out->txn, &out->cfg, &out->fault, rec);
	return smmu_cfg_get(smmu, &out->txn, state, &out->cfg, &tag, &out->fault);
}

/* IHI 0070 3.9.1.3, with CR0.ATSCHK: the STE says whether, and as what, the address may pass. */
static enum smmu_outcome checked(
	struct nb_smmuv3 *smmu, struct smmu_recorder *rec, struct smmu_translated *out)
{
	bool ok = configure(smmu, rec, out);

	if (!ok && no_ste(out->fault.type))
		return misconfigured(smmu, out);
	out->configured = true;
	if (out->cfg.abort)
		return SMMU_ABORTED;
	if (effective_eats(smmu, &out->cfg) == STE_EATS_ABT)
		return forbidden(out);
	if (!ok && out->fault.type == EVT_F_STREAM_DISABLED)
		return misconfigured(smmu, out);
	/* Whatever is wrong with a CD: none is used. */
	if (out->cfg.eats == STE_EATS_S1CHK)
		return through_s2(smmu, rec, out);
	return pass(smmu, out);
}

enum smmu_outcome smmu_translated_resolve(struct nb_smmuv3 *smmu, const struct dma_txn *txn,
	struct smmu_recorder *rec, struct smmu_translated *out)
{
	uint32_t cr0 = atomic_load_explicit(&smmu->cr0, memory_order_acquire);

	/* IHI 0070 3.9.1.3: there is no IDR3.PASIDTT, a PASID says nothing here. */
	*out = (struct smmu_translated){ .txn = *txn };
	out->txn.ssid_valid = out->txn.priv = out->txn.inst = false;
	out->txn.ssid = 0;
	out->access = (struct smmu_access){ .iova = txn->iova, .prot = txn->prot };
	if (!smmu->hw.ats)
		return SMMU_ABORTED;
	if (!(cr0 & CR0_SMMUEN))
		return forbidden(out);
	return cr0 & CR0_ATSCHK ? checked(smmu, rec, out) : pass(smmu, out);
}

static enum nb_smmuv3_verdict fail(struct nb_smmuv3_port *port,
	const struct smmu_translated *access, struct nb_smmuv3_span *span)
{
	struct nb_smmuv3 *smmu = port->smmu;

	if (access->s2)
		return smmu_fail(
			smmu, port, &access->txn, &access->cfg, &access->fault, &span->stag);
	smmu_event(smmu, &access->fault, &access->txn, &access->access);
	return NB_SMMUV3_ABORT;
}

enum nb_smmuv3_verdict smmu_translated(
	struct nb_smmuv3_port *port, const struct dma_txn *txn, struct nb_smmuv3_span *span)
{
	struct smmu_translated access;
	uint64_t bytes, addr;

	switch (smmu_translated_resolve(port->smmu, txn, NULL, &access)) {
	case SMMU_FAULTED:
		return fail(port, &access, span);
	case SMMU_ABORTED:
		return NB_SMMUV3_ABORT;
	case SMMU_TRANSLATED:
		break;
	}
	addr = access.result.addr;
	bytes = BIT64(access.result.size_lg2);
	span->pa = NB_PA(addr);
	span->bytes = bytes - (addr & (bytes - 1));
	return NB_SMMUV3_OK;
}
