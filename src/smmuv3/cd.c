/* SPDX-License-Identifier: MIT */
/*
 * Where a context descriptor is: one, a linear table, or a 2-level one (IHI 0070 3.3.2, 5.3). They
 * lie in the address space that stage 2 translates, if stage 2 is in use: each fetch may fault there,
 * with class CD.
 */
#include "smmuv3/model.h"

#define L1CD_BYTES_LG2 3

/* Read n words of one structure, which never crosses a page. */
static bool load(const struct smmu_walk *w, struct smmu_step *step, uint64_t *words,
	struct smmu_fault *fault)
{
	struct smmu_result at = { .addr = step->addr };
	unsigned i;

	if (w->cfg->use_s2 && !smmu_walk_s2(w, step->addr, EVT_CLASS_CD, &at, fault))
		return false;
	for (i = 0; i < step->n; i++) {
		if (nb_mem_load64(w->smmu->mem, NB_PA(at.addr + 8 * i), &words[i])) {
			*fault = (struct smmu_fault){ .type = EVT_F_CD_FETCH, .fetch = at.addr };
			return false;
		}
	}
	step->pa = NB_PA(at.addr);
	step->words = words;
	smmu_record(w, step);
	return true;
}

/* log2 of the CDs in one table of the second level; 0: one level. */
static unsigned leaf_lg2(const uint64_t ste[STE_WORDS])
{
	static const uint8_t lg2[4] = { [STE_S1FMT_4K_L2] = 6, [STE_S1FMT_64K_L2] = 10 };

	return lg2[field_get(STE_0_S1FMT, ste[0])];
}

/* The second-level table that holds ssid: *table. */
static bool find_l2(const struct smmu_walk *w, uint64_t base, unsigned leaf, uint32_t ssid,
	uint64_t *table, struct smmu_fault *fault)
{
	struct smmu_step step = { .kind = SMMU_STEP_L1CD,
		.input = ssid,
		.addr = base + ((uint64_t)(ssid >> leaf) << L1CD_BYTES_LG2),
		.n = 1 };
	uint64_t l1cd;

	if (!load(w, &step, &l1cd, fault))
		return false;
	*table = align_down(l1cd & L1CD_L2PTR, BIT64(leaf + CD_LG2));
	/* IHI 0070 5.3.1, 7.3.9. UNPREDICTABLE: 3.4.3: an IPA is left to stage 2. */
	if (!(l1cd & L1CD_V) || (!w->cfg->use_s2 && *table >> w->smmu->oas_bits)) {
		*fault = (struct smmu_fault){ .type = EVT_C_BAD_SUBSTREAMID };
		return false;
	}
	return true;
}

bool smmu_cd_fetch(const struct smmu_walk *w, const uint64_t ste[STE_WORDS], uint32_t ssid,
	uint64_t cd[CD_WORDS], struct smmu_fault *fault)
{
	unsigned max = w->smmu->hw.ssid_bits ? field_get(STE_0_S1CDMAX, ste[0]) : 0;
	unsigned leaf = max ? leaf_lg2(ste) : 0, l1;
	uint64_t table = ste[0] & STE_0_S1CTXPTR;
	struct smmu_step step = { .kind = SMMU_STEP_CD, .input = ssid, .n = CD_WORDS };

	/* UNPREDICTABLE: 5.2 S1Fmt: tables are aligned to their size, bits below are not used. */
	if (leaf) {
		l1 = max > leaf ? max - leaf : 0;
		table = align_down(table, BIT64(MAX(l1 + L1CD_BYTES_LG2, 6u)));
		if (!find_l2(w, table, leaf, ssid, &table, fault))
			return false;
		ssid &= MASK64(leaf - 1, 0);
	} else {
		table = align_down(table, BIT64(max + CD_LG2));
	}
	step.addr = table + ((uint64_t)ssid << CD_LG2);
	return load(w, &step, cd, fault);
}
