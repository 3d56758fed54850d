/* SPDX-License-Identifier: MIT */
/*
 * Domains of the SMMUv3 host driver. A stage 1 domain is an ASID, a context descriptor and a stage
 * 1 table; a stage 2 domain, nest parent or not, is a VMID and a stage 2 table. A nest parent's
 * streams run with stage 1 in bypass until a guest installs one (R4).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "iommu/arm_smmu_v3.h"

/* More leaves than this are invalidated with one command for the whole ASID or VMID. */
#define MAX_TLBI_STEPS 32

/* IHI 0070 5.4, Arm ARM: stage 1 input range here: TTB0 with 48 bits. */
#define S1_IAS 48

static int no_memory(struct why *why, const struct arm_smmu *smmu, const struct charge *charge)
{
	if (charge && charge->used + 4096 > charge->limit)
		why_refused(why, ENOMEM, "table-memory-exhausted",
			"table memory of this container: %llu bytes are in use, the limit is %llu",
			(unsigned long long)charge->used, (unsigned long long)charge->limit);
	else
		why_refused(why, ENOMEM, "host-memory-exhausted", "memory of the host for tables");
	why_about(why, NULL, NULL, smmu->iommu.name);
	return -ENOMEM;
}

bool smmu_ids_init(struct smmu_ids *ids, unsigned bits_lg2)
{
	ids->bits_lg2 = bits_lg2;
	ids->words = calloc((1u << bits_lg2) / 64, sizeof(uint64_t));
	if (!ids->words)
		return false;
	ids->words[0] = 1; /* 0: VMID of streams without stage 2; never an ASID, for symmetry */
	return true;
}

void smmu_ids_finish(struct smmu_ids *ids)
{
	free(ids->words);
}

static bool ids_alloc(struct smmu_ids *ids, uint16_t *id)
{
	unsigned n = (1u << ids->bits_lg2) / 64;

	for (unsigned i = 0; i < n; i++) {
		unsigned w = (ids->hint + i) % n;

		if (ids->words[w] == UINT64_MAX)
			continue;
		*id = w * 64 + __builtin_ctzll(~ids->words[w]);
		ids->words[w] |= BIT64(*id % 64);
		ids->hint = w;
		return true;
	}
	return false;
}

static void ids_free(struct smmu_ids *ids, uint16_t id)
{
	ids->words[id / 64] &= ~BIT64(id % 64);
}

static struct smmu_ids *ids_of(struct arm_smmu *smmu, bool stage2)
{
	return stage2 ? &smmu->vmids : &smmu->asids;
}

/* R4's table: a one-stage SMMU gives the stage it has. */
static bool wants_stage2(const struct arm_smmu *smmu, enum iommu_domain_kind kind)
{
	return kind != IOMMU_DOMAIN_STAGE1 || !smmu->stage1;
}

static int refuse_nesting(const struct arm_smmu *smmu, struct why *why)
{
	int ret = why_refused(why, EOPNOTSUPP, "iommu-cannot-nest", "%s", smmu->cannot_nest);

	why_about(why, NULL, NULL, smmu->iommu.name);
	why_instead(why, "VFIO_TYPE1v2_IOMMU");
	return ret;
}

static int check_kind(const struct arm_smmu *smmu, enum iommu_domain_kind kind, struct why *why)
{
	switch (kind) {
	case IOMMU_DOMAIN_STAGE1:
		return 0;
	case IOMMU_DOMAIN_NEST_PARENT:
		return smmu->cannot_nest ? refuse_nesting(smmu, why) : 0;
	case IOMMU_DOMAIN_STAGE2:
		if (smmu->stage2)
			return 0;
		break;
	case IOMMU_DOMAIN_NESTED: /* has its own way in: smmu_nested_alloc */
		break;
	}
	why_refused(why, EOPNOTSUPP, "domain-kind-unsupported", "%s",
		kind == IOMMU_DOMAIN_STAGE2 ? "stage 2 (IDR0.S2P is 0)"
					    : "nested domains without a guest's stage 1");
	why_about(why, NULL, NULL, smmu->iommu.name);
	return -EOPNOTSUPP;
}

