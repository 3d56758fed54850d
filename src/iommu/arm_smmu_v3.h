/* SPDX-License-Identifier: MIT */
/*
 * The host driver of SMMUv3, its insides. It reaches the hardware through struct iommu_hw alone:
 * registers, and tables and queues in RAM.
 *
 *   arm_smmu_v3_probe.c   what the hardware is and can do, bring-up
 *   arm_smmu_v3_queue.c   the command queue: batches, CMD_SYNC
 *   arm_smmu_v3_strtab.c  the stream table
 *   arm_smmu_v3.c         domains: struct iommu_ops
 *   arm_smmu_v3_nested.c  guests' stage 1, their invalidations, answers to stalls
 *   arm_smmu_v3_event.c   the event queue
 *
 * Everything is under the host lock, except the event queue, which whoever takes its interrupt
 * drains, one at a time.
 */
#ifndef IOMMU_ARM_SMMU_V3_H
#define IOMMU_ARM_SMMU_V3_H

#include <stdatomic.h>

#include "iommu/arm_smmu_v3_regs.h"
#include "iommu/iommu.h"
#include "iommu/mmio.h"
#include "iommu/pt/vmsa64.h"

/* MSI_IOVA_LENGTH of Linux's arm-smmu-v3. */
#define ARM_MSI_WINDOW_BYTES 0x100000u

struct smmu_cmd {
	uint64_t word[2];
};

/** Commands under construction; flushed into the queue when full. */
#define SMMU_BATCH 32
struct smmu_batch {
	struct smmu_cmd cmds[SMMU_BATCH];
	unsigned n;
};

/**
 * The command queue. prod and cons count commands since bring-up; the registers hold them modulo
 * twice the size (IHI 0070 3.5.1: index and wrap flag).
 */
struct smmu_cmdq {
	nb_pa pa;
	uint64_t *entries;
	unsigned size_lg2;
	uint64_t prod, cons;
};

struct smmu_eventq {
	/* Interrupts since the queue was drained: whoever takes it from 0 drains, alone. */
	atomic_uint irqs;
	nb_pa pa;
	uint64_t *entries;
	unsigned size_lg2;
	uint32_t cons; /* with the wrap flag and the overflow acknowledgement */
};

/** Allocator of small numbers (ASIDs, VMIDs): a bitmap. Number 0 is never handed out. */
struct smmu_ids {
	uint64_t *words;
	unsigned bits_lg2;
	unsigned hint; /* word to look at first */
};

struct arm_smmu {
	struct iommu iommu;
	struct iommu_hw hw;
	uint64_t msi_window; /* IOVA */
	void (*fault)(void *ctx, const struct iommu_fault *fault);
	void *fault_ctx;

	bool stage1, stage2;
	const char *cannot_nest; /* NULL: nests; else what is missing, in words */
	unsigned oas, oas_field;
	unsigned sid_bits, ssid_bits, asid_bits;
	bool strtab_2lvl, ats, stalls, range_inv;

	struct smmu_cmdq cmdq;
	struct smmu_eventq eventq;
	nb_pa strtab;
	uint64_t *strtab_ptr;
	struct smmu_ids asids, vmids;
};

struct arm_smmu_domain {
	struct iommu_domain domain;
	struct charge *charge;
	bool stage2;
	uint16_t id;	  /* ASID or VMID; nested: the parent's */
	uint64_t vste[2]; /* nested: what the guest gave, validated; V = 0: all is 0 */
	nb_pa cd;	  /* stage 1: its one context descriptor */
	bool seen;	  /* the hardware may have cached something of it */
	struct pt pt;
	uint64_t stale_step;   /* since the last sync: smallest leaf removed, ... */
	uint64_t stale_leaves; /* ... how many, */
	bool stale_tables;     /* ... and whether tables were unlinked */
};

static inline struct arm_smmu *to_smmu(struct iommu *iommu)
{
	return caa_container_of(iommu, struct arm_smmu, iommu);
}

static inline struct arm_smmu_domain *to_smmu_domain(struct iommu_domain *domain)
{
	return caa_container_of(domain, struct arm_smmu_domain, domain);
}

