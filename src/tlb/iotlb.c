/* SPDX-License-Identifier: MIT */
/* Invalidation, and what its log says about entries; the lookup is in the header. */
#include "tlb/iotlb.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/check.h"

struct iotlb *iotlb_create(void)
{
	struct iotlb *tlb = aligned_alloc(_Alignof(struct iotlb), sizeof(*tlb));

	if (!tlb)
		return NULL;
	memset(tlb, 0, sizeof(*tlb));
	pthread_mutex_init(&tlb->lock, NULL);
	return tlb;
}

void iotlb_destroy(struct iotlb *tlb)
{
	if (!tlb)
		return;
	pthread_mutex_destroy(&tlb->lock);
	free(tlb);
}

bool iotlb_cache_init(struct iotlb_cache *cache, unsigned slots)
{
	size_t bytes = slots * sizeof(*cache->slots);

	*cache = (struct iotlb_cache){ .last_lg2 = 12, .mask = slots - 1 };
	if (!is_pow2(slots))
		return false;
	cache->slots = aligned_alloc(64, align_up(bytes, 64));
	if (cache->slots)
		memset(cache->slots, 0, bytes);
	return cache->slots;
}

void iotlb_cache_finish(struct iotlb_cache *cache)
{
	free(cache->slots);
}

void iotlb_invalidate_all(struct iotlb *tlb)
{
	atomic_fetch_add(&tlb->all_tables, 1);
	atomic_fetch_add(&tlb->all_gen, IOTLB_GEN_ALL);
}

void iotlb_invalidate_tag(struct iotlb *tlb, uint32_t tag)
{
	atomic_fetch_add(&iotlb_class(tlb, tag)->tables, 1);
	atomic_fetch_add(&iotlb_class(tlb, tag)->gen, IOTLB_GEN_ALL);
}

/* Ranges are numbered by the low bits of the generation that they end. */
static uint64_t number_of(uint64_t gen)
{
	return gen & (IOTLB_GEN_ALL - 1);
}

void iotlb_invalidate_range(struct iotlb *tlb, uint32_t tag, nb_iova iova, nb_iova last, bool leaf)
{
	struct iotlb_class *class = iotlb_class(tlb, tag);
	struct iotlb_range *range;
	uint64_t number;

	pthread_mutex_lock(&tlb->lock);
	number = number_of(atomic_load(&class->gen));
	range = &class->log[number % IOTLB_RANGES];
	atomic_store_explicit(&range->number, 0, memory_order_relaxed);
	/* Who sees a new word and then the number sees no old one. */
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&range->tag, tag, memory_order_relaxed);
	atomic_store_explicit(&range->first, iova.v, memory_order_relaxed);
	atomic_store_explicit(&range->last, last.v, memory_order_relaxed);
	atomic_store_explicit(&range->number, number + 1, memory_order_release);
	if (!leaf)
		atomic_fetch_add(&class->tables, 1);
	atomic_fetch_add(&class->gen, 1);
	pthread_mutex_unlock(&tlb->lock);
}

/* Whether the range of this number may reach a byte of [first, last] under tag. */
static bool reaches(const struct iotlb_class *class, uint64_t number, uint32_t tag, uint64_t first,
	uint64_t last)
{
	const struct iotlb_range *range = &class->log[number % IOTLB_RANGES];
	bool apart;

	if (atomic_load_explicit(&range->number, memory_order_acquire) != number + 1)
		return true; /* a later one has its place */
	apart = atomic_load_explicit(&range->tag, memory_order_relaxed) != tag ||
		atomic_load_explicit(&range->last, memory_order_relaxed) < first ||
		atomic_load_explicit(&range->first, memory_order_relaxed) > last;
	/* The words are read before the number is read again. */
	atomic_thread_fence(memory_order_acquire);
	return !apart || atomic_load_explicit(&range->number, memory_order_relaxed) != number + 1;
}

/* Whether an entry that was born at `born`, gen being the present, is one that no range reached. */
static inline __attribute__((always_inline)) bool survives(
	const struct iotlb *tlb, uint64_t key, unsigned size_lg2, uint64_t born, uint64_t gen)
{
	uint32_t tag = (uint32_t)(key >> 53);
	uint64_t first = key << 11 >> 11 << size_lg2, last = first | MASK64(size_lg2 - 1, 0);

	if (gen - born > IOTLB_RANGES)
		return false;
	for (; born != gen; born++)
		if (reaches(iotlb_class(tlb, tag), number_of(born), tag, first, last))
			return false;
	return true;
}

bool iotlb_find(const struct iotlb *tlb, struct iotlb_cache *cache, uint32_t tag, uint64_t gen,
	nb_iova iova, struct iotlb_entry *out)
{
	uint64_t sizes = cache->sizes, key, value, born;
	struct iotlb_slot *slot;
	unsigned lg2;

	/* One probe for each size in use, which mostly is one. */
	for (; sizes; sizes &= sizes - 1) {
		lg2 = (unsigned)__builtin_ctzll(sizes);
		key = iotlb_key(tag, iova.v, lg2);
		slot = iotlb_slot(cache, tag, iova.v, lg2);
		value = atomic_load_explicit(&slot->value, memory_order_relaxed);
		if (atomic_load_explicit(&slot->key, memory_order_relaxed) != key ||
			(value >> 6 & 63) != lg2)
			continue;
		born = atomic_load_explicit(&slot->gen, memory_order_relaxed);
		if (!survives(tlb, key, lg2, born, gen))
			continue;
		if (born != gen)
			atomic_store_explicit(&slot->gen, gen, memory_order_relaxed);
		*out = iotlb_entry_of(value);
		return true;
	}
	return false;
}

/* The words of a slot, if they were the same when looked at twice: nobody wrote meanwhile. */
static bool look(const struct iotlb_slot *slot, uint64_t words[3])
{
	words[0] = atomic_load_explicit(&slot->key, memory_order_acquire);
	words[1] = atomic_load_explicit(&slot->value, memory_order_acquire);
	words[2] = atomic_load_explicit(&slot->gen, memory_order_acquire);
	return atomic_load_explicit(&slot->key, memory_order_acquire) == words[0] &&
	       atomic_load_explicit(&slot->value, memory_order_acquire) == words[1] &&
	       atomic_load_explicit(&slot->gen, memory_order_acquire) == words[2];
}

bool iotlb_peek(const struct iotlb *tlb, const struct iotlb_cache *cache, uint32_t tag,
	nb_iova iova, unsigned size_lg2, struct iotlb_entry *out, bool *live)
{
	uint64_t words[3];

	if (!look(iotlb_slot(cache, tag, iova.v, size_lg2), words) ||
		words[0] != iotlb_key(tag, iova.v, size_lg2) || (words[1] >> 6 & 63) != size_lg2)
		return false;
	*out = iotlb_entry_of(words[1]);
	*live = survives(tlb, words[0], size_lg2, words[2], iotlb_gen(tlb, tag));
	return true;
}
