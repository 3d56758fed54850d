/* SPDX-License-Identifier: MIT */
/*
 * The IOMMU API: bus types and the instances on them, groups, devices, domains and their
 * attributes, and the probe that says whether a host can nest. The nouns are Linux's
 * (drivers/iommu/iommu.c); instances below the bus type, and attributes of domains, are design 2.
 *
 * All functions are called with the host lock held. attach, detach, replace, map, unmap, iotlb_sync,
 * viommu_invalidate and page_response may drop and retake it while they wait for DMA in flight
 * (hostlock_relax): the caller holds the busy mark of what it works on.
 *
 * What a guest gives (its stage 1, invalidations) passes through as opaque data, which the host driver
 * alone understands (design 4).
 */
#ifndef IOMMU_IOMMU_H
#define IOMMU_IOMMU_H

#include <nestbox/types.h>
#include <pthread.h>
#include <urcu/list.h>

#include "base/hostlock.h"
#include "base/why.h"
#include "mem/ram.h"

struct iommu;
struct iommu_domain;
struct iommu_device;
struct iommu_group;

/** What a domain is asked to be, and what it became (R4's table). */
enum iommu_domain_kind {
	IOMMU_DOMAIN_STAGE1,	  /* paging, stage 1 */
	IOMMU_DOMAIN_STAGE2,	  /* paging, stage 2 only: what a one-stage SMMU gives for STAGE1 */
	IOMMU_DOMAIN_NEST_PARENT, /* paging, stage 2, stage 1 in bypass until a guest installs one
				   */
	IOMMU_DOMAIN_NESTED,	  /* a guest's stage 1 on a nest parent: iommu_nested_alloc */
};

enum iommu_attr {
	DOMAIN_ATTR_NESTING, /* bool: make this a nest parent. Before the first attach only */
};

#define IOMMU_READ  1u
#define IOMMU_WRITE 2u

/** A range of IOVA that is not the program's: [start, last]. */
struct iommu_resv {
	uint64_t start, last;
	bool msi; /* the window in which the host maps MSI doorbells */
};

/** Layouts of opaque data: numbers of Linux 7.3 iommufd (HWPT data and hardware info types). */
enum iommu_data_type {
	IOMMU_DATA_NONE = 0,
	IOMMU_DATA_ARM_SMMUV3 = 2, /* src/abi/arm_smmuv3.h */
};

/** What a guest gives: n entries of `bytes` each, one after the other. */
struct iommu_user_data {
	enum iommu_data_type type;
	const void *data;
	size_t bytes;
	unsigned n;
};

struct iommu_viommu;
struct iommu_fault;

/** What becomes of a stalled transaction. */
enum iommu_response {
	IOMMU_RESPONSE_RETRY,
	IOMMU_RESPONSE_ABORT,
};

/** A host driver: what one kind of IOMMU does. Errors are negative errnos with a reason. */
struct iommu_ops {
	const char *driver; /* "arm-smmu-v3": named in reasons */

	/** Fill kind-independent fields: pgsizes, last_iova, resv of dev's IOMMU. */
	int (*domain_alloc)(struct iommu *iommu, enum iommu_domain_kind kind, struct charge *charge,
		struct iommu_domain **out, struct why *why);
	void (*domain_free)(struct iommu_domain *domain);
	/** The driver decides, and consults the instance (R4). */
	int (*set_attr)(
		struct iommu_domain *domain, enum iommu_attr attr, bool value, struct why *why);
	/** A device appeared behind the instance: make what its stream needs, blocked. */
	int (*probe_device)(struct iommu *iommu, struct iommu_device *dev, struct why *why);
	/** Point the device's stream at the domain. On failure the device is as it was. */
	int (*attach)(struct iommu_domain *domain, struct iommu_device *dev, struct why *why);
	/** Back to blocked: every DMA of the device aborts. Returns after DMA in flight has ended.
	 */
	void (*detach)(struct iommu_domain *domain, struct iommu_device *dev);
	/** Map [iova, iova + bytes) to pa. All or nothing: on failure nothing is left mapped. */
	int (*map)(struct iommu_domain *domain, nb_iova iova, nb_pa pa, uint64_t bytes,
		unsigned prot, struct why *why);
	/** Clear the range; what is not mapped in it is skipped. Takes effect at iotlb_sync. */
	void (*unmap)(struct iommu_domain *domain, nb_iova iova, uint64_t bytes);
	/** Invalidate [iova, last] and wait: no DMA uses what was unmapped after this returns. */
	void (*iotlb_sync)(struct iommu_domain *domain, nb_iova iova, nb_iova last);
	/** Dry run for CHECK_EXTENSION: what set_attr and attach would say, with nothing done. */
	int (*can_attach)(struct iommu *iommu, struct iommu_device *dev,
		enum iommu_domain_kind kind, struct why *why);
	/** Reserved ranges of a device; at most max, returns how many. */
	unsigned (*get_resv)(struct iommu_device *dev, struct iommu_resv *out, unsigned max);

