/* SPDX-License-Identifier: MIT */
/* What the files of src/pci share: configuration space as data, and the hooks between them. */
#ifndef PCI_INTERNAL_H
#define PCI_INTERNAL_H

#include "pci/pci.h"

#define PCI_COMMAND	       0x04
#define PCI_COMMAND_MEMORY     0x0002
#define PCI_COMMAND_MASTER     0x0004
#define PCI_COMMAND_INTX_OFF   0x0400
#define PCI_STATUS	       0x06
#define PCI_STATUS_INTX	       0x0008
#define PCI_STATUS_CAP_LIST    0x0010
#define PCI_BAR(i)	       (0x10 + 4 * (i))
#define PCI_BAR_MEM64	       0x4
#define PCI_BAR_PREFETCH       0x8
#define PCI_CAP_PTR	       0x34
#define PCI_INTERRUPT_PIN      0x3d
#define PCI_PMCSR	       4 /* in the power management capability */
#define PCI_PMCSR_STATE	       0x3
#define PCI_DEVCTL	       8 /* in the PCI Express capability */
#define PCI_DEVCTL_FLR	       0x8000
#define PCI_MSI_CONTROL	       2 /* in the MSI capability, of the 64-bit kind */
#define PCI_MSI_ENABLE	       0x0001
#define PCI_MSI_CAPABLE	       0x000e /* log2 of vectors: of the device, */
#define PCI_MSI_ENABLED	       0x0070 /* and as software set it */
#define PCI_MSI_64BIT	       0x0080
#define PCI_MSI_MASKABLE       0x0100
#define PCI_MSI_ADDR	       4
#define PCI_MSI_DATA	       12
#define PCI_MSI_MASK	       16
#define PCI_MSI_PENDING	       20
#define PCI_MSIX_CONTROL       2 /* in the MSI-X capability */
#define PCI_MSIX_FUNCTION_MASK 0x4000
#define PCI_MSIX_ENABLE	       0x8000

/* Extended capabilities (PCI Express Base 7.6.3), and the errors that AER knows of an endpoint */
#define PCI_EXT_AER	      0x0001
#define PCI_EXT_SERIAL	      0x0003
#define PCI_EXT_SECONDARY     0x0019
#define PCI_AER_UNCORRECTABLE 0x005ff010
#define PCI_AER_CORRECTABLE   0x0000f1c1

static inline uint16_t pci_config_get16(const struct pci_dev *dev, unsigned off)
{
	return (uint16_t)(dev->config[off] | dev->config[off + 1] << 8);
}

static inline uint32_t pci_config_get32(const struct pci_dev *dev, unsigned off)
{
	return pci_config_get16(dev, off) | (uint32_t)pci_config_get16(dev, off + 2) << 16;
}

bool pci_powered(const struct pci_dev *dev); /* not in D3hot */
void pci_config_put(struct pci_dev *dev, unsigned off, unsigned width, uint32_t val);
void pci_config_fields(
	struct pci_dev *dev, unsigned base, const struct pci_field *fields, unsigned n);
void pci_caps_reset(struct pci_dev *dev); /* write the capabilities and their list */

/* bar.c: the memory behind the BARs. */
int pci_bars_init(struct pci_dev *dev, struct error *error);
void pci_bars_finish(struct pci_dev *dev);
void pci_bars_clear(struct pci_dev *dev); /* to zero, as after power-on */

/** A message of MSI or MSI-X. */
struct pci_message {
	const char *name; /* "MSIX" */
	unsigned vector;
	uint64_t addr;
	uint32_t data;
};

/* msix.c */
/* names.c */
bool pci_config_name(const struct pci_dev *dev, unsigned off, char *buf, size_t size);

/** Tell of an event. */
void pci_tell(struct pci_dev *dev, const struct pci_event *event);
/** Of an interrupt; outcome as in struct pci_event. */
void pci_tell_interrupt(
	struct pci_dev *dev, const char *name, unsigned vector, const char *outcome);

bool pci_msix_init(struct pci_dev *dev);
void pci_msix_finish(struct pci_dev *dev);
void pci_msix_forget(struct pci_dev *dev); /* pending bits, at reset */
void pci_msix_flush(struct pci_dev *dev);  /* deliver what is pending and no longer masked */
/** A read of the PBA; false: it is none. */
bool pci_msix_pending_bits(
	const struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size, uint64_t *val);
bool pci_msix_enabled(const struct pci_dev *dev);
bool pci_msix_covers(const struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size);

/* msi.c */
void pci_msi_forget(struct pci_dev *dev);
void pci_msi_flush(struct pci_dev *dev);

/* intx.c: call the host's handler if the wire is active. */
void pci_intx_flush(struct pci_dev *dev);
/**
 * The memory write that is a message; where it aborts (bus-master disabled, or no translation) it is
 * lost: a posted write, so the device does not learn of it. False: it stalled, and is to be tried again
 * from pci_irq_flush, or forgotten. again: it had stalled before.
 */
bool pci_message(struct pci_dev *dev, const struct pci_message *msg, bool again);
/** A message that stalled will not be tried again as it was. */
void pci_message_forget(struct pci_dev *dev, uint64_t addr);
/* All kinds: what waited and is held back no longer, whatever register said so. */
void pci_irq_flush(struct pci_dev *dev);

#endif
