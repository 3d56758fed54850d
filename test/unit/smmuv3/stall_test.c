/* SPDX-License-Identifier: MIT */
/* Stalled transactions, and what else events are: merged, sent as messages, with CD.A clear. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "rig.h"

#define STALL_MAX 255 /* IDR5 */

static _Atomic unsigned resumed;

static void on_resumed(void *ctx, uint32_t sid, uint16_t stag)
{
	atomic_fetch_add(&resumed, 1);
}

static const struct nb_smmuv3_ops ops = {
	.size = sizeof(ops), .irq = rig_irq, .resumed = on_resumed
};

/* Stage 1 with CD.S, and nothing mapped at RIG_VA. */
static void stall_rig(struct rig *rig, bool raz_wi)
{
	atomic_store(&resumed, 0);
	rig_create(rig,
		(struct nb_smmuv3_config){
			.stall_model = NB_SMMUV3_STALL_ALLOWED, .ops = &ops, .raz_wi = raz_wi });
	rig_enable(rig);
	rig_s1(rig);
	rig_poke(rig, CD_AT, (CD0 & ~CD_0_R) | CD_0_S);
	rig_poke(rig, S1_L3 + 24, 0);
}

static int access_at(struct rig *rig, uint64_t iova)
{
	struct dma_span span;

	return rig_translate_sid(rig, RIG_SID, iova, NB_DMA_WRITE, &span);
}

/* Its event's STAG; the record is checked. */
static uint16_t stalled(struct rig *rig, uint64_t iova)
{
	uint64_t record[EVT_WORDS];

	assert_int_equal(access_at(rig, iova), NB_SMMUV3_STALLED);
	assert_int_equal(rig_event_count(rig), 1);
	rig_event(rig, record);
	assert_int_equal(record[0], EVT_F_TRANSLATION | (uint64_t)RIG_SID << 32);
	assert_int_equal(record[1] & ~EVT_1_STAG, EVT_1_STALL | (uint64_t)EVT_CLASS_IN << 40);
	assert_int_equal(record[2], iova);
	return record[1] & EVT_1_STAG;
}

static void resume(struct rig *rig, uint32_t sid, uint16_t stag, uint64_t how)
{
	rig_cmd(rig, CMD_RESUME | how | (uint64_t)sid << 32, stag);
}

static void test_retry(void **state)
{
	struct rig rig;
	uint16_t stag;

	stall_rig(&rig, false);
	stag = stalled(&rig, RIG_VA);
	/* Asking again changes nothing; others' STAGs do nothing. */
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_STALLED);
	resume(&rig, RIG_SID + 1, stag, CMD_0_RESUME_AC);
	resume(&rig, RIG_SID, stag + 0x100, CMD_0_RESUME_AC);
	resume(&rig, RIG_SID, 0xffff, CMD_0_RESUME_AC);
	rig_poke(&rig, S1_L3 + 24, S1_PAGE(RAM(DATA_AT)));
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_STALLED);
	assert_int_equal(rig_event_count(&rig), 0);
	assert_int_equal(resumed, 0);
	/* Another transaction goes on beside it. */
	assert_int_equal(rig_pa(&rig, RIG_VA + 8, NB_DMA_READ), RAM(DATA_AT + 8));
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_STALLED);
	resume(&rig, RIG_SID, stag, CMD_0_RESUME_AC);
	assert_int_equal(resumed, 1);
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_OK);
	resume(&rig, RIG_SID, stag, CMD_0_RESUME_AC);
	assert_int_equal(resumed, 1);
	rig_finish(&rig);
}

/* Retried without a mapping it stalls anew, under another STAG. */
static void test_again(void **state)
{
	struct rig rig;
	uint16_t first;

	stall_rig(&rig, false);
	first = stalled(&rig, RIG_VA);
	resume(&rig, RIG_SID, first, CMD_0_RESUME_AC);
	assert_int_not_equal(stalled(&rig, RIG_VA), first);
	rig_finish(&rig);
}

static struct dma_txn write_at(uint64_t iova)
{
	return (struct dma_txn){ .iova = NB_IOVA(iova), .sid = RIG_SID, .prot = NB_DMA_WRITE };
}

