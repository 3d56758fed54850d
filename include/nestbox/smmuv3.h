/* SPDX-License-Identifier: MIT */
/*
 * An Arm SMMUv3 (IHI 0070), in software: registers, queues, translation, ATS and PRI, over the tables
 * that its driver keeps in simulated memory. Nothing but registers and memory connects driver and
 * model.
 *
 * How a monitor uses it: create one over a struct nb_mem; forward the guest's register accesses to
 * nb_smmuv3_read and _write; give each thread that does DMA for a device a *port*; translate, or read
 * and write memory, through the port, inside nb_smmuv3_enter and _leave.
 *
 *	nb_smmuv3_enter(port);
 *	if (nb_smmuv3_translate(port, &txn, &span) == NB_SMMUV3_OK)
 *		... use span.pa, until ...
 *	nb_smmuv3_leave(port);
 *
 * Threads: everything here may be called from any thread at any time, except that a port belongs to
 * one thread at a time. No call blocks, and none allocates memory but the ones that create something.
 */
#ifndef NESTBOX_SMMUV3_H
#define NESTBOX_SMMUV3_H

#include <nestbox/mem.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_smmuv3;
struct nb_smmuv3_port;

/** IDR0.STALL_MODEL. */
enum nb_smmuv3_stall_model {
	NB_SMMUV3_STALL_NONE,	 /**< 0b01: faults terminate; the default */
	NB_SMMUV3_STALL_ALLOWED, /**< 0b00: CD.S and STE.S2S choose */
	NB_SMMUV3_STALL_FORCED,	 /**< 0b10: faults always stall */
};

/** IDR0.HTTU: what hardware writes into descriptors. Needs memory with compare-and-swap. */
enum nb_smmuv3_httu {
	NB_SMMUV3_HTTU_NONE,
	NB_SMMUV3_HTTU_ACCESS, /**< access flag */
	NB_SMMUV3_HTTU_DIRTY,  /**< access flag and dirty state */
};

/** Granules: bits of nb_smmuv3_config.granules (IDR5.GRAN4K, 16K, 64K). */
#define NB_SMMUV3_GRAN4K  1u
#define NB_SMMUV3_GRAN16K 2u
#define NB_SMMUV3_GRAN64K 4u

/** Interrupts, when they are wires. */
enum nb_smmuv3_irq {
	NB_SMMUV3_IRQ_EVENTQ, /**< an event was written to the queue */
	NB_SMMUV3_IRQ_PRIQ,   /**< a page request was (or with IRQ_CTRL as it says) */
	NB_SMMUV3_IRQ_GERROR, /**< GERROR changed */
	NB_SMMUV3_IRQ_SYNC,   /**< a CMD_SYNC with CS = SIG_IRQ completed (no MSI configured) */
};

/** An ATC invalidation that the SMMU sends to a function (CMD_ATC_INV). */
struct nb_smmuv3_atc_inv {
	uint32_t sid;
	uint32_t ssid;
	bool ssv;    /**< ssid is meaningful */
	bool global; /**< all PASIDs (Global bit) */
	nb_iova iova;
	uint64_t bytes; /**< a power of two from 4096; iova is aligned to it. 0: everything */
	uint32_t itag;	/**< to be given to nb_smmuv3_atc_inv_done */
};

/** A response to a page request group (CMD_PRI_RESP, or the SMMU's own). */
struct nb_smmuv3_pri_resp {
	uint32_t sid;
	uint32_t ssid;
	bool ssv;
	uint16_t prgi; /**< page request group index */
	uint8_t code;  /**< 0: success, 1: invalid request, 15: response failure (PCIe 10.4.2.1) */
};

/**
 * What the model tells its owner. Any member may be NULL. Called from whatever thread caused it, with
 * no lock of the model held, possibly inside a port section of that thread.
 */
struct nb_smmuv3_ops {
	size_t size; /**< sizeof(struct nb_smmuv3_ops) */
	/**
	 * An interrupt for which no MSI is configured (IHI 0070 3.18), an edge. It may come from inside
	 * nb_smmuv3_read and _write, too, whose caller then holds whatever locks it called with.
	 */
	void (*irq)(void *ctx, enum nb_smmuv3_irq irq);
	/**
	 * A stalled transaction of this stream was resumed or terminated (IHI 0070 4.6; or SMMUEN was
	 * cleared): translate again.
	 */
	void (*resumed)(void *ctx, uint32_t sid, uint16_t stag);
	/**
	 * Invalidate the function's ATC, then call nb_smmuv3_atc_inv_done (from here, or later). NULL:
	 * no function has an ATC; invalidations complete at once.
	 */
	void (*atc_inv)(void *ctx, const struct nb_smmuv3_atc_inv *inv);
	/** A page request group of this function is answered. */
	void (*pri_resp)(void *ctx, const struct nb_smmuv3_pri_resp *resp);
	/**
	 * Commands (IHI 0070 4) that were carried out, in the queue's order, all but CMD_SYNC: for a
	 * monitor that passes them on to the hardware that translates. A CMD_SYNC completes once this
	 * has returned for those before it. It may block: who rang the doorbell waits. One call at a
	 * time.
	 */
	void (*commands)(void *ctx, const uint64_t (*cmds)[2], size_t n);
};

