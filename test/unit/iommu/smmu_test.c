/* SPDX-License-Identifier: MIT */
/*
 * The SMMUv3 host driver against a scripted SMMU: a register file that acknowledges, consumes the
 * command queue as slowly as it is told to, and keeps every command. Here are the orders and
 * choices that the real model cannot show from outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "iommu/arm_smmu_v3.h"

#define SID	0x123
#define MAX_LOG 8192
/* Two-level stream table, little-endian, 16-bit numbers, AArch64 tables, both stages. */
#define GOOD_IDR0                                                                                  \
	(UINT32_C(1) << 27 | 2 << 21 | IDR0_VMID16 | IDR0_ASID16 | 2 << 2 | IDR0_S1P | IDR0_S2P)
#define IDR1_QUEUES(lg2) ((lg2) << 21 | (lg2) << 16)
#define GOOD_IDR1	 (IDR1_QUEUES(5) | 16)
#define GOOD_IDR5	 (IDR5_GRAN4K | 5)

struct fake_hw {
	uint32_t idr0, idr1, idr5;
	uint32_t cr0, irq_ctrl, gerror, gerrorn, cons, prod, eprod, econs;
	uint64_t cmdq_base, eventq_base, strtab_base;
	bool deaf;	   /* CR0ACK does not follow */
	unsigned slowness; /* reads of CONS per command consumed; 0: all at the doorbell */
	unsigned reads;
	unsigned abort_at; /* stop with CERROR_ABT before this command, once */
	struct ram *ram;

	struct smmu_cmd log[MAX_LOG];
	uint64_t ste[MAX_LOG][STE_WORDS]; /* what the STE was when the command was consumed */
	unsigned n;
	bool cmds_before_enable;
};

struct rig {
	struct fake_hw hw;
	struct hostlock lock;
	struct iommu_stats stats;
	struct nb_mem *mem;
	struct ram *ram;
	struct iommu *iommu;
	struct iommu_device dev;
	struct iommu_fault faults[64];
	unsigned n_faults;
	struct why why;
};

static void note_ste(struct fake_hw *hw)
{
	const uint64_t *l1 = ram_ptr(hw->ram, NB_PA(hw->strtab_base & L1STD_L2PTR));
	uint64_t desc = l1[SID >> 8];

	if (desc)
		memcpy(hw->ste[hw->n],
			(uint64_t *)ram_ptr(hw->ram, NB_PA(desc & L1STD_L2PTR)) +
				(SID & 0xff) * STE_WORDS,
			STE_BYTES);
}

static bool consume_one(struct fake_hw *hw)
{
	unsigned lg2 = hw->cmdq_base & 31, mask = (2u << lg2) - 1;
	const struct smmu_cmd *queue = ram_ptr(hw->ram, NB_PA(hw->cmdq_base & MASK64(51, 5)));

	if ((hw->cons & mask) == hw->prod || ((hw->gerror ^ hw->gerrorn) & GERROR_CMDQ_ERR))
		return false;
	assert_true(((hw->prod - hw->cons) & mask) <= 1u << lg2);
	if (hw->abort_at && hw->n == hw->abort_at) {
		hw->abort_at = 0;
		hw->cons |= field_prep(CMDQ_CONS_ERR, CERROR_ABT);
		hw->gerror ^= GERROR_CMDQ_ERR;
		return false;
	}
	assert_true(hw->n < MAX_LOG);
	note_ste(hw);
	hw->log[hw->n++] = queue[hw->cons & ((1u << lg2) - 1)];
	hw->cons = (hw->cons + 1) & mask;
	return true;
}

static uint64_t hw_read(void *ctx, uint64_t offset, unsigned size)
{
	struct fake_hw *hw = ctx;

	switch (offset) {
	case SMMU_IDR0:
		return hw->idr0;
	case SMMU_IDR1:
		return hw->idr1;
	case SMMU_IDR5:
		return hw->idr5;
	case SMMU_CR0ACK:
		return hw->deaf ? ~hw->cr0 : hw->cr0;
	case SMMU_IRQ_CTRLACK:
		return hw->irq_ctrl;
	case SMMU_GERROR:
		return hw->gerror;
	case SMMU_GERRORN:
		return hw->gerrorn;
	case SMMU_CMDQ_CONS:
		if (hw->slowness && ++hw->reads % hw->slowness == 0)
			consume_one(hw);
		return hw->cons;
	case SMMU_EVENTQ_PROD:
		return hw->eprod;
	}
	return 0;
}

