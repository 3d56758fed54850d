/* SPDX-License-Identifier: MIT */
/* Command and event queue: wrapping, full, errors and recovery, CMD_SYNC and the DMA in flight. */
#include "rig.h"

static int setup(void **state)
{
	static struct rig rig;

	rig_init(&rig);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_finish(*state);
	return 0;
}

static void test_cmdq_wraps(void **state)
{
	struct rig *rig = *state;
	unsigned i;

	for (i = 0; i < 700; i++) {
		rig_queue(rig, CMD_TLBI_NSNH_ALL, 0);
		if (i % 3 == 0) {
			rig_queue(rig, CMD_SYNC, 0);
			rig_ring(rig);
			assert_int_equal(rig_read(rig, R_CMDQ_CONS), rig->cmdq_prod);
		}
	}
	/* A full queue: same index, other wrap bit. */
	rig_ring(rig);
	for (i = 0; i < 256; i++)
		rig_queue(rig, CMD_TLBI_NH_ALL, 0);
	rig_ring(rig);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), rig->cmdq_prod);
}

static void test_cmdq_disabled(void **state)
{
	struct rig *rig = *state;

	rig_write(rig, R_CR0, 0);
	rig_queue(rig, CMD_TLBI_NSNH_ALL, 0);
	rig_ring(rig);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 0);
	rig_write(rig, R_CR0, CR0_CMDQEN);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 1);
}

/* A queue whose pointers make no sense costs a bounded amount of work, and no more. */
static void test_cmdq_nonsense(void **state)
{
	struct rig *rig = *state;
	unsigned i;

	for (i = 0; i < 256; i++)
		rig_queue(rig, CMD_TLBI_NSNH_ALL, 0);
	rig_write(rig, R_CMDQ_PROD, 300);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 300);
	rig_write(rig, R_CMDQ_PROD, 0xfffff);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 511);
	/* The largest queue, mostly outside memory. */
	rig_write(rig, R_CR0, 0);
	nb_smmuv3_write(rig->smmu, R_CMDQ_BASE, 31, 8);
	rig_write(rig, R_CMDQ_CONS, 0);
	rig_write(rig, R_CMDQ_PROD, 0xfffff);
	rig_write(rig, R_CR0, CR0_CMDQEN);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), CERROR_ABT << 24);
	assert_int_equal(rig_read(rig, R_GERROR), GERROR_CMDQ);
}

/* IHI 0070 7.1: stop at the offender, resume when it is replaced and acknowledged. */
static void test_cerror_ill(void **state)
{
	struct rig *rig = *state;
	unsigned round;

	for (round = 0; round < 3; round++) {
		uint32_t at = rig->cmdq_prod;

		rig_queue(rig, 0xff, 0);
		rig_queue(rig, CMD_SYNC, 0);
		rig_ring(rig);
		assert_int_equal(rig_read(rig, R_CMDQ_CONS), CERROR_ILL << 24 | at);
		assert_int_equal(rig_read(rig, R_GERROR) ^ rig_read(rig, R_GERRORN), GERROR_CMDQ);
		assert_int_equal(rig->gerrors, round + 1);
		/* Doorbells do not help, nor does toggling what is not active. */
		rig_ring(rig);
		rig_write(rig, R_GERRORN, rig_read(rig, R_GERRORN) ^ GERROR_EVENTQ_ABT);
		assert_int_equal(rig_read(rig, R_GERROR) ^ rig_read(rig, R_GERRORN), GERROR_CMDQ);
		assert_int_equal(rig_read(rig, R_CMDQ_CONS) & Q_POINTER, at);
		assert_int_equal(rig->gerrors, round + 1);

		rig_poke(rig, CMDQ_AT + 16 * at, CMD_SYNC);
		rig_write(rig, R_GERRORN, rig_read(rig, R_GERROR));
		assert_int_equal(rig_read(rig, R_CMDQ_CONS) & Q_POINTER, rig->cmdq_prod);
	}
}

static void check_ill(struct nb_smmuv3_config config, const uint64_t *cmds, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		struct rig rig;

		rig_create(&rig, config);
		rig_enable(&rig);
		rig_queue(&rig, cmds[i], 0);
		rig_ring(&rig);
		assert_int_equal(rig_read(&rig, R_CMDQ_CONS), CERROR_ILL << 24);
		rig_finish(&rig);
	}
}

