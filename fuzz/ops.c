/* SPDX-License-Identifier: MIT */
/*
 * The operations of an input. Arguments are what a program would pass, out of small pools in which
 * the edges lie, so that most calls get somewhere; where a pick's top bit is set, it is something
 * that a program would not pass.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/vfio.h"
#include "base/bits.h"
#include "dev/ioat/regs.h"
#include "fuzz/world.h"
#include "machine/kinds.h"
#include "vfio/inspect.h"

typedef unsigned long long ull;

#define COMMAND 0x04

/* ---- pools ---- */

static uint64_t pick_iova(uint8_t pick, uint64_t raw)
{
	static const uint64_t bases[] = {
		0x100000,
		0x100000,
		0x101000,
		0x108000,
		0x200000,
		0,
		0x7fff000,
		0x8000000, /* the MSI window */
		0x8100000,
		0x3ffff000,
		0x40000000,
		0xfffff000,
		UINT64_C(1) << 39,
		(UINT64_C(1) << 48) - 4096,
		UINT64_MAX - 4095,
	};
	unsigned base = pick & 15;

	return base < ARRAY_LEN(bases) ? bases[base] + (pick >> 4) * PAGE : raw;
}

static uint64_t pick_size(uint8_t pick, uint64_t raw)
{
	static const uint64_t sizes[] = {
		PAGE,
		2 * PAGE,
		4 * PAGE,
		POOL_PAGES * PAGE,
		PAGE,
		0x200000,
		0x400000,
		BIG_BYTES,
	};
	static const uint64_t odd[] = {
		0,
		1,
		PAGE - 1,
		PAGE + 1,
		GIB(1),
		UINT64_C(1) << 63,
		UINT64_MAX,
		UINT64_MAX - 4095,
		UINT64_MAX / 4096,
		GIB(512),
		0x100000000,
	};

	if (!(pick & 0x80))
		return sizes[pick % ARRAY_LEN(sizes)];
	pick &= 0x7f;
	return pick < ARRAY_LEN(odd) ? odd[pick] : raw;
}

/* Raw pointers stay away from the memory that the oracle watches. */
static uint64_t away(uint64_t raw)
{
	return raw >= ARGS && raw < HOLE ? HOLE + raw % 4096 : raw;
}

static uint64_t pick_vaddr(uint8_t pick, uint64_t raw)
{
	uint64_t page = (pick >> 3 & 15) * PAGE;

	if (pick & 0x80) {
		switch (pick & 7) {
		case 0:
			return POOL; /* canary first */
		case 1:
			return HOLE;
		case 2:
			return 0;
		case 3:
			return POOL_RW + 1;
		default:
			return away(raw);
		}
	}
	switch (pick & 7) {
	case 4:
		return POOL_RO;
	case 5:
		return BIG;
	case 6:
		return BIG + page;
	case 7:
		return BARS + (pick >> 3 & 3) * BAR_SLOT;
	default:
		return POOL_RW + page;
	}
}

/* Where a program may have data written to or read from. */
static uint64_t pick_buffer(uint8_t pick, uint64_t raw)
{
	if (!(pick & 0x80))
		return ARGS + 2 * PAGE;
	switch (pick & 7) {
	case 0:
		return 0;
	case 1:
		return HOLE;
	case 2:
		return POOL_RO;
	case 3:
		return ARGS + ARGS_BYTES - 8;
	default:
		return away(raw);
	}
}

static uint32_t pick_argsz(uint8_t pick, uint64_t raw, size_t exact)
{
	if (!(pick & 0x80))
		return (uint32_t)exact;
	switch (pick & 7) {
	case 0:
		return 0;
	case 1:
		return (uint32_t)exact - 1;
	case 2:
		return (uint32_t)exact + 8;
	case 3:
		return UINT32_MAX;
	case 4:
		return 1024;
	default:
		return (uint32_t)raw;
	}
}

/* Put an argument where the pick says; its address. */
static uint64_t put_arg(uint8_t pick, const void *arg, size_t len)
{
	uint64_t at = ARGS;

	if (pick & 0x80) {
		switch (pick & 7) {
		case 0:
			return 0;
		case 1:
			return HOLE;
		case 2:
			return POOL_RO; /* readable; all zeros */
		case 3:
			at = ARGS + ARGS_BYTES - len; /* its end is the memory's */
			break;
		case 4:
			at = ARGS + 1;
			break;
		default: /* the last word is not there */
			at = ARGS + ARGS_BYTES - (len > 4 ? len - 4 : 0);
			memcpy((void *)(uintptr_t)at, arg, len > 4 ? len - 4 : 0);
			return at;
		}
	}
	memcpy((void *)(uintptr_t)at, arg, len);
	return at;
}

