/* SPDX-License-Identifier: MIT */
/*
 * The type 1 backend: info, map and unmap, by the rules of TYPE1 (v1) and of TYPE1v2, which the
 * nesting type shares. Maps live in the container's ioas; here is only what this interface demands.
 * Order of checks: Linux 7.3 drivers/vfio/vfio_iommu_type1.c.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "vfio/internal.h"

typedef unsigned long long ull;

/** Reserved ranges and apertures split the IOVA space into at most this many pieces that we list.
 */
#define MAX_RANGES 256

long vfio_type1_extension(unsigned long number, bool set)
{
	switch (number) {
	case VFIO_UNMAP_ALL:
		return 1;
	case VFIO_UPDATE_VADDR:
		/* Linux asks for a container with an IOMMU, which has no emulated device. */
		return set;
	case VFIO_DMA_CC_IOMMU:
		/* No SMMU here can turn no-snoop off (Linux: only where CANWBS is). */
	default:
		return 0;
	}
}

uint64_t vfio_type1_pgsize(const struct vfio_container *container)
{
	uint64_t sizes = ioas_pgsizes(container->ioas);

	return sizes & -sizes;
}

int vfio_type1_begin(struct ioctl_call *call, struct vfio_container **out)
{
	struct vfio_container *container = vfio_container_from_file(call->file);
	struct hostlock *lock = vfio_lock(container->vfio);

	hostlock_lock(lock);
	if (ioctl_busy_begin(call, lock, &container->busy)) {
		hostlock_unlock(lock);
		return -EINTR;
	}
	if (container->ioas) {
		*out = container;
		return 0;
	}
	vfio_type1_end(container);
	why_misuse(call->why, EINVAL, "iommu-not-set",
		"the container lost its IOMMU with its last group");
	return -EINVAL;
}

void vfio_type1_end(struct vfio_container *container)
{
	struct hostlock *lock = vfio_lock(container->vfio);

	busy_end(lock, &container->busy);
	hostlock_unlock(lock);
}

bool vfio_type1_bisects(const struct vfio_container *container, uint64_t iova, uint64_t last)
{
	struct ioas_area_info area;

	if (!ioas_find_in(container->ioas, iova, last, &area))
		return false;
	if (area.iova < iova)
		return true;
	return (area.last >= last || ioas_find_in(container->ioas, last, last, &area)) &&
	       area.last != last;
}

/* ---- GET_INFO ---- */

struct info_reply {
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_cap_migration migration;
	struct vfio_iommu_type1_info_dma_avail avail;
	uint32_t pad; /* each capability is padded to 8 bytes */
	struct vfio_info_cap_header iova_header;
	uint32_t nr_iovas, reserved;
	struct vfio_iova_range ranges[MAX_RANGES];
	struct vfio_iommu_type1_info_cap_nesting room; /* it follows the last range there is */
};
_Static_assert(offsetof(struct info_reply, migration) == 24 &&
		       offsetof(struct info_reply, avail) == 56 &&
		       offsetof(struct info_reply, iova_header) == 72 &&
		       offsetof(struct info_reply, ranges) == 88,
	"a capability chain as Linux lays it out");

static unsigned entries_left(const struct vfio_container *container)
{
	unsigned limit = container->vfio->options.dma_entry_limit;
	unsigned areas = ioas_areas(container->ioas);

	return areas < limit ? limit - areas : 0;
}

/* Host lock held. Returns where the chain ends. */
static uint32_t fill_ranges(const struct vfio_container *container, struct info_reply *reply)
{
	struct ioas_range ranges[MAX_RANGES];
	unsigned n = MIN(ioas_ranges(container->ioas, ranges, MAX_RANGES), MAX_RANGES);

	if (!n)
		return offsetof(struct info_reply, iova_header);
	reply->avail.header.next = offsetof(struct info_reply, iova_header);
	reply->iova_header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	reply->iova_header.version = 1;
	reply->nr_iovas = n;
	for (unsigned i = 0; i < n; i++)
		reply->ranges[i] = (struct vfio_iova_range){ ranges[i].start, ranges[i].last };
	return (uint32_t)(offsetof(struct info_reply, ranges) + n * sizeof(reply->ranges[0]));
}

