/* SPDX-License-Identifier: MIT */
/*
 * The host's MSI controller: a doorbell page in the simulated physical space. A DMA write of a
 * vector's data to it by the right requester raises that vector (design 13). It stands for the
 * GICv3 ITS (GITS_TRANSLATER at offset 0x40 of its page; the requester is the DeviceID).
 */
#ifndef IRQ_MSI_H
#define IRQ_MSI_H

#include <nestbox/mem.h>

struct msi_controller;

#define MSI_TRANSLATER 0x40 /* IHI 0069: GITS_TRANSLATER, relative to the doorbell page */

struct msi_controller *msi_controller_create(struct nb_mem *mem, nb_pa page);
void msi_controller_destroy(struct msi_controller *ctrl);
nb_pa msi_doorbell_page(const struct msi_controller *ctrl);

/**
 * Allocate a vector for the requester sid. *data is what the device must write. fn is called from
 * the thread whose DMA arrived, under the controller's own (leaf) lock: it must not block nor call
 * back. 0 or -ENOSPC.
 */
int msi_alloc(struct msi_controller *ctrl, uint32_t sid, void (*fn)(void *ctx), void *ctx,
	uint32_t *data);
/** Vectors whose data differ in their low bits only, as MSI (not MSI-X) needs them. */
struct msi_block {
	uint32_t sid;
	unsigned vectors; /* a power of two */
	void (*fn)(void *ctx);
	void *ctx; /* of the first vector; each next one's is so many bytes on */
	size_t ctx_bytes;
};

/** *data is that of the first vector, a multiple of their number. Each is freed on its own. */
int msi_alloc_block(struct msi_controller *ctrl, const struct msi_block *block, uint32_t *data);
/** No call of fn is in progress after this returns. */
void msi_free(struct msi_controller *ctrl, uint32_t sid, uint32_t data);

#endif
