/* SPDX-License-Identifier: MIT */
/*
 * Who hears of a fault (R7): of stage 1, while a guest owns that, its sink; of stage 2 and of everything
 * else the host alone, for whom the caller has it.
 */
#include "iommu/iommu.h"
#include "iommu/mmio.h"

void iommu_set_fault_sink(struct iommu_device *dev, struct iommu_fault_sink *sink)
{
	pthread_mutex_lock(&dev->fault_lock);
	dev->sink = sink;
	pthread_mutex_unlock(&dev->fault_lock);
}

static bool report(struct iommu_device *dev, struct iommu_fault fault)
{
	if (!dev->stage1_owned || !dev->sink)
		return false;
	if (dev->iommu->ops->guest_fault)
		dev->iommu->ops->guest_fault(dev, &fault);
	return dev->sink->report(dev->sink, &fault);
}

bool iommu_report_fault(struct iommu_device *dev, const struct iommu_fault *fault)
{
	bool delivered;

	if (!fault->stage1)
		return false;
	pthread_mutex_lock(&dev->fault_lock);
	delivered = report(dev, *fault);
	pthread_mutex_unlock(&dev->fault_lock);
	return delivered;
}

void iommu_page_response(struct iommu_device *dev, uint16_t tag, enum iommu_response response)
{
	if (dev->iommu && dev->iommu->ops->page_response)
		dev->iommu->ops->page_response(dev, tag, response);
}
