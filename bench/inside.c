/* SPDX-License-Identifier: MIT */
/*
 * What the bench runs inside a box: a plain VFIO program. Its argument says what to measure; the
 * figures go to standard output, one a line.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <nestbox/vfio-nesting.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MIB   (1024UL * 1024)
#define CHUNK MIB
#define IOVA  0x40000000UL

static int container, group, device, irq;
static int type = VFIO_TYPE1v2_IOMMU;
static uint8_t *bar;

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void open_container(void)
{
	container = open("/dev/vfio/vfio", O_RDWR);
	group = open("/dev/vfio/1", O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
		ioctl(container, VFIO_SET_IOMMU, type))
		err(1, "container");
}

static void open_device(void)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = 0 };
	uint16_t command = 6; /* memory and bus-master enable */
	union {
		struct vfio_irq_set set;
		int32_t words[6];
	} set = { .set = { .argsz = sizeof(set),
			  .index = VFIO_PCI_MSIX_IRQ_INDEX,
			  .count = 1,
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER } };

	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		err(1, "device");
	bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)info.offset);
	info.index = VFIO_PCI_CONFIG_REGION_INDEX;
	if (bar == MAP_FAILED || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) ||
		pwrite(device, &command, 2, (off_t)info.offset + 4) != 2)
		err(1, "device");
	irq = eventfd(0, EFD_CLOEXEC);
	set.words[5] = irq;
	if (irq < 0 || ioctl(device, VFIO_DEVICE_SET_IRQS, &set))
		err(1, "VFIO_DEVICE_SET_IRQS");
}

static void open_all(void)
{
	open_container();
	open_device();
}

static void map(void *memory, uint64_t iova, size_t bytes)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg),
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = bytes,
		.flags = 3 };

	if (ioctl(container, VFIO_IOMMU_MAP_DMA, &arg))
		err(1, "VFIO_IOMMU_MAP_DMA");
}

static void unmap(uint64_t iova, size_t bytes)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .iova = iova, .size = bytes
	};

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg) || arg.size != bytes)
		err(1, "VFIO_IOMMU_UNMAP_DMA");
}

/* Nanoseconds of an ioctl without, then with an argument struct. */
static void measure_ioctl(void)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	unsigned calls = 20000;
	double start;

	open_all();
	start = now_ns();
	for (unsigned i = 0; i < calls; i++)
		ioctl(container, VFIO_GET_API_VERSION);
	printf("%f\n", (now_ns() - start) / calls);
	start = now_ns();
	for (unsigned i = 0; i < calls; i++)
		ioctl(group, VFIO_GROUP_GET_STATUS, &status);
	printf("%f\n", (now_ns() - start) / calls);
}

/* Nanoseconds of calls that are none of ours: getppid, pread, ioctl, open and close. */
static void measure_syscalls(void)
{
	unsigned calls = 100000;
	int fd = open("/proc/self/exe", O_RDONLY), queued;
	int pipes[2];
	double start;
	char byte;

	if (fd < 0 || pipe(pipes))
		err(1, "syscalls");
#define MEASURE(call)                                                                              \
	do {                                                                                       \
		start = now_ns();                                                                  \
		for (unsigned i = 0; i < calls; i++)                                               \
			(void)!(call);                                                             \
		printf("%f\n", (now_ns() - start) / calls);                                        \
	} while (0)
	MEASURE(syscall(SYS_getppid));
	MEASURE(pread(fd, &byte, 1, 0));
	MEASURE(ioctl(pipes[0], 0x541b /* FIONREAD */, &queued));
	MEASURE(close(open("/dev/null", O_RDONLY)));
}

struct descriptor {
	uint32_t bytes, control;
	uint64_t src, dst, next, reserved[4];
};

#define REG(type, offset) (*(volatile type *)(bar + (offset)))

/* One copy of n chunks by the engine; waits for its interrupt as a driver does. */
static void engine_copy(
	struct descriptor *ring, volatile uint64_t *status, uint64_t ring_iova, unsigned n)
{
	uint64_t last = ring_iova + (n - 1) * sizeof(*ring), events;

