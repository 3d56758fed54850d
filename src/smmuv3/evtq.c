/* SPDX-License-Identifier: MIT */
/*
 * The event queue (IHI 0070 3.5, 7.2) and its records (7.3), and GERROR, which says what went wrong
 * with the queues themselves. The queue is written by whichever thread's transaction failed, under
 * out_lock; the interrupt is raised after the lock was dropped.
 */
#include "smmuv3/model.h"

#include <string.h>

/* Which fields a record has, beside type, StreamID and SubstreamID. */
#define HAS_ACCESS BIT64(0) /* InputAddr, PnU, InD, RnW, S2, CLASS; IPA where S2 */
#define HAS_FETCH  BIT64(1) /* FetchAddr, in the place of the IPA */
#define HAS_INPUT  BIT64(4) /* InputAddr alone */
#define HAS_RNW	   BIT64(5) /* RnW alone */
#define NO_SSV	   BIT64(2) /* SubstreamID always, without its flag */
#define NO_SSID	   BIT64(3) /* nor SubstreamID */

static const uint8_t event_fields[] = {
	[EVT_F_STE_FETCH] = HAS_FETCH,
	[EVT_F_STREAM_DISABLED] = NO_SSID,
	[EVT_C_BAD_SUBSTREAMID] = NO_SSV,
	/* FIDELITY: what F_BAD_ATS_TREQ was asked for (R, W, X, PRIV, Span) is not recorded. */
	[EVT_F_BAD_ATS_TREQ] = HAS_INPUT,
	[EVT_F_TRANSL_FORBIDDEN] = HAS_INPUT | HAS_RNW,
	[EVT_F_CD_FETCH] = HAS_FETCH,
	[EVT_F_WALK_EABT] = HAS_ACCESS | HAS_FETCH,
	[EVT_F_TRANSLATION] = HAS_ACCESS,
	[EVT_F_ADDR_SIZE] = HAS_ACCESS,
	[EVT_F_ACCESS] = HAS_ACCESS,
	[EVT_F_PERMISSION] = HAS_ACCESS,
};

static void put_access(const struct smmu_fault *fault, const struct smmu_access *access,
	uint64_t record[EVT_WORDS])
{
	record[1] = (access->priv ? EVT_1_PNU : 0) | (access->inst ? EVT_1_IND : 0) |
		    (access->prot & NB_DMA_WRITE ? 0 : EVT_1_RNW) | (fault->s2 ? EVT_1_S2 : 0) |
		    field_prep(EVT_1_CLASS, fault->class);
	/* IHI 0070 7.3.16: stage 2 refused to have a stage 1 descriptor read; else, to have it updated. */
	if (fault->type == EVT_F_PERMISSION && fault->class == EVT_CLASS_TT && !fault->ttd_write)
		record[1] |= EVT_1_TTRNW;
	record[2] = access->iova.v;
	record[3] = fault->ipa & EVT_3_IPA;
}

void smmu_event_record(const struct smmu_fault *fault, const struct dma_txn *txn,
	const struct smmu_access *access, uint64_t record[EVT_WORDS])
{
	uint8_t fields = event_fields[fault->type];

	record[0] = field_prep(EVT_0_TYPE, fault->type) | field_prep(EVT_0_SID, txn->sid);
	if (txn->ssid_valid && !(fields & NO_SSID))
		record[0] |= (fields & NO_SSV ? 0 : EVT_0_SSV) | field_prep(EVT_0_SSID, txn->ssid);
	if (fields & HAS_ACCESS)
		put_access(fault, access, record);
	if (fields & HAS_INPUT)
		record[2] = access->iova.v;
	if ((fields & HAS_RNW) && !(access->prot & NB_DMA_WRITE))
		record[1] = EVT_1_RNW;
	if (fields & HAS_FETCH)
		record[3] = fault->fetch & EVT_3_FETCH;
}

static uint64_t eventq_size(const struct nb_smmuv3 *smmu)
{
	return BIT64(MIN(field_get(Q_BASE_LOG2SIZE, smmu->regs.eventq_base), (uint64_t)Q_MAX_LG2));
}

/* The same index, the wrap bits differ. */
static bool full(const struct nb_smmuv3 *smmu)
{
	const struct smmu_regs *regs = &smmu->regs;
	uint64_t size = eventq_size(smmu);

	return ((regs->eventq_prod ^ regs->eventq_cons) & (2 * size - 1)) == size;
}

static bool empty(const struct nb_smmuv3 *smmu)
{
	const struct smmu_regs *regs = &smmu->regs;

	return !((regs->eventq_prod ^ regs->eventq_cons) & (2 * eventq_size(smmu) - 1));
}

