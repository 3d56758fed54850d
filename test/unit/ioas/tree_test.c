/* SPDX-License-Identifier: MIT */
/* The tree of areas against a plain array: random insertions, removals and searches. */
#include "ioas/tree.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "ioas/internal.h"

#define PLACES	20000 /* area i has the IOVAs from 4 * i on, of which the last is LAST(i) */
#define LAST(i) (4 * (uint64_t)(i) + 2)

static struct area areas[PLACES];
static bool there[PLACES];
static struct area_tree tree;

static uint64_t next_random(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void put(unsigned i)
{
	areas[i].iova = LAST(i) - 2;
	areas[i].last = LAST(i);
	assert_true(area_tree_reserve(&tree));
	area_tree_insert(&tree, &areas[i]);
	there[i] = true;
}

static void take(unsigned i)
{
	area_tree_remove(&tree, &areas[i]);
	there[i] = false;
}

/* The first that is there, from i on. */
static struct area *model_from(unsigned i)
{
	while (i < PLACES && !there[i])
		i++;
	return i < PLACES ? &areas[i] : NULL;
}

static void check(unsigned i)
{
	struct area *want = model_from(i), *after = model_from(i + 1);

	assert_ptr_equal(area_tree_from(&tree, LAST(i)), want);
	assert_ptr_equal(area_tree_from(&tree, LAST(i) - 2), want);
	assert_ptr_equal(area_tree_from(&tree, LAST(i) + 1), after);
	assert_ptr_equal(area_tree_touching(&tree, LAST(i), LAST(i)), there[i] ? &areas[i] : NULL);
	assert_null(area_tree_touching(&tree, LAST(i) + 1, LAST(i) + 1));
	if (there[i])
		assert_ptr_equal(area_tree_next(&tree, &areas[i]), after);
}

static void check_all(void)
{
	struct area *area = area_tree_from(&tree, 0), *last = NULL;

	for (unsigned i = 0; i < PLACES; i++) {
		if (!there[i])
			continue;
		assert_ptr_equal(area, &areas[i]);
		last = area;
		area = area_tree_next(&tree, area);
	}
	assert_null(area);
	assert_ptr_equal(area_tree_last(&tree), last);
}

static void empty(void **state)
{
	assert_null(area_tree_from(&tree, 0));
	assert_null(area_tree_last(&tree));
	assert_null(area_tree_touching(&tree, 0, UINT64_MAX));
	put(7);
	check(7);
	check(6);
	take(7);
	assert_null(area_tree_from(&tree, 0));
	area_tree_finish(&tree);
}

/* n random changes, of which `in` out of 100 are insertions where there is room. */
static void storm(unsigned n, unsigned in)
{
	for (unsigned k = 0; k < n; k++) {
		unsigned i = (unsigned)(next_random() % PLACES);
		bool insert = next_random() % 100 < in;

		if (insert && !there[i])
			put(i);
		else if (!insert && there[i])
			take(i);
		check((unsigned)(next_random() % PLACES));
	}
	check_all();
}

static void at_random(void **state)
{
	for (unsigned round = 0; round < 3; round++) {
		storm(20000, 90); /* grows, */
		storm(20000, 50);
		storm(60000, 10); /* thins out, */
		storm(20000, 60); /* and fills up again around what is left */
	}
	for (unsigned i = 0; i < PLACES; i++)
		if (there[i])
			take(i);
	check_all();
	area_tree_finish(&tree);
}

static void in_order(void **state)
{
	for (unsigned i = 0; i < PLACES; i++)
		put(i);
	check_all();
	for (unsigned i = 0; i < PLACES; i += 2)
		take(i);
	check_all();
	for (unsigned i = PLACES; i-- > 0;)
		if (!there[i])
			put(i);
	check_all();
	for (unsigned i = PLACES; i-- > 0;)
		take(i);
	check_all();
	area_tree_finish(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(at_random),
		cmocka_unit_test(in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
