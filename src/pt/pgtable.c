/* SPDX-License-Identifier: MIT */
/* Creation, and what a walker must be told. */
#include <stdlib.h>
#include <string.h>

#include "mem/ram.h"
#include "pt/pgtable.h"

#define DEFAULT_SPARE 1024

/* One layer over struct ram, for those who have no memory of their own. */
struct nb_pgtable_ram *nb_pgtable_ram_create(struct nb_mem *mem, nb_pa pa, uint64_t bytes)
{
	return (struct nb_pgtable_ram *)ram_create(mem, pa, bytes);
}

static struct ram *to_ram(struct nb_pgtable_ram *ram)
{
	return (struct ram *)ram;
}

void nb_pgtable_ram_destroy(struct nb_pgtable_ram *ram)
{
	ram_destroy(to_ram(ram));
}

void *nb_pgtable_ram_alloc(struct nb_pgtable_ram *ram, uint64_t bytes, nb_pa *pa)
{
	void *ptr;

	if (bytes < KIB(4) || !is_pow2(bytes))
		return NULL;
	return ram_alloc(to_ram(ram), bytes, NULL, pa, &ptr) ? ptr : NULL;
}

void nb_pgtable_ram_free(struct nb_pgtable_ram *ram, nb_pa pa, uint64_t bytes)
{
	ram_free(to_ram(ram), pa, bytes, NULL);
}

static void *alloc_in_ram(void *ctx, uint64_t bytes, nb_pa *pa)
{
	return nb_pgtable_ram_alloc(ctx, bytes, pa);
}

static void free_in_ram(void *ctx, void *ptr, nb_pa pa, uint64_t bytes)
{
	nb_pgtable_ram_free(ctx, pa, bytes);
}

static const struct nb_pgtable_ops ram_ops = {
	.size = sizeof(ram_ops),
	.alloc = alloc_in_ram,
	.free = free_in_ram,
};

static bool read_memory(struct nb_pgtable *pt, const struct nb_pgtable_options *options)
{
	const struct nb_pgtable_ops *ops = options->ops;

	if (options->ram) {
		pt->ops = ram_ops;
		pt->ctx = options->ram;
		return !ops;
	}
	if (!ops || ops->size != sizeof(*ops) || !ops->alloc || !ops->free)
		return false;
	pt->ops = *ops;
	pt->ctx = options->ctx;
	return true;
}

/* Copy what the caller's struct has; what it lacks is zero, the default. */
static bool read_options(const struct nb_pgtable_options *from, struct nb_pgtable_options *options)
{
	memset(options, 0, sizeof(*options));
	if (from->size > sizeof(*options) || from->size < sizeof(from->size))
		return false;
	memcpy(options, from, from->size);
	return true;
}

struct nb_pgtable *nb_pgtable_create(const struct nb_pgtable_options *from)
{
	struct nb_pgtable_options options;
	struct nb_pgtable *pt;

	if (!read_options(from, &options))
		return NULL;
	pt = calloc(1, sizeof(*pt));
	if (!pt)
		return NULL;
	pt->max_spare = options.no_spare ? 0 : options.spare_tables ?: DEFAULT_SPARE;
	if (read_memory(pt, &options) && pgt_geometry(pt, &options))
		pt->root = pgt_root_create(pt);
	if (pt->root)
		return pt;
	free(pt);
	return NULL;
}

void nb_pgtable_destroy(struct nb_pgtable *pt)
{
	if (!pt)
		return;
	nb_pgtable_reap(pt);
	pgt_tables_destroy(pt);
	free(pt);
}

static uint64_t unlinked_bytes(const struct nb_pgtable *pt, const struct pgt_table *table)
{
	unsigned n = table->level == PGT_LAST_LEVEL ? 0 : pgt_entries(pt, table->level);
	uint64_t bytes = BIT64(pt->granule_lg2);

	for (unsigned i = 0; i < n; i++)
		if (table->child[i])
			bytes += unlinked_bytes(pt, table->child[i]);
	return bytes;
}

static uint64_t bytes_in_use(const struct nb_pgtable *pt)
{
	uint64_t bytes = pt->root_bytes + (pt->tables << pt->granule_lg2);

	for (const struct pgt_table *t = pt->unlinked; t; t = t->next)
		bytes -= unlinked_bytes(pt, t);
	return bytes;
}

/* IHI 0070 5.4 TG0, 5.2 S2TG. */
static unsigned tg_field(const struct nb_pgtable *pt)
{
	return pt->granule_lg2 == 12 ? 0 : pt->granule_lg2 == 16 ? 1 : 2;
}

void nb_pgtable_info(const struct nb_pgtable *pt, struct nb_pgtable_info *info, size_t size)
{
	const struct nb_pgtable_info all = {
		.root = pt->root->pa,
		.root_bytes = pt->root_bytes,
		.start_level = pt->start_level,
		.tsz = 64u - pt->ias,
		.tg = tg_field(pt),
		/* IHI 0070 5.2 S2SL0. */
		.sl0 = (pt->granule_lg2 == 12 ? 2u : 3u) - pt->start_level,
		.leaf_sizes = pt->leaf_sizes,
		.table_bytes = bytes_in_use(pt),
		.unlinked = pt->unlinked != NULL,
		.empty = !pt->root->valid,
	};

	memset(info, 0, size);
	memcpy(info, &all, MIN(size, sizeof(all)));
}
