/* SPDX-License-Identifier: MIT */
/* The tree of each built-in host: what is in it, and that every link leads somewhere in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gate/tree.h"

struct box {
	struct machine *machine;
	struct tree tree;
};

static void make_box(struct box *box, const char *host)
{
	struct error error = { 0 };
	struct host_desc *desc = calloc(1, sizeof(*desc));

	assert_non_null(desc);
	assert_int_equal(host_load(host, desc, &error), 0);
	box->machine = machine_create(desc, &error);
	assert_non_null(box->machine);
	assert_int_equal(tree_build(box->machine, true, &box->tree), 0);
	free(desc);
}

static void drop_box(struct box *box)
{
	tree_finish(&box->tree);
	machine_destroy(box->machine);
}

static const struct tree_entry *find(const struct tree *tree, const char *path)
{
	for (size_t i = 0; i < tree->n; i++)
		if (!strcmp(tree->entries[i].path, path))
			return &tree->entries[i];
	return NULL;
}

static void expect_file(const struct tree *tree, const char *path, const char *content)
{
	const struct tree_entry *entry = find(tree, path);

	if (!entry)
		print_error("no %s\n", path);
	assert_non_null(entry);
	assert_string_equal(entry->content, content);
}

static void shows_the_default_device(void **state)
{
	static const struct {
		const char *path, *content;
	} rows[] = {
		{ "/sys/bus/pci/devices/0000:01:00.0", "../../../devices/pci0000:01/0000:01:00.0" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/vendor", "0x8086\n" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/device", "0x2021\n" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/class", "0x088000\n" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/numa_node", "-1\n" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/driver",
			"../../../bus/pci/drivers/vfio-pci" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/iommu_group",
			"../../../kernel/iommu_groups/1" },
		{ "/sys/kernel/iommu_groups/1/reserved_regions",
			"0x0000000008000000 0x00000000080fffff msi\n" },
		{ "/sys/class/vfio/1", "../../devices/virtual/vfio/1" },
		{ "/sys/devices/virtual/vfio/1/dev", "1:3\n" },
		{ "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n" },
		{ "/sys/module/vfio_pci/parameters/ids", "8086:2021\n" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/driver_override", "(null)\n" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/enable", "0\n" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/power_state", "D0\n" },
		{ "/sys/devices/pci0000:01/0000:01:00.0/reset_method", "flr\n" },
		{ "/sys/class/vfio-dev/vfio0",
			"../../devices/pci0000:01/0000:01:00.0/vfio-dev/vfio0" },
		{ "/sys/class/pci_bus/0000:01", "../../devices/pci0000:01/pci_bus/0000:01" },
		{ "/sys/bus/pci/drivers/vfio-pci/module", "../../../../module/vfio_pci" },
	};
	const struct tree_entry *node, *config;
	struct box box;

	make_box(&box, "smmuv3");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_file(&box.tree, rows[i].path, rows[i].content);
	node = find(&box.tree, "/dev/vfio/1");
	assert_non_null(node);
	assert_int_equal(node->kind, TREE_NODE);
	assert_int_equal(node->node, NODE_GROUP);
	assert_int_equal(node->id, 1);
	config = find(&box.tree, "/sys/devices/pci0000:01/0000:01:00.0/config");
	assert_non_null(config);
	assert_int_equal(config->len, PCI_CONFIG_BYTES);
	assert_memory_equal(config->content, "\x86\x80\x21\x20", 4);
	/* The first BAR's address is that of `resource`. */
	assert_int_equal(*(const uint32_t *)(config->content + 0x10) & ~0xfu,
		(uint32_t)box.machine->devices[0].pci.bar_extent[0].pa.v);
	drop_box(&box);
}

static void expect_attr(const struct tree *tree, const char *path, enum tree_attr_kind kind,
	unsigned of, unsigned mode)
{
	const struct tree_entry *entry = find(tree, path);

	if (!entry)
		print_error("no %s\n", path);
	assert_non_null(entry);
	assert_int_equal(entry->attr.kind, kind);
	assert_int_equal(entry->attr.of, of);
	assert_int_equal(entry->mode, mode);
}

