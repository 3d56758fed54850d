/* SPDX-License-Identifier: MIT */
#include "party.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

#define PATIENCE_MS 30000

void patience(unsigned tries, const char *what)
{
	if (tries >= PATIENCE_MS)
		errx(1, "waited too long: %s", what);
	usleep(1000);
}

/* ---- the engine ---- */

#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

#define REG(type, engine, off) (*(volatile type *)((engine)->bar + (off)))
#define INTRCTRL	       0x03
#define CHANCTRL	       0x80
#define CHANCMD		       0x84
#define DMACOUNT	       0x86
#define CHAINADDR	       0x90
#define CHANCMP		       0x98
#define RESET		       0x20
#define HALTED		       3

#define STATUS_OFF 0x800

struct descriptor {
	uint32_t bytes, control;
	uint64_t src, dst, next, reserved[4];
};

int engine_map(struct engine *engine, void *memory, size_t bytes, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = RW,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = bytes };

	return ioctl(engine->container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

int engine_unmap(struct engine *engine, uint64_t iova, size_t bytes)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = bytes
	};

	return ioctl(engine->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno
	       : unmap.size == bytes				      ? 0
								      : -ENOENT;
}

int engine_set_irq(struct engine *engine, int fd)
{
	union {
		struct vfio_irq_set set;
		int32_t words[6];
	} irq = { .set = { .argsz = sizeof(irq),
			  .index = VFIO_PCI_MSIX_IRQ_INDEX,
			  .count = 1,
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER } };

	irq.words[5] = fd;
	return ioctl(engine->device, VFIO_DEVICE_SET_IRQS, &irq) ? -errno : 0;
}

static void open_bar(struct engine *engine)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = 0 };
	struct vfio_region_info config = { .argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command = 6; /* memory, bus master */

	if (ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
		ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
		pwrite(engine->device, &command, 2, (off_t)config.offset + 4) != 2)
		err(1, "device");
	engine->bar = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_SHARED, engine->device,
		(off_t)bar.offset);
	if (engine->bar == MAP_FAILED)
		err(1, "mmap of BAR 0");
}