/** What the hardware is. Zero means the default in brackets. */
struct nb_smmuv3_config {
	size_t size;		   /**< sizeof(struct nb_smmuv3_config): lets the struct grow */
	struct nb_mem *mem;	   /**< borrowed; outlives the SMMU */
	bool no_stage1, no_stage2; /**< IDR0.S1P, S2P = 0 */
	unsigned oas_bits;	   /**< IDR5.OAS: 32, 36, 40, 42, 44, 48 or 52 (with 64 KiB) [48] */
	unsigned sid_bits;	   /**< IDR1.SIDSIZE, at most 32 [16] */
	uint32_t iidr;		   /**< implementation: product, variant, revision, implementer */
	unsigned iotlb_slots;	   /**< of each port's IOTLB, a power of two [8192] */
	const struct nb_smmuv3_ops *ops; /**< copied; may be NULL */
	void *ctx;			 /**< of ops */
	unsigned ssid_bits;		 /**< IDR1.SSIDSIZE: substreams, at most 20 [0: none] */
	unsigned granules;		 /**< NB_SMMUV3_GRAN* [4 KiB] */
	enum nb_smmuv3_stall_model stall_model;
	enum nb_smmuv3_httu httu;
	bool linear_tables_only; /**< IDR0.ST_LEVEL = 0, and CD2L = 0 */
	bool no_ril;		 /**< IDR3.RIL = 0: no range invalidation */
	unsigned bbml;		 /**< IDR3.BBML: 0 to 2 */
	bool fwb;		 /**< IDR3.FWB */
	bool xnx;		 /**< IDR3.XNX: stage 2 execute-never for each privilege */
	bool vax;		 /**< IDR5.VAX: 52-bit VA, with the 64 KiB granule */
	bool ats;		 /**< IDR0.ATS */
	bool pri;		 /**< IDR0.PRI; needs ats */
	bool msi;		 /**< IDR0.MSI: its own interrupts may be memory writes */
	bool sev;		 /**< IDR0.SEV */
	bool raz_wi;		 /**< IDR0.TERM_MODEL = 0: CD.A chooses abort or RAZ/WI */
};

/**
 * NULL: no memory, or the description is contradictory (as the members say). The ID registers say
 * exactly what was asked for, so that a driver finds only what is there.
 */
struct nb_smmuv3 *nb_smmuv3_create(const struct nb_smmuv3_config *config);
/** All ports are gone. NULL accepted. */
void nb_smmuv3_destroy(struct nb_smmuv3 *smmu);

/**
 * Register access, page 0 at offset 0 and page 1 at 0x10000; size is 4 or 8. Other sizes,
 * misaligned and unimplemented offsets read as zero and ignore writes (IHI 0070 6.2). Any thread.
 * Writing CMDQ_PROD consumes commands. CMD_SYNC completes once what the commands before it removed
 * is no longer in use by any DMA in flight; where that takes time, CMDQ_CONS stays before the SYNC
 * and reading CMDQ_CONS looks again. No call blocks.
 */
uint64_t nb_smmuv3_read(struct nb_smmuv3 *smmu, uint64_t offset, unsigned size);
void nb_smmuv3_write(struct nb_smmuv3 *smmu, uint64_t offset, uint64_t value, unsigned size);

/*
 * For a monitor whose guest sees this SMMU while another one, below, translates
 * (examples/vsmmu-monitor.c): with ops.commands, what it needs to pass on.
 */

/**
 * The stream table entry of a stream, as the tables say it now (no cache is asked): 0, or the number of
 * the event that finding it would be (C_BAD_STREAMID, F_STE_FETCH).
 */
unsigned nb_smmuv3_stream(struct nb_smmuv3 *smmu, uint32_t sid, uint64_t ste[8]);
/**
 * An event (IHI 0070 7.3) that was found below, with the guest's StreamID: into the event queue, with
 * its interrupt. False: it is lost, since the queue is full (then it overflows) or off.
 */
bool nb_smmuv3_event(struct nb_smmuv3 *smmu, const uint64_t record[4]);

/** What an access is: flags of struct nb_smmuv3_txn. */
#define NB_READ	      1u
#define NB_WRITE      2u
#define NB_INSN	      4u  /**< an instruction fetch (with NB_READ) */
#define NB_PRIV	      8u  /**< privileged */
#define NB_SSV	      16u /**< ssid is meaningful (a PASID TLP) */
#define NB_TRANSLATED 32u /**< the address was translated by ATS (AT = 0b10) */

/** One transaction; the port says whose. */
struct nb_smmuv3_txn {
	nb_iova iova;
	uint32_t ssid;
	uint32_t flags; /**< NB_READ ... */
};

/** What translation yields: bytes from pa on are contiguous and may be accessed likewise. */
struct nb_smmuv3_span {
	nb_pa pa;
	uint64_t bytes;
	uint16_t stag; /**< of NB_SMMUV3_STALLED */
};

