/* SPDX-License-Identifier: MIT */
/*
 * VFIO_UPDATE_VADDR: a program that is about to exec declares its addresses invalid (UNMAP_DMA with
 * FLAG_VADDR), and gives new ones afterwards (MAP_DMA with FLAG_VADDR). DMA goes on meanwhile.
 *
 * The new address is shown to who looks in, and otherwise only matters to Linux's emulated devices:
 * DMA stays with the memory that was mapped first, there as here.
 *
 * FIDELITY: private memory of a program that has exec'd is gone, and DMA to it aborts; Linux keeps
 * what is pinned.
 */
#include <errno.h>
#include <stdlib.h>

#include "vfio/internal.h"

static int stale_cmp(const struct vfio_stale *a, const struct vfio_stale *b)
{
	return a->iova < b->iova ? -1 : a->iova > b->iova;
}

#define TREE_FN __attribute__((unused)) static
RB_PROTOTYPE_INTERNAL(vfio_stale_tree, vfio_stale, node, stale_cmp, TREE_FN)
RB_GENERATE_INTERNAL(vfio_stale_tree, vfio_stale, node, stale_cmp, TREE_FN)

/* The first note at or above iova that is inside [.., last], or NULL. */
static struct vfio_stale *first_in(struct vfio_container *container, uint64_t iova, uint64_t last)
{
	struct vfio_stale key = { .iova = iova };
	struct vfio_stale *found = RB_NFIND(vfio_stale_tree, &container->stale, &key);

	return found && found->iova <= last ? found : NULL;
}

static void forget(struct vfio_container *container, struct vfio_stale *stale)
{
	RB_REMOVE(vfio_stale_tree, &container->stale, stale);
	free(stale);
}

void vfio_vaddr_forget(struct vfio_container *container, uint64_t iova, uint64_t last)
{
	struct vfio_stale *stale;

	while ((stale = first_in(container, iova, last)))
		forget(container, stale);
}

bool vfio_vaddr_any_invalid(const struct vfio_container *container)
{
	return !RB_EMPTY(&container->stale);
}

static int note(struct vfio_container *container, const struct ioas_area_info *area)
{
	struct vfio_stale *stale = calloc(1, sizeof(*stale));

	if (!stale)
		return -ENOMEM;
	stale->iova = area->iova;
	stale->last = area->last;
	RB_INSERT(vfio_stale_tree, &container->stale, stale);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the tree has it now */
	return 0;
}

int vfio_vaddr_invalidate(struct vfio_container *container, uint64_t iova, uint64_t last,
	uint64_t *bytes, struct why *why)
{
	struct ioas_area_info area;
	uint64_t next = iova, done = 0;

	/* Linux takes back what it marked when it meets one that was invalid: so look first. */
	if (first_in(container, iova, last))
		return why_misuse(why, EINVAL, "vaddr-invalid",
			"the vaddr of a mapping in the range is invalid already");
	while (ioas_find(container->ioas, next, &area) && area.iova <= last) {
		if (note(container, &area)) {
			vfio_vaddr_forget(container, iova, last);
			return why_refused(why, ENOMEM, "host-resources", "out of memory");
		}
		done += area.last - area.iova + 1;
		if (area.last >= last)
			break;
		next = area.last + 1;
	}
	*bytes = done;
	return 0;
}

int vfio_vaddr_update(struct vfio_container *container, const struct vfio_iommu_type1_dma_map *map,
	const struct ioas_area_info *area, const struct memlock *lock, struct why *why)
{
	struct vfio_stale *stale;
	int ret;

	if (!area)
		return why_misuse(
			why, ENOENT, "no-such-mapping", "MAP_DMA with VADDR: no mapping is there");
	stale = first_in(container, area->iova, area->iova);
	if (!stale || area->iova != map->iova || area->last != map->iova + (map->size - 1))
		return why_misuse(why, EINVAL, "vaddr-valid",
			"MAP_DMA with VADDR wants one whole mapping whose vaddr was made invalid");
	ret = vfio_lock_move(area->umem, lock, why);
	if (ret)
		return ret;
	ioas_set_uaddr(container->ioas, area->iova, map->vaddr);
	forget(container, stale);
	return 0;
}
