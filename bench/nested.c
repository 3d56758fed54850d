/* SPDX-License-Identifier: MIT */
/*
 * Nesting: the devices' masters and the container's calls, in this process.
 *
 * What is measured of DMA is CPU time of this thread, since a device waits for nobody there; the latency
 * of an unmap is time that passes, since it waits for DMA in flight.
 *
 * Small DMA reads 64 bytes of pages in random order, whose memory is always the same 16 MiB, so that
 * they differ in translation alone. Hits: 4,096 pages. Misses: 32,768 pages, of which the IOTLB holds a
 * quarter. The guest's RAM is one mapping, by blocks, which the guest's stage 1 maps by 4 KiB. Loose pages are
 * mapped by themselves in stage 2 too: without a stage 1 nothing else misses, and memory has 32,768
 * extents, which costs without an IOMMU as well.
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
#include <unistd.h>

#include "abi/vfio.h"
#include "base/bits.h"
#include "nested_rig.h"
#include "smmu_rig.h"
#include "tlb/port.h"

#define SMALL	 64u
#define LAPS	 2
#define CALLS	 2000u
#define UNMAPS	 1000u
#define AT_TIMES 30u	  /* unmaps while devices stream */
#define SECTION	 KIB(256) /* of DMA, for whose end an unmap waits (src/mem/dma.h) */
#define PIECE	 KIB(64)  /* as a copy between two remote runs is cut (src/mem/mover.h) */
#define BARE	 "no IOMMU, same run"
#define COMMAND	 "TLBI, CMD_SYNC by register, model"
#define CLOSED	 "no device is open, median"
#define WAIT	 "a wait for 2 threads that memcpy"
#define LOOSE	 "no IOMMU, loose pages, same run"