static void hw_write(void *ctx, uint64_t offset, uint64_t value, unsigned size)
{
	struct fake_hw *hw = ctx;

	switch (offset) {
	case SMMU_CR0:
		if (value & CR0_SMMUEN)
			hw->cmds_before_enable = hw->n >= 4;
		hw->cr0 = value;
		break;
	case SMMU_IRQ_CTRL:
		hw->irq_ctrl = value;
		break;
	case SMMU_GERRORN:
		hw->gerrorn = value;
		break;
	case SMMU_STRTAB_BASE:
		hw->strtab_base = value;
		break;
	case SMMU_CMDQ_BASE:
		hw->cmdq_base = value;
		break;
	case SMMU_CMDQ_PROD:
		hw->prod = value;
		while (!hw->slowness && consume_one(hw))
			;
		break;
	case SMMU_CMDQ_CONS:
		hw->cons = value;
		break;
	case SMMU_EVENTQ_BASE:
		hw->eventq_base = value;
		break;
	case SMMU_EVENTQ_PROD:
		hw->eprod = value;
		break;
	case SMMU_EVENTQ_CONS:
		hw->econs = value;
		break;
	}
}

static void on_fault(void *ctx, const struct iommu_fault *fault)
{
	struct rig *rig = ctx;

	assert_true(rig->n_faults < ARRAY_LEN(rig->faults));
	rig->faults[rig->n_faults++] = *fault;
}

static int rig_probe(struct rig *rig)
{
	struct iommu_probe_args args = { .name = "smmu0",
		.msi_window = 0x8000000,
		.hw = { hw_read, hw_write, &rig->hw, rig->ram },
		.lock = &rig->lock,
		.stats = &rig->stats,
		.fault = on_fault,
		.fault_ctx = rig };

	why_clear(&rig->why);
	return arm_smmu_v3_probe(&args, &rig->iommu, &rig->why);
}

static void rig_create(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	hostlock_init(&rig->lock);
	hostlock_lock(&rig->lock);
	rig->mem = nb_mem_create(48);
	rig->hw.ram = rig->ram = ram_create(rig->mem, NB_PA(GIB(1)), MIB(64));
	rig->hw.idr0 = GOOD_IDR0;
	rig->hw.idr1 = GOOD_IDR1;
	rig->hw.idr5 = GOOD_IDR5;
}

static void rig_init(struct rig *rig)
{
	rig_create(rig);
	assert_int_equal(rig_probe(rig), 0);
	rig->dev = (struct iommu_device){ .name = "d", .iommu = rig->iommu, .sid = SID };
	assert_int_equal(iommu_probe_device(&rig->dev, NULL), 0);
}

static void rig_free(struct rig *rig)
{
	assert_int_equal(ram_used(rig->ram), 0);
	ram_destroy(rig->ram);
	nb_mem_destroy(rig->mem);
	hostlock_unlock(&rig->lock);
	hostlock_finish(&rig->lock);
}

static void rig_finish(struct rig *rig)
{
	rig->iommu->ops->destroy(rig->iommu);
	assert_int_equal(rig->hw.cr0, 0);
	rig_free(rig);
}

static unsigned op_of(const struct rig *rig, unsigned i)
{
	return field_get(CMD0_OP, rig->hw.log[i].word[0]);
}

