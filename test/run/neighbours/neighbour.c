/* SPDX-License-Identifier: MIT */
/*
 * An unmodified VFIO program of which a hundred run side by side: fills a source with what nobody
 * else has, says that it is ready, waits for a file to appear, and then has the engine copy ROUNDS
 * times, checking every byte. usage: neighbour ID GO-FILE ROUNDS
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#define BYTES  (256u << 10)
#define IOVA   0x40000000UL
#define RING   (2 * BYTES) /* the descriptor, and 4 KiB behind it the status word */
#define STATUS (RING + 4096)
#define TOTAL  (STATUS + 4096)

static int container, device, irq;
static uint8_t *bar, *memory;

#define REG(type, offset) (*(volatile type *)(bar + (offset)))

static void open_device(void)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = 0 };
	int group = open("/dev/vfio/1", O_RDWR);
	uint16_t command = 6; /* memory, bus master */

	container = open("/dev/vfio/vfio", O_RDWR);
	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
		ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "container");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info))
		err(1, "device");
	bar = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, (off_t)info.offset);
	info.index = VFIO_PCI_CONFIG_REGION_INDEX;
	if (bar == MAP_FAILED || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) ||
		pwrite(device, &command, 2, (off_t)info.offset + 4) != 2)
		err(1, "registers");
}

static void set_interrupt(void)
{
	union {
		struct vfio_irq_set set;
		int32_t words[6];
	} set = { .set = { .argsz = sizeof(set),
			  .index = VFIO_PCI_MSIX_IRQ_INDEX,
			  .count = 1,
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER } };

	irq = eventfd(0, EFD_CLOEXEC);
	set.words[5] = irq;
	if (irq < 0 || ioctl(device, VFIO_DEVICE_SET_IRQS, &set))
		err(1, "interrupt");
}

static void map_memory(void)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map), .flags = 3, .iova = IOVA };

	memory = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map.vaddr = (uintptr_t)memory;
	map.size = TOTAL;
	if (memory == MAP_FAILED || ioctl(container, VFIO_IOMMU_MAP_DMA, &map))
		err(1, "memory");
}

/* One copy, by one descriptor, told by an interrupt. */
static void copy(void)
{
	volatile uint64_t *status = (void *)(memory + STATUS);
	uint32_t *descriptor = (void *)(memory + RING);
	uint64_t *fields = (void *)(memory + RING), events;

	memset(descriptor, 0, 64);
	descriptor[0] = BYTES;
	descriptor[1] = 9; /* interrupt, and write the status */
	fields[1] = IOVA;
	fields[2] = IOVA + BYTES;
	fields[3] = IOVA + RING;
	*status = 0;
	REG(uint8_t, 0x03) = 1;	   /* INTRCTRL */
	REG(uint8_t, 0x84) = 0x20; /* CHANCMD: reset */
	while (REG(uint8_t, 0x84) & 0x20)
		;
	REG(uint64_t, 0x90) = IOVA + RING;   /* CHAINADDR */
	REG(uint64_t, 0x98) = IOVA + STATUS; /* CHANCMP */
	REG(uint16_t, 0x80) = 0xd;	     /* CHANCTRL */
	REG(uint16_t, 0x86) = 1;	     /* DMACOUNT */
	while ((__atomic_load_n(status, __ATOMIC_ACQUIRE) & ~0x3fUL) != IOVA + RING)
		if ((*status & 7) == 3 || read(irq, &events, 8) != 8)
			errx(1, "the engine halted, CHANERR %#x", REG(uint32_t, 0xa8));
}

int main(int argc, char **argv)
{
	unsigned id = argc > 3 ? (unsigned)atoi(argv[1]) : 0,
		 rounds = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
	uint32_t *words;

	if (!rounds)
		errx(2, "usage: neighbour ID GO-FILE ROUNDS");
	open_device();
	set_interrupt();
	map_memory();
	words = (void *)memory;
	printf("ready\n");
	fflush(stdout);
	while (access(argv[2], F_OK))
		usleep(20000);
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < BYTES / 4; i++)
			words[i] = id * 2654435761u + round * 40503u + i;
		copy();
		if (memcmp(memory, memory + BYTES, BYTES))
			errx(1, "round %u: what arrived is not what was sent", round);
	}
	printf("done\n");
	return 0;
}
