/* SPDX-License-Identifier: MIT */
/* Regions in this process: descriptions, BARs, mappings; and without any (no_mmap). */
#include "device_rig.h"

static void info(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info), .cap_offset = 77, .pad = 77 };

	assert_int_equal(call(device, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.flags, VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET);
	assert_int_equal(info.num_regions, 9);
	assert_int_equal(info.num_irqs, 5);
	assert_int_equal(info.cap_offset, 0);
	info.argsz = 16;
	info.cap_offset = 77;
	assert_int_equal(call(device, VFIO_DEVICE_GET_INFO, &info), 0);
	assert_int_equal(info.cap_offset, 77);
	info.argsz = 15;
	assert_int_equal(call(device, VFIO_DEVICE_GET_INFO, &info), -EINVAL);
	assert_int_equal(call(device, VFIO_DEVICE_GET_INFO, NULL), -EFAULT);
	assert_int_equal(call(device, VFIO_DEVICE_QUERY_GFX_PLANE, NULL), -ENOTTY);
	assert_string_equal(why.device, "0000:01:00.0");
	assert_string_equal(why.group, "1");
}

static void regions(void **state)
{
	struct {
		struct vfio_region_info info;
		struct vfio_info_cap_header cap;
	} r = { 0 };
	unsigned i;

	for (i = 0; i < 8; i++) {
		r.info = (struct vfio_region_info){ .argsz = 32, .index = i };
		assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), 0);
		assert_true(r.info.offset == pci_region_offset(i));
		if (i != 0)
			assert_int_equal(r.info.size, i == 7 ? 4096 : 0);
		if (i == 7)
			assert_int_equal(r.info.flags, 3);
	}
	r.info = (struct vfio_region_info){ .argsz = 32, .index = 0 };
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), 0);
	assert_true(r.info.size == pci->model->bars[0].bytes);
	assert_int_equal(r.info.flags, 0xf);
	assert_int_equal(r.info.argsz, 40);
	assert_int_equal(r.info.cap_offset, 0);
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), 0);
	assert_int_equal(r.info.cap_offset, 32);
	assert_int_equal(r.cap.id, VFIO_REGION_INFO_CAP_MSIX_MAPPABLE);
	assert_int_equal(r.cap.version, 1);
	assert_int_equal(r.cap.next, 0);
	r.info.index = 8;
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), -EINVAL);
	assert_int_equal(why.class, WHY_PROTOCOL);
	r.info.index = 9;
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), -EINVAL);
	r.info.argsz = 31;
	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &r), -EINVAL);
}

static void bars(void **state)
{
	uint64_t bytes = pci->model->bars[0].bytes, table;
	uint8_t buf[64];

	assert_int_equal(get(BAR0 + bytes, buf, 1), -EINVAL);
	assert_int_equal(get(BAR0 + bytes - 4, buf, 64), 4);
	assert_int_equal(get(BAR0 + IOAT_CBVER, NULL, 1), -EFAULT);
	assert_int_equal(get(pci_region_offset(1), buf, 1), -EINVAL);
	assert_int_equal(get(pci_region_offset(6), buf, 1), -EINVAL);
	assert_int_equal(get(pci_region_offset(8), buf, 1), -EINVAL);
	assert_int_equal(get(0, buf, 1), -EINVAL);
	assert_int_equal(get(UINT64_MAX, buf, 1), -EINVAL);
	table = config_get(pci->cap_msix + 4u, 4) & ~7u;
	memset(buf, 0, sizeof(buf));
	assert_int_equal(put(BAR0 + table, buf, 16), 16);
	assert_int_equal(get(BAR0 + table, buf, 16), 16);
	assert_int_equal(buf[0] & buf[15], 0xff);
	config_put(COMMAND, 0, 2);
	assert_int_equal(get(BAR0, buf, 1), -EIO);
	assert_string_equal(why.rule, "memory-disabled");
	assert_int_equal(put(BAR0, buf, 1), -EIO);
	assert_int_equal(get(BAR0 + table, buf, 16), 16);
}

static void maps(void **state)
{
	struct file *file = local_file(local, device);
	uint64_t bytes = align_up(pci->model->bars[0].bytes, 4096);

	assert_int_equal(file->memfd, pci->memfd);
	assert_int_equal(file->ops->mmap(file, BAR0, bytes, 3, NULL), 0);
	assert_int_equal(file->ops->mmap(file, BAR0 + 4096, bytes - 4096, 3, NULL), 0);
	assert_int_equal(file->ops->mmap(file, BAR0, bytes + 4096, 3, NULL), -EINVAL);
	assert_int_equal(file->ops->mmap(file, BAR0 + bytes + 4096, 4096, 3, NULL), -EINVAL);
	assert_int_equal(file->ops->mmap(file, CONFIG, 4096, 3, NULL), -EINVAL);
	assert_int_equal(file->ops->mmap(file, pci_region_offset(2), 4096, 3, NULL), -EINVAL);
	assert_int_equal(file->ops->mmap(file, 0, 4096, 3, NULL), -EINVAL);
}

/* --mmio=trap: no BAR says that it maps, none does, and there is no capability about that. */
static int setup_trapped(void **state)
{
	return setup_with(&(const struct vfio_options){ .no_mmap = true });
}

static void trapped(void **state)
{
	struct vfio_region_info info = { .argsz = 32, .cap_offset = 77 };
	struct file *file = local_file(local, device);

	assert_int_equal(call(device, VFIO_DEVICE_GET_REGION_INFO, &info), 0);
	assert_int_equal(info.argsz, 32);
	assert_int_equal(info.cap_offset, 77);
	assert_int_equal(info.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	assert_true(info.size == pci->model->bars[0].bytes);
	assert_int_equal(file->ops->mmap(file, BAR0, 4096, 3, &why), -EINVAL);
	assert_string_equal(why.rule, "region-does-not-map");
	assert_int_equal(reg_get(IOAT_CBVER, 1) >> 4, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(info),
		TEST(regions),
		TEST(bars),
		TEST(maps),
		cmocka_unit_test_setup_teardown(trapped, setup_trapped, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