/* Host lock held. Returns where the chain ends. */
static uint32_t fill_nesting(
	struct vfio_container *container, struct info_reply *reply, uint32_t end)
{
	struct vfio_info_cap_header *last =
		reply->nr_iovas ? &reply->iova_header : &reply->avail.header;
	struct vfio_iommu_type1_info_cap_nesting cap = { 0 };

	if (!vfio_nested_info(container, &cap))
		return end;
	last->next = end;
	memcpy((char *)reply + end, &cap, sizeof(cap));
	return end + (uint32_t)sizeof(cap);
}

/* Host lock held. Returns the bytes of the chain. Offsets are those of the argument. */
static uint32_t fill_caps(struct vfio_container *container, struct info_reply *reply)
{
	uint32_t end;

	reply->migration.header =
		(struct vfio_info_cap_header){ VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 1,
			offsetof(struct info_reply, avail) };
	reply->migration.pgsize_bitmap = vfio_type1_pgsize(container);
	reply->migration.max_dirty_bitmap_size = VFIO_DIRTY_BITMAP_MAX;
	reply->avail.header =
		(struct vfio_info_cap_header){ VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, 0 };
	reply->avail.avail = entries_left(container);
	end = fill_ranges(container, reply);
	end = fill_nesting(container, reply, end);
	return end - (uint32_t)sizeof(reply->info);
}

static long type1_get_info(struct ioctl_call *call, void *data)
{
	const struct vfio_iommu_type1_info *in = data;
	struct vfio_container *container;
	struct info_reply reply = { 0 };
	uint32_t caps, len;
	int ret;

	ret = vfio_type1_begin(call, &container);
	if (ret)
		return ret;
	reply.info.argsz = in->argsz;
	reply.info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	reply.info.iova_pgsizes = ioas_pgsizes(container->ioas);
	caps = fill_caps(container, &reply);
	vfio_type1_end(container);

	len = MIN(in->argsz, (uint32_t)sizeof(reply.info));
	if (in->argsz < sizeof(reply.info) + caps) {
		reply.info.argsz = (uint32_t)sizeof(reply.info) + caps;
	} else {
		reply.info.cap_offset = sizeof(reply.info);
		len = (uint32_t)sizeof(reply.info) + caps;
	}
	if (call->caller->ops->copy_out(call->caller, call->uaddr, &reply, len))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"VFIO_IOMMU_GET_INFO: the %u bytes at 0x%llx are not all writable", len,
			(ull)call->uaddr);
	return 0;
}

/* ---- MAP_DMA ---- */

/* What needs no container. */
static int check_map(const struct vfio_iommu_type1_dma_map *map, struct why *why)
{
	const uint32_t rw = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	uint64_t end;

	if (map->flags & ~(rw | VFIO_DMA_MAP_FLAG_VADDR))
		return why_misuse(why, EINVAL, "unknown-flags", "MAP_DMA flags 0x%x", map->flags);
	if (!map->size)
		return why_misuse(why, EINVAL, "size-zero", "MAP_DMA of size 0");
	if (__builtin_add_overflow(map->iova, map->size - 1, &end))
		return why_misuse(why, EOVERFLOW, "wrap-around",
			"iova 0x%llx + size 0x%llx wraps around", (ull)map->iova, (ull)map->size);
	if (__builtin_add_overflow(map->vaddr, map->size - 1, &end))
		return why_misuse(why, EOVERFLOW, "wrap-around",
			"vaddr 0x%llx + size 0x%llx wraps around", (ull)map->vaddr, (ull)map->size);
	if (!(map->flags & rw) == !(map->flags & VFIO_DMA_MAP_FLAG_VADDR))
		return why_misuse(why, EINVAL, "no-permission",
			"MAP_DMA wants READ, WRITE or both; or VADDR alone");
	return 0;
}

static bool in_ranges(const struct vfio_container *container, uint64_t iova, uint64_t last)
{
	struct ioas_range ranges[MAX_RANGES];
	unsigned n = MIN(ioas_ranges(container->ioas, ranges, MAX_RANGES), MAX_RANGES);

	for (unsigned i = 0; i < n; i++)
		if (iova >= ranges[i].start && last <= ranges[i].last)
			return true;
	return false;
}

