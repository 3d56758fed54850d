/* SPDX-License-Identifier: MIT */
/*
 * Linux's driver core (drivers/base/bus.c, dd.c), as far as sysfs shows it, and vfio-pci's part in
 * it (Linux 7.3 vfio_main.c: vfio_unregister_group_dev). iommu_device.driver says what a device is
 * bound to: changed here alone, under the host lock and the group's mark.
 */
#include "vfio/bind.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/bits.h"
#include "vfio/internal.h"

#define WAITERS_MAX 32	       /* each holds a thread of ours */
#define NAP_NS	    20000000   /* how often we look whether the caller still waits */
#define NAPS_TO_ASK (50 * 10u) /* vfio_unregister_group_dev: every ten seconds */

/** Linux sysfs_streq: a newline at the end does not count. */
static bool same_name(const char *text, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(text, name, len) && (!text[len] || (text[len] == '\n' && !text[len + 1]));
}

/** NULL, with the reason. */
static struct vfio_device *find(struct vfio *vfio, const char *text, struct why *why)
{
	for (unsigned i = 0; i < vfio->machine->n_devices; i++)
		if (same_name(text, vfio->machine->devices[i].iommu.name))
			return &vfio->devices[i];
	why_misuse(why, ENODEV, "no-such-device", "there is no device \"%.*s\"",
		(int)strcspn(text, "\n"), text);
	return NULL;
}

static void changed(struct vfio *vfio)
{
	__atomic_add_fetch(&vfio->bindings, 1, __ATOMIC_RELEASE);
}

void vfio_watch_bindings(struct vfio *vfio, void (*watch)(void *ctx), void *ctx)
{
	vfio->watch_ctx = ctx;
	vfio->watch = watch;
}

unsigned vfio_bindings(const struct vfio *vfio)
{
	return __atomic_load_n(&vfio->bindings, __ATOMIC_ACQUIRE);
}

unsigned vfio_activity(const struct vfio *vfio)
{
	return __atomic_load_n(&vfio->activity, __ATOMIC_ACQUIRE);
}

/* ---- waiting until a device that was taken off is closed ---- */

/* Linux 7.3 vfio_pci_core_request. */
static void ask_user(struct vfio_device *device)
{
	vfio_device_lock(device);
	if (device->opens)
		vfio_device_request(device, 0);
	vfio_device_unlock(device);
}

static bool is_leaving(struct vfio_device *device)
{
	struct hostlock *lock = vfio_lock(device->vfio);
	bool leaving;

	hostlock_lock(lock);
	leaving = device->dev->leaving;
	hostlock_unlock(lock);
	return leaving;
}

static bool alive(struct caller *caller)
{
	return !caller->ops->alive || caller->ops->alive(caller);
}

/* A signal does not end it, as on Linux, where it only makes the wait uninterruptible. */
static int wait_closed(struct vfio_device *device, struct caller *caller, bool ask, struct why *why)
{
	const struct timespec nap = { .tv_nsec = NAP_NS };

	for (unsigned round = 0; is_leaving(device); round++) {
		if (ask && round % NAPS_TO_ASK == 0)
			ask_user(device);
		if (!alive(caller))
			return why_refused(why, EINTR, "caller-gone",
				"who wanted it unbound has ended; it will be when it is closed");
		nanosleep(&nap, NULL);
	}
	return 0;
}

static int await_closed(
	struct vfio_device *device, struct caller *caller, bool ask, struct why *why)
{
	unsigned *waiters = &device->vfio->bind_waiters;
	int ret = -EBUSY;

	if (!is_leaving(device))
		return 0;
	if (device->vfio->watch)
		device->vfio->watch(device->vfio->watch_ctx);
	if (__atomic_add_fetch(waiters, 1, __ATOMIC_RELAXED) <= WAITERS_MAX)
		ret = wait_closed(device, caller, ask, why);
	else
		why_refused(why, EBUSY, "too-many-waiters",
			"%u writes wait for devices to be closed already", WAITERS_MAX);
	__atomic_sub_fetch(waiters, 1, __ATOMIC_RELAXED);
	return ret;
}

/* ---- bind ---- */

/* Linux: dma_configure fails if the group's DMA has another owner; vfio-pci leaves it alone, but
 * makes no group without an IOMMU (vfio_group_find_or_alloc). */
static int check_probe(
	const struct vfio_device *device, const struct machine_driver *driver, struct why *why)
{
	const struct vfio_group *group = device->group;

	if (driver->vfio)
		return group ? 0
			     : why_refused(why, EINVAL, "no-iommu-group",
				       "the device is behind no IOMMU, and the policy has no "
				       "no-IOMMU groups");
	if (group && group->iommu && group->container && !iommu_driver_is_harmless(driver->name))
		return why_refused(why, EBUSY, "group-in-container",
			"group %s is in a container: its DMA is a program's", group->name);
	return 0;
}

/* Host lock held, the group's mark too. */
static int attach_locked(
	struct vfio_device *device, const struct machine_driver *driver, struct why *why)
{
	int ret;

	if (device->dev->iommu.driver || device->dev->leaving)
		return why_misuse(why, EBUSY, "device-is-bound", "the device is bound to %s",
			device->dev->iommu.driver ? device->dev->iommu.driver : "vfio-pci still");
	ret = check_probe(device, driver, why);
	if (ret)
		return ret;
	device->dev->iommu.driver = driver->name;
	changed(device->vfio);
	return 0;
}