	/* For guests' stage 1; NULL where no instance of the kind nests. */

	/** The hardware as IOMMU_GET_HW_INFO tells it; bytes written, at most max. */
	size_t (*hw_info)(struct iommu *iommu, enum iommu_data_type *type, void *out, size_t max);
	/** A guest's stage 1 over viommu->parent, validated; nothing of it is installed yet. */
	int (*nested_alloc)(struct iommu_viommu *viommu, const struct iommu_user_data *data,
		struct iommu_domain **out, struct why *why);
	/**
	 * Forget what the guest's commands name, and wait. *done: how many were carried out; those
	 * behind the first bad one were not.
	 */
	int (*viommu_invalidate)(struct iommu_viommu *viommu, const struct iommu_user_data *data,
		unsigned *done, struct why *why);
	/**
	 * Point dev, attached to a domain of the same parent (the parent, or nested on it), at this
	 * one: without a moment in which DMA aborts, where the hardware can do so. Stalled transactions
	 * end, if this one has no stage 1. Cannot fail.
	 */
	void (*replace)(struct iommu_domain *domain, struct iommu_device *dev);
	/**
	 * Answer the stalled transaction that a fault of dev reported with this tag. A tag that is not
	 * out is ignored: a program may send anything.
	 */
	void (*page_response)(struct iommu_device *dev, uint16_t tag, enum iommu_response response);
	/** A fault as the guest's own IOMMU would have told it: its numbers, no address of the host's. */
	void (*guest_fault)(const struct iommu_device *dev, struct iommu_fault *fault);
	/** What a guest made of stage 1, in a word: "translate", "bypass", "abort". */
	const char *(*nested_name)(const struct iommu_domain *domain);
	void (*destroy)(struct iommu *iommu);
};

/** One IOMMU instance. Embedded in the driver's struct. */
struct iommu {
	const char *name; /* of the host description; borrowed from the machine */
	const char *kind; /* "smmuv3" */
	const struct iommu_ops *ops;
	struct hostlock *lock; /* for hostlock_relax */
	struct iommu_stats *stats;
	struct cds_list_head link; /* on its bus type */
	/*
	 * It updates page tables, which may lie in any memory that is mapped: all of that must be
	 * direct, since only direct memory has compare-and-swap for sure.
	 */
	bool direct_only;
};

/** How many there are now: equal before and after every refused call. */
struct iommu_stats {
	unsigned domains, attachments;
};

/** A paging domain. Embedded in the driver's struct. */
struct iommu_domain {
	struct iommu *iommu;
	enum iommu_domain_kind kind;
	uint64_t pgsizes;	     /* bitmap of page and block sizes */
	uint64_t last_iova;	     /* inclusive input range [0, last_iova] */
	unsigned attached;	     /* devices; set_attr is refused once not 0 */
	struct iommu_viommu *viommu; /* of a nested one: what it is nested on; else NULL */
	unsigned children;	     /* domains nested on this one */
};

/**
 * An IOMMU as one guest sees it (Linux's vIOMMU): the nest parent below it, and which device the guest
 * calls by which number. Embedded in whoever serves the guest.
 */
