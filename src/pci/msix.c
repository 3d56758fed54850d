/* SPDX-License-Identifier: MIT */
/*
 * MSI-X (PCI Express Base 6.1.4). The table is the host's: it programs vectors here, and what a
 * program reads or writes at the table's place in the BAR has no effect. Table and PBA take the
 * last two quarters of their BAR (0x2000 and 0x3000 of a CBDMA function's 16 KiB).
 *
 * FIDELITY: a mapping of the BAR shows zeros at the table and the PBA.
 */
#include <stdlib.h>

#include "pci/internal.h"

#define ENTRY_BYTES 16

bool pci_msix_init(struct pci_dev *dev)
{
	const struct pci_model *model = dev->model;
	uint64_t quarter = model->bars[model->msix_bar].bytes / 4;

	if (!model->msix_vectors)
		return true;
	dev->msix_table = 2 * quarter;
	dev->msix_pba = 3 * quarter;
	dev->msix = calloc(model->msix_vectors, sizeof(*dev->msix));
	return dev->msix != NULL;
}

void pci_msix_finish(struct pci_dev *dev)
{
	free(dev->msix);
	dev->msix = NULL;
}

static bool overlaps(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

bool pci_msix_covers(const struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size)
{
	unsigned vectors = dev->model->msix_vectors;

	if (!vectors || bar != dev->model->msix_bar)
		return false;
	return overlaps(off, size, dev->msix_table, (uint64_t)vectors * ENTRY_BYTES) ||
	       overlaps(off, size, dev->msix_pba, (vectors + 63) / 64 * 8);
}

bool pci_msix_pending_bits(
	const struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size, uint64_t *val)
{
	unsigned vectors = dev->model->msix_vectors;
	uint64_t first = 8 * (off - dev->msix_pba);

	if (!vectors || bar != dev->model->msix_bar || off < dev->msix_pba ||
		off >= dev->msix_pba + (vectors + 63) / 64 * 8)
		return false;
	*val = 0;
	for (uint64_t i = first; i < first + 8 * size && i < vectors; i++)
		*val |= (uint64_t)dev->msix[i].pending << (i - first);
	return true;
}

static uint16_t control(const struct pci_dev *dev)
{
	return dev->cap_msix ? pci_config_get16(dev, dev->cap_msix + PCI_MSIX_CONTROL) : 0;
}

bool pci_msix_enabled(const struct pci_dev *dev)
{
	return control(dev) & PCI_MSIX_ENABLE;
}

static void deliver(struct pci_dev *dev, struct pci_msix_vector *v)
{
	struct pci_message msg = { "MSIX", (unsigned)(v - dev->msix), v->addr, v->data };

	v->stalled = v->pending = !pci_message(dev, &msg, v->stalled);
}

static void unstall(struct pci_dev *dev, struct pci_msix_vector *v)
{
	if (v->stalled)
		pci_message_forget(dev, v->addr);
	v->stalled = false;
}

void pci_msix_flush(struct pci_dev *dev)
{
	if ((control(dev) & (PCI_MSIX_ENABLE | PCI_MSIX_FUNCTION_MASK)) != PCI_MSIX_ENABLE)
		return;
	for (unsigned i = 0; i < dev->model->msix_vectors; i++) {
		struct pci_msix_vector *v = &dev->msix[i];

		if (v->pending && v->armed && !v->masked)
			deliver(dev, v);
	}
}

void pci_msix_forget(struct pci_dev *dev)
{
	for (unsigned i = 0; i < dev->model->msix_vectors; i++) {
		unstall(dev, &dev->msix[i]);
		dev->msix[i].pending = false;
	}
}

void pci_msix_set(struct pci_dev *dev, unsigned vector, uint64_t addr, uint32_t data)
{
	struct pci_msix_vector *v;

	if (vector >= dev->model->msix_vectors)
		return;
	v = &dev->msix[vector];
	unstall(dev, v);
	v->addr = addr;
	v->data = data;
	v->armed = true;
	pci_msix_flush(dev);
}

void pci_msix_clear(struct pci_dev *dev, unsigned vector)
{
	if (vector >= dev->model->msix_vectors)
		return;
	unstall(dev, &dev->msix[vector]);
	dev->msix[vector] = (struct pci_msix_vector){ 0 };
}

void pci_msix_mask(struct pci_dev *dev, unsigned vector, bool masked)
{
	if (vector >= dev->model->msix_vectors)
		return;
	dev->msix[vector].masked = masked;
	pci_msix_flush(dev);
}

void pci_msix_enable(struct pci_dev *dev, bool enable)
{
	uint16_t ctl = control(dev);

	if (!dev->cap_msix)
		return;
	if (!enable)
		pci_msix_forget(dev);
	ctl = enable ? ctl | PCI_MSIX_ENABLE : ctl & (uint16_t)~PCI_MSIX_ENABLE;
	pci_config_put(dev, dev->cap_msix + PCI_MSIX_CONTROL, 2, ctl);
	pci_msix_flush(dev);
	pci_intx_flush(dev);
}

void pci_msix_raise(struct pci_dev *dev, unsigned vector)
{
	if (vector >= dev->model->msix_vectors || !pci_msix_enabled(dev))
		return;
	dev->msix[vector].pending = true;
	pci_msix_flush(dev);
	if (dev->msix[vector].pending && !dev->msix[vector].stalled)
		pci_tell_interrupt(dev, "MSIX", vector, "pending");
}
