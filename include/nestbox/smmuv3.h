/* SPDX-License-Identifier: MIT */
/*
 * An Arm SMMUv3 (IHI 0070), in software: registers, queues and translation, over the tables that
 * its driver keeps in simulated memory. Nothing but registers and memory connects driver and model.
 */
#ifndef NESTBOX_SMMUV3_H
#define NESTBOX_SMMUV3_H

#include <nestbox/mem.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_smmuv3;

/** What the hardware is. Zero means the default in brackets. */
struct nb_smmuv3_config {
	size_t size;		   /**< sizeof(struct nb_smmuv3_config): lets the struct grow */
	struct nb_mem *mem;	   /**< borrowed; outlives the SMMU */
	bool no_stage1, no_stage2; /**< IDR0.S1P, S2P = 0 */
	unsigned oas_bits;	   /**< output address size [48] */
	unsigned sid_bits;	   /**< IDR1.SIDSIZE [16] */
	uint32_t iidr;		   /**< implementation: product, variant, revision, implementer */
	unsigned iotlb_slots;	   /**< a power of two [4096] */
	/**
	 * Interrupts, as wires: an event was written to the event queue; GERROR changed. Called
	 * from any thread, with no lock of the model held. May be NULL.
	 */
	void (*event_irq)(void *ctx);
	void (*gerror_irq)(void *ctx);
	void *irq_ctx;
};

struct nb_smmuv3 *nb_smmuv3_create(const struct nb_smmuv3_config *config);
void nb_smmuv3_destroy(struct nb_smmuv3 *smmu);

/**
 * Register access, page 0 at offset 0 and page 1 at 0x10000; size is 4 or 8. Other sizes,
 * misaligned and unimplemented offsets read as zero and ignore writes (IHI 0070 6.2). Any thread.
 * Writing CMDQ_PROD consumes commands. CMD_SYNC completes once what the commands before it removed
 * is no longer in use by any DMA in flight; where that takes time, CMDQ_CONS stays before the SYNC
 * and reading CMDQ_CONS looks again. No call blocks.
 */
uint64_t nb_smmuv3_read(struct nb_smmuv3 *smmu, uint64_t offset, unsigned size);
void nb_smmuv3_write(struct nb_smmuv3 *smmu, uint64_t offset, uint64_t value, unsigned size);

#ifdef __cplusplus
}
#endif
#endif
