/* SPDX-License-Identifier: MIT */
/*
 * The map engine: an I/O address space is a set of areas (IOVA ranges backed by user memory) and
 * the HWPTs (domains) that hold them, one per IOMMU instance and kind (design 1). Both the VFIO
 * container and iommufd's IOAS are one of these; policy (v1 and v2 rules, entry limit, errnos of an
 * interface) is theirs.
 *
 * Locking: host lock held; functions marked (waits) may drop it and need the owner's busy mark.
 */
#ifndef IOAS_IOAS_H
#define IOAS_IOAS_H

#include "iommu/iommu.h"
#include "mem/physmap.h"
#include "mem/umem.h"

struct ioas;

/** What all address spaces of a machine share. Borrowed, outlives them. */
struct ioas_env {
	struct nb_mem *mem;
	struct physmap *physmap;
	nb_pa msi_page;		 /* doorbell page to be mapped into MSI windows */
	uint64_t table_limit;	 /* bytes of table memory one ioas may use */
	unsigned long *mappings; /* count of areas of the whole machine */
};

struct ioas *ioas_create(const struct ioas_env *env);
/** (waits) Unmaps everything; no group is attached any more. */
void ioas_destroy(struct ioas *ioas);

/**
 * (waits) Attach all devices of a group with a domain of this kind: an existing HWPT of the same
 * instance and kind, else a new one filled with all areas. Fails with nothing changed: the driver's
 * errno; -EINVAL where an area is outside the new aperture or in a reserved range of the group.
 * kind is STAGE1 (what the driver has, R4) or NEST_PARENT.
 */
int ioas_attach_group(
	struct ioas *ioas, struct iommu_group *group, enum iommu_domain_kind kind, struct why *why);
/** (waits) The HWPT goes with its last group. Areas stay. */
void ioas_detach_group(struct ioas *ioas, struct iommu_group *group);

struct ioas_map {
	nb_iova iova;
	uint64_t bytes;
	unsigned prot;	   /* IOMMU_READ | IOMMU_WRITE */
	struct umem *umem; /* a reference is taken on success */
	uint64_t umem_off;
	uint64_t uaddr; /* program address, for listings and reasons */
};

/**
 * (waits on rollback) Add an area and map it in every HWPT, or change nothing: -EEXIST on overlap,
 * -EINVAL outside the allowed ranges, -ENOMEM (tables, physical space, charge).
 */
int ioas_map(struct ioas *ioas, const struct ioas_map *map, struct why *why);

/** One area, as listings and policies see it. */
struct ioas_area_info {
	uint64_t iova, last; /* inclusive */
	uint64_t uaddr;
	unsigned prot;
	struct umem *umem; /* borrowed of the area */
};

/** The first area that ends at or after iova. False: none. */
bool ioas_find(const struct ioas *ioas, uint64_t iova, struct ioas_area_info *info);

/** The first area that touches [iova, last]. False: none. */
bool ioas_find_in(
	const struct ioas *ioas, uint64_t iova, uint64_t last, struct ioas_area_info *info);

/** The program calls the memory of the area that holds iova by another address now. */
void ioas_set_uaddr(struct ioas *ioas, uint64_t iova, uint64_t uaddr);

/**
 * (waits) Remove every area that lies wholly inside [iova, last] and return how many bytes went.
 * Areas that only overlap its edge stay: the interface's policy decides beforehand what that means.
 * When it returns no DMA uses them.
 */
uint64_t ioas_unmap(struct ioas *ioas, uint64_t iova, uint64_t last);

/** Sizes that every HWPT supports, bit n for 1 << n; 4 KiB up where there is no HWPT. */
uint64_t ioas_pgsizes(const struct ioas *ioas);

struct ioas_range {
	uint64_t start, last;
};
/** IOVA ranges a program may map, in order: apertures less reserved ranges. Returns the count. */
unsigned ioas_ranges(const struct ioas *ioas, struct ioas_range *out, unsigned max);

/** The last IOVA that every HWPT can translate. */
uint64_t ioas_last_iova(const struct ioas *ioas);

/** Whether [start, last] meets a reserved range of an attached group; the first (which: or NULL). */
bool ioas_reserved(
	const struct ioas *ioas, uint64_t start, uint64_t last, struct iommu_resv *which);

/** Number of areas. */
unsigned ioas_areas(const struct ioas *ioas);

/** What there is of an address space, for who looks in. Names are borrowed of the machine. */
struct ioas_hwpt_info {
	const char *iommu;
	enum iommu_domain_kind asked, got; /* rule R4 */
	unsigned groups, devices;
	bool msi_mapped;
};

/** A group that is attached, and to which of the HWPTs. */
struct ioas_group_info {
	const char *name;
	unsigned hwpt; /* its place among them, from 0 */
};

#define IOAS_HWPTS_SHOWN  16
#define IOAS_GROUPS_SHOWN 256

struct ioas_info {
	unsigned mappings;
	uint64_t bytes;
	uint64_t table_bytes, table_limit; /* of all HWPTs */
	unsigned n_hwpts;		   /* the first IOAS_HWPTS_SHOWN are below */
	struct ioas_hwpt_info hwpts[IOAS_HWPTS_SHOWN];
	unsigned n_groups; /* likewise */
	struct ioas_group_info groups[IOAS_GROUPS_SHOWN];
};

void ioas_inspect(const struct ioas *ioas, struct ioas_info *out);

/** Whether this group's HWPT is a nest parent (R5); group NULL: whether any HWPT is. */
bool ioas_group_nests(const struct ioas *ioas, const struct iommu_group *group);

/**
 * Where a device of this group must send its MSIs: maps the doorbell page into the MSI window of
 * the group's HWPT on first use (Linux iommu_dma_prepare_msi). *addr is the IOVA of the page.
 */
int ioas_msi_map(struct ioas *ioas, struct iommu_group *group, nb_iova *addr, struct why *why);

/**
 * Make the doorbell page answer at guest physical gpa, in every nest parent, also later ones; the range
 * (gpa and size multiples of 4 KiB) is reserved from now on. Once more with the same range: one user
 * more. -EEXIST where a mapping or another binding is there, -EINVAL where nothing may be mapped.
 */
int ioas_msi_bind(struct ioas *ioas, uint64_t gpa, uint64_t size, struct why *why);
/** (waits) One user less; after the last no MSI arrives by it. */
void ioas_msi_unbind(struct ioas *ioas);

/* ---- a guest's stage 1 on the nest parents (nest.c) ---- */

/** fn for the view of each nest parent, until it returns non-zero, which is returned. */
int ioas_for_each_viommu(
	struct ioas *ioas, int (*fn)(struct iommu_viommu *viommu, void *ctx), void *ctx);

/**
 * (waits) Install data as stage 1 of every device whose group nests, and of those that join later; NULL:
 * stage 1 is in bypass again. Also in place of what devices had of their own. All or nothing:
 * -EOPNOTSUPP where nothing nests, the driver's errno.
 */
int ioas_nest_all(struct ioas *ioas, const struct iommu_user_data *data, struct why *why);
/** (waits) Likewise of one device, which must be in this ioas: -EOPNOTSUPP where it does not nest. */
int ioas_nest_device(struct ioas *ioas, struct iommu_device *dev,
	const struct iommu_user_data *data, struct why *why);
/** Whether a guest's stage 1 is installed: of dev; NULL: of all, by ioas_nest_all. */
bool ioas_nest_is_set(const struct ioas *ioas, const struct iommu_device *dev);

#endif
