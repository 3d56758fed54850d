/* SPDX-License-Identifier: MIT */
/*
 * Configuration space as vfio-pci presents it: for each bit, whether the program sees the device or
 * a copy (virtualised), and whether it may write. Tables for the header and for the capabilities,
 * standard and extended, are spread over masks at first open (Linux 7.3 vfio_pci_config.c: cap_perms,
 * ecap_perms). Capabilities without a length there are taken out of the list that the program sees;
 * what no capability has is the device's own, to read and write (unassigned_perms).
 */
#include <string.h>

#include "base/bits.h"
#include "vfio/internal.h"

#define COMMAND	       0x04
#define COMMAND_INTX   0x0400 /* disable */
#define BAR(i)	       (0x10 + 4 * (i))
#define BAR_MEM64      0x4
#define BAR_PREFETCH   0x8
#define ROM_ADDRESS    0x30
#define CAP_LIST       0x34
#define STATUS	       0x06
#define STATUS_CAPS    0x10
#define HEADER_BYTES   0x40
#define CAP_PM	       0x01
#define CAP_MSI	       0x05
#define CAP_EXP	       0x10
#define CAP_MSIX       0x11
#define PM_PMC	       0x02
#define PM_CTRL	       0x04
#define PM_STATE       0x03
#define PM_PME_SUPPORT 0xf8 /* in the high byte of PMC */
#define PM_PME_CTRL    0x81 /* in the high byte of PMCSR: status, enable */
#define MSI_CONTROL    0x02
#define MSI_ENABLE     0x0001
#define MSI_ENABLED    0x0070u /* log2 of the vectors, shifted by 4 */
#define MSI_MASKABLE   0x01    /* in the high byte of the control word */
#define EXP_DEVCAP     0x04
#define EXP_DEVCAP_FLR BIT64(28)
#define EXP_DEVCTL     0x08
#define EXP_DEVCTL_FLR 0x80 /* in the high byte */

#define EXP_MPS	   0x00e0 /* of DEVCTL: payload size, read request size */
#define EXP_READRQ 0x7000

/* Extended capabilities: header is ID, version, next (PCI Express Base 7.6.3). */
#define EXT_AER		  0x0001
#define EXT_SERIAL	  0x0003
#define EXT_ID(header)	  ((header)&0xffff)
#define EXT_NEXT(header)  ((header) >> 20 & 0xffc)
#define AER_UNCORRECTABLE 0x03fff031
#define AER_CORRECTABLE	  0x0000f1c1
#define AER_ECRC	  0x00000140

#define OWNER_HEADER 0
#define OWNER_NONE   0xff

struct perm {
	uint8_t off, width; /* in the header or capability */
	uint32_t virt, write;
};

#define ALL UINT32_MAX

static const struct perm header_perms[] = {
	{ 0x00, 4, ALL, 0 },			    /* IDs */
	{ COMMAND, 2, COMMAND_INTX, 0xffff },	    /* INTx disable is emulated */
	{ STATUS, 2, STATUS_CAPS, 0 },		    /* read-only; the list is ours */
	{ 0x0c, 1, 0, 0xff }, { 0x0d, 1, 0, 0xff }, /* cache line, latency timer */
	{ 0x0f, 1, 0, 0xff },			    /* BIST */
	{ BAR(0), 4, ALL, ALL }, { BAR(1), 4, ALL, ALL }, { BAR(2), 4, ALL, ALL },
	{ BAR(3), 4, ALL, ALL }, { BAR(4), 4, ALL, ALL }, { BAR(5), 4, ALL, ALL },
	{ ROM_ADDRESS, 4, ALL, ALL }, { CAP_LIST, 1, 0xff, 0 },
	{ 0x3c, 1, 0xff, 0xff }, /* interrupt line */
	{ 0x3d, 1, 0xff, 0 },	 /* interrupt pin */
};

/* The state bits of PMCSR are acted upon, see below; PME is hidden. */
static const struct perm pm_perms[] = {
	{ 0x01, 1, 0xff, 0 },
	{ PM_PMC, 2, PM_PME_SUPPORT << 8, 0 },
	{ PM_CTRL, 4, PM_PME_CTRL << 8, ~(uint32_t)(PM_PME_CTRL << 8 | PM_STATE) },
};

