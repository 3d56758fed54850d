/* SPDX-License-Identifier: MIT */
/* The map engine over the real driver and the real model: what a device reaches, and when. */
#include "rig.h"

static const struct nb_smmuv3_config nesting = { 0 };
static const struct nb_smmuv3_config s1_only = { .no_stage2 = true };
static const struct nb_smmuv3_config s2_only = { .no_stage1 = true };
static const struct nb_smmuv3_config no_nesting = { .iidr = RIG_IIDR_MMU600_R1 };

#define RW (IOMMU_READ | IOMMU_WRITE)

static void dma_through_map(void **state)
{
	uint8_t buf[8192];
	struct rig_umem umem;
	struct rig rig;

	rig_init(&rig, &nesting, 1);
	rig_umem_init(&umem, MIB(1));
	memset(umem.bytes, 0x5a, MIB(1));
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(rig_map(&rig, &umem, MIB(1), KIB(4), KIB(64), RW), 0);
	assert_int_equal(rig_map(&rig, &umem, MIB(2), KIB(128), KIB(8), IOMMU_READ), 0);

	assert_int_equal(rig_dma(&rig, 0, MIB(1) + 100, buf, 8192, false), 0);
	assert_int_equal(buf[8191], 0x5a);
	memset(buf, 0x77, sizeof(buf));
	assert_int_equal(rig_dma(&rig, 0, MIB(1) + KIB(60), buf, 4096, true), 0);
	assert_int_equal(umem.bytes[KIB(64)], 0x77);
	assert_int_equal(umem.bytes[KIB(64) - 1], 0x5a);
	assert_int_equal(umem.bytes[KIB(68)], 0x5a);
	assert_int_equal(rig.faults, 0);

	/* Unmapped. */
	assert_int_equal(rig_dma(&rig, 0, MIB(1) + KIB(64), buf, 16, false), -1);
	assert_int_equal(rig.faults, 1);
	assert_string_equal(rig.fault.name, "F_TRANSLATION");
	assert_int_equal(rig.fault.iova, MIB(1) + KIB(64));
	assert_int_equal(rig.fault.sid, 0x100);
	assert_int_equal(rig.fault.stage, 1);
	assert_true(rig.fault.read);
	/* Read-only. */
	assert_int_equal(rig_dma(&rig, 0, MIB(2), buf, 16, false), 0);
	assert_int_equal(rig_dma(&rig, 0, MIB(2), buf, 16, true), -1);
	assert_string_equal(rig.fault.name, "F_PERMISSION");
	assert_false(rig.fault.read);
	assert_int_equal(umem.bytes[KIB(128)], 0x5a);
	/* Unmapped again: the translation was cached, and is gone. */
	rig.faults = 0;
	assert_int_equal(ioas_unmap(rig.ioas, MIB(1), MIB(1) + KIB(64) - 1), KIB(64));
	assert_int_equal(rig_dma(&rig, 0, MIB(1) + KIB(60), buf, 16, true), -1);
	assert_int_equal(rig.faults, 1);
	assert_string_equal(rig.fault.name, "F_TRANSLATION");
	assert_int_equal(rig_dma(&rig, 0, MIB(2), buf, 16, false), 0);

	rig_detach(&rig, 0);
	assert_int_equal(rig_dma(&rig, 0, MIB(2), buf, 16, false), -1);
	assert_int_equal(ioas_areas(rig.ioas), 1); /* areas stay */
	assert_int_equal(ram_used(rig.ram), rig.ram_idle);
	rig_finish(&rig);
	rig_umem_finish(&umem);
}

static void *first_page_direct(void *ctx, uint64_t off, uint64_t *bytes)
{
	*bytes = off < KIB(4) ? MIN(*bytes, KIB(4) - off) : *bytes;
	return off < KIB(4) ? ((struct rig_umem *)ctx)->bytes + off : NULL;
}

