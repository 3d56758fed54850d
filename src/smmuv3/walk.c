/* SPDX-License-Identifier: MIT */
/*
 * Translation table walks: VMSAv8-64 (Arm ARM D8), stage 1, stage 2, and stage 1 whose every table
 * access goes through stage 2. There is one walker: translation, `explain` and tests differ only in
 * the recorder, and in whether leaf tables are known already (leaf.h).
 *
 * Terms: a *table* is walked from its start level to a *leaf*, a block or a page. Geometry is in
 * granule.h, what leaves allow in perms.h, hardware update in httu.h.
 *
 * A walk reads at most 4 descriptors per stage, so at most 24 for both. Descriptors that change under
 * an update make it begin anew, a bounded number of times.
 */
#include "smmuv3/granule.h"
#include "smmuv3/httu.h"
#include "smmuv3/leaf.h"
#include "smmuv3/perms.h"

void smmu_record(const struct smmu_walk *w, const struct smmu_step *step)
{
	if (w->rec)
		w->rec->step(w->rec, step);
}

/* A stage at work. */
struct stage {
	/* What it is asked. */
	bool s2;
	const struct smmu_tt *tt;
	bool affd, record, ha, hd;
	uint8_t out_bits, need;
	enum evt_class class; /* of the access being translated */
	uint64_t input;	      /* IOVA or IPA */
	/* The last descriptor read, and where. */
	bool has_desc;
	uint8_t level;
	uint64_t desc, desc_addr;
	nb_pa desc_pa;
	/* The leaf. */
	uint64_t addr, tables; /* output address; descriptors of the tables, OR-ed */
	uint8_t shift;
};

static bool stage_fault(const struct stage *st, enum evt_type type, struct smmu_fault *fault)
{
	*fault = (struct smmu_fault){
		.type = type,
		.class = st->class,
		.s2 = st->s2,
		.silent = !st->record,
		.ttd_write = st->class == EVT_CLASS_TT && (st->need & PERM_PW),
		.ipa = st->s2 ? st->input : 0,
		.has_desc = st->has_desc,
		.level = st->level,
		.desc = st->desc,
	};
	return false;
}

static bool abort_fault(const struct stage *st, nb_pa pa, struct smmu_fault *fault)
{
	stage_fault(st, EVT_F_WALK_EABT, fault);
	fault->silent = false; /* IHI 0070 7.3.12: whatever CD.R and S2R say */
	fault->fetch = pa.v;
	return false;
}

static bool walk_s2(const struct smmu_walk *w, uint64_t ipa, enum evt_class class, uint8_t need,
	struct smmu_result *out, struct smmu_fault *fault);

/* Read the descriptor at addr, an IPA where stage 1 runs over stage 2. */
static bool load_desc(const struct smmu_walk *w, struct stage *st, unsigned level, uint64_t addr,
	struct smmu_fault *fault)
{
	struct smmu_result at = { .addr = addr };
	uint64_t desc;

	if (!st->s2 && w->cfg->use_s2 && !walk_s2(w, addr, EVT_CLASS_TT, PERM_PR, &at, fault))
		return false;
	if (nb_mem_load64(w->smmu->mem, NB_PA(at.addr), &desc))
		return abort_fault(st, NB_PA(at.addr), fault);
	st->has_desc = true;
	st->level = level;
	st->desc = desc;
	st->desc_addr = addr;
	st->desc_pa = NB_PA(at.addr);
	smmu_record(w, &(struct smmu_step){ .kind = st->s2 ? SMMU_STEP_S2 : SMMU_STEP_S1,
			       .level = level,
			       .input = st->input,
			       .addr = addr,
			       .pa = st->desc_pa,
			       .words = &desc,
			       .n = 1 });
	return true;
}

static void keep_leaf(const struct smmu_walk *w, const struct stage *st)
{
	if (w->port)
		leaf_fill(w, &(struct leaf_at){ .s2 = st->s2,
				     .tt = st->tt,
				     .input = st->input,
				     .pa = st->desc_pa.v,
				     .tables = st->tables,
				     .shift = st->shift });
}