/* FLR, payload and read request size are virtualised; phantom functions and ARI are the host's. */
static const struct perm exp_perms[] = {
	{ 0x01, 1, 0xff, 0 },
	{ EXP_DEVCTL, 2, 0xf0e0, 0xfdff },
	{ 0x28, 2, 0, 0xffdf },
};

/* Read-only: MSI-X is enabled by VFIO_DEVICE_SET_IRQS alone. */
static const struct perm msix_perms[] = {
	{ 0x00, 2, 0xffff, 0 },
};

/*
 * Linux 7.3 init_pci_cap_msi_perm: the message is a copy, and so is the low byte of control, all of
 * it; how many vectors are used is acted upon, see below. Mask and pending bits are the device's.
 */
static const struct perm msi_perms[] = {
	{ 0x01, 1, 0xff, 0 },
	{ MSI_CONTROL, 1, 0xff, 0xff },
	{ 0x04, 4, ALL, ALL },
	{ 0x08, 4, ALL, ALL },
	{ 0x0c, 2, 0xffff, 0xffff },
	{ 0x10, 4, 0, ALL },
	{ 0x14, 4, 0, ALL },
};
#define MSI_UNMASKABLE 5 /* rows */

static const struct cap_perms {
	uint8_t id, bytes;
	const struct perm *perms;
	unsigned n;
	bool drops; /* writes go nowhere, and what is written is not even read */
} capabilities[] = {
	{ CAP_PM, 8, pm_perms, ARRAY_LEN(pm_perms) },
	{ CAP_EXP, 60, exp_perms, ARRAY_LEN(exp_perms) },
	{ CAP_MSIX, 12, msix_perms, ARRAY_LEN(msix_perms), .drops = true },
	{ CAP_MSI, 24, msi_perms, ARRAY_LEN(msi_perms) },
	{ CAP_MSI, 14, msi_perms, MSI_UNMASKABLE },
};

/* The first word of each is virtualised: the next pointer may be another one for the program. */
static const struct perm aer_perms[] = {
	{ 0x00, 4, ALL, 0 },
	{ 0x04, 4, 0, AER_UNCORRECTABLE },
	{ 0x08, 4, 0, AER_UNCORRECTABLE },
	{ 0x0c, 4, 0, AER_UNCORRECTABLE },
	{ 0x10, 4, 0, AER_CORRECTABLE },
	{ 0x14, 4, 0, AER_CORRECTABLE },
	{ 0x18, 4, 0, AER_ECRC },
};

static const struct perm read_only_perms[] = {
	{ 0x00, 4, ALL, 0 },
};

/* Linux 7.3 pci_ext_cap_length: what is not here is hidden. */
static const struct cap_perms extended[] = {
	{ EXT_AER, 0x2c, aer_perms, ARRAY_LEN(aer_perms) },
	{ EXT_SERIAL, 12, read_only_perms, ARRAY_LEN(read_only_perms), .drops = true },
};

static void put32(uint8_t *at, uint32_t val, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(val >> 8 * i);
}

