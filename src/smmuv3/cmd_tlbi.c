/* SPDX-License-Identifier: MIT */
/*
 * TLB invalidation (IHI 0070 4.4). Cached translations belong to a configuration, so a command goes
 * over the configurations that it is about. It may always take more than it was asked to; where what
 * is asked for cannot be told apart in the cache, or would take long, it does.
 */
#include "smmuv3/cmd.h"

/* What a TLBI is about. */
struct tlbi {
	uint16_t vmid, asid;
	nb_iova first, last;
	bool leaf; /* tables on the way are as they were */
};

/*
 * IHI 0070 4.4.1.1: with TG, NUM and SCALE a range (IDR3.RIL); else what maps the one address. TTL
 * says at which level: a hint that nothing here needs (so TTL 1 with 16 KiB, which is reserved, is
 * none either). False: a range of one that does not say its level, which is reserved.
 */
static bool set_range(
	const struct nb_smmuv3 *smmu, const struct cmd *cmd, uint64_t addr_mask, struct tlbi *tlbi)
{
	unsigned tg = smmu->hw.no_ril ? 0 : field_get(CMD_1_TG, cmd->w[1]);
	unsigned scale = field_get(CMD_0_SCALE, cmd->w[0]), granule = 10 + 2 * tg;
	uint64_t num = field_get(CMD_0_NUM, cmd->w[0]) + 1, bytes = KIB(4);

	tlbi->leaf = cmd->w[1] & CMD_1_LEAF;
	tlbi->first = NB_IOVA(cmd->w[1] & addr_mask);
	if (tg) {
		if (num == 1 && !scale && !field_get(CMD_1_TTL, cmd->w[1]))
			return false;
		tlbi->first = NB_IOVA(align_down(tlbi->first.v, BIT64(granule)));
		bytes = scale + granule >= 58 ? ~UINT64_C(0) : num << (scale + granule);
	}
	tlbi->last = NB_IOVA(tlbi->first.v + (bytes - 1));
	if (tlbi->last.v < tlbi->first.v)
		tlbi->last = NB_IOVA(~UINT64_C(0));
	return true;
}

static enum cmd_outcome tlbi_each(struct nb_smmuv3 *smmu, const struct cmd *cmd, uint64_t addr_mask,
	bool have, smmu_cfg_fn *fn)
{
	struct tlbi tlbi = { .asid = field_get(CMD_0_ASID, cmd->w[0]) };

	if (!have)
		return CMD_ILL;
	/* Without stage 2 there are no VMIDs. */
	tlbi.vmid = smmu->has_s2 ? field_get(CMD_0_VMID, cmd->w[0]) : 0;
	if (addr_mask && !set_range(smmu, cmd, addr_mask, &tlbi))
		return CMD_ILL;
	smmu_cfg_each_vmid(smmu, tlbi.vmid, fn, &tlbi);
	smmu->sync_due = true;
	return CMD_DONE;
}

/*
 * Arm ARM D8.13: any address of a stage 1 block invalidates all that was made of the block: also the
 * pieces that it is cached in, where stage 2's pages are smaller.
 */
static void kill_blocks(struct nb_smmuv3 *smmu, const struct smmu_cfg_slot *slot, uint32_t tag,
	const struct tlbi *tlbi)
{
	uint64_t mask = BIT64(atomic_load(&slot->split_lg2)) - 1;

	iotlb_invalidate_range(smmu->tlb, tag, NB_IOVA(tlbi->first.v & ~mask),
		NB_IOVA(tlbi->last.v | mask), tlbi->leaf);
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
		iotlb_invalidate_range(smmu->tlb, tag, tlbi->first, tlbi->last, tlbi->leaf);
}

enum cmd_outcome smmu_cmd_tlbi_nh_all(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, 0, smmu->has_s1, by_vmid);
}

enum cmd_outcome smmu_cmd_tlbi_nh_asid(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, 0, smmu->has_s1, by_asid);
}

enum cmd_outcome smmu_cmd_tlbi_nh_va(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, CMD_1_ADDR, smmu->has_s1, by_va);
}

enum cmd_outcome smmu_cmd_tlbi_nh_vaa(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, CMD_1_ADDR, smmu->has_s1, by_vaa);
}

enum cmd_outcome smmu_cmd_tlbi_s12_vmall(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, 0, smmu->has_s2, by_vmid);
}

enum cmd_outcome smmu_cmd_tlbi_s2_ipa(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return tlbi_each(smmu, cmd, CMD_1_IPA, smmu->has_s2, by_ipa);
}

enum cmd_outcome smmu_cmd_tlbi_nsnh_all(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	iotlb_invalidate_all(smmu->tlb);
	smmu->sync_due = true;
	return CMD_DONE;
}
