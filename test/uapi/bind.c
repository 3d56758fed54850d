/* SPDX-License-Identifier: MIT */
/*
 * Binding against what else goes on with a device: its last close, hot resets of its bus, the host's
 * own reset.
 */
#include "device_rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vfio/bind.h"

#define NAME   "0000:01:00.0"
#define ROUNDS 300

static struct machine_driver *vfio_pci(void)
{
	return machine_find_driver(machine, "vfio-pci");
}

static int unbind(const char *name)
{
	struct why reason = { 0 };

	return vfio_unbind(vfio, vfio_pci(), name, local_caller_base(local), &reason);
}

static int bind(const char *name)
{
	return vfio_bind(vfio, vfio_pci(), name, local_caller_base(local), &why);
}

static int open_group(int id)
{
	struct file *file = NULL;

	return vfio_open_group(vfio, id, false, &file, &why) ? -1 : local_install(local, file);
}

/* ---- the last close ---- */

static atomic_bool stop;

static void *take_off(void *name)
{
	return (void *)(intptr_t)unbind(name);
}

/* It is not bound any more, so these change nothing. */
static void *take_off_again(void *ctx)
{
	while (!atomic_load(&stop)) {
		unbind(NAME);
		sched_yield();
	}
	return NULL;
}

static void await_unbound(unsigned bindings)
{
	while (vfio_bindings(vfio) == bindings)
		sched_yield();
}

/* Whoever has waited for a device to be closed finds its group gone. */
static void one_last_close(void)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	unsigned bindings = vfio_bindings(vfio);
	pthread_t threads[2];
	void *ret;

	pthread_create(&threads[0], NULL, take_off, NAME);
	await_unbound(bindings);
	atomic_store(&stop, false);
	pthread_create(&threads[1], NULL, take_off_again, NULL);
	assert_int_equal(local_close(local, device), 0);
	pthread_join(threads[0], &ret);
	assert_null(ret);
	assert_int_equal(call(group, VFIO_GROUP_GET_STATUS, &status), -ENODEV);
	assert_int_equal(bind(NAME), 0);
	atomic_store(&stop, true);
	pthread_join(threads[1], NULL);
	assert_int_equal(local_close(local, group), 0);
}

static void open_again(void)
{
	int type = VFIO_TYPE1v2_IOMMU;

	bind(NAME); /* one of the others may have come last */
	group = open_group(1);
	assert_true(group >= 0);
	assert_int_equal(call(group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	assert_int_equal(call(container, VFIO_SET_IOMMU, (void *)(uintptr_t)type), 0);
	device = (int)call(group, VFIO_GROUP_GET_DEVICE_FD, NAME);
	assert_true(device >= 0);
}

static void last_close_against_unbind(void **state)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		one_last_close();
		open_again();
	}
}

/* ---- hot reset: 0000:01:00.0 is group 2, 0000:01:00.1 group 3 ---- */

#define OTHER "0000:01:00.1"

#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, setup_bus, teardown)

static const char *bus_host; /* hosts/reset.yaml */
static int other, other_group;

