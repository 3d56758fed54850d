/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of the SMMU's own (IHI 0070 3.18): a wire, or where software gave an address, a message:
 * a 32-bit write to memory. FIDELITY: such a message carries StreamID 0, which an interrupt controller
 * may take for that of a device; the architecture leaves the SMMU's own DeviceID to the system.
 */
#include "smmuv3/model.h"

#include <stddef.h>

struct line {
	uint64_t enable; /* in IRQ_CTRL; 0: always */
	uint64_t abort;	 /* in GERROR, where the message aborts */
	uint16_t cfg0, cfg1;
};

#define REG_AT(field) offsetof(struct smmu_regs, field)

static const struct line lines[] = {
	[NB_SMMUV3_IRQ_EVENTQ] = { IRQ_CTRL_EVENTQ, GERROR_MSI_EVENTQ_ABT, REG_AT(eventq_irq_cfg0),
		REG_AT(eventq_irq_cfg1) },
	[NB_SMMUV3_IRQ_PRIQ] = { IRQ_CTRL_PRIQ, GERROR_MSI_PRIQ_ABT, REG_AT(priq_irq_cfg0),
		REG_AT(priq_irq_cfg1) },
	[NB_SMMUV3_IRQ_GERROR] = { IRQ_CTRL_GERROR, GERROR_MSI_GERROR_ABT, REG_AT(gerror_irq_cfg0),
		REG_AT(gerror_irq_cfg1) },
	[NB_SMMUV3_IRQ_SYNC] = { 0 },
};

static uint64_t reg_at(const struct nb_smmuv3 *smmu, uint16_t at)
{
	return *(const uint64_t *)((const char *)&smmu->regs + at);
}

int smmu_msi_write(struct nb_smmuv3 *smmu, nb_pa addr, uint32_t data)
{
	return nb_mem_write(smmu->mem, addr, &data, sizeof(data), 0);
}

/* Where the message goes; false: none is configured. */
static bool message(struct nb_smmuv3 *smmu, const struct line *line, struct smmu_sync_irq *msg)
{
	if (!smmu->hw.msi || !line->enable)
		return false;
	pthread_mutex_lock(&smmu->out_lock);
	msg->addr = NB_PA(reg_at(smmu, line->cfg0) & (BIT64(smmu->oas_bits) - 1));
	msg->data = reg_at(smmu, line->cfg1);
	pthread_mutex_unlock(&smmu->out_lock);
	return msg->addr.v;
}

static void aborted(struct nb_smmuv3 *smmu, const struct line *line)
{
	pthread_mutex_lock(&smmu->out_lock);
	smmu_gerror_raise(smmu, line->abort);
	pthread_mutex_unlock(&smmu->out_lock);
	/* Once more at most: the abort of GERROR's own message is told by no interrupt. */
	smmu_gerror_signal(smmu);
}

void smmu_irq(struct nb_smmuv3 *smmu, enum nb_smmuv3_irq irq)
{
	const struct line *line = &lines[irq];
	struct smmu_sync_irq msg;
	int err = 0;

	/* Counted before IRQ_CTRL is read: IRQ_CTRLACK says that no message is still under way. */
	atomic_fetch_add(&smmu->msis, 1);
	if (line->enable && !(atomic_load(&smmu->irq_ctrl) & line->enable)) {
		atomic_fetch_sub(&smmu->msis, 1);
		return;
	}
	if (message(smmu, line, &msg)) {
		err = smmu_msi_write(smmu, msg.addr, msg.data);
		atomic_fetch_sub(&smmu->msis, 1);
		if (err)
			aborted(smmu, line);
		return;
	}
	atomic_fetch_sub(&smmu->msis, 1);
	if (smmu->ops.irq)
		smmu->ops.irq(smmu->ctx, irq);
}
