/* SPDX-License-Identifier: MIT */
/*
 * Commands of a guest's queue: which of them reach the host's queue, as what, and what they make
 * hardware forget. None may ever stop that queue (CERROR_ILL): the driver asserts that none does.
 */
#include "../ioas/guest.h"

#define VA  MIB(1)
#define VID 0x77 /* what the guest calls device 0 */
#define OP(name, word0, word1)                                                                     \
	{                                                                                          \
		CMD_##name | (word0), (word1)                                                      \
	}
#define SID(sid)   ((uint64_t)(sid) << 32)
#define SSID(ssid) ((uint64_t)(ssid) << 12)
#define VMID(vmid) ((uint64_t)(vmid) << 32)
#define ASID(asid) ((uint64_t)(asid) << 48)

static const struct nb_smmuv3_config configs[] = {
	{ .ssid_bits = 10, .ats = true },
	{ .ssid_bits = 10, .no_ril = true, .stall_model = NB_SMMUV3_STALL_ALLOWED },
	{ .ats = true },
	{ .no_ril = true },
};

/* What the host's queue got, CMD_SYNCs left out. */
static struct {
	struct arm_smmu *smmu;
	uint64_t prod;
	struct smmu_cmd log[256];
	unsigned n, syncs;
} queue;

static void hw_write(void *hw, uint64_t offset, uint64_t value, unsigned size)
{
	const struct smmu_cmdq *q = &queue.smmu->cmdq;
	const struct smmu_cmd *cmds = (const struct smmu_cmd *)q->entries;
	uint64_t mask = (2u << q->size_lg2) - 1;

	if (offset == SMMU_CMDQ_PROD) {
		for (; queue.prod != value; queue.prod = (queue.prod + 1) & mask) {
			const struct smmu_cmd *cmd = &cmds[queue.prod & mask >> 1];

			if (field_get(CMD0_OP, cmd->word[0]) == CMD_SYNC)
				queue.syncs++;
			else
				queue.log[queue.n++ % ARRAY_LEN(queue.log)] = *cmd;
		}
	}
	nb_smmuv3_write(hw, offset, value, size);
}

static void queue_clear(void)
{
	queue.n = queue.syncs = 0;
}

