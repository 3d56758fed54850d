/* SPDX-License-Identifier: MIT */
/* Decoding against the system's own <linux/vfio.h>: names, offsets, sizes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "pci/pci.h"
#include "trace/calls.h"
#include "trace/decode.h"

#define ROW(kind, cmd)                                                                             \
	{                                                                                          \
		kind, cmd, #cmd                                                                    \
	}
#define PTR 0x7ffc0000u

static const struct {
	const char *kind;
	unsigned cmd;
	const char *name;
} numbers[] = {
	ROW("container", VFIO_GET_API_VERSION),
	ROW("container", VFIO_CHECK_EXTENSION),
	ROW("container", VFIO_SET_IOMMU),
	ROW("group", VFIO_GROUP_GET_STATUS),
	ROW("group", VFIO_GROUP_SET_CONTAINER),
	ROW("group", VFIO_GROUP_UNSET_CONTAINER),
	ROW("group", VFIO_GROUP_GET_DEVICE_FD),
	ROW("device", VFIO_DEVICE_GET_INFO),
	ROW("device", VFIO_DEVICE_GET_REGION_INFO),
	ROW("device", VFIO_DEVICE_GET_IRQ_INFO),
	ROW("device", VFIO_DEVICE_SET_IRQS),
	ROW("device", VFIO_DEVICE_RESET),
	ROW("device", VFIO_DEVICE_GET_PCI_HOT_RESET_INFO),
	ROW("device", VFIO_DEVICE_PCI_HOT_RESET),
	ROW("device", VFIO_DEVICE_QUERY_GFX_PLANE),
	ROW("device", VFIO_DEVICE_GET_GFX_DMABUF),
	ROW("device", VFIO_DEVICE_IOEVENTFD),
	ROW("device", VFIO_DEVICE_FEATURE),
	ROW("container", VFIO_IOMMU_GET_INFO),
	ROW("container", VFIO_IOMMU_MAP_DMA),
	ROW("container", VFIO_IOMMU_UNMAP_DMA),
	ROW("container", VFIO_IOMMU_ENABLE),
	ROW("container", VFIO_IOMMU_DISABLE),
	ROW("container", VFIO_IOMMU_DIRTY_PAGES),
};

static void test_numbers(void **state)
{
	char name[128], expect[128];

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		trace_ioctl_name(name, sizeof(name), numbers[i].kind, numbers[i].cmd, 99);
		snprintf(expect, sizeof(expect), "%s%s", numbers[i].name,
			strchr(name, '(') ? "(99)" : "");
		assert_string_equal(name, expect);
	}
}

#define FIELD(cmd_kind, cmd, type, member)                                                         \
	{                                                                                          \
		cmd_kind, cmd, #member, offsetof(struct type, member),                             \
			sizeof(((struct type *)NULL)->member)                                      \
	}

static const struct {
	const char *kind;
	unsigned cmd;
	const char *name;
	size_t offset, bytes;
} layouts[] = {
	FIELD("group", VFIO_GROUP_GET_STATUS, vfio_group_status, flags),
	FIELD("device", VFIO_DEVICE_GET_INFO, vfio_device_info, num_regions),
	FIELD("device", VFIO_DEVICE_GET_INFO, vfio_device_info, num_irqs),
	FIELD("device", VFIO_DEVICE_GET_REGION_INFO, vfio_region_info, index),
	FIELD("device", VFIO_DEVICE_GET_REGION_INFO, vfio_region_info, cap_offset),
	FIELD("device", VFIO_DEVICE_GET_REGION_INFO, vfio_region_info, size),
	FIELD("device", VFIO_DEVICE_GET_REGION_INFO, vfio_region_info, offset),
	FIELD("device", VFIO_DEVICE_GET_IRQ_INFO, vfio_irq_info, index),
	FIELD("device", VFIO_DEVICE_GET_IRQ_INFO, vfio_irq_info, count),
	FIELD("device", VFIO_DEVICE_SET_IRQS, vfio_irq_set, index),
	FIELD("device", VFIO_DEVICE_SET_IRQS, vfio_irq_set, start),
	FIELD("device", VFIO_DEVICE_SET_IRQS, vfio_irq_set, count),
	FIELD("device", VFIO_DEVICE_PCI_HOT_RESET, vfio_pci_hot_reset, count),
	FIELD("device", VFIO_DEVICE_IOEVENTFD, vfio_device_ioeventfd, offset),
	FIELD("device", VFIO_DEVICE_IOEVENTFD, vfio_device_ioeventfd, data),
	FIELD("device", VFIO_DEVICE_IOEVENTFD, vfio_device_ioeventfd, fd),
	FIELD("container", VFIO_IOMMU_GET_INFO, vfio_iommu_type1_info, iova_pgsizes),
	FIELD("container", VFIO_IOMMU_GET_INFO, vfio_iommu_type1_info, cap_offset),
	FIELD("container", VFIO_IOMMU_MAP_DMA, vfio_iommu_type1_dma_map, vaddr),
	FIELD("container", VFIO_IOMMU_MAP_DMA, vfio_iommu_type1_dma_map, iova),
	FIELD("container", VFIO_IOMMU_MAP_DMA, vfio_iommu_type1_dma_map, size),
	FIELD("container", VFIO_IOMMU_UNMAP_DMA, vfio_iommu_type1_dma_unmap, iova),
	FIELD("container", VFIO_IOMMU_UNMAP_DMA, vfio_iommu_type1_dma_unmap, size),
};

static void test_layouts(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		const struct trace_call *call = trace_call_find(layouts[i].kind, layouts[i].cmd);
		const struct trace_field *f;

		assert_non_null(call);
		for (f = call->fields; f->name && strcmp(f->name, layouts[i].name); f++)
			;
		assert_non_null(f->name);
		assert_int_equal(f->offset, layouts[i].offset);
		assert_int_equal(f->bytes, layouts[i].bytes);
	}
}

static const char *decode_as(const struct trace_ioctl_call *call)
{
	static char buf[TRACE_LINE_MAX];
	int n = trace_ioctl(buf, sizeof(buf), call);

	assert_int_equal(n, strlen(buf));
	return buf;
}

static const char *decode(const char *kind, unsigned cmd, const void *arg, size_t len, uint64_t raw)
{
	const struct trace_ioctl_call call = {
		.kind = kind, .cmd = cmd, .arg = arg, .arg_len = len, .raw = raw
	};

	return decode_as(&call);
}

static const char *decode_failed(const char *kind, unsigned cmd, const void *arg, size_t len)
{
	const struct trace_ioctl_call call = {
		.kind = kind, .cmd = cmd, .arg = arg, .arg_len = len, .raw = PTR, .failed = true
	};

	return decode_as(&call);
}

static void test_values(void **state)
{
	int fd = 9;

	assert_string_equal(
		decode("container", VFIO_GET_API_VERSION, NULL, 0, 0), "VFIO_GET_API_VERSION");
	assert_string_equal(decode("container", VFIO_SET_IOMMU, NULL, 0, 6),
		"VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU");
	assert_string_equal(
		decode("container", VFIO_CHECK_EXTENSION, NULL, 0, 77), "VFIO_CHECK_EXTENSION, 77");
	assert_string_equal(decode("group", VFIO_GROUP_SET_CONTAINER, &fd, sizeof(fd), PTR),
		"VFIO_GROUP_SET_CONTAINER, [9]");
	assert_string_equal(decode("group", VFIO_GROUP_GET_DEVICE_FD, "0000:01:00.0", 13, PTR),
		"VFIO_GROUP_GET_DEVICE_FD, \"0000:01:00.0\"");
	assert_string_equal(decode("group", VFIO_GROUP_GET_DEVICE_FD, "a\"\n\x1b", 4, PTR),
		"VFIO_GROUP_GET_DEVICE_FD, \"a\\\"\\n\\x1b\"...");
	assert_string_equal(decode("container", 0x5401, NULL, 0, 1), "TCGETS, 0x1");
	assert_string_equal(decode("container", 0x3bff, NULL, 0, 1), "ioctl 0x3bff, 0x1");
}

static void test_structs(void **state)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = 3,
		.vaddr = 0x7f0000000000,
		.iova = 0x100000,
		.size = 0x200000,
	};
	struct vfio_device_feature feature = { .argsz = 8, .flags = 1u << 18 | 1u << 16 | 2 };
	struct vfio_group_status status = { .argsz = 8 };

	assert_string_equal(decode("container", VFIO_IOMMU_MAP_DMA, &map, sizeof(map), PTR),
		"VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, vaddr=0x7f0000000000, "
		"iova=0x100000, size=0x200000}");
	assert_string_equal(decode("container", VFIO_IOMMU_MAP_DMA, &map, 10, PTR),
		"VFIO_IOMMU_MAP_DMA, {argsz=32, flags=READ|WRITE, ...}");
	assert_string_equal(
		decode("container", VFIO_IOMMU_MAP_DMA, NULL, 0, 0), "VFIO_IOMMU_MAP_DMA, NULL");
	assert_string_equal(decode("container", VFIO_IOMMU_MAP_DMA, NULL, 0, PTR),
		"VFIO_IOMMU_MAP_DMA, 0x7ffc0000");
	assert_string_equal(decode("device", VFIO_DEVICE_FEATURE, &feature, 8, PTR),
		"VFIO_DEVICE_FEATURE, {argsz=8, flags=GET|PROBE|MIG_DEVICE_STATE}");
	assert_string_equal(decode("group", VFIO_GROUP_GET_STATUS, &status, 8, PTR),
		"VFIO_GROUP_GET_STATUS, {argsz=8, flags=0}");
	status.flags = 0x101;
	assert_string_equal(decode("group", VFIO_GROUP_GET_STATUS, &status, 8, PTR),
		"VFIO_GROUP_GET_STATUS, {argsz=8, flags=VIABLE|0x100}");
}

static void test_tails(void **state)
{
	uint8_t arg[64] = { 0 };
	struct vfio_irq_set *set = (void *)arg;
	int32_t fds[2] = { 12, -1 };

	*set = (struct vfio_irq_set){ .argsz = 28, .flags = 4 | 32, .index = 2, .count = 2 };
	memcpy(set->data, fds, sizeof(fds));
	assert_int_equal(trace_ioctl_bytes("device", VFIO_DEVICE_SET_IRQS, 28), 28);
	assert_int_equal(trace_ioctl_bytes("device", VFIO_DEVICE_SET_IRQS, 4), 20);
	assert_int_equal(trace_ioctl_bytes("device", VFIO_DEVICE_SET_IRQS, ~0u), TRACE_ARG_MAX);
	assert_int_equal(trace_ioctl_bytes("container", VFIO_SET_IOMMU, 6), 0);
	assert_string_equal(decode("device", VFIO_DEVICE_SET_IRQS, arg, 28, PTR),
		"VFIO_DEVICE_SET_IRQS, {argsz=28, flags=DATA_EVENTFD|ACTION_TRIGGER, index=MSIX, "
		"start=0, count=2, eventfds=[12, -1]}");
	set->count = ~0u;
	assert_string_equal(decode("device", VFIO_DEVICE_SET_IRQS, arg, 24, PTR),
		"VFIO_DEVICE_SET_IRQS, {argsz=28, flags=DATA_EVENTFD|ACTION_TRIGGER, index=MSIX, "
		"start=0, count=4294967295, eventfds=[12, ...]}");
}

struct info {
	struct vfio_iommu_type1_info info;
	struct vfio_info_cap_header ranges;
	uint32_t nr_iovas, reserved;
	struct vfio_iova_range range[2];
	struct vfio_iommu_type1_info_dma_avail avail;
};

static void test_caps(void **state)
{
	struct info arg = {
		.info = { .argsz = sizeof(arg),
			.flags = 3,
			.iova_pgsizes = 0x40201000,
			.cap_offset = offsetof(struct info, ranges) },
		.ranges = { .id = 1, .next = offsetof(struct info, avail) },
		.nr_iovas = 2,
		.range = { { 0, 0x7ffffff }, { 0x8100000, 0xffff } },
		.avail = { .header = { .id = 3 }, .avail = 65535 },
	};
	const char *text = decode("container", VFIO_IOMMU_GET_INFO, &arg, sizeof(arg), PTR);

	assert_non_null(strstr(text,
		"caps=[IOVA_RANGE[0x0-0x7ffffff, 0x8100000-0xffff], DMA_AVAIL{avail=65535}]}"));
	arg.avail.header.next = 24; /* backwards */
	text = decode("container", VFIO_IOMMU_GET_INFO, &arg, sizeof(arg), PTR);
	assert_non_null(strstr(text, "DMA_AVAIL{avail=65535}"));
	arg.nr_iovas = ~0u;
	decode("container", VFIO_IOMMU_GET_INFO, &arg, sizeof(arg), PTR);
}

