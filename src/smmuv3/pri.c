/* SPDX-License-Identifier: MIT */
/*
 * Page requests (IHI 0070 8): into the PRI queue under out_lock, or answered by the SMMU itself; and
 * the responses that software sends.
 */
#include "smmuv3/model.h"

#include <string.h>

/* PCIe 10.4.2.1: response codes; and of CMD_PRI_RESP, which has its own. */
#define RESP_SUCCESS 0
#define RESP_INVALID 1
#define RESP_FAILURE 15

static const uint8_t codes[] = { RESP_FAILURE, RESP_INVALID, RESP_SUCCESS };

bool smmu_pri_resp(struct nb_smmuv3 *smmu, const uint64_t w[2], bool *ill)
{
	unsigned resp = field_get(CMD_1_PRI_RESP, w[1]);
	struct smmu_message msg = { .is_resp = true };

	*ill = !smmu->hw.pri || resp >= ARRAY_LEN(codes);
	if (*ill)
		return false;
	/* IHI 0070 4.5.2: ignored with translation off. */
	if (!(smmu->regs.cr0 & CR0_SMMUEN) || !smmu->ops.pri_resp)
		return true;
	msg.resp = (struct nb_smmuv3_pri_resp){ .sid = field_get(CMD_0_SID, w[0]),
		.ssv = smmu_cmd_ssv(smmu, w),
		.prgi = field_get(CMD_1_PRGI, w[1]),
		.code = codes[resp] };
	if (msg.resp.ssv)
		msg.resp.ssid = field_get(CMD_0_SSID, w[0]);
	return smmu_outbox_put(smmu, &msg);
}

/* IHI 0070 8: two words; without a PASID there is no X and no Priv. */
static void build(const struct nb_smmuv3_page_request *req, bool ssv, uint64_t record[PPR_WORDS])
{
	uint32_t flags = ssv ? req->flags : req->flags & ~(NB_PRIV | NB_INSN);

	record[0] = field_prep(PPR_0_SID, req->sid);
	if (ssv)
		record[0] |= PPR_0_SSV | field_prep(PPR_0_SSID, req->ssid);
	record[0] |= (flags & NB_READ ? PPR_0_R : 0) | (flags & NB_WRITE ? PPR_0_W : 0) |
		     (flags & NB_INSN ? PPR_0_X : 0) | (flags & NB_PRIV ? PPR_0_PRIV : 0) |
		     (req->last ? PPR_0_LAST : 0);
	record[1] = field_prep(PPR_1_PRGI, req->prgi) | (req->iova.v & PPR_1_ADDR);
}

/* What became of a request. */
enum fate {
	FATE_QUEUED,
	FATE_OVERFLOW,
	FATE_REFUSED, /* the queue is disabled, or broken */
};

static bool overflowing(const struct smmu_regs *regs)
{
	return (regs->priq_prod ^ regs->priq_cons) & PRIQ_OVFLG;
}

/* out_lock is held. *was_empty: the record is the first one. */
static enum fate enqueue(struct nb_smmuv3 *smmu, const uint64_t record[PPR_WORDS], bool *was_empty)
{
	struct smmu_regs *regs = &smmu->regs;
	unsigned lg2 = MIN(field_get(Q_BASE_LOG2SIZE, regs->priq_base), (uint64_t)Q_MAX_LG2);
	uint64_t size = BIT64(lg2), mask = 2 * size - 1, prod = regs->priq_prod & mask, base;

	if ((atomic_load(&smmu->cr0) & (CR0_SMMUEN | CR0_PRIQEN)) != (CR0_SMMUEN | CR0_PRIQEN) ||
		((regs->gerror ^ regs->gerrorn) & GERROR_PRIQ_ABT))
		return FATE_REFUSED;
	if (overflowing(regs))
		return FATE_OVERFLOW;
	if ((prod ^ (regs->priq_cons & mask)) == size) {
		regs->priq_prod ^= PRIQ_OVFLG;
		return FATE_OVERFLOW;
	}
	base = align_down(regs->priq_base & Q_BASE_ADDR, MAX(size << PRIQ_ENTRY_LG2, 32u));
	if (nb_mem_write(smmu->mem, NB_PA(base + ((prod & (size - 1)) << PRIQ_ENTRY_LG2)), record,
		    PPR_WORDS * 8, 0)) {
		smmu_gerror_raise(smmu, GERROR_PRIQ_ABT);
		return FATE_REFUSED;
	}
	*was_empty = prod == (regs->priq_cons & mask);
	regs->priq_prod = (regs->priq_prod & PRIQ_OVFLG) | ((prod + 1) & mask);
	return FATE_QUEUED;
}

