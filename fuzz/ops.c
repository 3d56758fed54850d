/* SPDX-License-Identifier: MIT */
/*
 * The operations of an input. Arguments are what a program would pass, out of small pools in which
 * the edges lie, so that most calls get somewhere; where a pick's top bit is set, it is something
 * that a program would not pass.
 */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "fuzz/ops.h"
#include "fuzz/pools.h"
#include "machine/kinds.h"
#include "vfio/inspect.h"

typedef unsigned long long ull;

#define COMMAND 0x04

/* ---- opening and closing ---- */

static int open_container(struct world *w)
{
	struct file *file;
	struct why why = { 0 };

	if (vfio_open_container(w->vfio, &file, &why))
		return -1;
	return local_install(w->local, file);
}

static int open_group(struct world *w, int id, bool noiommu)
{
	struct why why = { 0 };
	struct file *file;
	int ret = vfio_open_group(w->vfio, id, noiommu, &file, &why);

	say(w, "open group %s%d = %d %s\n", noiommu ? "noiommu-" : "", id, ret, why.missing);
	if (ret && (why.class == WHY_NONE || why.err != -ret))
		found(w, "open of a group: %d without a reason", ret);
	return ret ? -1 : local_install(w->local, file);
}

static void op_container(struct world *w, const struct fuzz_rec *rec)
{
	int fd = open_container(w);

	say(w, "open container = %d\n", fd);
	world_keep(w, fd);
}

static int group_id(uint8_t pick)
{
	static const int ids[] = { 1, 3, 10, 20, 0, 2, -1, 1 };

	return ids[pick % ARRAY_LEN(ids)];
}

static void op_group(struct world *w, const struct fuzz_rec *rec)
{
	world_keep(w, open_group(w, group_id(rec->p[0]), rec->p[1] % 4 == 1));
}

static void op_close(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, ANY, rec->who);

	if (fd < 0)
		return;
	say(w, "close %s %d\n", local_file(w->local, fd)->ops->name, fd);
	world_close(w, fd);
}

static void op_dup(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, ANY, rec->who);

	if (fd < 0)
		return;
	say(w, "dup %d\n", fd);
	world_keep(w, local_dup(w->local, fd));
}

static const uint64_t types[] = { VFIO_TYPE1v2_IOMMU, VFIO_TYPE1_IOMMU, VFIO_TYPE1_NESTING_IOMMU,
	VFIO_NOIOMMU_IOMMU, VFIO_TYPE1v2_IOMMU, VFIO_SPAPR_TCE_IOMMU, 0, UINT64_MAX };

static void op_set_container(struct world *w, const struct fuzz_rec *rec)
{
	int group = world_pick(w, GROUP, rec->who);
	int32_t container = world_pick(w, rec->p[1] & 0x80 ? ANY : CONTAINER, rec->p[0]);

	if (group < 0)
		return;
	say(w, "SET_CONTAINER to %d", container);
	world_ioctl(w, group, VFIO_GROUP_SET_CONTAINER,
		put_arg(rec->p[2], &container, sizeof(container)));
}

static void op_unset_container(struct world *w, const struct fuzz_rec *rec)
{
	int group = world_pick(w, GROUP, rec->who);

	if (group < 0)
		return;
	say(w, "UNSET_CONTAINER");
	world_ioctl(w, group, VFIO_GROUP_UNSET_CONTAINER, rec->x);
}

static void op_set_iommu(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, CONTAINER, rec->who);
	uint64_t type = types[rec->p[0] % ARRAY_LEN(types)];

	if (fd < 0)
		return;
	say(w, "SET_IOMMU %llu", (ull)type);
	world_ioctl(w, fd, VFIO_SET_IOMMU, type);
}

/* Rule R1, where it can be asked: CHECK says what SET_IOMMU would. */
static void op_check_extension(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, CONTAINER, rec->who);
	uint64_t type = rec->p[0] & 0x80 ? rec->p[0] & 15 : types[rec->p[0] % ARRAY_LEN(types)];

	if (fd < 0)
		return;
	say(w, "CHECK_EXTENSION %llu", (ull)type);
	world_ioctl(w, fd, VFIO_CHECK_EXTENSION, type);
}