struct region {
	struct vfio_region_info info;
	struct vfio_info_cap_header sparse;
	uint32_t nr_areas, reserved;
	struct vfio_region_sparse_mmap_area areas[2];
	struct vfio_info_cap_header msix;
	struct vfio_region_info_cap_type type;
};

static void test_region_caps(void **state)
{
	struct region arg = {
		.info = { .argsz = sizeof(arg),
			.flags = 15,
			.index = 4,
			.cap_offset = offsetof(struct region, sparse),
			.size = 0x4000,
			.offset = 0xc0000000000 },
		.sparse = { .id = 1, .version = 1, .next = offsetof(struct region, msix) },
		.nr_areas = 2,
		.areas = { { 0, 0x1000 }, { 0x3000, 0x1000 } },
		.msix = { .id = 3, .next = offsetof(struct region, type) },
		.type = { .header = { .id = 2 }, .type = 0x80008086, .subtype = 1 },
	};

	assert_int_equal(
		trace_ioctl_bytes("device", VFIO_DEVICE_GET_REGION_INFO, sizeof(arg)), sizeof(arg));
	assert_string_equal(decode("device", VFIO_DEVICE_GET_REGION_INFO, &arg, sizeof(arg), PTR),
		"VFIO_DEVICE_GET_REGION_INFO, {argsz=104, flags=READ|WRITE|MMAP|CAPS, index=BAR4, "
		"cap_offset=32, size=0x4000, offset=0xc0000000000, "
		"caps=[SPARSE_MMAP[0x0-0xfff, 0x3000-0x3fff], MSIX_MAPPABLE, "
		"TYPE{type=0x80008086, subtype=0x1}]}");
	/* The buffer was too small: cap_offset is 0. Cut off: there is more. */
	arg.info.cap_offset = 0;
	assert_null(strstr(
		decode("device", VFIO_DEVICE_GET_REGION_INFO, &arg, sizeof(arg), PTR), "caps"));
	arg.info.cap_offset = offsetof(struct region, msix);
	assert_non_null(strstr(decode("device", VFIO_DEVICE_GET_REGION_INFO, &arg, 90, PTR),
		"caps=[MSIX_MAPPABLE, ...]}"));
	assert_null(strstr(
		decode_failed("device", VFIO_DEVICE_GET_REGION_INFO, &arg, sizeof(arg)), "caps=["));
}

