/* SPDX-License-Identifier: MIT */
/*
 * The engine behind an IOMMU that stalls. A life of a channel (descriptors, copies, fills, status words,
 * interrupts, an error) is led once without a stall; then once for each translation there is, which
 * stalls and is answered. Memory and registers must be the same at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bits.h"
#include "rig.h"
#include "tlb/port.h"

#define RUN   (IOAT_CHANCTRL_REARM | IOAT_CHANCTRL_ERR_COMPLETION | IOAT_CHANCTRL_ERR_INT)
#define DATA  40000
#define DESCS 6
#define PASID 0x54321

enum answer {
	RETRY,
	ABORT
};

enum message {
	MSIX,
	MSI,
	MSI_PLAIN, /* cannot be masked */
	MESSAGES
};

/* What is to happen to a life. */
struct plan {
	enum message message;
	unsigned nth;	    /* the transaction that stalls, 0: none */
	bool at_once;	    /* it aborts instead, without a stall */
	bool every;	    /* each stalls once */
	enum answer answer; /* to what stalls */
};

struct life {
	struct rig rig;
	struct port port;
	struct plan plan;
	unsigned asked; /* transactions so far */
	bool waits;	/* one is stalled, and there is no answer yet */
	bool answered;
	struct dma_txn stalled;
	unsigned forgotten;
	uint64_t passed[512]; /* of `every`: have stalled before */
	unsigned n_passed, stalls;

	struct ioat_desc *ring;
	volatile uint64_t *status;
	uint8_t *src, *dst;
	volatile uint32_t *bell;
	uint32_t bells; /* all that came, in order */
};

static uint64_t at(const struct life *l, const volatile void *p)
{
	return rig_iova(&l->rig, (const void *)p);
}

static bool same(const struct dma_txn *a, const struct dma_txn *b)
{
	return a->iova.v == b->iova.v && a->prot == b->prot && a->ssid_valid == b->ssid_valid;
}

static bool stalls_now(struct life *l, const struct dma_txn *txn)
{
	uint64_t key = txn->iova.v << 2 | txn->prot;

	if (!l->plan.every)
		return l->asked == l->plan.nth;
	for (unsigned i = 0; i < l->n_passed; i++)
		if (l->passed[i] == key)
			return false;
	assert_true(l->n_passed < ARRAY_LEN(l->passed));
	l->passed[l->n_passed++] = key;
	return true;
}

/* Identity, in pages; messages alone carry no PASID. */
static int translate(void *ctx, struct port *port, const struct dma_txn *txn, struct dma_span *span)
{
	struct life *l = ctx;

	assert_true(atomic_load(&port->seq) & 1);
	assert_int_equal(txn->ssid_valid, txn->iova.v - at(l, l->bell) >= 4096);
	assert_int_equal(txn->ssid, PASID);
	if (l->waits && same(txn, &l->stalled))
		return DMA_TXN_STALLS;
	if (l->answered && same(txn, &l->stalled)) {
		l->answered = false;
		if (l->plan.answer == ABORT)
			return DMA_TXN_ABORTS;
	} else {
		l->asked++;
		if (stalls_now(l, txn)) {
			l->stalled = *txn;
			l->waits = !l->plan.at_once;
			l->stalls++;
			return l->waits ? DMA_TXN_STALLS : DMA_TXN_ABORTS;
		}
	}
	*span = (struct dma_span){ NB_PA(txn->iova.v), 4096 - txn->iova.v % 4096 };
	return DMA_TRANSLATED;
}

static void forget(void *ctx, struct port *port, const struct dma_txn *txn)
{
	struct life *l = ctx;

	if (l->waits && same(txn, &l->stalled)) {
		l->waits = false;
		l->forgotten++;
	}
}

static void begin(struct life *l, const struct plan *plan)
{
	const uint64_t options[] = { 0x34, 2, 20, 1, 4, plan->message != MSI_PLAIN, PASID };
	struct dma_master *master = &l->rig.dev.master;

	memset(l, 0, sizeof(*l));
	l->plan = *plan;
	rig_init(&l->rig, RIG_LATE, false, options);
	assert_int_equal(master->ssid, PASID);
	master->translate = translate;
	master->forget = forget;
	master->ctx = l;
	master->port = &l->port;
	l->ring = rig_alloc(&l->rig, (DESCS + 1) * sizeof(*l->ring));
	l->status = rig_alloc(&l->rig, 8);
	l->src = rig_alloc(&l->rig, DATA);
	l->dst = rig_alloc(&l->rig, DATA * 2);
	l->bell = rig_alloc(&l->rig, 4);
	for (unsigned i = 0; i < DATA; i++)
		l->src[i] = (uint8_t)rig_random(&l->rig);
	pci_msix_set(&l->rig.dev, 0, at(l, l->bell), 77);
	pci_msi_set(&l->rig.dev, at(l, l->bell), 80, 0);
	pci_msi_enable(&l->rig.dev, plan->message != MSIX);
	pci_msix_enable(&l->rig.dev, plan->message == MSIX);
}