/* A device that was reset does not ask again: what it asks now is another transaction. */
static void test_given_up(void **state)
{
	static const uint64_t hows[] = { CMD_0_RESUME_AC, 0, CMD_0_RESUME_AB };
	struct dma_txn txn = write_at(RIG_VA);
	struct rig rig;
	uint16_t first, second;

	for (unsigned i = 0; i < ARRAY_LEN(hows); i++) {
		stall_rig(&rig, false);
		first = stalled(&rig, RIG_VA);
		smmuv3_forget(rig.smmu, rig.port, &txn);
		smmuv3_forget(rig.smmu, rig.port, &txn);
		second = stalled(&rig, RIG_VA);
		assert_int_not_equal(first, second);
		/* The first one's end is told, and nothing else. */
		resume(&rig, RIG_SID, first, hows[i]);
		assert_int_equal(resumed, 1);
		assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_STALLED);
		rig_poke(&rig, S1_L3 + 24, S1_PAGE(RAM(DATA_AT)));
		resume(&rig, RIG_SID, second, CMD_0_RESUME_AC);
		assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_OK);
		rig_finish(&rig);
	}
}

/* Terminated, and forgotten before the verdict was asked for: the next one is none of that. */
static void test_given_up_verdict(void **state)
{
	struct dma_txn txn = write_at(RIG_VA);
	struct rig rig;

	stall_rig(&rig, false);
	resume(&rig, RIG_SID, stalled(&rig, RIG_VA), CMD_0_RESUME_AB);
	smmuv3_forget(rig.smmu, rig.port, &txn);
	rig_poke(&rig, S1_L3 + 24, S1_PAGE(RAM(DATA_AT)));
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_OK);
	rig_finish(&rig);
}

/* All that can be stalled is, and forgotten: faults terminate until software ends one. */
static void test_given_up_all(void **state)
{
	struct dma_txn txn;
	struct rig rig;
	uint16_t stag = 0;

	stall_rig(&rig, false);
	for (unsigned i = 0; i < STALL_MAX; i++) {
		txn = write_at(RIG_VA);
		stag = stalled(&rig, RIG_VA);
		smmuv3_forget(rig.smmu, rig.port, &txn);
	}
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_ABORT);
	assert_int_equal(rig_event_count(&rig), 0); /* terminated, and CD.R is 0 */
	resume(&rig, RIG_SID, stag, CMD_0_RESUME_AB);
	stag = stalled(&rig, RIG_VA);
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_STALLED);
	rig_cmd(&rig, CMD_STALL_TERM | (uint64_t)RIG_SID << 32, 0);
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_ABORT);
	rig_poke(&rig, S1_L3 + 24, S1_PAGE(RAM(DATA_AT)));
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_OK);
	rig_finish(&rig);
}

static void test_terminate(void **state)
{
	static const struct {
		bool raz_wi;
		uint64_t how;
		int verdict;
	} rows[] = {
		{ false, 0, NB_SMMUV3_ABORT },
		{ false, CMD_0_RESUME_AB, NB_SMMUV3_ABORT },
		{ true, 0, NB_SMMUV3_RAZ_WI },
		{ true, CMD_0_RESUME_AB, NB_SMMUV3_ABORT },
	};
	struct rig rig;
	unsigned i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		stall_rig(&rig, rows[i].raz_wi);
		resume(&rig, RIG_SID, stalled(&rig, RIG_VA), rows[i].how);
		assert_int_equal(resumed, 1);
		assert_int_equal(access_at(&rig, RIG_VA), rows[i].verdict);
		/* Once: then it is a new transaction. */
		stalled(&rig, RIG_VA);
		rig_finish(&rig);
	}
}

static void test_terminate_all(void **state)
{
	struct rig rig;

	stall_rig(&rig, false);
	stalled(&rig, RIG_VA);
	stalled(&rig, RIG_VA + 8);
	rig_cmd(&rig, CMD_STALL_TERM | (uint64_t)(RIG_SID + 1) << 32, 0);
	assert_int_equal(resumed, 0);
	rig_cmd(&rig, CMD_STALL_TERM | (uint64_t)RIG_SID << 32, 0);
	assert_int_equal(resumed, 2);
	assert_int_equal(access_at(&rig, RIG_VA + 8), NB_SMMUV3_ABORT);
	stalled(&rig, RIG_VA + 16);
	rig_write(&rig, R_CR0, CR0_EVENTQEN | CR0_CMDQEN);
	assert_int_equal(resumed, 3);
	assert_int_equal(access_at(&rig, RIG_VA + 16), NB_SMMUV3_ABORT);
	assert_int_equal(access_at(&rig, RIG_VA + 16), NB_SMMUV3_OK); /* GBPA */
	rig_finish(&rig);
}

