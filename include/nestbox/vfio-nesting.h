/* SPDX-License-Identifier: MIT */
/*
 * The virtual SMMU interface of VFIO's nesting containers, for programs: ioctls, regions and an
 * interrupt that were proposed for Linux between 2018 and 2021 ("SMMUv3 Nested Stage Setup") and never
 * merged, so that no system header has them. doc/uapi-nesting.md is the manual. Use it beside
 * <linux/vfio.h>, whose structs it does not repeat.
 *
 * Order of use: SET_IOMMU(VFIO_TYPE1_NESTING_IOMMU); map guest memory (stage 2); SET_PASID_TABLE hands
 * over the guest's stage 1, which the SMMU reads where it is, in guest memory; then CACHE_INVALIDATE as
 * the guest invalidates, and SET_MSI_BINDING for its doorbell. Faults of stage 1 arrive in a region of
 * each device, with an interrupt.
 *
 * Each call exists twice: on the container, for all devices in it, and (VFIO_DEVICE_...) on a device's
 * descriptor, for that device alone. A container in which not every group nests has only the latter.
 */
#ifndef NESTBOX_VFIO_NESTING_H
#define NESTBOX_VFIO_NESTING_H

#include <stdint.h>
#include <sys/ioctl.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef VFIO_TYPE1_NESTING_IOMMU
#define VFIO_TYPE1_NESTING_IOMMU 6 /**< of Linux 3.18 to 6.12; implies TYPE1v2 */
#endif

#define VFIO_NESTING_IO(n) _IO(';', 100 + (n))

/* ---- the guest's stage 1 ---- */

#define VFIO_IOMMU_SET_PASID_TABLE  VFIO_NESTING_IO(18)
#define VFIO_DEVICE_SET_PASID_TABLE VFIO_NESTING_IO(48)

#define VFIO_PASID_TABLE_FLAG_SET   (1u << 0)
#define VFIO_PASID_TABLE_FLAG_UNSET (1u << 1)

#define PASID_TABLE_CFG_VERSION_1	 1
#define PASID_TABLE_SMMUV3_CFG_VERSION_1 1
#define IOMMU_PASID_FORMAT_SMMUV3	 1

#define IOMMU_PASID_CONFIG_TRANSLATE 1
#define IOMMU_PASID_CONFIG_BYPASS    2
#define IOMMU_PASID_CONFIG_ABORT     3

/** What of a stream table entry is the guest's (IHI 0070 5.2). */
struct iommu_pasid_smmuv3 {
	uint32_t version;
	uint8_t s1fmt; /**< STE.S1Fmt: 0 linear, 1 two levels of 4 KiB, 2 two levels of 64 KiB */
	uint8_t s1dss; /**< STE.S1DSS */
	uint8_t padding[2];
};

struct iommu_pasid_table_config {
	uint32_t argsz; /**< of this struct */
	uint32_t version;
	uint64_t base_ptr; /**< STE.S1ContextPtr: guest physical, 64-byte aligned */
	uint32_t format;
	uint8_t pasid_bits; /**< STE.S1CDMax */
	uint8_t config;
	uint8_t padding[2];
	union {
		struct iommu_pasid_smmuv3 smmuv3;
	} vendor_data;
};

struct vfio_iommu_type1_set_pasid_table {
	uint32_t argsz;
	uint32_t flags; /**< exactly one; config counts for SET only */
	struct iommu_pasid_table_config config;
};

/* ---- invalidation ---- */

#define VFIO_IOMMU_CACHE_INVALIDATE  VFIO_NESTING_IO(19)
#define VFIO_DEVICE_CACHE_INVALIDATE VFIO_NESTING_IO(49)

#define IOMMU_CACHE_INVALIDATE_INFO_VERSION_1 1

#define IOMMU_CACHE_INV_TYPE_IOTLB     (1u << 0) /**< translations */
#define IOMMU_CACHE_INV_TYPE_DEV_IOTLB (1u << 1) /**< translations that devices keep (ATS) */
#define IOMMU_CACHE_INV_TYPE_PASID     (1u << 2) /**< context descriptors */

#define IOMMU_INV_GRANU_DOMAIN 0
#define IOMMU_INV_GRANU_PASID  1
#define IOMMU_INV_GRANU_ADDR   2

#define IOMMU_INV_PASID_FLAGS_PASID  (1u << 0)
#define IOMMU_INV_PASID_FLAGS_ARCHID (1u << 1)

struct iommu_inv_pasid_info {
	uint32_t flags;
	uint32_t archid; /**< ASID */
	uint64_t pasid;	 /**< SubstreamID */
};

