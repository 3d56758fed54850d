/* SPDX-License-Identifier: MIT */
/* Registers: identification, access rules, guards, enables and their acknowledgement. */
#include "rig.h"

static int setup(void **state)
{
	static struct rig rig;

	rig_create(&rig, (struct nb_smmuv3_config){ .iidr = 0x4832043b });
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_finish(*state);
	return 0;
}

static void test_ids(void **state)
{
	struct rig *rig = *state;

	/* ST_LEVEL 2-level, TERM_MODEL 1, no stalls, little-endian, VMID16, ASID16, COHACC,
	 * AArch64 tables, both stages. */
	assert_int_equal(rig_read(rig, R_IDR0), 0x0d44101b);
	assert_int_equal(rig_read(rig, R_IDR1), 0x0e730010);
	assert_int_equal(rig_read(rig, R_IDR2), 0);
	assert_int_equal(rig_read(rig, R_IDR3), 0x404);
	assert_int_equal(rig_read(rig, R_IDR5), 0x15);
	assert_int_equal(rig_read(rig, R_IIDR), 0x4832043b);
	assert_int_equal(rig_read(rig, R_AIDR), 1);
	rig_write(rig, R_IDR0, 0);
	assert_int_equal(rig_read(rig, R_IDR0), 0x0d44101b);
}

static void test_one_stage(void **state)
{
	struct rig rig;

	rig_create(&rig,
		(struct nb_smmuv3_config){ .no_stage2 = true, .oas_bits = 40, .sid_bits = 8 });
	assert_int_equal(rig_read(&rig, R_IDR0) & 3, IDR0_S1P);
	assert_false(rig_read(&rig, R_IDR0) & IDR0_VMID16);
	assert_int_equal(rig_read(&rig, R_IDR1) & 0x3f, 8);
	assert_int_equal(rig_read(&rig, R_IDR5) & 7, 2);
	rig_finish(&rig);
	rig_create(&rig, (struct nb_smmuv3_config){ .no_stage1 = true });
	assert_int_equal(rig_read(&rig, R_IDR0) & 3, IDR0_S2P);
	rig_finish(&rig);
}

static void test_bad_config(void **state)
{
	struct rig *rig = *state;
	struct nb_smmuv3_config good = { .size = sizeof(good), .mem = rig->mem }, bad[] = {
		{ .size = 4, .mem = rig->mem },
		{ .size = sizeof(good) + 8, .mem = rig->mem },
		{ .size = sizeof(good) },
		{ .size = sizeof(good), .mem = rig->mem, .oas_bits = 52 },
		{ .size = sizeof(good), .mem = rig->mem, .sid_bits = 33 },
		{ .size = sizeof(good), .mem = rig->mem, .iotlb_slots = 100 },
		{ .size = sizeof(good), .mem = rig->mem, .no_stage1 = true, .no_stage2 = true },
	};
	struct nb_smmuv3 *smmu = nb_smmuv3_create(&good);
	unsigned i;

	assert_non_null(smmu);
	nb_smmuv3_destroy(smmu);
	nb_smmuv3_destroy(NULL);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(nb_smmuv3_create(&bad[i]));
}

/* IHI 0070 6.2. */
static void test_widths(void **state)
{
	struct rig *rig = *state;

	nb_smmuv3_write(rig->smmu, R_STRTAB_BASE, 0x1234567890ull << 6, 8);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_STRTAB_BASE, 8), 0x1234567890ull << 6);
	assert_int_equal(rig_read(rig, R_STRTAB_BASE), 0x159e2400);
	assert_int_equal(rig_read(rig, R_STRTAB_BASE + 4), 0x48d);
	rig_write(rig, R_STRTAB_BASE + 4, 0x77);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_STRTAB_BASE, 8), 0x77159e2400);
	rig_write(rig, R_STRTAB_BASE, 0x40);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_STRTAB_BASE, 8), 0x7700000040);

	/* Misaligned, odd sizes, 64 bits over two registers, and what does not exist. */
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_IDR0, 8), 0);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_IDR0, 2), 0);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_IDR0 + 2, 4), 0);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_STRTAB_BASE + 4, 8), 0);
	assert_int_equal(nb_smmuv3_read(rig->smmu, 0xa8, 4), 0); /* EVENTQ_PROD is in page 1 */
	assert_int_equal(nb_smmuv3_read(rig->smmu, UINT64_MAX - 3, 4), 0);
	nb_smmuv3_write(rig->smmu, R_CR0, CR0_CMDQEN, 8);
	nb_smmuv3_write(rig->smmu, UINT64_MAX - 7, 1, 8);
	assert_int_equal(rig_read(rig, R_CR0), 0);
}

