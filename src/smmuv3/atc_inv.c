/* SPDX-License-Identifier: MIT */
/*
 * What commands send to functions (IHI 0070 4.5): ATC invalidations and page responses.
 *
 * A command puts its message into the *outbox*, under reg_lock; it is delivered after the lock was
 * dropped, in order, by one thread at a time. An invalidation holds one of a fixed number of itags
 * until the function answers; where outbox or itags are used up the command waits, CONS stays.
 *
 * Answers come from any thread, also from inside the delivery: then the thread that delivers goes on
 * with the command queue, so that nothing recurses.
 */
#include "smmuv3/model.h"

/* What one call delivers at most, and executes of commands that were waiting for it. */
#define DELIVERIES 4096

/* An itag is a slot, and how often that slot was used: an answer to an earlier use is none. */
#define ITAG_SLOT MASK64(5, 0)

_Static_assert(SMMU_ATC_INVS == ITAG_SLOT + 1, "itag");

bool smmu_outbox_put(struct nb_smmuv3 *smmu, const struct smmu_message *msg)
{
	struct smmu_outbox *box = &smmu->outbox;

	if (box->n == SMMU_OUTBOX)
		return false;
	box->ring[(box->head + box->n++) % SMMU_OUTBOX] = *msg;
	atomic_store_explicit(&box->due, true, memory_order_relaxed);
	return true;
}

/*
 * IHI 0070 4.5.1: 4 KiB << Size, aligned to it; 52 and (UNPREDICTABLE) whatever exceeds it:
 * everything.
 */
static void span_of(uint64_t word, struct nb_smmuv3_atc_inv *inv)
{
	unsigned lg2 = 12 + field_get(CMD_1_ATC_SIZE, word);

	inv->bytes = lg2 >= 64 ? 0 : BIT64(lg2);
	inv->iova = NB_IOVA(lg2 >= 64 ? 0 : align_down(word & CMD_1_ADDR, inv->bytes));
}

/* IHI 0070 4.5.1: SSV without PASIDs is UNPREDICTABLE: as if it were 0. */
bool smmu_cmd_ssv(const struct nb_smmuv3 *smmu, const uint64_t w[2])
{
	return smmu->hw.ssid_bits && (w[0] & CMD_0_SSV);
}

bool smmu_atc_inv(struct nb_smmuv3 *smmu, const uint64_t w[2])
{
	struct smmu_message msg = { .inv.sid = field_get(CMD_0_SID, w[0]) };
	struct nb_smmuv3_atc_inv *inv = &msg.inv;
	struct smmu_outbox *box = &smmu->outbox;
	unsigned slot;

	/* Ignored with translation off; and nobody has an ATC without the callback. */
	if (!(smmu->regs.cr0 & CR0_SMMUEN) || !smmu->ops.atc_inv)
		return true;
	if (box->busy == ~UINT64_C(0))
		return false;
	slot = __builtin_ctzll(~box->busy);
	inv->ssv = smmu_cmd_ssv(smmu, w);
	inv->ssid = inv->ssv ? field_get(CMD_0_SSID, w[0]) : 0;
	inv->global = inv->ssv && (w[0] & CMD_0_GLOBAL);
	inv->itag = (box->serial[slot] + 1) * SMMU_ATC_INVS + slot;
	span_of(w[1], inv);
	if (!smmu_outbox_put(smmu, &msg))
		return false;
	box->serial[slot]++;
	box->busy |= BIT64(slot);
	smmu->atc_pending++;
	return true;
}

/* The oldest message. reg_lock is held. */
static bool take(struct smmu_outbox *box, struct smmu_message *msg)
{
	if (!box->n)
		return false;
	*msg = box->ring[box->head];
	box->head = (box->head + 1) % SMMU_OUTBOX;
	box->n--;
	return true;
}

static void send(struct nb_smmuv3 *smmu, const struct smmu_message *msg)
{
	if (msg->is_resp)
		smmu->ops.pri_resp(smmu->ctx, &msg->resp);
	else
		smmu->ops.atc_inv(smmu->ctx, &msg->inv);
}

/* All that is in the outbox, and what commands add that were waiting. reg_lock is held. */
static void deliver_all(struct nb_smmuv3 *smmu)
{
	uint64_t enough = smmu->commands + DELIVERIES;
	struct smmu_message msg;
	unsigned i;

	for (i = 0; i < DELIVERIES && take(&smmu->outbox, &msg); i++) {
		pthread_mutex_unlock(&smmu->reg_lock);
		send(smmu, &msg);
		pthread_mutex_lock(&smmu->reg_lock);
		if (!smmu->outbox.n && smmu->commands < enough)
			smmu_cmdq_run(smmu);
	}
}

void smmu_outbox_deliver(struct nb_smmuv3 *smmu)
{
	struct smmu_outbox *box = &smmu->outbox;

	/* relaxed: who put something there calls this afterwards. */
	if (!atomic_load_explicit(&box->due, memory_order_relaxed))
		return;
	pthread_mutex_lock(&smmu->reg_lock);
	if (!box->delivering) {
		box->delivering = true;
		deliver_all(smmu);
		box->delivering = false;
		/* What is left, if any, goes when CMDQ_CONS is read. */
		atomic_store_explicit(&box->due, box->n != 0, memory_order_relaxed);
	}
	pthread_mutex_unlock(&smmu->reg_lock);
	smmu_gerror_signal(smmu);
}

static void answer(struct nb_smmuv3 *smmu, uint32_t itag, bool failed)
{
	struct smmu_outbox *box = &smmu->outbox;
	unsigned slot = itag & ITAG_SLOT;

	pthread_mutex_lock(&smmu->reg_lock);
	/* Made up, or answered before: ignored. */
	if ((box->busy & BIT64(slot)) && box->serial[slot] * SMMU_ATC_INVS + slot == itag) {
		box->busy &= ~BIT64(slot);
		smmu->atc_pending--;
		smmu->atc_failed |= failed;
		if (!box->delivering)
			smmu_cmdq_run(smmu);
	}
	pthread_mutex_unlock(&smmu->reg_lock);
	smmu_gerror_signal(smmu);
	smmu_outbox_deliver(smmu);
}

void nb_smmuv3_atc_inv_done(struct nb_smmuv3 *smmu, uint32_t itag)
{
	answer(smmu, itag, false);
}

void nb_smmuv3_atc_inv_timeout(struct nb_smmuv3 *smmu, uint32_t itag)
{
	answer(smmu, itag, true);
}
