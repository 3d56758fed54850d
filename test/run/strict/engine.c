/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <stdio.h>
#include <string.h>

#include "../device.h"

#define OWN_IOVA  0x10000000UL
#define OWN_BYTES 0x10000UL
#define STATUS	  0x8000U /* in our own memory: the engine's status word */
#define PATIENCE  600000  /* of 100 us */

struct descriptor {
	uint32_t bytes, control;
	uint64_t src, dst, next, reserved[4];
};

static struct device dev;
static uint8_t *own;
static unsigned n_running;

int engine_map(const void *memory, uint64_t iova, size_t bytes)
{
	return device_map(&dev, memory, iova, bytes);
}

int engine_unmap(uint64_t iova, size_t bytes)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = bytes
	};

	return ioctl(dev.container, VFIO_IOMMU_UNMAP_DMA, &unmap) || unmap.size != bytes ? -1 : 0;
}

void engine_open(void)
{
	device_open(&dev);
	/* It is to live through exec. */
	fcntl(dev.fd, F_SETFD, 0);
	own = device_memory(&dev, OWN_IOVA, OWN_BYTES);
}

const char *engine_words(void)
{
	static char words[96];

	snprintf(words, sizeof(words), "%d %d %d %llx", dev.container, dev.group, dev.fd,
		(unsigned long long)dev.bar.offset);
	return words;
}

void engine_adopt(const char *words)
{
	unsigned long long at;

	if (sscanf(words, "%d %d %d %llx", &dev.container, &dev.group, &dev.fd, &at) != 4)
		errx(2, "'%s'", words);
	dev.bar.offset = at;
	if (engine_unmap(OWN_IOVA, OWN_BYTES))
		err(1, "memory of the program before us");
	own = device_memory(&dev, OWN_IOVA, OWN_BYTES);
}

void engine_begin(uint64_t dst, uint64_t src, uint32_t bytes, unsigned descriptors, unsigned rounds)
{
	struct descriptor *ring = (void *)own;

	for (unsigned i = 0; i < descriptors; i++)
		ring[i] = (struct descriptor){ .bytes = bytes,
			.control = i == descriptors - 1 ? 8 : 0, /* write the status */
			.src = src,
			.dst = dst,
			.next = OWN_IOVA + (i + 1) % descriptors * sizeof(*ring) };
	*(volatile uint64_t *)(own + STATUS) = 0;
	device_put(&dev, 0x84, 0x20, 1); /* CHANCMD: reset */
	while (device_get(&dev, 0x84, 1) & 0x20)
		;
	device_put(&dev, 0x80, 0x0c, 2); /* CHANCTRL: errors stop it and write the status */
	device_put(&dev, 0x98, OWN_IOVA + STATUS, 8);		   /* CHANCMP */
	device_put(&dev, 0x90, OWN_IOVA, 8);			   /* CHAINADDR */
	device_put(&dev, 0x86, (uint64_t)descriptors * rounds, 2); /* DMACOUNT */
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
	engine_begin(dst, src, bytes, 1, 1);
	return engine_end();
}
