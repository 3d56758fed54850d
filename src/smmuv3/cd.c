/* SPDX-License-Identifier: MIT */
/*
 * Context descriptors (IHI 0070 5.4). A CD lies in the address space that stage 2 translates, if
 * stage 2 is in use: its fetch may fault there, with class CD.
 */
#include "smmuv3/model.h"

bool smmu_cd_fetch(
	const struct smmu_walk *w, uint64_t ptr, uint64_t cd[CD_WORDS], struct smmu_fault *fault)
{
	struct smmu_result at = { .addr = ptr };
	unsigned i;

	if (w->cfg->use_s2 && !smmu_walk_s2(w, ptr, EVT_CLASS_CD, &at, fault))
		return false;
	for (i = 0; i < CD_WORDS; i++) {
		if (nb_mem_load64(w->smmu->mem, NB_PA(at.addr + 8 * i), &cd[i])) {
			*fault = (struct smmu_fault){ .type = EVT_F_CD_FETCH, .fetch = at.addr };
			return false;
		}
	}
	smmu_record(w, &(struct smmu_step){ .kind = SMMU_STEP_CD,
			       .input = w->cfg->sid,
			       .addr = ptr,
			       .pa = NB_PA(at.addr),
			       .words = cd,
			       .n = CD_WORDS });
	return true;
}

/* One of TTB0 and TTB1: txsz, and the word that holds its base. False: ILLEGAL. */
static bool decode_tt(unsigned txsz, uint64_t word, unsigned out_bits, struct smmu_tt *tt)
{
	uint64_t base = word & CD_TT_BASE;
	unsigned in_bits = 64 - txsz, resolved;

	/* IHI 0070 5.4: 16 to 39, without VAX and STT; a base beyond the IPS is ILLEGAL. */
	if (in_bits < 25 || in_bits > 48 || base >> out_bits)
		return false;
	tt->in_bits = in_bits;
	tt->level = 4 - DIV_ROUND_UP(in_bits - 12, 9);
	resolved = in_bits - (12 + 9 * (3 - tt->level));
	tt->base = align_down(base, BIT64(resolved + 3));
	tt->had = word & CD_TT_HAD;
	return true;
}

/* IHI 0070 5.4.1: what makes a CD ILLEGAL before its tables are looked at. */
static bool cd_illegal(const uint64_t cd[CD_WORDS])
{
	/* AArch32 tables, big-endian ones, HTTU and stalls are not implemented. */
	const uint64_t must = CD_0_V | CD_0_AA64 | CD_0_A; /* A: IDR0.TERM_MODEL is 1 */
	const uint64_t must_not = CD_0_ENDI | CD_0_HA | CD_0_HD | CD_0_S;

	return (cd[0] & must) != must || (cd[0] & must_not);
}

bool smmu_cd_decode(const struct nb_smmuv3 *smmu, const uint64_t cd[CD_WORDS], struct smmu_s1 *s1)
{
	if (cd_illegal(cd))
		return false;
	s1->out_bits = smmu_addr_bits(smmu, field_get(CD_0_IPS, cd[0]));
	if (!(cd[0] & CD_0_EPD0)) {
		if (field_get(CD_0_TG0, cd[0]) != CD_TG0_4K ||
			!decode_tt(field_get(CD_0_T0SZ, cd[0]), cd[1], s1->out_bits, &s1->tt[0]))
			return false;
	}
	if (!(cd[0] & CD_0_EPD1)) {
		if (field_get(CD_0_TG1, cd[0]) != CD_TG1_4K ||
			!decode_tt(field_get(CD_0_T1SZ, cd[0]), cd[2], s1->out_bits, &s1->tt[1]))
			return false;
	}
	s1->tt[0].tbi = cd[0] & CD_0_TBI0;
	s1->tt[1].tbi = cd[0] & CD_0_TBI1;
	s1->asid = field_get(CD_0_ASID, cd[0]);
	s1->affd = cd[0] & CD_0_AFFD;
	s1->wxn = cd[0] & CD_0_WXN;
	s1->uwxn = cd[0] & CD_0_UWXN;
	s1->pan = cd[0] & CD_0_PAN;
	s1->record = cd[0] & CD_0_R;
	return true;
}