static int32_t pick_eventfd(const struct world *w, uint8_t pick)
{
	if (!(pick & 0x80))
		return w->eventfds[pick % EVENTFDS];
	switch (pick & 3) {
	case 0:
		return -1;
	case 1:
		return -2;
	case 2:
		return 1; /* no eventfd */
	default:
		return w->n_fds ? w->fds[pick % w->n_fds] : 99999;
	}
}

static const char *pick_device(const struct world *w, uint8_t pick)
{
	if (!(pick & 0x80) && w->machine->n_devices)
		return w->machine->devices[pick % w->machine->n_devices].iommu.name;
	return pick & 1 ? "0000:01:00.0 vf_token=1" : "";
}

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
	unsigned cmd = rec->p[0] & 0x80 ? (unsigned)rec->x : VFIO_IO(rec->p[0] % 32);
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

/* ---- interrupts, resets, features ---- */

static void op_set_irqs(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t flags[] = { 0x24, 0x24, 0x24, 0x21, 0x22, 0x09, 0x0a, 0x11, 0x12,
		0x14, 0x0c, 0x20, 0x04, 0x3f, 0x44, UINT32_MAX };
	struct {
		struct vfio_irq_set set;
		int32_t fds[64];
	} arg = { 0 };
	uint32_t kind, count = rec->p[2] & 0x80 ? (uint32_t)rec->x : rec->p[2] % 5;
	int fd = world_pick(w, DEVICE, rec->who);
	size_t len;

	arg.set.flags = flags[rec->p[1] % ARRAY_LEN(flags)];
	arg.set.index = rec->p[3] & 0x80 ? (uint32_t)rec->y : rec->p[3] % 6;
	arg.set.start = rec->p[3] & 0x40 ? (uint32_t)(rec->y >> 32) : rec->p[3] >> 3 & 1;
	arg.set.count = count;
	kind = arg.set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	len = sizeof(arg.set) + (kind == 4 ? 4 * (size_t)count : kind == 2 ? count : 0);
	for (unsigned i = 0; i < ARRAY_LEN(arg.fds); i++)
		arg.fds[i] = kind == 4 ? pick_eventfd(w, (uint8_t)(rec->y >> i % 8 * 8))
				       : (int32_t)(rec->x >> i);
	arg.set.argsz = pick_argsz(rec->p[0], rec->x, len);
	if (fd < 0)
		return;
	say(w, "SET_IRQS argsz %u flags 0x%x index %u start %u count %u first %d", arg.set.argsz,
		arg.set.flags, arg.set.index, arg.set.start, arg.set.count, arg.fds[0]);
	world_ioctl(w, fd, VFIO_DEVICE_SET_IRQS, put_arg(rec->p[4], &arg, MIN(len, sizeof(arg))));
}

static void op_reset(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, DEVICE, rec->who);

	if (fd < 0)
		return;
	say(w, "RESET");
	world_ioctl(w, fd, VFIO_DEVICE_RESET, rec->x);
}

static void op_hot_reset(struct world *w, const struct fuzz_rec *rec)
{
	struct {
		struct vfio_pci_hot_reset reset;
		int32_t fds[8];
	} arg = { 0 };
	int fd = world_pick(w, DEVICE, rec->who);

	if (fd < 0)
		return;
	arg.reset.count = rec->p[1] & 0x80 ? (uint32_t)rec->x : rec->p[1] % 5;
	arg.reset.flags = rec->p[2] & 0x80 ? rec->p[2] & 3 : 0;
	for (unsigned i = 0; i < ARRAY_LEN(arg.fds); i++)
		arg.fds[i] = world_pick(w, GROUP, (uint8_t)(rec->y >> i * 8));
	arg.reset.argsz =
		pick_argsz(rec->p[0], rec->x, sizeof(arg.reset) + 4 * MIN(arg.reset.count, 8u));
	say(w, "PCI_HOT_RESET argsz %u flags 0x%x count %u of %d, %d", arg.reset.argsz,
		arg.reset.flags, arg.reset.count, arg.fds[0], arg.fds[1]);
	world_ioctl(w, fd, VFIO_DEVICE_PCI_HOT_RESET, put_arg(rec->p[4], &arg, sizeof(arg)));
}

