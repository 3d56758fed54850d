/* SPDX-License-Identifier: MIT */
/* The IOMMU API over a driver that only counts: probe, attributes, groups, all or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "iommu/iommu.h"

/* What the counting driver did; it refuses attaching the device named here. */
static struct {
	unsigned allocs, frees, set_attrs, attaches, detaches;
	const char *bad_device;
} log_of;

struct fake {
	struct iommu iommu;
	bool nests;
};

static int fake_alloc(struct iommu *iommu, enum iommu_domain_kind kind, struct charge *charge,
	struct iommu_domain **out, struct why *why)
{
	*out = calloc(1, sizeof(**out));
	(*out)->iommu = iommu;
	(*out)->kind = kind;
	log_of.allocs++;
	return 0;
}

static void fake_free(struct iommu_domain *domain)
{
	log_of.frees++;
	free(domain);
}

static int fake_set_attr(
	struct iommu_domain *domain, enum iommu_attr attr, bool value, struct why *why)
{
	log_of.set_attrs++;
	if (!((struct fake *)domain->iommu)->nests)
		return why_refused(
			why, EOPNOTSUPP, "iommu-cannot-nest", "%s cannot", domain->iommu->name);
	domain->kind = IOMMU_DOMAIN_NEST_PARENT;
	return 0;
}

static int fake_attach(struct iommu_domain *domain, struct iommu_device *dev, struct why *why)
{
	if (log_of.bad_device && !strcmp(log_of.bad_device, dev->name))
		return why_refused(why, ERANGE, "stream-id-out-of-range", "no such stream");
	log_of.attaches++;
	return 0;
}

static void fake_detach(struct iommu_domain *domain, struct iommu_device *dev)
{
	log_of.detaches++;
}

static int fake_can_attach(
	struct iommu *iommu, struct iommu_device *dev, enum iommu_domain_kind kind, struct why *why)
{
	if (log_of.bad_device && !strcmp(log_of.bad_device, dev->name))
		return why_refused(why, ERANGE, "stream-id-out-of-range", "no such stream");
	return 0;
}

static unsigned fake_resv(struct iommu_device *dev, struct iommu_resv *out, unsigned max)
{
	out[0] = (struct iommu_resv){ 0x1000, 0x1fff, true };
	return 1;
}

static const struct iommu_ops fake_ops = {
	.driver = "fake",
	.domain_alloc = fake_alloc,
	.domain_free = fake_free,
	.set_attr = fake_set_attr,
	.attach = fake_attach,
	.detach = fake_detach,
	.can_attach = fake_can_attach,
	.get_resv = fake_resv,
};

struct rig {
	struct iommu_system system;
	struct fake fakes[3];
	struct iommu_group group;
	struct iommu_device devices[3];
};

static void rig_init(struct rig *rig)
{
	static const char *const names[] = { "a", "b", "c" };

	memset(&log_of, 0, sizeof(log_of));
	memset(rig, 0, sizeof(*rig));
	iommu_system_init(&rig->system);
	rig->group.id = 7;
	strcpy(rig->group.name, "7");
	CDS_INIT_LIST_HEAD(&rig->group.devices);
	rig->group.iommu = &rig->fakes[0].iommu;
	for (unsigned i = 0; i < 3; i++) {
		rig->fakes[i].iommu = (struct iommu){
			.name = names[i], .ops = &fake_ops, .stats = &rig->system.stats
		};
		strcpy(rig->devices[i].name, names[i]);
		rig->devices[i].iommu = &rig->fakes[0].iommu;
		rig->devices[i].group = &rig->group;
		cds_list_add_tail(&rig->devices[i].group_link, &rig->group.devices);
	}
}

static int count_until_pci(struct bus_type *bus, void *data)
{
	++*(unsigned *)data;
	return strcmp(bus->name, "pci") ? 0 : 42;
}

static void buses(void **state)
{
	struct rig rig;
	unsigned n = 0;

	rig_init(&rig);
	assert_int_equal(iommu_for_each_bus(&rig.system, count_until_pci, &n), 42);
	assert_true(n >= 1);
	assert_null(iommu_find_bus(&rig.system, "usb"));
	assert_false(iommu_any_present(&rig.system));
	iommu_register(iommu_find_bus(&rig.system, "platform"), &rig.fakes[0].iommu);
	assert_true(iommu_any_present(&rig.system));
	assert_false(iommu_present(iommu_find_bus(&rig.system, "pci")));
	iommu_unregister(&rig.fakes[0].iommu);
	assert_false(iommu_any_present(&rig.system));
}