static void test_illegal_commands(void **state)
{
	const uint64_t any[] = { 0, 0x18, 0x20, 0x21, 0x22, 0x40, 0x41, 0x44, 0x45, 0x50,
		CMD_SYNC | CMD_0_CS, CMD_CFGI_STE | CMD_0_SSEC, CMD_TLBI_NH_ALL | CMD_0_SSEC };
	const uint64_t no_s1[] = { CMD_CFGI_CD, CMD_CFGI_CD_ALL, CMD_TLBI_NH_ALL, CMD_TLBI_NH_ASID,
		CMD_TLBI_NH_VA, CMD_TLBI_NH_VAA };
	const uint64_t no_s2[] = { CMD_TLBI_S12_VMALL, CMD_TLBI_S2_IPA };

	check_ill((struct nb_smmuv3_config){ 0 }, any, ARRAY_LEN(any));
	check_ill((struct nb_smmuv3_config){ .no_stage1 = true }, no_s1, ARRAY_LEN(no_s1));
	check_ill((struct nb_smmuv3_config){ .no_stage2 = true }, no_s2, ARRAY_LEN(no_s2));
}

static void test_legal_commands(void **state)
{
	static const uint8_t ops[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10, 0x11, 0x12, 0x13,
		0x28, 0x2a, 0x30, 0x46 };
	struct rig *rig = *state;
	unsigned i;

	for (i = 0; i < ARRAY_LEN(ops); i++)
		rig_cmd(rig, ops[i], 31);
	assert_int_equal(rig_read(rig, R_GERROR), 0);
}

static void test_cerror_abt(void **state)
{
	struct rig *rig = *state;

	rig_write(rig, R_CR0, 0);
	nb_smmuv3_write(rig->smmu, R_CMDQ_BASE, BIT64(40) | 8, 8);
	rig_write(rig, R_CR0, CR0_CMDQEN);
	rig_ring(rig);
	rig_write(rig, R_CMDQ_PROD, 1);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), CERROR_ABT << 24);
	assert_int_equal(rig->gerrors, 1);
}

/* R6: SYNC does not complete while a section that began before it is open. */
static void test_sync_waits(void **state)
{
	struct rig *rig = *state;
	struct port *other;

	other = smmuv3_port(nb_smmuv3_port_create(rig->smmu, 6));
	rig_queue(rig, CMD_CFGI_STE | (uint64_t)RIG_SID << 32, 0);
	rig_queue(rig, CMD_SYNC, 0);
	rig_queue(rig, CMD_TLBI_NSNH_ALL, 0);
	port_enter(rig->port);
	rig_ring(rig);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 1);
	/* One that begins later need not be waited for, and not forever. */
	port_enter(other);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 1);
	rig_ring(rig);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 1);
	port_leave(rig->port);
	port_enter(rig->port);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 3);
	port_leave(other);
	port_leave(rig->port);
	nb_smmuv3_port_destroy(smmuv3_port_of(other));
}

/* Nothing was invalidated: nothing to wait for. */
static void test_sync_alone(void **state)
{
	struct rig *rig = *state;

	port_enter(rig->port);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 1);
	port_leave(rig->port);
}

static void test_sync_and_disable(void **state)
{
	struct rig *rig = *state;

	port_enter(rig->port);
	rig_queue(rig, CMD_TLBI_NSNH_ALL, 0);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 1);
	rig_write(rig, R_CR0, CR0_SMMUEN);
	rig_write(rig, R_CR0, CR0_SMMUEN | CR0_CMDQEN);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 1);
	port_leave(rig->port);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), 2);
}

/* One event, of a stream without a valid STE. */
static void fault(struct rig *rig, uint32_t sid)
{
	struct dma_span span;

	assert_int_equal(rig_translate_sid(rig, sid, 0, NB_DMA_READ, &span), -1);
}

static void test_evtq_wraps(void **state)
{
	struct rig *rig = *state;
	uint64_t record[EVT_WORDS];
	unsigned i;

	for (i = 0; i < 300; i++) {
		fault(rig, i % 64);
		assert_int_equal(rig->events, i + 1);
		rig_event(rig, record);
		assert_int_equal(record[0], EVT_C_BAD_STE | (uint64_t)(i % 64) << 32);
	}
	assert_int_equal(rig_event_count(rig), 0);
}

