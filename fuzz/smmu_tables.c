/* SPDX-License-Identifier: MIT */
/*
 * STEs, CDs and descriptors as the input says, and accesses under them. The naive model agrees on
 * each; and where only what a guest owns was changed, nothing leaves what stage 2 grants.
 */
#include "fuzz/smmu.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "smmuv3/regs.h"

#define W (&fz_world)

static struct {
	struct naive naive;
	struct naive_result result;
	bool guest;   /* the input changes what a guest owns, and no more */
	bool changed; /* something, since it was last invalidated */
	uint32_t cmdq_prod, evtq_cons;
} f;

static bool load(void *ctx, uint64_t pa, uint64_t *value)
{
	if (pa > SMMU_RAM_BYTES - 8)
		return false;
	memcpy(value, W->twin + pa, 8);
	return true;
}

static bool store(void *ctx, uint64_t pa, uint64_t value)
{
	memcpy(W->twin + pa, &value, 8);
	fz_touch(pa);
	return true;
}

static void put(uint32_t off, uint64_t value)
{
	off &= SMMU_RAM_BYTES - 8;
	if (off < SMMU_STRTAB_AT || (f.guest && (off < SMMU_GUEST_AT || off >= SMMU_GUEST_END)))
		return;
	fz_poke(off, value);
	memcpy(W->twin + off, &value, 8);
	f.changed = true;
}

static void command(uint64_t w0, uint64_t w1)
{
	uint32_t at = SMMU_CMDQ_AT + 16 * (f.cmdq_prod & (BIT64(SMMU_QUEUE_LG2) - 1));

	fz_poke(at, w0);
	fz_poke(at + 8, w1);
	f.cmdq_prod = (f.cmdq_prod + 1) & (2 * BIT64(SMMU_QUEUE_LG2) - 1);
	nb_smmuv3_write(W->smmu, R_CMDQ_PROD, f.cmdq_prod, 4);
}

static void sync_all(void)
{
	command(CMD_SYNC, 0);
	nb_assert(nb_smmuv3_read(W->smmu, R_CMDQ_CONS, 4) == f.cmdq_prod);
}

static bool take_event(uint64_t event[4])
{
	uint32_t mask = 2 * BIT64(SMMU_QUEUE_LG2) - 1;
	uint32_t prod = nb_smmuv3_read(W->smmu, R_EVENTQ_PROD, 4);

	if ((prod & mask) == f.evtq_cons)
		return false;
	memcpy(event, W->ram + SMMU_EVTQ_AT + 32 * (f.evtq_cons & (mask >> 1)), 32);
	f.evtq_cons = (f.evtq_cons + 1) & mask;
	nb_smmuv3_write(W->smmu, R_EVENTQ_CONS, (prod & BIT64(31)) | f.evtq_cons, 4);
	return true;
}

static enum naive_verdict verdict_of(enum nb_smmuv3_verdict verdict)
{
	return verdict == NB_SMMUV3_OK	      ? NAIVE_OK
	       : verdict == NB_SMMUV3_STALLED ? NAIVE_STALL
	       : verdict == NB_SMMUV3_RAZ_WI  ? NAIVE_RAZ_WI
					      : NAIVE_ABORT;
}

/* Nothing stays stalled, else a later access like it would be told of that. */
static void end_stall(const struct naive_access *a, uint32_t flags)
{
	struct nb_smmuv3_span span;
	uint64_t event[4];

	command(CMD_STALL_TERM | (uint64_t)a->sid << 32, 0);
	sync_all();
	/* Asked again, it is told that it was terminated: then it is over. */
	nb_assert(fz_translate(a->sid, a->iova, flags, a->ssid, &span) == NB_SMMUV3_ABORT);
	W->n_stalls = 0;
	while (take_event(event))
		;
}

static void check_event(enum naive_verdict verdict, const struct naive_access *a, uint32_t flags)
{
	uint64_t event[4] = { 0 };
	bool recorded = verdict != NAIVE_OK && take_event(event);

	event[1] &= ~MASK64(15, 0); /* STAG */
	nb_assert(recorded == f.result.recorded);
	nb_assert(!recorded || !memcmp(event, f.result.event, sizeof(event)));
	if (verdict == NAIVE_STALL)
		end_stall(a, flags);
}

/* What hardware updated; where it may or may not, the model's word counts. */
/*
 * Hardware updates a word that this very walk also reads as another stage's, or as configuration: who
 * reads when is not defined.
 */
static bool crosses(void)
{
	uint16_t role;
	unsigned i, r;

	for (i = 0; i < f.result.n_writes; i++) {
		role = 0;
		if (f.result.writes[i].pa < SMMU_STRTAB_AT)
			return true; /* beside an event, perhaps */
		for (r = 0; r < f.result.n_reads; r++)
			if (f.result.reads[r].pa == f.result.writes[i].pa)
				role |= f.result.reads[r].role;
		if ((role & NAIVE_ROLE_CONFIG) || ((role & 15) && (role & 15 << 4)))
			return true;
	}
	return false;
}

static void check_memory(void)
{
	unsigned i;

	for (i = f.result.n_writes; i-- > 0;) {
		const struct naive_write *write = &f.result.writes[i];
		uint64_t now = fz_peek(write->pa), mine = 0;

		load(NULL, write->pa, &mine);
		nb_assert(now == mine || (write->optional && now == write->before));
		store(NULL, write->pa, now);
		f.changed = true; /* perhaps a table of something else */
	}
}

