/* SPDX-License-Identifier: MIT */
/*
 * HWPTs: a domain per IOMMU instance and kind, filled with all areas before the first device is
 * pointed at it; and the groups that are attached.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/check.h"
#include "ioas/internal.h"

#define PAGE_BYTES UINT64_C(4096)

static struct hwpt *find_hwpt(
	const struct ioas *ioas, const struct iommu *iommu, enum iommu_domain_kind kind)
{
	struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link)
		if (hwpt->iommu == iommu && hwpt->kind == kind)
			return hwpt;
	return NULL;
}

struct attached_group *ioas_find_group(const struct ioas *ioas, const struct iommu_group *group)
{
	struct attached_group *attached;

	cds_list_for_each_entry (attached, &ioas->groups, link)
		if (attached->group == group)
			return attached;
	return NULL;
}

static void hwpt_free(struct hwpt *hwpt)
{
	ioas_nest_finish(hwpt);
	iommu_domain_free(hwpt->domain);
	free(hwpt);
}

/* As 2014 proposed: a plain domain, and the attribute on it before anything is attached. */
static int hwpt_alloc(struct ioas *ioas, struct iommu *iommu, enum iommu_domain_kind kind,
	struct hwpt **out, struct why *why)
{
	struct hwpt *hwpt = calloc(1, sizeof(*hwpt));
	int ret;

	if (!hwpt)
		return why_refused(why, ENOMEM, "host-memory", "memory of the host");
	hwpt->iommu = iommu;
	hwpt->kind = kind;
	ret = iommu_domain_alloc(iommu, IOMMU_DOMAIN_STAGE1, &ioas->charge, &hwpt->domain, why);
	if (!ret && kind == IOMMU_DOMAIN_NEST_PARENT)
		ret = iommu_domain_set_attr(hwpt->domain, DOMAIN_ATTR_NESTING, true, why);
	iommu_viommu_init(&hwpt->viommu, hwpt->domain);
	if (ret)
		hwpt_free(hwpt);
	else
		*out = hwpt;
	return ret;
}

/* The first byte of an area that is not direct; its end: there is none. */
static uint64_t find_remote(const struct ioas *ioas, const struct area *area)
{
	uint64_t at = 0, bytes;

	for (; at < area->extent.bytes; at += bytes) {
		bytes = area->extent.bytes - at;
		if (!nb_mem_direct(ioas->env->mem, NB_PA(area->extent.pa.v + at), &bytes))
			break;
	}
	return at;
}

int ioas_map_in(
	const struct ioas *ioas, const struct hwpt *hwpt, const struct area *area, struct why *why)
{
	uint64_t remote = hwpt->iommu->direct_only ? find_remote(ioas, area) : area->extent.bytes;

	if (remote < area->extent.bytes)
		return why_refused(why, EOPNOTSUPP, "httu-needs-direct-memory",
			"the memory at 0x%llx is no shared file that nestbox can map, and %s "
			"updates "
			"page tables (httu: true)",
			(unsigned long long)(area->uaddr + remote), hwpt->iommu->name);
	return iommu_map(hwpt->domain, NB_IOVA(area->iova), area->extent.pa,
		area->last - area->iova + 1, area->prot, why);
}

static int fill(struct ioas *ioas, struct hwpt *hwpt, struct why *why)
{
	struct area *area = area_tree_from(&ioas->areas, 0);

	for (; area; area = area_tree_next(&ioas->areas, area)) {
		int ret = ioas_map_in(ioas, hwpt, area, why);

		if (ret)
			return ret;
	}
	return 0;
}

/* Areas mapped before this group came may be where it cannot have them. */
static int check_areas(const struct ioas *ioas, const struct hwpt *hwpt, struct iommu_group *group,
	struct why *why)
{
	struct iommu_resv resv[8];
	unsigned n = iommu_group_resv(group, resv, ARRAY_LEN(resv));
	const struct area *area;

	for (unsigned i = 0; i < n; i++) {
		area = ioas_area_from(ioas, resv[i].start);
		if (area && area->iova <= resv[i].last)
			return why_refused(why, EINVAL, "mapping-in-reserved-range",
				"the mapping at 0x%llx is in a reserved range of the group",
				(unsigned long long)area->iova);
	}
	if (ioas_msi_meets(ioas, resv, n))
		return why_refused(why, EINVAL, "mapping-in-reserved-range",
			"the MSI binding at 0x%llx is in a reserved range of the group",
			(unsigned long long)ioas->binding.gpa);
	area = area_tree_last(&ioas->areas);
	if (area && area->last > hwpt->domain->last_iova)
		return why_refused(why, EINVAL, "mapping-out-of-range",
			"the mapping at 0x%llx is beyond the last IOVA 0x%llx",
			(unsigned long long)area->iova,
			(unsigned long long)hwpt->domain->last_iova);
	return 0;
}

/* Linux 7.3 vfio_update_pgsize_bitmap: pieces of a page make one. */
static uint64_t whole_pages(uint64_t sizes)
{
	uint64_t below = PAGE_BYTES - 1;

	return sizes & below ? (sizes & ~below) | PAGE_BYTES : sizes;
}

uint64_t ioas_pgsizes(const struct ioas *ioas)
{
	uint64_t sizes = UINT64_MAX;
	struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link)
		sizes &= hwpt->domain->pgsizes;
	return whole_pages(sizes);
}

