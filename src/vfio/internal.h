/* SPDX-License-Identifier: MIT */
/*
 * What the files of src/vfio share: containers, groups and who holds whom.
 *
 * A group file holds nothing but its group; a group in a container holds the container (a count,
 * so that container, group and device files may be closed in any order, as in Linux); an open
 * device holds its group's file and counts as a user of the container, which keeps both where they
 * are: UNSET_CONTAINER is EBUSY and the group's file is not released.
 *
 * All below is guarded by the host lock. A container's busy mark is held by whoever changes its
 * membership, its IOMMU or its maps, since attach and unmap may drop the host lock while they wait
 * for DMA in flight. A group's mark is held by whoever changes its membership or opens a device.
 * Order: group mark, container mark, host lock (each mark is taken with the host lock held, and
 * sleeps with it dropped).
 */
#ifndef VFIO_INTERNAL_H
#define VFIO_INTERNAL_H

#include <urcu/list.h>

#include "abi/vfio.h"
#include "file/ioctl.h"
#include "vfio/vfio.h"

struct vfio_container {
	struct file file;
	struct vfio *vfio;
	unsigned refs; /* the file, and each group that is a member */
	struct busy busy;
	struct cds_list_head groups; /* struct vfio_group.member */
	bool noiommu;		     /* of the groups that are members */
	unsigned type;		     /* VFIO_TYPE1_IOMMU, ...; 0: no IOMMU set */
	struct ioas *ioas;	     /* NULL where type is 0 or VFIO_NOIOMMU_IOMMU */
	unsigned dma_avail;	     /* entries left (dma_entry_limit) */
	bool explained;		     /* CHECK_EXTENSION(nesting) = 0 has given its reason */
};

/** One for each group of the machine, for as long as the machine lives. */
struct vfio_group {
	struct vfio *vfio;
	struct iommu_group *iommu;	/* NULL: a no-IOMMU group, */
	struct machine_device *noiommu; /* which has this one device */
	int id;
	char name[32]; /* "1", "noiommu-0": as under /dev/vfio */
	struct busy busy;
	struct vfio_group_file *opened; /* its one open file, or NULL */
	struct vfio_container *container;
	unsigned container_users; /* 1 for the membership, 1 for each open device */
	struct cds_list_head member;
};

struct vfio_group_file {
	struct file file;
	struct vfio_group *group;
};

struct vfio {
	struct machine *machine;
	struct vfio_options options;
	struct vfio_group *groups;
	unsigned n_groups;
};

/* ---- device.c, as seen by group.c ---- */

/**
 * A new open file of dev, whose group is in a container with an IOMMU (checked). Called without the
 * host lock, under the group's busy mark. The file calls vfio_group_unuse in its release.
 */
int vfio_device_open(
	struct vfio_group *group, struct machine_device *dev, struct file **out, struct why *why);

/* ---- group.c, as seen by device.c ---- */

/**
 * One open device less: drops its use of the container and its hold on the group's file. Last call
 * of a device's release, without the host lock.
 */
void vfio_group_unuse(struct vfio_group *group);

/**
 * The address to which this group's devices send MSIs (ioas_msi_map); for a no-IOMMU group the
 * doorbell itself. Host lock held.
 */
int vfio_group_msi_addr(struct vfio_group *group, uint64_t *addr, struct why *why);

#endif
