/* SPDX-License-Identifier: MIT */
/* The container's own calls. Linux 7.3 drivers/vfio/container.c. */
#include "conform/conform.h"

static const struct row rows[] = {
	{ "API version", "container.c vfio_fops_unl_ioctl", V2,
		IOCTL(CONTAINER, VFIO_GET_API_VERSION, VALUE(0)), 0 },
	{ "a type's number for SET_IOMMU that is an extension", "container.c vfio_ioctl_set_iommu",
		JOINED, SET_IOMMU(CONTAINER, VFIO_UNMAP_ALL), -EINVAL, "unknown-iommu-type" },
};

AREA(container, rows);
