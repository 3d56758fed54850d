/* SPDX-License-Identifier: MIT */
/* Machines built from descriptions: what is in them, that they nest as they say, and their DMA. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "machine/faults.h"
#include "machine/machine.h"

static struct machine *build_host(const char *name)
{
	static struct host_desc desc;
	struct error error = { 0 };
	struct machine *machine;

	if (host_load(name, &desc, &error) < 0)
		fail_msg("%s", error.message);
	machine = machine_create(&desc, &error);
	if (!machine)
		fail_msg("%s: %s", name, error.message);
	return machine;
}

static struct machine *build_text(const char *yaml)
{
	static struct host_desc desc;
	struct error error = { 0 };
	struct machine *machine = NULL;

	if (!host_parse("f.yaml", yaml, strlen(yaml), &desc, &error))
		machine = machine_create(&desc, &error);
	if (!machine)
		fail_msg("%s", error.message);
	return machine;
}

static const struct {
	const char *host;
	unsigned iommus, groups, devices;
	const char *nests; /* a letter for each IOMMU */
} hosts[] = {
	{ "smmuv3", 1, 2, 3, "y" },
	{ "smmuv3-no-nesting", 1, 2, 3, "n" },
	{ "mixed", 2, 2, 3, "yn" },
	{ "empty", 0, 0, 0, "" },
};

static void test_builtins(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		struct machine *machine = build_host(hosts[i].host);

		assert_int_equal(machine->n_iommus, hosts[i].iommus);
		assert_int_equal(machine->n_groups, hosts[i].groups);
		assert_int_equal(machine->n_devices, hosts[i].devices);
		for (unsigned j = 0; j < machine->n_iommus; j++) {
			struct why why = { 0 };
			bool nests = hosts[i].nests[j] == 'y';

			assert_int_equal(machine_iommu_nests(machine, j, &why), nests);
			assert_int_equal(why.err, nests ? 0 : EOPNOTSUPP);
			assert_int_equal(why.missing[0] != '\0', !nests);
		}
		machine_destroy(machine);
	}
	machine_destroy(NULL);
}

static void test_wiring(void **state)
{
	struct machine *machine = build_host("mixed");
	struct machine_device *first = machine_find_device(machine, "0000:01:00.0");
	struct machine_device *second = machine_find_device(machine, "0001:01:00.0");
	struct machine_device *bare = machine_find_device(machine, "0002:01:00.0");

	assert_non_null(first);
	assert_null(machine_find_device(machine, "0003:01:00.0"));
	assert_ptr_equal(first->iommu.group, &machine_find_group(machine, 1)->iommu);
	assert_ptr_equal(second->iommu.group, &machine_find_group(machine, 10)->iommu);
	assert_null(machine_find_group(machine, 2));
	assert_ptr_equal(first->iommu.group->iommu, machine->iommus[0].iommu);
	assert_string_equal(first->iommu.iommu->name, "smmu0");
	assert_string_equal(second->iommu.iommu->name, "smmu1");
	assert_int_equal(first->iommu.sid, 0x100);
	assert_string_equal(first->iommu.driver, "vfio-pci");
	assert_null(bare->iommu.iommu);
	assert_null(bare->iommu.group);
	assert_null(bare->port);
	assert_true(first->pci.bar_extent[0].pa.v >= GIB(2));
	assert_true(first->pci.bar_extent[0].pa.v != second->pci.bar_extent[0].pa.v);
	machine_destroy(machine);
}

static void test_noiommu_numbers(void **state)
{
	struct machine *machine = build_text("version: 1\n"
					     "iommus: [{name: a, kind: smmuv3}]\n"
					     "buses: [{iommu: a}, {segment: 1, iommu: none}]\n"
					     "devices:\n"
					     "  - {at: \"0000:00:01.0\", model: ioat, group: 1}\n"
					     "  - {at: \"0001:00:01.0\", model: ioat}\n"
					     "  - {at: \"0001:00:02.0\", model: ioat}\n"
					     "policy: {noiommu: true}\n");

	assert_int_equal(machine->devices[1].noiommu_group, 0);
	assert_int_equal(machine->devices[2].noiommu_group, 2);
	machine_destroy(machine);
}