/* An IOMMU that updates page tables has direct memory only, whatever comes first. */
static void direct_only(void **state)
{
	const struct nb_mem_ops partly = {
		.read = rig_umem_read, .write = rig_umem_write, .direct = first_page_direct
	};
	const struct nb_smmuv3_config both[] = { nesting, { .httu = NB_SMMUV3_HTTU_DIRTY } };
	struct why why = { 0 };
	struct rig_umem umem, remote;
	struct rig_counts before;
	struct rig rig;

	rig_init(&rig, both, 2);
	rig.iommus[1]->direct_only = true;
	rig_umem_init(&umem, MIB(1));
	rig_umem_init(&remote, MIB(1));
	remote.umem.ops = &partly;
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(rig_map(&rig, &umem, 0, 0, MIB(1), RW), 0);
	assert_int_equal(rig_map(&rig, &remote, MIB(2), 0, KIB(8), RW), 0);
	before = rig_counts(&rig);
	assert_int_equal(ioas_attach_group(rig.ioas, &rig.devs[1].group, IOMMU_DOMAIN_STAGE1, &why),
		-EOPNOTSUPP);
	assert_string_equal(why.rule, "httu-needs-direct-memory");
	rig_assert_same(&rig, before);
	ioas_unmap(rig.ioas, MIB(2), MIB(2) + KIB(8) - 1);
	assert_int_equal(rig_attach(&rig, 1, IOMMU_DOMAIN_STAGE1), 0);
	before = rig_counts(&rig);
	assert_int_equal(rig_map(&rig, &remote, MIB(2), 0, KIB(8), RW), -EOPNOTSUPP);
	rig_assert_same(&rig, before);
	assert_int_equal(rig_map(&rig, &remote, MIB(2), 0, KIB(4), RW), 0);
	rig_detach(&rig, 0);
	rig_detach(&rig, 1);
	rig_finish(&rig);
	rig_umem_finish(&umem);
	rig_umem_finish(&remote);
}

static void check_block(struct rig *rig, unsigned i, uint64_t iova, uint64_t bytes)
{
	struct pt_leaf leaf;

	assert_true(pt_lookup(rig_pt(rig, i), NB_IOVA(iova), &leaf));
	assert_int_equal(leaf.bytes, bytes);
}

static void blocks(void **state)
{
	struct rig_umem umem;
	struct rig rig;
	uint8_t byte = 1;

	rig_init(&rig, &nesting, 1);
	rig_umem_init(&umem, GIB(2) + MIB(8));
	for (unsigned kind = 0; kind < 2; kind++) {
		assert_int_equal(
			rig_attach(&rig, 0, kind ? IOMMU_DOMAIN_NEST_PARENT : IOMMU_DOMAIN_STAGE1),
			0);
		/* The program's buffer is congruent to nothing; its simulated addresses are. */
		assert_int_equal(
			rig_map(&rig, &umem, GIB(5) - MIB(2), KIB(4), GIB(1) + MIB(4), RW), 0);
		check_block(&rig, 0, GIB(5) - MIB(2), MIB(2));
		check_block(&rig, 0, GIB(5), GIB(1));
		check_block(&rig, 0, GIB(6), MIB(2));
		assert_int_equal(rig_dma(&rig, 0, GIB(5) + 77, &byte, 1, true), 0);
		assert_int_equal(umem.bytes[KIB(4) + MIB(2) + 77], 1);
		umem.bytes[KIB(4) + MIB(2) + 77] = 0;
		assert_int_equal(rig_map(&rig, &umem, MIB(2), 0, MIB(4), RW), 0);
		check_block(&rig, 0, MIB(4), MIB(2));
		assert_int_equal(ioas_unmap(rig.ioas, 0, UINT64_MAX), GIB(1) + MIB(8));
		assert_int_equal(rig_dma(&rig, 0, GIB(5) + 77, &byte, 1, true), -1);
		assert_true(pt_empty(rig_pt(&rig, 0)));
		rig_detach(&rig, 0);
	}
	rig_finish(&rig);
	rig_umem_finish(&umem);
}

