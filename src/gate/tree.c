/* SPDX-License-Identifier: MIT */
/*
 * What programs read of VFIO devices below /sys and /dev, as Linux 7.3 lays it out
 * (Documentation/ABI/testing/sysfs-bus-pci, sysfs-kernel-iommu_groups). Here what is not a device's
 * own (tree_device.c): buses, drivers, classes, IOMMUs, groups. Devices hang off one root bus per
 * (segment, bus) of the description: /sys/devices/pciSSSS:BB/BDF.
 *
 * FIDELITY: the host's own PCI devices are in no list (/sys/bus/pci, /sys/class/pci_bus,
 * /sys/kernel/iommu_groups), but stay below /sys/devices, because the links of other classes (net,
 * block) lead there.
 */
#include "gate/tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "gate/tree_build.h"

char *tree_text(const char *format, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, format);
	n = vasprintf(&s, format, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

char *tree_more(char *text, const char *format, ...)
{
	char *more = NULL, *both = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&more, format, ap) < 0)
		more = NULL;
	va_end(ap);
	if (text && more)
		both = tree_text("%s%s", text, more);
	free(more);
	free(text);
	return both;
}

static struct tree_entry *reserve(struct tree *tree)
{
	size_t room = tree->room ? tree->room * 2 : 64;
	struct tree_entry *entries = tree->entries;

	if (tree->n == tree->room) {
		entries = reallocarray(entries, room, sizeof(*entries));
		if (!entries)
			return NULL;
		tree->entries = entries;
		tree->room = room;
	}
	return &entries[tree->n];
}

struct tree_entry *tree_add(
	struct tree_builder *b, enum tree_kind kind, char *path, char *content, size_t len)
{
	struct tree_entry *entry = path && content ? reserve(b->tree) : NULL;

	if (!entry) {
		free(path);
		free(content);
		b->failed = true;
		return NULL;
	}
	*entry = (struct tree_entry){ .kind = kind, .path = path, .content = content, .len = len };
	b->tree->n++;
	return entry;
}

void tree_add_dir(struct tree_builder *b, char *path)
{
	tree_add(b, TREE_DIR, path, strdup(""), 0);
}

void tree_add_file(struct tree_builder *b, char *path, char *content)
{
	tree_add(b, TREE_FILE, path, content, content ? strlen(content) : 0);
}

void tree_add_link(struct tree_builder *b, char *path, char *target)
{
	tree_add(b, TREE_LINK, path, target, target ? strlen(target) : 0);
}

void tree_add_node(struct tree_builder *b, char *path, enum tree_node node, int id, bool absent)
{
	struct tree_entry *entry = tree_add(b, TREE_NODE, path, strdup(""), 0);

	if (!entry)
		return;
	entry->node = node;
	entry->id = id;
	entry->absent = absent;
}

void tree_add_attr(
	struct tree_builder *b, char *path, char *content, unsigned mode, struct tree_attr attr)
{
	struct tree_entry *entry =
		tree_add(b, TREE_FILE, path, content, content ? strlen(content) : 0);

	if (!entry)
		return;
	entry->mode = mode;
	entry->attr = attr;
}

