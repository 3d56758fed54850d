/* SPDX-License-Identifier: MIT */
/*
 * The tables of the host's SMMUv3 driver: those of <nestbox/pgtable.h> with the 4 KiB granule, in the
 * host's RAM, charged to a container, with the attributes that the driver gives its leaves. Tables go
 * back to the RAM as soon as hardware has forgotten them (pt_reap), since the container pays.
 */
#ifndef IOMMU_PT_VMSA64_H
#define IOMMU_PT_VMSA64_H

#include <nestbox/pgtable.h>

#include "mem/ram.h"

enum pt_stage {
	PT_STAGE1,
	PT_STAGE2,
};

#define PT_READ	 1u
#define PT_WRITE 2u

/** Leaf sizes of the 4 KiB granule: bit n for 1 << n. */
#define PT_PGSIZES (BIT64(12) | BIT64(21) | BIT64(30))

/** MAIR for the memory attributes of stage 1 leaves. */
#define PT_MAIR NB_PGTABLE_MAIR

struct pt_memory;

struct pt {
	struct nb_pgtable *tables;
	struct pt_memory *memory;
	unsigned ias, oas; /* bits of input and output address */
	unsigned start_level;
	nb_pa root;
};

/** ias, oas: 31 to 48. False: no memory, nothing changed. charge may be NULL. */
bool pt_init(struct pt *pt, enum pt_stage stage, unsigned ias, unsigned oas, struct ram *ram,
	struct charge *charge);
/** Frees all tables. Nothing reads them any more. */
void pt_finish(struct pt *pt);

/**
 * Map [iova, iova + bytes), all multiples of 4 KiB and inside ias and oas. -EEXIST: part of it is
 * mapped; -ENOMEM. After a failure nothing of it is: undone says what was for a moment, the bytes from
 * iova on, which the caller invalidates before it calls pt_reap.
 */
int pt_map(struct pt *pt, nb_iova iova, nb_pa pa, uint64_t bytes, unsigned prot,
	struct nb_pgtable_cleared *undone);

/** nb_pgtable_unmap. FIDELITY: a block that reaches out of the range stays (areas are the unit). */
void pt_unmap(struct pt *pt, nb_iova iova, uint64_t bytes, struct nb_pgtable_cleared *cleared);

/** Free the tables that were unlinked. The hardware has forgotten them. */
void pt_reap(struct pt *pt);

/** One leaf, as found in the tables. */
struct pt_leaf {
	nb_pa pa; /* what iova translates to */
	uint64_t bytes;
	unsigned prot;
};

bool pt_lookup(const struct pt *pt, nb_iova iova, struct pt_leaf *leaf);

bool pt_empty(const struct pt *pt);

#endif
