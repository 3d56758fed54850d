/* SPDX-License-Identifier: MIT */
/*
 * MSI (PCI Express Base 6.1.4 and 7.7.1; PCI Local Bus 3.0 6.8): everything is in the capability's
 * registers. One address and one data word serve all vectors: the vector's number takes the low bits
 * of the data, as many as software enabled. Mask and pending bits are optional.
 */
#include "base/bits.h"
#include "pci/internal.h"

static uint16_t control(const struct pci_dev *dev)
{
	return dev->cap_msi ? pci_config_get16(dev, dev->cap_msi + PCI_MSI_CONTROL) : 0;
}

bool pci_msi_enabled(const struct pci_dev *dev)
{
	return control(dev) & PCI_MSI_ENABLE;
}

/* 7.7.1.2: more than the device is capable of is undefined. UNPREDICTABLE: all that it has. */
static unsigned enabled_vectors(const struct pci_dev *dev)
{
	return MIN(1u << (control(dev) & PCI_MSI_ENABLED) / 0x10, dev->msi.vectors);
}

static uint32_t mask_bits(const struct pci_dev *dev)
{
	return dev->msi.maskable ? pci_config_get32(dev, dev->cap_msi + PCI_MSI_MASK) : 0;
}

static uint32_t pending_bits(const struct pci_dev *dev)
{
	return dev->msi.maskable ? pci_config_get32(dev, dev->cap_msi + PCI_MSI_PENDING) : 0;
}

static void put_pending(struct pci_dev *dev, uint32_t bits)
{
	if (dev->msi.maskable)
		pci_config_put(dev, dev->cap_msi + PCI_MSI_PENDING, 4, bits);
}

static uint64_t address(const struct pci_dev *dev)
{
	unsigned cap = dev->cap_msi;

	return pci_config_get32(dev, cap + PCI_MSI_ADDR) |
	       (uint64_t)pci_config_get32(dev, cap + PCI_MSI_ADDR + 4) << 32;
}

static void deliver(struct pci_dev *dev, unsigned vector, bool again)
{
	uint32_t data = pci_config_get16(dev, dev->cap_msi + PCI_MSI_DATA);
	struct pci_message msg = { "MSI", vector, address(dev),
		(data & ~(enabled_vectors(dev) - 1)) | vector };

	if (pci_message(dev, &msg, again))
		return;
	dev->msi.stalled |= 1u << vector;
	put_pending(dev, pending_bits(dev) | 1u << vector);
}

void pci_msi_flush(struct pci_dev *dev)
{
	uint32_t stalled = dev->msi.stalled;
	uint32_t due = (pending_bits(dev) | stalled) & ~mask_bits(dev);

	if (!due || !pci_msi_enabled(dev))
		return;
	put_pending(dev, pending_bits(dev) & ~due);
	dev->msi.stalled &= ~due;
	for (unsigned i = 0; i < enabled_vectors(dev); i++)
		if (due >> i & 1)
			deliver(dev, i, stalled >> i & 1);
}

/* All vectors write to one address: what stalled is one transaction to the IOMMU. */
static void unstall(struct pci_dev *dev)
{
	if (dev->msi.stalled)
		pci_message_forget(dev, address(dev));
}

void pci_msi_forget(struct pci_dev *dev)
{
	if (!dev->cap_msi)
		return;
	unstall(dev);
	dev->msi.stalled = 0;
	put_pending(dev, 0);
}

void pci_msi_set(struct pci_dev *dev, uint64_t addr, uint16_t data, unsigned vectors_lg2)
{
	unsigned cap = dev->cap_msi;
	uint16_t ctl = control(dev) & (uint16_t)~PCI_MSI_ENABLED;

	if (!cap)
		return;
	unstall(dev);
	pci_config_put(dev, cap + PCI_MSI_CONTROL, 2, ctl | vectors_lg2 << 4);
	pci_config_put(dev, cap + PCI_MSI_ADDR, 4, (uint32_t)addr);
	pci_config_put(dev, cap + PCI_MSI_ADDR + 4, 4, (uint32_t)(addr >> 32));
	pci_config_put(dev, cap + PCI_MSI_DATA, 2, data);
}

void pci_msi_mask(struct pci_dev *dev, unsigned vector, bool masked)
{
	uint32_t bit = 1u << vector, mask = mask_bits(dev);

	if (!dev->cap_msi || !dev->msi.maskable || vector >= dev->msi.vectors)
		return;
	pci_config_put(dev, dev->cap_msi + PCI_MSI_MASK, 4, masked ? mask | bit : mask & ~bit);
	pci_msi_flush(dev);
}

void pci_msi_enable(struct pci_dev *dev, bool enable)
{
	uint16_t ctl = control(dev) & (uint16_t)~PCI_MSI_ENABLE;

	if (!dev->cap_msi)
		return;
	if (!enable)
		pci_msi_forget(dev);
	pci_config_put(dev, dev->cap_msi + PCI_MSI_CONTROL, 2, ctl | (enable ? PCI_MSI_ENABLE : 0));
	pci_msi_flush(dev);
	pci_intx_flush(dev);
}

/* 7.7.1.2: a device with fewer vectors than it asked for shares them as it likes: in turn. */
void pci_msi_raise(struct pci_dev *dev, unsigned vector)
{
	if (!pci_msi_enabled(dev))
		return;
	vector %= enabled_vectors(dev);
	if (!(mask_bits(dev) >> vector & 1)) {
		deliver(dev, vector, dev->msi.stalled >> vector & 1);
		return;
	}
	put_pending(dev, pending_bits(dev) | 1u << vector);
	pci_tell_interrupt(dev, "MSI", vector, "pending");
}
