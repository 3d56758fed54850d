/* SPDX-License-Identifier: MIT */
/* Placement: congruence, slots of one's own, exhaustion, coalescing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bits.h"
#include "mem/physmap.h"

#define BASE GIB(256)

static void congruence(void **state)
{
	static const struct {
		uint64_t iova, bytes, modulo;
	} rows[] = {
		{ 0x1000, 0x1000, MIB(2) },
		{ MIB(3), MIB(5), MIB(2) },
		{ MIB(2) - 0x1000, 0x2000, MIB(2) },
		{ GIB(1) - 0x1000, GIB(1) - 0x1000, MIB(2) },
		{ GIB(7) + MIB(300), GIB(1), GIB(1) },
		{ 0x12345000, GIB(3), GIB(1) },
		{ UINT64_MAX - GIB(2) + 1, GIB(2), GIB(1) },
	};
	struct physmap *map = physmap_create(NB_PA(BASE), GIB(64));
	uint64_t first[ARRAY_LEN(rows)], last[ARRAY_LEN(rows)];
	unsigned i, j;
	nb_pa pa;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		assert_true(physmap_alloc(map, NB_IOVA(rows[i].iova), rows[i].bytes, &pa));
		assert_int_equal(pa.v % rows[i].modulo, rows[i].iova % rows[i].modulo);
		assert_true(pa.v >= BASE && pa.v + rows[i].bytes <= BASE + GIB(64));
		first[i] = pa.v / MIB(2);
		last[i] = (pa.v + rows[i].bytes - 1) / MIB(2);
		for (j = 0; j < i; j++)
			assert_true(first[i] > last[j] || last[i] < first[j]);
	}
	physmap_destroy(map);
}

static void exhaustion(void **state)
{
	struct physmap *map = physmap_create(NB_PA(BASE), GIB(1));
	nb_pa pa[512], more;
	unsigned i;

	assert_false(physmap_alloc(map, NB_IOVA(0), 0, &more));
	assert_false(physmap_alloc(map, NB_IOVA(0), GIB(1) + 1, &more));
	assert_false(physmap_alloc(map, NB_IOVA(0x1000), UINT64_MAX, &more));
	/* Congruent modulo 1 GiB, a GiB that starts in the middle does not fit. */
	assert_false(physmap_alloc(map, NB_IOVA(MIB(2)), GIB(1), &more));
	for (i = 0; i < 512; i++)
		assert_true(physmap_alloc(map, NB_IOVA(0x5000), 0x1000, &pa[i]));
	assert_false(physmap_alloc(map, NB_IOVA(0x5000), 0x1000, &more));
	physmap_free(map, pa[100], 0x1000);
	assert_true(physmap_alloc(map, NB_IOVA(MIB(6)), MIB(2), &pa[100]));
	/* Free every other one, then the rest: all of it is whole again. */
	for (i = 0; i < 512; i += 2)
		physmap_free(map, pa[i], i == 100 ? MIB(2) : 0x1000);
	assert_false(physmap_alloc(map, NB_IOVA(0), MIB(4), &more));
	for (i = 1; i < 512; i += 2)
		physmap_free(map, pa[i], 0x1000);
	assert_true(physmap_alloc(map, NB_IOVA(0), GIB(1), &more));
	assert_int_equal(more.v, BASE);
	physmap_free(map, more, GIB(1));
	physmap_destroy(map);
	physmap_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(congruence),
		cmocka_unit_test(exhaustion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
