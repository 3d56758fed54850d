/* SPDX-License-Identifier: MIT */
#include "conform/irq_engine.h"

#include <unistd.h>

#include "conform/conform.h"

/* The engine's registers, and those of its first channel. */
#define INTRCTRL   0x03
#define ATTNSTATUS 0x04
#define CHANCTRL   0x80
#define CHANCMD	   0x84
#define DMACOUNT   0x86
#define CHAINADDR  0x90
#define CHANERR	   0xa8

static uint64_t region(unsigned index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	t_ioctl(fd_number(DEVICE), VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&info);
	return info.offset;
}

static bool put(uint64_t at, uint64_t val, unsigned size)
{
	return t_pwrite(fd_number(DEVICE), (uintptr_t)&val, size, at) == size;
}

static uint32_t get(uint64_t at)
{
	uint32_t val = 0;

	t_pread(fd_number(DEVICE), (uintptr_t)&val, sizeof(val), at);
	return val;
}

/* The chain starts at an odd address, which is an error without any DMA. */
static bool start(uint64_t bar)
{
	uint64_t config = region(VFIO_PCI_CONFIG_REGION_INDEX);

	return put(config + 4, (get(config + 4) & 0xffff) | 0x6, 2) &&
	       put(bar + CHANCMD, 0x20, 1) && put(bar + INTRCTRL, 0x01, 1) &&
	       put(bar + CHANCTRL, 0x11, 2) && put(bar + CHAINADDR, 3, 8) &&
	       put(bar + DMACOUNT, 1, 2);
}

/* The error is there once the interrupt is. */
long engine_raise(void)
{
	uint64_t bar = region(0);

	if (!start(bar))
		return -EIO;
	for (unsigned i = 0; i < 10000; i++) {
		t_step();
		if (get(bar + CHANERR))
			return 0;
		usleep(1000);
	}
	return -ETIME;
}

long engine_ack(void)
{
	get(region(0) + ATTNSTATUS);
	return 0;
}
