/* SPDX-License-Identifier: MIT */
/*
 * Nesting: the devices' masters and the container's calls, in this process.
 *
 * What is measured of DMA is CPU time of this thread, since a device waits for nobody there; the latency
 * of an unmap is time that passes, since it waits for DMA in flight. Small DMA: 64 bytes of pages in
 * random order, which differ in translation alone (their memory is the same 16 MiB). 4,096 pages fit into
 * the IOTLB; of 32,768 it holds a quarter. Both stages map them by 4 KiB.
 */
#include "nested.h"

#include <err.h>
#include <nestbox/vfio-nesting.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/vfio.h"
#include "base/bits.h"
#include "nested_rig.h"
#include "smmu_rig.h"

#define NEAR	4096u
#define SMALL	64u
#define LAPS	2
#define CALLS	2000u
#define UNMAPS	1000u
#define PIECE	KIB(64) /* as a copy between two remote runs is cut (src/mem/mover.h) */
#define BARE	"no IOMMU, same run"
#define COMMAND "TLBI, CMD_SYNC by register, model"
#define CLOSED	"no device is open, median"

#define DMA_ROWS(first, what, copy, small)                                                         \
	[(first) + NESTED_COPY_BARE] = { what ": copy, no IOMMU", "GB/s", copy, MORE, 0 },         \
		   [(first) + NESTED_COPY_STAGE2] = { what ": copy, stage 2", "GB/s", BARE, MORE,  \
			   0 },                                                                    \
		   [(first) + NESTED_COPY_PAGES] = { what ": copy, nested by 4 KiB", "GB/s", BARE, \
			   MORE, 0 },                                                              \
		   [(first) + NESTED_COPY_BLOCKS] = { what ": copy, nested by 2 MiB", "GB/s",      \
			   BARE, MORE, 0 },                                                        \
		   [(first) + NESTED_SMALL_BARE] = { what ": 64 bytes, no IOMMU", "ns", small,     \
			   LESS, 0 },                                                              \
		   [(first) + NESTED_SMALL_STAGE2] = { what ": 64 bytes, stage 2, hits", "ns",     \
			   BARE, LESS, 0 },                                                        \
		   [(first) + NESTED_SMALL] = { what ": 64 bytes, nested, hits", "ns", BARE, LESS, \
			   0 },                                                                    \
		   [(first) + NESTED_FAR_BARE] = { what ": 64 bytes, no IOMMU, 32,768 p.", "ns",   \
			   small, LESS, 0 },                                                       \
		   [(first) + NESTED_FAR_STAGE2] = { what ": 64 bytes, stage 2, misses", "ns",     \
			   BARE, LESS, 0 },                                                        \
		   [(first) + NESTED_FAR] = { what ": 64 bytes, nested, misses", "ns", BARE, LESS, \
			   0 }

const struct row nested_rows[NESTED_ROWS] = {
	DMA_ROWS(NESTED_DIRECT, "direct", "memcpy, same buffers", "memcpy of 64 bytes"),
	DMA_ROWS(NESTED_REMOTE, "remote", "pread and pwrite by 64 KiB", "pread of 64 bytes"),
	[NESTED_INV_PAGE] = { "invalidate a page", "1/s", COMMAND, MORE, 0 },
	[NESTED_INV_64] = { "invalidate 64 pages", "1/s", COMMAND, MORE, 0 },
	[NESTED_INV_GIB] = { "invalidate 1 GiB by 4 KiB", "1/s", COMMAND, MORE, 0 },
	[NESTED_INV_ASID] = { "invalidate an ASID", "1/s", COMMAND, MORE, 0 },
	[NESTED_INV_DOMAIN] = { "invalidate the domain", "1/s", COMMAND, MORE, 0 },
	[NESTED_UNMAP_IDLE] = { "unmap 4 KiB, nested, 2 idle devices", "ns", CLOSED, LESS, 1.2 },
	[NESTED_UNMAP_STREAM] = { "unmap 4 KiB, nested, 2 devices stream", "ns", CLOSED, LESS, 0 },
	[NESTED_UNMAP_STREAM_99] = { "the same, 99th percentile", "ns", CLOSED, LESS, 0 },
};

static double clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- copies ---- */