static void keep_device(struct world *w, int group, const char *name, uint8_t place)
{
	say(w, "GET_DEVICE_FD \"%s\"", name);
	world_keep(w, (int)world_ioctl(w, group, VFIO_GROUP_GET_DEVICE_FD,
			      put_arg(place, name, strlen(name) + 1)));
}

static void op_device(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, GROUP, rec->who);

	if (fd >= 0 && world_kind(w, fd) == GROUP)
		keep_device(w, fd, pick_device(w, rec->p[0]), rec->p[1]);
}

static void config_put(struct world *w, int device, unsigned off, uint32_t val, unsigned size)
{
	memcpy((void *)(uintptr_t)ARGS, &val, sizeof(val));
	world_io(w, device, true, ARGS, size, pci_region_offset(7) + off);
}

/* All at once, as a program does it: to be deep in the state with one record. */
static void op_set_up(struct world *w, const struct fuzz_rec *rec)
{
	const char *name = pick_device(w, rec->p[0] & 0x7f);
	struct machine_device *dev = machine_find_device(w->machine, name);
	bool noiommu = !dev->iommu.group;
	int32_t container = rec->p[2] & 0x80 ? world_pick(w, CONTAINER, rec->who) : -1;
	int group, id = noiommu ? (int)dev->noiommu_group : dev->iommu.group->id;

	if (container < 0) {
		container = open_container(w);
		world_keep(w, container);
	}
	group = open_group(w, id, noiommu);
	world_keep(w, group);
	if (container < 0 || group < 0 || !local_file(w->local, container) ||
		!local_file(w->local, group))
		return;
	say(w, "SET_CONTAINER to %d", container);
	world_ioctl(w, group, VFIO_GROUP_SET_CONTAINER, put_arg(0, &container, sizeof(container)));
	say(w, "SET_IOMMU");
	world_ioctl(
		w, container, VFIO_SET_IOMMU, noiommu ? VFIO_NOIOMMU_IOMMU : types[rec->p[1] % 3]);
	keep_device(w, group, name, 0);
	if (w->n_fds && world_kind(w, w->fds[w->n_fds - 1]) == DEVICE)
		config_put(w, w->fds[w->n_fds - 1], COMMAND, 6, 2);
}

/* ---- mappings ---- */

static bool touches_guarded(uint64_t vaddr, uint64_t size)
{
	static const uint64_t canaries[] = { POOL, POOL_RW + POOL_PAGES * PAGE,
		POOL_RO + RO_PAGES * PAGE };

	for (unsigned i = 0; i < ARRAY_LEN(canaries); i++)
		if (vaddr < canaries[i] + PAGE && vaddr + size > canaries[i])
			return true;
	return false;
}

static void do_map(
	struct world *w, int fd, const struct vfio_iommu_type1_dma_map *map, uint8_t place)
{
	uint64_t at = put_arg(place, map, sizeof(*map));
	long ret;

	say(w, "MAP_DMA argsz %u flags 0x%x iova 0x%llx vaddr 0x%llx size 0x%llx", map->argsz,
		map->flags, (ull)map->iova, (ull)map->vaddr, (ull)map->size);
	ret = world_ioctl(w, fd, VFIO_IOMMU_MAP_DMA, at);
	if (ret || world_kind(w, fd) != CONTAINER || map->flags & VFIO_DMA_MAP_FLAG_VADDR)
		return;
	world_mapped(w, &(struct fuzz_map){ .container = world_container(w, fd),
				.write = map->flags & VFIO_DMA_MAP_FLAG_WRITE,
				.iova = map->iova,
				.last = map->iova + (map->size - 1),
				.vaddr = map->vaddr });
}

