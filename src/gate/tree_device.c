/* SPDX-License-Identifier: MIT */
/*
 * What sysfs shows of one PCI device (Linux 7.3 drivers/pci/pci-sysfs.c), of the bus it is on, and
 * of its VFIO device (vfio_main.c) while it is bound to vfio-pci. There are no character devices of
 * VFIO's below /dev/vfio/devices: as with a kernel without CONFIG_VFIO_DEVICE_CDEV, vfio-dev/vfioN
 * has no `dev`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "gate/tree_build.h"

/* PCI Express Base 7.5.1, 7.5.2, 7.5.3 */
#define CONFIG_BAR(i)  (0x10 + 4 * (i))
#define EXP_DEVCAP     0x04
#define EXP_DEVCAP_FLR BIT64(28)
#define EXP_LNKCAP     0x0c
#define EXP_LNKSTA     0x12
#define PM_CTRL	       0x04
#define PM_STATE       0x3
#define BAR_ADDRESS    (~UINT32_C(0xf))

static uint32_t get(const uint8_t *at, unsigned bytes)
{
	uint32_t val = 0;

	for (unsigned i = 0; i < bytes; i++)
		val |= (uint32_t)at[i] << 8 * i;
	return val;
}

static void put(uint8_t *at, uint32_t val)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(val >> 8 * i);
}

/* The registers hold what was written to them last; where nothing was, what the firmware would
 * have: no model decodes addresses by them. */
void tree_config(const struct pci_dev *pci, uint8_t config[PCI_CONFIG_BYTES])
{
	pthread_mutex_lock((pthread_mutex_t *)&pci->lock);
	memcpy(config, pci->config, PCI_CONFIG_BYTES);
	pthread_mutex_unlock((pthread_mutex_t *)&pci->lock);
	for (unsigned i = 0; i < PCI_BARS; i++) {
		uint8_t *bar = config + CONFIG_BAR(i);
		uint64_t pa = pci->bar_extent[i].pa.v;

		if (!pci->model->bars[i].bytes || get(bar, 4) & BAR_ADDRESS)
			continue;
		put(bar, (uint32_t)pa | get(bar, 4));
		if (pci->model->bars[i].mem64 && i + 1 < PCI_BARS)
			put(bar + 4, (uint32_t)(pa >> 32));
	}
}

/* Linux counts who enabled it: `enable` in sysfs, and vfio-pci while it is open. */
void tree_enable_text(const struct machine_device *dev, char buf[16])
{
	unsigned opens;

	pthread_mutex_lock((pthread_mutex_t *)&dev->pci.lock);
	opens = dev->pci.opens;
	pthread_mutex_unlock((pthread_mutex_t *)&dev->pci.lock);
	snprintf(buf, 16, "%u\n", dev->enabled + (opens > 0));
}

const char *tree_power_text(const struct pci_dev *pci)
{
	static const char *const names[] = { "D0\n", "D1\n", "D2\n", "D3hot\n" };
	unsigned state = 0;

	pthread_mutex_lock((pthread_mutex_t *)&pci->lock);
	if (pci->cap_pm)
		state = pci->config[pci->cap_pm + PM_CTRL] & PM_STATE;
	pthread_mutex_unlock((pthread_mutex_t *)&pci->lock);
	return names[state];
}

/** A device, while its files are added. */
struct subject {
	struct tree_builder *b;
	const struct machine_device *dev;
	const struct pci_dev *pci;
	unsigned index;
	const char *driver; /* NULL: bound to none */
	char dir[64];	    /* "pci0000:01/0000:01:00.0", below /sys/devices */
	uint8_t config[PCI_CONFIG_BYTES];
};

static char *path(const struct subject *s, const char *name)
{
	return tree_text("/sys/devices/%s/%s", s->dir, name);
}

/* ---- resources ---- */

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
		uint64_t bytes = i < PCI_BARS ? pci->model->bars[i].bytes : 0;
		unsigned long long start = bytes ? pci->bar_extent[i].pa.v : 0;

		p += snprintf(p, (size_t)(out + sizeof(out) - p), "0x%016llx 0x%016llx 0x%016llx\n",
			start, bytes ? start + bytes - 1 : 0,
			bytes ? 0ull + resource_flags(&pci->model->bars[i]) : 0);
	}
	return strdup(out);
}

