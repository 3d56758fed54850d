/* SPDX-License-Identifier: MIT */
/* What looking in shows of a machine that is driven from here: every figure against what was done. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/vfio.h"
#include "base/bits.h"
#include "base/clock.h"
#include "control/show.h"
#include "file/local.h"
#include "machine/faults.h"

#define MAP_BYTES 65536u

struct world {
	struct machine *machine;
	struct vfio *vfio;
	struct local_caller *local;
	struct control_box box;
	uint8_t *memory;
};

static void begin(struct world *w, const char *host)
{
	static struct host_desc desc;
	static char *argv[] = { "prog", "--arg\n", NULL };
	struct error error = { 0 };

	assert_int_equal(host_load(host, &desc, &error), 0);
	w->machine = machine_create(&desc, &error);
	assert_non_null(w->machine);
	w->vfio = vfio_create(w->machine, NULL);
	w->local = local_caller_create();
	w->memory = mmap(
		NULL, 4 * MAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(w->memory, MAP_FAILED);
	w->box = (struct control_box){ .machine = w->machine,
		.vfio = w->vfio,
		.argv = argv,
		.fd_base = 960,
		.started_ns = clock_ns() };
}

static void end(struct world *w)
{
	local_caller_destroy(w->local);
	vfio_destroy(w->vfio);
	machine_destroy(w->machine);
	munmap(w->memory, 4 * MAP_BYTES);
}

static long call(struct world *w, int fd, unsigned cmd, const void *arg)
{
	struct file *file = local_file(w->local, fd);

	return file->ops->ioctl(
		file, local_caller_base(w->local), cmd, (uint64_t)(uintptr_t)arg, NULL);
}

static int open_container(struct world *w)
{
	struct file *file;

	assert_int_equal(vfio_open_container(w->vfio, &file, NULL), 0);
	return local_install(w->local, file);
}

static int join(struct world *w, int container, int id)
{
	struct file *file;
	int group;

	assert_int_equal(vfio_open_group(w->vfio, id, false, &file, NULL), 0);
	group = local_install(w->local, file);
	assert_int_equal(call(w, group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	return group;
}

static void map(struct world *w, int container, uint64_t iova, uint64_t bytes)
{
	const struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)w->memory,
		.iova = iova,
		.size = bytes };

	assert_int_equal(call(w, container, VFIO_IOMMU_MAP_DMA, &map), 0);
}

static void unmap(struct world *w, int container, uint64_t iova, uint64_t bytes)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = iova, .size = bytes
	};

	assert_int_equal(call(w, container, VFIO_IOMMU_UNMAP_DMA, &unmap), 0);
	assert_int_equal(unmap.size, bytes);
}

/* ---- looking ---- */

/** "containers.0.ioas.bytes" */
static struct json_object *at(struct json_object *object, const char *path)
{
	char *copy = strdup(path), *rest = copy, *key;

	while ((key = strsep(&rest, "."))) {
		struct json_object *next = NULL;
		bool there;

		if (json_object_is_type(object, json_type_array)) {
			next = json_object_array_get_idx(object, (size_t)atoi(key));
			there = next;
		} else {
			there = json_object_object_get_ex(object, key, &next);
		}
		if (!there)
			fail_msg("no %s in %s", key, path);
		object = next;
	}
	free(copy);
	return object;
}

static void number(struct json_object *object, const char *path, uint64_t expected)
{
	struct json_object *value = at(object, path);

	if (!json_object_is_type(value, json_type_int) || json_object_get_uint64(value) != expected)
		fail_msg("%s is %s", path, json_object_to_json_string(value));
}

/** As JSON. */
static void is(struct json_object *object, const char *path, const char *expected)
{
	const char *value =
		json_object_to_json_string_ext(at(object, path), JSON_C_TO_STRING_PLAIN);

	if (strcmp(value, expected))
		fail_msg("%s is %s", path, value);
}