static void refused_maps(void **state)
{
	static const struct {
		uint64_t iova, bytes;
		int err;
	} rows[] = {
		{ MIB(1), KIB(4), EEXIST },
		{ MIB(1) - KIB(4), KIB(8), EEXIST },
		{ 0, MIB(2), EEXIST },
		{ MIB(1) + KIB(60), KIB(8), EEXIST },
		{ 0x8000000, KIB(4), EINVAL }, /* the MSI window */
		{ 0x80ff000, KIB(8), EINVAL },
		{ 0x7fff000, KIB(8), EINVAL },
		{ BIT64(48), KIB(4), EINVAL },
		{ BIT64(48) - KIB(4), KIB(8), EINVAL },
		{ UINT64_MAX - KIB(4) + 1, KIB(8), EINVAL },
		{ 0, 0, EINVAL },
		{ 0, 100, EINVAL },
		{ 100, KIB(4), EINVAL },
	};
	struct rig_counts before;
	struct rig_umem umem;
	struct rig rig;

	rig_init(&rig, &nesting, 1);
	rig_umem_init(&umem, MIB(4));
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(rig_map(&rig, &umem, MIB(1), 0, KIB(64), RW), 0);
	before = rig_counts(&rig);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(
			rig_map(&rig, &umem, rows[i].iova, 0, rows[i].bytes, RW), -rows[i].err);
		rig_assert_same(&rig, before);
		assert_int_equal(umem.umem.refs, 2);
	}
	assert_int_equal(rig_map(&rig, &umem, 0x7fff000, 0, KIB(4), RW), 0);
	assert_int_equal(rig_map(&rig, &umem, 0x8100000, 0, KIB(4), RW), 0);
	assert_int_equal(rig_map(&rig, &umem, BIT64(48) - KIB(4), 0, KIB(4), RW), 0);
	/* Only whole areas go. */
	assert_int_equal(ioas_unmap(rig.ioas, MIB(1) + KIB(4), MIB(2)), 0);
	assert_int_equal(ioas_unmap(rig.ioas, 0, MIB(1) + KIB(64) - 2), 0);
	assert_int_equal(ioas_areas(rig.ioas), 4);
	rig_detach(&rig, 0);
	rig_finish(&rig);
	rig_umem_finish(&umem);
}

