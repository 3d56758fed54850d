/* SPDX-License-Identifier: MIT */
/*
 * Faults of a guest's stage 1, for the program that is its monitor (R7): what a device has more while
 * its group nests. Two regions behind PCI's nine and an interrupt behind its five, as the "SMMUv3 Nested
 * Stage Setup" series had them (include/nestbox/vfio-nesting.h).
 *
 *   fault.c           life; the sink: records and the interrupt
 *   fault_region.c    the two regions as VFIO shows them
 *   fault_response.c  what the program answers
 *
 * Each region is a ring: a page with a header, then records. Only the records are memory that the program
 * may map; the header's numbers are ours alone and cross by calls, so that whatever a program does to the
 * memory is its own harm. Records of faults are never read back; of a response one copy is taken, and that
 * is checked.
 *
 * Locking: lock, a leaf, below the IOMMU device's fault_lock, guards what the sink touches. Answers are
 * taken under the device's gate. All of it lives from first open to last close, and so longer than any
 * call on an open file.
 */
#ifndef VFIO_FAULT_H
#define VFIO_FAULT_H

#include <nestbox/vfio-nesting.h>

#include "vfio/region.h"

#define VFIO_FAULT_IRQ_INDEX VFIO_PCI_NUM_IRQS

enum vfio_fault_ring {
	VFIO_FAULT_RECORDS,
	VFIO_FAULT_RESPONSES,
	VFIO_FAULT_RINGS,
};

#define VFIO_FAULT_ENTRIES 512 /* of each ring */
#define VFIO_FAULT_HEADER  4096u

struct vfio_fault {
	struct iommu_fault_sink sink;
	uint8_t *memory[VFIO_FAULT_RINGS]; /* the records */

	pthread_mutex_t lock;
	uint32_t head, tail; /* of the records */
	bool lost;	     /* some were dropped since the last that was delivered */
	int fd;		     /* eventfd, or -1; changed under the gate too */
	/* Tags of stalled transactions that were delivered and not answered, a bit for each. */
	uint64_t out[(UINT16_MAX + 1) / 64];

	/* The gate; responded under lock too. */
	uint32_t
		responded; /* head and tail of the responses: a write of head is over when all are taken */
	struct iommu_page_response
		batch[VFIO_FAULT_ENTRIES]; /* copies, while they are carried out */
};

/** At first open, once it is known whether the group nests. False: out of memory. The gate held. */
bool vfio_fault_open(struct vfio_device *device);
/** At last close, no DMA of the device being in flight: what waits for an answer aborts. The gate. */
void vfio_fault_close(struct vfio_device *device);

/** How many regions and interrupt indexes there are. */
unsigned vfio_fault_regions(const struct vfio_device *device);
unsigned vfio_fault_irqs(const struct vfio_device *device);
long vfio_fault_irq_info(struct ioctl_call *call, struct vfio_irq_info *info);

/* ---- fault_region.c. Without locks. ---- */

/** Whether the device has this region, and it is one of these. */
bool vfio_fault_has(const struct vfio_device *device, unsigned region);
/** Bytes of its records: whole pages. */
uint32_t vfio_fault_bytes(enum vfio_fault_ring ring);
long vfio_fault_region_info(struct ioctl_call *call, struct vfio_region_info *info);
ssize_t vfio_fault_region_io(struct region_io *io, unsigned region);
int vfio_fault_region_mmap(unsigned region, uint64_t off, uint64_t len, struct why *why);
bool vfio_fault_register_name(unsigned region, uint64_t off, char *buf, size_t size);

/* ---- fault_response.c ---- */

/** The program has written responses up to head (in range). -EINVAL: nothing was done. Takes the gate. */
int vfio_fault_respond(struct vfio_device *device, uint32_t head, struct why *why);
/** Whatever is out aborts. The gate held. */
void vfio_fault_abort_all(struct vfio_device *device);

#endif
