/* SPDX-License-Identifier: MIT */
/*
 * The host's PCI drivers, as far as binding goes: which driver would take which device. There are
 * vfio-pci and whatever the description names; a driver of the host has in its table the devices
 * that the description gives it, vfio-pci has none (it takes a device by driver_override, or by an
 * id that it was told: those of the devices that the description leaves to it, as by its module's
 * parameter `ids`, and those written to new_id).
 *
 * All under the host lock. Who is bound to what is iommu_device.driver, which vfio/bind.c changes.
 */
#ifndef MACHINE_DRIVERS_H
#define MACHINE_DRIVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/why.h"

struct machine;
struct machine_device;

#define DRIVER_IDS_MAX 256 /* of one driver's dynamic ids: a program may not make us grow */

/** What a driver takes (Linux struct pci_device_id). */
struct driver_id {
	uint32_t vendor, device, subvendor, subdevice, class_code, class_mask;
};

struct machine_driver {
	char name[32];
	bool vfio;
	struct driver_id ids[DRIVER_IDS_MAX];
	unsigned n_ids;
};

struct machine_drivers {
	struct machine_driver *all; /* vfio-pci first: the order in which they are asked */
	unsigned n;
	bool autoprobe; /* /sys/bus/pci/drivers_autoprobe */
};

/** After the devices. 0 or -ENOMEM. */
int machine_drivers_init(struct machine *machine);
void machine_drivers_finish(struct machine *machine);

/** NULL: the host has none of that name. */
struct machine_driver *machine_find_driver(struct machine *machine, const char *name);

/** Whether the driver takes the device (Linux 7.3 pci_match_device). */
bool machine_driver_takes(const struct machine *machine, const struct machine_driver *driver,
	const struct machine_device *dev);

/** What is written to driver_override. 0 or a negative errno. */
int machine_set_override(struct machine_device *dev, const char *text, size_t len, struct why *why);

/** What is written to new_id and remove_id; NUL-terminated. 0 or a negative errno. */
int machine_driver_add_id(
	struct machine *machine, struct machine_driver *driver, const char *text, struct why *why);
int machine_driver_remove_id(struct machine_driver *driver, const char *text, struct why *why);

#endif
