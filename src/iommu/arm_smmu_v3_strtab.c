/* SPDX-License-Identifier: MIT */
/*
 * The stream table (IHI 0070 3.3, 5.1, 5.2): one STE per StreamID, linear or in two levels, where a
 * second-level table serves one PCI bus (256 StreamIDs) and is made when its first device appears.
 * FIDELITY: new entries abort (Linux attaches its default domain): a stream that no domain is
 * attached to reaches nothing, and leaves no event.
 */
#include <string.h>

#include "base/check.h"
#include "iommu/arm_smmu_v3.h"

#define SPLIT	 8
#define L2_BYTES ((uint64_t)STE_BYTES << SPLIT)

const uint64_t smmu_ste_abort[STE_WORDS] = { STE0_V }; /* Config = 0b000: abort, no event */

static uint64_t strtab_bytes(const struct arm_smmu *smmu)
{
	uint64_t bytes = smmu->strtab_2lvl ? sizeof(uint64_t) << (smmu->sid_bits - SPLIT)
					   : (uint64_t)STE_BYTES << smmu->sid_bits;

	return MAX(bytes, (uint64_t)4096);
}

static void fill_abort(uint64_t *stes, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		memcpy(stes + i * STE_WORDS, smmu_ste_abort, STE_BYTES);
}

bool smmu_strtab_init(struct arm_smmu *smmu)
{
	uint64_t cfg = field_prep(STRTAB_CFG_SIZE, smmu->sid_bits);

	if (!ram_alloc(smmu->hw.ram, strtab_bytes(smmu), NULL, &smmu->strtab,
		    (void **)&smmu->strtab_ptr))
		return false;
	if (smmu->strtab_2lvl)
		cfg |= field_prep(STRTAB_CFG_FMT, 1) | field_prep(STRTAB_CFG_SPLIT, SPLIT);
	else
		fill_abort(smmu->strtab_ptr, BIT64(smmu->sid_bits));
	smmu_write64(smmu, SMMU_STRTAB_BASE, STRTAB_BASE_RA | smmu->strtab.v);
	smmu_write32(smmu, SMMU_STRTAB_CFG, cfg);
	return true;
}

void smmu_strtab_finish(struct arm_smmu *smmu)
{
	uint64_t n;

	if (!smmu->strtab_ptr)
		return;
	n = smmu->strtab_2lvl ? BIT64(smmu->sid_bits - SPLIT) : 0;
	for (uint64_t i = 0; i < n; i++)
		if (smmu->strtab_ptr[i])
			ram_free(smmu->hw.ram, NB_PA(smmu->strtab_ptr[i] & L1STD_L2PTR), L2_BYTES,
				NULL);
	ram_free(smmu->hw.ram, smmu->strtab, strtab_bytes(smmu), NULL);
}

bool smmu_strtab_ensure(struct arm_smmu *smmu, uint32_t sid)
{
	uint64_t *desc = smmu->strtab_ptr + (sid >> SPLIT);
	void *stes;
	nb_pa pa;

	if (!smmu->strtab_2lvl || *desc)
		return true;
	if (!ram_alloc(smmu->hw.ram, L2_BYTES, NULL, &pa, &stes))
		return false;
	fill_abort(stes, BIT64(SPLIT));
	__atomic_store_n(desc, pa.v | field_prep(L1STD_SPAN, SPLIT + 1), __ATOMIC_RELEASE);
	/*
	 * IHI 0070 4.3.1: Leaf = 0 also forgets a level-1 descriptor, in case the invalid one was
	 * cached.
	 */
	smmu_cmd_sync(smmu,
		(struct smmu_cmd){
			{ field_prep(CMD0_OP, CMD_CFGI_STE) | field_prep(CFGI0_SID, sid), 0 } });
	return true;
}

static uint64_t *ste_ptr(struct arm_smmu *smmu, uint32_t sid)
{
	uint64_t *table = smmu->strtab_ptr;

	if (smmu->strtab_2lvl) {
		table = ram_ptr(smmu->hw.ram, NB_PA(table[sid >> SPLIT] & L1STD_L2PTR));
		sid &= BIT64(SPLIT) - 1;
	}
	return table + (uint64_t)sid * STE_WORDS;
}

static void write_words(uint64_t *ste, const uint64_t *from, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		__atomic_store_n(&ste[i], from[i], __ATOMIC_RELEASE);
}

static void sync_ste(struct arm_smmu *smmu, uint32_t sid)
{
	struct smmu_cmd cmd = smmu_cmd(CMD_CFGI_STE);

	cmd.word[0] |= field_prep(CFGI0_SID, sid);
	cmd.word[1] |= CFGI1_LEAF;
	smmu_cmd_sync(smmu, cmd);
}

static bool is_abort(const uint64_t *ste)
{
	return field_get(STE0_CONFIG, ste[0]) == STE_CONFIG_ABORT;
}

/*
 * IHI 0070 3.21.3: the SMMU may read the words of an STE at any time, in any order, and cache what
 * it read; only one aligned 64-bit word changes as a whole. So an STE changes while its first word
 * makes all others irrelevant (V = 0 in the manual's procedure; we use abort, which does the same
 * without leaving C_BAD_STE events), with a CFGI_STE and CMD_SYNC after each step, and the first
 * word comes last.
 */
void smmu_ste_install(struct arm_smmu *smmu, uint32_t sid, const uint64_t target[STE_WORDS])
{
	uint64_t *ste = ste_ptr(smmu, sid);

	if (!is_abort(ste)) {
		write_words(ste, smmu_ste_abort, 0, 1);
		sync_ste(smmu, sid);
	}
	write_words(ste, target, 1, STE_WORDS - 1);
	if (is_abort(target))
		return;
	sync_ste(smmu, sid);
	write_words(ste, target, 0, 1);
	sync_ste(smmu, sid);
}