static void assert_ops(struct rig *rig, const unsigned *ops, unsigned n)
{
	assert_int_equal(rig->hw.n, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(op_of(rig, i), ops[i]);
}

static struct iommu_domain *new_domain(struct rig *rig, enum iommu_domain_kind kind)
{
	struct iommu_domain *domain;

	assert_int_equal(iommu_domain_alloc(rig->iommu, kind, NULL, &domain, NULL), 0);
	return domain;
}

static void bring_up(void **state)
{
	static const unsigned ops[] = { CMD_CFGI_ALL, CMD_SYNC, CMD_NSNH_ALL, CMD_SYNC };
	static struct rig rig;

	rig_create(&rig);
	assert_int_equal(rig_probe(&rig), 0);
	assert_ops(&rig, ops, ARRAY_LEN(ops));
	assert_true(rig.hw.cmds_before_enable); /* nothing stale once it translates */
	assert_int_equal(rig.hw.cr0, CR0_SMMUEN | CR0_CMDQEN | CR0_EVENTQEN);
	assert_int_equal(rig.hw.irq_ctrl, IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR);
	rig_finish(&rig);
}

static void unsupported(void **state)
{
	static const struct {
		uint32_t idr0, idr1, idr5;
		bool deaf;
	} rows[] = {
		{ GOOD_IDR0 & ~(IDR0_S1P | IDR0_S2P), GOOD_IDR1, GOOD_IDR5 },
		{ GOOD_IDR0 | 3 << 21, GOOD_IDR1, GOOD_IDR5 },
		{ GOOD_IDR0 & ~IDR0_TTF, GOOD_IDR1, GOOD_IDR5 },
		{ GOOD_IDR0 | 2 << 24, GOOD_IDR1, GOOD_IDR5 },
		{ GOOD_IDR0, GOOD_IDR1 | IDR1_TABLES_PRESET, GOOD_IDR5 },
		{ GOOD_IDR0, GOOD_IDR1 | IDR1_QUEUES_PRESET, GOOD_IDR5 },
		{ GOOD_IDR0, IDR1_QUEUES(4) | 16, GOOD_IDR5 },
		{ GOOD_IDR0, GOOD_IDR1, 5 },
		{ GOOD_IDR0, GOOD_IDR1, GOOD_IDR5, true },
	};
	static struct rig rig;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		rig_create(&rig);
		rig.hw.idr0 = rows[i].idr0;
		rig.hw.idr1 = rows[i].idr1;
		rig.hw.idr5 = rows[i].idr5;
		rig.hw.deaf = rows[i].deaf;
		assert_int_equal(rig_probe(&rig), -ENXIO);
		assert_string_equal(rig.why.rule, "smmu-unsupported");
		rig_free(&rig);
	}
}

/* IHI 0070 3.21.3: words 1 to 7 change only while word 0 aborts, with a CFGI_STE in between. */
static void ste_order(void **state)
{
	static const unsigned ops[] = { CMD_CFGI_STE, CMD_SYNC, CMD_CFGI_STE, CMD_SYNC };
	struct iommu_domain *domain;
	static struct rig rig;

	rig_init(&rig);
	for (unsigned kind = 0; kind < 2; kind++) {
		const uint64_t(*ste)[STE_WORDS] = (const uint64_t(*)[STE_WORDS])rig.hw.ste;

		domain = new_domain(&rig, kind ? IOMMU_DOMAIN_NEST_PARENT : IOMMU_DOMAIN_STAGE1);
		rig.hw.n = 0;
		assert_int_equal(domain->iommu->ops->attach(domain, &rig.dev, NULL), 0);
		assert_ops(&rig, ops, 4);
		assert_int_equal(field_get(CFGI0_SID, rig.hw.log[0].word[0]), SID);
		assert_int_equal(ste[0][0], STE0_V);
		assert_memory_equal(&ste[0][1], &ste[2][1], STE_BYTES - 8);
		assert_int_equal(
			field_get(STE0_CONFIG, ste[2][0]), kind ? STE_CONFIG_S2 : STE_CONFIG_S1);
		rig.hw.n = 0;
		domain->iommu->ops->detach(domain, &rig.dev);
		assert_ops(&rig, ops, 2);
		assert_int_equal(ste[0][0], STE0_V);
		rig.hw.n = 0;
		iommu_domain_free(domain); /* its number will be used again */
		assert_int_equal(rig.hw.n, 2);
		assert_int_equal(op_of(&rig, 0), kind ? CMD_S12_VMALL : CMD_NH_ASID);
	}
	domain = new_domain(&rig, IOMMU_DOMAIN_STAGE1);
	rig.hw.n = 0;
	iommu_domain_free(domain); /* hardware never saw it */
	assert_int_equal(rig.hw.n, 0);
	rig_finish(&rig);
}

static void unmap_and_sync(struct iommu_domain *domain, uint64_t iova, uint64_t bytes)
{
	iommu_unmap(domain, NB_IOVA(iova), bytes);
	iommu_iotlb_sync(domain, NB_IOVA(iova), NB_IOVA(iova + bytes - 1));
}