#define IOMMU_INV_ADDR_FLAGS_PASID  (1u << 0)
#define IOMMU_INV_ADDR_FLAGS_ARCHID (1u << 1)
#define IOMMU_INV_ADDR_FLAGS_LEAF   (1u << 2) /**< leaf descriptors changed only */

struct iommu_inv_addr_info {
	uint32_t flags;
	uint32_t archid;
	uint64_t pasid;
	uint64_t addr;
	uint64_t granule_size; /**< bytes */
	uint64_t nb_granules;
};

struct iommu_cache_invalidate_info {
	uint32_t argsz; /**< of this struct */
	uint32_t version;
	uint8_t cache; /**< IOMMU_CACHE_INV_TYPE_*, one or more */
	uint8_t granularity;
	uint8_t padding[6];
	union {
		struct iommu_inv_pasid_info pasid_info;
		struct iommu_inv_addr_info addr_info;
	} granu;
};

struct vfio_iommu_type1_cache_invalidate {
	uint32_t argsz;
	uint32_t flags; /**< 0 */
	struct iommu_cache_invalidate_info info;
};

/* ---- MSIs ---- */

#define VFIO_IOMMU_SET_MSI_BINDING  VFIO_NESTING_IO(20)
#define VFIO_DEVICE_SET_MSI_BINDING VFIO_NESTING_IO(50)

#define VFIO_IOMMU_BIND_MSI   (1u << 0)
#define VFIO_IOMMU_UNBIND_MSI (1u << 1)

/** The guest's stage 1 maps iova to gpa; the host makes its doorbell answer at gpa (stage 2). */
struct vfio_iommu_type1_set_msi_binding {
	uint32_t argsz;
	uint32_t flags; /**< exactly one */
	uint64_t iova;	/**< what the device writes to; alone counts for UNBIND */
	uint64_t gpa;
	uint64_t size; /**< bytes */
};

/* ---- what there is: a capability of VFIO_IOMMU_GET_INFO, in nesting containers ---- */

#define VFIO_IOMMU_TYPE1_INFO_CAP_NESTING 4

#define VFIO_NESTING_INFO_DEVICE_CALLS_ONLY (1u << 0) /**< not all groups nest */
#define VFIO_NESTING_INFO_STALL		    (1u << 1) /**< the stall model: faults can be repaired */
#define VFIO_NESTING_INFO_RANGE_INV	    (1u << 2) /**< the SMMU invalidates ranges (RIL) */

struct vfio_iommu_type1_info_cap_nesting {
	/** struct vfio_info_cap_header: id, version 1, offset of the next */
	uint16_t id, version;
	uint32_t next;
	uint32_t flags;
	uint32_t formats;   /**< bit n: IOMMU_PASID_FORMAT n */
	uint64_t granules;  /**< of stage 1; bit n: 1 << n bytes */
	uint8_t iova_bits;  /**< stage 1 input */
	uint8_t ipa_bits;   /**< stage 1 output: guest physical addresses */
	uint8_t pasid_bits; /**< greatest pasid_bits of SET_PASID_TABLE */
	uint8_t asid_bits;
	uint8_t s1fmts; /**< bit n: s1fmt n */
	uint8_t reserved[3];
	/** Registers of the SMMU (IHI 0070 6.3.1 to 6.3.8), as iommufd's IOMMU_GET_HW_INFO gives them;
	 * of several, what all have. */
	uint32_t idr[6];
	uint32_t iidr, aidr;
};

/* ---- faults: regions and an interrupt of devices in a nesting domain ---- */

#define VFIO_REGION_TYPE_NESTED			      4
#define VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT	      1
#define VFIO_REGION_SUBTYPE_NESTED_DMA_FAULT_RESPONSE 2
#define VFIO_REGION_INFO_CAP_DMA_FAULT		      6
#define VFIO_REGION_INFO_CAP_DMA_FAULT_RESPONSE	      7

/** Content of capabilities 6 and 7, behind a struct vfio_info_cap_header. */
struct vfio_region_info_cap_fault {
	uint16_t id, version;
	uint32_t next;
	uint32_t abi_version; /**< 1 */
	uint32_t reserved;
};

/** First page of the fault region; the records, from offset on, may be mapped. */
struct vfio_region_dma_fault {
	uint32_t tail; /**< next record to read: written by the program (4 bytes at 0) */
	uint32_t entry_size, nb_entries, offset;
	uint32_t head; /**< next record to be written; equal to tail: none is there */
};

