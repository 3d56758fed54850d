/* SPDX-License-Identifier: MIT */
/*
 * Creation, and what the ID registers say: only what is implemented, in terms that Linux's driver
 * accepts (arm_smmu_device_hw_probe).
 */
#include "smmuv3/model.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_OAS_BITS    48
#define DEFAULT_SID_BITS    16
#define DEFAULT_IOTLB_SLOTS 4096

/* The encoding of an address size in IDR5.OAS; -1: there is none (52 bits need LPA2 or 64 KiB). */
static int oas_field(unsigned bits)
{
	static const uint8_t sizes[] = { 32, 36, 40, 42, 44, 48 };
	unsigned i;

	for (i = 0; i < ARRAY_LEN(sizes); i++)
		if (sizes[i] == bits)
			return i;
	return -1;
}

static void set_ids(struct nb_smmuv3 *smmu, uint32_t iidr)
{
	struct smmu_regs *regs = &smmu->regs;

	regs->idr[0] = field_prep(IDR0_TTF, IDR0_TTF_AARCH64) | IDR0_COHACC | IDR0_ASID16 |
		       field_prep(IDR0_TTENDIAN, IDR0_TTENDIAN_LE) |
		       field_prep(IDR0_STALL_MODEL, IDR0_STALL_NONE) | IDR0_TERM_MODEL |
		       field_prep(IDR0_ST_LEVEL, IDR0_ST_LEVEL_2);
	if (smmu->has_s1)
		regs->idr[0] |= IDR0_S1P;
	if (smmu->has_s2)
		regs->idr[0] |= IDR0_S2P | IDR0_VMID16;
	regs->idr[1] = field_prep(IDR1_SIDSIZE, smmu->sid_bits) |
		       field_prep(IDR1_EVENTQS, Q_MAX_LG2) | field_prep(IDR1_CMDQS, Q_MAX_LG2);
	regs->idr[3] = IDR3_RIL | (smmu->has_s1 ? IDR3_HAD : 0);
	regs->idr[5] = field_prep(IDR5_OAS, oas_field(smmu->oas_bits)) | IDR5_GRAN4K;
	regs->iidr = iidr;
	regs->aidr = AIDR_SMMUV3_1;
	regs->gbpa = GBPA_RESET;
	atomic_init(&smmu->gbpa, GBPA_RESET);
}

/* Copy what the caller's struct has; what it lacks is zero, the default. */
static bool read_config(const struct nb_smmuv3_config *from, struct nb_smmuv3_config *config)
{
	memset(config, 0, sizeof(*config));
	if (from->size > sizeof(*config) || from->size < offsetof(struct nb_smmuv3_config, mem) + 8)
		return false;
	memcpy(config, from, from->size);
	config->oas_bits = config->oas_bits ?: DEFAULT_OAS_BITS;
	config->sid_bits = config->sid_bits ?: DEFAULT_SID_BITS;
	config->iotlb_slots = config->iotlb_slots ?: DEFAULT_IOTLB_SLOTS;
	return config->mem && oas_field(config->oas_bits) >= 0 && config->sid_bits <= 32 &&
	       is_pow2(config->iotlb_slots) && !(config->no_stage1 && config->no_stage2);
}

static bool alloc_caches(struct nb_smmuv3 *smmu, unsigned iotlb_slots)
{
	smmu->tlb = iotlb_create(iotlb_slots);
	return smmu->tlb && smmu_cfg_init(smmu);
}

static void free_all(struct nb_smmuv3 *smmu)
{
	smmu_cfg_finish(smmu);
	iotlb_destroy(smmu->tlb);
	free(smmu);
}

struct nb_smmuv3 *nb_smmuv3_create(const struct nb_smmuv3_config *from)
{
	struct nb_smmuv3_config config;
	struct nb_smmuv3 *smmu;

	if (!read_config(from, &config))
		return NULL;
	smmu = calloc(1, sizeof(*smmu));
	if (!smmu)
		return NULL;
	if (!alloc_caches(smmu, config.iotlb_slots)) {
		free_all(smmu);
		return NULL;
	}
	smmu->mem = config.mem;
	smmu->has_s1 = !config.no_stage1;
	smmu->has_s2 = !config.no_stage2;
	smmu->oas_bits = config.oas_bits;
	smmu->sid_bits = config.sid_bits;
	smmu->event_irq = config.event_irq;
	smmu->gerror_irq = config.gerror_irq;
	smmu->irq_ctx = config.irq_ctx;
	set_ids(smmu, config.iidr);
	pthread_mutex_init(&smmu->cfg_lock, NULL);
	pthread_mutex_init(&smmu->reg_lock, NULL);
	pthread_mutex_init(&smmu->out_lock, NULL);
	port_set_init(&smmu->ports);
	return smmu;
}

void nb_smmuv3_destroy(struct nb_smmuv3 *smmu)
{
	if (!smmu)
		return;
	port_set_finish(&smmu->ports);
	pthread_mutex_destroy(&smmu->cfg_lock);
	pthread_mutex_destroy(&smmu->reg_lock);
	pthread_mutex_destroy(&smmu->out_lock);
	free_all(smmu);
}

void smmuv3_set_detail(struct nb_smmuv3 *smmu, dma_detail_fn *detail, void *ctx)
{
	smmu->detail_ctx = ctx;
	smmu->detail = detail;
}

struct port_set *smmuv3_ports(struct nb_smmuv3 *smmu)
{
	return &smmu->ports;
}