/* From the first table to the leaf. The order of checks is the priority of Arm ARM D8.15. */
static bool descend(const struct smmu_walk *w, struct stage *st, struct smmu_fault *fault)
{
	const struct smmu_tt *tt = st->tt;
	uint64_t va = st->input & MASK64(tt->in_bits - 1, 0), table = tt->base, index;
	unsigned level = tt->level, granule = tt->granule_lg2;
	bool pa52 = smmu_pa52(w->smmu), is_leaf;

	for (st->tables = 0;; level++) {
		st->shift = level_shift(granule, level);
		/* The first level resolves all that is left: concatenated tables are just longer. */
		index = va >> st->shift;
		if (level != tt->level)
			index &= BIT64(granule - 3) - 1;
		if (!load_desc(w, st, level, table + 8 * index, fault))
			return false;
		if (!ttd_ok(st->desc, granule, level, pa52))
			return stage_fault(st, EVT_F_TRANSLATION, fault);
		is_leaf = ttd_is_leaf(st->desc, level);
		table = ttd_addr(st->desc, granule, is_leaf ? st->shift : granule, pa52);
		if (table >> st->out_bits)
			return stage_fault(st, EVT_F_ADDR_SIZE, fault);
		if (is_leaf)
			break;
		st->tables |= st->desc;
	}
	st->addr = table | (va & (BIT64(st->shift) - 1));
	keep_leaf(w, st);
	return true;
}

static uint8_t perms_of(const struct smmu_walk *w, const struct stage *st, bool clean)
{
	if (st->s2)
		return s2_perms(w->smmu, st->desc, clean);
	return s1_perms(&w->cfg->s1, st->desc,
		st->tt->had ? HIERARCHY_NONE : hierarchy_of(st->tables), clean);
}

static bool is_clean(const struct stage *st)
{
	return st->s2 ? s2_is_clean(st->desc, st->hd) : s1_is_clean(st->desc, st->hd);
}

/* Access flag and permissions, as they are once hardware has updated what it may. */
static bool check_leaf(const struct smmu_walk *w, struct stage *st, struct smmu_fault *fault)
{
	const struct smmu_s2 *s2 = &w->cfg->s2;

	if (!(st->desc & TTD_AF) && !st->ha && !st->affd)
		return stage_fault(st, EVT_F_ACCESS, fault);
	/* IHI 0070 5.2 S2PTW: CDs and stage 1 tables must not lie in Device memory. */
	if (st->s2 && st->class != EVT_CLASS_IN && s2->ptw && s2_is_device(st->desc, s2->fwb))
		return stage_fault(st, EVT_F_PERMISSION, fault);
	if ((perms_of(w, st, is_clean(st)) & st->need) != st->need)
		return stage_fault(st, EVT_F_PERMISSION, fault);
	return true;
}

/*
 * The leaf's descriptor as the access makes it. UNPREDICTABLE: the access flag could be set, too, where
 * permissions then refuse the access; it is not.
 */
static uint64_t updated(const struct stage *st)
{
	uint64_t desc = st->desc | (st->ha ? TTD_AF : 0);

	if ((st->need & PERM_WRITE) && is_clean(st))
		desc = st->s2 ? desc | TTD_S2_WRITE : desc & ~TTD_AP_RO;
	return desc;
}

/* IHI 0070 3.13, Arm ARM D8.5: for stage 2 an update of a stage 1 table is a write of class TT. */
static enum httu update_leaf(
	const struct smmu_walk *w, struct stage *st, uint64_t desc, struct smmu_fault *fault)
{
	struct smmu_result at = { .addr = st->desc_pa.v };
	enum httu ret;

	if (!st->s2 && w->cfg->use_s2 &&
		!walk_s2(w, st->desc_addr, EVT_CLASS_TT, PERM_PR | PERM_PW, &at, fault))
		return HTTU_ABORT;
	ret = httu_update(w, NB_PA(at.addr), st->desc, desc);
	if (ret == HTTU_ABORT)
		abort_fault(st, NB_PA(at.addr), fault);
	return ret;
}

/* More often than this nobody but a program that means it changes a descriptor under an update. */
#define MAX_UPDATES 64

static bool translate(const struct smmu_walk *w, struct stage *st, struct smmu_result *out,
	struct smmu_fault *fault)
{
	enum httu update = HTTU_CHANGED;
	uint64_t desc;
	unsigned i;

