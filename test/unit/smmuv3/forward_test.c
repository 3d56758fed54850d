/* SPDX-License-Identifier: MIT */
/* What a monitor passes on: commands in order before their CMD_SYNC, events in, stream table entries. */
#include "rig.h"

struct heard {
	struct rig rig;
	uint64_t cmds[1024][2];
	unsigned n, calls;
	uint32_t cons; /* CMDQ_CONS as it was during the last call */
};

static void on_commands(void *ctx, const uint64_t (*cmds)[2], size_t n)
{
	struct heard *heard = caa_container_of((struct rig *)ctx, struct heard, rig);

	heard->calls++;
	heard->cons = (uint32_t)nb_smmuv3_read(heard->rig.smmu, R_CMDQ_CONS, 4);
	for (size_t i = 0; i < n; i++)
		memcpy(heard->cmds[heard->n++], cmds[i], sizeof(cmds[i]));
}

static int setup(void **state)
{
	static const struct nb_smmuv3_ops ops = { .size = sizeof(ops), .commands = on_commands };
	static struct heard heard;

	heard = (struct heard){ .n = 0 };
	rig_create(&heard.rig, (struct nb_smmuv3_config){ .ops = &ops });
	rig_enable(&heard.rig);
	*state = &heard;
	return 0;
}

static int teardown(void **state)
{
	struct heard *heard = *state;

	rig_finish(&heard->rig);
	return 0;
}

static void test_in_order(void **state)
{
	struct heard *heard = *state;
	struct rig *rig = &heard->rig;

	for (unsigned i = 0; i < 200; i++) {
		rig_queue(rig, CMD_TLBI_NH_VA | (uint64_t)i << 48, (uint64_t)i << 12);
		if (i % 50 == 49)
			rig_queue(rig, CMD_SYNC, 0);
	}
	rig_ring(rig);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), rig->cmdq_prod);
	assert_int_equal(heard->n, 200);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(heard->cmds[i][0], CMD_TLBI_NH_VA | (uint64_t)i << 48);
		assert_int_equal(heard->cmds[i][1], (uint64_t)i << 12);
	}
}

/* While they are passed on the CMD_SYNC behind them is not complete. */
static void test_sync_waits(void **state)
{
	struct heard *heard = *state;
	struct rig *rig = &heard->rig;
	uint32_t sync = rig->cmdq_prod + 1;

	rig_queue(rig, CMD_CFGI_STE | UINT64_C(5) << 32, 1);
	rig_queue(rig, CMD_SYNC, 0);
	rig_ring(rig);
	assert_int_equal(heard->calls, 1);
	assert_int_equal(heard->cons, sync);
	assert_int_equal(rig_read(rig, R_CMDQ_CONS), rig->cmdq_prod);
}

static void test_illegal_is_not_heard(void **state)
{
	struct heard *heard = *state;
	struct rig *rig = &heard->rig;

	rig_queue(rig, CMD_TLBI_NH_ALL, 0);
	rig_queue(rig, 0xff, 0);
	rig_queue(rig, CMD_TLBI_NH_ALL, 0);
	rig_ring(rig);
	assert_int_equal(heard->n, 1);
	assert_int_equal(rig_read(rig, R_GERROR), GERROR_CMDQ);
}

static void test_event(void **state)
{
	struct heard *heard = *state;
	struct rig *rig = &heard->rig;
	const uint64_t record[4] = { 0x0000000500000010, 0x0000000800000000, 0x1000, 0 };
	uint64_t prod = rig_read(rig, R_EVENTQ_PROD);
	unsigned n = 0;

	assert_true(nb_smmuv3_event(rig->smmu, record));
	assert_int_equal(rig_read(rig, R_EVENTQ_PROD), prod + 1);
	assert_memory_equal(rig_at(rig, EVENTQ_AT + prod * 32), record, sizeof(record));
	while (nb_smmuv3_event(rig->smmu, record))
		assert_true(++n < 1 << 20);
	assert_true(rig_read(rig, R_EVENTQ_PROD) >> 31); /* overflow */
	rig_write(rig, R_CR0, 0);
	assert_false(nb_smmuv3_event(rig->smmu, record));
}

static void test_stream(void **state)
{
	struct heard *heard = *state;
	struct rig *rig = &heard->rig;
	uint64_t ste[8];

	memset(rig_at(rig, STRTAB_AT + RIG_SID * 64), 0x11, 64);
	assert_int_equal(nb_smmuv3_stream(rig->smmu, RIG_SID, ste), 0);
	assert_memory_equal(ste, rig_at(rig, STRTAB_AT + RIG_SID * 64), 64);
	assert_int_equal(nb_smmuv3_stream(rig->smmu, 1 << 15, ste), EVT_C_BAD_STREAMID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sync_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_illegal_is_not_heard, setup, teardown),
		cmocka_unit_test_setup_teardown(test_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
