/* SPDX-License-Identifier: MIT */
/*
 * The virtual SMMU interface (doc/uapi-nesting.md): its calls in each state and with each error, on a
 * container and on a device. Kernel functions are those of the series "SMMUv3 Nested Stage Setup" (v13
 * to v16) and of Linux 5.9, which had the invalidations; rules that are our own name the manual.
 */
#include "conform/nested.h"

#define SET_T1 "vfio_iommu_type1.c vfio_iommu_type1_set_pasid_table"
#define SET_IO "iommu.c iommu_uapi_attach_pasid_table"
#define SET_HW "arm-smmu-v3.c arm_smmu_attach_pasid_table"
#define UNSET  "vfio_iommu_type1.c vfio_detach_pasid_table"
#define OURS   "doc/uapi-nesting.md"

#define TRANSLATE IOMMU_PASID_CONFIG_TRANSLATE
#define BYPASS	  IOMMU_PASID_CONFIG_BYPASS
#define ABORT	  IOMMU_PASID_CONFIG_ABORT
/* A SET whose inner struct has this instead of what is right. */
#define BAD(argsz, version, format, config, bits, base, v, fmt, dss)                               \
	PASID_TABLE(CONTAINER, VFIO_IOMMU_SET_PASID_TABLE, argsz, version, format, config, bits,   \
		base, v, fmt, dss)
#define CONFIGURE(config) BAD(32, 1, 1, config, 0, TABLE_AT, 1, 0, 0)
#define BITS(bits, fmt)	  BAD(32, 1, 1, TRANSLATE, bits, TABLE_AT, 1, fmt, 0)
/* Both forms of a call that the state refuses. */
#define ON_DEVICE                                                                                  \
	PASID_TABLE(DEVICE, VFIO_DEVICE_SET_PASID_TABLE, 32, 1, 1, TRANSLATE, 0, TABLE_AT, 1, 0, 0)
#define DEVICE_UNSET IOCTL(DEVICE, VFIO_DEVICE_SET_PASID_TABLE, WORDS(8, 2))
#define TABLE_FLAGS(flags)                                                                         \
	IOCTL(CONTAINER, VFIO_IOMMU_SET_PASID_TABLE,                                               \
		WORDS(40, flags, 32, 1, 0x10000, 0, 1, 0x100, 1, 0))
#define MORE                                                                                       \
	{                                                                                          \
		.domains = 1                                                                       \
	}
#define FEWER                                                                                      \
	{                                                                                          \
		.domains = -1                                                                      \
	}

/* Group 10 (host mixed-subset) does not nest. */
#define SUBSET .host = "mixed-subset"
#define WITH_10                                                                                    \
	{ OPEN(GROUP2, "10"), FD },                                                                \
	{                                                                                          \
		SET_CONTAINER(GROUP2, CONTAINER)                                                   \
	}
#define DEVICE_10                                                                                  \
	{                                                                                          \
		OPEN_DEVICE(DEVICE2, GROUP2, "0001:01:00.0"), FD                                   \
	}
#define ON_DEVICE_10                                                                               \
	PASID_TABLE(DEVICE2, VFIO_DEVICE_SET_PASID_TABLE, 32, 1, 1, TRANSLATE, 0, TABLE_AT, 1, 0, 0)
#define JOIN_3                                                                                     \
	{ OPEN(GROUP2, "3"), FD },                                                                 \
	{                                                                                          \
		SET_CONTAINER(GROUP2, CONTAINER)                                                   \
	}

