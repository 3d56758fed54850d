/* SPDX-License-Identifier: MIT */
/*
 * Areas of an I/O address space, in a tree ordered by their last IOVA (tree.h), so that "the first
 * area that ends at or after x" is one descent: map, unmap and find cost O(log n).
 *
 * What a mapping consists of, in the order in which it is made: physical space, the extent that
 * gives the memory an address there, descriptors in every HWPT. It is taken apart backwards, and
 * between descriptors and extent stands iotlb_sync: an extent goes when no DMA can reach it.
 */
#include "ioas/ioas.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/check.h"
#include "ioas/internal.h"

#define PAGE_BYTES 4096u

struct ioas *ioas_create(const struct ioas_env *env)
{
	struct ioas *ioas = calloc(1, sizeof(*ioas));

	if (!ioas)
		return NULL;
	ioas->env = env;
	ioas->charge.limit = env->table_limit;
	CDS_INIT_LIST_HEAD(&ioas->hwpts);
	CDS_INIT_LIST_HEAD(&ioas->groups);
	return ioas;
}

void ioas_destroy(struct ioas *ioas)
{
	if (!ioas)
		return;
	nb_assert(cds_list_empty(&ioas->groups));
	ioas_unmap(ioas, 0, UINT64_MAX);
	nb_assert(ioas->charge.used == 0);
	area_tree_finish(&ioas->areas);
	free(ioas);
}

struct area *ioas_area_from(const struct ioas *ioas, uint64_t iova)
{
	return area_tree_from(&ioas->areas, iova);
}

static bool tell(const struct area *area, struct ioas_area_info *info)
{
	if (!area)
		return false;
	*info = (struct ioas_area_info){ area->iova, area->last, area->uaddr, area->prot,
		area->umem };
	return true;
}

bool ioas_find(const struct ioas *ioas, uint64_t iova, struct ioas_area_info *info)
{
	return tell(ioas_area_from(ioas, iova), info);
}

bool ioas_find_in(
	const struct ioas *ioas, uint64_t iova, uint64_t last, struct ioas_area_info *info)
{
	return tell(area_tree_touching(&ioas->areas, iova, last), info);
}

void ioas_set_uaddr(struct ioas *ioas, uint64_t iova, uint64_t uaddr)
{
	struct area *area = ioas_area_from(ioas, iova);

	nb_assert(area && area->iova <= iova);
	area->uaddr = uaddr;
}

unsigned ioas_areas(const struct ioas *ioas)
{
	return ioas->n_areas;
}

static uint64_t area_bytes(const struct area *area)
{
	return area->last - area->iova + 1;
}

static int check_shape(const struct ioas_map *map, struct why *why)
{
	uint64_t iova = map->iova.v, last = iova + map->bytes - 1;

	if (!map->bytes || last < iova)
		return why_misuse(why, EINVAL, "range-wraps",
			"[0x%llx, + 0x%llx) is empty or wraps around", (unsigned long long)iova,
			(unsigned long long)map->bytes);
	if (!is_aligned(iova | map->bytes, PAGE_BYTES))
		return why_misuse(why, EINVAL, "range-misaligned",
			"IOVA 0x%llx or size 0x%llx is no multiple of 4 KiB",
			(unsigned long long)iova, (unsigned long long)map->bytes);
	nb_assert(map->umem_off <= map->umem->bytes &&
		  map->bytes <= map->umem->bytes - map->umem_off);
	return 0;
}

static int check_place(const struct ioas *ioas, uint64_t iova, uint64_t last, struct why *why)
{
	const struct area *other = area_tree_touching(&ioas->areas, iova, last);

	if (other)
		return why_misuse(why, EEXIST, "range-overlaps",
			"[0x%llx, 0x%llx] overlaps the mapping [0x%llx, 0x%llx]",
			(unsigned long long)iova, (unsigned long long)last,
			(unsigned long long)other->iova, (unsigned long long)other->last);
	if (last > ioas_last_iova(ioas))
		return why_misuse(why, EINVAL, "iova-out-of-range",
			"0x%llx is beyond the last IOVA 0x%llx", (unsigned long long)last,
			(unsigned long long)ioas_last_iova(ioas));
	if (ioas_reserved(ioas, iova, last, NULL))
		return why_misuse(why, EINVAL, "iova-reserved",
			"[0x%llx, 0x%llx] touches a reserved range", (unsigned long long)iova,
			(unsigned long long)last);
	return 0;
}