/* IHI 0070 5.4. Linux 7.3 arm_smmu_make_s1_cd: the same choices. */
static void write_cd(const struct arm_smmu *smmu, const struct arm_smmu_domain *dom, uint64_t *cd)
{
	cd[1] = dom->pt.root.v & CD1_TTB0;
	cd[3] = PT_MAIR;
	cd[0] = field_prep(CD0_T0SZ, 64 - S1_IAS) | field_prep(CD0_TG0, 0) |
		field_prep(CD0_IR0, WALK_WBWA) | field_prep(CD0_OR0, WALK_WBWA) |
		field_prep(CD0_SH0, SH_INNER) | CD0_EPD1 | CD0_V |
		field_prep(CD0_IPS, smmu->oas_field) | CD0_AA64 | CD0_R | CD0_A | CD0_ASET |
		field_prep(CD0_ASID, dom->id);
}

static int setup_tables(struct arm_smmu *smmu, struct arm_smmu_domain *dom, struct why *why)
{
	unsigned ias = dom->stage2 ? smmu->oas : S1_IAS;
	void *cd;

	if (!pt_init(&dom->pt, dom->stage2 ? PT_STAGE2 : PT_STAGE1, ias, smmu->oas, smmu->hw.ram,
		    dom->charge))
		return no_memory(why, smmu, dom->charge);
	dom->domain.last_iova = BIT64(ias) - 1;
	dom->domain.pgsizes = PT_PGSIZES;
	if (dom->stage2)
		return 0;
	if (!ram_alloc(smmu->hw.ram, 4096, dom->charge, &dom->cd, &cd)) {
		pt_finish(&dom->pt);
		return no_memory(why, smmu, dom->charge);
	}
	write_cd(smmu, dom, cd);
	return 0;
}

/* The allocators of Linux (xa_alloc for ASIDs, ida_alloc for VMIDs) differ in what they say. */
static int no_id(const struct arm_smmu *smmu, bool stage2, struct why *why)
{
	int ret = why_refused(why, stage2 ? ENOSPC : EBUSY, "iommu-ids-exhausted",
		"a free %s: all are in use", stage2 ? "VMID" : "ASID");

	why_about(why, NULL, NULL, smmu->iommu.name);
	return ret;
}

/* Give dom, whose iommu, kind and charge are set, its number and tables; or change nothing. */
static int domain_setup(struct arm_smmu *smmu, struct arm_smmu_domain *dom, struct why *why)
{
	int ret;

	dom->stage2 = wants_stage2(smmu, dom->domain.kind);
	if (dom->stage2 && dom->domain.kind == IOMMU_DOMAIN_STAGE1)
		dom->domain.kind = IOMMU_DOMAIN_STAGE2;
	if (!ids_alloc(ids_of(smmu, dom->stage2), &dom->id))
		return no_id(smmu, dom->stage2, why);
	ret = setup_tables(smmu, dom, why);
	if (ret)
		ids_free(ids_of(smmu, dom->stage2), dom->id);
	return ret;
}

static void domain_teardown(struct arm_smmu *smmu, struct arm_smmu_domain *dom)
{
	pt_finish(&dom->pt);
	if (!dom->stage2)
		ram_free(smmu->hw.ram, dom->cd, 4096, dom->charge);
	ids_free(ids_of(smmu, dom->stage2), dom->id);
}

static int domain_alloc(struct iommu *iommu, enum iommu_domain_kind kind, struct charge *charge,
	struct iommu_domain **out, struct why *why)
{
	struct arm_smmu *smmu = to_smmu(iommu);
	struct arm_smmu_domain *dom;
	int ret = check_kind(smmu, kind, why);

	if (ret)
		return ret;
	dom = calloc(1, sizeof(*dom));
	if (!dom)
		return no_memory(why, smmu, NULL);
	dom->domain.iommu = iommu;
	dom->domain.kind = kind;
	dom->charge = charge;
	ret = domain_setup(smmu, dom, why);
	if (ret) {
		free(dom);
		return ret;
	}
	*out = &dom->domain;
	return 0;
}

/*
 * The attribute picks the stage, so it swaps number and tables of a domain in which nothing is
 * mapped yet.
 */
