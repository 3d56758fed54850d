/* SPDX-License-Identifier: MIT */
/*
 * The model against the naive one (naive.h), over random tables: valid, broken and hostile.
 *
 * An *epoch* is one model of random features. In it *worlds* are made: stream table entries, context
 * descriptors and translation tables in a small RAM that answers at many addresses, at few indexes
 * of every page, so that random walks mostly find something, and often loop, overlap or leave the
 * RAM. Both models have RAMs of their own, that hold the same; what hardware updates is compared.
 *
 * In a world the model's caches stay warm. A *mutation* changes one word, and
 *   - either what the architecture asks for is invalidated, and nothing else: results are then those
 *     of the new tables,
 *   - or nothing is: results are then those of the new or of the old word, at each of its reads.
 *
 *   differ [--seed N] [--count N] [--stalls] [--all]
 *
 * --stalls: with faults that stall, and those that end as RAZ/WI.
 *
 * The seed of the epoch is printed with a difference; given it, the difference comes first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nestbox/smmuv3.h>

#include "base/bits.h"
#include "base/check.h"
#include "naive.h"

#define RAM_BYTES MIB(1)
#define S1_PAGES  0x80000 /* below: stage 1's, up to S2_END: stage 2's */
#define S2_END	  0xe0000
#define STRTAB_AT 0xf0000 /* STEs */
#define L1STD_AT  0xf8000
#define CDS_AT	  0x800 /* in each of stage 1's pages */
#define L1CDS_AT  0xa00
/* Where RAM answers: any sum of these. Queues are at an address that no flipped bit finds. */
#define ALIASES	    (MASK64(22, 21) | MASK64(31, 30) | BIT64(39) | BIT64(51))
#define N_ALIASES   64
#define QUEUES	    UINT64_C(0xa5a00000)
#define CMDQ_LG2    8
#define EVTQ_AT	    0x10000
#define EVTQ_LG2    7
#define STREAMS	    6
#define IOVAS	    24
#define WORLDS	    24 /* of an epoch */
#define ROUNDS	    6  /* of a world: a mutation, then */
#define ACCESSES    24 /* in a round */
#define MAX_TOUCHED 256
#define MAX_LIES    10 /* reads of one stale word whose old and new values are combined */

/* ---- Chance -------------------------------------------------------------------------------------- */

static uint64_t rng;