/** First page of the response region. */
struct vfio_region_dma_fault_response {
	uint32_t head; /**< next response to be written: written by the program (4 bytes at 0) */
	uint32_t entry_size, nb_entries, offset;
	uint32_t tail; /**< next response to be carried out */
};

#define IOMMU_FAULT_DMA_UNRECOV 1
#define IOMMU_FAULT_PAGE_REQ	2

#define IOMMU_FAULT_PERM_READ  (1u << 0)
#define IOMMU_FAULT_PERM_WRITE (1u << 1)
#define IOMMU_FAULT_PERM_EXEC  (1u << 2)
#define IOMMU_FAULT_PERM_PRIV  (1u << 3)

enum iommu_fault_reason {
	IOMMU_FAULT_REASON_UNKNOWN,
	IOMMU_FAULT_REASON_PASID_FETCH,	    /**< F_CD_FETCH */
	IOMMU_FAULT_REASON_BAD_PASID_ENTRY, /**< C_BAD_CD */
	IOMMU_FAULT_REASON_PASID_INVALID,   /**< C_BAD_SUBSTREAMID, F_STREAM_DISABLED */
	IOMMU_FAULT_REASON_WALK_EABT,	    /**< F_WALK_EABT */
	IOMMU_FAULT_REASON_PTE_FETCH,	    /**< F_TRANSLATION */
	IOMMU_FAULT_REASON_PERMISSION,	    /**< F_PERMISSION */
	IOMMU_FAULT_REASON_ACCESS,	    /**< F_ACCESS */
	IOMMU_FAULT_REASON_OOR_ADDRESS,	    /**< F_ADDR_SIZE */
};

#define IOMMU_FAULT_UNRECOV_PASID_VALID	     (1u << 0)
#define IOMMU_FAULT_UNRECOV_ADDR_VALID	     (1u << 1)
#define IOMMU_FAULT_UNRECOV_FETCH_ADDR_VALID (1u << 2)

struct iommu_fault_unrecoverable {
	uint32_t reason, flags, pasid, perm;
	uint64_t addr, fetch_addr;
};

#define IOMMU_FAULT_PAGE_REQUEST_PASID_VALID  (1u << 0)
#define IOMMU_FAULT_PAGE_REQUEST_LAST_PAGE    (1u << 1)
#define IOMMU_FAULT_PAGE_RESPONSE_NEEDS_PASID (1u << 3)

/** A transaction that is stalled, and waits for a response with its grpid. */
struct iommu_fault_page_request {
	uint32_t flags, pasid, grpid, perm;
	uint64_t addr;
	uint64_t private_data[2]; /**< not used: see arch */
};

#define VFIO_DMA_FAULT_LOST                                                                        \
	(1u << 0) /**< records were dropped before this one: the ring was full */

/**
 * A record of the fault region: struct iommu_fault of Linux 5.x, and in what that leaves unused the
 * architecture's own event record (IHI 0070 7.3), whose third word is addr.
 */
struct vfio_dma_fault_record {
	uint32_t type;	/**< IOMMU_FAULT_* */
	uint32_t flags; /**< VFIO_DMA_FAULT_LOST (Linux: padding) */
	union {
		struct iommu_fault_unrecoverable event;
		struct iommu_fault_page_request prm;
		__extension__ struct {
			uint8_t before[32];
			uint64_t arch[3]; /**< words 0, 1 and 3 of the event record */
		};
	};
};

#define IOMMU_PAGE_RESP_VERSION_1   1
#define IOMMU_PAGE_RESP_PASID_VALID (1u << 0)

enum iommu_page_response_code {
	IOMMU_PAGE_RESP_SUCCESS, /**< the transaction is tried again */
	IOMMU_PAGE_RESP_INVALID, /**< it aborts */
	IOMMU_PAGE_RESP_FAILURE, /**< it aborts */
};

/** A record of the response region. */
struct iommu_page_response {
	uint32_t argsz, version, flags, pasid, grpid, code;
};

/** The interrupt that says "the fault region has records": the one whose info has this capability. */
#define VFIO_IRQ_INFO_FLAG_CAPS	   (1u << 4)
#define VFIO_IRQ_INFO_CAP_TYPE	   3
#define VFIO_IRQ_TYPE_NESTED	   1
#define VFIO_IRQ_SUBTYPE_DMA_FAULT 1

struct vfio_irq_info_cap_type {
	uint16_t id, version;
	uint32_t next;
	uint32_t type, subtype;
};

#ifdef __cplusplus
}
#endif
#endif
