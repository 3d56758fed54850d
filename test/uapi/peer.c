/* SPDX-License-Identifier: MIT */
/*
 * Peer to peer: the engine of group 1 reads and writes the BAR of another one, in group 3, whose
 * mapping the program has mapped for DMA. In this process and in a box. Usage: peer HOST
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/vfio.h>

#include "sys.h"

#define PAGE	   4096ull
#define MEMORY	   0x40000000ull /* IOVA of the program's memory */
#define PEER	   0x50000000ull /* of the other's BAR */
#define OWN	   0x60000000ull /* of the engine's own */
#define BAR_BYTES  0x4000ull
#define BAR_MEMORY 0x1000ull /* a page of the BAR without registers */
#define MSIX_TABLE 0x2000ull
#define MSIX_PBA   0x3000ull

/* I/OAT: the first channel is at 0x80. */
#define CHANCTRL	0x80
#define CHANCMD		0x84
#define DMACOUNT	0x86
#define CHAINADDR	0x90
#define CHANCMP		0x98
#define CHANCTRL_REPORT 0x0d
#define CHANCMD_RESET	0x20
#define HALTED		3

/* Where things are in the program's memory. Engine i has its own ring and status. */
#define RING(i)	  (0x000 + 0x40 * (i))
#define STATUS(i) (0x100 + 0x40 * (i))
#define SOURCE	  0x1000
#define TARGET	  0x2000

struct descriptor {
	uint32_t bytes, control;
	uint64_t src, dst, next, reserved[4];
};

struct engine {
	int device;
	long bar; /* the program's mapping */
	uint64_t config;
};

static struct engine engines[2];
static uint8_t *memory;
static int container;
static unsigned failures;

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("FAIL line %d: %s\n", __LINE__, #what);                             \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

#define REG(type, engine, offset) (*(volatile type *)((engine)->bar + (offset)))

static long must(long ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror((int)-ret));
		exit(1);
	}
	return ret;
}

static long map(uint64_t iova, uint64_t vaddr, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg), .flags = flags, .vaddr = vaddr, .iova = iova, .size = size
	};

	return t_ioctl(container, VFIO_IOMMU_MAP_DMA, (uintptr_t)&arg);
}

static long unmap(uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg), .iova = iova, .size = size
	};

	return t_ioctl(container, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&arg);
}

#define R  VFIO_DMA_MAP_FLAG_READ
#define RW (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/* ---- engines ---- */

static void set_command(const struct engine *engine, uint16_t command)
{
	must(t_pwrite(engine->device, (uintptr_t)&command, 2, engine->config + 4), "command");
}

static long map_bar(const struct engine *engine)
{
	struct vfio_region_info bar = { .argsz = sizeof(bar) };

	must(t_ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&bar), "BAR 0");
	return must(
		t_mmap(engine->device, bar.offset, BAR_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED),
		"mmap of BAR 0");
}

static void open_engine(struct engine *engine, const char *group, const char *name)
{
	struct vfio_region_info config = { .argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	int fd = (int)must(t_open(group), group);

	must(t_ioctl(fd, VFIO_GROUP_SET_CONTAINER, (uintptr_t)&container), "SET_CONTAINER");
	if (engine == engines)
		must(t_ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU), "SET_IOMMU");
	engine->device = (int)must(t_ioctl(fd, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t)name), name);
	must(t_ioctl(engine->device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&config), "config");
	engine->config = config.offset;
	engine->bar = map_bar(engine);
	set_command(engine, 6); /* memory, bus master */
}

static volatile uint64_t *status_of(unsigned i)
{
	return (volatile uint64_t *)(memory + STATUS(i));
}

/* A copy of engine i, up to its doorbell. */
static void prepare(unsigned i, uint64_t dst, uint64_t src, uint32_t bytes)
{
	struct engine *engine = &engines[i];

	*(struct descriptor *)(memory + RING(i)) = (struct descriptor){
		.bytes = bytes, .control = 8, .src = src, .dst = dst, .next = MEMORY + RING(i)
	};
	*status_of(i) = 0;
	REG(uint8_t, engine, CHANCMD) = CHANCMD_RESET;
	while (REG(uint8_t, engine, CHANCMD) & CHANCMD_RESET)
		t_step();
	REG(uint64_t, engine, CHAINADDR) = MEMORY + RING(i);
	REG(uint64_t, engine, CHANCMP) = MEMORY + STATUS(i);
	REG(uint16_t, engine, CHANCTRL) = CHANCTRL_REPORT;
}