/* splitmix64 */
static uint64_t rnd(void)
{
	uint64_t z = (rng += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
	return (unsigned)((rnd() >> 32) * n >> 32);
}

static bool chance(unsigned percent)
{
	return below(100) < percent;
}

/* What is mostly so: always, in a good world. */
static bool good;

static bool mostly(unsigned percent)
{
	return good || chance(percent);
}

/* ---- The world ----------------------------------------------------------------------------------- */

struct format {
	unsigned granule, in_bits, sl0;
	int level;
};

static struct {
	struct nb_mem *mem;
	struct nb_extent aliases[N_ALIASES], queues;
	uint8_t *ram, *mine, *queue; /* the model's, the naive one's */
	struct nb_smmuv3 *smmu;
	struct nb_smmuv3_port *ports[STREAMS];
	uint32_t sids[STREAMS];
	struct nb_smmuv3_config hw;
	struct naive naive;
	uint32_t cmdq_prod, evtq_cons;
	struct format f1, f2;
	unsigned defects; /* percent of words with a flipped bit */
	uint64_t iovas[IOVAS];
	uint32_t touched[MAX_TOUCHED]; /* words that a fresh world does not write anyway */
	unsigned n_touched;
	uint16_t *roles; /* of each word read since the world began */
	uint32_t *users; /* likewise: whose walks read it */
	bool dry;	 /* what the naive one writes is dropped */
	/* A word whose old value may still be seen: at its reads by bits of `mask`. */
	bool lying;
	uint32_t lie_at;
	uint64_t lie_old, lie_mask;
	unsigned lie_reads;
	uint64_t epoch_seed;
} w;

static uint64_t count, total, differences, httu_writes, stale_hits, verdicts[4], event_types[64];
static bool all, stalls;

static bool ram_offset(uint64_t pa, uint64_t *off)
{
	*off = pa & (RAM_BYTES - 1);
	return !((pa - *off) & ~ALIASES);
}

static bool mine_load(void *ctx, uint64_t pa, uint64_t *value)
{
	uint64_t off;

	if (!ram_offset(pa, &off))
		return false;
	memcpy(value, w.mine + off, 8);
	if (w.lying && off == w.lie_at) {
		if (w.lie_mask >> MIN(w.lie_reads, 63u) & 1)
			*value = w.lie_old;
		w.lie_reads++;
	}
	return true;
}

static bool mine_store(void *ctx, uint64_t pa, uint64_t value)
{
	uint64_t off;

	if (w.dry)
		return true;
	if (!ram_offset(pa, &off))
		return false;
	memcpy(w.mine + off, &value, 8);
	return true;
}

static uint64_t peek(uint64_t off)
{
	uint64_t value;

	memcpy(&value, w.mine + off, 8);
	return value;
}

static void poke(uint64_t off, uint64_t value)
{
	memcpy(w.mine + off, &value, 8);
	__atomic_store_n((uint64_t *)(w.ram + off), value, __ATOMIC_RELAXED);
}

/* ---- Random words -------------------------------------------------------------------------------- */

static uint64_t spoil(uint64_t word)
{
	if (chance(w.defects))
		word ^= BIT64(below(64));
	return word;
}

static uint64_t rnd_alias(void)
{
	return chance(60) ? 0
			  : rnd() & ALIASES & (w.hw.oas_bits > 51 ? ~0ull : MASK64(47, 0)) &
				    (mostly(90) ? MASK64(w.hw.oas_bits - 1, 0) : ~0ull);
}

static unsigned rnd_index(unsigned n_bits)
{
	static const uint8_t picks[] = { 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3 };

	if (chance(4))
		return (1u << n_bits) - 1;
	return picks[below(sizeof(picks))] & ((1u << n_bits) - 1);
}

/* An address made of indexes that tables have something at. */
static uint64_t compose(const struct format *f)
{
	unsigned stride = f->granule - 3, shift = f->granule;
	uint64_t addr = 0;
	int level;

	for (level = 3; level > f->level; level--, shift += stride)
		addr |= (uint64_t)rnd_index(stride) << shift;
	return addr | (uint64_t)rnd_index(f->in_bits - shift) << shift;
}

static uint64_t page_of(uint64_t from, uint64_t to, unsigned granule)
{
	return from + ((uint64_t)below((to - from) >> granule) << granule);
}

/* What stage 1 (or an STE, for CDs) points at: an IPA if the world nests mostly, else a PA. */
static uint64_t rnd_s1_target(unsigned granule)
{
	if (chance(70))
		return align_down(compose(&w.f2), BIT64(granule));
	return rnd_alias() | page_of(0, mostly(90) ? S1_PAGES : RAM_BYTES, granule);
}

static uint64_t with_high_bits(uint64_t addr, unsigned granule)
{
	if (granule != 16)
		return addr;
	return (addr & MASK64(47, 16)) | (addr >> 48 & 15) << 12;
}

static uint64_t rnd_s1_word(void)
{
	uint64_t word = with_high_bits(rnd_s1_target(w.f1.granule), w.f1.granule) | 1;

	word |= chance(82) ? 2 : 0;
	word |= mostly(92) ? BIT64(10) : 0;
	word |= chance(60) ? BIT64(6) : 0;
	word |= chance(25) ? BIT64(7) : 0;
	word |= chance(60) ? BIT64(11) : 0;
	word |= rnd() & (MASK64(5, 2) | MASK64(9, 8));
	word |= chance(30) ? BIT64(51) : 0;
	word |= chance(12) ? BIT64(53) : 0;
	word |= chance(12) ? BIT64(54) : 0;
	if (chance(20))
		word |= rnd() & rnd() & MASK64(63, 55);
	return spoil(word);
}

/* Stage 2's pages are mostly of one level each, so that walks get through. */
static unsigned s2_level(uint64_t page)
{
	return page >> w.f2.granule & 3;
}

static uint64_t s2_page(unsigned level)
{
	uint64_t page;

	do
		page = page_of(S1_PAGES, S2_END, w.f2.granule);
	while (s2_level(page) != level);
	return page;
}

static uint64_t rnd_s2_word(unsigned level)
{
	uint64_t target = level == 3 ? page_of(0, S1_PAGES, w.f2.granule) : s2_page(level + 1);
	uint64_t word;

	if (!mostly(97))
		target = page_of(0, RAM_BYTES, w.f2.granule);
	word = with_high_bits(rnd_alias() | target, w.f2.granule) | 1;
	word |= chance(85) ? 2 : 0;
	word |= mostly(94) ? BIT64(10) : 0;
	word |= mostly(94) ? BIT64(6) : 0;
	word |= chance(85) ? BIT64(7) : 0;
	word |= mostly(90) ? MASK64(5, 2) : rnd() & MASK64(5, 2);
	word |= rnd() & (MASK64(9, 8) | BIT64(11));
	word |= chance(30) ? BIT64(51) : 0;
	word |= chance(10) ? BIT64(53) : 0;
	word |= chance(10) ? BIT64(54) : 0;
	return spoil(word);
}

/* The word for a bare page pointer of either kind decides at which level it is a table. */
static void fill_page(uint64_t page, bool s2)
{
	static const uint16_t at[] = { 0, 8, 16, 24, 0xff8 };
	unsigned i;

	for (i = 0; i < ARRAY_LEN(at); i++)
		poke(page + at[i], s2 ? rnd_s2_word(s2_level(page)) : rnd_s1_word());
}

static unsigned rnd_txsz(const struct format *f)
{
	return mostly(95) ? 64 - f->in_bits : 12 + below(30);
}

static bool flag_for(bool supported, unsigned percent)
{
	return supported ? chance(percent) : !mostly(99);
}

static uint64_t rnd_cd0(void)
{
	static const uint8_t tg0[] = { 0, 2, 1 }, tg1[] = { 2, 1, 3 };
	unsigned g = (w.f1.granule - 12) / 2;
	bool stall = w.hw.stall_model == NB_SMMUV3_STALL_FORCED
			     ? !chance(1)
			     : flag_for(w.hw.stall_model == NB_SMMUV3_STALL_ALLOWED, 30);
	uint64_t word = rnd_txsz(&w.f1) | (uint64_t)tg0[g] << 6 | (uint64_t)rnd_txsz(&w.f1) << 16 |
			(uint64_t)tg1[g] << 22;

	word |= mostly(90) ? 0 : BIT64(14);
	word |= chance(10) ? BIT64(30) : 0;
	word |= BIT64(31) | BIT64(41) | (uint64_t)(mostly(80) ? 6 : below(8)) << 32;
	word |= chance(10) ? BIT64(35) : 0;
	word |= chance(15) ? BIT64(36) : 0;
	word |= chance(15) ? BIT64(37) : 0;
	word |= rnd() & MASK64(39, 38);
	word |= chance(10) ? BIT64(40) : 0;
	word |= flag_for(w.hw.httu == NB_SMMUV3_HTTU_DIRTY, 50) ? BIT64(42) : 0;
	word |= flag_for(w.hw.httu != NB_SMMUV3_HTTU_NONE, 60) ? BIT64(43) : 0;
	word |= stall ? BIT64(44) : 0;
	word |= chance(85) ? BIT64(45) : 0;
	word |= flag_for(w.hw.raz_wi, 40) ? 0 : BIT64(46);
	return spoil(word | (uint64_t)(1 + below(3)) << 48);
}

static void fill_cds(uint64_t page)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		poke(page + CDS_AT + 64 * i, rnd_cd0());
		poke(page + CDS_AT + 64 * i + 8,
			spoil(rnd_s1_target(w.f1.granule) | (chance(10) ? 2 : 0)));
		poke(page + CDS_AT + 64 * i + 16,
			spoil(rnd_s1_target(w.f1.granule) | (chance(10) ? 2 : 0)));
	}
	for (i = 0; w.hw.ssid_bits && i < 2; i++)
		poke(page + L1CDS_AT + 8 * i, spoil(rnd_s1_target(12) | (mostly(95) ? 1 : 0)));
}

