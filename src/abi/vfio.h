/* SPDX-License-Identifier: MIT */
/*
 * The VFIO user interface as of Linux 7.3: numbers and structs of the container, group and PCI
 * device calls, defined by ourselves because system headers lag and lack the nesting type. The
 * names are Linux's, so never include this together with <linux/vfio.h>. Layouts are asserted
 * below; test/unit/file/abi.c compares them with the system's header where that has them.
 */
#ifndef ABI_VFIO_H
#define ABI_VFIO_H

#include <nestbox/vfio-nesting.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define VFIO_API_VERSION 0

#define VFIO_TYPE  ';'
#define VFIO_BASE  100
#define VFIO_IO(n) _IO(VFIO_TYPE, VFIO_BASE + (n))

/* ---- extensions: CHECK_EXTENSION's argument, the IOMMU types also SET_IOMMU's ---- */

#define VFIO_TYPE1_IOMMU	1
#define VFIO_SPAPR_TCE_IOMMU	2
#define VFIO_TYPE1v2_IOMMU	3
#define VFIO_DMA_CC_IOMMU	4
#define VFIO_EEH		5
#define VFIO_SPAPR_TCE_v2_IOMMU 7
#define VFIO_NOIOMMU_IOMMU	8
#define VFIO_UNMAP_ALL		9
#define VFIO_UPDATE_VADDR	10

/** Head of each capability in an info chain; next is an offset from the info struct, 0: last. */
struct vfio_info_cap_header {
	uint16_t id;
	uint16_t version;
	uint32_t next;
};

/* ---- container ---- */

#define VFIO_GET_API_VERSION VFIO_IO(0)
#define VFIO_CHECK_EXTENSION VFIO_IO(1)
#define VFIO_SET_IOMMU	     VFIO_IO(2)

/* ---- group ---- */

#define VFIO_GROUP_GET_STATUS	   VFIO_IO(3)
#define VFIO_GROUP_SET_CONTAINER   VFIO_IO(4)
#define VFIO_GROUP_UNSET_CONTAINER VFIO_IO(5)
#define VFIO_GROUP_GET_DEVICE_FD   VFIO_IO(6)

#define VFIO_GROUP_FLAGS_VIABLE	       (1u << 0)
#define VFIO_GROUP_FLAGS_CONTAINER_SET (1u << 1)

struct vfio_group_status {
	uint32_t argsz;
	uint32_t flags;
};

/* ---- device ---- */

#define VFIO_DEVICE_GET_INFO		   VFIO_IO(7)
#define VFIO_DEVICE_GET_REGION_INFO	   VFIO_IO(8)
#define VFIO_DEVICE_GET_IRQ_INFO	   VFIO_IO(9)
#define VFIO_DEVICE_SET_IRQS		   VFIO_IO(10)
#define VFIO_DEVICE_RESET		   VFIO_IO(11)
#define VFIO_DEVICE_GET_PCI_HOT_RESET_INFO VFIO_IO(12)
#define VFIO_DEVICE_PCI_HOT_RESET	   VFIO_IO(13)
#define VFIO_DEVICE_QUERY_GFX_PLANE	   VFIO_IO(14)
#define VFIO_DEVICE_GET_GFX_DMABUF	   VFIO_IO(15)
#define VFIO_DEVICE_IOEVENTFD		   VFIO_IO(16)
#define VFIO_DEVICE_FEATURE		   VFIO_IO(17)
#define VFIO_DEVICE_BIND_IOMMUFD	   VFIO_IO(18)
#define VFIO_DEVICE_ATTACH_IOMMUFD_PT	   VFIO_IO(19)
#define VFIO_DEVICE_DETACH_IOMMUFD_PT	   VFIO_IO(20)
#define VFIO_MIG_GET_PRECOPY_INFO	   VFIO_IO(21)

#define VFIO_DEVICE_FLAGS_RESET	   (1u << 0)
#define VFIO_DEVICE_FLAGS_PCI	   (1u << 1)
#define VFIO_DEVICE_FLAGS_PLATFORM (1u << 2)
#define VFIO_DEVICE_FLAGS_AMBA	   (1u << 3)
#define VFIO_DEVICE_FLAGS_CCW	   (1u << 4)
#define VFIO_DEVICE_FLAGS_AP	   (1u << 5)
#define VFIO_DEVICE_FLAGS_FSL_MC   (1u << 6)
#define VFIO_DEVICE_FLAGS_CAPS	   (1u << 7)
#define VFIO_DEVICE_FLAGS_CDX	   (1u << 8)

