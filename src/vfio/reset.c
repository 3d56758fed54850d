/* SPDX-License-Identifier: MIT */
/*
 * Resets: of one function, and of all functions that share a bus (hot reset). Order of checks:
 * Linux 7.3 vfio_pci_core.c.
 *
 * A hot reset is the upstream port's secondary bus reset, so its scope is the bus: no simulated host
 * has slots that can be reset (pci_probe_reset_slot). Bus 0 is a root bus, above which is no port.
 * Who asks for one must show that the whole set is his, by the groups' files.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "vfio/bind.h"
#include "vfio/internal.h"

static void reset_function(struct pci_dev *pci)
{
	pthread_mutex_lock(&pci->lock);
	pci_dev_reset(pci);
	pthread_mutex_unlock(&pci->lock);
}

/* Linux 7.3 vfio_pci_ioctl_reset. All our functions can be reset (reset_works). */
long vfio_device_reset(struct ioctl_call *call, void *data)
{
	reset_function(vfio_device_pci(vfio_device_from_file(call->file)));
	return 0;
}

void vfio_reset(struct vfio *vfio, const struct machine_device *dev)
{
	struct vfio_device *device = &vfio->devices[dev - vfio->machine->devices];

	vfio_device_use(device);
	reset_function(vfio_device_pci(device));
	vfio_device_unuse(device);
}

/* ---- which functions a hot reset affects ---- */

struct affected {
	struct vfio_device *devices[HOST_MAX_DEVICES];
	unsigned n;
};

static void find_affected(const struct vfio_device *device, struct affected *out)
{
	struct vfio *vfio = device->vfio;
	const struct pci_dev *pci = vfio_device_pci(device), *other;

	out->n = 0;
	for (unsigned i = 0; i < vfio->machine->n_devices; i++) {
		other = vfio_device_pci(&vfio->devices[i]);
		if (other->segment == pci->segment && other->bus == pci->bus)
			out->devices[out->n++] = &vfio->devices[i];
	}
}

/* Linux 7.3 pci_probe_reset_bus. */
static int no_reset(const struct vfio_device *device, struct why *why)
{
	const struct pci_dev *pci = vfio_device_pci(device);

	if (pci->bus != 0)
		return 0;
	return why_refused(why, ENODEV, "no-hot-reset",
		"%s is on a root bus: there is no port above that could reset it", pci->name);
}

/* ---- GET_PCI_HOT_RESET_INFO ---- */

/* Linux 7.3 vfio_pci_fill_devs, for a device that was opened through its group. Host lock held. */
static int describe(
	const struct vfio_device *device, struct vfio_pci_dependent_device *out, struct why *why)
{
	const struct pci_dev *pci = vfio_device_pci(device);
	const struct iommu_group *iommu = device->dev->iommu.group;

	/* Without an IOMMU only VFIO makes a group, while it has the device. */
	if (!iommu && !(device->group && vfio_group_has_device(device->group)))
		return why_refused(why, EPERM, "not-isolated",
			"the reset would affect %s, which is in no group", pci->name);
	*out = (struct vfio_pci_dependent_device){
		.group_id = iommu ? (uint32_t)iommu->id : (uint32_t)device->group->id,
		.segment = pci->segment,
		.bus = pci->bus,
		.devfn = pci->devfn,
	};
	return 0;
}

static int describe_all(
	const struct affected *affected, struct vfio_pci_dependent_device *out, struct why *why)
{
	int err = 0;

	for (unsigned i = 0; i < affected->n && !err; i++)
		err = describe(affected->devices[i], &out[i], why);
	return err;
}

static long put_affected(struct ioctl_call *call, const struct affected *affected)
{
	struct hostlock *lock = vfio_lock(vfio_device_from_file(call->file)->vfio);
	struct vfio_pci_dependent_device list[HOST_MAX_DEVICES];
	int err;

	hostlock_lock(lock);
	err = describe_all(affected, list, call->why);
	hostlock_unlock(lock);
	if (err)
		return err;
	if (call->caller->ops->copy_out(call->caller,
		    call->uaddr + sizeof(struct vfio_pci_hot_reset_info), list,
		    affected->n * sizeof(list[0])))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"the list of %u devices cannot be written", affected->n);
	return 0;
}

static long put_header(struct ioctl_call *call, const struct vfio_pci_hot_reset_info *hdr)
{
	if (!call->caller->ops->copy_out(call->caller, call->uaddr, hdr, sizeof(*hdr)))
		return 0;
	return why_misuse(call->why, EFAULT, "bad-argument-pointer",
		"VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: the argument cannot be written");
}

/* Linux 7.3 vfio_pci_ioctl_get_pci_hot_reset_info: where the list has no room, its length. */
long vfio_device_hot_reset_info(struct ioctl_call *call, void *data)
{
	const struct vfio_device *device = vfio_device_from_file(call->file);
	struct vfio_pci_hot_reset_info *hdr = data;
	struct affected affected;
	long ret = no_reset(device, call->why);

	if (ret)
		return ret;
	find_affected(device, &affected);
	hdr->flags = 0;
	hdr->count = affected.n;
	if (affected.n > (hdr->argsz - sizeof(*hdr)) / sizeof(struct vfio_pci_dependent_device)) {
		ret = put_header(call, hdr);
		return ret ? ret
			   : why_protocol(call->why, ENOSPC, "argsz-too-small",
				     "%u devices are affected", affected.n);
	}
	ret = put_affected(call, &affected);
	return ret ? ret : put_header(call, hdr);
}