/* In chunks of 1 MiB; bytes per nanosecond. */
static double copy_rate(struct dma_master *master, uint64_t dst, uint64_t src)
{
	double start = cpu_ns();

	for (uint64_t at = 0; at < LAPS * RIG_COPY_BYTES; at += MIB(1)) {
		uint64_t off = at % RIG_COPY_BYTES;

		if (dma_copy(master, NB_IOVA(dst + off), NB_IOVA(src + off), MIB(1)) != DMA_OK)
			errx(1, "a copy aborted");
	}
	return (double)(LAPS * RIG_COPY_BYTES) / (cpu_ns() - start);
}

static double memcpy_rate(struct nested_rig *rig)
{
	static uint8_t piece[PIECE];
	double start = cpu_ns();

	for (uint64_t at = 0; at < LAPS * RIG_COPY_BYTES; at += PIECE) {
		uint64_t off = at % RIG_COPY_BYTES;

		if (rig->child) {
			nested_rig_read(rig, RIG_SRC + off, piece, PIECE);
			nested_rig_write(rig, RIG_DST + off, piece, PIECE);
		} else {
			nested_rig_read(
				rig, RIG_SRC + off, rig->memory + (RIG_DST - RIG_RAM + off), PIECE);
		}
	}
	return (double)(LAPS * RIG_COPY_BYTES) / (cpu_ns() - start);
}

/* ---- small DMA ---- */

/* Addresses of the first NEAR pages in random order, then of all of them. */
struct places {
	nb_iova near[NEAR], far[RIG_PAGES];
};

static struct places ipa_places, va_places, pa_places;

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
		iova[j] = NB_IOVA(RIG_PAGE + ((uint64_t)i << 12));
	}
}

/* There is stage 2 alone just now. */
static void find_places(struct nested_rig *rig, nb_iova *ipa, nb_iova *va, nb_iova *pa, unsigned n)
{
	shuffle(ipa, n);
	for (unsigned i = 0; i < n; i++) {
		va[i] = NB_IOVA(ipa[i].v + RIG_BY_PAGE);
		pa[i] = NB_IOVA(nested_rig_pa(rig, ipa[i].v).v);
	}
}

static double read_ns(struct dma_master *master, const nb_iova *iova, unsigned n, unsigned passes)
{
	uint8_t buf[SMALL];
	double start = 0;

	/* The first pass warms up. */
	for (unsigned pass = 0; pass <= passes; pass++) {
		start = pass == 1 ? cpu_ns() : start;
		for (unsigned i = 0; i < n; i++)
			if (dma_read(master, iova[i], buf, sizeof(buf)))
				errx(1, "a read aborted");
	}
	return (cpu_ns() - start) / n / passes;
}

static double near_ns(struct dma_master *master, const struct places *places, bool remote)
{
	return read_ns(master, places->near, NEAR, remote ? 2 : 64);
}

static double far_ns(struct dma_master *master, const struct places *places, bool remote)
{
	return read_ns(master, places->far, RIG_PAGES, remote ? 1 : 8);
}

static double reference_ns(struct nested_rig *rig)
{
	unsigned passes = rig->child ? 2 : 64;
	uint8_t buf[SMALL];
	double start = cpu_ns();

	for (unsigned pass = 0; pass < passes; pass++)
		for (unsigned i = 0; i < NEAR; i++) {
			nested_rig_read(
				rig, RIG_SRC + (ipa_places.near[i].v - RIG_PAGE), buf, sizeof(buf));
			__asm__ volatile("" : : "r"(buf) : "memory");
		}
	return (cpu_ns() - start) / NEAR / passes;
}

/* ---- DMA, all of it ---- */

/* What no IOMMU gives, which the others are compared to. */
struct bare {
	double copy, near, far;
};

static void round_bare(struct row *rows, struct nested_rig *rig, struct bare *bare)
{
	bool remote = rig->child;
	double small = reference_ns(rig);

	bare->copy =
		copy_rate(&rig->bare, nested_rig_pa(rig, RIG_DST).v, nested_rig_pa(rig, RIG_SRC).v);
	bare->near = near_ns(&rig->bare, &pa_places, remote);
	bare->far = far_ns(&rig->bare, &pa_places, remote);
	row_add(&rows[NESTED_COPY_BARE], bare->copy, memcpy_rate(rig));
	row_add(&rows[NESTED_SMALL_BARE], bare->near, small);
	row_add(&rows[NESTED_FAR_BARE], bare->far, small);
}

