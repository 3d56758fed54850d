/* SPDX-License-Identifier: MIT */
/*
 * What Linux's ioatdma (6.1) asks of the engine, for each pattern of polling and for trapped registers:
 * it starts a channel and looks for ACTIVE or IDLE for 20 microseconds; suspends what reads so, and
 * waits until it does not; resets, and waits for the command to go; is interrupted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rig.h"

#define RING	 64
#define RUN	 0x001d /* re-arm; interrupt, abort and status word on errors */
#define VECTOR	 77
#define PATIENCE 21	/* looks at CHANSTS after the first doorbell */
#define LONG	 100000 /* looks while it waits for long: 100 ms */

struct bench {
	struct rig rig;
	struct ioat_desc *ring;
	volatile uint64_t *status;
	volatile uint32_t *doorbell;
	uint8_t *src, *dst;
	uint16_t count;	  /* submitted since the channel was started */
	unsigned channel; /* its first descriptor in the ring */
};

static uint64_t at(const struct bench *b, volatile const void *p)
{
	return rig_iova(&b->rig, (const void *)p);
}

static void wr(struct bench *b, unsigned reg, uint64_t val, unsigned size)
{
	rig_write(&b->rig, CH(reg), val, size);
}

static unsigned state_of(struct bench *b)
{
	return (unsigned)rig_read(&b->rig, CH(IOAT_CHANSTS), 4) & 7;
}

static bool runs(unsigned state)
{
	return state == IOAT_ACTIVE || state == IOAT_IDLE;
}

/* Linux 6.1 ioat_reset_hw: true if it came to an end in time. */
static bool reset_hw(struct bench *b)
{
	unsigned tries = 0;

	if (runs(state_of(b)))
		wr(b, IOAT_CHANCMD, IOAT_CHANCMD_SUSPEND, 1);
	for (; runs(state_of(b)) && tries < LONG; tries++)
		rig_wait(&b->rig);
	wr(b, IOAT_CHANERR, rig_read(&b->rig, CH(IOAT_CHANERR), 4), 4);
	pci_config_write(&b->rig.dev, IOAT_PCI_CHANERR_INT,
		pci_config_read(&b->rig.dev, IOAT_PCI_CHANERR_INT, 4), 4);
	wr(b, IOAT_CHANCMD, IOAT_CHANCMD_RESET, 1);
	for (; rig_read(&b->rig, CH(IOAT_CHANCMD), 1) & IOAT_CHANCMD_RESET && tries < LONG; tries++)
		rig_wait(&b->rig);
	return tries < LONG;
}

static void two_halves(struct bench *b, unsigned reg, uint64_t val)
{
	wr(b, reg, (uint32_t)val, 4);
	wr(b, reg + 4, val >> 32, 4);
}

static void null_desc(struct bench *b)
{
	struct ioat_desc *desc = &b->ring[b->channel % RING];

	desc->control = IOAT_DESC_NULL | IOAT_DESC_INT | IOAT_DESC_COMPLETION;
	desc->size = 1;
	b->count = 1;
	two_halves(b, IOAT_CHAINADDR, at(b, desc));
	wr(b, IOAT_DMACOUNT, b->count, 2);
}

/* Linux 6.1 ioat_alloc_chan_resources: true if the channel starts. */
static bool start(struct bench *b)
{
	unsigned tries = 0;

	wr(b, IOAT_CHANCTRL, RUN, 2);
	*b->status = 0;
	two_halves(b, IOAT_CHANCMP, at(b, b->status));
	null_desc(b);
	while (!runs(state_of(b)) && ++tries < PATIENCE)
		rig_pause(&b->rig);
	return tries < PATIENCE;
}

static void copy(struct bench *b, bool valid)
{
	struct ioat_desc *desc = &b->ring[(b->channel + b->count) % RING];

	desc->control = IOAT_DESC_INT | IOAT_DESC_COMPLETION;
	desc->src = valid ? at(b, b->src) : 0;
	desc->dst = at(b, b->dst);
	desc->size = 2000;
	wr(b, IOAT_DMACOUNT, ++b->count, 2);
}

static bool interrupted(struct bench *b)
{
	bool fired;

	for (unsigned i = 0; i < LONG && *b->doorbell != VECTOR; i++)
		rig_wait(&b->rig);
	fired = *b->doorbell == VECTOR;
	*b->doorbell = 0;
	wr(b, IOAT_CHANCTRL, RUN, 2);
	return fired;
}

static uint64_t last(const struct bench *b)
{
	return at(b, &b->ring[(b->channel + b->count - 1u) % RING]);
}

static void bench_init(struct bench *b, enum rig_pattern pattern, bool trapped)
{
	memset(b, 0, sizeof(*b));
	rig_init(&b->rig, pattern, trapped, NULL);
	b->ring = rig_alloc(&b->rig, RING * sizeof(*b->ring));
	b->status = rig_alloc(&b->rig, 8);
	b->doorbell = rig_alloc(&b->rig, 4);
	b->src = rig_alloc(&b->rig, 4096);
	b->dst = rig_alloc(&b->rig, 4096);
	for (unsigned i = 0; i < RING; i++)
		b->ring[i].next = at(b, &b->ring[(i + 1) % RING]);
	for (unsigned i = 0; i < 4096; i++)
		b->src[i] = (uint8_t)rig_random(&b->rig);
	pci_msix_enable(&b->rig.dev, true);
	pci_msix_set(&b->rig.dev, 0, at(b, b->doorbell), VECTOR);
	rig_write(&b->rig, IOAT_INTRCTRL, IOAT_INTRCTRL_MASTER | IOAT_INTRCTRL_MSIX, 1);
}

