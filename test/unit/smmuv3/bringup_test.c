/* SPDX-License-Identifier: MIT */
/*
 * Linux's bring-up of an SMMUv3 (arm_smmu_device_hw_probe, arm_smmu_device_reset), register by register
 * and in its order, over what a creator may ask for: the driver reads the ID registers, uses all that
 * they promise, and every acknowledgement it polls for comes.
 */
#include "rig.h"

#define PRIQ_AT	  0x20000
#define DOORBELL  0x30000 /* where messages go */
#define MSI_OF(i) RAM(DOORBELL + 8 * (i))

static const struct nb_smmuv3_config machines[] = {
	{ 0 },
	{ .no_stage1 = true },
	{ .no_stage2 = true },
	{ .linear_tables_only = true, .sid_bits = 6 },
	{ .ssid_bits = 20, .no_ril = true },
	{ .ssid_bits = 1, .linear_tables_only = true, .sid_bits = 6 },
	{ .ats = true },
	{ .ats = true, .pri = true },
	{ .msi = true },
	{ .msi = true, .ats = true, .pri = true, .sev = true },
	{ .stall_model = NB_SMMUV3_STALL_ALLOWED },
	{ .stall_model = NB_SMMUV3_STALL_FORCED, .no_stage2 = true },
	{ .granules = NB_SMMUV3_GRAN64K, .oas_bits = 52, .vax = true },
	{ .granules = NB_SMMUV3_GRAN16K, .oas_bits = 40 },
	{ .httu = NB_SMMUV3_HTTU_DIRTY, .bbml = 2, .fwb = true, .xnx = true },
	{ .ats = true,
		.pri = true,
		.msi = true,
		.sev = true,
		.fwb = true,
		.xnx = true,
		.bbml = 2,
		.ssid_bits = 20,
		.sid_bits = 32,
		.raz_wi = true,
		.httu = NB_SMMUV3_HTTU_DIRTY,
		.stall_model = NB_SMMUV3_STALL_ALLOWED,
		.granules = NB_SMMUV3_GRAN4K | NB_SMMUV3_GRAN16K | NB_SMMUV3_GRAN64K,
		.oas_bits = 52,
		.vax = true },
};

/* What the driver has found out. */
struct driver {
	struct rig rig;
	bool two_level, ats, pri, msi;
	uint32_t enables;
};

/* What would make the driver give up. */
static void probe(struct driver *drv)
{
	uint32_t idr0 = rig_read(&drv->rig, R_IDR0), idr1 = rig_read(&drv->rig, R_IDR1);
	uint32_t idr5 = rig_read(&drv->rig, R_IDR5);

	assert_int_equal(field_get(IDR0_TTENDIAN, idr0), IDR0_TTENDIAN_LE);
	assert_int_not_equal(field_get(IDR0_STALL_MODEL, idr0), 3);
	assert_true(idr0 & (IDR0_S1P | IDR0_S2P));
	assert_true(field_get(IDR0_TTF, idr0) & IDR0_TTF_AARCH64);
	/* TABLES_PRESET, QUEUES_PRESET, REL. */
	assert_int_equal(idr1 & MASK64(30, 28), 0);
	assert_true(field_get(IDR1_CMDQS, idr1) > 6 && field_get(IDR1_EVENTQS, idr1));
	assert_true(field_get(IDR1_SIDSIZE, idr1) <= 32 && field_get(IDR1_SSIDSIZE, idr1) <= 20);
	assert_true(idr5 & (IDR5_GRAN4K | IDR5_GRAN16K | IDR5_GRAN64K));
	assert_true(field_get(IDR5_OAS, idr5) <= 6);
	/* What goes together. */
	assert_int_equal(!field_get(IDR5_STALL_MAX, idr5),
		field_get(IDR0_STALL_MODEL, idr0) == IDR0_STALL_NONE);
	assert_int_equal(!field_get(IDR1_PRIQS, idr1), !(idr0 & IDR0_PRI));
	assert_true((idr0 & IDR0_ATS) || !(idr0 & IDR0_PRI));
	assert_true((idr0 & IDR0_S2P) || !(idr0 & IDR0_VMID16));
	assert_true(field_get(IDR1_SSIDSIZE, idr1) || !(idr0 & IDR0_CD2L));
	drv->two_level = field_get(IDR0_ST_LEVEL, idr0) == IDR0_ST_LEVEL_2;
	drv->ats = idr0 & IDR0_ATS;
	drv->pri = idr0 & IDR0_PRI;
	drv->msi = idr0 & IDR0_MSI;
}

