/* SPDX-License-Identifier: MIT */
/* CACHE_INVALIDATE, and the capability of GET_INFO. See nested.c. */
#include "conform/nested.h"

#define T1    "vfio_iommu_type1.c vfio_iommu_type1_cache_invalidate"
#define IO    "iommu.c iommu_uapi_cache_invalidate"
#define CHECK "iommu.c iommu_check_cache_invl_data"
#define HW    "arm-smmu-v3.c arm_smmu_cache_invalidate"
#define OURS  "doc/uapi-nesting.md"

#define IOTLB	  IOMMU_CACHE_INV_TYPE_IOTLB
#define DEV_IOTLB IOMMU_CACHE_INV_TYPE_DEV_IOTLB
#define CDS	  IOMMU_CACHE_INV_TYPE_PASID
#define BY_PASID  IOMMU_INV_ADDR_FLAGS_PASID
#define BY_ASID	  IOMMU_INV_ADDR_FLAGS_ARCHID
#define LEAF	  IOMMU_INV_ADDR_FLAGS_LEAF
#define DOMAIN	  IOMMU_INV_GRANU_DOMAIN
#define RAW(...)  IOCTL(CONTAINER, VFIO_IOMMU_CACHE_INVALIDATE, WORDS(__VA_ARGS__))
/* Pages of the container's IOTLB. */
#define PAGES(granule, n) INV_ADDR(CONTAINER, IOTLB, BY_ASID, 1, 0, 0x10000, granule, n)
#define INFO(argsz_, more)                                                                         \
	IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO,                                                      \
		TAIL(more, struct vfio_iommu_type1_info, .argsz = (argsz_)))
#define WITH_10                                                                                    \
	{ OPEN(GROUP2, "10"), FD },                                                                \
	{                                                                                          \
		SET_CONTAINER(GROUP2, CONTAINER)                                                   \
	}

