/* SPDX-License-Identifier: MIT */
/*
 * What programs read of VFIO devices below /sys and /dev, as Linux 7.3 lays it out
 * (Documentation/ABI/testing/sysfs-bus-pci, sysfs-kernel-iommu_groups). Devices hang off one root
 * bus per (segment, bus) of the description: /sys/devices/pciSSSS:BB/BDF.
 *
 * FIDELITY: the files are as they are when the box starts: `config` shows no later writes, there
 * are no resourceN files, and nothing here can be written (bind, unbind, driver_override, reset).
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

#define DRIVERS "/sys/bus/pci/drivers"
#define GROUPS	"/sys/kernel/iommu_groups"

struct builder {
	struct tree *tree;
	bool failed;
};

/** A formatted string on the heap, or NULL; tree_add takes it. */
static char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *text(const char *format, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, format);
	n = vasprintf(&s, format, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
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

/** Takes path and content, both from malloc; NULL where memory ran out. */
static struct tree_entry *add(
	struct builder *b, enum tree_kind kind, char *path, char *content, size_t len)
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

static void add_dir(struct builder *b, char *path)
{
	add(b, TREE_DIR, path, strdup(""), 0);
}

static void add_file(struct builder *b, char *path, char *content)
{
	add(b, TREE_FILE, path, content, content ? strlen(content) : 0);
}

static void add_link(struct builder *b, char *path, char *target)
{
	add(b, TREE_LINK, path, target, target ? strlen(target) : 0);
}

static void add_node(struct builder *b, char *path, enum tree_node node, int id)
{
	struct tree_entry *entry = add(b, TREE_NODE, path, strdup(""), 0);

	if (entry) {
		entry->node = node;
		entry->id = id;
	}
}

/* The same on every host: directories have no content. */
static const struct {
	enum tree_kind kind;
	const char *path, *content;
} fixed[] = {
	{ TREE_DIR, "/sys/bus/pci", "" },
	{ TREE_DIR, "/sys/bus/pci/devices", "" },
	{ TREE_DIR, "/sys/bus/pci/slots", "" },
	{ TREE_FILE, "/sys/bus/pci/drivers_autoprobe", "1\n" },
	{ TREE_DIR, DRIVERS "/vfio-pci", "" },
	{ TREE_LINK, DRIVERS "/vfio-pci/module", "../../../../module/vfio_pci" },
	{ TREE_HIDDEN, "/sys/bus/pci_express", "" },
	{ TREE_DIR, "/sys/class/pci_bus", "" },
	{ TREE_DIR, "/sys/class/iommu", "" },
	{ TREE_DIR, "/sys/class/vfio", "" },
	{ TREE_HIDDEN, "/sys/class/vfio-dev", "" },
	{ TREE_DIR, "/sys/devices/virtual/iommu", "" },
	{ TREE_DIR, "/sys/devices/virtual/vfio", "" },
	{ TREE_HIDDEN, "/sys/devices/virtual/misc/iommu", "" },
	{ TREE_HIDDEN, "/sys/class/misc/iommu", "" },
	{ TREE_DIR, GROUPS, "" },
	{ TREE_DIR, "/sys/module/vfio", "" },
	{ TREE_FILE, "/sys/module/vfio/initstate", "live\n" },
	{ TREE_DIR, "/sys/module/vfio_pci", "" },
	{ TREE_FILE, "/sys/module/vfio_pci/initstate", "live\n" },
	{ TREE_FILE, "/sys/module/vfio_pci/parameters/ids", "\n" },
	{ TREE_LINK, "/sys/module/vfio_pci/drivers/pci:vfio-pci",
		"../../../bus/pci/drivers/vfio-pci" },
	{ TREE_DIR, "/sys/module/vfio_iommu_type1", "" },
	{ TREE_FILE, "/sys/module/vfio_iommu_type1/initstate", "live\n" },
	{ TREE_FILE, "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n" },
	{ TREE_FILE, "/sys/module/vfio_iommu_type1/parameters/disable_hugepages", "N\n" },
	{ TREE_FILE, "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "65535\n" },
	{ TREE_DIR, "/dev/vfio", "" },
	{ TREE_HIDDEN, "/dev/iommu", "" },
	{ TREE_DIR, TREE_REPORT_DIR, "" },
	{ TREE_FILE, TREE_REPORT_DIR "/last-refusal", "{}\n" },
};

static void add_fixed(struct builder *b, const struct machine *machine)
{
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		add(b, fixed[i].kind, strdup(fixed[i].path), strdup(fixed[i].content),
			strlen(fixed[i].content));
	add_file(b, strdup("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"),
		strdup(machine->desc.noiommu ? "Y\n" : "N\n"));
	add_node(b, strdup("/dev/vfio/vfio"), NODE_CONTAINER, 0);
}

/** "pci0000:01/0000:01:00.0", below /sys/devices. */
static const char *device_dir(const struct pci_dev *pci, char buf[64])
{
	snprintf(buf, 64, "pci%04x:%02x/%s", pci->segment, pci->bus, pci->name);
	return buf;
}

static void add_class_links(struct builder *b, const struct machine *machine)
{
	for (unsigned i = 0; i < machine->desc.n_iommus; i++) {
		const char *name = machine->desc.iommus[i].name;

		add_dir(b, text("/sys/devices/virtual/iommu/%s/devices", name));
		add_link(b, text("/sys/devices/virtual/iommu/%s/subsystem", name),
			strdup("../../../../class/iommu"));
		add_link(b, text("/sys/class/iommu/%s", name),
			text("../../devices/virtual/iommu/%s", name));
	}
}

/** /dev/vfio/N and the class device that says it is 1:3. */
static void add_vfio_node(struct builder *b, const char *prefix, int id, enum tree_node node)
{
	add_node(b, text("/dev/vfio/%s%d", prefix, id), node, id);
	add_file(b, text("/sys/devices/virtual/vfio/%s%d/dev", prefix, id), strdup("1:3\n"));
	add_file(b, text("/sys/devices/virtual/vfio/%s%d/uevent", prefix, id),
		text("MAJOR=1\nMINOR=3\nDEVNAME=vfio/%s%d\n", prefix, id));
	add_link(b, text("/sys/devices/virtual/vfio/%s%d/subsystem", prefix, id),
		strdup("../../../../class/vfio"));
	add_link(b, text("/sys/class/vfio/%s%d", prefix, id),
		text("../../devices/virtual/vfio/%s%d", prefix, id));
}

/** Linux 7.3 iommu.c, iommu_group_show_resv_regions: one line each. */
static char *reserved_text(struct iommu_group *group)
{
	struct iommu_resv resv[16];
	unsigned n = iommu_group_resv(group, resv, ARRAY_LEN(resv));
	char *all = strdup("");

	for (unsigned i = 0; all && i < n; i++) {
		char *more =
			text("%s0x%016llx 0x%016llx %s\n", all, (unsigned long long)resv[i].start,
				(unsigned long long)resv[i].last, resv[i].msi ? "msi" : "reserved");

		free(all);
		all = more;
	}
	return all;
}

static void add_group(struct builder *b, struct iommu_group *group)
{
	add_dir(b, text(GROUPS "/%d/devices", group->id));
	add_file(b, text(GROUPS "/%d/type", group->id), strdup("DMA\n"));
	add_file(b, text(GROUPS "/%d/reserved_regions", group->id), reserved_text(group));
	add_vfio_node(b, "", group->id, NODE_GROUP);
}

static void add_noiommu_group(struct builder *b, int id)
{
	add_dir(b, text(GROUPS "/%d/devices", id));
	add_file(b, text(GROUPS "/%d/name", id), strdup("vfio-noiommu\n"));
	add_file(b, text(GROUPS "/%d/reserved_regions", id), strdup(""));
	add_vfio_node(b, "noiommu-", id, NODE_NOIOMMU_GROUP);
}

/* Linux 7.3 ioport.h: what flags say of a memory BAR; the low four bits are the BAR's own. */
#define RESOURCE_MEM	   0x00000200u
#define RESOURCE_PREFETCH  0x00002000u
#define RESOURCE_SIZEALIGN 0x00040000u
#define RESOURCE_MEM_64	   0x00100000u

static unsigned resource_flags(const struct pci_bar *bar)
{
	return RESOURCE_MEM | RESOURCE_SIZEALIGN | (bar->mem64 ? RESOURCE_MEM_64 | 4 : 0) |
	       (bar->prefetch ? RESOURCE_PREFETCH | 8 : 0);
}

/** Six BARs and the ROM, a line each: start, last, flags. */
static char *resource_text(const struct pci_dev *pci)
{
	char out[7 * 64] = "", *p = out;

	for (unsigned i = 0; i < 7; i++) {
		const struct nb_extent *at = i < PCI_BARS ? &pci->bar_extent[i] : NULL;
		bool there = at && at->bytes;
		unsigned long long start = there ? at->pa.v : 0;

		p += snprintf(p, (size_t)(out + sizeof(out) - p), "0x%016llx 0x%016llx 0x%016llx\n",
			start, there ? start + at->bytes - 1 : 0,
			there ? 0ull + resource_flags(&pci->model->bars[i]) : 0);
	}
	return strdup(out);
}

static char *modalias_text(const struct pci_id *id)
{
	return text("pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", id->vendor, id->device,
		id->subsystem_vendor, id->subsystem_device, id->class_code >> 16 & 0xff,
		id->class_code >> 8 & 0xff, id->class_code & 0xff);
}

static char *uevent_text(const struct pci_dev *pci, const char *driver)
{
	const struct pci_id *id = &pci->model->id;
	char *modalias = modalias_text(id), *all = NULL;

	if (modalias)
		all = text("%s%s%sPCI_CLASS=%X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\n"
			   "PCI_SLOT_NAME=%s\nMODALIAS=%s\n",
			driver ? "DRIVER=" : "", driver ? driver : "", driver ? "\n" : "",
			id->class_code, id->vendor, id->device, id->subsystem_vendor,
			id->subsystem_device, pci->name, modalias);
	free(modalias);
	return all;
}

/** The files that identify a device. */
static void add_ids(struct builder *b, const struct pci_dev *pci, const char *dir)
{
	const struct pci_id *id = &pci->model->id;
	const struct {
		const char *name;
		int digits;
		unsigned value;
	} ids[] = {
		{ "vendor", 4, id->vendor },
		{ "device", 4, id->device },
		{ "subsystem_vendor", 4, id->subsystem_vendor },
		{ "subsystem_device", 4, id->subsystem_device },
		{ "class", 6, id->class_code },
		{ "revision", 2, id->revision },
	};
	char *modalias = modalias_text(id);

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		add_file(b, text("/sys/devices/%s/%s", dir, ids[i].name),
			text("0x%0*x\n", ids[i].digits, ids[i].value));
	add_file(
		b, text("/sys/devices/%s/modalias", dir), modalias ? text("%s\n", modalias) : NULL);
	free(modalias);
}

static const struct {
	const char *name, *content;
} device_files[] = {
	{ "ari_enabled", "0\n" },
	{ "broken_parity_status", "0\n" },
	{ "consistent_dma_mask_bits", "64\n" },
	{ "d3cold_allowed", "1\n" },
	{ "dma_mask_bits", "64\n" },
	{ "driver_override", "(null)\n" },
	{ "enable", "0\n" },
	{ "irq", "0\n" },
	{ "msi_bus", "1\n" },
	{ "numa_node", "-1\n" },
	{ "power_state", "D0\n" },
};

/** The directory of the device itself; driver NULL: bound to none. */
static void add_device_dir(
	struct builder *b, const struct pci_dev *pci, const char *dir, const char *driver)
{
	char *config = malloc(PCI_CONFIG_BYTES);

	add_dir(b, text("/sys/devices/pci%04x:%02x", pci->segment, pci->bus));
	add_ids(b, pci, dir);
	for (size_t i = 0; i < ARRAY_LEN(device_files); i++)
		add_file(b, text("/sys/devices/%s/%s", dir, device_files[i].name),
			strdup(device_files[i].content));
	add_file(b, text("/sys/devices/%s/resource", dir), resource_text(pci));
	add_file(b, text("/sys/devices/%s/uevent", dir), uevent_text(pci, driver));
	if (config)
		memcpy(config, pci->config, sizeof(pci->config));
	add(b, TREE_FILE, text("/sys/devices/%s/config", dir), config, sizeof(pci->config));
	add_link(b, text("/sys/devices/%s/subsystem", dir), strdup("../../../bus/pci"));
	add_link(b, text("/sys/bus/pci/devices/%s", pci->name), text("../../../devices/%s", dir));
}

/** Which of its group's devices this is. */
static void add_group_links(struct builder *b, const char *name, const char *dir, int group)
{
	add_link(b, text("/sys/devices/%s/iommu_group", dir),
		text("../../../kernel/iommu_groups/%d", group));
	add_link(
		b, text(GROUPS "/%d/devices/%s", group, name), text("../../../../devices/%s", dir));
}

static void add_device(
	struct builder *b, const struct machine *machine, const struct machine_device *dev)
{
	const char *name = dev->pci.name, *driver = dev->iommu.driver;
	char dir[64];

	if (driver && !*driver)
		driver = NULL;
	device_dir(&dev->pci, dir);
	add_device_dir(b, &dev->pci, dir, driver);
	if (driver) {
		add_link(b, text("/sys/devices/%s/driver", dir),
			text("../../../bus/pci/drivers/%s", driver));
		add_link(b, text(DRIVERS "/%s/%s", driver, name),
			text("../../../../devices/%s", dir));
	}
	if (dev->iommu.group)
		add_group_links(b, name, dir, dev->iommu.group->id);
	if (dev->iommu.iommu) {
		const char *iommu = dev->iommu.iommu->name;

		add_link(b, text("/sys/devices/%s/iommu", dir),
			text("../../virtual/iommu/%s", iommu));
		add_link(b, text("/sys/devices/virtual/iommu/%s/devices/%s", iommu, name),
			text("../../../../%s", dir));
	}
	if (!dev->iommu.group && machine->desc.noiommu) {
		add_noiommu_group(b, (int)dev->noiommu_group);
		add_group_links(b, name, dir, (int)dev->noiommu_group);
	}
}

int tree_build(const struct machine *machine, struct tree *tree)
{
	struct builder b = { .tree = tree };

	*tree = (struct tree){ 0 };
	add_fixed(&b, machine);
	add_class_links(&b, machine);
	for (unsigned i = 0; i < machine->n_groups; i++)
		add_group(&b, &machine->groups[i].iommu);
	for (unsigned i = 0; i < machine->n_devices; i++)
		add_device(&b, machine, &machine->devices[i]);
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