static void check_contained(uint32_t flags, const struct nb_smmuv3_span *span)
{
	nb_assert(span->pa.v >= SMMU_GUEST_AT && span->bytes <= SMMU_GUEST_END - SMMU_GUEST_AT &&
		  span->pa.v + span->bytes <= SMMU_GUEST_END);
	nb_assert(!(flags & NB_WRITE) || span->pa.v < SMMU_LAST_RO);
}

/* What is needed to see who is wrong. */
static void differs(const struct naive_access *a, enum naive_verdict verdict, uint64_t pa)
{
	unsigned i;

	printf("stream %u ssid %d iova %" PRIx64 " read %d write %d inst %d priv %d\n", a->sid,
		a->ssv ? (int)a->ssid : -1, a->iova, a->read, a->write, a->inst, a->priv);
	printf("model: %d, pa %" PRIx64 "; naive: %d, pa %" PRIx64 ", event %" PRIx64 "\n", verdict,
		pa, f.result.verdict, f.result.pa, f.result.event[0]);
	for (i = 0; i < f.result.n_reads; i++)
		printf("  %03x %" PRIx64 ": %" PRIx64 "\n", f.result.reads[i].role,
			f.result.reads[i].pa, f.result.reads[i].value);
	fflush(stdout);
	nb_assert(!"the naive model disagrees");
}

/* Tables in a queue: commands and events, which change them, were not known as changes of them. */
static bool reads_queues(void)
{
	unsigned i;

	for (i = 0; i < f.result.n_reads; i++)
		if (f.result.reads[i].pa < SMMU_STRTAB_AT)
			return true;
	return false;
}

static void access(const struct smmu_rec *rec)
{
	static const uint8_t kinds[] = { 1, 2, 3, 5, 9, 10, 11, 13 };
	uint32_t flags = kinds[rec->b % 8] | (rec->b & 8 ? NB_SSV : 0);
	unsigned stream = f.guest ? 0 : rec->a % SMMU_STREAMS;
	struct naive_access a = { .sid = stream,
		.ssid = rec->b & 8 ? rec->d & 0xfffff : 0,
		.ssv = rec->b & 8,
		.read = flags & NB_READ,
		.write = flags & NB_WRITE,
		.inst = flags & NB_INSN,
		.priv = flags & NB_PRIV,
		.iova = rec->x };
	struct nb_smmuv3_span span = { 0 };
	enum naive_verdict verdict;

	if (f.changed) {
		command(CMD_CFGI_STE_RANGE, 31);
		command(CMD_TLBI_NSNH_ALL, 0);
		sync_all();
		f.changed = false;
	}
	memcpy(W->twin, W->ram, SMMU_STRTAB_AT);
	naive_translate(&f.naive, &a, &f.result);
	f.changed = reads_queues();
	verdict = verdict_of(fz_translate(stream, a.iova, flags, a.ssid, &span));
	if (crosses()) {
		if (verdict == NAIVE_STALL)
			end_stall(&a, flags);
		fz_same_twin();
		while (take_event(f.result.event))
			;
		f.changed = true;
		return;
	}
	if (verdict != f.result.verdict || (verdict == NAIVE_OK && span.pa.v != f.result.pa))
		differs(&a, verdict, span.pa.v);
	check_event(verdict, &a, flags);
	check_memory();
	if (verdict == NAIVE_OK && f.guest)
		check_contained(flags, &span);
}

static void run(const struct smmu_rec *rec)
{
	static const uint32_t tables[] = { SMMU_S1_AT, SMMU_S1_AT + 0x1000, SMMU_S1_AT + 0x2000,
		SMMU_S2_AT, SMMU_S2_AT + 0x1000, SMMU_S2_AT + 0x2000, 0x51000, 0x52000 };
	uint32_t at;

	switch (rec->op % 6) {
	case 0:
		put(SMMU_STRTAB_AT + 64 * (rec->a % SMMU_STREAMS) + 8 * (rec->b % 4), rec->x);
		break;
	case 1:
		put((rec->a & 1 ? 0x50000 : SMMU_CD_AT) + 64 * (rec->a >> 1 & 3) + 8 * (rec->b % 3),
			rec->x);
		break;
	case 2:
		put(tables[rec->a % 8] + 8 * (rec->b & 15), rec->x);
		break;
	case 3: /* flip bits of what is there */
		at = rec->d & (SMMU_RAM_BYTES - 8);
		put(at, fz_peek(at) ^ BIT64(rec->a % 64) ^ rec->x);
		break;
	case 4:
		put(rec->d, rec->x);
		break;
	default:
		access(rec);
	}
}

void fuzz_smmu_tables(const uint8_t *bytes, size_t len)
{
	struct smmu_head head;
	struct smmu_rec rec;
	unsigned i;

	if (!fz_begin(bytes, len, &head))
		return;
	f.naive = fz_naive();
	f.naive.load = load;
	f.naive.store = store;
	f.cmdq_prod = f.evtq_cons = 0;
	f.changed = false;
	f.guest = (head.pages & 1) && !W->hw.no_stage1 && !W->hw.no_stage2;
	for (i = 0; fz_record(bytes, len, i, &rec); i++)
		run(&rec);
	fz_end();
}
