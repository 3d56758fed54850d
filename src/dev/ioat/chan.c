/* SPDX-License-Identifier: MIT */
/*
 * A channel: states, commands, doorbells, how batches end.
 *
 *   HALTED --CHAINADDR--> ARMED --DMACOUNT--> ACTIVE --all done--> IDLE --DMACOUNT--> ACTIVE
 *   ACTIVE, IDLE, ARMED --SUSPEND--> SUSPENDED --RESUME--> where it was
 *                                    SUSPENDED --DMACOUNT--> ACTIVE, from CHAINADDR, counting from
 * 0 any --RESET, ABORT--> HALTED;  ACTIVE --error--> HALTED, until RESET
 *
 * A doorbell is taken in HALTED too (unless by an error): polling cannot see that CHAINADDR was
 * stored to. The batch of a doorbell ends with, in this order: CHANERR if it failed, CHANSTS, the
 * status word in memory, the interrupt.
 *
 * Where a transaction stalls the channel keeps its place: progress is in `moved`, and the next step
 * asks for the very same. A status word holds up the interrupt behind it, and the next descriptor; only
 * RESET and ABORT take it back.
 */
#include "base/bits.h"
#include "dev/ioat/ioat.h"

static uint64_t chan_reg(const struct ioat_chan *ch, unsigned off, unsigned size)
{
	return ioat_load(ch->regs + off, size);
}

bool ioat_chan_writes_back(const struct ioat_chan *ch)
{
	return (chan_reg(ch, IOAT_CHANCTRL, 2) & IOAT_CHANCTRL_ERR_COMPLETION) &&
	       chan_reg(ch, IOAT_CHANCMP, 8) != 0;
}

uint64_t ioat_chan_status(const struct ioat_chan *ch)
{
	return ch->state == IOAT_ARMED ? IOAT_ARMED : ch->last | ch->state;
}

static bool same_txn(const struct dma_txn *a, const struct dma_txn *b)
{
	return a->iova.v == b->iova.v && a->prot == b->prot;
}

/*
 * It waited for one transaction, and came not past it, but to the end or a stall of another: a copy that
 * waited for its destination asks for its source first.
 */
static bool gave_up(const struct ioat_chan *ch, int outcome)
{
	const struct dma_master *master = &ch->ioat->dev->master;

	if (!ch->stalled || outcome == DMA_OK || master->done)
		return false;
	return outcome != DMA_STALLED || !same_txn(&ch->waits_for, &master->stalled);
}

bool ioat_chan_stalled(struct ioat_chan *ch, int outcome)
{
	const struct dma_master *master = &ch->ioat->dev->master;

	if (gave_up(ch, outcome))
		dma_forget(master, &ch->waits_for);
	ch->moved += (uint32_t)master->done;
	ch->stalled = outcome == DMA_STALLED;
	if (ch->stalled)
		ch->waits_for = master->stalled;
	return ch->stalled;
}

static void drop_transaction(struct ioat_chan *ch)
{
	if (ch->stalled)
		dma_forget(&ch->ioat->dev->master, &ch->waits_for);
	ch->stalled = false;
	ch->moved = 0;
}

/* Forget the batch in progress; the next one starts afresh. */
static void drop_batch(struct ioat_chan *ch)
{
	if (!ch->word.due)
		drop_transaction(ch);
	ch->target = ch->done;
	ch->report = 0;
	ch->want_int = false;
	ch->loaded = false;
	ch->fresh = true;
	ch->resumable = false;
}

static void go_to_rest(struct ioat_chan *ch)
{
	ch->word.due = false;
	drop_batch(ch);
	ch->state = IOAT_HALTED;
	ch->done = ch->target = 0;
	ch->last = ch->cur = 0;
}

