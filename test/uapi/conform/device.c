/* SPDX-License-Identifier: MIT */
/* GET_INFO and GET_REGION_INFO. Linux 7.3 drivers/vfio/pci/vfio_pci_core.c, vfio_main.c. */
#include "conform/conform.h"

#define GET_INFO   "pci/vfio_pci_core.c vfio_pci_ioctl_get_info"
#define REGIONS	   "pci/vfio_pci_core.c vfio_pci_ioctl_get_region_info"
#define MAIN	   "vfio_main.c vfio_get_region_info"
#define RWM	   (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP)
#define BAR0_BYTES 16384

/* The words of struct vfio_device_info as far as they are given. */
#define INFO(...) IOCTL(DEVICE, VFIO_DEVICE_GET_INFO, WORDS(__VA_ARGS__))
/* The rest of the struct, which is all output, holds 77. */
#define REGION_INFO(argsz, index)                                                                  \
	IOCTL(DEVICE, VFIO_DEVICE_GET_REGION_INFO, WORDS(argsz, 77, index, 77, 77, 77, 77, 77))
/* With room for capabilities. */
#define REGION_INFO_ROOM(argsz, index)                                                             \
	IOCTL(DEVICE, VFIO_DEVICE_GET_REGION_INFO,                                                 \
		WORDS(argsz, 77, index, 77, 77, 77, 77, 77, 77, 77, 77, 77))
#define ABSENT                                                                                     \
	{                                                                                          \
		WORD(0, 32), WORD(1, 0), WORD(3, 77), WORD(4, 0), WORD(5, 0)                       \
	}

