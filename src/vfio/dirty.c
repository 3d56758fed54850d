/* SPDX-License-Identifier: MIT */
/*
 * Dirty pages of a container. Devices behind type 1 cannot tell what they wrote, so Linux reports
 * every page of every mapping as dirty, always; so do we. Order of checks: Linux 7.3
 * vfio_iommu_type1_dirty_pages.
 */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "vfio/internal.h"

#define USER_END	UINT64_C(0x7ffffffff000) /* x86-64 TASK_SIZE_MAX: access_ok */
#define DIRTY_PAGES_MAX INT32_MAX		 /* Linux 7.3 DIRTY_BITMAP_PAGES_MAX */

int vfio_bitmap_check(const struct vfio_bitmap *bitmap, uint64_t bytes, struct why *why)
{
	uint64_t pages;

	if (bitmap->size > USER_END || bitmap->data > USER_END - bitmap->size)
		return why_misuse(why, EINVAL, "bad-bitmap", "the bitmap is no user memory");
	/* Linux leaves a page size of 0 to the CPU's bit scan; no answer but EINVAL makes sense. */
	pages = bitmap->pgsize ? bytes >> __builtin_ctzll(bitmap->pgsize) : 0;
	/* verify_bitmap_size. For pages near 2^64, ALIGN wraps to 0, here as there. */
	if (!pages || !bitmap->size || bitmap->size > VFIO_DIRTY_BITMAP_MAX ||
		bitmap->size < align_up(pages, UINT64_C(64)) / 8)
		return why_misuse(why, EINVAL, "bad-bitmap", "%llu bytes of bitmap for %llu pages",
			(unsigned long long)bitmap->size, (unsigned long long)pages);
	return 0;
}

/*
 * Bits [from, from + n) of the program's bitmap are set, whole words are written. What was in the
 * first word stays where the range starts inside of it, and nothing else does: Linux 7.3
 * update_user_bitmap reads that word, and takes all of it (bitmap_or goes by words).
 */
static int store_bits(struct ioctl_call *call, uint64_t bitmap, uint64_t from, uint64_t n)
{
	uint64_t words[64], word = from / 64, end = from + n, leftover = 0;
	unsigned shift = from % 64;

	if (shift && call->caller->ops->copy_in(call->caller, &leftover, bitmap + word * 8, 8))
		return -EFAULT;
	while (word * 64 < end) {
		uint64_t left = DIV_ROUND_UP(end, 64) - word;
		unsigned k = (unsigned)MIN(left, ARRAY_LEN(words));

		memset(words, 0xff, k * sizeof(words[0]));
		words[0] <<= shift;
		if ((word + k) * 64 > end)
			words[k - 1] &= ~UINT64_C(0) >> ((word + k) * 64 - end);
		words[0] |= leftover;
		leftover = shift = 0;
		if (call->caller->ops->copy_out(
			    call->caller, bitmap + word * 8, words, k * sizeof(words[0])))
			return -EFAULT;
		word += k;
	}
	return 0;
}

/* The next area at or above iova; the container's mark keeps areas as they are. */
static bool next_area(
	const struct vfio_container *container, uint64_t iova, struct ioas_area_info *area)
{
	struct hostlock *lock = vfio_lock(container->vfio);
	bool found;

	hostlock_lock(lock);
	found = ioas_find(container->ioas, iova, area);
	hostlock_unlock(lock);
	return found;
}

int vfio_bitmap_store(
	struct ioctl_call *call, const struct vfio_bitmap *bitmap, uint64_t iova, uint64_t last)
{
	struct vfio_container *container = vfio_container_from_file(call->file);
	unsigned shift = (unsigned)__builtin_ctzll(bitmap->pgsize);
	struct ioas_area_info area;
	uint64_t next = iova;

	while (next_area(container, next, &area) && area.iova <= last) {
		if (store_bits(call, bitmap->data, (area.iova - iova) >> shift,
			    (area.last - area.iova + 1) >> shift))
			return why_misuse(call->why, EFAULT, "bad-bitmap",
				"the bitmap is not readable and writable");
		if (area.last >= last)
			break;
		next = area.last + 1;
	}
	return 0;
}

/* ---- DIRTY_PAGES ---- */

int vfio_dirty_fits(uint64_t bytes, uint64_t pgsize, struct why *why)
{
	if (bytes / pgsize <= DIRTY_PAGES_MAX)
		return 0;
	return why_misuse(why, EINVAL, "mapping-too-large-for-bitmap",
		"a mapping of 0x%llx bytes has more than 2^31 - 1 pages, which no dirty bitmap has",
		(unsigned long long)bytes);
}

