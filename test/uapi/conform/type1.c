/* SPDX-License-Identifier: MIT */
/* The type 1 backend of a container. Linux 7.3 drivers/vfio/vfio_iommu_type1.c. */
#include "conform/conform.h"

static const struct row rows[] = {
	{ "map: unknown flag", "vfio_iommu_type1.c vfio_iommu_type1_map_dma", V2,
		MAP(0, RW, PAGE, F_RW | 1 << 3), -EINVAL, "unknown-flags" },
	{ "map: one page", "vfio_iommu_type1.c vfio_dma_do_map", V2, MAP(0, RW, PAGE, F_RW), 0,
		.after = { .mappings = 1, .entries = -1, .may = MAY_DOMAINS } },
	{ "unmap: v2 does not bisect", "vfio_iommu_type1.c vfio_dma_do_unmap", MAPPED,
		UNMAP(0x10000, PAGE, 0), -EINVAL, "bisects-mapping" },
	{ "unmap: v1 removes what starts there", "vfio_iommu_type1.c vfio_dma_do_unmap", MAPPED_V1,
		UNMAP(0x10000, PAGE, 0), 0, .see = { UNMAPPED(16 * PAGE) },
		.after = { .mappings = -1, .entries = 1, .may = MAY_DOMAINS } },
};

AREA(type1, rows);