static uint64_t rnd_ste0(void)
{
	static const uint8_t configs[] = { 7, 7, 7, 7, 7, 5, 5, 5, 6, 6, 4, 7 };
	unsigned config = !mostly(97) ? below(8) : configs[below(sizeof(configs))], fmt = 0,
		 max = 0;
	uint64_t at = CDS_AT;

	if (w.hw.ssid_bits && chance(60)) {
		max = 1 + below(MIN(w.hw.ssid_bits, 9u));
		fmt = flag_for(!w.hw.linear_tables_only, 50) ? 1 + below(2) : 0;
		at = fmt ? L1CDS_AT : CDS_AT;
	}
	return spoil(1 | (uint64_t)config << 1 | (uint64_t)fmt << 4 | rnd_s1_target(12) | at |
		     (uint64_t)max << 59);
}

static uint64_t rnd_ste1(void)
{
	uint64_t word = (mostly(80) ? 1 + below(2) : below(4)) | (rnd() & MASK64(16, 2));

	word |= flag_for(w.hw.stall_model == NB_SMMUV3_STALL_ALLOWED, 20) ? BIT64(27) : 0;
	word |= chance(30) ? BIT64(25) : 0;
	if (chance(15))
		word |= (uint64_t)(mostly(70) ? 0 : below(4)) << 28;
	if (chance(25))
		word |= (uint64_t)below(4) << 48;
	if (chance(25))
		word |= (uint64_t)below(4) << 50;
	return spoil(word);
}

static uint64_t rnd_ste2(unsigned stream)
{
	unsigned tg = w.f2.granule == 12 ? 0 : w.f2.granule == 14 ? 2 : 1;
	bool stall = w.hw.stall_model == NB_SMMUV3_STALL_FORCED
			     ? !chance(1)
			     : flag_for(w.hw.stall_model == NB_SMMUV3_STALL_ALLOWED, 30);
	uint64_t word = stream + 1; /* VMIDs are of one stream each */

	word |= (uint64_t)rnd_txsz(&w.f2) << 32 | (uint64_t)w.f2.sl0 << 38 | (uint64_t)tg << 46;
	word |= (uint64_t)(mostly(85) ? 6 : below(8)) << 48 | BIT64(51);
	word |= chance(10) ? BIT64(53) : 0;
	word |= chance(30) ? BIT64(54) : 0;
	word |= flag_for(w.hw.httu == NB_SMMUV3_HTTU_DIRTY, 50) ? BIT64(55) : 0;
	word |= flag_for(w.hw.httu != NB_SMMUV3_HTTU_NONE, 60) ? BIT64(56) : 0;
	word |= stall ? BIT64(57) : 0;
	word |= chance(85) ? BIT64(58) : 0;
	return spoil(word);
}

static uint64_t ste_at(unsigned stream)
{
	return STRTAB_AT + 64 * (w.sids[stream] & 15);
}

static void fill_ste(unsigned stream)
{
	poke(ste_at(stream), rnd_ste0());
	poke(ste_at(stream) + 8, rnd_ste1());
	poke(ste_at(stream) + 16, rnd_ste2(stream));
	poke(ste_at(stream) + 24, spoil(rnd_alias() | s2_page(w.f2.level & 3)));
}

static unsigned rnd_granule(void)
{
	static const uint8_t lg2[] = { 12, 14, 16 };
	unsigned i;

	do
		i = below(3);
	while (!(w.hw.granules >> i & 1));
	return chance(2) ? lg2[below(3)] : lg2[i];
}

static void rnd_format(struct format *f, bool s2)
{
	unsigned most = f->granule == 16 && (s2 ? w.hw.oas_bits == 52 : w.hw.vax) ? 52 : 48, stride;
	bool must;

	stride = f->granule - 3;
	if (s2)
		most = MIN(most, w.hw.oas_bits);
	f->in_bits = chance(50) ? most : 25 + below(most - 24);
	if (f->in_bits < 25 + stride && chance(50))
		f->in_bits = most;
	f->level = 3 - (int)((f->in_bits - 1 - f->granule) / stride);
	/* Concatenation: one level less, where up to 4 bits were left for the first. */
	must = s2 && (f->granule == 12 ? f->level == 0 && w.hw.oas_bits < 44
				       : f->level == 0 || (f->level == 1 && w.hw.oas_bits < 44));
	if (s2 && f->level < 3 && (must || chance(50)) &&
		f->in_bits - (f->granule + stride * (3 - f->level)) <= 4)
		f->level++;
	f->sl0 = f->granule == 12 ? (2 - f->level) & 3 : (3 - f->level) & 3;
}

static uint64_t rnd_iova(void)
{
	uint64_t addr = chance(92) ? compose(&w.f1) : compose(&w.f2);

	if (chance(10))
		addr |= ~MASK64(w.f1.in_bits - 1, 0);
	if (chance(8))
		addr = (addr & MASK64(55, 0)) | rnd() << 56;
	return chance(4) ? rnd() : addr;
}