static void test_device_caps(void **state)
{
	struct {
		uint32_t argsz, flags, num_regions, num_irqs, cap_offset, pad;
		struct vfio_info_cap_header header;
		uint32_t atomics, reserved;
	} arg = { 40, 0x83, 9, 5, 24, 0, { .id = 5, .version = 1 }, 3, 0 };

	assert_string_equal(decode("device", VFIO_DEVICE_GET_INFO, &arg, 40, PTR),
		"VFIO_DEVICE_GET_INFO, {argsz=40, flags=RESET|PCI|CAPS, num_regions=9, num_irqs=5, "
		"cap_offset=24, caps=[PCI_ATOMIC_COMP{flags=COMP32|COMP64}]}");
	assert_string_equal(decode("device", VFIO_DEVICE_GET_INFO, &arg, 16, PTR),
		"VFIO_DEVICE_GET_INFO, {argsz=40, flags=RESET|PCI|CAPS, num_regions=9, "
		"num_irqs=5}");
}

/** {feature and operation, payload, whether the call failed, what is behind the flags}. */
static const struct {
	uint32_t flags;
	uint8_t payload[32];
	unsigned bytes;
	bool failed;
	const char *text;
} feature_rows[] = {
	{ 1u << 17 | 10, { 1 }, 4, false, "flags=SET|BUS_MASTER, op=SET_MASTER}" },
	{ 1u << 17 | 10, { 0 }, 4, true, "flags=SET|BUS_MASTER, op=CLEAR_MASTER}" },
	{ 1u << 17, { 1, 2, 0xff }, 16, false,
		"flags=SET|PCI_VF_TOKEN, uuid=0102ff00000000000000000000000000}" },
	{ 1u << 16 | 1, { 3 }, 8, false, "flags=GET|MIGRATION, migration=STOP_COPY|P2P}" },
	{ 1u << 16 | 1, { 3 }, 8, true, "flags=GET|MIGRATION}" },
	{ 1u << 18 | 1u << 16 | 1, { 3 }, 8, false, "flags=GET|PROBE|MIGRATION}" },
	{ 1u << 17 | 2, { 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff }, 8, false,
		"flags=SET|MIG_DEVICE_STATE, device_state=RUNNING, data_fd=-1}" },
	{ 1u << 17 | 3, { 0 }, 0, false, "flags=SET|LOW_POWER_ENTRY}" },
	{ 1u << 17 | 4, { 7 }, 8, false,
		"flags=SET|LOW_POWER_ENTRY_WITH_WAKEUP, wakeup_eventfd=7}" },
	{ 1u << 17 | 10, { 0 }, 2, false, "flags=SET|BUS_MASTER}" },
	{ 1u << 17 | 99, { 1 }, 4, false, "flags=SET|99}" },
};