/* Offsets in BAR 0 at which something is. */
static uint64_t pick_register(
	const struct world *w, const struct pci_dev *pci, uint8_t pick, uint64_t raw)
{
	static const uint16_t regs[] = { IOAT_CHANCTRL, IOAT_CHANCMD, IOAT_DMACOUNT, IOAT_CHANSTS,
		IOAT_CHAINADDR, IOAT_CHANCMP, IOAT_CHANERR, IOAT_CHANERRMASK };

	switch (pick >> 4 & 7) {
	case 0:
		return pick & 15; /* the device's own */
	case 1:
	case 2:
	case 3:
		return IOAT_CHANNEL_BYTES * (1 + (pick >> 3 & 1)) + regs[pick & 7];
	case 4:
		return pci->msix_table + (pick & 15) * 4;
	case 5:
		return pci->msix_pba + (pick & 15);
	case 6:
		return pci->model->bars[0].bytes - (pick & 15);
	default:
		return raw & 0xffff;
	}
}

static void op_ioeventfd(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t flags[] = { 4, 8, 1, 2, 0, 3, 0x10, UINT32_MAX };
	struct vfio_device_ioeventfd arg = {
		.argsz = pick_argsz(rec->p[0], rec->x, sizeof(arg)),
		.flags = flags[rec->p[1] % ARRAY_LEN(flags)],
		.data = rec->y,
		.fd = pick_eventfd(w, rec->p[3]),
		.reserved = rec->p[4] & 0x40,
	};
	int fd = world_pick(w, DEVICE, rec->who);
	unsigned i;

	if (fd < 0)
		return;
	arg.offset = rec->x;
	if (world_kind(w, fd) == DEVICE && !(rec->p[2] & 0x80))
		arg.offset = pci_region_offset(0) +
			     pick_register(w, &world_device(w, fd, &i)->pci, rec->p[2], rec->x);
	say(w, "IOEVENTFD argsz %u flags 0x%x offset 0x%llx data 0x%llx fd %d", arg.argsz,
		arg.flags, (ull)arg.offset, (ull)arg.data, arg.fd);
	world_ioctl(w, fd, VFIO_DEVICE_IOEVENTFD, put_arg(rec->p[4], &arg, sizeof(arg)));
}

static void op_feature(struct world *w, const struct fuzz_rec *rec)
{
	struct {
		struct vfio_device_feature feature;
		uint64_t data[6];
	} arg = { .data = { rec->p[3] & 3, rec->y, rec->x, rec->y, rec->x, rec->y } };
	int fd = world_pick(w, DEVICE, rec->who);

	if (fd < 0)
		return;
	arg.feature.argsz = pick_argsz(rec->p[0], rec->x, sizeof(arg));
	arg.feature.flags =
		rec->p[2] & 0x80 ? (uint32_t)rec->x : rec->p[2] % 14 | (rec->p[1] & 7u) << 16;
	say(w, "FEATURE argsz %u flags 0x%x data 0x%llx", arg.feature.argsz, arg.feature.flags,
		(ull)arg.data[0]);
	world_ioctl(w, fd, VFIO_DEVICE_FEATURE, put_arg(rec->p[4], &arg, sizeof(arg)));
}

static void op_eventfd(struct world *w, const struct fuzz_rec *rec)
{
	uint64_t val = rec->p[1] & 0x80 ? rec->x : 1;
	int fd = w->eventfds[rec->who % EVENTFDS];

	say(w, "%s eventfd %d\n", rec->p[0] & 1 ? "read" : "write", fd);
	if (rec->p[0] & 1)
		(void)!read(fd, &val, sizeof(val));
	else
		(void)!write(fd, &val, sizeof(val));
}

/* ---- regions ---- */

static void op_region(struct world *w, const struct fuzz_rec *rec)
{
	static const unsigned lens[] = { 4, 8, 2, 1, 3, 16, 256, 4096, 5000, 0, 7, 8000 };
	size_t len = lens[rec->p[2] % ARRAY_LEN(lens)];
	uint64_t buffer = rec->p[3] & 0x80 ? pick_buffer(rec->p[3], rec->y) : ARGS;
	int fd = world_pick(w, DEVICE, rec->who);
	uint64_t pos = rec->x;
	unsigned i;

	if (fd < 0)
		return;
	if (world_kind(w, fd) == DEVICE && !(rec->p[0] & 0x80))
		pos = pci_region_offset(0) +
		      pick_register(w, &world_device(w, fd, &i)->pci, rec->p[0], rec->x);
	else if (rec->p[0] & 0x40)
		pos = pci_region_offset(rec->p[0] & 15) + (rec->x & 0xfff);
	if (rec->p[1] & 1)
		memcpy((void *)(uintptr_t)ARGS, &rec->y, sizeof(rec->y));
	world_io(w, fd, rec->p[1] & 1, buffer, len, pos);
}

