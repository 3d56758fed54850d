/* SPDX-License-Identifier: MIT */
/* Bus types and their instances, and domains: thin wrappers over the host drivers (design 2). */
#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "iommu/iommu.h"

static const char *const bus_names[] = { "pci", "platform" };

void iommu_system_init(struct iommu_system *system)
{
	*system = (struct iommu_system){ 0 };
	for (unsigned i = 0; i < 2; i++) {
		system->buses[i].name = bus_names[i];
		CDS_INIT_LIST_HEAD(&system->buses[i].iommus);
	}
}

struct bus_type *iommu_find_bus(struct iommu_system *system, const char *name)
{
	for (unsigned i = 0; i < 2; i++)
		if (!strcmp(system->buses[i].name, name))
			return &system->buses[i];
	return NULL;
}

void iommu_register(struct bus_type *bus, struct iommu *iommu)
{
	cds_list_add_tail(&iommu->link, &bus->iommus);
}

void iommu_unregister(struct iommu *iommu)
{
	cds_list_del(&iommu->link);
}

int iommu_probe_device(struct iommu_device *dev, struct why *why)
{
	if (!dev->iommu || !dev->iommu->ops->probe_device)
		return 0;
	return dev->iommu->ops->probe_device(dev->iommu, dev, why);
}

int iommu_for_each_bus(
	struct iommu_system *system, int (*fn)(struct bus_type *bus, void *data), void *data)
{
	for (unsigned i = 0; i < 2; i++) {
		int ret = fn(&system->buses[i], data);

		if (ret)
			return ret;
	}
	return 0;
}

bool iommu_present(const struct bus_type *bus)
{
	return bus->iommus.next != &bus->iommus;
}

static int bus_present(struct bus_type *bus, void *data)
{
	return iommu_present(bus);
}

bool iommu_any_present(struct iommu_system *system)
{
	return iommu_for_each_bus(system, bus_present, NULL);
}

int iommu_domain_alloc(struct iommu *iommu, enum iommu_domain_kind kind, struct charge *charge,
	struct iommu_domain **out, struct why *why)
{
	int ret = iommu->ops->domain_alloc(iommu, kind, charge, out, why);

	if (!ret)
		iommu->stats->domains++;
	return ret;
}

void iommu_domain_free(struct iommu_domain *domain)
{
	if (!domain)
		return;
	nb_assert(!domain->attached && !domain->children);
	if (domain->viommu)
		domain->viommu->parent->children--;
	domain->iommu->stats->domains--;
	domain->iommu->ops->domain_free(domain);
}

int iommu_domain_set_attr(
	struct iommu_domain *domain, enum iommu_attr attr, bool value, struct why *why)
{
	if (domain->attached || domain->children) {
		why_refused(why, EPERM, "domain-attached",
			"attributes are set before a device is attached");
		why_about(why, NULL, NULL, domain->iommu->name);
		return -EPERM;
	}
	return domain->iommu->ops->set_attr(domain, attr, value, why);
}

int iommu_map(struct iommu_domain *domain, nb_iova iova, nb_pa pa, uint64_t bytes, unsigned prot,
	struct why *why)
{
	return domain->iommu->ops->map(domain, iova, pa, bytes, prot, why);
}

void iommu_unmap(struct iommu_domain *domain, nb_iova iova, uint64_t bytes)
{
	domain->iommu->ops->unmap(domain, iova, bytes);
}

void iommu_iotlb_sync(struct iommu_domain *domain, nb_iova iova, nb_iova last)
{
	domain->iommu->ops->iotlb_sync(domain, iova, last);
}
