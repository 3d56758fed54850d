/* SPDX-License-Identifier: MIT */
/*
 * Guests' stage 1. Each HWPT that is a nest parent has one view (viommu), in which devices go by their
 * own StreamIDs: the program that owns the address space is the guest's monitor. What a device's stage
 * 1 is: nothing (it is attached to the parent), the HWPT's common nested domain, or one of its own.
 *
 * A nested domain of a device's own lives as long as the device is attached to it; the common one until
 * another takes its place.
 */
#include <errno.h>

#include "base/check.h"
#include "ioas/internal.h"

static bool nests(const struct hwpt *hwpt)
{
	return hwpt->kind == IOMMU_DOMAIN_NEST_PARENT;
}

static struct hwpt *hwpt_of_viommu(struct iommu_viommu *viommu)
{
	return caa_container_of(viommu, struct hwpt, viommu);
}

/* Those that are elsewhere stay there; attaching says so. */
static void join(struct hwpt *hwpt, struct iommu_group *group)
{
	struct iommu_device *dev;
	int ret;

	cds_list_for_each_entry (dev, &group->devices, group_link) {
		if (dev->viommu)
			continue;
		ret = iommu_vdevice_set(&hwpt->viommu, dev, dev->sid, NULL);
		nb_assert(!ret); /* StreamIDs differ */
	}
}

static void leave(struct hwpt *hwpt, struct iommu_group *group)
{
	struct iommu_device *dev;

	cds_list_for_each_entry (dev, &group->devices, group_link)
		if (dev->viommu == &hwpt->viommu)
			iommu_vdevice_clear(dev);
}

/*
 * The guest has a number for a device before that can have faults (Linux 7.3
 * arm_smmu_attach_prepare_vmaster).
 */
int ioas_nest_attach(struct hwpt *hwpt, struct iommu_group *group, struct why *why)
{
	int ret;

	if (nests(hwpt))
		join(hwpt, group);
	ret = iommu_attach_group(hwpt->common ? hwpt->common : hwpt->domain, group, why);
	if (ret)
		leave(hwpt, group);
	return ret;
}

/* A device has left its nested domain: whose own it was goes. */
static void drop(struct hwpt *hwpt, struct iommu_domain *domain)
{
	if (domain && domain->kind == IOMMU_DOMAIN_NESTED && domain != hwpt->common &&
		!domain->attached)
		iommu_domain_free(domain);
}

static void move(struct hwpt *hwpt, struct iommu_device *dev, struct iommu_domain *to)
{
	struct iommu_domain *from = dev->domain;

	if (from == to)
		return;
	iommu_replace(to, dev);
	drop(hwpt, from);
}

#define DEVICES_MAX 256 /* of a group: as many functions as a bus has */

void ioas_nest_detach(struct hwpt *hwpt, struct iommu_group *group)
{
	struct iommu_domain *had[DEVICES_MAX];
	struct iommu_device *dev;
	unsigned n = 0;

	cds_list_for_each_entry (dev, &group->devices, group_link) {
		nb_assert(n < DEVICES_MAX);
		had[n++] = dev->domain;
	}
	iommu_detach_group(hwpt->domain, group);
	leave(hwpt, group);
	while (n--)
		drop(hwpt, had[n]);
}

void ioas_nest_finish(struct hwpt *hwpt)
{
	iommu_domain_free(hwpt->common);
	hwpt->common = NULL;
}

int ioas_for_each_viommu(
	struct ioas *ioas, int (*fn)(struct iommu_viommu *viommu, void *ctx), void *ctx)
{
	struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		int ret = nests(hwpt) ? fn(&hwpt->viommu, ctx) : 0;

		if (ret)
			return ret;
	}
	return 0;
}

static int nothing_nests(struct why *why)
{
	return why_refused(
		why, EOPNOTSUPP, "no-nesting-group", "a group in the container whose IOMMU nests");
}

/* ---- all devices ---- */

static int prepare(struct ioas *ioas, const struct iommu_user_data *data, struct why *why)
{
	struct hwpt *hwpt;
	int ret = nothing_nests(NULL);

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		if (!nests(hwpt))
			continue;
		ret = data ? iommu_nested_alloc(&hwpt->viommu, data, &hwpt->next, why) : 0;
		if (ret)
			return ret;
	}
	return ret ? nothing_nests(why) : 0;
}

static void commit(struct hwpt *hwpt)
{
	struct iommu_domain *old = hwpt->common;
	bool unused = old && !old->attached; /* else it goes with the last device that leaves it */
	struct iommu_device *dev;

	hwpt->common = hwpt->next;
	hwpt->next = NULL;
	cds_list_for_each_entry (dev, &hwpt->viommu.vdevices, vdevice_link)
		move(hwpt, dev, hwpt->common ? hwpt->common : hwpt->domain);
	if (unused)
		iommu_domain_free(old);
}

int ioas_nest_all(struct ioas *ioas, const struct iommu_user_data *data, struct why *why)
{
	int ret = prepare(ioas, data, why);
	struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		if (!nests(hwpt))
			continue;
		if (!ret)
			commit(hwpt);
		iommu_domain_free(hwpt->next);
		hwpt->next = NULL;
	}
	return ret;
}

/* ---- one device ---- */

int ioas_nest_device(struct ioas *ioas, struct iommu_device *dev,
	const struct iommu_user_data *data, struct why *why)
{
	struct iommu_domain *domain;
	struct hwpt *hwpt;
	int ret;

	if (!dev->viommu) {
		ret = why_refused(why, EOPNOTSUPP, "device-does-not-nest",
			"the device's domain is no nest parent");
		why_about(why, NULL, dev->name, dev->iommu ? dev->iommu->name : NULL);
		return ret;
	}
	hwpt = hwpt_of_viommu(dev->viommu);
	domain = hwpt->domain;
	ret = data ? iommu_nested_alloc(&hwpt->viommu, data, &domain, why) : 0;
	if (!ret)
		move(hwpt, dev, domain);
	return ret;
}

static bool all_set(const struct ioas *ioas)
{
	const struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link)
		if (nests(hwpt) && hwpt->common)
			return true;
	return false;
}

bool ioas_nest_is_set(const struct ioas *ioas, const struct iommu_device *dev)
{
	if (!dev)
		return all_set(ioas);
	return dev->domain && dev->domain->kind == IOMMU_DOMAIN_NESTED;
}
