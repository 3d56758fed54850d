/* SPDX-License-Identifier: MIT */
/*
 * What the files of src/vfio share: containers, groups and who holds whom.
 *
 * A group file holds nothing but its group; a group in a container holds the container (a count,
 * so that container, group and device files may be closed in any order, as in Linux); an open
 * device holds its group's file and counts as a user of the container, which keeps both where they
 * are: UNSET_CONTAINER is EBUSY and the group's file is not released.
 *
 * All below is guarded by the host lock. A container's busy mark is held by whoever changes its
 * membership, its IOMMU or its maps, since attach and unmap may drop the host lock while they wait
 * for DMA in flight. A group's mark is held by whoever changes its membership or opens a device.
 * Order: group mark, container mark, host lock (each mark is taken with the host lock held, and
 * sleeps with it dropped).
 */
#ifndef VFIO_INTERNAL_H
#define VFIO_INTERNAL_H

#include <bsd/sys/tree.h>
#include <urcu/list.h>

#include "abi/vfio.h"
#include "file/ioctl.h"
#include "vfio/device.h"
#include "vfio/vfio.h"

/** An area whose vaddr UNMAP_DMA_FLAG_VADDR has declared invalid: [iova, last]. */
struct vfio_stale {
	RB_ENTRY(vfio_stale) node;
	uint64_t iova, last;
};
RB_HEAD(vfio_stale_tree, vfio_stale);

/** A guest's stage 1, as it was set: what its words are only nested.c knows. */
struct vfio_stage1 {
	unsigned config; /* IOMMU_PASID_CONFIG_*; 0: none is set */
	uint64_t word[2];
};

struct vfio_container {
	struct file file;
	struct cds_list_head link; /* of vfio->containers */
	unsigned id;		   /* 1 is the first of the box: for who looks in */
	struct vfio *vfio;
	unsigned refs; /* the file, and each group that is a member */
	struct busy busy;
	struct cds_list_head groups; /* struct vfio_group.member */
	bool noiommu;		     /* of the groups that are members */
	unsigned type;		     /* VFIO_TYPE1_IOMMU, ...; 0: no IOMMU set */
	struct ioas *ioas;	     /* NULL where type is 0 or VFIO_NOIOMMU_IOMMU */
	struct vfio_stale_tree stale;
	bool dirty_tracking; /* VFIO_IOMMU_DIRTY_PAGES: started */
	/* Of all devices that nest, also of those that join later. */
	struct vfio_stage1 stage1;
	struct vfio_msi_binding msi;
	bool explained; /* CHECK_EXTENSION(nesting) = 0 has given its reason */
};

/** One for each group of the machine, for as long as the machine lives. */
struct vfio_group {
	struct vfio *vfio;
	struct iommu_group *iommu;	/* NULL: a no-IOMMU group, */
	struct machine_device *noiommu; /* which has this one device */
	int id;
	char name[32]; /* "1", "noiommu-0": as under /dev/vfio */
	struct busy busy;
	struct vfio_group_file *opened; /* its one open file, or NULL */
	struct vfio_container *container;
	unsigned container_users; /* 1 for the membership, 1 for each open device */
	struct cds_list_head member;
};

struct vfio_group_file {
	struct file file;
	struct vfio_group *group;
	bool revoked; /* the last device was taken off vfio-pci: a new node has another group */
};

struct vfio {
	struct machine *machine;
	struct vfio_options options;
	struct vfio_group *groups;
	unsigned n_groups;
	struct vfio_device *devices; /* one for each of the machine's, in its order */
	struct cds_list_head containers;
	unsigned last_id;	 /* of a container */
	struct virqfds *virqfds; /* eventfds of the program that are watched */
	void (*watch)(void *ctx);
	void *watch_ctx;
	unsigned bindings;     /* changes of what devices are bound to; atomic */
	unsigned activity;     /* first opens and last closes of devices; atomic */
	unsigned bind_waiters; /* writes that wait until a device is closed; atomic */
};

static inline struct hostlock *vfio_lock(const struct vfio *vfio)
{
	return &vfio->machine->lock;
}

/* ---- container.c ---- */

