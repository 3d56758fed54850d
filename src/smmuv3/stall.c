/* SPDX-License-Identifier: MIT */
/*
 * Stalled transactions (IHI 0070 3.12.2). One occupies a slot of a fixed table until software resumes
 * or terminates it. The caller has left its section by then, so that nothing waits for a stall; it
 * asks again, and finds its transaction here by port and contents.
 *
 * A slot's number is the low byte of its STAG, the high byte tells its successive uses apart. A slot
 * whose transaction was terminated keeps the verdict until the port asks, or the slot is needed. One
 * whose device will not ask again (a reset) has no port: software ends it all the same.
 *
 * Everything is under out_lock, so that table and event queue agree. nb_smmuv3_port.stalls, which
 * counts the port's slots, lets translation pass by without the lock.
 */
#include "smmuv3/model.h"

#include <string.h>

static bool same(const struct smmu_stall *stall, const struct nb_smmuv3_port *port,
	const struct dma_txn *txn)
{
	const struct dma_txn *has = &stall->txn;

	return stall->state != SMMU_STALL_FREE && stall->port == port &&
	       has->iova.v == txn->iova.v && has->sid == txn->sid &&
	       has->ssid_valid == txn->ssid_valid && (!txn->ssid_valid || has->ssid == txn->ssid) &&
	       has->priv == txn->priv && has->inst == txn->inst && has->prot == txn->prot;
}

static struct smmu_stall *find(struct nb_smmuv3_port *port, const struct dma_txn *txn)
{
	struct nb_smmuv3 *smmu = port->smmu;
	unsigned i;

	for (i = 0; i < SMMU_STALLS; i++)
		if (same(&smmu->stalls[i], port, txn))
			return &smmu->stalls[i];
	return NULL;
}

static void drop_record(struct nb_smmuv3 *smmu, struct smmu_stall *stall)
{
	smmu->records_due -= stall->record_due;
	stall->record_due = false;
}

static void leave_port(struct smmu_stall *stall)
{
	if (stall->port)
		atomic_fetch_sub(&stall->port->stalls, 1);
	stall->port = NULL;
}

static void release(struct nb_smmuv3 *smmu, struct smmu_stall *stall)
{
	drop_record(smmu, stall);
	leave_port(stall);
	stall->state = SMMU_STALL_FREE;
}

/* A free slot, else the oldest whose verdict nobody has asked for. */
static struct smmu_stall *take(struct nb_smmuv3 *smmu)
{
	struct smmu_stall *ended = NULL, *stall;
	unsigned i;

	for (i = 0; i < SMMU_STALLS; i++) {
		stall = &smmu->stalls[i];
		if (stall->notify || stall->state == SMMU_STALL_WAITS)
			continue;
		if (stall->state == SMMU_STALL_FREE)
			return stall;
		if (!ended || stall->order < ended->order)
			ended = stall;
	}
	if (ended)
		release(smmu, ended);
	return ended;
}

static void occupy(struct nb_smmuv3 *smmu, struct smmu_stall *stall, struct nb_smmuv3_port *port,
	const struct dma_txn *txn)
{
	uint8_t use = (stall->stag >> 8) + 1;

	memset(stall, 0, sizeof(*stall));
	stall->port = port;
	stall->txn = *txn;
	stall->stag = (uint16_t)(use << 8 | (stall - smmu->stalls));
	stall->state = SMMU_STALL_WAITS;
	stall->order = smmu->stall_order++;
	stall->record_due = true;
	smmu->records_due++;
	atomic_fetch_add(&port->stalls, 1);
	port->held.tag = 0; /* the way past smmu_stall_check */
}

bool smmu_stall_begin(struct nb_smmuv3 *smmu, struct nb_smmuv3_port *port,
	const struct dma_txn *txn, const struct smmu_access *access, const struct smmu_fault *fault,
	uint16_t *stag)
{
	struct smmu_stall *stall = NULL;

	pthread_mutex_lock(&smmu->out_lock);
	/* SMMUEN is cleared under the lock, before all stalls are terminated. */
	if (atomic_load(&smmu->cr0) & CR0_SMMUEN)
		stall = take(smmu);
	if (stall) {
		occupy(smmu, stall, port, txn);
		smmu_event_record(fault, txn, access, stall->record);
		stall->record[1] |= EVT_1_STALL | field_prep(EVT_1_STAG, stall->stag);
		*stag = stall->stag;
		smmu_stall_records(smmu);
	}
	pthread_mutex_unlock(&smmu->out_lock);
	if (stall)
		smmu_gerror_signal(smmu);
	return stall;
}

bool smmu_stall_check(struct nb_smmuv3_port *port, const struct dma_txn *txn,
	enum nb_smmuv3_verdict *verdict, uint16_t *stag)
{
	struct nb_smmuv3 *smmu = port->smmu;
	struct smmu_stall *stall;