/* An address that shares the upper tables, perhaps the block. */
static uint64_t sibling(uint64_t iova)
{
	uint64_t low =
		MASK64(w.f1.granule + below(2) * (w.f1.granule - 3) - (chance(50) ? 0 : 1), 0);

	return (iova & ~low) | (compose(chance(50) ? &w.f1 : &w.f2) & low);
}

/* ---- Commands and events ------------------------------------------------------------------------- */

static void command(uint64_t w0, uint64_t w1)
{
	uint64_t *at = (uint64_t *)(w.queue + 16 * (w.cmdq_prod & (BIT64(CMDQ_LG2) - 1)));

	at[0] = w0;
	at[1] = w1;
	w.cmdq_prod = (w.cmdq_prod + 1) & (2 * BIT64(CMDQ_LG2) - 1);
	nb_smmuv3_write(w.smmu, 0x98, w.cmdq_prod, 4);
}

static void sync_commands(void)
{
	command(0x46, 0);
	if (nb_smmuv3_read(w.smmu, 0x9c, 4) != w.cmdq_prod) {
		printf("CMD_SYNC does not end: CONS %" PRIx64 " PROD %x GERROR %" PRIx64 "\n",
			nb_smmuv3_read(w.smmu, 0x9c, 4), w.cmdq_prod,
			nb_smmuv3_read(w.smmu, 0x60, 4));
		exit(1);
	}
}

static void invalidate_all(void)
{
	command(0x04, 31);
	command(0x30, 0);
	sync_commands();
}

/* Take the oldest event. */
static bool take_event(uint64_t event[4])
{
	uint32_t mask = 2 * BIT64(EVTQ_LG2) - 1, prod = nb_smmuv3_read(w.smmu, 0x100a8, 4);

	if ((prod & mask) == w.evtq_cons)
		return false;
	memcpy(event, w.queue + EVTQ_AT + 32 * (w.evtq_cons & (BIT64(EVTQ_LG2) - 1)), 32);
	w.evtq_cons = (w.evtq_cons + 1) & mask;
	nb_smmuv3_write(w.smmu, 0x100ac, (prod & BIT64(31)) | w.evtq_cons, 4);
	return true;
}

/* ---- One translation, both ways ------------------------------------------------------------------ */

struct access {
	struct naive_access a;
	unsigned stream;
};

struct outcome {
	enum naive_verdict verdict;
	uint64_t pa, bytes;
	bool recorded;
	uint64_t event[4];
};

static struct naive_result mine;

static const char *const verdict_names[] = { "OK", "ABORT", "STALL", "RAZ/WI" };

static enum naive_verdict verdict_of(enum nb_smmuv3_verdict verdict)
{
	switch (verdict) {
	case NB_SMMUV3_OK:
		return NAIVE_OK;
	case NB_SMMUV3_STALLED:
		return NAIVE_STALL;
	case NB_SMMUV3_RAZ_WI:
		return NAIVE_RAZ_WI;
	default:
		return NAIVE_ABORT;
	}
}

/* By one at a time, or a batch of one: both must do. */
static enum nb_smmuv3_verdict ask(const struct access *access, struct nb_smmuv3_span *span)
{
	const struct naive_access *a = &access->a;
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(a->iova),
		.ssid = a->ssid,
		.flags = (a->read ? NB_READ : 0) | (a->write ? NB_WRITE : 0) |
			 (a->inst ? NB_INSN : 0) | (a->priv ? NB_PRIV : 0) |
			 (a->ssv ? NB_SSV : 0) };
	struct nb_smmuv3_port *port = w.ports[access->stream];
	enum nb_smmuv3_verdict verdict = NB_SMMUV3_OK;

	nb_smmuv3_enter(port);
	if (rnd() & 3)
		verdict = nb_smmuv3_translate(port, &txn, span);
	else
		nb_smmuv3_translate_batch(port, txn.flags, txn.ssid, &txn.iova, span, 1, &verdict);
	nb_smmuv3_leave(port);
	return verdict;
}

static void run_model(const struct access *access, struct outcome *out)
{
	struct nb_smmuv3_span span = { 0 };
	enum nb_smmuv3_verdict again;
	uint64_t extra[4];

	memset(out, 0, sizeof(*out));
	out->verdict = verdict_of(ask(access, &span));
	out->pa = out->verdict == NAIVE_OK ? span.pa.v : 0;
	out->bytes = span.bytes;
	if (out->verdict != NAIVE_OK)
		out->recorded = take_event(out->event);
	if (out->verdict == NAIVE_STALL) {
		command(0x45 | (uint64_t)access->a.sid << 32, 0);
		sync_commands();
		/* Asked again, it is told that it was terminated: then it is over. */
		again = ask(access, &span);
		nb_assert(again == NB_SMMUV3_ABORT);
		while (take_event(extra))
			;
	}
	if (out->recorded)
		out->event[1] &= ~MASK64(15, 0); /* STAG */
}

static void run_mine(const struct access *access)
{
	w.lie_reads = 0;
	naive_translate(&w.naive, &access->a, &mine);
}

static bool same(const struct outcome *model)
{
	if (model->verdict != mine.verdict || model->recorded != mine.recorded)
		return false;
	if (mine.verdict == NAIVE_OK)
		return model->pa == mine.pa;
	return !mine.recorded || !memcmp(model->event, mine.event, sizeof(mine.event));
}

static void print_outcome(const char *who, enum naive_verdict verdict, uint64_t pa, bool recorded,
	const uint64_t event[4])
{
	printf("%-6s %s", who, verdict_names[verdict]);
	if (verdict == NAIVE_OK)
		printf(" pa %" PRIx64, pa);
	if (recorded)
		printf(" event %02x: %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64,
			(unsigned)(event[0] & 255), event[0], event[1], event[2], event[3]);
	printf("\n");
}

