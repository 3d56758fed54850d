/* SPDX-License-Identifier: MIT */
/*
 * Registers as data: where each is, what it holds after reset, which bits software may write; and
 * for the few with side effects, what a trapped read or write does. What is not in the tables reads
 * as zero and ignores writes.
 */
#include "base/bits.h"
#include "base/check.h"
#include "dev/ioat/ioat.h"

struct ioat_reg {
	uint16_t off;
	uint8_t size;
	uint64_t reset, rw;
	bool w1c;
	/* Trapped accesses; NULL: the memory of the BAR, under rw. ch is NULL for the device's own.
	 */
	uint64_t (*read)(struct ioat *ioat, struct ioat_chan *ch);
	void (*write)(struct ioat *ioat, struct ioat_chan *ch, uint64_t val);
};

uint64_t ioat_load(volatile const uint8_t *reg, unsigned size)
{
	switch (size) {
	case 1:
		return __atomic_load_n(reg, __ATOMIC_ACQUIRE);
	case 2:
		return __atomic_load_n((volatile const uint16_t *)reg, __ATOMIC_ACQUIRE);
	case 4:
		return __atomic_load_n((volatile const uint32_t *)reg, __ATOMIC_ACQUIRE);
	default:
		return __atomic_load_n((volatile const uint64_t *)reg, __ATOMIC_ACQUIRE);
	}
}

void ioat_store(volatile uint8_t *reg, unsigned size, uint64_t val)
{
	switch (size) {
	case 1:
		__atomic_store_n(reg, (uint8_t)val, __ATOMIC_RELEASE);
		break;
	case 2:
		__atomic_store_n((volatile uint16_t *)reg, (uint16_t)val, __ATOMIC_RELEASE);
		break;
	case 4:
		__atomic_store_n((volatile uint32_t *)reg, (uint32_t)val, __ATOMIC_RELEASE);
		break;
	default:
		__atomic_store_n((volatile uint64_t *)reg, val, __ATOMIC_RELEASE);
	}
}

#define CAS(type, reg, expected, val)                                                              \
	({                                                                                         \
		type expected_ = (type)(expected);                                                 \
		__atomic_compare_exchange_n((volatile type *)(reg), &expected_, (type)(val),       \
			false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);                                \
	})

bool ioat_cas(volatile uint8_t *reg, unsigned size, uint64_t expected, uint64_t val)
{
	switch (size) {
	case 1:
		return CAS(uint8_t, reg, expected, val);
	case 2:
		return CAS(uint16_t, reg, expected, val);
	default:
		nb_assert(size == 4);
		return CAS(uint32_t, reg, expected, val);
	}
}

/* Reading it switches interrupts off (the pin falls), until the handler writes it back. */
static uint64_t read_intrctrl(struct ioat *ioat, struct ioat_chan *ch)
{
	volatile uint8_t *reg = ioat->dev->bar[0] + IOAT_INTRCTRL;
	uint64_t val = ioat_load(reg, 1);

	ioat_store(reg, 1, val & ~(uint64_t)IOAT_INTRCTRL_MASTER);
	ioat_show_attention(ioat);
	return val;
}

static void write_intrctrl(struct ioat *ioat, struct ioat_chan *ch, uint64_t val)
{
	ioat_store(ioat->dev->bar[0] + IOAT_INTRCTRL, 1,
		val & (IOAT_INTRCTRL_MASTER | IOAT_INTRCTRL_MSIX));
	ioat_show_attention(ioat);
}

static uint64_t read_attention(struct ioat *ioat, struct ioat_chan *ch)
{
	uint32_t val = ioat->attention;

	ioat->attention = 0;
	ioat_show_attention(ioat);
	return val;
}

static uint64_t read_chanctrl(struct ioat *ioat, struct ioat_chan *ch)
{
	return ioat_load(ch->regs + IOAT_CHANCTRL, 2) | (ch->int_off ? IOAT_CHANCTRL_REARM : 0);
}

static void write_chanctrl(struct ioat *ioat, struct ioat_chan *ch, uint64_t val)
{
	ioat_store(ch->regs + IOAT_CHANCTRL, 2, val & 0xf33c);
	if (val & IOAT_CHANCTRL_REARM)
		ioat_chan_rearm(ch);
}

