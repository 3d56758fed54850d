/* SPDX-License-Identifier: MIT */
/*
 * The command queue (IHI 0070 3.5, 4). A doorbell consumes a bounded number of commands; what is
 * left is consumed by the next doorbell, or when CMDQ_CONS is read.
 *
 * Configurations are cached whole (STE and CD), so every CFGI drops whole ones. Invalidation may
 * always take more than it was asked to; where what is asked for cannot be told apart in the cache,
 * it does.
 */
#include "smmuv3/model.h"

#define COMMANDS_PER_DOORBELL 4096

enum outcome {
	CMD_DONE,
	CMD_WAIT, /* leave CONS where it is, look again later */
	CMD_ILL,
	CMD_ATC_FAILED,
};

struct cmd {
	uint64_t w[2];
};

static enum outcome prefetch(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return CMD_DONE; /* a hint */
}

static enum outcome cfgi_sid(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	uint32_t sid = field_get(CMD_0_SID, cmd->w[0]);

	smmu_cfg_invalidate(smmu, sid, sid);
	smmu->sync_due = true;
	return CMD_DONE;
}

static enum outcome cfgi_cd(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	uint32_t ssid = smmu->hw.ssid_bits ? field_get(CMD_0_SSID, cmd->w[0]) : 0;

	/* IHI 0070 4.3.3: there are no CDs without stage 1. */
	if (!smmu->has_s1)
		return CMD_ILL;
	smmu_cfg_invalidate_cd(smmu, field_get(CMD_0_SID, cmd->w[0]), ssid);
	smmu->sync_due = true;
	return CMD_DONE;
}

static enum outcome cfgi_cd_all(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return smmu->has_s1 ? cfgi_sid(smmu, cmd) : CMD_ILL;
}

static enum outcome cfgi_range(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	uint32_t sid = field_get(CMD_0_SID, cmd->w[0]);
	uint32_t span = MASK64(field_get(CMD_1_RANGE, cmd->w[1]), 0); /* 31: all */

	smmu_cfg_invalidate(smmu, sid & ~span, sid | span);
	smmu->sync_due = true;
	return CMD_DONE;
}

/* What a TLBI is about. */
struct tlbi {
	uint16_t vmid, asid;
	nb_iova first, last;
	bool leaf; /* tables on the way are as they were */
};

/* IHI 0070 4.4.1.1: with TG, NUM and SCALE a range (IDR3.RIL); else what maps the one address. */
static void set_range(const struct cmd *cmd, uint64_t addr_mask, struct tlbi *tlbi)
{
	unsigned tg = field_get(CMD_1_TG, cmd->w[1]);
	unsigned scale = field_get(CMD_0_SCALE, cmd->w[0]), granule = 10 + 2 * tg;
	uint64_t num = field_get(CMD_0_NUM, cmd->w[0]) + 1, bytes = KIB(4);

	tlbi->leaf = cmd->w[1] & CMD_1_LEAF;
	tlbi->first = NB_IOVA(cmd->w[1] & addr_mask);
	if (tg)
		bytes = scale + granule >= 58 ? ~UINT64_C(0) : num << (scale + granule);
	tlbi->last = NB_IOVA(tlbi->first.v + (bytes - 1));
	if (tlbi->last.v < tlbi->first.v)
		tlbi->last = NB_IOVA(~UINT64_C(0));
}

static enum outcome tlbi_each(struct nb_smmuv3 *smmu, const struct cmd *cmd, uint64_t addr_mask,
	bool have, smmu_cfg_fn *fn)
{
	struct tlbi tlbi = { .asid = field_get(CMD_0_ASID, cmd->w[0]) };

	if (!have)
		return CMD_ILL;
	/* Without stage 2 there are no VMIDs. */
	tlbi.vmid = smmu->has_s2 ? field_get(CMD_0_VMID, cmd->w[0]) : 0;
	if (addr_mask)
		set_range(cmd, addr_mask, &tlbi);
	smmu_cfg_each_vmid(smmu, tlbi.vmid, fn, &tlbi);
	smmu->sync_due = true;
	return CMD_DONE;
}