static void setup(struct rig *rig, struct guest *guest, const struct nb_smmuv3_config *config)
{
	struct iommu_device *dev = &rig->devs[0].dev;
	struct iommu_viommu *viommu;

	rig_init(rig, config, 1);
	assert_int_equal(rig_attach(rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	guest_init(guest, rig);
	viommu = dev->viommu;
	iommu_vdevice_clear(dev);
	assert_int_equal(iommu_vdevice_set(viommu, dev, VID, NULL), 0);
	queue.smmu = to_smmu(rig->iommus[0]);
	queue.prod = nb_smmuv3_read(rig->models[0], SMMU_CMDQ_PROD, 4);
	queue.smmu->hw.write = hw_write;
	queue_clear();
}

static void teardown(struct rig *rig, struct guest *guest)
{
	rig_detach(rig, 0);
	guest_finish(guest);
	rig_finish(rig);
}

static uint16_t vmid_of(struct rig *rig)
{
	return to_smmu_domain(rig->devs[0].dev.viommu->parent)->id;
}

/* ---- what passes, and as what ---- */

#define ALL	  0xf
#define HAVE_SSID 0x3 /* bit n: configs[n] */
#define HAVE_ATS  0x5
#define HAVE_BOTH 0x1
#define HAVE_RIL  0x5
#define NONE	  0

struct row {
	uint64_t word[2];
	unsigned passes; /* bit n: with configs[n] */
	uint64_t as[2];	 /* less VMID or StreamID; 0: as it came */
};

static const struct row rows[] = {
	{ OP(NSNH_ALL, 0, 0), ALL, OP(NH_ALL, 0, 0) },
	{ OP(NSNH_ALL, VMID(1), 0), NONE },
	{ OP(NSNH_ALL, 0, 1), NONE },
	{ OP(NH_ALL, VMID(0xffff), 0), ALL, OP(NH_ALL, 0, 0) },
	{ OP(NH_ALL, ASID(1), 0), NONE },
	{ OP(NH_ALL, 0, KIB(4)), NONE },
	{ OP(NH_ASID, ASID(0xffff) | VMID(3), 0), ALL, OP(NH_ASID, ASID(0xffff), 0) },
	{ OP(NH_ASID, 0, 1), NONE },
	{ OP(NH_VA, ASID(5), VA), ALL },
	{ OP(NH_VA, ASID(5), VA | 1), ALL },
	{ OP(NH_VA, ASID(5), ~MASK64(11, 0) | 1), ALL },
	{ OP(NH_VA, BIT64(10), VA), NONE }, /* SSec */
	{ OP(NH_VAA, VMID(9), VA | 1), ALL, OP(NH_VAA, 0, VA | 1) },
	{ OP(NH_VAA, ASID(5), VA), NONE },
	/* IHI 0070 4.4.1.1: ranges. */
	{ OP(NH_VA, 31 << 12 | 31 << 20, VA | 1 << 10), HAVE_RIL },
	{ OP(NH_VAA, 1 << 12, VA | 3 << 10 | 3 << 8 | 1), HAVE_RIL },
	{ OP(NH_VA, 0, VA | 1 << 10 | 3 << 8), HAVE_RIL },
	{ OP(NH_VA, 0, VA | 1 << 10), NONE }, /* Reserved */
	{ OP(NH_VA, 0, VA | 3 << 8), NONE },  /* TTL without TG */
	{ OP(NH_VA, 1 << 12, VA), NONE },     /* NUM likewise */
	{ OP(NH_VA, 1 << 20, VA), NONE },
	{ OP(NH_VA, 1 << 12, VA | 2 << 10 | 1 << 8), NONE },  /* level 1 of 16 KiB wants DS */
	{ OP(NH_VA, 1 << 12 | 1 << 25, VA | 1 << 10), NONE }, /* so does SCALE above 31 */
	{ OP(CFGI_CD, SID(VID), 1), ALL },
	{ OP(CFGI_CD, SID(VID), 0), ALL },
	{ OP(CFGI_CD, SID(VID) | SSID(3), 1), HAVE_SSID },
	{ OP(CFGI_CD, SID(VID) | BIT64(11), 1), NONE },
	{ OP(CFGI_CD, SID(VID), 2), NONE },
	{ OP(CFGI_CD, SID(0x100), 1), NONE }, /* the host's number is not the guest's */
	{ OP(CFGI_CD_ALL, SID(VID), 0), ALL },
	{ OP(CFGI_CD_ALL, SID(VID), 1), NONE },
	{ OP(CFGI_CD_ALL, SID(0), 0), NONE },
	{ OP(CFGI_CD_ALL, SID(UINT32_MAX), 0), NONE },
	{ OP(ATC_INV, SID(VID), VA), HAVE_ATS },
	{ OP(ATC_INV, SID(VID), 52), HAVE_ATS },
	{ OP(ATC_INV, SID(VID), 53), NONE },
	{ OP(ATC_INV, SID(VID), 63), NONE },
	{ OP(ATC_INV, SID(VID) | SSID(7) | BIT64(11), VA | 3), HAVE_BOTH },
	{ OP(ATC_INV, SID(VID) | BIT64(9) | BIT64(11), VA), HAVE_BOTH },
	{ OP(ATC_INV, SID(1), VA), NONE },
	/* The host's business. */
	{ OP(CFGI_STE, SID(VID), 1), NONE },
	{ OP(CFGI_ALL, 0, 31), NONE },
	{ OP(S12_VMALL, VMID(1), 0), NONE },
	{ OP(S2_IPA, VMID(1), VA), NONE },
	{ OP(RESUME, SID(VID) | BIT64(12), 0), NONE },
	{ OP(STALL_TERM, SID(VID), 0), NONE },
	{ OP(SYNC, 0, 0), NONE },
};

static void check_row(struct rig *rig, const struct row *row, unsigned passes)
{
	uint64_t ids = field_get(CMD0_OP, row->word[0]) >= CMD_NH_ALL &&
				       field_get(CMD0_OP, row->word[0]) != CMD_ATC_INV
			       ? VMID(0xffff)
			       : SID(0xffffffff);
	uint64_t id = ids == VMID(0xffff) ? VMID(vmid_of(rig)) : SID(rig->devs[0].dev.sid);
	const uint64_t *as = row->as[0] ? row->as : row->word;
	struct iommu_user_data data = { IOMMU_DATA_ARM_SMMUV3, row->word, sizeof(row->word), 1 };
	struct why why = { 0 };
	unsigned done;

	queue_clear();
	assert_int_equal(iommu_viommu_invalidate(rig->devs[0].dev.viommu, &data, &done, &why),
		passes ? 0 : -EIO);
	assert_int_equal(done, passes);
	assert_int_equal(queue.n, passes);
	if (!passes) {
		assert_string_equal(why.rule, "bad-guest-command");
		assert_string_equal(why.iommu, "smmu0");
		return;
	}
	assert_int_equal(queue.syncs, 1);
	assert_int_equal(queue.log[0].word[0], (as[0] & ~ids) | id);
	assert_int_equal(queue.log[0].word[1], as[1]);
}

static void table(void **state)
{
	struct guest guest;
	struct rig rig;

	for (unsigned c = 0; c < ARRAY_LEN(configs); c++) {
		setup(&rig, &guest, &configs[c]);
		for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
			check_row(&rig, &rows[i], rows[i].passes >> c & 1);
		teardown(&rig, &guest);
	}
}

/* Of an SMMU with 8-bit ASIDs the rest is RES0 (Linux 7.3: asid_bits). */
static void small_asids(void **state)
{
	static const struct {
		uint64_t word[2];
		int ret;
	} small[] = {
		{ OP(NH_ASID, ASID(0xff), 0), 0 },
		{ OP(NH_ASID, ASID(0x100), 0), -EIO },
		{ OP(NH_VA, ASID(0xff), VA), 0 },
		{ OP(NH_VA, ASID(0x8000), VA), -EIO },
	};
	struct guest guest;
	struct rig rig;

	setup(&rig, &guest, &configs[0]);
	to_smmu(rig.iommus[0])->asid_bits = 8;
	for (unsigned i = 0; i < ARRAY_LEN(small); i++)
		assert_int_equal(
			guest_cmd(&guest, 0, small[i].word[0], small[i].word[1]), small[i].ret);
	teardown(&rig, &guest);
}

/* Those before the first bad one are carried out, and waited for; those behind it are not. */
static void partly(void **state)
{
	struct abi_smmuv3_cmd cmds[100];
	struct guest guest;
	struct rig rig;
	unsigned done;

	setup(&rig, &guest, &configs[0]);
	for (unsigned bad = 0; bad <= ARRAY_LEN(cmds); bad++) {
		for (unsigned i = 0; i < ARRAY_LEN(cmds); i++)
			cmds[i] = (struct abi_smmuv3_cmd){ OP(NH_VA, 0, i * KIB(4)) };
		if (bad < ARRAY_LEN(cmds))
			cmds[bad].word[0] = CMD_SYNC;
		queue_clear();
		assert_int_equal(guest_cmds(&guest, 0, cmds, ARRAY_LEN(cmds), &done),
			bad < ARRAY_LEN(cmds) ? -EIO : 0);
		assert_int_equal(done, bad);
		assert_int_equal(queue.n, bad);
		assert_int_equal(queue.syncs, bad > 0);
		for (unsigned i = 0; i < bad; i++)
			assert_int_equal(queue.log[i].word[1], i * KIB(4));
	}
	assert_int_equal(guest_cmds(&guest, 0, cmds, 0, &done), 0);
	teardown(&rig, &guest);
}

static void bad_data(void **state)
{
	uint64_t word[4] = { CMD_NH_ALL };
	const struct iommu_user_data data[] = {
		{ IOMMU_DATA_NONE, word, 16, 1 },
		{ IOMMU_DATA_ARM_SMMUV3, word, 8, 1 },
		{ IOMMU_DATA_ARM_SMMUV3, word, 32, 1 },
	};
	struct guest guest;
	struct rig rig;
	unsigned done = 7;

	setup(&rig, &guest, &configs[0]);
	for (unsigned i = 0; i < ARRAY_LEN(data); i++) {
		struct why why = { 0 };

		assert_int_equal(
			iommu_viommu_invalidate(rig.devs[0].dev.viommu, &data[i], &done, &why),
			-EINVAL);
		assert_string_equal(why.rule, "not-smmuv3-data");
		assert_int_equal(done, 0);
	}
	assert_int_equal(queue.n, 0);
	teardown(&rig, &guest);
}

/* ---- anything at all ---- */

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static uint64_t sparse(uint64_t *seed)
{
	uint64_t word = next_random(seed);

	for (unsigned n = next_random(seed) % 8; n; n--)
		word &= next_random(seed);
	return word;
}

/* It is about this guest and its device. */
static void check_contained(struct rig *rig, const struct smmu_cmd *cmd)
{
	switch (field_get(CMD0_OP, cmd->word[0])) {
	case CMD_CFGI_CD:
	case CMD_CFGI_CD_ALL:
	case CMD_ATC_INV:
		assert_int_equal(field_get(CMD0_SID, cmd->word[0]), rig->devs[0].dev.sid);
		break;
	case CMD_NH_ALL:
	case CMD_NH_ASID:
	case CMD_NH_VA:
	case CMD_NH_VAA:
		assert_int_equal(field_get(TLBI0_VMID, cmd->word[0]), vmid_of(rig));
		break;
	default:
		fail();
	}
}

/* Any opcode; half of the time one that may pass. */
static unsigned some_op(unsigned n)
{
	static const uint8_t good[] = { CMD_CFGI_CD, CMD_CFGI_CD_ALL, CMD_NH_ALL, CMD_NH_ASID,
		CMD_NH_VA, CMD_NH_VAA, CMD_NSNH_ALL, CMD_ATC_INV };

	return n % 2 ? n / 2 % 256 : good[n / 2 % ARRAY_LEN(good)];
}

static void anything(void **state)
{
	uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
	unsigned passed = 0;
	struct guest guest;
	struct rig rig;

	for (unsigned c = 0; c < ARRAY_LEN(configs); c++) {
		setup(&rig, &guest, &configs[c]);
		for (unsigned n = 0; n < 2 * 256 * 200; n++) {
			uint64_t word0 = (sparse(&seed) & ~CMD0_OP) | some_op(n);

			if (next_random(&seed) % 2)
				word0 = (word0 & ~CMD0_SID) | SID(VID);
			queue_clear();
			if (guest_cmd(&guest, 0, word0, sparse(&seed)))
				assert_int_equal(queue.n, 0);
			else
				check_contained(&rig, &queue.log[0]);
			passed += queue.n;
		}
		/* IHI 0070 7.1: no error was ever raised. */
		assert_int_equal(nb_smmuv3_read(rig.models[0], SMMU_GERROR, 4), 0);
		teardown(&rig, &guest);
	}
	assert_true(passed > 500);
}

/* ---- what is forgotten ---- */

#define CD_ASID 5

static const struct {
	uint64_t word[2];
	bool forgets;
} effects[] = {
	{ OP(NSNH_ALL, 0, 0), true },
	{ OP(NH_ALL, 0, 0), true },
	{ OP(NH_ASID, ASID(CD_ASID), 0), true },
	{ OP(NH_ASID, ASID(CD_ASID + 1), 0), false },
	{ OP(NH_VA, ASID(CD_ASID), VA), true },
	{ OP(NH_VA, ASID(CD_ASID), VA | 1), true },
	{ OP(NH_VA, ASID(CD_ASID), VA + MIB(4)), false },
	{ OP(NH_VA, ASID(CD_ASID + 1), VA), false },
	{ OP(NH_VAA, 0, VA), true },
	{ OP(NH_VAA, 0, VA + MIB(4)), false },
	/* Two pages, from the one before on. (Of ranges the model may forget more.) */
	{ OP(NH_VA, ASID(CD_ASID) | 1 << 12, (VA - KIB(4)) | 1 << 10 | 1), true },
	{ OP(ATC_INV, SID(VID), 52), false },
	{ OP(CFGI_CD, SID(VID) | SSID(1), 1), false },
};

static void forgetting(void **state)
{
	struct nb_pgtable *tables;
	uint64_t pages[2], cd;
	struct guest guest;
	struct rig rig;

	setup(&rig, &guest, &configs[0]);
	tables = guest_tables(&guest);
	cd = guest_cd(&guest, tables, CD_ASID, 0);
	for (unsigned i = 0; i < 2; i++)
		pages[i] = guest_page(&guest, 0x10 + i);
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(cd), 0), 0);
	/* So that the table stays, and only the leaf changes. */
	guest_map(tables, VA + KIB(64), pages[0], GUEST_RW);
	for (unsigned i = 0; i < ARRAY_LEN(effects); i++) {
		guest_map(tables, VA, pages[0], GUEST_RW);
		assert_int_equal(guest_cmd(&guest, 0, CMD_NH_ALL, 0), 0);
		assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), 0x10);
		nb_pgtable_unmap(tables, NB_IOVA(VA), KIB(4), NULL);
		guest_map(tables, VA, pages[1], GUEST_RW);
		/* Until it is told so. */
		assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), 0x10);
		assert_int_equal(guest_cmd(&guest, 0, effects[i].word[0], effects[i].word[1]), 0);
		assert_int_equal(
			guest_peek(&rig, 0, NO_SSID, VA), effects[i].forgets ? 0x11 : 0x10);
		nb_pgtable_unmap(tables, NB_IOVA(VA), KIB(4), NULL);
	}
	nb_pgtable_destroy(tables);
	teardown(&rig, &guest);
}

