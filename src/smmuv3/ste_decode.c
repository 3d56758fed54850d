/* SPDX-License-Identifier: MIT */
/*
 * What a stream table entry says (IHI 0070 5.2). An entry whose combination of fields is ILLEGAL is
 * refused whole: C_BAD_STE. The rules are those of 5.2.2; fields that are IGNORED or RES0 under the
 * rest of the entry, or for want of a feature, are not looked at.
 *
 * Attributes (MTCFG, MemAttr, SHCFG, ALLOCCFG, S1CIR and its like) would colour transactions that
 * have no colours here; NSCFG is the Secure state's; CONT is a hint.
 */
#include "smmuv3/granule.h"

static const uint8_t addr_sizes[8] = { 32, 36, 40, 42, 44, 48, 52, 52 };

unsigned smmu_addr_bits(const struct nb_smmuv3 *smmu, unsigned field)
{
	/* IHI 0070 5.2 S2PS, 5.4 IPS: 7 means 6 (SMMUv3.1 to 3.3); larger than the OAS, the OAS. */
	return MIN(addr_sizes[field & 7], smmu->oas_bits);
}

unsigned smmu_granule_lg2(const struct nb_smmuv3 *smmu, unsigned tg0)
{
	static const uint8_t lg2[4] = { 12, 16, 14, 0 };
	static const uint8_t has[4] = { NB_SMMUV3_GRAN4K, NB_SMMUV3_GRAN64K, NB_SMMUV3_GRAN16K, 0 };

	return smmu->hw.granules & has[tg0 & 3] ? lg2[tg0 & 3] : 0;
}

bool smmu_tt_set_base(struct smmu_tt *tt, uint64_t base, unsigned out_bits)
{
	unsigned stride = tt->granule_lg2 - 3;
	unsigned table_lg2 = tt->in_bits - (tt->granule_lg2 + stride * (3 - tt->level)) + 3;

	/* IHI 0070 5.2 S2TTB, 5.4 TTB0: without LPA2 small granules have 48 bits. */
	if (base >> (tt->granule_lg2 == 16 ? out_bits : MIN(out_bits, 48u)))
		return false;
	/* Aligned to its size; at least to 64 bytes where the output is 52 bits. */
	tt->base = align_down(base, BIT64(out_bits == 52 ? MAX(table_lg2, 6u) : table_lg2));
	return true;
}

/*
 * IHI 0070 5.2 EATS: what it means here, STE_EATS_*; -1: ILLEGAL. Split-stage ATS also needs
 * CR0.ATSCHK, which is looked at when a request comes.
 */
static int eats_of(const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS], unsigned config)
{
	unsigned eats = field_get(STE_1_EATS, ste[1]);
	bool s2s = ste[2] & STE_2_S2S;

	if (!smmu->hw.ats || config == STE_CONFIG_BYPASS)
		return STE_EATS_ABT;
	/* UNPREDICTABLE: S2S is looked at only where stage 2 is in use, as 5.2 recommends. */
	if (eats == STE_EATS_TRANS)
		return (config & STE_CONFIG_S2) && s2s ? -1 : STE_EATS_TRANS;
	if (eats == STE_EATS_S1CHK)
		return config != 7 || s2s || (smmu->regs.idr[0] & IDR0_NS1ATS) ? -1
									       : STE_EATS_S1CHK;
	return STE_EATS_ABT; /* 0b11: reserved without IDR3.DPT */
}

/* The number of substreams, and the format of the table of CDs. */
static bool s1_table_illegal(const struct nb_smmuv3 *smmu, uint64_t word)
{
	unsigned cdmax = field_get(STE_0_S1CDMAX, word), fmt = field_get(STE_0_S1FMT, word);

	if (!smmu->hw.ssid_bits)
		return false; /* both are IGNORED */
	/* S1Fmt 0b11 is reserved and means 0b00. */
	return cdmax > smmu->hw.ssid_bits ||
	       (cdmax && !(smmu->regs.idr[0] & IDR0_CD2L) &&
		       (fmt == STE_S1FMT_4K_L2 || fmt == STE_S1FMT_64K_L2));
}

static bool s1_illegal(
	const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS], const struct smmu_cfg *cfg)
{
	/* STRW is RES0 without IDR0.Hyp. */
	if (!smmu->has_s1 || (cfg->stalld && smmu->hw.stall_model != NB_SMMUV3_STALL_ALLOWED))
		return true;
	/* UNPREDICTABLE: 3.4.3: nested, the pointer is an IPA, and stage 2 has the say. */
	if (!cfg->use_s2 && (ste[0] & STE_0_S1CTXPTR) >> smmu->oas_bits)
		return true;
	return s1_table_illegal(smmu, ste[0]);
}

