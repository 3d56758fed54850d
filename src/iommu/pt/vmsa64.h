/* SPDX-License-Identifier: MIT */
/*
 * Writer of VMSAv8-64 translation tables (Arm ARM, D8) with the 4 KiB granule, in the formats of
 * both stages. It knows tables in RAM and nothing of who walks them: whoever unmaps must invalidate
 * what the hardware cached before it calls pt_reap, since until then tables may still be read.
 *
 * Terms: a *table* has 512 descriptors (the root of stage 2 may be several tables side by side,
 * "concatenated"); a *leaf* is a page descriptor (level 3) or a block (levels 1 and 2).
 */
#ifndef IOMMU_PT_VMSA64_H
#define IOMMU_PT_VMSA64_H

#include <nestbox/types.h>

#include "mem/ram.h"

enum pt_stage {
	PT_STAGE1,
	PT_STAGE2,
};

#define PT_READ	 1u
#define PT_WRITE 2u

/** Leaf sizes of the 4 KiB granule: bit n for 1 << n. */
#define PT_PGSIZES (BIT64(12) | BIT64(21) | BIT64(30))

/** MAIR for the memory attributes that stage 1 leaves use: index 1 is normal write-back memory. */
#define PT_MAIR UINT64_C(0x000000000004ff44)

struct pt {
	struct ram *ram;
	struct charge *charge;
	enum pt_stage stage;
	unsigned ias, oas; /* bits of input and output address */
	unsigned start_level;
	unsigned root_entries;
	nb_pa root;
	unsigned root_used; /* valid descriptors of the root */
	uint64_t garbage;   /* unlinked tables; see pt_reap */
};

/** What an unmap cleared: the invalidation can step by the smallest leaf. */
struct pt_cleared {
	uint64_t leaves;
	uint64_t min_leaf; /* bytes, 0: nothing */
};

/** ias, oas: at most 48. False: no memory, nothing changed. charge may be NULL. */
bool pt_init(struct pt *pt, enum pt_stage stage, unsigned ias, unsigned oas, struct ram *ram,
	struct charge *charge);
/** Frees all tables. Nothing reads them any more. */
void pt_finish(struct pt *pt);

/**
 * Map [iova, iova + bytes), all multiples of 4 KiB and inside ias and oas. -EEXIST: part of it is
 * mapped; -ENOMEM. After a failure *done bytes from iova are mapped and tables may be empty: the
 * caller takes both back with pt_unmap (of exactly done, then of the rest with pt_prune).
 */
int pt_map(struct pt *pt, nb_iova iova, nb_pa pa, uint64_t bytes, unsigned prot, uint64_t *done);

/**
 * Clear every leaf that lies wholly in the range and unlink the tables this empties. What was not
 * mapped is skipped. FIDELITY: a block that reaches out of the range stays (areas are the unit of
 * unmapping).
 */
void pt_unmap(struct pt *pt, nb_iova iova, uint64_t bytes, struct pt_cleared *cleared);

/** Unlink empty tables on the way to iova: what a failed pt_map may leave behind. */
void pt_prune(struct pt *pt, nb_iova iova);

/** Free the tables that were unlinked. The hardware has forgotten them. */
void pt_reap(struct pt *pt);

/** One leaf, as found in the tables. */
struct pt_leaf {
	nb_pa pa; /* what iova translates to */
	uint64_t bytes;
	unsigned prot;
};

bool pt_lookup(const struct pt *pt, nb_iova iova, struct pt_leaf *leaf);

static inline bool pt_empty(const struct pt *pt)
{
	return pt->root_used == 0;
}

#endif
