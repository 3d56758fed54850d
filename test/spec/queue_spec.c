/* SPDX-License-Identifier: MIT */
/* Queues, their errors and interrupts, stalls (IHI 0070 3.5, 3.12, 3.18, 7.1 to 7.5): a few steps each. */
#include <stdio.h>

#include "spec.h"

#define EVENT		(EVT_C_BAD_STE | (uint64_t)RIG_SID << 32)
#define ILLEGAL_COMMAND 0xff

struct row {
	const char *section, *what;
	bool (*holds)(struct rig *rig);
	struct nb_smmuv3_config hw;
};

static uint32_t active(struct rig *rig)
{
	return rig_read(rig, R_GERROR) ^ rig_read(rig, R_GERRORN);
}

/* C_BAD_STE: the stream table is empty. */
static void faults(struct rig *rig, unsigned n)
{
	while (n--)
		rig_pa(rig, 0, NB_DMA_READ);
}

/* 128 records fit. */
static bool full_keeps_records(struct rig *rig)
{
	faults(rig, 129);
	return (rig_read(rig, R_EVENTQ_PROD) & Q_POINTER) == 128 &&
	       *rig_at(rig, EVENTQ_AT) == EVENT && *rig_at(rig, EVENTQ_AT + 32 * 127) == EVENT;
}

static bool wraps(struct rig *rig)
{
	faults(rig, 128);
	rig_write(rig, R_EVENTQ_CONS, 128);
	rig_poke(rig, EVENTQ_AT, 0);
	faults(rig, 1);
	return rig_read(rig, R_EVENTQ_PROD) == 129 && *rig_at(rig, EVENTQ_AT) == EVENT;
}

static bool overflow_flag(struct rig *rig)
{
	faults(rig, 128);
	if (rig_read(rig, R_EVENTQ_PROD) & EVENTQ_OVFLG)
		return false;
	faults(rig, 2);
	return rig_read(rig, R_EVENTQ_PROD) == (EVENTQ_OVFLG | 128);
}

static bool overflow_again(struct rig *rig)
{
	faults(rig, 129);
	rig_write(rig, R_EVENTQ_CONS, EVENTQ_OVFLG);
	faults(rig, 1);
	return rig_read(rig, R_EVENTQ_PROD) == 128;
}

static bool overflow_is_no_error(struct rig *rig)
{
	faults(rig, 129);
	return !active(rig);
}

static bool overflow_then_room(struct rig *rig)
{
	faults(rig, 129);
	rig_write(rig, R_EVENTQ_CONS, 1);
	faults(rig, 1);
	return rig_read(rig, R_EVENTQ_PROD) == (EVENTQ_OVFLG | 129);
}

static bool not_enabled(struct rig *rig)
{
	rig_write(rig, R_CR0, CR0_SMMUEN | CR0_CMDQEN);
	faults(rig, 200);
	return !rig_read(rig, R_EVENTQ_PROD) && !active(rig);
}

static void break_eventq(struct rig *rig)
{
	rig_write(rig, R_CR0, CR0_SMMUEN | CR0_CMDQEN);
	nb_smmuv3_write(rig->smmu, R_EVENTQ_BASE, BIT64(40) | 7, 8);
	rig_write(rig, R_CR0, CR0_SMMUEN | CR0_CMDQEN | CR0_EVENTQEN);
	faults(rig, 2);
}

static bool eventq_abort(struct rig *rig)
{
	break_eventq(rig);
	return active(rig) == GERROR_EVENTQ_ABT && !rig_read(rig, R_EVENTQ_PROD);
}

static bool eventq_abort_acked(struct rig *rig)
{
	break_eventq(rig);
	rig_write(rig, R_GERRORN, GERROR_EVENTQ_ABT);
	if (active(rig))
		return false;
	faults(rig, 1);
	return active(rig) == GERROR_EVENTQ_ABT && rig_read(rig, R_GERROR) == 0;
}

static void queue_bad(struct rig *rig)
{
	rig_queue(rig, CMD_SYNC, 0);
	rig_queue(rig, ILLEGAL_COMMAND, 0);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
}

static bool ill_stops(struct rig *rig)
{
	queue_bad(rig);
	return active(rig) == GERROR_CMDQ && rig_read(rig, R_CMDQ_CONS) == (CERROR_ILL << 24 | 1);
}

static bool ill_ignores_doorbell(struct rig *rig)
{
	queue_bad(rig);
	rig_poke(rig, CMDQ_AT + 16, CMD_SYNC);
	rig_ring(rig);
	return rig_read(rig, R_CMDQ_CONS) == (CERROR_ILL << 24 | 1);
}

