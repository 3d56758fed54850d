/* SPDX-License-Identifier: MIT */
/* The configuration of a transaction, from the tables: STE, substream, CD (IHI 0070 3.3.2). */
#include "smmuv3/model.h"

#include <string.h>

static bool refuse(enum evt_type type, struct smmu_fault *fault)
{
	*fault = (struct smmu_fault){ .type = type };
	return false;
}

/* Substreams are in use: what S1DSS makes of a transaction with none, and with the one it takes. */
static bool default_substream(const uint64_t ste[STE_WORDS], const struct dma_txn *txn,
	struct smmu_cfg *cfg, struct smmu_fault *fault)
{
	unsigned dss = field_get(STE_1_S1DSS, ste[1]);

	if (txn->ssid_valid) {
		/* IHI 0070 5.2 S1DSS: substream 0 is that of those that have none. */
		return (dss != STE_S1DSS_SSID0 || txn->ssid) ||
		       refuse(EVT_F_STREAM_DISABLED, fault);
	}
	if (dss == STE_S1DSS_BYPASS)
		cfg->use_s1 = false;
	/* 0b11 is reserved and means 0b00. */
	return dss == STE_S1DSS_BYPASS || dss == STE_S1DSS_SSID0 ||
	       refuse(EVT_F_STREAM_DISABLED, fault);
}

/* IHI 0070 7.3.7, 7.3.9: which CD, if any; or why the transaction may not have one. */
static bool choose_substream(const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS],
	const struct dma_txn *txn, struct smmu_cfg *cfg, struct smmu_fault *fault)
{
	unsigned max = smmu->hw.ssid_bits ? field_get(STE_0_S1CDMAX, ste[0]) : 0;

	cfg->ssv = txn->ssid_valid;
	cfg->ssid = txn->ssid_valid ? txn->ssid : 0;
	/* Without stage 1, or with one CD, there are no substreams. */
	if (!cfg->use_s1 || !max)
		return !txn->ssid_valid || refuse(EVT_C_BAD_SUBSTREAMID, fault);
	if (cfg->ssid >> max)
		return refuse(EVT_C_BAD_SUBSTREAMID, fault);
	return default_substream(ste, txn, cfg, fault);
}

static bool fetch_cd(struct smmu_walk *w, const uint64_t ste[STE_WORDS], struct smmu_cfg *cfg,
	struct smmu_fault *fault)
{
	uint64_t cd[CD_WORDS];

	return smmu_cd_fetch(w, ste, cfg->ssid, cd, fault) &&
	       (smmu_cd_decode(w->smmu, cd, cfg) || refuse(EVT_C_BAD_CD, fault));
}

bool smmu_cfg_fetch(struct nb_smmuv3 *smmu, const struct dma_txn *txn, struct smmu_cfg *cfg,
	struct smmu_fault *fault, struct smmu_recorder *rec)
{
	struct smmu_walk w = { .smmu = smmu, .cfg = cfg, .rec = rec, .no_update = rec };
	uint64_t ste[STE_WORDS], base, table_cfg;

	pthread_mutex_lock(&smmu->cfg_lock);
	base = smmu->regs.strtab_base;
	table_cfg = smmu->regs.strtab_cfg;
	pthread_mutex_unlock(&smmu->cfg_lock);

	memset(cfg, 0, sizeof(*cfg));
	cfg->sid = txn->sid;
	cfg->valid = true;
	if (!smmu_ste_fetch(&w, base, table_cfg, txn->sid, ste, fault))
		return false;
	if (!smmu_ste_decode(smmu, ste, cfg))
		return refuse(EVT_C_BAD_STE, fault);
	if (cfg->abort)
		return true;
	if (!choose_substream(smmu, ste, txn, cfg, fault))
		return false;
	if (txn->translated) /* IHI 0070 3.9.1.3 */
		return true;
	w.access = smmu_access_of(cfg, txn);
	return !cfg->use_s1 || fetch_cd(&w, ste, cfg, fault);
}
