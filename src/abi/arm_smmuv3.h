/* SPDX-License-Identifier: MIT */
/*
 * Data of a guest for an SMMUv3, as Linux 7.3 include/uapi/linux/iommufd.h lays them out. They pass
 * through the layers as opaque bytes; only the host driver, and whoever makes them, looks inside.
 */
#ifndef ABI_ARM_SMMUV3_H
#define ABI_ARM_SMMUV3_H

#include <stdint.h>

/** struct iommu_hw_info_arm_smmuv3 */
struct abi_smmuv3_hw_info {
	uint32_t flags, reserved;
	uint32_t idr[6];
	uint32_t iidr, aidr;
};

/**
 * struct iommu_hwpt_arm_smmuv3: words 0 and 1 of the guest's stream table entry. Allowed are V, Config
 * (abort, bypass, stage 1), S1Fmt, S1ContextPtr, S1CDMax; S1DSS, S1CIR, S1COR, S1CSH, S1STALLD, EATS.
 */
struct abi_smmuv3_ste {
	uint64_t word[2];
};

/** struct iommu_viommu_arm_smmuv3_invalidate: a command of the guest's queue. */
struct abi_smmuv3_cmd {
	uint64_t word[2];
};

_Static_assert(sizeof(struct abi_smmuv3_hw_info) == 40, "as Linux");

#endif
