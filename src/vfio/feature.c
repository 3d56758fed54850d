/* SPDX-License-Identifier: MIT */
/*
 * VFIO_DEVICE_FEATURE (Linux 7.3 vfio_ioctl_device_feature, vfio_pci_core_ioctl_feature), and the one
 * feature that our devices have: to be put into a low power state while nobody uses them.
 *
 * Linux suspends the device (runtime power management) once the program has allowed it and no call
 * is in progress, and resumes it for each call. Here it is suspended when the last call ends. With a
 * wake-up eventfd the first resume signals that, and the permission is over.
 */
#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/bits.h"
#include "irq/eventfd.h"
#include "vfio/internal.h"

#define GET   VFIO_DEVICE_FEATURE_GET
#define SET   VFIO_DEVICE_FEATURE_SET
#define PROBE VFIO_DEVICE_FEATURE_PROBE

/* ---- low power ---- */

/* Linux 7.3 __vfio_pci_runtime_pm_exit. The endpoint's lock held; returns the wake-up eventfd. */
static int leave(struct vfio_low_power *power)
{
	int fd = power->wake_fd;

	power->engaged = false;
	power->wake_fd = -1;
	return fd;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Linux 7.3 vfio_pci_core_runtime_resume */
static void resume(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);
	int fd = -1;

	pthread_mutex_lock(&pci->lock);
	if (pci->suspended) {
		pci_dev_suspend(pci, false);
		if (device->power.wake_fd >= 0)
			fd = leave(&device->power);
	}
	pthread_mutex_unlock(&pci->lock);
	if (fd >= 0)
		eventfd_raise(fd);
	close_fd(fd);
}

void vfio_device_use(struct vfio_device *device)
{
	atomic_fetch_add(&device->power.calls, 1);
	if (atomic_load(&device->power.engaged))
		resume(device);
}

void vfio_device_unuse(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);

	if (atomic_fetch_sub(&device->power.calls, 1) != 1 || !atomic_load(&device->power.engaged))
		return;
	pthread_mutex_lock(&pci->lock);
	if (device->power.engaged && !device->power.calls)
		pci_dev_suspend(pci, true);
	pthread_mutex_unlock(&pci->lock);
}

void vfio_low_power_close(struct vfio_device *device)
{
	struct pci_dev *pci = vfio_device_pci(device);
	int fd;

	pthread_mutex_lock(&pci->lock);
	fd = leave(&device->power);
	pci_dev_suspend(pci, false);
	pthread_mutex_unlock(&pci->lock);
	close_fd(fd);
}

/* Linux 7.3 vfio_pci_runtime_pm_entry; fd is the device's then. */
static int enter(struct vfio_device *device, int fd, struct why *why)
{
	struct pci_dev *pci = vfio_device_pci(device);
	bool was;

	pthread_mutex_lock(&pci->lock);
	was = device->power.engaged;
	if (!was) {
		device->power.wake_fd = fd;
		device->power.engaged = true;
	}
	pthread_mutex_unlock(&pci->lock);
	if (!was)
		return 0;
	return why_misuse(
		why, EINVAL, "low-power-already", "the device may enter a low power state already");
}

/* ---- features ---- */

struct feature_call {
	struct ioctl_call *call;
	struct vfio_device *device;
	uint64_t data; /* the program's, behind the header */
};

static int low_power_entry(const struct feature_call *feature)
{
	return enter(feature->device, -1, feature->call->why);
}

static int low_power_entry_with_wakeup(const struct feature_call *feature)
{
	struct vfio_device_low_power_entry_with_wakeup entry;
	struct ioctl_call *call = feature->call;
	int fd, err;

	if (call->caller->ops->copy_in(call->caller, &entry, feature->data, sizeof(entry)))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"the wake-up eventfd behind the header cannot be read");
	if (entry.wakeup_eventfd < 0)
		return why_misuse(call->why, EINVAL, "not-an-eventfd",
			"descriptor %d is no eventfd", entry.wakeup_eventfd);
	fd = vfio_take_eventfd(call, entry.wakeup_eventfd);
	if (fd < 0)
		return fd;
	err = enter(feature->device, fd, call->why);
	if (err)
		close(fd);
	return err;
}