static void end(struct life *l)
{
	rig_finish(&l->rig);
}

static void wr(struct life *l, unsigned reg, uint64_t val, unsigned size)
{
	rig_write(&l->rig, CH(reg), val, size);
}

static void take_bell(struct life *l)
{
	if (*l->bell)
		l->bells = l->bells * 10 + *l->bell % 10 + 1;
	*l->bell = 0;
}

/* Step until nothing happens, and answer what is stalled by then; that is not "busy". */
static void settle(struct life *l)
{
	assert_true(rig_settle(&l->rig));
	take_bell(l);
	while (l->waits) {
		assert_false(pci_dev_step(&l->rig.dev, 65536));
		assert_false(atomic_load(&l->port.seq) & 1);
		assert_true(l->waits);
		l->waits = false;
		l->answered = true;
		assert_true(rig_settle(&l->rig));
		take_bell(l);
	}
}

static void fill_ring(struct life *l)
{
	const struct ioat_desc descs[DESCS] = {
		{ .control = 0, .size = 9001, .src = at(l, l->src) + 3, .dst = at(l, l->dst) + 5 },
		{ .control = 0x01000008,
			.size = 9003,
			.src = 0x0807060504030201,
			.dst = at(l, l->dst) + 20001 },
		{ .control = IOAT_DESC_NULL | IOAT_DESC_INT | IOAT_DESC_COMPLETION },
		{ .control = IOAT_DESC_COMPLETION,
			.size = 8192,
			.src = at(l, l->src) + 100,
			.dst = at(l, l->dst) + 40960 },
		{ .control = IOAT_DESC_INT,
			.size = 64,
			.src = at(l, l->src),
			.dst = at(l, l->dst) + 60000 },
		{ .control = IOAT_DESC_COMPLETION, .size = 64, .src = 4096, .dst = at(l, l->dst) },
	};

	for (unsigned i = 0; i < DESCS; i++) {
		l->ring[i] = descs[i];
		l->ring[i].next = at(l, &l->ring[i + 1]);
	}
}

static void start_channel(struct life *l)
{
	rig_write(&l->rig, IOAT_INTRCTRL, IOAT_INTRCTRL_MASTER, 1);
	wr(l, IOAT_CHANCMD, IOAT_CHANCMD_RESET, 1);
	settle(l);
	wr(l, IOAT_CHAINADDR, at(l, l->ring), 8);
	wr(l, IOAT_CHANCMP, at(l, l->status), 8);
	wr(l, IOAT_CHANCTRL, RUN, 2);
	settle(l);
}

/* Three doorbells: two batches that end well, one that ends in an error at its source. */
static void live(struct life *l)
{
	static const uint16_t counts[] = { 3, 5, 6 };

	fill_ring(l);
	start_channel(l);
	for (unsigned i = 0; i < ARRAY_LEN(counts); i++) {
		wr(l, IOAT_DMACOUNT, counts[i], 2);
		settle(l);
		wr(l, IOAT_CHANCTRL, RUN, 2);
		settle(l);
	}
}

static void assert_alike(struct life *a, struct life *b)
{
	static const unsigned regs[] = { IOAT_CHANSTS, IOAT_CDAR };

	assert_int_equal(a->rig.used, b->rig.used);
	assert_memory_equal(a->rig.ptr, b->rig.ptr, a->rig.used);
	assert_int_equal(a->bells, b->bells);
	for (unsigned i = 0; i < ARRAY_LEN(regs); i++)
		assert_int_equal(
			rig_read(&a->rig, CH(regs[i]), 8), rig_read(&b->rig, CH(regs[i]), 8));
	assert_int_equal(
		rig_read(&a->rig, CH(IOAT_CHANERR), 4), rig_read(&b->rig, CH(IOAT_CHANERR), 4));
	assert_int_equal(a->rig.dev.master.bytes_written, b->rig.dev.master.bytes_written);
	assert_int_equal(a->rig.dev.master.bytes_read, b->rig.dev.master.bytes_read);
}

/* The life without a stall: how many transactions it has. */
static unsigned lead_plain(struct life *l, enum message message)
{
	begin(l, &(struct plan){ .message = message });
	live(l);
	assert_memory_equal(l->dst + 5, l->src + 3, 9001);
	assert_int_equal(l->dst[20001 + 9002], 9002 % 8 + 1);
	assert_memory_equal(l->dst + 40960, l->src + 100, 8192);
	assert_int_equal(rig_read(&l->rig, CH(IOAT_CHANERR), 4), IOAT_ERR_SRC_ADDR);
	assert_int_equal(*l->status, at(l, &l->ring[4]) | IOAT_HALTED);
	assert_true(l->bells > 100); /* three */
	return l->asked;
}

