/* SPDX-License-Identifier: MIT */
/* The calls of the interface with an argument in memory: a valid one of each (sweep.h). */
#include "conform/nested.h"
#include "sweep/sweep.h"

#define PCI   "pci/vfio_pci_core.c vfio_pci_ioctl_"
#define TYPE1 "vfio_iommu_type1.c vfio_iommu_type1_"
#define IGNORED(type, field)                                                                       \
	{                                                                                          \
		offsetof(type, field), sizeof(((type *)0)->field)                                  \
	}
#define WHERE_NOTHING_IS 0x800000

/* A struct and the one that follows it. */
struct unmap_bitmap {
	uint32_t argsz, flags;
	uint64_t iova, size;
	struct vfio_bitmap bitmap;
};
struct dirty_get {
	uint32_t argsz, flags;
	struct vfio_iommu_type1_dirty_bitmap_get get;
};
#define IRQ_MEAN (VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK)

/* Four bytes of BAR 0; fd is the name of a descriptor (named), or a number. */
#define IOEVENTFD(fd_, named)                                                                      \
	IOCTL(DEVICE, VFIO_DEVICE_IOEVENTFD,                                                       \
		{ .kind = ARG_BYTES,                                                               \
			.n = 28,                                                                   \
			.fds = (named),                                                            \
			.pos = offsetof(struct vfio_device_ioeventfd, offset),                     \
			.bytes = &(const struct vfio_device_ioeventfd){ .argsz = 28,               \
				.flags = 4,                                                        \
				.offset = REGION(0) + 0x80,                                        \
				.fd = (fd_) } })

