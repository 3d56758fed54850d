/* SPDX-License-Identifier: MIT */
/*
 * A program to be looked at: does what first-light does (64 MiB of DMA, one interrupt that is waited
 * for, one DMA that is refused), keeps everything open, and then does what it is told, a letter each on
 * standard input: v: a call that changes nothing; m: one more mapping, of 64 KiB; e: the end.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

int first_light(int argc, char **argv); /* its main */

#define BYTES	  65536
#define IOVA_MORE 0x80000000UL

static void call(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR);

	if (fd < 0 || ioctl(fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		err(1, "VFIO_GET_API_VERSION");
	close(fd);
}

/* The container's descriptor is first-light's own secret: it is the one that takes a mapping. */
static void map(void)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.iova = IOVA_MORE,
		.size = BYTES,
		.flags = VFIO_DMA_MAP_FLAG_READ };
	void *memory = mmap(NULL, BYTES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	map.vaddr = (uintptr_t)memory;
	for (int fd = 3; fd < 1024; fd++)
		if (!ioctl(fd, VFIO_IOMMU_MAP_DMA, &map))
			return;
	err(1, "VFIO_IOMMU_MAP_DMA");
}

int main(int argc, char **argv)
{
	char what;

	if (first_light(argc, argv))
		return 1;
	printf("ready\n");
	while (read(0, &what, 1) == 1 && what != 'e') {
		if (what == 'v')
			call();
		else if (what == 'm')
			map();
		printf("done %c\n", what);
	}
	return 0;
}
