/* SPDX-License-Identifier: MIT */
/*
 * What devices and IOMMUs tell of themselves (faults, refused DMA, interrupts, resets): noted for
 * who looks in (inspect.c), and handed to the machine's owner. Any thread.
 */
#ifndef MACHINE_FAULTS_H
#define MACHINE_FAULTS_H

#include "iommu/iommu.h"
#include "iommu/mmio.h"
#include "pci/pci.h"

struct machine;
struct machine_device;

/** What the model of an IOMMU says just before its record; ctx: struct machine_iommu. */
void machine_on_detail(void *ctx, uint32_t sid, nb_iova iova, const char *text);
/** What a host driver read of its event queue; ctx: struct machine. */
void machine_on_fault(void *ctx, const struct iommu_fault *fault);
/** An access was translated, but memory refused it: no IOMMU knows; ctx: struct machine_device. */
void machine_on_abort(void *ctx, const struct dma_abort *abort);
/** The device's lock is held. */
void machine_on_pci_event(struct pci_dev *pci, const struct pci_event *event);

/** A stalled transaction ended. */
void machine_resumed(const struct machine *machine);

/** Count a fault; dev may be NULL. */
void machine_note_fault(
	struct machine *machine, struct machine_device *dev, const struct iommu_fault *fault);

#endif
