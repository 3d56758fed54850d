/* SPDX-License-Identifier: MIT */
/*
 * Which IOMMU type a container's groups can have, and attaching them accordingly: the rules R1, R2
 * and R5 (doc/design.md). CHECK_EXTENSION and SET_IOMMU both go by vfio_try_iommu, so that they cannot
 * disagree.
 *
 * The nesting type asks for a nest parent of each group; TYPE1 and TYPE1v2 for stage 1, of which
 * the driver makes what its hardware has (R4). Under the policy `subset` a group that cannot nest
 * is a member like one of a TYPE1v2 container.
 */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "vfio/internal.h"

#define NEST_KIND "smmuv3" /* what the legacy nested calls speak */

static bool is_type1(unsigned type)
{
	return type == VFIO_TYPE1_IOMMU || type == VFIO_TYPE1v2_IOMMU ||
	       type == VFIO_TYPE1_NESTING_IOMMU;
}

static bool policy_subset(const struct vfio *vfio)
{
	return vfio->machine->desc.nesting_subset;
}

/* A group behind no IOMMU is left to the IOMMU layer, which refuses it. */
static bool speaks_nest_kind(const struct iommu_group *group)
{
	return !group->iommu || !strcmp(group->iommu->kind, NEST_KIND);
}

/* Can this group have a domain of this kind? A dry run, nothing is changed. */
static int group_can(const struct vfio_group *group, enum iommu_domain_kind kind, struct why *why)
{
	int ret;

	if (kind == IOMMU_DOMAIN_NEST_PARENT && !speaks_nest_kind(group->iommu)) {
		ret = why_refused(why, EOPNOTSUPP, "nesting-type-needs-smmuv3",
			"the nesting type's calls speak SMMUv3, this IOMMU is of kind %s",
			group->iommu->iommu->kind);
		why_instead(why, "nested translation through /dev/iommu (iommufd)");
	} else {
		ret = iommu_can_attach_group(group->iommu, kind, why);
	}
	if (ret)
		why_about(why, group->name, NULL, vfio_group_iommu_name(group));
	return ret;
}

/* The kind of domain that a group gets in a container of this type, or why it cannot be there. */
static int group_kind(const struct vfio_group *group, unsigned type, enum iommu_domain_kind *kind,
	struct why *why)
{
	struct why nest = { 0 };
	int ret;

	*kind = IOMMU_DOMAIN_STAGE1;
	if (type != VFIO_TYPE1_NESTING_IOMMU)
		return group_can(group, *kind, why);
	ret = group_can(group, IOMMU_DOMAIN_NEST_PARENT, &nest);
	if (!ret) {
		*kind = IOMMU_DOMAIN_NEST_PARENT;
		return 0;
	}
	if (policy_subset(group->vfio))
		return group_can(group, *kind, why);
	if (why && why->class == WHY_NONE)
		*why = nest;
	return ret;
}

/* Policy subset: at least one group must nest. */
static int some_group_nests(struct vfio_container *container, struct why *why)
{
	struct vfio_group *group;
	struct why last = { 0 };
	int ret = -EOPNOTSUPP;

	cds_list_for_each_entry (group, &container->groups, member) {
		why_clear(&last);
		ret = group_can(group, IOMMU_DOMAIN_NEST_PARENT, &last);
		if (!ret)
			return 0;
	}
	if (why && why->class == WHY_NONE)
		*why = last;
	return ret;
}

static int all_groups_can(struct vfio_container *container, unsigned type, struct why *why)
{
	enum iommu_domain_kind kind;
	struct vfio_group *group;
	int ret;

	cds_list_for_each_entry (group, &container->groups, member) {
		ret = group_kind(group, type, &kind, why);
		if (ret)
			return ret;
	}
	return 0;
}

static int try_noiommu(struct vfio_container *container, unsigned type, struct why *why)
{
	/* Linux 7.3 container.c, vfio_iommu_driver_allowed: real and no-IOMMU backends never mix.
	 */
	if (container->noiommu != (type == VFIO_NOIOMMU_IOMMU)) {
		int ret = why_refused(why, ENODEV, "noiommu-type-mismatch",
			container->noiommu ? "no-IOMMU groups have no IOMMU of type %u"
					   : "groups behind an IOMMU cannot have type %u",
			type);

		why_instead(why, container->noiommu ? "VFIO_NOIOMMU_IOMMU" : "VFIO_TYPE1v2_IOMMU");
		return ret;
	}
	if (container->vfio->options.deny_rawio)
		return why_refused(
			why, EPERM, "noiommu-needs-rawio", "the no-IOMMU type needs CAP_SYS_RAWIO");
	return 0;
}