struct iommu_viommu {
	struct iommu_domain *parent;
	struct cds_list_head vdevices; /* struct iommu_device.vdevice_link */
};

/** Whoever owns a device's stage 1 hears of its faults (R7). */
struct iommu_fault_sink {
	/**
	 * Any thread; under the device's fault lock alone, so never waits and takes leaf locks only.
	 * False: it has no room, the fault is lost (of a stalled transaction: it aborts).
	 */
	bool (*report)(struct iommu_fault_sink *sink, const struct iommu_fault *fault);
};

struct bus_type {
	const char *name;	     /* "pci", "platform" */
	struct cds_list_head iommus; /* struct iommu.link */
};

/** A device as the IOMMU layer sees it. Embedded in the machine's device. */
struct iommu_device {
	char name[32]; /* "0000:01:00.0" */
	struct bus_type *bus;
	struct iommu *iommu;	   /* NULL: behind none */
	struct iommu_group *group; /* NULL: in none */
	const char *driver; /* host driver bound: "vfio-pci", another one, or NULL for none */
	uint32_t sid;	    /* StreamID at its IOMMU */
	struct iommu_domain *domain; /* attached to, or NULL: blocked */
	struct cds_list_head group_link;

	struct iommu_viommu *viommu; /* it is a device of this guest's IOMMU, or NULL */
	/* Which calls it so: of SMMUv3 a StreamID. Stays while stage1_owned, whose lock publishes it. */
	uint64_t vid;
	struct cds_list_head vdevice_link;

	pthread_mutex_t fault_lock; /* leaf: sink, stage1_owned */
	struct iommu_fault_sink *sink;
	bool stage1_owned; /* attached to a nested domain: stage 1's faults are the sink's */
};

/** Devices that cannot be told apart by their IOMMU, or can reach each other around it. */
struct iommu_group {
	int id;
	char name[16];		      /* decimal id, for reasons */
	struct cds_list_head devices; /* struct iommu_device.group_link */
	struct iommu
		*iommu; /* all devices of a group are behind one instance; NULL: no-IOMMU group */
};

/** The registered bus types of one machine: what the iterator of 2014 walks. */
struct iommu_system {
	struct bus_type buses[2]; /* pci, platform */
	struct iommu_stats stats;
};

void iommu_system_init(struct iommu_system *system);
struct bus_type *iommu_find_bus(struct iommu_system *system, const char *name);
void iommu_register(struct bus_type *bus, struct iommu *iommu);
void iommu_unregister(struct iommu *iommu);

/**
 * Once per device, when the machine is built (Linux probe_device): what its stream needs of the
 * host's RAM is taken now, so that attaching later costs nothing but the domain. No-op behind none.
 */
int iommu_probe_device(struct iommu_device *dev, struct why *why);

/** The iterator: fn for each bus type until it returns non-zero, which is returned. */
int iommu_for_each_bus(
	struct iommu_system *system, int (*fn)(struct bus_type *bus, void *data), void *data);

/** Some instance is on this bus. */
bool iommu_present(const struct bus_type *bus);

/* Domains: counted in stats; wrappers that check state and call the driver. */
int iommu_domain_alloc(struct iommu *iommu, enum iommu_domain_kind kind, struct charge *charge,
	struct iommu_domain **out, struct why *why);
void iommu_domain_free(struct iommu_domain *domain); /* NULL accepted; nothing attached */
/** -EPERM once a device is attached (2014: the attribute is set before attach). */
int iommu_domain_set_attr(
	struct iommu_domain *domain, enum iommu_attr attr, bool value, struct why *why);
/** All devices of the group, or none. -EBUSY where the group is in another domain. */
int iommu_attach_group(struct iommu_domain *domain, struct iommu_group *group, struct why *why);
/** From the domain, or whatever is nested on it. */
void iommu_detach_group(struct iommu_domain *domain, struct iommu_group *group);
int iommu_map(struct iommu_domain *domain, nb_iova iova, nb_pa pa, uint64_t bytes, unsigned prot,
	struct why *why);
