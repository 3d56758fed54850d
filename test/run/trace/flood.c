/* SPDX-License-Identifier: MIT */
/*
 * A program that gives nestbox much to say: refused calls, each with another reason, and DMA to ever
 * new addresses that were never mapped. It ends with 7 if all of it went on, and the device still
 * copies.
 *
 * usage: flood REFUSALS FAULTS [ECHO]    with ECHO, a line on stderr after each refusal
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#define IOVA	 0x100000000UL
#define UNMAPPED 0x900000000UL
#define PATIENCE 60000 /* ms */

struct engine {
	int device;
	off_t bar;
	uint8_t *memory; /* ring, status word at 1024, source at 4096, destination at 6144 */
};

static void put(struct engine *engine, unsigned reg, uint64_t val, unsigned size)
{
	if (pwrite(engine->device, &val, size, engine->bar + reg) != (ssize_t)size)
		err(1, "write of register %#x", reg);
}

static uint64_t get(struct engine *engine, unsigned reg, unsigned size)
{
	uint64_t val = 0;

	if (pread(engine->device, &val, size, engine->bar + reg) != (ssize_t)size)
		err(1, "read of register %#x", reg);
	return val;
}

static void refusals(int container, long n, const char *echo)
{
	for (long i = 0; i < n; i++) {
		if (!ioctl(container, VFIO_SET_IOMMU, 1000 + i))
			errx(1, "type %ld was not refused", 1000 + i);
		if (echo)
			dprintf(2, "%s %ld\n", echo, 1000 + i);
	}
}

static void open_device(struct engine *engine, int container)
{
	int group = open("/dev/vfio/1", O_RDWR);
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = IOVA,
		.size = 8192 };
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = 0 };
	struct vfio_region_info config = { .argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command = 6; /* memory, bus master */

	engine->memory =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map.vaddr = (uintptr_t)engine->memory;
	if (group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
		ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) ||
		ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		err(1, "container");
	engine->device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	if (engine->device < 0 || ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
		ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
		pwrite(engine->device, &command, 2, (off_t)config.offset + 4) != 2)
		err(1, "device");
	engine->bar = (off_t)bar.offset;
}

/** One descriptor: 64 bytes from src to the destination. The state that the engine ends in. */
static unsigned copy(struct engine *engine, uint64_t src)
{
	uint64_t *ring = (uint64_t *)engine->memory;
	volatile uint64_t *status = (uint64_t *)(engine->memory + 1024);

	ring[0] = 64 | (uint64_t)8 << 32; /* size, and control: write the status */
	ring[1] = src;
	ring[2] = IOVA + 6144;
	ring[3] = IOVA;
	*status = 0;
	put(engine, 0x84, 0x20, 1); /* CHANCMD: reset */
	while (get(engine, 0x84, 1) & 0x20)
		;
	put(engine, 0x80, 0x0c, 2);	   /* CHANCTRL: errors stop it and write the status */
	put(engine, 0x98, IOVA + 1024, 8); /* CHANCMP */
	put(engine, 0x90, IOVA, 8);	   /* CHAINADDR */
	put(engine, 0x86, 1, 2);	   /* DMACOUNT */
	for (unsigned ms = 0; !*status && ms < PATIENCE * 10; ms++)
		usleep(100);
	return *status & 7;
}

int main(int argc, char **argv)
{
	long n_refusals = argc > 1 ? atol(argv[1]) : 0, n_faults = argc > 2 ? atol(argv[2]) : 0;
	int container = open("/dev/vfio/vfio", O_RDWR);
	struct engine engine;

	if (container < 0)
		err(1, "/dev/vfio/vfio");
	open_device(&engine, container);
	refusals(container, n_refusals, argc > 3 ? argv[3] : NULL);
	for (long i = 0; i < n_faults; i++) {
		if (copy(&engine, UNMAPPED + (uint64_t)i * 4096) != 3)
			errx(1, "DMA from unmapped memory did not halt the engine");
	}
	memcpy(engine.memory + 4096, "copied", 7);
	copy(&engine, IOVA + 4096);
	if (strcmp((char *)engine.memory + 6144, "copied"))
		errx(1, "nothing was copied");
	return 7;
}
