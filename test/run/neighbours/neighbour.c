/* SPDX-License-Identifier: MIT */
/*
 * An unmodified VFIO program of which a hundred run side by side: fills a source with what nobody
 * else has, says that it is ready, waits for a file to appear, and then has the engine copy ROUNDS
 * times, checking every byte. usage: neighbour ID GO-FILE ROUNDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "../device.h"

#define BYTES  (256u << 10)
#define IOVA   0x40000000UL
#define RING   (2 * BYTES) /* the descriptor, and 4 KiB behind it the status word */
#define STATUS (RING + 4096)
#define TOTAL  (STATUS + 4096)

static struct device dev;
static int irq;
static uint8_t *bar, *memory;

#define REG(type, offset) (*(volatile type *)(bar + (offset)))

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
	device_open(&dev);
	bar = device_bar(&dev);
	irq = eventfd(0, EFD_CLOEXEC);
	if (irq < 0 || device_signal(&dev, irq))
		err(1, "interrupt");
	memory = device_memory(&dev, IOVA, TOTAL);
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