/** What may be written, and as which modes Linux shows it. */
static void some_files_can_be_written(void **state)
{
	struct box box;

	make_box(&box, "smmuv3");
	expect_attr(&box.tree, "/sys/bus/pci/drivers/vfio-pci/bind", ATTR_BIND, 0, 0200);
	expect_attr(&box.tree, "/sys/bus/pci/drivers/vfio-pci/unbind", ATTR_UNBIND, 0, 0200);
	expect_attr(&box.tree, "/sys/bus/pci/drivers_probe", ATTR_PROBE, 0, 0200);
	expect_attr(&box.tree, "/sys/devices/pci0000:03/0000:03:00.1/driver_override",
		ATTR_OVERRIDE, box.machine->n_devices - 1, 0644);
	expect_attr(&box.tree, "/sys/devices/pci0000:03/0000:03:00.1/config", ATTR_CONFIG,
		box.machine->n_devices - 1, 0644);
	expect_attr(&box.tree, "/sys/devices/pci0000:01/0000:01:00.0/vendor", ATTR_NONE, 0, 0);
	assert_int_equal(find(&box.tree, "/sys/devices/pci0000:01/0000:01:00.0/resource0")->sparse,
		box.machine->devices[0].pci.model->bars[0].bytes);
	drop_box(&box);
}

/** Who is not root reads the header alone. */
static void configuration_space_is_roots(void **state)
{
	struct box box;

	make_box(&box, "smmuv3");
	tree_finish(&box.tree);
	assert_int_equal(tree_build(box.machine, false, &box.tree), 0);
	assert_int_equal(find(&box.tree, "/sys/devices/pci0000:01/0000:01:00.0/config")->len, 64);
	drop_box(&box);
}

/** What a device is bound to decides on links, and on its group's node. */
static void binding_shows(void **state)
{
	static const char node[] = "/dev/vfio/1", link[] = "/sys/class/vfio/1",
			  dir[] = "/sys/devices/pci0000:01/0000:01:00.0/vfio-dev/vfio0/uevent",
			  driver[] = "/sys/devices/pci0000:01/0000:01:00.0/driver";
	struct machine_device *dev;
	struct box box;

	make_box(&box, "smmuv3");
	dev = &box.machine->devices[0];
	assert_false(find(&box.tree, node)->absent);
	assert_true(find(&box.tree, link) && find(&box.tree, dir) && find(&box.tree, driver));
	dev->iommu.driver = NULL;
	dev->leaving = true; /* it is open: the group stays */
	tree_finish(&box.tree);
	assert_int_equal(tree_build(box.machine, true, &box.tree), 0);
	assert_false(find(&box.tree, node)->absent);
	assert_true(find(&box.tree, link) && !find(&box.tree, dir) && !find(&box.tree, driver));
	dev->leaving = false;
	tree_finish(&box.tree);
	assert_int_equal(tree_build(box.machine, true, &box.tree), 0);
	assert_true(find(&box.tree, node)->absent);
	assert_null(find(&box.tree, link));
	drop_box(&box);
}

/** BAR 0 has an address, a size and flags; a 64-bit BAR's second half is empty. */
static void resources_are_placed(void **state)
{
	unsigned long long start, last, flags;
	const struct tree_entry *entry;
	struct box box;

	make_box(&box, "smmuv3");
	entry = find(&box.tree, "/sys/devices/pci0000:01/0000:01:00.0/resource");
	assert_non_null(entry);
	assert_int_equal(sscanf(entry->content, "%llx %llx %llx", &start, &last, &flags), 3);
	assert_true(start && last > start);
	assert_int_equal(flags & 0x200, 0x200);
	assert_int_equal(last - start + 1, box.machine->devices[0].pci.model->bars[0].bytes);
	drop_box(&box);
}

/** Resolve "../" of a relative target against the directory of the link. */
static void resolve(const struct tree_entry *link, char out[512])
{
	const char *target = link->content;

	snprintf(out, 512, "%s", link->path);
	*strrchr(out, '/') = '\0';
	for (; !strncmp(target, "../", 3); target += 3)
		*strrchr(out, '/') = '\0';
	snprintf(out + strlen(out), 512 - strlen(out), "/%s", target);
}