	for (i = 0; update != HTTU_DONE; i++) {
		if (!descend(w, st, fault) || !check_leaf(w, st, fault))
			return false;
		desc = updated(st);
		update = desc == st->desc ? HTTU_DONE : update_leaf(w, st, desc, fault);
		if (update == HTTU_ABORT)
			return false;
		if (update == HTTU_NONE || i == MAX_UPDATES)
			st->ha = st->hd = false;
	}
	st->desc = desc;
	*out = (struct smmu_result){ .addr = st->addr,
		.size_lg2 = st->shift,
		.prot = perms_of(w, st, is_clean(st)) & (is_clean(st) ? ~PERM_WRITE : ~0u),
		.global = !st->s2 && !(desc & TTD_NG) };
	return true;
}

/* Translate ipa for an access that needs this much. */
static bool walk_s2(const struct smmu_walk *w, uint64_t ipa, enum evt_class class, uint8_t need,
	struct smmu_result *out, struct smmu_fault *fault)
{
	const struct smmu_s2 *s2 = &w->cfg->s2;
	struct stage st = { .s2 = true,
		.tt = &s2->tt,
		.affd = s2->affd,
		.ha = s2->ha,
		.hd = s2->hd,
		.record = s2->record,
		.out_bits = s2->out_bits,
		.need = need,
		.class = class,
		.input = ipa };

	if (leaf_walk_s2(w, ipa, class, need, out))
		return true;
	if (ipa >> s2->tt.in_bits)
		return stage_fault(&st, EVT_F_TRANSLATION, fault);
	return translate(w, &st, out, fault);
}

bool smmu_walk_s2(const struct smmu_walk *w, uint64_t ipa, enum evt_class class,
	struct smmu_result *out, struct smmu_fault *fault)
{
	return walk_s2(w, ipa, class, PERM_PR, out, fault);
}

static bool walk_s1(const struct smmu_walk *w, struct smmu_result *out, struct smmu_fault *fault)
{
	const struct smmu_s1 *s1 = &w->cfg->s1;
	uint64_t va = smmu_canonical(w->cfg, w->access.iova).v;
	const struct smmu_tt *tt = &s1->tt[va >> 55 & 1];
	struct stage st = { .tt = tt,
		.affd = s1->affd,
		.ha = s1->ha,
		.hd = s1->hd,
		.record = s1->record,
		.out_bits = s1->out_bits,
		.need = smmu_need(&w->access),
		.class = EVT_CLASS_IN,
		.input = va };
	uint64_t top = va >> 55 & 1 ? ~UINT64_C(0) : 0;

	/* Disabled (EPDx), or bits above the input size that are not all equal to bit 55. */
	if (!tt->in_bits || (va ^ top) >> tt->in_bits)
		return stage_fault(&st, EVT_F_TRANSLATION, fault);
	return translate(w, &st, out, fault);
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
	/* What stage 2 says, or some part of all. */
	*out = (struct smmu_result){
		.addr = va, .size_lg2 = w->cfg->use_s2 ? 63 : 30, .prot = PERM_ALL
	};
	return true;
}

static __attribute__((noinline)) bool walk_tables(
	const struct smmu_walk *w, struct smmu_result *out, struct smmu_fault *fault)
{
	struct smmu_result s2;
	bool ok = w->cfg->use_s1 ? walk_s1(w, out, fault) : bypass_s1(w, out, fault);

	out->ipa = ok ? out->addr : 0;
	if (!ok || !w->cfg->use_s2)
		return ok;
	if (!walk_s2(w, out->addr, EVT_CLASS_IN, smmu_need(&w->access), &s2, fault))
		return false;
	out->addr = s2.addr;
	if (w->cfg->use_s1 && out->size_lg2 > s2.size_lg2)
		out->split_lg2 = out->size_lg2;
	out->size_lg2 = MIN(out->size_lg2, s2.size_lg2);
	out->prot &= s2.prot;
	return true;
}

bool smmu_walk(const struct smmu_walk *w, struct smmu_result *out, struct smmu_fault *fault)
{
	struct smmu_walk canonical = *w;
	struct leaf leaf;

	canonical.access.iova = smmu_canonical(w->cfg, w->access.iova);
	if (!leaf_walk(&canonical, smmu_need(&w->access), &leaf))
		return walk_tables(w, out, fault);
	*out = leaf_result(&leaf);
	return true;
}