static void invalidation(void **state)
{
	static const enum iommu_domain_kind kinds[] = { IOMMU_DOMAIN_STAGE1, IOMMU_DOMAIN_STAGE2,
		IOMMU_DOMAIN_NEST_PARENT };
	static const unsigned by_page[] = { CMD_NH_VA, CMD_S2_IPA, CMD_S2_IPA };
	static const unsigned whole[] = { CMD_NH_ASID, CMD_S12_VMALL, CMD_S12_VMALL };
	static struct rig rig;

	rig_init(&rig);
	for (unsigned k = 0; k < 3; k++) {
		struct iommu_domain *domain = new_domain(&rig, kinds[k]);
		bool nest = kinds[k] == IOMMU_DOMAIN_NEST_PARENT;

		assert_int_equal(domain->iommu->ops->attach(domain, &rig.dev, NULL), 0);
		/* Three pages: one command each. */
		iommu_map(domain, NB_IOVA(MIB(1)), NB_PA(0), KIB(12), IOMMU_READ, NULL);
		rig.hw.n = 0;
		unmap_and_sync(domain, MIB(1), KIB(12));
		assert_int_equal(rig.hw.n, 4 + nest);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(op_of(&rig, i), by_page[k]);
			assert_int_equal(rig.hw.log[i].word[1], MIB(1) + i * KIB(4));
		}
		/* Combined entries of a guest's stage 1 go too. */
		assert_int_equal(op_of(&rig, 3), nest ? CMD_NH_ALL : CMD_SYNC);
		/* One of two pages: their table stays, so only leaves go. */
		iommu_map(domain, NB_IOVA(MIB(1)), NB_PA(0), KIB(8), IOMMU_READ, NULL);
		rig.hw.n = 0;
		unmap_and_sync(domain, MIB(1), KIB(4));
		assert_int_equal(rig.hw.n, 2 + nest);
		assert_int_equal(op_of(&rig, 0), by_page[k]);
		assert_int_equal(rig.hw.log[0].word[1], MIB(1) | TLBI1_LEAF);
		rig.hw.n = 0;
		unmap_and_sync(domain, MIB(1) + KIB(4), KIB(4));
		assert_int_equal(rig.hw.log[0].word[1], MIB(1) + KIB(4));
		/* Two blocks: one command each. */
		iommu_map(domain, NB_IOVA(MIB(2)), NB_PA(MIB(2)), MIB(4), IOMMU_READ, NULL);
		rig.hw.n = 0;
		unmap_and_sync(domain, MIB(2), MIB(4));
		assert_int_equal(rig.hw.n, 3 + nest);
		/* Many pages: one command for all. */
		iommu_map(domain, NB_IOVA(MIB(2)), NB_PA(KIB(4)), MIB(2), IOMMU_READ, NULL);
		rig.hw.n = 0;
		unmap_and_sync(domain, MIB(2), MIB(2));
		assert_int_equal(rig.hw.n, 2);
		assert_int_equal(op_of(&rig, 0), whole[k]);
		/* Nothing there: nothing to do. */
		rig.hw.n = 0;
		unmap_and_sync(domain, 0, GIB(1));
		assert_int_equal(rig.hw.n, 0);
		domain->iommu->ops->detach(domain, &rig.dev);
		iommu_domain_free(domain);
	}
	rig_finish(&rig);
}

/* A queue that is full most of the time loses and repeats nothing. */
static void slow_queue(void **state)
{
	struct iommu_domain *domain;
	static struct rig rig;
	unsigned vas = 0;

	rig_init(&rig);
	domain = new_domain(&rig, IOMMU_DOMAIN_STAGE1);
	assert_int_equal(domain->iommu->ops->attach(domain, &rig.dev, NULL), 0);
	rig.hw.slowness = 2;
	rig.hw.n = 0;
	rig.hw.abort_at = 40;
	for (unsigned i = 0; i < 20; i++) {
		iommu_map(domain, NB_IOVA(0), NB_PA(0), KIB(4) * 32, IOMMU_READ, NULL);
		unmap_and_sync(domain, 0, KIB(4) * 32);
		assert_int_equal(op_of(&rig, rig.hw.n - 1), CMD_SYNC);
	}
	for (unsigned i = 0; i < rig.hw.n; i++)
		if (op_of(&rig, i) == CMD_NH_VA)
			assert_int_equal(rig.hw.log[i].word[1], KIB(4) * (vas++ % 32));
	assert_int_equal(vas, 20 * 32);
	assert_int_equal(rig.hw.gerror, rig.hw.gerrorn);
	rig.hw.slowness = 0;
	domain->iommu->ops->detach(domain, &rig.dev);
	iommu_domain_free(domain);
	rig_finish(&rig);
}

static void post_event(struct rig *rig, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3)
{
	struct fake_hw *hw = &rig->hw;
	unsigned lg2 = hw->eventq_base & 31;
	uint64_t *queue = ram_ptr(rig->ram, NB_PA(hw->eventq_base & MASK64(51, 5)));
	uint64_t record[4] = { w0, w1, w2, w3 };

	memcpy(queue + (hw->eprod & ((1u << lg2) - 1)) * 4, record, sizeof(record));
	hw->eprod = (hw->eprod & QUEUE_OVERFLOW) | ((hw->eprod + 1) & ((2u << lg2) - 1));
}

