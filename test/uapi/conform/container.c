/* SPDX-License-Identifier: MIT */
/*
 * The container's own calls, in each state that a container can be in. Linux 7.3
 * drivers/vfio/container.c; what type 1 says of extensions: vfio_iommu_type1_check_extension. The
 * nesting type, which Linux no longer has, goes by doc/design.md (R1 to R5); test-rules has all
 * combinations.
 */
#include "conform/conform.h"

#define UNL	"container.c vfio_fops_unl_ioctl"
#define CHECK	"container.c vfio_container_ioctl_check_extension"
#define SET	"container.c vfio_ioctl_set_iommu"
#define LEAVE	"container.c vfio_group_detach_container"
#define UNKNOWN 0x3bf0 /* _IO(';', 240) */

/* Of the numbers 0 to 62 those to which CHECK_EXTENSION answers 1; a wrong answer: -1. */
static long extensions_of(enum fd container)
{
	long mask = 0, ret;

	for (unsigned i = 0; i < 63; i++) {
		ret = t_ioctl(fd_number(container), VFIO_CHECK_EXTENSION, i);
		if (ret != 0 && ret != 1)
			return -1;
		mask |= ret << i;
	}
	return mask;
}

static long extensions(void)
{
	return extensions_of(CONTAINER);
}

static long extensions_x0(void)
{
	return extensions_of(X0);
}

#define BIT_OF(n) (1l << (n))
#define EXT_TYPE1 (BIT_OF(VFIO_TYPE1_IOMMU) | BIT_OF(VFIO_TYPE1v2_IOMMU))
#define EXT_UNSET (EXT_TYPE1 | BIT_OF(VFIO_UNMAP_ALL))
#define EXT_SET	  (EXT_UNSET | BIT_OF(VFIO_UPDATE_VADDR))
#define EXT_NEST  BIT_OF(VFIO_TYPE1_NESTING_IOMMU)
#define EXT_NONE  BIT_OF(VFIO_NOIOMMU_IOMMU)

/* How many numbers of 0 to 32 SET_IOMMU refuses with EINVAL. */
static long all_types_einval(void)
{
	long n = 0;

	for (unsigned i = 0; i < 33; i++)
		n += t_ioctl(fd_number(CONTAINER), VFIO_SET_IOMMU, i) == -EINVAL;
	return n;
}

/* How many command numbers of the interface are answered EINVAL, the container's own three apart. */
static long all_calls_einval(void)
{
	long n = 0;

	for (unsigned i = 3; i < 156; i++)
		n += t_ioctl(fd_number(CONTAINER), _IO(';', 100 + i), RW) == -EINVAL;
	return n;
}

static bool is_stage1(void)
{
	return t_group_kind(1) == T_UNKNOWN || t_group_kind(1) == T_STAGE1;
}

static bool is_nest_parent(void)
{
	return t_group_kind(1) == T_UNKNOWN || t_group_kind(1) == T_NEST_PARENT;
}

static bool is_blocked(void)
{
	return t_group_kind(1) == T_UNKNOWN || t_group_kind(1) == T_BLOCKED;
}

/* SET_IOMMU that succeeds makes a domain and attaches the group. */
#define SETS                                                                                       \
	{                                                                                          \
		.domains = 1, .attachments = 1, .may = MAY_ENTRIES | MAY_EXTENSIONS                \
	}
#define EXT(n, world, want)                                                                        \
	{                                                                                          \
		"extension " #n, CHECK, world, CHECK_EXTENSION(CONTAINER, n), want                 \
	}
#define REFUSE(type, world, err, rule)                                                             \
	{                                                                                          \
		"set type " #type, SET, world, SET_IOMMU(CONTAINER, type), -err, rule              \
	}
/* Steps: a no-IOMMU group in CONTAINER (host noiommu). */
#define NOIOMMU_IN                                                                                 \
	{ OPEN(GROUP2, "noiommu-0"), FD },                                                         \
	{                                                                                          \
		SET_CONTAINER(GROUP2, CONTAINER)                                                   \
	}
#define NOIOMMU_SET                                                                                \
	NOIOMMU_IN,                                                                                \
	{                                                                                          \
		SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU)                                           \
	}
