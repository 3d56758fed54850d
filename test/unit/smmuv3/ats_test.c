/* SPDX-License-Identifier: MIT */
/*
 * Functions with an ATC behind the model: invalidations that take their time, the cache itself, page
 * requests from miss to retry, and (R6) no access to a page after the SYNC that follows its
 * invalidation, while threads do DMA through ATS.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include <nestbox/atc.h>

#include "rig.h"

#define PRIQ_AT UINT64_C(0x30000)
#define CR0_ATS (CR0_SMMUEN | CR0_PRIQEN | CR0_EVENTQEN | CR0_CMDQEN | CR0_ATSCHK)
#define INV_ALL (CMD_ATC_INV | (uint64_t)RIG_SID << 32), 52
#define FULL	((uint64_t)STE_EATS_TRANS << 28)

/* The function: an ATC, or just the itags that it was sent. */
static struct nb_atc *atc;
static struct nb_smmuv3_atc_inv seen[256];
static struct nb_smmuv3_pri_resp answer;
static unsigned sent, answers;

static void atc_inv(void *ctx, const struct nb_smmuv3_atc_inv *inv)
{
	if (atc)
		assert_true(nb_atc_invalidate(atc, inv));
	else
		seen[sent++ % ARRAY_LEN(seen)] = *inv;
}

static void pri_resp(void *ctx, const struct nb_smmuv3_pri_resp *resp)
{
	answer = *resp;
	answers++;
}

static void inv_done(void *ctx, uint32_t itag)
{
	struct rig *rig = ctx;

	nb_smmuv3_atc_inv_done(rig->smmu, itag);
}

static void setup(struct rig *rig)
{
	static const struct nb_smmuv3_ops ops = {
		.size = sizeof(ops), .irq = rig_irq, .atc_inv = atc_inv, .pri_resp = pri_resp
	};

	rig_create(rig,
		(struct nb_smmuv3_config){ .ats = true, .pri = true, .ssid_bits = 4, .ops = &ops });
	rig_nested(rig);
	rig_poke(rig, STRTAB_AT + 64 * RIG_SID + 8, FULL);
	rig_enable(rig);
	nb_smmuv3_write(rig->smmu, R_PRIQ_BASE, RAM(PRIQ_AT) | 4, 8);
	rig_write(rig, R_CR0, CR0_ATS);
	atc = NULL;
	sent = answers = 0;
}

static uint32_t cons(struct rig *rig)
{
	return rig_read(rig, R_CMDQ_CONS) & Q_POINTER;
}

static unsigned cerror(struct rig *rig)
{
	return field_get(CMDQ_CONS_ERR, rig_read(rig, R_CMDQ_CONS));
}

static void test_sync_waits(void **state)
{
	struct rig rig;

	setup(&rig);
	rig_queue(&rig, INV_ALL);
	rig_queue(&rig, INV_ALL);
	rig_queue(&rig, CMD_SYNC, 0);
	rig_ring(&rig);
	assert_int_equal(sent, 2);
	assert_int_equal(cons(&rig), 2);
	/* Made up, and for a slot in use but of another time: ignored. */
	nb_smmuv3_atc_inv_done(rig.smmu, 0xdeadbeef);
	nb_smmuv3_atc_inv_done(rig.smmu, seen[0].itag + NB_ATC_INVS);
	nb_smmuv3_atc_inv_timeout(rig.smmu, 0);
	nb_smmuv3_atc_inv_done(rig.smmu, seen[0].itag);
	nb_smmuv3_atc_inv_done(rig.smmu, seen[0].itag);
	assert_int_equal(cons(&rig), 2);
	nb_smmuv3_atc_inv_done(rig.smmu, seen[1].itag);
	assert_int_equal(cons(&rig), 3);
	assert_int_equal(cerror(&rig), CERROR_NONE);
	rig_finish(&rig);
}

static void test_timeout(void **state)
{
	struct rig rig;

	setup(&rig);
	rig_queue(&rig, INV_ALL);
	rig_queue(&rig, INV_ALL);
	rig_queue(&rig, CMD_SYNC, 0);
	rig_ring(&rig);
	nb_smmuv3_atc_inv_timeout(rig.smmu, seen[0].itag);
	assert_int_equal(cerror(&rig), CERROR_NONE); /* the other one may still come */
	nb_smmuv3_atc_inv_done(rig.smmu, seen[1].itag);
	assert_int_equal(cerror(&rig), CERROR_ATC_INV_SYNC);
	assert_int_equal(cons(&rig), 2);
	assert_int_equal(rig.gerrors, 1);
	/* Acknowledged, the SYNC is tried again, and finds nothing. */
	rig_write(&rig, R_GERRORN, rig_read(&rig, R_GERROR));
	assert_int_equal(cons(&rig), 3);
	rig_finish(&rig);
}

