/* SPDX-License-Identifier: MIT */
/*
 * Translation caches, generic over a tag (design 12).
 *
 * Who translates has a cache of its own: direct-mapped, a fixed number of slots, no allocation after
 * creation, and no word that another thread writes. What all caches of an IOMMU instance share is what
 * invalidates them (struct iotlb): generations, and a log of the ranges that were invalidated.
 *
 * A tag names the translation context (stream configuration, ASID, VMID, however the IOMMU numbers
 * them). Tags belong to classes (by hash), each with a generation; there is one for all, and an entry
 * holds the sum as it was before its walk began. So nothing is ever looked for in a cache to be killed:
 *
 *	the sums are equal			the entry is live
 *	they differ by a few (ranges)		it is, if no range in the log since reaches it;
 *						it then takes the present sum
 *	they differ by more			it is not
 *
 * Invalidation of any kind is thus O(1), and a fill cannot race with it: an entry is as old as its
 * generation says. Many ranges in a row make entries die that were not meant, which is allowed.
 *
 *	reader, in a port section		who invalidates
 *	A: load the generation (acquire)	1: change tables
 *	B: use what the cache has, by A's,	2: log the range, bump the generation
 *	   or walk and fill with A's		3: wait for ports (port.h)
 *
 * If A is before 2 in the order of that word, the section is one that 3 waits for; else B sees 1 and
 * the log.
 */
#ifndef TLB_IOTLB_H
#define TLB_IOTLB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <nestbox/types.h>

/*
 * A generation counts ranges in its low bits (they are numbers of the class's log, too), and above
 * them whatever invalidates all of the class. A carry kills more than was asked for; the sum never
 * comes back to an earlier value (2^40 full invalidations).
 */
#define IOTLB_GEN_ALL_LG2 24
#define IOTLB_GEN_ALL	  (UINT64_C(1) << IOTLB_GEN_ALL_LG2)
#define IOTLB_CLASSES	  256
#define IOTLB_RANGES	  32 /* that a class's log holds */

/* A range of the log, written under iotlb.lock. */
struct iotlb_range {
	_Atomic uint64_t number; /* the class's generation that it ended, 1 more: 0 is none */
	_Atomic uint64_t tag, first, last;
};

struct iotlb_class {
	_Atomic uint64_t gen;
	_Atomic uint64_t tables; /* counts what changes more than leaves: for who caches tables */
	struct iotlb_range log[IOTLB_RANGES];
} __attribute__((aligned(64)));

/** What the caches of one instance share. */
struct iotlb {
	_Atomic uint64_t all_gen, all_tables;
	pthread_mutex_t lock; /* of the logs */
	struct iotlb_class classes[IOTLB_CLASSES];
};

/** A page or block of a cache. Written by the cache's owner only; others may look (iotlb_peek). */
struct iotlb_slot {
	_Atomic uint64_t key;	/* iotlb_key; 0: empty */
	_Atomic uint64_t value; /* output address of its first byte | size_lg2 << 6 | prot */
	_Atomic uint64_t gen;
	uint64_t unused; /* slots do not cross cache lines */
};

struct iotlb_cache {
	uint64_t sizes;	   /* bit n: blocks of 1 << n bytes were filled; atomic for who peeks */
	unsigned last_lg2; /* of the last fill; 12 before */
	uint64_t mask;	   /* of slots */
	struct iotlb_slot *slots;
};

/** What translation yielded for one page or block. */
struct iotlb_entry {
	uint64_t pa;	  /* output address of its first byte */
	uint8_t size_lg2; /* 12 to 63 */
	uint8_t prot;	  /* 6 bits: what is allowed, as the IOMMU defines it */
};

#define IOTLB_TAG_MAX ((1u << 11) - 1)

static inline struct iotlb_class *iotlb_class(const struct iotlb *tlb, uint32_t tag)
{
	return (struct iotlb_class *)&tlb->classes[tag % IOTLB_CLASSES];
}

/** The generation of a class's tags now: loaded before a walk, stored with the entry it yields. */
static inline uint64_t iotlb_class_gen(const struct iotlb *tlb, const struct iotlb_class *class)
{
	/* acquire: a walk that follows reads tables no older than the invalidation seen here. */
	return atomic_load_explicit(&tlb->all_gen, memory_order_acquire) +
	       atomic_load_explicit(&class->gen, memory_order_acquire);
}

static inline uint64_t iotlb_gen(const struct iotlb *tlb, uint32_t tag)
{
	return iotlb_class_gen(tlb, iotlb_class(tlb, tag));
}

/** Likewise for who caches pointers to tables: not changed by the invalidation of leaves alone. */
static inline uint64_t iotlb_class_tables(const struct iotlb *tlb, const struct iotlb_class *class)
{
	return atomic_load_explicit(&tlb->all_tables, memory_order_acquire) +
	       atomic_load_explicit(&class->tables, memory_order_acquire);
}

static inline uint64_t iotlb_tables(const struct iotlb *tlb, uint32_t tag)
{
	return iotlb_class_tables(tlb, iotlb_class(tlb, tag));
}

