/* SPDX-License-Identifier: MIT */
/*
 * The SMMUv3 model as the simulated host uses it: translation for bus masters (src/mem/dma.h).
 * Registers and creation are in <nestbox/smmuv3.h>.
 */
#ifndef SMMUV3_SMMUV3_H
#define SMMUV3_SMMUV3_H

#include <nestbox/smmuv3.h>

#include "mem/dma.h"
#include "tlb/port.h"

/** dma_translate_fn; ctx is the struct nb_smmuv3, port one of nb_smmuv3_port_create. Records an event where it aborts. */
int smmuv3_translate(
	void *ctx, struct port *port, const struct dma_txn *txn, struct dma_span *span);
/** dma_forget_fn, likewise: software still has to end the transaction, but what asks for the same is another one. */
void smmuv3_forget(void *ctx, struct port *port, const struct dma_txn *txn);

/**
 * Have what a fault's record has no room for told just before the record is written. Called before
 * there is a transaction.
 */
void smmuv3_set_detail(struct nb_smmuv3 *smmu, dma_detail_fn *detail, void *ctx);

/** What the hardware has done, and where its queues are: indexes with their wrap flag. */
struct smmuv3_stats {
	unsigned cmdq_size_lg2, evtq_size_lg2;
	uint32_t cmdq_prod, cmdq_cons, evtq_prod, evtq_cons;
	bool evtq_overflow;	      /* and nobody acknowledged it yet */
	uint64_t commands, syncs;     /* done */
	uint64_t events, events_lost; /* written to the queue, and not for want of room */
};

/** Any thread. */
void smmuv3_stats(struct nb_smmuv3 *smmu, struct smmuv3_stats *out);

/** A port as the rest of the host knows it, and back. */
struct port *smmuv3_port(struct nb_smmuv3_port *port);
struct nb_smmuv3_port *smmuv3_port_of(struct port *port);

#endif