	if (!atomic_load_explicit(&port->stalls, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&smmu->out_lock);
	stall = find(port, txn);
	if (stall) {
		*stag = stall->stag;
		*verdict = NB_SMMUV3_STALLED;
		if (stall->state == SMMU_STALL_ENDED) {
			*verdict = stall->verdict;
			release(smmu, stall);
		}
	}
	pthread_mutex_unlock(&smmu->out_lock);
	return stall;
}

/* Resumed or terminated. What translates anew is as if it had never stalled. */
static void end(struct nb_smmuv3 *smmu, struct smmu_stall *stall, enum nb_smmuv3_verdict verdict)
{
	drop_record(smmu, stall);
	stall->notify = true;
	atomic_fetch_add(&smmu->notices, 1);
	stall->verdict = verdict;
	stall->state = SMMU_STALL_ENDED;
	if (verdict == NB_SMMUV3_OK || !stall->port)
		release(smmu, stall);
}

void smmu_stall_resume(
	struct nb_smmuv3 *smmu, uint32_t sid, uint16_t stag, enum nb_smmuv3_verdict verdict)
{
	struct smmu_stall *stall;

	/* UNPREDICTABLE: a STAG that is no stalled transaction's, or another stream's. Ignored. */
	if ((stag & 0xff) >= SMMU_STALLS)
		return;
	pthread_mutex_lock(&smmu->out_lock);
	stall = &smmu->stalls[stag & 0xff];
	if (stall->state == SMMU_STALL_WAITS && stall->stag == stag && stall->txn.sid == sid)
		end(smmu, stall, verdict);
	pthread_mutex_unlock(&smmu->out_lock);
}

static void term(struct nb_smmuv3 *smmu, bool all, uint32_t sid)
{
	struct smmu_stall *stall;
	unsigned i;

	pthread_mutex_lock(&smmu->out_lock);
	for (i = 0; i < SMMU_STALLS; i++) {
		stall = &smmu->stalls[i];
		if (stall->state == SMMU_STALL_WAITS && (all || stall->txn.sid == sid))
			end(smmu, stall, NB_SMMUV3_ABORT);
	}
	pthread_mutex_unlock(&smmu->out_lock);
}

void smmu_stall_term(struct nb_smmuv3 *smmu, uint32_t sid)
{
	term(smmu, false, sid);
}

void smmu_stall_term_all(struct nb_smmuv3 *smmu)
{
	term(smmu, true, 0);
}

void smmu_stall_forget(struct nb_smmuv3_port *port, const struct dma_txn *txn)
{
	struct nb_smmuv3 *smmu = port->smmu;
	struct smmu_stall *stall;

	pthread_mutex_lock(&smmu->out_lock);
	stall = find(port, txn);
	if (stall && stall->state == SMMU_STALL_ENDED)
		release(smmu, stall);
	else if (stall)
		leave_port(stall);
	pthread_mutex_unlock(&smmu->out_lock);
}

void smmu_stall_port_gone(struct nb_smmuv3_port *port)
{
	struct nb_smmuv3 *smmu = port->smmu;
	unsigned i;

	pthread_mutex_lock(&smmu->out_lock);
	for (i = 0; i < SMMU_STALLS; i++)
		if (smmu->stalls[i].state != SMMU_STALL_FREE && smmu->stalls[i].port == port)
			release(smmu, &smmu->stalls[i]);
	pthread_mutex_unlock(&smmu->out_lock);
}

/* The oldest whose record is due. */
static struct smmu_stall *oldest(struct nb_smmuv3 *smmu)
{
	struct smmu_stall *first = NULL, *stall;
	unsigned i;

	for (i = 0; i < SMMU_STALLS; i++) {
		stall = &smmu->stalls[i];
		if (stall->record_due && (!first || stall->order < first->order))
			first = stall;
	}
	return first;
}

/* IHI 0070 7.2: the record of a stalled transaction is not lost, it waits for the queue. */
void smmu_stall_records(struct nb_smmuv3 *smmu)
{
	struct smmu_stall *stall;

	while (smmu->records_due && smmu_eventq_writable(smmu)) {
		stall = oldest(smmu);
		if (!smmu_eventq_put(smmu, stall->record))
			return; /* it aborted: again once that is acknowledged */
		drop_record(smmu, stall);
	}
}

static bool take_notice(struct nb_smmuv3 *smmu, unsigned i, uint32_t *sid, uint16_t *stag)
{
	struct smmu_stall *stall = &smmu->stalls[i];
	bool due;

	pthread_mutex_lock(&smmu->out_lock);
	due = stall->notify;
	stall->notify = false;
	atomic_fetch_sub(&smmu->notices, due);
	*sid = stall->txn.sid;
	*stag = stall->stag;
	pthread_mutex_unlock(&smmu->out_lock);
	return due;
}

void smmu_stall_notify(struct nb_smmuv3 *smmu)
{
	uint32_t sid;
	uint16_t stag;
	unsigned i;

	for (i = 0; i < SMMU_STALLS && atomic_load(&smmu->notices); i++)
		if (take_notice(smmu, i, &sid, &stag) && smmu->ops.resumed)
			smmu->ops.resumed(smmu->ctx, sid, stag);
}
