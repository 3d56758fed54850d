/* SPDX-License-Identifier: MIT */
/*
 * Registers that the program stores to in its own mapping of the BAR. We see values, not stores,
 * and see them late; the driver reads what we stored last. What makes drivers of real hardware work
 * under this is a contract:
 *
 * - The driver never has to wait for the poller where real hardware answers at once. At rest
 *   CHANSTS reads SUSPENDED: not HALTED, since DPDK's start takes that for an error, and, where the
 *   status is reported in memory (CHANCMP, CHANCTRL bit 2), not IDLE either, since DPDK's stop waits
 *   for SUSPENDED for all of 4 microseconds. With the word in memory an error reads ARMED at once,
 *   which is what DPDK's recovery waits for as long. A driver without the word reads IDLE and HALTED.
 * - Linux's driver is told by its own errors register in configuration space, which it clears before
 *   each RESET. It is interrupted, and reads the truth, but for IDLE after RESET: 20 microseconds
 *   after the first doorbell it takes all but ACTIVE and IDLE for a failure. It suspends what reads
 *   IDLE, and waits, for long, until it does not: so SUSPEND shows SUSPENDED even where nothing ran.
 * - A verdict does not outlive its command: after RESET, HALTED is shown at once, for the drivers
 *   that check it, and lapses after some milliseconds, or when the driver sets up the word in
 *   memory.
 * - A doorbell is a value of DMACOUNT other than the one we left there. A consumed count is
 *   replaced by itself + 0x8000 (with compare-and-swap, since the next doorbell may be there
 *   already), which no driver submits, so that the same count after a restart is seen.
 * - A command seen together with a doorbell came first: RESET and SUSPEND leave in place whatever
 *   count is not ours, and it starts at CHAINADDR.
 *
 * Order: a driver stores the command, then CHAINADDR, then DMACOUNT. We load DMACOUNT before
 * CHANCMD: a count that is newer than a command is thus never taken without that command.
 *
 * FIDELITY: DMACOUNT reads as the count plus 0x8000; a doorbell that was not yet seen when the
 * driver stores RESET or SUSPEND is taken for one after it; CHANERR keeps its value when the driver
 * stores that very value (until RESET); a read of INTRCTRL or ATTNSTATUS clears nothing (re-arming
 * does).
 */
#include <time.h>

#include "dev/ioat/ioat.h"

#define VERDICT_NS 5000000u

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void show(struct ioat_chan *ch, enum ioat_status status)
{
	ch->shown = status;
	ch->lapse_ns = 0;
	ioat_store(ch->regs + IOAT_CDAR, 8, ch->cur);
	/* DPDK 22.11 ioat: recovery compares all 64 bits with ARMED. */
	ioat_store(
		ch->regs + IOAT_CHANSTS, 8, status == IOAT_ARMED ? IOAT_ARMED : ch->last | status);
}

/* What the register says of a state to a driver that gets the truth in memory. */
static enum ioat_status at_rest(enum ioat_status state)
{
	switch (state) {
	case IOAT_HALTED:
		return IOAT_ARMED; /* recovery waits for it */
	case IOAT_IDLE:
		return IOAT_SUSPENDED; /* stopping waits for it */
	default:
		return state;
	}
}

void ioat_show(struct ioat_chan *ch)
{
	bool polls = ioat_chan_writes_back(ch) && !ch->ioat->interrupts;

	show(ch, polls ? at_rest(ch->state) : ch->state);
}

void ioat_show_suspended(struct ioat_chan *ch)
{
	if (ch->shown == IOAT_IDLE)
		show(ch, IOAT_SUSPENDED);
}

void ioat_show_reset(struct ioat_chan *ch, bool failed_before)
{
	if (ch->ioat->interrupts) {
		show(ch, IOAT_IDLE);
	} else if (!ioat_chan_writes_back(ch)) {
		show(ch, IOAT_HALTED);
		ch->lapse_ns = now_ns() + VERDICT_NS;
	} else if (failed_before || ch->shown == IOAT_HALTED) {
		show(ch, IOAT_ARMED); /* the driver recovers, and soon looks for it */
	} else {
		show(ch, IOAT_SUSPENDED);
	}
}

