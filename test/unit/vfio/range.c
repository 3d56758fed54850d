/* SPDX-License-Identifier: MIT */
/* Splitting a range into the commands of IHI 0070 4.4.1.1: each page once, in few commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vfio/nested.h"

/* One for each 5 bits of the number, and what is left of the last. */
#define MAX_COMMANDS 8

static void split(uint64_t pages)
{
	unsigned scale, num, commands = 0;
	uint64_t left = pages, taken;

	while (left) {
		taken = vfio_nested_range(left, &scale, &num);
		assert_true(scale <= 31 && num <= 31);
		assert_int_equal(taken, (uint64_t)(num + 1) << scale);
		assert_true(taken && taken <= left);
		left -= taken;
		assert_true(++commands <= MAX_COMMANDS);
	}
}

static void test_small(void **state)
{
	for (uint64_t pages = 1; pages < 1 << 17; pages++)
		split(pages);
}

/* Around each power of two, up to the largest. */
static void test_large(void **state)
{
	const uint64_t end = UINT64_C(1) << VFIO_NESTED_RANGE_LG2;

	for (unsigned lg2 = 17; lg2 <= VFIO_NESTED_RANGE_LG2; lg2++)
		for (uint64_t d = 0; d < 1 << 12; d++) {
			split((UINT64_C(1) << lg2) - 1 - d);
			if ((UINT64_C(1) << lg2) + d < end)
				split((UINT64_C(1) << lg2) + d);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_small),
		cmocka_unit_test(test_large) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
