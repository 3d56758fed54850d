/* SPDX-License-Identifier: MIT */
/*
 * Where devices find the doorbell of MSIs: the host's own window, in which the page is mapped on first
 * use (Linux iommu_dma_prepare_msi); and, on nest parents, a binding at a place in guest memory, to which
 * the guest's stage 1 leads. Of a binding larger than a page only the first page is the doorbell: what
 * lies behind that in the host's physical space is nobody's.
 */
#include <errno.h>

#include "base/bits.h"
#include "ioas/internal.h"

#define MSI_PAGE_BYTES 4096u

typedef unsigned long long ull;

static bool find_msi_window(struct iommu_group *group, uint64_t *start)
{
	struct iommu_resv resv[8];
	unsigned n = iommu_group_resv(group, resv, ARRAY_LEN(resv));

	for (unsigned i = 0; i < n; i++) {
		if (!resv[i].msi)
			continue;
		*start = resv[i].start;
		return true;
	}
	return false;
}

static int map_doorbell(
	const struct ioas *ioas, const struct hwpt *hwpt, uint64_t at, struct why *why)
{
	return iommu_map(
		hwpt->domain, NB_IOVA(at), ioas->env->msi_page, MSI_PAGE_BYTES, IOMMU_WRITE, why);
}

int ioas_msi_map(struct ioas *ioas, struct iommu_group *group, nb_iova *addr, struct why *why)
{
	struct attached_group *attached = ioas_find_group(ioas, group);
	uint64_t start;
	int ret;

	if (!attached)
		return why_misuse(why, EINVAL, "group-not-attached",
			"the group is attached to no address space");
	if (!find_msi_window(group, &start))
		return why_refused(why, EPERM, "no-msi-window",
			"a window for MSI doorbells: the IOMMU has none");
	if (!attached->hwpt->msi_mapped) {
		ret = map_doorbell(ioas, attached->hwpt, start, why);
		if (ret)
			return ret;
		attached->hwpt->msi_mapped = true;
	}
	*addr = NB_IOVA(start);
	return 0;
}

/* ---- bindings ---- */

static bool nests(const struct hwpt *hwpt)
{
	return hwpt->kind == IOMMU_DOMAIN_NEST_PARENT;
}

int ioas_msi_fill(const struct ioas *ioas, const struct hwpt *hwpt, struct why *why)
{
	const struct msi_binding *binding = &ioas->binding;

	if (!binding->users || !nests(hwpt))
		return 0;
	if (binding->gpa + (binding->size - 1) > hwpt->domain->last_iova)
		return why_refused(why, EINVAL, "mapping-out-of-range",
			"the MSI binding at 0x%llx is beyond the last IOVA 0x%llx",
			(ull)binding->gpa, (ull)hwpt->domain->last_iova);
	return map_doorbell(ioas, hwpt, binding->gpa, why);
}

bool ioas_msi_meets(const struct ioas *ioas, const struct iommu_resv *resv, unsigned n)
{
	const struct msi_binding *binding = &ioas->binding;

	if (!binding->users)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (resv[i].start <= binding->gpa + (binding->size - 1) &&
			resv[i].last >= binding->gpa)
			return true;
	return false;
}

/* Is the place free? */
static int check_place(const struct ioas *ioas, uint64_t gpa, uint64_t last, struct why *why)
{
	struct ioas_area_info area;

	if (ioas_find_in(ioas, gpa, last, &area))
		return why_misuse(why, EEXIST, "overlap",
			"gpa 0x%llx to 0x%llx overlaps the mapping 0x%llx to 0x%llx", (ull)gpa,
			(ull)last, (ull)area.iova, (ull)area.last);
	if (last > ioas_last_iova(ioas))
		return why_misuse(why, EINVAL, "iova-not-allowed",
			"gpa 0x%llx to 0x%llx is beyond what the IOMMU translates (0x%llx)",
			(ull)gpa, (ull)last, (ull)ioas_last_iova(ioas));
	if (ioas_reserved(ioas, gpa, last, NULL))
		return why_misuse(why, EINVAL, "iova-not-allowed",
			"gpa 0x%llx to 0x%llx takes in what the host reserves", (ull)gpa,
			(ull)last);
	return 0;
}

/* From the nest parents up to `end`, which has none yet. */
static void unmap_before(const struct ioas *ioas, const struct hwpt *end, uint64_t gpa)
{
	const struct hwpt *hwpt;

	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		if (hwpt == end)
			return;
		if (!nests(hwpt))
			continue;
		iommu_unmap(hwpt->domain, NB_IOVA(gpa), MSI_PAGE_BYTES);
		iommu_iotlb_sync(hwpt->domain, NB_IOVA(gpa), NB_IOVA(gpa + (MSI_PAGE_BYTES - 1)));
	}
}

int ioas_msi_bind(struct ioas *ioas, uint64_t gpa, uint64_t size, struct why *why)
{
	struct msi_binding *binding = &ioas->binding;
	const struct hwpt *hwpt;
	int ret;

	if (binding->users) {
		if (binding->gpa != gpa || binding->size != size)
			return why_misuse(why, EEXIST, "msi-bound",
				"MSIs are bound to gpa 0x%llx already, of 0x%llx bytes",
				(ull)binding->gpa, (ull)binding->size);
		binding->users++;
		return 0;
	}
	ret = check_place(ioas, gpa, gpa + (size - 1), why);
	if (ret)
		return ret;
	cds_list_for_each_entry (hwpt, &ioas->hwpts, link) {
		ret = nests(hwpt) ? map_doorbell(ioas, hwpt, gpa, why) : 0;
		if (ret) {
			unmap_before(ioas, hwpt, gpa);
			return ret;
		}
	}
	*binding = (struct msi_binding){ 1, gpa, size };
	return 0;
}

void ioas_msi_unbind(struct ioas *ioas)
{
	if (!--ioas->binding.users)
		unmap_before(ioas, NULL, ioas->binding.gpa);
}
