/* SPDX-License-Identifier: MIT */
/* One translation by both, and what may differ between them: nothing, but while a word is stale. */
#include "differ.h"

#define MAX_LIES 10 /* reads of one stale word whose old and new values are combined */

struct world w;
struct tally tally;
bool all;

bool ram_offset(uint64_t pa, uint64_t *off)
{
	*off = pa & (RAM_BYTES - 1);
	return !((pa - *off) & ~ALIASES);
}

bool mine_load(void *ctx, uint64_t pa, uint64_t *value)
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

bool mine_store(void *ctx, uint64_t pa, uint64_t value)
{
	uint64_t off;

	if (w.dry)
		return true;
	if (!ram_offset(pa, &off))
		return false;
	memcpy(w.mine + off, &value, 8);
	return true;
}

uint64_t peek(uint64_t off)
{
	uint64_t value;

	memcpy(&value, w.mine + off, 8);
	return value;
}

void poke(uint64_t off, uint64_t value)
{
	memcpy(w.mine + off, &value, 8);
	__atomic_store_n((uint64_t *)(w.ram + off), value, __ATOMIC_RELAXED);
}

/* ---- Commands and events ------------------------------------------------------------------------- */

void command(uint64_t w0, uint64_t w1)
{
	uint64_t *at = (uint64_t *)(w.queue + 16 * (w.cmdq_prod & (BIT64(CMDQ_LG2) - 1)));

	at[0] = w0;
	at[1] = w1;
	w.cmdq_prod = (w.cmdq_prod + 1) & (2 * BIT64(CMDQ_LG2) - 1);
	nb_smmuv3_write(w.smmu, 0x98, w.cmdq_prod, 4);
}

void sync_commands(void)
{
	command(0x46, 0);
	if (nb_smmuv3_read(w.smmu, 0x9c, 4) != w.cmdq_prod) {
		printf("CMD_SYNC does not end: CONS %" PRIx64 " PROD %x GERROR %" PRIx64 "\n",
			nb_smmuv3_read(w.smmu, 0x9c, 4), w.cmdq_prod,
			nb_smmuv3_read(w.smmu, 0x60, 4));
		exit(1);
	}
}

void invalidate_all(void)
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

struct outcome {
	enum naive_verdict verdict;
	uint64_t pa, bytes;
	bool recorded;
	uint64_t event[4];
};

struct naive_result mine;

const char *const verdict_names[] = { "OK", "ABORT", "STALL", "RAZ/WI" };

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
static uint32_t flags_of(const struct naive_access *a)
{
	return (a->read ? NB_READ : 0) | (a->write ? NB_WRITE : 0) | (a->inst ? NB_INSN : 0) |
	       (a->priv ? NB_PRIV : 0) | (a->ssv ? NB_SSV : 0);
}

static enum nb_smmuv3_verdict ask(const struct access *access, struct nb_smmuv3_span *span)
{
	const struct naive_access *a = &access->a;
	struct nb_smmuv3_txn txn = {
		.iova = NB_IOVA(a->iova), .ssid = a->ssid, .flags = flags_of(a)
	};
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

void run_mine(const struct access *access)
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

	tally.differences++;
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
	if (!all || tally.differences >= 20)
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

		tally.httu_writes++;
		ram_offset(mine.writes[i].pa, &off);
		role = w.roles[off / 8];
		*shared |= w.users[off / 8] & ~(1u << user);
		crosses |= (role & NAIVE_ROLE_CONFIG) || ((role & s1) && (role & s2));
	}
	return crosses;
}

void rnd_access(struct access *access)
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

void check_access(const struct access *access)
{
	struct outcome model;

	bool crosses, shared = false;

	run_mine(access);
	crosses = note_reads(access, &shared);
	run_model(access, &model);
	tally.total++;
	if (crosses) {
		memcpy(w.mine, w.ram, RAM_BYTES);
		invalidate_all();
		return;
	}
	tally.verdicts[mine.verdict]++;
	if (mine.recorded)
		tally.event_types[mine.event[0] & 63]++;
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

/* ---- Batches ------------------------------------------------------------------------------------- */

/* Pages in a row, addresses of the world, and some of them again. */
static unsigned rnd_batch(uint64_t first, nb_iova iova[BATCH])
{
	unsigned n = 1 + below(BATCH), i;

	for (i = 0; i < n; i++) {
		if (!i || chance(30))
			iova[i] = NB_IOVA(first + below(64) * 8);
		else if (chance(60))
			iova[i] = NB_IOVA(iova[i - 1].v + BIT64(chance(90) ? 12 : w.f1.granule));
		else
			iova[i] = NB_IOVA(w.iovas[below(IOVAS)] + below(512) * 8);
	}
	return n;
}

/* What was not tried may be cached nevertheless, as by a speculative read: so it is to be invalidated. */
static void note_rest(struct access *access, const nb_iova *iova, unsigned n)
{
	bool shared = false;
	unsigned i;

	w.dry = true;
	for (i = 0; i < n; i++) {
		access->a.iova = iova[i].v;
		run_mine(access);
		note_reads(access, &shared);
	}
	w.dry = false;
}

/* Up to the first that fails, each is what the naive one says of it alone. */
void check_batch(struct access *access)
{
	static struct nb_smmuv3_span span[BATCH];
	nb_iova iova[BATCH];
	unsigned n = rnd_batch(access->a.iova, iova), i;
	struct nb_smmuv3_port *port = w.ports[access->stream];
	enum nb_smmuv3_verdict verdict = NB_SMMUV3_OK;
	size_t done;

	nb_smmuv3_enter(port);
	done = nb_smmuv3_translate_batch(
		port, flags_of(&access->a), access->a.ssid, iova, span, n, &verdict);
	nb_smmuv3_leave(port);
	for (i = 0; i < n && i <= done; i++) {
		struct outcome model = { .verdict = i < done ? NAIVE_OK : verdict_of(verdict),
			.pa = i < done ? span[i].pa.v : 0 };
		bool shared = false;

		access->a.iova = iova[i].v;
		run_mine(access);
		note_reads(access, &shared);
		if (i == done)
			model.recorded = take_event(model.event);
		tally.total++;
		tally.verdicts[mine.verdict]++;
		if (!same(&model))
			differs("one of a batch", access, &model);
	}
	note_rest(access, iova + i, n - i);
}

/* ---- Stale words --------------------------------------------------------------------------------- */

/* Old or new, at each read of the word. */
void check_stale(const struct access *access)
{
	struct outcome model;
	unsigned reads = 0, i;
	uint64_t mask;

	run_model(access, &model);
	tally.total++;
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
	tally.stale_hits += mask != 0;
	if (!same(&model))
		differs("neither old nor new", access, &model);
}