/** Every size of an SMMU that a description may ask for comes up. */
static void test_sizes(void **state)
{
	static const unsigned oas[] = { 36, 40, 42, 44, 48 }, sid[] = { 8, 9, 16, 24 };
	static const char *const stages[] = { "1", "2", "1, 2" };
	char yaml[512];

	for (unsigned i = 0; i < ARRAY_LEN(oas) * ARRAY_LEN(sid) * ARRAY_LEN(stages); i++) {
		snprintf(yaml, sizeof(yaml),
			"version: 1\n"
			"iommus: [{name: a, kind: smmuv3, oas_bits: %u, sid_bits: %u, stages: "
			"[%s]}]\n"
			"buses: [{iommu: a}]\n"
			"devices: [{at: \"0000:00:1f.7\", model: ioat, group: 1}]\n",
			oas[i % 5], sid[i / 5 % 4], stages[i / 20]);
		machine_destroy(build_text(yaml));
	}
}

struct page {
	_Alignas(4096) uint8_t bytes[4096];
	struct nb_extent extent;
};

static struct page *add_page(struct machine *machine, uint64_t pa)
{
	struct page *page = aligned_alloc(4096, sizeof(*page));

	assert_non_null(page);
	memset(page, 0, sizeof(*page));
	page->extent = (struct nb_extent){ .pa = NB_PA(pa), .bytes = 4096, .ptr = page->bytes };
	assert_int_equal(nb_mem_add(machine->mem, &page->extent), 0);
	return page;
}

static void remove_page(struct machine *machine, struct page *page)
{
	nb_mem_remove(machine->mem, &page->extent);
	free(page);
}

struct seen {
	unsigned faults;
	uint64_t iova;
	const struct machine_device *dev;
};

static void on_fault(void *ctx, const struct iommu_fault *fault, const struct machine_device *dev)
{
	struct seen *seen = ctx;

	seen->faults++;
	seen->iova = fault->iova;
	seen->dev = dev;
}

static struct iommu_domain *attach(struct machine *machine, struct iommu_group *group, bool nesting)
{
	struct iommu_domain *domain = NULL;
	struct why why = { 0 };

	assert_int_equal(
		iommu_domain_alloc(group->iommu, IOMMU_DOMAIN_STAGE1, NULL, &domain, &why), 0);
	if (nesting)
		assert_int_equal(iommu_domain_set_attr(domain, DOMAIN_ATTR_NESTING, true, &why), 0);
	assert_int_equal(iommu_attach_group(domain, group, &why), 0);
	return domain;
}

static void detach(struct iommu_domain *domain, struct iommu_group *group)
{
	iommu_detach_group(domain, group);
	iommu_domain_free(domain);
}

/** The driver makes the second level of its stream table on first use, for good, as Linux's. */
static void warm_up(struct machine *machine, struct iommu_group *group)
{
	hostlock_lock(&machine->lock);
	detach(attach(machine, group, false), group);
	hostlock_unlock(&machine->lock);
}