static void test_idle(void **state)
{
	struct world w;
	struct json_object *show;

	begin(&w, "mixed");
	show = control_show(&w.box);
	is(show, "version", "1");
	is(show, "request", "\"show\"");
	number(show, "box.pid", (uint64_t)getpid());
	is(show, "box.host", "\"mixed\"");
	is(show, "box.command", "[\"prog\",\"--arg\\\\n\"]");
	number(show, "box.fd_base", 960);
	is(show, "partial", "false");
	is(show, "programs", "[]");
	is(show, "containers", "[]");
	is(show, "groups.0.name", "\"1\"");
	is(show, "groups.0.iommu", "\"smmu0\"");
	is(show, "groups.1.iommu", "\"smmu1\"");
	is(show, "groups.0.viable", "true");
	is(show, "groups.0.open", "false");
	is(show, "groups.0.container", "null");
	is(show, "devices.2.at", "\"0002:01:00.0\"");
	is(show, "devices.2.group", "null");
	is(show, "devices.2.iommu", "null");
	is(show, "devices.0.opens", "0");
	is(show, "devices.0.irqs.type", "null");
	is(show, "devices.0.last_fault", "null");
	is(show, "iommus.0.faults", "{}");
	json_object_put(show);
	end(&w);
}

static void test_container(void **state)
{
	struct world w;
	struct json_object *show;
	int empty, container;

	begin(&w, "mixed");
	empty = open_container(&w);
	container = open_container(&w);
	join(&w, container, 1);
	join(&w, container, 10);
	show = control_show(&w.box);
	is(show, "containers.1.type", "\"none\"");
	is(show, "containers.1.ioas", "null");
	is(show, "containers.1.entries_left", "null");
	json_object_put(show);

	assert_int_equal(call(&w, container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU), 0);
	map(&w, container, 0x10000, MAP_BYTES);
	map(&w, container, 0x100000, 4096);
	map(&w, container, 0x200000, 4096);
	unmap(&w, container, 0x100000, 4096);
	show = control_show(&w.box);
	number(show, "n_containers", 2);
	number(show, "containers.0.id", 1);
	is(show, "containers.0.groups", "[]");
	number(show, "containers.1.id", 2);
	is(show, "containers.1.type", "\"type1v2\"");
	is(show, "containers.1.groups", "[\"1\",\"10\"]");
	number(show, "containers.1.entries_left", 65533);
	number(show, "containers.1.ioas.mappings", 2);
	number(show, "extents", nb_mem_extents(w.box.machine->mem));
	number(show, "containers.1.ioas.bytes", MAP_BYTES + 4096);
	assert_true(json_object_get_int64(at(show, "containers.1.ioas.table_bytes")) > 0);
	/* In the order of attaching: the group that joined last is the first. */
	is(show, "containers.1.ioas.hwpts.0.iommu", "\"smmu1\"");
	is(show, "containers.1.ioas.hwpts.0.devices", "[\"0001:01:00.0\"]");
	is(show, "containers.1.ioas.hwpts.1.got", "\"stage1\"");
	is(show, "containers.1.ioas.hwpts.1.devices", "[\"0000:01:00.0\"]");
	is(show, "containers.1.ioas.hwpts.0.msi_mapped", "false");
	is(show, "groups.1.open", "true");
	number(show, "groups.1.container", 2);
	json_object_put(show);
	local_close(w.local, empty);
	end(&w);
}

/** Rule R4: what is asked for and what comes of it. */
static void test_kinds(void **state)
{
	struct world w;
	struct json_object *show;
	int container;

	begin(&w, "smmuv3");
	container = open_container(&w);
	join(&w, container, 3);
	assert_int_equal(call(&w, container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_NESTING_IOMMU), 0);
	show = control_show(&w.box);
	is(show, "containers.0.type", "\"nesting\"");
	is(show, "containers.0.ioas.hwpts.0.asked", "\"nest-parent\"");
	is(show, "containers.0.ioas.hwpts.0.got", "\"nest-parent\"");
	is(show, "containers.0.ioas.hwpts.0.devices", "[\"0000:03:00.0\",\"0000:03:00.1\"]");
	json_object_put(show);
	end(&w);
}

