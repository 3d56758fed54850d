/* SPDX-License-Identifier: MIT */
#include "fault_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sys.h"

/* I/OAT: the first channel is at 0x80. */
#define CHANCTRL	0x80
#define CHANCMD		0x84
#define DMACOUNT	0x86
#define CHAINADDR	0x90
#define CHANCMP		0x98
#define CHANERR		0xa8
#define CHANCTRL_REPORT 0x0d
#define CHANCMD_RESET	0x20
#define HALTED		3
#define BAR_BYTES	0x1000ull

/* The guest's memory, beside what the header names. */
#define AT_L1	  0x1000
#define AT_L2	  0x2000
#define AT_L3	  0x3000
#define AT_ENGINE 0x4000
#define AT_STATUS 0x4100

#define REG(type, rig, offset) (*(volatile type *)((rig)->bar + (offset)))

unsigned failures;
struct fault_rig rig;

struct descriptor {
	uint32_t bytes, control;
	uint64_t src, dst, next, reserved[4];
};

long must(long ret, const char *what)
{
	if (ret < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror((int)-ret));
		exit(1);
	}
	return ret;
}

/* ---- the guest (Arm ARM D8.3: 4 KiB granule, 39 bits; IHI 0070 5.4) ---- */

#define TABLE 0x3ull
#define RO    0x6c3ull /* a page: AF, inner shareable, AP[2:1] 0b11 */
#define RW    0x643ull /* 0b01 */

static uint64_t *words(const struct fault_rig *rig, unsigned at)
{
	return (uint64_t *)(void *)(rig->memory + at);
}

static void build_stage1(struct fault_rig *rig)
{
	const uint64_t pages[] = { IPA + AT_ENGINE + RW, IPA + AT_SRC + RW, IPA + AT_DST + RW,
		IPA + AT_SRC + RO, IPA + AT_DST + (RW & ~0x400ull), IPA + IPA_BYTES + RW };
	uint64_t *cd = words(rig, AT_CD);

	/* T0SZ 25, cacheable, EPD1, V, IPS 40 bits, AArch64, R, A, ASET, ASID 5. */
	cd[0] = 25 | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 30 | 1ull << 31 | 2ull << 32 |
		1ull << 41 | 1ull << 45 | 1ull << 46 | 1ull << 47 | 5ull << 48;
	cd[1] = IPA + AT_L1;
	cd[3] = 0xff;
	words(rig, AT_L1)[IOVA >> 30 & 511] = (IPA + AT_L2) | TABLE;
	words(rig, AT_L2)[IOVA >> 21 & 511] = (IPA + AT_L3) | TABLE;
	memcpy(words(rig, AT_L3), pages, sizeof(pages));
}

void rig_set_stage1(const struct fault_rig *rig, unsigned config)
{
	struct vfio_iommu_type1_set_pasid_table table = { .argsz = sizeof(table),
		.flags = VFIO_PASID_TABLE_FLAG_SET,
		.config = { .argsz = sizeof(table.config),
			.version = PASID_TABLE_CFG_VERSION_1,
			.base_ptr = IPA + AT_CD,
			.format = IOMMU_PASID_FORMAT_SMMUV3,
			.config = (uint8_t)config,
			.vendor_data.smmuv3.version = PASID_TABLE_SMMUV3_CFG_VERSION_1 } };

	must(t_ioctl(rig->container, VFIO_IOMMU_SET_PASID_TABLE, (uintptr_t)&table),
		"SET_PASID_TABLE");
}

void rig_map(struct fault_rig *rig, unsigned page, uint64_t at)
{
	uint64_t *entry = words(rig, AT_L3) + page;

	__atomic_store_n(entry, at ? (IPA + at) | RW : 0, __ATOMIC_RELEASE);
}

void rig_invalidate(const struct fault_rig *rig)
{
	struct vfio_iommu_type1_cache_invalidate inv = { .argsz = sizeof(inv),
		.info = { .argsz = sizeof(inv.info),
			.version = IOMMU_CACHE_INVALIDATE_INFO_VERSION_1,
			.cache = IOMMU_CACHE_INV_TYPE_IOTLB | IOMMU_CACHE_INV_TYPE_PASID,
			.granularity = IOMMU_INV_GRANU_DOMAIN } };

	must(t_ioctl(rig->container, VFIO_IOMMU_CACHE_INVALIDATE, (uintptr_t)&inv),
		"CACHE_INVALIDATE");
}

/* ---- the monitor ---- */

static void map_memory(struct fault_rig *rig)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.iova = IPA,
		.size = IPA_BYTES };

	rig->memory =
		mmap(NULL, IPA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	map.vaddr = (uintptr_t)rig->memory;
	must(t_ioctl(rig->container, VFIO_IOMMU_MAP_DMA, (uintptr_t)&map), "MAP_DMA");
}