static void kill_range(struct nb_smmuv3 *smmu, uint32_t tag, const struct tlbi *tlbi)
{
	iotlb_invalidate_range(smmu->tlb, tag, tlbi->first, tlbi->last, tlbi->leaf);
}

/*
 * Arm ARM D8.13: any address of a stage 1 block invalidates all that was made of the block: also the
 * pieces that it is cached in, where stage 2's pages are smaller.
 */
static void kill_blocks(struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot, uint32_t tag,
	const struct tlbi *tlbi)
{
	uint64_t mask = BIT64(atomic_load(&slot->split_lg2)) - 1;
	struct tlbi all = *tlbi;

	all.first = NB_IOVA(tlbi->first.v & ~mask);
	all.last = NB_IOVA(tlbi->last.v | mask);
	kill_range(smmu, tag, &all);
}

static void by_vmid(
	struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot, uint32_t tag, const void *arg)
{
	const struct tlbi *tlbi = arg;

	if (slot->cfg.vmid == tlbi->vmid)
		iotlb_invalidate_tag(smmu->tlb, tag);
}

static void by_asid(
	struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot, uint32_t tag, const void *arg)
{
	const struct tlbi *tlbi = arg;

	if (slot->cfg.use_s1 && slot->cfg.s1.asid == tlbi->asid)
		by_vmid(smmu, slot, tag, arg);
}

static void by_vaa(
	struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot, uint32_t tag, const void *arg)
{
	const struct tlbi *tlbi = arg;

	if (slot->cfg.use_s1 && slot->cfg.vmid == tlbi->vmid)
		kill_blocks(smmu, slot, tag, tlbi);
}

static void by_va(
	struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot, uint32_t tag, const void *arg)
{
	const struct tlbi *tlbi = arg;

	/* Arm ARM D8.16: a global page is everybody's, whatever ASID the command names. */
	if (slot->cfg.s1.asid == tlbi->asid || atomic_load(&slot->globals))
		by_vaa(smmu, slot, tag, arg);
}

static void by_ipa(
	struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot, uint32_t tag, const void *arg)
{
	const struct tlbi *tlbi = arg;

	if (!slot->cfg.use_s2 || slot->cfg.vmid != tlbi->vmid)
		return;
	/* Entries of both stages know their IOVA only. */
	if (slot->cfg.use_s1)
		iotlb_invalidate_tag(smmu->tlb, tag);
	else
		kill_range(smmu, tag, tlbi);
}

static enum outcome tlbi_nh_all(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, 0, smmu->has_s1, by_vmid);
}

static enum outcome tlbi_nh_asid(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, 0, smmu->has_s1, by_asid);
}

static enum outcome tlbi_nh_va(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, CMD_1_ADDR, smmu->has_s1, by_va);
}

static enum outcome tlbi_nh_vaa(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, CMD_1_ADDR, smmu->has_s1, by_vaa);
}

static enum outcome tlbi_s12_vmall(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, 0, smmu->has_s2, by_vmid);
}

static enum outcome tlbi_s2_ipa(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, CMD_1_IPA, smmu->has_s2, by_ipa);
}

static enum outcome tlbi_nsnh_all(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	iotlb_invalidate_all(smmu->tlb);
	smmu->sync_due = true;
	return CMD_DONE;
}

static enum outcome atc_inv(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	if (!smmu->hw.ats)
		return CMD_ILL;
	return smmu_atc_inv(smmu, cmd->w) ? CMD_DONE : CMD_WAIT;
}

static enum outcome pri_resp(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	bool ill, done = smmu_pri_resp(smmu, cmd->w, &ill);

	if (ill)
		return CMD_ILL;
	return done ? CMD_DONE : CMD_WAIT;
}