static int not_allowed(
	const struct vfio_container *container, uint64_t iova, uint64_t last, struct why *why)
{
	struct iommu_resv resv = { 0 };

	if (ioas_reserved(container->ioas, iova, last, &resv))
		why_misuse(why, EINVAL, "iova-not-allowed",
			"iova 0x%llx to 0x%llx takes in 0x%llx to 0x%llx, which the host "
			"reserves%s",
			(ull)iova, (ull)last, (ull)resv.start, (ull)resv.last,
			resv.msi ? " for MSIs" : "");
	else
		why_misuse(why, EINVAL, "iova-not-allowed",
			"iova 0x%llx to 0x%llx is beyond what the IOMMU translates (0x%llx)",
			(ull)iova, (ull)last, (ull)ioas_last_iova(container->ioas));
	why_instead(why, "the IOVA ranges that VFIO_IOMMU_GET_INFO lists%s",
		resv.msi ? ", or a host with another msi_window" : "");
	return -EINVAL;
}

/* Is there room for a new area? area: what is in its way, or NULL. */
static int check_room(const struct vfio_container *container,
	const struct vfio_iommu_type1_dma_map *map, const struct ioas_area_info *area,
	struct why *why)
{
	uint64_t last = map->iova + (map->size - 1);

	if (area)
		return why_misuse(why, EEXIST, "overlap",
			"iova 0x%llx to 0x%llx overlaps the mapping 0x%llx to 0x%llx",
			(ull)map->iova, (ull)last, (ull)area->iova, (ull)area->last);
	if (!entries_left(container))
		return why_refused(why, ENOSPC, "entry-limit",
			"the container has all the %u mappings that it may have",
			container->vfio->options.dma_entry_limit);
	return in_ranges(container, map->iova, last) ? 0
						     : not_allowed(container, map->iova, last, why);
}

/* Linux 7.3 vfio_dma_do_map, at its end: a mapping that came during dirty tracking. */
static int check_bitmap_fits(struct vfio_container *container,
	const struct vfio_iommu_type1_dma_map *map, struct why *why)
{
	int ret = 0;

	if (container->dirty_tracking)
		ret = vfio_dirty_fits(map->size, vfio_type1_pgsize(container), why);
	if (ret)
		ioas_unmap(container->ioas, map->iova, map->iova + (map->size - 1));
	return ret;
}

/* Pin and map. The container's mark is held, and the host lock, which pinning drops. */
static int pin_and_map(struct ioctl_call *call, struct vfio_container *container,
	const struct vfio_iommu_type1_dma_map *map, const struct memlock *memlock)
{
	struct hostlock *lock = vfio_lock(container->vfio);
	struct ioas_map area = {
		.iova = NB_IOVA(map->iova), .bytes = map->size, .uaddr = map->vaddr
	};
	int ret;

	area.prot = (map->flags & VFIO_DMA_MAP_FLAG_READ ? IOMMU_READ : 0) |
		    (map->flags & VFIO_DMA_MAP_FLAG_WRITE ? IOMMU_WRITE : 0);
	hostlock_unlock(lock);
	ret = vfio_lock_pin(call, memlock, map, area.prot, &area.umem);
	hostlock_lock(lock);
	if (ret)
		return ret;
	ret = ioas_map(container->ioas, &area, call->why);
	umem_put(area.umem);
	return ret ? ret : check_bitmap_fits(container, map, call->why);
}

static int map_locked(struct ioctl_call *call, struct vfio_container *container,
	const struct vfio_iommu_type1_dma_map *map, const struct memlock *memlock)
{
	uint64_t pgsize = vfio_type1_pgsize(container);
	struct ioas_area_info area = { 0 }, *there;
	int ret;

	if (!is_aligned(map->size | map->iova | map->vaddr, pgsize))
		return why_misuse(call->why, EINVAL, "misaligned",
			"iova 0x%llx, vaddr 0x%llx and size 0x%llx are multiples of 0x%llx",
			(ull)map->iova, (ull)map->vaddr, (ull)map->size, (ull)pgsize);
	there = ioas_find_in(container->ioas, map->iova, map->iova + (map->size - 1), &area) ? &area
											     : NULL;
	if (map->flags & VFIO_DMA_MAP_FLAG_VADDR)
		return vfio_vaddr_update(container, map, there, memlock, call->why);
	ret = check_room(container, map, there, call->why);
	return ret ? ret : pin_and_map(call, container, map, memlock);
}