/** A guest's stage 1, by what its monitor asks for. */
static void test_stage1(void **state)
{
	static const struct {
		uint8_t config;
		const char *shown;
	} rows[] = {
		{ 0, "\"none\"" },
		{ IOMMU_PASID_CONFIG_TRANSLATE, "\"translate\"" },
		{ IOMMU_PASID_CONFIG_BYPASS, "\"bypass\"" },
		{ IOMMU_PASID_CONFIG_ABORT, "\"abort\"" },
		{ 0, "\"none\"" },
	};
	struct json_object *show;
	struct world w;
	int container;

	begin(&w, "smmuv3");
	container = open_container(&w);
	join(&w, container, 3);
	assert_int_equal(call(&w, container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1_NESTING_IOMMU), 0);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct vfio_iommu_type1_set_pasid_table set = { .argsz = sizeof(set),
			.flags = rows[i].config ? VFIO_PASID_TABLE_FLAG_SET
						: VFIO_PASID_TABLE_FLAG_UNSET,
			.config = { .argsz = sizeof(set.config),
				.version = PASID_TABLE_CFG_VERSION_1,
				.format = IOMMU_PASID_FORMAT_SMMUV3,
				.config = rows[i].config,
				.vendor_data.smmuv3.version = PASID_TABLE_SMMUV3_CFG_VERSION_1 } };

		if (i)
			assert_int_equal(call(&w, container, VFIO_IOMMU_SET_PASID_TABLE, &set), 0);
		show = control_show(&w.box);
		is(show, "devices.0.stage1", "null");
		is(show, "devices.1.stage1", rows[i].shown);
		is(show, "devices.2.stage1", rows[i].shown);
		json_object_put(show);
	}
	end(&w);
}

static int open_device(struct world *w, int group, const char *name)
{
	long fd = call(w, group, VFIO_GROUP_GET_DEVICE_FD, name);

	assert_true(fd >= 0);
	return (int)fd;
}

/* eventfd: NULL: off. */
static void set_irqs(struct world *w, int device, uint32_t index, uint32_t action, int *eventfd)
{
	union {
		struct vfio_irq_set set;
		int32_t words[6]; /* set ends in an array: here of one eventfd */
	} irq = { .set = { .argsz = sizeof(irq),
			  .flags = (eventfd ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE) |
				   action,
			  .index = index,
			  .count = eventfd ? 1 : 0 } };

	if (eventfd)
		irq.words[5] = *eventfd;
	assert_int_equal(call(w, device, VFIO_DEVICE_SET_IRQS, &irq), 0);
}

static void enable_irqs(struct world *w, int device, int eventfd)
{
	set_irqs(w, device, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, &eventfd);
}

/** Which kind is enabled, and what came by it. */
static void test_irqs(void **state)
{
	static const char *const types[] = { "\"intx\"", "\"msi\"", "\"msix\"" };
	int container, group, device, event = eventfd(0, EFD_CLOEXEC);
	struct world w;
	struct json_object *show;
	struct pci_dev *pci;

	begin(&w, "smmuv3");
	container = open_container(&w);
	group = join(&w, container, 1);
	assert_int_equal(call(&w, container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU), 0);
	device = open_device(&w, group, "0000:01:00.0");
	pci = &machine_find_device(w.machine, "0000:01:00.0")->pci;
	for (uint32_t i = 0; i < 3; i++) {
		set_irqs(&w, device, i, VFIO_IRQ_SET_ACTION_TRIGGER, &event);
		if (i == VFIO_PCI_INTX_IRQ_INDEX)
			set_irqs(&w, device, i, VFIO_IRQ_SET_ACTION_UNMASK, &event);
		pthread_mutex_lock(&pci->lock);
		pci->master.enabled = true;
		pci_irq_raise(pci, 0);
		pci_intx_set(pci, false);
		pthread_mutex_unlock(&pci->lock);
		show = control_show(&w.box);
		is(show, "devices.0.irqs.type", types[i]);
		number(show, "devices.0.irqs.vectors", 1);
		number(show, "devices.0.irqs.eventfds", 1);
		number(show, "devices.0.irqs.fired", i + 1);
		is(show, "devices.0.irqs.unmask_eventfd", i ? "false" : "true");
		json_object_put(show);
		set_irqs(&w, device, i, VFIO_IRQ_SET_ACTION_TRIGGER, NULL);
	}
	show = control_show(&w.box);
	is(show, "devices.0.irqs.type", "null");
	json_object_put(show);
	end(&w);
	close(event);
}