struct vfio_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
	uint32_t cap_offset; /* not part of the minimal size */
	uint32_t pad;
};

#define VFIO_DEVICE_INFO_CAP_ZPCI_BASE	     1
#define VFIO_DEVICE_INFO_CAP_ZPCI_GROUP	     2
#define VFIO_DEVICE_INFO_CAP_ZPCI_UTIL	     3
#define VFIO_DEVICE_INFO_CAP_ZPCI_PFIP	     4
#define VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP 5

#define VFIO_PCI_ATOMIC_COMP32	(1u << 0)
#define VFIO_PCI_ATOMIC_COMP64	(1u << 1)
#define VFIO_PCI_ATOMIC_COMP128 (1u << 2)

struct vfio_device_info_cap_pci_atomic_comp {
	struct vfio_info_cap_header header;
	uint32_t flags;
	uint32_t reserved;
};

#define VFIO_REGION_INFO_FLAG_READ  (1u << 0)
#define VFIO_REGION_INFO_FLAG_WRITE (1u << 1)
#define VFIO_REGION_INFO_FLAG_MMAP  (1u << 2)
#define VFIO_REGION_INFO_FLAG_CAPS  (1u << 3)

struct vfio_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size __attribute__((aligned(8)));
	uint64_t offset __attribute__((aligned(8)));
};

#define VFIO_REGION_INFO_CAP_SPARSE_MMAP    1
#define VFIO_REGION_INFO_CAP_TYPE	    2
#define VFIO_REGION_INFO_CAP_MSIX_MAPPABLE  3
#define VFIO_REGION_INFO_CAP_NVLINK2_SSATGT 4
#define VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD 5

struct vfio_region_sparse_mmap_area {
	uint64_t offset __attribute__((aligned(8)));
	uint64_t size __attribute__((aligned(8)));
};

struct vfio_region_info_cap_sparse_mmap {
	struct vfio_info_cap_header header;
	uint32_t nr_areas;
	uint32_t reserved;
	struct vfio_region_sparse_mmap_area areas[];
};

#define VFIO_REGION_TYPE_PCI_VENDOR_TYPE (1u << 31)
#define VFIO_REGION_TYPE_PCI_VENDOR_MASK 0xffffu
#define VFIO_REGION_TYPE_GFX		 1
#define VFIO_REGION_TYPE_CCW		 2

struct vfio_region_info_cap_type {
	struct vfio_info_cap_header header;
	uint32_t type;
	uint32_t subtype;
};

enum {
	VFIO_PCI_BAR0_REGION_INDEX,
	VFIO_PCI_BAR1_REGION_INDEX,
	VFIO_PCI_BAR2_REGION_INDEX,
	VFIO_PCI_BAR3_REGION_INDEX,
	VFIO_PCI_BAR4_REGION_INDEX,
	VFIO_PCI_BAR5_REGION_INDEX,
	VFIO_PCI_ROM_REGION_INDEX,
	VFIO_PCI_CONFIG_REGION_INDEX,
	VFIO_PCI_VGA_REGION_INDEX,
	VFIO_PCI_NUM_REGIONS,
};

#define VFIO_IRQ_INFO_EVENTFD	 (1u << 0)
#define VFIO_IRQ_INFO_MASKABLE	 (1u << 1)
#define VFIO_IRQ_INFO_AUTOMASKED (1u << 2)
#define VFIO_IRQ_INFO_NORESIZE	 (1u << 3)

struct vfio_irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

#define VFIO_IRQ_SET_DATA_NONE	    (1u << 0)
#define VFIO_IRQ_SET_DATA_BOOL	    (1u << 1)
#define VFIO_IRQ_SET_DATA_EVENTFD   (1u << 2)
#define VFIO_IRQ_SET_ACTION_MASK    (1u << 3)
#define VFIO_IRQ_SET_ACTION_UNMASK  (1u << 4)
#define VFIO_IRQ_SET_ACTION_TRIGGER (1u << 5)
#define VFIO_IRQ_SET_DATA_TYPE_MASK                                                                \
	(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_DATA_EVENTFD)
