/* SPDX-License-Identifier: MIT */
/*
 * What both our header and the system's (Linux 6.1 or later) define; not the info structs that got
 * padding since. Included once per side.
 */
#include <stddef.h>

#include "abi_side.h"

/* clang-format off */
#define NUMBERS(X) \
	X(VFIO_API_VERSION) \
	X(VFIO_TYPE1_IOMMU) \
	X(VFIO_TYPE1v2_IOMMU) \
	X(VFIO_DMA_CC_IOMMU) \
	X(VFIO_EEH) \
	X(VFIO_SPAPR_TCE_v2_IOMMU) \
	X(VFIO_NOIOMMU_IOMMU) \
	X(VFIO_UNMAP_ALL) \
	X(VFIO_UPDATE_VADDR) \
	X(VFIO_GET_API_VERSION) \
	X(VFIO_CHECK_EXTENSION) \
	X(VFIO_SET_IOMMU) \
	X(VFIO_GROUP_GET_STATUS) \
	X(VFIO_GROUP_SET_CONTAINER) \
	X(VFIO_GROUP_UNSET_CONTAINER) \
	X(VFIO_GROUP_GET_DEVICE_FD) \
	X(VFIO_GROUP_FLAGS_VIABLE) \
	X(VFIO_GROUP_FLAGS_CONTAINER_SET) \
	X(VFIO_DEVICE_GET_INFO) \
	X(VFIO_DEVICE_GET_REGION_INFO) \
	X(VFIO_DEVICE_GET_IRQ_INFO) \
	X(VFIO_DEVICE_SET_IRQS) \
	X(VFIO_DEVICE_RESET) \
	X(VFIO_DEVICE_GET_PCI_HOT_RESET_INFO) \
	X(VFIO_DEVICE_PCI_HOT_RESET) \
	X(VFIO_DEVICE_IOEVENTFD) \
	X(VFIO_DEVICE_FEATURE) \
	X(VFIO_DEVICE_FLAGS_RESET) \
	X(VFIO_DEVICE_FLAGS_PCI) \
	X(VFIO_DEVICE_FLAGS_CAPS) \
	X(VFIO_REGION_INFO_FLAG_READ) \
	X(VFIO_REGION_INFO_FLAG_WRITE) \
	X(VFIO_REGION_INFO_FLAG_MMAP) \
	X(VFIO_REGION_INFO_FLAG_CAPS) \
	X(VFIO_REGION_INFO_CAP_SPARSE_MMAP) \
	X(VFIO_REGION_INFO_CAP_TYPE) \
	X(VFIO_REGION_INFO_CAP_MSIX_MAPPABLE) \
	X(VFIO_PCI_CONFIG_REGION_INDEX) \
	X(VFIO_PCI_NUM_REGIONS) \
	X(VFIO_PCI_MSIX_IRQ_INDEX) \
	X(VFIO_PCI_NUM_IRQS) \
	X(VFIO_IRQ_INFO_EVENTFD) \
	X(VFIO_IRQ_INFO_MASKABLE) \
	X(VFIO_IRQ_INFO_AUTOMASKED) \
	X(VFIO_IRQ_INFO_NORESIZE) \
	X(VFIO_IRQ_SET_DATA_TYPE_MASK) \
	X(VFIO_IRQ_SET_ACTION_TYPE_MASK) \
	X(VFIO_IRQ_SET_DATA_EVENTFD) \
	X(VFIO_IRQ_SET_ACTION_TRIGGER) \
	X(VFIO_DEVICE_FEATURE_MASK) \
	X(VFIO_DEVICE_FEATURE_GET) \
	X(VFIO_DEVICE_FEATURE_SET) \
	X(VFIO_DEVICE_FEATURE_PROBE) \
	X(VFIO_IOMMU_GET_INFO) \
	X(VFIO_IOMMU_MAP_DMA) \
	X(VFIO_IOMMU_UNMAP_DMA) \
	X(VFIO_IOMMU_ENABLE) \
	X(VFIO_IOMMU_DISABLE) \
	X(VFIO_IOMMU_DIRTY_PAGES) \
	X(VFIO_IOMMU_INFO_PGSIZES) \
	X(VFIO_IOMMU_INFO_CAPS) \
	X(VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE) \
	X(VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION) \
	X(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL) \
	X(VFIO_DMA_MAP_FLAG_READ) \
	X(VFIO_DMA_MAP_FLAG_WRITE) \
	X(VFIO_DMA_MAP_FLAG_VADDR) \
	X(VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP) \
	X(VFIO_DMA_UNMAP_FLAG_ALL) \
	X(VFIO_DMA_UNMAP_FLAG_VADDR) \
	X(VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP)

#define MEMBERS(X) \
	X(vfio_info_cap_header, next) \
	X(vfio_group_status, flags) \
	X(vfio_region_info, offset) \
	X(vfio_region_info_cap_sparse_mmap, areas) \
	X(vfio_region_info_cap_type, subtype) \
	X(vfio_irq_info, count) \
	X(vfio_irq_set, data) \
	X(vfio_pci_hot_reset_info, devices) \
	X(vfio_pci_hot_reset, group_fds) \
	X(vfio_device_ioeventfd, fd) \
	X(vfio_device_feature, data) \
	X(vfio_iommu_type1_info_cap_iova_range, iova_ranges) \
	X(vfio_iommu_type1_info_cap_migration, max_dirty_bitmap_size) \
	X(vfio_iommu_type1_info_dma_avail, avail) \
	X(vfio_iommu_type1_dma_map, size) \
	X(vfio_iommu_type1_dma_unmap, data) \
	X(vfio_bitmap, data) \
	X(vfio_iommu_type1_dirty_bitmap, data) \
	X(vfio_iommu_type1_dirty_bitmap_get, bitmap)

#define NUMBER(name)	   { #name, (unsigned long)(name), 0 },
#define MEMBER(type, name) { #type "." #name, sizeof(struct type), offsetof(struct type, name) },

const struct abi_item ABI_ITEMS[] = { NUMBERS(NUMBER) MEMBERS(MEMBER){ NULL, 0, 0 } };
