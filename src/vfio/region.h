/* SPDX-License-Identifier: MIT */
/* What files that implement regions share: one pread or pwrite. */
#ifndef VFIO_REGION_H
#define VFIO_REGION_H

#include "vfio/internal.h"

struct region_io {
	struct vfio_device *device;
	struct caller *caller;
	uint64_t uaddr, off; /* off: in the region */
	size_t count;
	bool write;
	struct why *why;
};

/** -EFAULT with the reason. */
int vfio_region_bad_buffer(const struct region_io *io);

#endif