/* FIDELITY: resourceN has its size but no memory to map: attr.c refuses that in words. */
static void add_resource_file(struct subject *s, unsigned bar, const char *suffix)
{
	struct tree_entry *entry = tree_add(s->b, TREE_FILE,
		tree_text("/sys/devices/%s/resource%u%s", s->dir, bar, suffix), strdup(""), 0);

	if (!entry)
		return;
	entry->mode = 0600;
	entry->sparse = s->pci->model->bars[bar].bytes;
	entry->attr = (struct tree_attr){ ATTR_RESOURCE, s->index };
}

static void add_resources(struct subject *s)
{
	tree_add_file(s->b, path(s, "resource"), resource_text(s->pci));
	for (unsigned i = 0; i < PCI_BARS; i++) {
		const struct pci_bar *bar = &s->pci->model->bars[i];

		if (bar->bytes)
			add_resource_file(s, i, "");
		if (bar->bytes && bar->prefetch)
			add_resource_file(s, i, "_wc");
	}
}

/* ---- what identifies it ---- */

static char *modalias_text(const struct pci_id *id)
{
	return tree_text("pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X", id->vendor, id->device,
		id->subsystem_vendor, id->subsystem_device, id->class_code >> 16 & 0xff,
		id->class_code >> 8 & 0xff, id->class_code & 0xff);
}

static char *uevent_text(const struct subject *s, const char *modalias)
{
	const struct pci_id *id = &s->pci->model->id;

	return tree_text("%s%s%sPCI_CLASS=%X\nPCI_ID=%04X:%04X\nPCI_SUBSYS_ID=%04X:%04X\n"
			 "PCI_SLOT_NAME=%s\nMODALIAS=%s\n",
		s->driver ? "DRIVER=" : "", s->driver ? s->driver : "", s->driver ? "\n" : "",
		id->class_code, id->vendor, id->device, id->subsystem_vendor, id->subsystem_device,
		s->pci->name, modalias);
}

static void add_ids(struct subject *s)
{
	const struct pci_id *id = &s->pci->model->id;
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
		tree_add_file(s->b, path(s, ids[i].name),
			tree_text("0x%0*x\n", ids[i].digits, ids[i].value));
	tree_add_file(s->b, path(s, "modalias"), modalias ? tree_text("%s\n", modalias) : NULL);
	tree_add_attr(s->b, path(s, "uevent"), modalias ? uevent_text(s, modalias) : NULL, 0644,
		(struct tree_attr){ ATTR_UEVENT, s->index });
	free(modalias);
}

/* ---- other files ---- */

static const struct {
	const char *name, *content;
} same_files[] = {
	{ "ari_enabled", "0\n" },
	{ "broken_parity_status", "0\n" },
	{ "consistent_dma_mask_bits", "64\n" },
	{ "d3cold_allowed", "1\n" },
	{ "dma_mask_bits", "64\n" },
	{ "irq", "0\n" },
	{ "msi_bus", "1\n" },
	{ "numa_node", "-1\n" },
	{ "power/control", "on\n" },
	{ "power/runtime_status", "active\n" },
};

/** A device near no node is near all processors (Linux cpu_online_mask). */
static char *cpus_text(bool list)
{
	unsigned n = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
	char *all = NULL;

	if (list)
		return n > 1 ? tree_text("0-%u\n", n - 1) : strdup("0\n");
	all = tree_text("%0*x", (int)((n % 32 ? n % 32 : 32) + 3) / 4,
		n % 32 ? (1u << n % 32) - 1 : UINT32_MAX);
	for (unsigned i = 0; i < (n - 1) / 32; i++)
		all = tree_more(all, ",ffffffff");
	return tree_more(all, "\n");
}

/* Linux 7.3 probe.c: pci_speed_string, by the code of LNKCAP and LNKSTA. */
static const char *speed_text(unsigned code)
{
	static const char *const names[] = { "Unknown", "2.5 GT/s PCIe", "5.0 GT/s PCIe",
		"8.0 GT/s PCIe", "16.0 GT/s PCIe", "32.0 GT/s PCIe", "64.0 GT/s PCIe" };

	return names[code < ARRAY_LEN(names) ? code : 0];
}