/* Whether it was copied; false: the engine halted. */
static bool finish(unsigned i)
{
	for (unsigned tries = 0; tries < 100000; tries++) {
		uint64_t status = __atomic_load_n(status_of(i), __ATOMIC_ACQUIRE);

		if ((status & 7) == HALTED)
			return false;
		if ((status & ~0x3full) == MEMORY + RING(i))
			return true;
		t_step();
	}
	printf("FAIL: engine %u does nothing\n", i);
	failures++;
	return false;
}

static bool copy(uint64_t dst, uint64_t src, uint32_t bytes)
{
	prepare(0, dst, src, bytes);
	REG(uint16_t, &engines[0], DMACOUNT) = 1;
	return finish(0);
}

static void fill(unsigned at, uint32_t bytes, unsigned seed)
{
	for (uint32_t i = 0; i < bytes; i++)
		memory[at + i] = (uint8_t)(i * 7 + seed);
}

static bool same(const void *a, const void *b, size_t len)
{
	return !memcmp(a, b, len);
}

static const void *bar_at(unsigned i, uint64_t offset)
{
	return (const void *)(engines[i].bar + (long)offset);
}

/* ---- what holds ---- */

/* Memory of the BAR: there and back. */
static void plain_memory(void)
{
	fill(SOURCE, PAGE, 1);
	CHECK(copy(PEER + BAR_MEMORY, MEMORY + SOURCE, PAGE));
	CHECK(same(bar_at(1, BAR_MEMORY), memory + SOURCE, PAGE));
	memset(memory + TARGET, 0, PAGE);
	CHECK(copy(MEMORY + TARGET, PEER + BAR_MEMORY, PAGE));
	CHECK(same(memory + TARGET, memory + SOURCE, PAGE));
	/* Odd pieces, across pages of it. */
	fill(SOURCE, PAGE, 2);
	CHECK(copy(PEER + BAR_MEMORY - 100, MEMORY + SOURCE + 3, 333));
	CHECK(same(bar_at(1, BAR_MEMORY - 100), memory + SOURCE + 3, 333));
}

/* Registers: what the engine stores there the other device's driver reads. */
static void registers(void)
{
	uint64_t chain = 0x123456789abcdec0;
	uint64_t seen = 0;

	memcpy(memory + SOURCE, &chain, sizeof(chain));
	CHECK(copy(PEER + CHAINADDR, MEMORY + SOURCE, sizeof(chain)));
	CHECK(REG(uint64_t, &engines[1], CHAINADDR) == chain);
	CHECK(copy(MEMORY + TARGET, PEER + CHAINADDR, sizeof(seen)));
	memcpy(&seen, memory + TARGET, sizeof(seen));
	CHECK(seen == chain);
}

/* The doorbell: engine 0 sets engine 1 to work. */
static void doorbell(void)
{
	uint16_t one = 1;

	fill(SOURCE, 1024, 3);
	memset(memory + TARGET, 0, 1024);
	prepare(1, MEMORY + TARGET, MEMORY + SOURCE, 1024);
	memcpy(memory + SOURCE + 2048, &one, sizeof(one));
	CHECK(copy(PEER + DMACOUNT, MEMORY + SOURCE + 2048, sizeof(one)));
	CHECK(finish(1));
	CHECK(same(memory + TARGET, memory + SOURCE, 1024));
}

static void own_bar(void)
{
	CHECK(map(OWN, (uint64_t)engines[0].bar, BAR_BYTES, RW) == 0);
	fill(SOURCE, 512, 4);
	CHECK(copy(OWN + BAR_MEMORY, MEMORY + SOURCE, 512));
	CHECK(same(bar_at(0, BAR_MEMORY), memory + SOURCE, 512));
	CHECK(copy(PEER + BAR_MEMORY, OWN + BAR_MEMORY, 512));
	CHECK(same(bar_at(1, BAR_MEMORY), memory + SOURCE, 512));
	CHECK(unmap(OWN, BAR_BYTES) == 0);
}