int vfio_container_open(struct vfio *vfio, struct file **out, struct why *why);
/** NULL if the file is none of ours. */
struct vfio_container *vfio_container_from_file(struct file *file);

/* Membership (host lock, the group's mark held; they take the container's, and may wait). */
int vfio_container_join(
	struct vfio_container *container, struct vfio_group *group, struct why *why);
void vfio_container_leave(struct vfio_group *group);

/* ---- attach.c: which IOMMU type these groups can have. Host lock, container's mark held. ---- */

/** Dry run of SET_IOMMU(type): what CHECK_EXTENSION and SET_IOMMU both go by (R1, R2, R5). */
int vfio_try_iommu(struct vfio_container *container, unsigned type, struct why *why);
/** CHECK_EXTENSION for IOMMU types where no group is a member: what this host could do. */
int vfio_host_can(struct vfio *vfio, unsigned type, struct why *why);
/** Whether the attached groups (still) nest: CHECK_EXTENSION(6) once an IOMMU is set. */
int vfio_groups_nest(struct vfio_container *container, struct why *why);
/** Attach one group to the container's ioas as the container's type asks (waits). */
int vfio_attach_group(struct vfio_container *container, struct vfio_group *group, struct why *why);
/** SET_IOMMU's work, after vfio_try_iommu: all groups attached or nothing changed (waits). */
int vfio_set_iommu(struct vfio_container *container, unsigned type, struct why *why);
/** The container's IOMMU goes; its groups are detached already (waits). */
void vfio_unset_iommu(struct vfio_container *container);

/* ---- type1.c: calls of the type 1 backend. Without the host lock. ---- */

long vfio_type1_ioctl(struct ioctl_call *call);
/** CHECK_EXTENSION of numbers that are no IOMMU type; set: an IOMMU is set. */
long vfio_type1_extension(unsigned long number, bool set);
/** Smallest page size of the container. Host lock. */
uint64_t vfio_type1_pgsize(const struct vfio_container *container);
/**
 * Take host lock and mark for a call of the backend; vfio_type1_end gives them back. -EINVAL, with
 * neither held, where the IOMMU went meanwhile.
 */
int vfio_type1_begin(struct ioctl_call *call, struct vfio_container **out);
void vfio_type1_end(struct vfio_container *container);
/** Whether an edge of [iova, last] lies inside an area. Host lock. */
bool vfio_type1_bisects(const struct vfio_container *container, uint64_t iova, uint64_t last);

/* ---- vaddr.c: VFIO_UPDATE_VADDR. Host lock, container's mark held. ---- */

/** UNMAP with FLAG_VADDR over [iova, last]: *bytes becomes how much was declared invalid. */
int vfio_vaddr_invalidate(struct vfio_container *container, uint64_t iova, uint64_t last,
	uint64_t *bytes, struct why *why);
/** MAP with FLAG_VADDR: the area (NULL: none is there) is valid again, and the caller's. */
int vfio_vaddr_update(struct vfio_container *container, const struct vfio_iommu_type1_dma_map *map,
	const struct ioas_area_info *area, const struct memlock *lock, struct why *why);
/** Areas inside [iova, last] are gone: so is what was noted of them. */
void vfio_vaddr_forget(struct vfio_container *container, uint64_t iova, uint64_t last);
bool vfio_vaddr_any_invalid(const struct vfio_container *container);

/* ---- memlock.c: RLIMIT_MEMLOCK ---- */

/**
 * What the caller may lock, to be given back with vfio_lock_end; lock->vm is NULL where nobody
 * accounts it. Without the host lock.
 */
void vfio_lock_begin(struct ioctl_call *call, struct memlock *lock);
void vfio_lock_end(struct memlock *lock);
/** Pin as caller_ops.pin does, as far as the limit lets. Without the host lock, container's mark held. */
int vfio_lock_pin(struct ioctl_call *call, const struct memlock *lock,
	const struct vfio_iommu_type1_dma_map *map, unsigned prot, struct umem **out);
/** Memory that somebody else had locked is the caller's from now on. Host lock. */
int vfio_lock_move(struct umem *umem, const struct memlock *lock, struct why *why);