/* No record of a stall is lost, nor written out of order; the table is bounded. */
static void test_full(void **state)
{
	uint64_t record[EVT_WORDS];
	struct rig rig;
	unsigned i;

	stall_rig(&rig, false);
	for (i = 0; i < STALL_MAX; i++)
		assert_int_equal(access_at(&rig, RIG_VA + 8 * i), NB_SMMUV3_STALLED);
	assert_int_equal(access_at(&rig, RIG_VA + 8 * i), NB_SMMUV3_ABORT);
	assert_false(rig_read(&rig, R_EVENTQ_PROD) & EVENTQ_OVFLG);
	for (i = 0; i < STALL_MAX; i++) {
		rig_event(&rig, record);
		assert_int_equal(record[2], RIG_VA + 8 * i);
	}
	assert_int_equal(rig_event_count(&rig), 0);
	rig_finish(&rig);
}

/* Ended without the port's asking: the slots serve others. */
static void test_forgotten(void **state)
{
	struct rig rig;
	unsigned i;

	stall_rig(&rig, false);
	for (i = 0; i < 3 * STALL_MAX; i++)
		resume(&rig, RIG_SID, stalled(&rig, RIG_VA + 8 * (i % 512)), CMD_0_RESUME_AB);
	rig_finish(&rig);
}

static void test_port_goes(void **state)
{
	struct rig rig;
	uint16_t stag;

	stall_rig(&rig, false);
	stag = stalled(&rig, RIG_VA);
	nb_smmuv3_port_destroy(smmuv3_port_of(rig.port));
	resume(&rig, RIG_SID, stag, CMD_0_RESUME_AC);
	assert_int_equal(resumed, 0);
	rig.port = smmuv3_port(nb_smmuv3_port_create(rig.smmu, RIG_SID));
	stalled(&rig, RIG_VA);
	rig_finish(&rig);
}

/* CD.A and STE.MEV. */
static void test_terminate_and_merge(void **state)
{
	struct rig rig;

	stall_rig(&rig, true);
	rig_ste(&rig, RIG_SID, STE0_S1, STE_1_MEV, RIG_VMID, 0);
	rig_poke(&rig, CD_AT, CD0 & ~CD_0_A);
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_RAZ_WI);
	assert_int_equal(access_at(&rig, RIG_VA), NB_SMMUV3_RAZ_WI);
	assert_int_equal(rig_event_count(&rig), 1);
	assert_int_equal(access_at(&rig, RIG_VA + 8), NB_SMMUV3_RAZ_WI);
	assert_int_equal(rig_event_count(&rig), 2);
	rig_write(&rig, R_EVENTQ_CONS, 2);
	assert_int_equal(access_at(&rig, RIG_VA + 8), NB_SMMUV3_RAZ_WI);
	assert_int_equal(rig_event_count(&rig), 1);
	rig_finish(&rig);
}

#define MSI_AT 0x30000

