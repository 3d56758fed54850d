/* SPDX-License-Identifier: MIT */
/*
 * What an SMMUv3 is and can do (IHI 0070 6.3.1 to 6.3.8), and its bring-up in the order of Linux's
 * arm_smmu_device_reset: disable, attributes, stream table, command queue, forget everything
 * cached, event queue, interrupts, enable.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "iommu/arm_smmu_v3.h"

#define POLL_ROUNDS	100000
#define MAX_CMDQ_LG2	8 /* one page of commands */
#define MAX_EVENTQ_LG2	9 /* 16 KiB of records */
#define MAX_LINEAR_SID	8 /* more StreamIDs than one PCI bus has want two levels */
#define MAX_SID_BITS	24
#define IMPLEMENTER_ARM 0x43b

/*
 * Both stages are there, but combining them is broken. Linux 7.3 arm_smmu_device_iidr_probe clears
 * the nesting feature for these: variants below `variant`, and (where set) revisions below
 * `revision` of any variant.
 */
static const struct nest_erratum {
	unsigned product, variant, revision;
	const char *missing;
} nest_errata[] = {
	{ 0x483, 2, 0,
		"it cannot nest: MMU-600 before r2 must not combine stage 1 and stage 2 (erratum "
		"1209401)" },
	{ 0x487, 1, 1,
		"it cannot nest: MMU-700 before r1p1 must not combine stage 1 and stage 2 (errata "
		"2268618, 2812531)" },
};

static int unsupported(struct why *why, const struct arm_smmu *smmu, const char *what)
{
	why_refused(why, ENXIO, "smmu-unsupported", "%s", what);
	why_about(why, NULL, NULL, smmu->iommu.name);
	return -ENXIO;
}

static const char *find_nest_erratum(uint32_t iidr)
{
	unsigned product = field_get(IIDR_PRODUCT, iidr);
	unsigned variant = field_get(IIDR_VARIANT, iidr);
	unsigned revision = field_get(IIDR_REVISION, iidr);

	if (field_get(IIDR_IMPLEMENTER, iidr) != IMPLEMENTER_ARM)
		return NULL;
	for (unsigned i = 0; i < ARRAY_LEN(nest_errata); i++) {
		const struct nest_erratum *e = &nest_errata[i];

		if (product == e->product && (variant < e->variant || revision < e->revision))
			return e->missing;
	}
	return NULL;
}

/* R4: two stages are not yet nesting. */
static void probe_nesting(struct arm_smmu *smmu)
{
	if (!smmu->stage2)
		smmu->cannot_nest = "it cannot nest: it has no stage 2 (IDR0.S2P is 0)";
	else if (!smmu->stage1)
		smmu->cannot_nest = "it cannot nest: it has no stage 1 (IDR0.S1P is 0)";
	else
		smmu->cannot_nest = find_nest_erratum(smmu_read32(smmu, SMMU_IIDR));
}

static int probe_idr0(struct arm_smmu *smmu, struct why *why)
{
	uint32_t idr0 = smmu_read32(smmu, SMMU_IDR0);
	unsigned endian = field_get(IDR0_TTENDIAN, idr0);

	if (endian != 0 && endian != 2)
		return unsupported(why, smmu, "little-endian tables (IDR0.TTENDIAN)");
	smmu->stage1 = idr0 & IDR0_S1P;
	smmu->stage2 = idr0 & IDR0_S2P;
	if (!smmu->stage1 && !smmu->stage2)
		return unsupported(why, smmu, "a translation stage (IDR0.S1P, S2P)");
	if (!(field_get(IDR0_TTF, idr0) & 2))
		return unsupported(why, smmu, "AArch64 tables (IDR0.TTF)");
	/* FIDELITY: there stage 2 would have to stall, too, and its faults are nobody's to answer (R7). */
	if (field_get(IDR0_STALL_MODEL, idr0) == 2)
		return unsupported(why, smmu, "faults that terminate (IDR0.STALL_MODEL)");
	smmu->strtab_2lvl = field_get(IDR0_ST_LEVEL, idr0) == 1;
	smmu->ats = idr0 & IDR0_ATS;
	smmu->stalls = field_get(IDR0_STALL_MODEL, idr0) != 1;
	smmu->asid_bits = idr0 & IDR0_ASID16 ? 16 : 8;
	if (!smmu_ids_init(&smmu->asids, smmu->asid_bits) ||
		!smmu_ids_init(&smmu->vmids, idr0 & IDR0_VMID16 ? 16 : 8))
		return why_refused(why, ENOMEM, "host-memory", "memory of the host");
	return 0;
}