static int attach(struct vfio_device *device, const struct machine_driver *driver,
	struct caller *caller, struct why *why)
{
	struct vfio_group *group = device->group;
	struct hostlock *lock = vfio_lock(device->vfio);
	int ret = await_closed(device, caller, false, why);

	if (ret)
		return ret;
	hostlock_lock(lock);
	if (group)
		busy_begin(lock, &group->busy);
	ret = attach_locked(device, driver, why);
	if (group)
		busy_end(lock, &group->busy);
	hostlock_unlock(lock);
	return ret;
}

static bool takes(struct vfio_device *device, const struct machine_driver *driver)
{
	struct hostlock *lock = vfio_lock(device->vfio);
	bool ret;

	hostlock_lock(lock);
	ret = machine_driver_takes(device->vfio->machine, driver, device->dev);
	hostlock_unlock(lock);
	return ret;
}

/* Linux bind_store. */
int vfio_bind(struct vfio *vfio, struct machine_driver *driver, const char *text,
	struct caller *caller, struct why *why)
{
	struct vfio_device *device = find(vfio, text, why);
	int ret;

	if (!device)
		return -ENODEV;
	if (!takes(device, driver)) {
		ret = why_misuse(why, ENODEV, "driver-does-not-take-it",
			"%s has no id of the device, or its driver_override names another",
			driver->name);
		why_instead(why, "write %s to its driver_override", driver->name);
	} else {
		ret = attach(device, driver, caller, why);
	}
	if (ret)
		why_about(why, NULL, device->dev->iommu.name, NULL);
	return ret;
}

/* ---- unbind ---- */

/* Under the group's mark, without the host lock: what opens and closes the device waits. */
static bool take_off(struct vfio_device *device, const struct machine_driver *driver)
{
	bool was_bound;

	vfio_device_lock(device);
	hostlock_lock(vfio_lock(device->vfio));
	was_bound = device->dev->iommu.driver && !strcmp(device->dev->iommu.driver, driver->name);
	if (was_bound) {
		device->dev->iommu.driver = NULL;
		device->dev->leaving = device->holds > 0;
		changed(device->vfio);
	}
	hostlock_unlock(vfio_lock(device->vfio));
	vfio_device_unlock(device);
	return was_bound;
}

static bool detach(struct vfio_device *device, const struct machine_driver *driver)
{
	struct vfio_group *group = device->group;
	struct hostlock *lock = vfio_lock(device->vfio);
	bool ret;

	if (group) {
		hostlock_lock(lock);
		busy_begin(lock, &group->busy);
		hostlock_unlock(lock);
	}
	ret = take_off(device, driver);
	if (group) {
		hostlock_lock(lock);
		vfio_group_emptied(group);
		busy_end(lock, &group->busy);
		hostlock_unlock(lock);
	}
	return ret;
}

/* Linux unbind_store. */
int vfio_unbind(struct vfio *vfio, struct machine_driver *driver, const char *text,
	struct caller *caller, struct why *why)
{
	struct vfio_device *device = find(vfio, text, why);
	int ret;

	if (!device)
		return -ENODEV;
	if (detach(device, driver))
		ret = await_closed(device, caller, true, why);
	else
		ret = why_misuse(why, ENODEV, "not-bound-to-it", "the device is not bound to %s",
			driver->name);
	if (ret)
		why_about(why, NULL, device->dev->iommu.name, NULL);
	return ret;
}

void vfio_device_closed(struct vfio_device *device)
{
	struct vfio_group *group = device->group;
	struct hostlock *lock = vfio_lock(device->vfio);

	hostlock_lock(lock);
	busy_begin(lock, &group->busy);
	/* Not before: who waits for it finds the group gone, and till then nobody takes it down. */
	device->dev->leaving = false;
	vfio_group_emptied(group);
	changed(device->vfio);
	busy_end(lock, &group->busy);
	hostlock_unlock(lock);
}

/* ---- probing ---- */

/* Linux device_attach: errors of one driver leave it to the next. */
static void probe(struct vfio_device *device, struct caller *caller)
{
	const struct machine_drivers *drivers = &device->vfio->machine->drivers;

	for (unsigned i = 0; i < drivers->n; i++)
		if (takes(device, &drivers->all[i]) &&
			!attach(device, &drivers->all[i], caller, NULL))
			return;
}

int vfio_drivers_probe(struct vfio *vfio, const char *text, struct caller *caller, struct why *why)
{
	struct vfio_device *device = find(vfio, text, why);

	if (!device)
		return -ENODEV;
	probe(device, caller);
	return 0;
}

int vfio_new_id(struct vfio *vfio, struct machine_driver *driver, const char *text,
	struct caller *caller, struct why *why)
{
	int ret;

	hostlock_lock(vfio_lock(vfio));
	ret = machine_driver_add_id(vfio->machine, driver, text, why);
	hostlock_unlock(vfio_lock(vfio));
	/* Linux driver_attach */
	for (unsigned i = 0; !ret && i < vfio->machine->n_devices; i++)
		if (takes(&vfio->devices[i], driver))
			attach(&vfio->devices[i], driver, caller, NULL);
	return ret;
}
