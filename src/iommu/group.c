/* SPDX-License-Identifier: MIT */
/*
 * Groups: the unit of ownership. All devices of a group are attached to a domain, or none is.
 */
#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "iommu/iommu.h"

static int attach_device(struct iommu_domain *domain, struct iommu_device *dev, struct why *why)
{
	int ret;

	if (dev->domain) {
		why_refused(why, EBUSY, "device-in-other-domain",
			"the device is attached to another domain");
		return -EBUSY;
	}
	ret = domain->iommu->ops->attach(domain, dev, why);
	if (ret)
		return ret;
	dev->domain = domain;
	domain->attached++;
	domain->iommu->stats->attachments++;
	return 0;
}

/* From the domain, or one nested on it: straight to blocked, without stage 1 in bypass between. */
static void detach_device(struct iommu_domain *base, struct iommu_device *dev)
{
	struct iommu_domain *domain = dev->domain;

	if (!domain || (domain != base && iommu_nest_parent(dev) != base))
		return;
	domain->iommu->ops->detach(domain, dev);
	dev->domain = NULL;
	domain->attached--;
	domain->iommu->stats->attachments--;
}

/* Devices of the group up to (not including) end; NULL: all. */
static void detach_until(
	struct iommu_domain *domain, struct iommu_group *group, const struct iommu_device *end)
{
	struct iommu_device *dev;

	cds_list_for_each_entry (dev, &group->devices, group_link) {
		if (dev == end)
			return;
		detach_device(domain, dev);
	}
}

static int no_iommu(struct iommu_group *group, struct why *why)
{
	why_refused(why, ENODEV, "group-without-iommu", "an IOMMU: the group is behind none");
	why_about(why, group->name, NULL, NULL);
	return -ENODEV;
}

int iommu_attach_group(struct iommu_domain *domain, struct iommu_group *group, struct why *why)
{
	struct iommu_device *dev;

	if (!group->iommu)
		return no_iommu(group, why);
	nb_assert(domain->iommu == group->iommu);
	cds_list_for_each_entry (dev, &group->devices, group_link) {
		int ret = attach_device(domain, dev, why);

		if (!ret)
			continue;
		why_about(why, group->name, dev->name, domain->iommu->name);
		detach_until(domain, group, dev);
		return ret;
	}
	return 0;
}

void iommu_detach_group(struct iommu_domain *domain, struct iommu_group *group)
{
	detach_until(domain, group, NULL);
}

int iommu_can_attach_group(struct iommu_group *group, enum iommu_domain_kind kind, struct why *why)
{
	struct iommu_device *dev;

	if (!group->iommu)
		return no_iommu(group, why);
	cds_list_for_each_entry (dev, &group->devices, group_link) {
		int ret = group->iommu->ops->can_attach(group->iommu, dev, kind, why);

		if (!ret)
			continue;
		why_about(why, group->name, dev->name, group->iommu->name);
		return ret;
	}
	return 0;
}

static bool known(const struct iommu_resv *list, unsigned n, const struct iommu_resv *resv)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].start == resv->start && list[i].last == resv->last)
			return true;
	return false;
}

unsigned iommu_group_resv(struct iommu_group *group, struct iommu_resv *out, unsigned max)
{
	struct iommu_device *dev;
	unsigned n = 0;

	if (!group->iommu || !group->iommu->ops->get_resv)
		return 0;
	cds_list_for_each_entry (dev, &group->devices, group_link) {
		struct iommu_resv resv[8];
		unsigned got = group->iommu->ops->get_resv(dev, resv, ARRAY_LEN(resv));

		for (unsigned i = 0; i < got && n < max; i++)
			if (!known(out, n, &resv[i]))
				out[n++] = resv[i];
	}
	return n;
}

/* Linux: these set driver_managed_dma, or never do DMA: they leave the group to its owner. */
static const char *const harmless_drivers[] = { "vfio-pci", "pci-stub", "pcieport" };

bool iommu_driver_is_harmless(const char *driver)
{
	if (!driver || !*driver || !strncmp(driver, "vfio-", 5))
		return true;
	for (unsigned i = 0; i < ARRAY_LEN(harmless_drivers); i++)
		if (!strcmp(driver, harmless_drivers[i]))
			return true;
	return false;
}

bool iommu_group_viable(const struct iommu_group *group, struct why *why)
{
	struct iommu_device *dev;

	cds_list_for_each_entry (dev, &group->devices, group_link) {
		if (iommu_driver_is_harmless(dev->driver))
			continue;
		why_refused(why, EPERM, "group-not-viable", "%s is bound to the host driver %s",
			dev->name, dev->driver);
		why_about(why, group->name, dev->name, dev->iommu ? dev->iommu->name : NULL);
		why_instead(why, "bind every device of the group to vfio-pci, or to no driver");
		return false;
	}
	return true;
}