static int set_attr(struct iommu_domain *domain, enum iommu_attr attr, bool value, struct why *why)
{
	struct arm_smmu *smmu = to_smmu(domain->iommu);
	struct arm_smmu_domain *dom = to_smmu_domain(domain), fresh = { 0 };
	int ret;

	nb_assert(attr == DOMAIN_ATTR_NESTING);
	fresh.domain = dom->domain;
	fresh.domain.kind = value ? IOMMU_DOMAIN_NEST_PARENT : IOMMU_DOMAIN_STAGE1;
	fresh.charge = dom->charge;
	ret = check_kind(smmu, fresh.domain.kind, why);
	if (ret || (domain->kind == IOMMU_DOMAIN_NEST_PARENT) == value)
		return ret;
	if (dom->seen || !pt_empty(&dom->pt))
		return why_refused(why, EPERM, "domain-in-use",
			"the nesting attribute is set before a domain is used");
	if (wants_stage2(smmu, fresh.domain.kind) == dom->stage2) {
		domain->kind = fresh.domain.kind;
		return 0;
	}
	ret = domain_setup(smmu, &fresh, why);
	if (ret)
		return ret;
	domain_teardown(smmu, dom);
	*dom = fresh;
	return 0;
}

/* IHI 0070 5.2, Config = 0b101. */
static void make_s1_ste(const struct arm_smmu_domain *dom, uint64_t *ste)
{
	ste[0] = STE0_V | field_prep(STE0_CONFIG, STE_CONFIG_S1) | (dom->cd.v & STE0_S1CTXPTR);
	ste[1] = field_prep(STE1_S1CIR, STE_CACHE_WBRA) | field_prep(STE1_S1COR, STE_CACHE_WBRA) |
		 field_prep(STE1_S1CSH, SH_INNER) | field_prep(STE1_SHCFG, STE_SHCFG_IN);
}

/* IHI 0070 5.2, Config = 0b110; S2SL0 0, 1, 2 start the walk at level 2, 1, 0. */
void smmu_make_s2_ste(const struct arm_smmu_domain *dom, uint64_t ste[STE_WORDS])
{
	const struct arm_smmu *smmu = to_smmu(dom->domain.iommu);

	ste[0] = STE0_V | field_prep(STE0_CONFIG, STE_CONFIG_S2);
	ste[1] = field_prep(STE1_SHCFG, STE_SHCFG_IN);
	ste[2] = field_prep(STE2_S2VMID, dom->id) | field_prep(STE2_S2T0SZ, 64 - dom->pt.ias) |
		 field_prep(STE2_S2SL0, 2 - dom->pt.start_level) |
		 field_prep(STE2_S2IR0, WALK_WBWA) | field_prep(STE2_S2OR0, WALK_WBWA) |
		 field_prep(STE2_S2SH0, SH_INNER) | field_prep(STE2_S2TG, 0) |
		 field_prep(STE2_S2PS, smmu->oas_field) | STE2_S2AA64 | STE2_S2PTW | STE2_S2R;
	ste[3] = dom->pt.root.v & STE3_S2TTB;
}

/* Linux 7.3 arm_smmu_probe_device: a StreamID out of range is ERANGE. */
static int check_sid(struct arm_smmu *smmu, const struct iommu_device *dev, struct why *why)
{
	if (!(dev->sid >> smmu->sid_bits))
		return 0;
	why_refused(why, ERANGE, "stream-id-out-of-range",
		"StreamID 0x%x, the stream table has %u bits", dev->sid, smmu->sid_bits);
	why_about(why, NULL, dev->name, smmu->iommu.name);
	return -ERANGE;
}

static int probe_device(struct iommu *iommu, struct iommu_device *dev, struct why *why)
{
	struct arm_smmu *smmu = to_smmu(iommu);
	int ret = check_sid(smmu, dev, why);

	if (ret)
		return ret;
	return smmu_strtab_ensure(smmu, dev->sid) ? 0 : no_memory(why, smmu, NULL);
}

static int can_attach(
	struct iommu *iommu, struct iommu_device *dev, enum iommu_domain_kind kind, struct why *why)
{
	int ret = check_kind(to_smmu(iommu), kind, why);

	return ret ? ret : check_sid(to_smmu(iommu), dev, why);
}

static struct arm_smmu_domain *paging_domain(struct iommu_domain *domain)
{
	return to_smmu_domain(domain->viommu ? domain->viommu->parent : domain);
}

static void own_stage1(struct iommu_device *dev, bool guest)
{
	pthread_mutex_lock(&dev->fault_lock);
	dev->stage1_owned = guest;
	pthread_mutex_unlock(&dev->fault_lock);
}

static void make_ste(const struct arm_smmu_domain *dom, uint64_t ste[STE_WORDS])
{
	if (dom->domain.kind == IOMMU_DOMAIN_NESTED)
		smmu_nested_ste(dom, ste);
	else if (dom->stage2)
		smmu_make_s2_ste(dom, ste);
	else
		make_s1_ste(dom, ste);
}

