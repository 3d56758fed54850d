/* SPDX-License-Identifier: MIT */
/* Registered memory by address, against a list that is searched from end to end. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "gate/internal.h"
#include "gate/pins.h"

#define PAGE  UINT64_C(4096)
#define PINS  200
#define PAGES 64 /* of the largest pin */

struct one {
	struct pin pin;
	bool in;
	uint64_t stopped; /* a bit for each page */
};

static struct mm memories[3] = { { .refs = 1 }, { .refs = 1 }, { .refs = 1 } };

/** Odd pages are a shared file's. */
static bool is_shared(const struct pin *pin, uint64_t off, uint64_t *bytes)
{
	*bytes = MIN(*bytes, PAGE - off % PAGE);
	return off / PAGE % 2;
}

static void enter(struct pins *pins, struct one *one)
{
	uint64_t bytes = (1 + (uint64_t)rand() % PAGES) * PAGE;

	memset(one, 0, sizeof(*one));
	one->pin.start = (uint64_t)(rand() % 1000) * PAGE;
	one->pin.last = one->pin.start + bytes - 1;
	one->pin.mm = &memories[rand() % 3];
	one->pin.umem = (const void *)one;
	one->pin.is_shared = is_shared;
	stops_init(&one->pin.stops, bytes);
	pins_add(pins, &one->pin);
	one->in = true;
}

static void leave(struct pins *pins, struct one *one)
{
	pins_remove(pins, &one->pin);
	stops_finish(&one->pin.stops);
	one->in = false;
}

static bool meant(enum pins_kind kind, uint64_t page)
{
	return kind == PINS_ALL || (kind == PINS_SHARED) == page % 2;
}

/** What of one the range means, page by page; the model's answer. */
static uint64_t model(const struct one *one, const struct pins_range *range, uint64_t start)
{
	uint64_t bits = 0;

	for (uint64_t page = 0; page < PAGES; page++) {
		uint64_t at = start + page * PAGE;

		if (at <= range->last && at + PAGE - 1 >= range->start &&
			meant(range->kind, page) && page * PAGE < one->pin.stops.bytes)
			bits |= UINT64_C(1) << page;
	}
	return bits;
}

static void check(const struct one *one)
{
	for (uint64_t off = 0; off < one->pin.stops.bytes;) {
		uint64_t n = one->pin.stops.bytes - off;
		bool stopped = stops_at(&one->pin.stops, off, &n);

		assert_true(n > 0 && off + n <= one->pin.stops.bytes);
		for (uint64_t page = off / PAGE; page <= (off + n - 1) / PAGE; page++)
			assert_int_equal(stopped, one->stopped >> page & 1);
		off += n;
	}
}

static void stop_some(struct pins *pins, struct one *ones)
{
	struct pins_range range = { .start = (uint64_t)(rand() % 1000) * PAGE,
		.kind = (enum pins_kind)(rand() % 3) };
	const struct mm *mm = &memories[rand() % 3];
	struct pins_stopped out[2];
	unsigned expected = 0, n;
	bool touched = false;

	range.last = range.start + (1 + (uint64_t)rand() % 20) * PAGE - 1;
	for (unsigned i = 0; i < PINS; i++)
		touched |= ones[i].in && ones[i].pin.start <= range.last &&
			   ones[i].pin.last >= range.start;
	assert_int_equal(pins_touch(pins, &range), touched);
	n = pins_stop(pins, mm, &range, out, 2);
	for (unsigned i = 0; i < PINS; i++) {
		uint64_t bits;

		if (!ones[i].in || ones[i].pin.mm != mm)
			continue;
		bits = model(&ones[i], &range, ones[i].pin.start);
		expected += (bits & ~ones[i].stopped) != 0;
		ones[i].stopped |= bits;
		check(&ones[i]);
	}
	assert_int_equal(n, expected);
}

static void test_random(void **state)
{
	struct pins *pins = pins_create();
	struct one *ones = calloc(PINS, sizeof(*ones));

	srand(1);
	for (unsigned i = 0; i < 100000; i++) {
		struct one *one = &ones[rand() % PINS];

		if (rand() % 4 == 0)
			stop_some(pins, ones);
		else if (one->in)
			leave(pins, one);
		else
			enter(pins, one);
	}
	for (unsigned i = 0; i < PINS; i++)
		if (ones[i].in)
			leave(pins, &ones[i]);
	assert_false(pins_touch(pins, &(struct pins_range){ 0, UINT64_MAX, PINS_ALL }));
	pins_destroy(pins);
	free(ones);
}

static void test_mms(void **state)
{
	struct pins *pins = pins_create();
	struct one ones[3];
	struct mm *mms[4];

	for (unsigned i = 0; i < 3; i++) {
		enter(pins, &ones[i]);
		pins_remove(pins, &ones[i].pin);
		ones[i].pin.start = i * PAGE;
		ones[i].pin.last = 10 * PAGE - 1;
		ones[i].pin.mm = &memories[i ? 1 : 0];
		pins_add(pins, &ones[i].pin);
	}
	assert_int_equal(
		pins_mms(pins, &(struct pins_range){ 5 * PAGE, 5 * PAGE, PINS_ALL }, mms, 4), 2);
	assert_int_equal(memories[0].refs + memories[1].refs, 4);
	mm_put(mms[0]);
	mm_put(mms[1]);
	assert_int_equal(
		pins_mms(pins, &(struct pins_range){ 5 * PAGE, 5 * PAGE, PINS_ALL }, mms, 1), 1);
	mm_put(mms[0]);
	for (unsigned i = 0; i < 3; i++)
		leave(pins, &ones[i]);
	pins_destroy(pins);
}

/** More than 32 GiB: units of several pages, rounded outwards; never less than asked. */
static void test_large(void **state)
{
	struct stops stops;
	uint64_t n = 1 << 20;

	stops_init(&stops, UINT64_C(1) << 40);
	assert_false(stops_at(&stops, 0, &n));
	stops_add(&stops, UINT64_C(1) << 39, (UINT64_C(1) << 39) + PAGE - 1);
	n = PAGE;
	assert_true(stops_at(&stops, UINT64_C(1) << 39, &n));
	assert_int_equal(n, PAGE);
	n = 1 << 20;
	assert_false(stops_at(&stops, (UINT64_C(1) << 39) - (1 << 20), &n));
	assert_int_equal(n, 1 << 20);
	n = 1 << 20;
	assert_false(stops_at(&stops, (UINT64_C(1) << 39) + (1 << 20), &n));
	stops_add(&stops, 0, (UINT64_C(1) << 40) - 1);
	n = UINT64_C(1) << 39;
	assert_true(stops_at(&stops, 0, &n));
	assert_int_equal(n, UINT64_C(1) << 39);
	stops_finish(&stops);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_mms),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