static long type1_map(struct ioctl_call *call, void *data)
{
	const struct vfio_iommu_type1_dma_map *map = data;
	struct vfio_container *container;
	struct memlock memlock;
	int ret;

	ret = check_map(map, call->why);
	if (ret)
		return ret;
	vfio_lock_begin(call, &memlock);
	ret = vfio_type1_begin(call, &container);
	if (!ret) {
		ret = map_locked(call, container, map, &memlock);
		vfio_type1_end(container);
	}
	vfio_lock_end(&memlock);
	return ret;
}

/* ---- UNMAP_DMA ---- */

static int check_unmap_flags(uint32_t flags, struct why *why)
{
	const uint32_t bitmap = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	const uint32_t others = VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR;

	if (flags & ~(bitmap | others))
		return why_misuse(why, EINVAL, "unknown-flags", "UNMAP_DMA flags 0x%x", flags);
	if ((flags & bitmap) && (flags & others))
		return why_misuse(why, EINVAL, "unknown-flags",
			"a dirty bitmap goes with neither ALL nor VADDR");
	return 0;
}

/* The struct vfio_bitmap behind the fixed part, where the flags ask for one. */
static int get_bitmap(struct ioctl_call *call, const struct vfio_iommu_type1_dma_unmap *unmap,
	struct vfio_bitmap *bitmap)
{
	if (!(unmap->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP))
		return 0;
	if (unmap->argsz < sizeof(*unmap) + sizeof(*bitmap))
		return why_misuse(call->why, EINVAL, "argsz-too-small",
			"UNMAP_DMA with a bitmap: argsz %u", unmap->argsz);
	if (call->caller->ops->copy_in(
		    call->caller, bitmap, call->uaddr + sizeof(*unmap), sizeof(*bitmap)))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"UNMAP_DMA: the bitmap's description is not readable");
	return vfio_bitmap_check(bitmap, unmap->size, call->why);
}

/* The range [iova, *last] that the call means. */
static int unmap_range(const struct vfio_iommu_type1_dma_unmap *unmap, uint64_t pgsize,
	uint64_t *last, struct why *why)
{
	if (!is_aligned(unmap->iova, pgsize))
		return why_misuse(why, EINVAL, "misaligned", "iova 0x%llx is no multiple of 0x%llx",
			(ull)unmap->iova, (ull)pgsize);
	*last = UINT64_MAX;
	if (unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		if (unmap->iova || unmap->size)
			return why_misuse(why, EINVAL, "unmap-all-with-range",
				"UNMAP_DMA with ALL wants iova 0 and size 0");
		return 0;
	}
	if (!unmap->size)
		return why_misuse(why, EINVAL, "size-zero", "UNMAP_DMA of size 0");
	if (!is_aligned(unmap->size, pgsize))
		return why_misuse(why, EINVAL, "misaligned", "size 0x%llx is no multiple of 0x%llx",
			(ull)unmap->size, (ull)pgsize);
	if (__builtin_add_overflow(unmap->iova, unmap->size - 1, last))
		return why_misuse(why, EOVERFLOW, "wrap-around",
			"iova 0x%llx + size 0x%llx wraps around", (ull)unmap->iova,
			(ull)unmap->size);
	return 0;
}

/*
 * v1 takes whole areas away: one that starts before the range stays and ends the call with
 * nothing done; one that starts inside goes, even where it reaches beyond.
 */
static uint64_t v1_last(const struct vfio_container *container, uint64_t iova, uint64_t last)
{
	struct ioas_area_info area;

	if (!ioas_find_in(container->ioas, iova, last, &area) || area.iova < iova)
		return 0;
	return ioas_find_in(container->ioas, last, last, &area) ? area.last : last;
}

static int unmap_areas(struct ioctl_call *call, struct vfio_container *container,
	struct vfio_iommu_type1_dma_unmap *unmap, const struct vfio_bitmap *bitmap, uint64_t last)
{
	struct hostlock *lock = vfio_lock(container->vfio);
	uint64_t iova = unmap->iova;
	int ret = 0;

