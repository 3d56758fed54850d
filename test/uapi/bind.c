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

static void *take_off(void *ctx)
{
	*(int *)ctx = unbind(NAME);
	return NULL;
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
	int ret = -1;

	pthread_create(&threads[0], NULL, take_off, &ret);
	await_unbound(bindings);
	atomic_store(&stop, false);
	pthread_create(&threads[1], NULL, take_off_again, NULL);
	assert_int_equal(local_close(local, device), 0);
	pthread_join(threads[0], NULL);
	assert_int_equal(call(group, VFIO_GROUP_GET_STATUS, &status), -ENODEV);
	assert_int_equal(bind(NAME), 0);
	atomic_store(&stop, true);
	pthread_join(threads[1], NULL);
	assert_int_equal(ret, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(last_close_against_unbind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
