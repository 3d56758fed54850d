/* SPDX-License-Identifier: MIT */
#include "machine/faults.h"

#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "machine/machine.h"

static struct machine_device *device_of_stream(
	struct machine *machine, const char *iommu, uint32_t sid)
{
	for (unsigned i = 0; i < machine->n_devices; i++) {
		struct iommu_device *dev = &machine->devices[i].iommu;

		if (dev->iommu && dev->sid == sid && !strcmp(dev->iommu->name, iommu))
			return &machine->devices[i];
	}
	return NULL;
}

void machine_on_detail(void *ctx, uint32_t sid, nb_iova iova, const char *text)
{
	struct machine_iommu *iommu = ctx;
	struct machine *machine = iommu->machine;
	struct machine_device *dev = device_of_stream(machine, iommu->desc->name, sid);

	if (!dev)
		return;
	pthread_mutex_lock(&machine->fault_lock);
	dev->detail.iova = iova.v;
	snprintf(dev->detail.text, sizeof(dev->detail.text), "%s", text);
	pthread_mutex_unlock(&machine->fault_lock);
}

static void take_detail(
	struct machine *machine, struct machine_device *dev, struct iommu_fault *fault)
{
	pthread_mutex_lock(&machine->fault_lock);
	if (dev->detail.iova == fault->iova)
		snprintf(fault->found, sizeof(fault->found), "%s", dev->detail.text);
	pthread_mutex_unlock(&machine->fault_lock);
}

static void count_name(struct machine_fault_counts *counts, const char *name)
{
	unsigned i = 0;

	while (i < counts->n && strcmp(counts->by_name[i].name, name))
		i++;
	if (i == ARRAY_LEN(counts->by_name))
		i--; /* more names than any IOMMU has: with the last one */
	if (i == counts->n) {
		counts->by_name[i].name = name;
		counts->n++;
	}
	counts->by_name[i].count++;
}

void machine_note_fault(
	struct machine *machine, struct machine_device *dev, const struct iommu_fault *fault)
{
	pthread_mutex_lock(&machine->fault_lock);
	for (unsigned i = 0; i < machine->n_iommus; i++)
		if (fault->iommu && !strcmp(machine->iommus[i].desc->name, fault->iommu))
			count_name(&machine->iommus[i].faults, fault->name);
	if (dev) {
		dev->faults.count++;
		dev->faults.last = *fault;
	}
	pthread_mutex_unlock(&machine->fault_lock);
}

/*
 * Nobody will answer: settled as soon as no lock is held. What the same place in the list held before
 * has ended, by software, or its tag would not have been given again.
 */
static void note_unheard(
	struct machine *machine, struct machine_device *dev, const struct iommu_fault *fault)
{
	struct machine_iommu *iommu = machine->iommus;
	struct machine_stall *stall;

	while (strcmp(iommu->desc->name, fault->iommu))
		iommu++;
	stall = &iommu->unheard[fault->tag % MACHINE_STALLS];
	pthread_mutex_lock(&machine->fault_lock);
	if (!stall->dev)
		atomic_fetch_add(&machine->unheard, 1);
	*stall = (struct machine_stall){ dev, fault->tag };
	pthread_mutex_unlock(&machine->fault_lock);
	machine_resumed(machine);
}

static struct machine_stall take_unheard(struct machine *machine, struct machine_iommu *iommu)
{
	struct machine_stall stall = { 0 };

	pthread_mutex_lock(&machine->fault_lock);
	for (unsigned i = 0; i < MACHINE_STALLS && !stall.dev; i++) {
		stall = iommu->unheard[i];
		iommu->unheard[i].dev = NULL;
	}
	if (stall.dev)
		atomic_fetch_sub(&machine->unheard, 1);
	pthread_mutex_unlock(&machine->fault_lock);
	return stall;
}

static void settle(struct machine *machine, struct machine_iommu *iommu)
{
	/* As many as there can be: more come as fast as devices are stepped, which we keep waiting. */
	for (unsigned n = 0; n < MACHINE_STALLS; n++) {
		struct machine_stall stall = take_unheard(machine, iommu);

		if (!stall.dev)
			return;
		hostlock_lock(&machine->lock);
		iommu_page_response(&stall.dev->iommu, stall.tag, IOMMU_RESPONSE_ABORT);
		hostlock_unlock(&machine->lock);
	}
}

void machine_settle_faults(struct machine *machine)
{
	if (!atomic_load_explicit(&machine->unheard, memory_order_relaxed))
		return;
	for (unsigned i = 0; i < machine->n_iommus; i++)
		settle(machine, &machine->iommus[i]);
}

void machine_resumed(const struct machine *machine)
{
	if (machine->resumed)
		machine->resumed(machine->resumed_ctx);
}

void machine_on_fault(void *ctx, const struct iommu_fault *fault)
{
	struct machine *machine = ctx;
	struct machine_device *dev = device_of_stream(machine, fault->iommu, fault->sid);
	struct iommu_fault full = *fault;

	if (dev) {
		take_detail(machine, dev, &full);
		full.delivered = iommu_report_fault(&dev->iommu, &full);
	}
	machine_note_fault(machine, dev, &full);
	if (dev && full.stalled && !full.delivered)
		note_unheard(machine, dev, &full);
	if (machine->fault)
		machine->fault(machine->fault_ctx, &full, dev);
}

void machine_on_abort(void *ctx, const struct dma_abort *abort)
{
	struct machine_device *dev = ctx;
	struct machine *machine = dev->machine;
	struct iommu_fault fault = {
		.iommu = dev->iommu.iommu ? dev->iommu.iommu->name : NULL,
		.sid = dev->iommu.sid,
		.name = "MEMORY_ABORT",
		.read = abort->prot == NB_DMA_READ,
		.iova = abort->iova.v,
	};

	snprintf(fault.found, sizeof(fault.found), "%s", abort->reason);
	machine_note_fault(machine, dev, &fault);
	if (machine->fault)
		machine->fault(machine->fault_ctx, &fault, dev);
}

void machine_on_pci_event(struct pci_dev *pci, const struct pci_event *event)
{
	const struct machine_device *dev = caa_container_of(pci, struct machine_device, pci);

	if (dev->machine->event)
		dev->machine->event(dev->machine->fault_ctx, dev, event);
}