#define VFIO_IRQ_SET_ACTION_TYPE_MASK                                                              \
	(VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_ACTION_TRIGGER)

struct vfio_irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
	uint8_t data[]; /* none, count bytes, or count descriptors (int32_t) */
};

enum {
	VFIO_PCI_INTX_IRQ_INDEX,
	VFIO_PCI_MSI_IRQ_INDEX,
	VFIO_PCI_MSIX_IRQ_INDEX,
	VFIO_PCI_ERR_IRQ_INDEX,
	VFIO_PCI_REQ_IRQ_INDEX,
	VFIO_PCI_NUM_IRQS,
};

#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID	     (1u << 0)
#define VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED (1u << 1)

struct vfio_pci_dependent_device {
	union {
		uint32_t group_id;
		uint32_t devid;
	};
	uint16_t segment;
	uint8_t bus;
	uint8_t devfn;
};

struct vfio_pci_hot_reset_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t count;
	struct vfio_pci_dependent_device devices[];
};

struct vfio_pci_hot_reset {
	uint32_t argsz;
	uint32_t flags;
	uint32_t count;
	int32_t group_fds[];
};

#define VFIO_DEVICE_IOEVENTFD_8		(1u << 0)
#define VFIO_DEVICE_IOEVENTFD_16	(1u << 1)
#define VFIO_DEVICE_IOEVENTFD_32	(1u << 2)
#define VFIO_DEVICE_IOEVENTFD_64	(1u << 3)
#define VFIO_DEVICE_IOEVENTFD_SIZE_MASK 0xfu

struct vfio_device_ioeventfd {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset __attribute__((aligned(8)));
	uint64_t data __attribute__((aligned(8)));
	int32_t fd;
	uint32_t reserved;
};

#define VFIO_DEVICE_FEATURE_MASK  0xffffu
#define VFIO_DEVICE_FEATURE_GET	  (1u << 16)
#define VFIO_DEVICE_FEATURE_SET	  (1u << 17)
#define VFIO_DEVICE_FEATURE_PROBE (1u << 18)

struct vfio_device_feature {
	uint32_t argsz;
	uint32_t flags;
	uint8_t data[];
};

#define VFIO_DEVICE_FEATURE_PCI_VF_TOKEN		0
#define VFIO_DEVICE_FEATURE_MIGRATION			1
#define VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE		2
#define VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY		3
#define VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP 4
#define VFIO_DEVICE_FEATURE_LOW_POWER_EXIT		5
#define VFIO_DEVICE_FEATURE_DMA_LOGGING_START		6
#define VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP		7
#define VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT		8
#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE		9
#define VFIO_DEVICE_FEATURE_BUS_MASTER			10
#define VFIO_DEVICE_FEATURE_DMA_BUF			11
#define VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2		12
#define VFIO_DEVICE_FEATURE_ZPCI_ERROR			13

struct vfio_device_low_power_entry_with_wakeup {
	int32_t wakeup_eventfd;
	uint32_t reserved;
};

#define VFIO_DEVICE_FEATURE_CLEAR_MASTER 0
#define VFIO_DEVICE_FEATURE_SET_MASTER	 1

struct vfio_device_feature_bus_master {
	uint32_t op;
};

#define VFIO_DEVICE_BIND_FLAG_TOKEN (1u << 0)

struct vfio_device_bind_iommufd {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
	uint64_t token_uuid_ptr __attribute__((aligned(8)));
};

#define VFIO_DEVICE_ATTACH_PASID (1u << 0)
#define VFIO_DEVICE_DETACH_PASID (1u << 0)

struct vfio_device_attach_iommufd_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
	uint32_t pasid;
};

struct vfio_device_detach_iommufd_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pasid;
};

/* ---- type 1 IOMMU, on the container (numbers overlap the device's) ---- */

#define VFIO_IOMMU_GET_INFO    VFIO_IO(12)
#define VFIO_IOMMU_MAP_DMA     VFIO_IO(13)
#define VFIO_IOMMU_UNMAP_DMA   VFIO_IO(14)
#define VFIO_IOMMU_ENABLE      VFIO_IO(15) /* another architecture's: type 1 has none of the two */
#define VFIO_IOMMU_DISABLE     VFIO_IO(16)
#define VFIO_IOMMU_DIRTY_PAGES VFIO_IO(17)