/*
 * Faults are a guest's from before its stage 1 can have any until after it has had its last. What is
 * stalled under one stage 1 and is answered under the next translates anew there; without a stage 1 it
 * would pass by the tables that it was meant for, so it aborts. FIDELITY: Linux leaves it stalled.
 */
static void replace(struct iommu_domain *domain, struct iommu_device *dev)
{
	const struct arm_smmu_domain *dom = to_smmu_domain(domain);
	bool guest = domain->kind == IOMMU_DOMAIN_NESTED, had_guest = dev->stage1_owned;
	uint64_t ste[STE_WORDS] = { 0 };

	make_ste(dom, ste);
	paging_domain(domain)->seen = true;
	if (guest)
		own_stage1(dev, true);
	smmu_ste_install(to_smmu(domain->iommu), dev->sid, ste);
	if (had_guest && !(guest && smmu_nested_translates(dom)))
		smmu_stall_end(dev);
	if (!guest)
		own_stage1(dev, false);
}

static int attach(struct iommu_domain *domain, struct iommu_device *dev, struct why *why)
{
	int ret = probe_device(domain->iommu, dev, why);

	if (!ret)
		replace(domain, dev);
	return ret;
}

static void detach(struct iommu_domain *domain, struct iommu_device *dev)
{
	smmu_ste_install(to_smmu(domain->iommu), dev->sid, smmu_ste_abort);
	if (dev->stage1_owned)
		smmu_stall_end(dev);
	own_stage1(dev, false);
}

static struct smmu_cmd tlbi(const struct arm_smmu_domain *dom, unsigned op)
{
	struct smmu_cmd cmd = smmu_cmd(op);

	cmd.word[0] |=
		dom->stage2 ? field_prep(TLBI0_VMID, dom->id) : field_prep(TLBI0_ASID, dom->id);
	return cmd;
}

static bool steps_pay(const struct arm_smmu_domain *dom, nb_iova iova, nb_iova last)
{
	return dom->stale_step && (last.v - iova.v) / dom->stale_step < MAX_TLBI_STEPS;
}

/*
 * IHI 0070 4.4: Leaf = 0 where tables were unlinked, so that cached table descriptors go too. The
 * addresses cover every leaf that was removed, and through them every unlinked table.
 */
static void add_steps(struct arm_smmu *smmu, const struct arm_smmu_domain *dom,
	struct smmu_batch *batch, nb_iova iova, nb_iova last)
{
	struct smmu_cmd cmd = tlbi(dom, dom->stage2 ? CMD_S2_IPA : CMD_NH_VA);
	uint64_t at = align_down(iova.v, dom->stale_step);

	for (uint64_t n = (last.v - at) / dom->stale_step + 1; n; n--) {
		cmd.word[1] = (at & TLBI1_ADDR) | (dom->stale_tables ? 0 : TLBI1_LEAF);
		smmu_batch_add(smmu, batch, cmd);
		at += dom->stale_step;
	}
}

static void invalidate(
	struct arm_smmu *smmu, struct arm_smmu_domain *dom, nb_iova iova, nb_iova last)
{
	struct smmu_batch batch = { .n = 0 };

	if (!steps_pay(dom, iova, last)) {
		smmu_batch_add(smmu, &batch, tlbi(dom, dom->stage2 ? CMD_S12_VMALL : CMD_NH_ASID));
	} else {
		add_steps(smmu, dom, &batch, iova, last);
		/*
		 * IHI 0070 4.4.2: TLBI_S2_IPA leaves entries that combine both stages; a guest's
		 * stage 1 over this parent may have made some.
		 */
		if (dom->domain.kind == IOMMU_DOMAIN_NEST_PARENT)
			smmu_batch_add(smmu, &batch, tlbi(dom, CMD_NH_ALL));
	}
	smmu_batch_sync(smmu, &batch);
}

static void domain_free(struct iommu_domain *domain)
{
	struct arm_smmu *smmu = to_smmu(domain->iommu);
	struct arm_smmu_domain *dom = to_smmu_domain(domain);

	if (domain->kind == IOMMU_DOMAIN_NESTED) {
		free(dom);
		return;
	}
	/* The number is used again, and the tables: nothing cached may be left of them. */
	if (dom->seen)
		smmu_cmd_sync(smmu, tlbi(dom, dom->stage2 ? CMD_S12_VMALL : CMD_NH_ASID));
	domain_teardown(smmu, dom);
	free(dom);
}

