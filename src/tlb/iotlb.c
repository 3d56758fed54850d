/* SPDX-License-Identifier: MIT */
/*
 * Filling and invalidating the translation cache; the lookup is in the header.
 *
 * Who excludes whom:
 *
 *   lookup against fill        the slot's sequence count: odd while it is written; a lookup that
 *                              saw it change is a miss
 *   fill against fill          the count is claimed by compare-and-swap; the loser does not fill.
 *                              While it is odd, none but the claimant writes the slot
 *   fill against invalidation  the filler checks its generation after it claimed the slot; the
 *                              invalidator bumps the generation before it looks at the slot, all of
 *                              it sequentially consistent. So either the filler sees the bump and
 *                              leaves the slot empty, or the invalidator sees the claim, and bumps
 *                              the generation of all of the class: what is being filled is then
 *                              dead as soon as it is there (and dearer to refill, but this is rare)
 *   copies of entries          they carry the whole generation, so a bump kills them. The
 *                              invalidator bumps again after the slots are dead: who copied an
 *                              entry out of a slot in between copied a generation that is no more
 *
 * So a fill has one locked instruction, the claim.
 */
#include "tlb/iotlb.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/check.h"

struct iotlb *iotlb_create(unsigned slots)
{
	struct iotlb *tlb;
	size_t bytes = sizeof(*tlb) + slots * sizeof(tlb->slots[0]);

	if (!is_pow2(slots))
		return NULL;
	tlb = aligned_alloc(64, align_up(bytes, 64));
	if (!tlb)
		return NULL;
	memset(tlb, 0, bytes);
	tlb->mask = slots - 1;
	return tlb;
}

void iotlb_destroy(struct iotlb *tlb)
{
	free(tlb);
}

/* Claim the slot, whose count was seen to be even. */
static bool claim(struct iotlb_slot *slot, uint32_t even)
{
	/* seq_cst: the claim is visible before the generation is checked. */
	if (!atomic_compare_exchange_strong(&slot->seq, &even, even + 1))
		return false;
	/* Whoever sees a field that changes after this also sees the odd count. */
	atomic_thread_fence(memory_order_release);
	return true;
}

/* End a claim. */
static void publish(struct iotlb_slot *slot, uint32_t even)
{
	atomic_store_explicit(&slot->seq, even + 2, memory_order_release);
}

static void put(struct iotlb_slot *slot, const struct iotlb_entry *entry)
{
	atomic_store_explicit(&slot->page, entry->page, memory_order_relaxed);
	atomic_store_explicit(&slot->pa, entry->pa, memory_order_relaxed);
	atomic_store_explicit(&slot->gen, entry->gen, memory_order_relaxed);
	atomic_store_explicit(
		&slot->key, iotlb_key(entry->tag, entry->size_lg2), memory_order_relaxed);
	atomic_store_explicit(&slot->prot, entry->prot, memory_order_relaxed);
}

static void clear(struct iotlb_slot *slot)
{
	atomic_store_explicit(&slot->key, 0, memory_order_relaxed);
}

/* iotlb_gen, for what the table above says of fills. */
static uint64_t gen_now(const struct iotlb *tlb, const struct iotlb_class *class)
{
	return atomic_load(&tlb->all_gen) + atomic_load(&class->gen);
}

void iotlb_insert(struct iotlb *tlb, const struct iotlb_entry *entry)
{
	struct iotlb_class *class = iotlb_class(tlb, entry->tag);
	uint64_t size_bit = BIT64(entry->size_lg2);
	struct iotlb_slot *slot;
	uint32_t seq;

	nb_assert(entry->tag && entry->size_lg2 >= 12 && entry->size_lg2 < 64);
	slot = iotlb_slot(tlb, entry->tag, entry->page << 12, entry->size_lg2);
	/* Before the entry is there: an invalidation must look for this size, and so must lookups.
	 */
	if (!(atomic_load_explicit(&class->sizes, memory_order_relaxed) & size_bit))
		atomic_fetch_or(&class->sizes, size_bit);
	seq = atomic_load_explicit(&slot->seq, memory_order_relaxed);
	if ((seq & 1) || !claim(slot, seq))
		return;
	if (gen_now(tlb, class) == entry->gen)
		put(slot, entry);
	else
		clear(slot);
	publish(slot, seq);
}

/* The generation's parts are sums of counters: any addition kills what was filled before it. */
static void bump(_Atomic uint64_t *gen, uint64_t by)
{
	atomic_fetch_add(gen, by);
	atomic_thread_fence(memory_order_seq_cst);
}

void iotlb_invalidate_all(struct iotlb *tlb)
{
	bump(&tlb->all_gen, IOTLB_GEN_ALL);
}

void iotlb_invalidate_tag(struct iotlb *tlb, uint32_t tag)
{
	bump(&iotlb_class(tlb, tag)->gen, IOTLB_GEN_ALL);
}

static bool holds(const struct iotlb_slot *slot, uint64_t key, uint64_t block)
{
	uint64_t page = atomic_load_explicit(&slot->page, memory_order_relaxed);
	bool same = atomic_load_explicit(&slot->key, memory_order_relaxed) == key &&
		    page >> ((key & 0xff) - 12) == block;

	/* The fields are read before the count is read again. */
	atomic_thread_fence(memory_order_acquire);
	return same;
}

/* Kill the slot's entry if it is this block of this tag. False: it is just being written. */
static bool kill_slot(struct iotlb_slot *slot, uint64_t key, uint64_t block)
{
	uint32_t seq = atomic_load(&slot->seq);
	bool same;

	/* Each turn is one that another thread wrote the slot in. */
	while (!(seq & 1)) {
		same = holds(slot, key, block);
		if (same && claim(slot, seq)) {
			clear(slot);
			publish(slot, seq);
			return true;
		}
		if (!same && atomic_load(&slot->seq) == seq)
			return true;
		seq = atomic_load(&slot->seq);
	}
	return false;
}

/* Kill the blocks of one size that overlap the range. False: too many, or one is being written. */
static bool kill_blocks(struct iotlb *tlb, uint32_t tag, nb_iova iova, nb_iova last, unsigned lg2)
{
	uint64_t block = iova.v >> lg2, end = last.v >> lg2;

	if (end - block > tlb->mask / 2)
		return false;
	for (; block <= end; block++)
		if (!kill_slot(iotlb_slot(tlb, tag, block << lg2, lg2), iotlb_key(tag, lg2), block))
			return false;
	return true;
}

void iotlb_invalidate_range(struct iotlb *tlb, uint32_t tag, nb_iova iova, nb_iova last, bool leaf)
{
	struct iotlb_class *class = iotlb_class(tlb, tag);
	uint64_t by = leaf ? 1 : IOTLB_GEN_TABLE, sizes;

	bump(&class->gen, by);
	sizes = atomic_load(&class->sizes);
	for (; sizes; sizes &= sizes - 1) {
		if (!kill_blocks(tlb, tag, iova, last, __builtin_ctzll(sizes))) {
			bump(&class->gen, IOTLB_GEN_ALL); /* dearer to refill, right all the same */
			return;
		}
	}
	bump(&class->gen, by);
}