/* IHI 0070 7.2: enabled, and no abort of it is unacknowledged. */
static bool working(const struct nb_smmuv3 *smmu)
{
	return (atomic_load(&smmu->cr0) & CR0_EVENTQEN) &&
	       !((smmu->regs.gerror ^ smmu->regs.gerrorn) & GERROR_EVENTQ_ABT);
}

bool smmu_eventq_writable(const struct nb_smmuv3 *smmu)
{
	return working(smmu) && !full(smmu);
}

bool smmu_eventq_put(struct nb_smmuv3 *smmu, const uint64_t record[EVT_WORDS])
{
	struct smmu_regs *regs = &smmu->regs;
	uint64_t size = eventq_size(smmu), mask = 2 * size - 1, prod = regs->eventq_prod & mask;
	uint64_t base = align_down(regs->eventq_base & Q_BASE_ADDR, size << EVENTQ_ENTRY_LG2);
	uint64_t at = base + ((prod & (size - 1)) << EVENTQ_ENTRY_LG2);

	if (nb_mem_write(smmu->mem, NB_PA(at), record, EVT_WORDS * 8, 0)) {
		smmu_gerror_raise(smmu, GERROR_EVENTQ_ABT);
		return false;
	}
	regs->eventq_prod = (regs->eventq_prod & EVENTQ_OVFLG) | ((prod + 1) & mask);
	memcpy(smmu->last, record, sizeof(smmu->last));
	smmu->last_valid = smmu->eventq_due = true;
	smmu->events++;
	return true;
}

/* IHI 0070 7.4: one overflow at a time, until the consumer has taken note. */
static void overflow(struct nb_smmuv3 *smmu)
{
	struct smmu_regs *regs = &smmu->regs;

	if (!((regs->eventq_prod ^ regs->eventq_cons) & EVENTQ_OVFLG))
		regs->eventq_prod ^= EVENTQ_OVFLG;
	smmu->events_lost++;
}

/* IHI 0070 7.3.1: the record before says the same, and nobody has taken it yet. */
static bool merges(const struct nb_smmuv3 *smmu, const uint64_t record[EVT_WORDS])
{
	return smmu->last_valid && !empty(smmu) && !memcmp(smmu->last, record, sizeof(smmu->last));
}

/* out_lock is held. Room goes to stalled transactions first: their records are older. */
static bool put_or_lose(struct nb_smmuv3 *smmu, const uint64_t record[EVT_WORDS], bool may_merge)
{
	if (!working(smmu))
		return false;
	if (may_merge && merges(smmu, record))
		return true;
	if (full(smmu)) {
		overflow(smmu);
		return false;
	}
	return smmu_eventq_put(smmu, record);
}

bool smmu_eventq_record(struct nb_smmuv3 *smmu, const uint64_t record[EVT_WORDS])
{
	return put_or_lose(smmu, record, false);
}

void smmu_event(struct nb_smmuv3 *smmu, const struct smmu_fault *fault, const struct dma_txn *txn,
	const struct smmu_access *access)
{
	uint64_t record[EVT_WORDS] = { 0 };

	if (fault->silent)
		return;
	smmu_event_record(fault, txn, access, record);
	pthread_mutex_lock(&smmu->out_lock);
	put_or_lose(smmu, record, fault->merge);
	pthread_mutex_unlock(&smmu->out_lock);
	smmu_gerror_signal(smmu);
}

void smmu_gerror_raise(struct nb_smmuv3 *smmu, uint64_t error)
{
	/* IHI 0070 6.3.19: an error is active while GERROR and GERRORN differ in its bit. */
	if ((smmu->regs.gerror ^ smmu->regs.gerrorn) & error)
		return;
	smmu->regs.gerror ^= error;
	/* That of GERROR's own message would abort likewise. */
	smmu->gerror_due |= error != GERROR_MSI_GERROR_ABT;
}

void smmu_gerror_signal(struct nb_smmuv3 *smmu)
{
	bool gerror, eventq;

	pthread_mutex_lock(&smmu->out_lock);
	gerror = smmu->gerror_due;
	eventq = smmu->eventq_due;
	smmu->gerror_due = smmu->eventq_due = false;
	pthread_mutex_unlock(&smmu->out_lock);
	if (eventq)
		smmu_irq(smmu, NB_SMMUV3_IRQ_EVENTQ);
	if (gerror)
		smmu_irq(smmu, NB_SMMUV3_IRQ_GERROR);
}