static const struct row rows[] = {
	/* ---- SET_PASID_TABLE: the outer struct ---- */
	{ "table: no pointer", SET_T1, NEST_MAP,
		IOCTL(CONTAINER, VFIO_IOMMU_SET_PASID_TABLE, POINTER(NULLP)), -EFAULT,
		"bad-argument-pointer" },
	{ "table: nowhere", SET_T1, NEST_MAP,
		IOCTL(CONTAINER, VFIO_IOMMU_SET_PASID_TABLE, POINTER(HOLE)), -EFAULT,
		"bad-argument-pointer" },
	{ "table: argsz too small", SET_T1, NEST_MAP,
		IOCTL(CONTAINER, VFIO_IOMMU_SET_PASID_TABLE, WORDS(7, 1)), -EINVAL,
		"argsz-too-small" },
	{ "table: no flags", SET_T1, NEST_MAP, TABLE_FLAGS(0), -EINVAL, "unknown-flags" },
	{ "table: both flags", SET_T1, NEST_MAP, TABLE_FLAGS(3), -EINVAL, "unknown-flags" },
	{ "table: an unknown flag", SET_T1, NEST_MAP, TABLE_FLAGS(5), -EINVAL, "unknown-flags" },
	{ "table: the inner struct is not there", SET_IO, NEST_MAP,
		IOCTL(CONTAINER, VFIO_IOMMU_SET_PASID_TABLE, WORDS(8, 1)), -EFAULT,
		"bad-argument-pointer" },

	/* ---- the inner struct ---- */
	{ "table: argsz without what is SMMUv3's", SET_IO, NEST_MAP,
		BAD(31, 1, 1, TRANSLATE, 0, TABLE_AT, 1, 0, 0), -EINVAL, "argsz-too-small" },
	{ "table: argsz without config", SET_IO, NEST_MAP,
		BAD(23, 1, 1, TRANSLATE, 0, TABLE_AT, 1, 0, 0), -EINVAL, "argsz-too-small" },
	{ "table: argsz of a later version", SET_IO, NEST_MAP,
		BAD(4096, 1, 1, TRANSLATE, 0, TABLE_AT, 1, 0, 0), 0, .after = MORE },
	{ "table: version 0", SET_IO, NEST_MAP, BAD(32, 0, 1, TRANSLATE, 0, TABLE_AT, 1, 0, 0),
		-EINVAL, "unknown-version" },
	{ "table: version 2", SET_IO, NEST_MAP, BAD(32, 2, 1, TRANSLATE, 0, TABLE_AT, 1, 0, 0),
		-EINVAL, "unknown-version" },
	{ "table: format 0", SET_HW, NEST_MAP, BAD(32, 1, 0, TRANSLATE, 0, TABLE_AT, 1, 0, 0),
		-EINVAL, "unknown-format" },
	{ "table: format 2", SET_HW, NEST_MAP, BAD(32, 1, 2, TRANSLATE, 0, TABLE_AT, 1, 0, 0),
		-EINVAL, "unknown-format" },
	{ "table: SMMUv3 version 0", SET_HW, NEST_MAP,
		BAD(32, 1, 1, TRANSLATE, 0, TABLE_AT, 0, 0, 0), -EINVAL, "unknown-version" },
	{ "table: config 0", SET_IO, NEST_MAP, CONFIGURE(0), -EINVAL, "unknown-config" },
	{ "table: config 4", SET_IO, NEST_MAP, CONFIGURE(4), -EINVAL, "unknown-config" },
	{ "table: base_ptr is not aligned", OURS, NEST_MAP,
		BAD(32, 1, 1, TRANSLATE, 0, TABLE_AT + 32, 1, 0, 0), -EINVAL, "bad-base-ptr" },
	{ "table: base_ptr has 57 bits", OURS, NEST_MAP,
		BAD(32, 1, 1, TRANSLATE, 0, 1ull << 56, 1, 0, 0), -EINVAL, "bad-base-ptr" },
	{ "table: s1fmt 3", OURS, NEST_MAP, BAD(32, 1, 1, TRANSLATE, 0, TABLE_AT, 1, 3, 0), -EINVAL,
		"bad-s1fmt" },
	{ "table: s1dss 3", OURS, NEST_MAP, BAD(32, 1, 1, TRANSLATE, 0, TABLE_AT, 1, 0, 3), -EINVAL,
		"bad-s1dss" },
	{ "table: more PASIDs than the SMMU has", OURS, NEST_MAP, BITS(31, 0), -EINVAL,
		"too-many-pasids" },
	{ "table: as many PASIDs as the SMMU has", OURS, NEST_MAP, BITS(PASID_BITS, 0), 0,
		.after = MORE },
	{ "table: one bit more", OURS, NEST_MAP, BITS(PASID_BITS + 1, 0), -EINVAL,
		"too-many-pasids" },
	{ "table: two levels", OURS, NEST_MAP, BITS(PASID_BITS, 1), 0, .after = MORE },
	{ "table: two levels of 64 KiB", OURS, NEST_MAP, BITS(PASID_BITS, 2), 0, .after = MORE },
	{ "table: where no memory is", OURS, NEST_MAP,
		BAD(32, 1, 1, TRANSLATE, 0, 0xdead000, 1, 0, 0), 0, .after = MORE },
	{ "table: of bypass its place does not count", OURS, NEST_MAP,
		BAD(32, 1, 1, BYPASS, 31, 7, 1, 3, 3), 0, .after = MORE },

	/* ---- states ---- */
	{ "table: translate", SET_HW, NEST_MAP, SET_TABLE(CONTAINER), 0, .after = MORE },
	{ "table: bypass", SET_HW, NEST_MAP, CONFIGURE(BYPASS), 0, .after = MORE },
	{ "table: abort", SET_HW, NEST_MAP, CONFIGURE(ABORT), 0, .after = MORE },
	{ "table: translate again", SET_HW, NEST_S1, SET_TABLE(CONTAINER), -EINVAL,
		"already-translates" },
	{ "table: from translate to bypass", SET_HW, NEST_S1, CONFIGURE(BYPASS), 0 },
	{ "table: from translate to abort", SET_HW, NEST_S1, CONFIGURE(ABORT), 0 },
	{ "table: from abort to translate", SET_HW, NEST_MAP, SET_TABLE(CONTAINER), 0,
		.first = STEPS({ CONFIGURE(ABORT) }) },
	{ "table: from bypass to translate", SET_HW, NEST_MAP, SET_TABLE(CONTAINER), 0,
		.first = STEPS({ CONFIGURE(BYPASS) }) },
	{ "table: unset", UNSET, NEST_S1, UNSET_TABLE(CONTAINER), 0, .after = FEWER },
	{ "table: unset, set again", SET_HW, NEST_S1, SET_TABLE(CONTAINER), 0,
		.first = STEPS({ UNSET_TABLE(CONTAINER) }), .after = MORE },
	{ "table: unset twice", UNSET, NEST_S1, UNSET_TABLE(CONTAINER), 0,
		.first = STEPS({ UNSET_TABLE(CONTAINER) }) },
	{ "table: unset without any", UNSET, NEST, UNSET_TABLE(CONTAINER), 0 },
	{ "table: TYPE1v2", SET_HW, MAPPED, SET_TABLE(CONTAINER), -EINVAL,
		"not-a-nesting-container" },
	{ "table: TYPE1", SET_HW, MAPPED_V1, SET_TABLE(CONTAINER), -EINVAL,
		"not-a-nesting-container" },
	{ "table: unset, TYPE1v2", OURS, MAPPED, UNSET_TABLE(CONTAINER), -EINVAL,
		"not-a-nesting-container" },
	{ "table: no IOMMU", "container.c vfio_fops_unl_ioctl", JOINED, SET_TABLE(CONTAINER),
		-EINVAL, "iommu-not-set" },
	{ "table: no group", "container.c vfio_fops_unl_ioctl", OPENED, SET_TABLE(CONTAINER),
		-EINVAL, "iommu-not-set" },
	{ "table: after the last group left", OURS, NEST_MAP, SET_TABLE(CONTAINER), -EINVAL,
		"iommu-not-set", .first = STEPS({ UNSET_CONTAINER(GROUP) }) },
	{ "table: the group leaves with it", OURS, NEST_MAP, UNSET_CONTAINER(GROUP), 0,
		.first = STEPS({ SET_TABLE(CONTAINER) }),
		.after = { .mappings = -1, .domains = -2, .attachments = -1, .may = MAY_ALL } },
	{ "table: the container is closed with it", OURS, NEST_S1, CLOSE(CONTAINER), 0,
		.after = { .may = MAY_ALL } },
	{ "table: on a group", "group.c vfio_group_fops_unl_ioctl", NEST_MAP, SET_TABLE(GROUP),
		-ENOTTY },

	/* ---- groups that come and go ---- */
	{ "table: a group joins, and has it", OURS, NEST_MAP, SET_CONTAINER(GROUP2, CONTAINER), 0,
		.first = STEPS({ SET_TABLE(CONTAINER) }, { OPEN(GROUP2, "3"), FD }),
		.after = { .attachments = 2, .may = MAY_STATUS },
		.then = STEPS({ OPEN_DEVICE(DEVICE2, GROUP2, DEV3), FD },
			{ PASID_TABLE(DEVICE2, VFIO_DEVICE_SET_PASID_TABLE, 32, 1, 1, TRANSLATE, 0,
				  TABLE_AT, 1, 0, 0),
				-EINVAL }) },
	{ "table: a group leaves, the other keeps it", OURS, NEST_MAP, UNSET_CONTAINER(GROUP2), 0,
		.first = STEPS(JOIN_3, { SET_TABLE(CONTAINER) }),
		.after = { .attachments = -2, .may = MAY_STATUS },
		.then = STEPS({ SET_TABLE(CONTAINER), -EINVAL }, { UNSET_TABLE(CONTAINER) }) },

	/* ---- one device ---- */
	{ "device table: set", OURS, NEST_DEV, ON_DEVICE, 0, .after = MORE },
	{ "device table: set twice", SET_HW, NEST_DEV, ON_DEVICE, -EINVAL, "already-translates",
		.first = STEPS({ ON_DEVICE }) },
	{ "device table: where all have one", SET_HW, NEST_S1, ON_DEVICE, -EINVAL,
		"already-translates" },
	{ "device table: unset where all have one", OURS, NEST_S1, DEVICE_UNSET, 0 },
	{ "device table: its own after that", OURS, NEST_S1, ON_DEVICE, 0,
		.first = STEPS({ DEVICE_UNSET }), .after = MORE },
	{ "device table: unset", OURS, NEST_DEV, DEVICE_UNSET, 0, .first = STEPS({ ON_DEVICE }),
		.after = FEWER },
	{ "device table: all, where one has its own", SET_HW, NEST_DEV, SET_TABLE(CONTAINER),
		-EINVAL, "already-translates", .first = STEPS({ ON_DEVICE }) },
	{ "device table: unset by the container", OURS, NEST_DEV, UNSET_TABLE(CONTAINER), 0,
		.first = STEPS({ ON_DEVICE }), .after = FEWER },
	{ "device table: TYPE1v2", OURS, DEV, ON_DEVICE, -EINVAL, "not-a-nesting-container" },
	{ "device table: no flags", SET_T1, NEST_DEV,
		IOCTL(DEVICE, VFIO_DEVICE_SET_PASID_TABLE, WORDS(8, 0)), -EINVAL, "unknown-flags" },
	{ "device table: the container's number", "vfio_main.c vfio_device_fops_unl_ioctl",
		NEST_DEV, SET_TABLE(DEVICE), -ENOTTY },
	{ "device table: its number on the container", OURS, NEST_DEV,
		IOCTL(CONTAINER, VFIO_DEVICE_SET_PASID_TABLE, WORDS(8, 2)), -ENOTTY },

	/* ---- R5 ---- */
	{ "mixed: a call for all", OURS, NEST_MAP, SET_TABLE(CONTAINER), -EOPNOTSUPP,
		"mixed-container", .first = STEPS(WITH_10), SUBSET },
	{ "mixed: unset for all", OURS, NEST_MAP, UNSET_TABLE(CONTAINER), -EOPNOTSUPP,
		"mixed-container", .first = STEPS(WITH_10), SUBSET },
	{ "mixed: the device that nests", OURS, NEST_DEV, ON_DEVICE, 0, .first = STEPS(WITH_10),
		.after = MORE, SUBSET },
	{ "mixed: the device that does not", OURS, NEST_DEV, ON_DEVICE_10, -EOPNOTSUPP,
		"group-does-not-nest", .first = STEPS(WITH_10, DEVICE_10), SUBSET },
	{ "mixed: set for all before", OURS, NEST_MAP, SET_CONTAINER(GROUP2, CONTAINER), 0,
		.first = STEPS({ SET_TABLE(CONTAINER) }, { OPEN(GROUP2, "10"), FD }),
		.after = { .domains = 1, .attachments = 1, .may = MAY_STATUS | MAY_EXTENSIONS },
		SUBSET, .then = STEPS({ UNSET_TABLE(CONTAINER), -EOPNOTSUPP }) },
	{ "mixed: after the other has left", OURS, NEST_MAP, SET_TABLE(CONTAINER), 0,
		.first = STEPS(WITH_10, { UNSET_CONTAINER(GROUP2) }), .after = MORE, SUBSET },
	{ "mixed: the last that nests leaves", OURS, NEST_MAP, UNSET_CONTAINER(GROUP), 0,
		.first = STEPS({ SET_TABLE(CONTAINER) }, WITH_10),
		.after = { .domains = -2, .attachments = -1, .may = MAY_STATUS | MAY_EXTENSIONS },
		SUBSET,
		.then = STEPS({ SET_TABLE(CONTAINER), -EOPNOTSUPP },
			{ UNSET_TABLE(CONTAINER), -EOPNOTSUPP },
			{ INVALIDATE(CONTAINER, 1, 0), -EOPNOTSUPP },
			{ BIND(CONTAINER), -EOPNOTSUPP }) },
	{ "mixed: none nests any more", OURS, NEST_MAP, SET_TABLE(CONTAINER), -EOPNOTSUPP,
		"no-nesting-group", .first = STEPS(WITH_10, { UNSET_CONTAINER(GROUP) }), SUBSET },
	{ "mixed: mappings stay then", OURS, NEST_MAP, UNMAP(0x10000, 16 * PAGE, 0), 0,
		.see = { UNMAPPED(16 * PAGE) }, .first = STEPS(WITH_10, { UNSET_CONTAINER(GROUP) }),
		.after = ONE_LESS, SUBSET },
	{ "mixed: one that nests comes back, and has the table", OURS, NEST_MAP,
		SET_CONTAINER(GROUP, CONTAINER), 0,
		.first = STEPS({ SET_TABLE(CONTAINER) }, WITH_10, { UNSET_CONTAINER(GROUP) }),
		.after = { .domains = 2, .attachments = 1, .may = MAY_STATUS | MAY_EXTENSIONS },
		SUBSET },
};
AREA(nested, rows);