static void test_itags_run_out(void **state)
{
	struct rig rig;
	unsigned i;

	setup(&rig);
	for (i = 0; i < 100; i++)
		rig_queue(&rig, INV_ALL);
	rig_queue(&rig, CMD_SYNC, 0);
	rig_ring(&rig);
	assert_int_equal(sent, 64);
	assert_int_equal(cons(&rig), 64);
	nb_smmuv3_atc_inv_done(rig.smmu, seen[7].itag);
	assert_int_equal(sent, 65);
	for (i = 0; i < 100; i++)
		nb_smmuv3_atc_inv_done(rig.smmu, seen[i].itag);
	assert_int_equal(sent, 100);
	assert_int_equal(cons(&rig), 101);
	rig_finish(&rig);
}

/* A function that answers at once: no recursion, whatever the queue holds. */
static void test_answers_at_once(void **state)
{
	struct nb_atc_config config = { .size = sizeof(config), .done = inv_done };
	struct rig rig;
	unsigned i;

	setup(&rig);
	config.ctx = &rig;
	atc = nb_atc_create(&config);
	for (i = 0; i < 120; i++) {
		rig_queue(&rig, INV_ALL);
		rig_queue(&rig, CMD_SYNC, 0);
	}
	rig_ring(&rig);
	assert_int_equal(cons(&rig), 240);
	nb_atc_destroy(atc);
	rig_finish(&rig);
}

/* Which invalidation drops an entry of PASID 3, or of none, at 0x10000. */
static const struct {
	struct nb_smmuv3_atc_inv inv;
	bool pasid_goes, plain_goes;
} reaches[] = {
	{ { .bytes = 0 }, true, true },
	{ { .iova = { 0x10000 }, .bytes = 4096 }, true, true },
	{ { .iova = { 0x11000 }, .bytes = 4096 }, false, false },
	{ { .iova = { 0x0 }, .bytes = 0x10000 }, false, false },
	{ { .iova = { 0x0 }, .bytes = 0x20000 }, true, true },
	{ { .ssv = true, .ssid = 3 }, true, false },
	{ { .ssv = true, .ssid = 4 }, false, false },
	{ { .ssv = true, .ssid = 4, .global = true }, true, false },
	{ { .iova = { 0x11000 }, .bytes = 4096, .ssv = true, .ssid = 3 }, false, false },
};

static const struct nb_smmuv3_txn plain = { .iova = { 0x10008 }, .flags = NB_READ };
static const struct nb_smmuv3_txn pasid = {
	.iova = { 0x10008 }, .ssid = 3, .flags = NB_READ | NB_SSV
};
static const struct nb_smmuv3_ats_entry page = {
	.iova = { 0x10000 }, .pa = { 0x5000 }, .bytes = 4096, .read = true
};

static bool keep(const struct nb_smmuv3_txn *txn, struct nb_atc_use *use)
{
	return !nb_atc_lookup(atc, txn, use) && nb_atc_fill(atc, txn, &page, use);
}

static bool is_there(const struct nb_smmuv3_txn *txn)
{
	struct nb_atc_use use;

	if (!nb_atc_lookup(atc, txn, &use))
		return false;
	assert_int_equal(use.pa.v, 0x5008);
	assert_int_equal(use.bytes, 4096 - 8);
	nb_atc_put(atc, &use);
	return true;
}

static void test_atc_reach(void **state)
{
	struct nb_atc_use use;
	unsigned i;

	for (i = 0; i < ARRAY_LEN(reaches); i++) {
		atc = nb_atc_create(
			&(struct nb_atc_config){ .size = sizeof(struct nb_atc_config) });
		assert_true(keep(&plain, &use));
		nb_atc_put(atc, &use);
		assert_true(keep(&pasid, &use));
		nb_atc_put(atc, &use);
		assert_true(nb_atc_invalidate(atc, &reaches[i].inv));
		assert_int_equal(is_there(&pasid), !reaches[i].pasid_goes);
		assert_int_equal(is_there(&plain), !reaches[i].plain_goes);
		nb_atc_destroy(atc);
	}
}

static unsigned completed;

static void count_done(void *ctx, uint32_t itag)
{
	assert_int_equal(itag, ++completed); /* in order */
}