static void write_sync(struct driver *drv, uint64_t reg, uint64_t ack, uint32_t value)
{
	rig_write(&drv->rig, reg, value);
	assert_int_equal(rig_read(&drv->rig, ack), value);
}

static void enable(struct driver *drv, uint32_t bit)
{
	drv->enables |= bit;
	write_sync(drv, R_CR0, R_CR0ACK, drv->enables);
}

static void set_tables(struct driver *drv)
{
	struct rig *rig = &drv->rig;
	uint64_t cfg = drv->two_level ? 1 << 16 | 8 << 6 | 8 : 6;

	rig_poke(rig, L1STD_AT, RAM(L2_STRTAB) | 9);
	nb_smmuv3_write(rig->smmu, R_STRTAB_BASE,
		STRTAB_BASE_RA | RAM(drv->two_level ? L1STD_AT : STRTAB_AT), 8);
	rig_write(rig, R_STRTAB_CFG, cfg);
	assert_int_equal(rig_read(rig, R_STRTAB_CFG), cfg);
}

static void set_queue(
	struct driver *drv, uint64_t base, uint64_t value, uint64_t prod, uint64_t cons)
{
	nb_smmuv3_write(drv->rig.smmu, base, value | Q_BASE_HINT, 8);
	rig_write(&drv->rig, prod, 0);
	rig_write(&drv->rig, cons, 0);
	assert_int_equal(nb_smmuv3_read(drv->rig.smmu, base, 8), value | Q_BASE_HINT);
}

/* The driver clears them first; on a machine without messages it leaves the wires. */
static void set_message(struct driver *drv, uint64_t cfg0, unsigned i)
{
	nb_smmuv3_write(drv->rig.smmu, cfg0, 0, 8);
	if (!drv->msi)
		return;
	nb_smmuv3_write(drv->rig.smmu, cfg0, MSI_OF(i), 8);
	rig_write(&drv->rig, cfg0 + 8, 100 + i);
	rig_write(&drv->rig, cfg0 + 12, 1);
	assert_int_equal(nb_smmuv3_read(drv->rig.smmu, cfg0, 8), MSI_OF(i));
}

static void set_interrupts(struct driver *drv)
{
	write_sync(drv, R_IRQ_CTRL, R_IRQ_CTRLACK, 0);
	set_message(drv, R_GERROR_IRQ_CFG0, 0);
	set_message(drv, R_EVENTQ_IRQ_CFG0, 1);
	if (drv->pri)
		set_message(drv, R_PRIQ_IRQ_CFG0, 2);
	write_sync(drv, R_IRQ_CTRL, R_IRQ_CTRLACK,
		IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ | (drv->pri ? IRQ_CTRL_PRIQ : 0));
}

