/* SPDX-License-Identifier: MIT */
/* The model: what it is on PCI, its options, reset and step. */
#include "base/bits.h"
#include "dev/ioat/ioat.h"

enum {
	OPT_CBVER,
	OPT_CHANNELS,
	OPT_XFERCAP,
	OPT_INTX,
	OPT_MSI,
	OPT_MSI_MASK,
	OPT_PASID
};

static const struct pci_option ioat_options[] = {
	[OPT_CBVER] = { "cbver",
		"version, BCD (DPDK handles errors from 0x34 on, others want 0x33)", 0x30, 0x34,
		0x34 },
	[OPT_CHANNELS] = { "channels", "DMA channels", 1, IOAT_MAX_CHANNELS, 1 },
	[OPT_XFERCAP] = { "xfercap", "log2 of the largest transfer of one descriptor", 12, 20, 20 },
	[OPT_INTX] = { "intx", "1: has an interrupt pin", 0, 1, 1 },
	[OPT_MSI] = { "msi", "MSI vectors (to the next power of two), 0: none", 0, 32, 4 },
	[OPT_MSI_MASK] = { "msi_mask", "1: MSI vectors can be masked", 0, 1, 1 },
	/* FIDELITY: the real engine has no PASID capability. This is here so that PASIDs can be tried. */
	[OPT_PASID] = { "pasid", "PASID of all DMA but interrupts, 0: none", 0, 0xfffff, 0 },
	{ .key = NULL },
};

/* n, or the next power of two. */
static unsigned pow2_from(unsigned n)
{
	while (!is_pow2(n))
		n++;
	return n;
}

static void ioat_init(struct pci_dev *dev, const uint64_t *options)
{
	struct ioat *ioat = dev->state;

	ioat->dev = dev;
	ioat->cbver = (uint8_t)options[OPT_CBVER];
	ioat->channels = (unsigned)options[OPT_CHANNELS];
	ioat->xfercap = (uint8_t)options[OPT_XFERCAP];
	dev->intx.present = options[OPT_INTX];
	dev->msi.vectors = options[OPT_MSI] ? pow2_from((unsigned)options[OPT_MSI]) : 0;
	dev->msi.maskable = options[OPT_MSI_MASK];
	dev->master.ssid = (uint32_t)options[OPT_PASID];
	dev->master.ssid_valid = options[OPT_PASID];
	for (unsigned i = 0; i < ioat->channels; i++) {
		ioat->chan[i].ioat = ioat;
		ioat->chan[i].index = i;
		ioat->chan[i].regs = dev->bar[0] + (i + 1) * IOAT_CHANNEL_BYTES;
	}
}

/* Who clears errors there is Linux's driver (poll.c). */
static void ioat_config_written(struct pci_dev *dev, unsigned off, unsigned size)
{
	struct ioat *ioat = dev->state;

	if (off < IOAT_PCI_CHANERR_INT + 4 && off + size > IOAT_PCI_CHANERR_INT)
		ioat->interrupts = true;
}

static void ioat_reset(struct pci_dev *dev)
{
	struct ioat *ioat = dev->state;

	ioat->attention = 0;
	ioat->level = ioat->interrupts = false;
	ioat_regs_reset(ioat);
	for (unsigned i = 0; i < ioat->channels; i++)
		ioat_chan_reset(&ioat->chan[i]);
}

/* False: there is nothing to do, or a stalled transaction came no further. */
static bool chan_work(struct ioat_chan *ch, uint64_t *budget)
{
	uint64_t before = *budget;
	bool sent = ch->word.due && ioat_chan_send_word(ch);

	if (ch->word.due || ch->state != IOAT_ACTIVE || !before)
		return sent;
	*budget = ioat_exec(ch, before);
	return sent || *budget != before || !ch->stalled;
}

/* Poll before and after the work: a command takes effect between two batches at the latest. */
static bool chan_step(struct ioat_chan *ch, uint64_t *budget)
{
	bool worked = false;

	for (unsigned rounds = 0; rounds < 8; rounds++) {
		bool happened = ioat_poll(ch);

		happened |= chan_work(ch, budget);
		if (!happened)
			break;
		worked = true;
	}
	/* While a verdict is on show, what the program stores next decides how long it is. */
	return worked || ch->lapse_ns;
}

static bool ioat_step(struct pci_dev *dev, uint64_t budget)
{
	struct ioat *ioat = dev->state;
	uint64_t share = MAX(budget / ioat->channels, 1);
	bool worked = ioat_poll_master(ioat);

	for (unsigned i = 0; i < ioat->channels; i++) {
		uint64_t left = share;

		worked |= chan_step(&ioat->chan[i], &left);
	}
	return worked;
}

/* What Linux's driver clears before each RESET (ioat_reset_hw). */
static const struct pci_field ioat_config[] = {
	{ .off = IOAT_PCI_CHANERR_INT, .width = 4, .w1c = IOAT_ERR_ALL },
	{ .off = IOAT_PCI_CHANERRMASK_INT, .width = 4, .rw = IOAT_ERR_ALL },
};

const struct pci_model ioat_model = {
	.name = "ioat",
	.doc = "Intel Chipset DMA engine (CBDMA 3.x): copy and fill, descriptor chains",
	.id = { 0x8086, 0x2021, 0x8086, 0x0000, 0x088000, 0x04 },
	.bars = { { .bytes = KIB(16), .mem64 = true, .mmap = true } },
	.msix_vectors = IOAT_MAX_CHANNELS,
	.msix_bar = 0,
	.config = ioat_config,
	.n_config = ARRAY_LEN(ioat_config),
	.options = ioat_options,
	.state_bytes = sizeof(struct ioat),
	.init = ioat_init,
	.reset = ioat_reset,
	.config_written = ioat_config_written,
	.step = ioat_step,
	.mmio_read = ioat_mmio_read,
	.mmio_write = ioat_mmio_write,
	.register_name = ioat_register_name,
};
