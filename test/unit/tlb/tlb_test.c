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

/* What one instance has, and one cache of it. */
struct rig {
	struct iotlb *tlb;
	struct iotlb_cache cache;
};

static struct rig make(unsigned slots)
{
	struct rig rig = { .tlb = iotlb_create() };

	assert_non_null(rig.tlb);
	assert_true(iotlb_cache_init(&rig.cache, slots));
	return rig;
}

static void unmake(struct rig *rig)
{
	iotlb_cache_finish(&rig->cache);
	iotlb_destroy(rig->tlb);
}

static void fill_at(struct rig *rig, uint32_t tag, uint64_t iova, unsigned lg2, uint64_t gen)
{
	struct iotlb_entry entry = {
		.pa = align_down(iova, BIT64(lg2)) + GIB(1024),
		.size_lg2 = lg2,
		.prot = 3,
	};

	iotlb_fill(&rig->cache, tag, gen, NB_IOVA(iova), &entry);
}

static void fill(struct rig *rig, uint32_t tag, uint64_t iova, unsigned lg2)
{
	fill_at(rig, tag, iova, lg2, iotlb_gen(rig->tlb, tag));
}

static bool hit(struct rig *rig, uint32_t tag, uint64_t iova)
{
	struct iotlb_entry entry, peeked;
	bool live;

	if (!iotlb_find(
		    rig->tlb, &rig->cache, tag, iotlb_gen(rig->tlb, tag), NB_IOVA(iova), &entry))
		return false;
	assert_int_equal(entry.prot, 3);
	assert_true(iova + GIB(1024) - entry.pa < BIT64(entry.size_lg2));
	assert_true(iotlb_peek(
		rig->tlb, &rig->cache, tag, NB_IOVA(iova), entry.size_lg2, &peeked, &live));
	assert_true(live && peeked.pa == entry.pa && peeked.prot == 3);
	return true;
}

static void invalidate(struct rig *rig, uint32_t tag, uint64_t first, uint64_t last)
{
	iotlb_invalidate_range(rig->tlb, tag, NB_IOVA(first), NB_IOVA(last), false);
}

static void blocks(void **state)
{
	struct rig rig = make(4096);
	struct iotlb_cache odd;

	assert_false(iotlb_cache_init(&odd, 48));
	assert_false(iotlb_cache_init(&odd, 0));
	assert_false(hit(&rig, 1, 0));
	fill(&rig, 1, 0x5000, 12);
	fill(&rig, 1, MIB(6), 21);
	fill(&rig, 1, GIB(3), 30);
	fill(&rig, 1, KIB(64), 16);
	assert_true(hit(&rig, 1, 0x5fff));
	assert_false(hit(&rig, 1, 0x6000));
	assert_false(hit(&rig, 1, 0x4fff));
	assert_true(hit(&rig, 1, MIB(7) + 123));
	assert_false(hit(&rig, 1, MIB(8)));
	assert_true(hit(&rig, 1, GIB(4) - 1));
	assert_false(hit(&rig, 1, GIB(4)));
	assert_true(hit(&rig, 1, KIB(127)));
	assert_false(hit(&rig, 2, 0x5000));
	assert_false(hit(&rig, 257, 0x5000)); /* another tag of the same class */
	assert_false(hit(&rig, 1, UINT64_MAX));
	/* The ends of what there is. */
	fill(&rig, IOTLB_TAG_MAX, UINT64_MAX, 12);
	assert_true(hit(&rig, IOTLB_TAG_MAX, UINT64_MAX));
	assert_false(hit(&rig, IOTLB_TAG_MAX - 1, UINT64_MAX));
	unmake(&rig);
}

static void by_tag_and_all(void **state)
{
	struct rig rig = make(4096);

	fill(&rig, 1, 0x5000, 12);
	fill(&rig, 2, 0x5000, 12);
	iotlb_invalidate_tag(rig.tlb, 1);
	assert_false(hit(&rig, 1, 0x5000));
	assert_true(hit(&rig, 2, 0x5000));
	fill(&rig, 1, 0x5000, 12);
	assert_true(hit(&rig, 1, 0x5000));
	iotlb_invalidate_all(rig.tlb);
	assert_false(hit(&rig, 1, 0x5000));
	assert_false(hit(&rig, 2, 0x5000));
	unmake(&rig);
}

static void by_range(void **state)
{
	struct rig rig = make(4096);
	uint64_t i;

	for (i = 0; i < 16; i++)
		fill(&rig, 9, i << 12, 12);
	invalidate(&rig, 9, 0x3fff, 0x5000);
	for (i = 0; i < 16; i++)
		assert_int_equal(hit(&rig, 9, i << 12), i < 3 || i > 5);
	/* A byte of a block kills the block. */
	fill(&rig, 9, MIB(4), 21);
	fill(&rig, 9, GIB(5), 30);
	invalidate(&rig, 9, MIB(5), MIB(5));
	assert_false(hit(&rig, 9, MIB(4)));
	assert_true(hit(&rig, 9, GIB(5)));
	assert_true(hit(&rig, 9, 0x1000));
	invalidate(&rig, 9, GIB(6) - 1, GIB(6));
	assert_false(hit(&rig, 9, GIB(5)));
	assert_true(hit(&rig, 9, 0x1000));
	/* Another tag is not concerned, not even one of the same class. */
	fill(&rig, 9 + 256, 0x1000, 12);
	invalidate(&rig, 9, 0x1000, 0x1fff);
	assert_false(hit(&rig, 9, 0x1000));
	assert_true(hit(&rig, 9 + 256, 0x1000));
	/* Everything. */
	invalidate(&rig, 9, 0, UINT64_MAX);
	assert_false(hit(&rig, 9, 0));
	unmake(&rig);
}