static void reset(struct driver *drv)
{
	struct rig *rig = &drv->rig;

	write_sync(drv, R_CR0, R_CR0ACK, 0);
	rig_write(rig, R_CR1, 0xd75);
	rig_write(rig, R_CR2, CR2_PTM | CR2_RECINVSID);
	assert_int_equal(rig_read(rig, R_CR2), CR2_PTM | CR2_RECINVSID);
	set_tables(drv);
	set_queue(drv, R_CMDQ_BASE, RAM(CMDQ_AT) | 8, R_CMDQ_PROD, R_CMDQ_CONS);
	enable(drv, CR0_CMDQEN);
	rig_cmd(rig, CMD_CFGI_STE_RANGE, 31);
	rig_cmd(rig, CMD_TLBI_NSNH_ALL, 0);
	set_queue(drv, R_EVENTQ_BASE, RAM(EVENTQ_AT) | 7, R_EVENTQ_PROD, R_EVENTQ_CONS);
	enable(drv, CR0_EVENTQEN);
	if (drv->pri) {
		set_queue(drv, R_PRIQ_BASE, RAM(PRIQ_AT) | 8, R_PRIQ_PROD, R_PRIQ_CONS);
		enable(drv, CR0_PRIQEN);
	}
	if (drv->ats)
		enable(drv, CR0_ATSCHK);
	set_interrupts(drv);
	enable(drv, CR0_SMMUEN);
}

/* Streams abort until they are attached; a fault is told as the driver asked for. */
static void use(struct driver *drv)
{
	struct rig *rig = &drv->rig;
	uint64_t ste = drv->two_level ? L2_STRTAB + 64 * RIG_SID : STRTAB_AT + 64 * RIG_SID;
	uint64_t record[EVT_WORDS];

	assert_int_equal(rig_pa(rig, RAM(0), NB_DMA_READ), RIG_ABORT);
	rig_event(rig, record);
	assert_int_equal(record[0], EVT_C_BAD_STE | (uint64_t)RIG_SID << 32);
	assert_int_equal(*rig_at(rig, DOORBELL + 8), drv->msi ? 101 : 0);
	assert_int_equal(rig->events, drv->msi ? 0 : 1);
	rig_poke(rig, ste + 8, UINT64_C(1) << 44); /* SHCFG: incoming */
	rig_poke(rig, ste, STE0_BYPASS);
	rig_cmd(rig, CMD_CFGI_STE | (uint64_t)RIG_SID << 32, 1);
	assert_int_equal(rig_pa(rig, RAM(0), NB_DMA_READ), RAM(0));
	if (!drv->pri)
		return;
	nb_smmuv3_page_request(rig->smmu,
		&(struct nb_smmuv3_page_request){ .sid = RIG_SID, .flags = NB_READ, .last = true });
	assert_int_equal(rig_read(rig, R_PRIQ_PROD), 1);
	assert_int_equal(*rig_at(rig, DOORBELL + 16), drv->msi ? 102 : 0);
	rig_cmd(rig, CMD_PRI_RESP | (uint64_t)RIG_SID << 32, 2 << 12);
	rig_write(rig, R_PRIQ_CONS, 1);
}

/* The driver polls the word that its CMD_SYNC writes, and reads no register meanwhile. */
static void sync_by_message(struct driver *drv)
{
	struct rig *rig = &drv->rig;

	rig_queue(rig, CMD_TLBI_NSNH_ALL, 0);
	rig_queue(rig, CMD_SYNC | CMD_CS_IRQ << 12 | UINT64_C(5) << 32, MSI_OF(9));
	rig_ring(rig);
	assert_int_equal(*rig_at(rig, DOORBELL + 8 * 9), 5);
}

static void test_bringup(void **state)
{
	struct driver drv;
	unsigned i;

	for (i = 0; i < ARRAY_LEN(machines); i++) {
		memset(&drv, 0, sizeof(drv));
		rig_create(&drv.rig, machines[i]);
		probe(&drv);
		reset(&drv);
		use(&drv);
		if (drv.msi)
			sync_by_message(&drv);
		assert_int_equal(rig_read(&drv.rig, R_GERROR), 0);
		/* A kernel that was started anew (kexec) finds it enabled. */
		drv.enables = 0;
		drv.rig.cmdq_prod = 0;
		reset(&drv);
		assert_int_equal(rig_pa(&drv.rig, RAM(0), NB_DMA_READ), RAM(0));
		rig_finish(&drv.rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_bringup) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