static void ranges(void **state)
{
	struct nb_smmuv3_config configs[] = { nesting, { .no_stage1 = true, .oas_bits = 40 } };
	struct ioas_range r[4];
	struct rig rig;

	rig_init(&rig, configs, 2);
	assert_int_equal(ioas_ranges(rig.ioas, r, 4), 1);
	assert_int_equal(r[0].last, UINT64_MAX);
	assert_true(ioas_pgsizes(rig.ioas) & KIB(4));
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(ioas_ranges(rig.ioas, r, 4), 2);
	assert_int_equal(r[0].start, 0);
	assert_int_equal(r[0].last, 0x7ffffff);
	assert_int_equal(r[1].start, 0x8100000);
	assert_int_equal(r[1].last, BIT64(48) - 1);
	assert_int_equal(rig_attach(&rig, 1, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(ioas_ranges(rig.ioas, r, 4), 2);
	assert_int_equal(r[1].last, BIT64(40) - 1);
	assert_int_equal(ioas_ranges(rig.ioas, r, 1), 1);
	assert_int_equal(ioas_pgsizes(rig.ioas), KIB(4) | MIB(2) | GIB(1));
	rig_detach(&rig, 0);
	rig_detach(&rig, 1);
	rig_finish(&rig);
}

/* R4's table, and that the dry run says what the attach does (R1). */
static void stages(void **state)
{
	enum {
		NONE = -1
	};
	static const struct {
		const struct nb_smmuv3_config *config;
		int plain, nest; /* the kind of domain one gets; NONE: EOPNOTSUPP */
	} rows[] = {
		{ &s1_only, IOMMU_DOMAIN_STAGE1, NONE },
		{ &s2_only, IOMMU_DOMAIN_STAGE2, NONE },
		{ &no_nesting, IOMMU_DOMAIN_STAGE1, NONE },
		{ &nesting, IOMMU_DOMAIN_STAGE1, IOMMU_DOMAIN_NEST_PARENT },
	};

	for (unsigned i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		bool nest = i & 1;
		enum iommu_domain_kind kind = nest ? IOMMU_DOMAIN_NEST_PARENT : IOMMU_DOMAIN_STAGE1;
		int want = nest ? rows[i / 2].nest : rows[i / 2].plain;
		struct why why = { 0 };
		struct rig_counts before;
		struct rig_umem umem;
		struct rig rig;
		uint32_t word;
		int ret;

		rig_init(&rig, rows[i / 2].config, 1);
		rig_umem_init(&umem, KIB(64));
		assert_int_equal(rig_map(&rig, &umem, MIB(1), 0, KIB(64), RW), 0);
		before = rig_counts(&rig);
		assert_int_equal(iommu_nesting_probe(&rig.system, NULL), rows[i / 2].nest != NONE);
		rig_assert_same(&rig, before);
		ret = ioas_attach_group(rig.ioas, &rig.devs[0].group, kind, &why);
		assert_int_equal(ret, iommu_can_attach_group(&rig.devs[0].group, kind, NULL));
		if (want == NONE) {
			assert_int_equal(ret, -EOPNOTSUPP);
			assert_string_equal(why.rule, "iommu-cannot-nest");
			assert_string_equal(why.iommu, "smmu0");
			assert_string_equal(why.instead, "VFIO_TYPE1v2_IOMMU");
			rig_assert_same(&rig, before);
		} else {
			assert_int_equal(ret, 0);
			assert_int_equal(rig.devs[0].dev.domain->kind, want);
			assert_int_equal(ioas_group_nests(rig.ioas, &rig.devs[0].group), nest);
			assert_int_equal(ioas_group_nests(rig.ioas, NULL), nest);
			umem.bytes[5] = 9;
			assert_int_equal(rig_dma(&rig, 0, MIB(1) + 4, &word, 4, false), 0);
			assert_int_equal(word, 9 << 8);
			assert_int_equal(rig_dma(&rig, 0, MIB(2), &word, 4, false), -1);
			assert_int_equal(rig.fault.stage, want == IOMMU_DOMAIN_STAGE1 ? 1 : 2);
			assert_int_equal(iommu_domain_set_attr(rig.devs[0].dev.domain,
						 DOMAIN_ATTR_NESTING, true, NULL),
				-EPERM);
			rig_detach(&rig, 0);
		}
		rig_finish(&rig);
		rig_umem_finish(&umem);
	}
}

/* The reasons name what is missing (R3). */
static void reasons(void **state)
{
	static const struct {
		struct nb_smmuv3_config config;
		const char *word; /* NULL: nests */
	} rows[] = {
		{ { .no_stage2 = true }, "stage 2" }, { { .no_stage1 = true }, "stage 1" },
		{ { .iidr = 0x4830043b }, "1209401" }, { { .iidr = 0x4831243b }, "1209401" },
		{ { .iidr = 0x4832043b }, NULL }, /* MMU-600 r2p0 */
		{ { .iidr = 0x4870143b }, "2268618" }, { { .iidr = 0x4871043b }, "2268618" },
		{ { .iidr = 0x4871143b }, NULL }, /* MMU-700 r1p1 */
		{ { .iidr = 0x48300436 }, NULL }, /* not Arm's */
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct why why = { 0 };
		struct rig rig;

		rig_init(&rig, &rows[i].config, 1);
		assert_int_equal(iommu_nesting_probe(&rig.system, &why), !rows[i].word);
		if (rows[i].word)
			assert_non_null(strstr(why.missing, rows[i].word));
		rig_finish(&rig);
	}
}

static void several_instances(void **state)
{
	struct nb_smmuv3_config configs[] = { nesting, s2_only, no_nesting };
	struct rig_umem umem;
	struct rig rig;
	uint8_t byte = 3;

	rig_init(&rig, configs, 3);
	rig_umem_init(&umem, MIB(4));
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	assert_int_equal(rig_map(&rig, &umem, MIB(8), 0, MIB(4), RW), 0);
	/* A later group finds what was mapped before it came. */
	assert_int_equal(rig_attach(&rig, 1, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(rig_attach(&rig, 2, IOMMU_DOMAIN_NEST_PARENT), -EOPNOTSUPP);
	assert_int_equal(rig_attach(&rig, 2, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(rig_attach(&rig, 2, IOMMU_DOMAIN_STAGE1), -EBUSY);
	assert_int_equal(rig.system.stats.domains, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rig_dma(&rig, i, MIB(8) + i, &byte, 1, true), 0);
	assert_int_equal(umem.bytes[2], 3);
	assert_int_equal(ioas_unmap(rig.ioas, 0, UINT64_MAX), MIB(4));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rig_dma(&rig, i, MIB(8) + i, &byte, 1, true), -1);
	for (unsigned i = 0; i < 3; i++)
		rig_detach(&rig, i);
	rig_finish(&rig);
	rig_umem_finish(&umem);
}

static void early_areas(void **state)
{
	struct nb_smmuv3_config narrow = { .no_stage1 = true, .oas_bits = 44 };
	struct rig_counts before;
	struct rig_umem umem;
	struct rig rig;

	rig_init(&rig, &narrow, 1);
	rig_umem_init(&umem, KIB(64));
	assert_int_equal(rig_map(&rig, &umem, 0x8000000, 0, KIB(4), RW), 0);
	before = rig_counts(&rig);
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), -EINVAL);
	rig_assert_same(&rig, before);
	ioas_unmap(rig.ioas, 0, UINT64_MAX);
	assert_int_equal(rig_map(&rig, &umem, BIT64(44), 0, KIB(4), RW), 0);
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), -EINVAL);
	rig_assert_same(&rig, before);
	ioas_unmap(rig.ioas, 0, UINT64_MAX);
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	rig_detach(&rig, 0);
	rig_finish(&rig);
	rig_umem_finish(&umem);
}

/* Every table budget, from none: attach and maps succeed, or fail and leave no trace. */
static void table_budget(void **state)
{
	struct nb_smmuv3_config configs[] = { nesting, s2_only };
	unsigned failures = 0;
	bool ok = false;
	uint8_t byte;

	for (unsigned pages = 0; !ok; pages++) {
		struct rig_counts before;
		struct rig_umem umem;
		struct rig rig;

		rig_init(&rig, configs, 2);
		rig_umem_init(&umem, MIB(8));
		rig.env.table_limit = pages * KIB(4);
		ioas_destroy(rig.ioas);
		rig.ioas = ioas_create(&rig.env);
		ok = true;
		for (unsigned step = 0; step < 5; step++) {
			int ret;

			before = rig_counts(&rig);
			if (step == 0 || step == 3)
				ret = rig_attach(&rig, step / 3, IOMMU_DOMAIN_STAGE1);
			else
				ret = rig_map(&rig, &umem, step * GIB(1) - MIB(1) - KIB(4), 0,
					MIB(3), RW);
			if (!ret)
				continue;
			assert_int_equal(ret, -ENOMEM);
			rig_assert_same(&rig, before);
			ok = false;
			failures++;
		}
		if (ok)
			assert_int_equal(rig_dma(&rig, 1, 4 * GIB(1) - MIB(1), &byte, 1, false), 0);
		rig_detach(&rig, 0);
		rig_detach(&rig, 1);
		rig_finish(&rig);
		rig_umem_finish(&umem);
	}
	assert_true(failures > 20);
}

/* ---- one IOMMU refuses ---- */

static const struct iommu_ops *driver;
static struct iommu_ops refusing; /* the driver's, but for map */
static unsigned maps_left;

static int map_or_refuse(struct iommu_domain *domain, nb_iova iova, nb_pa pa, uint64_t bytes,
	unsigned prot, struct why *why)
{
	if (!maps_left)
		return why_refused(why, EIO, "refused-by-test", "this IOMMU maps nothing more");
	maps_left--;
	return driver->map(domain, iova, pa, bytes, prot, why);
}

/* From now on this instance takes n mappings more. */
static void refuse_after(struct rig *rig, unsigned i, unsigned n)
{
	driver = rig->iommus[i]->ops == &refusing ? driver : rig->iommus[i]->ops;
	refusing = *driver;
	refusing.map = map_or_refuse;
	rig->iommus[i]->ops = &refusing;
	maps_left = n;
}

/* A map that the last of three refuses is undone on the others: no device reaches it. */
static void one_refuses_map(void **state)
{
	struct nb_smmuv3_config configs[] = { nesting, s2_only, s1_only };
	struct rig_counts before;
	struct rig_umem umem;
	struct rig rig;
	uint8_t byte = 1;

	for (unsigned who = 0; who < 3; who++) {
		rig_init(&rig, configs, 3);
		rig_umem_init(&umem, MIB(4));
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(rig_attach(&rig, i, IOMMU_DOMAIN_STAGE1), 0);
		assert_int_equal(rig_map(&rig, &umem, MIB(32), 0, KIB(4), RW), 0);
		refuse_after(&rig, who, 0);
		before = rig_counts(&rig);
		assert_int_equal(rig_map(&rig, &umem, GIB(1), 0, MIB(4), RW), -EIO);
		rig_assert_same(&rig, before);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(rig_dma(&rig, i, GIB(1), &byte, 1, true), -1);
			assert_int_equal(rig_dma(&rig, i, MIB(32), &byte, 1, true), 0);
		}
		refuse_after(&rig, who, 1);
		assert_int_equal(rig_map(&rig, &umem, GIB(1), 0, MIB(4), RW), 0);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(rig_dma(&rig, i, GIB(1), &byte, 1, true), 0);
			rig_detach(&rig, i);
		}
		rig_finish(&rig);
		rig_umem_finish(&umem);
	}
}

