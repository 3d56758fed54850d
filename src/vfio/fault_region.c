/* SPDX-License-Identifier: MIT */
/*
 * The regions of faults and of responses, by pread, pwrite and mmap. Checks and their order: of the
 * series vfio_pci_dma_fault_rw, vfio_pci_dma_fault_response_rw, vfio_pci_dma_fault_mmap. A program
 * writes one number, 4 bytes at offset 0: up to where it has read records, or written responses.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "vfio/caps.h"
#include "vfio/fault.h"

#define PIECE 4096

static int move_tail(struct vfio_device *device, uint32_t tail, struct why *why);

static const struct ring {
	uint32_t subtype, capability;
	uint32_t entry_bytes;
	/* The program wrote its number. */
	int (*moved)(struct vfio_device *device, uint32_t to, struct why *why);
	const char *fields[5]; /* of the header */
} rings[VFIO_FAULT_RINGS] = {
	[VFIO_FAULT_RECORDS] = {
		.subtype = VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT,
		.capability = VFIO_REGION_INFO_CAP_DMA_FAULT,
		.entry_bytes = sizeof(struct vfio_dma_fault_record),
		.moved = move_tail,
		.fields = { "tail", "entry_size", "nb_entries", "offset", "head" },
	},
	[VFIO_FAULT_RESPONSES] = {
		.subtype = VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT_RESPONSE,
		.capability = VFIO_REGION_INFO_CAP_DMA_FAULT_RESPONSE,
		.entry_bytes = sizeof(struct iommu_page_response),
		.moved = vfio_fault_respond,
		.fields = { "head", "entry_size", "nb_entries", "offset", "tail" },
	},
};

static enum vfio_fault_ring ring_of(unsigned region)
{
	return region - VFIO_PCI_NUM_REGIONS;
}

bool vfio_fault_has(const struct vfio_device *device, unsigned region)
{
	return region >= VFIO_PCI_NUM_REGIONS && region < vfio_fault_regions(device);
}

uint32_t vfio_fault_bytes(enum vfio_fault_ring ring)
{
	return (uint32_t)align_up(rings[ring].entry_bytes * VFIO_FAULT_ENTRIES, VFIO_FAULT_HEADER);
}

static uint32_t region_bytes(unsigned region)
{
	return VFIO_FAULT_HEADER + vfio_fault_bytes(ring_of(region));
}

/* ---- GET_REGION_INFO ---- */

/* struct vfio_region_info_cap_sparse_mmap with its one area. */
struct sparse_cap {
	struct vfio_info_cap_header header;
	uint32_t nr_areas, reserved;
	struct vfio_region_sparse_mmap_area area;
};

_Static_assert(offsetof(struct sparse_cap, area) == sizeof(struct vfio_region_info_cap_sparse_mmap),
	"the same");

static void fill_caps(unsigned region, struct vfio_caps *caps)
{
	const struct ring *ring = &rings[ring_of(region)];
	const struct vfio_region_info_cap_type type = {
		.header = { .id = VFIO_REGION_INFO_CAP_TYPE, .version = 1 },
		.type = VFIO_REGION_TYPE_NESTED,
		.subtype = ring->subtype,
	};
	const struct sparse_cap sparse = {
		.header = { .id = VFIO_REGION_INFO_CAP_SPARSE_MMAP, .version = 1 },
		.nr_areas = 1,
		.area = { VFIO_FAULT_HEADER, vfio_fault_bytes(ring_of(region)) },
	};
	const struct vfio_region_info_cap_fault fault = {
		.id = (uint16_t)ring->capability, .version = 1, .abi_version = 1
	};

	vfio_caps_add(caps, &type, sizeof(type));
	vfio_caps_add(caps, &sparse, sizeof(sparse));
	vfio_caps_add(caps, &fault, sizeof(fault));
}

long vfio_fault_region_info(struct ioctl_call *call, struct vfio_region_info *info)
{
	struct vfio_caps caps;

	info->offset = pci_region_offset(info->index);
	info->size = region_bytes(info->index);
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
		      VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
	vfio_caps_init(&caps, sizeof(*info));
	fill_caps(info->index, &caps);
	return vfio_caps_write(
		&caps, call, "VFIO_DEVICE_GET_REGION_INFO", &info->argsz, &info->cap_offset);
}

/* ---- pread ---- */

/* Its numbers as they are now, in the order of both structs. */
struct header {
	uint32_t theirs, entry_size, nb_entries, offset, ours;
};

_Static_assert(sizeof(struct header) == sizeof(struct vfio_region_dma_fault) &&
		       sizeof(struct header) == sizeof(struct vfio_region_dma_fault_response),
	"one header");