static void print_reads(void)
{
	char role[32];
	unsigned i, bit;

	for (i = 0; i < mine.n_reads; i++) {
		const struct naive_read *r = &mine.reads[i];

		bit = __builtin_ctz(r->role);
		if (r->role & NAIVE_ROLE_CONFIG)
			snprintf(role, sizeof(role), "config");
		else
			snprintf(role, sizeof(role), "%sS%u L%u%s", bit < 4 ? "" : "  ",
				bit / 4 + 1, bit % 4, r->role & NAIVE_ROLE_LEAF ? " leaf" : "");
		printf("  %-14s %013" PRIx64 ": %016" PRIx64 "  for %" PRIx64 "\n", role, r->pa,
			r->value, r->input);
	}
	for (i = 0; i < mine.n_writes; i++)
		printf("  writes %013" PRIx64 ": %016" PRIx64 " -> %016" PRIx64 "%s\n",
			mine.writes[i].pa, mine.writes[i].before, mine.writes[i].after,
			mine.writes[i].optional ? " (or not)" : "");
}

static void differs(const char *what, const struct access *access, const struct outcome *model)
{
	const struct naive_access *a = &access->a;

	differences++;
	printf("DIFFERENCE: %s\n  replay: differ --seed %" PRIu64 "\n", what, w.epoch_seed);
	printf("  hw: oas %u granules %u ssid %u stall %u httu %u fwb %u xnx %u vax %u ats %u s1 "
	       "%u s2 "
	       "%u linear %u raz %u\n",
		w.hw.oas_bits, w.hw.granules, w.hw.ssid_bits, w.hw.stall_model, w.hw.httu, w.hw.fwb,
		w.hw.xnx, w.hw.vax, w.hw.ats, !w.hw.no_stage1, !w.hw.no_stage2,
		w.hw.linear_tables_only, w.hw.raz_wi);
	printf("  access: sid %u %s%s%s%s iova %016" PRIx64, a->sid, a->read ? "R" : "",
		a->write ? "W" : "", a->inst ? "X" : "", a->priv ? "P" : "", a->iova);
	if (a->ssv)
		printf(" ssid %u", a->ssid);
	printf("\n");
	print_outcome("  naive", mine.verdict, mine.pa, mine.recorded, mine.event);
	if (model)
		print_outcome("  model", model->verdict, model->pa, model->recorded, model->event);
	if (w.lying)
		printf("  stale: word at %x, was %016" PRIx64 "\n", w.lie_at, w.lie_old);
	print_reads();
	fflush(stdout);
	if (!all || differences >= 20)
		exit(1);
}

static uint64_t ram_word(uint64_t pa)
{
	uint64_t off;

	nb_assert(ram_offset(pa, &off));
	return __atomic_load_n((uint64_t *)(w.ram + off), __ATOMIC_RELAXED);
}

/* What was updated in memory. Where the naive one may or may not, the model decides. */
static bool same_memory(void)
{
	unsigned i;
	uint64_t off;

	for (i = mine.n_writes; i-- > 0;) {
		uint64_t now = ram_word(mine.writes[i].pa);

		if (now == mine.writes[i].after)
			continue;
		ram_offset(mine.writes[i].pa, &off);
		if (now == peek(off)) /* written again later on */
			continue;
		if (!mine.writes[i].optional || now != mine.writes[i].before)
			return false;
		memcpy(w.mine + off, &now, 8);
	}
	return true;
}

/*
 * True: hardware updates a word that is also of the other stage, or of a configuration. Nobody
 * invalidates then, so all that is sure is that nothing breaks. *shared: a word that others walk, too.
 */
static bool note_reads(const struct access *access, bool *shared)
{
	unsigned user = access->stream * 3 + (access->a.ssv ? 1 + (access->a.ssid & 1) : 0);
	const uint16_t s1 = 15, s2 = 15 << 4;
	bool crosses = false;
	uint64_t off;
	unsigned i;

	for (i = 0; i < mine.n_reads; i++)
		if (ram_offset(mine.reads[i].pa, &off)) {
			w.roles[off / 8] |= mine.reads[i].role;
			w.users[off / 8] |= 1u << user;
		}
	for (i = 0; i < mine.n_writes; i++) {
		uint16_t role;

		httu_writes++;
		ram_offset(mine.writes[i].pa, &off);
		role = w.roles[off / 8];
		*shared |= w.users[off / 8] & ~(1u << user);
		crosses |= (role & NAIVE_ROLE_CONFIG) || ((role & s1) && (role & s2));
	}
	return crosses;
}

static void rnd_access(struct access *access)
{
	static const uint8_t ssids[] = { 0, 1, 1, 1, 1, 1, 32, 33, 64 + 32, 64 + 33, 2 };
	struct naive_access *a = &access->a;
	unsigned kind = below(8);

	memset(access, 0, sizeof(*access));
	access->stream = chance(97) ? below(STREAMS - 1) : STREAMS - 1;
	a->sid = w.sids[access->stream];
	a->ssv = w.hw.ssid_bits ? chance(25) : chance(1);
	if (a->ssv)
		a->ssid = chance(97) ? ssids[below(sizeof(ssids))] : rnd() & 0xfffff;
	a->read = kind != 0 && kind != 1 && kind != 2;
	a->write = kind < 3 || kind == 3;
	a->inst = a->read && !a->write && chance(25);
	a->priv = chance(40);
	a->iova = w.iovas[below(IOVAS)] ^ (rnd() & MASK64(11, 0));
}

/* The span's last byte is where the naive one says, too. */
static void check_span(const struct access *access, const struct outcome *model)
{
	struct access last = *access;

	last.a.iova += model->bytes - 1;
	w.dry = true;
	run_mine(&last);
	w.dry = false;
	if (!model->bytes || mine.verdict != NAIVE_OK || mine.pa != model->pa + (model->bytes - 1))
		differs("the end of the span", &last, model);
}