static bool poll_lapse(struct ioat_chan *ch)
{
	bool set_up;

	if (!ch->lapse_ns)
		return false;
	set_up = ioat_chan_writes_back(ch);
	if (!set_up && now_ns() < ch->lapse_ns)
		return false;
	show(ch, set_up ? IOAT_ARMED : IOAT_SUSPENDED);
	return true;
}

static uint8_t intrctrl_of(const struct ioat *ioat, uint8_t old)
{
	uint8_t val = old & (IOAT_INTRCTRL_MASTER | IOAT_INTRCTRL_MSIX);

	if (ioat->attention)
		val |= IOAT_INTRCTRL_STATUS;
	if (ioat->attention && (old & IOAT_INTRCTRL_MASTER))
		val |= IOAT_INTRCTRL_INT;
	return val;
}

void ioat_show_attention(struct ioat *ioat)
{
	volatile uint8_t *reg = ioat->dev->bar[0] + IOAT_INTRCTRL;
	bool was = ioat->level;
	uint8_t old, val;
	unsigned tries = 0;

	ioat_store(ioat->dev->bar[0] + IOAT_ATTNSTATUS, 4, ioat->attention);
	do { /* beside the program's stores, and bounded if those never end */
		old = (uint8_t)ioat_load(reg, 1);
		val = intrctrl_of(ioat, old);
	} while (!ioat_cas(reg, 1, old, val) && ++tries < 16);
	ioat->level = val & IOAT_INTRCTRL_INT;
	pci_intx_set(ioat->dev, ioat->level);
	if (ioat->level && !was && !(val & IOAT_INTRCTRL_MSIX))
		pci_irq_raise(ioat->dev, 0);
}

bool ioat_poll_master(struct ioat *ioat)
{
	uint8_t val = (uint8_t)ioat_load(ioat->dev->bar[0] + IOAT_INTRCTRL, 1);

	if (val == intrctrl_of(ioat, val))
		return false;
	ioat_show_attention(ioat);
	return true;
}

static bool poll_rearm(struct ioat_chan *ch)
{
	volatile uint8_t *reg = ch->regs + IOAT_CHANCTRL;
	uint64_t val = ioat_load(reg, 2);

	if (!(val & IOAT_CHANCTRL_REARM))
		return false;
	ioat_cas(reg, 2, val, val & ~(uint64_t)IOAT_CHANCTRL_REARM);
	ioat_chan_rearm(ch);
	return true;
}

/* Write 1 to clear: of a value that is not what we show, the ones are what the driver stored. */
static bool poll_error(struct ioat_chan *ch)
{
	volatile uint8_t *reg = ch->regs + IOAT_CHANERR;
	uint32_t val = (uint32_t)ioat_load(reg, 4);

	if (val == ch->error)
		return false;
	ch->error &= ~val;
	ioat_cas(reg, 4, val, ch->error);
	return true;
}

static void poll_doorbell(struct ioat_chan *ch, uint16_t count)
{
	ch->left_count = ioat_consumed_count(count);
	ioat_cas(ch->regs + IOAT_DMACOUNT, 2, count, ch->left_count);
	ioat_chan_doorbell(ch, count);
}

bool ioat_poll(struct ioat_chan *ch)
{
	bool rearmed = poll_rearm(ch), cleared = poll_error(ch), happened = rearmed || cleared;
	uint16_t count = (uint16_t)ioat_load(ch->regs + IOAT_DMACOUNT, 2);
	uint8_t cmd = (uint8_t)ioat_load(ch->regs + IOAT_CHANCMD, 1);

	if (cmd) {
		ioat_chan_command(ch, cmd);
		ioat_cas(ch->regs + IOAT_CHANCMD, 1, cmd, 0);
		return true;
	}
	happened |= poll_lapse(ch);
	if (count != ch->left_count && ioat_chan_accepts(ch)) {
		poll_doorbell(ch, count);
		happened = true;
	}
	return happened;
}
