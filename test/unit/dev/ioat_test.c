/* SPDX-License-Identifier: MIT */
/* The engine itself: sizes, chains, errors, commands, interrupts, and programs that mean harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bits.h"
#include "dev/models.h"
#include "rig.h"

#define RUN 0x000d /* CHANCTRL: re-arm, abort on errors, status word on errors */

struct bench {
	struct rig rig;
	struct ioat_desc *ring; /* 64 descriptors, in a ring */
	volatile uint64_t *status;
	uint8_t *src, *dst; /* 4 MiB each */
};

static uint64_t at(const struct bench *b, const void *p)
{
	return rig_iova(&b->rig, p);
}

static void setup(struct bench *b, bool trapped, const uint64_t *options)
{
	rig_init(&b->rig, RIG_LATE, trapped, options);
	b->ring = rig_alloc(&b->rig, 64 * sizeof(*b->ring));
	b->status = rig_alloc(&b->rig, 8);
	b->src = rig_alloc(&b->rig, MIB(4));
	b->dst = rig_alloc(&b->rig, MIB(4));
	for (unsigned i = 0; i < 64; i++)
		b->ring[i].next = at(b, &b->ring[(i + 1) % 64]);
	for (unsigned i = 0; i < 65599; i++)
		b->src[i] = (uint8_t)rig_random(&b->rig);
	for (unsigned i = 65599; i < MIB(4); i += 65599) /* prime: no period that a copy has */
		memcpy(b->src + i, b->src, MIN(65599, MIB(4) - i));
}

static void wr(struct bench *b, unsigned reg, uint64_t val, unsigned size)
{
	rig_write(&b->rig, CH(reg), val, size);
}

static uint64_t rd(struct bench *b, unsigned reg, unsigned size)
{
	return rig_read(&b->rig, CH(reg), size);
}

static void start(struct bench *b)
{
	wr(b, IOAT_CHANCMD, IOAT_CHANCMD_RESET, 1);
	pci_dev_step(&b->rig.dev, 1);
	wr(b, IOAT_CHAINADDR, at(b, b->ring), 8);
	wr(b, IOAT_CHANCMP, at(b, (void *)b->status), 8);
	wr(b, IOAT_CHANCTRL, RUN, 2);
	pci_dev_step(&b->rig.dev, 1);
	*b->status = 0;
}

static void desc(
	struct bench *b, unsigned i, uint32_t control, uint64_t src, uint64_t dst, uint32_t size)
{
	struct ioat_desc *d = &b->ring[i % 64];

	d->control = control;
	d->src = src;
	d->dst = dst;
	d->size = size;
}

static void copy_desc(struct bench *b, unsigned i, uint64_t src_off, uint64_t dst_off, uint32_t n)
{
	desc(b, i, IOAT_DESC_COMPLETION, at(b, b->src) + src_off, at(b, b->dst) + dst_off, n);
}

static void ring_and_settle(struct bench *b, uint16_t count)
{
	wr(b, IOAT_DMACOUNT, count, 2);
	assert_true(rig_settle(&b->rig));
}

static void test_sizes(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 3, 7, 8, 63, 64, 65, 4095, 4096, 4097, 65535, 65537,
		1000001, 1 << 20 };
	struct bench b;
	uint16_t count = 0;

	setup(&b, false, NULL);
	start(&b);
	for (unsigned i = 0; i < ARRAY_LEN(sizes) * 4; i++) {
		uint32_t n = sizes[i / 4], s = i % 4 * 3, d = i % 4 / 2 * 5;

		memset(b.dst, 0x5a, n + 64);
		copy_desc(&b, count, s, d + 8, n);
		ring_and_settle(&b, ++count);
		assert_memory_equal(b.dst + d + 8, b.src + s, n);
		assert_int_equal(b.dst[d + 7], 0x5a);
		assert_int_equal(b.dst[d + 8 + n], 0x5a);
		assert_int_equal(*b.status, at(&b, &b.ring[(count - 1) % 64]) | IOAT_IDLE);
		/* The truth is in memory; the register is at rest (poll.c's contract). */
		assert_int_equal(rd(&b, IOAT_CHANSTS, 8),
			at(&b, &b.ring[(count - 1) % 64]) | IOAT_SUSPENDED);
	}
	rig_finish(&b.rig);
}

