/* SPDX-License-Identifier: MIT */
/*
 * What a nesting container has beside the ioctls. Faults of stage 1, as their owner gets them: a ring in a region of the device, with an interrupt, and
 * a ring for answers to transactions that stall (<nestbox/vfio-nesting.h>).
 */
#ifndef EXAMPLES_FAULTS_H
#define EXAMPLES_FAULTS_H

#include <nestbox/vfio-nesting.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ring {
	off_t header;	  /* offset of the region in the device's file */
	uint8_t *records; /* mapped */
	uint32_t n, bytes, next;
};

struct faults {
	int device, irq;
	struct ring faults, responses;
};

/** Find and map the rings of a device in a nesting domain, and have its faults signalled. */
void faults_open(struct faults *faults, int device);
/** The next fault, if one comes within ms. */
bool faults_next(struct faults *faults, struct vfio_dma_fault_record *record, int ms);
/** Answer the stalled transaction of a page request: enum iommu_page_response_code. */
void faults_respond(struct faults *faults, uint32_t grpid, uint32_t code);

/** What the SMMU can do for a guest: a capability in the chain behind VFIO_IOMMU_GET_INFO. */
struct vfio_iommu_type1_info_cap_nesting nesting_info(int container);

#endif
