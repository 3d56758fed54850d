/* SPDX-License-Identifier: MIT */
/*
 * Registers by name, for traces: those of the header (PCI Express Base 7.5.1), and of the capabilities
 * that an endpoint's list leads to. Names are those of Linux's <linux/pci_regs.h>, less their PCI_.
 */
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "pci/internal.h"

#define PCI_CONFIG_REGION 7 /* VFIO's number of it */

#define CAP_FIRST  0x40
#define EXT_FIRST  0x100
#define LISTED_MAX 64 /* a list that is damaged ends here */

struct reg {
	uint8_t off, bytes;
	const char *name;
};

static const struct reg header[] = {
	{ 0x00, 2, "VENDOR_ID" },
	{ 0x02, 2, "DEVICE_ID" },
	{ 0x04, 2, "COMMAND" },
	{ 0x06, 2, "STATUS" },
	{ 0x08, 1, "REVISION_ID" },
	{ 0x09, 3, "CLASS" },
	{ 0x0c, 1, "CACHE_LINE_SIZE" },
	{ 0x0d, 1, "LATENCY_TIMER" },
	{ 0x0e, 1, "HEADER_TYPE" },
	{ 0x0f, 1, "BIST" },
	{ 0x10, 4, "BASE_ADDRESS_0" },
	{ 0x14, 4, "BASE_ADDRESS_1" },
	{ 0x18, 4, "BASE_ADDRESS_2" },
	{ 0x1c, 4, "BASE_ADDRESS_3" },
	{ 0x20, 4, "BASE_ADDRESS_4" },
	{ 0x24, 4, "BASE_ADDRESS_5" },
	{ 0x28, 4, "CARDBUS_CIS" },
	{ 0x2c, 2, "SUBSYSTEM_VENDOR_ID" },
	{ 0x2e, 2, "SUBSYSTEM_ID" },
	{ 0x30, 4, "ROM_ADDRESS" },
	{ 0x34, 1, "CAPABILITY_LIST" },
	{ 0x3c, 1, "INTERRUPT_LINE" },
	{ 0x3d, 1, "INTERRUPT_PIN" },
	{ 0x3e, 1, "MIN_GNT" },
	{ 0x3f, 1, "MAX_LAT" },
	{ 0, 0, NULL },
};
static const struct reg pm[] = {
	{ 0x02, 2, "PMC" },
	{ 0x04, 2, "CTRL" },
	{ 0, 0, NULL },
};
/* The 64-bit kind. */
static const struct reg msi[] = {
	{ 0x02, 2, "FLAGS" },
	{ 0x04, 4, "ADDRESS_LO" },
	{ 0x08, 4, "ADDRESS_HI" },
	{ 0x0c, 2, "DATA" },
	{ 0x10, 4, "MASK" },
	{ 0x14, 4, "PENDING" },
	{ 0, 0, NULL },
};
static const struct reg msix[] = {
	{ 0x02, 2, "FLAGS" },
	{ 0x04, 4, "TABLE" },
	{ 0x08, 4, "PBA" },
	{ 0, 0, NULL },
};
static const struct reg express[] = {
	{ 0x02, 2, "FLAGS" },
	{ 0x04, 4, "DEVCAP" },
	{ 0x08, 2, "DEVCTL" },
	{ 0x0a, 2, "DEVSTA" },
	{ 0x0c, 4, "LNKCAP" },
	{ 0x10, 2, "LNKCTL" },
	{ 0x12, 2, "LNKSTA" },
	{ 0x14, 4, "SLTCAP" },
	{ 0x18, 2, "SLTCTL" },
	{ 0x1a, 2, "SLTSTA" },
	{ 0x24, 4, "DEVCAP2" },
	{ 0x28, 2, "DEVCTL2" },
	{ 0x2a, 2, "DEVSTA2" },
	{ 0x2c, 4, "LNKCAP2" },
	{ 0x30, 2, "LNKCTL2" },
	{ 0x32, 2, "LNKSTA2" },
	{ 0, 0, NULL },
};

/** Of a list: what its members are called. bytes: how long one is. */
struct cap {
	uint16_t id;
	uint8_t bytes;
	const char *name;
	const struct reg *regs;
};

