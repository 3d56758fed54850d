/* SPDX-License-Identifier: MIT */
/*
 * A simulated host: memory, bus types with IOMMU instances, groups, devices, and the MSI
 * controller, built from a host description. One struct, one lock (base/hostlock.h).
 *
 * Lock order: busy marks, host lock, ioas, domain, device lock, controller locks (leaves).
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include "base/hostlock.h"
#include "ioas/ioas.h"
#include "iommu/iommu.h"
#include "iommu/mmio.h"
#include "irq/msi.h"
#include "machine/drivers.h"
#include "machine/host.h"
#include "pci/pci.h"

/** The device's last DMA that was refused, and how many there were. */
struct machine_fault_note {
	uint64_t count;
	struct iommu_fault last; /* where count is not 0 */
};

/** What the IOMMU's model says of a fault besides its record. */
struct machine_fault_detail {
	uint64_t iova;
	char text[64];
};

#define MACHINE_FAULT_NAMES 32

struct machine_fault_count {
	const char *name; /* static: "F_TRANSLATION" */
	uint64_t count;
};

/** Faults by name. */
struct machine_fault_counts {
	struct machine_fault_count by_name[MACHINE_FAULT_NAMES];
	unsigned n;
};

/** A device of the machine: what PCI and the IOMMU layer each see of it. */
struct machine_device {
	struct machine *machine;
	struct iommu_device iommu;
	struct pci_dev pci;
	struct port *port;	/* NULL behind no IOMMU */
	unsigned noiommu_group; /* number of its /dev/vfio/noiommu-N, where the policy allows */
	char *driver_override;	/* host lock; NULL: none (drivers.h) */
	bool leaving;		/* host lock; taken off vfio-pci, but not closed yet */
	unsigned enabled;	/* host lock; times that `enable` in sysfs was set */
	bool no_reset;		/* host lock; `reset_method` in sysfs was emptied */
	struct machine_fault_note faults;   /* machine->fault_lock */
	struct machine_fault_detail detail; /* likewise: of the fault that comes next */
};

struct machine_group {
	struct iommu_group iommu;
};

/** An IOMMU: the hardware model, and the host driver's instance over it (kinds.h). */
/** Called from any thread: by the model, never waits. */
struct machine_iommu_wire {
	void (*event_irq)(void *ctx); /* the event queue has something to report */
	void (*resumed)(void *ctx);   /* a stalled transaction was resumed or terminated */
	void *ctx;
};

/** A stalled transaction that nobody was told of. */
struct machine_stall {
	struct machine_device *dev; /* NULL: none */
	uint16_t tag;
};

/* Of one IOMMU; what is stalled at the same time has different tags modulo this (SMMUv3: IDR5.STALL_MAX). */
#define MACHINE_STALLS 256

struct machine_iommu {
	struct machine *machine;
	const struct host_iommu *desc;
	const struct machine_iommu_kind *kind;
	struct machine_iommu_wire wire;
	void *model;
	struct iommu *iommu;			      /* NULL until probed */
	struct machine_fault_counts faults;	      /* machine->fault_lock */
	struct machine_stall unheard[MACHINE_STALLS]; /* likewise; by tag */
};

struct machine {
	struct host_desc desc;
	struct hostlock lock;
	struct iommu_system iommu;
	struct nb_mem *mem;
	struct ram *ram;
	struct physmap *physmap;
	struct msi_controller *msi;
	struct ioas_env ioas_env;
	unsigned long mappings;

	struct machine_group *groups;
	unsigned n_groups;
	struct machine_device *devices;
	unsigned n_devices;
	struct machine_drivers drivers; /* host lock */

	struct machine_iommu *iommus; /* in the order of the description */
	unsigned n_iommus;

	pthread_mutex_t fault_lock; /* a leaf */
	_Atomic unsigned unheard;   /* how many of the IOMMUs' unheard there are */
	/**
	 * A device that waited for an IOMMU may go on: whoever steps devices should do so soon. Set
	 * by the owner. Any thread, under locks; never waits.
	 */
	void (*resumed)(void *ctx);
	void *resumed_ctx;
	/** Where DMA faults go; set by the owner. Any thread. */
	void (*fault)(void *ctx, const struct iommu_fault *fault, const struct machine_device *dev);
	/** Where interrupts and resets of devices are told, likewise; the device's lock is held. */
	void (*event)(void *ctx, const struct machine_device *dev, const struct pci_event *event);
	void *fault_ctx; /* of both */
};

/** NULL with a message. */
struct machine *machine_create(const struct host_desc *desc, struct error *error);
void machine_destroy(struct machine *machine); /* NULL accepted; every file is closed */

struct machine_group *machine_find_group(struct machine *machine, int id);
struct machine_device *machine_find_device(struct machine *machine, const char *name);

/**
 * Whether an IOMMU of the machine nests, as its driver answers: alloc, set_attr, free. If not, the
 * reason is in why.
 */
bool machine_iommu_nests(struct machine *machine, unsigned iommu, struct why *why);

/** How much there is: equal before and after every refused call. */
struct machine_counts {
	unsigned long domains, attachments, mappings;
	unsigned long vectors;		     /* of the MSI controller */
	uint64_t table_bytes, program_bytes; /* of simulated RAM; of the physical map */
};
void machine_counts(struct machine *machine, struct machine_counts *counts);

/* inspect.c: what looking in shows. Any thread, without the host lock. */
struct machine_iommu_stats;
void machine_iommu_inspect(struct machine_iommu *iommu, struct machine_iommu_stats *stats,
	struct machine_fault_counts *faults);

struct machine_device_info {
	struct dma_counts dma;
	struct machine_fault_note faults;
	bool known; /* below: false where a step of the device takes long */
	bool memory, bus_master;
};
void machine_device_inspect(
	struct machine *machine, struct machine_device *dev, struct machine_device_info *out);

/**
 * End what is stalled and was not delivered to the owner of stage 1: it aborts. (waits) Without locks.
 * Cheap where there is none.
 */
void machine_settle_faults(struct machine *machine);

/** Step every open device once; true if any had work (the poller, and tests). Settles faults first. */
bool machine_step(struct machine *machine, uint64_t budget);
/** Wait until no step that is in progress now still is. Not under the host lock. */
void machine_await_steps(struct machine *machine);

#endif
