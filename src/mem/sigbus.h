/* SPDX-License-Identifier: MIT */
/*
 * Direct memory that may vanish. A direct extent can be a mapping of a file that the program still
 * holds: once the program truncates it, touching the mapping raises SIGBUS here. A range that is
 * registered survives that: the handler *poisons* the range, puts zero pages where the file was,
 * and the access ends; whoever made it then asks sigbus_poisoned and reports an abort. A poisoned
 * range stays so until it is removed. Any other SIGBUS is a bug, and ends the process as before.
 *
 * FIDELITY: Linux pins pages, so that DMA goes on to the pages that the file no longer has.
 */
#ifndef MEM_SIGBUS_H
#define MEM_SIGBUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Storage is the caller's from add to remove; no field is for others. */
struct sigbus_range {
	uintptr_t start, end;
	atomic_bool poisoned;
	unsigned slot;
};

/**
 * Register [ptr, ptr + bytes), page aligned, a mapping that the caller owns. Installs the handler
 * on first use. 0 or -ENOMEM. Any thread.
 */
int sigbus_add(struct sigbus_range *range, void *ptr, size_t bytes);
/** No access to the range is in flight. Any thread. */
void sigbus_remove(struct sigbus_range *range);

extern atomic_uint sigbus_poisonings; /* ranges poisoned now; nearly always 0 */
bool sigbus_poisoned_slow(const void *ptr, size_t bytes);

/** Asked after an access: whether what it transferred is void. */
static inline bool sigbus_poisoned(const void *ptr, size_t bytes)
{
	/* Compiler barrier: the access itself comes first, and the handler ran on this thread. */
	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(!atomic_load_explicit(&sigbus_poisonings, memory_order_relaxed), 1))
		return false;
	return sigbus_poisoned_slow(ptr, bytes);
}

#endif
