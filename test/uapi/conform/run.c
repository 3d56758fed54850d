/* SPDX-License-Identifier: MIT */
/*
 * Running one row: its world is made, the steps before, a snapshot, the call, a snapshot, the steps
 * after; then everything is closed, and the host holds what it held at the start.
 */
#include "conform/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CONFIG_BYTES 256
#define N_IRQS	     5
#define LIVE_IOVA    0x7000000000ull /* no row maps there */

static const struct row *now;
static const struct area *now_area;
static unsigned failed; /* checks of this row */
static struct t_counts at_start;
static bool counted;

/* ---- failing ---- */

static void print_row(void)
{
	printf("FAIL %s: %s\n  kernel: %s\n  world:  %s\n  call:   ", now_area->name, now->name,
		now->kernel, worlds[now->world].name);
	call_print(&now->call);
	printf("  want:   %ld%s%s\n", now->want, now->rule ? ", rule " : "",
		now->rule ? now->rule : "");
}

static void fail(const char *what, unsigned i, long long got, long long want)
{
	if (!failed++)
		print_row();
	printf("  %s %u: got %lld (0x%llx), want %lld (0x%llx)\n", what, i, got,
		(unsigned long long)got, want, (unsigned long long)want);
}

static void same(const char *what, unsigned i, long long got, long long want)
{
	if (got != want)
		fail(what, i, got, want);
}

/* ---- what there is ---- */

struct snapshot {
	struct t_counts counts;
	long entries; /* left, or -errno */
	long status[2];
	unsigned extensions; /* bit n: CHECK_EXTENSION(n) */
	long irqs[N_IRQS];
	long config_bytes;
	uint8_t config[CONFIG_BYTES];
};

/* DMA entries that are left, as GET_INFO's capability 3 says. */
static long entries_left(int container)
{
	struct {
		struct vfio_iommu_type1_info info;
		uint32_t rest[1024];
	} reply = { .info.argsz = sizeof(reply) };
	uint8_t *bytes = (uint8_t *)&reply;
	long ret = t_ioctl(container, VFIO_IOMMU_GET_INFO, (uintptr_t)&reply);

	if (ret)
		return ret;
	for (uint32_t at = reply.info.cap_offset; at;) {
		struct vfio_info_cap_header *cap = (void *)(bytes + at);

		if (cap->id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL)
			return *(uint32_t *)(cap + 1);
		at = cap->next;
	}
	return -1;
}

static long status_of(enum fd name)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	long ret;

	if (call_opened(name) < 0)
		return -EBADF;
	ret = t_ioctl(call_opened(name), VFIO_GROUP_GET_STATUS, (uintptr_t)&status);
	return ret ? ret : (long)status.flags;
}

static void look_at_container(struct snapshot *s, int fd)
{
	s->entries = entries_left(fd);
	for (unsigned i = 0; i < 16; i++)
		if (t_ioctl(fd, VFIO_CHECK_EXTENSION, i) == 1)
			s->extensions |= 1u << i;
}

static uint64_t config_at(int device)
{
	struct vfio_region_info info = { .argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX };

	t_ioctl(device, VFIO_DEVICE_GET_REGION_INFO, (uintptr_t)&info);
	return info.offset;
}

static void look_at_device(struct snapshot *s, int fd)
{
	for (unsigned i = 0; i < N_IRQS; i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = i };
		long ret = t_ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, (uintptr_t)&info);

		s->irqs[i] = ret ? ret : (long)((uint64_t)info.count << 32 | info.flags);
	}
	s->config_bytes = t_pread(fd, (uintptr_t)s->config, CONFIG_BYTES, config_at(fd));
}

static void look(struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	s->entries = -EBADF;
	if (call_opened(CONTAINER) >= 0)
		look_at_container(s, call_opened(CONTAINER));
	s->status[0] = status_of(GROUP);
	s->status[1] = status_of(GROUP2);
	if (call_opened(DEVICE) >= 0)
		look_at_device(s, call_opened(DEVICE));
	if (counted)
		t_counts(&s->counts);
}

static void compare_counts(const struct snapshot *before, const struct snapshot *after)
{
	const struct after *by = &now->after;

	if (!(by->may & MAY_ENTRIES))
		same("mappings held", 0, (long)after->counts.mappings,
			(long)before->counts.mappings + by->mappings);
	if (by->may & MAY_DOMAINS)
		return;
	same("domains held", 0, (long)after->counts.domains,
		(long)before->counts.domains + by->domains);
	same("attachments held", 0, (long)after->counts.attachments,
		(long)before->counts.attachments + by->attachments);
	if (!by->mappings && !by->domains)
		same("table bytes held", 0, (long long)after->counts.table_bytes,
			(long long)before->counts.table_bytes);
}

static void compare_config(const struct snapshot *before, const struct snapshot *after)
{
	same("bytes of configuration space", 0, after->config_bytes, before->config_bytes);
	for (unsigned i = 0; i < CONFIG_BYTES; i++)
		same("configuration space at", i, after->config[i], before->config[i]);
}

