/* SPDX-License-Identifier: MIT */
/*
 * User memory: a range of a program's address space that it registered for DMA. Counted; whoever
 * maps it holds a reference for as long as DMA can reach it. Implemented by the caller handle
 * (src/file/caller.h): the memory of another process, or of this one.
 */
#ifndef MEM_UMEM_H
#define MEM_UMEM_H

#include <nestbox/mem.h>

#include "mem/locked.h"

struct umem {
	unsigned refs; /* host lock */
	uint64_t bytes;
	const struct nb_mem_ops *ops; /* ctx: the umem itself; off from 0 to bytes */
	void (*release)(struct umem *umem);
	/** Pages of it that count as locked memory: not those of BARs (vfio: reserved pfns). */
	uint64_t lockable;
	/** Who has them locked, NULL: nobody. A reference; umem_charge and umem_put see to it. */
	struct locked_vm *locked_by;
};

/** Let the pages count for vm (NULL: for nobody), no longer for whom they did. Host lock. */
static inline void umem_charge(struct umem *umem, struct locked_vm *vm)
{
	if (umem->locked_by)
		umem->locked_by->pages -= umem->lockable;
	if (vm)
		locked_vm_get(vm)->pages += umem->lockable;
	locked_vm_put(umem->locked_by);
	umem->locked_by = vm;
}

static inline struct umem *umem_get(struct umem *umem)
{
	umem->refs++;
	return umem;
}

static inline void umem_put(struct umem *umem)
{
	if (!umem || --umem->refs)
		return;
	umem_charge(umem, NULL);
	umem->release(umem);
}

#endif