static void test_features(void **state)
{
	uint8_t arg[64];

	for (size_t i = 0; i < ARRAY_LEN(feature_rows); i++) {
		struct vfio_device_feature feature = { .argsz = 8 + feature_rows[i].bytes,
			.flags = feature_rows[i].flags };
		const char *text;

		memcpy(arg, &feature, 8);
		memcpy(arg + 8, feature_rows[i].payload, sizeof(feature_rows[i].payload));
		text = feature_rows[i].failed
			       ? decode_failed("device", VFIO_DEVICE_FEATURE, arg, feature.argsz)
			       : decode("device", VFIO_DEVICE_FEATURE, arg, feature.argsz, PTR);
		assert_string_equal(strstr(text, "flags="), feature_rows[i].text);
	}
}

static void test_hot_reset(void **state)
{
	struct {
		uint32_t argsz, flags, count;
		struct vfio_pci_dependent_device devices[2];
	} info = { 28, 0, 2, { { 3, 0, 3, 0 }, { 3, 0, 3, 9 } } };
	struct {
		uint32_t argsz, flags, count;
		int32_t fds[2];
	} reset = { 20, 0, 2, { 8, 9 } };

	assert_string_equal(decode("device", VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info, 28, PTR),
		"VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, {argsz=28, flags=0, count=2, "
		"devices=[0000:03:00.0/group 3, 0000:03:01.1/group 3]}");
	/* ENOSPC: the count is told, the devices are not. */
	assert_string_equal(decode_failed("device", VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info, 28),
		"VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, {argsz=28, flags=0, count=2}");
	info.flags = 3;
	assert_non_null(strstr(decode("device", VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, &info, 28, PTR),
		"flags=DEV_ID|DEV_ID_OWNED, count=2, devices=[0000:03:00.0/devid 3, "));
	assert_string_equal(decode("device", VFIO_DEVICE_PCI_HOT_RESET, &reset, 20, PTR),
		"VFIO_DEVICE_PCI_HOT_RESET, {argsz=20, flags=0, count=2, group_fds=[8, 9]}");
}