/* Point 4 of 2014: present, alloc, set_attr, free; nothing is left behind. */
static void probe(void **state)
{
	struct why why = { 0 };
	struct rig rig;

	rig_init(&rig);
	assert_false(iommu_nesting_probe(&rig.system, &why));
	assert_string_equal(why.rule, "no-iommu");

	iommu_register(iommu_find_bus(&rig.system, "pci"), &rig.fakes[0].iommu);
	iommu_register(iommu_find_bus(&rig.system, "platform"), &rig.fakes[1].iommu);
	why_clear(&why);
	assert_false(iommu_nesting_probe(&rig.system, &why));
	assert_string_equal(why.rule, "iommu-cannot-nest");
	assert_string_equal(why.missing, "b cannot"); /* the last refusal */
	assert_int_equal(why.err, EOPNOTSUPP);
	assert_int_equal(log_of.allocs, 2);

	rig.fakes[1].nests = true;
	why_clear(&why);
	assert_true(iommu_nesting_probe(&rig.system, &why));
	assert_int_equal(why.class, WHY_NONE);
	assert_int_equal(log_of.allocs, log_of.frees);
	assert_int_equal(rig.system.stats.domains, 0);
}

static void attributes(void **state)
{
	struct iommu_domain *domain;
	struct why why = { 0 };
	struct rig rig;

	rig_init(&rig);
	rig.fakes[0].nests = true;
	assert_int_equal(
		iommu_domain_alloc(&rig.fakes[0].iommu, IOMMU_DOMAIN_STAGE1, NULL, &domain, NULL),
		0);
	assert_int_equal(iommu_attach_group(domain, &rig.group, NULL), 0);
	assert_int_equal(rig.system.stats.attachments, 3);
	assert_int_equal(iommu_domain_set_attr(domain, DOMAIN_ATTR_NESTING, true, &why), -EPERM);
	assert_string_equal(why.rule, "domain-attached");
	assert_int_equal(log_of.set_attrs, 0);
	iommu_detach_group(domain, &rig.group);
	assert_int_equal(iommu_domain_set_attr(domain, DOMAIN_ATTR_NESTING, true, NULL), 0);
	iommu_domain_free(domain);
	assert_int_equal(rig.system.stats.domains, 0);
}

static void all_or_none(void **state)
{
	struct iommu_domain *domain, *other;
	struct why why = { 0 };
	struct rig rig;

	rig_init(&rig);
	iommu_domain_alloc(&rig.fakes[0].iommu, IOMMU_DOMAIN_STAGE1, NULL, &domain, NULL);
	iommu_domain_alloc(&rig.fakes[0].iommu, IOMMU_DOMAIN_STAGE1, NULL, &other, NULL);
	log_of.bad_device = "c";
	assert_int_equal(iommu_can_attach_group(&rig.group, IOMMU_DOMAIN_STAGE1, &why), -ERANGE);
	why_clear(&why);
	assert_int_equal(iommu_attach_group(domain, &rig.group, &why), -ERANGE);
	assert_string_equal(why.device, "c");
	assert_string_equal(why.group, "7");
	assert_string_equal(why.iommu, "a");
	assert_int_equal(log_of.attaches, 2);
	assert_int_equal(log_of.detaches, 2);
	assert_int_equal(rig.system.stats.attachments, 0);
	assert_null(rig.devices[0].domain);

	log_of.bad_device = NULL;
	why_clear(&why);
	assert_int_equal(iommu_attach_group(other, &rig.group, &why), 0);
	assert_int_equal(iommu_attach_group(domain, &rig.group, &why), -EBUSY);
	assert_string_equal(why.rule, "device-in-other-domain");
	assert_ptr_equal(rig.devices[0].domain, other);
	iommu_detach_group(other, &rig.group);
	rig.group.iommu = NULL;
	assert_int_equal(iommu_can_attach_group(&rig.group, IOMMU_DOMAIN_STAGE1, NULL), -ENODEV);
	iommu_domain_free(domain);
	iommu_domain_free(other);
}

static void groups(void **state)
{
	struct iommu_resv resv[4];
	struct why why = { 0 };
	struct rig rig;

	rig_init(&rig);
	assert_int_equal(iommu_group_resv(&rig.group, resv, 4), 1); /* three devices, one range */
	assert_true(iommu_group_viable(&rig.group, NULL));
	rig.devices[1].driver = "vfio-pci";
	assert_true(iommu_group_viable(&rig.group, &why));
	rig.devices[2].driver = "nvme";
	assert_false(iommu_group_viable(&rig.group, &why));
	assert_string_equal(why.device, "c");
	assert_string_equal(why.rule, "group-not-viable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buses),
		cmocka_unit_test(probe),
		cmocka_unit_test(attributes),
		cmocka_unit_test(all_or_none),
		cmocka_unit_test(groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
