/* SPDX-License-Identifier: MIT */
/*
 * A device of the default host, opened as any VFIO program does: for programs in a box. What fails
 * here ends the program, but for mapping.
 */
#ifndef TEST_RUN_DEVICE_H
#define TEST_RUN_DEVICE_H

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

struct device {
	int container, group, fd;
	struct vfio_region_info bar, config;
};

/** Group 1's engine in a TYPE1v2 container; memory and bus mastering are on. */
static inline void device_open(struct device *d)
{
	uint16_t command = 6;

	d->bar = (struct vfio_region_info){ .argsz = sizeof(d->bar), .index = 0 };
	d->config = (struct vfio_region_info){ .argsz = sizeof(d->config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	d->container = open("/dev/vfio/vfio", O_RDWR);
	d->group = open("/dev/vfio/1", O_RDWR);
	if (d->container < 0 || d->group < 0 ||
		ioctl(d->group, VFIO_GROUP_SET_CONTAINER, &d->container) ||
		ioctl(d->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "container");
	d->fd = ioctl(d->group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	if (d->fd < 0 || ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &d->bar) ||
		ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &d->config) ||
		pwrite(d->fd, &command, 2, (off_t)d->config.offset + 4) != 2)
		err(1, "device");
}

/** 0, or -1 and errno. */
static inline int device_map(
	const struct device *d, const void *memory, uint64_t iova, uint64_t bytes)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = bytes };

	return ioctl(d->container, VFIO_IOMMU_MAP_DMA, &map);
}

/** Memory of the program, mapped at iova. */
static inline void *device_memory(const struct device *d, uint64_t iova, uint64_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || device_map(d, memory, iova, bytes))
		err(1, "memory for DMA");
	return memory;
}

/** The registers, mapped. */
static inline void *device_bar(const struct device *d)
{
	void *bar = mmap(
		NULL, d->bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd, (off_t)d->bar.offset);

	if (bar == MAP_FAILED)
		err(1, "registers");
	return bar;
}

/** The first MSI-X vector signals an eventfd (-1: nothing). 0, or -1 and errno. */
static inline int device_signal(const struct device *d, int eventfd)
{
	union {
		struct vfio_irq_set set;
		int32_t words[6];
	} irq = { .set = { .argsz = sizeof(irq),
			  .index = VFIO_PCI_MSIX_IRQ_INDEX,
			  .count = 1,
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER } };

	irq.words[5] = eventfd;
	return ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &irq);
}

/* The registers, by calls. */

static inline void device_put(const struct device *d, unsigned reg, uint64_t val, unsigned size)
{
	if (pwrite(d->fd, &val, size, (off_t)(d->bar.offset + reg)) != (ssize_t)size)
		err(1, "write of register %#x", reg);
}

static inline uint64_t device_get(const struct device *d, unsigned reg, unsigned size)
{
	uint64_t val = 0;

	if (pread(d->fd, &val, size, (off_t)(d->bar.offset + reg)) != (ssize_t)size)
		err(1, "read of register %#x", reg);
	return val;
}

#endif