static void check_access(const struct access *access)
{
	struct outcome model;

	bool crosses, shared = false;

	run_mine(access);
	crosses = note_reads(access, &shared);
	run_model(access, &model);
	total++;
	if (crosses) {
		memcpy(w.mine, w.ram, RAM_BYTES);
		invalidate_all();
		return;
	}
	verdicts[mine.verdict]++;
	if (mine.recorded)
		event_types[mine.event[0] & 63]++;
	if (!same(&model)) {
		differs("the result", access, &model);
		return;
	}
	if (mine.n_writes && !same_memory()) {
		differs("what was updated in memory", access, &model);
		return;
	}
	/* Others whose hardware updates nothing take a dirty page for another one: it is theirs to
	 * invalidate. */
	if (shared)
		invalidate_all();
	if (model.verdict == NAIVE_OK && !mine.n_writes && chance(20) && !w.hw.httu)
		check_span(access, &model);
}

/* ---- Stale words --------------------------------------------------------------------------------- */

/* Old or new, at each read of the word. */
static void check_stale(const struct access *access)
{
	struct outcome model;
	unsigned reads = 0, i;
	uint64_t mask;

	run_model(access, &model);
	total++;
	w.dry = true;
	for (mask = 0; mask < BIT64(MIN(reads, (unsigned)MAX_LIES)) || mask < 2; mask++) {
		/* One bit for each of the first reads; the last one is for all others. */
		w.lie_mask = mask;
		for (i = MAX_LIES; mask >> (MAX_LIES - 1) & 1 && i < 64; i++)
			w.lie_mask |= BIT64(i);
		run_mine(access);
		reads = MAX(reads, w.lie_reads);
		if (same(&model))
			break;
	}
	w.dry = false;
	stale_hits += mask != 0;
	if (!same(&model))
		differs("neither old nor new", access, &model);
}

/* ---- Mutations ----------------------------------------------------------------------------------- */

/* A word that something read, or any. */
static uint64_t rnd_word(void)
{
	struct access access;
	uint64_t off;

	if (chance(75)) {
		rnd_access(&access);
		w.dry = true;
		run_mine(&access);
		w.dry = false;
		if (mine.n_reads && ram_offset(mine.reads[below(mine.n_reads)].pa, &off))
			return off;
	}
	return (rnd() & (RAM_BYTES - 1) & ~7ull & (chance(80) ? ~0xfe0ull : ~0ull));
}

static uint64_t rnd_value(uint64_t off)
{
	uint64_t in_page = off & 0xfff;

	if (chance(35))
		return peek(off) ^ BIT64(below(64));
	if (chance(15))
		return 0;
	if (off >= STRTAB_AT)
		return peek(off) ^ BIT64(below(64));
	if (off >= S1_PAGES)
		return rnd_s2_word(s2_level(off));
	if (in_page == CDS_AT || in_page == CDS_AT + 64)
		return rnd_cd0();
	return rnd_s1_word();
}

static void touch(uint64_t off)
{
	if (w.n_touched < MAX_TOUCHED)
		w.touched[w.n_touched++] = off;
}

struct victim {
	uint64_t block, iova;
	uint16_t vmid, asid;
	bool leaf, global;
	unsigned size_lg2;
};

/* As software gives it to TLBI: without a tag in the top byte. */
static uint64_t canonical(uint64_t iova)
{
	return iova >> 55 & 1 ? iova | MASK64(63, 56) : iova & MASK64(55, 0);
}

/*
 * What stage 1 words of only that role ask for: one TLBI for each address whose walk reads the word;
 * for a leaf any address of its block will do, whatever stage 2 splits it into.
 */
static void invalidate_s1(uint64_t off)
{
	static struct victim done[IOVAS * STREAMS * 8];
	unsigned n = 0, i, s, x, r, d;
	struct access access;
	uint64_t at;

	w.dry = true;
	for (s = 0; s < STREAMS; s++) {
		for (x = 0; x < (w.hw.ssid_bits ? 8u : 1u); x++) {
			static const uint8_t ssids[] = { 0, 0, 1, 32, 33, 64 + 32, 64 + 33, 2 };

			for (i = 0; i < IOVAS; i++) {
				struct victim v;

				memset(&access, 0, sizeof(access));
				access.stream = s;
				access.a = (struct naive_access){ .sid = w.sids[s],
					.ssv = x != 0,
					.ssid = ssids[x],
					.read = true,
					.priv = true,
					.iova = w.iovas[i] };
				run_mine(&access);
				for (r = 0; r < mine.n_reads; r++)
					if (ram_offset(mine.reads[r].pa, &at) && at == off)
						break;
				if (r == mine.n_reads)
					continue;
				v.leaf = mine.reads[r].role & NAIVE_ROLE_LEAF;
				v.vmid = mine.vmid;
				v.asid = mine.asid;
				v.global = !(mine.reads[r].value & BIT64(11));
				v.size_lg2 = v.leaf ? mine.s1_size_lg2 : 0;
				v.iova = canonical(w.iovas[i]);
				v.block = v.leaf && mine.s1_size_lg2 ? v.iova >> mine.s1_size_lg2
								     : v.iova;
				for (d = 0; d < n; d++)
					if (done[d].block == v.block &&
						done[d].size_lg2 == v.size_lg2 &&
						done[d].vmid == v.vmid && done[d].asid == v.asid &&
						done[d].leaf == v.leaf)
						break;
				if (d == n && n < ARRAY_LEN(done))
					done[n++] = v;
			}
		}
	}
	w.dry = false;
	for (d = 0; d < n; d++) {
		const struct victim *v = &done[d];
		uint64_t ids = (uint64_t)v->vmid << 32 | (uint64_t)v->asid << 48;
		uint64_t how = rnd() % 8;

		if (how == 0)
			command(0x10 | (uint64_t)v->vmid << 32, 0);
		else if (how == 1 && !v->global)
			command(0x11 | ids, 0);
		else if (how < 4)
			command(0x13 | (uint64_t)v->vmid << 32, (v->iova & ~0xfffull) | v->leaf);
		else
			command(0x12 | ids, (v->iova & ~0xfffull) | v->leaf);
		if ((d & 63) == 63)
			sync_commands();
	}
	sync_commands();
}

