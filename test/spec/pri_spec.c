/* SPDX-License-Identifier: MIT */
/*
 * Page requests (IHI 0070 8) and CMD_PRI_RESP (4.5.2) as a table: the state of the queue, a request or
 * a command, and what is recorded and answered.
 */
#include <stdio.h>

#include "spec.h"

#define PRIQ_AT UINT64_C(0x30000)
#define CR0_ALL (CR0_SMMUEN | CR0_PRIQEN | CR0_EVENTQEN | CR0_CMDQEN)
#define PPAR	STE_1_PPAR
#define R	NB_READ
#define WR_	NB_WRITE
#define SSV(n)	.ssv = true, .ssid = (n)
#define ERR(n)	((n) + 1)

/* The queue when the request comes: it has four entries. */
enum queue {
	EMPTY,
	FILLED, /* one entry */
	FULL,
	OVERFLOW_, /* was full, an overflow is not acknowledged; one entry left in it */
	ACKED,	   /* likewise, acknowledged */
	NOWHERE,   /* its base is no memory */
	BROKEN,	   /* PRIQ_ABT_ERR is active */
	REPAIRED,  /* was, and is acknowledged */
};

struct row {
	const char *section, *what;
	enum queue queue;
	uint32_t flags;
	bool ssv, last;
	uint32_t ssid;
	uint16_t prgi;
	uint64_t iova, ste1;
	bool bad_ste, no_pri, no_ssids, lo;
	uint32_t cr0_off, cr2;
	/* What is recorded; 0: nothing. SID is RIG_SID. */
	uint64_t w0, w1;
	bool recorded, irq, overflow, gerror;
	uint8_t event;
	/* The answer: its code + 1. */
	unsigned answer;
	bool with_pasid;
	/* A command instead. */
	uint64_t cmd[2];
	unsigned error;
};

#define SUCCESS	  .answer = 1
#define INVALID	  .answer = 2
#define FAILURE	  .answer = 16
#define REC(a, b) .recorded = true, .w0 = (a), .w1 = (b)
#define PLAIN	  .flags = R, .last = true
#define PLAIN_REC REC(PPR_0_R | PPR_0_LAST, 0)

