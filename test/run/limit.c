/* SPDX-License-Identifier: MIT */
/*
 * How many mappings a container may have: --dma-entry-limit, as the module's parameter and the
 * container show it. Usage: limit N
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/vfio.h>

#define PAGE 4096ul

static char *memory;

static int open_container(void)
{
	int container = open("/dev/vfio/vfio", O_RDWR), group = open("/dev/vfio/1", O_RDWR);

	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || container < 0 || group < 0 ||
		ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
		ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		err(1, "container");
	return container;
}

static int map(int container, unsigned long i)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)memory,
		.iova = (1ul << 32) + i * PAGE,
		.size = PAGE };

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static long parameter(void)
{
	FILE *f = fopen("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "re");
	long value = -1;

	if (!f || fscanf(f, "%ld", &value) != 1)
		err(1, "dma_entry_limit");
	fclose(f);
	return value;
}

int main(int argc, char **argv)
{
	unsigned long want = argc == 2 ? strtoul(argv[1], NULL, 10) : 0, n = 0;
	int container = open_container(), ret;

	if (parameter() != (long)want)
		errx(1, "the parameter is %ld", parameter());
	while (!(ret = map(container, n)))
		n++;
	if (ret != -ENOSPC || n != want)
		errx(1, "%lu mappings, then error %d", n, -ret);
	return 0;
}