/* A transfer larger than the budget goes on in the next step, to the byte. */
static void test_budget(void **state)
{
	struct bench b;
	unsigned steps = 0;

	setup(&b, false, NULL);
	start(&b);
	copy_desc(&b, 0, 1, 3, 1 << 20);
	desc(&b, 1, 0x01000008, UINT64_C(0x0807060504030201), at(&b, b.dst) + MIB(2) + 1, 100003);
	wr(&b, IOAT_DMACOUNT, 2, 2);
	while (pci_dev_step(&b.rig.dev, 4099))
		assert_true(++steps < 2000);
	assert_true(steps > 260);
	assert_memory_equal(b.dst + 3, b.src + 1, 1 << 20);
	for (unsigned i = 0; i < 100003; i++)
		assert_int_equal(b.dst[MIB(2) + 1 + i], i % 8 + 1);
	assert_int_equal(b.dst[MIB(2) + 1 + 100003], 0);
	rig_finish(&b.rig);
}

static void test_null_and_state_of_word(void **state)
{
	struct bench b;

	setup(&b, false, NULL);
	start(&b);
	desc(&b, 0, IOAT_DESC_NULL | IOAT_DESC_COMPLETION, 0, 0, 1);
	ring_and_settle(&b, 1);
	assert_int_equal(*b.status, at(&b, &b.ring[0]) | IOAT_IDLE);
	/* The last one that wants a word is not the last one done: the engine was still active. */
	copy_desc(&b, 1, 0, 0, 64);
	desc(&b, 2, 0, at(&b, b.src), at(&b, b.dst) + 64, 64);
	ring_and_settle(&b, 3);
	assert_int_equal(*b.status, at(&b, &b.ring[1]) | IOAT_ACTIVE);
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8), at(&b, &b.ring[2]) | IOAT_SUSPENDED);
	rig_finish(&b.rig);
}

/* Rows: a bad second descriptor, and what CHANERR says. */
static const struct {
	uint32_t control, size, error;
	bool bad_src, bad_dst;
} bad_descs[] = {
	{ 0x00000008, 64, IOAT_ERR_SRC_ADDR, true, false },
	{ 0x00000008, 64, IOAT_ERR_DST_ADDR, false, true },
	{ 0x00000008, 64, IOAT_ERR_SRC_ADDR, true, true },
	{ 0x01000008, 64, IOAT_ERR_DST_ADDR, false, true },
	{ 0x00000008, 0, IOAT_ERR_LENGTH, false, false },
	{ 0x00000008, (1 << 20) + 1, IOAT_ERR_LENGTH, false, false },
	{ 0x00000008, UINT32_MAX, IOAT_ERR_LENGTH, false, false },
	{ 0x02000008, 64, IOAT_ERR_CONTROL, false, false },
	{ 0x87000008, 64, IOAT_ERR_CONTROL, false, false },
	{ 0xff000028, 64, IOAT_ERR_CONTROL, false, false },
};

static void test_errors(void **state)
{
	struct bench b;

	setup(&b, false, NULL);
	for (unsigned i = 0; i < ARRAY_LEN(bad_descs); i++) {
		start(&b);
		copy_desc(&b, 0, 0, 0, 64);
		copy_desc(&b, 2, 64, 128, 64);
		memset(b.dst, 0, 256);
		desc(&b, 1, bad_descs[i].control, bad_descs[i].bad_src ? 0 : at(&b, b.src),
			bad_descs[i].bad_dst ? 0x1000 : at(&b, b.dst) + 64, bad_descs[i].size);
		ring_and_settle(&b, 3);
		assert_int_equal(rd(&b, IOAT_CHANERR, 4), bad_descs[i].error);
		assert_int_equal(*b.status, at(&b, &b.ring[0]) | IOAT_HALTED);
		assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_ARMED);
		assert_memory_equal(b.dst, b.src, 64);
		assert_int_equal(b.dst[128], 0);
		/* Halted: a doorbell alone does nothing. */
		ring_and_settle(&b, 4);
		assert_int_equal(*b.status, at(&b, &b.ring[0]) | IOAT_HALTED);
		wr(&b, IOAT_DMACOUNT, 0x8003, 2);
	}
	rig_finish(&b.rig);
}