static void round_stage2(struct row *rows, struct nested_rig *rig, const struct bare *bare)
{
	struct dma_master *master = &nested_rig_device(rig, 0)->master;
	bool remote = rig->child;

	row_add(&rows[NESTED_COPY_STAGE2], copy_rate(master, RIG_DST, RIG_SRC), bare->copy);
	row_add(&rows[NESTED_SMALL_STAGE2], near_ns(master, &ipa_places, remote), bare->near);
	row_add(&rows[NESTED_FAR_STAGE2], far_ns(master, &ipa_places, remote), bare->far);
}

static void round_both(struct row *rows, struct nested_rig *rig, const struct bare *bare)
{
	struct dma_master *master = &nested_rig_device(rig, 0)->master;
	bool remote = rig->child;

	row_add(&rows[NESTED_COPY_PAGES],
		copy_rate(master, RIG_BY_PAGE + RIG_DST, RIG_BY_PAGE + RIG_SRC), bare->copy);
	row_add(&rows[NESTED_COPY_BLOCKS],
		copy_rate(master, RIG_BY_BLOCK + RIG_DST, RIG_BY_BLOCK + RIG_SRC), bare->copy);
	row_add(&rows[NESTED_SMALL], near_ns(master, &va_places, remote), bare->near);
	row_add(&rows[NESTED_FAR], far_ns(master, &va_places, remote), bare->far);
}

static void round_dma(struct row *rows, bool remote)
{
	struct nested_rig rig;
	struct bare bare;

	nested_rig_init(&rig, remote, true);
	nested_rig_open_devices(&rig);
	find_places(&rig, ipa_places.near, va_places.near, pa_places.near, NEAR);
	find_places(&rig, ipa_places.far, va_places.far, pa_places.far, RIG_PAGES);
	round_bare(rows, &rig, &bare);
	round_stage2(rows, &rig, &bare);
	nested_rig_set_stage1(&rig, true);
	round_both(rows, &rig, &bare);
	nested_rig_finish(&rig);
}

/* ---- invalidations ---- */

static double invalidations(struct nested_rig *rig, const struct iommu_cache_invalidate_info *info)
{
	struct vfio_iommu_type1_cache_invalidate arg = { .argsz = sizeof(arg), .info = *info };
	double start;

	arg.info.argsz = sizeof(arg.info);
	arg.info.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1;
	arg.info.cache = IOMMU_CACHE_INV_TYPE_IOTLB;
	start = cpu_ns();
	for (unsigned i = 0; i < CALLS; i++)
		nested_rig_call(rig, VFIO_IOMMU_CACHE_INVALIDATE, &arg, 0);
	return CALLS * 1e9 / (cpu_ns() - start);
}

static double invalidations_by_addr(struct nested_rig *rig, uint64_t n)
{
	struct iommu_cache_invalidate_info info = { .granularity = IOMMU_INV_GRANU_ADDR };

	info.granu.addr_info = (struct iommu_inv_addr_info){ .flags = IOMMU_INV_ADDR_FLAGS_ARCHID |
								      IOMMU_INV_ADDR_FLAGS_LEAF,
		.archid = RIG_ASID,
		.addr = RIG_BY_PAGE + RIG_SRC,
		.granule_size = 4096,
		.nb_granules = n };
	return invalidations(rig, &info);
}

static double commands(struct smmu_rig *rig)
{
	double start = cpu_ns();

	for (unsigned i = 0; i < CALLS; i++)
		smmu_rig_kill_page(rig);
	return CALLS * 1e9 / (cpu_ns() - start);
}

