/* SPDX-License-Identifier: MIT */
/* What a translation of the SMMUv3 model costs, in loads that hit the first-level cache. */
#ifndef BENCH_SMMU_H
#define BENCH_SMMU_H

#include "table.h"

enum {
	SMMU_PROBE,
	SMMU_MEMSET,
	SMMU_HIT,
	SMMU_MISS,
	SMMU_MISS_FAR,
	SMMU_BATCH,
	SMMU_SINGLE_MISS,
	SMMU_ENTER_LEAVE,
	SMMU_KILL_ALL,
	SMMU_TWO_THREADS,
	SMMU_MEMORY,
	SMMU_ALLOCATED,
	SMMU_ROWS,
};

extern const struct row smmu_rows[SMMU_ROWS];

/** One round of each. */
void smmu_round(struct row *rows);

#endif