static void events(void **state)
{
	static struct rig rig;
	uint64_t sid = (uint64_t)SID << 32;

	rig_init(&rig);
	post_event(&rig, 0x10 | sid | EVENT0_SSV | 5 << 12, EVENT1_RNW, 0x1234, 0);
	post_event(&rig, 0x13 | sid, EVENT1_S2, 0x5678, 0xabc000);
	post_event(&rig, 0x04 | sid, EVENT1_RNW, 99, 99);
	post_event(&rig, 0xe0 | sid, 0, 0, 0);
	arm_smmu_v3_event_irq(rig.iommu);
	assert_int_equal(rig.n_faults, 4);
	assert_string_equal(rig.faults[0].name, "F_TRANSLATION");
	assert_int_equal(rig.faults[0].sid, SID);
	assert_true(rig.faults[0].ssid_valid && rig.faults[0].ssid == 5);
	assert_true(rig.faults[0].read && rig.faults[0].stage == 1);
	assert_int_equal(rig.faults[0].iova, 0x1234);
	assert_string_equal(rig.faults[1].name, "F_PERMISSION");
	assert_true(!rig.faults[1].read && rig.faults[1].stage == 2);
	assert_int_equal(rig.faults[1].ipa, 0xabc000);
	assert_string_equal(rig.faults[2].name, "C_BAD_STE");
	assert_int_equal(rig.faults[2].stage, 0);
	assert_string_equal(rig.faults[3].name, "UNKNOWN");
	assert_int_equal(rig.hw.econs, rig.hw.eprod);

	/* A full ring, then lost events: told once, acknowledged. */
	rig.n_faults = 0;
	for (unsigned i = 0; i < 32; i++)
		post_event(&rig, 0x10 | sid, 0, i, 0);
	rig.hw.eprod ^= QUEUE_OVERFLOW;
	arm_smmu_v3_event_irq(rig.iommu);
	assert_int_equal(rig.n_faults, 33);
	assert_int_equal(rig.hw.econs, rig.hw.eprod);
	arm_smmu_v3_event_irq(rig.iommu);
	assert_int_equal(rig.n_faults, 33);
	rig_finish(&rig);
}

/* Numbers are finite, given back, and their end has a reason. */
static void id_exhaustion(void **state)
{
	static struct iommu_domain *domains[256];
	static struct rig rig;

	rig_create(&rig);
	rig.hw.idr0 &= ~(IDR0_ASID16 | IDR0_VMID16);
	assert_int_equal(rig_probe(&rig), 0);
	for (unsigned kind = 0; kind < 2; kind++) {
		struct iommu_domain *one_more;

		for (unsigned i = 0; i < 255; i++)
			domains[i] = new_domain(&rig, kind);
		assert_int_equal(iommu_domain_alloc(rig.iommu, kind, NULL, &one_more, &rig.why),
			kind == IOMMU_DOMAIN_STAGE2 ? -ENOSPC : -EBUSY);
		assert_string_equal(rig.why.rule, "iommu-ids-exhausted");
		for (unsigned i = 0; i < 255; i++)
			iommu_domain_free(domains[i]);
	}
	assert_int_equal(rig.stats.domains, 0);
	rig_finish(&rig);
}

static void bad_stream(void **state)
{
	struct iommu_device far = { .name = "far", .sid = 0x10000 };
	struct iommu_domain *domain;
	static struct rig rig;

	rig_init(&rig);
	far.iommu = rig.iommu;
	domain = new_domain(&rig, IOMMU_DOMAIN_STAGE1);
	assert_int_equal(iommu_probe_device(&far, NULL), -ERANGE);
	assert_int_equal(
		rig.iommu->ops->can_attach(rig.iommu, &far, IOMMU_DOMAIN_STAGE1, NULL), -ERANGE);
	assert_int_equal(rig.iommu->ops->attach(domain, &far, NULL), -ERANGE);
	assert_int_equal(iommu_map(domain, NB_IOVA(0), NB_PA(BIT64(48)), KIB(4), 3, NULL), -ERANGE);
	iommu_domain_free(domain);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bring_up),
		cmocka_unit_test(unsupported),
		cmocka_unit_test(ste_order),
		cmocka_unit_test(invalidation),
		cmocka_unit_test(slow_queue),
		cmocka_unit_test(events),
		cmocka_unit_test(id_exhaustion),
		cmocka_unit_test(bad_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
