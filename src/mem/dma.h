/* SPDX-License-Identifier: MIT */
/*
 * DMA: what a bus master does. Every access of a device goes through its master, which translates
 * through the IOMMU it sits behind (or not at all) and then touches simulated memory, inside a port
 * section (src/tlb/port.h) of bounded length.
 *
 * A master belongs to one thread at a time (the device's lock sees to that).
 */
#ifndef MEM_DMA_H
#define MEM_DMA_H

#include <nestbox/mem.h>

struct port;

#define NB_DMA_READ  1u
#define NB_DMA_WRITE 2u

/** One translation request. */
struct dma_txn {
	nb_iova iova;
	uint32_t sid;  /* StreamID: for PCI the requester ID */
	uint32_t ssid; /* SubstreamID (PASID) */
	bool ssid_valid;
	bool priv, inst; /* privileged; an instruction fetch */
	bool translated; /* by ATS: the address is one that a translation completion gave */
	uint8_t prot;	 /* NB_DMA_READ or NB_DMA_WRITE */
};

/** What it yields: pa, and how many bytes from there are contiguous under the same permission. */
struct dma_span {
	nb_pa pa;
	uint64_t bytes;
};

/** What a translation yields besides an address. The numbers are enum nb_smmuv3_verdict's. */
enum dma_verdict {
	DMA_TRANSLATED = 0,
	DMA_TXN_ABORTS = -1, /* the IOMMU has recorded its event */
	DMA_TXN_STALLS = -2, /* leave the section, and ask the very same again later */
	DMA_TXN_RAZ_WI = 1,  /* a read yields zeros, a write is ignored */
};

/**
 * Translate: an enum dma_verdict. Called inside a port section; the span, which is set where it is
 * translated, is valid until port_leave.
 */
typedef int dma_translate_fn(
	void *ctx, struct port *port, const struct dma_txn *txn, struct dma_span *span);

/** An access that was translated, and that memory refused. */
struct dma_abort {
	nb_iova iova;
	nb_pa pa;
	uint8_t prot;
	const char *reason; /* in words, a literal */
};

/**
 * Why a translation failed, as far as the IOMMU's own record cannot say it: "level 3, descriptor 0x0".
 * In the port section; never waits.
 */
typedef void dma_detail_fn(void *ctx, uint32_t sid, nb_iova iova, const char *text);

/** The device will not ask again for a transaction that stalled. Outside sections. */
typedef void dma_forget_fn(void *ctx, struct port *port, const struct dma_txn *txn);

struct dma_mover;

struct dma_master {
	const struct nb_mem *mem;
	dma_translate_fn *translate; /* NULL: no IOMMU, iova is the physical address */
	dma_forget_fn *forget;	     /* NULL: nothing ever stalls */
	void *ctx;		     /* of both */
	struct port *port;	     /* NULL where translate is NULL */
	uint32_t sid;
	uint32_t ssid; /* PASID of all that is no message */
	bool ssid_valid;
	struct dma_mover *mover; /* help for large copies (src/mem/mover.h), borrowed, or NULL */
	/** Told of each abort at memory, in the port section; never waits. May be NULL. */
	void (*aborted)(void *ctx, const struct dma_abort *abort);
	void *aborted_ctx;
	bool enabled;	 /* bus-master enable: while false every access aborts */
	uint8_t *bounce; /* DMA_CHUNK bytes, for copies between two non-direct extents */
	/* Counters: the owner thread writes them (dma_count), anybody may read (dma_counts). */
	uint64_t reads, writes; /* that ended well, or at an abort */
	uint64_t bytes_read, bytes_written, aborts;
	/* Of the last call: how many bytes it transferred, and what stalled if it did. */
	uint64_t done;
	struct dma_txn stalled;
};

/** What a master has done so far. */
struct dma_counts {
	uint64_t reads, read_bytes, writes, write_bytes, aborts;
};

/** Relaxed: a counter is a plain store of one thread, and never torn for another. */
static inline void dma_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/** Any thread; the figures belong to no common moment. */
void dma_counts(const struct dma_master *master, struct dma_counts *out);

/** No port section moves more than this, so that whoever waits for one waits a bounded time. */
#define DMA_CHUNK (256u << 10)

int dma_master_init(struct dma_master *master, const struct nb_mem *mem);
void dma_master_finish(struct dma_master *master);

/**
 * How a DMA ended: a stalled one is not in flight, nobody waits for it. The caller goes on from
 * master->done later, so that the first transaction of the rest is the one that stalled, and does
 * nothing else with those bytes meanwhile; or it forgets it (dma_forget).
 */
enum dma_side {
	DMA_STALLED = -2,
	DMA_OK = 0,
	DMA_SRC_ABORT, /* lets a device report source or destination errors */
	DMA_DST_ABORT,
};

/**
 * 0, DMA_STALLED, or -1 at the first part that aborts; what came before it (master->done bytes) has
 * been transferred.
 */
int dma_read(struct dma_master *master, nb_iova iova, void *buf, size_t len);
int dma_write(struct dma_master *master, nb_iova iova, const void *buf, size_t len);
/** The pattern starts at iova with its low byte. */
int dma_fill(struct dma_master *master, nb_iova iova, uint64_t pattern, size_t len);
enum dma_side dma_copy(struct dma_master *master, nb_iova dst, nb_iova src, size_t len);

/** As dma_write: a message (an interrupt), which carries no PASID (PCI Express Base 6.20). */
int dma_message(struct dma_master *master, nb_iova iova, const void *buf, size_t len);

/**
 * The transaction, which was master->stalled, will not be asked for again: the device was reset. The
 * IOMMU's software still has to end it, but no later transaction is taken for it.
 */
void dma_forget(const struct dma_master *master, const struct dma_txn *txn);

#endif
