/* SPDX-License-Identifier: MIT */
/*
 * A guest's stage 1 through the host's driver, over the real model: which stream table entries it may
 * give, what becomes of them, what a device then reaches; faults and stalls.
 */
#include "../ioas/guest.h"

#define VA MIB(1)

static const struct nb_smmuv3_config plain = { 0 };
static const struct nb_smmuv3_config rich = {
	.ssid_bits = 10, .ats = true, .stall_model = NB_SMMUV3_STALL_ALLOWED
};

static void setup(struct rig *rig, struct guest *guest, const struct nb_smmuv3_config *config)
{
	rig_init(rig, config, 1);
	assert_int_equal(rig_attach(rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	guest_init(guest, rig);
}

static void teardown(struct rig *rig, struct guest *guest)
{
	rig_detach(rig, 0);
	guest_finish(guest);
	rig_finish(rig);
}

/* ---- the stream table entry ---- */

static int try_ste(struct rig *rig, uint64_t word0, uint64_t word1, struct why *why)
{
	struct iommu_viommu *viommu = rig->devs[0].dev.viommu;
	struct iommu_domain *domain = NULL;
	struct rig_counts before = rig_counts(rig);
	struct abi_smmuv3_ste ste;
	struct iommu_user_data data = guest_ste(&ste, word0, word1);
	int ret = iommu_nested_alloc(viommu, &data, &domain, why);

	if (!ret) {
		assert_int_equal(domain->kind, IOMMU_DOMAIN_NESTED);
		assert_ptr_equal(domain->viommu, viommu);
		assert_int_equal(viommu->parent->children, 1);
		iommu_domain_free(domain);
	}
	assert_int_equal(viommu->parent->children, 0);
	rig_assert_same(rig, before);
	return ret;
}

/* Linux 7.3 STRTAB_STE_0_NESTING_ALLOWED and _1_, written down anew. */
static bool may_be_set(unsigned bit)
{
	static const uint64_t allowed[2] = { 0xf8ffffffffffffff, 0x00000000380000ff };

	return allowed[bit / 64] >> bit % 64 & 1;
}

/* Each bit alone, on top of an entry that is good. */
static void ste_bits(void **state)
{
	struct guest guest;
	struct rig rig;

	setup(&rig, &guest, &rich);
	for (unsigned bit = 0; bit < 128; bit++) {
		uint64_t word[2] = { VSTE_S1(0), 0 };
		bool refused = !may_be_set(bit);
		struct why why = { 0 };

		if (bit == 2 || bit == 65 + 28) /* Config 0b111, EATS 0b10: the next test's */
			continue;
		word[bit / 64] |= BIT64(bit % 64);
		assert_int_equal(try_ste(&rig, word[0], word[1], &why), refused ? -EIO : 0);
		if (!refused)
			continue;
		assert_string_equal(why.rule, "bad-stage1-ste");
		assert_string_equal(why.iommu, "smmu0");
		assert_int_equal(why.class, WHY_REFUSED);
	}
	teardown(&rig, &guest);
}

/* Linux 7.3 arm_smmu_validate_vste. */
static void ste_values(void **state)
{
	static const int config[8] = { 0, -EIO, -EIO, -EIO, 0, 0, -EIO, -EIO };
	static const int eats[4] = { 0, 0, -EIO, -EIO };
	struct guest guest;
	struct rig rig;

	setup(&rig, &guest, &rich);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(
			try_ste(&rig, STE0_V | field_prep(STE0_CONFIG, i), 0, NULL), config[i]);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(
			try_ste(&rig, VSTE_S1(0), field_prep(STE1_EATS, i), NULL), eats[i]);
	/* Not valid: the rest is not looked at. */
	assert_int_equal(try_ste(&rig, ~STE0_V, UINT64_MAX, NULL), 0);
	teardown(&rig, &guest);
}

static void ste_data(void **state)
{
	struct abi_smmuv3_ste ste[2] = { { { VSTE_BYPASS, 0 } }, { { VSTE_BYPASS, 0 } } };
	const struct iommu_user_data rows[] = {
		{ IOMMU_DATA_NONE, ste, sizeof(*ste), 1 },
		{ IOMMU_DATA_ARM_SMMUV3, ste, sizeof(*ste) - 1, 1 },
		{ IOMMU_DATA_ARM_SMMUV3, ste, sizeof(*ste) + 1, 1 },
		{ IOMMU_DATA_ARM_SMMUV3, ste, sizeof(*ste), 2 },
		{ IOMMU_DATA_ARM_SMMUV3, ste, sizeof(*ste), 0 },
	};
	struct iommu_domain *domain;
	struct guest guest;
	struct rig rig;

	setup(&rig, &guest, &plain);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct why why = { 0 };

		assert_int_equal(
			iommu_nested_alloc(rig.devs[0].dev.viommu, &rows[i], &domain, &why),
			-EINVAL);
		assert_string_equal(why.rule, "not-smmuv3-data");
		assert_int_equal(why.class, WHY_MISUSE);
	}
	teardown(&rig, &guest);
}

/* The 64 bytes that hardware reads. */
static void ste_words(void **state)
{
	static const uint64_t s1_bits = UINT64_C(0x080000ff); /* S1DSS to S1CSH, S1STALLD */
	static const uint64_t mev = BIT64(19), eats = BIT64(28);
	uint64_t parent[STE_WORDS], word0;
	struct guest guest;
	const uint64_t *ste;
	struct rig rig;

	setup(&rig, &guest, &rich);
	ste = rig_ste(&rig, 0);
	memcpy(parent, ste, sizeof(parent));
	assert_int_equal(parent[0], 0xd); /* V, stage 2 */
	assert_int_equal(parent[1], UINT64_C(1) << 44);
	assert_int_equal(parent[2] & 0xffff, to_smmu_domain(rig.devs[0].dev.domain)->id);

	/* S1CDMax 10, two levels of 64 KiB; EATS is not passed on: no function has ATS. */
	word0 = VSTE_S1(GUEST_IPA) | UINT64_C(10) << 59 | S1FMT_64K_L2 << 4;
	assert_int_equal(guest_set(&guest, 0, word0, s1_bits | eats), 0);
	assert_int_equal(ste[0], 0xf | GUEST_IPA | UINT64_C(10) << 59 | S1FMT_64K_L2 << 4);
	assert_int_equal(ste[1], parent[1] | s1_bits | mev);
	assert_memory_equal(&ste[2], &parent[2], STE_BYTES - 16);

	/* Bypass: as the parent, whatever else the guest said. */
	assert_int_equal(guest_set(&guest, 0, VSTE_BYPASS | GUEST_IPA, s1_bits), 0);
	assert_memory_equal(ste, parent, STE_BYTES);
	assert_int_equal(guest_set(&guest, 0, VSTE_ABORT | GUEST_IPA, s1_bits), 0);
	assert_memory_equal(ste, smmu_ste_abort, STE_BYTES);
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(GUEST_IPA), 0), 0);
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(GUEST_IPA) & ~STE0_V, s1_bits), 0);
	assert_memory_equal(ste, smmu_ste_abort, STE_BYTES);
	/* None any more. */
	assert_int_equal(ioas_nest_device(rig.ioas, &rig.devs[0].dev, NULL, NULL), 0);
	assert_memory_equal(ste, parent, STE_BYTES);
	teardown(&rig, &guest);
}

