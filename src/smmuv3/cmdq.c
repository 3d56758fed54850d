/* SPDX-License-Identifier: MIT */
/*
 * The command queue (IHI 0070 3.5, 4): consumption, errors and CMD_SYNC. A doorbell has a budget
 * of commands; what is left in the queue is consumed by the next one, or when CMDQ_CONS is read.
 */
#include "smmuv3/cmd.h"

#include <string.h>

#define COMMANDS_PER_DOORBELL 4096

/* The wait for DMA in flight is over, or was not needed. */
static bool dma_has_left(struct nb_smmuv3 *smmu)
{
	if (!smmu->sync_due)
		return true;
	if (!smmu->sync_begun)
		smmu_wait_begin(smmu, SMMU_WAIT_SYNC);
	smmu->sync_begun = true;
	smmu_wait_poll(smmu);
	if (smmu->waiting & SMMU_WAIT_SYNC)
		return false;
	smmu->sync_begun = smmu->sync_due = false;
	return true;
}

/* Have the interrupt of a completed CMD_SYNC raised once reg_lock is free. */
static void queue_sync_irq(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	uint64_t addr = cmd->w[1] & CMD_1_MSI_ADDR & (BIT64(smmu->oas_bits) - 1);

	smmu->sync_irqs[smmu->n_sync_irqs++] = (struct smmu_sync_irq){
		.addr = NB_PA(smmu->hw.msi ? addr : 0),
		.data = field_get(CMD_0_MSI_DATA, cmd->w[0]),
	};
}

/*
 * IHI 0070 4.7.3: complete once no transaction uses what the commands before it invalidated, and no
 * function's ATC. FIDELITY: SIG_SEV signals nothing beyond CONS, there being no processor to wake.
 */
static enum cmd_outcome cmd_sync(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	unsigned signal = field_get(CMD_0_CS, cmd->w[0]);

	if (signal == CMD_CS_RESERVED)
		return CMD_ILL;
	if (!dma_has_left(smmu) || smmu->atc_pending)
		return CMD_WAIT;
	smmu->cmdq_paused = smmu_forward_pending(smmu);
	if (smmu->cmdq_paused)
		return CMD_WAIT;
	if (smmu->atc_failed) {
		smmu->atc_failed = false;
		return CMD_ATC_FAILED;
	}
	if (signal != CMD_CS_IRQ)
		return CMD_DONE;
	smmu->cmdq_paused = smmu->n_sync_irqs == SMMU_SYNC_IRQS;
	if (smmu->cmdq_paused)
		return CMD_WAIT;
	queue_sync_irq(smmu, cmd);
	return CMD_DONE;
}

static enum cmd_outcome cmd_atc_inv(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	if (!smmu->hw.ats)
		return CMD_ILL;
	return smmu_atc_inv(smmu, cmd->w) ? CMD_DONE : CMD_WAIT;
}

static enum cmd_outcome cmd_pri_resp(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	bool ill, done = smmu_pri_resp(smmu, cmd->w, &ill);

	if (ill)
		return CMD_ILL;
	return done ? CMD_DONE : CMD_WAIT;
}

/* Everything else is CERROR_ILL: EL2, EL3, Secure and Realm are not implemented. */
static cmd_fn *const commands[256] = {
	[CMD_PREFETCH_CONFIG] = smmu_cmd_prefetch,
	[CMD_PREFETCH_ADDR] = smmu_cmd_prefetch,
	[CMD_CFGI_STE] = smmu_cmd_cfgi_ste,
	[CMD_CFGI_STE_RANGE] = smmu_cmd_cfgi_range,
	[CMD_CFGI_CD] = smmu_cmd_cfgi_cd,
	[CMD_CFGI_CD_ALL] = smmu_cmd_cfgi_cd_all,
	[CMD_TLBI_NH_ALL] = smmu_cmd_tlbi_nh_all,
	[CMD_TLBI_NH_ASID] = smmu_cmd_tlbi_nh_asid,
	[CMD_TLBI_NH_VA] = smmu_cmd_tlbi_nh_va,
	[CMD_TLBI_NH_VAA] = smmu_cmd_tlbi_nh_vaa,
	[CMD_TLBI_S12_VMALL] = smmu_cmd_tlbi_s12_vmall,
	[CMD_TLBI_S2_IPA] = smmu_cmd_tlbi_s2_ipa,
	[CMD_TLBI_NSNH_ALL] = smmu_cmd_tlbi_nsnh_all,
	[CMD_ATC_INV] = cmd_atc_inv,
	[CMD_PRI_RESP] = cmd_pri_resp,
	[CMD_RESUME] = smmu_cmd_resume,
	[CMD_STALL_TERM] = smmu_cmd_stall_term,
	[CMD_SYNC] = cmd_sync,
};

static enum cmd_outcome execute(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	uint8_t op = field_get(CMD_0_OP, cmd->w[0]);

	/* IHI 0070 4.1.5: SSec is for the Secure command queue. CMD_SYNC has no such bit. */
	if (!commands[op] || (op != CMD_SYNC && (cmd->w[0] & CMD_0_SSEC)))
		return CMD_ILL;
	return commands[op](smmu, cmd);
}