static void add_link_files(struct subject *s)
{
	const uint8_t *cap = s->config + s->pci->cap_pcie;
	uint32_t can, is;

	if (!s->pci->cap_pcie)
		return;
	can = get(cap + EXP_LNKCAP, 4);
	is = get(cap + EXP_LNKSTA, 2);
	tree_add_file(s->b, path(s, "max_link_speed"), tree_text("%s\n", speed_text(can & 0xf)));
	tree_add_file(s->b, path(s, "max_link_width"), tree_text("%u\n", can >> 4 & 0x3f));
	tree_add_file(s->b, path(s, "current_link_speed"), tree_text("%s\n", speed_text(is & 0xf)));
	tree_add_file(s->b, path(s, "current_link_width"), tree_text("%u\n", is >> 4 & 0x3f));
}

/* Linux 7.3 pci.c: there if some method works; our endpoints have the function-level reset. */
static void add_reset(struct subject *s)
{
	const uint8_t *cap = s->config + s->pci->cap_pcie;

	if (!s->pci->cap_pcie || !(get(cap + EXP_DEVCAP, 4) & EXP_DEVCAP_FLR))
		return;
	tree_add_attr(s->b, path(s, "reset"), strdup(""), 0200,
		(struct tree_attr){ ATTR_RESET, s->index });
	tree_add_attr(s->b, path(s, "reset_method"), strdup(s->dev->no_reset ? "" : "flr\n"), 0644,
		(struct tree_attr){ ATTR_RESET_METHOD, s->index });
}

static void add_config(struct subject *s)
{
	size_t len = s->b->admin ? PCI_CONFIG_BYTES : TREE_CONFIG_ORDINARY;
	char *copy = malloc(len);
	struct tree_entry *entry;

	if (copy)
		memcpy(copy, s->config, len);
	entry = tree_add(s->b, TREE_FILE, path(s, "config"), copy, len);
	if (!entry)
		return;
	entry->mode = 0644;
	entry->attr = (struct tree_attr){ ATTR_CONFIG, s->index };
}

static void add_files(struct subject *s)
{
	char enable[16];

	for (size_t i = 0; i < ARRAY_LEN(same_files); i++)
		tree_add_file(s->b, path(s, same_files[i].name), strdup(same_files[i].content));
	tree_add_file(s->b, path(s, "local_cpus"), cpus_text(false));
	tree_add_file(s->b, path(s, "local_cpulist"), cpus_text(true));
	tree_add_file(s->b, path(s, "power_state"), strdup(tree_power_text(s->pci)));
	tree_enable_text(s->dev, enable);
	tree_add_attr(s->b, path(s, "enable"), strdup(enable), 0644,
		(struct tree_attr){ ATTR_ENABLE, s->index });
	tree_add_attr(s->b, path(s, "driver_override"),
		tree_text("%s\n", s->dev->driver_override ? s->dev->driver_override : "(null)"),
		0644, (struct tree_attr){ ATTR_OVERRIDE, s->index });
	add_link_files(s);
	add_reset(s);
	add_config(s);
	add_resources(s);
}

/* ---- links ---- */

/** Which of its group's devices this is. */
static void add_group_links(struct subject *s, int group)
{
	tree_add_link(
		s->b, path(s, "iommu_group"), tree_text("../../../kernel/iommu_groups/%d", group));
	tree_add_link(s->b, tree_text(TREE_GROUPS "/%d/devices/%s", group, s->pci->name),
		tree_text("../../../../devices/%s", s->dir));
}

/* Linux 7.3 vfio_main.c: a device of class vfio-dev below its own. */
static void add_vfio_dev(struct subject *s)
{
	char name[64];

	snprintf(name, sizeof(name), "vfio-dev/vfio%u", s->index);
	tree_add_file(s->b, tree_text("/sys/devices/%s/%s/uevent", s->dir, name), strdup(""));
	tree_add_link(s->b, tree_text("/sys/devices/%s/%s/device", s->dir, name),
		tree_text("../../../%s", s->pci->name));
	tree_add_link(s->b, tree_text("/sys/devices/%s/%s/subsystem", s->dir, name),
		strdup("../../../../../class/vfio-dev"));
	tree_add_link(s->b, tree_text("/sys/class/vfio-dev/vfio%u", s->index),
		tree_text("../../devices/%s/%s", s->dir, name));
}