static void invalidate_word(uint64_t off)
{
	uint16_t role = w.roles[off / 8];
	unsigned s;

	if (!role)
		return; /* nobody has seen it */
	if (!(role & ~(15u | NAIVE_ROLE_LEAF))) {
		invalidate_s1(off);
		return;
	}
	if (chance(20)) {
		invalidate_all();
		return;
	}
	if (role & NAIVE_ROLE_CONFIG) {
		/* In two levels an STE may be that of any StreamID. */
		if (off >= STRTAB_AT && off < L1STD_AT && w.naive.strtab_base == STRTAB_AT) {
			for (s = 0; s < STREAMS; s++)
				if (ste_at(s) == (off & ~63ull))
					command(0x03 | (uint64_t)w.sids[s] << 32, 1);
		} else {
			command(0x04, 31);
		}
		command(0x30, 0);
	}
	if (role & NAIVE_ROLE_CD)
		command(0x04, 31);
	/* Any stage: all of each VMID. */
	for (s = 0; s < STREAMS; s++) {
		if (w.naive.hw.s2p)
			command(0x28 | (peek(ste_at(s) + 16) & 0xffff) << 32, 0);
		else
			command(0x10, 0);
	}
	sync_commands();
}

static void mutate(bool stale)
{
	uint64_t off = rnd_word(), value = rnd_value(off);

	w.lying = false;
	w.lie_old = peek(off);
	touch(off);
	poke(off, value);
	if (stale) {
		w.lying = true;
		w.lie_at = off;
		return;
	}
	/* By the old tables: what was cached is what they gave. */
	w.lying = true;
	w.lie_at = off;
	w.lie_mask = ~0ull;
	invalidate_word(off);
	w.lying = false;
}

/* ---- Epochs -------------------------------------------------------------------------------------- */

static void rnd_hw(void)
{
	static const uint8_t oas[] = { 48, 48, 52, 44, 42, 40, 36, 32 };
	struct nb_smmuv3_config *hw = &w.hw;

	memset(hw, 0, sizeof(*hw));
	hw->size = sizeof(*hw);
	hw->mem = w.mem;
	hw->iotlb_slots = 256;
	hw->oas_bits = oas[below(8)];
	hw->granules = chance(30) ? 7 : 1 + below(7);
	if (hw->oas_bits == 52)
		hw->granules |= NB_SMMUV3_GRAN64K;
	hw->vax = (hw->granules & NB_SMMUV3_GRAN64K) && chance(50);
	hw->no_stage1 = chance(4);
	hw->no_stage2 = !hw->no_stage1 && chance(6);
	hw->sid_bits = 8 + below(9);
	hw->ssid_bits = hw->no_stage1 || chance(40) ? 0 : 1 + below(20);
	hw->stall_model = stalls && chance(40) ? below(3) : 0;
	hw->httu = chance(50) ? 0 : below(3);
	hw->linear_tables_only = chance(20);
	hw->no_ril = chance(20);
	hw->bbml = below(3);
	hw->fwb = chance(50);
	hw->xnx = chance(50);
	hw->ats = chance(50);
	hw->raz_wi = stalls && chance(30);
}

static void set_naive(bool two_level)
{
	static const uint8_t stall[] = { 1, 0, 2 };

	w.naive = (struct naive){
		.hw = { .s1p = !w.hw.no_stage1,
			.s2p = !w.hw.no_stage2,
			.st2lvl = !w.hw.linear_tables_only,
			.cd2l = !w.hw.linear_tables_only,
			.fwb = w.hw.fwb,
			.xnx = w.hw.xnx,
			.vax = w.hw.vax,
			.ats = w.hw.ats,
			.raz_wi = w.hw.raz_wi,
			.gran4k = w.hw.granules & NB_SMMUV3_GRAN4K,
			.gran16k = w.hw.granules & NB_SMMUV3_GRAN16K,
			.gran64k = w.hw.granules & NB_SMMUV3_GRAN64K,
			.oas = w.hw.oas_bits,
			.sid_bits = w.hw.sid_bits,
			.ssid_bits = w.hw.ssid_bits,
			.httu = w.hw.httu,
			.stall_model = stall[w.hw.stall_model] },
		.smmuen = true,
		.recinvsid = chance(80),
		.strtab_base = two_level ? L1STD_AT : STRTAB_AT,
		.strtab_cfg = two_level ? 1 << 16 | 6 << 6 | 8 : 4,
		.load = mine_load,
		.store = mine_store,
	};
}

static void enable(void)
{
	nb_smmuv3_write(w.smmu, 0x80, w.naive.strtab_base, 8);
	nb_smmuv3_write(w.smmu, 0x88, w.naive.strtab_cfg, 4);
	nb_smmuv3_write(w.smmu, 0x90, QUEUES | CMDQ_LG2, 8);
	nb_smmuv3_write(w.smmu, 0xa0, (QUEUES + EVTQ_AT) | EVTQ_LG2, 8);
	nb_smmuv3_write(w.smmu, 0x2c, w.naive.recinvsid ? 2 : 0, 4);
	nb_smmuv3_write(w.smmu, 0x20, 0xd, 4);
	w.cmdq_prod = w.evtq_cons = 0;
}

static void begin_epoch(uint64_t seed)
{
	bool two_level;
	unsigned i;

	rng = w.epoch_seed = seed;
	rnd_hw();
	two_level = !w.hw.linear_tables_only && chance(40);
	set_naive(two_level);
	w.smmu = nb_smmuv3_create(&w.hw);
	nb_assert(w.smmu);
	enable();
	for (i = 0; i < STREAMS; i++) {
		/* The last one is beyond what there is, or in another second-level table. */
		w.sids[i] = i < STREAMS - 1 ? i : two_level ? 64 + i : 16 + below(2000);
		w.ports[i] = nb_smmuv3_port_create(w.smmu, w.sids[i]);
		nb_assert(w.ports[i]);
	}
}