/* ---- nested_calls.c: the virtual SMMU interface. ---- */

long vfio_set_pasid_table(struct ioctl_call *call, void *data);
long vfio_cache_invalidate(struct ioctl_call *call, void *data);
long vfio_set_msi_binding(struct ioctl_call *call, void *data);
/**
 * A group was attached: its devices get the container's stage 1. On failure it must be detached again.
 * Host lock, container's mark held (waits).
 */
int vfio_nested_join(struct vfio_container *container, struct vfio_group *group, struct why *why);
/** A group was detached. Host lock, container's mark held (waits). */
void vfio_nested_leave(struct vfio_container *container, struct vfio_group *group);

/** The page of the doorbell that a binding gives this device. False: there is none. Host lock. */
bool vfio_nested_msi_page(const struct vfio_device *device, uint64_t *page);
/** The nesting capability of GET_INFO. False: nothing nests. Host lock, container's mark held. */
bool vfio_nested_info(
	struct vfio_container *container, struct vfio_iommu_type1_info_cap_nesting *cap);

/* ---- dirty.c: VFIO_IOMMU_DIRTY_PAGES and UNMAP's bitmap. ---- */

/** Linux 7.3 DIRTY_BITMAP_SIZE_MAX: one bit for each of 2^31 - 1 pages, rounded up; in bytes. */
#define VFIO_DIRTY_BITMAP_MAX (UINT64_C(1) << 28)

long vfio_dirty_pages(struct ioctl_call *call, void *data);
/** Linux 7.3 vfio_dma_bitmap_alloc: whether a mapping can have a dirty bitmap. 0 or -EINVAL. */
int vfio_dirty_fits(uint64_t bytes, uint64_t pgsize, struct why *why);
/** Checks of a struct vfio_bitmap that Linux makes before it looks at the container. */
int vfio_bitmap_check(const struct vfio_bitmap *bitmap, uint64_t bytes, struct why *why);
/**
 * Write the bits of all areas in [iova, last], which bisects none, to the program's bitmap. Without
 * the host lock, under the container's mark.
 */
int vfio_bitmap_store(
	struct ioctl_call *call, const struct vfio_bitmap *bitmap, uint64_t iova, uint64_t last);

/* ---- group.c, as seen by main.c ---- */

int vfio_group_open(struct vfio_group *group, struct file **out, struct why *why);
/** Whether a device of the group is bound to vfio-pci, or taken off it and not yet closed. */
bool vfio_group_has_device(const struct vfio_group *group);
/** A device was taken off vfio-pci: without any the group goes. Host lock, the group's mark. */
void vfio_group_emptied(struct vfio_group *group);
bool vfio_is_vfio_driver(const char *driver);
/** The group of an open group file; NULL for any other file. */
struct vfio_group *vfio_group_of_file(struct file *file);
/** Whether it is the group's open file, and was not left without its group since. Host lock. */
bool vfio_group_file_owns(struct file *file, const struct vfio_group *group);
/** For reasons: the IOMMU that a group is behind, NULL where it has none. */
const char *vfio_group_iommu_name(const struct vfio_group *group);

/* ---- device.c, as seen by group.c ---- */

/**
 * A new open file of the device, whose group is in a container with an IOMMU (checked). Called without the
 * host lock, under the group's busy mark. The file calls vfio_group_unuse in its release.
 */
int vfio_device_open(struct vfio_device *device, struct file **out, struct why *why);

/* ---- bind.c, as seen by device.c ---- */

/** The last close of a device that was leaving. Without locks. */
void vfio_device_closed(struct vfio_device *device);

/* ---- group.c, as seen by device.c ---- */

/**
 * One open device less: drops its use of the container and its hold on the group's file. Last call
 * of a device's release, without the host lock. True: the device was leaving, and this was the last.
 */
bool vfio_group_unuse(struct vfio_device *device);

/**
 * The address to which this device sends MSIs: where a guest has bound them, else in the host's window
 * (ioas_msi_map); for a no-IOMMU group the doorbell itself. Host lock held; dropped while another call
 * works on the container.
 */
int vfio_device_msi_addr(struct vfio_device *device, uint64_t *addr, struct why *why);

#endif
