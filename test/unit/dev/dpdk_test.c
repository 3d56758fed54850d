/* SPDX-License-Identifier: MIT */
/*
 * What DPDK 22.11's dmadev test asks of the engine, for each pattern of polling and for trapped
 * registers: single copies, bursts, a full ring until ids wrap, failures at each place of a burst,
 * fills, restarts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/bits.h"
#include "dmadrv.h"

#define RING  512
#define LEN   1024
#define BURST 16

struct bench {
	struct rig rig;
	struct dmadrv drv;
	uint8_t *src[32], *dst[32];
};

static void make_buffers(struct bench *b)
{
	for (unsigned i = 0; i < 32; i++) {
		b->src[i] = rig_alloc(&b->rig, LEN);
		b->dst[i] = rig_alloc(&b->rig, LEN);
		for (unsigned j = 0; j < LEN; j++)
			b->src[i][j] = (uint8_t)rig_random(&b->rig);
	}
}

static void bench_init(struct bench *b, enum rig_pattern pattern, bool trapped)
{
	rig_init(&b->rig, pattern, trapped, NULL);
	assert_int_equal(dmadrv_probe(&b->drv, &b->rig, RING), 0);
	rig_sleep_ms(6);
	rig_wait(&b->rig);
	assert_int_equal(dmadrv_start(&b->drv), 0);
	make_buffers(b);
}

static int copy(struct bench *b, unsigned i, bool valid)
{
	return dmadrv_enqueue(&b->drv, IOAT_OP_COPY, valid ? rig_iova(&b->rig, b->src[i]) : 0,
		rig_iova(&b->rig, b->dst[i]), LEN);
}

static void submit_and_wait(struct bench *b)
{
	dmadrv_submit(&b->drv);
	assert_true(dmadrv_await(&b->drv));
}

static void single_copies(struct bench *b)
{
	uint16_t last;
	bool error;
	int id;

	for (unsigned i = 0; i < 50; i++) {
		memset(b->dst[0], 0, LEN);
		id = copy(b, 0, true);
		submit_and_wait(b);
		assert_memory_equal(b->src[0], b->dst[0], LEN);
		assert_int_equal(dmadrv_completed(&b->drv, 1, &last, &error), 1);
		assert_int_equal(last, id);
		assert_false(error);
		assert_int_equal(dmadrv_completed(&b->drv, 1, &last, &error), 0);
		assert_int_equal(last, id);
	}
}

static void bursts(struct bench *b)
{
	uint16_t last;
	bool error;

	for (unsigned split = 0; split < 2; split++) {
		for (unsigned i = 0; i < 32; i++) {
			if (split && i == 16)
				dmadrv_submit(&b->drv);
			memset(b->dst[i], 0, LEN);
			copy(b, i, true);
		}
		submit_and_wait(b);
		assert_int_equal(dmadrv_completed(&b->drv, 16, &last, &error), 16);
		assert_int_equal(dmadrv_completed(&b->drv, 32, &last, &error), 16);
		assert_false(error);
		for (unsigned i = 0; i < 32; i++)
			assert_memory_equal(b->src[i], b->dst[i], LEN);
	}
}

/* Half the ring at a time, until the 16-bit ids have wrapped. */
static void ring_wraps(struct bench *b, unsigned rounds)
{
	uint16_t last;
	bool error;

	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < 4 * 64; i++) {
			assert_true(copy(b, 0, true) >= 0);
			if (i % 64 == 63)
				dmadrv_submit(&b->drv);
		}
		assert_true(dmadrv_await(&b->drv));
		assert_int_equal(dmadrv_completed(&b->drv, 256, &last, &error), 256);
		assert_false(error);
		assert_int_equal(dmadrv_space(&b->drv), RING - 1);
	}
}

static int enqueue_failing(struct bench *b, uint32_t fails)
{
	int bad = 0, id;

	for (unsigned i = 0; i < BURST; i++) {
		id = copy(b, i, !(fails >> i & 1));
		bad = fails >> i & 1 ? id : bad;
	}
	submit_and_wait(b);
	return bad;
}