/** Through stage 1 or a nest parent's stage 2: what is mapped is reached, nothing else. */
static void check_dma(bool nesting)
{
	struct machine *machine = build_host("smmuv3");
	struct machine_device *dev = machine_find_device(machine, "0000:01:00.0");
	struct page *page = add_page(machine, GIB(8));
	struct iommu_domain *domain;
	struct machine_counts before, during, after;
	struct seen seen = { 0 };
	uint64_t word = 0x1122334455667788;

	machine->fault = on_fault;
	machine->fault_ctx = &seen;
	warm_up(machine, dev->iommu.group);
	machine_counts(machine, &before);
	dev->pci.master.enabled = true;
	assert_int_equal(dma_write(&dev->pci.master, NB_IOVA(0x1000), &word, 8), -1);

	hostlock_lock(&machine->lock);
	domain = attach(machine, dev->iommu.group, nesting);
	assert_int_equal(iommu_map(domain, NB_IOVA(0x1000), NB_PA(GIB(8)), 4096,
				 IOMMU_READ | IOMMU_WRITE, NULL),
		0);
	hostlock_unlock(&machine->lock);
	machine_counts(machine, &during);
	assert_int_equal(during.domains, before.domains + 1);
	assert_int_equal(during.attachments, before.attachments + 1);
	assert_true(during.table_bytes > before.table_bytes);

	assert_int_equal(dma_write(&dev->pci.master, NB_IOVA(0x1010), &word, 8), 0);
	assert_memory_equal(page->bytes + 0x10, &word, 8);
	seen = (struct seen){ 0 };
	assert_int_equal(dma_write(&dev->pci.master, NB_IOVA(0x5008), &word, 8), -1);
	assert_int_equal(seen.faults, 1);
	assert_int_equal(seen.iova, 0x5008);
	assert_ptr_equal(seen.dev, dev);

	hostlock_lock(&machine->lock);
	iommu_unmap(domain, NB_IOVA(0x1000), 4096);
	iommu_iotlb_sync(domain, NB_IOVA(0x1000), NB_IOVA(0x1fff));
	hostlock_unlock(&machine->lock);
	assert_int_equal(dma_write(&dev->pci.master, NB_IOVA(0x1010), &word, 8), -1);

	hostlock_lock(&machine->lock);
	detach(domain, dev->iommu.group);
	hostlock_unlock(&machine->lock);
	machine_counts(machine, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	remove_page(machine, page);
	machine_destroy(machine);
}

static void test_dma_stage1(void **state)
{
	check_dma(false);
}

static void test_dma_stage2(void **state)
{
	check_dma(true);
}

/**
 * Behind no IOMMU the address is physical, and bus-master enable still holds. It leads to BARs; not
 * to the host's RAM, with the tables that its drivers trust, nor to memory of programs, for which
 * nobody would wait.
 */
static void test_dma_bare(void **state)
{
	struct machine *machine = build_host("mixed");
	struct dma_master *bare = &machine_find_device(machine, "0002:01:00.0")->pci.master;
	struct machine_device *peer = machine_find_device(machine, "0000:01:00.0");
	nb_iova bar = NB_IOVA(peer->pci.bar_extent[0].pa.v + 0x100);
	struct page *page = add_page(machine, GIB(8));
	uint32_t word = 0xcafe, got = 0;

	assert_int_equal(dma_write(bare, bar, &word, 4), -1);
	bare->enabled = true;
	assert_int_equal(dma_write(bare, bar, &word, 4), 0);
	assert_int_equal(dma_read(bare, bar, &got, 4), 0);
	assert_int_equal(got, word);
	assert_int_equal(dma_write(bare, NB_IOVA(GIB(1)), &word, 4), -1);
	assert_int_equal(dma_read(bare, NB_IOVA(GIB(1)), &got, 4), -1);
	assert_int_equal(dma_write(bare, NB_IOVA(GIB(8)), &word, 4), -1);
	assert_int_equal(dma_write(bare, NB_IOVA(GIB(4) - 2), &word, 4), -1);
	remove_page(machine, page);
	machine_destroy(machine);
}

/** Nothing is open: there is nothing to do. */
static void test_step(void **state)
{
	struct machine *machine = build_host("smmuv3");

	assert_false(machine_step(machine, 1 << 20));
	machine_destroy(machine);
}

/* ---- what is stalled and was told to nobody ---- */

static struct {
	unsigned n;
	struct iommu_device *dev[1024];
	uint16_t tag[1024];
	unsigned resumed;
	bool takes; /* the sink has room */
} answers;

static void note_answer(struct iommu_device *dev, uint16_t tag, enum iommu_response response)
{
	assert_true(hostlock_held());
	assert_int_equal(response, IOMMU_RESPONSE_ABORT);
	answers.dev[answers.n] = dev;
	answers.tag[answers.n++] = tag;
}

static void on_resumed(void *ctx)
{
	answers.resumed++;
}

static bool report(struct iommu_fault_sink *sink, const struct iommu_fault *fault)
{
	return answers.takes;
}

static void stall(struct machine *machine, struct machine_device *dev, uint16_t tag, unsigned stage)
{
	struct iommu_fault fault = { .iommu = dev->iommu.iommu->name,
		.sid = dev->iommu.sid,
		.name = "F_TRANSLATION",
		.stage = (uint8_t)stage,
		.stage1 = stage == 1,
		.stalled = true,
		.tag = tag };

	machine_on_fault(machine, &fault);
}

static void test_unheard_stalls(void **state)
{
	struct machine *machine = build_host("mixed");
	struct machine_device *first = machine_find_device(machine, "0000:01:00.0");
	struct machine_device *second = machine_find_device(machine, "0001:01:00.0");
	struct iommu_ops ops = *first->iommu.iommu->ops;
	const struct iommu_ops *real = first->iommu.iommu->ops;
	struct iommu_fault_sink sink = { report };

	memset(&answers, 0, sizeof(answers));
	ops.page_response = note_answer;
	first->iommu.iommu->ops = second->iommu.iommu->ops = &ops;
	machine->resumed = on_resumed;
	/* Nobody owns stage 1; the owner has no room; stage 2 is the host's. */
	stall(machine, first, 0x105, 1);
	iommu_set_fault_sink(&first->iommu, &sink);
	first->iommu.stage1_owned = true;
	stall(machine, first, 0x206, 1);
	answers.takes = true;
	stall(machine, first, 0x307, 2);
	stall(machine, second, 0x105, 1);
	stall(machine, first, 0x408, 1); /* is delivered */
	assert_int_equal(answers.n, 0);
	assert_int_equal(answers.resumed, 4);
	assert_int_equal(machine->unheard, 4);
	assert_false(machine_step(machine, 4096));
	assert_int_equal(machine->unheard, 0);
	assert_int_equal(answers.n, 4);
	for (unsigned i = 0; i < 3; i++) {
		assert_ptr_equal(answers.dev[i], &first->iommu);
		assert_int_equal(answers.tag[i], 0x105 + 0x101 * i);
	}
	assert_ptr_equal(answers.dev[3], &second->iommu);
	machine_settle_faults(machine);
	assert_int_equal(answers.n, 4);
	/* As many as there can be; and used again before they were settled: the newest counts. */
	for (unsigned i = 0; i < 3 * MACHINE_STALLS; i++)
		stall(machine, first, (uint16_t)i, 2);
	machine_settle_faults(machine);
	assert_int_equal(answers.n, 4 + MACHINE_STALLS);
	for (unsigned i = 0; i < MACHINE_STALLS; i++)
		assert_int_equal(answers.tag[4 + i], 2 * MACHINE_STALLS + i);
	assert_int_equal(machine->unheard, 0);
	first->iommu.stage1_owned = false;
	iommu_set_fault_sink(&first->iommu, NULL);
	first->iommu.iommu->ops = second->iommu.iommu->ops = real;
	machine_destroy(machine);
}

static void test_failures(void **state)
{
	static struct host_desc desc;
	struct error error = { 0 };

	assert_int_equal(host_load("smmuv3", &desc, &error), 0);
	strcpy(desc.devices[2].model, "warp"); /* as if it had been checked by somebody else */
	assert_null(machine_create(&desc, &error));
	assert_string_equal(error.message, "0000:03:00.1: there is no model warp");
	error = (struct error){ 0 };
	strcpy(desc.iommus[0].kind, "vtd");
	assert_null(machine_create(&desc, &error));
	assert_string_equal(error.message, "smmu0: there is no IOMMU of kind vtd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtins),
		cmocka_unit_test(test_wiring),
		cmocka_unit_test(test_noiommu_numbers),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_dma_stage1),
		cmocka_unit_test(test_dma_stage2),
		cmocka_unit_test(test_dma_bare),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_unheard_stalls),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