static const struct row rows[] = {
	/* The record. */
	{ "IHI 8", "R", EMPTY, .flags = R, REC(PPR_0_R, 0), .irq = true },
	{ "IHI 8", "W", EMPTY, .flags = WR_, REC(PPR_0_W, 0), .irq = true },
	{ "IHI 8", "R and W", EMPTY, .flags = R | WR_, REC(PPR_0_R | PPR_0_W, 0), .irq = true },
	{ "IHI 8", "Last", EMPTY, PLAIN, PLAIN_REC, .irq = true },
	{ "IHI 8", "PRGIndex", EMPTY, .flags = R, .prgi = 0x1ff, REC(PPR_0_R, 0x1ff), .irq = true },
	{ "IHI 8", "PRGIndex has nine bits", EMPTY, .flags = R, .prgi = 0xffff, REC(PPR_0_R, 0x1ff),
		.irq = true },
	{ "IHI 8", "page address", EMPTY, .flags = R, .iova = UINT64_C(0xffffffff12345678),
		REC(PPR_0_R, UINT64_C(0xffffffff12345000)), .irq = true },
	{ "IHI 8", "SSV, SubstreamID", EMPTY, .flags = R, SSV(9),
		REC(PPR_0_R | PPR_0_SSV | 9ull << 32, 0), .irq = true },
	{ "IHI 8", "SubstreamID 0", EMPTY, .flags = R, SSV(0), REC(PPR_0_R | PPR_0_SSV, 0),
		.irq = true },
	{ "IHI 8", "X", EMPTY, .flags = R | NB_INSN, SSV(1),
		REC(PPR_0_R | PPR_0_X | PPR_0_SSV | 1ull << 32, 0), .irq = true },
	{ "IHI 8", "Priv", EMPTY, .flags = R | NB_PRIV, SSV(1),
		REC(PPR_0_R | PPR_0_PRIV | PPR_0_SSV | 1ull << 32, 0), .irq = true },
	{ "IHI 8", "no PASID: no X, no Priv", EMPTY, .flags = R | NB_INSN | NB_PRIV,
		REC(PPR_0_R, 0), .irq = true },
	{ "IHI 8", "no substreams: SSV 0", EMPTY, .flags = R, SSV(1), .no_ssids = true,
		REC(PPR_0_R, 0), .irq = true },
	{ "IHI 3.9", "a PASID wider than SSIDSIZE is cut", EMPTY, .flags = R, SSV(0x13),
		REC(PPR_0_R | PPR_0_SSV | 3ull << 32, 0), .irq = true },
	{ "IHI 8", "stop marker", EMPTY, .last = true, SSV(2),
		REC(PPR_0_LAST | PPR_0_SSV | 2ull << 32, 0), .irq = true },
	{ "IHI 8", "LWR 0b100 without PASID: a request", EMPTY, .last = true, REC(PPR_0_LAST, 0),
		.irq = true },
	{ "IHI 8.2", "EATS and Config do not matter", EMPTY, PLAIN, .bad_ste = true, PLAIN_REC,
		.irq = true },

	/* Interrupts. */
	{ "IHI 6.3.38", "LO 0: not empty before", FILLED, PLAIN, PLAIN_REC },
	{ "IHI 6.3.38", "LO 1: Last", FILLED, PLAIN, .lo = true, PLAIN_REC, .irq = true },
	{ "IHI 6.3.38", "LO 1: not Last", EMPTY, .flags = R, .lo = true, REC(PPR_0_R, 0) },
	{ "IHI 6.3.38", "LO 1: Last, discarded by overflow", FULL, PLAIN, .lo = true, .irq = true,
		.overflow = true, SUCCESS },
	{ "IHI 6.3.38", "LO 1: Last, discarded otherwise", BROKEN, PLAIN, .lo = true, FAILURE },
	{ "IHI 6.3.38", "LO 0: overflow", FULL, PLAIN, .overflow = true, SUCCESS },

	/* Overflow. */
	{ "IHI 8.1", "full: Last", FULL, PLAIN, .overflow = true, SUCCESS },
	{ "IHI 8.1", "full: not Last", FULL, .flags = R, .overflow = true },
	{ "IHI 8.1", "full: PRGIndex of the answer", FULL, PLAIN, .prgi = 77, .overflow = true,
		SUCCESS },
	{ "IHI 8.1", "overflow inhibits entries although there is room", OVERFLOW_, PLAIN,
		.overflow = true, SUCCESS },
	{ "IHI 8.1", "overflow, not Last", OVERFLOW_, .flags = R, .overflow = true },
	{ "IHI 8.1", "overflow acknowledged", ACKED, PLAIN, PLAIN_REC },
	{ "IHI 8.1", "stop marker: no answer", FULL, .last = true, SSV(1), .overflow = true },
	{ "IHI 8.1", "LWR 0b100 without PASID is answered", FULL, .last = true, .overflow = true,
		SUCCESS },
	{ "IHI 8.1", "PASID, PPAR 0: no PASID in the answer", FULL, PLAIN, SSV(1), .overflow = true,
		SUCCESS },
	{ "IHI 8.1", "PASID, PPAR 1: the same PASID", FULL, PLAIN, SSV(1), .ste1 = PPAR,
		.overflow = true, SUCCESS, .with_pasid = true },
	{ "IHI 8.1", "no PASID: PPAR is not looked at", FULL, PLAIN, .ste1 = PPAR, .overflow = true,
		SUCCESS },
	{ "IHI 8.1", "no PASID: nor is the STE", FULL, PLAIN, .bad_ste = true,
		.cr2 = CR2_REC_CFG_ATS, .overflow = true, SUCCESS },
	{ "IHI 8.1", "PASID, STE ILLEGAL", FULL, PLAIN, SSV(1), .bad_ste = true, .overflow = true,
		FAILURE },
	{ "IHI 8.1", "PASID, STE ILLEGAL, REC_CFG_ATS", FULL, PLAIN, SSV(1), .bad_ste = true,
		.cr2 = CR2_REC_CFG_ATS, .overflow = true, .event = EVT_C_BAD_STE, FAILURE },
	{ "IHI 8.1", "no substreams: no PASID, PPAR unused", FULL, PLAIN, SSV(1), .ste1 = PPAR,
		.no_ssids = true, .overflow = true, SUCCESS },

	/* Disabled, and broken. */
	{ "IHI 8.2", "PRIQEN 0", EMPTY, PLAIN, .cr0_off = CR0_PRIQEN, FAILURE },
	{ "IHI 8.2", "PRIQEN 0, not Last", EMPTY, .flags = R, .cr0_off = CR0_PRIQEN, FAILURE },
	{ "IHI 8.2", "PRIQEN 0: no PASID in the answer", EMPTY, PLAIN, SSV(1), .ste1 = PPAR,
		.cr0_off = CR0_PRIQEN, FAILURE },
	{ "IHI 8.2", "PRIQEN 0: stop marker", EMPTY, .last = true, SSV(1), .cr0_off = CR0_PRIQEN },
	{ "IHI 8.2", "SMMUEN 0: the effective PRIQEN is 0", EMPTY, PLAIN, .cr0_off = CR0_SMMUEN,
		FAILURE },
	{ "IHI 6.3.1", "PRI 0", EMPTY, PLAIN, .no_pri = true, FAILURE },
	{ "IHI 8.2", "external abort: PRIQ_ABT_ERR", NOWHERE, PLAIN, .gerror = true, FAILURE },
	{ "IHI 8.2", "PRIQ_ABT_ERR active", BROKEN, PLAIN, FAILURE },
	{ "IHI 8.2", "PRIQ_ABT_ERR active: no PASID in the answer", BROKEN, PLAIN, SSV(1),
		.ste1 = PPAR, FAILURE },
	{ "IHI 8.2", "PRIQ_ABT_ERR active: stop marker", BROKEN, .last = true, SSV(1) },
	{ "IHI 8.2", "PRIQ_ABT_ERR acknowledged", REPAIRED, PLAIN, PLAIN_REC, .irq = true },

/* CMD_PRI_RESP. */
#define CMD(word0, word1) .cmd = { CMD_PRI_RESP | 5ull << 32 | (word0), (word1) }
	{ "IHI 4.5.2", "Resp 0b00: ResponseFailure", EMPTY, CMD(0, 0), FAILURE },
	{ "IHI 4.5.2", "Resp 0b01: InvalidRequest", EMPTY, CMD(0, 1 << 12), INVALID },
	{ "IHI 4.5.2", "Resp 0b10: Success", EMPTY, CMD(0, 2 << 12), SUCCESS },
	{ "IHI 4.5.2", "Resp 0b11: ILLEGAL", EMPTY, CMD(0, 3 << 12), .error = ERR(CERROR_ILL) },
	{ "IHI 4.5.2", "PRGIndex", EMPTY, CMD(0, 2 << 12 | 0x155), .prgi = 0x155, SUCCESS },
	{ "IHI 4.5.2", "SSV", EMPTY, CMD(CMD_0_SSV | 3 << 12, 2 << 12), .ssid = 3, SUCCESS,
		.with_pasid = true },
	{ "IHI 4.5.2", "SSV 0", EMPTY, CMD(3 << 12, 2 << 12), SUCCESS },
	{ "IHI 4.5.2", "SSV without substreams (UNPREDICTABLE): as 0", EMPTY,
		CMD(CMD_0_SSV | 3 << 12, 2 << 12), .no_ssids = true, SUCCESS },
	{ "IHI 4.5.2", "PRI 0: ILLEGAL", EMPTY, CMD(0, 2 << 12), .no_pri = true,
		.error = ERR(CERROR_ILL) },
	{ "IHI 4.5.2", "SSec 1: ILLEGAL", EMPTY, CMD(CMD_0_SSEC, 2 << 12),
		.error = ERR(CERROR_ILL) },
	{ "IHI 4.5.2", "SMMUEN 0: ignored", EMPTY, CMD(0, 2 << 12), .cr0_off = CR0_SMMUEN },
	{ "IHI 4.5.2", "PRIQEN does not matter", EMPTY, CMD(0, 2 << 12), .cr0_off = CR0_PRIQEN,
		SUCCESS },
};

