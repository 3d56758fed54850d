/* SPDX-License-Identifier: MIT */
/*
 * Where program memory appears in the simulated physical space (design 8): one contiguous range per
 * area, congruent to its IOVA modulo 1 GiB (2 MiB for areas below 1 GiB), so that block leaves are
 * always possible; two areas share no slot.
 */
#ifndef MEM_PHYSMAP_H
#define MEM_PHYSMAP_H

#include <nestbox/types.h>

struct physmap;

/** Hands out [base, base + bytes), both multiples of 1 GiB. */
struct physmap *physmap_create(nb_pa base, uint64_t bytes);
void physmap_destroy(struct physmap *map);
bool physmap_alloc(struct physmap *map, nb_iova iova, uint64_t bytes, nb_pa *pa);
/** Bytes of the slots that are handed out. */
uint64_t physmap_used(const struct physmap *map);
void physmap_free(struct physmap *map, nb_pa pa, uint64_t bytes);

#endif
