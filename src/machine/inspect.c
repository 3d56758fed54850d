/* SPDX-License-Identifier: MIT */
/*
 * What looking in shows of the machine: copies, taken without the host lock, each under the lock of
 * what it shows. A device whose step takes long (its memory is behind somebody who does not answer)
 * does not hold up who looks.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/bits.h"
#include "machine/kinds.h"
#include "machine/machine.h"

#define PATIENCE_NS 20000000 /* for a device's lock */

void machine_iommu_inspect(struct machine_iommu *iommu, struct machine_iommu_stats *stats,
	struct machine_fault_counts *faults)
{
	iommu->kind->stats(iommu->model, stats);
	pthread_mutex_lock(&iommu->machine->fault_lock);
	*faults = iommu->faults;
	pthread_mutex_unlock(&iommu->machine->fault_lock);
}

static bool lock_patiently(pthread_mutex_t *lock)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += PATIENCE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_mutex_timedlock(lock, &until) == 0;
}

void machine_device_inspect(
	struct machine *machine, struct machine_device *dev, struct machine_device_info *out)
{
	*out = (struct machine_device_info){ 0 };
	dma_counts(&dev->pci.master, &out->dma);
	pthread_mutex_lock(&machine->fault_lock);
	out->faults = dev->faults;
	pthread_mutex_unlock(&machine->fault_lock);
	out->known = lock_patiently(&dev->pci.lock);
	if (!out->known)
		return;
	out->memory = pci_memory_enabled(&dev->pci);
	out->bus_master = pci_bus_master_enabled(&dev->pci);
	pthread_mutex_unlock(&dev->pci.lock);
}
