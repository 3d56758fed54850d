/* SPDX-License-Identifier: MIT */
/*
 * Command queues as the input says: any words, in rings of any size and place, rung at any time.
 * Oracle: each doorbell does bounded work, and the registers stay consistent.
 */
#include "fuzz/smmu.h"

#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "smmuv3/regs.h"

#define W (&fz_world)

/* Reads of memory that one register access may cost. */
#define WORK_MAX (3 * 4096)

static const uint8_t ops[] = { CMD_PREFETCH_CONFIG, CMD_PREFETCH_ADDR, CMD_CFGI_STE,
	CMD_CFGI_STE_RANGE, CMD_CFGI_CD, CMD_CFGI_CD_ALL, CMD_TLBI_NH_ALL, CMD_TLBI_NH_ASID,
	CMD_TLBI_NH_VA, CMD_TLBI_NH_VAA, CMD_TLBI_S12_VMALL, CMD_TLBI_S2_IPA, CMD_TLBI_NSNH_ALL,
	CMD_ATC_INV, CMD_PRI_RESP, CMD_RESUME, CMD_STALL_TERM, CMD_SYNC };

static bool rewritten; /* CMDQ_CONS, by software: its error code says nothing any more */

static uint32_t reg(uint64_t offset)
{
	return nb_smmuv3_read(W->smmu, offset, 4);
}

static void check(uint64_t before)
{
	uint32_t base = nb_smmuv3_read(W->smmu, R_CMDQ_BASE, 8) & Q_BASE_LOG2SIZE, cons, error;

	nb_assert(W->loads - before <= WORK_MAX);
	cons = reg(R_CMDQ_CONS);
	error = (reg(R_GERROR) ^ reg(R_GERRORN)) & GERROR_CMDQ;
	nb_assert((cons & Q_POINTER) < BIT64(MIN(base, (uint32_t)Q_MAX_LG2) + 1) || rewritten);
	/* An error that is active has a reason. */
	nb_assert(!error || cons >> 24 || rewritten);
	nb_assert(cons >> 24 <= CERROR_ATC_INV_SYNC || rewritten);
}

static void run(const struct smmu_rec *rec)
{
	uint64_t before = W->loads;
	struct nb_smmuv3_span span;
	unsigned at;

	switch (rec->op % 9) {
	case 0: /* a command that there is; c: its low bits */
		at = SMMU_CMDQ_AT + 16 * (rec->b & (BIT64(SMMU_QUEUE_LG2) - 1));
		fz_poke(at, ops[rec->a % sizeof(ops)] | (uint64_t)rec->d << 32 |
				    (uint64_t)rec->c << 8 | (rec->x & 0xff0000));
		fz_poke(at + 8, rec->x);
		break;
	case 1: /* any word */
		fz_poke(SMMU_CMDQ_AT + (rec->d & 0x1ff8), rec->x);
		break;
	case 2:
		nb_smmuv3_write(W->smmu, R_CMDQ_PROD, rec->d, 4);
		break;
	case 3:
		nb_smmuv3_write(W->smmu, R_CMDQ_PROD, reg(R_CMDQ_PROD) + rec->a % 16, 4);
		break;
	case 4: /* a queue of another kind */
		nb_smmuv3_write(W->smmu, R_CR0, reg(R_CR0) & ~CR0_CMDQEN, 4);
		nb_smmuv3_write(W->smmu, R_CMDQ_BASE, rec->a & 1 ? rec->x : rec->a % 32, 8);
		nb_smmuv3_write(W->smmu, R_CMDQ_CONS, rec->d, 4);
		rewritten = true;
		nb_smmuv3_write(W->smmu, R_CR0, reg(R_CR0) | CR0_CMDQEN, 4);
		break;
	case 5:
		nb_smmuv3_write(W->smmu, R_GERRORN, reg(R_GERROR), 4);
		break;
	case 6:
		fz_translate(rec->a, rec->x & 0x7fff, 1 + rec->b % 3, 0, &span);
		break;
	case 7: /* the function answers its invalidations, or fails to */
		if (!W->n_itags)
			break;
		W->n_itags--;
		if (rec->a % 4)
			nb_smmuv3_atc_inv_done(W->smmu, W->itags[W->n_itags]);
		else
			nb_smmuv3_atc_inv_timeout(W->smmu, W->itags[W->n_itags]);
		break;
	default:
		reg(R_CMDQ_CONS);
	}
	check(before);
}

void fuzz_smmu_cmdq(const uint8_t *bytes, size_t len)
{
	struct smmu_head head;
	struct smmu_rec rec;
	unsigned i;

	if (!fz_begin(bytes, len, &head))
		return;
	rewritten = false;
	for (i = 0; fz_record(bytes, len, i, &rec); i++)
		run(&rec);
	fz_end();
}