/* completed() stops at the failure, completed_status() then tells it and what follows. */
static void failure_at(struct bench *b, unsigned at)
{
	uint32_t status[BURST];
	uint16_t last, bad = (uint16_t)enqueue_failing(b, 1u << at);
	unsigned n;
	bool error;

	assert_int_equal(dmadrv_completed(&b->drv, BURST, &last, &error), at);
	assert_true(error);
	assert_int_equal(last, (uint16_t)(bad - 1));
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(dmadrv_completed(&b->drv, BURST, &last, &error), 0);
	assert_int_equal(last, (uint16_t)(bad - 1));
	n = dmadrv_completed_status(&b->drv, BURST, &last, status);
	assert_int_equal(status[0], IOAT_ERR_SRC_ADDR);
	if (n == 1) { /* as DPDK's test: one, or all */
		assert_true(dmadrv_await(&b->drv));
		n += dmadrv_completed_status(&b->drv, BURST - 1, &last, status + 1);
	}
	assert_int_equal(n, BURST - at);
	for (unsigned i = 1; i < n; i++)
		assert_int_equal(status[i], 0);
}

static void failures_one_by_one(struct bench *b, uint32_t fails)
{
	unsigned count = 0, errors = 0;
	uint32_t status[BURST];
	uint16_t last;
	bool error;

	enqueue_failing(b, fails);
	while (count + errors < BURST) {
		count += dmadrv_completed(&b->drv, BURST, &last, &error);
		if (error) {
			assert_int_equal(dmadrv_completed_status(&b->drv, 1, &last, status), 1);
			assert_int_equal(status[0], IOAT_ERR_SRC_ADDR);
			errors++;
			assert_true(dmadrv_await(&b->drv));
		}
	}
	assert_int_equal(errors, __builtin_popcount(fails));
}

static void failures_at_once(struct bench *b, uint32_t fails)
{
	unsigned count = 0, errors = 0, n;
	uint32_t status[BURST];
	uint16_t last;

	enqueue_failing(b, fails);
	while (count < BURST) {
		n = dmadrv_completed_status(&b->drv, BURST - count, &last, status);
		assert_int_not_equal(n, 0);
		for (unsigned i = 0; i < n; i++)
			errors += status[i] != 0;
		count += n;
		assert_true(dmadrv_await(&b->drv));
	}
	assert_int_equal(errors, __builtin_popcount(fails));
}

static void failures(struct bench *b)
{
	static const unsigned at[] = { 0, 7, 14, 15 };

	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		failure_at(b, at[i]);
		failures_one_by_one(b, 1u << at[i]);
		failures_at_once(b, 1u << at[i]);
	}
	failures_one_by_one(b, 0xc081);
	failures_at_once(b, 0xc081);
	failures_at_once(b, 0xffff);
}

static void fills(struct bench *b)
{
	static const unsigned lengths[] = { 8, 64, 1024, 50, 100, 89, 1 };
	const uint64_t pattern = UINT64_C(0xfedcba9876543210);
	uint16_t last;
	bool error;

	for (unsigned i = 0; i < ARRAY_LEN(lengths); i++) {
		memset(b->dst[0], 0, LEN);
		dmadrv_enqueue(
			&b->drv, IOAT_OP_FILL, pattern, rig_iova(&b->rig, b->dst[0]), lengths[i]);
		submit_and_wait(b);
		assert_int_equal(dmadrv_completed(&b->drv, 1, &last, &error), 1);
		for (unsigned j = 0; j < LEN; j++)
			assert_int_equal(b->dst[0][j],
				j < lengths[i] ? (uint8_t)(pattern >> 8 * (j % 8)) : 0);
	}
}

