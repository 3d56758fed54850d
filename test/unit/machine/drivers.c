/* SPDX-License-Identifier: MIT */
/* Which driver takes which device, and what new_id, remove_id and driver_override say. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine/machine.h"

static const char yaml[] = "version: 1\n"
			   "iommus: [{name: smmu0, kind: smmuv3, stages: [1, 2]}]\n"
			   "buses: [{type: pci, segment: 0, iommu: smmu0}]\n"
			   "devices:\n"
			   "  - {at: \"0000:01:00.0\", model: ioat, group: 1, driver: none}\n"
			   "  - {at: \"0000:02:00.0\", model: ioat, group: 2, driver: none}\n";

static struct machine *make(const char *driver)
{
	struct host_desc *desc = calloc(1, sizeof(*desc));
	struct error error = { 0 };
	struct machine *machine;

	assert_non_null(desc);
	if (host_parse("drivers.yaml", yaml, sizeof(yaml) - 1, desc, &error))
		fail_msg("%s", error.message);
	strcpy(desc->devices[1].driver, driver);
	machine = machine_create(desc, &error);
	assert_non_null(machine);
	free(desc);
	return machine;
}

static bool takes(struct machine *machine, const char *driver, unsigned dev)
{
	return machine_driver_takes(
		machine, machine_find_driver(machine, driver), &machine->devices[dev]);
}

static void vfio_pci_is_always_there(void **state)
{
	struct machine *machine = make("");

	assert_int_equal(machine->drivers.n, 1);
	assert_true(machine->drivers.all[0].vfio && machine->drivers.autoprobe);
	assert_null(machine_find_driver(machine, "ioatdma"));
	assert_false(takes(machine, "vfio-pci", 0));
	machine_destroy(machine);
}

/** A driver of the host has a table; vfio-pci was told ids. */
static void both_kinds_take_by_id(void **state)
{
	struct machine *machine = make("ioatdma");

	assert_int_equal(machine->drivers.n, 2);
	assert_true(takes(machine, "ioatdma", 0) && takes(machine, "ioatdma", 1));
	assert_false(takes(machine, "vfio-pci", 0));
	machine_destroy(machine);
	machine = make("vfio-pci");
	assert_true(takes(machine, "vfio-pci", 0) && takes(machine, "vfio-pci", 1));
	machine_destroy(machine);
}

static void an_override_is_for_one(void **state)
{
	struct machine *machine = make("ioatdma");
	struct machine_device *dev = &machine->devices[0];
	char name[4096];

	assert_int_equal(machine_set_override(dev, "vfio-pci\n", 9, NULL), 0);
	assert_string_equal(dev->driver_override, "vfio-pci");
	assert_true(takes(machine, "vfio-pci", 0) && !takes(machine, "ioatdma", 0));
	assert_int_equal(machine_set_override(dev, "none", 4, NULL), 0);
	assert_false(takes(machine, "vfio-pci", 0) || takes(machine, "ioatdma", 0));
	/* Up to the first newline or NUL, as the text was written. */
	assert_int_equal(machine_set_override(dev, "a\nb\n", 4, NULL), 0);
	assert_string_equal(dev->driver_override, "a");
	assert_int_equal(machine_set_override(dev, "\0", 1, NULL), 0);
	assert_null(dev->driver_override);
	assert_int_equal(machine_set_override(dev, "a", 1, NULL), 0);
	assert_int_equal(machine_set_override(dev, "\n", 1, NULL), 0);
	assert_null(dev->driver_override);
	memset(name, 'a', sizeof(name));
	assert_int_equal(machine_set_override(dev, name, 4095, NULL), -EINVAL);
	assert_null(dev->driver_override);
	assert_int_equal(machine_set_override(dev, name, 4094, NULL), 0);
	assert_int_equal(strlen(dev->driver_override), 4094);
	machine_destroy(machine);
}

static void ids_are_told(void **state)
{
	static const struct {
		const char *text;
		int add, remove; /* what they return */
		bool takes;	 /* once it was added */
	} rows[] = {
		{ "8086 2021", 0, 0, true },
		{ "8086 2021\n", 0, 0, true },
		{ "0x8086 0x2021", 0, 0, true },
		{ "8086 2022", 0, 0, false },
		{ "8086 2021 8086 0", 0, 0, true },
		{ "8086 2021 8086 1", 0, 0, false },
		{ "8086 2021 8086 0 088000 ffffff", 0, 0, true },
		{ "8086 2021 8086 0 028000 ff0000", 0, 0, false },
		{ "ffffffff ffffffff", 0, 0, true },
		{ "8086 2021 8086 0 0 0 0", 0, 0, true },
		{ "8086 2021 8086 0 0 0 1", -EINVAL, -ENODEV, false },
		{ "8086", -EINVAL, -EINVAL, false },
		{ "", -EINVAL, -EINVAL, false },
		{ "ioat 2021", -EINVAL, -EINVAL, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct machine *machine = make("");
		struct machine_driver *driver = &machine->drivers.all[0];

		if (machine_driver_add_id(machine, driver, rows[i].text, NULL) != rows[i].add ||
			takes(machine, "vfio-pci", 0) != rows[i].takes ||
			machine_driver_remove_id(driver, rows[i].text, NULL) != rows[i].remove)
			fail_msg("\"%s\"", rows[i].text);
		assert_int_equal(driver->n_ids, 0);
		machine_destroy(machine);
	}
}

static void ids_are_bounded(void **state)
{
	struct machine *machine = make("ioatdma");
	struct machine_driver *driver = &machine->drivers.all[0];
	struct why why = { 0 };

	for (unsigned i = 0; i < DRIVER_IDS_MAX; i++)
		assert_int_equal(machine_driver_add_id(machine, driver, "1 2", NULL), 0);
	assert_int_equal(machine_driver_add_id(machine, driver, "1 2", &why), -ENOMEM);
	assert_string_equal(why.rule, "host-resources");
	/* What is in the table is not told again. */
	driver = machine_find_driver(machine, "ioatdma");
	assert_int_equal(machine_driver_add_id(machine, driver, "8086 2021", NULL), -EEXIST);
	assert_int_equal(machine_driver_add_id(machine, driver, "8086 2022", NULL), 0);
	machine_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vfio_pci_is_always_there),
		cmocka_unit_test(both_kinds_take_by_id),
		cmocka_unit_test(an_override_is_for_one),
		cmocka_unit_test(ids_are_told),
		cmocka_unit_test(ids_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
