/* SPDX-License-Identifier: MIT */
/* An unmodified program under --mmio=trap: no BAR maps, and every register access is a call. */
#include <errno.h>
#include <string.h>

#include "device.h"

#define IOVA 0x100000000UL

int main(void)
{
	struct device dev;
	uint64_t *ring;
	char *memory;
	unsigned i;

	device_open(&dev);
	memory = device_memory(&dev, IOVA, 8192);
	ring = (void *)memory;
	if (dev.bar.flags & VFIO_REGION_INFO_FLAG_MMAP)
		errx(1, "the BAR claims to be mappable");
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, dev.fd, (off_t)dev.bar.offset) != MAP_FAILED ||
		errno != EINVAL)
		errx(1, "the BAR was mapped");
	strcpy(memory + 4096, "copied");
	/* One descriptor: size and control, source, destination, next. */
	ring[0] = 64 | (uint64_t)8 << 32;
	ring[1] = IOVA + 4096;
	ring[2] = IOVA + 6144;
	ring[3] = IOVA;
	device_put(&dev, 0x84, 0x20, 1); /* CHANCMD: reset */
	while (device_get(&dev, 0x84, 1) & 0x20)
		;
	device_put(&dev, 0x98, IOVA + 1024, 8); /* CHANCMP */
	device_put(&dev, 0x90, IOVA, 8);	/* CHAINADDR */
	device_put(&dev, 0x86, 1, 2);		/* DMACOUNT */
	for (i = 0; i < 5000 && strcmp(memory + 6144, "copied"); i++)
		usleep(1000);
	if (strcmp(memory + 6144, "copied"))
		errx(1, "nothing was copied, CHANSTS %#llx",
			(unsigned long long)device_get(&dev, 0x88, 8));
	return 0;
}