static struct nb_smmuv3_pri_resp answer;
static unsigned answers, irqs;

static void pri_resp(void *ctx, const struct nb_smmuv3_pri_resp *resp)
{
	answer = *resp;
	answers++;
}

static void irq(void *ctx, enum nb_smmuv3_irq which)
{
	irqs += which == NB_SMMUV3_IRQ_PRIQ;
	rig_irq(ctx, which);
}

static void request(struct rig *rig)
{
	nb_smmuv3_page_request(rig->smmu,
		&(struct nb_smmuv3_page_request){ .sid = 3, .flags = NB_READ, .last = false });
}

static void repair(struct rig *rig)
{
	nb_smmuv3_write(rig->smmu, R_PRIQ_BASE, RAM(PRIQ_AT) | 2, 8);
	rig_write(rig, R_CR0, CR0_ALL);
}

static void prepare(struct rig *rig, enum queue queue)
{
	static const uint8_t requests[] = {
		[FILLED] = 1, [FULL] = 4, [OVERFLOW_] = 5, [ACKED] = 5, [BROKEN] = 1, [REPAIRED] = 1
	};
	unsigned i, n = queue < ARRAY_LEN(requests) ? requests[queue] : 0;

	if (queue >= NOWHERE)
		nb_smmuv3_write(rig->smmu, R_PRIQ_BASE, OUT_OF_RAM | 2, 8);
	rig_write(rig, R_CR0, CR0_ALL);
	for (i = 0; i < n; i++)
		request(rig);
	/* Three of the four are taken; the overflow flag is copied, or not. */
	if (queue == OVERFLOW_ || queue == ACKED)
		rig_write(rig, R_PRIQ_CONS, 3 | (queue == ACKED ? PRIQ_OVFLG : 0));
	if (queue == BROKEN || queue == REPAIRED) {
		rig_write(rig, R_CR0, CR0_ALL & ~CR0_PRIQEN);
		repair(rig);
	}
	if (queue == REPAIRED)
		rig_write(rig, R_GERRORN, rig_read(rig, R_GERROR));
}

