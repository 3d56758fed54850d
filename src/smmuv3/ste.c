/* SPDX-License-Identifier: MIT */
/* Where a stream's stream table entry is: linear and 2-level tables (IHI 0070 3.3.1, 5.1). */
#include "smmuv3/model.h"

static bool fetch_failed(struct smmu_fault *fault, uint64_t addr)
{
	*fault = (struct smmu_fault){ .type = EVT_F_STE_FETCH, .fetch = addr };
	return false;
}

static bool bad_streamid(const struct nb_smmuv3 *smmu, struct smmu_fault *fault)
{
	/* IHI 0070 7.3.3: recorded only where CR2.RECINVSID asks for it. */
	*fault = (struct smmu_fault){
		.type = EVT_C_BAD_STREAMID,
		.silent = !(atomic_load_explicit(&smmu->cr2, memory_order_relaxed) & CR2_RECINVSID),
	};
	return false;
}

/* Read n words. UNPREDICTABLE: beyond the OAS (IHI 0070 3.4.3) they cannot be fetched. */
static bool load(const struct smmu_walk *w, uint64_t addr, uint64_t *words, unsigned n)
{
	unsigned i;

	if (addr >> w->smmu->oas_bits)
		return false;
	for (i = 0; i < n; i++)
		if (nb_mem_load64(w->smmu->mem, NB_PA(addr + 8 * i), &words[i]))
			return false;
	return true;
}

static void record(const struct smmu_walk *w, enum smmu_step_kind kind, uint32_t sid, uint64_t addr,
	const uint64_t *words, unsigned n)
{
	smmu_record(w, &(struct smmu_step){ .kind = kind,
			       .input = sid,
			       .addr = addr,
			       .pa = NB_PA(addr),
			       .words = words,
			       .n = n });
}

/* IHI 0070 6.3.25: reserved values of SPLIT mean 6. */
static unsigned split_of(uint64_t strtab_cfg)
{
	unsigned split = field_get(STRTAB_SPLIT, strtab_cfg);

	return split == 8 || split == 10 ? split : 6;
}

/* 6.3.25: FMT is RES0 without 2-level tables, its reserved values mean a linear one. */
static bool is_2level(const struct nb_smmuv3 *smmu, uint64_t strtab_cfg)
{
	return !smmu->hw.linear_tables_only && field_get(STRTAB_FMT, strtab_cfg) == STRTAB_FMT_2LVL;
}

/* The second-level table that holds sid: *table. */
static bool find_l2(const struct smmu_walk *w, uint64_t base, unsigned split, uint32_t sid,
	uint64_t *table, struct smmu_fault *fault)
{
	uint64_t at = base + ((uint64_t)(sid >> split) << 3), l1std,
		 index = sid & MASK64(split - 1, 0);
	unsigned span;

	if (!load(w, at, &l1std, 1))
		return fetch_failed(fault, at);
	record(w, SMMU_STEP_L1STD, sid, at, &l1std, 1);
	span = field_get(L1STD_SPAN, l1std);
	/* IHI 0070 5.1: no table, a reserved Span, one that the split has no room for; beyond it. */
	if (!span || span > L1STD_SPAN_MAX || span - 1 > split || index >> (span - 1))
		return bad_streamid(w->smmu, fault);
	/* The table is aligned to its size, lower address bits are not used. */
	*table = align_down(l1std & L1STD_L2PTR, BIT64(span - 1 + STE_BYTES_LG2));
	return true;
}

bool smmu_ste_fetch(const struct smmu_walk *w, uint64_t strtab_base, uint64_t strtab_cfg,
	uint32_t sid, uint64_t ste[STE_WORDS], struct smmu_fault *fault)
{
	unsigned lg2 = MIN(field_get(STRTAB_LOG2SIZE, strtab_cfg), w->smmu->sid_bits);
	uint64_t table = strtab_base & STRTAB_BASE_ADDR;
	unsigned split = split_of(strtab_cfg);
	uint32_t index = sid;

	if ((uint64_t)sid >> lg2)
		return bad_streamid(w->smmu, fault);
	if (is_2level(w->smmu, strtab_cfg)) {
		/* IHI 0070 6.3.24: the base is aligned to the first level's size. */
		table = align_down(table, BIT64(lg2 > split ? lg2 - split + 3 : 6));
		if (!find_l2(w, table, split, sid, &table, fault))
			return false;
		index &= MASK64(split - 1, 0);
	} else {
		table = align_down(table, BIT64(lg2 + STE_BYTES_LG2));
	}
	table += (uint64_t)index << STE_BYTES_LG2;
	if (!load(w, table, ste, STE_WORDS))
		return fetch_failed(fault, table);
	record(w, SMMU_STEP_STE, sid, table, ste, STE_WORDS);
	return true;
}
