/* SPDX-License-Identifier: MIT */
/*
 * Translation by the SMMUv3 model.
 *
 * How misses are made. Near: the leaves of the 4,096 pages are invalidated before each pass (a range
 * TLBI with Leaf=1), so that every translation misses the IOTLB, walks and fills a slot, while the
 * leaf-table caches stay. Far: 262,144 pages in random order, of which the IOTLB of 8,192 slots holds a
 * 32nd: 97 of 100 miss. The 4,096 pages are adjacent, and in random order too.
 */
#include "smmu.h"

#include <err.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "smmu_rig.h"

#define NEAR   4096u
#define PASSES 64
#define BATCH  64

const struct row smmu_rows[SMMU_ROWS] = {
	[SMMU_PROBE] = { "bare direct-mapped probe, 4,096 keys", "ns", "dependent L1 load", LESS,
		0 },
	[SMMU_MEMSET] = { "memset of 4 KiB", "ns", "dependent L1 load", LESS, 0 },
	[SMMU_HIT] = { "nested hit, 4,096 pages", "ns", "dependent L1 load", LESS, 5 },
	[SMMU_MISS] = { "nested miss and fill, 4,096 pages", "ns", "dependent L1 load", LESS, 25 },
	[SMMU_MISS_FAR] = { "nested miss and fill, 262,144 pages", "ns", "dependent L1 load", LESS,
		50 },
	[SMMU_BATCH] = { "nested miss and fill, by 64", "ns/page", "dependent L1 load", LESS, 12 },
	[SMMU_SINGLE_MISS] = { "one stage, miss and fill, 4,096 pages", "ns", "dependent L1 load",
		LESS, 15 },
	[SMMU_ENTER_LEAVE] = { "port enter and leave", "ns", "dependent L1 load", LESS, 5 },
	[SMMU_KILL_ALL] = { "TLBI_NSNH_ALL, a full IOTLB", "ns", "none live", LESS, 1.5 },
	[SMMU_TWO_THREADS] = { "two threads, one instance", "1/us", "an instance each", MORE,
		0.95 },
	[SMMU_MEMORY] = { "an instance and a port, default caches", "MiB", "4 MiB", LESS, 1 },
	[SMMU_ALLOCATED] = { "bytes allocated by translations, plus 1", "bytes", "1", LESS, 1 },
};

static nb_iova near[NEAR], far[SMMU_RIG_PAGES];

/* Of this thread: what others do on the machine is not counted, but for the caches that they share. */
static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Pages in random order, from a fixed seed. */
static void shuffle(nb_iova *iova, unsigned n)
{
	uint64_t random = 88172645463325252u;

	for (unsigned i = 0; i < n; i++) {
		unsigned j;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		j = random % (i + 1);
		iova[i] = iova[j];
		iova[j] = NB_IOVA(SMMU_RIG_VA + ((uint64_t)i << 12));
	}
}

static double load_ns(void)
{
	void *volatile *cell = malloc(sizeof(*cell));
	unsigned n = 1u << 22;
	double start;
	void *p = (void *)cell;

	if (!cell)
		err(1, "malloc");
	*cell = p;
	start = cpu_ns();
	for (unsigned i = 0; i < n; i++)
		p = *(void *volatile *)p;
	start = (cpu_ns() - start) / n;
	free((void *)cell);
	return start;
}

static double probe_ns(void)
{
	static struct {
		uint64_t key, value;
	} table[NEAR];
	volatile uint64_t sink;
	uint64_t sum = 0;
	double start;

	for (unsigned i = 0; i < NEAR; i++)
		table[i].key = (SMMU_RIG_VA >> 12) + i;
	start = cpu_ns();
	for (unsigned pass = 0; pass < PASSES; pass++)
		for (unsigned i = 0; i < NEAR; i++) {
			uint64_t page = near[i].v >> 12;

			sum += table[page % NEAR].key == page ? table[page % NEAR].value : 1;
		}
	start = (cpu_ns() - start) / (PASSES * NEAR);
	sink = sum;
	(void)sink;
	return start;
}

static double memset_ns(void)
{
	static volatile uint8_t page[4096];
	double start = cpu_ns();

	for (unsigned i = 0; i < 1u << 14; i++)
		memset((void *)page, (int)i, sizeof(page));
	return (cpu_ns() - start) / (1u << 14);
}

static void pass(struct nb_smmuv3_port *port, const nb_iova *iova, unsigned n)
{
	struct nb_smmuv3_txn txn = { .flags = NB_READ };
	struct nb_smmuv3_span span;

	nb_smmuv3_enter(port);
	for (unsigned i = 0; i < n; i++) {
		txn.iova = iova[i];
		if (nb_smmuv3_translate(port, &txn, &span))
			errx(1, "an address does not translate");
	}
	nb_smmuv3_leave(port);
}

static void pass_by_64(struct nb_smmuv3_port *port, const nb_iova *iova, unsigned n)
{
	struct nb_smmuv3_span span[BATCH];
	enum nb_smmuv3_verdict verdict;

	nb_smmuv3_enter(port);
	for (unsigned i = 0; i < n; i += BATCH)
		if (nb_smmuv3_translate_batch(port, NB_READ, 0, &iova[i], span, BATCH, &verdict) !=
			BATCH)
			errx(1, "an address does not translate");
	nb_smmuv3_leave(port);
}

typedef void pass_fn(struct nb_smmuv3_port *port, const nb_iova *iova, unsigned n);

static double hit_ns(struct nb_smmuv3_port *port)
{
	double start;

	pass(port, near, NEAR);
	start = cpu_ns();
	for (unsigned i = 0; i < PASSES; i++)
		pass(port, near, NEAR);
	return (cpu_ns() - start) / (PASSES * NEAR);
}