const struct sweep sweeps[] = {
	{ "IOMMU_GET_INFO", TYPE1 "get_info", V2,
		IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO,
			ARG(struct vfio_iommu_type1_info, .argsz = 16)),
		0, .minsz = 16, .argsz = true, .out = true, .flags_at = 4, .flags_ignored = true,
		.ignored = { IGNORED(struct vfio_iommu_type1_info, flags),
			IGNORED(struct vfio_iommu_type1_info, iova_pgsizes),
			IGNORED(struct vfio_iommu_type1_info, cap_offset) } },
	{ "IOMMU_MAP_DMA", TYPE1 "map_dma", V2, MAP(WHERE_NOTHING_IS, RW, PAGE, F_RW), 0,
		.minsz = 32, .argsz = true, .flags_at = 4, .flags_mean = F_RW | F_VADDR,
		.errs = { ENOENT }, .undo = UNMAP(WHERE_NOTHING_IS, PAGE, 0) },
	{ "IOMMU_MAP_DMA beside a mapping", TYPE1 "map_dma", MAPPED_V1,
		MAP(WHERE_NOTHING_IS, RW, PAGE, F_RW), 0, .minsz = 32, .argsz = true, .flags_at = 4,
		.flags_mean = F_RW | F_VADDR, .errs = { ENOENT },
		.undo = UNMAP(WHERE_NOTHING_IS, PAGE, 0) },
	{ "IOMMU_MAP_DMA over a mapping", TYPE1 "map_dma", MAPPED, MAP(0x10000, RW, PAGE, F_RW),
		-EEXIST, .minsz = 32, .argsz = true, .flags_at = 4, .flags_mean = F_RW | F_VADDR,
		.errs = { EEXIST, ENOENT } },
	{ "IOMMU_UNMAP_DMA of nothing", TYPE1 "unmap_dma", MAPPED, UNMAP(WHERE_NOTHING_IS, PAGE, 0),
		0, .minsz = 24, .argsz = true, .out = true, .flags_at = 4,
		.flags_mean = F_ALL | F_VADDR | F_BITMAP },
	{ "IOMMU_UNMAP_DMA of a mapping", TYPE1 "unmap_dma", MAPPED, UNMAP(0x10000, 16 * PAGE, 0),
		0, .minsz = 24, .argsz = true, .out = true, .late = true,
		.undo = MAP(0x10000, RW, 16 * PAGE, F_RW) },
	{ "IOMMU_UNMAP_DMA with a bitmap", TYPE1 "unmap_dma", DIRTY_ON,
		IOCTL(CONTAINER, VFIO_IOMMU_UNMAP_DMA,
			ARG(struct unmap_bitmap, .argsz = 48, .flags = F_BITMAP,
				.iova = WHERE_NOTHING_IS, .size = PAGE,
				.bitmap = { .pgsize = PAGE, .size = 8, .data = (void *)RW })),
		0, .minsz = 24, .tail = 24, .argsz = true, .short_err = EINVAL, .out = true,
		.flags_at = 4, .flags_mean = F_ALL | F_VADDR | F_BITMAP },
	{ "IOMMU_DIRTY_PAGES start", TYPE1 "dirty_pages", MAPPED,
		DIRTY(VFIO_IOMMU_DIRTY_PAGES_FLAG_START), 0, .minsz = 8, .argsz = true,
		.flags_at = 4, .flags_mean = 7, .undo = DIRTY(VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP) },
	{ "IOMMU_DIRTY_PAGES get", TYPE1 "dirty_pages", DIRTY_ON,
		IOCTL(CONTAINER, VFIO_IOMMU_DIRTY_PAGES,
			ARG(struct dirty_get, .argsz = sizeof(struct dirty_get),
				.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
				.get = { .iova = 0x10000,
					.size = 16 * PAGE,
					.bitmap = { .pgsize = PAGE,
						.size = 8,
						.data = (void *)RW } })),
		0, .minsz = 8, .tail = sizeof(struct vfio_iommu_type1_dirty_bitmap_get),
		.argsz = true, .short_err = EINVAL, .flags_at = 4, .flags_mean = 7,
		.pointer_at = offsetof(struct dirty_get, get.bitmap.data), .pointed = 8,
		.undo = DIRTY(VFIO_IOMMU_DIRTY_PAGES_FLAG_START) },
	{ "IOMMU_DIRTY_PAGES of TYPE1", TYPE1 "dirty_pages", MAPPED_V1,
		IOCTL(CONTAINER, VFIO_IOMMU_DIRTY_PAGES, POINTER(HOLE)), -EACCES },
	{ "GROUP_GET_STATUS", "group.c vfio_group_ioctl_get_status", OPENED, STATUS(GROUP), 0,
		.minsz = 8, .argsz = true, .out = true, .flags_at = 4, .flags_ignored = true,
		.ignored = { IGNORED(struct vfio_group_status, flags) } },
	{ "GROUP_GET_STATUS in a container", "group.c vfio_group_ioctl_get_status", DEV,
		STATUS(GROUP), 0, .minsz = 8, .argsz = true, .out = true, .flags_at = 4,
		.flags_ignored = true },
	{ "GROUP_SET_CONTAINER", "group.c vfio_group_ioctl_set_container", OPENED,
		SET_CONTAINER(GROUP, CONTAINER), 0, .minsz = 4, .undo = UNSET_CONTAINER(GROUP) },
	{ "GROUP_SET_CONTAINER twice", "group.c vfio_group_ioctl_set_container", V2,
		SET_CONTAINER(GROUP, CONTAINER), -EINVAL, .minsz = 4 },
	{ "GROUP_GET_DEVICE_FD", "group.c vfio_group_ioctl_get_device_fd", V2,
		GET_DEVICE(GROUP, DEV1), FD, .minsz = sizeof(DEV1) },
	{ "GROUP_GET_DEVICE_FD again", "group.c vfio_group_ioctl_get_device_fd", DEV_MSIX,
		GET_DEVICE(GROUP, DEV1 " "), FD, .minsz = sizeof(DEV1) + 1 },
	{ "DEVICE_GET_INFO", PCI "get_info", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_INFO, WORDS(16, 0, 0, 0)), 0, .minsz = 16,
		.argsz = true, .out = true, .flags_at = 4, .flags_ignored = true,
		.ignored = { IGNORED(struct vfio_device_info, flags),
			IGNORED(struct vfio_device_info, num_regions),
			IGNORED(struct vfio_device_info, num_irqs) } },
	{ "DEVICE_GET_REGION_INFO of a BAR", "vfio_main.c vfio_get_region_info", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_REGION_INFO,
			ARG(struct vfio_region_info, .argsz = 32)),
		0, .minsz = 32, .argsz = true, .out = true, .flags_at = 4, .flags_ignored = true,
		.ignored = { IGNORED(struct vfio_region_info, flags),
			IGNORED(struct vfio_region_info, cap_offset),
			IGNORED(struct vfio_region_info, size),
			IGNORED(struct vfio_region_info, offset) } },
	{ "DEVICE_GET_REGION_INFO of configuration space", "vfio_main.c vfio_get_region_info", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_REGION_INFO,
			ARG(struct vfio_region_info, .argsz = 32, .index = 7)),
		0, .minsz = 32, .argsz = true, .out = true, .flags_at = 4, .flags_ignored = true },
	{ "DEVICE_GET_IRQ_INFO", PCI "get_irq_info", DEV_MSIX,
		IOCTL(DEVICE, VFIO_DEVICE_GET_IRQ_INFO,
			ARG(struct vfio_irq_info, .argsz = 16, .index = MSIX)),
		0, .minsz = 16, .argsz = true, .out = true, .flags_at = 4, .flags_ignored = true,
		.ignored = { IGNORED(struct vfio_irq_info, flags),
			IGNORED(struct vfio_irq_info, count) } },
	{ "DEVICE_SET_IRQS without data", PCI "set_irqs", DEV_MSIX,
		IRQ_NONE(ACT_TRIGGER, MSIX, 0, 1), 0, .minsz = 20, .argsz = true, .flags_at = 4,
		.flags_mean = IRQ_MEAN, .errs = { ENOTTY } },
	{ "DEVICE_SET_IRQS with bools", PCI "set_irqs", DEV_MSIX,
		IRQ_BOOLS(ACT_TRIGGER, MSIX, 0, 0, 0, 0, 0), 0, .minsz = 20, .tail = 4,
		.argsz = true, .short_err = EINVAL, .flags_at = 4, .flags_mean = IRQ_MEAN,
		.errs = { ENOTTY } },
	{ "DEVICE_SET_IRQS with eventfds", PCI "set_irqs", DEV_MSIX,
		IRQ_FDS(ACT_TRIGGER, MSIX, 0, EV0, EV1, EV2, EV3), 0, .minsz = 20, .tail = 16,
		.argsz = true, .short_err = EINVAL, .flags_at = 4, .flags_mean = IRQ_MEAN,
		.errs = { ENOTTY } },
	{ "DEVICE_SET_IRQS that enables", PCI "set_irqs", DEV_QUIET,
		IRQ_FDS(ACT_TRIGGER, MSIX, 0, EV0, EV1), 0, .minsz = 20, .tail = 8, .argsz = true,
		.short_err = EINVAL, .flags_at = 4, .flags_mean = IRQ_MEAN, .errs = { ENOTTY },
		.undo = IRQ_NONE(ACT_TRIGGER, MSIX, 0, 0) },
	{ "DEVICE_GET_PCI_HOT_RESET_INFO", PCI "get_pci_hot_reset_info", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
			TAIL(256, struct vfio_pci_hot_reset_info, .argsz = 268)),
		0, .minsz = 12, .tail = 256, .argsz = true, .short_err = ENOSPC, .out = true,
		.loose = true, .flags_at = 4, .flags_ignored = true },
	{ "DEVICE_PCI_HOT_RESET", PCI "pci_hot_reset", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_PCI_HOT_RESET,
			{ .kind = ARG_BYTES,
				.bytes = (const uint32_t[]){ 16, 0, 1, GROUP },
				.n = 16,
				.fds = 1 }),
		0, .minsz = 12, .tail = 4, .argsz = true, .flags_at = 4 },
	{ "DEVICE_IOEVENTFD of none", PCI "ioeventfd", DEV, IOEVENTFD(-1, 0), -ENODEV, .minsz = 28,
		.argsz = true, .flags_at = 4, .flags_mean = 0xf, .errs = { ENODEV } },
	{ "DEVICE_IOEVENTFD", PCI "ioeventfd", DEV, IOEVENTFD(EV0, 1), 0, .minsz = 28,
		.argsz = true, .flags_at = 4, .flags_mean = 0xf, .undo = IOEVENTFD(-1, 0),
		.undo_flags = true },
	{ "DEVICE_FEATURE, a probe", "vfio_main.c vfio_ioctl_device_feature", DEV,
		IOCTL(DEVICE, VFIO_DEVICE_FEATURE,
			WORDS(8, VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET | 3)),
		0, .minsz = 8, .argsz = true, .flags_at = 4, .flags_mean = 0x7ffff,
		.errs = { ENOTTY } },
	{ "IOMMU_SET_PASID_TABLE", TYPE1 "set_pasid_table", NEST_MAP, SET_TABLE(CONTAINER), 0,
		.minsz = 8, .tail = 32, .argsz = true, .flags_at = 4, .flags_mean = 3,
		.undo = UNSET_TABLE(CONTAINER) },
	{ "IOMMU_CACHE_INVALIDATE", TYPE1 "cache_invalidate", NEST_S1,
		INV_ADDR(CONTAINER, 1, 3, 1, 1, 0x10000, PAGE, 3), 0, .minsz = 8, .tail = 56,
		.argsz = true, .flags_at = 4 },
	{ "IOMMU_SET_MSI_BINDING", TYPE1 "set_msi_binding", NEST_MAP, BIND(CONTAINER), 0,
		.minsz = 32, .argsz = true, .flags_at = 4, .flags_mean = 3,
		.undo = UNBIND(CONTAINER) },
	{ "DEVICE_SET_PASID_TABLE", "doc/uapi-nesting.md", NEST_DEV,
		IOCTL(DEVICE, VFIO_DEVICE_SET_PASID_TABLE, WORDS(8, 2)), 0, .minsz = 8,
		.argsz = true, .flags_at = 4, .flags_mean = 3 },
	{ "DEVICE_CACHE_INVALIDATE", "doc/uapi-nesting.md", NEST_S1, INV_PASID(DEVICE, 7, 1, 0, 1),
		0, .minsz = 8, .tail = 32, .argsz = true, .flags_at = 4 },
	{ "DEVICE_SET_MSI_BINDING", "doc/uapi-nesting.md", NEST_DEV, BIND(DEVICE), 0, .minsz = 32,
		.argsz = true, .flags_at = 4, .flags_mean = 3, .undo = UNBIND(DEVICE) },
};

const unsigned n_sweeps = sizeof(sweeps) / sizeof(sweeps[0]);
