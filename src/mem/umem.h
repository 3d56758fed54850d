/* SPDX-License-Identifier: MIT */
/*
 * User memory: a range of a program's address space that it registered for DMA. Counted; whoever
 * maps it holds a reference for as long as DMA can reach it. Implemented by the caller handle
 * (src/file/caller.h): the memory of another process, or of this one.
 */
#ifndef MEM_UMEM_H
#define MEM_UMEM_H

#include <nestbox/mem.h>

struct umem {
	unsigned refs; /* host lock */
	uint64_t bytes;
	const struct nb_mem_ops *ops; /* ctx: the umem itself; off from 0 to bytes */
	void (*release)(struct umem *umem);
};

static inline struct umem *umem_get(struct umem *umem)
{
	umem->refs++;
	return umem;
}

static inline void umem_put(struct umem *umem)
{
	if (umem && --umem->refs == 0)
		umem->release(umem);
}

#endif
