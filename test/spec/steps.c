/* SPDX-License-Identifier: MIT */
/* The runner of rows that are sequences. */
#include "steps.h"

#include <stdio.h>

struct run {
	struct rig rig;
	struct nb_smmuv3_port *other;
	uint16_t stag; /* of the last access that stalled */
};

static unsigned sent;

static void atc_inv(void *ctx, const struct nb_smmuv3_atc_inv *inv)
{
	struct rig *rig = ctx;

	sent++;
	nb_smmuv3_atc_inv_done(rig->smmu, inv->itag);
}

static void build(struct run *r, const struct step_row *row)
{
	static const struct nb_smmuv3_ops ops = {
		.size = sizeof(ops), .irq = rig_irq, .atc_inv = atc_inv
	};
	struct nb_smmuv3_config hw = row->hw;
	struct rig *rig = &r->rig;

	sent = 0;
	hw.ops = &ops;
	rig_create(rig, hw);
	spec_tables(rig, row->base, NULL, 0);
	rig_ste(rig, OTHER, 0xb | RAM(OTHER_CD), 0, RIG_VMID, 0);
	rig_poke(rig, OTHER_CD, CD0);
	rig_poke(rig, OTHER_CD + 8, RAM(OTHER_L0));
	rig_poke(rig, OTHER_L0, TABLE(RAM(OTHER_L1)));
	rig_poke(rig, OTHER_L1 + 8 * 1, TABLE(RAM(OTHER_L2)));
	rig_poke(rig, OTHER_L2 + 8 * 2, TABLE(RAM(OTHER_L3)));
	rig_poke(rig, OTHER_L3 + 8 * 3, S1_PAGE(RAM(OTHER_DATA)));
	rig_enable(rig);
	if (hw.ats)
		rig_write(rig, R_CR0, CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN | CR0_ATSCHK);
	r->other = nb_smmuv3_port_create(rig->smmu, OTHER);
	nb_assert(r->other);
}

static int check_event(struct rig *rig, const struct step *step)
{
	uint64_t record[EVT_WORDS];
	int bad = spec_differs("events", rig_event_count(rig), step->event ? 1 : 0);

	if (bad || !step->event)
		return bad;
	rig_event(rig, record);
	bad += spec_differs("type", record[0] & EVT_0_TYPE, step->event);
	bad += spec_differs("StreamID", record[0] >> 32, step->sid ?: RIG_SID);
	if (step->event >= EVT_F_WALK_EABT)
		bad += spec_differs("InputAddr", record[2], step->at);
	if (step->w1)
		bad += spec_differs("word 1", record[1] & ~EVT_1_STAG, step->w1);
	return bad;
}

static struct nb_smmuv3_port *port_of_step(struct run *r, const struct step *step)
{
	return step->sid == OTHER ? r->other : smmuv3_port_of(r->rig.port);
}

static int access_as(struct run *r, const struct step *step)
{
	struct nb_smmuv3_txn txn = {
		.iova = NB_IOVA(step->at), .flags = step->flags ?: NB_READ, .ssid = step->ssid
	};
	struct nb_smmuv3_port *port = port_of_step(r, step);
	bool ok = step->kind == STEP_ACCESS_OK;
	struct nb_smmuv3_span span = { 0 };
	int verdict, bad;

	nb_smmuv3_enter(port);
	verdict = nb_smmuv3_translate(port, &txn, &span);
	nb_smmuv3_leave(port);
	r->stag = span.stag;
	bad = spec_differs("verdict", verdict, ok ? NB_SMMUV3_OK : step->verdict ?: NB_SMMUV3_ABORT);
	if (ok)
		bad += spec_differs("address", span.pa.v, step->value);
	return bad + check_event(&r->rig, step);
}

static int request_as(struct run *r, const struct step *step)
{
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(step->at), .flags = step->flags | NB_READ };
	struct nb_smmuv3_ats_entry entry = { 0 };
	bool ok = step->kind == STEP_REQUEST_OK;
	int bad, status;

	status = nb_smmuv3_ats_request(port_of_step(r, step), &txn, &entry);
	bad = spec_differs("status", status, ok ? NB_SMMUV3_ATS_SUCCESS : step->value);
	if (ok)
		bad += spec_differs("address", entry.pa.v, step->value) +
		       spec_differs("readable", entry.read, true);
	return bad + check_event(&r->rig, step);
}

static int take(struct run *r, const struct step *step)
{
	struct rig *rig = &r->rig;

	switch (step->kind) {
	case STEP_PUT_WORD:
		rig_poke(rig, step->at, step->value);
		return 0;
	case STEP_WORD_IS:
		return spec_differs("word", *rig_at(rig, step->at), step->value);
	case STEP_COMMAND:
		rig_cmd(rig, step->at, step->value);
		return 0;
	case STEP_RESUME_LAST:
		rig_cmd(rig, CMD_RESUME | step->at | SID_OF(RIG_SID), r->stag);
		return 0;
	case STEP_REGISTER:
		rig_write(rig, step->at, step->value);
		return spec_differs("CR0ACK", rig_read(rig, R_CR0ACK), rig_read(rig, R_CR0));
	case STEP_SENT_IS:
		return spec_differs("ATC invalidations", sent, step->value);
	case STEP_REQUEST_OK:
	case STEP_REQUEST_FAILS:
		return request_as(r, step);
	default:
		return access_as(r, step);
	}
}

static bool holds(const void *any)
{
	const struct step_row *row = any;
	struct run r = { 0 };
	unsigned i;
	int bad = 0;

	build(&r, row);
	for (i = 0; i < ARRAY_LEN(row->step) && row->step[i].kind != STEP_END && !bad; i++) {
		bad = take(&r, &row->step[i]);
		if (bad)
			printf("    at step %u\n", i);
	}
	nb_smmuv3_port_destroy(r.other);
	rig_finish(&r.rig);
	return !bad;
}

int steps_main(int argc, char **argv, const struct step_row *rows, size_t n)
{
	return spec_rows(argc, argv, rows, n, sizeof(*rows), holds);
}