	if (container->type == VFIO_TYPE1_IOMMU) {
		last = v1_last(container, iova, last);
		if (!last) {
			unmap->size = 0;
			return 0;
		}
	}
	if (unmap->flags & VFIO_DMA_UNMAP_FLAG_VADDR)
		return vfio_vaddr_invalidate(container, iova, last, &unmap->size, call->why);
	if (unmap->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP) {
		hostlock_unlock(lock);
		ret = vfio_bitmap_store(call, bitmap, iova, last);
		hostlock_lock(lock);
		if (ret)
			return ret;
	}
	unmap->size = ioas_unmap(container->ioas, iova, last);
	vfio_vaddr_forget(container, iova, last);
	return 0;
}

static int unmap_locked(struct ioctl_call *call, struct vfio_container *container,
	struct vfio_iommu_type1_dma_unmap *unmap, const struct vfio_bitmap *bitmap)
{
	uint64_t pgsize = vfio_type1_pgsize(container), last = 0;
	int ret = unmap_range(unmap, pgsize, &last, call->why);

	if (ret)
		return ret;
	if ((unmap->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP) &&
		(!container->dirty_tracking || bitmap->pgsize != pgsize))
		return why_misuse(call->why, EINVAL, "dirty-tracking-off",
			"a bitmap wants dirty tracking started, and pages of 0x%llx", (ull)pgsize);
	if (container->type != VFIO_TYPE1_IOMMU && !(unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL) &&
		vfio_type1_bisects(container, unmap->iova, last))
		return why_misuse(call->why, EINVAL, "bisects-mapping",
			"iova 0x%llx to 0x%llx cuts a mapping in two, which v2 does not do",
			(ull)unmap->iova, (ull)last);
	return unmap_areas(call, container, unmap, bitmap, last);
}

static long type1_unmap(struct ioctl_call *call, void *data)
{
	struct vfio_iommu_type1_dma_unmap *unmap = data;
	struct vfio_bitmap bitmap = { 0 };
	struct vfio_container *container;
	int ret;

	ret = check_unmap_flags(unmap->flags, call->why);
	if (!ret)
		ret = get_bitmap(call, unmap, &bitmap);
	if (!ret)
		ret = vfio_type1_begin(call, &container);
	if (ret)
		return ret;
	ret = unmap_locked(call, container, unmap, &bitmap);
	vfio_type1_end(container);
	return ret;
}

/* ---- dispatch ---- */

static const struct ioctl_row type1_rows[] = {
	{ VFIO_IOMMU_GET_INFO, "VFIO_IOMMU_GET_INFO",
		ABI_SIZE_TO(struct vfio_iommu_type1_info, iova_pgsizes), type1_get_info, false },
	{ VFIO_IOMMU_MAP_DMA, "VFIO_IOMMU_MAP_DMA", sizeof(struct vfio_iommu_type1_dma_map),
		type1_map, false },
	{ VFIO_IOMMU_UNMAP_DMA, "VFIO_IOMMU_UNMAP_DMA", sizeof(struct vfio_iommu_type1_dma_unmap),
		type1_unmap, true },
	/* Copies its argument itself: a v1 container is refused before. */
	{ VFIO_IOMMU_DIRTY_PAGES, "VFIO_IOMMU_DIRTY_PAGES", 0, vfio_dirty_pages, false },
	{ VFIO_IOMMU_SET_PASID_TABLE, "VFIO_IOMMU_SET_PASID_TABLE",
		offsetof(struct vfio_iommu_type1_set_pasid_table, config), vfio_set_pasid_table,
		false },
	{ VFIO_IOMMU_CACHE_INVALIDATE, "VFIO_IOMMU_CACHE_INVALIDATE",
		offsetof(struct vfio_iommu_type1_cache_invalidate, info), vfio_cache_invalidate,
		false },
	{ VFIO_IOMMU_SET_MSI_BINDING, "VFIO_IOMMU_SET_MSI_BINDING",
		sizeof(struct vfio_iommu_type1_set_msi_binding), vfio_set_msi_binding, false },
};

long vfio_type1_ioctl(struct ioctl_call *call)
{
	return ioctl_dispatch(type1_rows, ARRAY_LEN(type1_rows), call);
}