static int try_unknown(unsigned type, struct why *why)
{
	/*
	 * Linux 7.3 container.c: no backend says yes to the number, ENODEV; or type 1 does, because
	 * it is an extension that it has, and then its open knows no such type, EINVAL.
	 */
	int err = vfio_type1_extension(type, false) ? EINVAL : ENODEV;
	int ret = why_misuse(
		why, err, "unknown-iommu-type", "%u is no IOMMU type of this host", type);

	why_instead(why, "VFIO_TYPE1v2_IOMMU (3)");
	return ret;
}

int vfio_try_iommu(struct vfio_container *container, unsigned type, struct why *why)
{
	int ret;

	if (container->noiommu || type == VFIO_NOIOMMU_IOMMU)
		return try_noiommu(container, type, why);
	if (!is_type1(type))
		return try_unknown(type, why);
	if (type == VFIO_TYPE1_NESTING_IOMMU && policy_subset(container->vfio)) {
		ret = some_group_nests(container, why);
		if (ret)
			goto refused;
	}
	ret = all_groups_can(container, type, why);
refused:
	if (ret && type == VFIO_TYPE1_NESTING_IOMMU &&
		!all_groups_can(container, VFIO_TYPE1v2_IOMMU, NULL))
		why_instead(why, "VFIO_TYPE1v2_IOMMU works for the groups of this container");
	return ret;
}

int vfio_groups_nest(struct vfio_container *container, struct why *why)
{
	if (policy_subset(container->vfio))
		return some_group_nests(container, why);
	return all_groups_can(container, VFIO_TYPE1_NESTING_IOMMU, why);
}

int vfio_host_can(struct vfio *vfio, unsigned type, struct why *why)
{
	struct iommu_system *system = &vfio->machine->iommu;

	/* Linux 7.3 vfio_noiommu_ioctl: enable_unsafe_noiommu_mode, whatever devices there are. */
	if (type == VFIO_NOIOMMU_IOMMU)
		return vfio->machine->desc.noiommu
			       ? 0
			       : why_refused(why, ENODEV, "noiommu-disabled",
					 "the host's policy allows no no-IOMMU groups");
	if (!iommu_any_present(system))
		return why_refused(why, EOPNOTSUPP, "no-iommu", "this host has no IOMMU");
	if (type == VFIO_TYPE1_NESTING_IOMMU && !iommu_nesting_probe(system, why))
		return -EOPNOTSUPP;
	return 0;
}

static int attach_with_stage1(struct vfio_container *container, struct vfio_group *group,
	enum iommu_domain_kind kind, struct why *why)
{
	int ret = ioas_attach_group(container->ioas, group->iommu, kind, why);

	if (ret)
		return ret;
	ret = vfio_nested_join(container, group, why);
	if (ret)
		ioas_detach_group(container->ioas, group->iommu);
	return ret;
}

int vfio_attach_group(struct vfio_container *container, struct vfio_group *group, struct why *why)
{
	enum iommu_domain_kind kind;
	int ret;

	if (!container->ioas)
		return 0;
	/* Linux 7.3 vfio_iommu_type1_attach_group: attaching may pin. */
	if (vfio_vaddr_any_invalid(container))
		return why_refused(why, EBUSY, "vaddr-invalid",
			"the vaddr of some mapping is invalid, no group can join meanwhile");
	ret = group_kind(group, container->type, &kind, why);
	if (!ret)
		ret = attach_with_stage1(container, group, kind, why);
	if (ret)
		why_about(why, group->name, NULL, vfio_group_iommu_name(group));
	return ret;
}

/* Detach what was attached before the group that failed. */
static void unwind(struct vfio_container *container, struct vfio_group *failed)
{
	struct vfio_group *group;

	cds_list_for_each_entry (group, &container->groups, member) {
		if (group == failed)
			return;
		ioas_detach_group(container->ioas, group->iommu);
	}
}

int vfio_set_iommu(struct vfio_container *container, unsigned type, struct why *why)
{
	struct vfio_group *group;
	int ret;

	nb_assert(!container->type && !container->ioas);
	container->type = type;
	if (type == VFIO_NOIOMMU_IOMMU)
		return 0;
	container->ioas = ioas_create(&container->vfio->machine->ioas_env);
	if (!container->ioas) {
		container->type = 0;
		return why_refused(why, ENOMEM, "host-resources", "out of memory");
	}
	cds_list_for_each_entry (group, &container->groups, member) {
		ret = vfio_attach_group(container, group, why);
		if (ret) {
			unwind(container, group);
			vfio_unset_iommu(container);
			return ret;
		}
	}
	return 0;
}

void vfio_unset_iommu(struct vfio_container *container)
{
	vfio_vaddr_forget(container, 0, UINT64_MAX);
	if (container->ioas)
		ioas_destroy(container->ioas);
	container->ioas = NULL;
	container->type = 0;
	container->stage1 = (struct vfio_stage1){ 0 };
	container->msi = (struct vfio_msi_binding){ 0 };
	container->dirty_tracking = false;
}