static bool ill_repaired(struct rig *rig)
{
	queue_bad(rig);
	rig_poke(rig, CMDQ_AT + 16, CMD_SYNC);
	rig_write(rig, R_GERRORN, GERROR_CMDQ);
	return !active(rig) && (rig_read(rig, R_CMDQ_CONS) & Q_POINTER) == 3;
}

static bool ill_not_repaired(struct rig *rig)
{
	queue_bad(rig);
	rig_write(rig, R_GERRORN, GERROR_CMDQ);
	return active(rig) == GERROR_CMDQ && rig_read(rig, R_GERROR) == 0;
}

static bool cmdq_abort(struct rig *rig)
{
	rig_write(rig, R_CR0, CR0_SMMUEN);
	nb_smmuv3_write(rig->smmu, R_CMDQ_BASE, BIT64(40) | 8, 8);
	rig_write(rig, R_CR0, CR0_SMMUEN | CR0_CMDQEN);
	rig_write(rig, R_CMDQ_PROD, 1);
	return active(rig) == GERROR_CMDQ && rig_read(rig, R_CMDQ_CONS) == CERROR_ABT << 24;
}

static bool gerror_interrupt(struct rig *rig)
{
	queue_bad(rig);
	return rig->gerrors == 1;
}

static bool gerror_no_interrupt(struct rig *rig)
{
	rig_write(rig, R_IRQ_CTRL, 0);
	queue_bad(rig);
	return !rig->gerrors && active(rig) == GERROR_CMDQ;
}

static bool gerrorn_of_nothing(struct rig *rig)
{
	rig_write(rig, R_GERRORN, GERROR_ALL);
	return !active(rig);
}

static bool event_interrupt(struct rig *rig)
{
	faults(rig, 1);
	return rig->events == 1;
}

static bool event_no_interrupt(struct rig *rig)
{
	rig_write(rig, R_IRQ_CTRL, IRQ_CTRL_GERROR);
	faults(rig, 1);
	return !rig->events && rig_event_count(rig) == 1;
}

static void configure_message(struct rig *rig, uint64_t cfg0, uint64_t to)
{
	rig_write(rig, R_IRQ_CTRL, 0);
	nb_smmuv3_write(rig->smmu, cfg0, to, 8);
	rig_write(rig, cfg0 + 8, 55);
	rig_write(rig, R_IRQ_CTRL, IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ);
}

static bool event_message(struct rig *rig)
{
	configure_message(rig, R_EVENTQ_IRQ_CFG0, RAM(DATA_AT));
	faults(rig, 1);
	return *rig_at(rig, DATA_AT) == 55 && !rig->events;
}

static bool event_message_aborts(struct rig *rig)
{
	configure_message(rig, R_EVENTQ_IRQ_CFG0, BIT64(40));
	faults(rig, 1);
	return active(rig) == GERROR_MSI_EVENTQ_ABT && rig->gerrors == 1 &&
	       rig_event_count(rig) == 1;
}

static bool gerror_message(struct rig *rig)
{
	configure_message(rig, R_GERROR_IRQ_CFG0, RAM(DATA_AT));
	queue_bad(rig);
	return *rig_at(rig, DATA_AT) == 55 && !rig->gerrors;
}

static bool gerror_message_aborts(struct rig *rig)
{
	configure_message(rig, R_GERROR_IRQ_CFG0, BIT64(40));
	queue_bad(rig);
	return active(rig) == (GERROR_CMDQ | GERROR_MSI_GERROR_ABT) && !rig->gerrors;
}

static bool sync_message_aborts(struct rig *rig)
{
	rig_queue(rig, CMD_SYNC | CMD_CS_IRQ << 12, BIT64(40));
	rig_ring(rig);
	return active(rig) == GERROR_MSI_CMDQ_ABT && rig_read(rig, R_CMDQ_CONS) == 1;
}

static bool merges(struct rig *rig)
{
	rig_s1(rig);
	rig_poke(rig, STE(1), STE_1_MEV);
	rig_poke(rig, PTE3, 0);
	rig_pa(rig, RIG_VA, NB_DMA_READ);
	rig_pa(rig, RIG_VA, NB_DMA_READ);
	if (rig_event_count(rig) != 1)
		return false;
	rig_pa(rig, RIG_VA, NB_DMA_WRITE);
	return rig_event_count(rig) == 2;
}

