/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* I/OAT (CBDMA 3.x) registers in BAR 0; the first channel is at 0x80. */
#define INTRCTRL	0x03
#define CHANCTRL	0x80
#define CHANCMD		0x84
#define DMACOUNT	0x86
#define CHAINADDR	0x90
#define CHANCMP		0x98
#define CHANERR		0xa8
#define CHANCTRL_REPORT 0x000d /* stop on errors, write the status even then; arm the interrupt */
#define CHANCMD_RESET	0x20
#define STATUS_MASK	0x07
#define STATUS_HALTED	3
#define STATUS_ACTIVE	0

#define CONTROL_INTERRUPT  0x1u
#define CONTROL_COMPLETION 0x8u
#define CHUNK		   (UINT64_C(1) << 20) /* a descriptor moves at most that */
#define RING_MAX	   ((ENGINE_BYTES - 8) / sizeof(struct engine_descriptor))

#define REG(type, engine, offset) (*(volatile type *)((engine)->bar + (offset)))

long must(long result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

int engine_group(const char *device, int container)
{
	char path[PATH_MAX], link[PATH_MAX];
	int group;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", device);
	link[must(readlink(path, link, sizeof(link) - 1), path)] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(link, '/') + 1);
	group = (int)must(open(path, O_RDWR), path);
	must(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container), "VFIO_GROUP_SET_CONTAINER");
	return group;
}

void engine_open(struct engine *engine, int group, const char *device)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar), .index = VFIO_PCI_BAR0_REGION_INDEX };
	struct vfio_region_info config = { .argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t command;

	engine->irq = -1;
	engine->device = (int)must(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, device), device);
	must(ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, &bar), "region info");
	must(ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, &config), "region info");
	engine->bar = mmap(NULL, bar.size, PROT_READ | PROT_WRITE, MAP_SHARED, engine->device,
		(off_t)bar.offset);
	if (engine->bar == MAP_FAILED)
		err(1, "mmap of BAR 0");
	must(pread(engine->device, &command, 2, (off_t)config.offset + PCI_COMMAND), "command");
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	must(pwrite(engine->device, &command, 2, (off_t)config.offset + PCI_COMMAND), "command");
}

void engine_interrupts(struct engine *engine)
{
	union {
		struct vfio_irq_set set;
		int32_t words[6]; /* set ends in an array: here of one eventfd */
	} irq = { .set = { .argsz = sizeof(irq),
			  .index = VFIO_PCI_MSIX_IRQ_INDEX,
			  .count = 1,
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER } };

	engine->irq = irq.words[5] = eventfd(0, EFD_CLOEXEC);
	must(ioctl(engine->device, VFIO_DEVICE_SET_IRQS, &irq), "VFIO_DEVICE_SET_IRQS");
}

void engine_memory(struct engine *engine, void *memory, uint64_t iova)
{
	engine->ring = memory;
	engine->ring_iova = iova;
	engine->status = (uint64_t *)((uint8_t *)memory + ENGINE_BYTES - 8);
}

static unsigned write_ring(struct engine *engine, uint64_t dst, uint64_t src, uint64_t bytes)
{
	unsigned n = 0;

	for (uint64_t at = 0; at < bytes; at += CHUNK, n++) {
		uint64_t left = bytes - at;

		if (n == RING_MAX)
			errx(1, "too much for one ring");
		engine->ring[n] = (struct engine_descriptor){
			.bytes = (uint32_t)(left < CHUNK ? left : CHUNK),
			.control = left <= CHUNK ? CONTROL_COMPLETION | CONTROL_INTERRUPT : 0,
			.src = src + at,
			.dst = dst + at,
			.next = engine->ring_iova + (n + 1) * sizeof(struct engine_descriptor),
		};
	}
	return n;
}

void engine_start(struct engine *engine, uint64_t dst, uint64_t src, uint64_t bytes)
{
	uint16_t n = (uint16_t)write_ring(engine, dst, src, bytes);

	*engine->status = 0;
	REG(uint8_t, engine, CHANCMD) = CHANCMD_RESET;
	while (REG(uint8_t, engine, CHANCMD) & CHANCMD_RESET)
		usleep(50); /* the bit clears once the channel has been reset */
	REG(uint8_t, engine, INTRCTRL) = 1;
	REG(uint64_t, engine, CHAINADDR) = engine->ring_iova;
	REG(uint64_t, engine, CHANCMP) = engine->ring_iova + ENGINE_BYTES - 8;
	REG(uint16_t, engine, CHANCTRL) = CHANCTRL_REPORT;
	REG(uint16_t, engine, DMACOUNT) = n;
}

bool engine_wait(struct engine *engine, unsigned ms)
{
	struct pollfd interrupt = { .fd = engine->irq, .events = POLLIN };
	uint64_t events, status = 0;

	for (unsigned waited = 0; waited <= ms; waited += 10) {
		status = __atomic_load_n(engine->status, __ATOMIC_ACQUIRE);
		if (status)
			break;
		if (poll(&interrupt, 1, 10) == 1 && read(engine->irq, &events, 8) != 8)
			err(1, "eventfd");
	}
	return status && (status & STATUS_MASK) != STATUS_HALTED;
}

uint32_t engine_error(const struct engine *engine)
{
	return REG(uint32_t, engine, CHANERR);
}
