/* SPDX-License-Identifier: MIT */
/*
 * Configuration space (PCI Express Base 7.5). What each bit does under a write is data: a table of
 * fields for the type 0 header and one for each capability (caps.c) is spread over two masks that
 * lie beside the 4096 bytes, and a write is three lines of logic on them. The few bits that make
 * something happen are looked at after each write. The extended space is an empty list: zero.
 */
#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "pci/internal.h"

/* PCI Express Base 7.5.1.1 and 7.5.1.2. BARs, IDs and the capability pointer are filled in. */
static const struct pci_field header_fields[] = {
	{ .off = 0x04, .width = 2, .rw = 0x0546 }, /* memory, master, parity, SERR#, INTx off */
	{ .off = 0x06, .width = 2, .value = PCI_STATUS_CAP_LIST, .w1c = 0xf900 },
	{ .off = 0x0c, .width = 1, .rw = 0xff }, /* cache line size: writable, no effect */
	{ .off = 0x3c, .width = 1, .rw = 0xff }, /* interrupt line: software's notepad */
};

void pci_config_put(struct pci_dev *dev, unsigned off, unsigned width, uint32_t val)
{
	for (unsigned i = 0; i < width; i++)
		dev->config[off + i] = (uint8_t)(val >> 8 * i);
}

static void put_masks(struct pci_dev *dev, unsigned off, unsigned width, uint32_t rw, uint32_t w1c)
{
	for (unsigned i = 0; i < width; i++) {
		dev->config_rw[off + i] = (uint8_t)(rw >> 8 * i);
		dev->config_w1c[off + i] = (uint8_t)(w1c >> 8 * i);
	}
}

void pci_config_fields(
	struct pci_dev *dev, unsigned base, const struct pci_field *fields, unsigned n)
{
	for (const struct pci_field *f = fields; f < fields + n; f++) {
		pci_config_put(dev, base + f->off, f->width, f->value);
		put_masks(dev, base + f->off, f->width, f->rw, f->w1c);
	}
}

static void put_identity(struct pci_dev *dev)
{
	const struct pci_id *id = &dev->model->id;

	pci_config_put(dev, 0x00, 2, id->vendor);
	pci_config_put(dev, 0x02, 2, id->device);
	pci_config_put(dev, 0x08, 1, id->revision);
	pci_config_put(dev, 0x09, 3, id->class_code);
	pci_config_put(dev, 0x2c, 2, id->subsystem_vendor);
	pci_config_put(dev, 0x2e, 2, id->subsystem_device);
	/* 7.5.1.1.13: INTA# to INTD#; functions take turns, as on real devices. */
	pci_config_put(dev, PCI_INTERRUPT_PIN, 1, dev->intx.present ? 1 + dev->devfn % 4u : 0);
}

/* 7.5.1.2.1: address bits below the size are hardwired to zero; that is how software sizes it. */
static void put_bars(struct pci_dev *dev)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &dev->model->bars[i];
		uint64_t address = ~(bar->bytes - 1) & ~UINT64_C(0xf);

		if (!bar->bytes)
			continue;
		pci_config_put(dev, PCI_BAR(i), 4,
			(bar->mem64 ? PCI_BAR_MEM64 : 0) | (bar->prefetch ? PCI_BAR_PREFETCH : 0));
		put_masks(dev, PCI_BAR(i), 4, (uint32_t)address, 0);
		if (bar->mem64)
			put_masks(dev, PCI_BAR(i + 1), 4, (uint32_t)(address >> 32), 0);
	}
}

void pci_config_reset(struct pci_dev *dev)
{
	memset(dev->config, 0, sizeof(dev->config));
	memset(dev->config_rw, 0, sizeof(dev->config_rw));
	memset(dev->config_w1c, 0, sizeof(dev->config_w1c));
	pci_config_fields(dev, 0, header_fields, ARRAY_LEN(header_fields));
	put_identity(dev);
	put_bars(dev);
	pci_caps_reset(dev);
	pci_config_fields(dev, 0, dev->model->config, dev->model->n_config);
	dev->master.enabled = false;
}

static bool config_access_ok(unsigned off, unsigned size)
{
	return (size == 1 || size == 2 || size == 4) && off < PCI_CONFIG_BYTES &&
	       size <= PCI_CONFIG_BYTES - off;
}

uint32_t pci_config_read(struct pci_dev *dev, unsigned off, unsigned size)
{
	uint32_t val = 0;

	if (!config_access_ok(off, size))
		return UINT32_MAX;
	for (unsigned i = 0; i < size; i++)
		val |= (uint32_t)dev->config[off + i] << 8 * i;
	return val;
}

void pci_config_set(struct pci_dev *dev, unsigned off, uint32_t bits, unsigned size)
{
	nb_assert(config_access_ok(off, size));
	pci_config_put(dev, off, size, pci_config_read(dev, off, size) | bits);
}

/* 7.5.3.4: Initiate Function Level Reset always reads as zero. */
static void config_flr(struct pci_dev *dev)
{
	unsigned off = dev->cap_pcie + PCI_DEVCTL;
	uint16_t control;

	if (!dev->cap_pcie)
		return;
	control = pci_config_get16(dev, off);
	if (!(control & PCI_DEVCTL_FLR))
		return;
	pci_config_put(dev, off, 2, control & (uint16_t)~PCI_DEVCTL_FLR);
	pci_dev_reset(dev);
}

void pci_config_write(struct pci_dev *dev, unsigned off, uint32_t val, unsigned size)
{
	if (!config_access_ok(off, size))
		return;
	for (unsigned i = off; i < off + size; i++, val >>= 8) {
		uint8_t rw = dev->config_rw[i], w1c = dev->config_w1c[i];

		dev->config[i] = (uint8_t)((dev->config[i] & ~rw) | (val & rw));
		dev->config[i] &= (uint8_t) ~(val & w1c);
	}
	if (dev->model->config_written)
		dev->model->config_written(dev, off, size);
	config_flr(dev);
	dev->master.enabled = pci_bus_master_enabled(dev);
	pci_msix_flush(dev);
	pci_msi_flush(dev);
	pci_intx_flush(dev);
}

/* 5.3.1.4: in D3hot a function answers configuration requests only, and starts none. */
bool pci_powered(const struct pci_dev *dev)
{
	return !dev->cap_pm ||
	       (pci_config_get16(dev, dev->cap_pm + PCI_PMCSR) & PCI_PMCSR_STATE) == 0;
}

bool pci_memory_enabled(const struct pci_dev *dev)
{
	return (pci_config_get16(dev, PCI_COMMAND) & PCI_COMMAND_MEMORY) && pci_powered(dev);
}

bool pci_bus_master_enabled(const struct pci_dev *dev)
{
	return (pci_config_get16(dev, PCI_COMMAND) & PCI_COMMAND_MASTER) && pci_powered(dev);
}
