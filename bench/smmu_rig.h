/* SPDX-License-Identifier: MIT */
/* An SMMUv3 over tables that map 1 GiB by 4 KiB pages, by one stage or two. All ends the process on failure. */
#ifndef BENCH_SMMU_RIG_H
#define BENCH_SMMU_RIG_H

#include <nestbox/smmuv3.h>

#define SMMU_RIG_PAGES (1u << 18)
#define SMMU_RIG_VA    (UINT64_C(4) << 30)

struct smmu_rig {
	struct nb_mem *mem;
	struct nb_extent extent;
	uint8_t *ram;
	struct nb_smmuv3 *smmu;
	uint32_t cmdq_prod;
};

void smmu_rig_init(struct smmu_rig *rig, bool nested);
void smmu_rig_finish(struct smmu_rig *rig);
/** The port of the stream whose pages they are. */
struct nb_smmuv3_port *smmu_rig_port(struct smmu_rig *rig);
/** Kill what the IOTLB holds of the first 4,096 pages: CMD_TLBI_NH_VA with Leaf, as a range. */
void smmu_rig_kill_leaves(struct smmu_rig *rig);
/** CMD_TLBI_NSNH_ALL, without a CMD_SYNC. */
void smmu_rig_kill_all(struct smmu_rig *rig);
/** CMD_TLBI_NH_VA of one page, then CMD_SYNC, each with its doorbell. */
void smmu_rig_kill_page(struct smmu_rig *rig);

#endif