static int low_power_exit(const struct feature_call *feature)
{
	struct pci_dev *pci = vfio_device_pci(feature->device);
	int fd;

	pthread_mutex_lock(&pci->lock);
	fd = leave(&feature->device->power);
	pthread_mutex_unlock(&pci->lock);
	close_fd(fd);
	return 0;
}

static const struct feature {
	uint32_t ops; /* GET, SET; 0: no device of ours has it, */
	int err;      /* and this is the answer */
	uint32_t minsz;
	int (*handler)(const struct feature_call *feature);
} features[] = {
	/* Tokens are for physical functions with SR-IOV (vfio_pci_core_feature_token). */
	[VFIO_DEVICE_FEATURE_PCI_VF_TOKEN] = { .err = ENOTTY },
	/* Migration and DMA logging: vfio-pci has neither mig_ops nor log_ops. */
	[VFIO_DEVICE_FEATURE_MIGRATION] = { .err = ENOTTY },
	[VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE] = { .err = ENOTTY },
	[VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY] = { SET, 0, 0, low_power_entry },
	[VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP] = { SET, 0,
		sizeof(struct vfio_device_low_power_entry_with_wakeup),
		low_power_entry_with_wakeup },
	[VFIO_DEVICE_FEATURE_LOW_POWER_EXIT] = { SET, 0, 0, low_power_exit },
	[VFIO_DEVICE_FEATURE_DMA_LOGGING_START] = { .err = ENOTTY },
	[VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP] = { .err = ENOTTY },
	[VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT] = { .err = ENOTTY },
	[VFIO_DEVICE_FEATURE_MIG_DATA_SIZE] = { .err = ENOTTY },
	/* Of vfio-cdx alone. */
	[VFIO_DEVICE_FEATURE_BUS_MASTER] = { .err = ENOTTY },
	/* FIDELITY: as a kernel without CONFIG_VFIO_PCI_DMABUF (PCI_P2PDMA). */
	[VFIO_DEVICE_FEATURE_DMA_BUF] = { .err = ENOTTY },
	/* vfio_ioctl_device_feature_migration_precopy_info_v2 asks for the flag, not for mig_ops. */
	[VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2] = { .err = EINVAL },
	[VFIO_DEVICE_FEATURE_ZPCI_ERROR] = { .err = ENOTTY },
};

static int bad_flags(struct ioctl_call *call, uint32_t flags)
{
	return why_misuse(call->why, EINVAL, "bad-feature-flags",
		"flags 0x%x: GET, SET or PROBE, as the feature has them", flags);
}

/* Linux 7.3 vfio_check_feature: 1 if the get or set is to be done. */
static int check(struct ioctl_call *call, const struct feature *feature,
	const struct vfio_device_feature *hdr)
{
	if (hdr->flags & (GET | SET) & ~feature->ops)
		return bad_flags(call, hdr->flags);
	if (hdr->flags & PROBE)
		return 0;
	if (!(hdr->flags & (GET | SET)))
		return bad_flags(call, hdr->flags);
	if (hdr->argsz - sizeof(*hdr) < feature->minsz)
		return why_misuse(call->why, EINVAL, "argsz-too-small",
			"argsz is %u: the feature takes %u bytes behind the header", hdr->argsz,
			feature->minsz);
	return 1;
}

long vfio_device_feature(struct ioctl_call *call, void *data)
{
	const struct vfio_device_feature *hdr = data;
	uint32_t index = hdr->flags & VFIO_DEVICE_FEATURE_MASK;
	const struct feature *feature = index < ARRAY_LEN(features) ? &features[index] : NULL;
	struct feature_call one = { .call = call,
		.device = vfio_device_from_file(call->file),
		.data = call->uaddr + sizeof(*hdr) };
	int ret;

	if (hdr->flags & ~(VFIO_DEVICE_FEATURE_MASK | GET | SET | PROBE) ||
		(hdr->flags & (GET | SET | PROBE)) == (GET | SET))
		return bad_flags(call, hdr->flags);
	if (!feature || !feature->ops)
		return why_protocol(call->why, feature ? feature->err : ENOTTY, "no-such-feature",
			"the device has no feature %u", index);
	ret = check(call, feature, hdr);
	return ret == 1 ? feature->handler(&one) : ret;
}