static void hw_info(void **state)
{
	struct abi_smmuv3_hw_info info, cut;
	enum iommu_data_type type;
	struct guest guest;
	struct rig rig;

	setup(&rig, &guest, &rich);
	assert_int_equal(iommu_hw_info(rig.iommus[0], &type, &info, sizeof(info)), sizeof(info));
	assert_int_equal(type, IOMMU_DATA_ARM_SMMUV3);
	assert_int_equal(info.flags | info.reserved, 0);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(info.idr[i], nb_smmuv3_read(rig.models[0], 4 * i, 4));
	assert_int_equal(field_get(IDR1_SSIDSIZE, info.idr[1]), 10);
	assert_int_equal(info.iidr, nb_smmuv3_read(rig.models[0], SMMU_IIDR, 4));
	assert_int_equal(info.aidr, nb_smmuv3_read(rig.models[0], SMMU_AIDR, 4));
	memset(&cut, 0xaa, sizeof(cut));
	assert_int_equal(iommu_hw_info(rig.iommus[0], &type, &cut, 12), 12);
	assert_memory_equal(&cut, &info, 12);
	assert_int_equal(cut.idr[1], 0xaaaaaaaa);
	teardown(&rig, &guest);
}

/* ---- DMA ---- */

static void two_stages(void **state)
{
	struct nb_pgtable *tables;
	uint64_t page, second;
	struct guest guest;
	struct rig rig;
	uint8_t byte = 7;

	setup(&rig, &guest, &plain);
	tables = guest_tables(&guest);
	page = guest_page(&guest, 0x11);
	second = guest_page(&guest, 0x22);
	guest_map(tables, VA, page, GUEST_RW);
	guest_map(tables, VA + KIB(4), second, NB_PGTABLE_READ);
	guest_map(tables, VA + KIB(8), GUEST_IPA + GUEST_BYTES, GUEST_RW); /* not in stage 2 */
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, page), 0x11);	   /* the parent: by IPA */
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(guest_cd(&guest, tables, 5, 0)), 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), 0x11);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA + KIB(4)), 0x22);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, page), -1);
	assert_string_equal(rig.fault.name, "F_TRANSLATION");
	assert_true(rig.fault.stage1);
	assert_int_equal(rig_dma(&rig, 0, VA, &byte, 1, true), 0);
	assert_int_equal(*(uint8_t *)guest_at(&guest, page), 7);
	assert_int_equal(rig_dma(&rig, 0, VA + KIB(4), &byte, 1, true), -1);
	assert_string_equal(rig.fault.name, "F_PERMISSION");
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA + KIB(8)), -1);
	assert_int_equal(rig.fault.stage, 2);
	assert_int_equal(rig.fault.ipa, GUEST_IPA + GUEST_BYTES);
	assert_false(rig.fault.stage1);
	/* Bypass, abort, and an entry that is not valid. */
	assert_int_equal(guest_set(&guest, 0, VSTE_BYPASS, 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, second), 0x22);
	rig.faults = 0;
	assert_int_equal(guest_set(&guest, 0, VSTE_ABORT, 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, second), -1);
	assert_int_equal(guest_set(&guest, 0, 0, 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), -1);
	assert_int_equal(rig.faults, 0); /* IHI 0070 5.2: abort tells nothing */
	nb_pgtable_destroy(tables);
	teardown(&rig, &guest);
}

