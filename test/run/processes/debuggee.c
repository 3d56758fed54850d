/* SPDX-License-Identifier: MIT */
/*
 * A program to be debugged: it sets up a DMA engine, looks at it again and again without pause (so
 * that whoever stops it mostly does so in a call), until there is a file of the name that it was
 * given; then the engine copies something and it checks that.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#define IOVA 0x100000000UL

static int container, device;
static struct vfio_region_info config = { .argsz = sizeof(config),
	.index = VFIO_PCI_CONFIG_REGION_INDEX };
static volatile uint8_t *bar;
static unsigned long looks;

/* For the debugger to call. */
int api_version(void);

__attribute__((noinline, used)) int api_version(void)
{
	return ioctl(container, VFIO_GET_API_VERSION);
}

__attribute__((noinline)) static int look(void)
{
	uint16_t vendor = 0;
	int version;

	version = api_version();
	if (pread(device, &vendor, 2, (off_t)config.offset) != 2 || vendor != 0x8086)
		err(1, "vendor %#x", vendor);
	looks++;
	return version;
}

static void open_device(void *memory, size_t bytes)
{
	struct vfio_region_info region = { .argsz = sizeof(region) };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = IOVA,
		.size = bytes };
	int group = open("/dev/vfio/1", O_RDWR);
	uint16_t command = 6; /* memory, bus master */

	container = open("/dev/vfio/vfio", O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
		ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) ||
		ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		err(1, "container");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region) ||
		ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
		pwrite(device, &command, 2, (off_t)config.offset + 4) != 2)
		err(1, "device");
	bar = mmap(NULL, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, device,
		(off_t)region.offset);
	if (bar == MAP_FAILED)
		err(1, "mmap");
}

static void copy(char *memory)
{
	uint64_t *ring = (void *)memory;

	memcpy(memory + 4096, "copied", sizeof("copied"));
	/* One descriptor: size and control, source, destination, next. */
	ring[0] = 64 | (uint64_t)8 << 32;
	ring[1] = IOVA + 4096;
	ring[2] = IOVA + 6144;
	ring[3] = IOVA;
	bar[0x84] = 0x20; /* CHANCMD: reset */
	while (bar[0x84] & 0x20)
		usleep(50);
	*(volatile uint64_t *)(bar + 0x98) = IOVA + 1024; /* CHANCMP */
	*(volatile uint64_t *)(bar + 0x90) = IOVA;	  /* CHAINADDR */
	*(volatile uint16_t *)(bar + 0x86) = 1;		  /* DMACOUNT */
	for (unsigned i = 0; i < 30000 && strcmp(memory + 6144, "copied"); i++)
		usleep(1000);
	if (strcmp(memory + 6144, "copied"))
		errx(1, "nothing was copied");
}

int main(int argc, char **argv)
{
	char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	open_device(memory, 8192);
	printf("%d\n", (int)getpid());
	fflush(stdout);
	do {
		look();
	} while (argc > 1 && access(argv[1], F_OK));
	copy(memory);
	puts("copied");
	return 0;
}
