/* SPDX-License-Identifier: MIT */
/*
 * The event queue (IHI 0070 3.5, 7.2, 7.3): a ring that the SMMU produces and we drain, on whatever
 * thread took the interrupt. Records are copied out under the queue's lock and reported without it.
 */
#include <pthread.h>
#include <string.h>

#include "iommu/arm_smmu_v3.h"

#define DRAIN_BATCH 16

/* What the decoder needs to know of an event number. */
struct event_kind {
	const char *name;
	bool translation; /* carries stage, direction, IOVA and IPA */
	bool stage1; /* may be of stage 1 alone (S2 = 0, where it says): a guest's, if that has it (R7) */
	enum iommu_cause cause;
	bool fetch; /* the last word is where a fetch failed: a PA, also of what the guest calls by IPA */
};

/*
 * Whose it is: Linux 7.3 arm_smmu_handle_event passes on the same, less F_CD_FETCH and F_WALK_EABT. Of
 * an STE over a nest parent, what is not the guest's is sound, so C_BAD_STE means its part; as do
 * S1DSS (F_STREAM_DISABLED) and what is said of CDs. The host's are: the stream table (F_STE_FETCH,
 * C_BAD_STREAMID), ATS and PRI (which no guest is given), what the bus sent (F_UUT), conflicts in caches
 * that all share, and whatever we do not know.
 */
static const struct event_kind event_kinds[] = {
	[0x01] = { "F_UUT" },
	[0x02] = { "C_BAD_STREAMID" },
	[0x03] = { "F_STE_FETCH" },
	[0x04] = { "C_BAD_STE", .stage1 = true },
	[0x05] = { "F_BAD_ATS_TREQ" },
	[0x06] = { "F_STREAM_DISABLED", .stage1 = true, .cause = IOMMU_CAUSE_PASID_INVALID },
	[0x07] = { "F_TRANSL_FORBIDDEN" },
	[0x08] = { "C_BAD_SUBSTREAMID", .stage1 = true, .cause = IOMMU_CAUSE_PASID_INVALID },
	[0x09] = { "F_CD_FETCH", .stage1 = true, .fetch = true, .cause = IOMMU_CAUSE_PASID_FETCH },
	[0x0a] = { "C_BAD_CD", .stage1 = true, .cause = IOMMU_CAUSE_PASID_ENTRY },
	[0x0b] = { "F_WALK_EABT", .translation = true, .stage1 = true, .fetch = true,
		.cause = IOMMU_CAUSE_WALK_ABORT },
	[0x10] = { "F_TRANSLATION", .translation = true, .stage1 = true,
		.cause = IOMMU_CAUSE_NOT_MAPPED },
	[0x11] = { "F_ADDR_SIZE", .translation = true, .stage1 = true,
		.cause = IOMMU_CAUSE_OUT_OF_RANGE },
	[0x12] = { "F_ACCESS", .translation = true, .stage1 = true, .cause = IOMMU_CAUSE_ACCESS },
	[0x13] = { "F_PERMISSION", .translation = true, .stage1 = true,
		.cause = IOMMU_CAUSE_PERMISSION },
	[0x20] = { "F_TLB_CONFLICT", .translation = true },
	[0x21] = { "F_CFG_CONFLICT" },
	[0x24] = { "E_PAGE_REQUEST" },
	[0x25] = { "F_VMS_FETCH" },
};

static const struct event_kind unknown_kind = { "UNKNOWN" };

static const struct event_kind *find_kind(unsigned id)
{
	return id < ARRAY_LEN(event_kinds) && event_kinds[id].name ? &event_kinds[id]
								   : &unknown_kind;
}

void smmu_eventq_decode(
	const struct arm_smmu *smmu, const uint64_t record[EVENT_WORDS], struct iommu_fault *out)
{
	const struct event_kind *kind = find_kind(field_get(EVENT0_ID, record[0]));
	struct iommu_fault fault = {
		.iommu = smmu->iommu.name,
		.event = field_get(EVENT0_ID, record[0]),
		.name = kind->name,
		.cause = kind->cause,
		.address = kind->translation,
		.sid = field_get(EVENT0_SID, record[0]),
		.ssid_valid = record[0] & EVENT0_SSV,
		.ssid = field_get(EVENT0_SSID, record[0]),
	};

	if (kind->translation) {
		fault.stage = record[1] & EVENT1_S2 ? 2 : 1;
		fault.read = record[1] & EVENT1_RNW;
		fault.priv = record[1] & EVENT1_PNU;
		fault.inst = record[1] & EVENT1_IND;
		fault.stalled = record[1] & EVENT1_STALL;
		fault.tag = field_get(EVENT1_STAG, record[1]);
		fault.iova = record[2];
		fault.ipa = fault.stage == 2 && !kind->fetch ? record[3] & EVENT3_IPA : 0;
	}
	fault.stage1 = kind->stage1 && fault.stage != 2;
	memcpy(fault.record, record, sizeof(fault.record));
	*out = fault;
}

