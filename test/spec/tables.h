/* SPDX-License-Identifier: MIT */
/*
 * Spec rows that are generated: a world of tables that is built anew for each row, of any granule,
 * size and level. A program calls a function for each group of rows; in it, world_row begins a row (and
 * says no where rows are only listed).
 */
#ifndef TEST_SPEC_TABLES_H
#define TEST_SPEC_TABLES_H

#include <stdio.h>

#include "../unit/smmuv3/rig.h"

#define TABLES_AT MIB(1)

struct world {
	struct rig rig;
	uint64_t next; /* RAM offset of free memory for tables */
	bool listing;
	unsigned rows, failed;
	bool bad; /* the row that runs */
	const char *section;
	char what[128];
};

/* Tables of one stage. */
struct tree {
	unsigned granule, in_bits, start;
	uint64_t root; /* PA (and IPA) */
	uint64_t table_bits;
};

static inline void world_end_row(struct world *w)
{
	if (w->bad)
		printf("  %s: %s\n", w->section, w->what);
	w->failed += w->bad;
	w->bad = false;
}

static inline __attribute__((format(printf, 3, 4))) bool world_row(
	struct world *w, const char *section, const char *format, ...)
{
	va_list args;

	world_end_row(w);
	w->section = section;
	va_start(args, format);
	vsnprintf(w->what, sizeof(w->what), format, args);
	va_end(args);
	w->rows++;
	if (w->listing)
		printf("%s\t%s\n", section, w->what);
	w->next = TABLES_AT;
	return !w->listing;
}

static inline void world_expect(struct world *w, const char *what, uint64_t got, uint64_t want)
{
	if (got == want)
		return;
	printf("    %s: %#llx, expected %#llx\n", what, (unsigned long long)got,
		(unsigned long long)want);
	w->bad = true;
}

static inline uint64_t world_alloc(struct world *w, uint64_t bytes)
{
	uint64_t at = align_up(w->next, MAX(bytes, 64u));

	w->next = at + bytes;
	nb_assert(w->next <= RIG_RAM_BYTES);
	memset(w->rig.ram + at, 0, bytes);
	return RAM(at);
}

static inline unsigned tree_shift(const struct tree *t, unsigned level)
{
	return t->granule + (t->granule - 3) * (3 - level);
}

static inline void tree_init(
	struct world *w, struct tree *t, unsigned granule, unsigned in_bits, unsigned start)
{
	*t = (struct tree){ .granule = granule, .in_bits = in_bits, .start = start };
	t->root = world_alloc(w, BIT64(in_bits - tree_shift(t, start) + 3));
}

/* The descriptor for input at this level, with tables on the way (and table_bits in theirs). */
static inline uint64_t *tree_at(struct world *w, struct tree *t, uint64_t input, unsigned level)
{
	uint64_t table = t->root, *desc, index;
	unsigned l;

	input &= BIT64(t->in_bits) - 1;
	for (l = t->start;; l++) {
		index = input >> tree_shift(t, l);
		if (l != t->start)
			index &= BIT64(t->granule - 3) - 1;
		desc = rig_at(&w->rig, table - RIG_RAM + 8 * index);
		if (l == level)
			return desc;
		if (!(*desc & 1))
			*desc = world_alloc(w, BIT64(t->granule)) | 3 | t->table_bits;
		table = *desc & MASK64(47, 12);
	}
}

/* A descriptor's address bits, and its type: a leaf at this level. */
static inline uint64_t tree_leaf(const struct tree *t, uint64_t pa, unsigned level)
{
	uint64_t high = t->granule == 16 ? pa >> 48 << 12 : 0;

	return (pa & MASK64(47, 0)) | high | (level == 3 ? 3 : 1);
}

/* Stage 2: the RAM by leaves of this level, at its own address. */
static inline void tree_identity(struct world *w, struct tree *t, unsigned level)
{
	uint64_t size = BIT64(tree_shift(t, level)), at = align_down(RIG_RAM, size);

	for (; at < RIG_RAM + RIG_RAM_BYTES; at += size)
		*tree_at(w, t, at, level) = tree_leaf(t, at, level) | 0x4fc;
}

/* TG0, S2TG: 4, 64, 16 KiB. */
static inline uint64_t tg_of(unsigned granule)
{
	return granule == 12 ? 0 : granule == 16 ? 1 : 2;
}

/* IPS, S2PS. */
static inline uint64_t ps_of(unsigned bits)
{
	static const uint8_t sizes[] = { 32, 36, 40, 42, 44, 48, 52 };
	unsigned i = 0;

	while (sizes[i] != bits)
		i++;
	return i;
}

static inline uint64_t cd0_of(const struct tree *t, unsigned ips)
{
	return (64 - t->in_bits) | tg_of(t->granule) << 6 | CD_0_EPD1 | CD_0_V | ps_of(ips) << 32 |
	       CD_0_AA64 | CD_0_R | CD_0_A | (uint64_t)RIG_ASID << 48;
}

static inline uint64_t ste2_of(const struct tree *t, unsigned ps)
{
	unsigned sl0 = t->granule == 12 ? 2 - t->start : 3 - t->start;

	return RIG_VMID | (uint64_t)(64 - t->in_bits) << 32 | (uint64_t)sl0 << 38 |
	       tg_of(t->granule) << 46 | ps_of(ps) << 48 | STE_2_S2AA64 | STE_2_S2R;
}

