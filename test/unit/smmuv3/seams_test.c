/* SPDX-License-Identifier: MIT */
/* Where parts of the model meet: stalls, RAZ/WI, DMA, batches, ATS, and callbacks that call back. */
#include "rig.h"

#define PAGE_VA(i) (RIG_VA + ((uint64_t)(i) << 12))

static struct nb_smmuv3_port *port_of(const struct rig *rig)
{
	return smmuv3_port_of(rig->port);
}

/* Three pages at RIG_VA, the middle one not mapped; CD.A, R and S as cd0 says. */
static void hole(struct rig *rig, const struct nb_smmuv3_config *config, uint64_t cd0)
{
	rig_create(rig, *config);
	rig_enable(rig);
	rig_s1(rig);
	rig_poke(rig, CD_AT, cd0);
	rig_poke(rig, S1_L3 + 8 * 5, S1_PAGE(RAM(DATA_AT + 0x2000)));
}

static void fill_hole(struct rig *rig)
{
	rig_poke(rig, S1_L3 + 8 * 4, S1_PAGE(RAM(DATA_AT + 0x1000)));
}

/* DMA over what is terminated by RAZ/WI: zeros in the middle, the rest as it is; an event for it. */
static void test_dma_raz_wi(void **state)
{
	struct nb_smmuv3_txn at = { .iova = NB_IOVA(PAGE_VA(0)) };
	uint8_t buf[3 << 12];
	struct rig rig;
	size_t done;

	hole(&rig, &(struct nb_smmuv3_config){ .raz_wi = true }, CD0 & ~CD_0_A);
	memset(rig.ram + DATA_AT, 0x11, 3 << 12);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(
		nb_smmuv3_dma_read(port_of(&rig), &at, buf, sizeof(buf), &done), NB_SMMUV3_OK);
	assert_int_equal(done, sizeof(buf));
	assert_int_equal(buf[0xfff], 0x11);
	assert_int_equal(buf[0x1000], 0);
	assert_int_equal(buf[0x1fff], 0);
	assert_int_equal(buf[0x2000], 0x11);
	memset(buf, 0x22, sizeof(buf));
	assert_int_equal(
		nb_smmuv3_dma_write(port_of(&rig), &at, buf, sizeof(buf), &done), NB_SMMUV3_OK);
	assert_int_equal(rig.ram[DATA_AT + 0xfff], 0x22);
	assert_int_equal(rig.ram[DATA_AT + 0x1000], 0x11);
	assert_int_equal(rig.ram[DATA_AT + 0x2000], 0x22);
	assert_int_equal(rig_event_count(&rig), 2);
	rig_finish(&rig);
}

/* DMA stops where it stalls, and goes on from there once the page is there. */
static void test_dma_stall(void **state)
{
	struct nb_smmuv3_config config = { .stall_model = NB_SMMUV3_STALL_ALLOWED };
	struct nb_smmuv3_txn at = { .iova = NB_IOVA(PAGE_VA(0)) };
	uint64_t record[EVT_WORDS];
	uint8_t buf[3 << 12];
	struct rig rig;
	size_t done;

	hole(&rig, &config, CD0 | CD_0_S);
	assert_int_equal(
		nb_smmuv3_dma_read(port_of(&rig), &at, buf, sizeof(buf), &done), NB_SMMUV3_STALLED);
	assert_int_equal(done, 0x1000);
	/* Asked again, from the start or from where it was: the same, and no second event. */
	assert_int_equal(
		nb_smmuv3_dma_read(port_of(&rig), &at, buf, sizeof(buf), &done), NB_SMMUV3_STALLED);
	assert_int_equal(done, 0x1000);
	rig_event(&rig, record);
	assert_int_equal(record[2], PAGE_VA(1));
	assert_int_equal(rig_event_count(&rig), 0);
	fill_hole(&rig);
	rig_cmd(&rig, CMD_RESUME | CMD_0_RESUME_AC | (uint64_t)RIG_SID << 32,
		record[1] & EVT_1_STAG);
	at.iova = NB_IOVA(PAGE_VA(1));
	assert_int_equal(nb_smmuv3_dma_read(port_of(&rig), &at, buf, 2 << 12, &done), NB_SMMUV3_OK);
	assert_int_equal(done, 2 << 12);
	rig_finish(&rig);
}

