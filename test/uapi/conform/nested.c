/* SPDX-License-Identifier: MIT */
/*
 * The virtual SMMU interface (doc/uapi-nesting.md): its calls in each state and with each error. What
 * devices reach through both stages is the nested suite's. Kernel functions are those of the series
 * "SMMUv3 Nested Stage Setup" (v13 to v16) and of Linux 5.9.
 */
#include "conform/conform.h"

#define SET   "vfio_iommu_type1.c vfio_iommu_type1_set_pasid_table"
#define TABLE "arm-smmu-v3.c arm_smmu_attach_pasid_table"
#define INV   "iommu.c iommu_uapi_cache_invalidate"

static const struct row rows[] = {
	{ "stage 1: set", SET, NEST_MAP, SET_TABLE(CONTAINER), 0, .after = { .may = MAY_DOMAINS } },
	{ "stage 1: unset", SET, NEST_S1, UNSET_TABLE(CONTAINER), 0,
		.after = { .may = MAY_DOMAINS } },
	{ "stage 1: set twice", TABLE, NEST_S1, SET_TABLE(CONTAINER), -EINVAL,
		"already-translates" },
	{ "stage 1: TYPE1v2", TABLE, MAPPED, SET_TABLE(CONTAINER), -EINVAL,
		"not-a-nesting-container" },
};
AREA(nested, rows);