static void round_invalidations(struct row *rows, struct nested_rig *rig)
{
	const struct iommu_cache_invalidate_info domain = { .granularity = IOMMU_INV_GRANU_DOMAIN };
	const struct iommu_cache_invalidate_info asid = { .granularity = IOMMU_INV_GRANU_PASID,
		.granu.pasid_info = { IOMMU_INV_PASID_FLAGS_ARCHID, RIG_ASID, 0 } };
	struct smmu_rig model;

	smmu_rig_init(&model, true);
	row_add(&rows[NESTED_INV_PAGE], invalidations_by_addr(rig, 1), commands(&model));
	row_add(&rows[NESTED_INV_64], invalidations_by_addr(rig, 64), commands(&model));
	row_add(&rows[NESTED_INV_GIB], invalidations_by_addr(rig, GIB(1) >> 12), commands(&model));
	row_add(&rows[NESTED_INV_ASID], invalidations(rig, &asid), commands(&model));
	row_add(&rows[NESTED_INV_DOMAIN], invalidations(rig, &domain), commands(&model));
	smmu_rig_finish(&model);
}

/* ---- unmaps ---- */

struct latency {
	double median, most; /* of 99 in 100 */
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct latency unmap_latency(struct nested_rig *rig)
{
	static double ns[UNMAPS];

	for (unsigned i = 0; i < UNMAPS; i++) {
		double start;

		nested_rig_map(rig, RIG_FREE, 4096);
		start = clock_ns(CLOCK_MONOTONIC);
		nested_rig_unmap(rig, RIG_FREE, 4096);
		ns[i] = clock_ns(CLOCK_MONOTONIC) - start;
	}
	qsort(ns, UNMAPS, sizeof(*ns), compare);
	return (struct latency){ ns[UNMAPS / 2], ns[UNMAPS - 1 - UNMAPS / 100] };
}

struct stream {
	pthread_t thread;
	struct pci_dev *dev;
	atomic_bool stop, started;
};

/* As whoever steps devices, with the device's lock. */
static void *stream(void *arg)
{
	struct stream *stream = arg;

	while (!atomic_load(&stream->stop)) {
		pthread_mutex_lock(&stream->dev->lock);
		copy_rate(&stream->dev->master, RIG_BY_PAGE + RIG_DST, RIG_BY_PAGE + RIG_SRC);
		pthread_mutex_unlock(&stream->dev->lock);
		atomic_store(&stream->started, true);
	}
	return NULL;
}

static struct latency unmap_while_streaming(struct nested_rig *rig)
{
	struct stream streams[RIG_DEVICES] = { 0 };
	struct latency latency;

	for (unsigned i = 0; i < RIG_DEVICES; i++) {
		streams[i].dev = nested_rig_device(rig, i);
		if (pthread_create(&streams[i].thread, NULL, stream, &streams[i]))
			err(1, "thread");
	}
	for (unsigned i = 0; i < RIG_DEVICES; i++)
		while (!atomic_load(&streams[i].started))
			sched_yield();
	latency = unmap_latency(rig);
	for (unsigned i = 0; i < RIG_DEVICES; i++) {
		atomic_store(&streams[i].stop, true);
		pthread_join(streams[i].thread, NULL);
	}
	return latency;
}

/* Idle: they have copied, so the IOTLB has entries of theirs, and could at any time again. */
static void make_idle(struct nested_rig *rig)
{
	for (unsigned i = 0; i < RIG_DEVICES; i++)
		copy_rate(&nested_rig_device(rig, i)->master, RIG_BY_PAGE + RIG_DST,
			RIG_BY_PAGE + RIG_SRC);
}

static void round_unmaps(struct row *rows)
{
	struct nested_rig rig, closed;
	struct latency none, idle, busy;

	nested_rig_init(&closed, false, false);
	nested_rig_init(&rig, false, false);
	nested_rig_set_stage1(&closed, true);
	nested_rig_set_stage1(&rig, true);
	nested_rig_open_devices(&rig);
	unmap_latency(&closed);
	make_idle(&rig);
	none = unmap_latency(&closed);
	idle = unmap_latency(&rig);
	row_add(&rows[NESTED_UNMAP_IDLE], idle.median, none.median);
	round_invalidations(rows, &rig);
	busy = unmap_while_streaming(&rig);
	row_add(&rows[NESTED_UNMAP_STREAM], busy.median, none.median);
	row_add(&rows[NESTED_UNMAP_STREAM_99], busy.most, none.median);
	nested_rig_finish(&rig);
	nested_rig_finish(&closed);
}

void nested_round(struct row *rows)
{
	round_dma(rows + NESTED_DIRECT, false);
	round_dma(rows + NESTED_REMOTE, true);
	round_unmaps(rows);
}