/* Tag, and number of the block: 53 bits suffice for blocks of 4 KiB. */
static inline uint64_t iotlb_key(uint32_t tag, uint64_t iova, unsigned size_lg2)
{
	return (uint64_t)tag << 53 | iova >> size_lg2;
}

/* Each size has slots of its own choosing; one entry serves a whole block. */
static inline struct iotlb_slot *iotlb_slot(
	const struct iotlb_cache *cache, uint32_t tag, uint64_t iova, unsigned size_lg2)
{
	uint64_t at = (iova >> size_lg2) + ((uint64_t)tag << 5) + ((uint64_t)size_lg2 << 8);

	return &cache->slots[at & cache->mask];
}

/*
 * The value of the entry of this size that covers iova, if it was born at gen; else 0 (no value is 0). One
 * probe, for the size that the cache was last filled with.
 */
static inline __attribute__((always_inline)) uint64_t iotlb_probe(
	const struct iotlb_cache *cache, uint32_t tag, uint64_t gen, nb_iova iova)
{
	unsigned lg2 = cache->last_lg2;
	const struct iotlb_slot *slot = iotlb_slot(cache, tag, iova.v, lg2);
	uint64_t value = atomic_load_explicit(&slot->value, memory_order_relaxed);

	if ((atomic_load_explicit(&slot->key, memory_order_relaxed) ^ iotlb_key(tag, iova.v, lg2)) |
		(atomic_load_explicit(&slot->gen, memory_order_relaxed) ^ gen) |
		((value >> 6 & 63) ^ lg2))
		return 0;
	return value;
}

static inline struct iotlb_entry iotlb_entry_of(uint64_t value)
{
	return (struct iotlb_entry){
		.pa = value & ~UINT64_C(0xfff), .size_lg2 = value >> 6 & 63, .prot = value & 63
	};
}

/**
 * Find the live entry that covers iova under tag, whose present generation is gen: of whatever size, and
 * of an earlier generation if it has outlived the ranges since; it then takes the present one. Owner only.
 */
bool iotlb_find(const struct iotlb *tlb, struct iotlb_cache *cache, uint32_t tag, uint64_t gen,
	nb_iova iova, struct iotlb_entry *out);

/* What probes have to know of a fill of this size; before the slot is written. */
static inline void iotlb_note_size(struct iotlb_cache *cache, unsigned size_lg2)
{
	cache->last_lg2 = size_lg2;
	if (!(cache->sizes >> size_lg2 & 1))
		__atomic_store_n(
			&cache->sizes, cache->sizes | UINT64_C(1) << size_lg2, __ATOMIC_RELAXED);
}

/* A slot's value; of numbers that are not of bytes, where many are filled. */
static inline uint64_t iotlb_value(uint64_t pa, unsigned size_lg2, unsigned prot)
{
	return pa | (uint64_t)size_lg2 << 6 | prot;
}

/* A fill but for iotlb_note_size, which who fills many calls when the size is another. */
static inline void iotlb_fill_slot(const struct iotlb_cache *cache, uint32_t tag, uint64_t gen,
	nb_iova iova, unsigned size_lg2, uint64_t value)
{
	struct iotlb_slot *slot = iotlb_slot(cache, tag, iova.v, size_lg2);

	atomic_store_explicit(&slot->key, iotlb_key(tag, iova.v, size_lg2), memory_order_relaxed);
	atomic_store_explicit(&slot->value, value, memory_order_relaxed);
	atomic_store_explicit(&slot->gen, gen, memory_order_relaxed);
}

/** Fill; pa is aligned to the block. gen: from iotlb_gen before the walk began. Owner only. */
static inline void iotlb_fill(struct iotlb_cache *cache, uint32_t tag, uint64_t gen, nb_iova iova,
	const struct iotlb_entry *entry)
{
	iotlb_note_size(cache, entry->size_lg2);
	iotlb_fill_slot(cache, tag, gen, iova, entry->size_lg2,
		iotlb_value(entry->pa, entry->size_lg2, entry->prot));
}

/** NULL without memory. */
struct iotlb *iotlb_create(void);
void iotlb_destroy(struct iotlb *tlb);

/** slots: a power of two. False without memory. */
bool iotlb_cache_init(struct iotlb_cache *cache, unsigned slots);
void iotlb_cache_finish(struct iotlb_cache *cache);

/**
 * Look, from any thread while the cache is there: the entry of this size that covers iova under tag,
 * live or not. *live: as far as the log tells.
 */
bool iotlb_peek(const struct iotlb *tlb, const struct iotlb_cache *cache, uint32_t tag,
	nb_iova iova, unsigned size_lg2, struct iotlb_entry *out, bool *live);

/* Any thread. They take effect for translations that begin later; see the table above. */
void iotlb_invalidate_all(struct iotlb *tlb);
void iotlb_invalidate_tag(struct iotlb *tlb, uint32_t tag);
/**
 * Kill what translates any byte of [iova, last] under tag (whatever its block size). leaf: tables are
 * as they were, only their leaves changed.
 */
void iotlb_invalidate_range(struct iotlb *tlb, uint32_t tag, nb_iova iova, nb_iova last, bool leaf);

#endif
