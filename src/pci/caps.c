/* SPDX-License-Identifier: MIT */
/*
 * Capabilities of an endpoint: MSI-X, PCI Express, power management, where a Sky Lake CBDMA
 * function has them, and MSI. Each is a table of fields; a row of the table of capabilities says where it
 * goes, and the list is linked in that order.
 */
#include "base/bits.h"
#include "pci/internal.h"

/*
 * PCI Express Base 7.7.1, the 64-bit kind. How many vectors it is capable of, and whether they can be
 * masked, is filled in.
 */
static const struct pci_field msi_fields[] = {
	{ .off = PCI_MSI_CONTROL,
		.width = 2,
		.value = PCI_MSI_64BIT,
		.rw = PCI_MSI_ENABLE | PCI_MSI_ENABLED },
	{ .off = PCI_MSI_ADDR, .width = 4, .rw = ~3u },
	{ .off = PCI_MSI_ADDR + 4, .width = 4, .rw = ~0u },
	{ .off = PCI_MSI_DATA, .width = 2, .rw = 0xffff },
};

/* PCI Express Base 7.7.2. Table size, table and PBA offsets are filled in. */
static const struct pci_field msix_fields[] = {
	{ .off = 2, .width = 2, .rw = PCI_MSIX_ENABLE | PCI_MSIX_FUNCTION_MASK },
};

/* PCI Express Base 7.5.3: an endpoint, capability version 2, 8 GT/s x8. */
static const struct pci_field pcie_fields[] = {
	{ .off = 0x02, .width = 2, .value = 0x0002 },
	/* Device: 256-byte payload, extended tags, role-based error reporting, FLR */
	{ .off = 0x04, .width = 4, .value = 0x10008021 },
	{ .off = 0x08, .width = 2, .value = 0x2810, .rw = 0xf9ff },
	{ .off = 0x0a, .width = 2, .w1c = 0x000f },
	/* Link */
	{ .off = 0x0c, .width = 4, .value = 0x00000083 },
	{ .off = 0x10, .width = 2, .rw = 0x01cb },
	{ .off = 0x12, .width = 2, .value = 0x0083 },
	/* Device 2: completion timeout can be disabled */
	{ .off = 0x24, .width = 4, .value = 0x00000010 },
	{ .off = 0x28, .width = 2, .rw = 0x0010 },
	/* Link 2: 2.5, 5 and 8 GT/s */
	{ .off = 0x2c, .width = 4, .value = 0x0000000e },
	{ .off = 0x30, .width = 2, .value = 0x0003, .rw = 0x000f },
};

/* PCI Bus Power Management 3.2: version 3, D0 and D3hot, no PME, no soft reset on return to D0. */
static const struct pci_field pm_fields[] = {
	{ .off = 0x02, .width = 2, .value = 0x0003 },
	{ .off = 0x04, .width = 2, .value = 0x0008, .rw = PCI_PMCSR_STATE },
};

struct capability {
	uint8_t id, at;
	size_t where; /* the member of struct pci_dev that holds its offset */
	const struct pci_field *fields;
	unsigned n;
};

static const struct capability capabilities[] = {
	{ 0x05, 0x60, offsetof(struct pci_dev, cap_msi), msi_fields, ARRAY_LEN(msi_fields) },
	{ 0x11, 0x80, offsetof(struct pci_dev, cap_msix), msix_fields, ARRAY_LEN(msix_fields) },
	{ 0x10, 0x90, offsetof(struct pci_dev, cap_pcie), pcie_fields, ARRAY_LEN(pcie_fields) },
	{ 0x01, 0xe0, offsetof(struct pci_dev, cap_pm), pm_fields, ARRAY_LEN(pm_fields) },
};

static void put_msix(struct pci_dev *dev)
{
	const struct pci_model *model = dev->model;
	unsigned cap = dev->cap_msix;

	pci_config_put(dev, cap + 2, 2, model->msix_vectors - 1);
	pci_config_put(dev, cap + 4, 4, (uint32_t)dev->msix_table | model->msix_bar);
	pci_config_put(dev, cap + 8, 4, (uint32_t)dev->msix_pba | model->msix_bar);
}

static void put_msi(struct pci_dev *dev)
{
	unsigned cap = dev->cap_msi, n = dev->msi.vectors;
	const struct pci_field mask = {
		.off = PCI_MSI_MASK, .width = 4, .rw = (uint32_t)(BIT64(n) - 1)
	};

	pci_config_put(dev, cap + PCI_MSI_CONTROL, 2,
		PCI_MSI_64BIT | (unsigned)__builtin_ctz(n) << 1 |
			(dev->msi.maskable ? PCI_MSI_MASKABLE : 0));
	if (dev->msi.maskable)
		pci_config_fields(dev, cap, &mask, 1);
}

static bool present(const struct pci_dev *dev, const struct capability *c)
{
	return (c->fields != msix_fields || dev->model->msix_vectors) &&
	       (c->fields != msi_fields || dev->msi.vectors);
}

void pci_caps_reset(struct pci_dev *dev)
{
	unsigned link = PCI_CAP_PTR;

	for (const struct capability *c = capabilities; c < capabilities + ARRAY_LEN(capabilities);
		c++) {
		if (!present(dev, c))
			continue;
		*(uint16_t *)((char *)dev + c->where) = c->at;
		pci_config_put(dev, link, 1, c->at);
		pci_config_put(dev, c->at, 1, c->id);
		pci_config_fields(dev, c->at, c->fields, c->n);
		link = c->at + 1u;
	}
	if (dev->cap_msix)
		put_msix(dev);
	if (dev->cap_msi)
		put_msi(dev);
}