/* A context descriptor is kept, too, until CFGI_CD, CFGI_CD_ALL. */
static void descriptors(void **state)
{
	static const uint64_t cmds[][2] = { OP(CFGI_CD, SID(VID), 1), OP(CFGI_CD, SID(VID), 0),
		OP(CFGI_CD_ALL, SID(VID), 0) };
	struct nb_pgtable *tables[2];
	struct guest guest;
	struct rig rig;
	uint64_t cd;

	setup(&rig, &guest, &configs[0]);
	for (unsigned i = 0; i < 2; i++) {
		tables[i] = guest_tables(&guest);
		guest_map(tables[i], VA, guest_page(&guest, 0x10 + i), GUEST_RW);
	}
	cd = guest_cd(&guest, tables[0], 1, 0);
	assert_int_equal(guest_set(&guest, 0, VSTE_S1(cd), 0), 0);
	for (unsigned i = 0; i < ARRAY_LEN(cmds); i++) {
		assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), 0x10 + i % 2);
		guest_write_cd(guest_at(&guest, cd), tables[(i + 1) % 2], i + 2, 0);
		assert_int_equal(guest_cmd(&guest, 0, CMD_NH_ALL, 0), 0);
		assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), 0x10 + i % 2);
		assert_int_equal(guest_cmd(&guest, 0, cmds[i][0], cmds[i][1]), 0);
		assert_int_equal(guest_peek(&rig, 0, NO_SSID, VA), 0x10 + (i + 1) % 2);
	}
	for (unsigned i = 0; i < 2; i++)
		nb_pgtable_destroy(tables[i]);
	teardown(&rig, &guest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(small_asids),
		cmocka_unit_test(partly),
		cmocka_unit_test(bad_data),
		cmocka_unit_test(anything),
		cmocka_unit_test(forgetting),
		cmocka_unit_test(descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