/** What becomes of a transaction. */
enum nb_smmuv3_verdict {
	NB_SMMUV3_OK = 0,
	NB_SMMUV3_ABORT = -1, /**< the bus answers with an abort; an event was recorded if due */
	/**
	 * Stalled (IHI 0070 3.12.2): it touches no memory. Leave the section, and translate the same
	 * again when ops.resumed says so; asking earlier gives the same answer and no second event.
	 */
	NB_SMMUV3_STALLED = -2,
	NB_SMMUV3_RAZ_WI = 1, /**< terminated so that a read yields zero, a write is ignored */
};

/**
 * A port: one thread's way through the SMMU for one stream. Whether there is such a stream shows when
 * it translates (C_BAD_STREAMID). NULL without memory. Destroying it ends its stalled transactions.
 * Neither inside a section.
 */
struct nb_smmuv3_port *nb_smmuv3_port_create(struct nb_smmuv3 *smmu, uint32_t sid);
void nb_smmuv3_port_destroy(struct nb_smmuv3_port *port); /**< NULL accepted */

/**
 * A section: what is translated between the two may be used between the two. CMD_SYNC (and an update
 * of CR0 or GBPA) waits for sections, so they should be short; they do not nest.
 */
void nb_smmuv3_enter(struct nb_smmuv3_port *port);
void nb_smmuv3_leave(struct nb_smmuv3_port *port);

/** Translate one transaction. In a section. span is set for NB_SMMUV3_OK (and stag if stalled). */
enum nb_smmuv3_verdict nb_smmuv3_translate(
	struct nb_smmuv3_port *port, const struct nb_smmuv3_txn *txn, struct nb_smmuv3_span *span);

/**
 * Translate n transactions of equal flags and ssid: iova[i] to span[i]. In a section. Returns how many
 * were translated; if fewer than n, *verdict is what became of transaction number "returned", the rest
 * was not tried. Faster than one by one, since their misses overlap.
 */
size_t nb_smmuv3_translate_batch(struct nb_smmuv3_port *port, uint32_t flags, uint32_t ssid,
	const nb_iova *iova, struct nb_smmuv3_span *span, size_t n,
	enum nb_smmuv3_verdict *verdict);

/**
 * DMA: translate and access [iova, iova + len), in sections of its own (not called inside one). flags
 * without NB_READ and NB_WRITE. *done (may be NULL): bytes transferred, less than len only where the
 * verdict is not NB_SMMUV3_OK. Of NB_SMMUV3_STALLED call again, for the rest, as of translate. What RAZ/WI
 * applies to counts as transferred: zeros, or ignored.
 */
enum nb_smmuv3_verdict nb_smmuv3_dma_read(struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *at, void *buf, size_t len, size_t *done);
enum nb_smmuv3_verdict nb_smmuv3_dma_write(struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *at, const void *buf, size_t len, size_t *done);

/** An ATS translation completion (PCIe 10.2.3), one page or block. */
struct nb_smmuv3_ats_entry {
	nb_iova iova; /**< what it translates, aligned to bytes */
	nb_pa pa;     /**< or an IPA, where STE.EATS is split-stage */
	uint64_t bytes;
	bool read, write, exec, priv, global;
	bool untranslated; /**< U: use untranslated requests only */
};

enum nb_smmuv3_ats_status {
	NB_SMMUV3_ATS_SUCCESS,
	NB_SMMUV3_ATS_UNSUPPORTED, /**< UR */
	NB_SMMUV3_ATS_ABORT,	   /**< CA */
};

/**
 * An ATS translation request. flags: NB_WRITE where the NW flag is clear (write permission is wanted),
 * NB_READ always, NB_INSN, NB_PRIV, NB_SSV. In a section. A page that is not mapped is a SUCCESS
 * without permissions (and no event: IHI 0070 3.9.1).
 */
enum nb_smmuv3_ats_status nb_smmuv3_ats_request(struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *txn, struct nb_smmuv3_ats_entry *entry);

/**
 * The function has forgotten what ops.atc_inv asked for, and uses none of it any more. An itag that is
 * not out is ignored.
 */
void nb_smmuv3_atc_inv_done(struct nb_smmuv3 *smmu, uint32_t itag);
/** The function does not answer: the CMD_SYNC after the invalidation is CERROR_ATC_INV_SYNC (7.1). */
void nb_smmuv3_atc_inv_timeout(struct nb_smmuv3 *smmu, uint32_t itag);

/** A page request message (PCIe 10.4.1). */
struct nb_smmuv3_page_request {
	uint32_t sid;
	uint32_t ssid;
	nb_iova iova;	/**< of the page */
	uint32_t flags; /**< NB_READ, NB_WRITE, NB_INSN, NB_PRIV, NB_SSV */
	uint16_t prgi;	/**< group index, 9 bits */
	bool last;	/**< of its group. With neither read nor write: a PASID stop marker */
};

/**
 * Deliver one: into the PRI queue, or answered by the SMMU itself where that is disabled or overflows
 * (IHI 0070 8.2), through ops.pri_resp.
 */
void nb_smmuv3_page_request(struct nb_smmuv3 *smmu, const struct nb_smmuv3_page_request *req);

#ifdef __cplusplus
}
#endif
#endif
