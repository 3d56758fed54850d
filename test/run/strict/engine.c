/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#define OWN_IOVA  0x10000000UL
#define OWN_BYTES 0x10000UL
#define STATUS	  0x8000U /* in our own memory: the engine's status word */
#define PATIENCE  600000  /* of 100 us */

struct descriptor {
	uint32_t bytes, control;
	uint64_t src, dst, next, reserved[4];
};

static int container, group, device;
static uint64_t bar;
static uint8_t *own;
static unsigned n_running;

static void put(unsigned reg, uint64_t val, unsigned size)
{
	if (pwrite(device, &val, size, (off_t)(bar + reg)) != (ssize_t)size)
		err(1, "write of register %#x", reg);
}

static uint64_t get(unsigned reg, unsigned size)
{
	uint64_t val = 0;

	if (pread(device, &val, size, (off_t)(bar + reg)) != (ssize_t)size)
		err(1, "read of register %#x", reg);
	return val;
}

int engine_map(const void *memory, uint64_t iova, size_t bytes)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = bytes };

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
}

int engine_unmap(uint64_t iova, size_t bytes)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = bytes
	};

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap) || unmap.size != bytes ? -1 : 0;
}

static void map_own(void)
{
	own = mmap(NULL, OWN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (own == MAP_FAILED || engine_map(own, OWN_IOVA, OWN_BYTES))
		err(1, "memory of the engine");
}

void engine_open(void)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = 0 };
	uint16_t command = 6; /* memory, bus master */

	container = open("/dev/vfio/vfio", O_RDWR);
	group = open("/dev/vfio/1", O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
		ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "container");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		err(1, "device");
	/* It is to live through exec. */
	fcntl(device, F_SETFD, 0);
	bar = info.offset;
	info.index = VFIO_PCI_CONFIG_REGION_INDEX;
	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) ||
		pwrite(device, &command, 2, (off_t)info.offset + 4) != 2)
		err(1, "device");
	map_own();
}

const char *engine_words(void)
{
	static char words[96];

	snprintf(words, sizeof(words), "%d %d %d %llx", container, group, device,
		(unsigned long long)bar);
	return words;
}

void engine_adopt(const char *words)
{
	unsigned long long at;

	if (sscanf(words, "%d %d %d %llx", &container, &group, &device, &at) != 4)
		errx(2, "'%s'", words);
	bar = at;
	if (engine_unmap(OWN_IOVA, OWN_BYTES))
		err(1, "memory of the program before us");
	map_own();
}

void engine_begin(uint64_t dst, uint64_t src, uint32_t bytes, unsigned descriptors)
{
	struct descriptor *ring = (void *)own;

	for (unsigned i = 0; i < descriptors; i++)
		ring[i] = (struct descriptor){ .bytes = bytes,
			.control = i == descriptors - 1 ? 8 : 0, /* write the status */
			.src = src,
			.dst = dst,
			.next = OWN_IOVA + (i + 1) % descriptors * sizeof(*ring) };
	*(volatile uint64_t *)(own + STATUS) = 0;
	put(0x84, 0x20, 1); /* CHANCMD: reset */
	while (get(0x84, 1) & 0x20)
		;
	put(0x80, 0x0c, 2);		 /* CHANCTRL: errors stop it and write the status */
	put(0x98, OWN_IOVA + STATUS, 8); /* CHANCMP */
	put(0x90, OWN_IOVA, 8);		 /* CHAINADDR */
	put(0x86, descriptors, 2);	 /* DMACOUNT */
	n_running = descriptors;
}

int engine_end(void)
{
	volatile uint64_t *status = (void *)(own + STATUS);
	uint64_t last = OWN_IOVA + (n_running - 1) * sizeof(struct descriptor);

	for (unsigned i = 0; i < PATIENCE; i++) {
		if ((*status & 7) == 3)
			return 0;
		if ((*status & ~UINT64_C(63)) == last)
			return 1;
		usleep(100);
	}
	errx(1, "the engine neither copied nor halted");
}

int engine_copy(uint64_t dst, uint64_t src, uint32_t bytes)
{
	engine_begin(dst, src, bytes, 1);
	return engine_end();
}