static bool merges_not(struct rig *rig)
{
	rig_s1(rig);
	rig_poke(rig, PTE3, 0);
	rig_pa(rig, RIG_VA, NB_DMA_READ);
	rig_pa(rig, RIG_VA, NB_DMA_READ);
	return rig_event_count(rig) == 2;
}

/* Stage 1 with nothing mapped at RIG_VA: what the access comes to, and the record's word 1. */
static int verdict_of(struct rig *rig, uint64_t cd0, uint64_t ste1, uint64_t *word)
{
	struct dma_span span;
	int verdict;

	rig_s1(rig);
	rig_poke(rig, CD(0), cd0);
	rig_poke(rig, STE(1), ste1);
	rig_poke(rig, PTE3, 0);
	verdict = rig_translate_sid(rig, RIG_SID, RIG_VA, NB_DMA_READ, &span);
	*word = rig_event_count(rig) == 1 ? *rig_at(rig, EVENTQ_AT + 8) : 0;
	return verdict;
}

static bool a_aborts(struct rig *rig)
{
	uint64_t word;

	return verdict_of(rig, CD0, 0, &word) == NB_SMMUV3_ABORT && word == (RNW | IN);
}

static bool not_a_razes(struct rig *rig)
{
	uint64_t word;

	return verdict_of(rig, CD0 & ~CD_0_A, 0, &word) == NB_SMMUV3_RAZ_WI && word == (RNW | IN);
}

static bool s_stalls(struct rig *rig)
{
	uint64_t word;

	return verdict_of(rig, CD0 | CD_0_S, 0, &word) == NB_SMMUV3_STALLED &&
	       (word & ~EVT_1_STAG) == (EVT_1_STALL | RNW | IN);
}

static bool s_without_r_records(struct rig *rig)
{
	uint64_t word;

	return verdict_of(rig, (CD0 | CD_0_S) & ~CD_0_R, 0, &word) == NB_SMMUV3_STALLED &&
	       (word & EVT_1_STALL);
}

static bool not_s_terminates(struct rig *rig)
{
	uint64_t word;

	return verdict_of(rig, CD0, 0, &word) == NB_SMMUV3_ABORT && !(word & EVT_1_STALL);
}

/* The answer to a stall, and what the access then comes to. */
static int after(struct rig *rig, uint64_t op, uint32_t sid)
{
	struct dma_span span;
	uint64_t word;

	verdict_of(rig, CD0 | CD_0_S, 0, &word);
	rig_poke(rig, PTE3, S1_PAGE(RAM(DATA_AT)));
	rig_cmd(rig, op | (uint64_t)sid << 32, word & EVT_1_STAG);
	return rig_translate_sid(rig, RIG_SID, RIG_VA, NB_DMA_READ, &span);
}

static bool retried(struct rig *rig)
{
	return after(rig, CMD_RESUME | CMD_0_RESUME_AC, RIG_SID) == NB_SMMUV3_OK;
}

static bool aborted(struct rig *rig)
{
	return after(rig, CMD_RESUME | CMD_0_RESUME_AB, RIG_SID) == NB_SMMUV3_ABORT;
}

static bool razed(struct rig *rig)
{
	return after(rig, CMD_RESUME, RIG_SID) == NB_SMMUV3_RAZ_WI;
}

static bool razed_not(struct rig *rig)
{
	return after(rig, CMD_RESUME, RIG_SID) == NB_SMMUV3_ABORT;
}

static bool other_stream(struct rig *rig)
{
	return after(rig, CMD_RESUME | CMD_0_RESUME_AC, RIG_SID + 1) == NB_SMMUV3_STALLED;
}

static bool terminated(struct rig *rig)
{
	return after(rig, CMD_STALL_TERM, RIG_SID) == NB_SMMUV3_ABORT;
}

static bool fixed_is_not_retried(struct rig *rig)
{
	return after(rig, CMD_TLBI_NSNH_ALL, 0) == NB_SMMUV3_STALLED;
}

#define CFGI (CMD_CFGI_STE | (uint64_t)RIG_SID << 32)

/* A stream whose STE was used, and then made invalid: a CFGI shows. */
static bool stale(struct rig *rig)
{
	if (rig_pa(rig, RIG_VA, NB_DMA_READ) != RAM(DATA_AT))
		return false;
	rig_poke(rig, STE(0), 0);
	return rig_pa(rig, RIG_VA, NB_DMA_READ) == RAM(DATA_AT);
}