static int probe_idr1(
	struct arm_smmu *smmu, unsigned *cmdq_lg2, unsigned *eventq_lg2, struct why *why)
{
	uint32_t idr1 = smmu_read32(smmu, SMMU_IDR1);

	if (idr1 & (IDR1_TABLES_PRESET | IDR1_QUEUES_PRESET | IDR1_REL))
		return unsupported(why, smmu, "tables and queues in memory (IDR1)");
	*cmdq_lg2 = MIN(field_get(IDR1_CMDQS, idr1), (uint64_t)MAX_CMDQ_LG2);
	*eventq_lg2 = MIN(field_get(IDR1_EVENTQS, idr1), (uint64_t)MAX_EVENTQ_LG2);
	smmu->sid_bits = MIN(field_get(IDR1_SIDSIZE, idr1), (uint64_t)MAX_SID_BITS);
	smmu->ssid_bits = field_get(IDR1_SSIDSIZE, idr1);
	smmu->range_inv = smmu_read32(smmu, SMMU_IDR3) & IDR3_RIL;
	if (smmu->sid_bits <= MAX_LINEAR_SID)
		smmu->strtab_2lvl = false;
	if ((1u << *cmdq_lg2) < SMMU_BATCH)
		return unsupported(why, smmu, "a command queue of at least 32 entries (IDR1)");
	return 0;
}

/* IHI 0070 6.3.6. 52 bits need tables of another format: 48 of them are used. */
static int probe_idr5(struct arm_smmu *smmu, struct why *why)
{
	static const uint8_t oas_bits[] = { 32, 36, 40, 42, 44, 48, 48, 48 };
	uint32_t idr5 = smmu_read32(smmu, SMMU_IDR5);

	if (!(idr5 & IDR5_GRAN4K))
		return unsupported(why, smmu, "the 4 KiB granule (IDR5.GRAN4K)");
	smmu->oas = oas_bits[field_get(IDR5_OAS, idr5)];
	smmu->oas_field = MIN(field_get(IDR5_OAS, idr5), (uint64_t)5);
	return 0;
}

static bool write_sync(struct arm_smmu *smmu, uint64_t reg, uint64_t ack, uint32_t value)
{
	smmu_write32(smmu, reg, value);
	for (unsigned i = 0; i < POLL_ROUNDS; i++)
		if (smmu_read32(smmu, ack) == value)
			return true;
	return false;
}

static bool write_cr0(struct arm_smmu *smmu, uint32_t value)
{
	return write_sync(smmu, SMMU_CR0, SMMU_CR0ACK, value);
}

/* IHI 0070 6.3.14: while SMMUEN is 0, GBPA decides: every transaction aborts. */
static void abort_while_disabled(struct arm_smmu *smmu)
{
	smmu_write32(smmu, SMMU_GBPA, GBPA_UPDATE | GBPA_ABORT);
	for (unsigned i = 0; i < POLL_ROUNDS; i++)
		if (!(smmu_read32(smmu, SMMU_GBPA) & GBPA_UPDATE))
			return;
}

static void write_attributes(struct arm_smmu *smmu)
{
	smmu_write32(smmu, SMMU_CR1,
		field_prep(CR1_TABLE_SH, SH_INNER) | field_prep(CR1_TABLE_OC, CR1_CACHE_WB) |
			field_prep(CR1_TABLE_IC, CR1_CACHE_WB) |
			field_prep(CR1_QUEUE_SH, SH_INNER) |
			field_prep(CR1_QUEUE_OC, CR1_CACHE_WB) |
			field_prep(CR1_QUEUE_IC, CR1_CACHE_WB));
	smmu_write32(smmu, SMMU_CR2, CR2_PTM | CR2_RECINVSID);
}