/* IHI 0070 7.4. */
static void test_evtq_overflow(void **state)
{
	struct rig *rig = *state;
	uint64_t record[EVT_WORDS];
	unsigned i;

	for (i = 0; i < 128; i++)
		fault(rig, 1);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), 128);
	fault(rig, 2);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), EVENTQ_OVFLG | 128);
	assert_int_equal(rig->events, 128); /* nothing was written */
	fault(rig, 2);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), EVENTQ_OVFLG | 128);

	/* Room again: events arrive although the overflow is not acknowledged yet. */
	rig_event(rig, record);
	fault(rig, 3);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), EVENTQ_OVFLG | 129);
	/* Acknowledged: the next overflow toggles the flag back. */
	rig_write(rig, R_EVENTQ_CONS, EVENTQ_OVFLG | 1);
	fault(rig, 3);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), 129);
}

/** What looking in shows of the queues, against what was done. */
static void test_stats(void **state)
{
	struct rig *rig = *state;
	struct smmuv3_stats before, after;
	uint64_t record[EVT_WORDS];

	smmuv3_stats(rig->smmu, &before);
	assert_int_equal(before.cmdq_prod, before.cmdq_cons);
	for (unsigned i = 0; i < 3; i++)
		rig_queue(rig, CMD_TLBI_NSNH_ALL, 0);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	for (unsigned i = 0; i < 130; i++) /* two do not fit */
		fault(rig, 1);
	rig_event(rig, record);
	smmuv3_stats(rig->smmu, &after);
	assert_int_equal(after.commands - before.commands, 4);
	assert_int_equal(after.syncs - before.syncs, 1);
	assert_int_equal(BIT64(after.cmdq_size_lg2), 256);
	assert_int_equal(after.cmdq_prod, rig->cmdq_prod);
	assert_int_equal(after.cmdq_cons, rig->cmdq_prod);
	assert_int_equal(BIT64(after.evtq_size_lg2), 128);
	assert_int_equal(after.events, 128);
	assert_int_equal(after.events_lost, 2);
	assert_int_equal(after.evtq_prod, 128); /* the wrap flag, index 0 */
	assert_int_equal(after.evtq_cons, 1);
	assert_true(after.evtq_overflow);
	rig_write(rig, R_EVENTQ_CONS, EVENTQ_OVFLG | 1);
	smmuv3_stats(rig->smmu, &after);
	assert_false(after.evtq_overflow);
}

static void test_evtq_disabled(void **state)
{
	struct rig *rig = *state;

	rig_write(rig, R_CR0, CR0_SMMUEN);
	fault(rig, 1);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), 0);
	rig_write(rig, R_CR0, CR0_SMMUEN | CR0_EVENTQEN);
	rig_write(rig, R_IRQ_CTRL, 0);
	fault(rig, 1);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), 1);
	assert_int_equal(rig->events, 0);
}

static void test_evtq_abort(void **state)
{
	struct rig *rig = *state;

	rig_write(rig, R_CR0, CR0_SMMUEN);
	nb_smmuv3_write(rig->smmu, R_EVENTQ_BASE, BIT64(40) | 7, 8);
	rig_write(rig, R_CR0, CR0_SMMUEN | CR0_EVENTQEN);
	fault(rig, 1);
	fault(rig, 1);
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), 0);
	assert_int_equal(rig_read(rig, R_GERROR), GERROR_EVENTQ_ABT);
	assert_int_equal(rig->gerrors, 1);
	rig_write(rig, R_GERRORN, GERROR_EVENTQ_ABT);
	fault(rig, 1);
	assert_int_equal(rig_read(rig, R_GERROR), 0);
	assert_int_equal(rig->gerrors, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_cmdq_wraps),
		CASE(test_cmdq_disabled),
		CASE(test_cmdq_nonsense),
		CASE(test_cerror_ill),
		CASE(test_illegal_commands),
		CASE(test_legal_commands),
		CASE(test_cerror_abt),
		CASE(test_sync_waits),
		CASE(test_sync_alone),
		CASE(test_sync_and_disable),
		CASE(test_evtq_wraps),
		CASE(test_evtq_overflow),
		CASE(test_stats),
		CASE(test_evtq_disabled),
		CASE(test_evtq_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