static struct header read_header(struct vfio_fault *fault, enum vfio_fault_ring ring)
{
	struct header header = { .entry_size = rings[ring].entry_bytes,
		.nb_entries = VFIO_FAULT_ENTRIES,
		.offset = VFIO_FAULT_HEADER };
	bool records = ring == VFIO_FAULT_RECORDS;

	pthread_mutex_lock(&fault->lock);
	header.theirs = records ? fault->tail : fault->responded;
	header.ours = records ? fault->head : fault->responded;
	pthread_mutex_unlock(&fault->lock);
	return header;
}

/* [off, off + n) of the region, n at most PIECE, as far as the header's page or the records go. */
static size_t copy_part(
	struct vfio_fault *fault, enum vfio_fault_ring ring, uint64_t off, uint8_t *buf, size_t n)
{
	struct header header;

	if (off >= VFIO_FAULT_HEADER) {
		memcpy(buf, fault->memory[ring] + (off - VFIO_FAULT_HEADER), n);
		return n;
	}
	n = MIN(n, VFIO_FAULT_HEADER - off);
	memset(buf, 0, n);
	if (off < sizeof(header)) {
		header = read_header(fault, ring);
		memcpy(buf, (const uint8_t *)&header + off, MIN(n, sizeof(header) - off));
	}
	return n;
}

static ssize_t read_region(struct region_io *io, unsigned region)
{
	uint8_t buf[PIECE];
	size_t done, n;

	for (done = 0; done < io->count; done += n) {
		n = copy_part(io->device->fault, ring_of(region), io->off + done, buf,
			MIN(io->count - done, sizeof(buf)));
		if (io->caller->ops->copy_out(io->caller, io->uaddr + done, buf, n))
			return vfio_region_bad_buffer(io);
	}
	return (ssize_t)io->count;
}

/* ---- pwrite ---- */

static int move_tail(struct vfio_device *device, uint32_t tail, struct why *why)
{
	(void)why;
	pthread_mutex_lock(&device->fault->lock);
	device->fault->tail = tail;
	pthread_mutex_unlock(&device->fault->lock);
	return 0;
}

static ssize_t write_region(struct region_io *io, unsigned region)
{
	const struct ring *ring = &rings[ring_of(region)];
	uint32_t to;
	int err;

	if (io->off != 0 || io->count != sizeof(to))
		return why_misuse(io->why, EINVAL, "fault-region-write",
			"%zu bytes at 0x%llx: what can be written is %s, 4 bytes at 0", io->count,
			(unsigned long long)io->off, ring->fields[0]);
	if (io->caller->ops->copy_in(io->caller, &to, io->uaddr, sizeof(to)))
		return vfio_region_bad_buffer(io);
	if (to >= VFIO_FAULT_ENTRIES)
		return why_misuse(io->why, EINVAL, "fault-region-index",
			"%s %u: the ring has %u entries", ring->fields[0], to, VFIO_FAULT_ENTRIES);
	err = ring->moved(io->device, to, io->why);
	return err ? err : (ssize_t)sizeof(to);
}

ssize_t vfio_fault_region_io(struct region_io *io, unsigned region)
{
	if (io->off >= region_bytes(region))
		return why_misuse(io->why, EINVAL, "beyond-region",
			"offset 0x%llx of region %u, which has 0x%x bytes",
			(unsigned long long)io->off, region, region_bytes(region));
	io->count = MIN(io->count, region_bytes(region) - io->off);
	return io->write ? write_region(io, region) : read_region(io, region);
}

/* ---- mmap, and names ---- */

int vfio_fault_region_mmap(unsigned region, uint64_t off, uint64_t len, struct why *why)
{
	uint32_t bytes = region_bytes(region);

	if (off < VFIO_FAULT_HEADER)
		return why_misuse(why, EINVAL, "region-does-not-map",
			"of region %u the records can be mapped, from 0x%x on", region,
			VFIO_FAULT_HEADER);
	if (off > bytes || len > bytes - off)
		return why_misuse(why, EINVAL, "beyond-region",
			"0x%llx bytes at 0x%llx of region %u, which has 0x%x",
			(unsigned long long)len, (unsigned long long)off, region, bytes);
	return 0;
}

bool vfio_fault_register_name(unsigned region, uint64_t off, char *buf, size_t size)
{
	const struct ring *ring = &rings[ring_of(region)];

	if (off % 4 || off / 4 >= ARRAY_LEN(ring->fields))
		return false;
	snprintf(buf, size, "%s", ring->fields[off / 4]);
	return true;
}