static const struct row rows[] = {
	/* ---- arguments ---- */
	{ "inv: nowhere", T1, NEST_S1, IOCTL(CONTAINER, VFIO_IOMMU_CACHE_INVALIDATE, POINTER(HOLE)),
		-EFAULT, "bad-argument-pointer" },
	{ "inv: argsz too small", T1, NEST_S1, RAW(7, 0), -EINVAL, "argsz-too-small" },
	{ "inv: flags", T1, NEST_S1, RAW(24, 1, 16, 1, IOTLB, 0), -EINVAL, "unknown-flags" },
	{ "inv: the inner struct is not there", IO, NEST_S1, RAW(8, 0), -EFAULT,
		"bad-argument-pointer" },
	{ "inv: inner argsz 15", IO, NEST_S1, RAW(24, 0, 15, 1, IOTLB, 0), -EINVAL,
		"argsz-too-small" },
	{ "inv: inner argsz 16 of PASID granularity", IO, NEST_S1,
		RAW(24, 0, 16, 1, IOTLB | 1 << 8, 0), -EINVAL, "argsz-too-small" },
	{ "inv: inner argsz 55 of addresses", IO, NEST_S1, RAW(24, 0, 55, 1, IOTLB | 2 << 8, 0),
		-EINVAL, "argsz-too-small" },
	{ "inv: argsz promises what is not there", IO, NEST_S1,
		RAW(24, 0, 56, 1, IOTLB | 2 << 8, 0), -EFAULT, "bad-argument-pointer" },
	{ "inv: version 0", CHECK, NEST_S1, RAW(24, 0, 16, 0, IOTLB, 0), -EINVAL,
		"unknown-version" },
	{ "inv: version 2", CHECK, NEST_S1, RAW(24, 0, 16, 2, IOTLB, 0), -EINVAL,
		"unknown-version" },
	{ "inv: padding", CHECK, NEST_S1, RAW(24, 0, 16, 1, IOTLB | 1 << 16, 0), -EINVAL,
		"padding-not-zero" },
	{ "inv: last byte of padding", CHECK, NEST_S1, RAW(24, 0, 16, 1, IOTLB, 1 << 24), -EINVAL,
		"padding-not-zero" },
	{ "inv: no cache", HW, NEST_S1, INVALIDATE(CONTAINER, 0, DOMAIN), -EINVAL,
		"unknown-cache" },
	{ "inv: an unknown cache", CHECK, NEST_S1, INVALIDATE(CONTAINER, 8 | IOTLB, DOMAIN),
		-EINVAL, "unknown-cache" },
	{ "inv: granularity 3", CHECK, NEST_S1, INVALIDATE(CONTAINER, IOTLB, 3), -EINVAL,
		"unknown-granularity" },
	{ "inv: granularity 255", CHECK, NEST_S1, INVALIDATE(CONTAINER, IOTLB, 255), -EINVAL,
		"unknown-granularity" },

	/* ---- which cache has which granularity ---- */
	{ "inv: domain", HW, NEST_S1, INVALIDATE(CONTAINER, IOTLB, DOMAIN), 0 },
	{ "inv: domain, descriptors", OURS, NEST_S1, INVALIDATE(CONTAINER, IOTLB | CDS, DOMAIN),
		0 },
	{ "inv: domain, device IOTLB", CHECK, NEST_S1, INVALIDATE(CONTAINER, DEV_IOTLB, DOMAIN),
		-EINVAL, "cache-without-granularity" },
	{ "inv: PASID, all caches", OURS, NEST_S1, INV_PASID(CONTAINER, 7, BY_PASID, 0, 3), 0 },
	{ "inv: PASID by ASID", HW, NEST_S1, INV_PASID(CONTAINER, IOTLB, BY_ASID, 0xffff, 0), 0 },
	{ "inv: PASID by none", OURS, NEST_S1, INV_PASID(CONTAINER, 7, 0, ~0u, ~0ull), 0 },
	{ "inv: PASID, an unknown flag", CHECK, NEST_S1, INV_PASID(CONTAINER, IOTLB, 4, 0, 0),
		-EINVAL, "unknown-flags" },
	{ "inv: an ASID of 17 bits", OURS, NEST_S1,
		INV_PASID(CONTAINER, IOTLB, BY_ASID, 0x10000, 0), -EINVAL, "bad-asid" },
	{ "inv: the last PASID", OURS, NEST_S1,
		INV_PASID(CONTAINER, CDS, BY_PASID, 0, (1 << PASID_BITS) - 1), 0 },
	{ "inv: a PASID that the SMMU has not", OURS, NEST_S1,
		INV_PASID(CONTAINER, CDS, BY_PASID, 0, 1 << PASID_BITS), -EINVAL, "bad-pasid" },
	{ "inv: addresses, descriptors", CHECK, NEST_S1,
		INV_ADDR(CONTAINER, CDS | IOTLB, 0, 0, 0, 0, PAGE, 1), -EINVAL,
		"cache-without-granularity" },
	{ "inv: addresses, device IOTLB", OURS, NEST_S1,
		INV_ADDR(CONTAINER, IOTLB | DEV_IOTLB, BY_PASID, 0, 3, 0x1000, PAGE, 3), 0 },
	{ "inv: addresses, an unknown flag", CHECK, NEST_S1,
		INV_ADDR(CONTAINER, IOTLB, 8, 0, 0, 0, PAGE, 1), -EINVAL, "unknown-flags" },

	/* ---- ranges ---- */
	{ "inv: a page", HW, NEST_S1, PAGES(PAGE, 1), 0 },
	{ "inv: a page, leaf", HW, NEST_S1,
		INV_ADDR(CONTAINER, IOTLB, BY_ASID | LEAF, 1, 0, 0x10000, PAGE, 1), 0 },
	{ "inv: a page of any ASID", OURS, NEST_S1,
		INV_ADDR(CONTAINER, IOTLB, 0, ~0u, 0, 0x10000, PAGE, 1), 0 },
	{ "inv: a page not aligned", OURS, NEST_S1,
		INV_ADDR(CONTAINER, IOTLB, 0, 0, 0, 0x10123, PAGE, 1), 0 },
	{ "inv: 17 pages", HW, NEST_S1, PAGES(PAGE, 17), 0 },
	{ "inv: 64 KiB pages", HW, NEST_S1, PAGES(0x10000, 33), 0 },
	{ "inv: 2 MiB blocks", HW, NEST_S1, PAGES(0x200000, 5), 0 },
	{ "inv: 1 GiB blocks", HW, NEST_S1, PAGES(1ull << 30, 511), 0 },
	{ "inv: any power of two", OURS, NEST_S1, PAGES(1ull << 21, 1ull << 30), 0 },
	{ "inv: granules of 2 KiB", OURS, NEST_S1, PAGES(2048, 1), -EINVAL, "bad-granule-size" },
	{ "inv: granules of 0", OURS, NEST_S1, PAGES(0, 1), -EINVAL, "bad-granule-size" },
	{ "inv: no power of two", HW, NEST_S1, PAGES(0x3000, 1), -EINVAL, "bad-granule-size" },
	{ "inv: no granules", OURS, NEST_S1, PAGES(PAGE, 0), -EINVAL, "size-zero" },
	{ "inv: too many granules", OURS, NEST_S1, PAGES(PAGE, 1ull << 52), -EINVAL,
		"wrap-around" },
	{ "inv: beyond the last address", OURS, NEST_S1,
		INV_ADDR(CONTAINER, IOTLB, 0, 0, 0, -4096ull, PAGE, 2), -EINVAL, "wrap-around" },
	{ "inv: the last page", OURS, NEST_S1,
		INV_ADDR(CONTAINER, IOTLB, 0, 0, 0, -4096ull, PAGE, 1), 0 },
	{ "inv: half of all", OURS, NEST_S1,
		INV_ADDR(CONTAINER, IOTLB | DEV_IOTLB, 0, 0, 0, 0, 1ull << 62, 3), 0 },

	/* ---- states ---- */
	{ "inv: no stage 1 is set", OURS, NEST_MAP, INVALIDATE(CONTAINER, IOTLB, DOMAIN), 0 },
	{ "inv: no IOMMU", "container.c vfio_fops_unl_ioctl", JOINED,
		INVALIDATE(CONTAINER, IOTLB, DOMAIN), -EINVAL, "iommu-not-set" },
	{ "inv: TYPE1v2", HW, MAPPED, INVALIDATE(CONTAINER, IOTLB, DOMAIN), -EINVAL,
		"not-a-nesting-container" },
	{ "inv: of a device", OURS, NEST_S1, INV_PASID(DEVICE, 7, BY_PASID, 0, 3), 0 },
	{ "inv: of a device, pages", OURS, NEST_S1,
		INV_ADDR(DEVICE, IOTLB | DEV_IOTLB, BY_ASID, 1, 0, 0, PAGE, 100), 0 },
	{ "inv: of a device, TYPE1v2", HW, DEV, INVALIDATE(DEVICE, IOTLB, DOMAIN), -EINVAL,
		"not-a-nesting-container" },
	{ "inv: of a device, granularity 3", CHECK, NEST_S1, INVALIDATE(DEVICE, IOTLB, 3), -EINVAL,
		"unknown-granularity" },
	{ "inv: mixed", OURS, NEST_MAP, INVALIDATE(CONTAINER, IOTLB, DOMAIN), -EOPNOTSUPP,
		"mixed-container", .first = STEPS(WITH_10), .host = "mixed-subset" },
	{ "inv: mixed, the device that nests", OURS, NEST_DEV, INVALIDATE(DEVICE, IOTLB, DOMAIN), 0,
		.first = STEPS(WITH_10), .host = "mixed-subset" },
	{ "inv: mixed, the device that does not", OURS, NEST_DEV,
		INVALIDATE(DEVICE2, IOTLB, DOMAIN), -EOPNOTSUPP, "group-does-not-nest",
		.first = STEPS(WITH_10, { OPEN_DEVICE(DEVICE2, GROUP2, "0001:01:00.0"), FD }),
		.host = "mixed-subset" },

	/* ---- GET_INFO ---- */
	{ "nesting info: its place", OURS, NEST, INFO(184, 160), 0,
		.see = { WORD(0, 184), WORD(4, 24), WORD(19, 120), WORD(30, 4 | 1 << 16),
			WORD(31, 0) } },
	{ "nesting info: what it says", OURS, NEST, INFO(184, 160), 0,
		.see = { WORD(32, VFIO_NESTING_INFO_STALL | VFIO_NESTING_INFO_RANGE_INV),
			WORD(33, 1 << IOMMU_PASID_FORMAT_SMMUV3), WORD(34, 0x15000), WORD(35, 0),
			WORD(36, 48 | 48 << 8 | PASID_BITS << 16 | ASID_BITS << 24),
			WORD(37, 7) } },
	{ "nesting info: how much room it takes", OURS, NEST, INFO(120, 96), 0,
		.see = { WORD(0, 184), WORD(4, 0) } },
	{ "nesting info: not of TYPE1v2", OURS, V2, INFO(184, 160), 0,
		.see = { WORD(19, 0), WORD(30, 0) } },
	{ "nesting info: mixed", OURS, NEST, INFO(184, 160), 0,
		.see = { WORD(30, 4 | 1 << 16),
			WORD(32, VFIO_NESTING_INFO_DEVICE_CALLS_ONLY | VFIO_NESTING_INFO_STALL |
					 VFIO_NESTING_INFO_RANGE_INV) },
		.first = STEPS(WITH_10), .host = "mixed-subset" },
	{ "nesting info: none nests any more", OURS, NEST, INFO(184, 160), 0,
		.see = { WORD(19, 0), WORD(30, 0) },
		.first = STEPS(WITH_10, { UNSET_CONTAINER(GROUP) }), .host = "mixed-subset" },
};
AREA(nested_inv, rows);
