/* SPDX-License-Identifier: MIT */
/*
 * The group and container interface of Linux VFIO: what programs open under /dev/vfio. Each open
 * yields a struct file; the gate and the tests drive those.
 */
#ifndef VFIO_VFIO_H
#define VFIO_VFIO_H

#include "file/file.h"
#include "machine/machine.h"

struct vfio;

struct vfio_options {
	unsigned dma_entry_limit; /* type1's dma_entry_limit; 0: Linux's 65535 */
	/**
	 * Programs lack CAP_SYS_RAWIO, so that no-IOMMU groups are EPERM. FIDELITY: by default a
	 * host whose policy is noiommu grants it, since nothing real can be reached.
	 */
	bool deny_rawio;
	bool no_mmap; /* no BAR is mappable: every register access is a call */
};

/** The interface of one machine (borrowed; outlives it). NULL without memory. */
struct vfio *vfio_create(struct machine *machine, const struct vfio_options *options);
void vfio_destroy(struct vfio *vfio); /* NULL accepted; every file is closed */

/** Open /dev/vfio/vfio: a new container. 0 or -errno. */
int vfio_open_container(struct vfio *vfio, struct file **out, struct why *why);

/**
 * Open /dev/vfio/ID (noiommu: /dev/vfio/noiommu-ID). -EBUSY for a second opener, -ENODEV where no
 * such group exists, -EPERM for a no-IOMMU group without CAP_SYS_RAWIO.
 */
int vfio_open_group(struct vfio *vfio, int id, bool noiommu, struct file **out, struct why *why);

#endif
