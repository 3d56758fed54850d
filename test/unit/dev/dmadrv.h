/* SPDX-License-Identifier: MIT */
/*
 * A user-space driver of the engine that stores and loads its registers in the order in which DPDK
 * 22.11's poll-mode driver does, with the same patience (200 pauses), and nothing more careful.
 */
#ifndef TEST_DEV_DMADRV_H
#define TEST_DEV_DMADRV_H

#include "rig.h"

struct dmadrv {
	struct rig *rig;
	struct ioat_desc *ring;
	volatile uint64_t *status;
	unsigned n; /* descriptors, a power of two */
	uint16_t next_read, next_write, offset;
	uint32_t failure;
	uint64_t completed, errors;
};

int dmadrv_probe(struct dmadrv *d, struct rig *rig, unsigned n);
int dmadrv_start(struct dmadrv *d);
int dmadrv_stop(struct dmadrv *d);
/** The id of the operation, or -1: the ring is full. */
int dmadrv_enqueue(struct dmadrv *d, uint8_t op, uint64_t src, uint64_t dst, uint32_t len);
void dmadrv_submit(struct dmadrv *d);
unsigned dmadrv_space(const struct dmadrv *d);
/** False: it never came to rest. */
bool dmadrv_await(struct dmadrv *d);
unsigned dmadrv_completed(struct dmadrv *d, unsigned max, uint16_t *last, bool *error);
/** status[i]: 0 or the CHANERR of operation i. */
unsigned dmadrv_completed_status(struct dmadrv *d, unsigned max, uint16_t *last, uint32_t *status);

#endif
