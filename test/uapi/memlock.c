/* SPDX-License-Identifier: MIT */
/* RLIMIT_MEMLOCK in this process: what is counted when, and that nothing stays counted. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/mman.h>

#include "abi/vfio.h"
#include "file/local.h"
#include "vfio/vfio.h"

#define PAGE  4096u
#define LIMIT 8u

static struct machine *machine;
static struct vfio *vfio;
static struct local_caller *local;
static int container, group;
static uint8_t *memory; /* 16 pages, and nothing behind them */
static struct why why;

static long call(int fd, unsigned cmd, const void *arg)
{
	struct file *file = local_file(local, fd);

	why_clear(&why);
	return file->ops->ioctl(file, local_caller_base(local), cmd, (uintptr_t)arg, &why);
}

static long map(uint64_t iova, unsigned page, unsigned pages)
{
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)memory + (uint64_t)page * PAGE,
		.iova = iova,
		.size = (uint64_t)pages * PAGE };

	return call(container, VFIO_IOMMU_MAP_DMA, &arg);
}

static void unmap_all(void)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg),
		.flags = VFIO_DMA_UNMAP_FLAG_ALL };

	assert_int_equal(call(container, VFIO_IOMMU_UNMAP_DMA, &arg), 0);
	assert_int_equal(local_locked(local), 0);
}

static int set_up(void **state)
{
	static struct host_desc desc;
	struct error error = { 0 };
	struct file *file;
	int32_t fd;

	if (host_load("smmuv3", &desc, &error) || !(machine = machine_create(&desc, &error)))
		return -1;
	vfio = vfio_create(machine, NULL);
	local = local_caller_create();
	memory = mmap(NULL, 17 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(memory + 16 * PAGE, PAGE);
	assert_int_equal(vfio_open_container(vfio, &file, NULL), 0);
	fd = container = local_install(local, file);
	assert_int_equal(vfio_open_group(vfio, 1, false, &file, NULL), 0);
	group = local_install(local, file);
	assert_int_equal(call(group, VFIO_GROUP_SET_CONTAINER, &fd), 0);
	file = local_file(local, container);
	assert_int_equal(file->ops->ioctl(file, local_caller_base(local), VFIO_SET_IOMMU,
				 VFIO_TYPE1v2_IOMMU, &why),
		0);
	return 0;
}

static int take_down(void **state)
{
	local_caller_destroy(local);
	vfio_destroy(vfio);
	machine_destroy(machine);
	return 0;
}

static void counts(void **state)
{
	assert_int_equal(map(0, 0, 16), 0); /* nobody counts yet */
	assert_int_equal(local_locked(local), 0);
	unmap_all();
	local_memlock(local, LIMIT, false);
	assert_int_equal(map(0, 0, LIMIT + 1), -ENOMEM);
	assert_string_equal(why.rule, "memlock-limit");
	assert_int_equal(local_locked(local), 0);
	assert_int_equal(map(0, 0, LIMIT - 1), 0);
	assert_int_equal(map(0x100000, 0, 1), 0);
	assert_int_equal(local_locked(local), LIMIT);
	assert_int_equal(map(0x200000, 0, 1), -ENOMEM);
	unmap_all();
}

/* Refused for another reason: nothing is counted. */
static void refused(void **state)
{
	local_memlock(local, LIMIT, false);
	assert_int_equal(map(0, 0, 2), 0);
	assert_int_equal(map(0, 0, 2), -EEXIST);
	assert_int_equal(map(0x8000000, 0, 1), -EINVAL); /* the MSI window */
	assert_int_equal(map(0x100000, 16, 1), -EFAULT);
	assert_int_equal(local_locked(local), 2);
	unmap_all();
}

/* Linux 7.3 vfio_pin_pages_remote: from the start of the range. */
static void what_comes_first(void **state)
{
	local_memlock(local, LIMIT, false);
	assert_int_equal(map(0, 16 - LIMIT, LIMIT + 1), -EFAULT);
	assert_string_equal(why.rule, "user-memory");
	assert_int_equal(map(0, 15 - LIMIT, LIMIT + 2), -ENOMEM);
	assert_string_equal(why.rule, "memlock-limit");
	local_memlock(local, 0, false);
	assert_int_equal(map(0, 15, 2), -ENOMEM);
	assert_int_equal(map(0, 16, 1), -EFAULT);
	unmap_all();
}

/* CAP_IPC_LOCK: counted, but not held to the limit. */
static void bypass(void **state)
{
	local_memlock(local, LIMIT, true);
	assert_int_equal(map(0, 0, 16), 0);
	assert_int_equal(local_locked(local), 16);
	local_memlock(local, LIMIT, false);
	assert_int_equal(map(0x100000, 0, 1), -ENOMEM);
	unmap_all();
	assert_int_equal(map(0, 0, LIMIT), 0);
	unmap_all();
}

/* With the last group the mappings go, and what they counted. */
static void last_group(void **state)
{
	local_memlock(local, LIMIT, false);
	assert_int_equal(map(0, 0, LIMIT), 0);
	assert_int_equal(call(group, VFIO_GROUP_UNSET_CONTAINER, NULL), 0);
	assert_int_equal(local_locked(local), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(refused),
		cmocka_unit_test(what_comes_first),
		cmocka_unit_test(bypass),
		cmocka_unit_test(last_group),
	};

	return cmocka_run_group_tests(tests, set_up, take_down);
}