static double miss_ns(struct smmu_rig *rig, struct nb_smmuv3_port *port, pass_fn *fn)
{
	double total = 0, start;

	fn(port, near, NEAR);
	for (unsigned i = 0; i < PASSES; i++) {
		smmu_rig_kill_leaves(rig);
		start = cpu_ns();
		fn(port, near, NEAR);
		total += cpu_ns() - start;
	}
	return total / (PASSES * NEAR);
}

static double far_ns(struct nb_smmuv3_port *port)
{
	double start;

	pass(port, far, SMMU_RIG_PAGES);
	start = cpu_ns();
	pass(port, far, SMMU_RIG_PAGES);
	return (cpu_ns() - start) / SMMU_RIG_PAGES;
}

static double enter_leave_ns(struct nb_smmuv3_port *port)
{
	double start = cpu_ns();

	for (unsigned i = 0; i < 1u << 20; i++) {
		nb_smmuv3_enter(port);
		nb_smmuv3_leave(port);
	}
	return (cpu_ns() - start) / (1u << 20);
}

/*
 * Of one command, with what rings the bell. Before it the IOTLB is filled through the port: of this
 * instance, or (to the same effect on the processor's caches) of another.
 */
static double kill_all_ns(struct smmu_rig *rig, struct nb_smmuv3_port *port)
{
	double total = 0, start;

	for (unsigned i = 0; i < PASSES; i++) {
		pass(port, far, 8192);
		start = cpu_ns();
		smmu_rig_kill_all(rig);
		total += cpu_ns() - start;
	}
	return total / PASSES;
}

struct worker {
	pthread_t thread;
	struct nb_smmuv3_port *port;
	pthread_barrier_t *barrier;
	double ns;
};

static void *work(void *arg)
{
	struct worker *worker = arg;

	pass(worker->port, near, NEAR);
	pthread_barrier_wait(worker->barrier);
	worker->ns = cpu_ns();
	for (unsigned i = 0; i < 8 * PASSES; i++)
		pass(worker->port, near, NEAR);
	worker->ns = cpu_ns() - worker->ns;
	return NULL;
}

/* Translations in a microsecond by two threads, each through its own port of its rig. */
static double two_rate(struct smmu_rig *a, struct smmu_rig *b)
{
	struct worker workers[2] = { { .port = smmu_rig_port(a) }, { .port = smmu_rig_port(b) } };
	pthread_barrier_t barrier;
	double rate = 0;

	pthread_barrier_init(&barrier, NULL, 2);
	for (unsigned i = 0; i < 2; i++) {
		workers[i].barrier = &barrier;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			err(1, "thread");
	}
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(workers[i].thread, NULL);
		rate += 8e3 * PASSES * NEAR / workers[i].ns;
		nb_smmuv3_port_destroy(workers[i].port);
	}
	pthread_barrier_destroy(&barrier);
	return rate;
}

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static double instance_mib(void)
{
	struct nb_mem *mem = nb_mem_create(48);
	struct nb_smmuv3_config config = { .size = sizeof(config), .mem = mem };
	size_t before = heap_bytes();
	struct nb_smmuv3 *smmu = nb_smmuv3_create(&config);
	struct nb_smmuv3_port *port = nb_smmuv3_port_create(smmu, 0);
	double mib = (double)(heap_bytes() - before) / (1 << 20);

	nb_smmuv3_port_destroy(port);
	nb_smmuv3_destroy(smmu);
	nb_mem_destroy(mem);
	return mib;
}

static void round_nested(struct row *rows, struct smmu_rig *rig, struct smmu_rig *idle)
{
	struct nb_smmuv3_port *port = smmu_rig_port(rig), *other = smmu_rig_port(idle);
	double full;
	size_t before = heap_bytes();

	row_add(&rows[SMMU_HIT], hit_ns(port), load_ns());
	row_add(&rows[SMMU_MISS], miss_ns(rig, port, pass), load_ns());
	row_add(&rows[SMMU_BATCH], miss_ns(rig, port, pass_by_64), load_ns());
	row_add(&rows[SMMU_MISS_FAR], far_ns(port), load_ns());
	row_add(&rows[SMMU_ENTER_LEAVE], enter_leave_ns(port), load_ns());
	full = kill_all_ns(rig, port);
	row_add(&rows[SMMU_KILL_ALL], full, kill_all_ns(rig, other));
	row_add(&rows[SMMU_ALLOCATED], (double)(heap_bytes() - before) + 1, 1);
	nb_smmuv3_port_destroy(other);
	nb_smmuv3_port_destroy(port);
}

void smmu_round(struct row *rows)
{
	struct smmu_rig nested, other, single;
	struct nb_smmuv3_port *port;
	double shared;

	shuffle(near, NEAR);
	shuffle(far, SMMU_RIG_PAGES);
	row_add(&rows[SMMU_PROBE], probe_ns(), load_ns());
	row_add(&rows[SMMU_MEMSET], memset_ns(), load_ns());
	row_add(&rows[SMMU_MEMORY], instance_mib(), 4);
	smmu_rig_init(&nested, true);
	smmu_rig_init(&other, true);
	smmu_rig_init(&single, false);
	round_nested(rows, &nested, &other);
	port = smmu_rig_port(&single);
	row_add(&rows[SMMU_SINGLE_MISS], miss_ns(&single, port, pass), load_ns());
	nb_smmuv3_port_destroy(port);
	shared = two_rate(&nested, &nested);
	row_add(&rows[SMMU_TWO_THREADS], shared, two_rate(&nested, &other));
	smmu_rig_finish(&single);
	smmu_rig_finish(&other);
	smmu_rig_finish(&nested);
}
