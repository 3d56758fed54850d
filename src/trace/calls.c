/* SPDX-License-Identifier: MIT */
/*
 * What the argument of each VFIO ioctl is made of. Nested calls (base + 18 to 20 on a container, + 48
 * to 50 on a device) are in <nestbox/vfio-nesting.h>.
 */
#include "trace/calls.h"

#include <string.h>

#include "base/bits.h"

#define VFIO_IOCTL_FIRST 0x3b64u /* _IO(';', 100) */
#define VFIO_SHARED_NRS	 12	 /* numbers below this mean the same call on every file */

#define ARGSZ                                                                                      \
	{                                                                                          \
		"argsz", 0, 4, TRACE_DEC, NULL                                                     \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, 0, 0, TRACE_DEC, NULL                                                        \
	}

static const struct trace_field group_status[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_group_flags },
	END,
};
static const struct trace_field device_info[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_device_flags },
	{ "num_regions", 8, 4, TRACE_DEC, NULL },
	{ "num_irqs", 12, 4, TRACE_DEC, NULL },
	{ "cap_offset", 16, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field region_info[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_region_flags },
	{ "index", 8, 4, TRACE_ENUM, trace_region_index },
	{ "cap_offset", 12, 4, TRACE_DEC, NULL },
	{ "size", 16, 8, TRACE_HEX, NULL },
	{ "offset", 24, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field irq_info[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_irq_flags },
	{ "index", 8, 4, TRACE_ENUM, trace_irq_index },
	{ "count", 12, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field irq_set[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_irq_set_flags },
	{ "index", 8, 4, TRACE_ENUM, trace_irq_index },
	{ "start", 12, 4, TRACE_DEC, NULL },
	{ "count", 16, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field hot_reset[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_HEX, NULL },
	{ "count", 8, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field hot_reset_info[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_hot_reset_flags },
	{ "count", 8, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field gfx_plane[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_plane_flags },
	{ "drm_plane_type", 8, 4, TRACE_DEC, NULL },
	{ "drm_format", 12, 4, TRACE_HEX, NULL },
	{ "drm_format_mod", 16, 8, TRACE_HEX, NULL },
	{ "width", 24, 4, TRACE_DEC, NULL },
	{ "height", 28, 4, TRACE_DEC, NULL },
	{ "stride", 32, 4, TRACE_DEC, NULL },
	{ "size", 36, 4, TRACE_HEX, NULL },
	END,
};
static const struct trace_field bind[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_bind_flags },
	{ "iommufd", 8, 4, TRACE_SIGNED, NULL },
	{ "out_devid", 12, 4, TRACE_DEC, NULL },
	{ "token_uuid_ptr", 16, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field attach[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_pasid_flags },
	{ "pt_id", 8, 4, TRACE_DEC, NULL },
	{ "pasid", 12, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field detach[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_pasid_flags },
	{ "pasid", 8, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field precopy[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_precopy_flags },
	{ "initial_bytes", 8, 8, TRACE_HEX, NULL },
	{ "dirty_bytes", 16, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field ioeventfd[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_ioeventfd_flags },
	{ "offset", 8, 8, TRACE_REGION, NULL },
	{ "data", 16, 8, TRACE_HEX, NULL },
	{ "fd", 24, 4, TRACE_SIGNED, NULL },
	END,
};
static const struct trace_field feature[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FEATURE, trace_features },
	END,
};
static const struct trace_field type1_info[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_info_flags },
	{ "iova_pgsizes", 8, 8, TRACE_HEX, NULL },
	{ "cap_offset", 16, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field dma_map[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_map_flags },
	{ "vaddr", 8, 8, TRACE_HEX, NULL },
	{ "iova", 16, 8, TRACE_HEX, NULL },
	{ "size", 24, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field dma_unmap[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_unmap_flags },
	{ "iova", 8, 8, TRACE_HEX, NULL },
	{ "size", 16, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field dirty_pages[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_dirty_flags },
	END,
};
static const struct trace_field pasid_table[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_set_unset },
	{ "version", 12, 4, TRACE_DEC, NULL },
	{ "base_ptr", 16, 8, TRACE_HEX, NULL },
	{ "format", 24, 4, TRACE_DEC, NULL },
	{ "pasid_bits", 28, 1, TRACE_DEC, NULL },
	{ "config", 29, 1, TRACE_ENUM, trace_pasid_config },
	{ "s1fmt", 36, 1, TRACE_DEC, NULL },
	{ "s1dss", 37, 1, TRACE_DEC, NULL },
	END,
};
static const struct trace_field cache_invalidate[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_HEX, NULL },
	{ "version", 12, 4, TRACE_DEC, NULL },
	{ "cache", 16, 1, TRACE_FLAGS, trace_cache_kinds },
	{ "granularity", 17, 1, TRACE_ENUM, trace_granularity },
	END,
};
static const struct trace_field msi_binding[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, trace_bind_unbind },
	{ "iova", 8, 8, TRACE_HEX, NULL },
	{ "gpa", 16, 8, TRACE_HEX, NULL },
	{ "size", 24, 8, TRACE_HEX, NULL },
	END,
};

#define CONTAINER	      "container"
#define GROUP		      "group"
#define DEVICE		      "device"
#define FIELDS(fields, bytes) TRACE_STRUCT, NULL, fields, bytes

static const struct trace_call calls[] = {
	{ CONTAINER, 0, "VFIO_GET_API_VERSION", TRACE_NONE },
	{ CONTAINER, 1, "VFIO_CHECK_EXTENSION", TRACE_VALUE, trace_extensions },
	{ CONTAINER, 2, "VFIO_SET_IOMMU", TRACE_VALUE, trace_extensions },
	{ GROUP, 3, "VFIO_GROUP_GET_STATUS", FIELDS(group_status, 8) },
	{ GROUP, 4, "VFIO_GROUP_SET_CONTAINER", TRACE_INT_PTR },
	{ GROUP, 5, "VFIO_GROUP_UNSET_CONTAINER", TRACE_NONE },
	{ GROUP, 6, "VFIO_GROUP_GET_DEVICE_FD", TRACE_STRING },
	{ DEVICE, 7, "VFIO_DEVICE_GET_INFO", FIELDS(device_info, 16), trace_tail_device_info },
	{ DEVICE, 8, "VFIO_DEVICE_GET_REGION_INFO", FIELDS(region_info, 32),
		trace_tail_region_info },
	{ DEVICE, 9, "VFIO_DEVICE_GET_IRQ_INFO", FIELDS(irq_info, 16) },
	{ DEVICE, 10, "VFIO_DEVICE_SET_IRQS", FIELDS(irq_set, 20), trace_tail_irq_set },
	{ DEVICE, 11, "VFIO_DEVICE_RESET", TRACE_NONE },
	{ DEVICE, 12, "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", FIELDS(hot_reset_info, 12),
		trace_tail_hot_reset_info },
	{ DEVICE, 13, "VFIO_DEVICE_PCI_HOT_RESET", FIELDS(hot_reset, 12), trace_tail_hot_reset },
	{ DEVICE, 14, "VFIO_DEVICE_QUERY_GFX_PLANE", FIELDS(gfx_plane, 64) },
	{ DEVICE, 15, "VFIO_DEVICE_GET_GFX_DMABUF", TRACE_INT_PTR },
	{ DEVICE, 16, "VFIO_DEVICE_IOEVENTFD", FIELDS(ioeventfd, 28) },
	{ DEVICE, 17, "VFIO_DEVICE_FEATURE", FIELDS(feature, 8), trace_tail_feature },
	{ DEVICE, 18, "VFIO_DEVICE_BIND_IOMMUFD", FIELDS(bind, 24) },
	{ DEVICE, 19, "VFIO_DEVICE_ATTACH_IOMMUFD_PT", FIELDS(attach, 16) },
	{ DEVICE, 20, "VFIO_DEVICE_DETACH_IOMMUFD_PT", FIELDS(detach, 12) },
	{ DEVICE, 21, "VFIO_MIG_GET_PRECOPY_INFO", FIELDS(precopy, 24) },
	{ CONTAINER, 12, "VFIO_IOMMU_GET_INFO", FIELDS(type1_info, 16), trace_tail_type1_info },
	{ CONTAINER, 13, "VFIO_IOMMU_MAP_DMA", FIELDS(dma_map, 32) },
	{ CONTAINER, 14, "VFIO_IOMMU_UNMAP_DMA", FIELDS(dma_unmap, 24), trace_tail_unmap },
	{ CONTAINER, 15, "VFIO_IOMMU_ENABLE", TRACE_NONE },
	{ CONTAINER, 16, "VFIO_IOMMU_DISABLE", TRACE_NONE },
	{ CONTAINER, 17, "VFIO_IOMMU_DIRTY_PAGES", FIELDS(dirty_pages, 8), trace_tail_dirty },
	{ CONTAINER, 18, "VFIO_IOMMU_SET_PASID_TABLE", FIELDS(pasid_table, 40) },
	{ CONTAINER, 19, "VFIO_IOMMU_CACHE_INVALIDATE", FIELDS(cache_invalidate, 24),
		trace_tail_invalidate },
	{ CONTAINER, 20, "VFIO_IOMMU_SET_MSI_BINDING", FIELDS(msi_binding, 32) },
	{ DEVICE, 48, "VFIO_DEVICE_SET_PASID_TABLE", FIELDS(pasid_table, 40) },
	{ DEVICE, 49, "VFIO_DEVICE_CACHE_INVALIDATE", FIELDS(cache_invalidate, 24),
		trace_tail_invalidate },
	{ DEVICE, 50, "VFIO_DEVICE_SET_MSI_BINDING", FIELDS(msi_binding, 32) },
};

const struct trace_call *trace_call_find(const char *kind, unsigned cmd)
{
	unsigned nr = cmd - VFIO_IOCTL_FIRST;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		if (calls[i].nr == nr && (nr < VFIO_SHARED_NRS || !strcmp(calls[i].kind, kind)))
			return &calls[i];
	}
	return NULL;
}

const char *trace_foreign_name(unsigned cmd)
{
	static const struct trace_name names[] = {
		{ 0x5401, "TCGETS" },
		{ 0x5413, "TIOCGWINSZ" },
		{ 0x541b, "FIONREAD" },
		{ 0x5421, "FIONBIO" },
		{ 0x5450, "FIONCLEX" },
		{ 0x5451, "FIOCLEX" },
		{ 0x5452, "FIOASYNC" },
		{ 0, NULL },
	};

	for (const struct trace_name *n = names; n->name; n++) {
		if (n->value == cmd)
			return n->name;
	}
	return NULL;
}

static void add_feature(struct text *text, const struct trace_name *names, uint64_t value)
{
	if (value & ~(uint64_t)0xffff) {
		trace_add_flags(text, trace_feature_ops, value & ~(uint64_t)0xffff);
		text_add(text, "|");
	}
	trace_add_named(text, names, value & 0xffff);
}

/* Where the regions of a device are in its file (pci_region_offset): a test compares. */
#define REGION_LG2    40
#define REGION_CONFIG 7
#define REGION_FIRST  8
#define REGION_LAST   10

void trace_add_region(struct text *text, uint64_t offset)
{
	uint64_t at = offset & ((UINT64_C(1) << REGION_LG2) - 1), slot = offset >> REGION_LG2;
	uint64_t index = slot == REGION_CONFIG ? REGION_CONFIG : slot - REGION_FIRST;

	if (slot < REGION_CONFIG || index > REGION_LAST ||
		(index == REGION_CONFIG && slot != REGION_CONFIG)) {
		text_add(text, "%#llx", (unsigned long long)offset);
		return;
	}
	trace_add_named(text, trace_region_index, index);
	text_add(text, "+0x%llx", (unsigned long long)at);
}

static void add_bytes(struct text *text, const uint8_t *bytes, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		text_add(text, "%02x", bytes[i]);
}

void trace_add_field(struct text *text, const struct trace_field *field, const uint8_t *arg)
{
	uint64_t value = trace_load(arg + field->offset, MIN(field->bytes, 8u));

	switch (field->style) {
	case TRACE_DEC:
		text_add(text, "%llu", (unsigned long long)value);
		break;
	case TRACE_SIGNED:
		text_add(text, "%d", (int)(int32_t)value);
		break;
	case TRACE_HEX:
		text_add(text, "%#llx", (unsigned long long)value);
		break;
	case TRACE_FLAGS:
		trace_add_flags(text, field->names, value);
		break;
	case TRACE_ENUM:
		trace_add_named(text, field->names, value);
		break;
	case TRACE_FEATURE:
		add_feature(text, field->names, value);
		break;
	case TRACE_REGION:
		trace_add_region(text, value);
		break;
	case TRACE_BYTES:
		add_bytes(text, arg + field->offset, field->bytes);
		break;
	}
}

void trace_add_fields(
	struct text *text, const struct trace_field *fields, const uint8_t *arg, size_t len)
{
	const char *sep = "";

	for (; fields->name && (size_t)fields->offset + fields->bytes <= len; fields++) {
		text_add(text, "%s%s=", sep, fields->name);
		trace_add_field(text, fields, arg);
		sep = ", ";
	}
}