/* Arm ARM D8.2: at least two entries; at most 16 concatenated tables of the first level. */
static bool s2_start(const struct nb_smmuv3 *smmu, unsigned sl0, struct smmu_tt *tt)
{
	const struct s2_start *start = s2_start_of(tt->granule_lg2);
	unsigned stride = tt->granule_lg2 - 3, below;

	tt->level = start->level[sl0];
	if (tt->level == 255 || (sl0 == 2 && smmu->oas_bits < start->least_oas))
		return false;
	below = tt->granule_lg2 + stride * (3 - tt->level);
	return tt->in_bits >= below + 1 && tt->in_bits <= below + stride + 4;
}

static bool s2_tables(
	const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS], struct smmu_s2 *s2)
{
	unsigned granule = smmu_granule_lg2(smmu, field_get(STE_2_S2TG, ste[2]));
	/* IHI 0070 5.2 S2T0SZ: the IAS is the OAS, as there are no AArch32 tables. */
	unsigned most = MIN(granule == 16 ? 52u : 48u, smmu->oas_bits);

	s2->tt.granule_lg2 = granule;
	s2->tt.in_bits = 64 - field_get(STE_2_S2T0SZ, ste[2]);
	s2->out_bits = smmu_addr_bits(smmu, field_get(STE_2_S2PS, ste[2]));
	return granule && s2->tt.in_bits >= 25 && s2->tt.in_bits <= most &&
	       s2_start(smmu, field_get(STE_2_S2SL0, ste[2]), &s2->tt) &&
	       smmu_tt_set_base(&s2->tt, ste[3] & STE_3_S2TTB, s2->out_bits);
}

/* IHI 0070 5.5, 5.2 S2HA: what the model of faults and updates allows. */
static bool s2_features_ok(const struct nb_smmuv3 *smmu, uint64_t word)
{
	bool stall = word & STE_2_S2S;

	if (stall ? smmu->hw.stall_model == NB_SMMUV3_STALL_NONE
		  : smmu->hw.stall_model == NB_SMMUV3_STALL_FORCED)
		return false;
	if ((word & STE_2_S2HA) && smmu->hw.httu == NB_SMMUV3_HTTU_NONE)
		return false;
	return !(word & STE_2_S2HD) || smmu->hw.httu == NB_SMMUV3_HTTU_DIRTY;
}

static bool s2_decode(
	const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS], struct smmu_s2 *s2)
{
	/* No AArch32 tables (IDR0.TTF), no big-endian ones (TTENDIAN). */
	if (!smmu->has_s2 || !(ste[2] & STE_2_S2AA64) || (ste[2] & STE_2_S2ENDI))
		return false;
	if (!s2_features_ok(smmu, ste[2]) || !s2_tables(smmu, ste, s2))
		return false;
	s2->affd = ste[2] & STE_2_S2AFFD;
	s2->ptw = ste[2] & STE_2_S2PTW;
	s2->record = ste[2] & STE_2_S2R;
	s2->stall = ste[2] & STE_2_S2S;
	s2->ha = ste[2] & STE_2_S2HA;
	s2->hd = s2->ha && (ste[2] & STE_2_S2HD); /* alone it is reserved: off */
	s2->fwb = smmu->hw.fwb && (ste[1] & STE_1_S2FWB);
	return true;
}

bool smmu_ste_decode(
	const struct nb_smmuv3 *smmu, const uint64_t ste[STE_WORDS], struct smmu_cfg *cfg)
{
	unsigned config = field_get(STE_0_CONFIG, ste[0]);
	int eats;

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
	cfg->mev = ste[1] & STE_1_MEV;
	cfg->stalld = cfg->use_s1 && (ste[1] & STE_1_S1STALLD);
	/* Stage 1 alone is VMID-tagged too, where stage 2 is implemented. */
	cfg->vmid = smmu->has_s2 ? field_get(STE_2_S2VMID, ste[2]) : 0;
	eats = eats_of(smmu, ste, config);
	if (eats < 0 || (cfg->use_s1 && s1_illegal(smmu, ste, cfg)))
		return false;
	cfg->eats = eats;
	return !cfg->use_s2 || s2_decode(smmu, ste, &cfg->s2);
}