static bool has(const struct tree *tree, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < tree->n; i++) {
		const char *entry = tree->entries[i].path;

		if (!strncmp(entry, path, len) && (!entry[len] || entry[len] == '/'))
			return true;
	}
	return false;
}

static void links_lead_somewhere(void **state)
{
	char path[512];

	for (const char *const *host = host_builtins; *host; host++) {
		struct box box;

		make_box(&box, *host);
		for (size_t i = 0; i < box.tree.n; i++) {
			if (box.tree.entries[i].kind != TREE_LINK)
				continue;
			resolve(&box.tree.entries[i], path);
			if (!has(&box.tree, path))
				print_error("%s: %s leads to %s\n", *host, box.tree.entries[i].path,
					path);
			assert_true(has(&box.tree, path));
		}
		drop_box(&box);
	}
}

/** Only directories may be named twice (devices on one bus). */
static void paths_are_unique(void **state)
{
	for (const char *const *host = host_builtins; *host; host++) {
		struct box box;

		make_box(&box, *host);
		for (size_t i = 0; i < box.tree.n; i++)
			if (box.tree.entries[i].kind != TREE_DIR)
				assert_ptr_equal(find(&box.tree, box.tree.entries[i].path),
					&box.tree.entries[i]);
		drop_box(&box);
	}
}

static void a_device_behind_no_iommu_is_in_no_group(void **state)
{
	struct box box;

	make_box(&box, "mixed");
	assert_non_null(find(&box.tree, "/sys/bus/pci/devices/0002:01:00.0"));
	assert_null(find(&box.tree, "/sys/devices/pci0002:01/0002:01:00.0/iommu_group"));
	assert_null(find(&box.tree, "/sys/devices/pci0002:01/0002:01:00.0/iommu"));
	assert_non_null(find(&box.tree, "/dev/vfio/10"));
	drop_box(&box);
}

static void the_empty_host_has_a_container_alone(void **state)
{
	struct box box;
	unsigned nodes = 0;

	make_box(&box, "empty");
	for (size_t i = 0; i < box.tree.n; i++)
		nodes += box.tree.entries[i].kind == TREE_NODE;
	assert_int_equal(nodes, 1);
	assert_non_null(find(&box.tree, "/dev/vfio/vfio"));
	drop_box(&box);
}

static void noiommu_groups_have_their_own_nodes(void **state)
{
	static const char yaml[] = "version: 1\n"
				   "buses: [{type: pci, segment: 0, iommu: none}]\n"
				   "devices: [{at: \"0000:01:00.0\", model: ioat}]\n"
				   "policy: {noiommu: true}\n";
	struct host_desc *desc = calloc(1, sizeof(*desc));
	const struct tree_entry *node = NULL;
	struct error error = { 0 };
	struct box box;

	assert_non_null(desc);
	if (host_parse("noiommu.yaml", yaml, sizeof(yaml) - 1, desc, &error))
		fail_msg("%s", error.message);
	box.machine = machine_create(desc, &error);
	assert_non_null(box.machine);
	assert_int_equal(tree_build(box.machine, true, &box.tree), 0);
	for (size_t i = 0; i < box.tree.n; i++)
		if (box.tree.entries[i].kind == TREE_NODE &&
			box.tree.entries[i].node == NODE_NOIOMMU_GROUP)
			node = &box.tree.entries[i];
	assert_non_null(node);
	assert_int_equal(strncmp(node->path, "/dev/vfio/noiommu-", 18), 0);
	expect_file(&box.tree, "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	drop_box(&box);
	free(desc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_the_default_device),
		cmocka_unit_test(some_files_can_be_written),
		cmocka_unit_test(configuration_space_is_roots),
		cmocka_unit_test(binding_shows),
		cmocka_unit_test(resources_are_placed),
		cmocka_unit_test(links_lead_somewhere),
		cmocka_unit_test(paths_are_unique),
		cmocka_unit_test(a_device_behind_no_iommu_is_in_no_group),
		cmocka_unit_test(the_empty_host_has_a_container_alone),
		cmocka_unit_test(noiommu_groups_have_their_own_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