static void test_messages(void **state)
{
	const uint64_t sync = CMD_SYNC | 1 << 12 | 0xabcdull << 32;
	struct rig rig;
	unsigned i;

	rig_create(&rig, (struct nb_smmuv3_config){ .msi = true });
	nb_smmuv3_write(rig.smmu, R_EVENTQ_IRQ_CFG0, RAM(MSI_AT), 8);
	rig_write(&rig, R_EVENTQ_IRQ_CFG1, 77);
	rig_enable(&rig);
	assert_int_equal(access_at(&rig, 0), NB_SMMUV3_ABORT);
	assert_int_equal(*rig_at(&rig, MSI_AT), 77);
	assert_int_equal(rig.events, 0);
	/* Many CMD_SYNCs in one doorbell, each with its message. */
	for (i = 0; i < 100; i++)
		rig_queue(&rig, sync, RAM(MSI_AT + 8 + 8 * i));
	rig_ring(&rig);
	assert_int_equal(rig_read(&rig, R_CMDQ_CONS), 100);
	for (i = 0; i < 100; i++)
		assert_int_equal(*rig_at(&rig, MSI_AT + 8 + 8 * i), 0xabcd);
	/* Messages that abort. */
	rig_queue(&rig, sync, BIT64(40));
	rig_ring(&rig);
	assert_int_equal(rig_read(&rig, R_GERROR), GERROR_MSI_CMDQ_ABT);
	assert_int_equal(rig.gerrors, 1);
	rig_write(&rig, R_GERRORN, GERROR_MSI_CMDQ_ABT);
	rig_write(&rig, R_IRQ_CTRL, 0);
	nb_smmuv3_write(rig.smmu, R_EVENTQ_IRQ_CFG0, BIT64(40), 8);
	nb_smmuv3_write(rig.smmu, R_GERROR_IRQ_CFG0, BIT64(40), 8);
	rig_write(&rig, R_IRQ_CTRL, IRQ_CTRL_GERROR | IRQ_CTRL_EVENTQ);
	assert_int_equal(access_at(&rig, 0), NB_SMMUV3_ABORT);
	assert_int_equal(rig_read(&rig, R_GERROR) ^ rig_read(&rig, R_GERRORN),
		GERROR_MSI_EVENTQ_ABT | GERROR_MSI_GERROR_ABT);
	assert_int_equal(rig.gerrors, 1);
	rig_finish(&rig);
}

/* Masters that stall, and whose ports go, against a driver that answers whatever arrives. */
static atomic_bool stop;

static void *master(void *arg)
{
	struct rig *rig = arg;
	unsigned round, i;

	for (round = 0; round < 200; round++) {
		struct nb_smmuv3_port *port = nb_smmuv3_port_create(rig->smmu, RIG_SID);
		struct dma_txn txn = { .sid = RIG_SID, .prot = NB_DMA_READ };
		struct dma_span span;

		for (i = 0; i < 8; i++) {
			txn.iova = NB_IOVA(RIG_VA + 8 * (i / 2));
			port_enter(smmuv3_port(port));
			(void)smmuv3_translate(rig->smmu, smmuv3_port(port), &txn, &span);
			port_leave(smmuv3_port(port));
			sched_yield();
		}
		nb_smmuv3_port_destroy(port);
	}
	return NULL;
}

static void *driver(void *arg)
{
	static const uint64_t how[] = { CMD_0_RESUME_AC, CMD_0_RESUME_AB, 0 };
	struct rig *rig = arg;
	uint64_t record[EVT_WORDS];
	unsigned n = 0;

	while (!atomic_load(&stop)) {
		for (; rig_event_count(rig); n++) {
			rig_event(rig, record);
			rig_queue(rig, CMD_RESUME | how[n % 3] | (uint64_t)RIG_SID << 32,
				record[1] & EVT_1_STAG);
			if (n % 50 == 0)
				rig_queue(rig, CMD_STALL_TERM | (uint64_t)RIG_SID << 32, 0);
			rig_ring(rig);
		}
		sched_yield();
	}
	return NULL;
}

static void test_race(void **state)
{
	pthread_t masters[2], answers;
	struct rig rig;
	unsigned i;

	stall_rig(&rig, false);
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&answers, NULL, driver, &rig), 0);
	for (i = 0; i < ARRAY_LEN(masters); i++)
		assert_int_equal(pthread_create(&masters[i], NULL, master, &rig), 0);
	for (i = 0; i < ARRAY_LEN(masters); i++)
		pthread_join(masters[i], NULL);
	atomic_store(&stop, true);
	pthread_join(answers, NULL);
	/* All slots are free again. */
	for (i = 0; i < STALL_MAX; i++)
		assert_int_equal(access_at(&rig, RIG_VA + 8 * i), NB_SMMUV3_STALLED);
	rig_finish(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_given_up_verdict),
		cmocka_unit_test(test_given_up_all),
		cmocka_unit_test(test_terminate),
		cmocka_unit_test(test_terminate_all),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_port_goes),
		cmocka_unit_test(test_terminate_and_merge),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_race),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
