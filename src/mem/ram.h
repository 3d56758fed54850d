/* SPDX-License-Identifier: MIT */
/*
 * Simulated RAM of the host, where drivers keep their tables and queues, and the budget it is
 * charged to. One extent of struct nb_mem, direct, reserved but not populated.
 */
#ifndef MEM_RAM_H
#define MEM_RAM_H

#include <nestbox/mem.h>

struct ram;

/** What one container (or the host itself) may take of table memory. */
struct charge {
	uint64_t used, limit; /* bytes */
};

struct ram *ram_create(struct nb_mem *mem, nb_pa pa, uint64_t bytes);
void ram_destroy(struct ram *ram);

/**
 * Zeroed memory, aligned to its size (a power of two from 4 KiB). *ptr is how the driver (software
 * on the host's CPU) sees it, the return value how hardware does. false: the RAM or the charge is
 * exhausted, nothing changed. charge may be NULL.
 */
bool ram_alloc(struct ram *ram, uint64_t bytes, struct charge *charge, nb_pa *pa, void **ptr);
void ram_free(struct ram *ram, nb_pa pa, uint64_t bytes, struct charge *charge);

/** The driver's pointer for an address that ram_alloc gave. */
void *ram_ptr(const struct ram *ram, nb_pa pa);

/** All of it, allocated or not; it stays as long as the RAM. */
const struct nb_extent *ram_extent(const struct ram *ram);

/** Bytes allocated: back to what it was after every refused call. */
uint64_t ram_used(const struct ram *ram);

#endif