static void compare(const struct snapshot *before, const struct snapshot *after)
{
	unsigned may = now->after.may;

	if (counted)
		compare_counts(before, after);
	if (!(may & MAY_ENTRIES))
		same("entries left", 0, after->entries, before->entries + now->after.entries);
	for (unsigned i = 0; i < 2 && !(may & MAY_STATUS); i++)
		same("status of group", i, after->status[i], before->status[i]);
	if (!(may & MAY_EXTENSIONS))
		same("extensions", 0, after->extensions, before->extensions);
	for (unsigned i = 0; i < N_IRQS && !(may & MAY_IRQS); i++)
		same("IRQ info", i, after->irqs[i], before->irqs[i]);
	if (!(may & MAY_CONFIG))
		compare_config(before, after);
}

/* ---- still working ---- */

static void check_mapping(int fd)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = F_RW, .vaddr = RW, .iova = LIVE_IOVA, .size = PAGE
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .iova = LIVE_IOVA, .size = PAGE
	};

	same("map afterwards", 0, t_ioctl(fd, VFIO_IOMMU_MAP_DMA, (uintptr_t)&map), 0);
	same("unmap afterwards", 0, t_ioctl(fd, VFIO_IOMMU_UNMAP_DMA, (uintptr_t)&unmap), 0);
	same("bytes unmapped afterwards", 0, (long long)unmap.size, PAGE);
}

static void check_device(int fd)
{
	struct vfio_device_info info = { .argsz = 16 };
	uint8_t id[2];

	same("GET_INFO afterwards", 0, t_ioctl(fd, VFIO_DEVICE_GET_INFO, (uintptr_t)&info), 0);
	same("pread afterwards", 0, t_pread(fd, (uintptr_t)id, sizeof(id), config_at(fd)),
		sizeof(id));
}

static void check_alive(const struct snapshot *s)
{
	if (now->after.may & MAY_DIE)
		return;
	if (s->entries > 0)
		check_mapping(call_opened(CONTAINER));
	if (call_opened(DEVICE) >= 0)
		check_device(call_opened(DEVICE));
}

/* ---- calls ---- */

static uint64_t load(const uint8_t *at, unsigned size)
{
	uint64_t val = 0;

	memcpy(&val, at, size < sizeof(val) ? size : sizeof(val));
	return val;
}

static void check_fields(const uint8_t *data, const struct field *see, unsigned n)
{
	for (unsigned i = 0; i < n && see[i].size; i++)
		same("field at byte", see[i].at,
			data ? (long long)load(data + see[i].at, see[i].size) : -1,
			(long long)see[i].want);
}

static void run_steps(const char *what, const struct step *steps)
{
	const uint8_t *data;

	for (unsigned i = 0; steps && steps[i].call.op != OP_END; i++) {
		same(what, i, call_make(&steps[i].call, steps[i].want, &data), steps[i].want);
		check_fields(data, steps[i].see, sizeof(steps[i].see) / sizeof(steps[i].see[0]));
	}
}

static void make_world(enum world world)
{
	if (world == NOTHING)
		return;
	make_world(worlds[world].from);
	run_steps("world's step", worlds[world].steps);
}

static void check_rule(void)
{
	struct t_reason reason;

	if (!now->rule || !t_reason(&reason) || !strcmp(reason.rule, now->rule))
		return;
	fail("rule", 0, reason.err, now->want);
	printf("  rule: got %s, want %s\n", reason.rule, now->rule);
}

static void run_call(void)
{
	struct snapshot before, after;
	const uint8_t *data;

	look(&before);
	same("result", 0, call_make(&now->call, now->want, &data), now->want);
	check_fields(data, now->see, sizeof(now->see) / sizeof(now->see[0]));
	check_rule();
	if (now->check)
		same("check", 0, now->check(), true);
	look(&after);
	compare(&before, &after);
	check_alive(&after);
}

static void check_end(void)
{
	struct t_counts end;

	if (!counted || !t_counts(&end))
		return;
	same("domains at the end", 0, (long)end.domains, (long)at_start.domains);
	same("attachments at the end", 0, (long)end.attachments, (long)at_start.attachments);
	same("mappings at the end", 0, (long)end.mappings, (long)at_start.mappings);
	same("table bytes at the end", 0, (long long)end.table_bytes,
		(long long)at_start.table_bytes);
}

bool run_row(const struct area *area, const struct row *row)
{
	now = row;
	now_area = area;
	failed = 0;
	make_world(row->world);
	run_steps("step before", row->first);
	run_call();
	run_steps("step after", row->then);
	call_close_all();
	check_end();
	return !failed;
}

bool run_begin(void)
{
	counted = t_counts(&at_start);
	call_base(counted ? at_start.mappings : 0);
	return call_memory();
}

void run_end(void)
{
	call_close_all();
}