void ioat_chan_reset(struct ioat_chan *ch)
{
	go_to_rest(ch);
	ch->failed = ch->int_off = ch->int_pending = false;
	ch->error = 0;
	ch->left_count = 0; /* ioat_regs_reset has put 0 there */
	ch->shown = IOAT_SUSPENDED;
	ch->lapse_ns = 0;
	ioat_store(ch->regs + IOAT_CHANSTS, 8, IOAT_SUSPENDED);
}

/* The count in the register is zeroed only if it is the one we left: else it is a new doorbell. */
static void clear_count(struct ioat_chan *ch)
{
	if (ioat_cas(ch->regs + IOAT_DMACOUNT, 2, ch->left_count, 0))
		ch->left_count = 0;
}

static void command_reset(struct ioat_chan *ch)
{
	bool failed_before = ch->failed;

	go_to_rest(ch);
	ch->failed = ch->int_off = ch->int_pending = false;
	ch->error = 0;
	ioat_store(ch->regs + IOAT_CHANERR, 4, 0);
	clear_count(ch);
	ioat_show_reset(ch, failed_before);
}

static void command_abort(struct ioat_chan *ch)
{
	if (ch->failed)
		return;
	go_to_rest(ch);
	clear_count(ch);
	ioat_show_reset(ch, false);
}

static void command_suspend(struct ioat_chan *ch)
{
	if (ch->state == IOAT_HALTED || ch->state == IOAT_SUSPENDED) {
		ioat_show_suspended(ch);
		return;
	}
	ch->state = IOAT_SUSPENDED;
	ch->resumable = !ch->fresh;
	ch->fresh = true;
	ioat_show(ch);
}

static void command_resume(struct ioat_chan *ch)
{
	if (ch->state != IOAT_SUSPENDED || !ch->resumable)
		return;
	ch->fresh = ch->resumable = false;
	ch->state = ch->done == ch->target ? IOAT_IDLE : IOAT_ACTIVE;
	ioat_show(ch);
}

/* By priority; of several bits stored at once, the first counts. Unknown bits do nothing. */
static const struct {
	uint8_t bit;
	void (*run)(struct ioat_chan *ch);
} commands[] = {
	{ IOAT_CHANCMD_RESET, command_reset },
	{ IOAT_CHANCMD_ABORT, command_abort },
	{ IOAT_CHANCMD_SUSPEND, command_suspend },
	{ IOAT_CHANCMD_RESUME, command_resume },
};

void ioat_chan_command(struct ioat_chan *ch, uint8_t cmd)
{
	for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
		if (cmd & commands[i].bit) {
			commands[i].run(ch);
			return;
		}
	}
}

bool ioat_chan_accepts(const struct ioat_chan *ch)
{
	return !ch->failed && ch->state != IOAT_ACTIVE;
}

static void start_fresh(struct ioat_chan *ch)
{
	drop_batch(ch);
	ch->fresh = false;
	ch->done = ch->target = 0;
	ch->last = 0;
	ch->next = chan_reg(ch, IOAT_CHAINADDR, 8);
	ch->first = true;
}

void ioat_chan_doorbell(struct ioat_chan *ch, uint16_t count)
{
	if (ch->fresh && count == 0)
		return;
	if (ch->fresh)
		start_fresh(ch);
	ch->target = count;
	if (ch->done == ch->target || ch->state == IOAT_ACTIVE)
		return;
	ch->state = IOAT_ACTIVE;
	ioat_show(ch);
}

void ioat_chan_chain(struct ioat_chan *ch)
{
	ch->resumable = false;
	if (ch->state != IOAT_HALTED || ch->failed)
		return;
	ch->state = IOAT_ARMED;
	ioat_show(ch);
}

void ioat_chan_clear_error(struct ioat_chan *ch, uint32_t bits)
{
	ch->error &= ~bits;
	ioat_store(ch->regs + IOAT_CHANERR, 4, ch->error);
}

/*
 * With INTRCTRL bit 3 each channel has its vector. Without, all share the first and the pin, if the
 * master is on: a message as the level rises, and one for each channel that is added to it, since a
 * driver that maps the registers lowers it by re-arming alone (poll.c).
 */
