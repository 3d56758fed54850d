/* SPDX-License-Identifier: MIT */
/*
 * A storm of VFIO_IOMMU_MAP_DMA and VFIO_IOMMU_UNMAP_DMA of 4 KiB, in this process: the handlers that
 * a box drives, without a box. Prints nanoseconds of CPU time per cycle with few and with many mappings that
 * live meanwhile, where cycles go through their addresses in order, then at random:
 *
 *	storm CYCLES
 *
 * Whoever maps is a caller of our own, whose copies and pins cost nothing, so that what is measured
 * is the interface, the map engine, the driver and its page tables.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/vfio.h"
#include "file/file.h"
#include "machine/host.h"
#include "vfio/vfio.h"

#define PAGE	  UINT64_C(4096)
#define FIRST	  UINT64_C(0x10000000)
#define LIVE_FEW  10
#define LIVE_MANY 60000
#define PLACES	  LIVE_MANY /* live mappings have the even pages, cycles the odd ones */

/* ---- the caller ---- */

struct caller_of_bench {
	struct caller caller;
	struct file *container; /* what every descriptor is */
};

static char memory[4096] __attribute__((aligned(4096)));

static int copy_in(struct caller *caller, void *dst, uint64_t uaddr, size_t len)
{
	memcpy(dst, (const void *)(uintptr_t)uaddr, len);
	return 0;
}

static int copy_out(struct caller *caller, uint64_t uaddr, const void *src, size_t len)
{
	memcpy((void *)(uintptr_t)uaddr, src, len);
	return 0;
}

static int get_file(struct caller *caller, int fd, struct file **out)
{
	*out = file_get(((struct caller_of_bench *)caller)->container);
	return 0;
}

static void *direct(void *ctx, uint64_t off, uint64_t *bytes)
{
	return memory + off;
}

static const struct nb_mem_ops ops = { .direct = direct };

static void release(struct umem *umem)
{
	free(umem);
}

static int pin(struct caller *caller, uint64_t uaddr, uint64_t bytes, unsigned prot,
	struct umem **out, struct why *why)
{
	struct umem *umem = calloc(1, sizeof(*umem));

	if (!umem)
		return -1;
	umem->refs = 1;
	umem->bytes = bytes;
	umem->ops = &ops;
	umem->release = release;
	*out = umem;
	return 0;
}

static const struct caller_ops caller_ops = {
	.copy_in = copy_in,
	.copy_out = copy_out,
	.get_file = get_file,
	.pin = pin,
};

static struct caller_of_bench caller = { .caller = { &caller_ops } };

/* ---- the calls ---- */

static void call(struct file *file, unsigned cmd, uint64_t arg)
{
	struct why why = { 0 };
	long ret = file->ops->ioctl(file, &caller.caller, cmd, arg, &why);

	if (ret)
		errx(1, "ioctl %#x: %ld: %s", cmd, ret, why.missing);
}

static void map(uint64_t iova)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)memory,
		.iova = iova,
		.size = PAGE };

	call(caller.container, VFIO_IOMMU_MAP_DMA, (uintptr_t)&arg);
}

static void unmap(uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .flags = flags, .iova = iova, .size = size
	};

	call(caller.container, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&arg);
}

/* ---- the storm ---- */

/* Of this thread alone: others of the machine are none of its business. */
static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* xorshift64: the same addresses in every run. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static double cycles(unsigned n, bool random)
{
	uint64_t state = 88172645463325252;
	double start = cpu_ns();

	for (unsigned i = 0; i < n; i++) {
		uint64_t place = (random ? next_random(&state) : i) % PLACES;
		uint64_t iova = FIRST + (2 * place + 1) * PAGE;

		map(iova);
		unmap(iova, PAGE, 0);
	}
	return (cpu_ns() - start) / n;
}

/* The live ones are spread over all places, be they few or many. */
static void live(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		map(FIRST + 2 * (uint64_t)(i * (PLACES / n)) * PAGE);
}

static struct machine *machine;
static struct vfio *vfio;
static struct file *group;

static void set_up(void)
{
	static struct host_desc desc;
	struct error error = { 0 };
	int fd = 0;

	if (host_load("smmuv3", &desc, &error) || !(machine = machine_create(&desc, &error)))
		errx(1, "%s", error.message);
	vfio = vfio_create(machine, &(struct vfio_options){ 0 });
	if (!vfio || vfio_open_container(vfio, &caller.container, NULL) ||
		vfio_open_group(vfio, 1, false, &group, NULL))
		errx(1, "cannot open container and group");
	call(group, VFIO_GROUP_SET_CONTAINER, (uintptr_t)&fd);
	call(caller.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
}

static void take_down(void)
{
	unmap(0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
	file_put(group);
	file_put(caller.container);
	vfio_destroy(vfio);
	machine_destroy(machine);
}

int main(int argc, char **argv)
{
	static const unsigned lives[] = { LIVE_FEW, LIVE_MANY };
	unsigned n = argc == 2 ? (unsigned)atoi(argv[1]) : 0;

	if (!n)
		errx(2, "usage: storm CYCLES");
	for (unsigned random = 0; random < 2; random++) {
		for (unsigned i = 0; i < 2; i++) {
			set_up();
			live(lives[i]);
			cycles(n / 10, random); /* warm */
			printf("%f\n", cycles(n, random));
			fflush(stdout);
			take_down();
		}
	}
	return 0;
}