#define VFIO_IOMMU_INFO_PGSIZES (1u << 0)
#define VFIO_IOMMU_INFO_CAPS	(1u << 1)

struct vfio_iommu_type1_info {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova_pgsizes __attribute__((aligned(8)));
	uint32_t cap_offset; /* not part of the minimal size */
	uint32_t pad;
};

#define VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE 1
#define VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION  2
#define VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL	     3

struct vfio_iova_range {
	uint64_t start;
	uint64_t end; /* inclusive */
};

struct vfio_iommu_type1_info_cap_iova_range {
	struct vfio_info_cap_header header;
	uint32_t nr_iovas;
	uint32_t reserved;
	struct vfio_iova_range iova_ranges[];
};

struct vfio_iommu_type1_info_cap_migration {
	struct vfio_info_cap_header header;
	uint32_t flags;
	uint64_t pgsize_bitmap;
	uint64_t max_dirty_bitmap_size; /* bytes */
};

struct vfio_iommu_type1_info_dma_avail {
	struct vfio_info_cap_header header;
	uint32_t avail;
};

#define VFIO_DMA_MAP_FLAG_READ	(1u << 0)
#define VFIO_DMA_MAP_FLAG_WRITE (1u << 1)
#define VFIO_DMA_MAP_FLAG_VADDR (1u << 2)

struct vfio_iommu_type1_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t vaddr;
	uint64_t iova;
	uint64_t size;
};

struct vfio_bitmap {
	uint64_t pgsize;
	uint64_t size; /* bytes */
	uint64_t data; /* a pointer of the program */
};

#define VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP (1u << 0)
#define VFIO_DMA_UNMAP_FLAG_ALL		     (1u << 1)
#define VFIO_DMA_UNMAP_FLAG_VADDR	     (1u << 2)

struct vfio_iommu_type1_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova;
	uint64_t size;
	uint8_t data[]; /* struct vfio_bitmap with GET_DIRTY_BITMAP */
};

#define VFIO_IOMMU_DIRTY_PAGES_FLAG_START      (1u << 0)
#define VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP       (1u << 1)
#define VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP (1u << 2)

struct vfio_iommu_type1_dirty_bitmap {
	uint32_t argsz;
	uint32_t flags;
	uint8_t data[]; /* struct vfio_iommu_type1_dirty_bitmap_get with GET_BITMAP */
};

struct vfio_iommu_type1_dirty_bitmap_get {
	uint64_t iova;
	uint64_t size;
	struct vfio_bitmap bitmap;
};

/** Size up to and including a member: the minimal argsz of a struct that grew since. */
#define ABI_SIZE_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