static void test_chain_errors(void **state)
{
	struct bench b;
	static const struct {
		uint64_t chain, next;
		uint32_t error;
	} rows[] = {
		{ 0, 0, IOAT_ERR_CHAIN_ADDR },
		{ RIG_RAM + 32, 0, IOAT_ERR_CHAIN_ADDR },
		{ RIG_RAM, 0, IOAT_ERR_NEXT_ADDR },
		{ RIG_RAM, RIG_RAM + 8, IOAT_ERR_NEXT_ALIGN },
		{ RIG_RAM, UINT64_MAX - 63, IOAT_ERR_NEXT_ADDR },
	};

	setup(&b, false, NULL);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		start(&b);
		copy_desc(&b, 0, 0, 0, 64);
		b.ring[0].next = rows[i].next;
		wr(&b, IOAT_CHAINADDR, rows[i].chain, 8);
		*b.status = 0x55;
		ring_and_settle(&b, 2);
		assert_int_equal(rd(&b, IOAT_CHANERR, 4), rows[i].error);
		assert_int_equal(*b.status, (rows[i].next   ? RIG_RAM
						    : i < 2 ? 0
							    : RIG_RAM) |
						    IOAT_HALTED);
		wr(&b, IOAT_DMACOUNT, 0x8002, 2);
	}
	rig_finish(&b.rig);
}

static void test_addresses_wrap(void **state)
{
	struct bench b;

	setup(&b, false, NULL);
	start(&b);
	desc(&b, 0, 8, UINT64_MAX - 10, at(&b, b.dst), 64);
	ring_and_settle(&b, 1);
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), IOAT_ERR_SRC_ADDR);
	start(&b);
	desc(&b, 0, 8, at(&b, b.src), UINT64_MAX - 10, 64);
	ring_and_settle(&b, 1);
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), IOAT_ERR_DST_ADDR);
	rig_finish(&b.rig);
}

/* The status word itself goes nowhere. */
static void test_completion_error(void **state)
{
	struct bench b;

	setup(&b, false, NULL);
	start(&b);
	copy_desc(&b, 0, 0, 0, 64);
	wr(&b, IOAT_CHANCMP, 0x1000, 8);
	ring_and_settle(&b, 1);
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), IOAT_ERR_COMPLETION);
	assert_memory_equal(b.dst, b.src, 64);
	assert_int_equal(*b.status, 0);
	rig_finish(&b.rig);
}

/* A driver without the word in memory (Linux's VFIO selftests): CHANSTS tells it all. */
static void test_without_status_word(void **state)
{
	struct bench b;
	const uint64_t options[] = { 0x33, 1, 20, 1, 4, 1, 0 };

	setup(&b, false, options);
	assert_int_equal(rig_read(&b.rig, IOAT_CBVER, 1), 0x33);
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_SUSPENDED);
	wr(&b, IOAT_CHANCMD, IOAT_CHANCMD_RESET, 1);
	assert_true(pci_dev_step(&b.rig.dev, 4096));
	assert_int_equal(rd(&b, IOAT_CHANCMD, 1), 0);
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_HALTED);
	b.ring[0].next = at(&b, b.ring);
	for (unsigned round = 0; round < 5; round++) {
		desc(&b, 0, 0, at(&b, b.src), round == 3 ? 0 : at(&b, b.dst), 4096);
		memset(b.dst, 0, 4096);
		wr(&b, IOAT_CHAINADDR, at(&b, b.ring), 8);
		wr(&b, IOAT_CHANCTRL, 0x0009, 2);
		ring_and_settle(&b, 3);
		assert_int_equal(rd(&b, IOAT_CHANSTS, 8) & 7, round == 3 ? IOAT_HALTED : IOAT_IDLE);
		assert_int_equal(memcmp(b.dst, b.src, 4096) != 0, round == 3);
		wr(&b, IOAT_CHANCMD, round == 3 ? IOAT_CHANCMD_RESET : IOAT_CHANCMD_SUSPEND, 1);
		pci_dev_step(&b.rig.dev, 4096);
		assert_int_equal(
			rd(&b, IOAT_CHANSTS, 8) & 7, round == 3 ? IOAT_HALTED : IOAT_SUSPENDED);
		assert_int_equal(rd(&b, IOAT_CHANERR, 4), 0);
	}
	rig_finish(&b.rig);
}

static void test_verdict_lapses(void **state)
{
	struct bench b;

	setup(&b, false, NULL);
	wr(&b, IOAT_CHANCMD, IOAT_CHANCMD_RESET, 1);
	assert_true(pci_dev_step(&b.rig.dev, 4096));
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_HALTED);
	rig_sleep_ms(6);
	assert_true(pci_dev_step(&b.rig.dev, 4096));
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_SUSPENDED);
	assert_false(pci_dev_step(&b.rig.dev, 4096));
	rig_finish(&b.rig);
}