static void test_atc_in_use(void **state)
{
	struct nb_atc_config config = { .size = sizeof(config), .entries = 1, .done = count_done };
	struct nb_smmuv3_txn writes = plain;
	struct nb_atc_use use, other;

	completed = 0;
	atc = nb_atc_create(&config);
	assert_true(keep(&plain, &use));
	/* What is used stays until it is not, and so does what comes later. */
	assert_true(nb_atc_invalidate(atc, &(struct nb_smmuv3_atc_inv){ .itag = 1 }));
	assert_true(nb_atc_invalidate(
		atc, &(struct nb_smmuv3_atc_inv){ .itag = 2, .iova = { 0x99000 }, .bytes = 4096 }));
	assert_int_equal(completed, 0);
	assert_false(nb_atc_lookup(atc, &plain, &other));
	assert_false(nb_atc_fill(atc, &plain, &page, &other)); /* its slot is in use */
	nb_atc_put(atc, &use);
	assert_int_equal(completed, 2);
	/* Overtaken: an invalidation came between request and completion. */
	assert_false(nb_atc_lookup(atc, &plain, &use));
	assert_true(nb_atc_invalidate(atc, &(struct nb_smmuv3_atc_inv){ .itag = 3 }));
	assert_false(nb_atc_fill(atc, &plain, &page, &use));
	/* Of another page: not overtaken. And no more permission than was given. */
	assert_false(nb_atc_lookup(atc, &plain, &use));
	assert_true(nb_atc_invalidate(
		atc, &(struct nb_smmuv3_atc_inv){ .itag = 4, .iova = { 0x99000 }, .bytes = 4096 }));
	assert_true(nb_atc_fill(atc, &plain, &page, &use));
	nb_atc_put(atc, &use);
	writes.flags |= NB_WRITE;
	assert_false(nb_atc_lookup(atc, &writes, &use));
	assert_int_equal(completed, 4);
	nb_atc_destroy(atc);
}

static void test_atc_invs_run_out(void **state)
{
	struct nb_atc_config config = { .size = sizeof(config), .done = count_done };
	struct nb_atc_use use;
	unsigned i;

	completed = 0;
	atc = nb_atc_create(&config);
	assert_true(keep(&plain, &use));
	for (i = 1; i <= NB_ATC_INVS; i++)
		assert_true(nb_atc_invalidate(atc, &(struct nb_smmuv3_atc_inv){ .itag = i }));
	assert_false(nb_atc_invalidate(atc, &(struct nb_smmuv3_atc_inv){ .itag = i }));
	nb_atc_put(atc, &use);
	assert_int_equal(completed, NB_ATC_INVS);
	nb_atc_destroy(atc);
}

/* Request, miss, page request, PRI queue, map, response, retry. */
static void test_fault_in(void **state)
{
	struct nb_atc_config config = { .size = sizeof(config), .done = inv_done };
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(RIG_VA), .flags = NB_READ | NB_WRITE };
	struct nb_atc_use use;
	struct rig rig;
	uint64_t *ppr;

	setup(&rig);
	config.ctx = &rig;
	atc = nb_atc_create(&config);
	rig_poke(&rig, S1_L3 + 24, 0);
	assert_int_equal(nb_atc_get(atc, smmuv3_port_of(rig.port), &txn, &use), NB_ATC_DENIED);
	nb_smmuv3_page_request(rig.smmu, &(struct nb_smmuv3_page_request){ .sid = RIG_SID,
						 .iova = txn.iova,
						 .flags = txn.flags,
						 .prgi = 42,
						 .last = true });
	/* The driver. */
	assert_int_equal(rig_read(&rig, R_PRIQ_PROD), 1);
	ppr = rig_at(&rig, PRIQ_AT);
	assert_int_equal(ppr[0], RIG_SID | PPR_0_R | PPR_0_W | PPR_0_LAST);
	assert_int_equal(ppr[1], RIG_VA | 42);
	rig_poke(&rig, S1_L3 + 24, S1_PAGE(RAM(DATA_AT)));
	rig_write(&rig, R_PRIQ_CONS, 1);
	rig_cmd(&rig, CMD_PRI_RESP | (uint64_t)RIG_SID << 32, (ppr[1] & PPR_1_PRGI) | 2 << 12);
	/* The function. */
	assert_int_equal(answers, 1);
	assert_int_equal(answer.prgi, 42);
	assert_int_equal(answer.code, 0);
	assert_int_equal(nb_atc_get(atc, smmuv3_port_of(rig.port), &txn, &use), NB_ATC_OK);
	assert_int_equal(use.pa.v, RAM(DATA_AT));
	nb_atc_put(atc, &use);
	assert_int_equal(rig_event_count(&rig), 0);
	nb_atc_destroy(atc);
	rig_finish(&rig);
}