static bool prod_comes_after(struct rig *rig)
{
	rig_s1(rig);
	if (!stale(rig))
		return false;
	rig_queue(rig, CFGI, 0);
	if (rig_pa(rig, RIG_VA, NB_DMA_READ) != RAM(DATA_AT) || rig_read(rig, R_CMDQ_CONS))
		return false;
	rig_ring(rig);
	return rig_read(rig, R_CMDQ_CONS) == 1 && rig_pa(rig, RIG_VA, NB_DMA_READ) == RIG_ABORT;
}

static bool prod_covers_one(struct rig *rig)
{
	rig_s1(rig);
	if (!stale(rig))
		return false;
	rig_queue(rig, CMD_SYNC, 0);
	rig_queue(rig, CFGI, 0);
	rig_write(rig, R_CMDQ_PROD, 1);
	if (rig_read(rig, R_CMDQ_CONS) != 1 || rig_pa(rig, RIG_VA, NB_DMA_READ) != RAM(DATA_AT))
		return false;
	rig_ring(rig);
	return rig_read(rig, R_CMDQ_CONS) == 2 && rig_pa(rig, RIG_VA, NB_DMA_READ) == RIG_ABORT;
}

static bool rewritten_before_prod(struct rig *rig)
{
	rig_queue(rig, ILLEGAL_COMMAND, 0);
	rig->cmdq_prod = 0;
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	return rig_read(rig, R_CMDQ_CONS) == 1 && !active(rig);
}

static bool rewritten_after_cons(struct rig *rig)
{
	rig_cmd(rig, CMD_TLBI_NSNH_ALL, 0);
	rig_poke(rig, CMDQ_AT, ILLEGAL_COMMAND);
	rig_poke(rig, CMDQ_AT + 16, ILLEGAL_COMMAND);
	rig_cmd(rig, CMD_TLBI_NSNH_ALL, 0);
	return rig_read(rig, R_CMDQ_CONS) == 4 && !active(rig);
}

/* Counts the event interrupts that find a whole record, and EVENTQ_PROD beyond it. */
static void whole_record(void *ctx, enum nb_smmuv3_irq irq)
{
	struct rig *rig = ctx;

	if (irq == NB_SMMUV3_IRQ_EVENTQ && rig_read(rig, R_EVENTQ_PROD) == rig->events + 1 &&
		*rig_at(rig, EVENTQ_AT + 32 * rig->events) == EVENT)
		rig->events++;
}

static const struct nb_smmuv3_ops whole_record_ops = { .size = sizeof(whole_record_ops),
	.irq = whole_record };

static bool record_before_interrupt(struct rig *rig)
{
	faults(rig, 3);
	return rig->events == 3;
}

/* What PROD does not cover is not the SMMU's business: nor what comes after it. */
static bool record_alone(struct rig *rig)
{
	rig_poke(rig, EVENTQ_AT + 32, 0x1234);
	faults(rig, 1);
	return rig_read(rig, R_EVENTQ_PROD) == 1 && *rig_at(rig, EVENTQ_AT) == EVENT &&
	       *rig_at(rig, EVENTQ_AT + 32) == 0x1234;
}

static bool cons_gives_it_back(struct rig *rig)
{
	faults(rig, 1);
	rig_write(rig, R_EVENTQ_CONS, 1);
	rig_poke(rig, EVENTQ_AT, 0x1234);
	faults(rig, 127);
	return rig_read(rig, R_EVENTQ_PROD) == 128 && *rig_at(rig, EVENTQ_AT) == 0x1234;
}

#define STALLS .hw.stall_model = NB_SMMUV3_STALL_ALLOWED

