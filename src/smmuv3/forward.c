/* SPDX-License-Identifier: MIT */
/*
 * For a monitor whose guest sees this SMMU while another one translates: what it needs to pass on.
 * Commands go to ops.commands once they are done here, in order, a CMD_SYNC completes when those before
 * it have been passed on; and what the other SMMU found comes in as events.
 *
 * ops are called without locks, so commands wait in smmu->forward, under reg_lock, until whoever rang
 * has dropped that. One thread at a time passes on, else order would be lost; what others add meanwhile
 * it takes in its next round.
 */
#include <string.h>

#include "smmuv3/cmd.h"

bool smmu_forward_room(const struct nb_smmuv3 *smmu)
{
	return smmu->forward.n < SMMU_FORWARDS;
}

bool smmu_forward_pending(const struct nb_smmuv3 *smmu)
{
	return smmu->forward.n || smmu->forward.busy;
}

void smmu_forward_add(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	if (!smmu->ops.commands || field_get(CMD_0_OP, cmd->w[0]) == CMD_SYNC)
		return;
	memcpy(smmu->forward.cmds[smmu->forward.n++], cmd->w, sizeof(cmd->w));
}

/* Commands to be passed on by us: how many. */
static unsigned take(struct nb_smmuv3 *smmu, uint64_t cmds[SMMU_FORWARDS][2])
{
	struct smmu_forward *forward = &smmu->forward;
	unsigned n = 0;

	pthread_mutex_lock(&smmu->reg_lock);
	if (!forward->busy && forward->n) {
		n = forward->n;
		memcpy(cmds, forward->cmds, n * sizeof(cmds[0]));
		forward->n = 0;
		forward->busy = true;
	}
	pthread_mutex_unlock(&smmu->reg_lock);
	return n;
}

static void given(struct nb_smmuv3 *smmu)
{
	pthread_mutex_lock(&smmu->reg_lock);
	smmu->forward.busy = false;
	smmu_cmdq_resume(smmu);
	pthread_mutex_unlock(&smmu->reg_lock);
}

void smmu_forward(struct nb_smmuv3 *smmu)
{
	uint64_t cmds[SMMU_FORWARDS][2];
	unsigned n;

	if (!smmu->ops.commands)
		return;
	/* Bounded as the queue is: by the doorbell's budget. */
	while ((n = take(smmu, cmds))) {
		smmu->ops.commands(smmu->ctx, cmds, n);
		given(smmu);
	}
}

bool nb_smmuv3_event(struct nb_smmuv3 *smmu, const uint64_t record[4])
{
	bool recorded;

	pthread_mutex_lock(&smmu->out_lock);
	recorded = smmu_eventq_record(smmu, record);
	pthread_mutex_unlock(&smmu->out_lock);
	smmu_gerror_signal(smmu);
	return recorded;
}

unsigned nb_smmuv3_stream(struct nb_smmuv3 *smmu, uint32_t sid, uint64_t ste[8])
{
	struct smmu_walk w = { .smmu = smmu };
	struct smmu_fault fault = { .type = 0 };
	uint64_t base, cfg;

	pthread_mutex_lock(&smmu->reg_lock);
	base = smmu->regs.strtab_base;
	cfg = smmu->regs.strtab_cfg;
	pthread_mutex_unlock(&smmu->reg_lock);
	return smmu_ste_fetch(&w, base, cfg, sid, ste, &fault) ? 0 : fault.type;
}
