/* SPDX-License-Identifier: MIT */
#include "machine/drivers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "machine/machine.h"

#define ANY_ID	      UINT32_MAX /* Linux PCI_ANY_ID */
#define OVERRIDE_ROOM 4095 /* Linux 7.3 __device_set_driver_override: less than PAGE_SIZE - 1 */

static bool is_listed(const struct machine_drivers *drivers, const char *name)
{
	for (unsigned i = 0; i < drivers->n; i++)
		if (!strcmp(drivers->all[i].name, name))
			return true;
	return false;
}

static void list(struct machine_drivers *drivers, const char *name)
{
	struct machine_driver *driver = &drivers->all[drivers->n];

	if (!*name || is_listed(drivers, name))
		return;
	snprintf(driver->name, sizeof(driver->name), "%s", name);
	driver->vfio = !strcmp(name, "vfio-pci");
	drivers->n++;
}

static struct driver_id id_of(const struct machine_device *dev)
{
	const struct pci_id *id = &dev->pci.model->id;

	return (struct driver_id){
		.vendor = id->vendor,
		.device = id->device,
		.subvendor = id->subsystem_vendor,
		.subdevice = id->subsystem_device,
		.class_code = id->class_code,
	};
}

/** Linux 7.3 pci_match_one_id. */
static bool id_matches(const struct driver_id *id, const struct driver_id *dev)
{
	return (id->vendor == ANY_ID || id->vendor == dev->vendor) &&
	       (id->device == ANY_ID || id->device == dev->device) &&
	       (id->subvendor == ANY_ID || id->subvendor == dev->subvendor) &&
	       (id->subdevice == ANY_ID || id->subdevice == dev->subdevice) &&
	       !((id->class_code ^ dev->class_code) & id->class_mask);
}

static bool has_id(const struct machine_driver *driver, const struct driver_id *dev)
{
	for (unsigned i = 0; i < driver->n_ids; i++)
		if (id_matches(&driver->ids[i], dev))
			return true;
	return false;
}

/** The module's parameter ids=8086:2021,...: by vendor and device. */
static void give_ids(struct machine *machine, struct machine_driver *driver)
{
	for (unsigned i = 0; i < machine->n_devices; i++) {
		const struct machine_device *dev = &machine->devices[i];
		struct driver_id id = id_of(dev);

		if (!dev->iommu.driver || strcmp(dev->iommu.driver, driver->name) != 0 ||
			has_id(driver, &id))
			continue;
		driver->ids[driver->n_ids++] = (struct driver_id){
			.vendor = id.vendor,
			.device = id.device,
			.subvendor = ANY_ID,
			.subdevice = ANY_ID,
		};
	}
}

int machine_drivers_init(struct machine *machine)
{
	struct machine_drivers *drivers = &machine->drivers;

	/* vfio-pci, and at most one more for each device. */
	drivers->all = calloc(machine->n_devices + 1, sizeof(*drivers->all));
	if (!drivers->all)
		return -ENOMEM;
	drivers->autoprobe = true;
	list(drivers, "vfio-pci");
	for (unsigned i = 0; i < machine->n_devices; i++)
		list(drivers, machine->desc.devices[i].driver);
	give_ids(machine, &drivers->all[0]);
	return 0;
}

void machine_drivers_finish(struct machine *machine)
{
	free(machine->drivers.all);
	machine->drivers = (struct machine_drivers){ 0 };
}

struct machine_driver *machine_find_driver(struct machine *machine, const char *name)
{
	for (unsigned i = 0; i < machine->drivers.n; i++)
		if (!strcmp(machine->drivers.all[i].name, name))
			return &machine->drivers.all[i];
	return NULL;
}