static const struct cap caps[] = {
	{ 0x01, 0x08, "PM", pm },
	{ 0x03, 0x08, "VPD", NULL },
	{ 0x05, 0x18, "MSI", msi },
	{ 0x09, 0x10, "VNDR", NULL },
	{ 0x10, 0x3c, "EXP", express },
	{ 0x11, 0x0c, "MSIX", msix },
	{ 0x13, 0x06, "AF", NULL },
	{ 0, 0, NULL, NULL },
};
static const struct cap ext_caps[] = {
	{ 0x01, 0x48, "ERR", NULL },
	{ 0x02, 0x1c, "VC", NULL },
	{ 0x03, 0x0c, "DSN", NULL },
	{ 0x0b, 0x10, "VNDR", NULL },
	{ 0x0d, 0x08, "ACS", NULL },
	{ 0x0e, 0x08, "ARI", NULL },
	{ 0x0f, 0x08, "ATS", NULL },
	{ 0x10, 0x40, "SRIOV", NULL },
	{ 0x13, 0x10, "PRI", NULL },
	{ 0x19, 0x0c, "SECPCI", NULL },
	{ 0x1b, 0x08, "PASID", NULL },
	{ 0, 0, NULL, NULL },
};

static const struct reg *find_reg(const struct reg *regs, unsigned off)
{
	for (; regs && regs->name; regs++)
		if (off >= regs->off && off < (unsigned)regs->off + regs->bytes)
			return regs;
	return NULL;
}

static const struct cap *find_cap(const struct cap *list, unsigned id)
{
	while (list->name && list->id != id)
		list++;
	return list->name ? list : NULL;
}

/* Racing with whoever changes the space: it is words for people, and bounds are checked. */
static unsigned byte_at(const struct pci_dev *dev, unsigned off)
{
	return __atomic_load_n(&dev->config[off % PCI_CONFIG_BYTES], __ATOMIC_RELAXED);
}

static unsigned word_at(const struct pci_dev *dev, unsigned off)
{
	return byte_at(dev, off) | byte_at(dev, off + 1) << 8;
}

/** A member of a list, at `at`: whether off is in it. */
static bool name_in(const struct cap *cap, unsigned at, unsigned off, char *buf, size_t size)
{
	const struct reg *reg;

	if (!cap || off < at || off >= at + cap->bytes)
		return false;
	reg = find_reg(cap->regs, off - at);
	if (reg)
		snprintf(buf, size, "%s_%s", cap->name, reg->name);
	else
		snprintf(buf, size, "%s+0x%x", cap->name, off - at);
	return true;
}

static bool name_std(const struct pci_dev *dev, unsigned off, char *buf, size_t size)
{
	unsigned at = byte_at(dev, PCI_CAP_PTR) & ~3u;

	for (unsigned i = 0; at >= CAP_FIRST && i < LISTED_MAX; i++) {
		if (name_in(find_cap(caps, byte_at(dev, at)), at, off, buf, size))
			return true;
		at = byte_at(dev, at + 1) & ~3u;
	}
	return false;
}

/** {u16 id; version: 4, next: 12} (PCI Express Base 7.6.3). */
static bool name_ext(const struct pci_dev *dev, unsigned off, char *buf, size_t size)
{
	unsigned at = EXT_FIRST;

	for (unsigned i = 0; at >= EXT_FIRST && i < LISTED_MAX; i++) {
		if (name_in(find_cap(ext_caps, word_at(dev, at)), at, off, buf, size))
			return true;
		at = word_at(dev, at + 2) >> 4 & ~3u;
	}
	return false;
}

bool pci_config_name(const struct pci_dev *dev, unsigned off, char *buf, size_t size)
{
	const struct reg *reg = off < CAP_FIRST ? find_reg(header, off) : NULL;

	if (off >= EXT_FIRST)
		return name_ext(dev, off, buf, size);
	if (!reg)
		return name_std(dev, off, buf, size);
	snprintf(buf, size, "%s", reg->name);
	return true;
}

bool pci_register_name(
	const struct pci_dev *dev, unsigned region, uint64_t off, char *buf, size_t size)
{
	if (region == PCI_CONFIG_REGION)
		return off < PCI_CONFIG_BYTES && pci_config_name(dev, (unsigned)off, buf, size);
	return region < PCI_BARS && dev->model->register_name &&
	       off < dev->model->bars[region].bytes &&
	       dev->model->register_name(region, off, buf, size);
}
