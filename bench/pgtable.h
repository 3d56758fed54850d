/* SPDX-License-Identifier: MIT */
/* The table writer in bulk: what a page costs to map and to unmap. */
#ifndef BENCH_PGTABLE_H
#define BENCH_PGTABLE_H

#include "table.h"

enum {
	PGTABLE_MAP,
	PGTABLE_UNMAP,
	PGTABLE_ROWS,
};

extern const struct row pgtable_rows[PGTABLE_ROWS];

/**
 * One round: adds a value (ns per 4 KiB entry, of 1 GiB) and its reference to each of the two rows. The
 * targets are for the median over at least 9 rounds, where a dependent L1 load is 1.15 ns. 0 or -1.
 */
int pgtable_round(struct row rows[PGTABLE_ROWS]);

#endif