static void test_bitmaps(void **state)
{
	struct {
		uint32_t argsz, flags;
		uint64_t iova, size, pgsize, bytes, data;
	} arg = { 48, 1, 0x1000, 0x2000, 4096, 8, PTR };

	assert_string_equal(decode("container", VFIO_IOMMU_UNMAP_DMA, &arg, 48, PTR),
		"VFIO_IOMMU_UNMAP_DMA, {argsz=48, flags=GET_DIRTY_BITMAP, iova=0x1000, "
		"size=0x2000, "
		"bitmap={pgsize=0x1000, size=0x8, data=0x7ffc0000}}");
	arg.flags = 4;
	assert_string_equal(decode("container", VFIO_IOMMU_DIRTY_PAGES, &arg, 48, PTR),
		"VFIO_IOMMU_DIRTY_PAGES, {argsz=48, flags=GET_BITMAP, iova=0x1000, size=0x2000, "
		"bitmap={pgsize=0x1000, size=0x8, data=0x7ffc0000}}");
	arg.flags = 1;
	assert_string_equal(decode("container", VFIO_IOMMU_DIRTY_PAGES, &arg, 8, PTR),
		"VFIO_IOMMU_DIRTY_PAGES, {argsz=48, flags=START}");
}

static void test_ioeventfd(void **state)
{
	struct vfio_device_ioeventfd arg = {
		.argsz = 32, .flags = 4, .offset = pci_region_offset(0) + 0x86, .data = 1, .fd = 12
	};

	assert_string_equal(decode("device", VFIO_DEVICE_IOEVENTFD, &arg, 32, PTR),
		"VFIO_DEVICE_IOEVENTFD, {argsz=32, flags=32, offset=BAR0+0x86, data=0x1, fd=12}");
}

