/* SPDX-License-Identifier: MIT */
/*
 * The virtual SMMU interface: what its calls are (nested_calls.c: who may, arguments, what is set) and
 * what they mean to an SMMUv3 (nested.c, alone: design 4).
 */
#ifndef VFIO_NESTED_H
#define VFIO_NESTED_H

#include "abi/arm_smmuv3.h"
#include "vfio/internal.h"

/** Whom a call is about, once it may be made: host lock and the container's mark are held. */
struct nested {
	struct vfio_container *container;
	struct vfio_device *device; /* NULL: all of the container */
	struct why *why;
};

/** Call fn for each nest parent's view that the call is about; the first that fails ends it. */
int vfio_nested_each(
	const struct nested *nested, int (*fn)(struct iommu_viommu *viommu, void *ctx), void *ctx);

/* ---- nested.c ---- */

/** What needs no container: everything in the config that no SMMU accepts. */
int vfio_nested_check_config(const struct iommu_pasid_table_config *config, struct why *why);
/** The guest's STE, or -EINVAL where the SMMUs cannot have it. */
int vfio_nested_ste(const struct nested *nested, const struct iommu_pasid_table_config *config,
	struct abi_smmuv3_ste *ste);

int vfio_nested_check_invalidation(const struct iommu_cache_invalidate_info *info, struct why *why);
/** (waits) */
int vfio_nested_invalidate(
	const struct nested *nested, const struct iommu_cache_invalidate_info *info);

/** What all the SMMUs have; the head of the capability too. */
void vfio_nested_fill_info(
	const struct nested *nested, struct vfio_iommu_type1_info_cap_nesting *cap);

/** Range commands reach over less than 1 << this pages. */
#define VFIO_NESTED_RANGE_LG2 36
/**
 * The first of the commands that invalidate so many pages, at least one, one after the other (IHI 0070
 * 4.4.1.1): returns how many of them it takes, (num + 1) << scale.
 */
uint64_t vfio_nested_range(uint64_t pages, unsigned *scale, unsigned *num);

#endif