static int open_group(const char *group)
{
	char path[32];
	int fd = -1;

	/* Somebody who was killed may still be giving it back. */
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	until((fd = open(path, O_RDWR | O_CLOEXEC)) >= 0 || errno != EBUSY, "for a group");
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

void engine_open(struct engine *engine, const char *group, const char *device)
{
	engine->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	engine->group = open_group(group);
	engine->memory = mmap(
		NULL, ENGINE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (engine->container < 0 || engine->memory == MAP_FAILED ||
		ioctl(engine->group, VFIO_GROUP_SET_CONTAINER, &engine->container) ||
		ioctl(engine->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "container");
	errno = -engine_map(engine, engine->memory, ENGINE_BYTES, IOVA);
	if (errno)
		err(1, "VFIO_IOMMU_MAP_DMA");
	engine->device = ioctl(engine->group, VFIO_GROUP_GET_DEVICE_FD, device);
	if (engine->device < 0)
		err(1, "%s", device);
	open_bar(engine);
	engine->irq = eventfd(0, EFD_CLOEXEC);
	errno = -engine_set_irq(engine, engine->irq);
	if (errno)
		err(1, "VFIO_DEVICE_SET_IRQS");
}

void engine_close(struct engine *engine)
{
	munmap((void *)engine->bar, 0x1000);
	close(engine->irq);
	close(engine->device);
	close(engine->group);
	close(engine->container);
	munmap(engine->memory, ENGINE_BYTES);
}

static volatile uint64_t *status_of(struct engine *engine)
{
	return (volatile uint64_t *)(engine->memory + STATUS_OFF);
}

void engine_start(struct engine *engine, uint64_t src, uint64_t dst, uint32_t bytes)
{
	struct descriptor *ring = (void *)engine->memory;

	ring[0] = (struct descriptor){
		.bytes = bytes, .control = 9, .src = src, .dst = dst, .next = IOVA
	};
	*status_of(engine) = 0;
	REG(uint8_t, engine, CHANCMD) = RESET;
	until(!(REG(uint8_t, engine, CHANCMD) & RESET), "for a reset");
	REG(uint8_t, engine, INTRCTRL) = 1;
	REG(uint64_t, engine, CHAINADDR) = IOVA;
	REG(uint64_t, engine, CHANCMP) = IOVA + STATUS_OFF;
	REG(uint16_t, engine, CHANCTRL) = 0xd;
	REG(uint16_t, engine, DMACOUNT) = 1;
}

bool engine_wait(struct engine *engine)
{
	uint64_t status = 0;

	until((status = __atomic_load_n(status_of(engine), __ATOMIC_ACQUIRE)), "for a copy");
	return (status & 7) != HALTED;
}

/* ---- the others ---- */

static struct {
	atomic_uint copies, maps; /* of the process, of the thread */
	atomic_bool stop;
} * shared;

static pid_t other;
static pthread_t thread;

static void one_copy(struct engine *engine, unsigned i)
{
	struct pollfd p = { .fd = engine->irq, .events = POLLIN };
	uint64_t *src = (void *)(engine->memory + ENGINE_DONE), *dst = src + 512;
	uint64_t events;

	src[511] = i;
	engine_start(engine, IOVA + ENGINE_DONE, IOVA + ENGINE_DONE + 4096, 4096);
	if (!engine_wait(engine) || dst[511] != i)
		errx(1, "the other device does not copy");
	if (poll(&p, 1, PATIENCE_MS) != 1 || read(engine->irq, &events, 8) != 8)
		errx(1, "the other device does not interrupt");
	atomic_fetch_add(&shared->copies, 1);
}

static void copy_on(void)
{
	struct engine engine;
	pid_t parent = getppid();

	engine_open(&engine, "3", "0000:03:00.0");
	for (unsigned i = 1; !atomic_load(&shared->stop) && getppid() == parent; i++)
		one_copy(&engine, i);
	engine_close(&engine);
}

static void *map_on(void *arg)
{
	struct engine *engine = arg; /* only its container */
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	while (!atomic_load(&shared->stop)) {
		if (engine_map(engine, memory, 4096, IOVA) || engine_unmap(engine, IOVA, 4096))
			errx(1, "the other thread cannot map");
		atomic_fetch_add(&shared->maps, 1);
	}
	return NULL;
}

void others_start(void)
{
	static struct engine second;
	pid_t parent = getpid();

	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	other = fork();
	if (!other) {
		/* Whoever fails ends without stopping the others. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		copy_on();
		_exit(0);
	}
	second.container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	second.group = open_group("2");
	if (ioctl(second.group, VFIO_GROUP_SET_CONTAINER, &second.container) ||
		ioctl(second.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) ||
		pthread_create(&thread, NULL, map_on, &second))
		err(1, "another container");
}

void others_go_on(const char *blocked)
{
	unsigned copies = atomic_load(&shared->copies), maps = atomic_load(&shared->maps);

	until(atomic_load(&shared->copies) - copies >= 3 && atomic_load(&shared->maps) - maps >= 3,
		blocked);
}

void others_stop(void)
{
	int status;

	atomic_store(&shared->stop, true);
	pthread_join(thread, NULL);
	if (waitpid(other, &status, 0) != other || status)
		errx(1, "the other process ended with %#x", status);
}

/* ---- the supervisor, which is the parent of the program's parent ---- */

static unsigned long field(pid_t pid, const char *name)
{
	char path[32], line[128], format[32];
	unsigned long val = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	snprintf(format, sizeof(format), "%s: %%lu", name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f) && sscanf(line, format, &val) != 1)
		;
	if (f)
		fclose(f);
	return val;
}

unsigned long supervisor_rss(void)
{
	pid_t pid = (pid_t)field(getppid(), "PPid");
	unsigned long least = field(pid, "VmRSS"), now;

	for (unsigned i = 0; i < 50; i++) {
		usleep(10000);
		now = field(pid, "VmRSS");
		least = now < least ? now : least;
	}
	return least;
}