/* A table of CDs in which SSIDs 0, 1 and `far` have one each; its address. */
static uint64_t cd_table(
	struct guest *guest, unsigned fmt, uint32_t far, struct nb_pgtable *const tables[3])
{
	const uint32_t ssids[] = { 0, 1, far };
	unsigned leaf_lg2 = fmt == S1FMT_64K_L2 ? 10 : 6;
	uint64_t *l1 = NULL, *cds = NULL;
	nb_pa root, leaf;

	if (fmt == S1FMT_LINEAR)
		cds = guest_alloc(guest, GUEST_CDS * CD_WORDS * 8, &root);
	else
		l1 = guest_alloc(guest, KIB(4), &root);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t *desc = l1 ? &l1[ssids[i] >> leaf_lg2] : NULL;
		uint32_t n = desc ? ssids[i] & ((1u << leaf_lg2) - 1) : ssids[i];

		if (desc && !*desc) {
			guest_alloc(guest, UINT64_C(64) << leaf_lg2, &leaf);
			*desc = leaf.v | L1CD_V;
		}
		if (desc)
			cds = guest_at(guest, *desc & ~L1CD_V);
		guest_write_cd(cds + n * CD_WORDS, tables[i], i + 1, 0);
	}
	return root.v;
}

static void pasids(void **state)
{
	static const uint8_t fmts[] = { S1FMT_LINEAR, S1FMT_4K_L2, S1FMT_64K_L2 };
	static const int without[] = {
		[S1DSS_ABORT] = -1, [S1DSS_BYPASS] = -1, [S1DSS_SSID0] = 0x10
	};
	struct nb_pgtable *tables[3];
	struct guest guest;
	struct rig rig;

	setup(&rig, &guest, &rich);
	for (unsigned i = 0; i < 3; i++) {
		tables[i] = guest_tables(&guest);
		guest_map(tables[i], VA, guest_page(&guest, 0x10 + i), GUEST_RW);
	}
	for (unsigned i = 0; i < ARRAY_LEN(fmts) * 3; i++) {
		unsigned fmt = fmts[i / 3], s1dss = i % 3, far = 1000;
		uint64_t root = cd_table(&guest, fmt, far, tables);

		assert_int_equal(
			guest_set(&guest, 0, VSTE_S1(root) | UINT64_C(10) << 59 | fmt << 4, s1dss),
			0);
		assert_int_equal(guest_peek(&rig, 0, 1, VA), 0x11);
		assert_int_equal(guest_peek(&rig, 0, far, VA), 0x12);
		assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), without[s1dss]);
		/* Bypass: through stage 2 all the same. */
		assert_int_equal(
			guest_peek(&rig, 0, NO_SSID, GUEST_IPA) >= 0, s1dss == S1DSS_BYPASS);
		/* IHI 0070 5.2 S1DSS: with 0b10 the first is not for those who name it. */
		assert_int_equal(guest_peek(&rig, 0, 0, VA), s1dss == S1DSS_SSID0 ? -1 : 0x10);
		assert_int_equal(guest_peek(&rig, 0, 1024, VA), -1);
		assert_string_equal(rig.fault.name, "C_BAD_SUBSTREAMID");
	}
	for (unsigned i = 0; i < 3; i++)
		nb_pgtable_destroy(tables[i]);
	teardown(&rig, &guest);
}

