/* SPDX-License-Identifier: MIT */
/*
 * A guest's stage 1 on a nest parent: its view of the IOMMU (a viommu), nested domains, and moving
 * devices between those and the parent. The data is the driver's to understand.
 */
#include <errno.h>

#include "base/check.h"
#include "iommu/iommu.h"

static int cannot(const struct iommu *iommu, struct why *why)
{
	int ret = why_refused(why, EOPNOTSUPP, "iommu-cannot-nest",
		"a driver (%s) that takes a guest's stage 1", iommu->ops->driver);

	why_about(why, NULL, NULL, iommu->name);
	return ret;
}

size_t iommu_hw_info(struct iommu *iommu, enum iommu_data_type *type, void *out, size_t max)
{
	*type = IOMMU_DATA_NONE;
	return iommu->ops->hw_info ? iommu->ops->hw_info(iommu, type, out, max) : 0;
}

void iommu_viommu_init(struct iommu_viommu *viommu, struct iommu_domain *parent)
{
	viommu->parent = parent;
	CDS_INIT_LIST_HEAD(&viommu->vdevices);
}

void iommu_viommu_finish(struct iommu_viommu *viommu)
{
	struct iommu_device *dev, *next;

	cds_list_for_each_entry_safe (dev, next, &viommu->vdevices, vdevice_link)
		iommu_vdevice_clear(dev);
}

struct iommu_device *iommu_vdevice_find(const struct iommu_viommu *viommu, uint64_t vid)
{
	struct iommu_device *dev;

	cds_list_for_each_entry (dev, &viommu->vdevices, vdevice_link)
		if (dev->vid == vid)
			return dev;
	return NULL;
}

int iommu_vdevice_set(
	struct iommu_viommu *viommu, struct iommu_device *dev, uint64_t vid, struct why *why)
{
	int ret;

	if (!dev->viommu && !iommu_vdevice_find(viommu, vid)) {
		dev->viommu = viommu;
		dev->vid = vid;
		cds_list_add_tail(&dev->vdevice_link, &viommu->vdevices);
		return 0;
	}
	ret = why_misuse(why, EEXIST, "vdevice-exists",
		"the device or the number 0x%llx is a virtual device already",
		(unsigned long long)vid);
	why_about(why, NULL, dev->name, NULL);
	return ret;
}

void iommu_vdevice_clear(struct iommu_device *dev)
{
	if (!dev->viommu)
		return;
	cds_list_del(&dev->vdevice_link);
	dev->viommu = NULL;
}

int iommu_nested_alloc(struct iommu_viommu *viommu, const struct iommu_user_data *data,
	struct iommu_domain **out, struct why *why)
{
	struct iommu *iommu = viommu->parent->iommu;
	int ret;

	nb_assert(viommu->parent->kind == IOMMU_DOMAIN_NEST_PARENT);
	if (!iommu->ops->nested_alloc)
		return cannot(iommu, why);
	ret = iommu->ops->nested_alloc(viommu, data, out, why);
	if (ret)
		return ret;
	nb_assert((*out)->kind == IOMMU_DOMAIN_NESTED);
	(*out)->viommu = viommu;
	viommu->parent->children++;
	iommu->stats->domains++;
	return 0;
}

int iommu_viommu_invalidate(struct iommu_viommu *viommu, const struct iommu_user_data *data,
	unsigned *done, struct why *why)
{
	struct iommu *iommu = viommu->parent->iommu;

	*done = 0;
	if (!iommu->ops->viommu_invalidate)
		return cannot(iommu, why);
	return iommu->ops->viommu_invalidate(viommu, data, done, why);
}

static struct iommu_domain *base_of(struct iommu_domain *domain)
{
	return domain->viommu ? domain->viommu->parent : domain;
}

struct iommu_domain *iommu_nest_parent(const struct iommu_device *dev)
{
	struct iommu_domain *base = dev->domain ? base_of(dev->domain) : NULL;

	return base && base->kind == IOMMU_DOMAIN_NEST_PARENT ? base : NULL;
}

const char *iommu_nested_name(const struct iommu_device *dev)
{
	if (!iommu_nest_parent(dev))
		return NULL;
	return dev->domain->viommu ? dev->iommu->ops->nested_name(dev->domain) : "none";
}

void iommu_replace(struct iommu_domain *domain, struct iommu_device *dev)
{
	nb_assert(dev->domain && base_of(dev->domain) == base_of(domain));
	if (dev->domain == domain)
		return;
	domain->attached++;
	domain->iommu->ops->replace(domain, dev);
	dev->domain->attached--;
	dev->domain = domain;
}
