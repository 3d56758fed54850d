/* SPDX-License-Identifier: MIT */
/*
 * Creation, and what the ID registers say: only what is implemented, in terms that Linux's driver
 * accepts (arm_smmu_device_hw_probe).
 */
#include "smmuv3/model.h"

#include "mem/run.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_OAS_BITS    48
#define DEFAULT_SID_BITS    16
#define DEFAULT_IOTLB_SLOTS 8192

/* The encoding of an address size in IDR5.OAS; -1: there is none. */
static int oas_field(unsigned bits)
{
	static const uint8_t sizes[] = { 32, 36, 40, 42, 44, 48, 52 };
	unsigned i;

	for (i = 0; i < ARRAY_LEN(sizes); i++)
		if (sizes[i] == bits)
			return i;
	return -1;
}

static uint64_t idr_bit(bool has, uint64_t bit)
{
	return has ? bit : 0;
}

/* IDR0.STALL_MODEL, by enum nb_smmuv3_stall_model. */
static const uint8_t stall_models[] = { IDR0_STALL_NONE, 0, IDR0_STALL_FORCED };

static uint64_t idr0_of(const struct nb_smmuv3_config *hw)
{
	return field_prep(IDR0_TTF, IDR0_TTF_AARCH64) | IDR0_COHACC | IDR0_ASID16 |
	       field_prep(IDR0_TTENDIAN, IDR0_TTENDIAN_LE) |
	       field_prep(IDR0_STALL_MODEL, stall_models[hw->stall_model]) |
	       field_prep(IDR0_HTTU, hw->httu) | idr_bit(!hw->raz_wi, IDR0_TERM_MODEL) |
	       field_prep(IDR0_ST_LEVEL, hw->linear_tables_only ? 0 : IDR0_ST_LEVEL_2) |
	       idr_bit(hw->ssid_bits && !hw->linear_tables_only, IDR0_CD2L) |
	       idr_bit(!hw->no_stage1, IDR0_S1P) | idr_bit(!hw->no_stage2, IDR0_S2P | IDR0_VMID16) |
	       idr_bit(hw->ats, IDR0_ATS | IDR0_ATSRECERR) | idr_bit(hw->pri, IDR0_PRI) |
	       idr_bit(hw->msi, IDR0_MSI) | idr_bit(hw->sev, IDR0_SEV);
}

static uint64_t idr1_of(const struct nb_smmuv3_config *hw)
{
	return field_prep(IDR1_SIDSIZE, hw->sid_bits) | field_prep(IDR1_SSIDSIZE, hw->ssid_bits) |
	       field_prep(IDR1_PRIQS, hw->pri ? Q_MAX_LG2 : 0) |
	       field_prep(IDR1_EVENTQS, Q_MAX_LG2) | field_prep(IDR1_CMDQS, Q_MAX_LG2) |
	       IDR1_ATTR_PERMS_OVR | IDR1_ATTR_TYPES_OVR;
}

static uint64_t idr3_of(const struct nb_smmuv3_config *hw)
{
	return idr_bit(!hw->no_stage1, IDR3_HAD) | idr_bit(!hw->no_ril, IDR3_RIL) |
	       idr_bit(hw->fwb, IDR3_FWB) | idr_bit(hw->xnx, IDR3_XNX) |
	       field_prep(IDR3_BBML, hw->bbml);
}

static uint64_t idr5_of(const struct nb_smmuv3_config *hw)
{
	bool stalls = hw->stall_model != NB_SMMUV3_STALL_NONE;

	return field_prep(IDR5_OAS, oas_field(hw->oas_bits)) |
	       idr_bit(hw->granules & NB_SMMUV3_GRAN4K, IDR5_GRAN4K) |
	       idr_bit(hw->granules & NB_SMMUV3_GRAN16K, IDR5_GRAN16K) |
	       idr_bit(hw->granules & NB_SMMUV3_GRAN64K, IDR5_GRAN64K) |
	       field_prep(IDR5_VAX, hw->vax) | field_prep(IDR5_STALL_MAX, stalls ? SMMU_STALLS : 0);
}

static void set_ids(struct nb_smmuv3 *smmu)
{
	const struct nb_smmuv3_config *hw = &smmu->hw;
	struct smmu_regs *regs = &smmu->regs;

	regs->idr[0] = idr0_of(hw);
	regs->idr[1] = idr1_of(hw);
	regs->idr[3] = idr3_of(hw);
	regs->idr[5] = idr5_of(hw);
	regs->iidr = hw->iidr;
	regs->aidr = AIDR_SMMUV3_1;
	regs->gbpa = GBPA_RESET;
	atomic_init(&smmu->gbpa, GBPA_RESET);
}

