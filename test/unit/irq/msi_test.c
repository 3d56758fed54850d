/* SPDX-License-Identifier: MIT */
/* The MSI controller: vectors one by one and in blocks, who may raise them, and that it is bounded. */
#include "irq/msi.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SID	 0x100
#define OTHER	 0x200
#define DOORBELL UINT64_C(0x8000000)
#define ALL	 65536

static struct nb_mem *mem;
static struct msi_controller *ctrl;
static unsigned fired[64];

static int setup(void **state)
{
	mem = nb_mem_create(40);
	ctrl = msi_controller_create(mem, NB_PA(DOORBELL));
	for (unsigned i = 0; i < 64; i++)
		fired[i] = 0;
	return !mem || !ctrl;
}

static int teardown(void **state)
{
	msi_controller_destroy(ctrl);
	nb_mem_destroy(mem);
	return 0;
}

static void count(void *ctx)
{
	++*(unsigned *)ctx;
}

static void write_doorbell(uint32_t sid, uint32_t data)
{
	assert_int_equal(
		nb_mem_write(mem, NB_PA(DOORBELL + MSI_TRANSLATER), &data, sizeof(data), sid), 0);
}

static int block(unsigned n, uint32_t *data)
{
	return msi_alloc_block(ctrl,
		&(struct msi_block){ .sid = SID,
			.vectors = n,
			.fn = count,
			.ctx = fired,
			.ctx_bytes = sizeof(*fired) },
		data);
}

static void blocks_are_aligned(void **state)
{
	uint32_t single, data, last;

	assert_int_equal(msi_alloc(ctrl, SID, count, &fired[40], &single), 0);
	for (unsigned n = 1; n <= 32; n *= 2) {
		assert_int_equal(block(n, &data), 0);
		assert_int_equal(data % n, 0);
		assert_false(single >= data && single < data + n);
		for (unsigned i = 0; i < n; i++) {
			fired[i] = 0;
			write_doorbell(OTHER, data + i); /* not its vector */
			assert_int_equal(fired[i], 0);
			write_doorbell(SID, data + i);
			assert_int_equal(fired[i], 1);
		}
		for (unsigned i = 0; i < n; i++)
			msi_free(ctrl, SID, data + i);
		write_doorbell(SID, data);
		assert_int_equal(fired[0], 1);
		/* What was freed is taken again. */
		assert_int_equal(block(n, &last), 0);
		assert_int_equal(last, data);
		for (unsigned i = 0; i < n; i++)
			msi_free(ctrl, SID, last + i);
	}
	write_doorbell(SID, single);
	assert_int_equal(fired[40], 1);
	msi_free(ctrl, SID, single);
}

/* Between two single ones there is room for a small block only. */
static void holes(void **state)
{
	uint32_t data[8], pair, four;

	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(msi_alloc(ctrl, SID, count, &fired[i], &data[i]), 0);
	for (unsigned i = 1; i < 5; i++) /* 1 to 4 */
		msi_free(ctrl, SID, data[i]);
	assert_int_equal(block(4, &four), 0);
	assert_int_equal(four, 8);
	assert_int_equal(block(2, &pair), 0);
	assert_int_equal(pair, 2);
	assert_int_equal(block(1, &data[1]), 0);
	assert_int_equal(data[1], 1);
}

static void full(void **state)
{
	uint32_t data, first;
	unsigned n = 0;

	while (!block(32, &data))
		n += 32;
	assert_int_equal(n, ALL);
	assert_int_equal(block(32, &data), -ENOSPC);
	assert_int_equal(block(1, &data), -ENOSPC);
	assert_int_equal(msi_alloc(ctrl, SID, count, fired, &data), -ENOSPC);
	for (first = 64; first < 80; first++)
		msi_free(ctrl, SID, first);
	assert_int_equal(block(32, &data), -ENOSPC);
	assert_int_equal(block(16, &data), 0);
	assert_int_equal(data, 64);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(blocks_are_aligned),
		T(holes),
		T(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
