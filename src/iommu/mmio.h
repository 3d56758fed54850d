/* SPDX-License-Identifier: MIT */
/*
 * How a host driver reaches its hardware: registers by these operations, tables and queues in
 * struct ram, an interrupt by the function that the driver gives back. Nothing else (design 3).
 */
#ifndef IOMMU_MMIO_H
#define IOMMU_MMIO_H

#include <stdint.h>

#include "iommu/iommu.h"

struct iommu_hw {
	uint64_t (*read)(void *hw, uint64_t offset, unsigned size);
	void (*write)(void *hw, uint64_t offset, uint64_t value, unsigned size);
	void *hw;
	struct ram *ram;
};

/** What went wrong, as any kind of IOMMU says it. */
enum iommu_cause {
	IOMMU_CAUSE_UNKNOWN,
	IOMMU_CAUSE_PASID_FETCH,   /* the descriptor of the address space cannot be read, */
	IOMMU_CAUSE_PASID_ENTRY,   /* or is none, */
	IOMMU_CAUSE_PASID_INVALID, /* or there is none of that number */
	IOMMU_CAUSE_WALK_ABORT,	   /* a page table cannot be read */
	IOMMU_CAUSE_NOT_MAPPED,
	IOMMU_CAUSE_PERMISSION,
	IOMMU_CAUSE_ACCESS, /* access flag */
	IOMMU_CAUSE_OUT_OF_RANGE,
	IOMMU_CAUSES,
};

/** What a host driver reports of its hardware's events (R7: the host's own; trace and stderr). */
struct iommu_fault {
	const char *iommu; /* NULL: behind none */
	uint32_t sid, ssid;
	bool ssid_valid;
	uint8_t stage;	  /* 1, 2, or 0: configuration or other */
	uint8_t event;	  /* the architecture's number */
	const char *name; /* "F_TRANSLATION" */
	enum iommu_cause cause;
	bool address;	 /* iova and what was tried are known */
	bool read;	 /* what was tried */
	bool priv, inst; /* likewise */
	bool stage1;	 /* of stage 1 alone, whoever has that: its tables, CDs, part of the STE */
	bool stalled;	 /* it waits for iommu_page_response(tag) */
	uint16_t tag;
	bool delivered; /* to the owner of stage 1 (R7) */
	uint64_t iova, ipa;
	uint64_t record[4]; /* raw */
	char found[96];	    /* in words: how far it came and what was there; "": not known */
};

/** What a driver gets from the machine at probe time. All borrowed, outlive the instance. */
struct iommu_probe_args {
	const char *name;
	struct iommu_hw hw;
	uint64_t msi_window; /* IOVA of the megabyte that doorbells are mapped into */
	struct hostlock *lock;
	struct iommu_stats *stats;
	/** Called from whatever thread took the event interrupt, with no driver lock held. */
	void (*fault)(void *ctx, const struct iommu_fault *fault);
	void *fault_ctx;
};

/**
 * Bring up one SMMUv3 (src/iommu/arm_smmu_v3.c): read IDRs, set up stream table and queues, enable.
 * 0, or a negative errno with the reason. Every stream starts blocked.
 */
int arm_smmu_v3_probe(const struct iommu_probe_args *args, struct iommu **out, struct why *why);

/** The event interrupt: drains the event queue. Any thread. */
void arm_smmu_v3_event_irq(struct iommu *iommu);

#endif
