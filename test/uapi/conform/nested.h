/* SPDX-License-Identifier: MIT */
/* Calls of the virtual SMMU interface, and what the host smmuv3 has of it. */
#ifndef TEST_UAPI_CONFORM_NESTED_H
#define TEST_UAPI_CONFORM_NESTED_H

#include "conform/conform.h"

#define PASID_BITS 8 /* of the built-in hosts */
#define ASID_BITS  16

/** CACHE_INVALIDATE without a union: domain granularity. */
#define INVALIDATE(on_, cache_, granularity_)                                                      \
	IOCTL(on_,                                                                                 \
		(on_) == CONTAINER ? VFIO_IOMMU_CACHE_INVALIDATE : VFIO_DEVICE_CACHE_INVALIDATE,   \
		WORDS(24, 0, 16, 1, (cache_) | (granularity_) << 8, 0))
/** Of PASID granularity. */
#define INV_PASID(on_, cache_, flags_, archid_, pasid_)                                            \
	IOCTL(on_,                                                                                 \
		(on_) == CONTAINER ? VFIO_IOMMU_CACHE_INVALIDATE : VFIO_DEVICE_CACHE_INVALIDATE,   \
		WORDS(40, 0, 32, 1, (cache_) | IOMMU_INV_GRANU_PASID << 8, 0, flags_, archid_,     \
			(uint32_t)(pasid_), (uint64_t)(pasid_) >> 32))
/** Of address granularity. */
#define INV_ADDR(on_, cache_, flags_, archid_, pasid_, addr_, granule_, n_)                        \
	IOCTL(on_,                                                                                 \
		(on_) == CONTAINER ? VFIO_IOMMU_CACHE_INVALIDATE : VFIO_DEVICE_CACHE_INVALIDATE,   \
		WORDS(64, 0, 56, 1, (cache_) | IOMMU_INV_GRANU_ADDR << 8, 0, flags_, archid_,      \
			(uint32_t)(pasid_), (uint64_t)(pasid_) >> 32, (uint32_t)(addr_),           \
			(uint64_t)(addr_) >> 32, (uint32_t)(granule_), (uint64_t)(granule_) >> 32, \
			(uint32_t)(n_), (uint64_t)(n_) >> 32))

#define DOORBELL_IOVA 0x7000000ull
#define DOORBELL_GPA  0x9000000ull
#define BINDING(on_, flags_, iova_, gpa_, size_)                                                   \
	IOCTL(on_, (on_) == CONTAINER ? VFIO_IOMMU_SET_MSI_BINDING : VFIO_DEVICE_SET_MSI_BINDING,  \
		ARG(struct vfio_iommu_type1_set_msi_binding, .argsz = 32, .flags = (flags_),       \
			.iova = (iova_), .gpa = (gpa_), .size = (size_)))
#define BIND(on_)   BINDING(on_, VFIO_IOMMU_BIND_MSI, DOORBELL_IOVA, DOORBELL_GPA, PAGE)
#define UNBIND(on_) BINDING(on_, VFIO_IOMMU_UNBIND_MSI, DOORBELL_IOVA, 0, 0)

#endif
