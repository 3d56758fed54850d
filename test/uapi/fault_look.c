/* SPDX-License-Identifier: MIT */
/* What a device in a nesting container has: its regions and its interrupt, as they say of themselves. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "fault_rig.h"
#include "sys.h"

struct region {
	struct vfio_region_info info;
	uint64_t caps[32];
};

static void region_info(unsigned index, uint32_t argsz, struct region *region)
{
	memset(region, 0, sizeof(*region));
	region->info.argsz = argsz;
	region->info.index = index;
	region->info.cap_offset = 77;
	CHECK(t_ioctl(rig.device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)region) == 0);
}

static const void *cap_of(const struct region *region, unsigned id)
{
	const struct vfio_info_cap_header *cap;

	for (uint32_t at = region->info.cap_offset; at >= sizeof(region->info); at = cap->next) {
		cap = (const void *)((const uint8_t *)region->caps + at - sizeof(region->info));
		if (cap->id == id)
			return cap;
	}
	return NULL;
}

static void one_region(unsigned index, uint32_t size, unsigned subtype, unsigned cap_id)
{
	const unsigned full = 32 + 16 + 32 + 16;
	const struct vfio_region_info_cap_type *type;
	const struct vfio_region_info_cap_sparse_mmap *sparse;
	const struct vfio_region_info_cap_fault *cap;
	static struct region region;

	region_info(index, full, &region);
	type = cap_of(&region, VFIO_REGION_INFO_CAP_TYPE);
	sparse = cap_of(&region, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	cap = cap_of(&region, cap_id);
	CHECK(region.info.flags == 0xf && region.info.size == size);
	CHECK(region.info.argsz == full && region.info.cap_offset == 32);
	CHECK(type && type->type == VFIO_REGION_TYPE_NESTED && type->subtype == subtype);
	CHECK(sparse && sparse->nr_areas == 1 && sparse->areas[0].offset == PAGE &&
		sparse->areas[0].size == size - PAGE);
	CHECK(cap && cap->version == 1 && cap->abi_version == 1 && cap->next == 0);
	for (uint32_t argsz = 32; argsz < full; argsz += 21) {
		region_info(index, argsz, &region);
		CHECK(region.info.argsz == full && region.info.cap_offset == 0);
		CHECK(region.info.flags == 0xf && region.caps[0] == 0);
	}
}

void look_regions(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info beyond = { .argsz = sizeof(beyond), .index = 11 };

	CHECK(t_ioctl(rig.device, VFIO_DEVICE_GET_INFO, (uintptr_t)&info) == 0);
	CHECK(info.num_regions == 11 && info.num_irqs == 6);
	one_region(FAULTS, 9 * PAGE, VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT,
		VFIO_REGION_INFO_CAP_DMA_FAULT);
	one_region(RESPONSES, 4 * PAGE, VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT_RESPONSE,
		VFIO_REGION_INFO_CAP_DMA_FAULT_RESPONSE);
	CHECK(t_ioctl(rig.device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&beyond) == -EINVAL);
	CHECK(has_reason("no-such-region"));
}

/* struct vfio_irq_info as it grew, and a capability behind it. */
struct irq {
	struct {
		uint32_t argsz, flags, index, count, cap_offset;
	} info;
	struct vfio_irq_info_cap_type cap;
};

void look_irq(void)
{
	static const struct {
		uint32_t argsz, argsz_after, cap_offset;
		bool cap;
	} rows[] = {
		{ 16, 36, 77, false }, /* the struct before it grew: not a byte behind it */
		{ 19, 36, 77, false },
		{ 20, 36, 0, false },
		{ 35, 36, 0, false },
		{ 36, 36, 20, true },
		{ 100, 100, 20, true },
	};
	struct irq irq;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		memset(&irq, 0, sizeof(irq));
		irq.info.argsz = rows[i].argsz;
		irq.info.index = IRQ;
		irq.info.cap_offset = 77;
		CHECK(t_ioctl(rig.device, VFIO_DEVICE_GET_IRQ_INFO, (uintptr_t)&irq) == 0);
		CHECK(irq.info.argsz == rows[i].argsz_after);
		CHECK(irq.info.flags == (VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_FLAG_CAPS));
		CHECK(irq.info.count == 1 && irq.info.cap_offset == rows[i].cap_offset);
		CHECK((irq.cap.id == VFIO_IRQ_INFO_CAP_TYPE) == rows[i].cap);
	}
	CHECK(irq.cap.version == 1 && irq.cap.next == 0);
	CHECK(irq.cap.type == VFIO_IRQ_TYPE_NESTED &&
		irq.cap.subtype == VFIO_IRQ_SUBTYPE_DMA_FAULT);
	irq.info.index = 6;
	CHECK(t_ioctl(rig.device, VFIO_DEVICE_GET_IRQ_INFO, (uintptr_t)&irq) == -EINVAL);
}