static bool start_cmdq(struct arm_smmu *smmu)
{
	struct smmu_cmd all = smmu_cmd(CMD_CFGI_ALL);

	smmu_write64(smmu, SMMU_CMDQ_BASE,
		QUEUE_BASE_RWA | smmu->cmdq.pa.v |
			field_prep(QUEUE_BASE_SIZE, smmu->cmdq.size_lg2));
	smmu_write32(smmu, SMMU_CMDQ_PROD, 0);
	smmu_write32(smmu, SMMU_CMDQ_CONS, 0);
	if (!write_cr0(smmu, CR0_CMDQEN))
		return false;
	all.word[1] = field_prep(CFGI1_RANGE, 31);
	smmu_cmd_sync(smmu, all);
	smmu_cmd_sync(smmu, smmu_cmd(CMD_NSNH_ALL));
	return true;
}

static bool start_eventq(struct arm_smmu *smmu)
{
	smmu_write64(smmu, SMMU_EVENTQ_BASE,
		QUEUE_BASE_RWA | smmu->eventq.pa.v |
			field_prep(QUEUE_BASE_SIZE, smmu->eventq.size_lg2));
	smmu_write32(smmu, SMMU_EVENTQ_PROD, 0);
	smmu_write32(smmu, SMMU_EVENTQ_CONS, 0);
	return write_cr0(smmu, CR0_CMDQEN | CR0_EVENTQEN);
}

static int bring_up(struct arm_smmu *smmu, struct why *why)
{
	abort_while_disabled(smmu);
	if (!write_cr0(smmu, 0))
		return unsupported(why, smmu, "an answer: CR0ACK does not follow CR0");
	write_attributes(smmu);
	if (!smmu_strtab_init(smmu))
		return why_refused(why, ENOMEM, "host-ram", "simulated RAM for the stream table");
	if (!start_cmdq(smmu) || !start_eventq(smmu) ||
		!write_sync(
			smmu, SMMU_IRQ_CTRL, SMMU_IRQ_CTRLACK, IRQ_CTRL_EVENTQ | IRQ_CTRL_GERROR) ||
		!write_cr0(smmu, CR0_CMDQEN | CR0_EVENTQEN | CR0_SMMUEN))
		return unsupported(why, smmu, "an answer: a control register is not acknowledged");
	return 0;
}

static int probe_hw(struct arm_smmu *smmu, struct why *why)
{
	unsigned cmdq_lg2, eventq_lg2;
	int ret = probe_idr0(smmu, why);

	if (!ret)
		ret = probe_idr1(smmu, &cmdq_lg2, &eventq_lg2, why);
	if (!ret)
		ret = probe_idr5(smmu, why);
	if (ret)
		return ret;
	probe_nesting(smmu);
	if (!smmu_cmdq_init(smmu, cmdq_lg2) || !smmu_eventq_init(smmu, eventq_lg2))
		return why_refused(why, ENOMEM, "host-ram", "simulated RAM for the queues");
	return bring_up(smmu, why);
}

void smmu_hw_stop(struct arm_smmu *smmu)
{
	write_sync(smmu, SMMU_IRQ_CTRL, SMMU_IRQ_CTRLACK, 0);
	write_cr0(smmu, 0);
}

void smmu_release(struct arm_smmu *smmu)
{
	smmu_strtab_finish(smmu);
	smmu_cmdq_finish(smmu);
	smmu_eventq_finish(smmu);
	smmu_ids_finish(&smmu->asids);
	smmu_ids_finish(&smmu->vmids);
	free(smmu);
}

int arm_smmu_v3_probe(const struct iommu_probe_args *args, struct iommu **out, struct why *why)
{
	struct arm_smmu *smmu = calloc(1, sizeof(*smmu));
	int ret;

	if (!smmu)
		return why_refused(why, ENOMEM, "host-memory", "memory of the host");
	smmu->iommu = (struct iommu){ .name = args->name,
		.kind = "smmuv3",
		.ops = &arm_smmu_v3_ops,
		.lock = args->lock,
		.stats = args->stats };
	smmu->hw = args->hw;
	smmu->msi_window = args->msi_window;
	smmu->fault = args->fault;
	smmu->fault_ctx = args->fault_ctx;
	ret = probe_hw(smmu, why);
	if (ret) {
		smmu_hw_stop(smmu);
		smmu_release(smmu);
		return ret;
	}
	*out = &smmu->iommu;
	return 0;
}