/* Linux 7.3 vfio_dma_bitmap_alloc_all: each mapping gets a bitmap, or none does. */
static int all_fit(const struct vfio_container *container, struct why *why)
{
	uint64_t pgsize = vfio_type1_pgsize(container), next = 0;
	struct ioas_area_info area;

	while (ioas_find(container->ioas, next, &area)) {
		int ret = vfio_dirty_fits(area.last - area.iova + 1, pgsize, why);

		if (ret || area.last == UINT64_MAX)
			return ret;
		next = area.last + 1;
	}
	return 0;
}

static int set_tracking(struct ioctl_call *call, bool on)
{
	struct vfio_container *container;
	int ret = vfio_type1_begin(call, &container);

	if (ret)
		return ret;
	if (on && !container->dirty_tracking)
		ret = all_fit(container, call->why);
	if (!ret)
		container->dirty_tracking = on;
	vfio_type1_end(container);
	return ret;
}

static int check_range(const struct vfio_iommu_type1_dirty_bitmap_get *range, struct why *why)
{
	uint64_t last;

	if (!range->size)
		return why_misuse(why, EINVAL, "size-zero", "dirty bitmap of size 0");
	if (__builtin_add_overflow(range->iova, range->size - 1, &last))
		return why_misuse(why, EOVERFLOW, "wrap-around", "the range wraps around");
	return vfio_bitmap_check(&range->bitmap, range->size, why);
}

static int check_get(const struct vfio_container *container,
	const struct vfio_iommu_type1_dirty_bitmap_get *range, struct why *why)
{
	uint64_t pgsize = vfio_type1_pgsize(container);

	if (range->bitmap.pgsize != pgsize || !is_aligned(range->iova | range->size, pgsize))
		return why_misuse(why, EINVAL, "misaligned",
			"range and bitmap go by pages of 0x%llx", (unsigned long long)pgsize);
	if (!container->dirty_tracking)
		return why_misuse(
			why, EINVAL, "dirty-tracking-off", "dirty tracking was not started");
	if (vfio_type1_bisects(container, range->iova, range->iova + (range->size - 1)))
		return why_misuse(why, EINVAL, "bisects-mapping", "the range cuts a mapping");
	return 0;
}

static int get_bitmap(struct ioctl_call *call, uint32_t argsz)
{
	const uint32_t head = sizeof(struct vfio_iommu_type1_dirty_bitmap);
	struct vfio_iommu_type1_dirty_bitmap_get range;
	struct vfio_container *container;
	struct hostlock *lock;
	int ret;

	if (argsz - head < sizeof(range))
		return why_misuse(call->why, EINVAL, "argsz-too-small",
			"DIRTY_PAGES with GET_BITMAP: argsz %u", argsz);
	if (call->caller->ops->copy_in(call->caller, &range, call->uaddr + head, sizeof(range)))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"DIRTY_PAGES: the range is not readable");
	ret = check_range(&range, call->why);
	if (!ret)
		ret = vfio_type1_begin(call, &container);
	if (ret)
		return ret;
	ret = check_get(container, &range, call->why);
	if (!ret) {
		lock = vfio_lock(container->vfio);
		hostlock_unlock(lock);
		ret = vfio_bitmap_store(
			call, &range.bitmap, range.iova, range.iova + (range.size - 1));
		hostlock_lock(lock);
	}
	vfio_type1_end(container);
	return ret;
}

/* The type as Linux reads it: before the argument. */
static int check_v2(struct ioctl_call *call)
{
	struct vfio_container *container;
	int ret = vfio_type1_begin(call, &container);
	bool v1;

	if (ret)
		return ret;
	v1 = container->type == VFIO_TYPE1_IOMMU;
	vfio_type1_end(container);
	return v1 ? why_refused(call->why, EACCES, "needs-v2",
			    "dirty tracking needs VFIO_TYPE1v2_IOMMU")
		  : 0;
}

long vfio_dirty_pages(struct ioctl_call *call, void *data)
{
	struct vfio_iommu_type1_dirty_bitmap dirty;
	int ret = check_v2(call);

	if (ret)
		return ret;
	if (call->caller->ops->copy_in(call->caller, &dirty, call->uaddr, sizeof(dirty)))
		return why_misuse(call->why, EFAULT, "bad-argument-pointer",
			"DIRTY_PAGES: the argument is not readable");
	if (dirty.argsz < sizeof(dirty))
		return why_misuse(
			call->why, EINVAL, "argsz-too-small", "DIRTY_PAGES: argsz %u", dirty.argsz);
	switch (dirty.flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return set_tracking(call, true);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		return set_tracking(call, false);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		return get_bitmap(call, dirty.argsz);
	default:
		return why_misuse(call->why, EINVAL, "unknown-flags",
			"DIRTY_PAGES wants one of START, STOP and GET_BITMAP, not 0x%x",
			dirty.flags);
	}
}