void iommu_unmap(struct iommu_domain *domain, nb_iova iova, uint64_t bytes);
void iommu_iotlb_sync(struct iommu_domain *domain, nb_iova iova, nb_iova last);

/* ---- a guest's stage 1 (nest.c) ---- */

size_t iommu_hw_info(struct iommu *iommu, enum iommu_data_type *type, void *out, size_t max);
/** A view of a nest parent without devices. Borrows the parent. */
void iommu_viommu_init(struct iommu_viommu *viommu, struct iommu_domain *parent);
/** No nested domain is left of it; its devices leave it. */
void iommu_viommu_finish(struct iommu_viommu *viommu);
/** The guest calls dev vid. -EEXIST where either is taken. */
int iommu_vdevice_set(
	struct iommu_viommu *viommu, struct iommu_device *dev, uint64_t vid, struct why *why);
void iommu_vdevice_clear(struct iommu_device *dev); /* no-op where it is none */
/** The device that the guest calls vid, or NULL. */
struct iommu_device *iommu_vdevice_find(const struct iommu_viommu *viommu, uint64_t vid);

/** -EOPNOTSUPP, -EIO (Linux: data that is not valid) or the driver's; nothing is installed. */
int iommu_nested_alloc(struct iommu_viommu *viommu, const struct iommu_user_data *data,
	struct iommu_domain **out, struct why *why);
/** (waits) Linux viommu_invalidate: -EIO at the first bad entry, *done entries were carried out. */
int iommu_viommu_invalidate(struct iommu_viommu *viommu, const struct iommu_user_data *data,
	unsigned *done, struct why *why);
/**
 * (waits) Put an attached device into another domain of the same parent: a nested one, or the parent
 * itself (stage 1 in bypass). The domain it leaves, if nested and without devices now, stays its
 * owner's.
 */
void iommu_replace(struct iommu_domain *domain, struct iommu_device *dev);
/** The nest parent at or below the domain that dev is attached to; NULL: there is none. */
struct iommu_domain *iommu_nest_parent(const struct iommu_device *dev);
/**
 * What dev's stage 1 is, for people: "none" where it is attached to a nest parent, the driver's word where
 * to a domain nested on that; NULL: no guest can have it.
 */
const char *iommu_nested_name(const struct iommu_device *dev);

/* ---- faults (fault.c) ---- */

/** From when on, and until when (NULL), stage 1's faults go to sink. Waits for a report under way. */
void iommu_set_fault_sink(struct iommu_device *dev, struct iommu_fault_sink *sink);
/**
 * Whoever drained the event queue has a fault of dev: true if it was delivered to the owner of stage
 * 1. Any thread, without locks. What is stalled and not delivered is the caller's to end.
 */
bool iommu_report_fault(struct iommu_device *dev, const struct iommu_fault *fault);
/** (waits) Answer a stalled transaction. */
void iommu_page_response(struct iommu_device *dev, uint16_t tag, enum iommu_response response);

/** Dry run of alloc, set_attr and attach for the whole group. */
int iommu_can_attach_group(struct iommu_group *group, enum iommu_domain_kind kind, struct why *why);

/**
 * The probe of 2014, point 4: over every bus type and instance, alloc, set_attr(NESTING), free.
 * True if some instance nests; else the last refusal is in why.
 */
bool iommu_nesting_probe(struct iommu_system *system, struct why *why);

/** Whether any instance exists on any bus type. */
bool iommu_any_present(struct iommu_system *system);

/** Reserved ranges of the group's devices (for IOVA ranges). At most max; returns how many. */
unsigned iommu_group_resv(struct iommu_group *group, struct iommu_resv *out, unsigned max);

/** A driver that leaves the group's DMA to whoever owns it; NULL: no driver. */
bool iommu_driver_is_harmless(const char *driver);

/** Viable: every device is bound to vfio-pci (or another vfio driver) or to nothing. */
bool iommu_group_viable(const struct iommu_group *group, struct why *why);

#endif
