/* SPDX-License-Identifier: MIT */
/*
 * Which IOVAs a program may map: what every HWPT can translate, less what the groups reserve. (In
 * Linux the window for MSI doorbells is reserved like any other range, though only software uses
 * it.)
 */
#include "base/bits.h"
#include "ioas/internal.h"

#define MAX_RESV 32

uint64_t ioas_last_iova(const struct ioas *ioas)
{
	uint64_t last = UINT64_MAX;
	struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link)
		last = MIN(last, hwpt->domain->last_iova);
	return last;
}

/* Reserved ranges of all attached groups, ordered by start. Groups of one kind of IOMMU reserve
 * the same ones, so equal ranges are kept once. */
static unsigned insert_resv(struct iommu_resv *list, unsigned n, const struct iommu_resv *resv)
{
	unsigned at = 0;

	while (at < n && list[at].start < resv->start)
		at++;
	if (at < n && list[at].start == resv->start && list[at].last == resv->last)
		return n;
	for (unsigned i = n; i > at; i--)
		list[i] = list[i - 1];
	list[at] = *resv;
	return n + 1;
}

static unsigned all_resv(const struct ioas *ioas, struct iommu_resv *list)
{
	const struct msi_binding *binding = &ioas->binding;
	struct attached_group *attached;
	unsigned n = 0;

	cds_list_for_each_entry (attached, &ioas->groups, link) {
		struct iommu_resv resv[8];
		unsigned got = iommu_group_resv(attached->group, resv, ARRAY_LEN(resv));

		for (unsigned i = 0; i < got && n < MAX_RESV; i++)
			n = insert_resv(list, n, &resv[i]);
	}
	if (binding->users && n < MAX_RESV)
		n = insert_resv(list, n,
			&(struct iommu_resv){
				binding->gpa, binding->gpa + (binding->size - 1), true });
	return n;
}

bool ioas_reserved(const struct ioas *ioas, uint64_t start, uint64_t last, struct iommu_resv *which)
{
	struct iommu_resv list[MAX_RESV];
	unsigned n = all_resv(ioas, list);

	for (unsigned i = 0; i < n; i++) {
		if (list[i].start > last || list[i].last < start)
			continue;
		if (which)
			*which = list[i];
		return true;
	}
	return false;
}

unsigned ioas_ranges(const struct ioas *ioas, struct ioas_range *out, unsigned max)
{
	struct iommu_resv list[MAX_RESV];
	unsigned n_resv = all_resv(ioas, list), n = 0;
	uint64_t start = 0, last = ioas_last_iova(ioas);

	for (unsigned i = 0; i < n_resv && list[i].start <= last; i++) {
		if (list[i].start > start && n < max)
			out[n++] = (struct ioas_range){ start, list[i].start - 1 };
		if (list[i].last >= last)
			return n;
		start = MAX(start, list[i].last + 1);
	}
	if (n < max)
		out[n++] = (struct ioas_range){ start, last };
	return n;
}
