/* SPDX-License-Identifier: MIT */
/* The states that rows start in: each is its parent and steps from there. */
#include "conform/conform.h"

const struct world_row worlds[N_WORLDS] = {
	[NOTHING] = { "nothing open" },
	[OPENED] = { "group in no container", NOTHING,
		STEPS({ OPEN(CONTAINER, "vfio"), FD }, { OPEN(GROUP, "1"), FD }) },
	[JOINED] = { "group in the container, no IOMMU", OPENED,
		STEPS({ SET_CONTAINER(GROUP, CONTAINER) }) },
	[V1] = { "TYPE1", JOINED, STEPS({ SET_IOMMU(CONTAINER, VFIO_TYPE1_IOMMU) }) },
	[V2] = { "TYPE1v2", JOINED, STEPS({ SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU) }) },
	[NEST] = { "nesting type", JOINED,
		STEPS({ SET_IOMMU(CONTAINER, VFIO_TYPE1_NESTING_IOMMU) }) },
	[MAPPED_V1] = { "TYPE1, 16 pages at 0x10000", V1,
		STEPS({ MAP(0x10000, RW, 16 * PAGE, F_RW) }) },
	[MAPPED] = { "TYPE1v2, 16 pages at 0x10000", V2,
		STEPS({ MAP(0x10000, RW, 16 * PAGE, F_RW) }) },
	[DIRTY_ON] = { "dirty pages tracked", MAPPED,
		STEPS({ DIRTY(VFIO_IOMMU_DIRTY_PAGES_FLAG_START) }) },
	[STALE] = { "vaddr invalid", MAPPED, STEPS({ UNMAP(0x10000, 16 * PAGE, F_VADDR) }) },
	[TWO] = { "TYPE1v2, two groups", V2,
		STEPS({ OPEN(GROUP2, "3"), FD }, { SET_CONTAINER(GROUP2, CONTAINER) }) },
	[DEV] = { "device open", V2, STEPS({ OPEN_DEVICE(DEVICE, GROUP, DEV1), FD }) },
	[DEV_MSIX] = { "MSI-X enabled", DEV,
		STEPS({ IRQ_FDS(ACT_TRIGGER, MSIX, 0, EV0, EV1, EV2, EV3) }) },
	[DEV_MSI] = { "MSI enabled", DEV,
		STEPS({ IRQ_FDS(ACT_TRIGGER, MSI, 0, EV0, EV1, EV2, EV3) }) },
	[DEV_INTX] = { "INTx enabled", DEV, STEPS({ IRQ_FDS(ACT_TRIGGER, INTX, 0, EV0) }) },
};
