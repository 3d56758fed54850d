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

static void sync_ste(struct arm_smmu *smmu, uint32_t sid)
{
	struct smmu_cmd cmd = smmu_cmd(CMD_CFGI_STE);

	cmd.word[0] |= field_prep(CFGI0_SID, sid);
	cmd.word[1] |= CFGI1_LEAF;
	smmu_cmd_sync(smmu, cmd);
}

/* ---- changing an entry that is in use ---- */

#define USED_WORDS 4 /* the rest is 0 in every entry that we write */

#define USED0	 (STE0_V | STE0_CONFIG)
#define USED0_S1 (USED0 | STE0_S1FMT | STE0_S1CTXPTR | STE0_S1CDMAX)
#define USED1	 (STE1_EATS | STE1_SHCFG)
#define USED1_S1                                                                                   \
	(USED1 | STE1_S1DSS | STE1_S1CIR | STE1_S1COR | STE1_S1CSH | STE1_S1STALLD | STE1_STRW)

/*
 * Which bits the SMMU looks at, by Config (IHI 0070 5.2; Linux 7.3 arm_smmu_get_ste_used). MEV is
 * nobody's: it decides only how many events are told, and software has to live with merged ones
 * anyway (7.3.1).
 */
static const uint64_t used_bits[8][USED_WORDS] = {
	[STE_CONFIG_ABORT] = { USED0 },
	[STE_CONFIG_BYPASS] = { USED0, USED1 },
	[STE_CONFIG_S1] = { USED0_S1, USED1_S1, STE2_S2VMID },
	[STE_CONFIG_S2] = { USED0, USED1, ~UINT64_C(0), ~UINT64_C(0) },
	[STE_CONFIG_NEST] = { USED0_S1, USED1_S1, ~UINT64_C(0), ~UINT64_C(0) },
};

static const uint64_t *used_by(const uint64_t *ste)
{
	return used_bits[field_get(STE0_CONFIG, ste[0])];
}

static void write_word(uint64_t *ste, unsigned i, uint64_t value)
{
	if (ste[i] != value)
		__atomic_store_n(&ste[i], value, __ATOMIC_RELEASE);
}

/* A word that is the target's in all bits that nobody looks at now. */
static uint64_t prepared(const uint64_t *ste, const uint64_t *target, unsigned i)
{
	uint64_t used = i < USED_WORDS ? used_by(ste)[i] : 0;

	return (ste[i] & used) | (target[i] & ~used);
}

/* How many words have to change in bits that are looked at before and after; *word: the last of them. */
static unsigned critical_words(const uint64_t *ste, const uint64_t *target, unsigned *word)
{
	unsigned n = 0;

	for (unsigned i = 0; i < USED_WORDS; i++) {
		if (!((prepared(ste, target, i) ^ target[i]) & used_by(target)[i]))
			continue;
		*word = i;
		n++;
	}
	return n;
}

/* Beside this word, the target has a use for bits that the entry has none for. */
static bool wants_more(const uint64_t *ste, const uint64_t *target, unsigned word)
{
	for (unsigned i = 0; i < USED_WORDS; i++)
		if (i != word && (used_by(target)[i] & ~used_by(ste)[i]))
			return true;
	return false;
}

/*
 * What is unused changes first. It may be cached as it was before (also from before an earlier entry
 * was cleaned up), so it is invalidated even if it does not change. Then one word makes the target of
 * the entry, and what is unused now follows, whose turn to be invalidated comes when it is wanted.
 */
static void change(
	struct arm_smmu *smmu, uint32_t sid, uint64_t *ste, const uint64_t *target, unsigned word)
{
	bool more = wants_more(ste, target, word);

	for (unsigned i = 0; i < STE_WORDS; i++)
		if (i != word)
			write_word(ste, i, prepared(ste, target, i));
	if (more)
		sync_ste(smmu, sid);
	write_word(ste, word, target[word]);
	sync_ste(smmu, sid);
	for (unsigned i = 0; i < STE_WORDS; i++)
		write_word(ste, i, target[i]);
}

/*
 * IHI 0070 3.21.3: the SMMU may read the words of an STE at any time, in any order, and cache what it
 * read; only one aligned 64-bit word changes as a whole. Where that is enough (Linux 7.3
 * arm_smmu_write_entry) the stream goes from the old entry to the new one without a moment of anything
 * else; where two words have to change that are in use, it aborts in between (V = 0 in the manual's
 * procedure; abort does the same without C_BAD_STE events).
 *
 * What the SMMU has in its TLB of a stage 1 that goes is not our concern, as in Linux. It is tagged with
 * the guest's VMID and ASID, so it serves nobody but that guest, which invalidates before it uses the
 * ASID again; and what it reaches is the parent's: whatever leaves stage 2 takes with it all that was
 * made of both stages (TLBI_NH_ALL, in invalidate()), and S12_VMALL comes before a VMID is used again.
 */
void smmu_ste_install(struct arm_smmu *smmu, uint32_t sid, const uint64_t target[STE_WORDS])
{
	uint64_t *ste = ste_ptr(smmu, sid);
	unsigned word = 0, n = critical_words(ste, target, &word);

	if (n > 1) {
		change(smmu, sid, ste, smmu_ste_abort, 0);
		word = 0;
	}
	change(smmu, sid, ste, target, word);
}