const struct row nested_rows[NESTED_ROWS] = {
	[NESTED_DIRECT + NESTED_COPY_BARE] = { "direct: copy, no IOMMU", "GB/s",
		"memcpy, same buffers", MORE, 0 },
	[NESTED_DIRECT + NESTED_COPY_STAGE2] = { "direct: copy, stage 2", "GB/s", BARE, MORE, 0 },
	[NESTED_DIRECT +
		NESTED_COPY_PAGES] = { "direct: copy, nested by 4 KiB", "GB/s", BARE, MORE, 0 },
	[NESTED_DIRECT +
		NESTED_COPY_BLOCKS] = { "direct: copy, nested by 2 MiB", "GB/s", BARE, MORE, 0 },
	[NESTED_DIRECT + NESTED_SMALL_BARE] = { "direct: 64 bytes, no IOMMU", "ns",
		"memcpy of 64 bytes", LESS, 0 },
	[NESTED_DIRECT +
		NESTED_SMALL_STAGE2] = { "direct: 64 bytes, stage 2, hits", "ns", BARE, LESS, 0 },
	[NESTED_DIRECT + NESTED_SMALL] = { "direct: 64 bytes, nested, hits", "ns", BARE, LESS, 0 },
	[NESTED_DIRECT + NESTED_FAR] = { "direct: 64 bytes, nested, misses", "ns", BARE, LESS, 0 },
	[NESTED_DIRECT + NESTED_LOOSE_BARE] = { "direct: 64 bytes, loose, no IOMMU", "ns",
		"memcpy of 64 bytes", LESS, 0 },
	[NESTED_DIRECT + NESTED_LOOSE_STAGE2] = { "direct: 64 bytes, loose, stage 2, misses", "ns",
		LOOSE, LESS, 0 },
	[NESTED_DIRECT +
		NESTED_LOOSE] = { "direct: 64 bytes, loose, nested, misses", "ns", LOOSE, LESS, 0 },
	[NESTED_REMOTE + NESTED_COPY_BARE] = { "remote: copy, no IOMMU", "GB/s",
		"pread and pwrite by 64 KiB", MORE, 0 },
	[NESTED_REMOTE + NESTED_COPY_STAGE2] = { "remote: copy, stage 2", "GB/s", BARE, MORE, 0 },
	[NESTED_REMOTE +
		NESTED_COPY_PAGES] = { "remote: copy, nested by 4 KiB", "GB/s", BARE, MORE, 0 },
	[NESTED_REMOTE +
		NESTED_COPY_BLOCKS] = { "remote: copy, nested by 2 MiB", "GB/s", BARE, MORE, 0 },
	[NESTED_REMOTE + NESTED_SMALL_BARE] = { "remote: 64 bytes, no IOMMU", "ns",
		"pread of 64 bytes", LESS, 0 },
	[NESTED_REMOTE +
		NESTED_SMALL_STAGE2] = { "remote: 64 bytes, stage 2, hits", "ns", BARE, LESS, 0 },
	[NESTED_REMOTE + NESTED_SMALL] = { "remote: 64 bytes, nested, hits", "ns", BARE, LESS, 0 },
	[NESTED_REMOTE + NESTED_FAR] = { "remote: 64 bytes, nested, misses", "ns", BARE, LESS, 0 },
	[NESTED_REMOTE + NESTED_LOOSE_BARE] = { "remote: 64 bytes, loose, no IOMMU", "ns",
		"pread of 64 bytes", LESS, 0 },
	[NESTED_REMOTE + NESTED_LOOSE_STAGE2] = { "remote: 64 bytes, loose, stage 2, misses", "ns",
		LOOSE, LESS, 0 },
	[NESTED_REMOTE +
		NESTED_LOOSE] = { "remote: 64 bytes, loose, nested, misses", "ns", LOOSE, LESS, 0 },
	[NESTED_INV_PAGE] = { "invalidate a page", "1/s", COMMAND, MORE, 0 },
	[NESTED_INV_64] = { "invalidate 64 pages", "1/s", COMMAND, MORE, 0 },
	[NESTED_INV_GIB] = { "invalidate 1 GiB by 4 KiB", "1/s", COMMAND, MORE, 0 },
	[NESTED_INV_ASID] = { "invalidate an ASID", "1/s", COMMAND, MORE, 0 },
	[NESTED_INV_DOMAIN] = { "invalidate the domain", "1/s", COMMAND, MORE, 0 },
	[NESTED_UNMAP_IDLE] = { "unmap 4 KiB, nested, 2 idle devices", "ns", CLOSED, LESS, 1.2 },
	[NESTED_UNMAP_STREAM] = { "unmap 4 KiB, nested, 2 devices stream", "ns", WAIT, LESS, 0 },
	[NESTED_UNMAP_STREAM_MOST] = { "the same, slowest of 30", "ns", WAIT, LESS, 0 },
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

/* Pages in random order: their addresses without, with one and with two stages. */
static struct {
	nb_iova pa[RIG_NEAR], ipa[RIG_NEAR], va[RIG_NEAR];
} near;
static struct {
	nb_iova pa[RIG_FAR], ipa[RIG_FAR], va[RIG_FAR];
} loose;
static nb_iova far[RIG_FAR];

static void shuffle(nb_iova *iova, unsigned n, uint64_t first)
{
	uint64_t random = 88172645463325252u;

	for (unsigned i = 0; i < n; i++) {
		unsigned j;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		j = random % (i + 1);
		iova[i] = iova[j];
		/* Anywhere in it, so that they share no sets of the processor's caches. */
		iova[j] = NB_IOVA(first + ((uint64_t)i << 12) + i * 29 % 64 * SMALL);
	}
}

/* There is stage 2 alone just now. */
static void find_places(struct nested_rig *rig)
{
	shuffle(near.ipa, RIG_NEAR, RIG_SRC);
	shuffle(near.va, RIG_NEAR, RIG_BY_PAGE + RIG_SRC);
	for (unsigned i = 0; i < RIG_NEAR; i++)
		near.pa[i] = NB_IOVA(nested_rig_pa(rig, near.ipa[i].v).v);
	shuffle(far, RIG_FAR, RIG_REPEATED);
	shuffle(loose.ipa, RIG_FAR, RIG_LOOSE);
	shuffle(loose.va, RIG_FAR, RIG_BY_PAGE + RIG_LOOSE);
	for (unsigned i = 0; i < RIG_FAR; i++)
		loose.pa[i] = NB_IOVA(nested_rig_pa(rig, loose.ipa[i].v).v);
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

static double near_ns(struct dma_master *master, const nb_iova *iova, bool remote)
{
	return read_ns(master, iova, RIG_NEAR, remote ? 2 : 64);
}

static double far_ns(struct dma_master *master, const nb_iova *iova, bool remote)
{
	return read_ns(master, iova, RIG_FAR, remote ? 1 : 8);
}

static double reference_ns(struct nested_rig *rig)
{
	unsigned passes = rig->child ? 2 : 64;
	uint8_t buf[SMALL];
	double start = cpu_ns();

	for (unsigned pass = 0; pass < passes; pass++)
		for (unsigned i = 0; i < RIG_NEAR; i++) {
			nested_rig_read(rig, near.ipa[i].v, buf, sizeof(buf));
			__asm__ volatile("" : : "r"(buf) : "memory");
		}
	return (cpu_ns() - start) / RIG_NEAR / passes;
}

/* ---- DMA, all of it ---- */

/* What no IOMMU gives, which the others are compared to. */
struct bare {
	double copy, near, loose;
};

static void round_bare(struct row *rows, struct nested_rig *rig, struct bare *bare)
{
	bool remote = rig->child;
	double small = reference_ns(rig);

	bare->copy =
		copy_rate(&rig->bare, nested_rig_pa(rig, RIG_DST).v, nested_rig_pa(rig, RIG_SRC).v);
	bare->near = near_ns(&rig->bare, near.pa, remote);
	bare->loose = far_ns(&rig->bare, loose.pa, remote);
	row_add(&rows[NESTED_COPY_BARE], bare->copy, memcpy_rate(rig));
	row_add(&rows[NESTED_SMALL_BARE], bare->near, small);
	row_add(&rows[NESTED_LOOSE_BARE], bare->loose, small);
}

static void round_stage2(struct row *rows, struct nested_rig *rig, const struct bare *bare)
{
	struct dma_master *master = &nested_rig_device(rig, 0)->master;
	bool remote = rig->child;

	row_add(&rows[NESTED_COPY_STAGE2], copy_rate(master, RIG_DST, RIG_SRC), bare->copy);
	row_add(&rows[NESTED_SMALL_STAGE2], near_ns(master, near.ipa, remote), bare->near);
	row_add(&rows[NESTED_LOOSE_STAGE2], far_ns(master, loose.ipa, remote), bare->loose);
}

static void round_both(struct row *rows, struct nested_rig *rig, const struct bare *bare)
{
	struct dma_master *master = &nested_rig_device(rig, 0)->master;
	bool remote = rig->child;

	row_add(&rows[NESTED_COPY_PAGES],
		copy_rate(master, RIG_BY_PAGE + RIG_DST, RIG_BY_PAGE + RIG_SRC), bare->copy);
	row_add(&rows[NESTED_COPY_BLOCKS],
		copy_rate(master, RIG_BY_BLOCK + RIG_DST, RIG_BY_BLOCK + RIG_SRC), bare->copy);
	row_add(&rows[NESTED_SMALL], near_ns(master, near.va, remote), bare->near);
	row_add(&rows[NESTED_FAR], far_ns(master, far, remote), bare->near);
	row_add(&rows[NESTED_LOOSE], far_ns(master, loose.va, remote), bare->loose);
}

static void round_dma(struct row *rows, bool remote)
{
	struct nested_rig rig;
	struct bare bare;

	nested_rig_init(&rig, remote, true);
	nested_rig_open_devices(&rig);
	find_places(&rig);
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
	double median, most;
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct latency latency_of(double *ns, unsigned n)
{
	qsort(ns, n, sizeof(*ns), compare);
	return (struct latency){ ns[n / 2], ns[n - 1] };
}

/* Of n unmaps (at most UNMAPS), with a pause before each. */
static struct latency unmap_latency(struct nested_rig *rig, unsigned n, unsigned pause_us)
{
	static double ns[UNMAPS];

	for (unsigned i = 0; i < n; i++) {
		double start;

		nested_rig_map(rig, RIG_FREE, 4096);
		if (pause_us)
			usleep(pause_us);
		start = clock_ns(CLOCK_MONOTONIC);
		nested_rig_unmap(rig, RIG_FREE, 4096);
		ns[i] = clock_ns(CLOCK_MONOTONIC) - start;
	}
	return latency_of(ns, n);
}

/* A device that copies, or what it is compared to: memcpy in sections of a port. */
struct stream {
	pthread_t thread;
	struct pci_dev *dev; /* NULL: memcpy */
	struct port port;
	atomic_bool stop, started;
};

static void copy_in_sections(struct port *port)
{
	static _Thread_local uint8_t from[SECTION], to[SECTION];

	for (uint64_t at = 0; at < LAPS * RIG_COPY_BYTES; at += SECTION) {
		port_enter(port);
		memcpy(to, from, SECTION);
		__asm__ volatile("" : : "r"(to) : "memory");
		port_leave(port);
	}
}

/* As whoever steps devices, with the device's lock. */
static void copy_by_device(struct pci_dev *dev)
{
	pthread_mutex_lock(&dev->lock);
	copy_rate(&dev->master, RIG_BY_PAGE + RIG_DST, RIG_BY_PAGE + RIG_SRC);
	pthread_mutex_unlock(&dev->lock);
}

static void *stream(void *arg)
{
	struct stream *stream = arg;

	while (!atomic_load(&stream->stop)) {
		if (stream->dev)
			copy_by_device(stream->dev);
		else
			copy_in_sections(&stream->port);
		atomic_store(&stream->started, true);
	}
	return NULL;
}

static void start_streams(struct stream *streams)
{
	for (unsigned i = 0; i < RIG_DEVICES; i++)
		if (pthread_create(&streams[i].thread, NULL, stream, &streams[i]))
			err(1, "thread");
	for (unsigned i = 0; i < RIG_DEVICES; i++)
		while (!atomic_load(&streams[i].started))
			usleep(100);
}

static void stop_streams(struct stream *streams)
{
	for (unsigned i = 0; i < RIG_DEVICES; i++) {
		atomic_store(&streams[i].stop, true);
		pthread_join(streams[i].thread, NULL);
	}
}

/*
 * With pauses, so that when it happens has nothing to do with what the devices do just then: back to
 * back, most would fall where their threads have no CPU and are outside sections by chance.
 */
#define PAUSE_US 200

static struct latency unmap_while_streaming(struct nested_rig *rig)
{
	struct stream streams[RIG_DEVICES] = { 0 };
	struct latency latency;

	for (unsigned i = 0; i < RIG_DEVICES; i++)
		streams[i].dev = nested_rig_device(rig, i);
	start_streams(streams);
	latency = unmap_latency(rig, AT_TIMES, PAUSE_US);
	stop_streams(streams);
	return latency;
}

static double wait_ns(struct port_set *set)
{
	double start = clock_ns(CLOCK_MONOTONIC);

	port_wait_begin(set);
	for (unsigned round = 0; !port_wait_poll(set); round++)
		if (round < 8)
			sched_yield();
		else
			usleep(20);
	return clock_ns(CLOCK_MONOTONIC) - start;
}

/* The wait alone, for threads that do nothing but memcpy: no IOMMU, no invalidation, no call. */
static struct latency wait_while_copying(void)
{
	static double ns[AT_TIMES];
	struct stream streams[RIG_DEVICES] = { 0 };
	struct port_set set;

	port_set_init(&set);
	for (unsigned i = 0; i < RIG_DEVICES; i++)
		port_add(&set, &streams[i].port, i);
	start_streams(streams);
	for (unsigned i = 0; i < AT_TIMES; i++) {
		usleep(PAUSE_US);
		ns[i] = wait_ns(&set);
	}
	stop_streams(streams);
	for (unsigned i = 0; i < RIG_DEVICES; i++)
		port_remove(&set, &streams[i].port);
	port_set_finish(&set);
	return latency_of(ns, AT_TIMES);
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
	struct latency none, idle, busy, wait;

	nested_rig_init(&closed, false, false);
	nested_rig_init(&rig, false, false);
	nested_rig_set_stage1(&closed, true);
	nested_rig_set_stage1(&rig, true);
	nested_rig_open_devices(&rig);
	unmap_latency(&closed, UNMAPS, 0);
	make_idle(&rig);
	none = unmap_latency(&closed, UNMAPS, 0);
	idle = unmap_latency(&rig, UNMAPS, 0);
	row_add(&rows[NESTED_UNMAP_IDLE], idle.median, none.median);
	round_invalidations(rows, &rig);
	busy = unmap_while_streaming(&rig);
	wait = wait_while_copying();
	row_add(&rows[NESTED_UNMAP_STREAM], busy.median, wait.median);
	row_add(&rows[NESTED_UNMAP_STREAM_MOST], busy.most, wait.most);
	nested_rig_finish(&rig);
	nested_rig_finish(&closed);
}

void nested_round(struct row *rows)
{
	round_dma(rows + NESTED_DIRECT, false);
	round_dma(rows + NESTED_REMOTE, true);
	round_unmaps(rows);
}