/* Stop and start at once, with the doorbell behind it: the count is the same in every round. */
static void restarts(struct bench *b)
{
	uint16_t last;
	bool error;

	for (unsigned round = 0; round < 200; round++) {
		unsigned n = 1 + round / 100 * (round % 3);

		dmadrv_stop(&b->drv); /* may give up: it goes on all the same, like DPDK's test */
		assert_int_equal(dmadrv_start(&b->drv), 0);
		for (unsigned i = 0; i < n; i++) {
			memset(b->dst[i], 0, LEN);
			copy(b, i, true);
		}
		submit_and_wait(b);
		assert_int_equal(dmadrv_completed(&b->drv, n, &last, &error), n);
		for (unsigned i = 0; i < n; i++)
			assert_memory_equal(b->src[i], b->dst[i], LEN);
	}
}

/* Restarts without a doorbell in between, and after errors: stop then is a RESET. */
static void idle_restarts(struct bench *b)
{
	uint32_t status[BURST];
	uint16_t last;

	for (unsigned round = 0; round < 20; round++) {
		dmadrv_stop(&b->drv);
		assert_int_equal(dmadrv_start(&b->drv), 0);
	}
	for (unsigned round = 0; round < 20; round++) {
		copy(b, 0, false);
		submit_and_wait(b);
		assert_int_equal(dmadrv_completed_status(&b->drv, 1, &last, status), 1);
		assert_int_equal(status[0], IOAT_ERR_SRC_ADDR);
		dmadrv_stop(&b->drv);
		assert_int_equal(dmadrv_start(&b->drv), 0);
		single_copies(b);
	}
}

static void run_all(enum rig_pattern pattern, bool trapped)
{
	struct bench b;

	bench_init(&b, pattern, trapped);
	single_copies(&b);
	bursts(&b);
	ring_wraps(&b, pattern == RIG_EAGER && !trapped ? 300 : 20);
	failures(&b);
	fills(&b);
	restarts(&b);
	idle_restarts(&b);
	assert_int_equal(dmadrv_stop(&b.drv), 0);
	rig_finish(&b.rig);
}

static void test_polled_eager(void **state)
{
	run_all(RIG_EAGER, false);
}

static void test_polled_late(void **state)
{
	run_all(RIG_LATE, false);
}

static void test_polled_random(void **state)
{
	run_all(RIG_RANDOM, false);
}

static void test_polled_tiny(void **state)
{
	run_all(RIG_TINY, false);
}

static void test_trapped(void **state)
{
	run_all(RIG_LATE, true);
	run_all(RIG_EAGER, true);
}

static void wait_for_probe(struct bench *b)
{
	int err = dmadrv_probe(&b->drv, &b->rig, RING);

	assert_int_equal(err, 0);
	for (unsigned i = 0; i < 1000; i++) { /* the verdict of the probe's RESET lapses */
		if (rig_read(&b->rig, CH(IOAT_CHANSTS), 8) == IOAT_SUSPENDED)
			break;
		rig_sleep_ms(5);
	}
	assert_int_equal(dmadrv_start(&b->drv), 0);
}

/* A poller in a thread of its own, which naps, on whatever CPUs there are. */
static void test_threaded(void **state)
{
	static struct bench b;

	rig_init(&b.rig, RIG_LATE, false, NULL);
	rig_start_poller(&b.rig);
	wait_for_probe(&b);
	make_buffers(&b);
	single_copies(&b);
	bursts(&b);
	failures_at_once(&b, 0xc081);
	fills(&b);
	restarts(&b);
	rig_finish(&b.rig);
}

/* A program that starts right after the probe meets the verdict of the probe's RESET. */
static void test_start_at_once(void **state)
{
	for (unsigned p = 0; p < RIG_PATTERNS; p++) {
		struct rig rig;
		struct dmadrv drv;

		rig_init(&rig, p, false, NULL);
		assert_int_equal(dmadrv_probe(&drv, &rig, RING), 0);
		if (p == RIG_LATE)
			rig_wait(&rig);
		if (p != RIG_LATE && p != RIG_RANDOM)
			assert_int_equal(dmadrv_start(&drv), 0);
		rig_finish(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_polled_eager),
		cmocka_unit_test(test_polled_late),
		cmocka_unit_test(test_polled_random),
		cmocka_unit_test(test_polled_tiny),
		cmocka_unit_test(test_trapped),
		cmocka_unit_test(test_threaded),
		cmocka_unit_test(test_start_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