static inline uint32_t smmu_read32(struct arm_smmu *smmu, uint64_t reg)
{
	return (uint32_t)smmu->hw.read(smmu->hw.hw, reg, 4);
}

static inline void smmu_write32(struct arm_smmu *smmu, uint64_t reg, uint64_t value)
{
	smmu->hw.write(smmu->hw.hw, reg, (uint32_t)value, 4);
}

static inline void smmu_write64(struct arm_smmu *smmu, uint64_t reg, uint64_t value)
{
	smmu->hw.write(smmu->hw.hw, reg, value, 8);
}

/* arm_smmu_v3_queue.c */
bool smmu_cmdq_init(struct arm_smmu *smmu, unsigned size_lg2);
void smmu_cmdq_finish(struct arm_smmu *smmu);
/** Add a command; a full batch goes out. May drop the host lock while the queue is full. */
void smmu_batch_add(struct arm_smmu *smmu, struct smmu_batch *batch, struct smmu_cmd cmd);
/**
 * Issue the batch and a CMD_SYNC, and wait until that completes. Drops the host lock while it
 * waits; other threads may queue commands meanwhile.
 */
void smmu_batch_sync(struct arm_smmu *smmu, struct smmu_batch *batch);
/** One command and a CMD_SYNC. */
void smmu_cmd_sync(struct arm_smmu *smmu, struct smmu_cmd cmd);

static inline struct smmu_cmd smmu_cmd(unsigned op)
{
	return (struct smmu_cmd){ { field_prep(CMD0_OP, op), 0 } };
}

/* arm_smmu_v3_strtab.c */
bool smmu_strtab_init(struct arm_smmu *smmu);
void smmu_strtab_finish(struct arm_smmu *smmu);
/** Make sure there is an STE for sid (blocked if new). False: no memory. */
bool smmu_strtab_ensure(struct arm_smmu *smmu, uint32_t sid);
/** Install an STE and wait until the old one is no longer used. */
void smmu_ste_install(struct arm_smmu *smmu, uint32_t sid, const uint64_t ste[STE_WORDS]);
extern const uint64_t smmu_ste_abort[STE_WORDS];

/* arm_smmu_v3_nested.c */
size_t smmu_hw_info(struct iommu *iommu, enum iommu_data_type *type, void *out, size_t max);
int smmu_nested_alloc(struct iommu_viommu *viommu, const struct iommu_user_data *data,
	struct iommu_domain **out, struct why *why);
/** The STE of a nested domain: the parent's, made over with what the guest gave. */
void smmu_nested_ste(const struct arm_smmu_domain *nested, uint64_t ste[STE_WORDS]);
int smmu_viommu_invalidate(struct iommu_viommu *viommu, const struct iommu_user_data *data,
	unsigned *done, struct why *why);
const char *smmu_nested_name(const struct iommu_domain *domain);
/** Stage 1 translates, so that its faults may stall. */
bool smmu_nested_translates(const struct arm_smmu_domain *nested);
/** What of dev is stalled ends with an abort. Its STE lets nothing stall any more. */
void smmu_stall_end(struct iommu_device *dev);
void smmu_page_response(struct iommu_device *dev, uint16_t tag, enum iommu_response response);

/* arm_smmu_v3_event.c */
bool smmu_eventq_init(struct arm_smmu *smmu, unsigned size_lg2);
void smmu_eventq_finish(struct arm_smmu *smmu);
/** What a record says, and whether it is of stage 1 alone. */
void smmu_eventq_decode(
	const struct arm_smmu *smmu, const uint64_t record[EVENT_WORDS], struct iommu_fault *out);
void smmu_guest_fault(const struct iommu_device *dev, struct iommu_fault *fault);

/* arm_smmu_v3_probe.c */
void smmu_hw_stop(struct arm_smmu *smmu);
void smmu_release(struct arm_smmu *smmu);

/* arm_smmu_v3.c */
extern const struct iommu_ops arm_smmu_v3_ops;
/** The STE of a paging stage 2 domain. */
void smmu_make_s2_ste(const struct arm_smmu_domain *dom, uint64_t ste[STE_WORDS]);
bool smmu_ids_init(struct smmu_ids *ids, unsigned bits_lg2);
void smmu_ids_finish(struct smmu_ids *ids);

#endif