static void read_only(void)
{
	CHECK(unmap(PEER, BAR_BYTES) == 0);
	CHECK(map(PEER, (uint64_t)engines[1].bar, BAR_BYTES, R) == 0);
	fill(SOURCE, 64, 5);
	CHECK(copy(MEMORY + TARGET, PEER + BAR_MEMORY, 64));
	CHECK(!copy(PEER + BAR_MEMORY, MEMORY + SOURCE, 64));
	CHECK(!same(bar_at(1, BAR_MEMORY), memory + SOURCE, 64));
	CHECK(unmap(PEER, BAR_BYTES) == 0);
	CHECK(!copy(MEMORY + TARGET, PEER + BAR_MEMORY, 64));
	CHECK(map(PEER, (uint64_t)engines[1].bar, BAR_BYTES, RW) == 0);
}

/* The MSI-X table is the host's: whatever a mapping of the BAR shows there, DMA aborts. */
static void msix_is_no_target(void)
{
	fill(SOURCE, PAGE, 6);
	CHECK(!copy(PEER + MSIX_TABLE, MEMORY + SOURCE, 16));
	CHECK(!copy(PEER + MSIX_PBA, MEMORY + SOURCE, 8));
	CHECK(!copy(MEMORY + TARGET, PEER + MSIX_TABLE + 8, 4));
	CHECK(!copy(PEER + MSIX_TABLE - 8, MEMORY + SOURCE, 16)); /* reaches into it */
	CHECK(!same(bar_at(1, MSIX_TABLE), memory + SOURCE + 8, 8));
	CHECK(copy(PEER + MSIX_TABLE - 8, MEMORY + SOURCE, 8));
}

/* Linux follow_fault_pfn: pages of a BAR are there only while memory is enabled. */
static void memory_disabled(void)
{
	struct t_reason reason;

	set_command(&engines[1], 0);
	CHECK(map(OWN, (uint64_t)engines[1].bar, PAGE, RW) == -EFAULT);
	CHECK(!t_reason(&reason) || !strcmp(reason.rule, "bar-memory-disabled"));
	set_command(&engines[1], 6);
	CHECK(map(OWN, (uint64_t)engines[1].bar, PAGE, RW) == 0);
	CHECK(unmap(OWN, PAGE) == 0);
}

/* The mapping for DMA is of the BAR, not of the program's mapping of it. */
static void unmapped_by_program(void)
{
	fill(SOURCE, 256, 7);
	t_munmap(engines[1].bar, BAR_BYTES);
	CHECK(copy(PEER + BAR_MEMORY, MEMORY + SOURCE, 256));
	engines[1].bar = map_bar(&engines[1]);
	CHECK(same(bar_at(1, BAR_MEMORY), memory + SOURCE, 256));
}

static int run(void)
{
	memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	container = (int)must(t_open("vfio"), "vfio");
	open_engine(&engines[0], "1", "0000:01:00.0");
	open_engine(&engines[1], "3", "0000:03:00.0");
	must(map(MEMORY, (uintptr_t)memory, 4 * PAGE, RW), "MAP_DMA of memory");
	must(map(PEER, (uint64_t)engines[1].bar, BAR_BYTES, RW), "MAP_DMA of the BAR");
	plain_memory();
	registers();
	doorbell();
	own_bar();
	read_only();
	if (!t_is_local()) { /* what the local caller maps is memory to it */
		msix_is_no_target();
		memory_disabled();
		unmapped_by_program();
	}
	return failures ? 1 : 0;
}

int main(int argc, char **argv)
{
	int ret;

	if (argc != 2 || t_begin(argv[1]))
		return 1;
	ret = run();
	if (t_is_local())
		for (unsigned i = 0; i < 2; i++)
			t_munmap(engines[i].bar, BAR_BYTES);
	t_end();
	printf("peer: %u failures\n", failures);
	return ret;
}