static void sync_stale(struct iommu_domain *domain, nb_iova iova, nb_iova last)
{
	struct arm_smmu_domain *dom = to_smmu_domain(domain);

	if (dom->seen && dom->stale_leaves)
		invalidate(to_smmu(domain->iommu), dom, iova, last);
	dom->stale_leaves = dom->stale_step = 0;
	dom->stale_tables = false;
	pt_reap(&dom->pt);
}

static void add_stale(struct arm_smmu_domain *dom, const struct nb_pgtable_cleared *cleared)
{
	if (!cleared->leaves)
		return;
	dom->stale_leaves += cleared->leaves;
	dom->stale_tables |= cleared->tables;
	if (!dom->stale_step || cleared->min_leaf < dom->stale_step)
		dom->stale_step = cleared->min_leaf;
}

static void unmap(struct iommu_domain *domain, nb_iova iova, uint64_t bytes)
{
	struct arm_smmu_domain *dom = to_smmu_domain(domain);
	struct nb_pgtable_cleared cleared;

	pt_unmap(&dom->pt, iova, bytes, &cleared);
	add_stale(dom, &cleared);
}

/* Linux 7.3 arm_lpae_map_pages: an address that does not fit is ERANGE. */
static int check_range(const struct arm_smmu_domain *dom, uint64_t iova, uint64_t pa,
	uint64_t bytes, struct why *why)
{
	if (iova + bytes - 1 <= dom->domain.last_iova && !((pa + bytes - 1) >> dom->pt.oas))
		return 0;
	why_refused(why, ERANGE, "address-too-wide",
		"IOVA 0x%llx or address 0x%llx does not fit %u input and %u output bits",
		(unsigned long long)iova, (unsigned long long)pa, dom->pt.ias, dom->pt.oas);
	why_about(why, NULL, NULL, dom->domain.iommu->name);
	return -ERANGE;
}

static int map(struct iommu_domain *domain, nb_iova iova, nb_pa pa, uint64_t bytes, unsigned prot,
	struct why *why)
{
	struct arm_smmu_domain *dom = to_smmu_domain(domain);
	struct nb_pgtable_cleared undone;
	int ret = check_range(dom, iova.v, pa.v, bytes, why);

	if (ret)
		return ret;
	ret = pt_map(&dom->pt, iova, pa, bytes,
		(prot & IOMMU_READ ? PT_READ : 0) | (prot & IOMMU_WRITE ? PT_WRITE : 0), &undone);
	if (!ret)
		return 0;
	add_stale(dom, &undone);
	sync_stale(domain, iova, NB_IOVA(iova.v + MAX(undone.bytes, 1) - 1));
	if (ret == -ENOMEM)
		return no_memory(why, to_smmu(domain->iommu), dom->charge);
	return why_misuse(why, EEXIST, "already-mapped", "IOVA 0x%llx is mapped in the domain",
		(unsigned long long)(iova.v + undone.bytes));
}

static unsigned get_resv(struct iommu_device *dev, struct iommu_resv *out, unsigned max)
{
	uint64_t window = to_smmu(dev->iommu)->msi_window;

	/*
	 * Linux 7.3 arm_smmu_get_resv_regions: the window for MSI doorbells. FIDELITY: where it is
	 * can be chosen (MSI_IOVA_BASE if not), so that guests of other architectures have RAM there.
	 */
	if (max)
		out[0] = (struct iommu_resv){ window, window + ARM_MSI_WINDOW_BYTES - 1, true };
	return max ? 1 : 0;
}

static void destroy(struct iommu *iommu)
{
	struct arm_smmu *smmu = to_smmu(iommu);

	smmu_hw_stop(smmu);
	smmu_release(smmu);
}

const struct iommu_ops arm_smmu_v3_ops = {
	.driver = "arm-smmu-v3",
	.domain_alloc = domain_alloc,
	.domain_free = domain_free,
	.set_attr = set_attr,
	.probe_device = probe_device,
	.attach = attach,
	.detach = detach,
	.map = map,
	.unmap = unmap,
	.iotlb_sync = sync_stale,
	.can_attach = can_attach,
	.get_resv = get_resv,
	.hw_info = smmu_hw_info,
	.nested_alloc = smmu_nested_alloc,
	.viommu_invalidate = smmu_viommu_invalidate,
	.replace = replace,
	.page_response = smmu_page_response,
	.guest_fault = smmu_guest_fault,
	.nested_name = smmu_nested_name,
	.destroy = destroy,
};