static int add_extent(struct ioas *ioas, const struct ioas_map *map, struct area *area)
{
	struct nb_extent *extent = &area->extent;
	int ret;

	*extent = (struct nb_extent){
		.bytes = map->bytes, .ops = map->umem->ops, .ctx = map->umem, .off = map->umem_off
	};
	if (!physmap_alloc(ioas->env->physmap, map->iova, map->bytes, &extent->pa))
		return -ENOSPC;
	ret = nb_mem_add(ioas->env->mem, extent);
	if (ret)
		physmap_free(ioas->env->physmap, extent->pa, extent->bytes);
	return ret;
}

static void remove_extent(struct ioas *ioas, struct area *area)
{
	nb_mem_remove(ioas->env->mem, &area->extent);
	physmap_free(ioas->env->physmap, area->extent.pa, area->extent.bytes);
}

/* Take the area out of the HWPTs before `end` (NULL: all), and wait. */
static void unmap_until(struct ioas *ioas, const struct area *area, const struct hwpt *end)
{
	struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		if (hwpt == end)
			return;
		iommu_unmap(hwpt->domain, NB_IOVA(area->iova), area_bytes(area));
		iommu_iotlb_sync(hwpt->domain, NB_IOVA(area->iova), NB_IOVA(area->last));
	}
}

static int map_hwpts(struct ioas *ioas, const struct area *area, struct why *why)
{
	struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		int ret = ioas_map_in(ioas, hwpt, area, why);

		if (!ret)
			continue;
		unmap_until(ioas, area, hwpt);
		return ret;
	}
	return 0;
}

static int map_area(
	struct ioas *ioas, const struct ioas_map *map, struct area *area, struct why *why)
{
	int ret = add_extent(ioas, map, area);

	if (ret)
		return why_refused(why, ENOMEM, "physical-space-exhausted",
			"the simulated physical space has no room for 0x%llx bytes",
			(unsigned long long)map->bytes);
	ret = map_hwpts(ioas, area, why);
	if (ret)
		remove_extent(ioas, area);
	return ret;
}

static void publish(struct ioas *ioas, struct area *area)
{
	area_tree_insert(&ioas->areas, area);
	umem_get(area->umem);
	ioas->n_areas++;
	ioas->bytes += area_bytes(area);
	++*ioas->env->mappings;
}

int ioas_map(struct ioas *ioas, const struct ioas_map *map, struct why *why)
{
	uint64_t last = map->iova.v + map->bytes - 1;
	struct area *area;
	int ret = check_shape(map, why);

	if (!ret)
		ret = check_place(ioas, map->iova.v, last, why);
	if (ret)
		return ret;
	area = area_tree_reserve(&ioas->areas) ? calloc(1, sizeof(*area)) : NULL;
	if (!area)
		return why_refused(why, ENOMEM, "host-memory", "memory of the host");
	area->iova = map->iova.v;
	area->last = last;
	area->uaddr = map->uaddr;
	area->prot = map->prot;
	area->umem = map->umem;
	ret = map_area(ioas, map, area, why);
	if (ret)
		free(area);
	else
		publish(ioas, area);
	return ret;
}

/* Out of the tree and onto a list: areas wholly inside [iova, last], in order. */
static struct area *take_areas(struct ioas *ioas, uint64_t iova, uint64_t last)
{
	struct area *area = ioas_area_from(ioas, iova), *list = NULL, **tail = &list;

	while (area && area->last <= last) {
		struct area *next = area->last < last ? area_tree_next(&ioas->areas, area) : NULL;

		if (area->iova >= iova) {
			area_tree_remove(&ioas->areas, area);
			ioas->n_areas--;
			ioas->bytes -= area_bytes(area);
			*tail = area;
			tail = &area->next;
		}
		area = next;
	}
	return list;
}

/* One wait per HWPT for the whole list: what makes unmap-all cheap. */
static void unmap_list(struct ioas *ioas, const struct area *list)
{
	struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		uint64_t last = 0;

		for (const struct area *area = list; area; area = area->next) {
			iommu_unmap(hwpt->domain, NB_IOVA(area->iova), area_bytes(area));
			last = area->last;
		}
		iommu_iotlb_sync(hwpt->domain, NB_IOVA(list->iova), NB_IOVA(last));
	}
}

static uint64_t free_list(struct ioas *ioas, struct area *list)
{
	uint64_t bytes = 0;

	while (list) {
		struct area *area = list;

		list = area->next;
		bytes += area_bytes(area);
		remove_extent(ioas, area);
		umem_put(area->umem);
		--*ioas->env->mappings;
		free(area);
	}
	return bytes;
}

uint64_t ioas_unmap(struct ioas *ioas, uint64_t iova, uint64_t last)
{
	struct area *list = take_areas(ioas, iova, last);

	if (!list)
		return 0;
	unmap_list(ioas, list);
	return free_list(ioas, list);
}
