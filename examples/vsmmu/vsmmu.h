/* SPDX-License-Identifier: MIT */
/*
 * A guest-visible SMMUv3 over a nesting container: the part to take for a monitor of one's own.
 *
 * The guest sees an SMMU with stage 1, which the library models: registers, stream table, queues. It
 * translates nothing. What its driver does to it is passed on to the host, whose SMMU walks the guest's
 * tables where they are:
 *
 *	CFGI_STE and the like	-> VFIO_DEVICE_SET_PASID_TABLE, of what the stream table entry says
 *	CFGI_CD, TLBI_*		-> VFIO_DEVICE_CACHE_INVALIDATE
 *	RESUME, STALL_TERM	-> the device's response ring
 *	faults of stage 1	<- the device's fault ring, into the guest's event queue
 *
 * A CMD_SYNC of the guest completes when what was before it has been passed on, so the guest's own
 * order of things holds to the hardware.
 *
 * Threads: register accesses from any; faults are taken by vsmmu_take_faults, from one.
 */
#ifndef EXAMPLES_VSMMU_H
#define EXAMPLES_VSMMU_H

#include <nestbox/smmuv3.h>
#include <nestbox/vfio-nesting.h>

#include "../faults.h"

#define VSMMU_DEVICES 16

struct vsmmu_device {
	uint32_t sid;	/* as the guest calls it */
	int fd;		/* VFIO device */
	bool installed; /* the host translates by the guest's tables */
	struct faults faults;
	uint8_t stalled[1 << 16]; /* by tag: waits for an answer */
};

struct vsmmu {
	struct nb_mem *mem; /* the guest's memory, as the guest addresses it */
	struct nb_extent ram;
	struct nb_smmuv3 *model;
	struct vsmmu_device devices[VSMMU_DEVICES];
	unsigned n;
	void (*interrupt)(void *ctx, enum nb_smmuv3_irq irq);
	void *ctx;
};

/** ram, at the guest's address ipa, is mapped in stage 2 already. info: the container's. */
void vsmmu_init(struct vsmmu *vsmmu, const struct vfio_iommu_type1_info_cap_nesting *info,
	uint64_t ipa, void *ram, uint64_t bytes);
void vsmmu_finish(struct vsmmu *vsmmu);
/** A device of the container appears behind the guest's SMMU with this StreamID. */
void vsmmu_add(struct vsmmu *vsmmu, int fd, uint32_t sid);

/** The guest's accesses to the SMMU's two pages (0x00000 and 0x10000). */
uint64_t vsmmu_read(struct vsmmu *vsmmu, uint64_t offset, unsigned size);
void vsmmu_write(struct vsmmu *vsmmu, uint64_t offset, uint64_t value, unsigned size);

/** Give the guest what faults there are; wait for the first at most ms. How many there were. */
unsigned vsmmu_take_faults(struct vsmmu *vsmmu, int ms);

#endif