/* ---- by pread, pwrite and mmap ---- */

/* What is read and written of either region. */
static void accesses(unsigned index, uint64_t size, uint32_t entry_size)
{
	static const struct {
		uint64_t off;
		size_t count;
		uint32_t value;
		long ret;
		const char *rule;
	} writes[] = {
		{ 0, 4, N, -EINVAL, "fault-region-index" },
		{ 0, 4, UINT32_MAX, -EINVAL, "fault-region-index" },
		{ 0, 1, 0, -EINVAL, "fault-region-write" },
		{ 0, 8, 0, -EINVAL, "fault-region-write" },
		{ 4, 4, 0, -EINVAL, "fault-region-write" },
		{ 16, 4, 0, -EINVAL, "fault-region-write" },
		{ PAGE, 4, 0, -EINVAL, "fault-region-write" },
		{ PAGE, 64, 0, -EINVAL, "fault-region-write" },
		{ 0, 4, 0, 4, NULL },
	};
	struct vfio_region_dma_fault header = header_of(index);
	uint64_t at = offset_of(index), buf[8];
	static uint8_t all[16 * PAGE];

	CHECK(header.entry_size == entry_size && header.nb_entries == N && header.offset == PAGE);
	for (unsigned i = 0; i < ARRAY_LEN(writes); i++) {
		buf[0] = writes[i].value;
		CHECK(t_pwrite(rig.device, (uintptr_t)buf, writes[i].count, at + writes[i].off) ==
			writes[i].ret);
		CHECK(!writes[i].rule || has_reason(writes[i].rule));
	}
	CHECK(t_pwrite(rig.device, 1, 4, at) == -EFAULT);
	CHECK(t_pread(rig.device, 1, 4, at) == -EFAULT);
	CHECK(t_pread(rig.device, (uintptr_t)all, sizeof(all), at) == (long)size);
	CHECK(!memcmp(all, &header, sizeof(header)) && all[sizeof(header)] == 0);
	CHECK(t_pread(rig.device, (uintptr_t)all, 64, at + size - 8) == 8);
	CHECK(t_pread(rig.device, (uintptr_t)buf, 1, at + size) == -EINVAL);
	CHECK(t_pread(rig.device, (uintptr_t)buf, 2, at + 5) == 2);
}

void look_accesses(void)
{
	accesses(FAULTS, 9 * PAGE, sizeof(struct vfio_dma_fault_record));
	accesses(RESPONSES, 4 * PAGE, sizeof(struct iommu_page_response));
}

void look_maps(void)
{
	static const struct {
		unsigned index;
		uint64_t off, len;
		long ret;
	} rows[] = {
		{ FAULTS, 0, PAGE, -EINVAL },
		{ FAULTS, 0, 9 * PAGE, -EINVAL },
		{ FAULTS, PAGE, 9 * PAGE, -EINVAL },
		{ FAULTS, 9 * PAGE, PAGE, -EINVAL },
		{ FAULTS, PAGE, 8 * PAGE, 0 },
		{ FAULTS, 8 * PAGE, PAGE, 0 },
		{ RESPONSES, 0, PAGE, -EINVAL },
		{ RESPONSES, PAGE, 4 * PAGE, -EINVAL },
		{ RESPONSES, PAGE, 3 * PAGE, 0 },
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		long at = map(rows[i].index, rows[i].off, rows[i].len, MAP_SHARED);

		CHECK(rows[i].ret ? at == rows[i].ret : at > 0);
		if (at > 0)
			t_munmap(at, rows[i].len);
	}
	CHECK(map(FAULTS, PAGE, PAGE, MAP_PRIVATE) == -EINVAL);
}
