/* SPDX-License-Identifier: MIT */
/*
 * RLIMIT_MEMLOCK, as type 1 has it: the pages of a mapping count as locked memory of the address
 * space that made it, until they are unmapped or another one takes the mapping over
 * (VFIO_UPDATE_VADDR). Callers that account nothing (memlock off) lock what they like.
 *
 * Linux 7.3 vfio_pin_pages_remote goes through a range from its start, and so decides by what comes
 * first: a page that is one too many (ENOMEM), or one that cannot be pinned (EFAULT).
 */
#include <errno.h>

#include "base/bits.h"
#include "vfio/internal.h"

#define PAGE_LG2 12

typedef unsigned long long ull;

void vfio_lock_begin(struct ioctl_call *call, struct memlock *lock)
{
	const struct caller_ops *ops = call->caller->ops;

	if (!ops->memlock || !ops->memlock(call->caller, lock))
		*lock = (struct memlock){ 0 };
}

void vfio_lock_end(struct memlock *lock)
{
	locked_vm_put(lock->vm);
}

static int too_much(const struct memlock *lock, uint64_t pages, struct why *why)
{
	int ret = why_refused(why, ENOMEM, "memlock-limit",
		"0x%llx bytes are to be locked, RLIMIT_MEMLOCK is 0x%llx, and 0x%llx are locked "
		"already",
		(ull)pages << PAGE_LG2, (ull)lock->limit << PAGE_LG2,
		(ull)(lock->vm->pages + lock->others) << PAGE_LG2);

	why_instead(why, "a higher limit (ulimit -l), or CAP_IPC_LOCK");
	return ret;
}

/* Count the pages as the caller's, or refuse them. Host lock. */
static int charge(struct umem *umem, const struct memlock *lock, struct why *why)
{
	if (umem->lockable > memlock_left(lock))
		return too_much(lock, umem->lockable, why);
	umem_charge(umem, lock->vm);
	return 0;
}

static int charge_new(struct ioctl_call *call, const struct memlock *lock, struct umem *umem)
{
	struct hostlock *host = vfio_lock(vfio_container_from_file(call->file)->vfio);
	int ret;

	hostlock_lock(host);
	ret = charge(umem, lock, call->why);
	if (ret)
		umem_put(umem);
	hostlock_unlock(host);
	return ret;
}

/*
 * The range has a page that cannot be pinned. Are there too many before it? Then all pages that are
 * one too many together can be pinned by themselves.
 */
static bool limit_comes_first(struct ioctl_call *call, const struct memlock *lock,
	const struct vfio_iommu_type1_dma_map *map, unsigned prot)
{
	struct hostlock *host = vfio_lock(vfio_container_from_file(call->file)->vfio);
	struct umem *umem = NULL;
	uint64_t left;
	bool first;

	hostlock_lock(host);
	left = memlock_left(lock);
	hostlock_unlock(host);
	if (left >= map->size >> PAGE_LG2 || call->caller->ops->pin(call->caller, map->vaddr,
						     (left + 1) << PAGE_LG2, prot, &umem, NULL))
		return false;
	first = umem->lockable > left;
	umem_put(umem);
	return first;
}

int vfio_lock_pin(struct ioctl_call *call, const struct memlock *lock,
	const struct vfio_iommu_type1_dma_map *map, unsigned prot, struct umem **out)
{
	int ret = call->caller->ops->pin(call->caller, map->vaddr, map->size, prot, out, call->why);

	if (!lock->vm)
		return ret;
	if (!ret)
		return charge_new(call, lock, *out);
	if (ret == -EFAULT && limit_comes_first(call, lock, map, prot)) {
		if (call->why)
			why_clear(call->why);
		return too_much(lock, map->size >> PAGE_LG2, call->why);
	}
	return ret;
}

int vfio_lock_move(struct umem *umem, const struct memlock *lock, struct why *why)
{
	/* Linux 7.3 vfio_change_dma_owner: the same memory stays as it was accounted. */
	if (!lock->vm || umem->locked_by == lock->vm)
		return 0;
	return charge(umem, lock, why);
}