/* Entries live through as many ranges as the log has room for, and not through one of those. */
static void log_of_ranges(void **state)
{
	struct rig rig = make(64);
	unsigned n, i;

	for (n = 0; n < 3 * IOTLB_RANGES; n++) {
		fill(&rig, 3, 0x5000, 12);
		fill(&rig, 3, 0x6000, 12);
		for (i = 0; i < n; i++)
			invalidate(&rig, 3, 0x7000 + 0x1000 * i, 0x7fff + 0x1000 * i);
		if (n <= IOTLB_RANGES) /* more: an entry may die that need not */
			assert_true(hit(&rig, 3, 0x5000));
		/* 0x6000 was not used since: the range that reaches it is the oldest of the log. */
		fill(&rig, 3, 0x6000, 12);
		invalidate(&rig, 3, 0x6fff, 0x6fff);
		for (i = 1; i < n; i++)
			invalidate(&rig, 3, 0x7000, 0x7fff);
		assert_false(hit(&rig, 3, 0x6000));
	}
	unmake(&rig);
}

/* The count of ranges carries into what is above it: everything dies, and nothing comes back. */
static void carry(void **state)
{
	struct rig rig = make(64);
	uint64_t old, i;

	atomic_store(&iotlb_class(rig.tlb, 3)->gen, IOTLB_GEN_ALL - 2);
	old = iotlb_gen(rig.tlb, 3);
	fill(&rig, 3, 0x5000, 12);
	fill(&rig, 3, 0x6000, 12);
	for (i = 0; i < 4; i++) {
		invalidate(&rig, 3, 0x5000, 0x5fff);
		assert_false(hit(&rig, 3, 0x5000));
		assert_true(hit(&rig, 3, 0x6000));
		fill_at(&rig, 3, 0x5000, 12, old); /* a walk that took long */
		assert_false(hit(&rig, 3, 0x5000));
		fill(&rig, 3, 0x5000, 12);
		assert_true(hit(&rig, 3, 0x5000));
	}
	unmake(&rig);
}

static void racing_walks_lose(void **state)
{
	struct rig rig = make(64);
	uint64_t gen = iotlb_gen(rig.tlb, 3), tables = iotlb_tables(rig.tlb, 3);

	invalidate(&rig, 3, 0x5000, 0x5fff);
	fill_at(&rig, 3, 0x5000, 12, gen);
	assert_false(hit(&rig, 3, 0x5000));
	fill(&rig, 3, 0x5000, 12);
	assert_true(hit(&rig, 3, 0x5000));
	/* Tables are another count, which leaves alone do not touch. */
	assert_int_not_equal(iotlb_tables(rig.tlb, 3), tables);
	tables = iotlb_tables(rig.tlb, 3);
	iotlb_invalidate_range(rig.tlb, 3, NB_IOVA(0x7000), NB_IOVA(0x7fff), true);
	assert_int_equal(iotlb_tables(rig.tlb, 3), tables);
	assert_true(hit(&rig, 3, 0x5000));
	iotlb_invalidate_tag(rig.tlb, 3);
	assert_int_not_equal(iotlb_tables(rig.tlb, 3), tables);
	tables = iotlb_tables(rig.tlb, 3);
	iotlb_invalidate_all(rig.tlb);
	assert_int_not_equal(iotlb_tables(rig.tlb, 3), tables);
	unmake(&rig);
}

/*
 * A table of one word, a reader that translates by it through the cache, and a writer that changes
 * it: after invalidation and wait the reader never uses the old value.
 */
struct race {
	struct rig rig;
	struct port_set set;
	struct port port;
	_Atomic uint64_t table;	  /* the translation of page 5 */
	_Atomic uint64_t revoked; /* values up to this one are no more */
	atomic_bool stop;
	_Atomic uint64_t violations, sections;
};

static uint64_t translate(struct race *race)
{
	struct rig *rig = &race->rig;
	uint64_t gen = iotlb_gen(rig->tlb, 7);
	struct iotlb_entry entry;

	if (iotlb_find(rig->tlb, &rig->cache, 7, gen, NB_IOVA(0x5000), &entry))
		return entry.pa >> 12;
	entry = (struct iotlb_entry){ .size_lg2 = 12, .prot = 3 };
	entry.pa = atomic_load_explicit(&race->table, memory_order_acquire) << 12;
	iotlb_fill(&rig->cache, 7, gen, NB_IOVA(0x5000), &entry);
	return entry.pa >> 12;
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
	if (round % 4 == 0)
		iotlb_invalidate_tag(race->rig.tlb, 7);
	else if (round % 4 == 1)
		iotlb_invalidate_all(race->rig.tlb);
	else
		iotlb_invalidate_range(
			race->rig.tlb, 7, NB_IOVA(0x5000), NB_IOVA(0x5fff), round & 1);
	/* What reaches other pages, and is no reason to use an old value. */
	iotlb_invalidate_range(race->rig.tlb, 7, NB_IOVA(0x9000), NB_IOVA(0x9fff), true);
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
	race = (struct race){ .rig = make(64) };
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
	unmake(&race.rig);
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
		cmocka_unit_test(log_of_ranges),
		cmocka_unit_test(carry),
		cmocka_unit_test(racing_walks_lose),
		cmocka_unit_test(waits),
		cmocka_unit_test(race_with_membarrier),
		cmocka_unit_test(race_with_fences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
