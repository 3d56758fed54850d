/* SPDX-License-Identifier: MIT */
/*
 * Stream table entries: where a stream's entry is (linear and 2-level tables, IHI 0070 3.3.1), and
 * what it says (5.2). An entry whose combination of fields is ILLEGAL is refused whole: C_BAD_STE.
 */
#include "smmuv3/model.h"

static const uint8_t addr_sizes[8] = { 32, 36, 40, 42, 44, 48, 52, 48 };

unsigned smmu_addr_bits(const struct nb_smmuv3 *smmu, unsigned field)
{
	/* IHI 0070 5.2 S2PS, 5.4 IPS: larger than the OAS, and reserved values, mean the OAS. */
	return MIN(addr_sizes[field & 7], smmu->oas_bits);
}

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

/* IHI 0070 5.1: reserved values of SPLIT mean 6. */
static unsigned split_of(uint64_t strtab_cfg)
{
	unsigned split = field_get(STRTAB_SPLIT, strtab_cfg);

	return split == 8 || split == 10 ? split : 6;
}

/* The second-level table that holds sid: *table. */
static bool find_l2(const struct smmu_walk *w, uint64_t base, unsigned split, uint32_t sid,
	uint64_t *table, struct smmu_fault *fault)
{
	uint64_t at = base + ((uint64_t)(sid >> split) << 3), l1std,
		 index = sid & MASK64(split - 1, 0);
	unsigned span;

	if (nb_mem_load64(w->smmu->mem, NB_PA(at), &l1std))
		return fetch_failed(fault, at);
	smmu_record(w, &(struct smmu_step){ .kind = SMMU_STEP_L1STD,
			       .input = sid,
			       .addr = at,
			       .pa = NB_PA(at),
			       .words = &l1std,
			       .n = 1 });
	span = field_get(L1STD_SPAN, l1std);
	if (!span || span > L1STD_SPAN_MAX || index >> (span - 1))
		return bad_streamid(w->smmu, fault);
	/* IHI 0070 5.1: the table is aligned to its size, lower address bits are not used. */
	*table = align_down(l1std & L1STD_L2PTR, BIT64(span - 1 + STE_BYTES_LG2));
	return true;
}

bool smmu_ste_fetch(const struct smmu_walk *w, uint64_t strtab_base, uint64_t strtab_cfg,
	uint32_t sid, uint64_t ste[STE_WORDS], struct smmu_fault *fault)
{
	unsigned lg2 = MIN(field_get(STRTAB_LOG2SIZE, strtab_cfg), w->smmu->sid_bits);
	uint64_t table = strtab_base & STRTAB_BASE_ADDR;
	unsigned split = split_of(strtab_cfg), i;
	uint32_t index = sid;

	if ((uint64_t)sid >> lg2)
		return bad_streamid(w->smmu, fault);
	if (field_get(STRTAB_FMT, strtab_cfg) == STRTAB_FMT_2LVL) {
		/* IHI 0070 6.3.24: the base is aligned to the first level's size. */
		table = align_down(table, BIT64(lg2 > split ? lg2 - split + 3 : 6));
		if (!find_l2(w, table, split, sid, &table, fault))
			return false;
		index &= MASK64(split - 1, 0);
	} else {
		table = align_down(table, BIT64(lg2 + STE_BYTES_LG2));
	}
	table += (uint64_t)index << STE_BYTES_LG2;
	for (i = 0; i < STE_WORDS; i++)
		if (nb_mem_load64(w->smmu->mem, NB_PA(table + 8 * i), &ste[i]))
			return fetch_failed(fault, table);
	smmu_record(w, &(struct smmu_step){ .kind = SMMU_STEP_STE,
			       .input = sid,
			       .addr = table,
			       .pa = NB_PA(table),
			       .words = ste,
			       .n = STE_WORDS });
	return true;
}

/* IHI 0070 5.2.2: what makes a stage 1 configuration ILLEGAL. */
static bool s1_illegal(const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS])
{
	/*
	 * S1Fmt, S1DSS and S1CDMax are ignored: IDR1.SSIDSIZE is 0. STALL_MODEL 0b01: there is
	 * nothing whose disabling S1STALLD could ask for. STRW other than NS-EL1 needs IDR0.Hyp.
	 */
	return !smmu->has_s1 || (ste[1] & (STE_1_S1STALLD | STE_1_STRW));
}

/* Arm ARM D8.2: the size of input that a walk of 4 KiB granules from this level resolves. */
static bool s2_start_ok(const struct nb_smmuv3 *smmu, unsigned in_bits, unsigned sl0)
{
	int resolved;

	if (sl0 > 2 || (sl0 == 2 && smmu->oas_bits < 44))
		return false;
	resolved = (int)in_bits - (12 + 9 * (1 + (int)sl0));
	/* At least two entries; at most 16 concatenated tables (4 bits beyond one table's 9). */
	return resolved >= 1 && resolved <= 9 + 4;
}

static bool s2_decode(
	const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS], struct smmu_s2 *s2)
{
	unsigned in_bits = 64 - field_get(STE_2_S2T0SZ, ste[2]);
	unsigned sl0 = field_get(STE_2_S2SL0, ste[2]), start_bits;

	if (!smmu->has_s2 || !(ste[2] & STE_2_S2AA64) || field_get(STE_2_S2TG, ste[2]) != 0)
		return false;
	/* HTTU is not implemented, tables are little-endian, STALL_MODEL is "no stall". */
	if (ste[2] & (STE_2_S2ENDI | STE_2_S2HD | STE_2_S2HA | STE_2_S2S))
		return false;
	if (in_bits < 25 || in_bits > smmu->oas_bits || !s2_start_ok(smmu, in_bits, sl0))
		return false;
	s2->out_bits = smmu_addr_bits(smmu, field_get(STE_2_S2PS, ste[2]));
	if ((ste[3] & STE_3_S2TTB) >> s2->out_bits)
		return false;
	start_bits = in_bits - (12 + 9 * (1 + sl0)) + 3;
	s2->tt = (struct smmu_tt){
		.base = align_down(ste[3] & STE_3_S2TTB, BIT64(start_bits)),
		.in_bits = in_bits,
		.level = 2 - sl0,
	};
	s2->affd = ste[2] & STE_2_S2AFFD;
	s2->ptw = ste[2] & STE_2_S2PTW;
	s2->record = ste[2] & STE_2_S2R;
	return true;
}

bool smmu_ste_decode(
	const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS], struct smmu_cfg *cfg)
{
	unsigned config = field_get(STE_0_CONFIG, ste[0]);

	if (!(ste[0] & STE_0_V))
		return false;
	/* IHI 0070 5.2: 0b000 aborts, 0b001 to 0b011 are reserved and behave the same. */
	cfg->abort = !(config & STE_CONFIG_BYPASS);
	if (cfg->abort)
		return true;
	cfg->use_s1 = config & STE_CONFIG_S1;
	cfg->use_s2 = config & STE_CONFIG_S2;
	cfg->privcfg = field_get(STE_1_PRIVCFG, ste[1]);
	cfg->instcfg = field_get(STE_1_INSTCFG, ste[1]);
	/* Stage 1 alone is VMID-tagged too, where stage 2 is implemented. */
	cfg->vmid = smmu->has_s2 ? field_get(STE_2_S2VMID, ste[2]) : 0;
	if (cfg->use_s1 && s1_illegal(smmu, ste))
		return false;
	return !cfg->use_s2 || s2_decode(smmu, ste, &cfg->s2);
}