/* R6: whatever the guest says of CDs and tables, they are read through stage 2. */
static void hostile_pointers(void **state)
{
	struct nb_pgtable *tables;
	uint64_t cd[CD_WORDS] = { 0 }, *forged, target;
	struct guest guest;
	struct rig rig;
	nb_pa pa;

	setup(&rig, &guest, &plain);
	tables = guest_tables(&guest);
	/* A CD where the host's own memory is. */
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(to_smmu(rig.iommus[0])->strtab.v), 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), -1);
	assert_int_equal(rig.fault.stage1, false);
	/* One beyond what stage 2 can translate. */
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(MASK64(55, 48)), 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), -1);
	/* Tables at physical addresses: of the host's RAM, and of the guest's own. */
	target = rig.devs[0].dev.viommu->parent
			 ? to_smmu_domain(rig.devs[0].dev.viommu->parent)->pt.root.v
			 : 0;
	guest_write_cd(cd, tables, 1, 0);
	forged = guest_alloc(&guest, KIB(4), &pa);
	memcpy(forged, cd, sizeof(cd));
	forged[1] = target;
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(pa.v), 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), -1);
	assert_int_equal(rig.fault.stage, 2);
	/* Real tables, with a leaf that names a physical address. */
	guest_map(tables, VA, GIB(1), GUEST_RW);
	forged[1] = cd[1];
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(pa.v), 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), -1);
	assert_int_equal(rig.fault.stage, 2);
	nb_pgtable_destroy(tables);
	teardown(&rig, &guest);
}