static void test_suspend_resume(void **state)
{
	for (unsigned trapped = 0; trapped < 2; trapped++) {
		struct bench b;

		setup(&b, trapped, NULL);
		start(&b);
		for (unsigned i = 0; i < 8; i++)
			copy_desc(&b, i, i * 65536, i * 65536, 65536);
		wr(&b, IOAT_DMACOUNT, 8, 2);
		pci_dev_step(&b.rig.dev, 100000);
		wr(&b, IOAT_CHANCMD, IOAT_CHANCMD_SUSPEND, 1);
		assert_true(rig_settle(&b.rig));
		assert_int_equal(rd(&b, IOAT_CHANSTS, 8) & 7, IOAT_SUSPENDED);
		assert_int_equal(*b.status, 0);
		assert_int_equal(b.dst[4 * 65536], 0);
		wr(&b, IOAT_CHANCMD, IOAT_CHANCMD_RESUME, 1);
		assert_true(rig_settle(&b.rig));
		assert_memory_equal(b.dst, b.src, 8 * 65536);
		assert_int_equal(*b.status, at(&b, &b.ring[7]) | IOAT_IDLE);
		/* Suspended again, and started afresh: counts from 0. */
		wr(&b, IOAT_CHANCMD, IOAT_CHANCMD_SUSPEND, 1);
		assert_true(rig_settle(&b.rig));
		wr(&b, IOAT_CHAINADDR, at(&b, &b.ring[4]), 8);
		ring_and_settle(&b, 1);
		assert_int_equal(*b.status, at(&b, &b.ring[4]) | IOAT_IDLE);
		rig_finish(&b.rig);
	}
}

static void reset_mid_chain(bool trapped, uint8_t cmd)
{
	struct bench b;

	setup(&b, trapped, NULL);
	start(&b);
	for (unsigned i = 0; i < 64; i++)
		copy_desc(&b, i, i * 65536, i * 65536, 65536);
	wr(&b, IOAT_DMACOUNT, 60, 2);
	pci_dev_step(&b.rig.dev, 100000);
	wr(&b, IOAT_CHANCMD, cmd, 1);
	assert_true(rig_settle(&b.rig));
	assert_int_equal(rd(&b, IOAT_CHANCMD, 1), 0);
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8) & 7, trapped ? IOAT_HALTED : IOAT_SUSPENDED);
	assert_int_equal(rd(&b, IOAT_DMACOUNT, 2), 0);
	assert_int_equal(b.dst[20 * 65536], 0);
	assert_int_equal(*b.status, 0);
	wr(&b, IOAT_CHAINADDR, at(&b, &b.ring[32]), 8);
	if (trapped)
		assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_ARMED);
	ring_and_settle(&b, 2);
	assert_int_equal(*b.status, at(&b, &b.ring[33]) | IOAT_IDLE);
	assert_memory_equal(b.dst + 32 * 65536, b.src + 32 * 65536, 2 * 65536);
	assert_int_equal(b.dst[34 * 65536], 0);
	rig_finish(&b.rig);
}

static void test_reset_mid_chain(void **state)
{
	for (unsigned trapped = 0; trapped < 2; trapped++) {
		reset_mid_chain(trapped, IOAT_CHANCMD_RESET);
		reset_mid_chain(trapped, IOAT_CHANCMD_ABORT);
	}
}

/* The poller sleeps through RESET and the doorbell behind it; the count is the same each time. */
static void test_late_reset_keeps_the_doorbell(void **state)
{
	struct bench b;

	setup(&b, false, NULL);
	start(&b);
	copy_desc(&b, 0, 0, 0, 64);
	for (unsigned i = 0; i < 200; i++) {
		uint8_t cmd = i % 3 ? IOAT_CHANCMD_RESET : IOAT_CHANCMD_SUSPEND;

		*b.status = 0;
		b.dst[0] = (uint8_t)~b.src[0];
		wr(&b, IOAT_CHANCMD, cmd, 1);
		wr(&b, IOAT_CHAINADDR, at(&b, b.ring), 8);
		if (i % 5 == 0)
			pci_dev_step(&b.rig.dev, 4096);
		ring_and_settle(&b, 1);
		assert_int_equal(*b.status, at(&b, b.ring) | IOAT_IDLE);
		assert_int_equal(b.dst[0], b.src[0]);
	}
	rig_finish(&b.rig);
}

