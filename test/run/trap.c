/* SPDX-License-Identifier: MIT */
/* An unmodified program under --mmio=trap: no BAR maps, and every register access is a call. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#define IOVA 0x100000000UL

static int device;
static struct vfio_region_info bar = { .argsz = sizeof(bar), .index = 0 };

static void put(unsigned reg, uint64_t val, unsigned size)
{
	if (pwrite(device, &val, size, (off_t)(bar.offset + reg)) != (ssize_t)size)
		err(1, "write of register %#x", reg);
}

static uint64_t get(unsigned reg, unsigned size)
{
	uint64_t val = 0;

	if (pread(device, &val, size, (off_t)(bar.offset + reg)) != (ssize_t)size)
		err(1, "read of register %#x", reg);
	return val;
}

static void open_device(void *memory, size_t bytes)
{
	int container = open("/dev/vfio/vfio", O_RDWR), group = open("/dev/vfio/1", O_RDWR);
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = IOVA,
		.size = bytes };
	struct vfio_region_info config = { .argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command = 6; /* memory, bus master */

	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
		ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) ||
		ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		err(1, "container");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &bar) ||
		ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) ||
		pwrite(device, &command, 2, (off_t)config.offset + 4) != 2)
		err(1, "device");
}

int main(void)
{
	char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *ring = (void *)memory;
	unsigned i;

	open_device(memory, 8192);
	if (bar.flags & VFIO_REGION_INFO_FLAG_MMAP)
		errx(1, "the BAR claims to be mappable");
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, (off_t)bar.offset) != MAP_FAILED ||
		errno != EINVAL)
		errx(1, "the BAR was mapped");
	strcpy(memory + 4096, "copied");
	/* One descriptor: size and control, source, destination, next. */
	ring[0] = 64 | (uint64_t)8 << 32;
	ring[1] = IOVA + 4096;
	ring[2] = IOVA + 6144;
	ring[3] = IOVA;
	put(0x84, 0x20, 1); /* CHANCMD: reset */
	while (get(0x84, 1) & 0x20)
		;
	put(0x98, IOVA + 1024, 8); /* CHANCMP */
	put(0x90, IOVA, 8);	   /* CHAINADDR */
	put(0x86, 1, 2);	   /* DMACOUNT */
	for (i = 0; i < 5000 && strcmp(memory + 6144, "copied"); i++)
		usleep(1000);
	if (strcmp(memory + 6144, "copied"))
		errx(1, "nothing was copied, CHANSTS %#llx", (unsigned long long)get(0x88, 8));
	return 0;
}
