/* SPDX-License-Identifier: MIT */
/*
 * A buddy allocator over simulated RAM. Its bookkeeping is outside of the RAM: hardware and guests
 * write there. Blocks are 4 KiB << order, aligned to their size in the physical space.
 *
 * The host lock serialises all calls.
 */
#include "mem/ram.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bits.h"
#include "base/check.h"

#define PAGE_LG2   12
#define MAX_ORDERS 28
#define NONE	   UINT32_MAX
#define FREE	   0x80 /* in page.state of a free block's first page */
#define TAKEN	   0x40 /* of an allocated one's */

struct page {
	uint32_t next, prev; /* free list of the order */
	uint8_t state;	     /* of a block's first page: FREE or TAKEN, and its order */
};

struct ram {
	struct nb_mem *mem;
	struct nb_extent extent;
	uint64_t base; /* first page number */
	uint32_t n_pages;
	struct page *pages; /* mapped: untouched entries cost nothing */
	uint32_t head[MAX_ORDERS];
	uint64_t used;
};

static void *map_zero(uint64_t bytes)
{
	void *ptr = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return ptr == MAP_FAILED ? NULL : ptr;
}

static void list_add(struct ram *ram, uint32_t i, unsigned order)
{
	uint32_t next = ram->head[order];

	ram->pages[i] = (struct page){ .next = next, .prev = NONE, .state = FREE | order };
	if (next != NONE)
		ram->pages[next].prev = i;
	ram->head[order] = i;
}

static void list_del(struct ram *ram, uint32_t i, unsigned order)
{
	struct page *page = &ram->pages[i];

	if (page->prev != NONE)
		ram->pages[page->prev].next = page->next;
	else
		ram->head[order] = page->next;
	if (page->next != NONE)
		ram->pages[page->next].prev = page->prev;
	page->state = 0;
}

/* Cover the RAM with the largest aligned blocks. */
static void free_all(struct ram *ram)
{
	uint32_t i = 0;
	unsigned order;

	while (i < ram->n_pages) {
		order = ram->base + i ? __builtin_ctzll(ram->base + i) : MAX_ORDERS - 1;
		order = MIN(order, MAX_ORDERS - 1u);
		while ((UINT32_C(1) << order) > ram->n_pages - i)
			order--;
		list_add(ram, i, order);
		i += UINT32_C(1) << order;
	}
}

static bool ram_init(struct ram *ram, struct nb_mem *mem, nb_pa pa, uint64_t bytes)
{
	unsigned order;

	for (order = 0; order < MAX_ORDERS; order++)
		ram->head[order] = NONE;
	ram->mem = mem;
	ram->base = pa.v >> PAGE_LG2;
	ram->n_pages = bytes >> PAGE_LG2;
	ram->extent = (struct nb_extent){ .pa = pa, .bytes = bytes, .ptr = map_zero(bytes) };
	ram->pages = map_zero(ram->n_pages * sizeof(*ram->pages));
	if (!ram->extent.ptr || !ram->pages || nb_mem_add(mem, &ram->extent))
		return false;
	free_all(ram);
	return true;
}

static void unmap_all(struct ram *ram)
{
	if (ram->extent.ptr)
		munmap(ram->extent.ptr, ram->extent.bytes);
	if (ram->pages)
		munmap(ram->pages, ram->n_pages * sizeof(*ram->pages));
	free(ram);
}

struct ram *ram_create(struct nb_mem *mem, nb_pa pa, uint64_t bytes)
{
	struct ram *ram;

	if (!bytes || !is_aligned(pa.v | bytes, 1 << PAGE_LG2) || bytes >> PAGE_LG2 >= NONE)
		return NULL;
	ram = calloc(1, sizeof(*ram));
	if (!ram)
		return NULL;
	if (!ram_init(ram, mem, pa, bytes)) {
		unmap_all(ram);
		return NULL;
	}
	return ram;
}

void ram_destroy(struct ram *ram)
{
	if (!ram)
		return;
	nb_mem_remove(ram->mem, &ram->extent);
	unmap_all(ram);
}

static unsigned order_of(uint64_t bytes)
{
	nb_assert(is_pow2(bytes) && bytes >= 1 << PAGE_LG2);
	return __builtin_ctzll(bytes) - PAGE_LG2;
}

/* A block of exactly this order, split off the smallest that has one. NONE: exhausted. */
static uint32_t take_block(struct ram *ram, unsigned order)
{
	unsigned from = order;
	uint32_t i;

	while (from < MAX_ORDERS && ram->head[from] == NONE)
		from++;
	if (from >= MAX_ORDERS)
		return NONE;
	i = ram->head[from];
	list_del(ram, i, from);
	while (from-- > order)
		list_add(ram, i + (UINT32_C(1) << from), from);
	ram->pages[i].state = TAKEN | order;
	return i;
}

/* Small blocks are about to be used anyway; pages of large ones may never be. */
static void zero(void *ptr, uint64_t bytes)
{
	if (bytes <= KIB(64) || madvise(ptr, bytes, MADV_DONTNEED))
		memset(ptr, 0, bytes);
}

bool ram_alloc(struct ram *ram, uint64_t bytes, struct charge *charge, nb_pa *pa, void **ptr)
{
	uint32_t i;

	if (charge && (charge->used > charge->limit || bytes > charge->limit - charge->used))
		return false;
	i = take_block(ram, order_of(bytes));
	if (i == NONE)
		return false;
	if (charge)
		charge->used += bytes;
	ram->used += bytes;
	pa->v = (ram->base + i) << PAGE_LG2;
	*ptr = ram_ptr(ram, *pa);
	zero(*ptr, bytes);
	return true;
}

/* Whether the buddy of block i is free as a whole. */
static bool buddy_free(const struct ram *ram, uint32_t i, unsigned order, uint32_t *buddy)
{
	uint64_t page = (ram->base + i) ^ (UINT64_C(1) << order);

	if (order + 1 >= MAX_ORDERS || page < ram->base || page - ram->base >= ram->n_pages)
		return false;
	*buddy = page - ram->base;
	return ram->pages[*buddy].state == (FREE | order);
}

void ram_free(struct ram *ram, nb_pa pa, uint64_t bytes, struct charge *charge)
{
	unsigned order = order_of(bytes);
	uint32_t i = (pa.v >> PAGE_LG2) - ram->base, buddy;

	nb_assert(i < ram->n_pages && ram->pages[i].state == (TAKEN | order) && ram->used >= bytes);
	ram->used -= bytes;
	if (charge) {
		nb_assert(charge->used >= bytes);
		charge->used -= bytes;
	}
	for (; buddy_free(ram, i, order, &buddy); order++) {
		list_del(ram, buddy, order);
		i = MIN(i, buddy);
	}
	list_add(ram, i, order);
}

void *ram_ptr(const struct ram *ram, nb_pa pa)
{
	nb_assert(pa.v - ram->extent.pa.v < ram->extent.bytes);
	return (char *)ram->extent.ptr + (pa.v - ram->extent.pa.v);
}

const struct nb_extent *ram_extent(const struct ram *ram)
{
	return &ram->extent;
}

uint64_t ram_used(const struct ram *ram)
{
	return ram->used;
}
