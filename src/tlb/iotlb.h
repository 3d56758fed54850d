/* SPDX-License-Identifier: MIT */
/*
 * A translation cache, generic over a tag (design 12): direct-mapped, a fixed number of slots, no
 * allocation after creation, probed without locks by any thread.
 *
 * A tag names the translation context (stream configuration, ASID, VMID, however the IOMMU numbers
 * them) in 32 bits. Generations invalidate in O(1): an entry holds the generation of its context
 * class at fill time and is dead as soon as that was bumped. Invalidation by address kills entries
 * one by one.
 *
 * Slots are written by readers that miss (under a per-slot sequence count, so that a torn entry is
 * never used); iotlb_lookup copies the entry out and revalidates.
 */
#ifndef TLB_IOTLB_H
#define TLB_IOTLB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <nestbox/types.h>

/** What translation yielded for one page or block. */
struct iotlb_entry {
	uint64_t page;	  /* input address >> 12, of the first 4 KiB page of the block */
	uint64_t pa;	  /* output address of the same byte */
	uint64_t gen;	  /* sum of the generations this entry depends on; see iotlb_gen */
	uint32_t tag;	  /* context; 0 is never a valid tag */
	uint8_t size_lg2; /* of the page or block: 12, 21, 30, ...; 0: the entry is empty */
	uint8_t prot;	  /* NB_DMA_READ | NB_DMA_WRITE, as both stages allow */
};

struct iotlb;

/** slots: a power of two. NULL without memory. */
struct iotlb *iotlb_create(unsigned slots);
void iotlb_destroy(struct iotlb *tlb);

/** The current generation of a tag: loaded before a walk, stored with the entry it yields. */
uint64_t iotlb_gen(const struct iotlb *tlb, uint32_t tag);

/** Find a live entry that covers iova under tag. */
bool iotlb_lookup(const struct iotlb *tlb, uint32_t tag, nb_iova iova, struct iotlb_entry *out);

/** Whether an entry held elsewhere (a port's hot entry) is still live and covers iova. */
bool iotlb_entry_live(
	const struct iotlb *tlb, const struct iotlb_entry *entry, uint32_t tag, nb_iova iova);

/** Fill. entry->gen must come from iotlb_gen before the walk began: a racing invalidation wins. */
void iotlb_insert(struct iotlb *tlb, const struct iotlb_entry *entry);

void iotlb_invalidate_all(struct iotlb *tlb);
void iotlb_invalidate_tag(struct iotlb *tlb, uint32_t tag);
/** Kill what translates any byte of [iova, last] under tag (whatever its block size). */
void iotlb_invalidate_range(struct iotlb *tlb, uint32_t tag, nb_iova iova, nb_iova last);

#endif