/* Linux has no answer to that: it looks for the lowest bit of 0. */
static int check_pgsizes(const struct ioas *ioas, const struct hwpt *hwpt, struct why *why)
{
	if (ioas_pgsizes(ioas) & whole_pages(hwpt->domain->pgsizes))
		return 0;
	return why_refused(why, EINVAL, "no-common-page-size",
		"no page size of this IOMMU is one of the address space's");
}

static int new_hwpt(struct ioas *ioas, struct iommu_group *group, enum iommu_domain_kind kind,
	struct hwpt **out, struct why *why)
{
	struct hwpt *hwpt = NULL;
	int ret = hwpt_alloc(ioas, group->iommu, kind, &hwpt, why);

	if (ret)
		return ret;
	nb_assert(hwpt);
	ret = check_pgsizes(ioas, hwpt, why);
	if (!ret)
		ret = check_areas(ioas, hwpt, group, why);
	if (!ret)
		ret = fill(ioas, hwpt, why);
	if (!ret)
		ret = ioas_msi_fill(ioas, hwpt, why);
	if (!ret)
		ret = ioas_nest_attach(hwpt, group, why);
	if (ret) {
		hwpt_free(hwpt);
		return ret;
	}
	cds_list_add_tail(&hwpt->link, &ioas->hwpts);
	*out = hwpt;
	return 0;
}

static int join_hwpt(
	struct ioas *ioas, struct hwpt *hwpt, struct iommu_group *group, struct why *why)
{
	int ret = check_areas(ioas, hwpt, group, why);

	return ret ? ret : ioas_nest_attach(hwpt, group, why);
}

static int attach_hwpt(struct ioas *ioas, struct iommu_group *group, enum iommu_domain_kind kind,
	struct hwpt **out, struct why *why)
{
	*out = find_hwpt(ioas, group->iommu, kind);
	if (*out)
		return join_hwpt(ioas, *out, group, why);
	return new_hwpt(ioas, group, kind, out, why);
}

int ioas_attach_group(
	struct ioas *ioas, struct iommu_group *group, enum iommu_domain_kind kind, struct why *why)
{
	struct attached_group *attached;
	int ret = iommu_can_attach_group(group, kind, why);

	if (ret)
		return ret;
	if (ioas_find_group(ioas, group))
		return why_misuse(why, EBUSY, "group-already-attached",
			"the group is attached to this address space");
	attached = calloc(1, sizeof(*attached));
	if (!attached)
		return why_refused(why, ENOMEM, "host-memory", "memory of the host");
	ret = attach_hwpt(ioas, group, kind, &attached->hwpt, why);
	if (ret) {
		why_about(why, group->name, NULL, group->iommu->name);
		free(attached);
		return ret;
	}
	attached->group = group;
	attached->hwpt->groups++;
	cds_list_add_tail(&attached->link, &ioas->groups);
	return 0;
}

void ioas_detach_group(struct ioas *ioas, struct iommu_group *group)
{
	struct attached_group *attached = ioas_find_group(ioas, group);
	struct hwpt *hwpt;

	if (!attached)
		return;
	hwpt = attached->hwpt;
	ioas_nest_detach(hwpt, group);
	cds_list_del(&attached->link);
	free(attached);
	if (--hwpt->groups)
		return;
	cds_list_del(&hwpt->link);
	hwpt_free(hwpt);
}

/* Also those that are attached to a domain nested on it. */
static unsigned count_devices(const struct ioas *ioas, const struct hwpt *hwpt)
{
	const struct attached_group *attached;
	const struct iommu_device *dev;
	unsigned n = 0;

	cds_list_for_each_entry (attached, &ioas->groups, link)
		if (attached->hwpt == hwpt)
			cds_list_for_each_entry (dev, &attached->group->devices, group_link)
				n++;
	return n;
}

static void inspect_hwpts(const struct ioas *ioas, struct ioas_info *out)
{
	const struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		if (out->n_hwpts++ >= IOAS_HWPTS_SHOWN)
			continue;
		out->hwpts[out->n_hwpts - 1] = (struct ioas_hwpt_info){
			.iommu = hwpt->iommu->name,
			.asked = hwpt->kind,
			.got = hwpt->domain->kind,
			.groups = hwpt->groups,
			.devices = count_devices(ioas, hwpt),
			.msi_mapped = hwpt->msi_mapped,
		};
	}
}

static unsigned place_of(const struct ioas *ioas, const struct hwpt *sought)
{
	const struct hwpt *hwpt;
	unsigned i = 0;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		if (hwpt == sought)
			break;
		i++;
	}
	return i;
}

void ioas_inspect(const struct ioas *ioas, struct ioas_info *out)
{
	const struct attached_group *attached;

	*out = (struct ioas_info){
		.mappings = ioas->n_areas,
		.bytes = ioas->bytes,
		.table_bytes = ioas->charge.used,
		.table_limit = ioas->charge.limit,
	};
	inspect_hwpts(ioas, out);
	cds_list_for_each_entry (attached, &ioas->groups, link)
		if (out->n_groups++ < IOAS_GROUPS_SHOWN)
			out->groups[out->n_groups - 1] =
				(struct ioas_group_info){ attached->group->name,
					place_of(ioas, attached->hwpt) };
}

bool ioas_group_nests(const struct ioas *ioas, const struct iommu_group *group)
{
	const struct attached_group *attached;
	struct hwpt *hwpt;

	if (group) {
		attached = ioas_find_group(ioas, group);
		return attached && attached->hwpt->kind == IOMMU_DOMAIN_NEST_PARENT;
	}
	cds_list_for_each_entry (hwpt, &ioas->hwpts, link)
		if (hwpt->kind == IOMMU_DOMAIN_NEST_PARENT)
			return true;
	return false;
}
