/* SPDX-License-Identifier: MIT */
/*
 * A program to be debugged: it sets up a DMA engine, looks at it again and again without pause (so
 * that whoever stops it mostly does so in a call), until there is a file of the name that it was
 * given; then the engine copies something and it checks that.
 */
#include <stdio.h>
#include <string.h>

#include "../device.h"

#define IOVA 0x100000000UL

static struct device dev;
static volatile uint8_t *bar;
static unsigned long looks;

/* For the debugger to call. */
int api_version(void);

__attribute__((noinline, used)) int api_version(void)
{
	return ioctl(dev.container, VFIO_GET_API_VERSION);
}

__attribute__((noinline)) static int look(void)
{
	uint16_t vendor = 0;
	int version;

	version = api_version();
	if (pread(dev.fd, &vendor, 2, (off_t)dev.config.offset) != 2 || vendor != 0x8086)
		err(1, "vendor %#x", vendor);
	looks++;
	return version;
}

static void copy(char *memory)
{
	uint64_t *ring = (void *)memory;

	memcpy(memory + 4096, "copied", sizeof("copied"));
	/* One descriptor: size and control, source, destination, next. */
	ring[0] = 64 | (uint64_t)8 << 32;
	ring[1] = IOVA + 4096;
	ring[2] = IOVA + 6144;
	ring[3] = IOVA;
	bar[0x84] = 0x20; /* CHANCMD: reset */
	while (bar[0x84] & 0x20)
		usleep(50);
	*(volatile uint64_t *)(bar + 0x98) = IOVA + 1024; /* CHANCMP */
	*(volatile uint64_t *)(bar + 0x90) = IOVA;	  /* CHAINADDR */
	*(volatile uint16_t *)(bar + 0x86) = 1;		  /* DMACOUNT */
	for (unsigned i = 0; i < 30000 && strcmp(memory + 6144, "copied"); i++)
		usleep(1000);
	if (strcmp(memory + 6144, "copied"))
		errx(1, "nothing was copied");
}

int main(int argc, char **argv)
{
	char *memory;

	device_open(&dev);
	memory = device_memory(&dev, IOVA, 8192);
	bar = device_bar(&dev);
	printf("%d\n", (int)getpid());
	fflush(stdout);
	do {
		look();
	} while (argc > 1 && access(argv[1], F_OK));
	copy(memory);
	puts("copied");
	return 0;
}