/* Configuration space: where its structure is, and what switches something. */
static void op_config(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t vals[] = { 0, 2, 4, 6, 7, 0x400, 0x406, 0xffff, UINT32_MAX, 0x8000,
		3 };
	static const uint16_t offs[] = { 0x04, 0x04, 0x05, 0x06, 0x10, 0x14, 0x24, 0x30, 0x34, 0x3c,
		0x0c, 0x00 };
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	const struct pci_dev *pci;
	unsigned i, off;
	uint32_t val;

	if (fd < 0)
		return;
	pci = &world_device(w, fd, &i)->pci;
	off = offs[rec->p[0] % ARRAY_LEN(offs)];
	if (rec->p[0] & 0x80)
		off = (unsigned)rec->x & 0xfff;
	else if (rec->p[0] & 0x40)
		off = (rec->p[0] & 0x20		 ? pci->cap_msix
			      : rec->p[0] & 0x10 ? pci->cap_pm
						 : pci->cap_pcie) +
		      (rec->p[0] & 15);
	val = rec->p[2] & 0x80 ? (uint32_t)rec->y : vals[rec->p[2] % ARRAY_LEN(vals)];
	memcpy((void *)(uintptr_t)ARGS, &val, sizeof(val));
	say(w, "config 0x%x: ", val);
	world_io(w, fd, rec->p[1] & 1, ARGS, 1u << (rec->p[3] % 3), pci_region_offset(7) + off);
}

static bool bar_mapped(uint64_t at)
{
	unsigned char there;

	return !mincore((void *)(uintptr_t)at, PAGE, &there);
}

/* The program's own mapping of BAR 0, as far as the gate would let it have one. */
static uint64_t map_bar(struct world *w, int fd)
{
	struct file *file = local_file(w->local, fd);
	struct why why = { 0 };
	unsigned i;
	struct machine_device *dev = world_device(w, fd, &i);
	uint64_t at = BARS + i * BAR_SLOT, bytes = align_up(dev->pci.model->bars[0].bytes, PAGE);
	int ret = file->ops->mmap(file, pci_region_offset(0), bytes, PROT_READ | PROT_WRITE, &why);

	if (ret) {
		say(w, "mmap of BAR 0 = %d (%s)\n", ret, why.missing);
		if (why.err != -ret)
			found(w, "mmap refused with %d, the reason says %d", ret, why.err);
		return 0;
	}
	if (!bar_mapped(at) &&
		mmap((void *)(uintptr_t)at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			file->memfd, (off_t)pci_region_offset(0)) == MAP_FAILED)
		return 0;
	return at;
}

static void op_mmap_check(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	struct why why = { 0 };
	struct file *file;
	int ret;

	if (fd < 0)
		return;
	file = local_file(w->local, fd);
	ret = file->ops->mmap(file,
		rec->p[0] & 0x80 ? rec->x : pci_region_offset(rec->p[0] % 10) + (rec->x & 0xffff),
		pick_size(rec->p[1], rec->y), rec->p[2] & 3, &why);
	say(w, "may map? = %d (%s)\n", ret, why.missing);
	if (ret > 0 || (ret && why.err != -ret))
		found(w, "mmap refused with %d, the reason says %d", ret, why.err);
}

/* Stores to mapped registers, which nobody sees before the next step. */
static void op_bar_store(struct world *w, const struct fuzz_rec *rec)
{
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	const struct pci_dev *pci;
	uint64_t bar, off;
	unsigned i;

	if (fd < 0)
		return;
	pci = &world_device(w, fd, &i)->pci;
	bar = map_bar(w, fd);
	off = align_down(pick_register(w, pci, rec->p[0], rec->x), 8);
	if (!bar || off + 8 > pci->model->bars[0].bytes)
		return;
	off += rec->p[1] & 7;
	say(w, "store 0x%llx at register 0x%llx of %s\n", (ull)rec->y, (ull)off, pci->name);
	memcpy((void *)(uintptr_t)(bar + off), &rec->y, 8 - (off & 7));
}

/* ---- DMA ---- */

static void op_step(struct world *w, const struct fuzz_rec *rec)
{
	static const uint64_t budgets[] = { 64 << 10, 1, 255, 4096, 1 << 20 };

	if (w->machine->n_devices)
		world_step(w, rec->who % w->machine->n_devices,
			budgets[rec->p[0] % ARRAY_LEN(budgets)]);
}