/*
 * IHI 0070 4.7: complete once no transaction uses what the commands before it invalidated. No
 * completion signal but CONS: interrupts and events of CMD_SYNC need IDR0.MSI and SEV.
 */
static enum outcome cmd_sync(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	if (field_get(CMD_0_CS, cmd->w[0]) == CMD_CS_RESERVED)
		return CMD_ILL;
	if (smmu->atc_pending)
		return CMD_WAIT;
	if (smmu->atc_failed) {
		smmu->atc_failed = false;
		return CMD_ATC_FAILED;
	}
	if (!smmu->sync_due)
		return CMD_DONE;
	if (!smmu->sync_begun)
		smmu_wait_begin(smmu, SMMU_WAIT_SYNC);
	smmu->sync_begun = true;
	smmu_wait_poll(smmu);
	if (smmu->waiting & SMMU_WAIT_SYNC)
		return CMD_WAIT;
	smmu->sync_begun = smmu->sync_due = false;
	return CMD_DONE;
}

/* Everything else is CERROR_ILL: EL2, EL3, Secure and stalls are not implemented. */
static enum outcome (*const commands[256])(struct nb_smmuv3 *smmu, const struct cmd *cmd) = {
	[CMD_PREFETCH_CONFIG] = prefetch,
	[CMD_PREFETCH_ADDR] = prefetch,
	[CMD_CFGI_STE] = cfgi_sid,
	[CMD_CFGI_STE_RANGE] = cfgi_range,
	[CMD_CFGI_CD] = cfgi_cd,
	[CMD_CFGI_CD_ALL] = cfgi_cd_all,
	[CMD_TLBI_NH_ALL] = tlbi_nh_all,
	[CMD_TLBI_NH_ASID] = tlbi_nh_asid,
	[CMD_TLBI_NH_VA] = tlbi_nh_va,
	[CMD_TLBI_NH_VAA] = tlbi_nh_vaa,
	[CMD_TLBI_S12_VMALL] = tlbi_s12_vmall,
	[CMD_TLBI_S2_IPA] = tlbi_s2_ipa,
	[CMD_TLBI_NSNH_ALL] = tlbi_nsnh_all,
	[CMD_ATC_INV] = atc_inv,
	[CMD_PRI_RESP] = pri_resp,
	[CMD_SYNC] = cmd_sync,
};

static enum outcome execute(struct nb_smmuv3 *smmu, const struct cmd *cmd)
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

/* One command. False: stop here. */
static bool consume(struct nb_smmuv3 *smmu)
{
	struct smmu_regs *regs = &smmu->regs;
	unsigned lg2 = MIN(field_get(Q_BASE_LOG2SIZE, regs->cmdq_base), (uint64_t)Q_MAX_LG2);
	uint64_t size = BIT64(lg2), mask = 2 * size - 1, cons = regs->cmdq_cons & mask, base;
	enum outcome outcome;
	struct cmd cmd;

	if (cons == (regs->cmdq_prod & mask))
		return false;
	base = align_down(regs->cmdq_base & Q_BASE_ADDR, MAX(size << CMDQ_ENTRY_LG2, 32u));
	if (nb_mem_read(smmu->mem, NB_PA(base + ((cons & (size - 1)) << CMDQ_ENTRY_LG2)), cmd.w,
		    sizeof(cmd.w))) {
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
	smmu->commands++;
	smmu->syncs += field_get(CMD_0_OP, cmd.w[0]) == CMD_SYNC;
	regs->cmdq_cons = (regs->cmdq_cons & CMDQ_CONS_ERR) | ((cons + 1) & mask);
	return true;
}

void smmu_cmdq_run(struct nb_smmuv3 *smmu)
{
	unsigned i;

	if (!(smmu->regs.cr0 & CR0_CMDQEN))
		return;
	for (i = 0; i < COMMANDS_PER_DOORBELL && !smmu->cmdq_halted; i++)
		if (!consume(smmu))
			return;
}