/* IHI 0070 8.1: the STE is looked at for PPAR alone. False: it cannot be. */
static bool fetch_ppar(struct nb_smmuv3 *smmu, uint32_t sid, bool *ppar)
{
	struct smmu_fault fault = { 0 };
	struct smmu_cfg cfg;
	struct smmu_walk w = { .smmu = smmu, .cfg = &cfg };
	struct dma_txn txn = { .sid = sid };
	uint64_t ste[STE_WORDS], base, table_cfg;
	bool ok;

	memset(&cfg, 0, sizeof(cfg));
	pthread_mutex_lock(&smmu->cfg_lock);
	base = smmu->regs.strtab_base;
	table_cfg = smmu->regs.strtab_cfg;
	pthread_mutex_unlock(&smmu->cfg_lock);
	ok = smmu_ste_fetch(&w, base, table_cfg, sid, ste, &fault);
	if (ok && !smmu_ste_decode(smmu, ste, &cfg)) {
		fault = (struct smmu_fault){ .type = EVT_C_BAD_STE };
		ok = false;
	}
	*ppar = ok && (ste[1] & STE_1_PPAR);
	if (!ok)
		smmu_ats_config_event(smmu, &fault, &txn);
	return ok;
}

/* Answer a request that the queue did not take, where it is answered at all. */
static void respond(
	struct nb_smmuv3 *smmu, const struct nb_smmuv3_page_request *req, bool ssv, enum fate fate)
{
	struct nb_smmuv3_pri_resp resp = {
		.sid = req->sid, .prgi = req->prgi & PPR_1_PRGI, .code = RESP_FAILURE
	};
	bool ppar = false;

	/* IHI 0070 8.1, 8.2: overflow answers the last of a group only, a refusal each of it. */
	if (fate == FATE_OVERFLOW) {
		if (!req->last)
			return;
		if (!ssv || fetch_ppar(smmu, req->sid, &ppar))
			resp.code = RESP_SUCCESS;
		resp.ssv = ppar;
		resp.ssid = ppar ? req->ssid : 0;
	}
	if (smmu->ops.pri_resp)
		smmu->ops.pri_resp(smmu->ctx, &resp);
}

/* IHI 0070 6.3.38 PRIQ_IRQ_CFG2.LO: the first in the queue, or the last of a group. */
static bool interrupts(const struct nb_smmuv3 *smmu, const struct nb_smmuv3_page_request *req,
	enum fate fate, bool was_empty)
{
	if (smmu->regs.priq_irq_cfg2 & PRIQ_IRQ_CFG2_LO)
		return req->last && fate != FATE_REFUSED;
	return fate == FATE_QUEUED && was_empty;
}

void nb_smmuv3_page_request(struct nb_smmuv3 *smmu, const struct nb_smmuv3_page_request *req)
{
	/* UNPREDICTABLE: a PASID beyond IDR1.SSIDSIZE is cut to it (IHI 0070 3.9). */
	bool ssv = smmu->hw.ssid_bits && (req->flags & NB_SSV), was_empty = false, irq;
	bool stop = ssv && req->last && !(req->flags & (NB_READ | NB_WRITE));
	struct nb_smmuv3_page_request cut = *req;
	uint64_t record[PPR_WORDS];
	enum fate fate;

	cut.ssid &= ssv ? BIT64(smmu->hw.ssid_bits) - 1 : 0;
	build(&cut, ssv, record);
	pthread_mutex_lock(&smmu->out_lock);
	fate = enqueue(smmu, record, &was_empty);
	irq = interrupts(smmu, &cut, fate, was_empty);
	pthread_mutex_unlock(&smmu->out_lock);

	smmu_gerror_signal(smmu);
	if (irq && (atomic_load(&smmu->irq_ctrl) & IRQ_CTRL_PRIQ))
		smmu_irq(smmu, NB_SMMUV3_IRQ_PRIQ);
	/* A stop marker is no request: nobody waits for an answer. */
	if (fate != FATE_QUEUED && !stop)
		respond(smmu, &cut, ssv, fate);
}
