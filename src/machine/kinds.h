/* SPDX-License-Identifier: MIT */
/*
 * The registry of IOMMU kinds: the one place that names both a hardware model and the host driver
 * for it. Everybody else sees one of the two (design 3).
 */
#ifndef MACHINE_KINDS_H
#define MACHINE_KINDS_H

#include "iommu/mmio.h"
#include "machine/host.h"
#include "mem/dma.h"
#include "tlb/port.h"

/** What looking in shows of an IOMMU's queues: indexes with their wrap flag, sizes in entries. */
struct machine_queue {
	uint64_t size, prod, cons;
	uint64_t done; /* entries so far */
};

struct machine_iommu_stats {
	struct machine_queue commands, events;
	uint64_t syncs;
	uint64_t events_lost;
	bool overflow;
};

struct machine_iommu_wire;
struct nb_smmuv3;

struct machine_iommu_kind {
	const char *kind; /* as in a host description */

	/** The model. wire: borrowed, outlives it. */
	void *(*create)(const struct host_iommu *desc, struct nb_mem *mem,
		const struct machine_iommu_wire *wire);
	void (*destroy)(void *model);
	/* What the driver gets of it: registers. */
	uint64_t (*read)(void *model, uint64_t offset, unsigned size);
	void (*write)(void *model, uint64_t offset, uint64_t value, unsigned size);
	/* What bus masters get of it. */
	dma_translate_fn *translate; /* ctx: the model */
	dma_forget_fn *forget;	     /* likewise */
	/** A port for one stream; NULL: no memory. Destroyed before the model. */
	struct port *(*port_create)(void *model, uint32_t sid);
	void (*port_destroy)(struct port *port);
	/** The model as what it is, to be explained (<nestbox/explain.h>). NULL: it is no SMMUv3. */
	struct nb_smmuv3 *(*smmuv3)(void *model);
	/** Have what a fault's record cannot say told just before. */
	void (*set_detail)(void *model, dma_detail_fn *detail, void *ctx);
	/* Any thread. */
	void (*stats)(void *model, struct machine_iommu_stats *out);

	/* The driver. */
	int (*probe)(const struct iommu_probe_args *args, struct iommu **out, struct why *why);
	void (*event_irq)(struct iommu *iommu);
};

/** NULL if there is none. */
const struct machine_iommu_kind *machine_kind_find(const char *kind);

#endif