/* A descriptor of the engine in the pool: slot p[0] of page p[1]. */
static void op_descriptor(struct world *w, const struct fuzz_rec *rec)
{
	static const uint32_t sizes[] = { 64, 4096, 8192, 1, 0x10000, 0x100000, 0, 65, 8,
		0x200000 };
	static const uint32_t controls[] = { 0x08, 0x09, 0x00, 0x01000008, 0x28, 0x01000009,
		0x02000000, UINT32_MAX };
	uint64_t at = (rec->p[1] % POOL_PAGES) * PAGE + (rec->p[0] % 64) * sizeof(struct ioat_desc);
	struct ioat_desc desc = {
		.size = sizes[rec->p[2] % ARRAY_LEN(sizes)],
		.control = controls[rec->p[3] % ARRAY_LEN(controls)],
		.src = pick_iova(rec->p[4], rec->x) + (rec->x & 0xff),
		.dst = pick_iova(rec->p[5], rec->y) + (rec->y & 0xff),
		.next = 0x100000 + at + sizeof(desc),
	};

	if (rec->p[3] & 0x80)
		desc.next = rec->y;
	say(w, "descriptor at 0x%llx: size 0x%x control 0x%x src 0x%llx dst 0x%llx next 0x%llx\n",
		(ull)(0x100000 + at), desc.size, desc.control, (ull)desc.src, (ull)desc.dst,
		(ull)desc.next);
	world_store(w, POOL_RW + at, &desc, sizeof(desc));
}

static void store_reg(uint64_t bar, unsigned off, uint64_t val, unsigned size)
{
	memcpy((void *)(uintptr_t)(bar + IOAT_CHANNEL_BYTES + off), &val, size);
}

/* What a driver does to run descriptors: reset, chain, doorbell; by stores or trapped. */
static void op_launch(struct world *w, const struct fuzz_rec *rec)
{
	const struct {
		unsigned off, size;
		uint64_t val;
	} regs[] = {
		{ IOAT_CHANCMD, 1, rec->p[0] & 1 ? IOAT_CHANCMD_RESET : 0 },
		{ IOAT_CHANCTRL, 2, rec->p[4] & 0x80 ? rec->x & 0xffff : 0x15 },
		{ IOAT_CHANCMP, 8, pick_iova(rec->p[1], rec->x) + 0x80 },
		{ IOAT_CHAINADDR, 8, 0x100000 + (rec->p[2] % POOL_PAGES) * PAGE },
		{ IOAT_DMACOUNT, 2,
			rec->p[3] & 0x80 ? rec->y & 0xffff : UINT64_C(1) + rec->p[3] % 4 },
	};
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	uint64_t bar;
	unsigned i;

	if (fd < 0)
		return;
	world_device(w, fd, &i);
	bar = rec->p[0] & 2 ? 0 : map_bar(w, fd);
	for (unsigned k = 0; k < ARRAY_LEN(regs); k++) {
		if (bar) {
			store_reg(bar, regs[k].off, regs[k].val, regs[k].size);
		} else {
			memcpy((void *)(uintptr_t)ARGS, &regs[k].val, 8);
			world_io(w, fd, true, ARGS, regs[k].size,
				pci_region_offset(0) + IOAT_CHANNEL_BYTES + regs[k].off);
		}
		if (k == 0)
			world_step(w, i, 1 << 16);
	}
	say(w, "launch %s: chain 0x%llx count %llu %s\n", w->machine->devices[i].pci.name,
		(ull)regs[3].val, (ull)regs[4].val, bar ? "by stores" : "trapped");
	world_step(w, i, 1 << 18);
}

/* INTRCTRL and an eventfd for each vector, so that completions interrupt. */
static void op_interrupts(struct world *w, const struct fuzz_rec *rec)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} arg = { .set = { .argsz = sizeof(arg),
			  .flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			  .index = rec->p[0] % 3,
			  .count = 1 },
		.fd = w->eventfds[rec->p[1] % EVENTFDS] };
	int fd = world_pick(w, DEVICE, rec->who & 0x7f);
	uint8_t control = rec->p[2] & 1 ? 0x09 : 0x01;

	if (fd < 0)
		return;
	say(w, "SET_IRQS: index %u, one eventfd", arg.set.index);
	world_ioctl(w, fd, VFIO_DEVICE_SET_IRQS, put_arg(0, &arg, sizeof(arg)));
	memcpy((void *)(uintptr_t)ARGS, &control, 1);
	world_io(w, fd, true, ARGS, 1, pci_region_offset(0) + IOAT_INTRCTRL);
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
};
_Static_assert(ARRAY_LEN(ops) == FUZZ_OPS, "input.h says how many");

void op_run(struct world *w, const struct fuzz_rec *rec)
{
	ops[rec->op % ARRAY_LEN(ops)](w, rec);
}
