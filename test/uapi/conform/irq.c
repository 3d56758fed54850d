/* SPDX-License-Identifier: MIT */
/* GET_IRQ_INFO and SET_IRQS. Linux 7.3 drivers/vfio/pci/vfio_pci_intrs.c. */
#include "conform/conform.h"

static const struct row rows[] = {
	{ "no such index", "pci/vfio_pci_core.c vfio_pci_ioctl_get_irq_info", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_IRQ_INFO,
			ARG(struct vfio_irq_info, .argsz = 16, .index = 5)),
		-EINVAL },
	{ "signal a vector by call", "pci/vfio_pci_intrs.c vfio_pci_set_msi_trigger", DEV_MSIX,
		IRQ_NONE(ACT_TRIGGER, MSIX, 1, 1), 0,
		.then = STEPS({ SIGNALS(EV1), 1 }, { SIGNALS(EV0), 0 }) },
	{ "a descriptor that is no eventfd", "pci/vfio_pci_intrs.c vfio_msi_set_vector_signal",
		DEV_MSIX, IRQ_FDS(ACT_TRIGGER, MSIX, 0, PIPE), -EINVAL },
};

AREA(irq, rows);
