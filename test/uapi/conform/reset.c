/* SPDX-License-Identifier: MIT */
/* DEVICE_RESET and hot reset. Linux 7.3 drivers/vfio/pci/vfio_pci_core.c. */
#include "conform/conform.h"

#define RESET	"pci/vfio_pci_core.c vfio_pci_ioctl_reset"
#define TRY	"pci/pci.c pci_try_reset_function"
#define INFO	"pci/vfio_pci_core.c vfio_pci_ioctl_get_pci_hot_reset_info"
#define FILL	"pci/vfio_pci_core.c vfio_pci_fill_devs"
#define HOT	"pci/vfio_pci_core.c vfio_pci_ioctl_pci_hot_reset"
#define GROUPS	"pci/vfio_pci_core.c vfio_pci_ioctl_pci_hot_reset_groups"
#define SET	"pci/vfio_pci_core.c vfio_pci_dev_set_hot_reset"
#define CHANCMP (REGION(0) + 0x98) /* a register that keeps what is written */
#define COMMAND (CONFIG + 0x04)
#define DEVCTL	(CONFIG + 0x98)
#define PMCSR	(CONFIG + 0xe4)
#define MINE	0x40, 0x02, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00

#define RESET_IT IOCTL(DEVICE, VFIO_DEVICE_RESET, VALUE(0))
#define HOT_INFO(on, argsz, more)                                                                  \
	IOCTL(on, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,                                              \
		{ .kind = ARG_BYTES,                                                               \
			.bytes = (const uint32_t[]){ argsz, 77, 77 },                              \
			.n = 12,                                                                   \
			.room = (more) })
#define HOT_RESET(on, argsz, flags, count, ...)                                                    \
	IOCTL(on, VFIO_DEVICE_PCI_HOT_RESET,                                                       \
		{ .kind = ARG_BYTES,                                                               \
			.fds = N_ARGS(__VA_ARGS__),                                                \
			.n = 12 + 4 * N_ARGS(__VA_ARGS__),                                         \
			.bytes = (const uint32_t[]){ argsz, flags, count, __VA_ARGS__ } })
#define HOT_RESET_HEAD(on, argsz, flags, count)                                                    \
	IOCTL(on, VFIO_DEVICE_PCI_HOT_RESET, WORDS(argsz, flags, count))

/* The other device of the world TWO: two functions, both in group 3. */
#define OPEN_BOTH                                                                                  \
	{ OPEN_DEVICE(DEVICE, GROUP2, "0000:03:00.0"), FD },                                       \
	{                                                                                          \
		OPEN_DEVICE(DEVICE2, GROUP2, "0000:03:00.1"), FD                                   \
	}
/* Group `name` in a container of its own, and a device of it as DEVICE. */
#define OPEN_ALONE(name, device)                                                                   \
	{ OPEN(CONTAINER, "vfio"), FD }, { OPEN(GROUP, name), FD },                                \
		{ SET_CONTAINER(GROUP, CONTAINER) }, { SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU) }, \
	{                                                                                          \
		OPEN_DEVICE(DEVICE, GROUP, device), FD                                             \
	}
#define OPEN_NOIOMMU                                                                               \
	{ OPEN(CONTAINER, "vfio"), FD }, { OPEN(GROUP, "noiommu-0"), FD },                         \
		{ SET_CONTAINER(GROUP, CONTAINER) }, { SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU) }, \
	{                                                                                          \
		OPEN_DEVICE(DEVICE, GROUP, "0001:01:00.0"), FD                                     \
	}
#define IS_ZERO(on)                                                                                \
	{                                                                                          \
		PREAD(on, CHANCMP, 8), 8,                                                          \
		{                                                                                  \
			WORD(0, 0), WORD(1, 0)                                                     \
		}                                                                                  \
	}
#define IS_MINE(on)                                                                                \
	{                                                                                          \
		PREAD(on, CHANCMP, 8), 8,                                                          \
		{                                                                                  \
			WORD(0, 0x240), WORD(1, 5)                                                 \
		}                                                                                  \
	}
#define SET_MINE(on)                                                                               \
	{                                                                                          \
		PWRITE(on, CHANCMP, MINE), 8                                                       \
	}

