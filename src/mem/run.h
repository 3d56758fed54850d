/* SPDX-License-Identifier: MIT */
/*
 * A run: how far from a physical address memory is of one kind, direct or served by operations,
 * and how to reach it. What accesses of struct nb_mem and DMA are made of.
 */
#ifndef MEM_RUN_H
#define MEM_RUN_H

#include <stdatomic.h>

#include <nestbox/mem.h>

struct mem_run {
	void *ptr; /* direct, or NULL: through ext->ops at off */
	const struct nb_extent *ext;
	uint64_t off;	/* what the operations take */
	uint64_t bytes; /* at least 1 */
};

/** The run that starts at pa, at most want (> 0) bytes. False: nobody answers there. */
bool mem_run_at(const struct nb_mem *mem, nb_pa pa, uint64_t want, struct mem_run *run);

/** Where nb_mem_removals is kept, for who asks often. Loaded with acquire. */
const _Atomic uint64_t *mem_removals(const struct nb_mem *mem);

/** Where the run starts. */
static inline nb_pa mem_run_pa(const struct mem_run *run)
{
	return NB_PA(run->ext->pa.v + (run->off - run->ext->off));
}

/** Why an access to it was just refused, in words. */
const char *mem_run_reason(const struct mem_run *run);

/**
 * Move len (at most run->bytes) bytes. 0, or -1: the access aborts, because the target said so or
 * because its pages are gone (src/mem/sigbus.h).
 */
int mem_run_read(const struct mem_run *run, void *buf, size_t len);
int mem_run_write(const struct mem_run *run, const void *buf, size_t len, uint32_t sid);

#endif
