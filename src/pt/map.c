/* SPDX-License-Identifier: MIT */
/*
 * Mapping. A new table is filled while nobody can reach it, and then published by the one store of its
 * parent's descriptor: so the many stores of a large mapping are plain ones, that a vector unit does.
 */
#include <errno.h>
#include <string.h>

#include "pt/pgtable.h"

/* Several descriptors at once. Their place is aligned to one of them only. */
typedef uint64_t pte_vec __attribute__((vector_size(16), aligned(8), may_alias));
#define VEC 2

/* n descriptors of a table that nobody reaches: value, value + step, ... */
static void fill(uint64_t *desc, uint64_t value, uint64_t step, unsigned n)
{
	pte_vec a = { value, value + step }, b = a + 2 * step, c = a + 4 * step, d = a + 6 * step;
	unsigned i = 0;

	for (; i + 4 * VEC <= n; i += 4 * VEC) {
		*(pte_vec *)&desc[i] = a;
		*(pte_vec *)&desc[i + VEC] = b;
		*(pte_vec *)&desc[i + 2 * VEC] = c;
		*(pte_vec *)&desc[i + 3 * VEC] = d;
		a += 8 * step;
		b += 8 * step;
		c += 8 * step;
		d += 8 * step;
	}
	for (; i < n; i++)
		desc[i] = value + i * step;
}

/* The descriptors are an arithmetic series up to where bits 51:48 of the address change. */
static void fill_pages(
	const struct nb_pgtable *pt, uint64_t *desc, const struct pgt_cursor *c, unsigned n)
{
	uint64_t attrs = c->attrs | PTE_TABLE, pa = c->pa;

	while (n) {
		uint64_t series = (BIT64(48) - (pa & MASK64(47, 0))) >> pt->granule_lg2;
		unsigned now = MIN(n, series);

		fill(desc, pgt_addr(pa) | attrs, BIT64(pt->granule_lg2), now);
		desc += now;
		pa += (uint64_t)now << pt->granule_lg2;
		n -= now;
	}
}

static unsigned pages_here(const struct nb_pgtable *pt, const struct pgt_cursor *c, unsigned i)
{
	return MIN(pgt_entries(pt, PGT_LAST_LEVEL) - i, c->left >> pt->granule_lg2);
}

/* A table of pages, full from its first store to where the range or the table ends. */
static struct pgt_table *new_pages(struct nb_pgtable *pt, struct pgt_cursor *c)
{
	struct pgt_table *table = pgt_table_get(pt, PGT_LAST_LEVEL);
	unsigned entries = 1u << pgt_table_bits(pt), i, n;

	if (!table)
		return NULL;
	i = pgt_index(pt, PGT_LAST_LEVEL, c->iova);
	n = pages_here(pt, c, i);
	memset(table->desc, 0, i * sizeof(uint64_t));
	fill_pages(pt, table->desc + i, c, n);
	memset(table->desc + i + n, 0, (entries - i - n) * sizeof(uint64_t));
	table->valid = n;
	pgt_advance(c, (uint64_t)n << pt->granule_lg2);
	return table;
}

static int put_leaf(
	const struct nb_pgtable *pt, struct pgt_table *table, unsigned i, struct pgt_cursor *c)
{
	uint64_t page = table->level == PGT_LAST_LEVEL ? PTE_TABLE : 0;

	if (pgt_load(&table->desc[i]) & PTE_VALID)
		return -EEXIST;
	pgt_store(&table->desc[i], pgt_addr(c->pa) | c->attrs | page);
	table->valid++;
	pgt_advance(c, pgt_leaf_bytes(pt, table->level));
	return 0;
}

static bool leaf_fits(const struct nb_pgtable *pt, const struct pgt_cursor *c, unsigned level)
{
	uint64_t bytes = pgt_leaf_bytes(pt, level);

	return (pt->leaf_sizes & bytes) && is_aligned(c->iova | c->pa, bytes) && c->left >= bytes;
}

static void publish(struct pgt_table *table, unsigned i, struct pgt_table *child)
{
	table->child[i] = child;
	table->valid++;
	pgt_store(&table->desc[i], pgt_addr(child->pa.v) | PTE_TABLE | PTE_VALID);
}

static int map_table(struct nb_pgtable *pt, struct pgt_table *table, struct pgt_cursor *c);

/* What was mapped before a failure is published, so that taking it back finds it. */
static int map_new(struct nb_pgtable *pt, struct pgt_table *table, unsigned i, struct pgt_cursor *c)
{
	unsigned level = table->level + 1u;
	struct pgt_table *child =
		level == PGT_LAST_LEVEL ? new_pages(pt, c) : pgt_table_get(pt, level);
	int ret = 0;

	if (!child)
		return -ENOMEM;
	if (level != PGT_LAST_LEVEL) {
		memset(child->desc, 0, BIT64(pt->granule_lg2));
		ret = map_table(pt, child, c);
	}
	if (child->valid)
		publish(table, i, child);
	else
		pgt_table_put(pt, child);
	return ret;
}

static int map_entry(
	struct nb_pgtable *pt, struct pgt_table *table, unsigned i, struct pgt_cursor *c)
{
	struct pgt_table *child = pgt_child(table, i);

	if (child)
		return leaf_fits(pt, c, table->level) ? -EEXIST : map_table(pt, child, c);
	if (leaf_fits(pt, c, table->level))
		return put_leaf(pt, table, i, c);
	if (pgt_load(&table->desc[i]) & PTE_VALID)
		return -EEXIST;
	return map_new(pt, table, i, c);
}

static int map_table(struct nb_pgtable *pt, struct pgt_table *table, struct pgt_cursor *c)
{
	unsigned n = pgt_entries(pt, table->level);
	int ret = 0;

	for (unsigned i = pgt_index(pt, table->level, c->iova); i < n && c->left && !ret; i++)
		ret = map_entry(pt, table, i, c);
	return ret;
}

static int check_range(const struct nb_pgtable *pt, const struct pgt_cursor *c)
{
	if (!c->left || !is_aligned(c->iova | c->pa | c->left, BIT64(pt->granule_lg2)))
		return -EINVAL;
	if (c->iova + (c->left - 1) < c->iova || c->pa + (c->left - 1) < c->pa)
		return -ERANGE;
	if ((c->iova + (c->left - 1)) >> pt->ias || (c->pa + (c->left - 1)) >> pt->oas)
		return -ERANGE;
	return 0;
}

int nb_pgtable_map(struct nb_pgtable *pt, nb_iova iova, nb_pa pa, uint64_t bytes,
	const struct nb_pgtable_attrs *attrs, struct nb_pgtable_cleared *undone)
{
	struct pgt_cursor c = { .iova = iova.v, .pa = pa.v, .left = bytes };
	struct nb_pgtable_cleared none;
	int ret = check_range(pt, &c);

	undone = undone ?: &none;
	*undone = (struct nb_pgtable_cleared){ 0 };
	if (!ret && !pgt_attrs(pt, attrs, &c.attrs))
		ret = -EINVAL;
	if (ret)
		return ret;
	ret = map_table(pt, pt->root, &c);
	if (ret && c.left != bytes)
		nb_pgtable_unmap(pt, iova, bytes - c.left, undone);
	return ret;
}