/*
 * Linux 7.3 arm_vmaster_report_event: its own StreamID. FIDELITY: of a fetch that failed the record has
 * the PA; a guest knows IPAs only, and is not told where its memory is: the word is 0.
 */
void smmu_guest_fault(const struct iommu_device *dev, struct iommu_fault *fault)
{
	fault->sid = (uint32_t)dev->vid;
	fault->record[0] &= ~EVENT0_SID;
	fault->record[0] |= field_prep(EVENT0_SID, dev->vid);
	if (find_kind(fault->event)->fetch)
		fault->record[3] = 0;
}

static uint64_t queue_bytes(const struct smmu_eventq *q)
{
	return MAX((uint64_t)(EVENT_WORDS * sizeof(uint64_t)) << q->size_lg2, (uint64_t)4096);
}

bool smmu_eventq_init(struct arm_smmu *smmu, unsigned size_lg2)
{
	struct smmu_eventq *q = &smmu->eventq;

	q->size_lg2 = size_lg2;
	return ram_alloc(smmu->hw.ram, queue_bytes(q), NULL, &q->pa, (void **)&q->entries);
}

void smmu_eventq_finish(struct arm_smmu *smmu)
{
	struct smmu_eventq *q = &smmu->eventq;

	if (q->entries)
		ram_free(smmu->hw.ram, q->pa, queue_bytes(q), NULL);
}

/* What one turn took out of the queue. */
struct drained {
	struct iommu_fault faults[DRAIN_BATCH + 1];
	unsigned n;
};

/* IHI 0070 7.4: the flags differ from when events were lost until we acknowledge. */
static void note_overflow(struct arm_smmu *smmu, uint32_t prod, struct drained *out)
{
	struct smmu_eventq *q = &smmu->eventq;

	if (!((prod ^ q->cons) & QUEUE_OVERFLOW))
		return;
	q->cons ^= QUEUE_OVERFLOW;
	out->faults[out->n++] =
		(struct iommu_fault){ .iommu = smmu->iommu.name, .name = "EVENTQ_OVERFLOW" };
}

static void drain_some(struct arm_smmu *smmu, struct drained *out)
{
	struct smmu_eventq *q = &smmu->eventq;
	uint32_t index_mask = (1u << q->size_lg2) - 1;
	uint32_t wrap_mask = (2u << q->size_lg2) - 1;
	uint32_t prod = smmu_read32(smmu, SMMU_EVENTQ_PROD);
	uint32_t n = MIN((prod - q->cons) & wrap_mask, (uint32_t)DRAIN_BATCH);

	/* Records are read after PROD, which the SMMU wrote after them. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	out->n = 0;
	for (uint32_t i = 0; i < n; i++)
		smmu_eventq_decode(smmu, q->entries + ((q->cons + i) & index_mask) * EVENT_WORDS,
			&out->faults[out->n++]);
	q->cons = (q->cons & QUEUE_OVERFLOW) | ((q->cons + n) & wrap_mask);
	note_overflow(smmu, prod, out);
	if (out->n)
		smmu_write32(smmu, SMMU_EVENTQ_CONS, q->cons);
}

static void drain(struct arm_smmu *smmu)
{
	struct drained drained;

	do {
		drain_some(smmu, &drained);
		for (unsigned i = 0; i < drained.n && smmu->fault; i++)
			smmu->fault(smmu->fault_ctx, &drained.faults[i]);
	} while (drained.n);
}

void arm_smmu_v3_event_irq(struct iommu *iommu)
{
	struct arm_smmu *smmu = to_smmu(iommu);
	unsigned seen = 1;

	/* Not a lock: writing EVENTQ_CONS may raise this interrupt, on this thread. */
	if (atomic_fetch_add(&smmu->eventq.irqs, 1))
		return;
	do
		drain(smmu);
	while (!atomic_compare_exchange_strong(&smmu->eventq.irqs, &seen, 0));
}
