/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <err.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine.h"

struct region_info {
	struct vfio_region_info info;
	uint64_t caps[32];
};

static bool is_nested_region(const struct region_info *region, uint32_t subtype)
{
	const struct vfio_region_info_cap_type *type;

	for (uint32_t next = region->info.cap_offset; next; next = type->header.next) {
		type = (const void *)((const uint8_t *)region + next);
		if (type->header.id == VFIO_REGION_INFO_CAP_TYPE)
			return type->type == VFIO_REGION_TYPE_NESTED && type->subtype == subtype;
	}
	return false;
}

static void open_ring(int device, uint32_t subtype, struct ring *ring)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct region_info region = { 0 };
	struct vfio_region_dma_fault header;
	unsigned i;

	must(ioctl(device, VFIO_DEVICE_GET_INFO, &info), "VFIO_DEVICE_GET_INFO");
	for (i = VFIO_PCI_NUM_REGIONS; i < info.num_regions; i++) {
		region.info.argsz = sizeof(region);
		region.info.index = i;
		must(ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &region), "region info");
		if (is_nested_region(&region, subtype))
			break;
	}
	if (i == info.num_regions)
		errx(1, "the device has no nested region %u", subtype);
	ring->header = (off_t)region.info.offset;
	must(pread(device, &header, sizeof(header), ring->header), "ring header");
	ring->n = header.nb_entries;
	ring->bytes = header.entry_size;
	ring->records = mmap(NULL, region.info.size - header.offset, PROT_READ | PROT_WRITE,
		MAP_SHARED, device, ring->header + header.offset);
	if (ring->records == MAP_FAILED)
		err(1, "mmap of a ring");
}

void faults_open(struct faults *faults, int device)
{
	union {
		struct vfio_irq_set set;
		int32_t words[6];
	} irq = { .set = { .argsz = sizeof(irq),
			  .index = VFIO_PCI_NUM_IRQS, /* the one behind the five of PCI */
			  .count = 1,
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER } };

	memset(faults, 0, sizeof(*faults));
	faults->device = device;
	faults->irq = irq.words[5] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(ioctl(device, VFIO_DEVICE_SET_IRQS, &irq), "VFIO_DEVICE_SET_IRQS");
	open_ring(device, VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT, &faults->faults);
	open_ring(device, VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT_RESPONSE, &faults->responses);
}

/** The program's index of a ring is the first word of its header; its own is the last. */
static uint32_t ring_other(const struct faults *faults, const struct ring *ring)
{
	uint32_t words[5];

	must(pread(faults->device, words, sizeof(words), ring->header), "ring header");
	return words[4];
}

static void ring_advance(const struct faults *faults, struct ring *ring)
{
	ring->next = (ring->next + 1) % ring->n;
	must(pwrite(faults->device, &ring->next, 4, ring->header), "ring index");
}

bool faults_next(struct faults *faults, struct vfio_dma_fault_record *record, int ms)
{
	struct pollfd irq = { .fd = faults->irq, .events = POLLIN };
	uint64_t count;

	while (ring_other(faults, &faults->faults) == faults->faults.next) {
		if (poll(&irq, 1, ms) != 1)
			return false;
		must(read(faults->irq, &count, 8), "eventfd");
	}
	memcpy(record, faults->faults.records + (size_t)faults->faults.next * sizeof(*record),
		sizeof(*record));
	ring_advance(faults, &faults->faults);
	return true;
}

void faults_respond(struct faults *faults, uint32_t grpid, uint32_t code)
{
	struct iommu_page_response response = { .argsz = sizeof(response),
		.version = IOMMU_PAGE_RESP_VERSION_1,
		.grpid = grpid,
		.code = code };

	memcpy(faults->responses.records + (size_t)faults->responses.next * sizeof(response),
		&response, sizeof(response));
	ring_advance(faults, &faults->responses);
}

struct vfio_iommu_type1_info_cap_nesting nesting_info(int container)
{
	static uint64_t buffer[1024];
	struct vfio_iommu_type1_info *info = (void *)buffer;
	struct vfio_iommu_type1_info_cap_nesting cap = { 0 };

	info->argsz = sizeof(buffer);
	must(ioctl(container, VFIO_IOMMU_GET_INFO, info), "VFIO_IOMMU_GET_INFO");
	for (uint32_t next = info->cap_offset; next; next = cap.next) {
		memcpy(&cap, (uint8_t *)buffer + next, sizeof(cap));
		if (cap.id == VFIO_IOMMU_TYPE1_INFO_CAP_NESTING)
			return cap;
	}
	errx(1, "the container has no nesting capability");
}
