/* SPDX-License-Identifier: MIT */
/*
 * Locked memory, as Linux accounts it (mm->locked_vm, __account_locked_vm): pages of one address
 * space that mappings for DMA hold, against RLIMIT_MEMLOCK. A page that two mappings hold counts
 * twice.
 *
 * The accounts are the caller's (src/file/file.h), what is charged to them the uAPI layer's. Pages
 * are guarded by the host lock, references are atomic.
 */
#ifndef MEM_LOCKED_H
#define MEM_LOCKED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct locked_vm {
	atomic_uint refs;
	uint64_t pages;
	void (*release)(struct locked_vm *vm);
};

static inline struct locked_vm *locked_vm_get(struct locked_vm *vm)
{
	atomic_fetch_add(&vm->refs, 1);
	return vm;
}

static inline void locked_vm_put(struct locked_vm *vm)
{
	if (vm && atomic_fetch_sub(&vm->refs, 1) == 1)
		vm->release(vm);
}

/** What one thread may have locked at the moment, in pages. */
struct memlock {
	struct locked_vm *vm; /* of its address space; a reference */
	uint64_t limit;	      /* RLIMIT_MEMLOCK */
	uint64_t others;      /* that its address space has locked otherwise (mlock) */
	bool bypass;	      /* CAP_IPC_LOCK */
};

/** Pages it may still lock. */
static inline uint64_t memlock_left(const struct memlock *lock)
{
	uint64_t used = lock->vm->pages + lock->others;

	if (lock->bypass)
		return UINT64_MAX;
	return used < lock->limit ? lock->limit - used : 0;
}

#endif
