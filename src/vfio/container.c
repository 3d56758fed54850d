/* SPDX-License-Identifier: MIT */
/*
 * Containers (/dev/vfio/vfio): the calls that every container has, and membership of groups.
 * Order of checks: Linux 7.3 drivers/vfio/container.c.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/check.h"
#include "vfio/internal.h"

static void container_put(struct vfio_container *container)
{
	if (--container->refs)
		return;
	/* Each member group held a reference, and with the last group the IOMMU went. */
	nb_assert(!container->type && cds_list_empty(&container->groups));
	cds_list_del(&container->link);
	free(container);
}

static void container_release(struct file *file)
{
	struct vfio_container *container = vfio_container_from_file(file);
	struct hostlock *lock = vfio_lock(container->vfio);

	hostlock_lock(lock);
	container_put(container);
	hostlock_unlock(lock);
}

/* ---- CHECK_EXTENSION ---- */

/* For an IOMMU type: 0, or why not. */
static int check_type(struct vfio_container *container, unsigned type, struct why *why)
{
	if (cds_list_empty(&container->groups))
		return vfio_host_can(container->vfio, type, why);
	if (!container->type)
		return vfio_try_iommu(container, type, why);
	if (type == VFIO_TYPE1_NESTING_IOMMU && !container->noiommu)
		return vfio_groups_nest(container, why);
	/* With an IOMMU set its backend answers: type 1 for both its types, no-IOMMU for itself. */
	return container->noiommu == (type == VFIO_NOIOMMU_IOMMU) ? 0 : -ENODEV;
}

/* The reason of a 0 for the nesting type is worth a line, once for each container (R3). */
static void explain_check(struct vfio_container *container, struct why *from, struct why *why)
{
	if (!why || container->explained || from->class == WHY_NONE)
		return;
	container->explained = true;
	*why = *from;
	why->class = WHY_REFUSED;
	why->err = 0;
}

static long check_other(struct vfio_container *container, unsigned long number)
{
	bool empty = cds_list_empty(&container->groups);

	/*
	 * No type 1 backend: in a no-IOMMU container, and on a host without IOMMU (FIDELITY: there
	 * Linux's says yes once it is loaded, and no group could ever use it).
	 */
	if (container->noiommu && !empty)
		return 0;
	if (!iommu_any_present(&container->vfio->machine->iommu))
		return 0;
	return vfio_type1_extension(number, container->type != 0);
}

/* The host lock and the container's mark; -EINTR with neither. */
static int container_begin(struct ioctl_call *call)
{
	struct vfio_container *container = vfio_container_from_file(call->file);
	struct hostlock *lock = vfio_lock(container->vfio);
	int ret;

	hostlock_lock(lock);
	ret = ioctl_busy_begin(call, lock, &container->busy);
	if (ret)
		hostlock_unlock(lock);
	return ret;
}

static long container_check_extension(struct ioctl_call *call, void *data)
{
	struct vfio_container *container = vfio_container_from_file(call->file);
	struct hostlock *lock = vfio_lock(container->vfio);
	struct why reason = { 0 };
	long ret;

	if (container_begin(call))
		return -EINTR;
	switch (call->uaddr) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_NOIOMMU_IOMMU:
		ret = check_type(container, (unsigned)call->uaddr, NULL) == 0;
		break;
	case VFIO_TYPE1_NESTING_IOMMU:
		ret = check_type(container, VFIO_TYPE1_NESTING_IOMMU, &reason) == 0;
		if (!ret)
			explain_check(container, &reason, call->why);
		break;
	default:
		ret = check_other(container, call->uaddr);
	}
	busy_end(lock, &container->busy);
	hostlock_unlock(lock);
	return ret;
}

/* ---- SET_IOMMU ---- */

static int set_iommu(struct vfio_container *container, uint64_t type, struct why *why)
{
	int ret;

	if (cds_list_empty(&container->groups)) {
		ret = why_misuse(why, EINVAL, "container-has-no-group",
			"SET_IOMMU on a container without a group");
		why_instead(why, "VFIO_GROUP_SET_CONTAINER first");
		return ret;
	}
	if (container->type)
		return why_misuse(why, EINVAL, "iommu-already-set",
			"the container has an IOMMU of type %u; it goes with the last group",
			container->type);
	/* Linux passes an unsigned long; what does not fit is no type. */
	if (type > UINT32_MAX)
		type = UINT32_MAX;
	ret = vfio_try_iommu(container, (unsigned)type, why);
	return ret ? ret : vfio_set_iommu(container, (unsigned)type, why);
}

static long container_set_iommu(struct ioctl_call *call, void *data)
{
	struct vfio_container *container = vfio_container_from_file(call->file);
	struct hostlock *lock = vfio_lock(container->vfio);
	long ret;

	if (container_begin(call))
		return -EINTR;
	ret = set_iommu(container, call->uaddr, call->why);
	busy_end(lock, &container->busy);
	hostlock_unlock(lock);
	return ret;
}

static long container_get_api_version(struct ioctl_call *call, void *data)
{
	return VFIO_API_VERSION;
}

/* ---- the file ---- */

static const struct ioctl_row container_rows[] = {
	{ VFIO_GET_API_VERSION, "VFIO_GET_API_VERSION", 0, container_get_api_version, false },
	{ VFIO_CHECK_EXTENSION, "VFIO_CHECK_EXTENSION", 0, container_check_extension, false },
	{ VFIO_SET_IOMMU, "VFIO_SET_IOMMU", 0, container_set_iommu, false },
};

