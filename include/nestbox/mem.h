/* SPDX-License-Identifier: MIT */
/*
 * The simulated physical address space: simulated RAM, the memory of a program in the box, BARs
 * and doorbells are all *extents* of it. An extent is direct (a pointer that this process may
 * dereference) or served by operations.
 *
 * Concurrency: any number of threads look up and access; adding and removing is serialised by the
 * caller. An extent may be removed (and its storage reused) once no access that found it is in
 * flight; who removes ensures that, through the ports of the IOMMU that led there (src/tlb/port.h).
 */
#ifndef NESTBOX_MEM_H
#define NESTBOX_MEM_H

#include <nestbox/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_mem;

/**
 * How a non-direct extent is accessed. `off` is relative to the extent's `off` member, accesses
 * never leave the extent. Each returns 0, or -1: nobody answers (the access aborts on the bus).
 * Called from any thread, without locks held by nb_mem.
 */
struct nb_mem_ops {
	int (*read)(void *ctx, uint64_t off, void *buf, size_t len);
	/** sid: the requester (StreamID) as seen by the target, for an MSI controller; else unused.
	 */
	int (*write)(void *ctx, uint64_t off, const void *buf, size_t len, uint32_t sid);
	/** A single-copy atomic load of an aligned 64-bit word (table walks). NULL: read is used.
	 */
	int (*load64)(void *ctx, uint64_t off, uint64_t *val);
	/** Atomic compare-and-swap; *expected receives what was found. NULL: no hardware update. */
	int (*cas64)(void *ctx, uint64_t off, uint64_t *expected, uint64_t desired);
	/**
	 * A direct pointer for the run that starts at off, or NULL. *bytes: in, what is wanted;
	 * out, how much of it is direct (or, with NULL, how much is not). May be NULL: nothing is
	 * direct.
	 */
	void *(*direct)(void *ctx, uint64_t off, uint64_t *bytes);
	/** Why an access at off was just refused, in words (a literal). NULL: nothing to say. */
	const char *(*reason)(void *ctx, uint64_t off);
};

/** One piece of the address space. The storage is the caller's, from nb_mem_add to _remove. */
struct nb_extent {
	nb_pa pa;
	uint64_t bytes;
	void *ptr;		      /**< direct memory, or NULL */
	const struct nb_mem_ops *ops; /**< where ptr is NULL */
	void *ctx;
	uint64_t off; /**< what ops are called with for the extent's first byte */
};

/** Two extents never share a slot of this size: lookup is two loads, and blocks stay possible. */
#define NB_MEM_SLOT_LG2 21

/** An empty space of that many address bits, 32 to 52. NULL without memory. */
struct nb_mem *nb_mem_create(unsigned pa_bits);
/** Extents are their owners' to free; whoever was given the space is gone. NULL accepted. */
void nb_mem_destroy(struct nb_mem *mem);

/**
 * Put an extent at its address, in bytes of any alignment. 0; -EINVAL: empty or outside the space;
 * -EEXIST: a slot of it is taken; -ENOMEM. After a failure all is as before.
 */
int nb_mem_add(struct nb_mem *mem, struct nb_extent *extent);
/** Take it out again: it was added, and no access that found it is in flight (see above). */
void nb_mem_remove(struct nb_mem *mem, struct nb_extent *extent);

/** How many there are. Any thread. */
unsigned nb_mem_extents(const struct nb_mem *mem);

/** The extent that holds pa, or NULL. Any thread; it stays until its owner removes it. */
const struct nb_extent *nb_mem_find(const struct nb_mem *mem, nb_pa pa);

/**
 * Access [pa, pa + len), across extents. 0, or -1 as soon as some part aborts (what came before it
 * has been transferred, as on a bus). sid: the requester's StreamID. Any thread; no access is atomic
 * as a whole.
 */
int nb_mem_read(const struct nb_mem *mem, nb_pa pa, void *buf, size_t len);
int nb_mem_write(const struct nb_mem *mem, nb_pa pa, const void *buf, size_t len, uint32_t sid);
/** An aligned 64-bit word, by one single-copy atomic load. 0; -1: the access aborts. */
int nb_mem_load64(const struct nb_mem *mem, nb_pa pa, uint64_t *val);
/**
 * Aligned compare-and-swap: *expected receives what was found. 0; -1: the access aborts; 1: the memory
 * there has no compare-and-swap, nothing was touched.
 */
int nb_mem_cas64(const struct nb_mem *mem, nb_pa pa, uint64_t *expected, uint64_t desired);
/** Grows whenever an extent is removed: a pointer kept from before may be stale then. Any thread. */
uint64_t nb_mem_removals(const struct nb_mem *mem);

/**
 * A direct pointer for pa and how many bytes from there are direct (at most *bytes), or NULL. Good
 * while the extent is there: where pa is a translation's, in its section.
 */
void *nb_mem_direct(const struct nb_mem *mem, nb_pa pa, uint64_t *bytes);

#ifdef __cplusplus
}
#endif
#endif