static uint32_t get32(const uint8_t *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

/* ---- what is virtualised ---- */

static void put_perms(
	struct vfio_config *config, unsigned base, const struct perm *perms, unsigned n)
{
	for (const struct perm *p = perms; p < perms + n; p++) {
		put32(config->virt + base + p->off, p->virt, p->width);
		put32(config->write + base + p->off, p->write, p->width);
	}
}

/* Bytes that belong to one structure: read-only until its table says otherwise. */
static void claim(struct vfio_config *config, unsigned base, unsigned bytes, uint8_t owner)
{
	memset(config->owner + base, owner, bytes);
	memset(config->virt + base, 0, bytes);
	memset(config->write + base, 0, bytes);
}

static const struct cap_perms *find_perms(const struct cap_perms *table, unsigned n, unsigned id)
{
	for (unsigned i = 0; i < n; i++)
		if (table[i].id == id)
			return &table[i];
	return NULL;
}

static bool describes(const struct cap_perms *cap, const uint8_t *at)
{
	if (cap->id != CAP_MSI)
		return cap->id == at[0];
	return at[0] == CAP_MSI &&
	       (cap->n != MSI_UNMASKABLE) == !!(at[MSI_CONTROL + 1] & MSI_MASKABLE);
}

static const struct cap_perms *find_capability(const uint8_t *at)
{
	for (unsigned i = 0; i < ARRAY_LEN(capabilities); i++)
		if (describes(&capabilities[i], at))
			return &capabilities[i];
	return NULL;
}

static bool put_capability(struct vfio_config *config, unsigned pos)
{
	const struct cap_perms *cap = find_capability(config->view + pos);

	if (!cap || pos + cap->bytes > VFIO_CONFIG_STD)
		return false;
	claim(config, pos, cap->bytes, cap->id);
	put_perms(config, pos, cap->perms, cap->n);
	if (cap->id == CAP_PM) {
		config->view[pos + PM_PMC + 1] &= (uint8_t)~PM_PME_SUPPORT;
		config->view[pos + PM_CTRL + 1] &= (uint8_t)~PM_PME_CTRL;
	}
	return true;
}

/*
 * Linux 7.3 vfio_cap_init: what is hidden is left out of the list. The list is our own endpoint's,
 * so it ends; bounded all the same.
 */
static void put_capabilities(struct vfio_config *config)
{
	unsigned link = CAP_LIST, pos = config->view[link] & ~3u;

	for (unsigned n = 0; pos >= HEADER_BYTES && n < VFIO_CONFIG_STD / 4; n++) {
		if (put_capability(config, pos))
			link = pos + 1;
		else
			config->view[link] = config->view[pos + 1];
		pos = config->saved[pos + 1] & ~3u;
	}
}

static bool put_extended(struct vfio_config *config, unsigned pos)
{
	const struct cap_perms *cap =
		find_perms(extended, ARRAY_LEN(extended), EXT_ID(get32(config->view + pos)));

	if (!cap || pos + cap->bytes > PCI_CONFIG_BYTES)
		return false;
	claim(config, pos, cap->bytes, cap->id);
	put_perms(config, pos, cap->perms, cap->n);
	return true;
}

/*
 * Linux 7.3 vfio_ecap_init. A hidden capability stays as a place without an ID where it is the first
 * one, since the list begins there.
 */
static void hide_extended(struct vfio_config *config, unsigned link, unsigned pos)
{
	uint32_t next = get32(config->saved + pos) & 0xffc00000;

	if (link != pos) {
		put32(config->view + link, (get32(config->view + link) & ~0xffc00000) | next, 4);
		return;
	}
	claim(config, pos, 4, OWNER_NONE - 1);
	put_perms(config, pos, read_only_perms, ARRAY_LEN(read_only_perms));
	put32(config->view + pos, next, 4);
}

static void put_extended_list(struct vfio_config *config)
{
	unsigned pos = VFIO_CONFIG_STD, link = pos, n;

	for (n = 0;
		pos >= VFIO_CONFIG_STD && get32(config->saved + pos) && n < PCI_CONFIG_BYTES / 8;
		n++) {
		if (put_extended(config, pos))
			link = pos;
		else
			hide_extended(config, link, pos);
		pos = EXT_NEXT(get32(config->saved + pos));
	}
}

static uint32_t bar_flags(const struct pci_bar *bar)
{
	return (bar->mem64 ? BAR_MEM64 : 0) | (bar->prefetch ? BAR_PREFETCH : 0);
}

/* Whatever the program wrote: size and kind are the hardware's (Linux 7.3 vfio_bar_fixup). */
static void fix_bars(struct vfio_device *device)
{
	const struct pci_bar *bars = vfio_device_pci(device)->model->bars;
	uint8_t *view = device->config.view;

	for (unsigned i = 0; i < PCI_BARS; i++) {
		uint64_t mask = bars[i].bytes ? ~(bars[i].bytes - 1) : 0;

		put32(view + BAR(i), (get32(view + BAR(i)) & (uint32_t)mask) | bar_flags(&bars[i]),
			4);
		if (bars[i].mem64 && i + 1 < PCI_BARS) {
			i++;
			put32(view + BAR(i), get32(view + BAR(i)) & (uint32_t)(mask >> 32), 4);
		}
	}
	put32(view + ROM_ADDRESS, 0, 4); /* no endpoint has one */
}

/* At open the program finds the addresses that the host gave, where it gave some. */
static void put_bar_addresses(struct vfio_device *device)
{
	const struct pci_dev *pci = vfio_device_pci(device);

	for (unsigned i = 0; i < PCI_BARS; i++) {
		uint64_t pa = pci->bar_extent[i].pa.v;

		if (!pci->model->bars[i].bytes || !pa)
			continue;
		put32(device->config.view + BAR(i), (uint32_t)pa, 4);
		if (pci->model->bars[i].mem64 && i + 1 < PCI_BARS)
			put32(device->config.view + BAR(i + 1), (uint32_t)(pa >> 32), 4);
	}
}

void vfio_config_open(struct vfio_device *device)
{
	struct vfio_config *config = &device->config;
	struct pci_dev *pci = vfio_device_pci(device);

	for (unsigned i = 0; i < PCI_CONFIG_BYTES; i++)
		config->saved[i] = config->view[i] = (uint8_t)pci_config_read(pci, i, 1);
	memset(config->owner, OWNER_NONE, sizeof(config->owner));
	memset(config->virt, 0, sizeof(config->virt));
	memset(config->write, 0xff, sizeof(config->write));
	claim(config, 0, HEADER_BYTES, OWNER_HEADER);
	put_perms(config, 0, header_perms, ARRAY_LEN(header_perms));
	put_capabilities(config);
	put_extended_list(config);
	put_bar_addresses(device);
	fix_bars(device);
}

/* Linux 7.3 vfio_pci_core_disable restores the state saved at open. */
void vfio_config_close(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);

	for (unsigned i = 0; i < PCI_CONFIG_BYTES; i += 4) {
		uint32_t saved = get32(device->config.saved + i);

		if (pci_config_read(pci, i, 4) != saved)
			pci_config_write(pci, i, saved, 4);
	}
}

