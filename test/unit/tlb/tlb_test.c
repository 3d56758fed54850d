/* SPDX-License-Identifier: MIT */
/* The translation cache by tag, range and block size; ports and who waits for whom. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tlb/iotlb.h"
#include "tlb/port.h"

static void fill(struct iotlb *tlb, uint32_t tag, uint64_t iova, unsigned lg2)
{
	struct iotlb_entry entry = {
		.page = align_down(iova, BIT64(lg2)) >> 12,
		.pa = align_down(iova, BIT64(lg2)) + GIB(1024),
		.gen = iotlb_gen(tlb, tag),
		.tag = tag,
		.size_lg2 = lg2,
		.prot = 3,
	};

	iotlb_insert(tlb, &entry);
}

static bool hit(struct iotlb *tlb, uint32_t tag, uint64_t iova)
{
	struct iotlb_entry entry;

	if (!iotlb_lookup(tlb, tag, NB_IOVA(iova), &entry))
		return false;
	assert_int_equal(entry.tag, tag);
	assert_int_equal(entry.prot, 3);
	assert_true(entry.pa - GIB(1024) == entry.page << 12);
	assert_true(iova - (entry.page << 12) < BIT64(entry.size_lg2));
	assert_true(iotlb_entry_live(tlb, &entry, tag, NB_IOVA(iova)));
	return true;
}

static void blocks(void **state)
{
	struct iotlb *tlb = iotlb_create(64);

	assert_null(iotlb_create(48));
	assert_null(iotlb_create(0));
	assert_false(hit(tlb, 1, 0));
	fill(tlb, 1, 0x5000, 12);
	fill(tlb, 1, MIB(6), 21);
	fill(tlb, 1, GIB(3), 30);
	fill(tlb, 1, KIB(64), 16);
	assert_true(hit(tlb, 1, 0x5fff));
	assert_false(hit(tlb, 1, 0x6000));
	assert_false(hit(tlb, 1, 0x4fff));
	assert_true(hit(tlb, 1, MIB(7) + 123));
	assert_false(hit(tlb, 1, MIB(8)));
	assert_true(hit(tlb, 1, GIB(4) - 1));
	assert_false(hit(tlb, 1, GIB(4)));
	assert_true(hit(tlb, 1, KIB(127)));
	assert_false(hit(tlb, 2, 0x5000));
	assert_false(hit(tlb, 257, 0x5000)); /* another tag of the same class */
	assert_false(hit(tlb, 1, UINT64_MAX));
	iotlb_destroy(tlb);
}

static void by_tag_and_all(void **state)
{
	struct iotlb *tlb = iotlb_create(4096);

	fill(tlb, 1, 0x5000, 12);
	fill(tlb, 2, 0x5000, 12);
	iotlb_invalidate_tag(tlb, 1);
	assert_false(hit(tlb, 1, 0x5000));
	assert_true(hit(tlb, 2, 0x5000));
	fill(tlb, 1, 0x5000, 12);
	assert_true(hit(tlb, 1, 0x5000));
	iotlb_invalidate_all(tlb);
	assert_false(hit(tlb, 1, 0x5000));
	assert_false(hit(tlb, 2, 0x5000));
	iotlb_destroy(tlb);
}

static void by_range(void **state)
{
	struct iotlb *tlb = iotlb_create(4096);
	uint64_t i;

	for (i = 0; i < 16; i++)
		fill(tlb, 9, i << 12, 12);
	iotlb_invalidate_range(tlb, 9, NB_IOVA(0x3fff), NB_IOVA(0x5000), false);
	for (i = 0; i < 16; i++)
		assert_int_equal(hit(tlb, 9, i << 12), i < 3 || i > 5);
	/* A byte of a block kills the block. */
	fill(tlb, 9, MIB(4), 21);
	fill(tlb, 9, GIB(5), 30);
	iotlb_invalidate_range(tlb, 9, NB_IOVA(MIB(5)), NB_IOVA(MIB(5)), false);
	assert_false(hit(tlb, 9, MIB(4)));
	assert_true(hit(tlb, 9, GIB(5)));
	assert_true(hit(tlb, 9, 0x1000));
	iotlb_invalidate_range(tlb, 9, NB_IOVA(GIB(6) - 1), NB_IOVA(GIB(6)), false);
	assert_false(hit(tlb, 9, GIB(5)));
	assert_true(hit(tlb, 9, 0x1000));
	/* Another tag is not concerned, not even one of the same class. */
	fill(tlb, 9 + 256, 0x1000, 12);
	iotlb_invalidate_range(tlb, 9, NB_IOVA(0x1000), NB_IOVA(0x1fff), false);
	assert_false(hit(tlb, 9, 0x1000));
	assert_true(hit(tlb, 9 + 256, 0x1000));
	/* Everything. */
	iotlb_invalidate_range(tlb, 9, NB_IOVA(0), NB_IOVA(UINT64_MAX), false);
	assert_false(hit(tlb, 9, 0));
	iotlb_destroy(tlb);
}

