/* SPDX-License-Identifier: MIT */
/*
 * Groups (/dev/vfio/ID): one open file at a time, membership of a container, and opening devices.
 * Order of checks: Linux 7.3 drivers/vfio/group.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "vfio/internal.h"

#define NAME_MAX_BYTES 4096 /* Linux 7.3 group.c: strndup_user(arg, PAGE_SIZE) */

static const struct file_ops group_ops;

static struct vfio_group *group_from_file(struct file *file)
{
	nb_assert(file->ops == &group_ops);
	return caa_container_of(file, struct vfio_group_file, file)->group;
}

struct vfio_group *vfio_group_of_file(struct file *file)
{
	return file->ops == &group_ops ? group_from_file(file) : NULL;
}

const char *vfio_group_iommu_name(const struct vfio_group *group)
{
	return group->iommu && group->iommu->iommu ? group->iommu->iommu->name : NULL;
}

bool vfio_is_vfio_driver(const char *driver)
{
	return driver && !strcmp(driver, "vfio-pci");
}

/* The host lock and the group's mark, around whatever changes the group. */
static struct hostlock *group_lock(struct vfio_group *group)
{
	struct hostlock *lock = vfio_lock(group->vfio);

	hostlock_lock(lock);
	busy_begin(lock, &group->busy);
	return lock;
}

static void group_unlock(struct vfio_group *group)
{
	struct hostlock *lock = vfio_lock(group->vfio);

	busy_end(lock, &group->busy);
	hostlock_unlock(lock);
}

/* Linux 7.3 vfio_device_remove_group: what has the file open then is left without a group. */
static bool is_revoked(struct file *file)
{
	return caa_container_of(file, struct vfio_group_file, file)->revoked;
}

bool vfio_group_file_owns(struct file *file, const struct vfio_group *group)
{
	return group && vfio_group_of_file(file) == group && !is_revoked(file);
}

static int gone(const struct vfio_group *group, struct why *why)
{
	return why_refused(why, ENODEV, "group-is-gone",
		"the last device of group %s was taken off vfio-pci since this was opened",
		group->name);
}

/* ---- GET_STATUS ---- */

static long group_get_status(struct ioctl_call *call, void *data)
{
	struct vfio_group *group = group_from_file(call->file);
	struct vfio_group_status *status = data;

	long ret = 0;

	group_lock(group);
	status->flags = 0;
	if (is_revoked(call->file))
		ret = gone(group, call->why);
	else if (group->container)
		status->flags = VFIO_GROUP_FLAGS_CONTAINER_SET | VFIO_GROUP_FLAGS_VIABLE;
	else if (!group->iommu || iommu_group_viable(group->iommu, NULL))
		status->flags = VFIO_GROUP_FLAGS_VIABLE;
	group_unlock(group);
	return ret;
}

/* ---- SET_CONTAINER, UNSET_CONTAINER ---- */

static long join_file(struct vfio_group *group, struct file *file, struct why *why)
{
	struct vfio_container *container = file ? vfio_container_from_file(file) : NULL;

	if (group->container)
		return why_misuse(why, EINVAL, "group-has-container",
			"group %s is in a container already", group->name);
	if (!container)
		return why_misuse(why, EBADFD, "not-a-container",
			"the descriptor is no container (/dev/vfio/vfio)");
	return vfio_container_join(container, group, why);
}

static long group_set_container(struct ioctl_call *call, void *data)
{
	struct vfio_group *group = group_from_file(call->file);
	struct file *file = NULL;
	int32_t fd;
	long ret;

	if (call->caller->ops->copy_in(call->caller, &fd, call->uaddr, sizeof(fd)))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"VFIO_GROUP_SET_CONTAINER takes a pointer to a descriptor, 0x%llx is none",
			(unsigned long long)call->uaddr);
	if (call->caller->ops->get_file(call->caller, fd, &file))
		return why_misuse(
			call->why, EBADF, "bad-descriptor", "descriptor %d is not open", fd);
	group_lock(group);
	ret = is_revoked(call->file) ? gone(group, call->why) : join_file(group, file, call->why);
	if (ret)
		why_about(call->why, group->name, NULL, NULL);
	group_unlock(group);
	if (file)
		file_put(file);
	return ret;
}

static long unset_container(struct vfio_group *group, struct why *why)
{
	if (!group->container)
		return why_misuse(why, EINVAL, "group-has-no-container",
			"group %s is in no container", group->name);
	if (group->container_users != 1)
		return why_refused(why, EBUSY, "devices-open", "%u devices of the group are open",
			group->container_users - 1);
	vfio_container_leave(group);
	return 0;
}

static long group_unset_container(struct ioctl_call *call, void *data)
{
	struct vfio_group *group = group_from_file(call->file);
	long ret;

	group_lock(group);
	/* No container: EINVAL. */
	ret = is_revoked(call->file) ? why_misuse(call->why, EINVAL, "group-has-no-container",
					       "group %s is in no container", group->name)
				     : unset_container(group, call->why);
	if (ret)
		why_about(call->why, group->name, NULL, NULL);
	group_unlock(group);
	return ret;
}