/* ---- access ---- */

/* How much of an access is one to the device: aligned, of one structure (vfio_pci_config_rw). */
static unsigned chunk(const struct vfio_config *config, unsigned pos, unsigned count)
{
	unsigned same = 1;

	while ((pos + same) % 4 && config->owner[pos + same] == config->owner[pos])
		same++;
	count = MIN(count, same);
	return count >= 4 ? 4 : count >= 2 && pos % 2 == 0 ? 2 : 1;
}

static uint32_t masks(const uint8_t *bytes, unsigned pos, unsigned size)
{
	uint32_t val = 0;

	for (unsigned i = 0; i < size; i++)
		val |= (uint32_t)bytes[pos + i] << 8 * i;
	return val;
}

static uint32_t read_chunk(struct vfio_device *device, unsigned pos, unsigned size)
{
	const struct vfio_config *config = &device->config;
	uint32_t virt = masks(config->virt, pos, size);
	uint32_t hard = pci_config_read(vfio_device_pci(device), pos, size);

	return (hard & ~virt) | (masks(config->view, pos, size) & virt);
}

void vfio_config_read(struct vfio_device *device, unsigned pos, uint8_t *buf, unsigned count)
{
	for (unsigned done = 0, n; done < count; done += n) {
		n = chunk(&device->config, pos + done, count - done);
		put32(buf + done, read_chunk(device, pos + done, n), n);
	}
}

/* The state goes to the device only where it has that state: D0 and D3hot. */
static void written_pm(struct vfio_device *device, unsigned pos, uint32_t val)
{
	struct pci_dev *pci = vfio_device_pci(device);
	uint32_t state = val & PM_STATE, now;

	if (pos != pci->cap_pm + (unsigned)PM_CTRL || (state != 0 && state != 3))
		return;
	now = pci_config_read(pci, pos, 2);
	pci_config_write(pci, pos, (now & ~(uint32_t)PM_STATE) | state, 2);
}

static void written_flr(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);
	uint8_t *high = &device->config.view[pci->cap_pcie + EXP_DEVCTL + 1];

	if (!(*high & EXP_DEVCTL_FLR))
		return;
	*high &= (uint8_t)~EXP_DEVCTL_FLR;
	if (pci_config_read(pci, pci->cap_pcie + EXP_DEVCAP, 4) & EXP_DEVCAP_FLR)
		pci_dev_reset(pci);
}