static const struct row rows[] = {
	/* ---- DEVICE_RESET ---- */
	{ "reset: registers are as after power-on", RESET, DEV, RESET_IT, 0,
		.first = STEPS(SET_MINE(DEVICE), IS_MINE(DEVICE)), .then = STEPS(IS_ZERO(DEVICE)) },
	{ "reset: the argument is not looked at", RESET, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_RESET, POINTER(~0ull)), 0 },
	{ "reset: the command register is put back", TRY, DEV, RESET_IT, 0,
		.first = STEPS({ PWRITE(DEVICE, COMMAND, 0x46, 1), 2 }),
		.then = STEPS({ PREAD(DEVICE, COMMAND, 2), 2, { BYTE(0, 0x46), BYTE(1, 1) } }) },
	{ "reset: with memory disabled", TRY, DEV, RESET_IT, 0,
		.first = STEPS({ PWRITE(DEVICE, COMMAND, 0, 0), 2 }),
		.then = STEPS({ PREAD(DEVICE, CHANCMP, 8), -EIO }) },
	{ "reset: in D3hot, to D0", TRY, DEV, RESET_IT, 0, .after.may = MAY_CONFIG,
		.first = STEPS(
			{ PWRITE(DEVICE, PMCSR, 3, 0), 2 }, { PREAD(DEVICE, CHANCMP, 8), -EIO }),
		.then = STEPS({ PREAD(DEVICE, PMCSR, 1), 1, { BYTE(0, 8) } }, IS_ZERO(DEVICE)) },
	{ "reset: BARs keep what the program wrote", "pci/vfio_pci_config.c vfio_bar_fixup", DEV,
		RESET_IT, 0, .first = STEPS({ PWRITE(DEVICE, CONFIG + 0x10, 0, 0, 0, 0xfe), 4 }) },
	{ "reset: virtualised device control is kept",
		"pci/vfio_pci_config.c vfio_exp_config_write", DEV, RESET_IT, 0,
		.first = STEPS({ PWRITE(DEVICE, DEVCTL, 0x50, 0x59), 2 }),
		.then = STEPS({ PREAD(DEVICE, DEVCTL, 2), 2, { BYTE(0, 0x50), BYTE(1, 0x59) } }) },
	{ "reset: MSI-X stays enabled", "pci/msi/msi.c pci_restore_msi_state", DEV_MSIX, RESET_IT,
		0 },
	{ "reset: bus mastering off stays off", TRY, DEV, RESET_IT, 0,
		.then = STEPS({ PREAD(DEVICE, COMMAND, 2), 2, { BYTE(0, 2), BYTE(1, 0) } }) },

	/* ---- GET_PCI_HOT_RESET_INFO ---- */
	{ "info: how many", INFO, DEV, HOT_INFO(DEVICE, 12, 0), -ENOSPC,
		.see = { WORD(0, 12), WORD(1, 0), WORD(2, 1) } },
	{ "info: room for all but one byte", INFO, DEV, HOT_INFO(DEVICE, 19, 8), -ENOSPC,
		.see = { WORD(0, 19), WORD(1, 0), WORD(2, 1), WORD(3, 0), WORD(4, 0) } },
	{ "info: the device itself", FILL, DEV, HOT_INFO(DEVICE, 20, 8), 0,
		.see = { WORD(0, 20), WORD(1, 0), WORD(2, 1), WORD(3, 1), WORD(4, 0x00010000) } },
	{ "info: more room than needed", INFO, DEV, HOT_INFO(DEVICE, 28, 16), 0,
		.see = { WORD(0, 28), WORD(2, 1), WORD(3, 1), WORD(4, 0x00010000), WORD(5, 0) } },
	{ "info: two functions, room for one", INFO, TWO, HOT_INFO(DEVICE, 27, 16), -ENOSPC,
		.see = { WORD(0, 27), WORD(1, 0), WORD(2, 2), WORD(3, 0) },
		.first = STEPS(OPEN_BOTH) },
	{ "info: two functions of a bus", FILL, TWO, HOT_INFO(DEVICE, 28, 16), 0,
		.see = { WORD(1, 0), WORD(2, 2), WORD(3, 3), WORD(4, 0x00030000), WORD(5, 3),
			WORD(6, 0x01030000) },
		.first = STEPS(OPEN_BOTH) },
	{ "info: the same from the other function", FILL, TWO, HOT_INFO(DEVICE2, 28, 16), 0,
		.see = { WORD(2, 2), WORD(4, 0x00030000), WORD(6, 0x01030000) },
		.first = STEPS(OPEN_BOTH) },
	{ "info: argsz too small", INFO, DEV, HOT_INFO(DEVICE, 11, 0), -EINVAL, "argsz-too-small",
		.see = { WORD(1, 77), WORD(2, 77) } },
	{ "info: no room where argsz says so", INFO, DEV, HOT_INFO(DEVICE, 20, 0), -EFAULT,
		"bad-argument-pointer", .see = { WORD(1, 77), WORD(2, 77) } },
	{ "info: the list cannot be written", INFO, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, POINTER(RO)), -EFAULT,
		"bad-argument-pointer" },
	{ "info: no pointer", INFO, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, POINTER(NULLP)), -EFAULT,
		"bad-argument-pointer" },
	{ "info: only part of the header", INFO, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, WORDS(12, 0)), -EFAULT,
		"bad-argument-pointer" },

	/* ---- PCI_HOT_RESET: the call ---- */
	{ "hot: argsz too small", HOT, DEV, HOT_RESET(DEVICE, 11, 0, 1, GROUP), -EINVAL,
		"argsz-too-small" },
	{ "hot: argsz without the descriptors will do", HOT, DEV,
		HOT_RESET(DEVICE, 12, 0, 1, GROUP), 0 },
	{ "hot: flags", HOT, DEV, HOT_RESET(DEVICE, 16, 1, 1, GROUP), -EINVAL, "bad-hot-reset" },
	{ "hot: the last flag", HOT, DEV, HOT_RESET(DEVICE, 16, 1u << 31, 1, GROUP), -EINVAL,
		"bad-hot-reset" },
	{ "hot: no groups, which is for devices opened by themselves", HOT, DEV,
		HOT_RESET_HEAD(DEVICE, 12, 0, 0), -EINVAL, "bad-hot-reset" },
	{ "hot: more groups than devices", GROUPS, DEV, HOT_RESET(DEVICE, 20, 0, 2, GROUP, GROUP),
		-EINVAL, "bad-hot-reset" },
	{ "hot: a great many", GROUPS, DEV, HOT_RESET_HEAD(DEVICE, 12, 0, UINT32_MAX), -EINVAL,
		"bad-hot-reset" },
	{ "hot: the descriptors are not there", GROUPS, DEV, HOT_RESET_HEAD(DEVICE, 16, 0, 1),
		-EFAULT, "bad-argument-pointer" },
	{ "hot: no pointer", HOT, DEV, IOCTL(DEVICE, VFIO_DEVICE_PCI_HOT_RESET, POINTER(NULLP)),
		-EFAULT, "bad-argument-pointer" },
	{ "hot: a closed descriptor", GROUPS, DEV, HOT_RESET(DEVICE, 16, 0, 1, CLOSED), -EBADF,
		"bad-descriptor" },
	{ "hot: descriptor -1", GROUPS, DEV, HOT_RESET(DEVICE, 16, 0, 1, MINUS1), -EBADF,
		"bad-descriptor" },
	{ "hot: a regular file", GROUPS, DEV, HOT_RESET(DEVICE, 16, 0, 1, REGULAR), -EINVAL,
		"not-a-group" },
	{ "hot: a pipe", GROUPS, DEV, HOT_RESET(DEVICE, 16, 0, 1, PIPE), -EINVAL, "not-a-group" },
	{ "hot: an eventfd", GROUPS, DEV, HOT_RESET(DEVICE, 16, 0, 1, EV0), -EINVAL,
		"not-a-group" },
	{ "hot: the container", GROUPS, DEV, HOT_RESET(DEVICE, 16, 0, 1, CONTAINER), -EINVAL,
		"not-a-group" },
	{ "hot: the device", GROUPS, DEV, HOT_RESET(DEVICE, 16, 0, 1, DEVICE), -EINVAL,
		"not-a-group" },

	/* ---- PCI_HOT_RESET: whose devices ---- */
	{ "hot: its own group", SET, DEV, HOT_RESET(DEVICE, 16, 0, 1, GROUP), 0,
		.first = STEPS(SET_MINE(DEVICE)), .then = STEPS(IS_ZERO(DEVICE)) },
	{ "hot: another group", SET, TWO, HOT_RESET(DEVICE, 16, 0, 1, GROUP2), -EINVAL,
		"group-not-shown",
		.first = STEPS({ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }, SET_MINE(DEVICE)),
		.then = STEPS(IS_MINE(DEVICE)) },
	{ "hot: both functions of a group", SET, TWO, HOT_RESET(DEVICE, 16, 0, 1, GROUP2), 0,
		.first = STEPS(OPEN_BOTH, SET_MINE(DEVICE), SET_MINE(DEVICE2)),
		.then = STEPS(IS_ZERO(DEVICE), IS_ZERO(DEVICE2)) },
	{ "hot: through the other function", SET, TWO, HOT_RESET(DEVICE2, 16, 0, 1, GROUP2), 0,
		.first = STEPS(OPEN_BOTH, SET_MINE(DEVICE), SET_MINE(DEVICE2)),
		.then = STEPS(IS_ZERO(DEVICE), IS_ZERO(DEVICE2)) },
	{ "hot: a group twice", SET, TWO, HOT_RESET(DEVICE, 20, 0, 2, GROUP2, GROUP2), 0,
		.first = STEPS(OPEN_BOTH) },
	{ "hot: its group, and one more", SET, TWO, HOT_RESET(DEVICE, 20, 0, 2, GROUP, GROUP2), 0,
		.first = STEPS(OPEN_BOTH) },
	{ "hot: descriptors in their order: closed first", GROUPS, TWO,
		HOT_RESET(DEVICE, 20, 0, 2, CLOSED, PIPE), -EBADF, "bad-descriptor",
		.first = STEPS(OPEN_BOTH, SET_MINE(DEVICE)), .then = STEPS(IS_MINE(DEVICE)) },
	{ "hot: descriptors in their order: no group first", GROUPS, TWO,
		HOT_RESET(DEVICE, 20, 0, 2, PIPE, CLOSED), -EINVAL, "not-a-group",
		.first = STEPS(OPEN_BOTH, SET_MINE(DEVICE)), .then = STEPS(IS_MINE(DEVICE)) },
	{ "hot: a good one, then a closed one", GROUPS, TWO,
		HOT_RESET(DEVICE, 20, 0, 2, GROUP2, CLOSED), -EBADF, "bad-descriptor",
		.first = STEPS(OPEN_BOTH, SET_MINE(DEVICE)), .then = STEPS(IS_MINE(DEVICE)) },
	{ "hot: configuration space is put back", SET, DEV, HOT_RESET(DEVICE, 16, 0, 1, GROUP), 0,
		.first = STEPS({ PWRITE(DEVICE, COMMAND, 0x46, 1), 2 },
			{ PWRITE(DEVICE, CONFIG + 0x10, 0, 0, 0, 0xfe), 4 }) },
	{ "hot: in D3hot, to D0", SET, DEV, HOT_RESET(DEVICE, 16, 0, 1, GROUP), 0,
		.after.may = MAY_CONFIG, .first = STEPS({ PWRITE(DEVICE, PMCSR, 3, 0), 2 }),
		.then = STEPS({ PREAD(DEVICE, PMCSR, 1), 1, { BYTE(0, 8) } }, IS_ZERO(DEVICE)) },
	{ "hot: MSI-X stays enabled", SET, DEV_MSIX, HOT_RESET(DEVICE, 16, 0, 1, GROUP), 0 },

	/* ---- other hosts ---- */
	{ "info: on a root bus", INFO, NOTHING, HOT_INFO(DEVICE, 12, 0), -ENODEV, "no-hot-reset",
		.first = STEPS(OPEN_ALONE("1", "0000:00:04.0")), .host = "reset",
		.see = { WORD(1, 77), WORD(2, 77) } },
	{ "info: a root bus after argsz", INFO, NOTHING, HOT_INFO(DEVICE, 11, 0), -EINVAL,
		"argsz-too-small", .first = STEPS(OPEN_ALONE("1", "0000:00:04.0")),
		.host = "reset" },
	{ "hot: on a root bus", HOT, NOTHING, HOT_RESET(DEVICE, 16, 0, 1, GROUP), -ENODEV,
		"no-hot-reset", .first = STEPS(OPEN_ALONE("1", "0000:00:04.0")), .host = "reset" },
	{ "hot: a root bus after the flags", HOT, NOTHING, HOT_RESET(DEVICE, 16, 1, 1, GROUP),
		-EINVAL, "bad-hot-reset", .first = STEPS(OPEN_ALONE("1", "0000:00:04.0")),
		.host = "reset" },
	{ "hot: a root bus before the descriptors", HOT, NOTHING,
		HOT_RESET(DEVICE, 16, 0, 1, CLOSED), -ENODEV, "no-hot-reset",
		.first = STEPS(OPEN_ALONE("1", "0000:00:04.0")), .host = "reset" },
	{ "reset: on a root bus", RESET, NOTHING, RESET_IT, 0,
		.first = STEPS(OPEN_ALONE("1", "0000:00:04.0"), SET_MINE(DEVICE)),
		.then = STEPS(IS_ZERO(DEVICE)), .host = "reset" },
	{ "info: two groups on a bus", FILL, NOTHING, HOT_INFO(DEVICE, 28, 16), 0,
		.first = STEPS(OPEN_ALONE("2", "0000:01:00.0")), .host = "reset",
		.see = { WORD(2, 2), WORD(3, 2), WORD(4, 0x00010000), WORD(5, 3),
			WORD(6, 0x01010000) } },
	{ "hot: one group of two on a bus", SET, NOTHING, HOT_RESET(DEVICE, 16, 0, 1, GROUP),
		-EINVAL, "group-not-shown",
		.first = STEPS(OPEN_ALONE("2", "0000:01:00.0"), SET_MINE(DEVICE)),
		.then = STEPS(IS_MINE(DEVICE)), .host = "reset" },
	{ "hot: both groups of a bus, one in no container", SET, NOTHING,
		HOT_RESET(DEVICE, 20, 0, 2, GROUP, GROUP2), 0,
		.first = STEPS(OPEN_ALONE("2", "0000:01:00.0"), { OPEN(GROUP2, "3"), FD },
			SET_MINE(DEVICE)),
		.then = STEPS(IS_ZERO(DEVICE)), .host = "reset" },
	{ "info: a function without a driver is affected too", FILL, NOTHING,
		HOT_INFO(DEVICE, 28, 16), 0, .first = STEPS(OPEN_ALONE("4", "0000:02:00.0")),
		.host = "reset",
		.see = { WORD(2, 2), WORD(3, 4), WORD(4, 0x00020000), WORD(5, 4),
			WORD(6, 0x01020000) } },
	{ "hot: a function that VFIO does not hold",
		"pci/vfio_pci_core.c vfio_pci_dev_set_resettable", NOTHING,
		HOT_RESET(DEVICE, 16, 0, 1, GROUP), -EINVAL, "device-not-vfio",
		.first = STEPS(OPEN_ALONE("4", "0000:02:00.0"), SET_MINE(DEVICE)),
		.then = STEPS(IS_MINE(DEVICE)), .host = "reset" },
	{ "info: a function in no group", FILL, NOTHING, HOT_INFO(DEVICE, 28, 16), -EPERM,
		"not-isolated", .first = STEPS(OPEN_NOIOMMU), .host = "reset",
		.see = { WORD(1, 77), WORD(2, 77), WORD(3, 0), WORD(5, 0) } },
	{ "info: no room is found before that", INFO, NOTHING, HOT_INFO(DEVICE, 12, 0), -ENOSPC,
		.first = STEPS(OPEN_NOIOMMU), .host = "reset", .see = { WORD(2, 2) } },
};

AREA(reset, rows);