static void test_bus_master_disabled(void **state)
{
	struct bench b;

	for (unsigned trapped = 0; trapped < 2; trapped++) {
		setup(&b, trapped, NULL);
		start(&b);
		copy_desc(&b, 0, 0, 0, 64);
		pci_config_write(&b.rig.dev, 4, 0x0002, 2);
		memset(b.dst, 0, 64);
		wr(&b, IOAT_DMACOUNT, 1, 2);
		assert_false(pci_dev_step(&b.rig.dev, 65536));
		assert_int_equal(b.rig.dev.master.bytes_read + b.rig.dev.master.bytes_written, 0);
		assert_int_equal(b.dst[0], 0);
		assert_int_equal(*b.status, 0);
		pci_config_write(&b.rig.dev, 4, 0x0006, 2);
		assert_true(rig_settle(&b.rig));
		assert_memory_equal(b.dst, b.src, 64);
		rig_finish(&b.rig);
	}
}

/* A vector's address is memory here: what arrives can be looked at. */
static void test_interrupts(void **state)
{
	struct bench b;
	uint32_t *doorbell;

	setup(&b, false, NULL);
	doorbell = rig_alloc(&b.rig, 4);
	pci_msix_enable(&b.rig.dev, true);
	pci_msix_set(&b.rig.dev, 0, at(&b, doorbell), 77);
	start(&b);
	copy_desc(&b, 0, 0, 0, 64);
	ring_and_settle(&b, 1);
	assert_int_equal(*doorbell, 0);
	b.ring[1] = b.ring[2] = b.ring[3] = b.ring[0];
	b.ring[1].control |= IOAT_DESC_INT;
	b.ring[1].next = at(&b, &b.ring[2]);
	b.ring[2].control |= IOAT_DESC_INT;
	b.ring[2].next = at(&b, &b.ring[3]);
	ring_and_settle(&b, 2); /* INTRCTRL is 0: none, but it has attention */
	assert_int_equal(*doorbell, 0);
	assert_int_equal(rig_read(&b.rig, IOAT_ATTNSTATUS, 4), 1);
	assert_int_equal(rig_read(&b.rig, IOAT_INTRCTRL, 1), IOAT_INTRCTRL_STATUS);
	rig_write(&b.rig, IOAT_INTRCTRL, IOAT_INTRCTRL_MSIX, 1);
	ring_and_settle(&b, 3); /* not re-armed: waits */
	assert_int_equal(*doorbell, 0);
	wr(&b, IOAT_CHANCTRL, RUN, 2);
	assert_true(rig_settle(&b.rig));
	assert_int_equal(*doorbell, 77);
	rig_finish(&b.rig);
}

static void test_error_interrupt(void **state)
{
	struct bench b;
	uint32_t *doorbell;

	setup(&b, true, NULL);
	doorbell = rig_alloc(&b.rig, 4);
	pci_msix_enable(&b.rig.dev, true);
	pci_msix_set(&b.rig.dev, 0, at(&b, doorbell), 5);
	rig_write(&b.rig, IOAT_INTRCTRL, IOAT_INTRCTRL_MASTER, 1);
	for (unsigned masked = 0; masked < 2; masked++) {
		start(&b);
		*doorbell = 0;
		desc(&b, 0, 0, 0, 0, 64);
		wr(&b, IOAT_CHANCTRL, RUN | IOAT_CHANCTRL_ERR_INT, 2);
		wr(&b, IOAT_CHANERRMASK, masked ? IOAT_ERR_SRC_ADDR : 0, 4);
		ring_and_settle(&b, 1);
		assert_int_equal(*doorbell, masked ? 0 : 5);
		assert_int_equal(rd(&b, IOAT_CHANSTS, 8) & 7, IOAT_HALTED);
	}
	assert_int_equal(rig_read(&b.rig, IOAT_INTRCTRL, 1) & 1, 1);
	assert_int_equal(rig_read(&b.rig, IOAT_INTRCTRL, 1) & 1, 0); /* reading switched it off */
	rig_finish(&b.rig);
}

