/* SPDX-License-Identifier: MIT */
/*
 * Translation table walks: VMSAv8-64 (Arm ARM D8), 4 KiB granule, stage 1, stage 2, and stage 1
 * whose every table access goes through stage 2. There is one walker: translation, `explain` and
 * tests differ only in the recorder.
 *
 * Terms: a *table* is walked from its start level to a *leaf*, a block (levels 1 and 2) or a page
 * (level 3). *shift* is the lowest address bit that a level resolves.
 *
 * A walk reads at most 4 descriptors per stage, so at most 24 for both.
 */
#include "smmuv3/model.h"

#define GRANULE_LG2 12
#define LAST_LEVEL  3

static unsigned level_shift(unsigned level)
{
	return GRANULE_LG2 + 9 * (LAST_LEVEL - level);
}

void smmu_record(const struct smmu_walk *w, const struct smmu_step *step)
{
	if (w->rec)
		w->rec->step(w->rec, step);
}

/* What differs between the stages while descending. */
struct stage {
	bool s2;
	bool affd, record;
	unsigned out_bits;
	enum evt_class class; /* of the access being translated */
	uint64_t input;	      /* IOVA or IPA */
	/* The last descriptor read, for faults. */
	bool has_desc;
	uint8_t level;
	uint64_t desc;
};

/* The leaf a walk found. */
struct leaf {
	uint64_t desc, addr;
	unsigned shift;
	uint64_t tables; /* hierarchical attributes, all tables' together */
};

static bool stage_fault(const struct stage *st, enum evt_type type, struct smmu_fault *fault)
{
	*fault = (struct smmu_fault){
		.type = type,
		.class = st->class,
		.s2 = st->s2,
		.silent = !st->record,
		.ipa = st->s2 ? st->input : 0,
		.has_desc = st->has_desc,
		.level = st->level,
		.desc = st->desc,
	};
	return false;
}

/* Read the descriptor at addr, an IPA where stage 1 runs over stage 2. */
static bool load_desc(const struct smmu_walk *w, struct stage *st, unsigned level, uint64_t addr,
	uint64_t *desc, struct smmu_fault *fault)
{
	struct smmu_result at = { .addr = addr };

	if (!st->s2 && w->cfg->use_s2 && !smmu_walk_s2(w, addr, EVT_CLASS_TT, &at, fault))
		return false;
	if (nb_mem_load64(w->smmu->mem, NB_PA(at.addr), desc)) {
		stage_fault(st, EVT_F_WALK_EABT, fault);
		fault->silent = false; /* IHI 0070 7.3.12: whatever CD.R and S2R say */
		fault->fetch = at.addr;
		return false;
	}
	st->has_desc = true;
	st->level = (uint8_t)level;
	st->desc = *desc;
	smmu_record(w, &(struct smmu_step){ .kind = st->s2 ? SMMU_STEP_S2 : SMMU_STEP_S1,
			       .level = level,
			       .input = st->input,
			       .addr = addr,
			       .pa = NB_PA(at.addr),
			       .words = desc,
			       .n = 1 });
	return true;
}

static bool is_leaf(uint64_t desc, unsigned level)
{
	return level == LAST_LEVEL || !(desc & TTD_TABLE);
}

/* Arm ARM D8.3.1: valid; a page at level 3, a block at levels 1 and 2 only (no LPA2). */
static bool desc_ok(uint64_t desc, unsigned level)
{
	if (!(desc & TTD_VALID))
		return false;
	return (desc & TTD_TABLE) || level == 1 || level == 2;
}

/* From the first table to the leaf. The order of checks is the priority of Arm ARM D8.15. */
static bool descend(const struct smmu_walk *w, struct stage *st, const struct smmu_tt *tt,
	struct leaf *leaf, struct smmu_fault *fault)
{
	uint64_t va = st->input & MASK64(tt->in_bits - 1, 0), table = tt->base, desc, index, addr;
	unsigned level = tt->level, shift;

