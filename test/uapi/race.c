/* SPDX-License-Identifier: MIT */
/*
 * Containers and groups used by several threads at once, at random and mostly wrongly: nothing
 * deadlocks, and at the end everything is back. The seed is printed, or given as argument.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/vfio.h>

#include "sys.h"

#define THREADS	   4
#define ROUNDS	   400
#define CONTAINERS 2
#define GROUPS	   2

static int containers[CONTAINERS], groups[GROUPS];
static uint64_t memory;

static void map(int fd, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = 3, .vaddr = memory, .iova = iova, .size = 4096
	};

	t_ioctl(fd, VFIO_IOMMU_MAP_DMA, (uintptr_t)&map);
}

static void unmap(int fd, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = size
	};

	t_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&unmap);
}

static void one_call(unsigned *seed)
{
	static const unsigned types[] = { 1, 3, 6 };
	int container = containers[rand_r(seed) % CONTAINERS];
	int group = groups[rand_r(seed) % GROUPS];
	uint64_t iova = 4096ull * ((unsigned)rand_r(seed) % 8);
	int32_t fd = container;
	long device;

	switch (rand_r(seed) % 8) {
	case 0:
		t_ioctl(group, VFIO_GROUP_SET_CONTAINER, (uintptr_t)&fd);
		break;
	case 1:
		t_ioctl(group, VFIO_GROUP_UNSET_CONTAINER, 0);
		break;
	case 2:
		t_ioctl(container, VFIO_SET_IOMMU, types[rand_r(seed) % 3]);
		break;
	case 3:
		t_ioctl(container, VFIO_CHECK_EXTENSION, types[rand_r(seed) % 3]);
		break;
	case 4:
		unmap(container, iova, 4096ull * (1 + (unsigned)rand_r(seed) % 4));
		break;
	case 5:
		device = t_ioctl(group, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t) "0000:01:00.0");
		if (device >= 0)
			t_close((int)device);
		break;
	default:
		map(container, iova);
	}
}

static void *hammer(void *seed)
{
	for (unsigned i = 0; i < ROUNDS; i++)
		one_call(seed);
	return NULL;
}

static void open_all(void)
{
	for (unsigned i = 0; i < CONTAINERS; i++)
		containers[i] = t_open("vfio");
	groups[0] = t_open("1");
	groups[1] = t_open("3");
}

static void close_all(void)
{
	/* Containers first: groups and their maps outlive them. */
	for (unsigned i = 0; i < CONTAINERS; i++)
		t_close(containers[i]);
	for (unsigned i = 0; i < GROUPS; i++)
		t_close(groups[i]);
}

int main(int argc, char **argv)
{
	unsigned seeds[THREADS], seed = argc > 1 ? (unsigned)atoi(argv[1]) : (unsigned)time(NULL);
	struct t_counts before, after;
	pthread_t threads[THREADS];
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	printf("seed %u\n", seed);
	memory = (uintptr_t)p;
	if (p == MAP_FAILED || t_begin("smmuv3"))
		return 1;
	t_counts(&before);
	open_all();
	for (unsigned i = 0; i < THREADS; i++) {
		seeds[i] = seed + i;
		pthread_create(&threads[i], NULL, hammer, &seeds[i]);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	close_all();
	t_counts(&after);
	t_end();
	return after.domains != before.domains || after.attachments != before.attachments ||
	       after.mappings != before.mappings || after.table_bytes != before.table_bytes;
}
