/* SPDX-License-Identifier: MIT */
/*
 * What a context descriptor says (IHI 0070 5.4). One whose combination of fields is ILLEGAL (5.4.2) is
 * refused whole: C_BAD_CD. Fields that are IGNORED or RES0 are not looked at: UWXN (VMSAv8-64 knows
 * it always), NSCFGx (the Secure state's), MAIR and AMAIR, ASET, IRx, ORx and SHx.
 */
#include "smmuv3/model.h"

/* One of TTB0 and TTB1: txsz, and the word that holds its base. False: ILLEGAL. */
static bool decode_tt(const struct nb_smmuv3 *smmu, unsigned granule, unsigned txsz, uint64_t word,
	unsigned out_bits, struct smmu_tt *tt)
{
	/* IHI 0070 5.4 T0SZ: from 39 (no IDR3.STT) to 16, or to 12 (IDR5.VAX, 64 KiB granule). */
	unsigned in_bits = 64 - txsz, most = smmu->hw.vax && granule == 16 ? 52 : 48;

	if (!granule || in_bits < 25 || in_bits > most)
		return false;
	tt->granule_lg2 = granule;
	tt->in_bits = in_bits;
	tt->level = 4 - DIV_ROUND_UP(in_bits - granule, granule - 3);
	tt->had = word & CD_TT_HAD;
	return smmu_tt_set_base(tt, word & CD_TT_BASE, out_bits);
}

/* TG1 has an encoding of its own: as TG0. */
static unsigned tg1_as_tg0(unsigned tg1)
{
	static const uint8_t as[4] = { 3, CD_TG0_16K, CD_TG0_4K, CD_TG0_64K };

	return as[tg1];
}

static bool decode_tables(
	const struct nb_smmuv3 *smmu, const uint64_t cd[CD_WORDS], struct smmu_s1 *s1)
{
	unsigned tg0 = field_get(CD_0_TG0, cd[0]), tg1 = tg1_as_tg0(field_get(CD_0_TG1, cd[0]));
	bool both_off = (cd[0] & CD_0_EPD0) && (cd[0] & CD_0_EPD1);

	/* No big-endian tables (IDR0.TTENDIAN). What EPDx disables is not looked at. */
	if (!both_off && (cd[0] & CD_0_ENDI))
		return false;
	if (!(cd[0] & CD_0_EPD0) &&
		!decode_tt(smmu, smmu_granule_lg2(smmu, tg0), field_get(CD_0_T0SZ, cd[0]), cd[1],
			s1->out_bits, &s1->tt[0]))
		return false;
	return (cd[0] & CD_0_EPD1) ||
	       decode_tt(smmu, smmu_granule_lg2(smmu, tg1), field_get(CD_0_T1SZ, cd[0]), cd[2],
		       s1->out_bits, &s1->tt[1]);
}

/* IHI 0070 5.5: A and S, under the fault models and S1STALLD. */
static bool faults_ok(const struct nb_smmuv3 *smmu, uint64_t word, bool stalld)
{
	if (!(word & CD_0_A) && !smmu->hw.raz_wi)
		return false;
	if (word & CD_0_S)
		return !stalld && smmu->hw.stall_model != NB_SMMUV3_STALL_NONE;
	return smmu->hw.stall_model != NB_SMMUV3_STALL_FORCED;
}

/* 5.4 HA, HD, under IDR0.HTTU. */
static bool httu_ok(const struct nb_smmuv3 *smmu, uint64_t word)
{
	if ((word & CD_0_HA) && smmu->hw.httu == NB_SMMUV3_HTTU_NONE)
		return false;
	return !(word & CD_0_HD) || smmu->hw.httu == NB_SMMUV3_HTTU_DIRTY;
}

static void decode_flags(uint64_t word, struct smmu_s1 *s1)
{
	s1->tt[0].tbi = word & CD_0_TBI0;
	s1->tt[1].tbi = word & CD_0_TBI1;
	s1->asid = field_get(CD_0_ASID, word);
	s1->affd = word & CD_0_AFFD;
	s1->wxn = word & CD_0_WXN;
	s1->uwxn = word & CD_0_UWXN;
	s1->pan = word & CD_0_PAN;
	s1->record = word & CD_0_R;
	s1->stall = word & CD_0_S;
	s1->raz_wi = !(word & CD_0_A);
	s1->ha = word & CD_0_HA;
	s1->hd = s1->ha && (word & CD_0_HD); /* alone it is reserved: off */
}

bool smmu_cd_decode(const struct nb_smmuv3 *smmu, const uint64_t cd[CD_WORDS], struct smmu_cfg *cfg)
{
	/* No AArch32 tables (IDR0.TTF). */
	if (!(cd[0] & CD_0_V) || !(cd[0] & CD_0_AA64))
		return false;
	if (!faults_ok(smmu, cd[0], cfg->stalld) || !httu_ok(smmu, cd[0]))
		return false;
	cfg->s1.out_bits = smmu_addr_bits(smmu, field_get(CD_0_IPS, cd[0]));
	if (!decode_tables(smmu, cd, &cfg->s1))
		return false;
	decode_flags(cd[0], &cfg->s1);
	return true;
}
