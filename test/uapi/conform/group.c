/* SPDX-License-Identifier: MIT */
/* Groups: opening, status, membership, devices, and closing in any order. Linux 7.3 group.c. */
#include <string.h>

#include "conform/conform.h"

#define STATUS_OF  "group.c vfio_group_ioctl_get_status"
#define SET	   "group.c vfio_group_ioctl_set_container"
#define ATTACH	   "container.c vfio_container_attach_group"
#define UNSET	   "group.c vfio_group_ioctl_unset_container"
#define GET_FD	   "group.c vfio_group_ioctl_get_device_fd"
#define FROM_NAME  "group.c vfio_device_get_from_name"
#define MATCH	   "pci/vfio_pci_core.c vfio_pci_core_match"
#define OPEN_GROUP "group.c vfio_group_fops_open"
#define RELEASE	   "group.c vfio_group_fops_release"
#define UNKNOWN	   0x3bf0 /* _IO(';', 240) */

#define TOKEN		   "vf_token=bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3"
#define STATUS_AT(address) IOCTL(GROUP, VFIO_GROUP_GET_STATUS, POINTER(address))
#define STATUS_SIZE(n)                                                                             \
	IOCTL(GROUP, VFIO_GROUP_GET_STATUS, ARG(struct vfio_group_status, .argsz = (n)))
#define FLAGS(n)                                                                                   \
	{                                                                                          \
		FIELD(struct vfio_group_status, flags, n)                                          \
	}
#define SET_AT(address)	 IOCTL(GROUP, VFIO_GROUP_SET_CONTAINER, POINTER(address))
#define NAME_AT(address) IOCTL(GROUP, VFIO_GROUP_GET_DEVICE_FD, POINTER(address))
/* A name that ends at the page's edge without its zero. */
#define ENDLESS(s)                                                                                 \
	IOCTL(GROUP, VFIO_GROUP_GET_DEVICE_FD,                                                     \
		{ .kind = ARG_BYTES, .bytes = (s), .n = sizeof(s) - 1 })
/* Opening a device changes what the device's snapshot sees: there was none. */
#define OPENS                                                                                      \
	{                                                                                          \
		.may = MAY_CONFIG | MAY_IRQS                                                       \
	}
#define NAME(name, want, rule)                                                                     \
	{                                                                                          \
		"device \"" name "\"", MATCH, V2, OPEN_DEVICE(X0, GROUP, name), want, rule         \
	}

/* Group 3 has two devices. */
#define GROUP2_OPEN                                                                                \
	{                                                                                          \
		OPEN(GROUP2, "3"), FD                                                              \
	}
#define GROUP2_IN                                                                                  \
	GROUP2_OPEN,                                                                               \
	{                                                                                          \
		SET_CONTAINER(GROUP2, CONTAINER)                                                   \
	}
#define NOIOMMU                                                                                    \
	{                                                                                          \
		OPEN(GROUP2, "noiommu-0"), FD                                                      \
	}
#define DEVICE2_OPEN                                                                               \
	{                                                                                          \
		OPEN_DEVICE(DEVICE2, GROUP2, DEV3), FD                                             \
	}

static long name_of(unsigned letters)
{
	memset((void *)RW, 'a', 2 * PAGE);
	*(char *)(RW + letters) = 0;
	return t_ioctl(fd_number(GROUP), VFIO_GROUP_GET_DEVICE_FD, RW);
}
static long name_4095(void)
{
	return name_of(4095);
}
static long name_4096(void)
{
	return name_of(4096);
}
/* 4096 letters and nothing behind them. */
static long name_page(void)
{
	memset((void *)EDGE, 'a', PAGE);
	return t_ioctl(fd_number(GROUP), VFIO_GROUP_GET_DEVICE_FD, EDGE);
}
/* The status' first word alone is there. */
static long status_at_edge(void)
{
	*(uint32_t *)(EDGE + PAGE - 4) = 8;
	return t_ioctl(fd_number(GROUP), VFIO_GROUP_GET_STATUS, EDGE + PAGE - 4);
}
/* argsz can be read and written, flags can only be read. */
static long status_at_read_only(void)
{
	*(uint32_t *)(RO_END + PAGE - 4) = 8;
	return t_ioctl(fd_number(GROUP), VFIO_GROUP_GET_STATUS, RO_END + PAGE - 4);
}

