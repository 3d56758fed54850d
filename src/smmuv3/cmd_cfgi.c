/* SPDX-License-Identifier: MIT */
/*
 * Commands about configurations and transactions (IHI 0070 4.2, 4.3, 4.6). Configurations are cached
 * whole (STE and CD), so every CFGI drops whole ones: more than was asked for, which is allowed.
 */
#include "smmuv3/cmd.h"

enum cmd_outcome smmu_cmd_prefetch(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return CMD_DONE; /* a hint */
}

enum cmd_outcome smmu_cmd_cfgi_ste(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	uint32_t sid = field_get(CMD_0_SID, cmd->w[0]);

	smmu_cfg_invalidate(smmu, sid, sid);
	smmu->sync_due = true;
	return CMD_DONE;
}

enum cmd_outcome smmu_cmd_cfgi_range(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	uint32_t sid = field_get(CMD_0_SID, cmd->w[0]);
	uint32_t span = MASK64(field_get(CMD_1_RANGE, cmd->w[1]), 0); /* 31: all */

	smmu_cfg_invalidate(smmu, sid & ~span, sid | span);
	smmu->sync_due = true;
	return CMD_DONE;
}

enum cmd_outcome smmu_cmd_cfgi_cd(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	uint32_t ssid = smmu->hw.ssid_bits ? field_get(CMD_0_SSID, cmd->w[0]) : 0;

	/* IHI 0070 4.3.3: there are no CDs without stage 1. */
	if (!smmu->has_s1)
		return CMD_ILL;
	smmu_cfg_invalidate_cd(smmu, field_get(CMD_0_SID, cmd->w[0]), ssid);
	smmu->sync_due = true;
	return CMD_DONE;
}

enum cmd_outcome smmu_cmd_cfgi_cd_all(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	return smmu->has_s1 ? smmu_cmd_cfgi_ste(smmu, cmd) : CMD_ILL;
}

static bool stalls(const struct nb_smmuv3 *smmu)
{
	return smmu->hw.stall_model != NB_SMMUV3_STALL_NONE;
}

/* IHI 0070 4.6.1. Without RAZ/WI (TERM_MODEL) both terminations abort. */
enum cmd_outcome smmu_cmd_resume(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	enum nb_smmuv3_verdict verdict = NB_SMMUV3_ABORT;

	if (!stalls(smmu))
		return CMD_ILL;
	if (cmd->w[0] & CMD_0_RESUME_AC)
		verdict = NB_SMMUV3_OK;
	else if (smmu->hw.raz_wi && !(cmd->w[0] & CMD_0_RESUME_AB))
		verdict = NB_SMMUV3_RAZ_WI;
	smmu_stall_resume(
		smmu, field_get(CMD_0_SID, cmd->w[0]), field_get(CMD_1_STAG, cmd->w[1]), verdict);
	return CMD_DONE;
}

enum cmd_outcome smmu_cmd_stall_term(struct nb_smmuv3 *smmu, const struct cmd *cmd)
{
	if (!stalls(smmu))
		return CMD_ILL;
	smmu_stall_term(smmu, field_get(CMD_0_SID, cmd->w[0]));
	return CMD_DONE;
}