/* A batch ends at the stall; ATS requests and translated accesses of the stream know nothing of it. */
static void test_batch_stall_ats(void **state)
{
	struct nb_smmuv3_config config = { .stall_model = NB_SMMUV3_STALL_ALLOWED, .ats = true };
	const nb_iova iova[] = { NB_IOVA(PAGE_VA(0)), NB_IOVA(PAGE_VA(1)), NB_IOVA(PAGE_VA(2)) };
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(PAGE_VA(1)), .flags = NB_READ };
	enum nb_smmuv3_verdict verdict = NB_SMMUV3_OK;
	struct nb_smmuv3_ats_entry entry;
	struct nb_smmuv3_span span[3];
	struct rig rig;

	hole(&rig, &config, CD0 | CD_0_S);
	rig_poke(&rig, STRTAB_AT + 64 * RIG_SID + 8, field_prep(STE_1_EATS, STE_EATS_TRANS));
	nb_smmuv3_enter(port_of(&rig));
	assert_int_equal(
		nb_smmuv3_translate_batch(port_of(&rig), NB_READ, 0, iova, span, 3, &verdict), 1);
	assert_int_equal(verdict, NB_SMMUV3_STALLED);
	assert_int_equal(nb_smmuv3_ats_request(port_of(&rig), &txn, &entry), NB_SMMUV3_ATS_SUCCESS);
	assert_false(entry.read || entry.write);
	txn.flags |= NB_TRANSLATED;
	assert_int_equal(nb_smmuv3_translate(port_of(&rig), &txn, span), NB_SMMUV3_OK);
	assert_int_equal(span[0].pa.v, PAGE_VA(1));
	txn.flags &= ~NB_TRANSLATED;
	assert_int_equal(nb_smmuv3_translate(port_of(&rig), &txn, span), NB_SMMUV3_STALLED);
	nb_smmuv3_leave(port_of(&rig));
	assert_int_equal(rig_event_count(&rig), 1);
	rig_finish(&rig);
}

/* Callbacks are called with no lock held: they may do all that anybody may. */
struct caller {
	struct rig rig; /* first: ctx */
	unsigned depth, irqs, invs, resps;
};

static void put_sync(struct caller *caller)
{
	rig_queue(&caller->rig, CMD_SYNC | CMD_CS_IRQ << 12, 0);
	rig_ring(&caller->rig);
}

static void on_irq(void *ctx, enum nb_smmuv3_irq irq)
{
	struct caller *caller = ctx;

	if (irq != NB_SMMUV3_IRQ_SYNC)
		return;
	rig_read(&caller->rig, R_CMDQ_CONS);
	if (++caller->irqs < 5)
		put_sync(caller);
}

static void on_atc_inv(void *ctx, const struct nb_smmuv3_atc_inv *inv)
{
	struct caller *caller = ctx;

	/* Deliveries do not nest: what the doorbell adds comes after. */
	assert_int_equal(caller->depth++, 0);
	if (++caller->invs < 5)
		rig_queue(&caller->rig, CMD_ATC_INV | (uint64_t)RIG_SID << 32, 52);
	rig_ring(&caller->rig);
	nb_smmuv3_atc_inv_done(caller->rig.smmu, inv->itag);
	rig_read(&caller->rig, R_CMDQ_CONS);
	caller->depth--;
}

static void on_pri_resp(void *ctx, const struct nb_smmuv3_pri_resp *resp)
{
	struct caller *caller = ctx;

	/* In the order of the commands: the invalidation before it was delivered. */
	assert_int_equal(caller->depth, 0);
	assert_true(caller->invs);
	caller->resps++;
	put_sync(caller);
}

static void test_callbacks_call(void **state)
{
	static const struct nb_smmuv3_ops ops = {
		.size = sizeof(ops), .irq = on_irq, .atc_inv = on_atc_inv, .pri_resp = on_pri_resp
	};
	struct caller caller = { .depth = 0 };
	struct rig *rig = &caller.rig;

	rig_create(rig, (struct nb_smmuv3_config){ .ats = true, .pri = true, .ops = &ops });
	rig_enable(rig);
	rig_queue(rig, CMD_ATC_INV | (uint64_t)RIG_SID << 32, 52);
	rig_queue(rig, CMD_PRI_RESP | (uint64_t)RIG_SID << 32, 2 << 12);
	rig_ring(rig);
	assert_int_equal(caller.invs, 5);
	assert_int_equal(caller.resps, 1);
	assert_int_equal(caller.irqs, 5);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), rig->cmdq_prod);
	assert_int_equal(rig_read(rig, R_GERROR), 0);
	rig_finish(rig);
}

/* CS = SIG_IRQ without an address is the wire, with MSIs too; without IDR0.MSI the address is not used. */
static void test_sync_wire(void **state)
{
	static const struct nb_smmuv3_ops ops = { .size = sizeof(ops), .irq = on_irq };
	const uint64_t sync = CMD_SYNC | CMD_CS_IRQ << 12 | UINT64_C(7) << 32;
	struct caller caller = { .irqs = 5 };
	struct rig *rig = &caller.rig;

	rig_create(rig, (struct nb_smmuv3_config){ .msi = true, .ops = &ops });
	rig_enable(rig);
	rig_cmd(rig, sync, 0);
	assert_int_equal(caller.irqs, 6);
	rig_cmd(rig, sync, RAM(DATA_AT));
	assert_int_equal(caller.irqs, 6);
	assert_int_equal(*rig_at(rig, DATA_AT), 7);
	rig_finish(rig);
	rig_create(rig, (struct nb_smmuv3_config){ .ops = &ops });
	caller.irqs = 6;
	rig_enable(rig);
	rig_cmd(rig, sync, RAM(DATA_AT));
	assert_int_equal(caller.irqs, 7);
	assert_int_equal(*rig_at(rig, DATA_AT), 0);
	rig_finish(rig);
}

