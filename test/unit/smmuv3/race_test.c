/* SPDX-License-Identifier: MIT */
/*
 * R6 under concurrency: masters translate and read while their page is moved from frame to frame,
 * by a new leaf and TLBI, or by a new STE and CFGI. A frame is marked free after CMD_SYNC: no
 * master, inside a section, may ever find the frame that it was given marked so.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "rig.h"

#define READERS 2
#define MOVES	500
#define DWELL	50

struct reader {
	pthread_t thread;
	struct port *port;
	struct rig *rig;
	uint64_t checks, bad;
	atomic_uint sections;
};

static atomic_bool stop;

/* The frame is there, and stays for as long as the section lasts. */
static void dwell(struct reader *reader, uint64_t off)
{
	unsigned i;

	for (i = 0; i < DWELL; i++) {
		/* On one processor others have their turn, too: in the middle of it. */
		if (i == DWELL / 2 && reader->checks % 61 == 0)
			sched_yield();
		if (__atomic_load_n(rig_at(reader->rig, off), __ATOMIC_ACQUIRE) != 1)
			reader->bad++;
	}
	reader->checks++;
}

static void one_section(struct reader *reader)
{
	struct dma_txn txn = { .iova = NB_IOVA(RIG_VA), .sid = RIG_SID, .prot = NB_DMA_READ };
	struct dma_span span;
	unsigned i;

	port_enter(reader->port);
	for (i = 0; i < 4; i++) {
		if (smmuv3_translate(reader->rig->smmu, reader->port, &txn, &span))
			reader->bad++; /* some frame is valid at any time */
		else
			dwell(reader, span.pa.v - RIG_RAM);
	}
	port_leave(reader->port);
}

static void *read_all(void *arg)
{
	struct reader *reader = arg;

	while (!atomic_load(&stop)) {
		one_section(reader);
		atomic_fetch_add(&reader->sections, 1);
	}
	return NULL;
}

/* Each reader has translated a few times since. */
static void await_readers(struct reader *readers)
{
	unsigned i, from;

	for (i = 0; i < READERS; i++) {
		from = atomic_load(&readers[i].sections);
		while (atomic_load(&readers[i].sections) - from < 20)
			sched_yield();
	}
}

/* Commands, then SYNC, which may take its time. */
static void sync_slowly(struct rig *rig, uint64_t w0, uint64_t w1)
{
	rig_queue(rig, w0, w1);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	while (rig_read(rig, R_CMDQ_CONS) != rig->cmdq_prod)
		sched_yield();
}

static uint64_t frame(unsigned n)
{
	return 0x20000 + (n % 8 << 12);
}

static void set_owned(struct rig *rig, unsigned n, uint64_t owned)
{
	__atomic_store_n(rig_at(rig, frame(n)), owned, __ATOMIC_RELEASE);
}

/* A second CD, with tables of its own that start at level 1. */
enum {
	CD_B = 0xc000,
	B_L1 = 0xd000,
	B_L2 = 0xe000,
	B_L3 = 0xf000,
};

static void second_tables(struct rig *rig)
{
	rig_poke(rig, CD_B, (CD0 & ~CD_0_T0SZ) | 25);
	rig_poke(rig, CD_B + 8, RAM(B_L1));
	rig_poke(rig, B_L1 + 8, TABLE(RAM(B_L2)));
	rig_poke(rig, B_L2 + 16, TABLE(RAM(B_L3)));
}

/* The device's page moves from frame n to n + 1. Every third time, the stream changes its CD. */
static void move(struct rig *rig, unsigned n, bool nested)
{
	const uint64_t ids = (uint64_t)RIG_VMID << 32 | (uint64_t)RIG_ASID << 48;
	bool second = n % 6 == 0;

	set_owned(rig, n + 1, 1);
	if (n % 3) {
		rig_poke(rig, S1_L3 + 24, S1_PAGE(RAM(frame(n + 1))));
		rig_poke(rig, B_L3 + 24, S1_PAGE(RAM(frame(n + 1))));
		sync_slowly(rig, CMD_TLBI_NH_VA | ids, RIG_VA);
	} else {
		rig_poke(rig, (second ? B_L3 : S1_L3) + 24, S1_PAGE(RAM(frame(n + 1))));
		rig_poke(rig, STRTAB_AT + 64 * RIG_SID,
			(nested ? 0xf : 0xb) | RAM(second ? CD_B : CD_AT));
		rig_queue(rig, CMD_CFGI_STE | (uint64_t)RIG_SID << 32, 0);
		sync_slowly(rig, CMD_TLBI_NH_ASID | ids, 0);
	}
	set_owned(rig, n, 0);
}

static void run(bool nested, bool fences)
{
	struct reader readers[READERS];
	uint64_t checks = 0, bad = 0;
	struct rig rig;
	unsigned i;

	port_init_process(fences);
	rig_init(&rig);
	second_tables(&rig);
	if (nested)
		rig_nested(&rig);
	else
		rig_s1(&rig);
	rig_poke(&rig, S1_L3 + 24, S1_PAGE(RAM(frame(0))));
	set_owned(&rig, 0, 1);
	atomic_store(&stop, false);
	for (i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .rig = &rig };
		readers[i].port = smmuv3_port(nb_smmuv3_port_create(rig.smmu, RIG_SID));
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, read_all, &readers[i]), 0);
	}
	for (i = 0; i < MOVES; i++) {
		await_readers(readers);
		move(&rig, i, nested);
	}
	atomic_store(&stop, true);
	for (i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		nb_smmuv3_port_destroy(smmuv3_port_of(readers[i].port));
		checks += readers[i].checks;
		bad += readers[i].bad;
	}
	printf("%llu translations during %u moves\n", (unsigned long long)checks, MOVES);
	assert_int_equal(bad, 0);
	rig_finish(&rig);
}

static void test_fences(void **state)
{
	run(false, true);
}

static void test_membarrier(void **state)
{
	run(false, false);
}

static void test_nested(void **state)
{
	run(true, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fences),
		cmocka_unit_test(test_membarrier),
		cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
