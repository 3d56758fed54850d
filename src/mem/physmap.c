/* SPDX-License-Identifier: MIT */
/*
 * A range allocator over slots of 2 MiB. Every range, free or taken, is a node in a tree by
 * address; free ones are also in a list by the log2 of their size. Freeing only merges nodes, so it
 * cannot fail.
 *
 * Small mappings that come and go want one slot each: a few that were freed last are kept as they are,
 * and handed out again, without a change of the tree.
 *
 * Terms: the *slots* of an allocation are its bytes rounded outwards to whole slots.
 */
#include "mem/physmap.h"

#include <stdlib.h>

#include <bsd/sys/tree.h>
#include <urcu/list.h>

#include "base/bits.h"
#include "base/check.h"
#include "mem/run.h"

#define SLOT  (UINT64_C(1) << NB_MEM_SLOT_LG2)
#define BLOCK GIB(1)
#define BINS  64
#define KEPT  64 /* slots that are kept */

struct range {
	RB_ENTRY(range) node;
	struct cds_list_head bin; /* while free */
	uint64_t start, bytes;
	bool taken;
	bool kept; /* freed, but still taken of the tree */
};

RB_HEAD(range_tree, range);

struct physmap {
	uint64_t used;
	struct range_tree ranges;
	struct cds_list_head bins[BINS]; /* free ranges of [2^n, 2^(n+1)) bytes */
	struct range *kept[KEPT];	 /* of one slot each */
	unsigned n_kept;
	struct range *recent; /* the one handed out last, while it is taken; or NULL */
};

static int range_cmp(const struct range *a, const struct range *b)
{
	return (a->start > b->start) - (a->start < b->start);
}

/* RB_GENERATE_STATIC needs a macro that is not defined on Linux. */
/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the checker does not follow RB_REMOVE. */
RB_GENERATE_INTERNAL(range_tree, range, node, range_cmp, static __attribute__((unused)))

static unsigned bin_of(uint64_t bytes)
{
	return 63 - __builtin_clzll(bytes);
}

static void set_free(struct physmap *map, struct range *range)
{
	range->taken = false;
	cds_list_add(&range->bin, &map->bins[bin_of(range->bytes)]);
}

struct physmap *physmap_create(nb_pa base, uint64_t bytes)
{
	struct physmap *map = calloc(1, sizeof(*map));
	struct range *all = calloc(1, sizeof(*all));
	unsigned i;

	nb_assert(bytes && is_aligned(base.v | bytes, BLOCK));
	if (!map || !all) {
		free(map);
		free(all);
		return NULL;
	}
	RB_INIT(&map->ranges);
	for (i = 0; i < BINS; i++)
		CDS_INIT_LIST_HEAD(&map->bins[i]);
	all->start = base.v;
	all->bytes = bytes;
	RB_INSERT(range_tree, &map->ranges, all);
	set_free(map, all);
	return map;
}

void physmap_destroy(struct physmap *map)
{
	struct range *range, *next;

	if (!map)
		return;
	RB_FOREACH_SAFE (range, range_tree, &map->ranges, next) {
		RB_REMOVE(range_tree, &map->ranges, range);
		free(range);
	}
	free(map);
}

/* What an allocation needs: whole slots whose start is congruent to `phase` modulo `align`. */
struct need {
	uint64_t bytes, align, phase;
};

/* Where in the range it would start; false: it does not fit. */
static bool fits(const struct range *range, const struct need *need, uint64_t *start)
{
	uint64_t skip = (need->phase - range->start) & (need->align - 1);

	*start = range->start + skip;
	return range->bytes >= skip && range->bytes - skip >= need->bytes;
}

static struct range *find_free(struct physmap *map, const struct need *need, uint64_t *start)
{
	struct range *range;
	unsigned i;

	for (i = bin_of(need->bytes); i < BINS; i++) {
		cds_list_for_each_entry (range, &map->bins[i], bin) {
			if (fits(range, need, start))
				return range;
		}
	}
	return NULL;
}

