/* SPDX-License-Identifier: MIT */
/*
 * Tables as memory. One that is no longer used is kept as a spare, as it is: most are filled anew from
 * end to end, so neither the kernel nor we zero them in between.
 */
#include <stdlib.h>
#include <string.h>

#include "pt/pgtable.h"

static uint64_t table_bytes(const struct nb_pgtable *pt)
{
	return BIT64(pt->granule_lg2);
}

/* An address that no descriptor can hold, or whose low bits it has not, is of no use. */
static bool addressable(const struct nb_pgtable *pt, nb_pa pa, uint64_t bytes)
{
	return is_aligned(pa.v, bytes) && !(pa.v >> MAX(pt->oas, 48u));
}

static struct pgt_table *table_create(
	struct nb_pgtable *pt, unsigned level, unsigned entries, uint64_t bytes)
{
	size_t children = level == PGT_LAST_LEVEL ? 0 : entries;
	struct pgt_table *table = malloc(sizeof(*table) + children * sizeof(void *));

	if (!table)
		return NULL;
	table->desc = pt->ops.alloc(pt->ctx, bytes, &table->pa);
	if (table->desc && addressable(pt, table->pa, bytes))
		return table;
	if (table->desc)
		pt->ops.free(pt->ctx, table->desc, table->pa, bytes);
	free(table);
	return NULL;
}

static void table_destroy(struct nb_pgtable *pt, struct pgt_table *table, uint64_t bytes)
{
	pt->ops.free(pt->ctx, table->desc, table->pa, bytes);
	free(table);
}

static void table_reset(struct pgt_table *table, unsigned level, unsigned entries)
{
	table->next = NULL;
	table->valid = 0;
	table->level = (uint8_t)level;
	if (level != PGT_LAST_LEVEL)
		memset(table->child, 0, entries * sizeof(void *));
}

struct pgt_table *pgt_table_get(struct nb_pgtable *pt, unsigned level)
{
	struct pgt_table **spare = &pt->spare[level == PGT_LAST_LEVEL], *table = *spare;
	unsigned entries = 1u << pgt_table_bits(pt);

	if (table) {
		*spare = table->next;
		pt->n_spare--;
	} else {
		table = table_create(pt, level, entries, table_bytes(pt));
	}
	if (!table)
		return NULL;
	table_reset(table, level, entries);
	pt->tables++;
	return table;
}

static void put_one(struct nb_pgtable *pt, struct pgt_table *table)
{
	struct pgt_table **spare = &pt->spare[table->level == PGT_LAST_LEVEL];

	pt->tables--;
	if (pt->n_spare >= pt->max_spare) {
		table_destroy(pt, table, table_bytes(pt));
		return;
	}
	table->next = *spare;
	*spare = table;
	pt->n_spare++;
}

static void put_children(struct nb_pgtable *pt, struct pgt_table *table)
{
	unsigned n = table->level == PGT_LAST_LEVEL ? 0 : pgt_entries(pt, table->level);

	for (unsigned i = 0; i < n; i++)
		if (table->child[i])
			pgt_table_put(pt, table->child[i]);
}

void pgt_table_put(struct nb_pgtable *pt, struct pgt_table *table)
{
	put_children(pt, table);
	put_one(pt, table);
}

struct pgt_table *pgt_root_create(struct nb_pgtable *pt)
{
	struct pgt_table *root =
		table_create(pt, pt->start_level, pt->root_entries, pt->root_bytes);

	if (!root)
		return NULL;
	table_reset(root, pt->start_level, pt->root_entries);
	memset(root->desc, 0, pt->root_bytes);
	return root;
}

static void destroy_spares(struct nb_pgtable *pt, struct pgt_table **list)
{
	struct pgt_table *table;

	while ((table = *list)) {
		*list = table->next;
		table_destroy(pt, table, table_bytes(pt));
	}
}

void pgt_tables_destroy(struct nb_pgtable *pt)
{
	pt->max_spare = 0;
	put_children(pt, pt->root);
	table_destroy(pt, pt->root, pt->root_bytes);
	destroy_spares(pt, &pt->spare[0]);
	destroy_spares(pt, &pt->spare[1]);
}