static void test_retried(void **state)
{
	for (unsigned message = 0; message < MESSAGES; message++) {
		struct life plain, l;
		unsigned n = lead_plain(&plain, message);

		assert_true(n > 30);
		for (unsigned i = 1; i <= n; i++) {
			begin(&l, &(struct plan){ .message = message, .nth = i });
			live(&l);
			assert_int_equal(l.stalls, 1);
			assert_int_equal(l.forgotten, 0);
			assert_alike(&l, &plain);
			end(&l);
		}
		begin(&l, &(struct plan){ .message = message, .every = true });
		live(&l);
		assert_true(l.stalls > 20);
		assert_alike(&l, &plain);
		end(&l);
		end(&plain);
	}
}

/* Stalled and then terminated is as aborted at once. */
static void test_aborted(void **state)
{
	for (unsigned message = 0; message < MESSAGES; message++) {
		struct life plain, stalled, aborted;
		unsigned n = lead_plain(&plain, message);

		for (unsigned i = 1; i <= n; i++) {
			begin(&stalled,
				&(struct plan){ .message = message, .nth = i, .answer = ABORT });
			live(&stalled);
			begin(&aborted,
				&(struct plan){ .message = message, .nth = i, .at_once = true });
			live(&aborted);
			assert_alike(&stalled, &aborted);
			end(&stalled);
			end(&aborted);
		}
		end(&plain);
	}
}

/* ---- what ends a stall from the device's side ---- */

static void by_reset(struct life *l)
{
	wr(l, IOAT_CHANCMD, IOAT_CHANCMD_RESET, 1);
	rig_settle(&l->rig);
}

static void by_abort(struct life *l)
{
	wr(l, IOAT_CHANCMD, IOAT_CHANCMD_ABORT, 1);
	rig_settle(&l->rig);
}

static void by_flr(struct life *l)
{
	pci_config_write(&l->rig.dev, l->rig.dev.cap_pcie + 8, 0x8000, 2);
}

static void by_close(struct life *l)
{
	pci_dev_reset(&l->rig.dev);
}

static void by_masking(struct life *l)
{
	pci_msix_enable(&l->rig.dev, false);
	pci_msi_enable(&l->rig.dev, false);
}

static void by_new_address(struct life *l)
{
	pci_msix_set(&l->rig.dev, 0, at(l, l->bell) + 64, 77);
	pci_msi_set(&l->rig.dev, at(l, l->bell) + 64, 80, 0);
}

static const struct {
	void (*end)(struct life *l);
	bool of_channel, of_message; /* what it ends */
} ways[] = {
	{ by_reset, true, false },
	{ by_abort, true, false },
	{ by_flr, true, true },
	{ by_close, true, true },
	{ by_masking, false, true },
	{ by_new_address, false, true },
};

static bool is_message(const struct life *l)
{
	return l->stalled.iova.v == at(l, l->bell);
}

static void enable_again(struct life *l, enum message message)
{
	pci_msix_set(&l->rig.dev, 0, at(l, l->bell), 77);
	pci_msi_set(&l->rig.dev, at(l, l->bell), 80, 0);
	pci_msi_enable(&l->rig.dev, message != MSIX);
	pci_msix_enable(&l->rig.dev, message == MSIX);
}

/* A first batch up to the stall; then an end to it, and a whole life. */
static void forgets(const struct life *plain, enum message message, unsigned nth, unsigned way)
{
	struct life l;
	bool due;

	begin(&l, &(struct plan){ .message = message, .nth = nth });
	fill_ring(&l);
	start_channel(&l);
	wr(&l, IOAT_DMACOUNT, 3, 2);
	rig_settle(&l.rig);
	if (!l.waits) { /* the stall comes later than the first batch */
		end(&l);
		return;
	}
	due = is_message(&l) ? ways[way].of_message : ways[way].of_channel;
	l.bell[16] = 0;
	ways[way].end(&l);
	assert_int_equal(l.forgotten, due);
	assert_int_equal(l.waits, !due);
	if (due) {
		pci_dev_reset(&l.rig.dev);
		l.plan.nth = 0;
		l.bells = 0;
		*l.bell = l.bell[16] = 0;
		memset(l.dst, 0, DATA * 2);
		*l.status = 0;
		enable_again(&l, message);
		live(&l);
		assert_memory_equal(l.rig.ptr, plain->rig.ptr, plain->rig.used);
		assert_int_equal(l.bells, plain->bells);
	}
	end(&l);
}