	*status = 0;
	REG(uint8_t, 0x03) = 1;	   /* INTRCTRL: interrupts on */
	REG(uint8_t, 0x84) = 0x20; /* CHANCMD: reset */
	while (REG(uint8_t, 0x84) & 0x20)
		;
	REG(uint64_t, 0x90) = ring_iova;		     /* CHAINADDR */
	REG(uint64_t, 0x98) = ring_iova + n * sizeof(*ring); /* CHANCMP */
	REG(uint16_t, 0x80) = 0xd;			     /* CHANCTRL: report errors, re-arm */
	REG(uint16_t, 0x86) = (uint16_t)n;		     /* DMACOUNT */
	while ((__atomic_load_n(status, __ATOMIC_ACQUIRE) & ~0x3fUL) != last)
		if ((*status & 7) == 3 || read(irq, &events, 8) != 8)
			errx(1, "engine halted, CHANERR %#x", REG(uint32_t, 0xa8));
}

/* What the engine copies in one go: `chunks` from the beginning of memory to behind them, in laps. */
struct job {
	uint8_t *memory;
	size_t bytes; /* on each side */
	struct descriptor *ring;
	unsigned n;
};

static void job_alloc(struct job *job, int shared, unsigned chunks, unsigned laps)
{
	const size_t bytes = chunks * CHUNK, total = 2 * bytes + MIB;
	int fd = shared ? memfd_create("bench", 0) : -1;

	if (shared && ftruncate(fd, (off_t)total))
		err(1, "memfd");
	*job = (struct job){ .bytes = bytes, .n = chunks * laps };
	job->memory = mmap(NULL, total, PROT_READ | PROT_WRITE,
		shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
	if (job->memory == MAP_FAILED)
		err(1, "mmap");
	memset(job->memory, 1, total);
}

static void job_init(struct job *job, int shared, unsigned chunks, unsigned laps)
{
	const size_t bytes = chunks * CHUNK;

	job_alloc(job, shared, chunks, laps);
	open_all();
	map(job->memory, IOVA, 2 * bytes + MIB);
	job->ring = (void *)(job->memory + 2 * bytes);
	for (unsigned i = 0; i < job->n; i++)
		job->ring[i] = (struct descriptor){ .bytes = CHUNK,
			.control = i == job->n - 1 ? 9 : 0,
			.src = IOVA + i % chunks * CHUNK,
			.dst = IOVA + bytes + i % chunks * CHUNK,
			.next = IOVA + 2 * bytes + (i + 1) % job->n * sizeof(*job->ring) };
}

static void job_run(const struct job *job)
{
	engine_copy(job->ring, (void *)(job->ring + job->n), IOVA + 2 * job->bytes, job->n);
}

/*
 * Bytes per second by the engine, then by memcpy over the same buffers: bandwidth, so each goes over
 * them several times in a row, and starting and stopping counts little.
 */
static void measure_dma(int shared)
{
	const unsigned laps = 8;
	double engine = 0, cpu = 0;
	struct job job;

	job_init(&job, shared, 32, laps);
	for (unsigned pass = 0; pass < 4; pass++) {
		double start = now_ns(), rate;

		job_run(&job);
		rate = (double)job.bytes * laps / ((now_ns() - start) * 1e-9);
		engine = rate > engine ? rate : engine;
		start = now_ns();
		for (unsigned lap = 0; lap < laps; lap++)
			memcpy(job.memory + job.bytes, job.memory, job.bytes);
		rate = (double)job.bytes * laps / ((now_ns() - start) * 1e-9);
		cpu = rate > cpu ? rate : cpu;
	}
	printf("%f\n%f\n", engine, cpu);
}

static void say_and_wait(const char *what)
{
	char line[16];

	printf("%s\n", what);
	fflush(stdout);
	(void)!fgets(line, sizeof(line), stdin);
}

#define STREAM_LAPS 8 /* of one job: as above */

/* Bytes per second over three seconds that begin when somebody says so. */
static void repeat(const struct job *job, void (*copy)(const struct job *job))
{
	double start, bytes = 0;

	say_and_wait("ready");
	start = now_ns();
	do {
		copy(job);
		bytes += (double)job->bytes * STREAM_LAPS;
	} while (now_ns() - start < 3e9);
	printf("%f\n", bytes / ((now_ns() - start) * 1e-9));
}

static void stream(void)
{
	struct job job;

	job_init(&job, 1, 16, STREAM_LAPS);
	repeat(&job, job_run);
}

static void copy_by_cpu(const struct job *job)
{
	for (unsigned lap = 0; lap < STREAM_LAPS; lap++)
		memcpy(job->memory + job->bytes, job->memory, job->bytes);
}

/* The same without a box. */
static void stream_by_cpu(void)
{
	struct job job;

	job_alloc(&job, 1, 16, 1);
	repeat(&job, copy_by_cpu);
}

/* After some work, nothing to do until standard input ends. */
static void rest(void)
{
	struct job job;

	job_init(&job, 0, 1, 1);
	job_run(&job);
	say_and_wait("ready");
}

/* Nanoseconds of map plus unmap of 4 KiB, 2 MiB, 1 GiB. */
static void measure_map(void)
{
	static const size_t sizes[] = { 4096, 2 * MIB, 1024 * MIB };
	char *memory = mmap(NULL, 2048 * MIB, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	open_all();
	for (unsigned i = 0; i < 3; i++) {
		unsigned calls = 2000;
		double start = now_ns();

		for (unsigned call = 0; call < calls; call++) {
			map(memory, IOVA, sizes[i]);
			unmap(IOVA, sizes[i]);
		}
		printf("%f\n", (now_ns() - start) / calls);
	}
}

/* Until the devices are looked at as seldom as in a box where nothing is done (src/gate/poller.c). */
static void rest_a_while(void)
{
	usleep(1200000);
}

/* Nanoseconds of a cycle of 4 KiB with so many mappings that live meanwhile, at random places. */
static double storm(char *memory, unsigned live, unsigned cycles)
{
	const size_t page = 4096;
	uint64_t state = 88172645463325252;
	double start;

	for (unsigned i = 0; i < live; i++)
		map(memory, IOVA + 2 * i * page, page);
	start = now_ns();
	for (unsigned i = 0; i < cycles; i++) {
		uint64_t iova;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		iova = IOVA + (2 * (state % live) + 1) * page;
		map(memory, iova, page);
		unmap(iova, page);
	}
	return (now_ns() - start) / cycles;
}

static void measure_storm(void)
{
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	open_all();
	rest_a_while();
	printf("%f\n", storm(memory, 10, 2000));
	for (unsigned i = 0; i < 10; i++)
		unmap(IOVA + 2 * i * 4096, 4096);
	printf("%f\n", storm(memory, 60000, 2000));
}

/* Nanoseconds of reading configuration space, a register that is trapped, and one that is mapped. */
static void measure_registers(void)
{
	const off_t config = (off_t)7 << 40, bar0 = (off_t)8 << 40;
	const unsigned calls = 20000, loads = 10000000;
	uint32_t val;
	double start;

	open_all();
	rest_a_while();
	start = now_ns();
	for (unsigned i = 0; i < calls; i++)
		if (pread(device, &val, 4, config) != 4)
			err(1, "configuration space");
	printf("%f\n", (now_ns() - start) / calls);
	start = now_ns();
	for (unsigned i = 0; i < calls; i++)
		if (pread(device, &val, 4, bar0 + 0x88) != 4)
			err(1, "a register");
	printf("%f\n", (now_ns() - start) / calls);
	start = now_ns();
	for (unsigned i = 0; i < loads; i++)
		(void)REG(uint32_t, 0x88);
	printf("%f\n", (now_ns() - start) / loads);
}

/* Nanoseconds of mmap and munmap of memory that is none of VFIO's. */
static void measure_munmap(void)
{
	const unsigned calls = 20000;
	double start = now_ns();

	for (unsigned i = 0; i < calls; i++)
		munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
	printf("%f\n", (now_ns() - start) / calls);
}

/* Nanoseconds of invalidating a page of a guest's stage 1. */
static void measure_invalidate(void)
{
	struct vfio_iommu_type1_set_pasid_table bypass = { .argsz = sizeof(bypass),
		.flags = VFIO_PASID_TABLE_FLAG_SET,
		.config = { .argsz = sizeof(bypass.config),
			.version = PASID_TABLE_CFG_VERSION_1,
			.format = IOMMU_PASID_FORMAT_SMMUV3,
			.config = IOMMU_PASID_CONFIG_BYPASS,
			.vendor_data.smmuv3.version = PASID_TABLE_SMMUV3_CFG_VERSION_1 } };
	struct vfio_iommu_type1_cache_invalidate page = { .argsz = sizeof(page),
		.info = { .argsz = sizeof(page.info),
			.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
			.cache = IOMMU_CACHE_INV_TYPE_IOTLB,
			.granularity = IOMMU_INV_GRANU_ADDR,
			.granu.addr_info = {
				.flags = IOMMU_INV_ADDR_FLAGS_ARCHID | IOMMU_INV_ADDR_FLAGS_LEAF,
				.archid = 1,
				.addr = IOVA,
				.granule_size = 4096,
				.nb_granules = 1 } } };
	const unsigned calls = 20000;
	double start;

	type = VFIO_TYPE1_NESTING_IOMMU;
	open_all();
	rest_a_while();
	if (ioctl(container, VFIO_IOMMU_SET_PASID_TABLE, &bypass))
		err(1, "VFIO_IOMMU_SET_PASID_TABLE");
	start = now_ns();
	for (unsigned i = 0; i < calls; i++)
		if (ioctl(container, VFIO_IOMMU_CACHE_INVALIDATE, &page))
			err(1, "VFIO_IOMMU_CACHE_INVALIDATE");
	printf("%f\n", (now_ns() - start) / calls);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds: the median. */
static double unmap_latency(char *memory)
{
	static double ns[2000];
	const unsigned calls = sizeof(ns) / sizeof(*ns);

	for (unsigned i = 0; i < calls; i++) {
		map(memory, IOVA, 4096);
		ns[i] = now_ns();
		unmap(IOVA, 4096);
		ns[i] = now_ns() - ns[i];
	}
	qsort(ns, calls, sizeof(*ns), compare);
	return ns[calls / 2];
}

/* Of unmapping in a nesting container, with no device open, then with one that is idle. */
static void measure_unmap(void)
{
	char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	type = VFIO_TYPE1_NESTING_IOMMU;
	open_container();
	unmap_latency(memory);
	printf("%f\n", unmap_latency(memory));
	open_device();
	rest_a_while();
	printf("%f\n", unmap_latency(memory));
}

/* The engine enabled, nothing to do; the caller looks at the supervisor's CPU time meanwhile. */
static void idle(void)
{
	open_all();
	sleep(4);
}

static void measure_dma_direct(void)
{
	measure_dma(1);
}

static void measure_dma_private(void)
{
	measure_dma(0);
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "ioctl", measure_ioctl },
	{ "syscalls", measure_syscalls },
	{ "dma-direct", measure_dma_direct },
	{ "dma-private", measure_dma_private },
	{ "map", measure_map },
	{ "storm", measure_storm },
	{ "registers", measure_registers },
	{ "munmap", measure_munmap },
	{ "invalidate", measure_invalidate },
	{ "unmap", measure_unmap },
	{ "idle", idle },
	{ "stream", stream },
	{ "stream-cpu", stream_by_cpu },
	{ "rest", rest },
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(argv[1], modes[i].name)) {
			modes[i].run();
			return 0;
		}
	errx(2, "what to measure?");
}