/* ---- PCI_HOT_RESET ---- */

/* The groups that the program showed; each file is held until the reset is over. */
struct shown {
	struct file *files[HOST_MAX_DEVICES];
	unsigned n;
};

static void put_files(struct shown *shown)
{
	while (shown->n)
		file_put(shown->files[--shown->n]);
}

static long take_files(struct ioctl_call *call, const int32_t *fds, unsigned n, struct shown *shown)
{
	struct file *file;

	for (shown->n = 0; shown->n < n;) {
		int32_t fd = fds[shown->n];

		file = NULL;
		if (call->caller->ops->get_file(call->caller, fd, &file))
			return why_misuse(call->why, EBADF, "bad-descriptor",
				"descriptor %d is not open", fd);
		if (file)
			shown->files[shown->n++] = file;
		if (!file || !vfio_group_of_file(file))
			return why_misuse(call->why, EINVAL, "not-a-group",
				"descriptor %d is no group (/dev/vfio/ID)", fd);
	}
	return 0;
}

static bool is_shown(const struct shown *shown, const struct vfio_group *group)
{
	for (unsigned i = 0; i < shown->n; i++)
		if (vfio_group_file_owns(shown->files[i], group))
			return true;
	return false;
}

/*
 * Linux 7.3 vfio_pci_dev_set_resettable: every function has VFIO's driver, be it one that waits for
 * its user before it lets go. Host lock.
 */
static int check_drivers(const struct affected *affected, struct why *why)
{
	for (unsigned i = 0; i < affected->n; i++) {
		const struct machine_device *dev = affected->devices[i]->dev;

		if (!dev->leaving && !vfio_is_vfio_driver(dev->iommu.driver))
			return why_refused(why, EINVAL, "device-not-vfio",
				"%s would be reset too, and vfio-pci does not hold it",
				dev->pci.name);
	}
	return 0;
}

/* The ownership of vfio_pci_dev_set_hot_reset: each is in a group that was shown. Host lock. */
static int check_owner(const struct affected *affected, const struct shown *shown, struct why *why)
{
	for (unsigned i = 0; i < affected->n; i++)
		if (!is_shown(shown, affected->devices[i]->group))
			return why_refused(why, EINVAL, "group-not-shown",
				"%s would be reset too, and its group is not among those given",
				vfio_device_pci(affected->devices[i])->name);
	return 0;
}

/* With all of them awake. */
static long reset_owned(
	struct ioctl_call *call, const struct affected *affected, const struct shown *shown)
{
	struct hostlock *lock = vfio_lock(vfio_device_from_file(call->file)->vfio);
	long ret;

	hostlock_lock(lock);
	ret = check_owner(affected, shown, call->why);
	hostlock_unlock(lock);
	for (unsigned i = 0; !ret && i < affected->n; i++)
		reset_function(vfio_device_pci(affected->devices[i]));
	return ret;
}

static long reset_set(
	struct ioctl_call *call, const struct affected *affected, const struct shown *shown)
{
	struct hostlock *lock = vfio_lock(vfio_device_from_file(call->file)->vfio);
	long ret;

	hostlock_lock(lock);
	ret = check_drivers(affected, call->why);
	hostlock_unlock(lock);
	if (ret)
		return ret;
	/* Linux 7.3 vfio_pci_dev_set_pm_runtime_get */
	for (unsigned i = 0; i < affected->n; i++)
		vfio_device_use(affected->devices[i]);
	ret = reset_owned(call, affected, shown);
	for (unsigned i = 0; i < affected->n; i++)
		vfio_device_unuse(affected->devices[i]);
	return ret;
}

/* Linux 7.3 vfio_pci_ioctl_pci_hot_reset_groups */
static long reset_groups(struct ioctl_call *call, unsigned n, const struct affected *affected)
{
	int32_t fds[HOST_MAX_DEVICES];
	struct shown shown;
	long ret;

	if (n > affected->n)
		return why_misuse(call->why, EINVAL, "bad-hot-reset",
			"%u groups: no more than %u devices are affected", n, affected->n);
	if (call->caller->ops->copy_in(call->caller, fds,
		    call->uaddr + sizeof(struct vfio_pci_hot_reset), n * sizeof(fds[0])))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"the %u descriptors behind the header cannot be read", n);
	ret = take_files(call, fds, n, &shown);
	if (!ret)
		ret = reset_set(call, affected, &shown);
	put_files(&shown);
	return ret;
}

/* Linux 7.3 vfio_pci_ioctl_pci_hot_reset: without groups it is for devices opened by themselves. */
long vfio_device_hot_reset(struct ioctl_call *call, void *data)
{
	const struct vfio_device *device = vfio_device_from_file(call->file);
	const struct vfio_pci_hot_reset *hdr = data;
	struct affected affected;
	long ret;

	if (hdr->flags || !hdr->count)
		return why_misuse(call->why, EINVAL, "bad-hot-reset",
			"flags 0x%x, %u groups: no flags, at least one group", hdr->flags,
			hdr->count);
	ret = no_reset(device, call->why);
	if (ret)
		return ret;
	find_affected(device, &affected);
	return reset_groups(call, hdr->count, &affected);
}