static void test_forgotten(void **state)
{
	for (unsigned message = 0; message < MESSAGES; message++) {
		struct life plain;
		unsigned n = lead_plain(&plain, message);

		for (unsigned way = 0; way < ARRAY_LEN(ways); way++)
			for (unsigned i = 1; i <= n; i++)
				forgets(&plain, message, i, way);
		end(&plain);
	}
}

/* SUSPEND leaves it stalled; RESUME goes on there, a doorbell starts afresh and forgets it. */
static void test_suspended(void **state)
{
	struct life l;

	for (unsigned afresh = 0; afresh < 2; afresh++) {
		begin(&l, &(struct plan){ .nth = 4 }); /* in the first copy */
		fill_ring(&l);
		start_channel(&l);
		wr(&l, IOAT_DMACOUNT, 3, 2);
		rig_settle(&l.rig);
		assert_true(l.waits);
		wr(&l, IOAT_CHANCMD, IOAT_CHANCMD_SUSPEND, 1);
		rig_settle(&l.rig);
		assert_true(l.waits);
		if (afresh)
			wr(&l, IOAT_DMACOUNT, 3, 2);
		else
			wr(&l, IOAT_CHANCMD, IOAT_CHANCMD_RESUME, 1);
		settle(&l);
		assert_int_equal(l.forgotten, afresh);
		assert_memory_equal(l.dst + 5, l.src + 3, 9001);
		assert_int_equal(*l.status, at(&l, &l.ring[2]) | IOAT_IDLE);
		end(&l);
	}
}

/* While the bus master is off nothing is asked, and then the same again. */
static void test_bus_master_off(void **state)
{
	struct life l;
	unsigned asked;

	begin(&l, &(struct plan){ .nth = 4 });
	fill_ring(&l);
	start_channel(&l);
	wr(&l, IOAT_DMACOUNT, 3, 2);
	rig_settle(&l.rig);
	asked = l.asked;
	pci_config_write(&l.rig.dev, 4, 0x0002, 2);
	l.waits = false;
	l.answered = true;
	assert_false(pci_dev_step(&l.rig.dev, 65536));
	assert_int_equal(l.asked, asked);
	pci_config_write(&l.rig.dev, 4, 0x0006, 2);
	settle(&l);
	assert_memory_equal(l.dst + 5, l.src + 3, 9001);
	end(&l);
}

/* Channel 0 is stalled; channel 1 goes on, and does not care. */
static void test_other_channels(void **state)
{
	struct ioat_desc *desc;
	struct life l;

	begin(&l, &(struct plan){ .nth = 4 });
	fill_ring(&l);
	start_channel(&l);
	wr(&l, IOAT_DMACOUNT, 3, 2);
	rig_settle(&l.rig);
	assert_true(l.waits);
	desc = rig_alloc(&l.rig, sizeof(*desc));
	*desc = (struct ioat_desc){
		.size = 4096, .src = at(&l, l.src), .dst = at(&l, l.dst) + 70000
	};
	rig_write(&l.rig, 2 * IOAT_CHANNEL_BYTES + IOAT_CHAINADDR, at(&l, desc), 8);
	rig_write(&l.rig, 2 * IOAT_CHANNEL_BYTES + IOAT_DMACOUNT, 1, 2);
	rig_settle(&l.rig);
	assert_memory_equal(l.dst + 70000, l.src, 4096);
	assert_true(l.waits);
	settle(&l);
	assert_memory_equal(l.dst + 5, l.src + 3, 9001);
	end(&l);
}

/* A message that stalled can be seen pending, and is sent once. */
static void test_pending_bit(void **state)
{
	struct life l;
	unsigned n = 1;

	do {
		begin(&l, &(struct plan){ .nth = n++ });
		fill_ring(&l);
		start_channel(&l);
		wr(&l, IOAT_DMACOUNT, 3, 2);
		rig_settle(&l.rig);
		if (!l.waits || !is_message(&l))
			end(&l);
	} while (!l.waits || !is_message(&l));
	assert_int_equal(pci_bar_read(&l.rig.dev, 0, l.rig.dev.msix_pba, 8), 1);
	pci_msix_mask(&l.rig.dev, 0, true);
	l.waits = false;
	l.answered = true;
	rig_settle(&l.rig);
	assert_int_equal(*l.bell, 0);
	pci_msix_mask(&l.rig.dev, 0, false);
	rig_settle(&l.rig);
	assert_int_equal(*l.bell, 77);
	assert_int_equal(pci_bar_read(&l.rig.dev, 0, l.rig.dev.msix_pba, 8), 0);
	*l.bell = 0;
	rig_settle(&l.rig);
	assert_int_equal(*l.bell, 0);
	end(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retried),
		cmocka_unit_test(test_aborted),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_suspended),
		cmocka_unit_test(test_bus_master_off),
		cmocka_unit_test(test_other_channels),
		cmocka_unit_test(test_pending_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
