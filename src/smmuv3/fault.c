/* SPDX-License-Identifier: MIT */
/* What becomes of a transaction that failed (IHI 0070 3.12). */
#include "smmuv3/model.h"

#include <stdio.h>

/* What the record has no room for (IHI 0070 7.3), for traces. */
static void tell_detail(
	struct nb_smmuv3 *smmu, const struct smmu_fault *fault, const struct dma_txn *txn)
{
	char text[64] = "";

	if (!smmu->detail || fault->silent)
		return;
	if (fault->has_desc)
		snprintf(text, sizeof(text), "level %u, descriptor 0x%llx", fault->level,
			(unsigned long long)fault->desc);
	else if (fault->type == EVT_F_TRANSLATION || fault->type == EVT_F_ADDR_SIZE)
		snprintf(text, sizeof(text), "beyond what the tables can map");
	smmu->detail(smmu->detail_ctx, txn->sid, txn->iova, text);
}

/* IHI 0070 3.12: the faults that CD.A, S and S2S are about. */
static bool configurable(const struct smmu_fault *fault)
{
	return fault->type >= EVT_F_TRANSLATION && fault->type <= EVT_F_PERMISSION;
}

/* 3.12.2: software asked for it, and it is no access by an ATS address, which never stalls. */
static bool stalls(
	const struct dma_txn *txn, const struct smmu_cfg *cfg, const struct smmu_fault *fault)
{
	if (txn->translated || !configurable(fault))
		return false;
	return fault->s2 ? cfg->s2.stall : cfg->use_s1 && cfg->s1.stall && !cfg->stalld;
}

/* CD.A is stage 1's; stage 2 always aborts. */
static enum nb_smmuv3_verdict termination(
	const struct smmu_cfg *cfg, const struct smmu_fault *fault)
{
	if (configurable(fault) && !fault->s2 && cfg->use_s1 && cfg->s1.raz_wi)
		return NB_SMMUV3_RAZ_WI;
	return NB_SMMUV3_ABORT;
}

enum nb_smmuv3_verdict smmu_verdict(
	const struct dma_txn *txn, const struct smmu_cfg *cfg, const struct smmu_fault *fault)
{
	return stalls(txn, cfg, fault) ? NB_SMMUV3_STALLED : termination(cfg, fault);
}

enum nb_smmuv3_verdict smmu_fail(struct nb_smmuv3 *smmu, struct nb_smmuv3_port *port,
	const struct dma_txn *txn, const struct smmu_cfg *cfg, const struct smmu_fault *fault,
	uint16_t *stag)
{
	struct smmu_access access = smmu_access_of(cfg, txn);
	struct smmu_fault told = *fault;

	/* 5.5: a fault that stalls is recorded whatever CD.R or S2R says. */
	if (port && stalls(txn, cfg, fault) &&
		smmu_stall_begin(smmu, port, txn, &access, fault, stag)) {
		told.silent = false;
		tell_detail(smmu, &told, txn);
		return NB_SMMUV3_STALLED;
	}
	told.merge = cfg->mev;
	tell_detail(smmu, &told, txn);
	smmu_event(smmu, &told, txn, &access);
	return termination(cfg, fault);
}
