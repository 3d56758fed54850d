/* SPDX-License-Identifier: MIT */
/* Commands (IHI 0070 4) between the queue that consumes them and the files that carry them out. */
#ifndef SMMUV3_CMD_H
#define SMMUV3_CMD_H

#include "smmuv3/model.h"

enum cmd_outcome {
	CMD_DONE,
	CMD_WAIT, /* leave CONS where it is, look again later */
	CMD_ILL,
	CMD_ATC_FAILED,
};

struct cmd {
	uint64_t w[2];
};

typedef enum cmd_outcome cmd_fn(struct nb_smmuv3 *smmu, const struct cmd *cmd);

/* forward.c. reg_lock is held, there is room. */
void smmu_forward_add(struct nb_smmuv3 *smmu, const struct cmd *cmd);

/* cmd_cfgi.c */
cmd_fn smmu_cmd_prefetch, smmu_cmd_cfgi_ste, smmu_cmd_cfgi_range, smmu_cmd_cfgi_cd,
	smmu_cmd_cfgi_cd_all, smmu_cmd_resume, smmu_cmd_stall_term;
/* cmd_tlbi.c */
cmd_fn smmu_cmd_tlbi_nh_all, smmu_cmd_tlbi_nh_asid, smmu_cmd_tlbi_nh_va, smmu_cmd_tlbi_nh_vaa,
	smmu_cmd_tlbi_s12_vmall, smmu_cmd_tlbi_s2_ipa, smmu_cmd_tlbi_nsnh_all;

#endif
