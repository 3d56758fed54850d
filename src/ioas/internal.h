/* SPDX-License-Identifier: MIT */
/*
 * Inside of an I/O address space.
 *
 *   ioas.c    areas: map, unmap, find
 *   tree.c    areas in order
 *   hwpt.c    HWPTs and the groups attached to them
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
};

struct attached_group {
	struct cds_list_head link;
	struct iommu_group *group;
	struct hwpt *hwpt;
};

struct ioas {
	const struct ioas_env *env;
	struct charge charge; /* table memory of all HWPTs */
	struct area_tree areas;
	unsigned n_areas;
	uint64_t bytes; /* of them */
	struct cds_list_head hwpts;
	struct cds_list_head groups; /* struct attached_group.link */
};

/** Map an area in a HWPT; -EOPNOTSUPP where its IOMMU cannot have such memory. */
int ioas_map_in(
	const struct ioas *ioas, const struct hwpt *hwpt, const struct area *area, struct why *why);

/** The first area that ends at or after iova, or NULL. */
struct area *ioas_area_from(const struct ioas *ioas, uint64_t iova);

#endif