/* ---- GET_DEVICE_FD ---- */

/* A string of the program of at most NAME_MAX_BYTES with its end; name has room for that. */
static int copy_name(struct ioctl_call *call, char *name)
{
	size_t got = 0;

	while (got < NAME_MAX_BYTES) {
		uint64_t from = call->uaddr + got;
		/* Page by page: what follows the string's own page may not be there. */
		size_t len = MIN(4096 - (from & 4095), NAME_MAX_BYTES - got);

		if (call->caller->ops->copy_in(call->caller, name + got, from, len))
			return why_misuse(call->why, EFAULT, "bad-argument-pointer",
				"VFIO_GROUP_GET_DEVICE_FD takes a string, 0x%llx is none",
				(unsigned long long)call->uaddr);
		if (memchr(name + got, 0, len))
			return 0;
		got += len;
	}
	return why_misuse(call->why, EINVAL, "name-too-long",
		"the device's name has no end within %d bytes", NAME_MAX_BYTES);
}

static bool group_has(const struct vfio_group *group, const struct machine_device *dev)
{
	if (!vfio_is_vfio_driver(dev->iommu.driver))
		return false;
	return group->iommu ? dev->iommu.group == group->iommu : dev == group->noiommu;
}

/*
 * Linux 7.3 vfio_pci_core_match: the address, then options after a blank. The one option there is,
 * vf_token, is refused for what is neither a PF with virtual functions nor one of these.
 */
static int find_device(
	struct vfio_group *group, const char *name, struct machine_device **out, struct why *why)
{
	struct machine *machine = group->vfio->machine;
	size_t len = strcspn(name, " ");

	for (unsigned i = 0; i < machine->n_devices; i++) {
		struct machine_device *dev = &machine->devices[i];

		if (!group_has(group, dev) || strlen(dev->iommu.name) != len ||
			memcmp(dev->iommu.name, name, len) != 0)
			continue;
		if (name[len + strspn(name + len, " ")])
			return why_misuse(why, EINVAL, "unknown-device-option",
				"options after the device's name: %.64s", name + len);
		*out = dev;
		return 0;
	}
	return why_misuse(why, ENODEV, "no-such-device",
		"group %s has no device \"%.64s\" bound to vfio-pci", group->name, name);
}

/* One more user of the container, as long as the device is open. Host lock, group's mark. */
static int group_use(struct vfio_device *device, struct why *why)
{
	struct vfio_group *group = device->group;

	if (!group->container)
		return why_misuse(why, EINVAL, "group-has-no-container",
			"a device opens only while its group is in a container with an IOMMU");
	if (!group->container->type)
		return why_misuse(why, EINVAL, "iommu-not-set",
			"the group's container has no IOMMU yet (VFIO_SET_IOMMU)");
	if (group->container->noiommu && group->vfio->options.deny_rawio)
		return why_refused(
			why, EPERM, "noiommu-needs-rawio", "no-IOMMU groups need CAP_SYS_RAWIO");
	group->container_users++;
	device->holds++;
	file_get(&group->opened->file);
	return 0;
}

bool vfio_group_unuse(struct vfio_device *device)
{
	struct vfio_group *group = device->group;
	struct hostlock *lock = vfio_lock(group->vfio);
	struct vfio_group_file *opened;
	bool left;

	hostlock_lock(lock);
	nb_assert(group->container_users > 1 && device->holds);
	group->container_users--;
	left = !--device->holds && device->dev->leaving;
	opened = group->opened;
	hostlock_unlock(lock);
	file_put(&opened->file);
	return left;
}

static int open_device(
	struct file *group_file, struct machine_device *dev, struct file **out, struct why *why)
{
	struct vfio_group *group = group_from_file(group_file);
	struct vfio *vfio = group->vfio;
	struct vfio_device *device = &vfio->devices[dev - vfio->machine->devices];
	struct hostlock *lock = group_lock(group);
	int ret;

	/* Taken off vfio-pci since it was looked up, and perhaps bound and opened anew. */
	if (is_revoked(group_file))
		ret = gone(group, why);
	else if (!group_has(group, dev))
		ret = why_misuse(why, ENODEV, "no-such-device",
			"the device is not bound to vfio-pci any more");
	else
		ret = group_use(device, why);

	if (!ret) {
		/* The mark keeps the group in its container. */
		hostlock_unlock(lock);
		ret = vfio_device_open(device, out, why);
		if (ret)
			vfio_group_unuse(device);
		hostlock_lock(lock);
	}
	group_unlock(group);
	return ret;
}

