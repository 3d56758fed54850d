/* SPDX-License-Identifier: MIT */
/*
 * A guest's driver of the SMMUv3, scripted: the order of things is that of Linux's arm-smmu-v3. It sees
 * registers and its own memory, nothing else.
 */
#ifndef EXAMPLES_GUEST_H
#define EXAMPLES_GUEST_H

#include <nestbox/pgtable.h>
#include <stdbool.h>
#include <stdint.h>

/** The machine that the guest runs on. */
struct guest_ops {
	uint64_t (*read)(void *ctx, uint64_t offset, unsigned size);
	void (*write)(void *ctx, uint64_t offset, uint64_t value, unsigned size);
	void (*idle)(void *ctx); /* the guest waits for something */
	void *ctx;
};

struct guest {
	struct guest_ops ops;
	uint8_t *ram;
	uint64_t ipa, free; /* of the memory: where it begins, what is not used yet */
	bool two_level, stalls;
	uint64_t *strtab, *cmdq, *eventq, *cd;
	uint32_t prod, cons; /* of commands; of events */
	struct nb_pgtable *tables;
};

/** One of the guest's events. */
struct guest_event {
	unsigned type;
	uint32_t sid;
	uint64_t iova;
	bool stalled;
	uint16_t tag;
};

/** Bring the SMMU up: every stream aborts then. */
void guest_bring_up(struct guest *guest);
void guest_finish(struct guest *guest);
/** Memory of the guest's, by pages. */
void *guest_alloc(struct guest *guest, uint64_t bytes, uint64_t *ipa);
/** Attach a device to a new address space (ASID 1). */
void guest_attach(struct guest *guest, uint32_t sid);
void guest_detach(struct guest *guest, uint32_t sid);
/** DMA mappings, as the guest's DMA API makes them. Unmapping waits for the invalidation. */
void guest_map(struct guest *guest, uint64_t iova, uint64_t ipa, uint64_t bytes);
void guest_unmap(struct guest *guest, uint64_t iova, uint64_t bytes);
/** The event interrupt's handler: false: there is none. */
bool guest_event(struct guest *guest, struct guest_event *event);
/** A stalled transaction goes on. */
void guest_resume(struct guest *guest, const struct guest_event *event);

#endif