static void add_driver_links(struct subject *s)
{
	if (!s->driver)
		return;
	tree_add_link(s->b, path(s, "driver"), tree_text("../../../bus/pci/drivers/%s", s->driver));
	tree_add_link(s->b, tree_text(TREE_DRIVERS "/%s/%s", s->driver, s->pci->name),
		tree_text("../../../../devices/%s", s->dir));
	if (!strcmp(s->driver, "vfio-pci"))
		add_vfio_dev(s);
}

static void add_iommu_links(struct subject *s)
{
	const char *iommu = s->dev->iommu.iommu ? s->dev->iommu.iommu->name : NULL;
	bool of_vfio = s->dev->leaving || (s->driver && !strcmp(s->driver, "vfio-pci"));

	if (s->dev->iommu.group)
		add_group_links(s, s->dev->iommu.group->id);
	else if (s->b->machine->desc.noiommu && of_vfio)
		add_group_links(s, (int)s->dev->noiommu_group);
	if (!iommu)
		return;
	tree_add_link(s->b, path(s, "iommu"), tree_text("../../virtual/iommu/%s", iommu));
	tree_add_link(s->b,
		tree_text("/sys/devices/virtual/iommu/%s/devices/%s", iommu, s->pci->name),
		tree_text("../../../../%s", s->dir));
}

/* ---- the bus it is on ---- */

static bool is_first_on_bus(const struct subject *s)
{
	for (unsigned i = 0; i < s->index; i++) {
		const struct pci_dev *other = &s->b->machine->devices[i].pci;

		if (other->segment == s->pci->segment && other->bus == s->pci->bus)
			return false;
	}
	return true;
}

static void add_bus(struct subject *s)
{
	char bus[16], dir[64];

	snprintf(bus, sizeof(bus), "%04x:%02x", s->pci->segment, s->pci->bus);
	snprintf(dir, sizeof(dir), "/sys/devices/pci%s", bus);
	tree_add_dir(s->b, strdup(dir));
	tree_add_file(s->b, tree_text("%s/uevent", dir), strdup(""));
	tree_add_file(s->b, tree_text("%s/pci_bus/%s/uevent", dir, bus), strdup(""));
	tree_add_file(s->b, tree_text("%s/pci_bus/%s/cpuaffinity", dir, bus), cpus_text(false));
	tree_add_file(s->b, tree_text("%s/pci_bus/%s/cpulistaffinity", dir, bus), cpus_text(true));
	tree_add_link(s->b, tree_text("%s/pci_bus/%s/device", dir, bus),
		tree_text("../../../pci%s", bus));
	tree_add_link(s->b, tree_text("%s/pci_bus/%s/subsystem", dir, bus),
		strdup("../../../../class/pci_bus"));
	tree_add_link(s->b, tree_text("/sys/class/pci_bus/%s", bus),
		tree_text("../../devices/pci%s/pci_bus/%s", bus, bus));
}

void tree_add_device(struct tree_builder *b, unsigned i)
{
	const struct machine_device *dev = &b->machine->devices[i];
	struct subject s = { .b = b, .dev = dev, .pci = &dev->pci, .index = i };

	if (dev->iommu.driver && *dev->iommu.driver)
		s.driver = dev->iommu.driver;
	snprintf(s.dir, sizeof(s.dir), "pci%04x:%02x/%s", dev->pci.segment, dev->pci.bus,
		dev->pci.name);
	tree_config(&dev->pci, s.config);
	if (is_first_on_bus(&s))
		add_bus(&s);
	add_ids(&s);
	add_files(&s);
	tree_add_link(b, path(&s, "subsystem"), strdup("../../../bus/pci"));
	tree_add_link(b, tree_text("/sys/bus/pci/devices/%s", dev->pci.name),
		tree_text("../../../devices/%s", s.dir));
	add_driver_links(&s);
	add_iommu_links(&s);
}