static const struct row rows[] = {
	/* ---- GET_INFO ---- */
	{ "info: all of it", GET_INFO, DEV, INFO(24, 77, 77, 77, 77, 77), 0,
		.see = { WORD(0, 24), WORD(1, 3), WORD(2, 9), WORD(3, 5), WORD(4, 0),
			WORD(5, 0) } },
	{ "info: the first version of the struct", GET_INFO, DEV, INFO(16, 0, 0, 0, 77, 77), 0,
		.see = { WORD(0, 16), WORD(1, 3), WORD(2, 9), WORD(3, 5), WORD(4, 77),
			WORD(5, 77) } },
	{ "info: with cap_offset, which was in a later one", GET_INFO, DEV,
		INFO(20, 0, 0, 0, 77, 77), 0, .see = { WORD(0, 20), WORD(4, 0), WORD(5, 77) } },
	{ "info: part of a word", GET_INFO, DEV, INFO(18, 0, 0, 0, 0x77777777, 77), 0,
		.see = { WORD(0, 18), WORD(4, 0x77770000) } },
	{ "info: a larger argsz stays", GET_INFO, DEV, INFO(4096, 0, 0, 0, 0, 0), 0,
		.see = { WORD(0, 4096), WORD(1, 3), WORD(4, 0) } },
	{ "info: the largest argsz", GET_INFO, DEV, INFO(UINT32_MAX, 0, 0, 0, 0, 0), 0,
		.see = { WORD(0, UINT32_MAX), WORD(1, 3) } },
	{ "info: argsz too small", GET_INFO, DEV, INFO(15, 77, 77, 77), -EINVAL, "argsz-too-small",
		.see = { WORD(0, 15), WORD(1, 77), WORD(2, 77), WORD(3, 77) } },
	{ "info: argsz 0", GET_INFO, DEV, INFO(0, 0, 0, 0), -EINVAL, "argsz-too-small" },
	{ "info: only argsz is there", GET_INFO, DEV, INFO(24), -EFAULT, "bad-argument-pointer" },
	{ "info: all but the last word is there", GET_INFO, DEV, INFO(16, 0, 0), -EFAULT,
		"bad-argument-pointer" },
	{ "info: less is there than argsz says", GET_INFO, DEV, INFO(24, 0, 0, 0), -EFAULT,
		"bad-argument-pointer" },
	{ "info: no pointer", GET_INFO, DEV, IOCTL(DEVICE, VFIO_DEVICE_GET_INFO, POINTER(NULLP)),
		-EFAULT, "bad-argument-pointer" },
	{ "info: cannot be read", GET_INFO, DEV, IOCTL(DEVICE, VFIO_DEVICE_GET_INFO, POINTER(NONE)),
		-EFAULT, "bad-argument-pointer" },
	{ "info: cannot be written", GET_INFO, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_INFO, POINTER(RO)), -EFAULT, "bad-argument-pointer" },
	{ "info: the end cannot be written", GET_INFO, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_INFO, POINTER(HOLE - 8)), -EFAULT,
		"bad-argument-pointer" },

	/* ---- GET_REGION_INFO ---- */
	{ "region: a BAR with the MSI-X table says how much more there is", MAIN, DEV,
		REGION_INFO(32, 0), 0,
		.see = { WORD(0, 40), WORD(1, RWM | VFIO_REGION_INFO_FLAG_CAPS), WORD(3, 0),
			WORD(4, BAR0_BYTES), WORD(5, 0) } },
	{ "region: no room for the last byte of its capability", MAIN, DEV, REGION_INFO_ROOM(39, 0),
		0,
		.see = { WORD(0, 40), WORD(1, RWM | VFIO_REGION_INFO_FLAG_CAPS), WORD(3, 0),
			WORD(8, 77), WORD(9, 77) } },
	{ "region: its capability is MSI-X mappable, not sparse mmap", REGIONS, DEV,
		REGION_INFO_ROOM(40, 0), 0,
		.see = { WORD(0, 40), WORD(1, RWM | VFIO_REGION_INFO_FLAG_CAPS), WORD(3, 32),
			WORD(8, 1 << 16 | 3), WORD(9, 0), WORD(10, 77) } },
	{ "region: more room than needed", MAIN, DEV, REGION_INFO_ROOM(48, 0), 0,
		.see = { WORD(0, 48), WORD(3, 32), WORD(8, 1 << 16 | 3), WORD(10, 77) } },
	{ "region: the room for the capability is not there", MAIN, DEV, REGION_INFO(40, 0),
		-EFAULT, "bad-argument-pointer", .see = { WORD(0, 40), WORD(1, 77), WORD(3, 77) } },
	{ "region: cannot be written", MAIN, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_REGION_INFO, POINTER(RO)), -EFAULT,
		"bad-argument-pointer" },
	{ "region: BAR 1 is the high half of BAR 0", REGIONS, DEV, REGION_INFO(32, 1), 0,
		.see = ABSENT },
	{ "region: BAR 2 is not there", REGIONS, DEV, REGION_INFO(32, 2), 0, .see = ABSENT },
	{ "region: BAR 3 is not there", REGIONS, DEV, REGION_INFO(32, 3), 0, .see = ABSENT },
	{ "region: BAR 4 is not there", REGIONS, DEV, REGION_INFO(32, 4), 0, .see = ABSENT },
	{ "region: BAR 5 is not there", REGIONS, DEV, REGION_INFO(32, 5), 0, .see = ABSENT },
	{ "region: no ROM", REGIONS, DEV, REGION_INFO(32, 6), 0, .see = ABSENT },
	{ "region: configuration space", REGIONS, DEV, REGION_INFO(32, 7), 0,
		.see = { WORD(0, 32), WORD(1, 3), WORD(3, 77), WORD(4, 4096), WORD(5, 0) } },
	{ "region: a larger argsz without capabilities stays", MAIN, DEV, REGION_INFO(4096, 7), 0,
		.see = { WORD(0, 4096), WORD(1, 3), WORD(3, 77) } },
	{ "region: no VGA", REGIONS, DEV, REGION_INFO(32, 8), -EINVAL,
		.see = { WORD(0, 32), WORD(1, 77), WORD(4, 77) } },
	{ "region: no region 9", REGIONS, DEV, REGION_INFO(32, 9), -EINVAL, "no-such-region" },
	{ "region: no such region", REGIONS, DEV, REGION_INFO(32, UINT32_MAX), -EINVAL,
		"no-such-region" },
	{ "region: argsz too small", MAIN, DEV, REGION_INFO(31, 0), -EINVAL, "argsz-too-small",
		.see = { WORD(0, 31), WORD(1, 77) } },
	{ "region: argsz is looked at before the index", MAIN, DEV, REGION_INFO(31, 99), -EINVAL,
		"argsz-too-small" },
	{ "region: no pointer", MAIN, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_REGION_INFO, POINTER(NULLP)), -EFAULT,
		"bad-argument-pointer" },
	{ "region: the last word is not there", MAIN, DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_REGION_INFO, WORDS(32, 0, 0, 0, 0, 0, 0)), -EFAULT,
		"bad-argument-pointer" },

	/* ---- other calls ---- */
	{ "a call of other devices", "pci/vfio_pci_core.c vfio_pci_core_ioctl", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_QUERY_GFX_PLANE, POINTER(NULLP)), -ENOTTY },
	{ "another call of other devices", "pci/vfio_pci_core.c vfio_pci_core_ioctl", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_GFX_DMABUF, VALUE(0)), -ENOTTY },
	{ "a number that no call has", "pci/vfio_pci_core.c vfio_pci_core_ioctl", DEV,
		IOCTL(DEVICE, _IO(VFIO_TYPE, VFIO_BASE + 40), VALUE(0)), -ENOTTY },
	{ "a call of groups", "pci/vfio_pci_core.c vfio_pci_core_ioctl", DEV,
		IOCTL(DEVICE, VFIO_GROUP_GET_STATUS, POINTER(RW)), -ENOTTY },
	{ "a call of containers", "pci/vfio_pci_core.c vfio_pci_core_ioctl", DEV,
		IOCTL(DEVICE, VFIO_GET_API_VERSION, VALUE(0)), -ENOTTY },
};

AREA(device, rows);