/* With translation off: nothing stalls, ATS and PRI are refused, DMA goes by GBPA. */
static void test_off(void **state)
{
	struct nb_smmuv3_config config = { .stall_model = NB_SMMUV3_STALL_ALLOWED, .ats = true };
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(PAGE_VA(1)), .flags = NB_READ };
	struct nb_smmuv3_ats_entry entry;
	struct nb_smmuv3_span span;
	struct rig rig;

	hole(&rig, &config, CD0 | CD_0_S);
	nb_smmuv3_enter(port_of(&rig));
	assert_int_equal(nb_smmuv3_translate(port_of(&rig), &txn, &span), NB_SMMUV3_STALLED);
	nb_smmuv3_leave(port_of(&rig));
	rig_write(&rig, R_CR0, CR0_EVENTQEN | CR0_CMDQEN);
	nb_smmuv3_enter(port_of(&rig));
	/* 6.3.9.6: what was stalled is terminated; then it passes. */
	assert_int_equal(nb_smmuv3_translate(port_of(&rig), &txn, &span), NB_SMMUV3_ABORT);
	assert_int_equal(nb_smmuv3_translate(port_of(&rig), &txn, &span), NB_SMMUV3_OK);
	assert_int_equal(span.pa.v, PAGE_VA(1));
	assert_int_equal(
		nb_smmuv3_ats_request(port_of(&rig), &txn, &entry), NB_SMMUV3_ATS_UNSUPPORTED);
	txn.flags |= NB_TRANSLATED;
	assert_int_equal(nb_smmuv3_translate(port_of(&rig), &txn, &span), NB_SMMUV3_ABORT);
	nb_smmuv3_leave(port_of(&rig));
	rig_finish(&rig);
}

/* TLBIs by range that use up what a doorbell may look for: the CMD_SYNC behind them still completes. */
static void test_ranges_and_sync(void **state)
{
	const uint64_t tlbi = CMD_TLBI_NH_VA | (uint64_t)RIG_VMID << 32 | (uint64_t)RIG_ASID << 48;
	/* 4 KiB granule, NUM and SCALE: 2^17 pages, as many less 64, and 32 pages. */
	const uint64_t sizes[] = { 31 << 12 | 12 << 20, 30 << 12 | 12 << 20, 30 << 12 | 7 << 20,
		31 << 12 };
	struct rig rig;
	unsigned i;

	rig_create(&rig, (struct nb_smmuv3_config){ .msi = true });
	rig_enable(&rig);
	rig_s1(&rig);
	assert_int_equal(rig_pa(&rig, RIG_VA, NB_DMA_READ), RAM(DATA_AT));
	for (i = 0; i < 130; i++)
		rig_queue(&rig, tlbi | sizes[i % ARRAY_LEN(sizes)], RIG_VA | 1 << 10);
	rig_queue(&rig, CMD_SYNC | CMD_CS_IRQ << 12 | UINT64_C(7) << 32, RAM(DATA_AT + 0x4000));
	rig_ring(&rig);
	/* Not by CMDQ_CONS: to read it goes on with the queue. */
	assert_int_equal(*rig_at(&rig, DATA_AT + 0x4000), 7);
	rig_finish(&rig);
}

/* Whoever leaves completes the CMD_SYNC that waited for it: no register needs to be looked at. */
static void test_leave_completes(void **state)
{
	struct rig rig;

	rig_create(&rig, (struct nb_smmuv3_config){ .msi = true });
	rig_enable(&rig);
	nb_smmuv3_enter(port_of(&rig));
	rig_queue(&rig, CMD_TLBI_NSNH_ALL, 0);
	rig_queue(&rig, CMD_SYNC | CMD_CS_IRQ << 12 | UINT64_C(7) << 32, RAM(DATA_AT));
	rig_ring(&rig);
	assert_int_equal(*rig_at(&rig, DATA_AT), 0);
	nb_smmuv3_leave(port_of(&rig));
	assert_int_equal(*rig_at(&rig, DATA_AT), 7);
	/* And once more: nothing is left over. */
	nb_smmuv3_enter(port_of(&rig));
	rig_cmd(&rig, CMD_SYNC, 0);
	nb_smmuv3_leave(port_of(&rig));
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dma_raz_wi),
		cmocka_unit_test(test_dma_stall),
		cmocka_unit_test(test_batch_stall_ats),
		cmocka_unit_test(test_callbacks_call),
		cmocka_unit_test(test_sync_wire),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_ranges_and_sync),
		cmocka_unit_test(test_leave_completes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