#define REAL_OUT                                                                                   \
	{                                                                                          \
		UNSET_CONTAINER(GROUP)                                                             \
	}

static const struct row rows[] = {
	/* The version; its argument does not count. */
	{ "API version", UNL, OPENED, IOCTL(CONTAINER, VFIO_GET_API_VERSION, VALUE(0)), 0 },
	{ "API version, IOMMU set", UNL, V2, IOCTL(CONTAINER, VFIO_GET_API_VERSION, VALUE(0)), 0 },
	{ "API version, bad pointer", UNL, V2,
		IOCTL(CONTAINER, VFIO_GET_API_VERSION, POINTER(HOLE)), 0 },
	{ "API version, any value", UNL, JOINED, IOCTL(CONTAINER, VFIO_GET_API_VERSION, VALUE(-1)),
		0 },

	/* Extensions: all numbers below 63 at once, and each that means something. */
	{ "extensions of no group", CHECK, OPENED, RUN(extensions), EXT_UNSET | EXT_NEST },
	{ "extensions of a group", CHECK, JOINED, RUN(extensions), EXT_UNSET | EXT_NEST },
	{ "extensions of TYPE1", CHECK, V1, RUN(extensions), EXT_SET | EXT_NEST },
	{ "extensions of TYPE1v2", CHECK, V2, RUN(extensions), EXT_SET | EXT_NEST },
	{ "extensions of nesting", CHECK, NEST, RUN(extensions), EXT_SET | EXT_NEST },
	{ "extensions of two groups", CHECK, TWO, RUN(extensions), EXT_SET | EXT_NEST },
	{ "extensions with a device", CHECK, DEV, RUN(extensions), EXT_SET | EXT_NEST },
	{ "extensions with vaddr invalid", CHECK, STALE, RUN(extensions), EXT_SET | EXT_NEST },
	{ "extensions without nesting", CHECK, OPENED, RUN(extensions), EXT_UNSET,
		.host = "smmuv3-no-nesting" },
	{ "extensions without nesting, group", CHECK, JOINED, RUN(extensions), EXT_UNSET,
		.host = "smmuv3-no-nesting" },
	{ "extensions without nesting, set", CHECK, V2, RUN(extensions), EXT_SET,
		.host = "smmuv3-no-nesting" },
	/* R1; Linux's type 1 says yes here too, and then nobody has a group. */
	{ "extensions of a host without IOMMU", CHECK, NOTHING, RUN(extensions_x0), 0,
		.first = STEPS({ OPEN(X0, "vfio"), FD }), .host = "empty" },
	{ "extensions: some group nests", CHECK, OPENED, RUN(extensions), EXT_UNSET | EXT_NEST,
		.host = "mixed" },
	{ "extensions: this group nests", CHECK, JOINED, RUN(extensions), EXT_UNSET | EXT_NEST,
		.host = "mixed" },
	{ "extensions: one of two groups nests", CHECK, JOINED, RUN(extensions), EXT_UNSET,
		.first = STEPS({ OPEN(GROUP2, "10"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }),
		.host = "mixed" },
	{ "extensions: one of two nests, set", CHECK, V2, RUN(extensions), EXT_SET,
		.first = STEPS({ OPEN(GROUP2, "10"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }),
		.host = "mixed" },
	{ "extensions: one of two nests, subset", CHECK, JOINED, RUN(extensions),
		EXT_UNSET | EXT_NEST,
		.first = STEPS({ OPEN(GROUP2, "10"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }),
		.host = "mixed-subset" },
	{ "extensions: none nests, subset", CHECK, OPENED, RUN(extensions), EXT_UNSET,
		.first = STEPS({ OPEN(GROUP2, "10"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }),
		.host = "mixed-subset" },
	{ "extensions: any driver answers", CHECK, OPENED, RUN(extensions),
		EXT_UNSET | EXT_NEST | EXT_NONE, .host = "noiommu" },
	{ "extensions: a group with IOMMU", CHECK, JOINED, RUN(extensions), EXT_UNSET | EXT_NEST,
		.host = "noiommu" },
	{ "extensions: a no-IOMMU group", CHECK, OPENED, RUN(extensions), EXT_NONE,
		.first = STEPS(NOIOMMU_IN), .host = "noiommu" },
	{ "extensions: no-IOMMU set", "container.c vfio_noiommu_ioctl", OPENED, RUN(extensions),
		EXT_NONE, .first = STEPS(NOIOMMU_SET), .host = "noiommu" },
	{ "extensions after the last group", CHECK, V2, RUN(extensions), EXT_UNSET | EXT_NEST,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }) },
	EXT(0, OPENED, 0),
	EXT(VFIO_TYPE1_IOMMU, OPENED, 1),
	EXT(VFIO_SPAPR_TCE_IOMMU, OPENED, 0),
	EXT(VFIO_TYPE1v2_IOMMU, OPENED, 1),
	EXT(VFIO_DMA_CC_IOMMU, OPENED, 0),
	EXT(VFIO_EEH, OPENED, 0),
	EXT(VFIO_TYPE1_NESTING_IOMMU, OPENED, 1),
	EXT(VFIO_SPAPR_TCE_v2_IOMMU, OPENED, 0),
	EXT(VFIO_NOIOMMU_IOMMU, OPENED, 0),
	EXT(VFIO_UNMAP_ALL, OPENED, 1),
	EXT(VFIO_UPDATE_VADDR, OPENED, 0),
	EXT(VFIO_UPDATE_VADDR, JOINED, 0),
	EXT(VFIO_UPDATE_VADDR, V1, 1),
	EXT(VFIO_DMA_CC_IOMMU, V2, 0),
	EXT(VFIO_NOIOMMU_IOMMU, V2, 0),
	EXT(VFIO_TYPE1_IOMMU, V2, 1),
	EXT(VFIO_TYPE1v2_IOMMU, V1, 1),
	EXT(63, V2, 0),
	EXT(64, V2, 0),
	EXT(0x7fffffff, V2, 0),
	EXT(0xffffffff, V2, 0),
	EXT(1ull << 32 | VFIO_TYPE1v2_IOMMU, OPENED, 0), /* unsigned long, not int */
	EXT(1ull << 32 | VFIO_TYPE1v2_IOMMU, V2, 0),
	EXT(1ull << 63 | VFIO_TYPE1_IOMMU, V2, 0),
	EXT(-1, V2, 0),

	/* SET_IOMMU: types. */
	{ "set TYPE1", SET, JOINED, SET_IOMMU(CONTAINER, VFIO_TYPE1_IOMMU), 0, .after = SETS,
		.check = is_stage1 },
	{ "set TYPE1v2", SET, JOINED, SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), 0, .after = SETS,
		.check = is_stage1 },
	{ "set nesting", SET, JOINED, SET_IOMMU(CONTAINER, VFIO_TYPE1_NESTING_IOMMU), 0,
		.after = SETS, .check = is_nest_parent },
	REFUSE(0, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(VFIO_SPAPR_TCE_IOMMU, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(VFIO_DMA_CC_IOMMU, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(VFIO_EEH, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(VFIO_SPAPR_TCE_v2_IOMMU, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(VFIO_NOIOMMU_IOMMU, JOINED, ENODEV, "noiommu-type-mismatch"),
	REFUSE(VFIO_UNMAP_ALL, JOINED, EINVAL, "unknown-iommu-type"), /* it is an extension */
	REFUSE(VFIO_UPDATE_VADDR, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(11, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(32, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(0x7fffffff, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(0xffffffff, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(1ull << 32 | VFIO_TYPE1v2_IOMMU, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(1ull << 32 | VFIO_UNMAP_ALL, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(-1, JOINED, ENODEV, "unknown-iommu-type"),
	REFUSE(VFIO_TYPE1_NESTING_IOMMU, OPENED, EINVAL, "container-has-no-group"),

	/* SET_IOMMU: states. */
	REFUSE(VFIO_TYPE1_IOMMU, OPENED, EINVAL, "container-has-no-group"),
	REFUSE(VFIO_TYPE1v2_IOMMU, OPENED, EINVAL, "container-has-no-group"),
	REFUSE(VFIO_NOIOMMU_IOMMU, OPENED, EINVAL, "container-has-no-group"),
	REFUSE(42, OPENED, EINVAL, "container-has-no-group"), /* before the type is looked at */
	REFUSE(VFIO_TYPE1_IOMMU, V1, EINVAL, "iommu-already-set"),
	REFUSE(VFIO_TYPE1v2_IOMMU, V1, EINVAL, "iommu-already-set"),
	REFUSE(VFIO_TYPE1v2_IOMMU, V2, EINVAL, "iommu-already-set"),
	REFUSE(VFIO_TYPE1_NESTING_IOMMU, V2, EINVAL, "iommu-already-set"),
	REFUSE(42, V2, EINVAL, "iommu-already-set"),
	REFUSE(VFIO_TYPE1v2_IOMMU, MAPPED, EINVAL, "iommu-already-set"),
	REFUSE(VFIO_TYPE1v2_IOMMU, DEV_MSIX, EINVAL, "iommu-already-set"),
	{ "set: no type for no group", SET, OPENED, RUN(all_types_einval), 33 },
	{ "set: no type again", SET, V2, RUN(all_types_einval), 33 },
	{ "set after a refusal", SET, JOINED, SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), 0,
		.after = SETS, .first = STEPS({ SET_IOMMU(CONTAINER, 42), -ENODEV }) },
	{ "set after the group left", SET, JOINED, SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU),
		-EINVAL, "container-has-no-group", .first = STEPS({ UNSET_CONTAINER(GROUP) }) },
	{ "set two groups", "container.c __vfio_container_attach_groups", JOINED,
		SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), 0,
		.after = { .domains = 1, .attachments = 3, .may = MAY_ENTRIES | MAY_EXTENSIONS },
		.first = STEPS({ OPEN(GROUP2, "3"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }) },
	{ "nesting where it is not", SET, JOINED, SET_IOMMU(CONTAINER, VFIO_TYPE1_NESTING_IOMMU),
		-EOPNOTSUPP, .check = is_blocked, .host = "smmuv3-no-nesting" },
	{ "nesting where one group cannot", "container.c __vfio_container_attach_groups", JOINED,
		SET_IOMMU(CONTAINER, VFIO_TYPE1_NESTING_IOMMU), -EOPNOTSUPP, .check = is_blocked,
		.first = STEPS({ OPEN(GROUP2, "10"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }),
		.then = STEPS({ SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU) }), .host = "mixed" },
	{ "nesting where one can, subset", SET, JOINED,
		SET_IOMMU(CONTAINER, VFIO_TYPE1_NESTING_IOMMU), 0, .check = is_nest_parent,
		.after = { .domains = 2, .attachments = 2, .may = MAY_ENTRIES | MAY_EXTENSIONS },
		.first = STEPS({ OPEN(GROUP2, "10"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }),
		.host = "mixed-subset" },
	{ "nesting where none can, subset", SET, OPENED,
		SET_IOMMU(CONTAINER, VFIO_TYPE1_NESTING_IOMMU), -EOPNOTSUPP,
		.first = STEPS({ OPEN(GROUP2, "10"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }),
		.host = "mixed-subset" },

	/* No IOMMU. */
	{ "no-IOMMU type", "container.c vfio_noiommu_open", OPENED,
		SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU), 0, .after.may = MAY_ENTRIES,
		.first = STEPS(NOIOMMU_IN), .host = "noiommu" },
	{ "TYPE1v2 without IOMMU", "container.c vfio_iommu_driver_allowed", OPENED,
		SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), -ENODEV, "noiommu-type-mismatch",
		.first = STEPS(NOIOMMU_IN), .host = "noiommu" },
	{ "an extension as type without IOMMU", "container.c vfio_iommu_driver_allowed", OPENED,
		SET_IOMMU(CONTAINER, VFIO_UNMAP_ALL), -ENODEV, .first = STEPS(NOIOMMU_IN),
		.host = "noiommu" },
	{ "no-IOMMU type of a group with IOMMU", "container.c vfio_iommu_driver_allowed", JOINED,
		SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU), -ENODEV, "noiommu-type-mismatch",
		.host = "noiommu" },
	{ "no-IOMMU twice", SET, OPENED, SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU), -EINVAL,
		"iommu-already-set", .first = STEPS(NOIOMMU_SET), .host = "noiommu" },
	{ "no-IOMMU has no maps", "container.c vfio_noiommu_ioctl", OPENED, MAP(0, RW, PAGE, F_RW),
		-ENOTTY, .first = STEPS(NOIOMMU_SET), .host = "noiommu" },
	{ "no-IOMMU has no info", "container.c vfio_noiommu_ioctl", OPENED,
		IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO, POINTER(HOLE)), -ENOTTY,
		.first = STEPS(NOIOMMU_SET), .host = "noiommu" },
	{ "no-IOMMU has no unknown call", "container.c vfio_noiommu_ioctl", OPENED,
		IOCTL(CONTAINER, UNKNOWN, VALUE(0)), -ENOTTY, .first = STEPS(NOIOMMU_SET),
		.host = "noiommu" },
	{ "a real group in a container that was no-IOMMU", LEAVE, OPENED,
		SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), 0, .after = SETS,
		.first = STEPS(NOIOMMU_SET, { UNSET_CONTAINER(GROUP2) },
			{ SET_CONTAINER(GROUP, CONTAINER) }),
		.host = "noiommu" },
	{ "a no-IOMMU group in a container that was real", LEAVE, V2,
		SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU), 0, .after.may = MAY_ENTRIES,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }, NOIOMMU_IN), .host = "noiommu" },

	/* Calls that are the backend's: without one EINVAL, whatever they are. */
	{ "no IOMMU: GET_INFO", UNL, JOINED, IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO, POINTER(HOLE)),
		-EINVAL, "iommu-not-set" },
	{ "no IOMMU: MAP_DMA", UNL, JOINED, MAP(0, RW, PAGE, F_RW), -EINVAL, "iommu-not-set" },
	{ "no IOMMU: UNMAP_DMA", UNL, JOINED, UNMAP(0, PAGE, 0), -EINVAL, "iommu-not-set" },
	{ "no IOMMU: DIRTY_PAGES", UNL, JOINED, DIRTY(1), -EINVAL, "iommu-not-set" },
	{ "no group: MAP_DMA", UNL, OPENED, MAP(0, RW, PAGE, F_RW), -EINVAL, "iommu-not-set" },
	{ "no IOMMU: a group's call", UNL, JOINED, STATUS(CONTAINER), -EINVAL },
	{ "no IOMMU: a device's call", UNL, JOINED, IOCTL(CONTAINER, VFIO_DEVICE_RESET, VALUE(0)),
		-EINVAL },
	{ "no IOMMU: an unknown call", UNL, JOINED, IOCTL(CONTAINER, UNKNOWN, VALUE(0)), -EINVAL },
	{ "no IOMMU: another subsystem's call", UNL, JOINED,
		IOCTL(CONTAINER, 0x5401 /* TCGETS */, POINTER(RW)), -EINVAL },
	{ "no IOMMU: every call", UNL, JOINED, RUN(all_calls_einval), 153 },
	{ "no group: every call", UNL, OPENED, RUN(all_calls_einval), 153 },
	{ "an unknown call", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", V2,
		IOCTL(CONTAINER, UNKNOWN, VALUE(0)), -ENOTTY },
	{ "call 0", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", V2, IOCTL(CONTAINER, 0, VALUE(0)),
		-ENOTTY },
	{ "another subsystem's call", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", V2,
		IOCTL(CONTAINER, 0x5401, POINTER(RW)), -ENOTTY },
	{ "a group's call", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", V2, STATUS(CONTAINER),
		-ENOTTY },
	{ "a device's call", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", V2,
		IOCTL(CONTAINER, VFIO_DEVICE_GET_INFO, POINTER(RW)), -ENOTTY },
	{ "API version with a size in its number", UNL, V2,
		IOCTL(CONTAINER, _IOR(';', 100, int), VALUE(0)), -ENOTTY },
	{ "ENABLE is another architecture's", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", V2,
		IOCTL(CONTAINER, VFIO_IOMMU_ENABLE, VALUE(0)), -ENOTTY },
	{ "DISABLE is another architecture's", "vfio_iommu_type1.c vfio_iommu_type1_ioctl", V2,
		IOCTL(CONTAINER, VFIO_IOMMU_DISABLE, VALUE(0)), -ENOTTY },

	/* The last group takes the IOMMU along. */
	{ "after the last group: MAP_DMA", LEAVE, V2, MAP(0, RW, PAGE, F_RW), -EINVAL,
		"iommu-not-set", .first = STEPS({ UNSET_CONTAINER(GROUP) }) },
	{ "after the last group: another type", LEAVE, V2, SET_IOMMU(CONTAINER, VFIO_TYPE1_IOMMU),
		0, .after = SETS,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }, { SET_CONTAINER(GROUP, CONTAINER) }) },
	{ "after the last group: maps are gone", LEAVE, MAPPED,
		SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), 0, .after = SETS,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }, { MAPPINGS },
			{ SET_CONTAINER(GROUP, CONTAINER) }),
		.then = STEPS({ UNMAP(0, 0, F_ALL), 0, { UNMAPPED(0) } },
			{ MAP(0x10000, RW, PAGE, F_RW) }) },
	{ "after the last group: dirty tracking is off", LEAVE, DIRTY_ON,
		SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), 0, .after = SETS,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }, { SET_CONTAINER(GROUP, CONTAINER) }),
		.then = STEPS({ UNMAP(0x10000, PAGE, F_BITMAP), -EINVAL }) },
	{ "after the last group: no vaddr is invalid", LEAVE, STALE,
		SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), 0, .after = SETS,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }, { SET_CONTAINER(GROUP, CONTAINER) }),
		.then = STEPS({ OPEN(GROUP2, "3"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }) },
	{ "not after the last but one", LEAVE, TWO, MAP(0, RW, PAGE, F_RW), 0,
		.after = { .mappings = 1, .entries = -1, .may = MAY_DOMAINS },
		.first = STEPS({ UNSET_CONTAINER(GROUP) }) },

	/* Containers have nothing to read, write or map. */
	{ "read a container", "container.c vfio_fops", V2, PREAD(CONTAINER, 0, 4), -EINVAL },
	{ "write a container", "container.c vfio_fops", V2, PWRITE(CONTAINER, 0, 1, 2, 3, 4),
		-EINVAL },
	{ "map a container", "container.c vfio_fops", V2, MMAP(CONTAINER, 0, PAGE, PROT_READ),
		-ENODEV },

	/* Containers are independent, and live as long as their last user. */
	{ "a second container", "container.c vfio_fops_open", V2, OPEN(CONTAINER2, "vfio"), FD,
		.then = STEPS({ IOCTL(CONTAINER2, VFIO_IOMMU_GET_INFO, POINTER(RW)), -EINVAL },
			{ SET_IOMMU(CONTAINER2, VFIO_TYPE1v2_IOMMU), -EINVAL }) },
	{ "closed with a group in it", "container.c vfio_fops_release", MAPPED, CLOSE(CONTAINER), 0,
		.after.may = MAY_ENTRIES | MAY_EXTENSIONS,
		.then = STEPS({ MAPPINGS, 1 }, { STATUS(GROUP), 0, { WORD(1, 3) } },
			{ UNSET_CONTAINER(GROUP) }, { MAPPINGS, 0 }) },
	{ "closed before SET_IOMMU", "container.c vfio_fops_release", JOINED, CLOSE(CONTAINER), 0,
		.after.may = MAY_ENTRIES | MAY_EXTENSIONS,
		.then = STEPS({ GET_DEVICE(GROUP, DEV1), -EINVAL }, { UNSET_CONTAINER(GROUP) },
			{ UNSET_CONTAINER(GROUP), -EINVAL }) },
	{ "devices open after the container's file is closed",
		"container.c vfio_group_use_container", V2, OPEN_DEVICE(DEVICE, GROUP, DEV1), FD,
		.after.may = MAY_CONFIG | MAY_IRQS, .first = STEPS({ CLOSE(CONTAINER) }) },
	{ "closed with nothing in it", "container.c vfio_fops_release", OPENED, CLOSE(CONTAINER), 0,
		.after.may = MAY_ENTRIES | MAY_EXTENSIONS },
};

AREA(container, rows);
