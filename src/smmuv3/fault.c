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

enum nb_smmuv3_verdict smmu_fail(struct nb_smmuv3 *smmu, struct nb_smmuv3_port *port,
	const struct dma_txn *txn, const struct smmu_cfg *cfg, const struct smmu_fault *fault,
	uint16_t *stag)
{
	struct smmu_access access = smmu_access_of(cfg, txn);

	tell_detail(smmu, fault, txn);
	smmu_event(smmu, fault, txn, &access);
	return NB_SMMUV3_ABORT;
}