/* Cut [start, start + bytes) out of a free range. False without memory: nothing changed. */
static bool carve(struct physmap *map, struct range *range, uint64_t start, uint64_t bytes)
{
	uint64_t before = start - range->start, after = range->bytes - before - bytes;
	struct range *head = before ? calloc(1, sizeof(*head)) : NULL;
	struct range *tail = after ? calloc(1, sizeof(*tail)) : NULL;

	if ((before && !head) || (after && !tail)) {
		free(head);
		free(tail);
		return false;
	}
	cds_list_del(&range->bin);
	if (tail) {
		*tail = (struct range){ .start = start + bytes, .bytes = after };
		set_free(map, tail);
	}
	if (head) {
		*head = (struct range){ .start = range->start, .bytes = before };
		set_free(map, head);
	}
	range->start = start; /* still between its neighbours: the tree's order is kept */
	range->bytes = bytes;
	range->taken = true;
	if (tail)
		RB_INSERT(range_tree, &map->ranges, tail);
	if (head)
		RB_INSERT(range_tree, &map->ranges, head);
	return true;
}

/* Merge a free neighbour that follows directly into range. */
static void absorb(struct physmap *map, struct range *range, struct range *next)
{
	cds_list_del(&next->bin);
	RB_REMOVE(range_tree, &map->ranges, next);
	range->bytes += next->bytes;
	free(next);
}

static void merge_free(struct physmap *map, struct range *range)
{
	struct range *next = RB_NEXT(range_tree, &map->ranges, range), *prev;

	if (map->recent == range)
		map->recent = NULL;
	if (next && !next->taken)
		absorb(map, range, next);
	prev = RB_PREV(range_tree, &map->ranges, range);
	if (prev && !prev->taken) {
		cds_list_del(&prev->bin);
		RB_REMOVE(range_tree, &map->ranges, range);
		prev->bytes += range->bytes;
		free(range);
		range = prev;
	}
	set_free(map, range);
}

static struct range *take_kept(struct physmap *map)
{
	struct range *range = map->n_kept ? map->kept[--map->n_kept] : NULL;

	if (range)
		range->kept = false;
	return range;
}

static bool keep(struct physmap *map, struct range *range)
{
	if (range->bytes != SLOT || map->n_kept == KEPT)
		return false;
	range->kept = true;
	map->kept[map->n_kept++] = range;
	return true;
}

/* A range of the tree, cut to what is needed; NULL: there is none, or no memory. */
static struct range *take_range(struct physmap *map, const struct need *need)
{
	uint64_t start;
	struct range *range = find_free(map, need, &start), *kept;

	if (!range && map->n_kept) {
		/* What is kept may be just what lacks between its neighbours. */
		while ((kept = take_kept(map)))
			merge_free(map, kept);
		range = find_free(map, need, &start);
	}
	return range && carve(map, range, start, need->bytes) ? range : NULL;
}

bool physmap_alloc(struct physmap *map, nb_iova iova, uint64_t bytes, nb_pa *pa)
{
	struct need need = { .align = bytes < BLOCK ? SLOT : BLOCK };
	uint64_t in_slot = iova.v % SLOT;
	struct range *range = NULL;

	if (!bytes || bytes > UINT64_MAX - 2 * SLOT)
		return false;
	need.bytes = align_up(in_slot + bytes, SLOT);
	need.phase = align_down(iova.v, SLOT) % need.align;
	if (need.bytes == SLOT)
		range = take_kept(map);
	if (!range)
		range = take_range(map, &need);
	if (!range)
		return false;
	map->recent = range;
	map->used += range->bytes;
	pa->v = range->start + in_slot;
	return true;
}

void physmap_free(struct physmap *map, nb_pa pa, uint64_t bytes)
{
	struct range key = { .start = align_down(pa.v, SLOT) }, *range = map->recent;

	if (!range || range->start != key.start)
		range = RB_FIND(range_tree, &map->ranges, &key);
	nb_assert(range && range->taken && !range->kept &&
		  range->bytes == align_up(pa.v % SLOT + bytes, SLOT));
	map->used -= range->bytes;
	if (!keep(map, range))
		merge_free(map, range);
}

uint64_t physmap_used(const struct physmap *map)
{
	return map->used;
}