/** The device does what its driver would have it do: here its master is driven directly. */
static void test_counters(void **state)
{
	struct world w;
	struct machine_device *dev;
	struct json_object *show, *stats;
	uint8_t buf[4096] = { 0 };
	int container, group, device, event = eventfd(0, EFD_CLOEXEC);

	begin(&w, "smmuv3");
	container = open_container(&w);
	group = join(&w, container, 1);
	assert_int_equal(call(&w, container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU), 0);
	map(&w, container, 0x10000, MAP_BYTES);
	device = open_device(&w, group, "0000:01:00.0");
	enable_irqs(&w, device, event);
	dev = machine_find_device(w.machine, "0000:01:00.0");
	pthread_mutex_lock(&dev->pci.lock);
	dev->pci.master.enabled = true;
	assert_int_equal(dma_write(&dev->pci.master, NB_IOVA(0x10000), buf, sizeof(buf)), 0);
	assert_int_equal(dma_write(&dev->pci.master, NB_IOVA(0x11000), buf, 100), 0);
	assert_int_equal(dma_read(&dev->pci.master, NB_IOVA(0x10000), buf, 10), 0);
	assert_int_equal(dma_read(&dev->pci.master, NB_IOVA(0xdead0000), buf, 10), -1);
	assert_int_equal(dma_write(&dev->pci.master, NB_IOVA(0xbeef0000), buf, 10), -1);
	pci_msix_raise(&dev->pci, 0);
	pthread_mutex_unlock(&dev->pci.lock);

	show = control_show(&w.box);
	number(show, "devices.0.opens", 1);
	number(show, "groups.0.open_devices", 1);
	is(show, "devices.0.irqs.type", "\"msix\"");
	number(show, "devices.0.irqs.vectors", 1);
	number(show, "devices.0.irqs.eventfds", 1);
	number(show, "devices.0.irqs.fired", 1);
	is(show, "devices.0.irqs.by_vector", "[1]");
	is(show, "containers.0.ioas.hwpts.0.msi_mapped", "true");
	number(show, "devices.0.dma.read_bytes", 10);
	/* The interrupt is a write of four bytes. */
	number(show, "devices.0.dma.write_bytes", sizeof(buf) + 100 + 4);
	number(show, "devices.0.dma.aborts", 2);
	number(show, "devices.0.faults", 2);
	is(show, "devices.0.last_fault.name", "\"F_TRANSLATION\"");
	is(show, "devices.0.last_fault.access", "\"write\"");
	number(show, "devices.0.last_fault.iova", 0xbeef0000);
	number(show, "devices.1.faults", 0);
	is(show, "iommus.0.faults", "{\"F_TRANSLATION\":2}");
	number(show, "iommus.0.events.done", 2);
	number(show, "iommus.0.events_lost", 0);
	assert_true(json_object_get_int64(at(show, "iommus.0.syncs")) > 0);
	stats = control_stats(&w.box);
	number(stats, "mappings", 1);
	number(stats, "mapped_bytes", MAP_BYTES);
	number(stats, "devices.0.fired", 1);
	number(stats, "devices.0.dma.read_bytes", 10);
	number(stats, "iommus.0.events.done", 2);
	json_object_put(stats);
	json_object_put(show);
	end(&w);
	close(event);
}

/** A device whose step takes long holds up nobody who looks. */
static void test_busy(void **state)
{
	struct world w;
	struct json_object *show;

	begin(&w, "smmuv3");
	pthread_mutex_lock(&w.machine->devices[1].pci.lock);
	show = control_show(&w.box);
	pthread_mutex_unlock(&w.machine->devices[1].pci.lock);
	is(show, "devices.0.memory", "false");
	is(show, "devices.1.memory", "null");
	is(show, "devices.1.bus_master", "null");
	is(show, "devices.1.dma.reads", "0");
	json_object_put(show);
	end(&w);
}

/** More containers than are shown, more names of faults than are told apart. */
static void test_many(void **state)
{
	struct world w;
	struct json_object *show;
	char name[MACHINE_FAULT_NAMES + 2][16];

	begin(&w, "smmuv3");
	for (unsigned i = 0; i < CONTROL_CONTAINERS_MAX + 3; i++)
		open_container(&w);
	for (unsigned i = 0; i < ARRAY_LEN(name); i++) {
		struct iommu_fault fault = { .iommu = "smmu0", .name = name[i], .iova = i };

		snprintf(name[i], sizeof(name[i]), "F_%u", i);
		machine_note_fault(w.machine, NULL, &fault);
	}
	show = control_show(&w.box);
	number(show, "n_containers", CONTROL_CONTAINERS_MAX + 3);
	assert_int_equal(json_object_array_length(at(show, "containers")), CONTROL_CONTAINERS_MAX);
	assert_int_equal(
		json_object_object_length(at(show, "iommus.0.faults")), MACHINE_FAULT_NAMES);
	number(show, "iommus.0.faults.F_0", 1);
	number(show, "iommus.0.faults.F_31", 3); /* the last one has the others' too */
	json_object_put(show);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_container),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_stage1),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_irqs),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