/* Canaries are mapped for reading at most. The local caller's vaddr update moves nothing. */
static void op_map(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t flags[] = { 3, 3, 3, 3, 1, 2, 4, 0, 5, 7, 8, UINT32_MAX };
	struct vfio_iommu_type1_dma_map map = {
		.argsz = pick_argsz(rec->p[0], rec->x, sizeof(map)),
		.flags = flags[rec->p[1] % ARRAY_LEN(flags)],
		.iova = pick_iova(rec->p[2], rec->x),
		.vaddr = pick_vaddr(rec->p[3], rec->y),
		.size = pick_size(rec->p[4], rec->y),
	};
	int fd = world_pick(w, CONTAINER, rec->who);

	if (touches_guarded(map.vaddr, map.size))
		map.flags &= ~VFIO_DMA_MAP_FLAG_WRITE;
	if (fd >= 0)
		do_map(w, fd, &map, rec->p[5]);
}

/* The pool, where descriptors are looked for, and as much of the rest as is asked for. */
static void op_map_pool(struct world *w, const struct fuzz_rec *rec)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
		.flags = rec->p[0] % 4 ? 3 : 1,
		.iova = 0x100000,
		.vaddr = POOL_RW,
		.size = POOL_PAGES * PAGE };
	int fd = world_pick(w, CONTAINER, rec->who & 0x7f);

	if (fd < 0)
		return;
	do_map(w, fd, &map, 0);
	map.iova = 0x200000;
	map.vaddr = BIG;
	map.size = BIG_BYTES;
	if (rec->p[1] & 1)
		do_map(w, fd, &map, 0);
}

struct unmap_arg {
	struct vfio_iommu_type1_dma_unmap unmap;
	struct vfio_bitmap bitmap;
};

static void do_unmap(struct world *w, int fd, const struct unmap_arg *arg, uint8_t place)
{
	const struct vfio_iommu_type1_dma_unmap *unmap = &arg->unmap;
	uint64_t at = put_arg(place, arg, sizeof(*arg));
	bool all = unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL;
	struct vfio_iommu_type1_dma_unmap now;
	long ret;

	say(w, "UNMAP_DMA argsz %u flags 0x%x iova 0x%llx size 0x%llx bitmap 0x%llx 0x%llx 0x%llx",
		unmap->argsz, unmap->flags, (ull)unmap->iova, (ull)unmap->size,
		(ull)arg->bitmap.pgsize, (ull)arg->bitmap.size, (ull)arg->bitmap.data);
	ret = world_ioctl(w, fd, VFIO_IOMMU_UNMAP_DMA, at);
	if (world_kind(w, fd) != CONTAINER || unmap->flags & VFIO_DMA_UNMAP_FLAG_VADDR)
		return;
	if (ret == -EFAULT)
		world_recheck(w, fd);
	if (ret)
		return;
	memcpy(&now, (void *)(uintptr_t)at, sizeof(now));
	world_unmapped(w, world_container(w, fd), unmap->iova,
		all ? UINT64_MAX : unmap->iova + (unmap->size - 1), now.size);
}

static void op_unmap(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t flags[] = { 0, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL,
		VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, VFIO_DMA_UNMAP_FLAG_VADDR,
		VFIO_DMA_UNMAP_FLAG_VADDR | VFIO_DMA_UNMAP_FLAG_ALL, 3, 8, UINT32_MAX };
	uint32_t flag = flags[rec->p[1] % ARRAY_LEN(flags)];
	uint64_t size = pick_size(rec->p[3], rec->y), pages = size / PAGE;
	struct unmap_arg arg = {
		.unmap = { .flags = flag, .iova = pick_iova(rec->p[2], rec->x), .size = size },
		.bitmap = { .pgsize = rec->p[4] & 0x80 ? rec->x : PAGE,
			.size = rec->p[4] & 0x40 ? rec->y : (pages + 63) / 64 * 8,
			.data = pick_buffer(rec->p[4] & 0x20 ? rec->p[5] | 0x80 : 0, rec->x) },
	};
	size_t exact = flag & 1 ? sizeof(arg) : sizeof(arg.unmap);
	int fd = world_pick(w, CONTAINER, rec->who);

	if ((flag & VFIO_DMA_UNMAP_FLAG_ALL) && !(rec->p[3] & 0x80))
		arg.unmap.iova = arg.unmap.size = 0;
	arg.unmap.argsz = pick_argsz(rec->p[0], rec->x, exact);
	if (fd >= 0)
		do_unmap(w, fd, &arg, rec->p[5]);
}

