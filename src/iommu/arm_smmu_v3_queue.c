/* SPDX-License-Identifier: MIT */
/*
 * The command queue (IHI 0070 3.5, 4): a ring in RAM that we produce and the SMMU consumes.
 *
 * The host lock makes us one producer at a time. Waiting for room or for a CMD_SYNC drops the lock,
 * and others may then add commands behind ours: so a wait is for "everything up to my command",
 * counted since bring-up, never for "the queue is empty".
 *
 * FIDELITY: there is no timeout (Linux: one second): returning before CMD_SYNC completed would let
 * DMA reach memory that its owner believes taken back (R6). DMA in flight is bounded (DMA_CHUNK),
 * so the wait is too.
 */
#include "base/check.h"
#include "iommu/arm_smmu_v3.h"

static uint64_t queue_bytes(const struct smmu_cmdq *q)
{
	return MAX(sizeof(struct smmu_cmd) << q->size_lg2, (size_t)4096);
}

bool smmu_cmdq_init(struct arm_smmu *smmu, unsigned size_lg2)
{
	struct smmu_cmdq *q = &smmu->cmdq;

	q->size_lg2 = size_lg2;
	return ram_alloc(smmu->hw.ram, queue_bytes(q), NULL, &q->pa, (void **)&q->entries);
}

void smmu_cmdq_finish(struct arm_smmu *smmu)
{
	struct smmu_cmdq *q = &smmu->cmdq;

	if (q->entries)
		ram_free(smmu->hw.ram, q->pa, queue_bytes(q), NULL);
}

static uint32_t wrap_mask(const struct smmu_cmdq *q)
{
	return (2u << q->size_lg2) - 1;
}

static struct smmu_cmd *entry(struct smmu_cmdq *q, uint64_t n)
{
	return (struct smmu_cmd *)q->entries + (n & ((1u << q->size_lg2) - 1));
}

/*
 * IHI 0070 4.1.3, 7.1: after a command error the queue stands still at the command until it is
 * mended and GERROR acknowledged. What we queue is legal, so CERROR_ILL is our bug; CERROR_ABT
 * means that the queue could not be read just then: try again.
 */
static void mend_error(struct arm_smmu *smmu)
{
	uint32_t gerror = smmu_read32(smmu, SMMU_GERROR);
	uint32_t active = gerror ^ smmu_read32(smmu, SMMU_GERRORN);

	if (!(active & GERROR_CMDQ_ERR))
		return;
	nb_assert(field_get(CMDQ_CONS_ERR, smmu_read32(smmu, SMMU_CMDQ_CONS)) != CERROR_ILL);
	smmu_write32(smmu, SMMU_GERRORN, gerror);
}

static void update_cons(struct arm_smmu *smmu)
{
	struct smmu_cmdq *q = &smmu->cmdq;
	uint32_t cons = smmu_read32(smmu, SMMU_CMDQ_CONS);

	q->cons += (cons - (uint32_t)q->cons) & wrap_mask(q);
	nb_assert(q->cons <= q->prod);
}

/* Until the SMMU has consumed all commands before number n. */
static void wait_consumed(struct arm_smmu *smmu, uint64_t n)
{
	for (unsigned round = 0;; round++) {
		update_cons(smmu);
		if (smmu->cmdq.cons >= n)
			return;
		mend_error(smmu);
		hostlock_relax(smmu->iommu.lock, round);
	}
}

/* Room for n commands; others may take it while we wait, hence the loop. */
static void wait_room(struct arm_smmu *smmu, unsigned n)
{
	struct smmu_cmdq *q = &smmu->cmdq;
	uint64_t size = UINT64_C(1) << q->size_lg2;

	while (q->prod + n - q->cons > size)
		wait_consumed(smmu, q->prod + n - size);
}

static void issue(struct arm_smmu *smmu, const struct smmu_cmd *cmds, unsigned n)
{
	struct smmu_cmdq *q = &smmu->cmdq;

	wait_room(smmu, n);
	for (unsigned i = 0; i < n; i++)
		*entry(q, q->prod + i) = cmds[i];
	q->prod += n;
	/* Commands, and the tables that they are about, before the doorbell. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	smmu_write32(smmu, SMMU_CMDQ_PROD, q->prod & wrap_mask(q));
}

void smmu_batch_add(struct arm_smmu *smmu, struct smmu_batch *batch, struct smmu_cmd cmd)
{
	/* The last place is the CMD_SYNC's. */
	if (batch->n == SMMU_BATCH - 1) {
		issue(smmu, batch->cmds, batch->n);
		batch->n = 0;
	}
	batch->cmds[batch->n++] = cmd;
}

void smmu_batch_sync(struct arm_smmu *smmu, struct smmu_batch *batch)
{
	batch->cmds[batch->n++] = smmu_cmd(CMD_SYNC); /* CS = 0: completion is seen in CONS */
	issue(smmu, batch->cmds, batch->n);
	batch->n = 0;
	wait_consumed(smmu, smmu->cmdq.prod);
}

void smmu_cmd_sync(struct arm_smmu *smmu, struct smmu_cmd cmd)
{
	struct smmu_batch batch = { { cmd }, 1 };

	smmu_batch_sync(smmu, &batch);
}