static long group_get_device_fd(struct ioctl_call *call, void *data)
{
	struct vfio_group *group = group_from_file(call->file);
	struct machine_device *dev = NULL;
	struct file *file = NULL;
	char name[NAME_MAX_BYTES];
	int ret, fd;

	ret = copy_name(call, name);
	if (!ret) {
		hostlock_lock(vfio_lock(group->vfio));
		ret = is_revoked(call->file) ? gone(group, call->why)
					     : find_device(group, name, &dev, call->why);
		hostlock_unlock(vfio_lock(group->vfio));
	}
	if (dev && !ret)
		ret = open_device(call->file, dev, &file, call->why);
	if (ret) {
		why_about(call->why, group->name, dev ? dev->iommu.name : NULL, NULL);
		return ret;
	}
	fd = call->caller->ops->install(call->caller, file, O_CLOEXEC);
	if (fd < 0) {
		file_put(file);
		why_refused(call->why, -fd, "no-descriptor", "the program has no descriptor left");
	}
	return fd;
}

/* ---- the file ---- */

static const struct ioctl_row group_rows[] = {
	{ VFIO_GROUP_GET_STATUS, "VFIO_GROUP_GET_STATUS", sizeof(struct vfio_group_status),
		group_get_status, true },
	{ VFIO_GROUP_SET_CONTAINER, "VFIO_GROUP_SET_CONTAINER", 0, group_set_container, false },
	{ VFIO_GROUP_UNSET_CONTAINER, "VFIO_GROUP_UNSET_CONTAINER", 0, group_unset_container,
		false },
	{ VFIO_GROUP_GET_DEVICE_FD, "VFIO_GROUP_GET_DEVICE_FD", 0, group_get_device_fd, false },
};

static long group_ioctl(
	struct file *file, struct caller *caller, unsigned cmd, uint64_t arg, struct why *why)
{
	struct ioctl_call call = {
		.file = file, .caller = caller, .cmd = cmd, .uaddr = arg, .why = why
	};

	return ioctl_dispatch(group_rows, ARRAY_LEN(group_rows), &call);
}

/* Open devices hold the file, so that none is left here. */
static void group_release(struct file *file)
{
	struct vfio_group_file *opened = caa_container_of(file, struct vfio_group_file, file);
	struct vfio_group *group = opened->group;

	group_lock(group);
	if (group->container && !opened->revoked)
		vfio_container_leave(group);
	if (!opened->revoked)
		group->opened = NULL;
	group_unlock(group);
	free(opened);
}

static const struct file_ops group_ops = {
	.name = "group",
	.ioctl = group_ioctl,
	.release = group_release,
};

bool vfio_group_has_device(const struct vfio_group *group)
{
	const struct machine *machine = group->vfio->machine;

	for (unsigned i = 0; i < machine->n_devices; i++)
		if (group_has(group, &machine->devices[i]) ||
			(machine->devices[i].leaving && group->vfio->devices[i].group == group))
			return true;
	return false;
}

void vfio_group_emptied(struct vfio_group *group)
{
	if (vfio_group_has_device(group))
		return;
	/* Linux 7.3 vfio_device_remove_group */
	if (group->container)
		vfio_container_leave(group);
	if (group->opened)
		group->opened->revoked = true;
	group->opened = NULL;
}

static int check_open(struct vfio_group *group, struct why *why)
{
	if (!vfio_group_has_device(group))
		return why_refused(why, ENODEV, "no-vfio-device",
			"no device of the group is bound to vfio-pci");
	if (!group->iommu && group->vfio->options.deny_rawio)
		return why_refused(
			why, EPERM, "noiommu-needs-rawio", "no-IOMMU groups need CAP_SYS_RAWIO");
	if (group->opened)
		return why_refused(why, EBUSY, "group-is-open",
			"the group is open already, and opens once only");
	return 0;
}

int vfio_group_open(struct vfio_group *group, struct file **out, struct why *why)
{
	struct vfio_group_file *opened = calloc(1, sizeof(*opened));
	int ret;

	if (!opened)
		return why_refused(why, ENOMEM, "host-resources", "out of memory");
	file_init(&opened->file, &group_ops);
	opened->group = group;
	group_lock(group);
	ret = check_open(group, why);
	if (!ret)
		group->opened = opened;
	group_unlock(group);
	if (ret) {
		why_about(why, group->name, NULL, vfio_group_iommu_name(group));
		free(opened);
		return ret;
	}
	*out = &opened->file;
	return 0;
}

int vfio_device_msi_addr(struct vfio_device *device, uint64_t *addr, struct why *why)
{
	struct vfio_group *group = device->group;
	struct vfio_container *container = group->container;
	struct hostlock *lock = vfio_lock(group->vfio);
	nb_iova page = NB_IOVA(0);
	int ret = 0;

	nb_assert(container && container->type);
	if (!container->ioas) {
		*addr = msi_doorbell_page(group->vfio->machine->msi).v + MSI_TRANSLATER;
		return 0;
	}
	busy_begin(lock, &container->busy);
	if (!vfio_nested_msi_page(device, &page.v))
		ret = ioas_msi_map(container->ioas, group->iommu, &page, why);
	busy_end(lock, &container->busy);
	if (!ret)
		*addr = page.v + MSI_TRANSLATER;
	return ret;
}
