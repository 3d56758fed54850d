/* SPDX-License-Identifier: MIT */
/*
 * INTx (PCI Express Base 6.1.2): the level of an interrupt pin, which travels as a pair of messages
 * and not as a memory write: neither the IOMMU nor bus mastering is in its way. The pin is active
 * while the device asserts it (Status.Interrupt Status) and neither Command.INTx Disable, MSI nor
 * MSI-X holds it back.
 *
 * And what a model calls to raise an interrupt of whatever kind, and how those that are messages go out.
 */
#include "pci/internal.h"

bool pci_intx_asserted(const struct pci_dev *dev)
{
	return pci_config_get16(dev, PCI_STATUS) & PCI_STATUS_INTX;
}

static bool active(const struct pci_dev *dev)
{
	return pci_intx_asserted(dev) &&
	       !(pci_config_get16(dev, PCI_COMMAND) & PCI_COMMAND_INTX_OFF) && pci_powered(dev) &&
	       !pci_msi_enabled(dev) && !pci_msix_enabled(dev);
}

void pci_intx_flush(struct pci_dev *dev)
{
	if (dev->intx.fn && active(dev))
		dev->intx.fn(dev->intx.ctx);
}

static void set_bit(struct pci_dev *dev, unsigned off, uint16_t bit, bool on)
{
	uint16_t val = pci_config_get16(dev, off) & (uint16_t)~bit;

	pci_config_put(dev, off, 2, on ? val | bit : val);
	pci_intx_flush(dev);
}

void pci_intx_set(struct pci_dev *dev, bool asserted)
{
	bool was = active(dev);

	if (!dev->intx.present || asserted == pci_intx_asserted(dev))
		return;
	set_bit(dev, PCI_STATUS, PCI_STATUS_INTX, asserted);
	if (active(dev) != was)
		pci_tell_interrupt(dev, "INTX", 0, asserted ? "asserted" : "deasserted");
}

void pci_intx_disable(struct pci_dev *dev, bool disable)
{
	set_bit(dev, PCI_COMMAND, PCI_COMMAND_INTX_OFF, disable);
}

void pci_intx_connect(struct pci_dev *dev, void (*fn)(void *ctx), void *ctx)
{
	dev->intx.fn = fn;
	dev->intx.ctx = ctx;
	pci_intx_flush(dev);
}

bool pci_message(struct pci_dev *dev, const struct pci_message *msg, bool again)
{
	int err = dma_message(&dev->master, NB_IOVA(msg->addr), &msg->data, sizeof(msg->data));

	if (err == DMA_STALLED) {
		dev->messages = true;
		if (!again)
			pci_tell_interrupt(dev, msg->name, msg->vector, "pending");
		return false;
	}
	if (again && err)
		pci_message_forget(
			dev, msg->addr); /* bus-master disabled: nobody asked the IOMMU */
	pci_tell_interrupt(dev, msg->name, msg->vector, err ? "lost" : "delivered");
	return true;
}

void pci_message_forget(struct pci_dev *dev, uint64_t addr)
{
	const struct dma_txn txn = {
		.iova = NB_IOVA(addr), .sid = dev->master.sid, .prot = NB_DMA_WRITE
	};

	dma_forget(&dev->master, &txn);
}

void pci_irq_flush(struct pci_dev *dev)
{
	pci_msix_flush(dev);
	pci_msi_flush(dev);
	pci_intx_flush(dev);
}

void pci_irq_raise(struct pci_dev *dev, unsigned n)
{
	if (pci_msix_enabled(dev))
		pci_msix_raise(dev, n);
	else if (pci_msi_enabled(dev))
		pci_msi_raise(dev, n);
	else
		pci_intx_set(dev, true);
}