static void test_trapped_registers(void **state)
{
	struct bench b;

	setup(&b, true, NULL);
	assert_int_equal(rig_read(&b.rig, 0, 4), 0x1401);
	rig_write(&b.rig, 0, 0xffffffff, 4);
	assert_int_equal(
		rig_read(&b.rig, 0, 4), 0x09011401); /* GENCTRL, INTRCTRL: what is writable */
	assert_int_equal(rig_read(&b.rig, IOAT_CBVER, 4), 0x34);
	assert_int_equal(rig_read(&b.rig, IOAT_DMACAPABILITY, 4), IOAT_DMACAP_FILL);
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_HALTED);
	wr(&b, IOAT_CHAINADDR + 4, 0x12, 4);
	wr(&b, IOAT_CHAINADDR, 0x34567840, 4);
	assert_int_equal(rd(&b, IOAT_CHAINADDR, 8), UINT64_C(0x1234567840));
	assert_int_equal(rd(&b, IOAT_CHAINADDR + 1, 1), 0x78);
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_ARMED);
	wr(&b, IOAT_CHANSTS, 0, 8);
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_ARMED);
	wr(&b, IOAT_CHANCMP, UINT64_MAX, 8);
	assert_int_equal(rd(&b, IOAT_CHANCMP, 8), ~UINT64_C(7));
	/* CHANERR: 1 clears, and only what was written. */
	wr(&b, IOAT_CHANCMD, IOAT_CHANCMD_RESET, 1);
	wr(&b, IOAT_CHAINADDR, 32, 8);
	ring_and_settle(&b, 1);
	wr(&b, IOAT_CHANERR, 0, 4);
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), IOAT_ERR_CHAIN_ADDR);
	wr(&b, IOAT_CHANERR + 1, 0xff, 1);
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), IOAT_ERR_CHAIN_ADDR);
	wr(&b, IOAT_CHANERR, 0xff, 1);
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), 0);
	rig_finish(&b.rig);
}

static void test_polled_chanerr(void **state)
{
	struct bench b;

	setup(&b, false, NULL);
	start(&b);
	wr(&b, IOAT_CHAINADDR, 32, 8);
	ring_and_settle(&b, 1);
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), IOAT_ERR_CHAIN_ADDR);
	wr(&b, IOAT_CHANERR, 0, 4);
	assert_true(rig_settle(&b.rig));
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), IOAT_ERR_CHAIN_ADDR);
	wr(&b, IOAT_CHANERR, UINT32_MAX, 4);
	assert_true(rig_settle(&b.rig));
	assert_int_equal(rd(&b, IOAT_CHANERR, 4), 0);
	rig_finish(&b.rig);
}

/* A chain of one that points to itself, and the largest count: bounded work for each step. */
static void test_loop_is_bounded(void **state)
{
	struct bench b;
	unsigned steps = 0;

	setup(&b, false, NULL);
	start(&b);
	b.ring[0].next = at(&b, b.ring);
	desc(&b, 0, IOAT_DESC_NULL | IOAT_DESC_COMPLETION, 0, 0, 0);
	wr(&b, IOAT_DMACOUNT, 0xffff, 2);
	while (pci_dev_step(&b.rig.dev, 4096)) {
		assert_true(b.rig.dev.master.bytes_read <= (steps + 1) * 64 * 20);
		steps++;
	}
	assert_true(steps >= 65535 / 16);
	assert_int_equal(*b.status, at(&b, b.ring) | IOAT_IDLE);
	rig_finish(&b.rig);
}

/* A descriptor that is overwritten by its own transfer, and a status word within the chain. */
static void test_self_modifying(void **state)
{
	struct bench b;

	setup(&b, false, NULL);
	start(&b);
	for (unsigned i = 0; i < 64; i++)
		desc(&b, i, 8, at(&b, b.src), at(&b, b.ring), 4096);
	wr(&b, IOAT_CHANCMP, at(&b, &b.ring[3]), 8);
	ring_and_settle(&b, 64);
	desc(&b, 0, 8, at(&b, b.src), at(&b, b.src) + 1, 100000); /* overlapping */
	rig_finish(&b.rig);
}

