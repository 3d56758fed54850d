/* SPDX-License-Identifier: MIT */
/*
 * Large copies between two runs that are served by operations (the private memory of a program on
 * both sides): each byte costs two calls into the kernel, so a second thread helps. The copy is cut
 * into pieces that both threads take from one counter; whoever of them is slow, or gets no CPU,
 * takes fewer.
 */
#ifndef MEM_MOVER_H
#define MEM_MOVER_H

#include "mem/dma.h"
#include "mem/run.h"

/** Bytes of a piece, and of the bounce buffer that dma_mover_move wants. */
#define MOVER_PIECE (64u << 10)

/** Starts the helping thread. NULL where there is no memory or thread to be had. */
struct dma_mover *dma_mover_create(void);
void dma_mover_destroy(struct dma_mover *mover); /* NULL accepted; no move is in progress */

/**
 * Copy n bytes (at most what both runs have). Returns when no byte is touched any more. mover may be
 * NULL: without help. Where a piece aborts others may have been transferred, before it or behind.
 * A mover serves one caller at a time; a second one goes without help.
 */
enum dma_side dma_mover_move(struct dma_mover *mover, const struct mem_run *dst,
	const struct mem_run *src, uint64_t n, uint32_t sid, void *bounce);

#endif