	for (leaf->tables = 0;; level++) {
		shift = level_shift(level);
		/* The first level resolves all that is left: concatenated tables are just longer.
		 */
		index = level == tt->level ? va >> shift : (va >> shift) & 511;
		if (!load_desc(w, st, level, table + 8 * index, &desc, fault))
			return false;
		if (!desc_ok(desc, level))
			return stage_fault(st, EVT_F_TRANSLATION, fault);
		addr = desc & TTD_ADDR;
		if (is_leaf(desc, level))
			addr = align_down(addr, BIT64(shift));
		if (addr >> st->out_bits)
			return stage_fault(st, EVT_F_ADDR_SIZE, fault);
		if (is_leaf(desc, level))
			break;
		leaf->tables |= desc;
		table = addr;
	}
	*leaf = (struct leaf){ .desc = desc,
		.shift = shift,
		.tables = leaf->tables,
		.addr = addr | (va & MASK64(shift - 1, 0)) };
	if (!(desc & TTD_AF) && !st->affd)
		return stage_fault(st, EVT_F_ACCESS, fault);
	return true;
}

/* Arm ARM D8.4.2: what a stage 2 leaf allows. */
static uint8_t s2_perms(uint64_t desc)
{
	/* XN[1:0] at [54:53]; with bit 53 RES0 (no XNX) bit 54 alone forbids execution. */
	bool read = desc & TTD_S2_READ, exec = read && !(desc & BIT64(54));

	return (read ? PERM_UR | PERM_PR : 0) | (exec ? PERM_UX | PERM_PX : 0) |
	       (desc & TTD_S2_WRITE ? PERM_UW | PERM_PW : 0);
}

/* Translate ipa for an access that needs prot. */
static bool walk_s2(const struct smmu_walk *w, uint64_t ipa, enum evt_class class, uint8_t need,
	struct smmu_result *out, struct smmu_fault *fault)
{
	const struct smmu_s2 *s2 = &w->cfg->s2;
	struct stage st = { .s2 = true,
		.affd = s2->affd,
		.record = s2->record,
		.out_bits = s2->out_bits,
		.class = class,
		.input = ipa };
	struct leaf leaf;

	if (ipa >> s2->tt.in_bits)
		return stage_fault(&st, EVT_F_TRANSLATION, fault);
	if (!descend(w, &st, &s2->tt, &leaf, fault))
		return false;
	*out = (struct smmu_result){
		.addr = leaf.addr, .size_lg2 = leaf.shift, .prot = s2_perms(leaf.desc)
	};
	/* IHI 0070 5.2 S2PTW: CDs and stage 1 tables must not lie in Device memory. */
	if (class != EVT_CLASS_IN && s2->ptw && !(leaf.desc & TTD_S2_MEMATTR_TYPE))
		return stage_fault(&st, EVT_F_PERMISSION, fault);
	if ((out->prot & need) != need)
		return stage_fault(&st, EVT_F_PERMISSION, fault);
	return true;
}

bool smmu_walk_s2(const struct smmu_walk *w, uint64_t ipa, enum evt_class class,
	struct smmu_result *out, struct smmu_fault *fault)
{
	return walk_s2(w, ipa, class, PERM_PR, out, fault);
}

/* Arm ARM D8.4.1: the leaf's attributes, restricted by those of the tables above it. */
static uint64_t s1_attrs(const struct leaf *leaf, bool had)
{
	uint64_t attrs = leaf->desc;

	if (had)
		return attrs;
	if (leaf->tables & TTD_APTABLE_NO_UNPRIV)
		attrs &= ~TTD_AP_UNPRIV;
	if (leaf->tables & TTD_APTABLE_RO)
		attrs |= TTD_AP_RO;
	if (leaf->tables & TTD_UXNTABLE)
		attrs |= TTD_UXN;
	if (leaf->tables & TTD_PXNTABLE)
		attrs |= TTD_PXN;
	return attrs;
}