/* Random stores to every register, in the mapping and trapped, with memory that is no chain. */
static void test_random_stores(void **state)
{
	for (unsigned round = 0; round < 24; round++) {
		struct bench b;
		const uint64_t options[] = { 0x34, 1 + round % 4, 12 + round % 9, 1, 4, 1, 0 };

		setup(&b, round & 1, options);
		b.rig.seed = round;
		for (unsigned i = 0; i < 3000; i++) {
			unsigned size = 1u << rig_random(&b.rig) % 4;
			unsigned off = rig_random(&b.rig) % 0x300 & ~(size - 1);
			uint64_t val = rig_random(&b.rig) % 3 ? rig_random(&b.rig) & 0x3f
							      : RIG_RAM + rig_random(&b.rig);

			rig_write(&b.rig, off, val, size);
			rig_read(&b.rig, rig_random(&b.rig) % 0x300 & ~(size - 1), size);
			pci_dev_step(&b.rig.dev, rig_random(&b.rig) % 8192);
		}
		pci_dev_reset(&b.rig.dev);
		assert_int_equal(rig_read(&b.rig, IOAT_CHANCNT, 1), 1 + round % 4);
		assert_int_equal(b.rig.map[0x2ff], 0);
		rig_finish(&b.rig);
	}
}

static void test_channels(void **state)
{
	const uint64_t options[] = { 0x33, 4, 12, 1, 4, 1, 0 };
	struct bench b;

	setup(&b, false, options);
	for (unsigned c = 0; c < 4; c++) {
		uint64_t base = (c + 1) * IOAT_CHANNEL_BYTES;
		unsigned i = c * 4;

		copy_desc(&b, i, c * 8192, c * 8192, 4096);
		copy_desc(&b, i + 1, c * 8192 + 4096, c * 8192 + 4096, c == 3 ? 4097 : 4096);
		b.ring[i].control = b.ring[i + 1].control = 0; /* CHANCMP is not set up */
		rig_write(&b.rig, base + IOAT_CHAINADDR, at(&b, &b.ring[i]), 8);
		rig_write(&b.rig, base + IOAT_DMACOUNT, 2, 2);
	}
	assert_true(rig_settle(&b.rig));
	assert_memory_equal(b.dst, b.src, 7 * 4096);
	assert_int_equal(rig_read(&b.rig, 4 * 0x80 + IOAT_CHANERR, 4), IOAT_ERR_LENGTH);
	assert_int_equal(rig_read(&b.rig, 3 * 0x80 + IOAT_CHANERR, 4), 0);
	rig_finish(&b.rig);
}

/* FLR in the middle: nothing of the chain goes on, and nothing of the program stays in the BAR. */
static void test_flr(void **state)
{
	struct bench b;

	setup(&b, false, NULL);
	start(&b);
	for (unsigned i = 0; i < 64; i++)
		copy_desc(&b, i, i * 65536, i * 65536, 65536);
	b.rig.map[0x3f00] = 1;
	wr(&b, IOAT_DMACOUNT, 60, 2);
	pci_dev_step(&b.rig.dev, 100000);
	pci_config_write(&b.rig.dev, b.rig.dev.cap_pcie + 8, 0x8000, 2);
	assert_int_equal(pci_config_read(&b.rig.dev, b.rig.dev.cap_pcie + 8, 2) & 0x8000, 0);
	assert_false(pci_dev_step(&b.rig.dev, 100000));
	assert_int_equal(b.dst[20 * 65536], 0);
	assert_int_equal(rd(&b, IOAT_CHAINADDR, 8), 0);
	assert_int_equal(b.rig.map[0x3f00], 0);
	assert_int_equal(rd(&b, IOAT_CHANSTS, 8), IOAT_SUSPENDED);
	rig_finish(&b.rig);
}

static void test_models(void **state)
{
	assert_ptr_equal(dev_model_find("ioat"), dev_models[0]);
	assert_null(dev_model_find("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_null_and_state_of_word),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_chain_errors),
		cmocka_unit_test(test_addresses_wrap),
		cmocka_unit_test(test_completion_error),
		cmocka_unit_test(test_without_status_word),
		cmocka_unit_test(test_verdict_lapses),
		cmocka_unit_test(test_suspend_resume),
		cmocka_unit_test(test_reset_mid_chain),
		cmocka_unit_test(test_late_reset_keeps_the_doorbell),
		cmocka_unit_test(test_bus_master_disabled),
		cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_error_interrupt),
		cmocka_unit_test(test_trapped_registers),
		cmocka_unit_test(test_polled_chanerr),
		cmocka_unit_test(test_loop_is_bounded),
		cmocka_unit_test(test_self_modifying),
		cmocka_unit_test(test_random_stores),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_flr),
		cmocka_unit_test(test_models),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
