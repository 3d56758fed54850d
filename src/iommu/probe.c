/* SPDX-License-Identifier: MIT */
/*
 * Can this host nest? The probe proposed in 2014 (doc/design.md, R1): over the registered bus
 * types, present, alloc, set_attr, free. Here for every instance of a bus, since instances differ.
 */
#include <errno.h>

#include "iommu/iommu.h"

/*
 * No device is attached and nothing mapped, so hardware saw nothing of the domain and freeing it
 * does not wait: the probe never drops the host lock.
 */
static bool instance_nests(struct iommu *iommu, struct why *why)
{
	struct iommu_domain *domain;
	int ret = iommu_domain_alloc(iommu, IOMMU_DOMAIN_STAGE1, NULL, &domain, why);

	if (ret)
		return false;
	ret = iommu_domain_set_attr(domain, DOMAIN_ATTR_NESTING, true, why);
	iommu_domain_free(domain);
	return ret == 0;
}

static int bus_nests(struct bus_type *bus, void *data)
{
	struct why *why = data;
	struct iommu *iommu;

	if (!iommu_present(bus))
		return 0;
	cds_list_for_each_entry (iommu, &bus->iommus, link) {
		why_clear(why); /* the last refusal is the one reported */
		if (instance_nests(iommu, why))
			return 1;
	}
	return 0;
}

bool iommu_nesting_probe(struct iommu_system *system, struct why *why)
{
	struct why last = { 0 };

	if (iommu_for_each_bus(system, bus_nests, &last))
		return true;
	if (last.class == WHY_NONE)
		why_refused(&last, EOPNOTSUPP, "no-iommu", "an IOMMU: this host has none");
	if (why && why->class == WHY_NONE)
		*why = last;
	return false;
}