static void write_chancmd(struct ioat *ioat, struct ioat_chan *ch, uint64_t val)
{
	ioat_chan_command(ch, (uint8_t)val);
}

static uint64_t read_dmacount(struct ioat *ioat, struct ioat_chan *ch)
{
	return ch->target;
}

static void write_dmacount(struct ioat *ioat, struct ioat_chan *ch, uint64_t val)
{
	if (ch->failed)
		return;
	ioat_chan_doorbell(ch, (uint16_t)val);
	ch->left_count = ioat_consumed_count((uint16_t)val);
	ioat_store(ch->regs + IOAT_DMACOUNT, 2, ch->left_count);
}

static uint64_t read_chansts(struct ioat *ioat, struct ioat_chan *ch)
{
	return ioat_chan_status(ch);
}

static void write_chainaddr(struct ioat *ioat, struct ioat_chan *ch, uint64_t val)
{
	ioat_store(ch->regs + IOAT_CHAINADDR, 8, val);
	ioat_chan_chain(ch);
}

static uint64_t read_chanerr(struct ioat *ioat, struct ioat_chan *ch)
{
	return ch->error;
}

static void write_chanerr(struct ioat *ioat, struct ioat_chan *ch, uint64_t val)
{
	ioat_chan_clear_error(ch, (uint32_t)val);
}

static const struct ioat_reg device_regs[] = {
	{ .off = IOAT_CHANCNT, .size = 1 },
	{ .off = IOAT_XFERCAP, .size = 1 },
	{ .off = IOAT_GENCTRL, .size = 1, .rw = 0x01 },
	{ .off = IOAT_INTRCTRL, .size = 1, .read = read_intrctrl, .write = write_intrctrl },
	{ .off = IOAT_ATTNSTATUS, .size = 4, .read = read_attention },
	{ .off = IOAT_CBVER, .size = 1 },
	{ .off = IOAT_INTRDELAY, .size = 2, .rw = 0x3fff },
	{ .off = IOAT_DMACAPABILITY, .size = 4, .reset = IOAT_DMACAP_FILL },
};

static const struct ioat_reg channel_regs[] = {
	{ .off = IOAT_CHANCTRL, .size = 2, .read = read_chanctrl, .write = write_chanctrl },
	{ .off = IOAT_DMA_COMP, .size = 2, .reset = 0x0002 },
	{ .off = IOAT_CHANCMD, .size = 1, .write = write_chancmd },
	{ .off = IOAT_DMACOUNT, .size = 2, .read = read_dmacount, .write = write_dmacount },
	{ .off = IOAT_CHANSTS, .size = 8, .read = read_chansts },
	{ .off = IOAT_CHAINADDR, .size = 8, .rw = UINT64_MAX, .write = write_chainaddr },
	{ .off = IOAT_CHANCMP, .size = 8, .rw = ~UINT64_C(7) },
	{ .off = IOAT_CDAR, .size = 8 },
	{ .off = IOAT_CHANERR,
		.size = 4,
		.w1c = true,
		.read = read_chanerr,
		.write = write_chanerr },
	{ .off = IOAT_CHANERRMASK, .size = 4, .rw = IOAT_ERR_ALL },
	{ .off = IOAT_DCACTRL, .size = 4, .rw = 0x0001ffff },
	{ .off = IOAT_DRSCTL, .size = 2, .rw = 0x030f },
	{ .off = IOAT_LTR_SWSEL, .size = 1, .rw = 0x01 },
	{ .off = IOAT_LTR_ACTIVE, .size = 4, .rw = 0xffff },
	{ .off = IOAT_LTR_IDLE, .size = 4, .rw = 0xffff },
};

