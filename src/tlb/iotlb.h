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
	uint64_t pa;	  /* output address of that page's first byte */
	uint64_t gen;	  /* sum of the generations this entry depends on; see iotlb_gen */
	uint32_t tag;	  /* context; 0 is never a valid tag */
	uint8_t size_lg2; /* of the page or block: 12, 21, 30, ...; 0: the entry is empty */
	uint8_t prot;	  /* what is allowed, in bits that the IOMMU defines */
};

/*
 * Generations. Each tag belongs to a class (by hash) that has a counter, and there is one for all;
 * an entry holds their sum. Entries in slots compare the bits from IOTLB_GEN_ALL up: invalidations by
 * address kill only the addressed ones of them. Copies of leaf table pointers compare from
 * IOTLB_GEN_TABLE up: they survive the invalidation of leaves alone. Copies of entries, and entries on their
 * way into a slot, compare the whole. A carry kills more than was asked for, never less; the sum
 * never comes back to an earlier value (2^40 full invalidations).
 */
#define IOTLB_GEN_TABLE_LG2 12
#define IOTLB_GEN_ALL_LG2   24
#define IOTLB_GEN_TABLE	    (UINT64_C(1) << IOTLB_GEN_TABLE_LG2)
#define IOTLB_GEN_ALL	    (UINT64_C(1) << IOTLB_GEN_ALL_LG2)
#define IOTLB_CLASSES	    256

struct iotlb_class {
	_Atomic uint64_t gen;
	_Atomic uint64_t sizes; /* bit n: entries of size 1 << n were filled */
};

struct iotlb_slot {
	_Atomic uint32_t seq; /* odd while it is written */
	_Atomic uint32_t prot;
	_Atomic uint64_t key; /* iotlb_key, 0: empty */
	_Atomic uint64_t page, pa, gen;
} __attribute__((aligned(64)));

struct iotlb {
	_Atomic uint64_t all_gen;
	uint32_t mask;
	struct iotlb_class classes[IOTLB_CLASSES] __attribute__((aligned(64)));
	struct iotlb_slot slots[];
};

static inline uint64_t iotlb_key(uint32_t tag, unsigned size_lg2)
{
	return (uint64_t)tag << 8 | size_lg2;
}

static inline struct iotlb_class *iotlb_class(const struct iotlb *tlb, uint32_t tag)
{
	return (struct iotlb_class *)&tlb->classes[tag % IOTLB_CLASSES];
}

/* Each size has slots of its own choosing, so that one entry serves a whole block. */
static inline struct iotlb_slot *iotlb_slot(
	const struct iotlb *tlb, uint32_t tag, uint64_t iova, unsigned size_lg2)
{
	uint32_t hash = (uint32_t)(iova >> size_lg2) + tag * 0x9e3779b1u + size_lg2 * 0x85ebca6bu;

	return (struct iotlb_slot *)&tlb->slots[hash & tlb->mask];
}

/** slots: a power of two. NULL without memory. */
struct iotlb *iotlb_create(unsigned slots);
void iotlb_destroy(struct iotlb *tlb);

/** The current generation of a tag: loaded before a walk, stored with the entry it yields. */
static inline uint64_t iotlb_gen(const struct iotlb *tlb, uint32_t tag)
{
	/* acquire: a walk that follows reads tables no older than the invalidation seen here. */
	return atomic_load_explicit(&tlb->all_gen, memory_order_acquire) +
	       atomic_load_explicit(&iotlb_class(tlb, tag)->gen, memory_order_acquire);
}

/* One probe: the entry of this size. gen is the current one; *out gets it. */
static inline bool iotlb_probe(const struct iotlb_slot *slot, uint64_t key, uint64_t page,
	uint64_t gen, struct iotlb_entry *out)
{
	uint32_t seq = atomic_load_explicit(&slot->seq, memory_order_acquire);
	unsigned block_lg2 = (key & 0xff) - 12;

	out->page = atomic_load_explicit(&slot->page, memory_order_relaxed);
	if (atomic_load_explicit(&slot->key, memory_order_relaxed) != key ||
		(out->page ^ page) >> block_lg2)
		return false;
	if ((atomic_load_explicit(&slot->gen, memory_order_relaxed) ^ gen) >> IOTLB_GEN_ALL_LG2)
		return false;
	out->pa = atomic_load_explicit(&slot->pa, memory_order_relaxed);
	out->prot = atomic_load_explicit(&slot->prot, memory_order_relaxed);
	out->gen = gen;
	/* The fields are read before the count is read again. */
	atomic_thread_fence(memory_order_acquire);
	return !(seq & 1) && atomic_load_explicit(&slot->seq, memory_order_relaxed) == seq;
}

/**
 * Find a live entry that covers iova under tag. One probe per size of block in use by the tag's
 * class, which mostly is one. gen: iotlb_gen of the tag, loaded before the slots are, so that an entry
 * copied out during an invalidation is not taken for new.
 */
static inline __attribute__((always_inline)) bool iotlb_find(
	const struct iotlb *tlb, uint32_t tag, uint64_t gen, nb_iova iova, struct iotlb_entry *out)
{
	uint64_t sizes = atomic_load_explicit(&iotlb_class(tlb, tag)->sizes, memory_order_relaxed);
	unsigned lg2;

	for (; sizes; sizes &= sizes - 1) {
		lg2 = __builtin_ctzll(sizes);
		if (!iotlb_probe(iotlb_slot(tlb, tag, iova.v, lg2), iotlb_key(tag, lg2),
			    iova.v >> 12, gen, out))
			continue;
		out->tag = tag;
		out->size_lg2 = lg2;
		return true;
	}
	return false;
}

static inline bool iotlb_lookup(
	const struct iotlb *tlb, uint32_t tag, nb_iova iova, struct iotlb_entry *out)
{
	return iotlb_find(tlb, tag, iotlb_gen(tlb, tag), iova, out);
}

/** Whether an entry held elsewhere (copied out of here) is still live and covers iova. */
static inline bool iotlb_entry_live(
	const struct iotlb *tlb, const struct iotlb_entry *entry, uint32_t tag, nb_iova iova)
{
	return entry->tag == tag && entry->size_lg2 &&
	       ((iova.v >> 12) ^ entry->page) >> (entry->size_lg2 - 12) == 0 &&
	       entry->gen == iotlb_gen(tlb, tag);
}

/**
 * Fill: page aligned to the block. Dropped where another thread is just filling the same slot.
 * entry->gen must come from iotlb_gen before the walk began: a racing invalidation wins. */
void iotlb_insert(struct iotlb *tlb, const struct iotlb_entry *entry);

void iotlb_invalidate_all(struct iotlb *tlb);
void iotlb_invalidate_tag(struct iotlb *tlb, uint32_t tag);
/**
 * Kill what translates any byte of [iova, last] under tag (whatever its block size). leaf: tables are
 * as they were, only their leaves changed.
 */
void iotlb_invalidate_range(struct iotlb *tlb, uint32_t tag, nb_iova iova, nb_iova last, bool leaf);

#endif
