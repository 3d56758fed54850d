/* SPDX-License-Identifier: MIT */
/*
 * A guest's stage 1 on an address space: all devices and each of them, all or nothing, who comes later
 * and who leaves.
 */
#include "guest.h"

#define VA MIB(1)

static const struct nb_smmuv3_config nesting = { .ssid_bits = 4 };
static const struct nb_smmuv3_config s1_only = { .no_stage2 = true };

/* ---- allocations that fail ---- */

static unsigned long fail_at; /* 0: none */

void *__real_calloc(size_t n, size_t len);
void *__wrap_calloc(size_t n, size_t len);

void *__wrap_calloc(size_t n, size_t len)
{
	return fail_at && !--fail_at ? NULL : __real_calloc(n, len);
}

/* ---- three devices: two functions of group 0, and one behind another SMMU ---- */

struct bench {
	struct rig rig;
	struct rig_dev second; /* of group 0 */
	struct guest guest;
	struct nb_pgtable *tables[2];
	uint64_t cds[2]; /* VA: a page with 0x10, with 0x11 */
};

static void add_second(struct bench *b)
{
	struct rig_dev *d = &b->second;

	d->dev = (struct iommu_device){ .name = "0000:01:00.1",
		.iommu = b->rig.iommus[0],
		.group = &b->rig.devs[0].group,
		.sid = 0x180 };
	cds_list_add_tail(&d->dev.group_link, &b->rig.devs[0].group.devices);
	assert_int_equal(iommu_probe_device(&d->dev, NULL), 0);
	d->port = smmuv3_port(nb_smmuv3_port_create(b->rig.models[0], d->dev.sid));
}

static void setup(struct bench *b, const struct nb_smmuv3_config *other)
{
	const struct nb_smmuv3_config configs[2] = { nesting, *other };

	memset(b, 0, sizeof(*b));
	rig_init(&b->rig, configs, 2);
	add_second(b);
	guest_init(&b->guest, &b->rig);
	for (unsigned i = 0; i < 2; i++) {
		b->tables[i] = guest_tables(&b->guest);
		guest_map(b->tables[i], VA, guest_page(&b->guest, 0x10 + i), GUEST_RW);
		b->cds[i] = guest_cd(&b->guest, b->tables[i], i + 1, 0);
	}
}

static void teardown(struct bench *b)
{
	for (unsigned i = 0; i < 2; i++) {
		rig_detach(&b->rig, i);
		nb_pgtable_destroy(b->tables[i]);
	}
	guest_finish(&b->guest);
	nb_smmuv3_port_destroy(smmuv3_port_of(b->second.port));
	rig_finish(&b->rig);
}

static void attach_both(struct bench *b)
{
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(rig_attach(&b->rig, i, IOMMU_DOMAIN_NEST_PARENT), 0);
}

/* By number: 0 and 1 are the functions, 2 the other one. */
static struct rig_dev *device(struct bench *b, unsigned n)
{
	return n == 1 ? &b->second : &b->rig.devs[n / 2];
}

static int peek(struct bench *b, unsigned n, uint64_t va)
{
	struct nb_smmuv3_txn txn = { .iova = NB_IOVA(va) };
	uint8_t byte;
	int ret = nb_smmuv3_dma_read(smmuv3_port_of(device(b, n)->port), &txn, &byte, 1, NULL);

	return ret == NB_SMMUV3_OK ? byte : -1;
}

/* What the three read at VA; where stage 1 is in bypass there is nothing. */
static void assert_peeks(struct bench *b, int first, int second, int third)
{
	assert_int_equal(peek(b, 0, VA), first);
	assert_int_equal(peek(b, 1, VA), second);
	assert_int_equal(peek(b, 2, VA), third);
}

static int set_all(struct bench *b, uint64_t word0, struct why *why)
{
	struct abi_smmuv3_ste ste;
	struct iommu_user_data data = guest_ste(&ste, word0, 0);

	return ioas_nest_all(b->rig.ioas, &data, why);
}

static int set_one(struct bench *b, unsigned n, uint64_t word0, struct why *why)
{
	struct abi_smmuv3_ste ste;
	struct iommu_user_data data = guest_ste(&ste, word0, 0);

	return ioas_nest_device(b->rig.ioas, &device(b, n)->dev, &data, why);
}

static int unset_all(struct bench *b)
{
	return ioas_nest_all(b->rig.ioas, NULL, NULL);
}

static int unset_one(struct bench *b, unsigned n)
{
	return ioas_nest_device(b->rig.ioas, &device(b, n)->dev, NULL, NULL);
}

static bool is_set(struct bench *b, int n)
{
	return ioas_nest_is_set(b->rig.ioas, n < 0 ? NULL : &device(b, n)->dev);
}

/* DMA of the two functions at each doorbell: it never meets stage 1 in bypass. */
static struct {
	struct bench *b;
	unsigned reads;
} during;

