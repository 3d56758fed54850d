/* SPDX-License-Identifier: MIT */
/* Devices: descriptions, regions, configuration space, reset. Linux 7.3 drivers/vfio/pci. */
#include "conform/conform.h"

static const struct row rows[] = {
	{ "the device's description", "pci/vfio_pci_core.c vfio_pci_ioctl_get_info", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_INFO, WORDS(16, 0, 0, 0)), 0,
		.see = { WORD(2, 9), WORD(3, 5) } },
	{ "bus mastering is off at open", "pci/vfio_pci_core.c vfio_pci_core_enable", DEV,
		PREAD(DEVICE, CONFIG + 4, 2), 2, .see = { BYTE(0, 2) } },
	{ "bus mastering on", "pci/vfio_pci_config.c vfio_basic_config_write", DEV,
		PWRITE(DEVICE, CONFIG + 4, 6, 0), 2, .after.may = MAY_CONFIG,
		.then = STEPS({ PREAD(DEVICE, CONFIG + 4, 2), 2, { BYTE(0, 6) } }) },
	{ "map the registers", "pci/vfio_pci_core.c vfio_pci_core_mmap", DEV,
		MMAP(DEVICE, REGION(0), PAGE, PROT_READ | PROT_WRITE), 0 },
};

AREA(device, rows);
