/* SPDX-License-Identifier: MIT */
/*
 * A program that makes every VFIO call once, with arguments that can be told again in a trace
 * (every.sh). Whether a call succeeds is not looked at: that is others' business.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#define IOVA	0x7000000UL
#define CALL(n) _IO(';', 100 + (n))

static int container, group, device;

/* ---- containers ---- */

static void map(void *memory)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = 3,
		.vaddr = (uintptr_t)memory,
		.iova = IOVA,
		.size = 0x4000 };
	struct vfio_iommu_type1_dma_map none = {
		.argsz = sizeof(none), .flags = 0x80, .size = 0x1000
	};

	ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
	ioctl(container, VFIO_IOMMU_MAP_DMA, &none);
	ioctl(container, VFIO_IOMMU_MAP_DMA, NULL);
}

static void dirty(uint64_t *bits)
{
	struct {
		uint32_t argsz, flags;
		uint64_t iova, size, pgsize, bytes, data;
	} arg = { 8, 1, IOVA, 0x4000, 0x1000, 8, (uintptr_t)bits };

	ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg);
	arg.argsz = sizeof(arg);
	arg.flags = 4;
	ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg);
	arg.flags = 1; /* of UNMAP_DMA */
	ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg);
	arg.argsz = 8;
	arg.flags = 2;
	ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg);
}

static void unmap_all(void)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg), .flags = 2 };

	ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg);
}

static void container_info(void)
{
	static union {
		struct vfio_iommu_type1_info info;
		uint8_t room[1024];
	} arg = { .info = { .argsz = sizeof(arg) } };

	ioctl(container, VFIO_GET_API_VERSION);
	ioctl(container, VFIO_CHECK_EXTENSION, VFIO_UNMAP_ALL);
	ioctl(container, VFIO_CHECK_EXTENSION, 4711);
	ioctl(container, VFIO_IOMMU_GET_INFO, &arg);
	arg.info = (struct vfio_iommu_type1_info){ .argsz = 16 };
	ioctl(container, VFIO_IOMMU_GET_INFO, &arg);
	ioctl(container, CALL(15)); /* ENABLE and DISABLE, of another architecture */
	ioctl(container, CALL(16));
	ioctl(container, CALL(77), 0x123);
}

static void group_calls(void)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	ioctl(group, VFIO_GROUP_GET_STATUS, &status);
	ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "no such device");
}

/* ---- devices ---- */

static void device_info(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	static union {
		struct vfio_region_info region;
		struct vfio_irq_info irq;
		uint8_t room[256];
	} arg;

	ioctl(device, VFIO_DEVICE_GET_INFO, &info);
	for (unsigned i = 0; i < 9; i++) {
		arg.region = (struct vfio_region_info){ .argsz = sizeof(arg), .index = i };
		ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &arg);
	}
	for (unsigned i = 0; i < 5; i++) {
		arg.irq = (struct vfio_irq_info){ .argsz = sizeof(arg.irq), .index = i };
		ioctl(device, VFIO_DEVICE_GET_IRQ_INFO, &arg);
	}
}

static void set_irqs(
	uint32_t flags, uint32_t index, uint32_t start, const void *data, uint32_t bytes)
{
	uint32_t arg[16] = { 20 + bytes, flags, index, start, 2 };

	memcpy(arg + 5, data, bytes);
	ioctl(device, VFIO_DEVICE_SET_IRQS, arg);
}

static void interrupts(void)
{
	int32_t fds[2] = { eventfd(0, EFD_CLOEXEC), -1 };
	uint8_t bools[2] = { 1, 0 };
	uint32_t off[5] = { 20, 1 | 32, 2, 0, 0 };

	set_irqs(4 | 32, 2, 0, fds, 8);
	set_irqs(2 | 32, 2, 0, bools, 2);
	set_irqs(1 | 8, 0, 0, "", 0);
	set_irqs(1 | 16, 0, 0, "", 0);
	ioctl(device, VFIO_DEVICE_SET_IRQS, off);
	close(fds[0]);
}

static void hot_reset(void)
{
	uint32_t info[32] = { 12 }, reset[4] = { 16, 0, 1, (uint32_t)group };

	ioctl(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
	info[0] = sizeof(info);
	ioctl(device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
	ioctl(device, VFIO_DEVICE_PCI_HOT_RESET, reset);
	ioctl(device, VFIO_DEVICE_RESET);
}

static void feature(uint32_t flags, const void *payload, uint32_t bytes)
{
	uint32_t arg[16] = { 8 + bytes, flags };

	memcpy(arg + 2, payload, bytes);
	ioctl(device, CALL(17), arg);
}

static void features(void)
{
	const uint32_t get = 1u << 16, set = 1u << 17, probe = 1u << 18, one = 1;
	const uint8_t token[16] = { 0xca, 0xfe };
	const uint64_t range[3] = { 4096, 0, 0 };

	feature(probe | set | 10, "", 0);
	feature(set | 10, &one, 4);
	feature(set, token, 16);
	feature(get | 1, range, 8);
	feature(set | 3, "", 0);
	feature(set | 5, "", 0);
	feature(set | 6, range, 24);
}

static void more(void)
{
	struct vfio_device_ioeventfd ioeventfd = { .argsz = sizeof(ioeventfd),
		.flags = VFIO_DEVICE_IOEVENTFD_16,
		.offset = (UINT64_C(8) << 40) + 0x86,
		.data = 3,
		.fd = -1 };
	uint32_t arg[32] = { sizeof(arg) };

	ioctl(device, VFIO_DEVICE_IOEVENTFD, &ioeventfd);
	for (unsigned i = 14; i <= 21; i++)
		if (i != 16 && i != 17)
			ioctl(device, CALL(i), arg);
	ioctl(device, CALL(77), 0x456);
}

static void registers(void)
{
	off_t config = (off_t)7 << 40, bar = (off_t)8 << 40;
	uint16_t command = 6;
	uint64_t val;

	(void)!pread(device, &val, 4, config);
	(void)!pwrite(device, &command, 2, config + 4);
	(void)!pread(device, &val, 1, config + 0x34);
	(void)!pread(device, &val, 2, config + 0x82);
	(void)!pread(device, &val, 4, config + 0x94);
	(void)!pread(device, &val, 8, bar + 0x88);
	(void)!pwrite(device, &command, 1, bar + 0x104);
	munmap(mmap(NULL, 4096, PROT_READ, MAP_SHARED, device, bar), 4096);
}

int main(void)
{
	void *memory =
		mmap(NULL, 0x4000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t bits = 0;

	container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	group = open("/dev/vfio/1", O_RDWR);
	if (container < 0 || group < 0 || memory == MAP_FAILED)
		err(1, "every");
	ioctl(group, VFIO_GROUP_SET_CONTAINER, &container);
	ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
	container_info();
	map(memory);
	dirty(&bits);
	unmap_all();
	group_calls();
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	if (device < 0)
		err(1, "device");
	device_info();
	interrupts();
	registers();
	features();
	more();
	hot_reset();
	close(device);
	ioctl(group, VFIO_GROUP_UNSET_CONTAINER);
	return 0;
}