static void open_device(struct fault_rig *rig)
{
	struct vfio_region_info config = { .argsz = sizeof(config),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };
	struct vfio_region_info bar = { .argsz = sizeof(bar) };
	uint16_t command = 6; /* memory, bus master */

	rig->device =
		(int)must(t_ioctl(rig->group, VFIO_GROUP_GET_DEVICE_FD, (uintptr_t) "0000:01:00.0"),
			"GET_DEVICE_FD");
	must(t_ioctl(rig->device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&config), "config");
	must(t_ioctl(rig->device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&bar), "BAR 0");
	rig->config = config.offset;
	must(t_pwrite(rig->device, (uintptr_t)&command, 2, rig->config + 4), "command");
	rig->bar =
		must(t_mmap(rig->device, bar.offset, BAR_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED),
			"mmap of BAR 0");
}

static void close_device(struct fault_rig *rig)
{
	t_munmap(rig->bar, BAR_BYTES);
	must(t_close(rig->device), "close");
}

void rig_open(struct fault_rig *rig, unsigned type)
{
	rig->container = (int)must(t_open("vfio"), "vfio");
	rig->group = (int)must(t_open("1"), "group");
	must(t_ioctl(rig->group, VFIO_GROUP_SET_CONTAINER, (uintptr_t)&rig->container),
		"SET_CONTAINER");
	must(t_ioctl(rig->container, VFIO_SET_IOMMU, type), "SET_IOMMU");
	map_memory(rig);
	if (type == VFIO_TYPE1_NESTING_IOMMU) {
		build_stage1(rig);
		rig_set_stage1(rig, IOMMU_PASID_CONFIG_TRANSLATE);
	}
	open_device(rig);
}

void rig_close(struct fault_rig *rig)
{
	close_device(rig);
	must(t_close(rig->group), "close");
	must(t_close(rig->container), "close");
	munmap(rig->memory, IPA_BYTES);
}

void rig_reopen(struct fault_rig *rig)
{
	close_device(rig);
	open_device(rig);
}

/* ---- the engine ---- */

/* When it has answered nothing of what it did before is still to come. */
static void reset(struct fault_rig *rig)
{
	REG(uint8_t, rig, CHANCMD) = CHANCMD_RESET;
	while (REG(uint8_t, rig, CHANCMD) & CHANCMD_RESET)
		t_step();
}

void rig_start(struct fault_rig *rig, uint64_t dst, uint64_t src)
{
	const uint64_t offset = AT_STATUS - AT_ENGINE;

	*(struct descriptor *)(void *)(rig->memory + AT_ENGINE) = (struct descriptor){
		.bytes = PAGE, .control = 8, .src = src, .dst = dst, .next = IOVA_ENGINE
	};
	__atomic_store_n(words(rig, AT_STATUS), 0, __ATOMIC_RELEASE);
	reset(rig);
	REG(uint64_t, rig, CHAINADDR) = IOVA_ENGINE;
	REG(uint64_t, rig, CHANCMP) = IOVA_ENGINE + offset;
	REG(uint16_t, rig, CHANCTRL) = CHANCTRL_REPORT;
	REG(uint16_t, rig, DMACOUNT) = 1;
}

static bool does_nothing(void)
{
	printf("FAIL: the engine does nothing\n");
	failures++;
	return false;
}

bool rig_done(const struct fault_rig *rig)
{
	return __atomic_load_n(words(rig, AT_STATUS), __ATOMIC_ACQUIRE);
}

bool rig_finish(struct fault_rig *rig)
{
	for (unsigned tries = 0; tries < 100000; tries++) {
		uint64_t status = __atomic_load_n(words(rig, AT_STATUS), __ATOMIC_ACQUIRE);

		if ((status & 7) == HALTED)
			return false;
		if ((status & ~0x3full) == IOVA_ENGINE)
			return true;
		t_step();
	}
	return does_nothing();
}

bool rig_copy(struct fault_rig *rig, uint64_t dst, uint64_t src)
{
	rig_start(rig, dst, src);
	return rig_finish(rig);
}

bool rig_halts(struct fault_rig *rig)
{
	rig_start(rig, IOVA_DST, IOVA_SRC);
	for (unsigned tries = 0; tries < 100000; tries++) {
		if (REG(uint32_t, rig, CHANERR)) {
			reset(rig);
			return true;
		}
		t_step();
	}
	return does_nothing();
}

/* ---- the regions ---- */

uint64_t offset_of(unsigned index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	CHECK(t_ioctl(rig.device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&info) == 0);
	return info.offset;
}

struct vfio_region_dma_fault header_of(unsigned index)
{
	struct vfio_region_dma_fault header = { 0 };

	CHECK(t_pread(rig.device, (uintptr_t)&header, sizeof(header), offset_of(index)) ==
		sizeof(header));
	return header;
}

long set_index(unsigned index, uint32_t to)
{
	return t_pwrite(rig.device, (uintptr_t)&to, sizeof(to), offset_of(index));
}

long map(unsigned index, uint64_t off, uint64_t len, int flags)
{
	return t_mmap(rig.device, offset_of(index) + off, len, PROT_READ | PROT_WRITE, flags);
}

bool has_reason(const char *rule)
{
	struct t_reason reason;

	return !t_reason(&reason) || !strcmp(reason.rule, rule);
}
