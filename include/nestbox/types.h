/* SPDX-License-Identifier: MIT */
/*
 * Address types. Each address space has its own one-member struct, because handing an address of
 * one space to a function that wants another is the classic bug of two-stage translation, and the
 * compiler then finds it.
 */
#ifndef NESTBOX_TYPES_H
#define NESTBOX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** What a device puts on the bus: the input of translation (the VA of IHI 0070). */
typedef struct {
	uint64_t v;
} nb_iova;

/** What stage 1 yields and stage 2 takes (IPA). */
typedef struct {
	uint64_t v;
} nb_ipa;

/** A simulated physical address: what the last stage yields, and what struct nb_mem decodes. */
typedef struct {
	uint64_t v;
} nb_pa;

#ifdef __cplusplus
#define NB_IOVA(x) (nb_iova{ static_cast<uint64_t>(x) })
#define NB_IPA(x)  (nb_ipa{ static_cast<uint64_t>(x) })
#define NB_PA(x)   (nb_pa{ static_cast<uint64_t>(x) })
#else
#define NB_IOVA(x) ((nb_iova){ (x) })
#define NB_IPA(x)  ((nb_ipa){ (x) })
#define NB_PA(x)   ((nb_pa){ (x) })
#endif

#endif
