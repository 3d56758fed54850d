/* SPDX-License-Identifier: MIT */
/*
 * Faults of a guest's stage 1 (R7): which of them its owner hears of and how, who else does not; and
 * transactions that stall (IHI 0070 3.12.2).
 */
#include "../ioas/guest.h"

#define VA  MIB(1)
#define VID 0xabcd1234

static const struct nb_smmuv3_config stalling = { .ssid_bits = 4,
	.stall_model = NB_SMMUV3_STALL_ALLOWED };
static const struct nb_smmuv3_config plain = { .ssid_bits = 4 };

/* The owner of a device's stage 1. */
struct owner {
	struct iommu_fault_sink sink;
	struct iommu_fault last;
	unsigned reports;
	bool full;
};

static bool on_report(struct iommu_fault_sink *sink, const struct iommu_fault *fault)
{
	struct owner *owner = caa_container_of(sink, struct owner, sink);

	if (owner->full)
		return false;
	owner->last = *fault;
	owner->reports++;
	return true;
}

struct bench {
	struct rig rig;
	struct guest guest;
	struct owner owner;
	struct nb_pgtable *tables;
	uint64_t cd;
	struct iommu_device *dev;
};

/* A guest whose VA is mapped to nothing yet. */
static void setup(struct bench *b, const struct nb_smmuv3_config *config, uint64_t cd_bits)
{
	struct iommu_viommu *viommu;

	rig_init(&b->rig, config, 1);
	assert_int_equal(rig_attach(&b->rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	guest_init(&b->guest, &b->rig);
	b->dev = &b->rig.devs[0].dev;
	viommu = b->dev->viommu;
	iommu_vdevice_clear(b->dev);
	assert_int_equal(iommu_vdevice_set(viommu, b->dev, VID, NULL), 0);
	b->tables = guest_tables(&b->guest);
	b->cd = guest_cd(&b->guest, b->tables, 1, cd_bits);
	b->owner = (struct owner){ .sink.report = on_report };
	iommu_set_fault_sink(b->dev, &b->owner.sink);
	assert_int_equal(guest_set(&b->guest, 0, VSTE_S1(b->cd), 0), 0);
}

static void teardown(struct bench *b)
{
	iommu_set_fault_sink(b->dev, NULL);
	nb_pgtable_destroy(b->tables);
	if (b->dev->domain)
		rig_detach(&b->rig, 0);
	guest_finish(&b->guest);
	rig_finish(&b->rig);
}

static int peek(struct bench *b, uint32_t ssid, uint64_t va)
{
	return guest_peek(&b->rig, 0, ssid, va);
}

/* ---- who hears ---- */

static void assert_delivered(struct bench *b, const char *name)
{
	assert_int_equal(b->owner.reports, 1);
	assert_string_equal(b->owner.last.name, name);
	assert_int_equal(b->owner.last.sid, VID);
	assert_int_equal(b->owner.last.record[0] >> 32, VID);
	assert_int_equal(b->owner.last.record[0] & 0xff, b->owner.last.event);
	assert_true(b->rig.fault.delivered);
	/* The host's own copy is as the hardware wrote it. */
	assert_int_equal(b->rig.fault.sid, b->dev->sid);
	assert_int_equal(b->rig.fault.record[0] >> 32, b->dev->sid);
	b->owner.reports = 0;
}

static void assert_hosts(struct bench *b, const char *name)
{
	assert_int_equal(b->owner.reports, 0);
	assert_string_equal(b->rig.fault.name, name);
	assert_false(b->rig.fault.delivered);
}

static void stage1_faults(void **state)
{
	struct bench b;
	uint64_t *cd;

	setup(&b, &plain, 0);
	assert_int_equal(peek(&b, NO_SSID, VA + 8), -1);
	assert_delivered(&b, "F_TRANSLATION");
	assert_int_equal(b.owner.last.iova, VA + 8);
	assert_int_equal(b.owner.last.record[2], VA + 8);
	assert_true(b.owner.last.read && !b.owner.last.stalled);
	assert_int_equal(b.owner.last.record[3], 0);
	guest_map(b.tables, VA, guest_page(&b.guest, 1), NB_PGTABLE_READ | NB_PGTABLE_NO_AF);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_delivered(&b, "F_ACCESS");
	nb_pgtable_unmap(b.tables, NB_IOVA(VA), KIB(4), NULL);
	guest_map(b.tables, VA, guest_page(&b.guest, 1), NB_PGTABLE_READ | NB_PGTABLE_PRIV);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_delivered(&b, "F_PERMISSION");
	assert_int_equal(peek(&b, 3, VA), -1);
	assert_delivered(&b, "C_BAD_SUBSTREAMID");
	cd = guest_at(&b.guest, b.cd);
	cd[0] &= ~CD0_V;
	assert_int_equal(guest_cmd(&b.guest, 0, CMD_CFGI_CD_ALL | (uint64_t)VID << 32, 0), 0);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_delivered(&b, "C_BAD_CD");
	/* S1DSS = terminate with a table of several. */
	assert_int_equal(guest_set(&b.guest, 0, VSTE_S1(b.cd) | UINT64_C(1) << 59, 0), 0);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_delivered(&b, "F_STREAM_DISABLED");
	/* More CDs than there can be: what is bad in the entry is the guest's. */
	assert_int_equal(guest_set(&b.guest, 0, VSTE_S1(b.cd) | UINT64_C(20) << 59, 0), 0);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_delivered(&b, "C_BAD_STE");
	teardown(&b);
}

static void stage2_faults(void **state)
{
	struct bench b;

	setup(&b, &plain, 0);
	/* The page, then the CD, then a table are not in stage 2. */
	guest_map(b.tables, VA, 0, GUEST_RW);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_hosts(&b, "F_TRANSLATION");
	assert_int_equal(b.rig.fault.stage, 2);
	assert_int_equal(guest_set(&b.guest, 0, VSTE_S1(MIB(16)), 0), 0);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_hosts(&b, "F_TRANSLATION");
	((uint64_t *)guest_at(&b.guest, b.cd))[1] = MIB(16);
	assert_int_equal(guest_set(&b.guest, 0, VSTE_S1(b.cd), 0), 0);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_hosts(&b, "F_TRANSLATION");
	assert_int_equal(b.rig.fault.stage, 2);
	teardown(&b);
}

/* Nobody hears who has no stage 1, does not listen, or has no room. */
static void owners(void **state)
{
	struct bench b;

	setup(&b, &plain, 0);
	b.owner.full = true;
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_hosts(&b, "F_TRANSLATION");
	b.owner.full = false;
	iommu_set_fault_sink(b.dev, NULL);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_hosts(&b, "F_TRANSLATION");
	iommu_set_fault_sink(b.dev, &b.owner.sink);
	assert_int_equal(ioas_nest_device(b.rig.ioas, b.dev, NULL, NULL), 0);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_hosts(&b, "F_TRANSLATION");
	rig_detach(&b.rig, 0);
	/* A stage 1 that is the host's. */
	assert_int_equal(rig_attach(&b.rig, 0, IOMMU_DOMAIN_STAGE1), 0);
	assert_int_equal(peek(&b, NO_SSID, VA), -1);
	assert_hosts(&b, "F_TRANSLATION");
	assert_int_equal(b.rig.fault.stage, 1);
	teardown(&b);
}

/* Every event, as hardware that we do not have might tell it (Linux 7.3 arm_smmu_handle_event). */
static void events(void **state)
{
	static const struct {
		uint8_t event;
		bool guests, fetch, stage2_is_not;
	} rows[] = {
		{ 0x01 },		    /* F_UUT */
		{ 0x02 },		    /* C_BAD_STREAMID */
		{ 0x03 },		    /* F_STE_FETCH */
		{ 0x04, true },		    /* C_BAD_STE */
		{ 0x05 },		    /* F_BAD_ATS_TREQ */
		{ 0x06, true },		    /* F_STREAM_DISABLED */
		{ 0x07 },		    /* F_TRANSL_FORBIDDEN */
		{ 0x08, true },		    /* C_BAD_SUBSTREAMID */
		{ 0x09, true, true },	    /* F_CD_FETCH */
		{ 0x0a, true },		    /* C_BAD_CD */
		{ 0x0b, true, true, true }, /* F_WALK_EABT */
		{ 0x10, true, false, true },
		{ 0x11, true, false, true },
		{ 0x12, true, false, true },
		{ 0x13, true, false, true },
		{ 0x20 }, /* F_TLB_CONFLICT */
		{ 0x21 }, /* F_CFG_CONFLICT */
		{ 0x24 }, /* E_PAGE_REQUEST */
		{ 0x25 }, /* F_VMS_FETCH */
		{ 0x00 },
		{ 0xe0 },
		{ 0xff },
	};
	struct bench b;

	setup(&b, &plain, 0);
	for (unsigned i = 0; i < ARRAY_LEN(rows) * 2; i++) {
		bool s2 = i % 2, guests = rows[i / 2].guests && !(s2 && rows[i / 2].stage2_is_not);
		struct arm_smmu *smmu = to_smmu(b.rig.iommus[0]);
		uint64_t record[4] = { rows[i / 2].event | (uint64_t)b.dev->sid << 32,
			s2 ? EVENT1_S2 : 0, 0x123456789, 0xabcdef000 };

		b.owner.reports = 0;
		smmu_eventq_decode(smmu, record, &b.rig.fault);
		assert_int_equal(iommu_report_fault(b.dev, &b.rig.fault), guests);
		assert_int_equal(b.owner.reports, guests);
		if (!guests)
			continue;
		assert_int_equal(b.owner.last.record[0], rows[i / 2].event | (uint64_t)VID << 32);
		assert_int_equal(b.owner.last.record[1], record[1]);
		assert_int_equal(b.owner.last.record[2], record[2]);
		/* Where the host has the guest's memory is not the guest's to know. */
		if (rows[i / 2].fetch)
			assert_int_equal(b.owner.last.record[3], 0);
	}
	teardown(&b);
}

/* ---- stalls ---- */

static enum nb_smmuv3_verdict try_read(struct bench *b, uint64_t va)
{
	uint8_t byte;

	return guest_read(&b->rig, 0, NO_SSID, va, &byte);
}

/* Stalled, and the owner has heard. */
static uint16_t stall(struct bench *b)
{
	b->owner.reports = 0;
	assert_int_equal(try_read(b, VA), NB_SMMUV3_STALLED);
	assert_delivered(b, "F_TRANSLATION");
	assert_true(b->owner.last.stalled);
	return b->owner.last.tag;
}

static void answers(void **state)
{
	struct bench b;
	uint16_t tag;

	setup(&b, &stalling, CD0_S);
	tag = stall(&b);
	assert_int_equal(try_read(&b, VA), NB_SMMUV3_STALLED);
	assert_int_equal(b.owner.reports, 0);
	/* Anything but the tag that is out. */
	for (unsigned i = 0; i < 0x10000; i += 0x101)
		if (i != tag)
			iommu_page_response(b.dev, (uint16_t)i, IOMMU_RESPONSE_ABORT);
	assert_int_equal(try_read(&b, VA), NB_SMMUV3_STALLED);
	iommu_page_response(b.dev, tag, IOMMU_RESPONSE_ABORT);
	assert_int_equal(try_read(&b, VA), NB_SMMUV3_ABORT);
	/* Not mended: it stalls anew. */
	tag = stall(&b);
	iommu_page_response(b.dev, tag, IOMMU_RESPONSE_RETRY);
	tag = stall(&b);
	guest_map(b.tables, VA, guest_page(&b.guest, 0x42), GUEST_RW);
	iommu_page_response(b.dev, tag, IOMMU_RESPONSE_RETRY);
	assert_int_equal(peek(&b, NO_SSID, VA), 0x42);
	iommu_page_response(b.dev, tag, IOMMU_RESPONSE_RETRY); /* once more: late */
	teardown(&b);
}

/* Stage 2 never stalls: nobody could answer (R7). */
static void stage2_never(void **state)
{
	struct bench b;

	setup(&b, &stalling, CD0_S);
	guest_map(b.tables, VA, 0, GUEST_RW);
	assert_int_equal(try_read(&b, VA), NB_SMMUV3_ABORT);
	assert_hosts(&b, "F_TRANSLATION");
	assert_false(b.rig.fault.stalled);
	teardown(&b);
}

static void detached(void **state)
{
	struct bench b;

	setup(&b, &stalling, CD0_S);
	stall(&b);
	rig_detach(&b.rig, 0);
	assert_int_equal(try_read(&b, VA), NB_SMMUV3_ABORT);
	teardown(&b);
}

/* With another stage 1 it waits for its answer; without any it ends. */
static void replaced(void **state)
{
	static const struct {
		uint64_t word0; /* less the CD */
		bool waits, unset;
	} rows[] = {
		{ VSTE_S1(0), true, false },
		{ VSTE_BYPASS, false, false },
		{ VSTE_ABORT, false, false },
		{ 0, false, false },
		{ 0, false, true },
	};
	struct nb_pgtable *other;
	struct bench b;
	uint64_t cd;
	uint16_t tag;

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		setup(&b, &stalling, CD0_S);
		other = guest_tables(&b.guest);
		guest_map(other, VA, guest_page(&b.guest, 0x42), GUEST_RW);
		cd = guest_cd(&b.guest, other, 2, CD0_S);
		tag = stall(&b);
		if (rows[i].unset)
			assert_int_equal(ioas_nest_device(b.rig.ioas, b.dev, NULL, NULL), 0);
		else
			assert_int_equal(
				guest_set(&b.guest, 0, rows[i].word0 | (rows[i].waits ? cd : 0), 0),
				0);
		assert_int_equal(
			try_read(&b, VA), rows[i].waits ? NB_SMMUV3_STALLED : NB_SMMUV3_ABORT);
		iommu_page_response(b.dev, tag, IOMMU_RESPONSE_RETRY);
		if (rows[i].waits)
			assert_int_equal(peek(&b, NO_SSID, VA), 0x42);
		nb_pgtable_destroy(other);
		teardown(&b);
	}
}

/* IHI 0070 4.6: both commands are ILLEGAL without the stall model; the driver asserts that none is. */
static void no_stalls(void **state)
{
	struct bench b;

	setup(&b, &plain, 0);
	iommu_page_response(b.dev, 1, IOMMU_RESPONSE_RETRY);
	iommu_page_response(b.dev, 1, IOMMU_RESPONSE_ABORT);
	assert_int_equal(ioas_nest_device(b.rig.ioas, b.dev, NULL, NULL), 0);
	assert_int_equal(guest_set(&b.guest, 0, VSTE_S1(b.cd), 0), 0);
	rig_detach(&b.rig, 0);
	/* CD.S or S1STALLD where nothing stalls: bad, and the guest's fault. */
	assert_int_equal(rig_attach(&b.rig, 0, IOMMU_DOMAIN_NEST_PARENT), 0);
	assert_int_equal(guest_set(&b.guest, 0, VSTE_S1(b.cd), STE1_S1STALLD), 0);
	assert_int_equal(try_read(&b, VA), NB_SMMUV3_ABORT);
	assert_string_equal(b.owner.last.name, "C_BAD_STE");
	assert_int_equal(nb_smmuv3_read(b.rig.models[0], SMMU_GERROR, 4), 0);
	teardown(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stage1_faults),
		cmocka_unit_test(stage2_faults),
		cmocka_unit_test(owners),
		cmocka_unit_test(events),
		cmocka_unit_test(answers),
		cmocka_unit_test(stage2_never),
		cmocka_unit_test(detached),
		cmocka_unit_test(replaced),
		cmocka_unit_test(no_stalls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
