/* SPDX-License-Identifier: MIT */
/* Looking into tables: one leaf, all in a range, dirty ones, and everything as text. */
#include "pt/pgtable.h"

static struct nb_pgtable_leaf make_leaf(
	const struct nb_pgtable *pt, unsigned level, uint64_t iova, uint64_t desc)
{
	uint64_t bytes = pgt_leaf_bytes(pt, level);

	return (struct nb_pgtable_leaf){
		.iova = NB_IOVA(align_down(iova, bytes)),
		.pa = NB_PA(pgt_addr_of(pt, level, desc)),
		.bytes = bytes,
		.desc = desc,
		.flags = pgt_flags(pt, desc),
		.level = level,
	};
}

bool nb_pgtable_lookup(const struct nb_pgtable *pt, nb_iova iova, struct nb_pgtable_leaf *leaf)
{
	const struct pgt_table *table = pt->root, *child;
	uint64_t desc;
	unsigned i;

	if (iova.v >> pt->ias)
		return false;
	for (;; table = child) {
		i = pgt_index(pt, table->level, iova.v);
		child = pgt_child(table, i);
		if (!child)
			break;
	}
	desc = pgt_load(&table->desc[i]);
	if (!(desc & PTE_VALID))
		return false;
	*leaf = make_leaf(pt, table->level, iova.v, desc);
	return true;
}

/* What is done with each leaf. */
struct visit {
	bool dirty, keep; /* only what is dirty; and leave it so */
	nb_pgtable_leaf_fn *fn;
	void *ctx;
};

static int visit_leaf(const struct nb_pgtable *pt, const struct visit *v,
	const struct pgt_table *table, unsigned i, uint64_t iova)
{
	uint64_t desc = pgt_load(&table->desc[i]);
	struct nb_pgtable_leaf leaf;

	if (!(desc & PTE_VALID) || (v->dirty && !pgt_is_dirty(pt, desc)))
		return 0;
	if (v->dirty && !v->keep)
		pgt_make_clean(pt, &table->desc[i]);
	leaf = make_leaf(pt, table->level, iova, desc);
	return v->fn(v->ctx, &leaf);
}

static int visit_table(const struct nb_pgtable *pt, const struct visit *v,
	const struct pgt_table *table, struct pgt_cursor *c)
{
	uint64_t bytes = pgt_leaf_bytes(pt, table->level);
	unsigned n = pgt_entries(pt, table->level);
	int ret = 0;

	for (unsigned i = pgt_index(pt, table->level, c->iova); i < n && c->left && !ret; i++) {
		if (pgt_child(table, i)) {
			ret = visit_table(pt, v, pgt_child(table, i), c);
			continue;
		}
		ret = visit_leaf(pt, v, table, i, c->iova);
		pgt_advance(c, align_down(c->iova, bytes) + bytes - c->iova);
	}
	return ret;
}

static int visit_range(
	const struct nb_pgtable *pt, const struct visit *v, uint64_t iova, uint64_t bytes)
{
	struct pgt_cursor c = { .iova = iova };

	if (iova >> pt->ias)
		return 0;
	c.left = MIN(bytes, BIT64(pt->ias) - iova);
	return visit_table(pt, v, pt->root, &c);
}

int nb_pgtable_each(const struct nb_pgtable *pt, nb_iova iova, uint64_t bytes,
	nb_pgtable_leaf_fn *fn, void *ctx)
{
	return visit_range(pt, &(struct visit){ .fn = fn, .ctx = ctx }, iova.v, bytes);
}

int nb_pgtable_dirty(struct nb_pgtable *pt, nb_iova iova, uint64_t bytes, bool keep,
	nb_pgtable_leaf_fn *fn, void *ctx)
{
	const struct visit v = { .dirty = true, .keep = keep, .fn = fn, .ctx = ctx };

	return visit_range(pt, &v, iova.v, bytes);
}

/* Leaves of one size that continue each other and are alike. */
struct run {
	FILE *out;
	struct nb_pgtable_leaf first;
	uint64_t n;
};

static const char *size_text(uint64_t bytes, unsigned *count)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	unsigned i = (63u - (unsigned)__builtin_clzll(bytes) - 10) / 10;

	*count = (unsigned)(bytes >> (10 * (i + 1)));
	return units[i];
}

static void flags_text(uint32_t flags, char text[10])
{
	static const struct {
		uint32_t flag;
		char set, clear;
	} letters[] = { { NB_PGTABLE_READ, 'r', '-' }, { NB_PGTABLE_WRITE, 'w', '-' },
		{ NB_PGTABLE_EXEC, 'x', '-' }, { NB_PGTABLE_EXEC_PRIV, 'X', '-' },
		{ NB_PGTABLE_PRIV, 'p', '-' }, { NB_PGTABLE_GLOBAL, 'g', '-' },
		{ NB_PGTABLE_NO_AF, '-', 'a' }, { NB_PGTABLE_DBM, 'm', '-' },
		{ NB_PGTABLE_DIRTY, 'd', '-' } };

	for (unsigned i = 0; i < ARRAY_LEN(letters); i++)
		text[i] = flags & letters[i].flag ? letters[i].set : letters[i].clear;
	text[ARRAY_LEN(letters)] = 0;
}

static void print_run(const struct run *run)
{
	const struct nb_pgtable_leaf *leaf = &run->first;
	char flags[10];
	unsigned count;
	const char *unit;

	if (!run->n)
		return;
	unit = size_text(leaf->bytes, &count);
	flags_text(leaf->flags, flags);
	fprintf(run->out,
		"  0x%013llx-0x%013llx -> 0x%013llx  %s  attr 0x%x sh %u  level %u: %llu x %u %s\n",
		(unsigned long long)leaf->iova.v,
		(unsigned long long)(leaf->iova.v + run->n * leaf->bytes - 1),
		(unsigned long long)leaf->pa.v, flags, (unsigned)field_get(PTE_MEMORY, leaf->desc),
		(unsigned)field_get(PTE_SH, leaf->desc), leaf->level, (unsigned long long)run->n,
		count, unit);
}

static bool continues(const struct run *run, const struct nb_pgtable_leaf *leaf)
{
	const struct nb_pgtable_leaf *first = &run->first;
	uint64_t bytes = run->n * first->bytes;

	/* All but the address: bits 49:12 hold that, and nothing else in a leaf. */
	return run->n && leaf->level == first->level && leaf->iova.v == first->iova.v + bytes &&
	       leaf->pa.v == first->pa.v + bytes && !((leaf->desc ^ first->desc) & ~MASK64(49, 12));
}

static int dump_leaf(void *ctx, const struct nb_pgtable_leaf *leaf)
{
	struct run *run = ctx;

	if (continues(run, leaf)) {
		run->n++;
		return 0;
	}
	print_run(run);
	run->first = *leaf;
	run->n = 1;
	return 0;
}

void nb_pgtable_dump(const struct nb_pgtable *pt, FILE *out)
{
	struct run run = { .out = out };

	fprintf(out,
		"stage %u, %u KiB granule, %u input and %u output bits, root 0x%llx, level %u\n",
		pt->s2 ? 2 : 1, 1u << (pt->granule_lg2 - 10), pt->ias, pt->oas,
		(unsigned long long)pt->root->pa.v, pt->start_level);
	nb_pgtable_each(pt, NB_IOVA(0), BIT64(pt->ias), dump_leaf, &run);
	print_run(&run);
}