/*
 * Linux 7.3 vfio_exp_config_write: the payload size stays the host's, and read requests are never
 * below it. pcie_set_readrq takes no more than 4096 bytes (the field's 5).
 */
static void written_exp(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);
	unsigned at = pci->cap_pcie + EXP_DEVCTL;
	uint32_t now = pci_config_read(pci, at, 2), readrq;

	written_flr(device);
	readrq = get32(device->config.view + at) & EXP_READRQ;
	readrq = MAX(readrq, (now & EXP_MPS) << 7);
	if (readrq <= 0x5000)
		pci_config_write(pci, at, (now & ~(uint32_t)EXP_READRQ) | readrq, 2);
}

/* Linux 7.3 vfio_msi_config_write: what the program may switch, and then only to this extent. */
static void written_msi(struct vfio_device *device, unsigned pos, unsigned size)
{
	struct pci_dev *pci = vfio_device_pci(device);
	unsigned at = pci->cap_msi + MSI_CONTROL;
	uint8_t *view = &device->config.view[at];
	uint16_t control = (uint16_t)(view[0] | view[1] << 8);

	if (pos > at || pos + size < at)
		return;
	if (device->irq_type != VFIO_PCI_MSI_IRQ_INDEX)
		control &= (uint16_t)~MSI_ENABLE;
	if ((unsigned)(control & MSI_ENABLED) >> 4 > device->msi_qmax)
		control = (uint16_t)((control & ~MSI_ENABLED) | device->msi_qmax << 4);
	put32(view, control, 2);
	pci_config_write(pci, at, control, 2);
}

static void written_header(struct vfio_device *device, unsigned pos)
{
	fix_bars(device);
	if (pos == COMMAND || pos == COMMAND + 1)
		vfio_intx_command(device, device->config.view[COMMAND + 1] & COMMAND_INTX >> 8);
}

static void write_chunk(struct vfio_device *device, unsigned pos, unsigned size, uint32_t val)
{
	struct vfio_config *config = &device->config;
	struct pci_dev *pci = vfio_device_pci(device);
	uint32_t write = masks(config->write, pos, size);
	uint32_t virt = masks(config->virt, pos, size), hard = write & ~virt, view;

	if (write & virt) {
		view = masks(config->view, pos, size) & ~(write & virt);
		put32(config->view + pos, view | (val & write & virt), size);
	}
	if (hard)
		pci_config_write(
			pci, pos, (pci_config_read(pci, pos, size) & ~hard) | (val & hard), size);
	if (pos < HEADER_BYTES)
		written_header(device, pos);
	else if (pos < VFIO_CONFIG_STD && config->owner[pos] == CAP_MSI)
		written_msi(device, pos, size);
	else if (pos < VFIO_CONFIG_STD && config->owner[pos] == CAP_PM)
		written_pm(device, pos, val);
	else if (pos < VFIO_CONFIG_STD && config->owner[pos] == CAP_EXP)
		written_exp(device);
}

static bool drops_at(const struct vfio_config *config, unsigned pos)
{
	const bool std = pos < VFIO_CONFIG_STD;
	const struct cap_perms *cap =
		std ? find_perms(capabilities, ARRAY_LEN(capabilities), config->owner[pos])
		    : find_perms(extended, ARRAY_LEN(extended), config->owner[pos]);

	return cap && cap->drops;
}

/* Linux 7.3 vfio_pci_config_rw_single: without a writefn there is no copy_from_user. */
bool vfio_config_drops(const struct vfio_device *device, unsigned pos, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!drops_at(&device->config, pos + i))
			return false;
	return true;
}

void vfio_config_write(struct vfio_device *device, unsigned pos, const uint8_t *buf, unsigned count)
{
	uint8_t word[4] = { 0 };

	for (unsigned done = 0, n; done < count; done += n) {
		n = chunk(&device->config, pos + done, count - done);
		memcpy(word, buf + done, n);
		write_chunk(device, pos + done, n, get32(word));
	}
}