static const struct row rows[] = {
	/* GET_STATUS */
	{ "in no container", STATUS_OF, OPENED, STATUS(GROUP), 0, .see = FLAGS(1) },
	{ "in a container", STATUS_OF, JOINED, STATUS(GROUP), 0, .see = FLAGS(3) },
	{ "in a container with IOMMU", STATUS_OF, V2, STATUS(GROUP), 0, .see = FLAGS(3) },
	{ "with a device open", STATUS_OF, DEV, STATUS(GROUP), 0, .see = FLAGS(3) },
	{ "out again", STATUS_OF, V2, STATUS(GROUP), 0, .see = FLAGS(1),
		.first = STEPS({ UNSET_CONTAINER(GROUP) }) },
	{ "container's file closed", STATUS_OF, V2, STATUS(GROUP), 0, .see = FLAGS(3),
		.first = STEPS({ CLOSE(CONTAINER) }) },
	{ "another group", STATUS_OF, V2, STATUS(GROUP2), 0, .see = FLAGS(1),
		.first = STEPS(GROUP2_OPEN) },
	{ "another driver has a device", STATUS_OF, OPENED, STATUS(GROUP), 0, .see = FLAGS(0),
		.host = "drivers" },
	{ "a device without driver", STATUS_OF, NOTHING, STATUS(X0), 0, .see = FLAGS(1),
		.first = STEPS({ OPEN(X0, "2"), FD }), .host = "drivers" },
	{ "a no-IOMMU group", STATUS_OF, OPENED, STATUS(GROUP2), 0, .see = FLAGS(1),
		.first = STEPS(NOIOMMU), .host = "noiommu" },
	{ "a no-IOMMU group in a container", STATUS_OF, OPENED, STATUS(GROUP2), 0, .see = FLAGS(3),
		.first = STEPS(NOIOMMU, { SET_CONTAINER(GROUP2, CONTAINER) }), .host = "noiommu" },
	{ "status size 0", STATUS_OF, OPENED, STATUS_SIZE(0), -EINVAL, "argsz-too-small" },
	{ "status size 7", STATUS_OF, OPENED, STATUS_SIZE(7), -EINVAL, "argsz-too-small" },
	{ "status size 9", STATUS_OF, OPENED, STATUS_SIZE(9), 0, .see = FLAGS(1) },
	{ "status size most", STATUS_OF, OPENED, STATUS_SIZE(~0u), 0, .see = FLAGS(1) },
	{ "status: argsz is not written", STATUS_OF, V2, STATUS_SIZE(4096), 0,
		.see = { WORD(0, 4096), WORD(1, 3) } },
	{ "status: null", STATUS_OF, V2, STATUS_AT(NULLP), -EFAULT, "bad-argument-pointer" },
	{ "status: not mapped", STATUS_OF, V2, STATUS_AT(HOLE), -EFAULT, "bad-argument-pointer" },
	{ "status: PROT_NONE", STATUS_OF, V2, STATUS_AT(NONE), -EFAULT, "bad-argument-pointer" },
	{ "status: read-only", STATUS_OF, V2, STATUS_AT(RO), -EFAULT, "bad-argument-pointer" },
	{ "status: half there", STATUS_OF, V2, RUN(status_at_edge), -EFAULT,
		"bad-argument-pointer" },
	{ "status: half writable", STATUS_OF, V2, RUN(status_at_read_only), -EFAULT,
		"bad-argument-pointer" },
	{ "status: the kernel's half", STATUS_OF, V2, STATUS_AT(1ull << 63), -EFAULT },
	{ "status: the last bytes", STATUS_OF, V2, STATUS_AT(-4ull), -EFAULT },

	/* SET_CONTAINER: the pointer, the descriptor, then the group, then what the descriptor is. */
	{ "join", ATTACH, OPENED, SET_CONTAINER(GROUP, CONTAINER), 0, .after.may = MAY_STATUS },
	{ "join: null", SET, OPENED, SET_AT(NULLP), -EFAULT, "bad-argument-pointer" },
	{ "join: not mapped", SET, OPENED, SET_AT(HOLE), -EFAULT, "bad-argument-pointer" },
	{ "join: PROT_NONE", SET, OPENED, SET_AT(NONE), -EFAULT, "bad-argument-pointer" },
	{ "join: two bytes there", SET, OPENED, SET_AT(EDGE + PAGE - 2), -EFAULT,
		"bad-argument-pointer" },
	{ "join: read-only will do", SET, OPENED, SET_AT(RO), -EBADF, "bad-descriptor" },
	{ "join: -1", SET, OPENED, SET_CONTAINER(GROUP, MINUS1), -EBADF, "bad-descriptor" },
	{ "join: closed", SET, OPENED, SET_CONTAINER(GROUP, CLOSED), -EBADF, "bad-descriptor" },
	{ "join: beyond all descriptors", SET, OPENED,
		IOCTL(GROUP, VFIO_GROUP_SET_CONTAINER, WORDS(0x7fffffff)), -EBADF,
		"bad-descriptor" },
	{ "join: most negative", SET, OPENED,
		IOCTL(GROUP, VFIO_GROUP_SET_CONTAINER, WORDS(0x80000000)), -EBADF,
		"bad-descriptor" },
	{ "join: a regular file", SET, OPENED, SET_CONTAINER(GROUP, REGULAR), -EBADFD,
		"not-a-container" },
	{ "join: /dev/null", SET, OPENED, SET_CONTAINER(GROUP, DEV_NULL), -EBADFD,
		"not-a-container" },
	{ "join: a pipe", SET, OPENED, SET_CONTAINER(GROUP, PIPE), -EBADFD, "not-a-container" },
	{ "join: a socket", SET, OPENED, SET_CONTAINER(GROUP, SOCKET), -EBADFD, "not-a-container" },
	{ "join: an epoll", SET, OPENED, SET_CONTAINER(GROUP, EPOLL), -EBADFD, "not-a-container" },
	{ "join: an eventfd", SET, OPENED, SET_CONTAINER(GROUP, EV0), -EBADFD, "not-a-container" },
	{ "join: itself", SET, OPENED, SET_CONTAINER(GROUP, GROUP), -EBADFD, "not-a-container" },
	{ "join: another group", SET, OPENED, SET_CONTAINER(GROUP, GROUP2), -EBADFD,
		"not-a-container", .first = STEPS(GROUP2_OPEN) },
	{ "join: a device", SET, DEV, SET_CONTAINER(GROUP2, DEVICE), -EBADFD, "not-a-container",
		.first = STEPS(GROUP2_OPEN) },
	{ "join twice", SET, JOINED, SET_CONTAINER(GROUP, CONTAINER), -EINVAL,
		"group-has-container" },
	{ "join twice, IOMMU set", SET, V2, SET_CONTAINER(GROUP, CONTAINER), -EINVAL,
		"group-has-container" },
	{ "join a second container", SET, V2, SET_CONTAINER(GROUP, CONTAINER2), -EINVAL,
		"group-has-container", .first = STEPS({ OPEN(CONTAINER2, "vfio"), FD }) },
	{ "join twice with no container", SET, V2, SET_CONTAINER(GROUP, PIPE), -EINVAL,
		"group-has-container" },
	{ "join twice with no descriptor", SET, V2, SET_CONTAINER(GROUP, CLOSED), -EBADF,
		"bad-descriptor" },
	{ "join twice with no pointer", SET, V2, SET_AT(HOLE), -EFAULT, "bad-argument-pointer" },
	{ "join a container with IOMMU", ATTACH, V2, SET_CONTAINER(GROUP2, CONTAINER), 0,
		.after = { .attachments = 2, .may = MAY_STATUS }, .first = STEPS(GROUP2_OPEN) },
	{ "join a container with maps", "vfio_iommu_type1.c vfio_iommu_replay", MAPPED,
		SET_CONTAINER(GROUP2, CONTAINER), 0,
		.after = { .attachments = 2, .may = MAY_STATUS }, .first = STEPS(GROUP2_OPEN),
		.then = STEPS({ UNMAP(0x10000, 16 * PAGE, 0), 0, { UNMAPPED(16 * PAGE) } }) },
	{ "join a container of TYPE1", ATTACH, V1, SET_CONTAINER(GROUP2, CONTAINER), 0,
		.after = { .attachments = 2, .may = MAY_STATUS }, .first = STEPS(GROUP2_OPEN) },
	{ "join while a vaddr is invalid", "vfio_iommu_type1.c vfio_iommu_type1_attach_group",
		STALE, SET_CONTAINER(GROUP2, CONTAINER), -EBUSY, "vaddr-invalid",
		.first = STEPS(GROUP2_OPEN) },
	{ "join once the vaddr is valid", "vfio_iommu_type1.c vfio_iommu_type1_attach_group", STALE,
		SET_CONTAINER(GROUP2, CONTAINER), 0,
		.after = { .attachments = 2, .may = MAY_STATUS },
		.first = STEPS(GROUP2_OPEN, { MAP(0x10000, RW, 16 * PAGE, F_VADDR) }) },
	{ "join again after leaving", ATTACH, JOINED, SET_CONTAINER(GROUP, CONTAINER), 0,
		.after.may = MAY_STATUS, .first = STEPS({ UNSET_CONTAINER(GROUP) }) },
	{ "join another container after leaving", ATTACH, V2, SET_CONTAINER(GROUP, CONTAINER2), 0,
		.after.may = MAY_STATUS,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }, { OPEN(CONTAINER2, "vfio"), FD }),
		.then = STEPS({ SET_IOMMU(CONTAINER2, VFIO_TYPE1_IOMMU) },
			{ SET_IOMMU(CONTAINER, VFIO_TYPE1_IOMMU), -EINVAL }) },
	{ "join: another driver has a device", "container.c vfio_container_attach_group", OPENED,
		SET_CONTAINER(GROUP, CONTAINER), -EPERM, "group-not-viable", .host = "drivers" },
	{ "join: a device has no driver", ATTACH, OPENED, SET_CONTAINER(X0, CONTAINER), 0,
		.first = STEPS({ OPEN(X0, "2"), FD }), .host = "drivers" },
	{ "join: no IOMMU among groups with one", ATTACH, JOINED, SET_CONTAINER(GROUP2, CONTAINER),
		-EPERM, "noiommu-mix", .first = STEPS(NOIOMMU), .host = "noiommu" },
	{ "join: an IOMMU among groups without", ATTACH, OPENED, SET_CONTAINER(GROUP, CONTAINER),
		-EPERM, "noiommu-mix",
		.first = STEPS(NOIOMMU, { SET_CONTAINER(GROUP2, CONTAINER) }), .host = "noiommu" },
	{ "join: a nesting container, a group that cannot", ATTACH, NEST,
		SET_CONTAINER(GROUP2, CONTAINER), -EOPNOTSUPP,
		.first = STEPS({ OPEN(GROUP2, "10"), FD }), .host = "mixed" },
	{ "join: a nesting container, subset", ATTACH, NEST, SET_CONTAINER(GROUP2, CONTAINER), 0,
		.after = { .domains = 1, .attachments = 1, .may = MAY_STATUS | MAY_ENTRIES },
		.first = STEPS({ OPEN(GROUP2, "10"), FD }), .host = "mixed-subset" },

	/* UNSET_CONTAINER */
	{ "leave none", UNSET, OPENED, UNSET_CONTAINER(GROUP), -EINVAL, "group-has-no-container" },
	{ "leave", UNSET, JOINED, UNSET_CONTAINER(GROUP), 0, .after.may = MAY_STATUS },
	{ "leave twice", UNSET, JOINED, UNSET_CONTAINER(GROUP), -EINVAL, "group-has-no-container",
		.first = STEPS({ UNSET_CONTAINER(GROUP) }) },
	{ "leave: any argument", UNSET, JOINED,
		IOCTL(GROUP, VFIO_GROUP_UNSET_CONTAINER, POINTER(HOLE)), 0,
		.after.may = MAY_STATUS },
	{ "leave: the IOMMU goes", UNSET, V2, UNSET_CONTAINER(GROUP), 0,
		.after = { .domains = -1,
			.attachments = -1,
			.may = MAY_STATUS | MAY_ENTRIES | MAY_EXTENSIONS } },
	{ "leave: the mappings go", UNSET, MAPPED, UNSET_CONTAINER(GROUP), 0,
		.after = { .may = MAY_STATUS | MAY_ENTRIES | MAY_EXTENSIONS | MAY_DOMAINS },
		.then = STEPS({ MAPPINGS, 0 }) },
	{ "leave: the other group stays", UNSET, TWO, UNSET_CONTAINER(GROUP), 0,
		.after = { .attachments = -1, .may = MAY_STATUS },
		.first = STEPS({ MAP(0, RW, PAGE, F_RW) }), .then = STEPS({ MAPPINGS, 1 }) },
	{ "leave: the first of two", UNSET, TWO, UNSET_CONTAINER(GROUP2), 0,
		.after = { .attachments = -2, .may = MAY_STATUS } },
	{ "leave: a device is open", UNSET, DEV, UNSET_CONTAINER(GROUP), -EBUSY, "devices-open" },
	{ "leave: interrupts are on", UNSET, DEV_MSIX, UNSET_CONTAINER(GROUP), -EBUSY,
		"devices-open" },
	{ "leave: the device is closed", UNSET, DEV, UNSET_CONTAINER(GROUP), 0,
		.after = { .domains = -1,
			.attachments = -1,
			.may = MAY_STATUS | MAY_ENTRIES | MAY_EXTENSIONS },
		.first = STEPS({ CLOSE(DEVICE) }) },
	{ "leave: one of two opens is closed", UNSET, DEV, UNSET_CONTAINER(GROUP), -EBUSY,
		"devices-open",
		.first = STEPS({ OPEN_DEVICE(X0, GROUP, DEV1), FD }, { CLOSE(X0) }) },
	{ "leave: another group's device is open", UNSET, TWO, UNSET_CONTAINER(GROUP), 0,
		.after = { .attachments = -1, .may = MAY_STATUS }, .first = STEPS(DEVICE2_OPEN) },
	{ "leave: the container's file is closed", UNSET, V2, UNSET_CONTAINER(GROUP), 0,
		.after = { .domains = -1, .attachments = -1, .may = MAY_STATUS },
		.first = STEPS({ CLOSE(CONTAINER) }) },
	{ "leave: no IOMMU", UNSET, OPENED, UNSET_CONTAINER(GROUP2), 0,
		.after.may = MAY_STATUS | MAY_ENTRIES | MAY_EXTENSIONS,
		.first = STEPS(NOIOMMU, { SET_CONTAINER(GROUP2, CONTAINER) },
			{ SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU) }),
		.host = "noiommu" },

	/* GET_DEVICE_FD: the string, the name, its options, then the group's state. */
	{ "device", GET_FD, V2, OPEN_DEVICE(DEVICE, GROUP, DEV1), FD, .after = OPENS },
	{ "device of TYPE1", GET_FD, V1, OPEN_DEVICE(DEVICE, GROUP, DEV1), FD, .after = OPENS },
	{ "device of a nesting container", GET_FD, NEST, OPEN_DEVICE(DEVICE, GROUP, DEV1), FD,
		.after = OPENS },
	{ "device twice", "vfio_main.c vfio_df_open", DEV, OPEN_DEVICE(X0, GROUP, DEV1), FD,
		.then = STEPS({ CLOSE(DEVICE) }, { PREAD(X0, CONFIG, 2), 2 },
			{ UNSET_CONTAINER(GROUP), -EBUSY }, { CLOSE(X0) },
			{ UNSET_CONTAINER(GROUP) }) },
	{ "device twice keeps its state", "vfio_main.c vfio_df_open", DEV_MSIX,
		OPEN_DEVICE(X0, GROUP, DEV1), FD,
		.then = STEPS({ CLOSE(X0) }, { IRQ_NONE(ACT_TRIGGER, MSIX, 2, 1) },
			{ SIGNALS(EV2), 1 }) },
	{ "device: no IOMMU set", "container.c vfio_group_use_container", JOINED,
		GET_DEVICE(GROUP, DEV1), -EINVAL, "iommu-not-set" },
	{ "device: in no container", "group.c vfio_df_group_open", OPENED, GET_DEVICE(GROUP, DEV1),
		-EINVAL, "group-has-no-container" },
	{ "device: in no container again", "group.c vfio_df_group_open", V2,
		GET_DEVICE(GROUP, DEV1), -EINVAL, "group-has-no-container",
		.first = STEPS({ UNSET_CONTAINER(GROUP) }) },
	{ "device: name before state", FROM_NAME, OPENED, GET_DEVICE(GROUP, DEV2), -ENODEV,
		"no-such-device" },
	{ "device: option before state", MATCH, OPENED, GET_DEVICE(GROUP, DEV1 " x"), -EINVAL,
		"unknown-device-option" },
	{ "device: null", GET_FD, V2, NAME_AT(NULLP), -EFAULT, "bad-argument-pointer" },
	{ "device: not mapped", GET_FD, V2, NAME_AT(HOLE), -EFAULT, "bad-argument-pointer" },
	{ "device: PROT_NONE", GET_FD, V2, NAME_AT(NONE), -EFAULT, "bad-argument-pointer" },
	{ "device: the last byte", GET_FD, V2, NAME_AT(-1ull), -EFAULT },
	{ "device: pointer before state", GET_FD, OPENED, NAME_AT(HOLE), -EFAULT,
		"bad-argument-pointer" },
	{ "device: no end before the hole", GET_FD, V2, ENDLESS(DEV1), -EFAULT,
		"bad-argument-pointer" },
	{ "device: one letter before the hole", GET_FD, V2, ENDLESS("0"), -EFAULT,
		"bad-argument-pointer" },
	{ "device: 4095 letters", GET_FD, V2, RUN(name_4095), -ENODEV, "no-such-device" },
	{ "device: 4096 letters", GET_FD, V2, RUN(name_4096), -EINVAL, "name-too-long" },
	{ "device: a page of letters, then the hole", GET_FD, V2, RUN(name_page), -EINVAL,
		"name-too-long" },
	{ "device: read-only, empty", FROM_NAME, V2, NAME_AT(RO), -ENODEV, "no-such-device" },
	NAME("", -ENODEV, "no-such-device"),
	NAME(" ", -ENODEV, "no-such-device"),
	NAME("0", -ENODEV, "no-such-device"),
	NAME("1", -ENODEV, "no-such-device"), /* the group's number */
	NAME("vfio0", -ENODEV, "no-such-device"),
	NAME("01:00.0", -ENODEV, "no-such-device"),
	NAME("0000:01:00", -ENODEV, "no-such-device"),
	NAME("0000:01:00.", -ENODEV, "no-such-device"),
	NAME("0000:01:00.1", -ENODEV, "no-such-device"),
	NAME("0000:01:00.00", -ENODEV, "no-such-device"),
	NAME("00000:01:00.0", -ENODEV, "no-such-device"),
	NAME("0001:01:00.0", -ENODEV, "no-such-device"),
	NAME("0000:7f:00.0", -ENODEV, "no-such-device"),
	NAME(DEV3, -ENODEV, "no-such-device"),	    /* another group's */
	NAME(DEV3 " x", -ENODEV, "no-such-device"), /* its options are not looked at */
	NAME(" " DEV1, -ENODEV, "no-such-device"),
	NAME(DEV1 "\t", -ENODEV, "no-such-device"), /* no blank */
	NAME(DEV1 "\n", -ENODEV, "no-such-device"),
	NAME(DEV1 ",x", -ENODEV, "no-such-device"),
	NAME(DEV1 "x y", -ENODEV, "no-such-device"),
	NAME(DEV1 " ", FD, NULL),
	NAME(DEV1 "    ", FD, NULL),
	NAME(DEV1 "\0 x", FD, NULL),
	NAME(DEV1 " x", -EINVAL, "unknown-device-option"),
	NAME(DEV1 "  color=blue", -EINVAL, "unknown-device-option"),
	NAME(DEV1 " \t", -EINVAL, "unknown-device-option"),
	NAME(DEV1 " vf_token", -EINVAL, NULL),
	NAME(DEV1 " vf_token=", -EINVAL, NULL),
	NAME(DEV1 " vf_token=1234", -EINVAL, NULL),
	NAME(DEV1 " vf_token=zd8d9d2b-5a5f-4f5a-a211-f591514ba1f3", -EINVAL, NULL),
	NAME(DEV1 " VF_TOKEN=bd8d9d2b-5a5f-4f5a-a211-f591514ba1f3", -EINVAL, NULL),
	NAME(DEV1 " " TOKEN, -EINVAL, NULL), /* neither a PF with VFs nor a VF */
	NAME(DEV1 " " TOKEN " " TOKEN, -EINVAL, NULL),
	{ "device of vfio-pci beside one without driver", MATCH, OPENED,
		OPEN_DEVICE(DEVICE, X0, "0000:02:00.0"), FD, .after = OPENS,
		.first = STEPS({ OPEN(X0, "2"), FD }, { SET_CONTAINER(X0, CONTAINER) },
			{ SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU) }),
		.host = "drivers" },
	{ "device without driver", FROM_NAME, OPENED, GET_DEVICE(X0, "0000:02:00.1"), -ENODEV,
		"no-such-device",
		.first = STEPS({ OPEN(X0, "2"), FD }, { SET_CONTAINER(X0, CONTAINER) },
			{ SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU) }),
		.host = "drivers" },
	{ "device of another driver", FROM_NAME, OPENED, GET_DEVICE(GROUP, "0000:01:00.1"), -ENODEV,
		"no-such-device", .host = "drivers" },
	{ "device without IOMMU", GET_FD, OPENED, OPEN_DEVICE(DEVICE, GROUP2, "0002:01:00.0"), FD,
		.after = OPENS,
		.first = STEPS(NOIOMMU, { SET_CONTAINER(GROUP2, CONTAINER) },
			{ SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU) }),
		.host = "noiommu" },
	{ "device without IOMMU: no type set", "container.c vfio_group_use_container", OPENED,
		GET_DEVICE(GROUP2, "0002:01:00.0"), -EINVAL, "iommu-not-set",
		.first = STEPS(NOIOMMU, { SET_CONTAINER(GROUP2, CONTAINER) }), .host = "noiommu" },
	{ "device without IOMMU from a real group", FROM_NAME, V2,
		GET_DEVICE(GROUP, "0002:01:00.0"), -ENODEV, "no-such-device", .host = "noiommu" },

	/* Opening a group. */
	{ "open twice", OPEN_GROUP, OPENED, OPEN(X0, "1"), -EBUSY, "group-is-open" },
	{ "open twice, in a container", OPEN_GROUP, V2, OPEN(X0, "1"), -EBUSY, "group-is-open" },
	{ "open another", OPEN_GROUP, V2, OPEN(X0, "3"), FD },
	{ "open again once closed", OPEN_GROUP, OPENED, OPEN(X0, "1"), FD,
		.first = STEPS({ CLOSE(GROUP) }) },
	{ "open while its device is open", OPEN_GROUP, DEV, OPEN(X0, "1"), -EBUSY, "group-is-open",
		.first = STEPS({ CLOSE(GROUP) }) },
	{ "open once its device is closed", OPEN_GROUP, DEV, OPEN(X0, "1"), FD,
		.first = STEPS({ CLOSE(GROUP) }, { CLOSE(DEVICE) }) },
	{ "open a no-IOMMU group twice", OPEN_GROUP, OPENED, OPEN(X0, "noiommu-0"), -EBUSY,
		"group-is-open", .first = STEPS(NOIOMMU), .host = "noiommu" },
	{ "open what is not there", OPEN_GROUP, NOTHING, OPEN(X0, "77"), -ENODEV, "no-such-group",
		.local = true },
	{ "open a no-IOMMU group by its number", OPEN_GROUP, NOTHING, OPEN(X0, "0"), -ENODEV,
		"no-such-group", .host = "noiommu", .local = true },
	{ "open a group without vfio-pci", OPEN_GROUP, NOTHING, OPEN(X0, "3"), -ENODEV,
		"no-vfio-device", .host = "drivers", .local = true },

	/* Other calls. */
	{ "unknown call", "group.c vfio_group_fops_unl_ioctl", V2, IOCTL(GROUP, UNKNOWN, VALUE(0)),
		-ENOTTY },
	{ "call 0", "group.c vfio_group_fops_unl_ioctl", V2, IOCTL(GROUP, 0, VALUE(0)), -ENOTTY },
	{ "terminal's call", "group.c vfio_group_fops_unl_ioctl", V2,
		IOCTL(GROUP, 0x5401, POINTER(RW)), -ENOTTY },
	{ "container's call", "group.c vfio_group_fops_unl_ioctl", V2,
		SET_IOMMU(GROUP, VFIO_TYPE1v2_IOMMU), -ENOTTY },
	{ "container's version", "group.c vfio_group_fops_unl_ioctl", V2,
		IOCTL(GROUP, VFIO_GET_API_VERSION, VALUE(0)), -ENOTTY },
	{ "type 1's call", "group.c vfio_group_fops_unl_ioctl", V2,
		IOCTL(GROUP, VFIO_IOMMU_MAP_DMA, POINTER(HOLE)), -ENOTTY },
	{ "device's call", "group.c vfio_group_fops_unl_ioctl", DEV,
		IOCTL(GROUP, VFIO_DEVICE_GET_INFO, POINTER(RW)), -ENOTTY },
	{ "status with a size in its number", "group.c vfio_group_fops_unl_ioctl", V2,
		IOCTL(GROUP, _IOR(';', 103, struct vfio_group_status), POINTER(RW)), -ENOTTY },
	{ "read a group", "group.c vfio_group_fops", V2, PREAD(GROUP, 0, 4), -EINVAL },
	{ "write a group", "group.c vfio_group_fops", V2, PWRITE(GROUP, 0, 1, 2, 3, 4), -EINVAL },
	{ "map a group", "group.c vfio_group_fops", V2, MMAP(GROUP, 0, PAGE, PROT_READ), -ENODEV },

	/* Closing: container, group and device in any order; each keeps what it needs. */
	{ "close the group: it leaves", RELEASE, JOINED, CLOSE(GROUP), 0, .after.may = MAY_STATUS,
		.then = STEPS({ SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), -EINVAL }) },
	{ "close the last group: the IOMMU goes", RELEASE, MAPPED, CLOSE(GROUP), 0,
		.after.may = MAY_STATUS | MAY_ENTRIES | MAY_EXTENSIONS | MAY_DOMAINS,
		.then = STEPS({ MAPPINGS, 0 }, { MAP(0, RW, PAGE, F_RW), -EINVAL },
			{ OPEN(GROUP, "1"), FD }, { SET_CONTAINER(GROUP, CONTAINER) }) },
	{ "close a group of two", RELEASE, TWO, CLOSE(GROUP2), 0,
		.after = { .attachments = -2, .may = MAY_STATUS } },
	{ "close the group: its device keeps it", RELEASE, DEV, CLOSE(GROUP), 0,
		.after.may = MAY_STATUS,
		.then = STEPS({ MAP(0, RW, PAGE, F_RW) }, { OPEN(X0, "1"), -EBUSY },
			{ PREAD(DEVICE, CONFIG, 4), 4 }) },
	{ "device, group, container", RELEASE, DEV_MSIX, CLOSE(DEVICE), 0,
		.after.may = MAY_CONFIG | MAY_IRQS,
		.then = STEPS({ CLOSE(GROUP) }, { CLOSE(CONTAINER) }, { OPEN(X0, "1"), FD }) },
	{ "device, container, group", RELEASE, DEV_MSIX, CLOSE(DEVICE), 0,
		.after.may = MAY_CONFIG | MAY_IRQS,
		.then = STEPS({ CLOSE(CONTAINER) }, { CLOSE(GROUP) }, { OPEN(X0, "1"), FD }) },
	{ "group, device, container", RELEASE, DEV_MSIX, CLOSE(GROUP), 0, .after.may = MAY_STATUS,
		.then = STEPS({ CLOSE(DEVICE) }, { CLOSE(CONTAINER) }, { OPEN(X0, "1"), FD }) },
	{ "group, container, device", RELEASE, DEV_MSIX, CLOSE(GROUP), 0, .after.may = MAY_STATUS,
		.then = STEPS({ CLOSE(CONTAINER) }, { IRQ_NONE(ACT_TRIGGER, MSIX, 0, 1) },
			{ SIGNALS(EV0), 1 }, { CLOSE(DEVICE) }, { OPEN(X0, "1"), FD }) },
	{ "container, group, device", RELEASE, DEV_MSIX, CLOSE(CONTAINER), 0,
		.after.may = MAY_ENTRIES | MAY_EXTENSIONS,
		.then = STEPS({ CLOSE(GROUP) }, { PREAD(DEVICE, CONFIG, 4), 4 }, { CLOSE(DEVICE) },
			{ OPEN(X0, "1"), FD }) },
	{ "container, device, group", RELEASE, DEV_MSIX, CLOSE(CONTAINER), 0,
		.after.may = MAY_ENTRIES | MAY_EXTENSIONS,
		.then = STEPS({ CLOSE(DEVICE) }, { CLOSE(GROUP) }, { OPEN(X0, "1"), FD }) },
	{ "the mapping of a device that alone is left", RELEASE, MAPPED, CLOSE(CONTAINER), 0,
		.after.may = MAY_ENTRIES | MAY_EXTENSIONS,
		.first = STEPS({ OPEN_DEVICE(X0, GROUP, DEV1), FD }),
		.then = STEPS({ CLOSE(GROUP) }, { MAPPINGS, 1 }, { CLOSE(X0) }, { MAPPINGS, 0 }) },
};

AREA(group, rows);