/* R6: an unmap in stage 2 is final, and what stage 1 maps it to does not matter. */
static void stage2_unmap(void **state)
{
	struct nb_pgtable *tables;
	struct rig_umem more;
	struct guest guest;
	struct rig rig;

	setup(&rig, &guest, &plain);
	rig_umem_init(&more, MIB(4));
	memset(more.bytes, 0x33, MIB(4));
	tables = guest_tables(&guest);
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(guest_cd(&guest, tables, 5, 0)), 0), 0);
	guest_map(tables, VA, GIB(4), GUEST_RW);
	for (unsigned i = 0; i < 2; i++) {
		/* One page, one command; then many at once. */
		uint64_t bytes = i ? MIB(4) : KIB(4);

		assert_int_equal(rig_map(&rig, &more, GIB(4), 0, bytes, IOMMU_READ), 0);
		assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), 0x33);
		assert_int_equal(ioas_unmap(rig.ioas, GIB(4), GIB(4) + bytes - 1), bytes);
		assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), -1);
		assert_int_equal(rig.fault.stage, 2);
	}
	/* The tables themselves may go, too. */
	assert_int_equal(rig_map(&rig, &more, GIB(4), 0, KIB(4), IOMMU_READ), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), 0x33);
	assert_int_equal(ioas_unmap(rig.ioas, GUEST_IPA, GUEST_IPA + GUEST_BYTES - 1), GUEST_BYTES);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), -1);
	assert_int_equal(ioas_unmap(rig.ioas, GIB(4), GIB(4) + KIB(4) - 1), KIB(4));
	nb_pgtable_destroy(tables);
	rig_detach(&rig, 0);
	rig_umem_finish(&guest.umem);
	rig_umem_finish(&more);
	rig_finish(&rig);
}

/*
 * What smmu_ste_install relies on: entries that the TLB keeps of a stage 1 that is gone (its guest did
 * not invalidate) may be used again under the same VMID and ASID, but never beyond stage 2.
 */
static void stale_stage1(void **state)
{
	struct nb_pgtable *old, *new;
	struct rig_umem more;
	struct guest guest;
	uint64_t cd;
	struct rig rig;

	setup(&rig, &guest, &plain);
	rig_umem_init(&more, KIB(4));
	memset(more.bytes, 0x33, KIB(4));
	old = guest_tables(&guest);
	new = guest_tables(&guest);
	cd = guest_cd(&guest, old, 5, 0);
	guest_map(old, VA, GIB(4), GUEST_RW);
	assert_int_equal(rig_map(&rig, &more, GIB(4), 0, KIB(4), IOMMU_READ | IOMMU_WRITE), 0);
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(cd), 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), 0x33);
	/* Away, and stage 2 takes the page; then one with the same ASID that maps nothing. */
	assert_int_equal(ioas_nest_device(rig.ioas, &rig.devs[0].dev, NULL, NULL), 0);
	assert_int_equal(ioas_unmap(rig.ioas, GIB(4), GIB(4) + KIB(4) - 1), KIB(4));
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(guest_cd(&guest, new, 5, 0)), 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), -1);
	/* Nor does the device reach it by way of the old one. */
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(cd), 0), 0);
	assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), -1);
	assert_int_equal(rig.fault.stage, 2);
	nb_pgtable_destroy(old);
	nb_pgtable_destroy(new);
	rig_umem_finish(&more);
	teardown(&rig, &guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ste_bits),
		cmocka_unit_test(ste_values),
		cmocka_unit_test(ste_data),
		cmocka_unit_test(ste_words),
		cmocka_unit_test(hw_info),
		cmocka_unit_test(two_stages),
		cmocka_unit_test(pasids),
		cmocka_unit_test(hostile_pointers),
		cmocka_unit_test(stage2_unmap),
		cmocka_unit_test(stale_stage1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