static void end_epoch(void)
{
	unsigned i;

	for (i = 0; i < STREAMS; i++)
		nb_smmuv3_port_destroy(w.ports[i]);
	nb_smmuv3_destroy(w.smmu);
}

static void begin_world(void)
{
	uint64_t page;
	unsigned i;

	for (i = 0; i < w.n_touched; i++)
		poke(w.touched[i], 0);
	w.n_touched = 0;
	memset(w.roles, 0, RAM_BYTES / 8 * sizeof(*w.roles));
	memset(w.users, 0, RAM_BYTES / 8 * sizeof(*w.users));
	good = chance(60);
	w.defects = good || chance(50) ? 0 : below(12);
	w.f1.granule = rnd_granule();
	w.f2.granule = chance(70) && w.hw.granules != 7 ? w.f1.granule : rnd_granule();
	rnd_format(&w.f1, false);
	rnd_format(&w.f2, true);
	for (page = 0; page < S1_PAGES; page += KIB(4)) {
		fill_page(page, false);
		fill_cds(page);
	}
	for (; page < S2_END; page += KIB(4))
		fill_page(page, true);
	for (i = 0; i < STREAMS; i++)
		fill_ste(i);
	for (i = 0; i < 4; i++)
		poke(L1STD_AT + 8 * i, spoil(STRTAB_AT | (mostly(90) ? 5 : below(32))));
	for (i = 0; i < IOVAS; i++)
		w.iovas[i] = i && chance(35) ? sibling(w.iovas[i - 1]) : rnd_iova();
	invalidate_all();
}

static void run_world(void)
{
	struct access access;
	unsigned round, i;

	begin_world();
	for (round = 0; round < ROUNDS && total < count; round++) {
		for (i = 0; i < ACCESSES; i++) {
			rnd_access(&access);
			check_access(&access);
		}
		mutate(false);
	}
	/* What hardware updates would be a second change of the same word. */
	if (w.hw.httu)
		return;
	mutate(true);
	for (i = 0; i < ACCESSES; i++) {
		rnd_access(&access);
		check_stale(&access);
	}
	w.lying = false;
}

static void init_memory(void)
{
	unsigned i, bit;

	w.mem = nb_mem_create(52);
	w.ram = aligned_alloc(4096, RAM_BYTES);
	w.mine = aligned_alloc(4096, RAM_BYTES);
	w.queue = aligned_alloc(4096, KIB(256));
	w.roles = calloc(RAM_BYTES / 8, sizeof(*w.roles));
	w.users = calloc(RAM_BYTES / 8, sizeof(*w.users));
	nb_assert(w.mem && w.ram && w.mine && w.queue && w.roles && w.users);
	memset(w.ram, 0, RAM_BYTES);
	memset(w.mine, 0, RAM_BYTES);
	memset(w.queue, 0, KIB(256));
	for (i = 0; i < N_ALIASES; i++) {
		uint64_t left = ALIASES, pa = 0;

		for (bit = 0; left; bit++, left &= left - 1)
			pa |= i >> bit & 1 ? left & -left : 0;
		w.aliases[i] =
			(struct nb_extent){ .pa = NB_PA(pa), .bytes = RAM_BYTES, .ptr = w.ram };
		nb_assert(!nb_mem_add(w.mem, &w.aliases[i]));
	}
	w.queues = (struct nb_extent){ .pa = NB_PA(QUEUES), .bytes = KIB(256), .ptr = w.queue };
	nb_assert(!nb_mem_add(w.mem, &w.queues));
}

static void finish_memory(void)
{
	unsigned i;

	for (i = 0; i < N_ALIASES; i++)
		nb_mem_remove(w.mem, &w.aliases[i]);
	nb_mem_remove(w.mem, &w.queues);
	nb_mem_destroy(w.mem);
	free(w.ram);
	free(w.mine);
	free(w.queue);
	free(w.roles);
	free(w.users);
}

static void report(uint64_t first)
{
	unsigned i;

	printf("%" PRIu64 " translations from seed %" PRIu64 ":", total, first);
	for (i = 0; i < 4; i++)
		printf(" %s %" PRIu64, verdict_names[i], verdicts[i]);
	printf("; %" PRIu64 " updates, %" PRIu64 " stale results\nevents:", httu_writes,
		stale_hits);
	for (i = 0; i < ARRAY_LEN(event_types); i++)
		if (event_types[i])
			printf(" %02x: %" PRIu64, i, event_types[i]);
	printf("\n%" PRIu64 " differences\n", differences);
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, first;
	unsigned i;
	int arg;

	count = 1000000;
	for (arg = 1; arg < argc; arg++) {
		if (!strcmp(argv[arg], "--all"))
			all = true;
		else if (!strcmp(argv[arg], "--stalls"))
			stalls = true;
		else if (arg + 1 < argc && !strcmp(argv[arg], "--seed"))
			seed = strtoull(argv[++arg], NULL, 0);
		else if (arg + 1 < argc && !strcmp(argv[arg], "--count"))
			count = strtoull(argv[++arg], NULL, 0);
		else
			return fprintf(stderr,
				       "usage: differ [--seed N] [--count N] [--stalls] [--all]\n"),
			       2;
	}
	printf("seed %" PRIu64 "\n", seed);
	init_memory();
	for (first = seed; total < count; seed++) {
		begin_epoch(seed);
		for (i = 0; i < WORLDS && total < count; i++)
			run_world();
		end_epoch();
	}
	report(first);
	finish_memory();
	return differences != 0;
}
