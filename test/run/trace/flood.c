/* SPDX-License-Identifier: MIT */
/*
 * A program that gives nestbox much to say: refused calls, each with another reason, and DMA to ever
 * new addresses that were never mapped. It ends with 7 if all of it went on, and the device still
 * copies.
 *
 * usage: flood REFUSALS FAULTS [ECHO]    with ECHO, a line on stderr after each refusal
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../device.h"

#define IOVA	 0x100000000UL
#define UNMAPPED 0x900000000UL
#define PATIENCE 60000 /* ms */

struct engine {
	struct device dev;
	uint8_t *memory; /* ring, status word at 1024, source at 4096, destination at 6144 */
};

static void refusals(int container, long n, const char *echo)
{
	for (long i = 0; i < n; i++) {
		if (!ioctl(container, VFIO_SET_IOMMU, 1000 + i))
			errx(1, "type %ld was not refused", 1000 + i);
		if (echo)
			dprintf(2, "%s %ld\n", echo, 1000 + i);
	}
}

/** One descriptor: 64 bytes from src to the destination. The state that the engine ends in. */
static unsigned copy(struct engine *engine, uint64_t src)
{
	uint64_t *ring = (uint64_t *)engine->memory;
	volatile uint64_t *status = (uint64_t *)(engine->memory + 1024);

	ring[0] = 64 | (uint64_t)8 << 32; /* size, and control: write the status */
	ring[1] = src;
	ring[2] = IOVA + 6144;
	ring[3] = IOVA;
	*status = 0;
	device_put(&engine->dev, 0x84, 0x20, 1); /* CHANCMD: reset */
	while (device_get(&engine->dev, 0x84, 1) & 0x20)
		;
	device_put(&engine->dev, 0x80, 0x0c, 2); /* CHANCTRL: errors stop it and write the status */
	device_put(&engine->dev, 0x98, IOVA + 1024, 8); /* CHANCMP */
	device_put(&engine->dev, 0x90, IOVA, 8);	/* CHAINADDR */
	device_put(&engine->dev, 0x86, 1, 2);		/* DMACOUNT */
	for (unsigned ms = 0; !*status && ms < PATIENCE * 10; ms++)
		usleep(100);
	return *status & 7;
}

int main(int argc, char **argv)
{
	long n_refusals = argc > 1 ? atol(argv[1]) : 0, n_faults = argc > 2 ? atol(argv[2]) : 0;
	struct engine engine;

	device_open(&engine.dev);
	engine.memory = device_memory(&engine.dev, IOVA, 8192);
	refusals(engine.dev.container, n_refusals, argc > 3 ? argv[3] : NULL);
	for (long i = 0; i < n_faults; i++) {
		if (copy(&engine, UNMAPPED + (uint64_t)i * 4096) != 3)
			errx(1, "DMA from unmapped memory did not halt the engine");
	}
	memcpy(engine.memory + 4096, "copied", 7);
	copy(&engine, IOVA + 4096);
	if (strcmp((char *)engine.memory + 6144, "copied"))
		errx(1, "nothing was copied");
	return 7;
}