/* A group that comes late, and whose IOMMU refuses one of the mappings, stays out. */
static void one_refuses_replay(void **state)
{
	struct nb_smmuv3_config configs[] = { nesting, nesting };
	struct rig_counts before;
	struct rig_umem umem;
	struct rig rig;
	uint8_t byte = 1;

	rig_init(&rig, configs, 2);
	rig_umem_init(&umem, KIB(64));
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(rig_map(&rig, &umem, GIB(1) + MIB(2) * i, 0, KIB(4), RW), 0);
	before = rig_counts(&rig);
	for (unsigned n = 0; n < 8; n++) {
		refuse_after(&rig, 1, n);
		assert_int_equal(rig_attach(&rig, 1, IOMMU_DOMAIN_STAGE1), -EIO);
		rig_assert_same(&rig, before);
		assert_int_equal(rig_dma(&rig, 1, GIB(1), &byte, 1, true), -1);
		assert_int_equal(rig_dma(&rig, 0, GIB(1) + MIB(2) * 7, &byte, 1, true), 0);
	}
	refuse_after(&rig, 1, 8);
	assert_int_equal(rig_attach(&rig, 1, IOMMU_DOMAIN_STAGE1), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(rig_dma(&rig, 1, GIB(1) + MIB(2) * i, &byte, 1, true), 0);
	rig_detach(&rig, 0);
	rig_detach(&rig, 1);
	rig_finish(&rig);
	rig_umem_finish(&umem);
}

/* Linux 7.3 vfio_update_pgsize_bitmap: what all have, from a page up. */
static void page_sizes(void **state)
{
	struct nb_smmuv3_config configs[] = { nesting, nesting };
	struct rig rig;

	rig_init(&rig, configs, 2);
	assert_int_equal(ioas_pgsizes(rig.ioas), ~(KIB(4) - 1));
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(rig_attach(&rig, 1, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(ioas_pgsizes(rig.ioas), KIB(4) | MIB(2) | GIB(1));
	rig.devs[1].dev.domain->pgsizes = KIB(64) | MIB(2);
	assert_int_equal(ioas_pgsizes(rig.ioas), MIB(2));
	rig.devs[0].dev.domain->pgsizes = rig.devs[1].dev.domain->pgsizes = 512 | MIB(2);
	assert_int_equal(ioas_pgsizes(rig.ioas), KIB(4) | MIB(2));
	rig_detach(&rig, 1);
	rig.devs[0].dev.domain->pgsizes = KIB(16) | MIB(32);
	assert_int_equal(ioas_pgsizes(rig.ioas), KIB(16) | MIB(32));
	rig_detach(&rig, 0);
	assert_int_equal(ioas_pgsizes(rig.ioas), ~(KIB(4) - 1));
	rig_finish(&rig);
}

static void msi_window(void **state)
{
	struct nb_smmuv3_config configs[] = { nesting, nesting };
	uint32_t data = 0xabcd;
	struct rig rig;
	nb_iova addr;

	rig_init(&rig, configs, 2);
	assert_int_equal(ioas_msi_map(rig.ioas, &rig.devs[0].group, &addr, NULL), -EINVAL);
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(rig_attach(&rig, 1, IOMMU_DOMAIN_NEST_PARENT), 0);
	assert_int_equal(rig_dma(&rig, 0, 0x8000040, &data, 4, true), -1);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ioas_msi_map(rig.ioas, &rig.devs[i / 2].group, &addr, NULL), 0);
		assert_int_equal(addr.v, 0x8000000);
		assert_int_equal(rig_dma(&rig, i / 2, addr.v + 0x40 + 4 * i, &data, 4, true), 0);
		assert_memory_equal(rig.msi_page + 0x40 + 4 * i, &data, 4);
	}
	rig_detach(&rig, 0);
	rig_detach(&rig, 1);
	rig_finish(&rig);
}

static void many_areas(void **state)
{
	enum {
		N = 3000
	};
	struct ioas_area_info info;
	struct rig_umem umem;
	struct rig rig;
	uint8_t byte;

	rig_init(&rig, &nesting, 1);
	rig_umem_init(&umem, KIB(4));
	assert_int_equal(rig_attach(&rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(
			rig_map(&rig, &umem, GIB(1) + (i * 7 % N) * KIB(8), 0, KIB(4), RW), 0);
	assert_int_equal(ioas_areas(rig.ioas), N);
	assert_true(ioas_find(rig.ioas, GIB(1) + KIB(4), &info));
	assert_int_equal(info.iova, GIB(1) + KIB(8));
	assert_int_equal(ioas_unmap(rig.ioas, GIB(1) + KIB(8), GIB(1) + KIB(8) * 11 - 1), KIB(40));
	assert_int_equal(rig_dma(&rig, 0, GIB(1) + KIB(8) * 5, &byte, 1, false), -1);
	assert_int_equal(rig_dma(&rig, 0, GIB(1) + KIB(8) * 11, &byte, 1, false), 0);
	/* One by one: the command queue wraps. */
	for (unsigned i = 11; i < 2000; i++)
		assert_int_equal(
			ioas_unmap(rig.ioas, GIB(1) + KIB(8) * i, GIB(1) + KIB(8) * i + KIB(4) - 1),
			KIB(4));
	assert_int_equal(ioas_unmap(rig.ioas, 0, UINT64_MAX), KIB(4) * (N - 1999));
	assert_false(ioas_find(rig.ioas, 0, &info));
	rig_detach(&rig, 0);
	rig_finish(&rig);
	rig_umem_finish(&umem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dma_through_map),
		cmocka_unit_test(direct_only),
		cmocka_unit_test(blocks),
		cmocka_unit_test(refused_maps),
		cmocka_unit_test(ranges),
		cmocka_unit_test(stages),
		cmocka_unit_test(reasons),
		cmocka_unit_test(several_instances),
		cmocka_unit_test(early_areas),
		cmocka_unit_test(table_budget),
		cmocka_unit_test(one_refuses_map),
		cmocka_unit_test(one_refuses_replay),
		cmocka_unit_test(page_sizes),
		cmocka_unit_test(msi_window),
		cmocka_unit_test(many_areas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
