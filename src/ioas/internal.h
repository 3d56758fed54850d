/* SPDX-License-Identifier: MIT */
/*
 * Inside of an I/O address space.
 *
 *   ioas.c    areas: map, unmap, find
 *   tree.c    areas in order
 *   hwpt.c    HWPTs and the groups attached to them
 *   nest.c    guests' stage 1 on nest parents
 *   msi.c     where devices find the doorbell of MSIs
 *   ranges.c  which IOVAs may be mapped
 */
#ifndef IOAS_INTERNAL_H
#define IOAS_INTERNAL_H

#include "ioas/ioas.h"
#include "ioas/tree.h"

/** A range of IOVA and the user memory behind it. */
struct area {
	struct area *next; /* while being removed */
	uint64_t iova, last;
	uint64_t uaddr;
	unsigned prot;
	struct umem *umem;	 /* a reference */
	struct nb_extent extent; /* where the memory appears in the simulated physical space */
};

/** A domain and what was asked for: one per IOMMU instance and kind. */
struct hwpt {
	struct cds_list_head link;
	struct iommu *iommu;
	enum iommu_domain_kind kind; /* as asked: STAGE1 or NEST_PARENT */
	struct iommu_domain *domain;
	unsigned groups;
	bool msi_mapped;
	/* Of a nest parent: the program is the guest's monitor, all devices are in its view. */
	struct iommu_viommu viommu;
	struct iommu_domain
		*common;	   /* the stage 1 that all devices share, also late ones; or NULL */
	struct iommu_domain *next; /* what is to become that, while it is being set */
};

struct attached_group {
	struct cds_list_head link;
	struct iommu_group *group;
	struct hwpt *hwpt;
};

/** Where in guest memory the doorbell answers: [gpa, gpa + size). */
struct msi_binding {
	unsigned users; /* 0: there is none */
	uint64_t gpa, size;
};

struct ioas {
	const struct ioas_env *env;
	struct charge charge; /* table memory of all HWPTs */
	struct area_tree areas;
	unsigned n_areas;
	uint64_t bytes; /* of them */
	struct cds_list_head hwpts;
	struct cds_list_head groups; /* struct attached_group.link */
	struct msi_binding binding;  /* of all nest parents */
};

/** Map an area in a HWPT; -EOPNOTSUPP where its IOMMU cannot have such memory. */
int ioas_map_in(
	const struct ioas *ioas, const struct hwpt *hwpt, const struct area *area, struct why *why);

struct attached_group *ioas_find_group(const struct ioas *ioas, const struct iommu_group *group);

/** msi.c: the binding in a new HWPT. */
int ioas_msi_fill(const struct ioas *ioas, const struct hwpt *hwpt, struct why *why);
/** Whether the binding meets one of these ranges. */
bool ioas_msi_meets(const struct ioas *ioas, const struct iommu_resv *resv, unsigned n);

/** nest.c: attach the group to whatever stage 1 all of the HWPT's devices have; they are in its view. */
int ioas_nest_attach(struct hwpt *hwpt, struct iommu_group *group, struct why *why);
/** Detach the group, whatever its devices' stage 1 is. */
void ioas_nest_detach(struct hwpt *hwpt, struct iommu_group *group);
/** The HWPT goes. */
void ioas_nest_finish(struct hwpt *hwpt);

/** The first area that ends at or after iova, or NULL. */
struct area *ioas_area_from(const struct ioas *ioas, uint64_t iova);

#endif