#define READERS 2
#define MOVES	300
#define DWELL	50

struct reader {
	pthread_t thread;
	struct nb_smmuv3_port *port;
	struct rig *rig;
	uint64_t bad;
	atomic_uint rounds;
};

static atomic_bool stop;

/* The frame is there, and stays for as long as the entry is used. */
static void dwell(struct reader *reader, nb_pa pa)
{
	unsigned i;

	for (i = 0; i < DWELL; i++) {
		if (i == DWELL / 2 && atomic_load(&reader->rounds) % 61 == 0)
			sched_yield();
		if (__atomic_load_n(rig_at(reader->rig, pa.v - RIG_RAM), __ATOMIC_ACQUIRE) != 1)
			reader->bad++;
	}
}

static void one_use(struct reader *reader, const struct nb_atc_use *use)
{
	struct dma_txn txn = {
		.iova = NB_IOVA(use->pa.v), .sid = RIG_SID, .prot = NB_DMA_READ, .translated = true
	};
	struct dma_span span;

	nb_smmuv3_enter(reader->port);
	if (smmuv3_translate(reader->rig->smmu, smmuv3_port(reader->port), &txn, &span))
		reader->bad++;
	else
		dwell(reader, span.pa);
	nb_smmuv3_leave(reader->port);
}

static void *read_all(void *arg)
{
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(RIG_VA), .flags = NB_READ };
	struct reader *reader = arg;
	enum nb_atc_result result;
	struct nb_atc_use use;

	while (!atomic_load(&stop)) {
		result = nb_atc_get(atc, reader->port, &txn, &use);
		if (result == NB_ATC_OK) {
			one_use(reader, &use);
			nb_atc_put(atc, &use);
		} else if (result != NB_ATC_BUSY) {
			reader->bad++; /* some frame is mapped at any time */
		}
		atomic_fetch_add(&reader->rounds, 1);
	}
	return NULL;
}

static uint64_t frame(unsigned n)
{
	return 0x20000 + (n % 8 << 12);
}

/* The page moves on; the frame that it leaves is not touched after the SYNC. */
static void move(struct rig *rig, unsigned n)
{
	const uint64_t ids = (uint64_t)RIG_VMID << 32 | (uint64_t)RIG_ASID << 48;

	__atomic_store_n(rig_at(rig, frame(n + 1)), 1, __ATOMIC_RELEASE);
	rig_poke(rig, S1_L3 + 24, S1_PAGE(RAM(frame(n + 1))));
	rig_queue(rig, CMD_TLBI_NH_VA | ids, RIG_VA);
	rig_queue(rig, CMD_ATC_INV | (uint64_t)RIG_SID << 32, RIG_VA);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	while (rig_read(rig, R_CMDQ_CONS) != rig->cmdq_prod)
		sched_yield();
	__atomic_store_n(rig_at(rig, frame(n)), 0, __ATOMIC_RELEASE);
}

static void await(struct reader *reader)
{
	unsigned from = atomic_load(&reader->rounds);

	while (atomic_load(&reader->rounds) - from < 5)
		sched_yield();
}

static void test_no_access_after_sync(void **state)
{
	struct nb_atc_config config = { .size = sizeof(config), .entries = 4, .done = inv_done };
	struct reader readers[READERS] = { 0 };
	struct rig rig;
	unsigned i, n;

	port_init_process(true); /* the fence variant, which ThreadSanitizer follows */
	setup(&rig);
	config.ctx = &rig;
	atc = nb_atc_create(&config);
	atomic_store(&stop, false);
	rig_poke(&rig, S1_L3 + 24, S1_PAGE(RAM(frame(0))));
	*rig_at(&rig, frame(0)) = 1;
	for (i = 0; i < READERS; i++) {
		readers[i].rig = &rig;
		readers[i].port = nb_smmuv3_port_create(rig.smmu, RIG_SID);
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
	}
	for (n = 0; n < MOVES; n++) {
		await(&readers[n % READERS]);
		move(&rig, n);
	}
	atomic_store(&stop, true);
	for (i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		nb_smmuv3_port_destroy(readers[i].port);
		assert_int_equal(readers[i].bad, 0);
	}
	assert_int_equal(rig_event_count(&rig), 0);
	nb_atc_destroy(atc);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sync_waits),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_itags_run_out),
		cmocka_unit_test(test_answers_at_once),
		cmocka_unit_test(test_atc_reach),
		cmocka_unit_test(test_atc_in_use),
		cmocka_unit_test(test_atc_invs_run_out),
		cmocka_unit_test(test_fault_in),
		cmocka_unit_test(test_no_access_after_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