static void test_regions(void **state)
{
	static const char *const names[] = { "BAR0+0x4", "BAR1+0x4", "BAR2+0x4", "BAR3+0x4",
		"BAR4+0x4", "BAR5+0x4", "ROM+0x4", "CONFIG+0x4", "VGA+0x4", "DMA-FAULT+0x4",
		"DMA-FAULT-RESPONSE+0x4" };
	char buf[64];
	struct text text;

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		text_init(&text, buf, sizeof(buf));
		trace_add_region(&text, pci_region_offset(i) + 4);
		assert_string_equal(buf, names[i]);
	}
	text_init(&text, buf, sizeof(buf));
	trace_add_region(&text, UINT64_C(15) << 40);
	trace_add_region(&text, 0x10);
	assert_string_equal(buf, "0xf00000000000x10");
}

/** No content and no length makes it read outside (ASan) or write outside the buffer. */
static void test_hostile(void **state)
{
	uint8_t arg[96];
	char small[8], large[TRACE_LINE_MAX];
	static const char *const kinds[] = { "container", "group", "device", "other" };

	for (unsigned i = 0; i < 40 * 4 * 97; i++) {
		unsigned cmd = 0x3b64 + i % 40, kind = i / 40 % 4, len = i / 160;
		uint8_t *exact = test_malloc(MAX(MIN(len, 96), 1));
		struct trace_ioctl_call call;

		memset(arg, (int)(i * 37), sizeof(arg));
		memcpy(exact, arg, len < sizeof(arg) ? len : sizeof(arg));
		call = (struct trace_ioctl_call){ .kind = kinds[kind],
			.cmd = cmd,
			.arg = exact,
			.arg_len = MIN(len, 96),
			.raw = PTR };
		trace_ioctl(small, sizeof(small), &call);
		trace_ioctl(large, sizeof(large), &call);
		test_free(exact);
	}
}

static void test_line(void **state)
{
	char buf[TRACE_LINE_MAX], text[TRACE_LINE_MAX];
	struct why why = { 0 };
	struct trace_ioctl_call call = {
		.fd = 960,
		.path = "/dev/vfio/vfio",
		.kind = "container",
		.cmd = VFIO_SET_IOMMU,
		.raw = 6,
	};

	why_refused(&why, EOPNOTSUPP, "iommu-cannot-nest", "stage 2 only\n");
	trace_ioctl_text(text, sizeof(text), &call);
	trace_line(buf, sizeof(buf), 42, text, -EOPNOTSUPP, &why);
	assert_string_equal(buf,
		"[42] ioctl(960</dev/vfio/vfio>, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU) = -1 "
		"EOPNOTSUPP <iommu-cannot-nest: stage 2 only\\n>");
	trace_line(buf, sizeof(buf), 42, text, 0, NULL);
	assert_string_equal(buf,
		"[42] ioctl(960</dev/vfio/vfio>, VFIO_SET_IOMMU, VFIO_TYPE1_NESTING_IOMMU) = 0");
	trace_line(buf, sizeof(buf), 7, "openat(AT_FDCWD, \"/dev/vfio/1\")", -EBUSY, NULL);
	assert_string_equal(buf, "[7] openat(AT_FDCWD, \"/dev/vfio/1\") = -1 EBUSY");
	trace_line(buf, 16, 7, "openat(AT_FDCWD, \"/dev/vfio/1\")", 0, NULL);
	assert_string_equal(buf, "[7] openat(A...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_structs),
		cmocka_unit_test(test_tails),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_region_caps),
		cmocka_unit_test(test_device_caps),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_hot_reset),
		cmocka_unit_test(test_bitmaps),
		cmocka_unit_test(test_ioeventfd),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
