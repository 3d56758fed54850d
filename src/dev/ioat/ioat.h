/* SPDX-License-Identifier: MIT */
/*
 * The Intel Chipset DMA engine (IOAT, CBDMA), version 3.x: state, and who does what.
 *
 *   ioat.c   the model: options, reset, step
 *   regs.c   registers: a table; trapped access
 *   poll.c   registers that the program stores to in its own mapping: the polled contract
 *   chan.c   a channel's states: commands, doorbells, completion, errors
 *   exec.c   descriptors
 *
 * There is one truth, struct ioat_chan. Trapped accesses see exactly it. The registers in the BAR
 * are a second view of it, for programs that map the BAR, and differ where polling makes a
 * difference (poll.c).
 */
#ifndef DEV_IOAT_H
#define DEV_IOAT_H

#include "dev/ioat/regs.h"
#include "pci/pci.h"

#define IOAT_MAX_CHANNELS 4

struct ioat;

struct ioat_chan {
	struct ioat *ioat;
	unsigned index;
	volatile uint8_t *regs; /* its registers in the BAR */

	enum ioat_status state;
	bool failed;	       /* halted by an error, until RESET */
	bool fresh;	       /* the next doorbell starts at CHAINADDR and counts from 0 */
	bool resumable;	       /* suspended, and RESUME may go on where it was */
	uint16_t done, target; /* descriptors since the start; executed, submitted */
	uint64_t last;	       /* address of the last good descriptor since the start, 0: none */
	uint64_t next;	       /* address of the next one */
	bool first;	       /* next came from CHAINADDR rather than from a descriptor */
	uint32_t error;	       /* CHANERR */
	bool int_off;	       /* an interrupt was sent and CHANCTRL not re-armed since */
	bool int_pending;

	/* The batch of the last doorbell: its completion is published once, at its end. */
	uint64_t report; /* its last descriptor so far that wants a status word, 0: none */
	bool want_int;

	/* The descriptor in progress. */
	bool loaded;
	uint64_t cur;
	uint32_t moved; /* bytes of it, of its data once it is loaded, or of the status word */
	struct ioat_desc desc;

	/* The status word that is being written: all else waits for it. */
	struct {
		bool due, want_int; /* and what comes after it */
		uint64_t addr, status;
	} word;

	/* The last DMA stalled: the next step goes on from `moved`. */
	bool stalled;
	struct dma_txn waits_for;

	/* The polled view. */
	uint16_t left_count; /* what we left in DMACOUNT: anything else is a doorbell */
	enum ioat_status shown;
	uint64_t lapse_ns; /* when HALTED lapses, 0: it does not */
};

struct ioat {
	struct pci_dev *dev;
	unsigned channels;
	uint8_t cbver, xfercap;
	uint32_t attention; /* ATTNSTATUS */
	bool level;	    /* attention and the master: what the interrupt pin shows */
	bool interrupts;    /* driven by a driver that clears CHANERR_INT, see poll.c */
	struct ioat_chan chan[IOAT_MAX_CHANNELS];
};

extern const struct pci_model ioat_model;

/* regs.c. The BAR is shared with the program: each access is one atomic load or store. */
uint64_t ioat_load(volatile const uint8_t *reg, unsigned size);
void ioat_store(volatile uint8_t *reg, unsigned size, uint64_t val);
/** Replace expected by val; false: something else is there (and stays). */
bool ioat_cas(volatile uint8_t *reg, unsigned size, uint64_t expected, uint64_t val);
void ioat_regs_reset(struct ioat *ioat);
uint64_t ioat_mmio_read(struct pci_dev *dev, unsigned bar, uint64_t off, unsigned size);
bool ioat_register_name(unsigned bar, uint64_t off, char *buf, size_t size);
void ioat_mmio_write(struct pci_dev *dev, unsigned bar, uint64_t off, uint64_t val, unsigned size);

/* poll.c */
bool ioat_poll(struct ioat_chan *ch); /* true: something happened */
/** Show ch->state in the BAR. */
void ioat_show(struct ioat_chan *ch);
/** Show that a RESET or ABORT was carried out, on a channel that an error had halted or not. */
void ioat_show_reset(struct ioat_chan *ch, bool failed_before);
/** Likewise SUSPEND, on a channel that had nothing to suspend. */
void ioat_show_suspended(struct ioat_chan *ch);
/** Show ATTNSTATUS and INTRCTRL, and have the pin (or one message, as it rises) follow them. */
void ioat_show_attention(struct ioat *ioat);
bool ioat_poll_master(struct ioat *ioat); /* INTRCTRL was stored to */

/** What DMACOUNT is left with once a count has been consumed (poll.c). */
static inline uint16_t ioat_consumed_count(uint16_t count)
{
	return (uint16_t)(count + 0x8000);
}

/* chan.c */
void ioat_chan_reset(struct ioat_chan *ch); /* as after power-on */
void ioat_chan_command(struct ioat_chan *ch, uint8_t cmd);
bool ioat_chan_accepts(const struct ioat_chan *ch); /* a doorbell, now */
void ioat_chan_doorbell(struct ioat_chan *ch, uint16_t count);
void ioat_chan_chain(struct ioat_chan *ch); /* CHAINADDR was written (trapped) */
void ioat_chan_rearm(struct ioat_chan *ch);
void ioat_chan_clear_error(struct ioat_chan *ch, uint32_t bits);
uint64_t ioat_chan_status(const struct ioat_chan *ch);
/** The driver is told of halts by a word in memory, rather than by CHANSTS. */
bool ioat_chan_writes_back(const struct ioat_chan *ch);
void ioat_chan_finish_batch(struct ioat_chan *ch);
/** A DMA for the channel is over: count what it moved. True: it stalled. */
bool ioat_chan_stalled(struct ioat_chan *ch, int outcome);
/** Go on with the status word, and what comes after it; false: it is stalled. */
bool ioat_chan_send_word(struct ioat_chan *ch);
void ioat_chan_fail(struct ioat_chan *ch, uint32_t error);

/* exec.c */
/** Execute while ACTIVE and not stalled; returns what is left of the budget. */
uint64_t ioat_exec(struct ioat_chan *ch, uint64_t budget);

#endif
