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