#define ABI_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
#define ABI_AT(type, member, at)                                                                   \
	_Static_assert(offsetof(struct type, member) == (at), #type "." #member)

_Static_assert(VFIO_GET_API_VERSION == 0x3b64 && VFIO_IOMMU_DIRTY_PAGES == 0x3b75, "numbers");
ABI_SIZE(vfio_info_cap_header, 8);
ABI_AT(vfio_info_cap_header, next, 4);
ABI_SIZE(vfio_group_status, 8);
ABI_SIZE(vfio_device_info, 24);
ABI_AT(vfio_device_info, num_irqs, 12);
ABI_AT(vfio_device_info, cap_offset, 16);
ABI_SIZE(vfio_device_info_cap_pci_atomic_comp, 16);
ABI_SIZE(vfio_region_info, 32);
ABI_AT(vfio_region_info, cap_offset, 12);
ABI_AT(vfio_region_info, size, 16);
ABI_AT(vfio_region_info, offset, 24);
ABI_SIZE(vfio_region_info_cap_sparse_mmap, 16);
ABI_SIZE(vfio_region_sparse_mmap_area, 16);
ABI_SIZE(vfio_region_info_cap_type, 16);
_Static_assert(VFIO_PCI_NUM_REGIONS == 9 && VFIO_PCI_NUM_IRQS == 5, "PCI indexes");
ABI_SIZE(vfio_irq_info, 16);
ABI_AT(vfio_irq_info, count, 12);
ABI_SIZE(vfio_irq_set, 20);
ABI_AT(vfio_irq_set, data, 20);
ABI_SIZE(vfio_pci_dependent_device, 8);
ABI_AT(vfio_pci_dependent_device, devfn, 7);
ABI_SIZE(vfio_pci_hot_reset_info, 12);
ABI_SIZE(vfio_pci_hot_reset, 12);
ABI_SIZE(vfio_device_ioeventfd, 32);
ABI_AT(vfio_device_ioeventfd, fd, 24);
ABI_SIZE(vfio_device_feature, 8);
ABI_SIZE(vfio_device_low_power_entry_with_wakeup, 8);
ABI_SIZE(vfio_device_bind_iommufd, 24);
ABI_SIZE(vfio_device_attach_iommufd_pt, 16);
ABI_SIZE(vfio_device_detach_iommufd_pt, 12);
ABI_SIZE(vfio_iommu_type1_info, 24);
ABI_AT(vfio_iommu_type1_info, iova_pgsizes, 8);
ABI_AT(vfio_iommu_type1_info, cap_offset, 16);
ABI_SIZE(vfio_iova_range, 16);
ABI_SIZE(vfio_iommu_type1_info_cap_iova_range, 16);
ABI_SIZE(vfio_iommu_type1_info_cap_migration, 32);
ABI_AT(vfio_iommu_type1_info_cap_migration, pgsize_bitmap, 16);
ABI_SIZE(vfio_iommu_type1_info_dma_avail, 12);
ABI_SIZE(vfio_iommu_type1_dma_map, 32);
ABI_AT(vfio_iommu_type1_dma_map, vaddr, 8);
ABI_AT(vfio_iommu_type1_dma_map, size, 24);
ABI_SIZE(vfio_bitmap, 24);
ABI_SIZE(vfio_iommu_type1_dma_unmap, 24);
ABI_AT(vfio_iommu_type1_dma_unmap, data, 24);
ABI_SIZE(vfio_iommu_type1_dirty_bitmap, 8);
ABI_SIZE(vfio_iommu_type1_dirty_bitmap_get, 40);

/* <nestbox/vfio-nesting.h>, as its series laid it out (facts: doc/uapi-nesting.md) */
_Static_assert(VFIO_IOMMU_SET_PASID_TABLE == VFIO_IO(18) &&
		       VFIO_IOMMU_CACHE_INVALIDATE == VFIO_IO(19) &&
		       VFIO_IOMMU_SET_MSI_BINDING == VFIO_IO(20) && VFIO_TYPE1_NESTING_IOMMU == 6,
	"numbers");
ABI_SIZE(iommu_pasid_smmuv3, 8);
ABI_AT(iommu_pasid_smmuv3, s1dss, 5);
ABI_SIZE(iommu_pasid_table_config, 32);
ABI_AT(iommu_pasid_table_config, base_ptr, 8);
ABI_AT(iommu_pasid_table_config, format, 16);
ABI_AT(iommu_pasid_table_config, config, 21);
ABI_AT(iommu_pasid_table_config, vendor_data, 24);
ABI_SIZE(vfio_iommu_type1_set_pasid_table, 40);
ABI_AT(vfio_iommu_type1_set_pasid_table, config, 8);
ABI_SIZE(iommu_inv_pasid_info, 16);
ABI_AT(iommu_inv_pasid_info, pasid, 8);
ABI_SIZE(iommu_inv_addr_info, 40);
ABI_AT(iommu_inv_addr_info, pasid, 8);
ABI_AT(iommu_inv_addr_info, addr, 16);
ABI_AT(iommu_inv_addr_info, granule_size, 24);
ABI_AT(iommu_inv_addr_info, nb_granules, 32);
ABI_SIZE(iommu_cache_invalidate_info, 56);
ABI_AT(iommu_cache_invalidate_info, granularity, 9);
ABI_AT(iommu_cache_invalidate_info, granu, 16);
ABI_SIZE(vfio_iommu_type1_cache_invalidate, 64);
ABI_AT(vfio_iommu_type1_cache_invalidate, info, 8);
ABI_SIZE(vfio_iommu_type1_set_msi_binding, 32);
ABI_AT(vfio_iommu_type1_set_msi_binding, size, 24);
ABI_SIZE(vfio_iommu_type1_info_cap_nesting, 64);
ABI_AT(vfio_iommu_type1_info_cap_nesting, granules, 16);
ABI_AT(vfio_iommu_type1_info_cap_nesting, idr, 32);

#endif