/* Nothing cached, no event. */
static inline void world_flush(struct world *w)
{
	uint64_t record[EVT_WORDS];

	rig_cmd(&w->rig, CMD_CFGI_STE_RANGE, 31);
	rig_cmd(&w->rig, CMD_TLBI_NSNH_ALL, 0);
	while (rig_event_count(&w->rig))
		rig_event(&w->rig, record);
}

/* The stream uses these stages (or NULL); or_* are OR-ed into words. */
struct setup {
	const struct tree *s1, *s2;
	unsigned ips, s2ps;
	uint64_t or_cd0, or_cd1, or_ste1, or_ste2;
};

static inline void world_setup(struct world *w, const struct setup *s)
{
	uint64_t w0 = (s->s1 ? 0xb | RAM(CD_AT) : 0x9) | (s->s2 ? 0xd : 0);

	if (s->s1) {
		rig_poke(&w->rig, CD_AT, cd0_of(s->s1, s->ips ?: 48) | s->or_cd0);
		rig_poke(&w->rig, CD_AT + 8, s->s1->root | s->or_cd1);
	}
	rig_ste(&w->rig, RIG_SID, w0, s->or_ste1,
		s->s2 ? ste2_of(s->s2, s->s2ps ?: 48) | s->or_ste2 : RIG_VMID,
		s->s2 ? s->s2->root : 0);
	world_flush(w);
}

#define UR NB_DMA_READ
#define UW NB_DMA_WRITE
#define AX 4u
#define AP 8u

/* flags: NB_DMA_*, AX, AP. 0 or -1. */
static inline int world_try(struct world *w, uint64_t iova, unsigned flags, struct dma_span *span)
{
	struct dma_txn txn = { .iova = NB_IOVA(iova),
		.sid = RIG_SID,
		.prot = flags & 3,
		.inst = flags & AX,
		.priv = flags & AP };
	int ret;

	port_enter(w->rig.port);
	ret = smmuv3_translate(w->rig.smmu, w->rig.port, &txn, span);
	port_leave(w->rig.port);
	return ret;
}

/* Forget the translation, but not where tables are. */
static inline void world_forget_leaf(struct world *w, uint64_t iova)
{
	uint64_t id = (uint64_t)RIG_VMID << 32 | (uint64_t)RIG_ASID << 48;

	rig_cmd(&w->rig, CMD_TLBI_NH_VA | id, (iova & ~MASK64(11, 0)) | CMD_1_LEAF);
	rig_cmd(&w->rig, CMD_TLBI_S2_IPA | id, (iova & MASK64(51, 12)) | CMD_1_LEAF);
}

/* From tables, from the caches, and by way of known leaf tables. */
static inline void world_reaches(
	struct world *w, uint64_t iova, unsigned flags, uint64_t pa, uint64_t bytes)
{
	struct dma_span span;
	unsigned turn;

	for (turn = 0; turn < 4; turn++) {
		span = (struct dma_span){ .pa = NB_PA(0) };
		if (turn == 2)
			world_forget_leaf(w, iova);
		world_expect(w, "result", world_try(w, iova, flags, &span), 0);
		world_expect(w, "address", span.pa.v, pa);
		world_expect(w, "bytes", span.bytes, bytes);
	}
}

/* Likewise: the event, and all its words but StreamID and InputAddr. */
static inline void world_faults(
	struct world *w, uint64_t iova, unsigned flags, unsigned type, uint64_t w1, uint64_t w3)
{
	uint64_t record[EVT_WORDS];
	struct dma_span span;
	unsigned turn;

	w1 |= (flags & UW ? 0 : EVT_1_RNW) | (flags & AP ? EVT_1_PNU : 0) |
	      (flags & AX ? EVT_1_IND : 0);
	for (turn = 0; turn < 3; turn++) {
		world_expect(w, "result", world_try(w, iova, flags, &span), -1);
		world_expect(w, "events", rig_event_count(&w->rig), 1);
		if (!rig_event_count(&w->rig))
			return;
		rig_event(&w->rig, record);
		world_expect(w, "type", record[0] & EVT_0_TYPE, type);
		world_expect(w, "word 1", record[1], w1);
		world_expect(w, "word 2", record[2], iova);
		world_expect(w, "word 3", record[3], w3);
	}
}

#define IN  ((uint64_t)EVT_CLASS_IN << 40)
#define TT  ((uint64_t)EVT_CLASS_TT << 40)
#define S2F EVT_1_S2

/* Run a program's groups of rows: main's result. */
static inline int world_main(
	int argc, char **argv, void (*const *groups)(struct world *w), unsigned n)
{
	struct world w = { .listing = argc == 2 && !strcmp(argv[1], "--list") };
	unsigned i;

	rig_create(&w.rig,
		(struct nb_smmuv3_config){ .oas_bits = 52,
			.granules = NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN16K | NB_SMMUV3_GRAN64K,
			.vax = true,
			.fwb = true,
			.xnx = true,
			.httu = NB_SMMUV3_HTTU_DIRTY });
	rig_enable(&w.rig);
	for (i = 0; i < n; i++)
		groups[i](&w);
	world_end_row(&w);
	rig_finish(&w.rig);
	if (!w.listing)
		printf("%u rows, %u of them do not hold\n", w.rows, w.failed);
	return w.failed ? 1 : 0;
}

#endif