static void build(struct rig *rig, const struct row *row)
{
	static const struct nb_smmuv3_ops ops = {
		.size = sizeof(ops), .irq = irq, .pri_resp = pri_resp
	};

	rig_create(rig, (struct nb_smmuv3_config){ .ats = true,
				.pri = !row->no_pri,
				.ssid_bits = row->no_ssids ? 0 : 4,
				.ops = &ops });
	rig_s1(rig);
	rig_poke(rig, STE(1), row->ste1);
	if (row->bad_ste)
		rig_poke(rig, STE(0), 0);
	rig_enable(rig);
	rig_write(rig, R_CR0, 0);
	rig_write(rig, R_CR2, row->cr2);
	nb_smmuv3_write(rig->smmu, R_PRIQ_BASE, RAM(PRIQ_AT) | 2, 8);
	rig_write(rig, R_PRIQ_IRQ_CFG2, row->lo ? PRIQ_IRQ_CFG2_LO : 0);
	rig_write(rig, R_IRQ_CTRL, IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ | IRQ_CTRL_PRIQ);
	prepare(rig, row->queue);
	rig_write(rig, R_CR0, CR0_ALL & ~row->cr0_off);
	irqs = answers = rig->gerrors = 0;
}

static int check_answer(const struct row *row)
{
	int bad = spec_differs("answers", answers, row->answer ? 1 : 0);

	if (bad || !answers)
		return bad;
	return spec_differs("answer", answer.code, row->answer - 1) +
	       spec_differs("SID of the answer", answer.sid, RIG_SID) +
	       spec_differs("PRGIndex of the answer", answer.prgi, row->prgi & 0x1ff) +
	       spec_differs("SSV of the answer", answer.ssv, row->with_pasid) +
	       spec_differs("SSID of the answer", answer.ssid, row->with_pasid ? row->ssid : 0);
}

static int check_command(struct rig *rig, const struct row *row)
{
	uint32_t cons;

	rig_queue(rig, row->cmd[0], row->cmd[1]);
	rig_ring(rig);
	cons = rig_read(rig, R_CMDQ_CONS);
	return spec_differs("CONS", cons & Q_POINTER, row->error ? 0 : 1) +
	       spec_differs(
		       "error", field_get(CMDQ_CONS_ERR, cons), row->error ? row->error - 1 : 0) +
	       check_answer(row);
}

static int check_request(struct rig *rig, const struct row *row)
{
	struct nb_smmuv3_page_request req = { .sid = RIG_SID,
		.ssid = row->ssid,
		.iova = NB_IOVA(row->iova),
		.flags = row->flags | (row->ssv ? NB_SSV : 0),
		.prgi = row->prgi,
		.last = row->last };
	uint32_t before = rig_read(rig, R_PRIQ_PROD), prod;
	uint64_t *at = rig_at(rig, PRIQ_AT + 16 * (before & 3));
	int bad;

	nb_smmuv3_page_request(rig->smmu, &req);
	prod = rig_read(rig, R_PRIQ_PROD);
	bad = spec_differs("recorded", (prod - before) & 7, row->recorded) +
	      spec_differs("overflow", (prod ^ rig_read(rig, R_PRIQ_CONS)) >> 31, row->overflow) +
	      spec_differs("interrupts", irqs, row->irq) +
	      spec_differs("GERROR", rig->gerrors, row->gerror) +
	      spec_differs("events", rig_event_count(rig), row->event != 0) + check_answer(row);
	if (row->recorded)
		bad += spec_differs("word 0", at[0], row->w0 | RIG_SID) +
		       spec_differs("word 1", at[1], row->w1);
	return bad;
}

static bool holds(const void *any)
{
	const struct row *row = any;
	struct rig rig;
	int bad;

	build(&rig, row);
	bad = row->cmd[0] ? check_command(&rig, row) : check_request(&rig, row);
	rig_finish(&rig);
	return !bad;
}

int main(int argc, char **argv)
{
	return spec_rows(argc, argv, rows, ARRAY_LEN(rows), sizeof(rows[0]), holds);
}