static void send_interrupt(struct ioat_chan *ch)
{
	struct ioat *ioat = ch->ioat;
	uint64_t control = ioat_load(ioat->dev->bar[0] + IOAT_INTRCTRL, 1);
	bool was = ioat->level;

	ch->int_off = true;
	ch->int_pending = false;
	ioat->attention |= 1u << ch->index;
	ioat_show_attention(ioat);
	if (control & IOAT_INTRCTRL_MSIX)
		pci_irq_raise(ioat->dev, ch->index);
	else if (was && ioat->level)
		pci_irq_raise(ioat->dev, 0);
}

static void interrupt(struct ioat_chan *ch)
{
	if (ch->int_off)
		ch->int_pending = true;
	else
		send_interrupt(ch);
}

void ioat_chan_rearm(struct ioat_chan *ch)
{
	ch->int_off = false;
	ch->ioat->attention &= ~(1u << ch->index);
	ioat_show_attention(ch->ioat);
	if (ch->int_pending) /* completed in between: the handler may have missed it */
		send_interrupt(ch);
}

bool ioat_chan_send_word(struct ioat_chan *ch)
{
	uint64_t left = sizeof(ch->word.status) - ch->moved;
	int err = dma_write(&ch->ioat->dev->master, NB_IOVA(ch->word.addr + ch->moved),
		(const char *)&ch->word.status + ch->moved, left);

	if (ioat_chan_stalled(ch, err))
		return false;
	ch->moved = 0;
	ch->word.due = false;
	if (err && !ch->failed) { /* nobody answers at CHANCMP */
		ch->want_int = ch->word.want_int;
		ioat_chan_fail(ch, IOAT_ERR_COMPLETION);
	} else if (ch->word.want_int) {
		interrupt(ch);
	}
	return true;
}

static void write_status(struct ioat_chan *ch, uint64_t status, bool want_int)
{
	ch->word.due = true;
	ch->word.addr = chan_reg(ch, IOAT_CHANCMP, 8) & ~UINT64_C(7);
	ch->word.status = status;
	ch->word.want_int = want_int;
	ioat_chan_send_word(ch);
}

void ioat_chan_finish_batch(struct ioat_chan *ch)
{
	uint64_t report = ch->report;
	bool want_int = ch->want_int;

	ch->report = 0;
	ch->want_int = false;
	ch->state = IOAT_IDLE;
	ioat_show(ch);
	if (report)
		write_status(ch, report | (report == ch->last ? IOAT_IDLE : IOAT_ACTIVE), want_int);
	else if (want_int)
		interrupt(ch);
}

static bool error_interrupts(const struct ioat_chan *ch)
{
	return (chan_reg(ch, IOAT_CHANCTRL, 2) & IOAT_CHANCTRL_ERR_INT) &&
	       (ch->error & ~(uint32_t)chan_reg(ch, IOAT_CHANERRMASK, 4));
}

static void log_error(struct pci_dev *dev, uint32_t error)
{
	uint32_t masked = pci_config_read(dev, IOAT_PCI_CHANERRMASK_INT, 4);

	pci_config_set(dev, IOAT_PCI_CHANERR_INT, error & ~masked, 4);
}

void ioat_chan_fail(struct ioat_chan *ch, uint32_t error)
{
	uint64_t report = ch->report;
	bool want_int = ch->want_int;

	drop_batch(ch);
	ch->error |= error;
	ch->failed = true;
	ch->state = IOAT_HALTED;
	ioat_store(ch->regs + IOAT_CHANERR, 4, ch->error);
	log_error(ch->ioat->dev, error);
	ioat_show(ch);
	want_int |= error_interrupts(ch);
	if (ioat_chan_writes_back(ch))
		write_status(ch, ch->last | IOAT_HALTED, want_int);
	else if (report)
		write_status(ch, report | IOAT_ACTIVE, want_int);
	else if (want_int)
		interrupt(ch);
}