/* The same on every host: directories have no content. */
static const struct {
	enum tree_kind kind;
	const char *path, *content;
} fixed[] = {
	{ TREE_DIR, "/sys/bus/pci", "" },
	{ TREE_DIR, "/sys/bus/pci/devices", "" },
	{ TREE_DIR, "/sys/bus/pci/slots", "" },
	{ TREE_HIDDEN, "/sys/bus/pci_express", "" },
	{ TREE_DIR, "/sys/class/pci_bus", "" },
	{ TREE_DIR, "/sys/class/iommu", "" },
	{ TREE_DIR, "/sys/class/vfio", "" },
	{ TREE_DIR, "/sys/class/vfio-dev", "" },
	{ TREE_DIR, "/sys/devices/virtual/iommu", "" },
	{ TREE_DIR, "/sys/devices/virtual/vfio", "" },
	{ TREE_HIDDEN, "/sys/devices/virtual/misc/iommu", "" },
	{ TREE_HIDDEN, "/sys/class/misc/iommu", "" },
	{ TREE_DIR, TREE_GROUPS, "" },
	{ TREE_DIR, "/sys/module/vfio", "" },
	{ TREE_FILE, "/sys/module/vfio/initstate", "live\n" },
	{ TREE_DIR, "/sys/module/vfio_iommu_type1", "" },
	{ TREE_FILE, "/sys/module/vfio_iommu_type1/initstate", "live\n" },
	{ TREE_FILE, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n" },
	{ TREE_FILE, "/sys/module/vfio_iommu_type1/parameters/disable_hugepages", "N\n" },
	{ TREE_FILE, "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "65535\n" },
	{ TREE_DIR, "/dev/vfio", "" },
	{ TREE_HIDDEN, "/dev/iommu", "" },
	{ TREE_DIR, TREE_REPORT_DIR, "" },
	{ TREE_DIR, TREE_ABSENT_DIR, "" },
	{ TREE_FILE, TREE_REPORT_DIR "/last-refusal", "{}\n" },
};

static void add_fixed(struct tree_builder *b)
{
	const struct machine *machine = b->machine;

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		tree_add(b, fixed[i].kind, strdup(fixed[i].path), strdup(fixed[i].content),
			strlen(fixed[i].content));
	tree_add_file(b, strdup("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"),
		strdup(machine->desc.noiommu ? "Y\n" : "N\n"));
	tree_add_attr(b, strdup("/sys/bus/pci/drivers_autoprobe"),
		strdup(machine->drivers.autoprobe ? "1\n" : "0\n"), 0644,
		(struct tree_attr){ ATTR_AUTOPROBE, 0 });
	tree_add_attr(b, strdup("/sys/bus/pci/drivers_probe"), strdup(""), 0200,
		(struct tree_attr){ ATTR_PROBE, 0 });
	tree_add_node(b, strdup("/dev/vfio/vfio"), NODE_CONTAINER, 0, false);
}

/* ---- drivers and their modules ---- */

/** What vfio-pci takes without being told in sysfs: "8086:2021,1b36:0010". */
static char *ids_text(const struct machine_driver *driver)
{
	char *all = strdup("");

	for (unsigned i = 0; driver->vfio && i < driver->n_ids; i++)
		all = tree_more(all, "%s%04x:%04x", i ? "," : "", driver->ids[i].vendor,
			driver->ids[i].device);
	return tree_more(all, "\n");
}

/**
 * The module of a driver, whose name has no hyphen. FIDELITY: by the driver's own name too, so that
 * driverctl, which looks there, does not load a module of this machine.
 */
static void add_module(struct tree_builder *b, const struct machine_driver *driver)
{
	char module[sizeof(driver->name)];

	snprintf(module, sizeof(module), "%s", driver->name);
	for (char *p = module; *p; p++)
		*p = *p == '-' ? '_' : *p;
	tree_add_dir(b, tree_text("/sys/module/%s", module));
	tree_add_file(b, tree_text("/sys/module/%s/initstate", module), strdup("live\n"));
	tree_add_link(b, tree_text("/sys/module/%s/drivers/pci:%s", module, driver->name),
		tree_text("../../../bus/pci/drivers/%s", driver->name));
	if (strcmp(module, driver->name) != 0)
		tree_add_link(b, tree_text("/sys/module/%s", driver->name), strdup(module));
	if (driver->vfio)
		tree_add_file(
			b, tree_text("/sys/module/%s/parameters/ids", module), ids_text(driver));
	tree_add_link(b, tree_text(TREE_DRIVERS "/%s/module", driver->name),
		tree_text("../../../../module/%s", module));
}

static void add_driver(struct tree_builder *b, unsigned i)
{
	static const struct {
		const char *name;
		enum tree_attr_kind kind;
	} files[] = {
		{ "bind", ATTR_BIND },
		{ "unbind", ATTR_UNBIND },
		{ "new_id", ATTR_NEW_ID },
		{ "remove_id", ATTR_REMOVE_ID },
		{ "uevent", ATTR_UEVENT },
	};
	const struct machine_driver *driver = &b->machine->drivers.all[i];

	tree_add_dir(b, tree_text(TREE_DRIVERS "/%s", driver->name));
	for (size_t f = 0; f < ARRAY_LEN(files); f++)
		tree_add_attr(b, tree_text(TREE_DRIVERS "/%s/%s", driver->name, files[f].name),
			strdup(""), 0200, (struct tree_attr){ files[f].kind, i });
	add_module(b, driver);
}

/* ---- IOMMUs ---- */

static void add_iommu(struct tree_builder *b, const char *name)
{
	tree_add_dir(b, tree_text("/sys/devices/virtual/iommu/%s/devices", name));
	tree_add_file(b, tree_text("/sys/devices/virtual/iommu/%s/uevent", name), strdup(""));
	tree_add_link(b, tree_text("/sys/devices/virtual/iommu/%s/subsystem", name),
		strdup("../../../../class/iommu"));
	tree_add_link(b, tree_text("/sys/class/iommu/%s", name),
		tree_text("../../devices/virtual/iommu/%s", name));
}

/* ---- groups ---- */

static bool is_of_vfio(const struct machine_device *dev)
{
	return dev->leaving || (dev->iommu.driver && !strcmp(dev->iommu.driver, "vfio-pci"));
}

/** /dev/vfio/N and, while it is there, the class device that says it is 1:3. */
static void add_vfio_node(
	struct tree_builder *b, const char *prefix, int id, enum tree_node node, bool shows)
{
	tree_add_node(b, tree_text("/dev/vfio/%s%d", prefix, id), node, id, !shows);
	if (!shows)
		return;
	tree_add_file(
		b, tree_text("/sys/devices/virtual/vfio/%s%d/dev", prefix, id), strdup("1:3\n"));
	tree_add_file(b, tree_text("/sys/devices/virtual/vfio/%s%d/uevent", prefix, id),
		tree_text("MAJOR=1\nMINOR=3\nDEVNAME=vfio/%s%d\n", prefix, id));
	tree_add_link(b, tree_text("/sys/devices/virtual/vfio/%s%d/subsystem", prefix, id),
		strdup("../../../../class/vfio"));
	tree_add_link(b, tree_text("/sys/class/vfio/%s%d", prefix, id),
		tree_text("../../devices/virtual/vfio/%s%d", prefix, id));
}

/** Linux 7.3 iommu.c, iommu_group_show_resv_regions: one line each. */
static char *reserved_text(struct iommu_group *group)
{
	struct iommu_resv resv[16];
	unsigned n = iommu_group_resv(group, resv, ARRAY_LEN(resv));
	char *all = strdup("");

	for (unsigned i = 0; all && i < n; i++) {
		char *more = tree_text("%s0x%016llx 0x%016llx %s\n", all,
			(unsigned long long)resv[i].start, (unsigned long long)resv[i].last,
			resv[i].msi ? "msi" : "reserved");

		free(all);
		all = more;
	}
	return all;
}

static void add_group(struct tree_builder *b, struct iommu_group *group)
{
	bool shows = false;

	for (unsigned i = 0; i < b->machine->n_devices; i++)
		shows |= b->machine->devices[i].iommu.group == group &&
			 is_of_vfio(&b->machine->devices[i]);
	tree_add_dir(b, tree_text(TREE_GROUPS "/%d/devices", group->id));
	tree_add_file(b, tree_text(TREE_GROUPS "/%d/type", group->id), strdup("DMA\n"));
	tree_add_file(
		b, tree_text(TREE_GROUPS "/%d/reserved_regions", group->id), reserved_text(group));
	add_vfio_node(b, "", group->id, NODE_GROUP, shows);
}

/* Linux 7.3 vfio_noiommu_group_alloc: there is such a group as long as vfio-pci has the device. */
static void add_noiommu_group(struct tree_builder *b, const struct machine_device *dev)
{
	int id = (int)dev->noiommu_group;

	add_vfio_node(b, "noiommu-", id, NODE_NOIOMMU_GROUP, is_of_vfio(dev));
	if (!is_of_vfio(dev))
		return;
	tree_add_dir(b, tree_text(TREE_GROUPS "/%d/devices", id));
	tree_add_file(b, tree_text(TREE_GROUPS "/%d/name", id), strdup("vfio-noiommu\n"));
	tree_add_file(b, tree_text(TREE_GROUPS "/%d/reserved_regions", id), strdup(""));
	tree_add_file(b, tree_text(TREE_GROUPS "/%d/type", id), strdup("unknown\n"));
}

int tree_build(const struct machine *machine, bool admin, struct tree *tree)
{
	struct tree_builder b = { .machine = machine, .tree = tree, .admin = admin };

	*tree = (struct tree){ 0 };
	add_fixed(&b);
	for (unsigned i = 0; i < machine->drivers.n; i++)
		add_driver(&b, i);
	for (unsigned i = 0; i < machine->desc.n_iommus; i++)
		add_iommu(&b, machine->desc.iommus[i].name);
	for (unsigned i = 0; i < machine->n_groups; i++)
		add_group(&b, &machine->groups[i].iommu);
	for (unsigned i = 0; i < machine->n_devices; i++) {
		if (!machine->devices[i].iommu.group && machine->desc.noiommu)
			add_noiommu_group(&b, &machine->devices[i]);
		tree_add_device(&b, i);
	}
	if (b.failed)
		tree_finish(tree);
	return b.failed ? -ENOMEM : 0;
}

int tree_set(struct tree *tree, const char *path, const char *content)
{
	for (size_t i = 0; i < tree->n; i++) {
		struct tree_entry *entry = &tree->entries[i];
		char *copy;

		if (strcmp(entry->path, path) != 0)
			continue;
		copy = strdup(content);
		if (!copy)
			return -ENOMEM;
		free(entry->content);
		entry->content = copy;
		entry->len = strlen(copy);
		return 0;
	}
	return -ENOENT;
}

void tree_finish(struct tree *tree)
{
	for (size_t i = 0; i < tree->n; i++) {
		free(tree->entries[i].path);
		free(tree->entries[i].content);
	}
	free(tree->entries);
	*tree = (struct tree){ 0 };
}