/* IHI 0070 7.1: CONS stays at the offender; consumption stops until GERRORN acknowledges. */
static void halt(struct nb_smmuv3 *smmu, unsigned reason)
{
	uint64_t *cons = &smmu->regs.cmdq_cons;

	*cons = (*cons & ~CMDQ_CONS_ERR) | field_prep(CMDQ_CONS_ERR, reason);
	smmu->cmdq_halted = true;
	pthread_mutex_lock(&smmu->out_lock);
	smmu_gerror_raise(smmu, GERROR_CMDQ);
	pthread_mutex_unlock(&smmu->out_lock);
}

static bool fetch(struct nb_smmuv3 *smmu, uint64_t index, unsigned lg2, struct cmd *cmd)
{
	uint64_t bytes = MAX(BIT64(lg2 + CMDQ_ENTRY_LG2), 32u);
	uint64_t base = align_down(smmu->regs.cmdq_base & Q_BASE_ADDR, bytes);

	return !nb_mem_read(
		smmu->mem, NB_PA(base + (index << CMDQ_ENTRY_LG2)), cmd->w, sizeof(cmd->w));
}

/* One command. False: stop here. */
static bool consume(struct nb_smmuv3 *smmu)
{
	struct smmu_regs *regs = &smmu->regs;
	unsigned lg2 = MIN(field_get(Q_BASE_LOG2SIZE, regs->cmdq_base), (uint64_t)Q_MAX_LG2);
	uint64_t size = BIT64(lg2), mask = 2 * size - 1, cons = regs->cmdq_cons & mask;
	enum cmd_outcome outcome;
	struct cmd cmd;

	if (cons == (regs->cmdq_prod & mask))
		return false;
	smmu->cmdq_paused = !smmu_forward_room(smmu);
	if (smmu->cmdq_paused)
		return false;
	if (!fetch(smmu, cons & (size - 1), lg2, &cmd)) {
		halt(smmu, CERROR_ABT);
		return false;
	}
	outcome = execute(smmu, &cmd);
	if (outcome == CMD_ILL)
		halt(smmu, CERROR_ILL);
	if (outcome == CMD_ATC_FAILED)
		halt(smmu, CERROR_ATC_INV_SYNC);
	if (outcome != CMD_DONE)
		return false;
	smmu_forward_add(smmu, &cmd);
	smmu->commands++;
	smmu->syncs += field_get(CMD_0_OP, cmd.w[0]) == CMD_SYNC;
	regs->cmdq_cons = (regs->cmdq_cons & CMDQ_CONS_ERR) | ((cons + 1) & mask);
	return true;
}

/* As far as the budget goes. */
static void go_on(struct nb_smmuv3 *smmu)
{
	smmu->cmdq_paused = false;
	if (!(smmu->regs.cr0 & CR0_CMDQEN))
		return;
	while (smmu->budget && !smmu->cmdq_halted) {
		smmu->budget--;
		if (!consume(smmu))
			return;
	}
}

void smmu_cmdq_resume(struct nb_smmuv3 *smmu)
{
	if (smmu->cmdq_paused)
		go_on(smmu);
}

void smmu_cmdq_run(struct nb_smmuv3 *smmu)
{
	smmu->budget = COMMANDS_PER_DOORBELL;
	go_on(smmu);
}

static void raise_sync(struct nb_smmuv3 *smmu, const struct smmu_sync_irq *irq)
{
	if (!irq->addr.v) {
		smmu_irq(smmu, NB_SMMUV3_IRQ_SYNC);
		return;
	}
	if (!smmu_msi_write(smmu, irq->addr, irq->data))
		return;
	pthread_mutex_lock(&smmu->out_lock);
	smmu_gerror_raise(smmu, GERROR_MSI_CMDQ_ABT);
	pthread_mutex_unlock(&smmu->out_lock);
}

/* Take what is due, and make use of the room. */
static void take_sync_irqs(struct nb_smmuv3 *smmu, struct smmu_sync_irq *irqs, unsigned *n)
{
	pthread_mutex_lock(&smmu->reg_lock);
	*n = smmu->n_sync_irqs;
	memcpy(irqs, smmu->sync_irqs, *n * sizeof(*irqs));
	smmu->n_sync_irqs = 0;
	smmu_cmdq_resume(smmu);
	pthread_mutex_unlock(&smmu->reg_lock);
}

void smmu_cmdq_signal(struct nb_smmuv3 *smmu)
{
	struct smmu_sync_irq irqs[SMMU_SYNC_IRQS];
	unsigned round, n, i;

	/* Rounds are bounded by the budget, but for doorbells that others ring meanwhile. */
	for (round = 0;
		atomic_load(&smmu->n_sync_irqs) && round <= COMMANDS_PER_DOORBELL / SMMU_SYNC_IRQS;
		round++) {
		take_sync_irqs(smmu, irqs, &n);
		for (i = 0; i < n; i++)
			raise_sync(smmu, &irqs[i]);
	}
}