/** Its own table: what the description gave it. That of vfio-pci is for overrides only. */
static bool in_table(const struct machine *machine, const struct machine_driver *driver,
	const struct driver_id *dev)
{
	if (driver->vfio)
		return false;
	for (unsigned i = 0; i < machine->n_devices; i++) {
		const struct pci_id *id = &machine->devices[i].pci.model->id;

		if (!strcmp(machine->desc.devices[i].driver, driver->name) &&
			id->vendor == dev->vendor && id->device == dev->device)
			return true;
	}
	return false;
}

bool machine_driver_takes(const struct machine *machine, const struct machine_driver *driver,
	const struct machine_device *dev)
{
	const struct driver_id id = id_of(dev);

	if (dev->driver_override)
		return !strcmp(dev->driver_override, driver->name);
	return has_id(driver, &id) || in_table(machine, driver, &id);
}

int machine_set_override(struct machine_device *dev, const char *text, size_t len, struct why *why)
{
	size_t n = strnlen(text, len);
	const char *newline = memchr(text, '\n', n);
	char *name = NULL;

	if (len >= OVERRIDE_ROOM)
		return why_misuse(why, EINVAL, "override-too-long",
			"a driver's name has less than %u bytes", OVERRIDE_ROOM);
	n = newline ? (size_t)(newline - text) : n;
	if (n) {
		name = strndup(text, n);
		if (!name)
			return why_refused(why, ENOMEM, "host-resources", "out of memory");
	}
	free(dev->driver_override);
	dev->driver_override = name;
	return 0;
}

/** "8086 2021 [subvendor subdevice class mask data]". How many fields there are. */
static int parse_id(const char *text, struct driver_id *id, unsigned long *data)
{
	*id = (struct driver_id){ .subvendor = ANY_ID, .subdevice = ANY_ID };
	*data = 0;
	return sscanf(text, "%x %x %x %x %x %x %lx", &id->vendor, &id->device, &id->subvendor,
		&id->subdevice, &id->class_code, &id->class_mask, data);
}

static int bad_id(struct why *why)
{
	return why_misuse(why, EINVAL, "bad-pci-id",
		"an id is vendor and device in hexadecimal, then perhaps subvendor, subdevice, "
		"class, mask of the class, and the driver's data, which must be 0");
}

/* Linux 7.3 new_id_store. The one value of driver_data in our tables is 0. */
int machine_driver_add_id(
	struct machine *machine, struct machine_driver *driver, const char *text, struct why *why)
{
	struct driver_id id;
	unsigned long data;
	int fields = parse_id(text, &id, &data);

	if (fields < 2)
		return bad_id(why);
	if (fields != 7 && in_table(machine, driver, &id))
		return why_misuse(why, EEXIST, "id-is-known", "%s takes %04x:%04x anyway",
			driver->name, id.vendor, id.device);
	if (data)
		return bad_id(why);
	if (driver->n_ids == DRIVER_IDS_MAX)
		return why_refused(why, ENOMEM, "host-resources", "a driver can be told %u ids",
			DRIVER_IDS_MAX);
	driver->ids[driver->n_ids++] = id;
	return 0;
}

/* Linux 7.3 remove_id_store: the first that fits. */
int machine_driver_remove_id(struct machine_driver *driver, const char *text, struct why *why)
{
	struct driver_id id;
	unsigned long data;

	if (parse_id(text, &id, &data) < 2)
		return bad_id(why);
	for (unsigned i = 0; i < driver->n_ids; i++) {
		const struct driver_id *known = &driver->ids[i];

		if (known->vendor != id.vendor || known->device != id.device ||
			(id.subvendor != ANY_ID && known->subvendor != id.subvendor) ||
			(id.subdevice != ANY_ID && known->subdevice != id.subdevice) ||
			((known->class_code ^ id.class_code) & id.class_mask))
			continue;
		memmove(&driver->ids[i], &driver->ids[i + 1],
			(--driver->n_ids - i) * sizeof(*driver->ids));
		return 0;
	}
	return why_misuse(why, ENODEV, "id-is-unknown", "%s was not told %04x:%04x", driver->name,
		id.vendor, id.device);
}
