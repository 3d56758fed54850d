/* SPDX-License-Identifier: MIT */
/*
 * Unmapping. A table that lies wholly in the range goes with all it holds, by one store; a walk that
 * began earlier may still read it, so it waits, as it is, until nb_pgtable_reap.
 */
#include "pt/pgtable.h"

static void add_leaves(
	const struct nb_pgtable *pt, struct nb_pgtable_cleared *cleared, unsigned level, uint64_t n)
{
	uint64_t bytes = pgt_leaf_bytes(pt, level);

	if (!n)
		return;
	cleared->leaves += n;
	cleared->bytes += n * bytes;
	if (!cleared->min_leaf || bytes < cleared->min_leaf)
		cleared->min_leaf = bytes;
}

static void add_tree(const struct nb_pgtable *pt, struct nb_pgtable_cleared *cleared,
	const struct pgt_table *table)
{
	unsigned n = table->level == PGT_LAST_LEVEL ? 0 : pgt_entries(pt, table->level);
	unsigned leaves = table->valid;

	for (unsigned i = 0; i < n; i++) {
		if (!table->child[i])
			continue;
		add_tree(pt, cleared, table->child[i]);
		leaves--;
	}
	add_leaves(pt, cleared, table->level, leaves);
}

static void unlink_child(struct nb_pgtable *pt, struct pgt_table *table, unsigned i,
	struct nb_pgtable_cleared *cleared)
{
	struct pgt_table *child = table->child[i];

	pgt_store(&table->desc[i], 0);
	table->child[i] = NULL;
	table->valid--;
	child->next = pt->unlinked;
	pt->unlinked = child;
	cleared->tables = true;
}

/* Whether the range covers, from where it is, an entry of this level. */
static bool covers(const struct nb_pgtable *pt, const struct pgt_cursor *c, unsigned level)
{
	uint64_t bytes = pgt_leaf_bytes(pt, level);

	return is_aligned(c->iova, bytes) && c->left >= bytes;
}

static void skip_entry(const struct nb_pgtable *pt, struct pgt_cursor *c, unsigned level)
{
	uint64_t bytes = pgt_leaf_bytes(pt, level);

	pgt_advance(c, align_down(c->iova, bytes) + bytes - c->iova);
}

static void unmap_table(struct nb_pgtable *pt, struct pgt_table *table, struct pgt_cursor *c,
	struct nb_pgtable_cleared *cleared);

static void unmap_child(struct nb_pgtable *pt, struct pgt_table *table, unsigned i,
	struct pgt_cursor *c, struct nb_pgtable_cleared *cleared)
{
	struct pgt_table *child = table->child[i];

	if (covers(pt, c, table->level)) {
		add_tree(pt, cleared, child);
		unlink_child(pt, table, i, cleared);
		skip_entry(pt, c, table->level);
		return;
	}
	unmap_table(pt, child, c, cleared);
	if (!child->valid)
		unlink_child(pt, table, i, cleared);
}

static void unmap_leaf(struct nb_pgtable *pt, struct pgt_table *table, unsigned i,
	struct pgt_cursor *c, struct nb_pgtable_cleared *cleared)
{
	/* Where it reaches out of the range it stays. */
	if ((pgt_load(&table->desc[i]) & PTE_VALID) && covers(pt, c, table->level)) {
		pgt_store(&table->desc[i], 0);
		table->valid--;
		add_leaves(pt, cleared, table->level, 1);
	}
	skip_entry(pt, c, table->level);
}

static void unmap_table(struct nb_pgtable *pt, struct pgt_table *table, struct pgt_cursor *c,
	struct nb_pgtable_cleared *cleared)
{
	unsigned n = pgt_entries(pt, table->level);

	for (unsigned i = pgt_index(pt, table->level, c->iova); i < n && c->left; i++) {
		if (pgt_child(table, i))
			unmap_child(pt, table, i, c, cleared);
		else
			unmap_leaf(pt, table, i, c, cleared);
	}
}

void nb_pgtable_unmap(
	struct nb_pgtable *pt, nb_iova iova, uint64_t bytes, struct nb_pgtable_cleared *cleared)
{
	struct nb_pgtable_cleared none;
	struct pgt_cursor c = { .iova = iova.v };

	cleared = cleared ?: &none;
	*cleared = (struct nb_pgtable_cleared){ 0 };
	if (iova.v >> pt->ias)
		return;
	c.left = MIN(bytes, BIT64(pt->ias) - iova.v);
	unmap_table(pt, pt->root, &c, cleared);
}

void nb_pgtable_reap(struct nb_pgtable *pt)
{
	struct pgt_table *table;

	while ((table = pt->unlinked)) {
		pt->unlinked = table->next;
		pgt_table_put(pt, table);
	}
}