static int setup_bus(void **state)
{
	setup_host(bus_host, 2, NULL);
	other_group = open_group(3);
	assert_true(other_group >= 0);
	assert_int_equal(call(other_group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	other = (int)call(other_group, VFIO_GROUP_GET_DEVICE_FD, OTHER);
	assert_true(other >= 0);
	return 0;
}

static long hot_reset(int one, int two)
{
	const int32_t arg[5] = { sizeof(arg), 0, 2, one, two };

	return call(device, VFIO_DEVICE_PCI_HOT_RESET, arg);
}

static long sleep_until_used(uint32_t kind, int fd)
{
	const uint32_t arg[4] = { sizeof(arg), VFIO_DEVICE_FEATURE_SET | kind, (uint32_t)fd, 0 };

	return call(other, VFIO_DEVICE_FEATURE, arg);
}

static struct pci_dev *other_pci(void)
{
	return &machine_find_device(machine, OTHER)->pci;
}

/* A file that has lost its group does not stand for the one that came after. */
static void hot_reset_by_a_group_that_went(void **state)
{
	assert_int_equal(hot_reset(group, other_group), 0);
	assert_int_equal(local_close(local, other), 0);
	assert_int_equal(hot_reset(group, other_group), 0);
	assert_int_equal(unbind(OTHER), 0);
	assert_int_equal(hot_reset(group, other_group), -EINVAL);
	assert_string_equal(why.rule, "device-not-vfio");
	assert_int_equal(bind(OTHER), 0);
	assert_int_equal(hot_reset(group, other_group), -EINVAL);
	assert_string_equal(why.rule, "group-not-shown");
	assert_int_equal(hot_reset(group, open_group(3)), 0);
}

/* vfio-pci has it until it is closed. */
static void hot_reset_of_one_that_leaves(void **state)
{
	unsigned bindings = vfio_bindings(vfio);
	pthread_t thread;
	void *ret;

	pthread_create(&thread, NULL, take_off, OTHER);
	await_unbound(bindings);
	assert_int_equal(hot_reset(group, other_group), 0);
	assert_int_equal(local_close(local, other), 0);
	pthread_join(thread, &ret);
	assert_null(ret);
	assert_int_equal(hot_reset(group, other_group), -EINVAL);
}

/* ---- all at once ---- */

#define RACE_ROUNDS 300

static atomic_uint users; /* threads that still use the group */

/* A call of a thread, with a reason of its own. */
static long quiet(int fd, unsigned cmd, const void *arg)
{
	struct file *file = local_file(local, fd);
	struct why reason = { 0 };

	return file->ops->ioctl(file, local_caller_base(local), cmd, (uintptr_t)arg, &reason);
}

/* Opens the other device while it can, lets it sleep, closes all. */
static void use_once(void)
{
	const uint32_t low[4] = { sizeof(low),
		VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY };
	struct why reason = { 0 };
	struct file *file;
	int id, fd;

	if (vfio_open_group(vfio, 3, false, &file, &reason))
		return;
	id = local_install(local, file);
	quiet(id, VFIO_GROUP_SET_CONTAINER, &container);
	fd = (int)quiet(id, VFIO_GROUP_GET_DEVICE_FD, OTHER);
	if (fd >= 0) {
		quiet(fd, VFIO_DEVICE_FEATURE, low);
		quiet(fd, VFIO_DEVICE_RESET, NULL);
		local_close(local, fd);
	}
	local_close(local, id);
}

static void *use(void *ctx)
{
	for (unsigned i = 0; i < RACE_ROUNDS; i++)
		use_once();
	atomic_fetch_sub(&users, 1);
	return NULL;
}

static void *rebind(void *ctx)
{
	struct why reason = { 0 };

	while (atomic_load(&users)) {
		unbind(OTHER);
		vfio_bind(vfio, vfio_pci(), OTHER, local_caller_base(local), &reason);
		sched_yield();
	}
	return NULL;
}

static void *reset_bus(void *ctx)
{
	const int32_t one[4] = { sizeof(one), 0, 1, group };

	while (atomic_load(&users)) {
		quiet(device, VFIO_DEVICE_PCI_HOT_RESET, one);
		vfio_reset(vfio, machine_find_device(machine, OTHER));
		machine_step(machine, MIB(1));
	}
	return NULL;
}

static void all_at_once(void **state)
{
	void *(*const work[])(void *) = { use, use, rebind, rebind, reset_bus };
	pthread_t threads[ARRAY_LEN(work)];

	assert_int_equal(local_close(local, other), 0);
	assert_int_equal(local_close(local, other_group), 0);
	atomic_store(&users, 2);
	for (unsigned i = 0; i < ARRAY_LEN(work); i++)
		pthread_create(&threads[i], NULL, work[i], NULL);
	for (unsigned i = 0; i < ARRAY_LEN(work); i++)
		pthread_join(threads[i], NULL);
	bind(OTHER);
	other_group = open_group(3);
	assert_true(other_group >= 0);
	assert_int_equal(call(other_group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	other = (int)call(other_group, VFIO_GROUP_GET_DEVICE_FD, OTHER);
	assert_true(other >= 0);
	assert_false(other_pci()->suspended);
	assert_int_equal(hot_reset(group, other_group), 0);
}

/* All that are reset wake up first (Linux 7.3 vfio_pci_dev_set_pm_runtime_get). */
static void hot_reset_wakes_its_neighbour(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	eventfd_t count = 0;

	assert_int_equal(sleep_until_used(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, fd), 0);
	assert_true(other_pci()->suspended);
	assert_int_equal(hot_reset(group, other_group), 0);
	assert_int_equal(eventfd_read(fd, &count), 0);
	assert_int_equal(count, 1);
	assert_false(other_pci()->suspended);
	assert_int_equal(sleep_until_used(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY, 0), 0);
	assert_int_equal(hot_reset(group, other_group), 0);
	assert_true(other_pci()->suspended);
	close(fd);
}

/* Linux 7.3 reset_store: pm_runtime_get_sync. */
static void reset_by_the_host_wakes(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK);
	eventfd_t count = 0;

	assert_int_equal(sleep_until_used(VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP, fd), 0);
	vfio_reset(vfio, machine_find_device(machine, OTHER));
	assert_int_equal(eventfd_read(fd, &count), 0);
	assert_false(other_pci()->suspended);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(last_close_against_unbind),
		BUS_TEST(hot_reset_by_a_group_that_went),
		BUS_TEST(hot_reset_of_one_that_leaves),
		BUS_TEST(hot_reset_wakes_its_neighbour),
		BUS_TEST(reset_by_the_host_wakes),
		BUS_TEST(all_at_once),
	};

	bus_host = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
