/* SPDX-License-Identifier: MIT */
/* The model looked at from outside (no register does this): nothing moves by being looked at. */
#include "smmuv3/model.h"

static unsigned queue_lg2(uint64_t base)
{
	return (unsigned)MIN(field_get(Q_BASE_LOG2SIZE, base), (uint64_t)Q_MAX_LG2);
}

/** Index and wrap flag. */
static uint32_t place(uint64_t reg, unsigned lg2)
{
	return (uint32_t)(reg & MASK64(lg2, 0));
}

static void cmdq_stats(struct nb_smmuv3 *smmu, struct smmuv3_stats *out)
{
	const struct smmu_regs *regs = &smmu->regs;

	pthread_mutex_lock(&smmu->reg_lock);
	out->cmdq_size_lg2 = queue_lg2(regs->cmdq_base);
	out->cmdq_prod = place(regs->cmdq_prod, out->cmdq_size_lg2);
	out->cmdq_cons = place(regs->cmdq_cons, out->cmdq_size_lg2);
	out->commands = smmu->commands;
	out->syncs = smmu->syncs;
	pthread_mutex_unlock(&smmu->reg_lock);
}

void smmuv3_stats(struct nb_smmuv3 *smmu, struct smmuv3_stats *out)
{
	const struct smmu_regs *regs = &smmu->regs;

	cmdq_stats(smmu, out);
	pthread_mutex_lock(&smmu->out_lock);
	out->evtq_size_lg2 = queue_lg2(regs->eventq_base);
	out->evtq_prod = place(regs->eventq_prod, out->evtq_size_lg2);
	out->evtq_cons = place(regs->eventq_cons, out->evtq_size_lg2);
	out->evtq_overflow = (regs->eventq_prod ^ regs->eventq_cons) & EVENTQ_OVFLG;
	out->events = smmu->events;
	out->events_lost = smmu->events_lost;
	pthread_mutex_unlock(&smmu->out_lock);
}
