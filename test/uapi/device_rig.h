/* SPDX-License-Identifier: MIT */
/*
 * A device of the default host, open in this process: group 1's DMA engine, with a mebibyte of memory
 * mapped at IOVA. For the tests of device calls.
 */
#ifndef TEST_UAPI_DEVICE_RIG_H
#define TEST_UAPI_DEVICE_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "abi/vfio.h"
#include "base/bits.h"
#include "dev/ioat/regs.h"
#include "file/local.h"
#include "machine/machine.h"
#include "vfio/vfio.h"

#define COMMAND	       0x04
#define COMMAND_MEMORY 0x2
#define COMMAND_MASTER 0x4
#define CONFIG	       (UINT64_C(7) << 40)
#define BAR0	       pci_region_offset(0)
#define IOVA	       0x100000

static struct machine *machine;
static struct vfio *vfio;
static struct local_caller *local;
static struct pci_dev *pci;
static struct why why;			  /* of the last call */
static int rig_type = VFIO_TYPE1v2_IOMMU; /* of the container: a suite may ask for another */
__attribute__((unused)) static int container, group, device;
static uint8_t *memory; /* of the program, mapped at IOVA */

__attribute__((unused)) static long call(int fd, unsigned cmd, const void *arg)
{
	struct file *file = local_file(local, fd);

	why_clear(&why);
	return file->ops->ioctl(file, local_caller_base(local), cmd, (uintptr_t)arg, &why);
}

__attribute__((unused)) static ssize_t get(uint64_t pos, void *buf, size_t count)
{
	struct file *file = local_file(local, device);

	why_clear(&why);
	return file->ops->read(file, local_caller_base(local), (uintptr_t)buf, count, pos, &why);
}

__attribute__((unused)) static ssize_t put(uint64_t pos, const void *buf, size_t count)
{
	struct file *file = local_file(local, device);

	why_clear(&why);
	return file->ops->write(file, local_caller_base(local), (uintptr_t)buf, count, pos, &why);
}

__attribute__((unused)) static uint32_t config_get(unsigned off, unsigned size)
{
	uint32_t val = 0;

	assert_int_equal(get(CONFIG + off, &val, size), size);
	return val;
}

__attribute__((unused)) static void config_put(unsigned off, uint32_t val, unsigned size)
{
	assert_int_equal(put(CONFIG + off, &val, size), size);
}

__attribute__((unused)) static uint64_t reg_get(unsigned off, unsigned size)
{
	uint64_t val = 0;

	assert_int_equal(get(BAR0 + off, &val, size), size);
	return val;
}

__attribute__((unused)) static void reg_put(unsigned off, uint64_t val, unsigned size)
{
	assert_int_equal(put(BAR0 + off, &val, size), size);
}

/* The host's "0000:01:00.0", which is in that group. */
__attribute__((unused)) static int setup_host(
	const char *host, int id, const struct vfio_options *options)
{
	static struct host_desc desc;
	struct error error = { 0 };
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map), .flags = 3 };
	struct file *file;

	assert_int_equal(host_load(host, &desc, &error), 0);
	machine = machine_create(&desc, &error);
	assert_non_null(machine);
	vfio = vfio_create(machine, options);
	local = local_caller_create();
	pci = &machine_find_device(machine, "0000:01:00.0")->pci;
	assert_int_equal(vfio_open_container(vfio, &file, &why), 0);
	container = local_install(local, file);
	assert_int_equal(vfio_open_group(vfio, id, false, &file, &why), 0);
	group = local_install(local, file);
	assert_int_equal(call(group, VFIO_GROUP_SET_CONTAINER, &container), 0);
	assert_int_equal(call(container, VFIO_SET_IOMMU, (void *)(uintptr_t)rig_type), 0);
	memory = mmap(NULL, MIB(1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map.vaddr = (uintptr_t)memory;
	map.iova = IOVA;
	map.size = MIB(1);
	assert_int_equal(call(container, VFIO_IOMMU_MAP_DMA, &map), 0);
	device = (int)call(group, VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0");
	assert_true(device >= 0);
	return 0;
}

__attribute__((unused)) static int setup_with(const struct vfio_options *options)
{
	return setup_host("smmuv3", 1, options);
}

__attribute__((unused)) static int setup(void **state)
{
	return setup_with(NULL);
}

__attribute__((unused)) static int teardown(void **state)
{
	local_caller_destroy(local);
	vfio_destroy(vfio);
	machine_destroy(machine);
	munmap(memory, MIB(1));
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
