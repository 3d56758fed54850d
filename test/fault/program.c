/* SPDX-License-Identifier: MIT */
/*
 * The program in the box whose supervisor lacks something once: what a driver does, with system calls
 * alone. Exit 0: all went well; 3: a call failed with an errno that fits; 4: with another one; 5: the
 * device neither did its work nor reported why.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONFIG	(7ull << 40)
#define BAR0	(8ull << 40)
#define CHANNEL 0x80
#define IOVA	0x100000ull
#define BYTES	0x10000u

static const int fitting[] = { ENOMEM, EMFILE, ENFILE, EFAULT, ENOSPC, EAGAIN, EPERM, EIO };

static long must(const char *what, long ret)
{
	int err = errno;

	if (ret >= 0)
		return ret;
	printf("%s: %s\n", what, strerrorname_np(err));
	for (unsigned i = 0; i < sizeof(fitting) / sizeof(fitting[0]); i++)
		if (fitting[i] == err)
			exit(3);
	exit(4);
}

#define CALL(fd, cmd, arg) must(#cmd, ioctl(fd, cmd, arg))

static void interrupts(int device)
{
	union {
		struct vfio_irq_set set;
		int32_t words[6];
	} arg = { .set = { .argsz = 24,
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			  .index = VFIO_PCI_MSIX_IRQ_INDEX,
			  .count = 1 } };

	arg.words[5] = (int)must("eventfd", eventfd(0, 0));
	CALL(device, VFIO_DEVICE_SET_IRQS, &arg);
	arg.set.index = VFIO_PCI_ERR_IRQ_INDEX;
	CALL(device, VFIO_DEVICE_SET_IRQS, &arg);
}

static void put(int device, uint64_t at, uint64_t val, size_t len)
{
	must("pwrite", pwrite(device, &val, len, (off_t)at));
}

/* Copy a page; wait for the status word or an error. */
static void dma(int device, uint8_t *memory, volatile uint8_t *bar)
{
	uint32_t desc[16] = { 4096, 9, IOVA + 4096, 0, IOVA + 8192, 0, IOVA };
	volatile uint64_t *status = (volatile uint64_t *)(void *)(memory + 0x800);

	memcpy(memory, desc, sizeof(desc));
	put(device, CONFIG + 4, 6, 2);
	*(volatile uint16_t *)(bar + CHANNEL) = 4;
	*(volatile uint64_t *)(bar + CHANNEL + 0x18) = IOVA + 0x800;
	*(volatile uint64_t *)(bar + CHANNEL + 0x10) = IOVA;
	*(volatile uint16_t *)(bar + CHANNEL + 6) = 1;
	for (unsigned tries = 0; tries < 10000; tries++) {
		uint32_t error = 0;

		if (*status)
			return;
		if (tries % 100 == 99)
			must("pread", pread(device, &error, 4, BAR0 + CHANNEL + 0x28));
		if (error) {
			printf("DMA: CHANERR 0x%x\n", error);
			exit(3);
		}
		usleep(1000);
	}
	exit(5);
}

int main(void)
{
	uint8_t *memory =
		mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int container = (int)must("/dev/vfio/vfio", open("/dev/vfio/vfio", O_RDWR));
	int group = (int)must("/dev/vfio/1", open("/dev/vfio/1", O_RDWR)), device;
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = 3,
		.vaddr = (uintptr_t)memory,
		.iova = IOVA,
		.size = BYTES };
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = IOVA, .size = BYTES
	};
	uint32_t info[64] = { sizeof(info) };
	void *bar;

	setvbuf(stdout, NULL, _IOLBF, 0);
	CALL(group, VFIO_GROUP_SET_CONTAINER, &container);
	CALL(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
	CALL(container, VFIO_IOMMU_GET_INFO, info);
	CALL(container, VFIO_IOMMU_MAP_DMA, &map);
	device = (int)CALL(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	must("pread", pread(device, info, 64, CONFIG));
	bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, device, BAR0);
	must("mmap", bar == MAP_FAILED ? -1 : 0);
	interrupts(device);
	dma(device, memory, bar);
	CALL(device, VFIO_DEVICE_RESET, 0);
	CALL(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
	munmap(bar, 4096);
	must("close", close(device));
	must("close", close(group));
	/* Once closed it opens again, and at once. */
	must("/dev/vfio/1", open("/dev/vfio/1", O_RDWR));
	return 0;
}