static void read_both(void)
{
	for (unsigned n = 0; during.b && n < 2; n++, during.reads++)
		assert_int_equal(peek(during.b, n, GUEST_IPA), -1);
}

static void hw_write(void *hw, uint64_t offset, uint64_t value, unsigned size)
{
	bool doorbell = offset == SMMU_CMDQ_PROD; /* not EVENTQ_CONS: what fails here is an event */

	if (doorbell)
		read_both();
	nb_smmuv3_write(hw, offset, value, size);
	if (doorbell)
		read_both();
}

static void watch(struct bench *b)
{
	during.b = b;
	to_smmu(b->rig.iommus[0])->hw.write = hw_write;
}

/* Function 1 in a group of its own. */
static void split(struct bench *b)
{
	struct iommu_group *group = &b->second.group;

	cds_list_del(&b->second.dev.group_link);
	*group = (struct iommu_group){ .id = 7, .name = "7", .iommu = b->rig.iommus[0] };
	CDS_INIT_LIST_HEAD(&group->devices);
	cds_list_add_tail(&b->second.dev.group_link, &group->devices);
	b->second.dev.group = group;
}

/* ---- tests ---- */

static void all_devices(void **state)
{
	struct rig_counts before;
	struct bench b;

	setup(&b, &nesting);
	attach_both(&b);
	before = rig_counts(&b.rig);
	assert_peeks(&b, -1, -1, -1);
	assert_false(is_set(&b, -1));
	for (unsigned round = 0; round < 3; round++) {
		assert_int_equal(set_all(&b, VSTE_S1(b.cds[0]), NULL), 0);
		assert_peeks(&b, 0x10, 0x10, 0x10);
		assert_int_equal(b.rig.system.stats.domains, before.domains + 2);
		/* Another one takes its place. */
		assert_int_equal(set_all(&b, VSTE_S1(b.cds[1]), NULL), 0);
		assert_peeks(&b, 0x11, 0x11, 0x11);
		assert_int_equal(b.rig.system.stats.domains, before.domains + 2);
		for (int n = -1; n < 3; n++)
			assert_true(is_set(&b, n));
		assert_int_equal(unset_all(&b), 0);
		assert_peeks(&b, -1, -1, -1);
		assert_int_equal(peek(&b, 0, GUEST_IPA) >= 0, true);
		for (int n = -1; n < 3; n++)
			assert_false(is_set(&b, n));
		rig_assert_same(&b.rig, before);
	}
	assert_int_equal(unset_all(&b), 0); /* there is none */
	teardown(&b);
}

static void each_device(void **state)
{
	struct rig_counts before;
	struct bench b;

	setup(&b, &nesting);
	attach_both(&b);
	before = rig_counts(&b.rig);
	/* Functions of one group, each with its own. */
	assert_int_equal(set_one(&b, 0, VSTE_S1(b.cds[0]), NULL), 0);
	assert_int_equal(set_one(&b, 1, VSTE_S1(b.cds[1]), NULL), 0);
	assert_peeks(&b, 0x10, 0x11, -1);
	assert_true(is_set(&b, 0) && is_set(&b, 1) && !is_set(&b, 2) && !is_set(&b, -1));
	assert_int_equal(b.rig.system.stats.domains, before.domains + 2);
	assert_int_equal(set_one(&b, 0, VSTE_S1(b.cds[1]), NULL), 0);
	assert_peeks(&b, 0x11, 0x11, -1);
	assert_int_equal(b.rig.system.stats.domains, before.domains + 2);
	assert_int_equal(unset_one(&b, 0), 0);
	assert_peeks(&b, -1, 0x11, -1);
	assert_int_equal(unset_one(&b, 0), 0); /* it has none */
	assert_int_equal(unset_one(&b, 1), 0);
	rig_assert_same(&b.rig, before);
	teardown(&b);
}

/* What is said last counts; a device's own goes when all get one. */
static void both_forms(void **state)
{
	struct rig_counts before;
	struct bench b;

	setup(&b, &nesting);
	attach_both(&b);
	before = rig_counts(&b.rig);
	assert_int_equal(set_all(&b, VSTE_S1(b.cds[0]), NULL), 0);
	assert_int_equal(set_one(&b, 1, VSTE_S1(b.cds[1]), NULL), 0);
	assert_int_equal(unset_one(&b, 2), 0);
	assert_peeks(&b, 0x10, 0x11, -1);
	assert_true(is_set(&b, -1));
	assert_int_equal(set_all(&b, VSTE_S1(b.cds[1]), NULL), 0);
	assert_peeks(&b, 0x11, 0x11, 0x11);
	assert_int_equal(b.rig.system.stats.domains, before.domains + 2);
	/* The common one without any device: it stays for those who come, then goes. */
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(set_one(&b, n, VSTE_S1(b.cds[0]), NULL), 0);
	assert_peeks(&b, 0x10, 0x10, 0x10);
	assert_true(is_set(&b, -1));
	assert_int_equal(set_all(&b, VSTE_ABORT, NULL), 0);
	assert_peeks(&b, -1, -1, -1);
	assert_int_equal(b.rig.system.stats.domains, before.domains + 2);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(set_one(&b, n, VSTE_S1(b.cds[0]), NULL), 0);
	assert_int_equal(unset_all(&b), 0);
	assert_peeks(&b, -1, -1, -1);
	rig_assert_same(&b.rig, before);
	teardown(&b);
}

