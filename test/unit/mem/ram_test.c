/* SPDX-License-Identifier: MIT */
/* Simulated RAM: alignment, zeroing, charge, exhaustion, merging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "mem/ram.h"

#define BASE (GIB(1) + 0x3000)

static void blocks(void **state)
{
	struct nb_mem *mem = nb_mem_create(40);
	struct ram *ram = ram_create(mem, NB_PA(BASE), MIB(8));
	static const uint64_t sizes[] = { KIB(4), KIB(64), KIB(128), KIB(4), MIB(2), KIB(8) };
	nb_pa pa[ARRAY_LEN(sizes)];
	unsigned round, i;
	uint64_t b, word;
	uint8_t *ptr;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_LEN(sizes); i++) {
			assert_true(ram_alloc(ram, sizes[i], NULL, &pa[i], (void **)&ptr));
			assert_true(is_aligned(pa[i].v, sizes[i]));
			assert_ptr_equal(ram_ptr(ram, pa[i]), ptr);
			for (b = 0; b < sizes[i]; b++)
				assert_int_equal(ptr[b], 0);
			memset(ptr, 0x40 + i, sizes[i]);
			assert_int_equal(nb_mem_load64(mem, pa[i], &word), 0);
			assert_int_equal(word & 0xff, 0x40 + i);
		}
		for (i = 0; i < ARRAY_LEN(sizes); i++) {
			assert_int_equal(((uint8_t *)ram_ptr(ram, pa[i]))[sizes[i] - 1], 0x40 + i);
			ram_free(ram, pa[i], sizes[i], NULL);
		}
		assert_int_equal(ram_used(ram), 0);
	}
	ram_destroy(ram);
	nb_mem_destroy(mem);
}

static void charges(void **state)
{
	struct nb_mem *mem = nb_mem_create(40);
	struct ram *ram = ram_create(mem, NB_PA(0), MIB(4));
	struct charge charge = { .limit = KIB(12) };
	nb_pa a, b, c;
	void *ptr;

	assert_true(ram_alloc(ram, KIB(8), &charge, &a, &ptr));
	assert_false(ram_alloc(ram, KIB(8), &charge, &c, &ptr));
	assert_true(ram_alloc(ram, KIB(4), &charge, &b, &ptr));
	assert_false(ram_alloc(ram, KIB(4), &charge, &c, &ptr));
	assert_int_equal(charge.used, KIB(12));
	assert_int_equal(ram_used(ram), KIB(12));
	ram_free(ram, a, KIB(8), &charge);
	ram_free(ram, b, KIB(4), &charge);
	assert_int_equal(charge.used, 0);
	ram_destroy(ram);
	nb_mem_destroy(mem);
}

static void exhaustion(void **state)
{
	struct nb_mem *mem = nb_mem_create(40);
	struct ram *ram = ram_create(mem, NB_PA(BASE), MIB(1));
	struct charge charge = { .limit = GIB(1) };
	nb_pa pa[256], more;
	void *ptr;
	unsigned i;

	for (i = 0; i < 256; i++)
		assert_true(ram_alloc(ram, KIB(4), &charge, &pa[i], &ptr));
	assert_false(ram_alloc(ram, KIB(4), &charge, &more, &ptr));
	assert_int_equal(charge.used, MIB(1));
	for (i = 0; i < 256; i++)
		ram_free(ram, pa[(i * 37) % 256], KIB(4), &charge);
	assert_int_equal(ram_used(ram), 0);
	/* Merged again: the largest aligned block inside the range is to be had. */
	assert_true(ram_alloc(ram, KIB(512), &charge, &more, &ptr));
	assert_false(ram_alloc(ram, MIB(1), &charge, &pa[0], &ptr));
	ram_free(ram, more, KIB(512), &charge);
	ram_destroy(ram);
	nb_mem_destroy(mem);
}

static void refusals(void **state)
{
	struct nb_mem *mem = nb_mem_create(32);

	assert_null(ram_create(mem, NB_PA(0), 0));
	assert_null(ram_create(mem, NB_PA(1), KIB(4)));
	assert_null(ram_create(mem, NB_PA(GIB(4)), KIB(4)));
	ram_destroy(NULL);
	nb_mem_destroy(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks),
		cmocka_unit_test(charges),
		cmocka_unit_test(exhaustion),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