static const struct row rows[] = {
	{ "IHI 3.12.1", "A 1: aborts", a_aborts },
	{ "IHI 3.12.1", "A 0, TERM_MODEL 0: RAZ/WI", not_a_razes, .hw.raz_wi = true },
	{ "IHI 3.12.2", "S 1: stalls", s_stalls, STALLS },
	{ "IHI 3.12.2", "S 1, R 0: recorded", s_without_r_records, STALLS },
	{ "IHI 3.12.2", "S 0: terminates", not_s_terminates, STALLS },
	{ "IHI 3.12.2", "waits for its command, not for its page", fixed_is_not_retried, STALLS },
	{ "IHI 4.6.1", "RESUME of a stall: retry", retried, STALLS },
	{ "IHI 4.6.1", "RESUME of a stall: abort", aborted, STALLS },
	{ "IHI 4.6.1", "RESUME of a stall: RAZ/WI", razed, STALLS, .hw.raz_wi = true },
	{ "IHI 4.6.1", "RESUME of a stall: TERM_MODEL 1 aborts", razed_not, STALLS },
	{ "IHI 4.6.1", "RESUME of a stall: another StreamID (UNPREDICTABLE): ignored", other_stream,
		STALLS },
	{ "IHI 4.6.2", "STALL_TERM of a stall", terminated, STALLS },
	{ "IHI 3.5.1", "the event queue holds all its entries", full_keeps_records },
	{ "IHI 3.5.1", "the event queue wraps", wraps },
	{ "IHI 3.5.2", "a command is seen once PROD covers it", prod_comes_after },
	{ "IHI 3.5.2", "PROD covers one of two commands", prod_covers_one },
	{ "IHI 3.5.2", "a command may be rewritten until PROD covers it", rewritten_before_prod },
	{ "IHI 3.5.2", "an entry that CONS passed is software's", rewritten_after_cons },
	{ "IHI 3.5.2", "a record is whole, and PROD beyond it, at its interrupt",
		record_before_interrupt, .hw.ops = &whole_record_ops },
	{ "IHI 3.5.2", "a record is written alone", record_alone },
	{ "IHI 3.5.2", "a record that CONS passed is software's", cons_gives_it_back },
	{ "IHI 3.5.3", "full: what comes is lost", full_keeps_records },
	{ "IHI 3.5.5", "MEV: equal records merge, others do not", merges },
	{ "IHI 7.3.1", "without MEV each is recorded", merges_not },
	{ "IHI 7.1", "CERROR_ILL: CONS stays at the command", ill_stops },
	{ "IHI 7.1", "CERROR_ILL: nothing is consumed until it is acknowledged",
		ill_ignores_doorbell },
	{ "IHI 7.1", "acknowledged, the command is fetched anew", ill_repaired },
	{ "IHI 7.1", "acknowledged, and still illegal", ill_not_repaired },
	{ "IHI 7.1", "CERROR_ABT", cmdq_abort },
	{ "IHI 7.2", "disabled: nothing is recorded", not_enabled },
	{ "IHI 7.2", "EVENTQ_ABT: PROD stays", eventq_abort },
	{ "IHI 7.2", "EVENTQ_ABT: acknowledged, records are written again", eventq_abort_acked },
	{ "IHI 7.4", "OVFLG toggles once", overflow_flag },
	{ "IHI 7.4", "OVFLG toggles back once it was acknowledged", overflow_again },
	{ "IHI 7.4", "overflow is no global error", overflow_is_no_error },
	{ "IHI 7.4", "room: recorded, though the overflow is not acknowledged",
		overflow_then_room },
	{ "IHI 7.5", "CMDQ_ERR raises the interrupt", gerror_interrupt },
	{ "IHI 7.5", "active without its interrupt", gerror_no_interrupt },
	{ "IHI 7.5", "GERRORN of what is not active (UNPREDICTABLE): ignored", gerrorn_of_nothing },
	{ "IHI 7.5", "MSI_EVENTQ_ABT", event_message_aborts, .hw.msi = true },
	{ "IHI 7.5", "MSI_GERROR_ABT raises none itself", gerror_message_aborts, .hw.msi = true },
	{ "IHI 7.5", "MSI_CMDQ_ABT: the SYNC is complete", sync_message_aborts, .hw.msi = true },
	{ "IHI 3.18", "event queue: a wire", event_interrupt },
	{ "IHI 3.18", "event queue: not enabled", event_no_interrupt },
	{ "IHI 3.18", "event queue: a message", event_message, .hw.msi = true },
	{ "IHI 3.18", "GERROR: a message", gerror_message, .hw.msi = true },
};

static bool holds(const struct row *row)
{
	struct rig rig;
	bool ok;

	rig_create(&rig, row->hw);
	rig_enable(&rig);
	ok = row->holds(&rig);
	rig_finish(&rig);
	return ok;
}

int main(int argc, char **argv)
{
	bool list = argc == 2 && !strcmp(argv[1], "--list");
	unsigned i, failed = 0;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		if (list) {
			printf("%s\t%s\n", rows[i].section, rows[i].what);
		} else if (!holds(&rows[i])) {
			printf("  row %u: %s: %s\n", i, rows[i].section, rows[i].what);
			failed++;
		}
	}
	if (!list)
		printf("%zu rows, %u of them do not hold\n", ARRAY_LEN(rows), failed);
	return failed ? 1 : 0;
}
