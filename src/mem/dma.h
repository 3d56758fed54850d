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

/**
 * Translate. 0, or -1: the transaction aborts (the IOMMU has recorded its event). Called inside a
 * port section; the span is valid until port_leave.
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

struct dma_mover;

struct dma_master {
	const struct nb_mem *mem;
	dma_translate_fn *translate; /* NULL: no IOMMU, iova is the physical address */
	void *ctx;
	struct port *port; /* NULL where translate is NULL */
	uint32_t sid;
	struct dma_mover *mover; /* help for large copies (src/mem/mover.h), borrowed, or NULL */
	/** Told of each abort at memory, in the port section; never waits. May be NULL. */
	void (*aborted)(void *ctx, const struct dma_abort *abort);
	void *aborted_ctx;
	bool enabled;	 /* bus-master enable: while false every access aborts */
	uint8_t *bounce; /* DMA_CHUNK bytes, for copies between two non-direct extents */
	/* Counters: the owner thread writes them (dma_count), anybody may read (dma_counts). */
	uint64_t reads, writes; /* that ended well, or at an abort */
	uint64_t bytes_read, bytes_written, aborts;
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

/** 0, or -1 at the first part that aborts; what came before it has been transferred. */
int dma_read(struct dma_master *master, nb_iova iova, void *buf, size_t len);
int dma_write(struct dma_master *master, nb_iova iova, const void *buf, size_t len);
int dma_fill(struct dma_master *master, nb_iova iova, uint64_t pattern, size_t len);

/** Which side of a copy aborted: lets a device report source or destination errors. */
enum dma_side {
	DMA_OK,
	DMA_SRC_ABORT,
	DMA_DST_ABORT,
};
enum dma_side dma_copy(struct dma_master *master, nb_iova dst, nb_iova src, size_t len);

#endif