static void copies(struct bench *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		memset(b->dst, 0, 2000);
		copy(b, true);
		assert_true(interrupted(b));
		assert_int_equal(*b->status & ~UINT64_C(7), last(b));
		assert_memory_equal(b->dst, b->src, 2000);
	}
}

/* The driver is told by the word in memory, and by CHANSTS too. */
static void failure(struct bench *b)
{
	uint64_t good = last(b);

	copy(b, false);
	assert_true(interrupted(b));
	assert_int_equal(*b->status, good | IOAT_HALTED);
	assert_int_equal(state_of(b), IOAT_HALTED);
	assert_int_equal(rig_read(&b->rig, CH(IOAT_CHANERR), 4), IOAT_ERR_SRC_ADDR);
}

static void run_all(enum rig_pattern pattern, bool trapped)
{
	struct bench b;

	bench_init(&b, pattern, trapped);
	assert_true(reset_hw(&b));		       /* as the channels are enumerated */
	for (unsigned round = 0; round < 8; round++) { /* resources freed and allocated */
		b.channel = 7 * round;
		assert_true(start(&b));
		assert_true(interrupted(&b));
		assert_int_equal(*b.status & ~UINT64_C(7), last(&b));
		copies(&b, round % 3 * 5);
		if (round % 4 == 3)
			failure(&b);
		assert_true(reset_hw(&b));
		assert_int_equal(rig_read(&b.rig, CH(IOAT_CHANERR), 4), 0);
	}
	/* A channel that is told to suspend with nothing to suspend. */
	if (runs(state_of(&b)))
		wr(&b, IOAT_CHANCMD, IOAT_CHANCMD_SUSPEND, 1);
	rig_wait(&b.rig);
	assert_false(runs(state_of(&b)));
	assert_true(reset_hw(&b));
	assert_true(start(&b));
	rig_finish(&b.rig);
}

static void test_polled(void **state)
{
	for (unsigned p = 0; p < RIG_PATTERNS; p++)
		run_all(p, false);
}

static void test_trapped(void **state)
{
	run_all(RIG_LATE, true);
	run_all(RIG_EAGER, true);
}

/* A poller that sleeps: once it has seen RESET, a channel starts without it. */
static void test_start_without_poller(void **state)
{
	struct bench b;

	bench_init(&b, RIG_LATE, false);
	for (unsigned i = 0; i < 3; i++) {
		assert_true(reset_hw(&b));
		wr(&b, IOAT_CHANCTRL, RUN, 2);
		two_halves(&b, IOAT_CHANCMP, at(&b, b.status));
		null_desc(&b);
		assert_true(runs(state_of(&b))); /* at the first look */
		rig_settle(&b.rig);
		assert_int_equal(*b.status, at(&b, b.ring) | IOAT_IDLE);
	}
	/* Another driver, after the device's own reset, finds what it is used to. */
	pci_dev_reset(&b.rig.dev);
	wr(&b, IOAT_CHANCMD, IOAT_CHANCMD_RESET, 1);
	pci_dev_step(&b.rig.dev, 4096);
	assert_int_equal(state_of(&b), IOAT_HALTED);
	rig_finish(&b.rig);
}

/* Configuration space: what the driver clears before a RESET is there. */
static void test_error_registers(void **state)
{
	struct bench b;

	bench_init(&b, RIG_EAGER, false);
	assert_int_equal(pci_config_read(&b.rig.dev, IOAT_PCI_CHANERR_INT, 4), 0);
	assert_true(reset_hw(&b));
	assert_true(start(&b));
	pci_config_write(&b.rig.dev, IOAT_PCI_CHANERRMASK_INT, IOAT_ERR_LENGTH, 4);
	failure(&b);
	assert_int_equal(pci_config_read(&b.rig.dev, IOAT_PCI_CHANERR_INT, 4), IOAT_ERR_SRC_ADDR);
	pci_config_write(&b.rig.dev, IOAT_PCI_CHANERR_INT, 0, 4);
	assert_int_equal(pci_config_read(&b.rig.dev, IOAT_PCI_CHANERR_INT, 4), IOAT_ERR_SRC_ADDR);
	pci_config_write(&b.rig.dev, IOAT_PCI_CHANERR_INT, IOAT_ERR_SRC_ADDR, 4);
	assert_int_equal(pci_config_read(&b.rig.dev, IOAT_PCI_CHANERR_INT, 4), 0);
	assert_int_equal(pci_config_read(&b.rig.dev, IOAT_PCI_CHANERRMASK_INT, 4), IOAT_ERR_LENGTH);
	rig_finish(&b.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_polled),
		cmocka_unit_test(test_trapped),
		cmocka_unit_test(test_start_without_poller),
		cmocka_unit_test(test_error_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
