/* SPDX-License-Identifier: MIT */
/*
 * Geometry of VMSAv8-64 tables (Arm ARM D8.2, D8.3): three granules, of which each is a page's size
 * and a table's. A table resolves granule_lg2 - 3 address bits, *shift* is the lowest one that a level
 * resolves. Pure functions of granule, level and descriptor.
 */
#ifndef SMMUV3_GRANULE_H
#define SMMUV3_GRANULE_H

#include "smmuv3/model.h"

#define LAST_LEVEL 3

static inline unsigned level_shift(unsigned granule_lg2, unsigned level)
{
	return granule_lg2 + (granule_lg2 - 3) * (LAST_LEVEL - level);
}

/*
 * Arm ARM D8.3.1: whether a descriptor is valid at this level. Pages are at the last level alone. Blocks:
 * 4 KiB at levels 1 and 2, 16 KiB at level 2, 64 KiB at level 2, and at 1 with 52-bit outputs. (Those
 * of level 0, and of level 1 of 16 KiB, are LPA2's, which the SMMU has not.)
 */
static inline bool ttd_ok(uint64_t desc, unsigned granule_lg2, unsigned level, bool pa52)
{
	if (!(desc & TTD_VALID))
		return false;
	if (desc & TTD_TABLE)
		return true;
	return level == 2 || (level == 1 && (granule_lg2 == 12 || (granule_lg2 == 16 && pa52)));
}

/* Of a valid one: a block or a page. */
static inline bool ttd_is_leaf(uint64_t desc, unsigned level)
{
	return level == LAST_LEVEL || !(desc & TTD_TABLE);
}

/*
 * The output address, of which a descriptor at this level has the bits from shift up; a table's from
 * the granule up. 64 KiB granules have bits 51 to 48 at [15:12], which are RES0 where the SMMU's
 * addresses have 48 bits.
 */
static inline uint64_t ttd_addr(uint64_t desc, unsigned granule_lg2, unsigned shift, bool pa52)
{
	uint64_t addr = (desc & MASK64(47, 0)) >> shift << shift;

	return granule_lg2 == 16 && pa52 ? addr | (desc & TTD_ADDR_51_48) << 36 : addr;
}

/*
 * The first level of stage 2 by S2SL0, a row for each granule (4, 16, 64 KiB), and the least output size
 * that the largest table needs (Arm ARM D8.2, VTCR_EL2.SL0). 255: reserved.
 */
struct s2_start {
	uint8_t level[4], least_oas;
};

static inline const struct s2_start *s2_start_of(unsigned granule_lg2)
{
	static const struct s2_start starts[] = {
		{ { 2, 1, 0, 255 }, 44 },
		{ { 3, 2, 1, 255 }, 42 },
		{ { 3, 2, 1, 255 }, 44 },
	};

	return &starts[(granule_lg2 - 12) / 2];
}

static inline bool smmu_pa52(const struct nb_smmuv3 *smmu)
{
	return smmu->oas_bits == 52;
}

#endif