static void test_guards(void **state)
{
	struct rig *rig = *state;

	rig_enable(rig);
	assert_int_equal(rig_read(rig, R_CR0ACK), CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN);
	nb_smmuv3_write(rig->smmu, R_STRTAB_BASE, 0x40, 8);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_STRTAB_BASE, 8), RAM(STRTAB_AT));
	nb_smmuv3_write(rig->smmu, R_CMDQ_BASE, 0, 8);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_CMDQ_BASE, 8), RAM(CMDQ_AT) | 8);
	nb_smmuv3_write(rig->smmu, R_EVENTQ_BASE, 0, 8);
	assert_int_equal(nb_smmuv3_read(rig->smmu, R_EVENTQ_BASE, 8), RAM(EVENTQ_AT) | 7);
	rig_write(rig, R_STRTAB_CFG, 3);
	assert_int_equal(rig_read(rig, R_STRTAB_CFG), 6);
	rig_write(rig, R_CR2, 0);
	assert_int_equal(rig_read(rig, R_CR2), CR2_RECINVSID);
	rig_write(rig, R_CR1, 0xfff);
	assert_int_equal(rig_read(rig, R_CR1), 0);
	rig_write(rig, R_CMDQ_CONS, 5);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 0);
	rig_write(rig, R_EVENTQ_PROD, 5);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), 0);

	rig_write(rig, R_CR0, 0);
	assert_int_equal(rig_read(rig, R_CR0ACK), 0);
	rig_write(rig, R_EVENTQ_PROD, 5);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), 5);
	rig_write(rig, R_CR1, 0xffff);
	assert_int_equal(rig_read(rig, R_CR1), 0xfff);
	/* ATS, PRI: not implemented, never enabled. */
	rig_write(rig, R_CR0, 0xffffffff);
	assert_int_equal(rig_read(rig, R_CR0), CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN);
}

static void test_gbpa(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_read(rig, R_GBPA), GBPA_RESET);
	assert_int_equal(rig_pa(rig, RAM(0x100), NB_DMA_READ), RAM(0x100));
	rig_write(rig, R_GBPA, GBPA_ABORT); /* ignored without Update */
	assert_int_equal(rig_pa(rig, RAM(0x100), NB_DMA_READ), RAM(0x100));
	rig_write(rig, R_GBPA, GBPA_ABORT | GBPA_UPDATE);
	assert_int_equal(rig_read(rig, R_GBPA), GBPA_ABORT);
	assert_int_equal(rig_pa(rig, RAM(0x100), NB_DMA_READ), RIG_ABORT);
	rig_write(rig, R_GBPA, GBPA_UPDATE);
	assert_int_equal(rig_pa(rig, RAM(0x100), NB_DMA_READ), RAM(0x100));
}

/* SMMUEN, and GBPA's Update, are acknowledged once nothing treated the old way is in flight. */
static void test_ack_waits(void **state)
{
	struct rig *rig = *state;

	rig_s1(rig);
	port_enter(rig->port);
	rig_write(rig, R_GBPA, GBPA_ABORT | GBPA_UPDATE);
	assert_true(rig_read(rig, R_GBPA) & GBPA_UPDATE);
	rig_enable(rig);
	assert_int_equal(rig_read(rig, R_CR0ACK), CR0_EVENTQEN | CR0_CMDQEN);
	port_leave(rig->port);
	assert_int_equal(rig_read(rig, R_CR0ACK), CR0_SMMUEN | CR0_EVENTQEN | CR0_CMDQEN);
	assert_int_equal(rig_read(rig, R_GBPA), GBPA_ABORT);

	assert_int_equal(rig_pa(rig, RIG_VA, NB_DMA_READ), RAM(DATA_AT));
	assert_int_equal(rig_pa(rig, RIG_VA, NB_DMA_READ), RAM(DATA_AT));
	rig_write(rig, R_CR0, 0);
	assert_int_equal(rig_pa(rig, RIG_VA, NB_DMA_READ), RIG_ABORT);
	/* What was cached before is not believed after. */
	rig_poke(rig, STRTAB_AT + 64 * RIG_SID, STE0_BYPASS);
	rig_write(rig, R_CR0, CR0_SMMUEN);
	assert_int_equal(rig_pa(rig, RIG_VA, NB_DMA_READ), RIG_VA);
}

static void test_irq_ctrl(void **state)
{
	struct rig *rig = *state;

	rig_write(rig, R_IRQ_CTRL, 0xff);
	assert_int_equal(rig_read(rig, R_IRQ_CTRL), 5);
	assert_int_equal(rig_read(rig, R_IRQ_CTRLACK), 5);
	rig_write(rig, R_IRQ_CTRLACK, 0);
	assert_int_equal(rig_read(rig, R_IRQ_CTRLACK), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_stage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_widths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guards, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gbpa, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ack_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_irq_ctrl, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
