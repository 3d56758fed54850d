/* SPDX-License-Identifier: MIT */
/*
 * What follows the fixed part of arguments: lists, bitmaps, chains of capabilities, the payloads of
 * features. Lengths that arguments state are the program's, and believed as far as there are bytes.
 */
#include <string.h>

#include "base/bits.h"
#include "trace/calls.h"

#define LIST_MAX 8 /* elements that are shown */

/* Flags that say what follows. */
#define IRQ_DATA_BOOL	    (1u << 1)
#define IRQ_DATA_EVENTFD    (1u << 2)
#define UNMAP_BITMAP	    (1u << 0)
#define DIRTY_GET_BITMAP    (1u << 2)
#define HOT_RESET_DEV_ID    (1u << 0)
#define FEATURE_MASK	    0xffffu
#define FEATURE_SET	    (1u << 17)
#define FEATURE_PROBE	    (1u << 18)
#define CAPS_OF_TYPE1_INFO  (1u << 1)
#define CAPS_OF_REGION_INFO (1u << 3)
#define CAPS_OF_DEVICE_INFO (1u << 7)

typedef unsigned long long ull;

uint64_t trace_load(const uint8_t *p, unsigned bytes)
{
	uint64_t val = 0;

	memcpy(&val, p, bytes);
	return val;
}

static uint32_t flags_of(const struct trace_tail *tail)
{
	return tail->len >= 8 ? (uint32_t)trace_load(tail->arg + 4, 4) : 0;
}

/** How many of count elements from off on there are to show. */
static uint64_t shown(size_t len, size_t off, unsigned bytes, uint64_t count)
{
	uint64_t there = len > off ? (len - off) / bytes : 0;

	return MIN(MIN(count, there), (uint64_t)LIST_MAX);
}

static void end_list(struct text *text, uint64_t n, uint64_t count)
{
	text_add(text, "%s]", n < count ? (n ? ", ..." : "...") : "");
}

/** Elements at off, each of `bytes`, as many as count says and there are. */
static void add_list(struct text *text, const char *name, const struct trace_tail *tail, size_t off,
	unsigned bytes, uint64_t count)
{
	uint64_t n = shown(tail->len, off, bytes, count);

	if (!count)
		return;
	text_add(text, ", %s=[", name);
	for (uint64_t i = 0; i < n; i++)
		text_add(text, "%s%d", i ? ", " : "",
			(int)(int32_t)trace_load(tail->arg + off + i * bytes, bytes));
	end_list(text, n, count);
}

void trace_tail_irq_set(struct text *text, const struct trace_tail *tail)
{
	uint64_t count = trace_load(tail->arg + 16, 4);

	if (flags_of(tail) & IRQ_DATA_EVENTFD)
		add_list(text, "eventfds", tail, 20, 4, count);
	else if (flags_of(tail) & IRQ_DATA_BOOL)
		add_list(text, "bools", tail, 20, 1, count);
}

/* ---- hot reset ---- */

void trace_tail_hot_reset(struct text *text, const struct trace_tail *tail)
{
	add_list(text, "group_fds", tail, 12, 4, trace_load(tail->arg + 8, 4));
}

/** {u32 group_id or devid; u16 segment; u8 bus, devfn} each. */
void trace_tail_hot_reset_info(struct text *text, const struct trace_tail *tail)
{
	const char *id = flags_of(tail) & HOT_RESET_DEV_ID ? "devid" : "group";
	uint64_t count = trace_load(tail->arg + 8, 4), n = shown(tail->len, 12, 8, count);

	if (tail->failed)
		return;
	text_add(text, ", devices=[");
	for (uint64_t i = 0; i < n; i++) {
		const uint8_t *dev = tail->arg + 12 + i * 8;

		text_add(text, "%s%04x:%02x:%02x.%x/%s %d", i ? ", " : "",
			(unsigned)trace_load(dev + 4, 2), dev[6], dev[7] >> 3, dev[7] & 7, id,
			(int)(int32_t)trace_load(dev, 4));
	}
	end_list(text, n, count);
}

/* ---- bitmaps ---- */

static const struct trace_field bitmap[] = {
	{ "pgsize", 0, 8, TRACE_HEX, NULL },
	{ "size", 8, 8, TRACE_HEX, NULL },
	{ "data", 16, 8, TRACE_HEX, NULL },
	{ NULL, 0, 0, TRACE_DEC, NULL },
};

static void add_bitmap(struct text *text, const struct trace_tail *tail, size_t off)
{
	if (tail->len < off + 24)
		return;
	text_add(text, ", bitmap={");
	trace_add_fields(text, bitmap, tail->arg + off, 24);
	text_add(text, "}");
}

void trace_tail_unmap(struct text *text, const struct trace_tail *tail)
{
	if (flags_of(tail) & UNMAP_BITMAP)
		add_bitmap(text, tail, 24);
}