void ioat_regs_reset(struct ioat *ioat)
{
	volatile uint8_t *bar = ioat->dev->bar[0];

	for (unsigned i = 0; i < ARRAY_LEN(device_regs); i++)
		ioat_store(bar + device_regs[i].off, device_regs[i].size, device_regs[i].reset);
	ioat_store(bar + IOAT_CHANCNT, 1, ioat->channels);
	ioat_store(bar + IOAT_XFERCAP, 1, ioat->xfercap);
	ioat_store(bar + IOAT_CBVER, 1, ioat->cbver);
	for (unsigned c = 0; c < ioat->channels; c++)
		for (unsigned i = 0; i < ARRAY_LEN(channel_regs); i++)
			ioat_store(ioat->chan[c].regs + channel_regs[i].off, channel_regs[i].size,
				channel_regs[i].reset);
}

/* Where an access goes: a table of registers, and what they belong to. */
struct bank {
	const struct ioat_reg *regs;
	unsigned n;
	struct ioat_chan *ch; /* NULL: the device's own */
	volatile uint8_t *base;
	uint64_t off; /* of the access, within the bank */
};

static bool find_bank(struct ioat *ioat, uint64_t off, struct bank *bank)
{
	unsigned i = (unsigned)(off / IOAT_CHANNEL_BYTES);

	*bank = (struct bank){ device_regs, ARRAY_LEN(device_regs), NULL, ioat->dev->bar[0], off };
	if (i == 0)
		return true;
	if (i > ioat->channels)
		return false;
	bank->regs = channel_regs;
	bank->n = ARRAY_LEN(channel_regs);
	bank->ch = &ioat->chan[i - 1];
	bank->base = bank->ch->regs;
	bank->off = off % IOAT_CHANNEL_BYTES;
	return true;
}

static uint64_t ones(unsigned bytes)
{
	return bytes >= 8 ? UINT64_MAX : BIT64(8 * bytes) - 1;
}

/* x, moved from byte offset `from` to `to`. */
static uint64_t shift(uint64_t x, uint64_t from, uint64_t to)
{
	return from >= to ? x << 8 * (from - to) : x >> 8 * (to - from);
}

static bool touches(const struct ioat_reg *r, uint64_t off, unsigned size)
{
	return off < r->off + r->size && r->off < off + size;
}

static uint64_t reg_read(struct ioat *ioat, const struct bank *b, const struct ioat_reg *r)
{
	return r->read ? r->read(ioat, b->ch) : ioat_load(b->base + r->off, r->size);
}

uint64_t ioat_mmio_read(struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size)
{
	struct ioat *ioat = dev->state;
	uint64_t val = 0;
	struct bank b;

	if (!find_bank(ioat, off, &b))
		return 0;
	if (b.ch)
		ioat_poll(b.ch);
	for (const struct ioat_reg *r = b.regs; r < b.regs + b.n; r++)
		if (touches(r, b.off, size))
			val |= shift(reg_read(ioat, &b, r), r->off, b.off);
	return val & ones(size);
}

/* Bytes of a register that the access leaves out keep their value; of W1C ones, they are zero. */
static uint64_t merge(struct ioat *ioat, const struct bank *b, const struct ioat_reg *r,
	uint64_t val, unsigned size)
{
	uint64_t mask = shift(ones(size), b->off, r->off) & ones(r->size);
	uint64_t old = 0;

	if (mask != ones(r->size) && !r->w1c)
		old = reg_read(ioat, b, r);
	return (old & ~mask) | (shift(val, b->off, r->off) & mask);
}

static void reg_write(struct ioat *ioat, const struct bank *b, const struct ioat_reg *r,
	uint64_t val, unsigned size)
{
	volatile uint8_t *reg = b->base + r->off;

	if (r->write)
		r->write(ioat, b->ch, merge(ioat, b, r, val, size));
	else if (r->rw)
		ioat_store(reg, r->size,
			(ioat_load(reg, r->size) & ~r->rw) |
				(merge(ioat, b, r, val, size) & r->rw));
}

void ioat_mmio_write(struct pci_dev *dev, unsigned bar, uint64_t off, uint64_t val, unsigned size)
{
	struct ioat *ioat = dev->state;
	struct bank b;

	if (!find_bank(ioat, off, &b))
		return;
	if (b.ch)
		ioat_poll(b.ch);
	for (const struct ioat_reg *r = b.regs; r < b.regs + b.n; r++)
		if (touches(r, b.off, size))
			reg_write(ioat, &b, r, val & ones(size), size);
}