/* A group that joins later has what all behind that SMMU have, and never less in between. */
static void late_joiners(void **state)
{
	struct rig_counts before;
	struct bench b;

	setup(&b, &nesting);
	split(&b);
	assert_int_equal(rig_attach(&b.rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	assert_int_equal(set_all(&b, VSTE_S1(b.cds[0]), NULL), 0);
	assert_peeks(&b, 0x10, -1, -1);
	before = rig_counts(&b.rig);
	watch(&b);
	assert_int_equal(
		ioas_attach_group(b.rig.ioas, &b.second.group, IOMMU_DOMAIN_NEST_PARENT, NULL), 0);
	during.b = NULL;
	assert_peeks(&b, 0x10, 0x10, -1);
	assert_true(is_set(&b, 1));
	/* Its last device leaves: the common one stays, for it was not that device's. */
	ioas_detach_group(b.rig.ioas, &b.rig.devs[0].group);
	assert_peeks(&b, -1, 0x10, -1);
	assert_true(is_set(&b, -1));
	assert_int_equal(rig_attach(&b.rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	assert_peeks(&b, 0x10, 0x10, -1);
	ioas_detach_group(b.rig.ioas, &b.second.group);
	rig_assert_same(&b.rig, before);
	teardown(&b);
}

/* Straight to blocked. */
static void detach(void **state)
{
	struct rig_counts before;
	struct bench b;

	setup(&b, &nesting);
	before = rig_counts(&b.rig);
	for (unsigned own = 0; own < 2; own++) {
		attach_both(&b);
		assert_int_equal(set_all(&b, VSTE_S1(b.cds[0]), NULL), 0);
		if (own)
			assert_int_equal(set_one(&b, 0, VSTE_S1(b.cds[1]), NULL), 0);
		assert_peeks(&b, own ? 0x11 : 0x10, 0x10, 0x10);
		watch(&b);
		rig_detach(&b.rig, 0);
		during.b = NULL;
		assert_true(during.reads > 4);
		assert_peeks(&b, -1, -1, 0x10);
		assert_null(b.second.dev.viommu);
		/* The other parent's stays; one that comes back has none of what was. */
		assert_int_equal(rig_attach(&b.rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
		assert_peeks(&b, -1, -1, 0x10);
		assert_true(peek(&b, 0, GUEST_IPA) >= 0);
		rig_detach(&b.rig, 0);
		rig_detach(&b.rig, 1);
		rig_assert_same(&b.rig, before);
	}
	teardown(&b);
}

static void nothing_nests(void **state)
{
	struct why why = { 0 };
	struct bench b;

	setup(&b, &s1_only);
	assert_int_equal(set_all(&b, VSTE_BYPASS, &why), -EOPNOTSUPP); /* no group at all */
	assert_string_equal(why.rule, "no-nesting-group");
	assert_int_equal(unset_all(&b), -EOPNOTSUPP);
	assert_int_equal(rig_attach(&b.rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(rig_attach(&b.rig, 1, IOMMU_DOMAIN_STAGE1), 0);
	why_clear(&why);
	assert_int_equal(set_all(&b, VSTE_BYPASS, &why), -EOPNOTSUPP);
	assert_string_equal(why.rule, "no-nesting-group");
	why_clear(&why);
	assert_int_equal(set_one(&b, 2, VSTE_BYPASS, &why), -EOPNOTSUPP);
	assert_string_equal(why.rule, "device-does-not-nest");
	assert_string_equal(why.iommu, "smmu1");
	assert_int_equal(unset_one(&b, 0), -EOPNOTSUPP);
	teardown(&b);
}

/* R5: those that cannot are left alone. */
static void mixed(void **state)
{
	struct bench b;

	setup(&b, &s1_only);
	assert_int_equal(rig_attach(&b.rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	assert_int_equal(rig_attach(&b.rig, 1, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(set_all(&b, VSTE_S1(b.cds[0]), NULL), 0);
	assert_peeks(&b, 0x10, 0x10, -1);
	assert_true(peek(&b, 2, GUEST_IPA) >= 0);
	assert_int_equal(unset_all(&b), 0);
	teardown(&b);
}

/* The data, or memory: nothing has changed then. */
static void all_or_nothing(void **state)
{
	struct rig_counts before;
	struct bench b;
	unsigned n;

	setup(&b, &nesting);
	attach_both(&b);
	assert_int_equal(set_all(&b, VSTE_S1(b.cds[0]), NULL), 0);
	assert_int_equal(set_one(&b, 1, VSTE_S1(b.cds[1]), NULL), 0);
	before = rig_counts(&b.rig);
	for (unsigned i = 0; i < 2; i++) {
		struct why why = { 0 };
		uint64_t bad = VSTE_S1(b.cds[0]) | BIT64(56);

		assert_int_equal(i ? set_one(&b, 0, bad, &why) : set_all(&b, bad, &why), -EIO);
		assert_string_equal(why.rule, "bad-stage1-ste");
		assert_peeks(&b, 0x10, 0x11, 0x10);
		rig_assert_same(&b.rig, before);
	}
	for (n = 1;; n++) {
		struct why why = { 0 };
		int ret;

		fail_at = n;
		ret = set_all(&b, VSTE_S1(b.cds[1]), &why);
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_string_equal(why.rule, "host-memory");
		assert_peeks(&b, 0x10, 0x11, 0x10);
		rig_assert_same(&b.rig, before);
	}
	fail_at = 0;
	assert_int_equal(n, 3); /* one domain for each parent */
	assert_peeks(&b, 0x11, 0x11, 0x11);
	fail_at = 1;
	assert_int_equal(set_one(&b, 0, VSTE_S1(b.cds[0]), NULL), -ENOMEM);
	fail_at = 0;
	assert_peeks(&b, 0x11, 0x11, 0x11);
	teardown(&b);
}

/* Joining fails at the n-th allocation, or since a device is elsewhere: no trace of it. */
static void failed_join(void **state)
{
	struct rig_counts before;
	struct ioas *elsewhere;
	struct bench b;
	int ret = -1;

	setup(&b, &nesting);
	assert_int_equal(rig_attach(&b.rig, 1, IOMMU_DOMAIN_NEST_PARENT), 0);
	assert_int_equal(set_all(&b, VSTE_S1(b.cds[0]), NULL), 0);
	before = rig_counts(&b.rig);
	for (unsigned n = 1; ret && n < 1000; n++) {
		fail_at = n;
		ret = rig_attach(&b.rig, 0, IOMMU_DOMAIN_NEST_PARENT);
		fail_at = 0;
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_null(b.rig.devs[0].dev.viommu);
		rig_assert_same(&b.rig, before);
	}
	elsewhere = ioas_create(&b.rig.env);
	for (unsigned i = 0; i < 2; i++) {
		struct why why = { 0 };

		before = rig_counts(&b.rig);
		assert_int_equal(ioas_attach_group(elsewhere, &b.rig.devs[i].group,
					 IOMMU_DOMAIN_NEST_PARENT, &why),
			-EBUSY);
		assert_string_equal(why.rule, "device-in-other-domain");
		rig_assert_same(&b.rig, before);
		assert_non_null(b.rig.devs[i].dev.viommu);
	}
	/* A parent that was made later has no stage 1 until it is told. */
	assert_peeks(&b, -1, -1, 0x10);
	ioas_destroy(elsewhere);
	teardown(&b);
}

static int count(struct iommu_viommu *viommu, void *ctx)
{
	assert_int_equal(viommu->parent->kind, IOMMU_DOMAIN_NEST_PARENT);
	return --*(int *)ctx ? 0 : 17;
}

static void views(void **state)
{
	struct bench b;
	int n = 10;

	setup(&b, &nesting);
	assert_int_equal(ioas_for_each_viommu(b.rig.ioas, count, &n), 0);
	assert_int_equal(n, 10);
	attach_both(&b);
	assert_int_equal(ioas_for_each_viommu(b.rig.ioas, count, &n), 0);
	assert_int_equal(n, 8);
	n = 1;
	assert_int_equal(ioas_for_each_viommu(b.rig.ioas, count, &n), 17);
	assert_ptr_equal(b.second.dev.viommu, b.rig.devs[0].dev.viommu);
	assert_ptr_not_equal(b.second.dev.viommu, b.rig.devs[1].dev.viommu);
	assert_ptr_equal(iommu_vdevice_find(b.second.dev.viommu, b.second.dev.sid), &b.second.dev);
	assert_null(iommu_vdevice_find(b.second.dev.viommu, b.rig.devs[1].dev.sid));
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_devices),
		cmocka_unit_test(each_device),
		cmocka_unit_test(both_forms),
		cmocka_unit_test(late_joiners),
		cmocka_unit_test(detach),
		cmocka_unit_test(nothing_nests),
		cmocka_unit_test(mixed),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(failed_join),
		cmocka_unit_test(views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
