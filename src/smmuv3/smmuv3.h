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

/** dma_translate_fn; ctx is the struct nb_smmuv3. Records an event where it aborts. */
int smmuv3_translate(
	void *ctx, struct port *port, const struct dma_txn *txn, struct dma_span *span);

/** The ports whose sections CMD_SYNC waits for: masters behind this SMMU register here. */
struct port_set *smmuv3_ports(struct nb_smmuv3 *smmu);

#endif
