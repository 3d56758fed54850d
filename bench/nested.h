/* SPDX-License-Identifier: MIT */
/* What two stages cost against one and none, and what a nesting container's calls cost. */
#ifndef BENCH_NESTED_H
#define BENCH_NESTED_H

#include "table.h"

/* Once for direct memory, once for remote. */
enum {
	NESTED_COPY_BARE,
	NESTED_COPY_STAGE2,
	NESTED_COPY_PAGES,
	NESTED_COPY_BLOCKS,
	NESTED_SMALL_BARE,
	NESTED_SMALL_STAGE2,
	NESTED_SMALL,
	NESTED_FAR,
	NESTED_LOOSE_BARE,
	NESTED_LOOSE_STAGE2,
	NESTED_LOOSE,
	NESTED_DMA_ROWS,
};

enum {
	NESTED_DIRECT = 0,
	NESTED_REMOTE = NESTED_DMA_ROWS,
	NESTED_INV_PAGE = 2 * NESTED_DMA_ROWS,
	NESTED_INV_64,
	NESTED_INV_GIB,
	NESTED_INV_ASID,
	NESTED_INV_DOMAIN,
	NESTED_UNMAP_IDLE,
	NESTED_UNMAP_STREAM,
	NESTED_UNMAP_STREAM_MOST,
	NESTED_ROWS,
};

extern const struct row nested_rows[NESTED_ROWS];

/** One round of each. */
void nested_round(struct row *rows);

#endif