/* What the architecture forbids, and what is larger than it can say. */
static bool possible(const struct nb_smmuv3_config *hw)
{
	bool gran64 = hw->granules & NB_SMMUV3_GRAN64K;

	if (hw->no_stage1 && hw->no_stage2)
		return false;
	/* IHI 0070 6.3.6: 52-bit addresses are the 64 KiB granule's (LPA2 is not implemented). */
	if (oas_field(hw->oas_bits) < 0 || (hw->oas_bits == 52 && !gran64) || (hw->vax && !gran64))
		return false;
	if (hw->granules & ~7u || hw->sid_bits > 32 || hw->ssid_bits > 20 || hw->bbml > 2)
		return false;
	/* 6.3.1: substreams are stage 1's; PRI needs ATS. */
	if ((hw->no_stage1 && hw->ssid_bits) || (hw->pri && !hw->ats))
		return false;
	return (unsigned)hw->stall_model <= NB_SMMUV3_STALL_FORCED &&
	       (unsigned)hw->httu <= NB_SMMUV3_HTTU_DIRTY && is_pow2(hw->iotlb_slots);
}

/* Copy what the caller's struct has; what it lacks is zero, the default. */
static bool read_config(const struct nb_smmuv3_config *from, struct nb_smmuv3_config *hw)
{
	memset(hw, 0, sizeof(*hw));
	if (from->size > sizeof(*hw) || from->size < offsetof(struct nb_smmuv3_config, mem) + 8)
		return false;
	memcpy(hw, from, from->size);
	hw->oas_bits = hw->oas_bits ?: DEFAULT_OAS_BITS;
	hw->sid_bits = hw->sid_bits ?: DEFAULT_SID_BITS;
	hw->iotlb_slots = hw->iotlb_slots ?: DEFAULT_IOTLB_SLOTS;
	hw->granules = hw->granules ?: NB_SMMUV3_GRAN4K;
	return hw->mem && possible(hw);
}

/* Likewise. */
static bool read_ops(const struct nb_smmuv3_ops *from, struct nb_smmuv3_ops *ops)
{
	memset(ops, 0, sizeof(*ops));
	if (!from)
		return true;
	if (from->size > sizeof(*ops) || from->size < sizeof(from->size))
		return false;
	memcpy(ops, from, from->size);
	return true;
}

static bool alloc_caches(struct nb_smmuv3 *smmu)
{
	smmu->tlb = iotlb_create();
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
	struct nb_smmuv3_ops ops;
	struct nb_smmuv3 *smmu;

	port_init_default();
	if (!read_config(from, &config) || !read_ops(config.ops, &ops))
		return NULL;
	smmu = calloc(1, sizeof(*smmu));
	if (!smmu)
		return NULL;
	if (!alloc_caches(smmu)) {
		free_all(smmu);
		return NULL;
	}
	smmu->mem = config.mem;
	smmu->has_s1 = !config.no_stage1;
	smmu->has_s2 = !config.no_stage2;
	smmu->oas_bits = config.oas_bits;
	smmu->sid_bits = config.sid_bits;
	smmu->ops = ops;
	smmu->ctx = config.ctx;
	smmu->hw = config;
	set_ids(smmu);
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

struct nb_smmuv3_port *nb_smmuv3_port_create(struct nb_smmuv3 *smmu, uint32_t sid)
{
	struct nb_smmuv3_port *port = aligned_alloc(_Alignof(struct nb_smmuv3_port), sizeof(*port));

	if (!port)
		return NULL;
	memset(port, 0, sizeof(*port));
	if (!iotlb_cache_init(&port->iotlb, smmu->hw.iotlb_slots)) {
		free(port);
		return NULL;
	}
	port->smmu = smmu;
	port->tlb = smmu->tlb;
	port->held.class = iotlb_class(smmu->tlb, 0);
	port->removals = mem_removals(smmu->mem);
	port_add(&smmu->ports, &port->port, sid);
	return port;
}

void nb_smmuv3_port_destroy(struct nb_smmuv3_port *port)
{
	if (!port)
		return;
	smmu_stall_port_gone(port);
	port_remove(&port->smmu->ports, &port->port);
	iotlb_cache_finish(&port->iotlb);
	free(port);
}

struct port *smmuv3_port(struct nb_smmuv3_port *port)
{
	return &port->port;
}

struct nb_smmuv3_port *smmuv3_port_of(struct port *port)
{
	return to_smmu_port(port);
}

void smmuv3_set_detail(struct nb_smmuv3 *smmu, dma_detail_fn *detail, void *ctx)
{
	smmu->detail_ctx = ctx;
	smmu->detail = detail;
}