static void op_dirty(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t flags[] = { 1, 1, 4, 4, 4, 2, 3, 0, 8, UINT32_MAX };
	uint64_t size = pick_size(rec->p[2], rec->y), pages = size / PAGE;
	struct {
		struct vfio_iommu_type1_dirty_bitmap dirty;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.dirty = { .flags = flags[rec->p[1] % ARRAY_LEN(flags)] },
		.get = { .iova = pick_iova(rec->p[3], rec->x),
			.size = size,
			.bitmap = { .pgsize = rec->p[4] & 0x80 ? rec->x : PAGE,
				.size = rec->p[4] & 0x40 ? rec->y : (pages + 63) / 64 * 8,
				.data = pick_buffer(
					rec->p[4] & 0x20 ? rec->p[5] | 0x80 : 0, rec->y) } },
	};
	int fd = world_pick(w, CONTAINER, rec->who);

	if (fd < 0)
		return;
	arg.dirty.argsz = pick_argsz(
		rec->p[0], rec->x, arg.dirty.flags == 4 ? sizeof(arg) : sizeof(arg.dirty));
	say(w,
		"DIRTY_PAGES argsz %u flags 0x%x iova 0x%llx size 0x%llx bitmap 0x%llx 0x%llx "
		"0x%llx",
		arg.dirty.argsz, arg.dirty.flags, (ull)arg.get.iova, (ull)arg.get.size,
		(ull)arg.get.bitmap.pgsize, (ull)arg.get.bitmap.size, (ull)arg.get.bitmap.data);
	world_ioctl(w, fd, VFIO_IOMMU_DIRTY_PAGES, put_arg(rec->p[5], &arg, sizeof(arg)));
}

/* ---- calls that describe ---- */

static void op_info(struct world *w, const struct fuzz_rec *rec)
{
	static const struct {
		unsigned kind, cmd, len;
	} calls[] = {
		{ CONTAINER, VFIO_IOMMU_GET_INFO, sizeof(struct vfio_iommu_type1_info) },
		{ GROUP, VFIO_GROUP_GET_STATUS, sizeof(struct vfio_group_status) },
		{ DEVICE, VFIO_DEVICE_GET_INFO, sizeof(struct vfio_device_info) },
		{ DEVICE, VFIO_DEVICE_GET_REGION_INFO, sizeof(struct vfio_region_info) },
		{ DEVICE, VFIO_DEVICE_GET_IRQ_INFO, sizeof(struct vfio_irq_info) },
		{ DEVICE, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
			sizeof(struct vfio_pci_hot_reset_info) },
		{ CONTAINER, VFIO_GET_API_VERSION, 8 },
		{ CONTAINER, VFIO_CHECK_EXTENSION, 8 },
	};
	unsigned i = rec->p[0] % ARRAY_LEN(calls);
	int fd = world_pick(w, calls[i].kind, rec->who);
	uint32_t arg[256] = { pick_argsz(rec->p[1], rec->x, calls[i].len), (uint32_t)(rec->x >> 32),
		rec->p[2] & 0x80 ? (uint32_t)rec->y : rec->p[2] % 10, rec->p[3] };

	if (fd < 0)
		return;
	say(w, "info 0x%x argsz %u word 2 %u", calls[i].cmd, arg[0], arg[2]);
	world_ioctl(w, fd, calls[i].cmd,
		put_arg(rec->p[4], arg, MAX(calls[i].len, MIN(arg[0], 1024u))));
}