/* Arm ARM D8.4.1: what a stage 1 leaf allows. */
static uint8_t s1_perms(const struct smmu_s1 *s1, uint64_t attrs)
{
	bool unpriv = attrs & TTD_AP_UNPRIV, writable = !(attrs & TTD_AP_RO);
	uint8_t perms = PERM_PR | (writable ? PERM_PW : 0);

	/* CD.PAN: privileged data accesses do not touch what unprivileged ones can. */
	if (unpriv)
		perms = (s1->pan ? 0 : perms) | PERM_UR | (writable ? PERM_UW : 0);
	if (!(attrs & TTD_UXN) && !(s1->wxn && writable && unpriv))
		perms |= PERM_UX;
	/* What unprivileged code can write, privileged code never executes. */
	if (!(attrs & TTD_PXN) && !(s1->wxn && writable) && !(unpriv && writable))
		perms |= PERM_PX;
	return perms;
}

nb_iova smmu_canonical(const struct smmu_cfg *cfg, nb_iova iova)
{
	bool high = iova.v >> 55 & 1;

	if (!cfg->use_s1 || !cfg->s1.tt[high].tbi)
		return iova;
	return NB_IOVA(high ? iova.v | MASK64(63, 56) : iova.v & MASK64(55, 0));
}

static bool walk_s1(const struct smmu_walk *w, struct smmu_result *out, struct smmu_fault *fault)
{
	const struct smmu_s1 *s1 = &w->cfg->s1;
	uint64_t va = smmu_canonical(w->cfg, w->access.iova).v;
	const struct smmu_tt *tt = &s1->tt[va >> 55 & 1];
	struct stage st = { .affd = s1->affd,
		.record = s1->record,
		.out_bits = s1->out_bits,
		.class = EVT_CLASS_IN,
		.input = va };
	uint64_t top = va >> 55 & 1 ? ~UINT64_C(0) : 0, attrs;
	struct leaf leaf;

	/* Disabled (EPDx), or bits above the input size that are not all equal to bit 55. */
	if (!tt->in_bits || (va ^ top) >> tt->in_bits)
		return stage_fault(&st, EVT_F_TRANSLATION, fault);
	if (!descend(w, &st, tt, &leaf, fault))
		return false;
	attrs = s1_attrs(&leaf, tt->had);
	*out = (struct smmu_result){ .addr = leaf.addr,
		.size_lg2 = leaf.shift,
		.prot = s1_perms(s1, attrs),
		.global = !(attrs & TTD_NG) };
	if ((out->prot & smmu_need(&w->access)) != smmu_need(&w->access))
		return stage_fault(&st, EVT_F_PERMISSION, fault);
	return true;
}

/* No stage 1: the address is its own IPA, if it is one at all. */
static bool bypass_s1(const struct smmu_walk *w, struct smmu_result *out, struct smmu_fault *fault)
{
	uint64_t va = w->access.iova.v;

	/* IHI 0070 3.4: beyond the OAS, a stage 1 address size fault. Nothing could silence it. */
	if (va >> w->smmu->oas_bits)
		return stage_fault(
			&(struct stage){ .record = true, .class = EVT_CLASS_IN, .input = va },
			EVT_F_ADDR_SIZE, fault);
	*out = (struct smmu_result){ .addr = va, .size_lg2 = 30, .prot = PERM_ALL };
	return true;
}

bool smmu_walk(const struct smmu_walk *w, struct smmu_result *out, struct smmu_fault *fault)
{
	struct smmu_result s2;
	bool ok = w->cfg->use_s1 ? walk_s1(w, out, fault) : bypass_s1(w, out, fault);

	out->ipa = ok ? out->addr : 0;
	if (!ok || !w->cfg->use_s2)
		return ok;
	if (!walk_s2(w, out->addr, EVT_CLASS_IN, smmu_need(&w->access), &s2, fault))
		return false;
	out->addr = s2.addr;
	out->size_lg2 = MIN(out->size_lg2, s2.size_lg2);
	out->prot &= s2.prot;
	return true;
}