static void racing_walks_lose(void **state)
{
	struct iotlb *tlb = iotlb_create(64);
	struct iotlb_entry walk = { .page = 5, .gen = iotlb_gen(tlb, 3), .tag = 3, .size_lg2 = 12 };
	struct iotlb_entry out;

	iotlb_invalidate_range(tlb, 3, NB_IOVA(0x5000), NB_IOVA(0x5fff), false);
	iotlb_insert(tlb, &walk);
	assert_false(iotlb_lookup(tlb, 3, NB_IOVA(0x5000), &out));
	walk.gen = iotlb_gen(tlb, 3);
	iotlb_insert(tlb, &walk);
	assert_true(iotlb_lookup(tlb, 3, NB_IOVA(0x5000), &out));
	/* A hot entry dies of any invalidation of its class; the slot only of its own. */
	iotlb_invalidate_range(tlb, 3, NB_IOVA(0x7000), NB_IOVA(0x7fff), false);
	assert_false(iotlb_entry_live(tlb, &out, 3, NB_IOVA(0x5000)));
	assert_true(iotlb_lookup(tlb, 3, NB_IOVA(0x5000), &out));
	assert_true(iotlb_entry_live(tlb, &out, 3, NB_IOVA(0x5000)));
	iotlb_destroy(tlb);
}

/*
 * A table of one word, a reader that translates by it through the cache, and a writer that changes
 * it: after invalidation and wait the reader never uses the old value.
 */
struct race {
	struct iotlb *tlb;
	struct port_set set;
	struct port port;
	struct iotlb_entry hot;	  /* the reader's own */
	_Atomic uint64_t table;	  /* the translation of page 5 */
	_Atomic uint64_t revoked; /* values up to this one are no more */
	atomic_bool stop;
	_Atomic uint64_t violations, sections;
};

static uint64_t translate(struct race *race)
{
	struct iotlb_entry entry = { .page = 5, .tag = 7, .size_lg2 = 12, .prot = 3 };

	if (iotlb_entry_live(race->tlb, &race->hot, 7, NB_IOVA(0x5000)))
		return race->hot.pa;
	if (iotlb_lookup(race->tlb, 7, NB_IOVA(0x5000), &entry)) {
		race->hot = entry;
		return entry.pa;
	}
	entry.gen = iotlb_gen(race->tlb, 7);
	entry.pa = atomic_load_explicit(&race->table, memory_order_acquire);
	iotlb_insert(race->tlb, &entry);
	race->hot = entry;
	return entry.pa;
}

static void *reader(void *arg)
{
	struct race *race = arg;
	uint64_t pa;

	while (!atomic_load(&race->stop)) {
		port_enter(&race->port);
		pa = translate(race);
		if (atomic_load(&race->sections) % 64 == 0)
			sched_yield();
		/* Still inside: what was revoked before must not be in use. */
		if (pa <= atomic_load(&race->revoked))
			atomic_fetch_add(&race->violations, 1);
		port_leave(&race->port);
		atomic_fetch_add(&race->sections, 1);
	}
	return NULL;
}

static void revoke(struct race *race, uint64_t round)
{
	atomic_store_explicit(&race->table, round + 1, memory_order_release);
	if (round % 3 == 0)
		iotlb_invalidate_tag(race->tlb, 7);
	else if (round % 3 == 1)
		iotlb_invalidate_range(race->tlb, 7, NB_IOVA(0x5000), NB_IOVA(0x5fff), false);
	else
		iotlb_invalidate_all(race->tlb);
	port_wait_begin(&race->set);
	while (!port_wait_poll(&race->set))
		sched_yield();
	atomic_store(&race->revoked, round);
}

static void run_race(bool fences)
{
	static struct race race;
	pthread_t thread;
	uint64_t round;

	port_init_process(fences);
	race = (struct race){ .tlb = iotlb_create(64) };
	atomic_store(&race.table, 1);
	port_set_init(&race.set);
	port_add(&race.set, &race.port, 1);
	pthread_create(&thread, NULL, reader, &race);
	while (!atomic_load(&race.sections))
		sched_yield();
	for (round = 1; round < 3000; round++)
		revoke(&race, round);
	atomic_store(&race.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&race.violations), 0);
	port_remove(&race.set, &race.port);
	port_set_finish(&race.set);
	iotlb_destroy(race.tlb);
}

static void race_with_membarrier(void **state)
{
	run_race(false);
}

static void race_with_fences(void **state)
{
	run_race(true);
	assert_true(port_fences);
}

static void waits(void **state)
{
	struct port_set set;
	struct port a, b;

	port_init_process(false);
	port_set_init(&set);
	port_add(&set, &a, 1);
	port_add(&set, &b, 2);
	port_wait_begin(&set);
	assert_true(port_wait_poll(&set));
	port_enter(&a);
	port_wait_begin(&set);
	assert_false(port_wait_poll(&set));
	port_enter(&b); /* entered after the wait began: does not matter */
	port_leave(&a);
	port_enter(&a); /* left and entered again: translated anew */
	assert_true(port_wait_poll(&set));
	port_wait_begin(&set);
	port_leave(&b);
	assert_false(port_wait_poll(&set));
	port_leave(&a);
	port_remove(&set, &a); /* gone while waited for */
	assert_true(port_wait_poll(&set));
	port_remove(&set, &b);
	port_set_finish(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks),
		cmocka_unit_test(by_tag_and_all),
		cmocka_unit_test(by_range),
		cmocka_unit_test(racing_walks_lose),
		cmocka_unit_test(waits),
		cmocka_unit_test(race_with_membarrier),
		cmocka_unit_test(race_with_fences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