/* Any number on any file, over words that mean something somewhere. */
static void op_raw(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, ANY, rec->who);
	unsigned cmd = rec->p[0] & 0x80 ? (unsigned)rec->x : VFIO_IO(rec->p[0] % 64);
	uint32_t arg[12];

	if (fd < 0)
		return;
	arg[0] = pick_argsz(rec->p[1], rec->x, sizeof(arg));
	for (unsigned i = 1; i < ARRAY_LEN(arg); i++)
		arg[i] = i % 3 == 0 ? (uint32_t)(rec->x >> i) : i % 3 == 1 ? rec->p[2] : rec->p[3];
	say(w, "ioctl 0x%x argsz %u", cmd, arg[0]);
	/* Mappings are noted by those operations that can read what was asked for. */
	if (world_kind(w, fd) == CONTAINER &&
		(cmd == VFIO_IOMMU_MAP_DMA || cmd == VFIO_IOMMU_UNMAP_DMA)) {
		say(w, ": left out\n");
		return;
	}
	/* GET_DEVICE_FD takes a string: these are none. A new file would not be closed. */
	world_ioctl(w, fd, cmd, put_arg(rec->p[4], arg, sizeof(arg)));
}

/* A guest's stage 1, and invalidations, of all devices or of one; sound but for what p[2] breaks. */
static void op_nested(struct world *w, const struct fuzz_rec *rec)
{
	bool one = rec->p[0] & 1, table = rec->p[0] & 2;
	int fd = world_pick(w, one ? DEVICE : CONTAINER, rec->who);
	unsigned nr = (one ? 48 : 18) + !table;
	union {
		struct vfio_iommu_type1_set_pasid_table table;
		struct vfio_iommu_type1_cache_invalidate inv;
		uint8_t bytes[64];
	} arg = {
		.inv = { .argsz = 64,
			.info = { .argsz = 56,
				.version = 1,
				.cache = rec->p[1] & 7,
				.granularity = rec->p[3] % 4,
				.granu.addr_info = { rec->p[4] & 7, rec->p[5], rec->p[1] >> 3,
					rec->x, UINT64_C(4096) << rec->p[3] / 4 % 32, rec->y } } }
	};

	if (fd < 0)
		return;
	if (table)
		arg.table = (struct vfio_iommu_type1_set_pasid_table){ 40, 1 + (rec->p[3] & 1),
			{ 32, 1, rec->x & ~UINT64_C(63), 1, rec->p[4] % 16, rec->p[1] % 4, { 0 },
				{ { 1, rec->p[5] % 4, rec->p[5] / 4 % 4, { 0 } } } } };
	if (rec->p[2] & 0x80)
		arg.bytes[rec->p[2] % sizeof(arg)] = (uint8_t)rec->y;
	say(w, "nested call %u", nr);
	world_ioctl(w, fd, VFIO_IO(nr), put_arg(0, &arg, sizeof(arg)));
}

/* Whoever looks into the box meanwhile. */
static void op_look(struct world *w, const struct fuzz_rec *rec)
{
	struct vfio_snapshot *snapshot = vfio_snapshot_take(w->vfio, rec->p[0] % 4);
	struct machine_fault_counts faults;
	struct machine_iommu_stats stats;
	struct machine_device_info info;

	for (unsigned i = 0; i < w->machine->n_devices; i++)
		machine_device_inspect(w->machine, &w->machine->devices[i], &info);
	for (unsigned i = 0; i < w->machine->n_iommus; i++)
		machine_iommu_inspect(&w->machine->iommus[i], &stats, &faults);
	vfio_snapshot_free(snapshot);
	say(w, "look\n");
}

static void (*const ops[])(struct world *w, const struct fuzz_rec *rec) = {
	op_set_up,
	op_map_pool,
	op_map,
	op_unmap,
	op_dirty,
	op_container,
	op_group,
	op_close,
	op_dup,
	op_set_container,
	op_unset_container,
	op_set_iommu,
	op_check_extension,
	op_device,
	op_info,
	op_raw,
	op_set_irqs,
	op_reset,
	op_hot_reset,
	op_ioeventfd,
	op_feature,
	op_eventfd,
	op_region,
	op_config,
	op_mmap_check,
	op_bar_store,
	op_step,
	op_descriptor,
	op_launch,
	op_interrupts,
	op_look,
	op_nested,
};
_Static_assert(ARRAY_LEN(ops) == FUZZ_OPS, "input.h says how many");

void op_run(struct world *w, const struct fuzz_rec *rec)
{
	ops[rec->op % ARRAY_LEN(ops)](w, rec);
}
