/* SPDX-License-Identifier: MIT */
/*
 * What the argument of each VFIO ioctl is made of. Nested calls (base + 18 to 20 on a container)
 * are those proposed in 2018 to 2021 and never merged.
 */
#include "trace/calls.h"

#include <string.h>

#include "base/bits.h"

#define VFIO_IOCTL_FIRST 0x3b64u /* _IO(';', 100) */
#define VFIO_SHARED_NRS	 12	 /* numbers below this mean the same call on every file */

static const struct trace_name extensions[] = {
	{ 1, "VFIO_TYPE1_IOMMU" },
	{ 2, "VFIO_SPAPR_TCE_IOMMU" },
	{ 3, "VFIO_TYPE1v2_IOMMU" },
	{ 4, "VFIO_DMA_CC_IOMMU" },
	{ 5, "VFIO_EEH" },
	{ 6, "VFIO_TYPE1_NESTING_IOMMU" },
	{ 7, "VFIO_SPAPR_TCE_v2_IOMMU" },
	{ 8, "VFIO_NOIOMMU_IOMMU" },
	{ 9, "VFIO_UNMAP_ALL" },
	{ 10, "VFIO_UPDATE_VADDR" },
	{ 0, NULL },
};
static const struct trace_name group_flags[] = {
	{ 1, "VIABLE" },
	{ 2, "CONTAINER_SET" },
	{ 0, NULL },
};
static const struct trace_name device_flags[] = {
	{ 1, "RESET" },
	{ 2, "PCI" },
	{ 4, "PLATFORM" },
	{ 8, "AMBA" },
	{ 16, "CCW" },
	{ 32, "AP" },
	{ 64, "FSL_MC" },
	{ 128, "CAPS" },
	{ 256, "CDX" },
	{ 0, NULL },
};
static const struct trace_name region_flags[] = {
	{ 1, "READ" },
	{ 2, "WRITE" },
	{ 4, "MMAP" },
	{ 8, "CAPS" },
	{ 0, NULL },
};
static const struct trace_name region_index[] = {
	{ 0, "BAR0" },
	{ 1, "BAR1" },
	{ 2, "BAR2" },
	{ 3, "BAR3" },
	{ 4, "BAR4" },
	{ 5, "BAR5" },
	{ 6, "ROM" },
	{ 7, "CONFIG" },
	{ 8, "VGA" },
	{ 0, NULL },
};
static const struct trace_name irq_flags[] = {
	{ 1, "EVENTFD" },
	{ 2, "MASKABLE" },
	{ 4, "AUTOMASKED" },
	{ 8, "NORESIZE" },
	{ 0, NULL },
};
static const struct trace_name irq_index[] = {
	{ 0, "INTX" },
	{ 1, "MSI" },
	{ 2, "MSIX" },
	{ 3, "ERR" },
	{ 4, "REQ" },
	{ 0, NULL },
};
static const struct trace_name irq_set_flags[] = {
	{ 1, "DATA_NONE" },
	{ 2, "DATA_BOOL" },
	{ 4, "DATA_EVENTFD" },
	{ 8, "ACTION_MASK" },
	{ 16, "ACTION_UNMASK" },
	{ 32, "ACTION_TRIGGER" },
	{ 0, NULL },
};
static const struct trace_name ioeventfd_flags[] = {
	{ 1, "8" },
	{ 2, "16" },
	{ 4, "32" },
	{ 8, "64" },
	{ 0, NULL },
};
static const struct trace_name features[] = {
	{ 0, "PCI_VF_TOKEN" },
	{ 1, "MIGRATION" },
	{ 2, "MIG_DEVICE_STATE" },
	{ 3, "LOW_POWER_ENTRY" },
	{ 4, "LOW_POWER_ENTRY_WITH_WAKEUP" },
	{ 5, "LOW_POWER_EXIT" },
	{ 6, "DMA_LOGGING_START" },
	{ 7, "DMA_LOGGING_STOP" },
	{ 8, "DMA_LOGGING_REPORT" },
	{ 9, "MIG_DATA_SIZE" },
	{ 10, "BUS_MASTER" },
	{ 11, "DMA_BUF" },
	{ 0, NULL },
};
static const struct trace_name info_flags[] = {
	{ 1, "PGSIZES" },
	{ 2, "CAPS" },
	{ 0, NULL },
};
static const struct trace_name map_flags[] = {
	{ 1, "READ" },
	{ 2, "WRITE" },
	{ 4, "VADDR" },
	{ 0, NULL },
};
static const struct trace_name unmap_flags[] = {
	{ 1, "GET_DIRTY_BITMAP" },
	{ 2, "ALL" },
	{ 4, "VADDR" },
	{ 0, NULL },
};
static const struct trace_name dirty_flags[] = {
	{ 1, "START" },
	{ 2, "STOP" },
	{ 4, "GET_BITMAP" },
	{ 0, NULL },
};
static const struct trace_name set_unset[] = { { 1, "SET" }, { 2, "UNSET" }, { 0, NULL } };
static const struct trace_name bind_unbind[] = { { 1, "BIND" }, { 2, "UNBIND" }, { 0, NULL } };
static const struct trace_name pasid_config[] = {
	{ 1, "TRANSLATE" },
	{ 2, "BYPASS" },
	{ 3, "ABORT" },
	{ 0, NULL },
};
static const struct trace_name cache_kinds[] = {
	{ 1, "IOTLB" },
	{ 2, "DEV_IOTLB" },
	{ 4, "PASID" },
	{ 0, NULL },
};
static const struct trace_name granularity[] = {
	{ 0, "DOMAIN" },
	{ 1, "PASID" },
	{ 2, "ADDR" },
	{ 0, NULL },
};