static unsigned container_type(struct vfio_container *container)
{
	struct hostlock *lock = vfio_lock(container->vfio);
	unsigned type;

	hostlock_lock(lock);
	type = container->type;
	hostlock_unlock(lock);
	return type;
}

/* All other calls are the backend's; without one, whatever they are, EINVAL. */
static long backend_ioctl(struct ioctl_call *call)
{
	unsigned type = container_type(vfio_container_from_file(call->file));
	int ret;

	if (type == VFIO_NOIOMMU_IOMMU)
		return why_protocol(call->why, ENOTTY, "noiommu-has-no-calls",
			"a no-IOMMU container has no ioctl 0x%x", call->cmd);
	if (type)
		return vfio_type1_ioctl(call);
	if (_IOC_TYPE(call->cmd) != VFIO_TYPE) /* isatty and the like */
		return why_protocol(call->why, EINVAL, "unknown-ioctl",
			"a container without IOMMU has no ioctl 0x%x", call->cmd);
	ret = why_misuse(call->why, EINVAL, "iommu-not-set",
		"ioctl 0x%x needs an IOMMU, and the container has none yet", call->cmd);
	why_instead(call->why, "VFIO_SET_IOMMU first");
	return ret;
}

static long container_ioctl(
	struct file *file, struct caller *caller, unsigned cmd, uint64_t arg, struct why *why)
{
	struct ioctl_call call = {
		.file = file, .caller = caller, .cmd = cmd, .uaddr = arg, .why = why
	};

	for (unsigned i = 0; i < ARRAY_LEN(container_rows); i++)
		if (container_rows[i].cmd == cmd)
			return ioctl_dispatch(container_rows, ARRAY_LEN(container_rows), &call);
	return backend_ioctl(&call);
}

static const struct file_ops container_ops = {
	.name = "container",
	.ioctl = container_ioctl,
	.release = container_release,
};

struct vfio_container *vfio_container_from_file(struct file *file)
{
	return file->ops == &container_ops ? caa_container_of(file, struct vfio_container, file)
					   : NULL;
}

int vfio_container_open(struct vfio *vfio, struct file **out, struct why *why)
{
	struct vfio_container *container = calloc(1, sizeof(*container));

	if (!container)
		return why_refused(why, ENOMEM, "host-resources", "out of memory");
	file_init(&container->file, &container_ops);
	container->vfio = vfio;
	container->refs = 1;
	CDS_INIT_LIST_HEAD(&container->groups);
	RB_INIT(&container->stale);
	hostlock_lock(vfio_lock(vfio));
	container->id = ++vfio->last_id;
	cds_list_add_tail(&container->link, &vfio->containers);
	hostlock_unlock(vfio_lock(vfio));
	*out = &container->file;
	return 0;
}

/* ---- membership ---- */

/* What Linux calls claiming DMA ownership: no other driver may have devices of the group. */
static int claim(struct vfio_group *group, struct why *why)
{
	struct why inner = { 0 };

	if (!group->iommu || iommu_group_viable(group->iommu, &inner))
		return 0;
	if (why && why->class == WHY_NONE)
		*why = inner;
	if (why)
		why->err = EPERM;
	why_refused(why, EPERM, "group-not-viable",
		"a device of the group is bound to another driver of the host");
	why_about(why, group->name, NULL, NULL);
	return -EPERM;
}

static int join(struct vfio_container *container, struct vfio_group *group, struct why *why)
{
	bool noiommu = !group->iommu;
	int ret;

	/* Linux 7.3 vfio_container_attach_group, in its order. */
	if (noiommu && container->vfio->options.deny_rawio)
		return why_refused(
			why, EPERM, "noiommu-needs-rawio", "no-IOMMU groups need CAP_SYS_RAWIO");
	if (!cds_list_empty(&container->groups) && container->noiommu != noiommu)
		return why_refused(why, EPERM, "noiommu-mix",
			"groups with and without IOMMU cannot share a container");
	ret = claim(group, why);
	if (!ret)
		ret = vfio_attach_group(container, group, why);
	if (ret)
		return ret;

	group->container = container;
	group->container_users = 1;
	container->noiommu = noiommu;
	container->refs++;
	/* At the head, as Linux: attaching goes from the group that came last. */
	cds_list_add(&group->member, &container->groups);
	return 0;
}

int vfio_container_join(struct vfio_container *container, struct vfio_group *group, struct why *why)
{
	struct hostlock *lock = vfio_lock(container->vfio);
	int ret;

	busy_begin(lock, &container->busy);
	ret = join(container, group, why);
	if (ret)
		why_about(why, group->name, NULL, vfio_group_iommu_name(group));
	busy_end(lock, &container->busy);
	return ret;
}

void vfio_container_leave(struct vfio_group *group)
{
	struct vfio_container *container = group->container;
	struct hostlock *lock = vfio_lock(container->vfio);

	nb_assert(group->container_users == 1);
	busy_begin(lock, &container->busy);
	if (container->ioas)
		ioas_detach_group(container->ioas, group->iommu);
	vfio_nested_leave(container, group);
	cds_list_del(&group->member);
	group->container = NULL;
	group->container_users = 0;
	/* Linux: detaching the last group deprivileges the container, its IOMMU goes. */
	if (cds_list_empty(&container->groups) && container->type)
		vfio_unset_iommu(container);
	busy_end(lock, &container->busy);
	container_put(container);
}