void trace_tail_dirty(struct text *text, const struct trace_tail *tail)
{
	if (!(flags_of(tail) & DIRTY_GET_BITMAP) || tail->len < 24)
		return;
	text_add(text, ", iova=0x%llx, size=0x%llx", (ull)trace_load(tail->arg + 8, 8),
		(ull)trace_load(tail->arg + 16, 8));
	add_bitmap(text, tail, 24);
}

/* ---- capabilities ---- */

/** One capability: its body is fields, or a list of ranges {start, end or size}. */
struct cap {
	uint16_t id;
	const char *name;
	const struct trace_field *fields;
	enum {
		NO_RANGES,
		RANGES_LAST, /* u32 count at 8, from 16 on {start, last} */
		RANGES_SIZE, /* likewise {offset, size} */
	} ranges;
};

#define END                                                                                        \
	{                                                                                          \
		NULL, 0, 0, TRACE_DEC, NULL                                                        \
	}

static const struct trace_field migration_cap[] = {
	{ "flags", 8, 4, TRACE_HEX, NULL },
	{ "pgsize_bitmap", 16, 8, TRACE_HEX, NULL },
	{ "max_dirty_bitmap_size", 24, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field avail_cap[] = { { "avail", 8, 4, TRACE_DEC, NULL }, END };
static const struct trace_field nesting_cap[] = {
	{ "flags", 8, 4, TRACE_HEX, NULL },
	{ "granules", 16, 8, TRACE_HEX, NULL },
	{ "iova_bits", 24, 1, TRACE_DEC, NULL },
	{ "ipa_bits", 25, 1, TRACE_DEC, NULL },
	{ "pasid_bits", 26, 1, TRACE_DEC, NULL },
	{ "asid_bits", 27, 1, TRACE_DEC, NULL },
	END,
};
static const struct trace_field type_cap[] = {
	{ "type", 8, 4, TRACE_HEX, NULL },
	{ "subtype", 12, 4, TRACE_HEX, NULL },
	END,
};
static const struct trace_field atomic_cap[] = {
	{ "flags", 8, 4, TRACE_FLAGS, trace_atomic_flags },
	END,
};

static const struct cap type1_caps[] = {
	{ 1, "IOVA_RANGE", NULL, RANGES_LAST },
	{ 2, "MIGRATION", migration_cap, NO_RANGES },
	{ 3, "DMA_AVAIL", avail_cap, NO_RANGES },
	{ 4, "NESTING", nesting_cap, NO_RANGES },
	{ 0, NULL, NULL, NO_RANGES },
};
static const struct cap region_caps[] = {
	{ 1, "SPARSE_MMAP", NULL, RANGES_SIZE },
	{ 2, "TYPE", type_cap, NO_RANGES },
	{ 3, "MSIX_MAPPABLE", NULL, NO_RANGES },
	{ 4, "NVLINK2_SSATGT", NULL, NO_RANGES },
	{ 5, "NVLINK2_LNKSPD", NULL, NO_RANGES },
	{ 0, NULL, NULL, NO_RANGES },
};
static const struct cap device_caps[] = {
	{ 1, "ZPCI_BASE", NULL, NO_RANGES },
	{ 2, "ZPCI_GROUP", NULL, NO_RANGES },
	{ 3, "ZPCI_UTIL", NULL, NO_RANGES },
	{ 4, "ZPCI_PFIP", NULL, NO_RANGES },
	{ 5, "PCI_ATOMIC_COMP", atomic_cap, NO_RANGES },
	{ 0, NULL, NULL, NO_RANGES },
};

/** The last address of each range is shown, whichever way it is stored. */
static void add_ranges(struct text *text, const uint8_t *body, size_t len, bool sizes)
{
	uint64_t count = len >= 16 ? trace_load(body + 8, 4) : 0, n = shown(len, 16, 16, count);

	text_add(text, "[");
	for (uint64_t i = 0; i < n; i++) {
		uint64_t start = trace_load(body + 16 + i * 16, 8);
		uint64_t end = trace_load(body + 24 + i * 16, 8);

		text_add(text, "%s0x%llx-0x%llx", i ? ", " : "", (ull)start,
			(ull)(sizes ? start + end - 1 : end));
	}
	end_list(text, n, count);
}

static void add_cap(struct text *text, const struct cap *caps, const uint8_t *body, size_t len)
{
	unsigned id = (unsigned)trace_load(body, 2);

	while (caps->name && caps->id != id)
		caps++;
	if (!caps->name) {
		text_add(text, "cap %u", id);
		return;
	}
	text_add(text, "%s", caps->name);
	if (caps->ranges != NO_RANGES)
		add_ranges(text, body, len, caps->ranges == RANGES_SIZE);
	if (!caps->fields)
		return;
	text_add(text, "{");
	trace_add_fields(text, caps->fields, body, len);
	text_add(text, "}");
}

/** {u16 id, version; u32 next} at offsets into the argument; the first is at `first`. */
static void add_caps(struct text *text, const struct trace_tail *tail, const struct cap *caps,
	uint64_t first, uint64_t fixed)
{
	uint64_t off = first, before = 0;

	if (tail->failed || off < fixed)
		return;
	text_add(text, ", caps=[");
	while (off > before && off + 8 <= tail->len) { /* forwards only: a chain cannot loop us */
		text_add(text, "%s", before ? ", " : "");
		add_cap(text, caps, tail->arg + off, tail->len - off);
		before = off;
		off = trace_load(tail->arg + off + 4, 4);
	}
	text_add(text, "%s]", off > before ? (before ? ", ..." : "...") : "");
}

void trace_tail_type1_info(struct text *text, const struct trace_tail *tail)
{
	if ((flags_of(tail) & CAPS_OF_TYPE1_INFO) && tail->len >= 20)
		add_caps(text, tail, type1_caps, trace_load(tail->arg + 16, 4), 20);
}

void trace_tail_device_info(struct text *text, const struct trace_tail *tail)
{
	if ((flags_of(tail) & CAPS_OF_DEVICE_INFO) && tail->len >= 20)
		add_caps(text, tail, device_caps, trace_load(tail->arg + 16, 4), 20);
}

void trace_tail_region_info(struct text *text, const struct trace_tail *tail)
{
	if (flags_of(tail) & CAPS_OF_REGION_INFO)
		add_caps(text, tail, region_caps, trace_load(tail->arg + 12, 4), 32);
}

/* ---- features ---- */

static const struct trace_field token[] = { { "uuid", 8, 16, TRACE_BYTES, NULL }, END };
static const struct trace_field migration[] = {
	{ "migration", 8, 8, TRACE_FLAGS, trace_migration_flags },
	END,
};
static const struct trace_field device_state[] = {
	{ "device_state", 8, 4, TRACE_ENUM, trace_migration_states },
	{ "data_fd", 12, 4, TRACE_SIGNED, NULL },
	END,
};
static const struct trace_field wakeup[] = {
	{ "wakeup_eventfd", 8, 4, TRACE_SIGNED, NULL },
	END,
};
static const struct trace_field logging_start[] = {
	{ "page_size", 8, 8, TRACE_HEX, NULL },
	{ "num_ranges", 16, 4, TRACE_DEC, NULL },
	{ "ranges", 24, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field logging_report[] = {
	{ "iova", 8, 8, TRACE_HEX, NULL },
	{ "length", 16, 8, TRACE_HEX, NULL },
	{ "page_size", 24, 8, TRACE_HEX, NULL },
	{ "bitmap", 32, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field data_size[] = {
	{ "stop_copy_length", 8, 8, TRACE_HEX, NULL },
	END,
};
static const struct trace_field bus_master[] = {
	{ "op", 8, 4, TRACE_ENUM, trace_bus_master },
	END,
};
static const struct trace_field dma_buf[] = {
	{ "region_index", 8, 4, TRACE_ENUM, trace_region_index },
	{ "open_flags", 12, 4, TRACE_HEX, NULL },
	{ "nr_ranges", 20, 4, TRACE_DEC, NULL },
	END,
};
static const struct trace_field zpci_error[] = { { "data", 8, 8, TRACE_HEX, NULL }, END };

/** Payloads by feature; those that have none are not here. */
static const struct trace_field *const payloads[] = {
	[0] = token,
	[1] = migration,
	[2] = device_state,
	[4] = wakeup,
	[6] = logging_start,
	[8] = logging_report,
	[9] = data_size,
	[10] = bus_master,
	[11] = dma_buf,
	[13] = zpci_error,
};

void trace_tail_feature(struct text *text, const struct trace_tail *tail)
{
	uint32_t flags = flags_of(tail), feature = flags & FEATURE_MASK;

	/* A probe has none; what GET would have answered is not there where it failed. */
	if ((flags & FEATURE_PROBE) || (tail->failed && !(flags & FEATURE_SET)) ||
		feature >= ARRAY_LEN(payloads) || !payloads[feature] ||
		tail->len < (size_t)payloads[feature]->offset + payloads[feature]->bytes)
		return;
	text_add(text, ", ");
	trace_add_fields(text, payloads[feature], tail->arg, tail->len);
}

/* ---- nested calls ---- */

/** granularity says which member of the union is there. */
void trace_tail_invalidate(struct text *text, const struct trace_tail *tail)
{
	const uint8_t *arg = tail->arg;

	if (arg[17] >= 1 && arg[17] <= 2 && tail->len >= 40) {
		text_add(text, ", by=");
		trace_add_flags(text, trace_inv_flags, trace_load(arg + 24, 4));
	}
	if (arg[17] == 1 && tail->len >= 40)
		text_add(text, ", archid=%u, pasid=%llu", (unsigned)trace_load(arg + 28, 4),
			(ull)trace_load(arg + 32, 8));
	else if (arg[17] == 2 && tail->len >= 64)
		text_add(text,
			", archid=%u, pasid=%llu, addr=0x%llx, granule_size=0x%llx, "
			"nb_granules=%llu",
			(unsigned)trace_load(arg + 28, 4), (ull)trace_load(arg + 32, 8),
			(ull)trace_load(arg + 40, 8), (ull)trace_load(arg + 48, 8),
			(ull)trace_load(arg + 56, 8));
}