#define ARGSZ                                                                                      \
	{                                                                                          \
		"argsz", 0, 4, TRACE_DEC, NULL                                                     \
	}
#define END                                                                                        \
	{                                                                                          \
		NULL, 0, 0, TRACE_DEC, NULL                                                        \
	}

static const struct trace_field argsz_flags[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_HEX, NULL },
	END,
};
static const struct trace_field group_status[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, group_flags },
	END,
};
static const struct trace_field device_info[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, device_flags },
	{ "num_regions", 8, 4, TRACE_DEC, NULL },
	{ "num_irqs", 12, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field region_info[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, region_flags },
	{ "index", 8, 4, TRACE_ENUM, region_index },
	{ "cap_offset", 12, 4, TRACE_DEC, NULL },
	{ "size", 16, 8, TRACE_HEX, NULL },
	{ "offset", 24, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field irq_info[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, irq_flags },
	{ "index", 8, 4, TRACE_ENUM, irq_index },
	{ "count", 12, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field irq_set[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, irq_set_flags },
	{ "index", 8, 4, TRACE_ENUM, irq_index },
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
static const struct trace_field ioeventfd[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, ioeventfd_flags },
	{ "offset", 8, 8, TRACE_HEX, NULL },
	{ "data", 16, 8, TRACE_HEX, NULL },
	{ "fd", 24, 4, TRACE_SIGNED, NULL },
	END,
};
static const struct trace_field feature[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FEATURE, features },
	END,
};
static const struct trace_field type1_info[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, info_flags },
	{ "iova_pgsizes", 8, 8, TRACE_HEX, NULL },
	{ "cap_offset", 16, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field dma_map[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, map_flags },
	{ "vaddr", 8, 8, TRACE_HEX, NULL },
	{ "iova", 16, 8, TRACE_HEX, NULL },
	{ "size", 24, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field dma_unmap[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, unmap_flags },
	{ "iova", 8, 8, TRACE_HEX, NULL },
	{ "size", 16, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field dirty_pages[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, dirty_flags },
	END,
};
static const struct trace_field pasid_table[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, set_unset },
	{ "version", 12, 4, TRACE_DEC, NULL },
	{ "base_ptr", 16, 8, TRACE_HEX, NULL },
	{ "format", 24, 4, TRACE_DEC, NULL },
	{ "pasid_bits", 28, 1, TRACE_DEC, NULL },
	{ "config", 29, 1, TRACE_ENUM, pasid_config },
	{ "s1fmt", 36, 1, TRACE_DEC, NULL },
	{ "s1dss", 37, 1, TRACE_DEC, NULL },
	END,
};
static const struct trace_field cache_invalidate[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_HEX, NULL },
	{ "version", 12, 4, TRACE_DEC, NULL },
	{ "cache", 16, 1, TRACE_FLAGS, cache_kinds },
	{ "granularity", 17, 1, TRACE_ENUM, granularity },
	END,
};
static const struct trace_field msi_binding[] = {
	ARGSZ,
	{ "flags", 4, 4, TRACE_FLAGS, bind_unbind },
	{ "iova", 8, 8, TRACE_HEX, NULL },
	{ "gpa", 16, 8, TRACE_HEX, NULL },
	{ "size", 24, 8, TRACE_HEX, NULL },
	END,
};

static uint64_t load(const uint8_t *p, unsigned bytes)
{
	uint64_t val = 0;

	memcpy(&val, p, bytes); /* hosts are little-endian (x86-64, arm64) */
	return val;
}

/** Elements at off, each of `bytes`, as many as count says and there are. */
static void add_list(struct text *text, const char *name, const uint8_t *arg, size_t len,
	size_t off, unsigned bytes, uint64_t count)
{
	static const unsigned max = 8;
	uint64_t there = len > off ? (len - off) / bytes : 0;
	uint64_t n = MIN(MIN(count, there), max);

	if (!count)
		return;
	text_add(text, ", %s=[", name);
	for (uint64_t i = 0; i < n; i++)
		text_add(text, "%s%d", i ? ", " : "",
			(int)(int32_t)load(arg + off + i * bytes, bytes));
	text_add(text, "%s]", n < count ? (n ? ", ..." : "...") : "");
}

static void irq_set_tail(struct text *text, const uint8_t *arg, size_t len)
{
	uint64_t flags = load(arg + 4, 4), count = load(arg + 16, 4);

	if (flags & 4)
		add_list(text, "eventfds", arg, len, 20, 4, count);
	else if (flags & 2)
		add_list(text, "bools", arg, len, 20, 1, count);
}

static void hot_reset_tail(struct text *text, const uint8_t *arg, size_t len)
{
	add_list(text, "group_fds", arg, len, 12, 4, load(arg + 8, 4));
}

/** {u32 group_id; u16 segment; u8 bus, devfn} each. */
static void hot_reset_info_tail(struct text *text, const uint8_t *arg, size_t len)
{
	uint64_t count = load(arg + 8, 4), n = MIN(MIN(count, (len - 12) / 8), (uint64_t)8);

	text_add(text, ", devices=[");
	for (uint64_t i = 0; i < n; i++) {
		const uint8_t *dev = arg + 12 + i * 8;

		text_add(text, "%s%04x:%02x:%02x.%x/group %u", i ? ", " : "",
			(unsigned)load(dev + 4, 2), dev[6], dev[7] >> 3, dev[7] & 7,
			(unsigned)load(dev, 4));
	}
	text_add(text, "%s]", n < count ? (n ? ", ..." : "...") : "");
}

static void add_bitmap(struct text *text, const uint8_t *arg, size_t len, size_t off)
{
	if (len < off + 24)
		return;
	text_add(text, ", bitmap={pgsize=0x%llx, size=0x%llx, data=0x%llx}",
		(unsigned long long)load(arg + off, 8), (unsigned long long)load(arg + off + 8, 8),
		(unsigned long long)load(arg + off + 16, 8));
}

static void unmap_tail(struct text *text, const uint8_t *arg, size_t len)
{
	if (load(arg + 4, 4) & 1)
		add_bitmap(text, arg, len, 24);
}

static void dirty_tail(struct text *text, const uint8_t *arg, size_t len)
{
	if (!(load(arg + 4, 4) & 4) || len < 24)
		return;
	text_add(text, ", iova=0x%llx, size=0x%llx", (unsigned long long)load(arg + 8, 8),
		(unsigned long long)load(arg + 16, 8));
	add_bitmap(text, arg, len, 24);
}

static void add_iova_ranges(struct text *text, const uint8_t *cap, size_t len)
{
	uint64_t count = load(cap + 8, 4), n = MIN(MIN(count, (len - 16) / 16), (uint64_t)8);

	text_add(text, "IOVA_RANGE[");
	for (uint64_t i = 0; i < n; i++)
		text_add(text, "%s0x%llx-0x%llx", i ? ", " : "",
			(unsigned long long)load(cap + 16 + i * 16, 8),
			(unsigned long long)load(cap + 24 + i * 16, 8));
	text_add(text, "%s]", n < count ? ", ..." : "");
}

static void add_type1_cap(struct text *text, const uint8_t *cap, size_t len)
{
	unsigned id = (unsigned)load(cap, 2);

	if (id == 1 && len >= 16)
		add_iova_ranges(text, cap, len);
	else if (id == 2)
		text_add(text, "MIGRATION");
	else if (id == 3 && len >= 12)
		text_add(text, "DMA_AVAIL=%u", (unsigned)load(cap + 8, 4));
	else
		text_add(text, "cap %u", id);
}

/** A capability chain: {u16 id, version; u32 next} at offsets into the argument. */
static void info_tail(struct text *text, const uint8_t *arg, size_t len)
{
	uint64_t off = load(arg + 16, 4), before = 0;

	if (!(load(arg + 4, 4) & 2) || off < 20)
		return;
	text_add(text, ", caps=[");
	while (off > before && off + 8 <= len) { /* forwards only: a chain cannot loop us */
		text_add(text, "%s", before ? ", " : "");
		add_type1_cap(text, arg + off, len - off);
		before = off;
		off = load(arg + off + 4, 4);
	}
	text_add(text, "]");
}

/** granularity says which member of the union is there. */
static void invalidate_tail(struct text *text, const uint8_t *arg, size_t len)
{
	if (arg[17] == 1 && len >= 40)
		text_add(text, ", archid=%u, pasid=%llu", (unsigned)load(arg + 28, 4),
			(unsigned long long)load(arg + 32, 8));
	else if (arg[17] == 2 && len >= 64)
		text_add(text, ", archid=%u, addr=0x%llx, granule_size=0x%llx, nb_granules=%llu",
			(unsigned)load(arg + 28, 4), (unsigned long long)load(arg + 40, 8),
			(unsigned long long)load(arg + 48, 8),
			(unsigned long long)load(arg + 56, 8));
}

#define CONTAINER	      "container"
#define GROUP		      "group"
#define DEVICE		      "device"
#define FIELDS(fields, bytes) TRACE_STRUCT, NULL, fields, bytes

static const struct trace_call calls[] = {
	{ CONTAINER, 0, "VFIO_GET_API_VERSION", TRACE_NONE },
	{ CONTAINER, 1, "VFIO_CHECK_EXTENSION", TRACE_VALUE, extensions },
	{ CONTAINER, 2, "VFIO_SET_IOMMU", TRACE_VALUE, extensions },
	{ GROUP, 3, "VFIO_GROUP_GET_STATUS", FIELDS(group_status, 8) },
	{ GROUP, 4, "VFIO_GROUP_SET_CONTAINER", TRACE_INT_PTR },
	{ GROUP, 5, "VFIO_GROUP_UNSET_CONTAINER", TRACE_NONE },
	{ GROUP, 6, "VFIO_GROUP_GET_DEVICE_FD", TRACE_STRING },
	{ DEVICE, 7, "VFIO_DEVICE_GET_INFO", FIELDS(device_info, 16) },
	{ DEVICE, 8, "VFIO_DEVICE_GET_REGION_INFO", FIELDS(region_info, 32) },
	{ DEVICE, 9, "VFIO_DEVICE_GET_IRQ_INFO", FIELDS(irq_info, 16) },
	{ DEVICE, 10, "VFIO_DEVICE_SET_IRQS", FIELDS(irq_set, 20), irq_set_tail },
	{ DEVICE, 11, "VFIO_DEVICE_RESET", TRACE_NONE },
	{ DEVICE, 12, "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", FIELDS(hot_reset, 12),
		hot_reset_info_tail },
	{ DEVICE, 13, "VFIO_DEVICE_PCI_HOT_RESET", FIELDS(hot_reset, 12), hot_reset_tail },
	{ DEVICE, 14, "VFIO_DEVICE_QUERY_GFX_PLANE", FIELDS(argsz_flags, 8) },
	{ DEVICE, 15, "VFIO_DEVICE_GET_GFX_DMABUF", TRACE_INT_PTR },
	{ DEVICE, 16, "VFIO_DEVICE_IOEVENTFD", FIELDS(ioeventfd, 28) },
	{ DEVICE, 17, "VFIO_DEVICE_FEATURE", FIELDS(feature, 8) },
	{ DEVICE, 18, "VFIO_DEVICE_BIND_IOMMUFD", FIELDS(argsz_flags, 8) },
	{ DEVICE, 19, "VFIO_DEVICE_ATTACH_IOMMUFD_PT", FIELDS(argsz_flags, 8) },
	{ DEVICE, 20, "VFIO_DEVICE_DETACH_IOMMUFD_PT", FIELDS(argsz_flags, 8) },
	{ CONTAINER, 12, "VFIO_IOMMU_GET_INFO", FIELDS(type1_info, 20), info_tail },
	{ CONTAINER, 13, "VFIO_IOMMU_MAP_DMA", FIELDS(dma_map, 32) },
	{ CONTAINER, 14, "VFIO_IOMMU_UNMAP_DMA", FIELDS(dma_unmap, 24), unmap_tail },
	{ CONTAINER, 15, "VFIO_IOMMU_ENABLE", TRACE_NONE },
	{ CONTAINER, 16, "VFIO_IOMMU_DISABLE", TRACE_NONE },
	{ CONTAINER, 17, "VFIO_IOMMU_DIRTY_PAGES", FIELDS(dirty_pages, 8), dirty_tail },
	{ CONTAINER, 18, "VFIO_IOMMU_SET_PASID_TABLE", FIELDS(pasid_table, 40) },
	{ CONTAINER, 19, "VFIO_IOMMU_CACHE_INVALIDATE", FIELDS(cache_invalidate, 24),
		invalidate_tail },
	{ CONTAINER, 20, "VFIO_IOMMU_SET_MSI_BINDING", FIELDS(msi_binding, 32) },
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

static const char *name_of(const struct trace_name *names, uint64_t value)
{
	for (; names && names->name; names++) {
		if (names->value == value)
			return names->name;
	}
	return NULL;
}

void trace_add_named(struct text *text, const struct trace_name *names, uint64_t value)
{
	const char *name = name_of(names, value);

	if (name)
		text_add(text, "%s", name);
	else
		text_add(text, "%llu", (unsigned long long)value);
}

static void add_flags(struct text *text, const struct trace_name *names, uint64_t value)
{
	const char *sep = "";

	for (; names->name; names++) {
		if (!(value & names->value))
			continue;
		text_add(text, "%s%s", sep, names->name);
		value &= ~names->value;
		sep = "|";
	}
	if (value || !*sep)
		text_add(text, "%s%#llx", sep, (unsigned long long)value);
}

static void add_feature(struct text *text, const struct trace_name *names, uint64_t value)
{
	static const struct trace_name ops[] = {
		{ 1u << 16, "GET" },
		{ 1u << 17, "SET" },
		{ 1u << 18, "PROBE" },
		{ 0, NULL },
	};

	if (value & ~(uint64_t)0xffff) {
		add_flags(text, ops, value & ~(uint64_t)0xffff);
		text_add(text, "|");
	}
	trace_add_named(text, names, value & 0xffff);
}

void trace_add_field(struct text *text, const struct trace_field *field, const uint8_t *arg)
{
	uint64_t value = load(arg + field->offset, field->bytes);

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
		add_flags(text, field->names, value);
		break;
	case TRACE_ENUM:
		trace_add_named(text, field->names, value);
		break;
	case TRACE_FEATURE:
		add_feature(text, field->names, value);
		break;
	}
}
