/* SPDX-License-Identifier: MIT */
/* What VMSAv8-64 tables look like: Arm ARM D8.2 (where walks start), D8.3 (descriptors). */
#include "pt/pgtable.h"

/* Stage 1 leaves. */
#define S1_AP_UNPRIV BIT64(6)
#define S1_AP_RO     BIT64(7)
#define S1_NG	     BIT64(11)
#define S1_PXN	     BIT64(53)
#define S1_UXN	     BIT64(54)

/* Stage 2 leaves. */
#define S2_READ	  BIT64(6)
#define S2_WRITE  BIT64(7)
#define S2_XN0	  BIT64(53) /* with XN1 clear: unprivileged only; set: privileged only */
#define S2_XN1	  BIT64(54)
#define S2_XN_ALL (S2_XN0 | S2_XN1)

/* Both. */
#define LEAF_AF	   BIT64(10)
#define LEAF_DBM   BIT64(51)
#define LEAF_OTHER (MASK64(63, 51) | MASK64(11, 2)) /* what struct nb_pgtable_attrs may add */

#define RAW 0x10u

/*
 * D8.2.8: a stage 2 walk may start a level later, with up to 16 tables side by side. It must where the
 * first level is not to be had: level 0 of 16 KiB, level 0 of 4 KiB below 44 bits of output, level 1 of
 * 16 KiB below 42, of 64 KiB below 44. Like Linux, we also do so to be rid of level 0.
 */
static bool concatenates(
	const struct nb_pgtable *pt, const struct nb_pgtable_options *options, unsigned bits)
{
	unsigned level = pt->start_level;

	if (!pt->s2 || level == PGT_LAST_LEVEL || BIT64(bits) > PGT_MAX_CONCATENATED)
		return false;
	if (pt->granule_lg2 == 12 && level == 2)
		return false; /* S2SL0 cannot say level 3 */
	if (level == 0 || options->concatenate)
		return true;
	return level == 1 &&
	       ((pt->granule_lg2 == 14 && pt->oas < 42) || (pt->granule_lg2 == 16 && pt->oas < 44));
}

static void choose_root(struct nb_pgtable *pt, const struct nb_pgtable_options *options)
{
	unsigned levels = DIV_ROUND_UP(pt->ias - pt->granule_lg2, pgt_table_bits(pt)), bits;

	pt->start_level = PGT_LAST_LEVEL + 1 - levels;
	bits = pt->ias - pgt_shift(pt, pt->start_level);
	if (concatenates(pt, options, bits)) {
		pt->start_level++;
		bits += pgt_table_bits(pt);
	}
	pt->root_entries = 1u << bits;
	pt->root_bytes = MAX(pt->root_entries * sizeof(uint64_t), KIB(4));
}

/* D8.3.1: blocks, by granule; 4 TiB blocks are FEAT_LPA's. */
static uint64_t leaf_sizes(const struct nb_pgtable *pt, unsigned max_lg2)
{
	uint64_t sizes = pt->granule_lg2 == 12	 ? BIT64(12) | BIT64(21) | BIT64(30)
			 : pt->granule_lg2 == 14 ? BIT64(14) | BIT64(25)
						 : BIT64(16) | BIT64(29);

	if (pt->granule_lg2 == 16 && pt->oas == 52)
		sizes |= BIT64(42);
	if (max_lg2 && max_lg2 < 63)
		sizes &= BIT64(max_lg2 + 1) - 1;
	/* Levels above the root's are not there. */
	return sizes & (2 * pgt_leaf_bytes(pt, pt->start_level) - 1);
}

static bool bits_possible(const struct nb_pgtable *pt)
{
	unsigned max = pt->granule_lg2 == 16 ? 52 : 48;

	if (pt->ias < 25 || pt->ias > max || (pt->ias > 48 && pt->ias != 52))
		return false;
	if (pt->oas < 31 || pt->oas > max || (pt->oas > 48 && pt->oas != 52))
		return false;
	return !pt->s2 || pt->ias <= pt->oas;
}

bool pgt_geometry(struct nb_pgtable *pt, const struct nb_pgtable_options *options)
{
	unsigned granule = options->granule_lg2 ?: 12, ias = options->ias ?: 48,
		 oas = options->oas ?: 48;

	if ((granule != 12 && granule != 14 && granule != 16) || ias > 52 || oas > 52)
		return false;
	pt->granule_lg2 = granule;
	pt->ias = ias;
	pt->oas = oas;
	pt->s2 = options->stage == NB_PGTABLE_STAGE2;
	pt->fwb = options->fwb;
	pt->xnx = options->xnx;
	if (options->stage > NB_PGTABLE_STAGE2 || !bits_possible(pt) ||
		(!pt->s2 && (pt->fwb || pt->xnx || options->concatenate)))
		return false;
	choose_root(pt, options);
	pt->leaf_sizes = leaf_sizes(pt, options->max_leaf_lg2);
	return pt->leaf_sizes != 0;
}

/* AttrIndx under NB_PGTABLE_MAIR; MemAttr; MemAttr with S2FWB (D8.6.6). By memory type. */
static const uint8_t memory_s1[] = { 1, 0, 2 };
static const uint8_t memory_s2[] = { 0xf, 0x5, 0x1 };
static const uint8_t memory_fwb[] = { 0x6, 0x5, 0x1 };

static bool memory_attr(const struct nb_pgtable *pt, uint8_t memory, uint64_t *desc)
{
	const uint8_t *by_type = !pt->s2 ? memory_s1 : pt->fwb ? memory_fwb : memory_s2;
	unsigned attr;

	if (memory & RAW)
		attr = memory & ~RAW;
	else if (memory <= NB_PGTABLE_DEVICE)
		attr = by_type[memory];
	else
		return false;
	*desc |= field_prep(PTE_MEMORY, attr);
	return attr <= (pt->s2 ? 15 : 7);
}

static uint64_t s1_access(uint32_t flags)
{
	bool clean = (flags & NB_PGTABLE_DBM) && !(flags & NB_PGTABLE_DIRTY);

	return (flags & NB_PGTABLE_PRIV ? 0 : S1_AP_UNPRIV) |
	       (flags & NB_PGTABLE_WRITE && !clean ? 0 : S1_AP_RO) |
	       (flags & NB_PGTABLE_GLOBAL ? 0 : S1_NG) | (flags & NB_PGTABLE_EXEC ? 0 : S1_UXN) |
	       (flags & NB_PGTABLE_EXEC_PRIV ? 0 : S1_PXN);
}

static uint64_t s2_xn(const struct nb_pgtable *pt, uint32_t flags)
{
	bool unpriv = flags & NB_PGTABLE_EXEC, priv = flags & NB_PGTABLE_EXEC_PRIV;

	if (!pt->xnx || unpriv == priv)
		return unpriv ? 0 : S2_XN1;
	return unpriv ? S2_XN0 : S2_XN_ALL;
}

static uint64_t s2_access(const struct nb_pgtable *pt, uint32_t flags)
{
	bool clean = (flags & NB_PGTABLE_DBM) && !(flags & NB_PGTABLE_DIRTY);

	return (flags & NB_PGTABLE_READ ? S2_READ : 0) |
	       (flags & NB_PGTABLE_WRITE && !clean ? S2_WRITE : 0) | s2_xn(pt, flags);
}

/* What a stage cannot say is refused: a page would allow more than was asked for. */
static bool flags_possible(const struct nb_pgtable *pt, uint32_t flags)
{
	const uint32_t s1_only = NB_PGTABLE_PRIV | NB_PGTABLE_GLOBAL,
		       all = s1_only | NB_PGTABLE_READ | NB_PGTABLE_WRITE | NB_PGTABLE_EXEC |
			     NB_PGTABLE_EXEC_PRIV | NB_PGTABLE_NO_AF | NB_PGTABLE_DBM |
			     NB_PGTABLE_DIRTY;

	if (flags & ~(pt->s2 ? all & ~s1_only : all))
		return false;
	return pt->s2 || (flags & (NB_PGTABLE_READ | NB_PGTABLE_WRITE));
}

bool pgt_attrs(const struct nb_pgtable *pt, const struct nb_pgtable_attrs *attrs, uint64_t *desc)
{
	uint32_t flags = attrs->flags;
	/* Dirty state is managed of what may be written: D8.4.6. */
	bool dbm = (flags & NB_PGTABLE_DBM) && (flags & NB_PGTABLE_WRITE);
	unsigned sh = attrs->sh & RAW ? attrs->sh & ~RAW : 3;

	if (!(attrs->sh & RAW) && attrs->sh != NB_PGTABLE_INNER)
		return false;
	if (sh > 3 || (attrs->bits & ~LEAF_OTHER) || !flags_possible(pt, flags))
		return false;
	*desc = PTE_VALID | (flags & NB_PGTABLE_NO_AF ? 0 : LEAF_AF) | (dbm ? LEAF_DBM : 0) |
		field_prep(PTE_SH, sh) | attrs->bits;
	*desc |= pt->s2 ? s2_access(pt, flags) : s1_access(flags);
	return memory_attr(pt, attrs->memory, desc);
}

static uint32_t s1_flags(uint64_t desc)
{
	return NB_PGTABLE_READ | (desc & S1_AP_RO && !(desc & LEAF_DBM) ? 0 : NB_PGTABLE_WRITE) |
	       (desc & S1_AP_UNPRIV ? 0 : NB_PGTABLE_PRIV) |
	       (desc & S1_NG ? 0 : NB_PGTABLE_GLOBAL) | (desc & S1_UXN ? 0 : NB_PGTABLE_EXEC) |
	       (desc & S1_PXN ? 0 : NB_PGTABLE_EXEC_PRIV);
}

static uint32_t s2_flags(const struct nb_pgtable *pt, uint64_t desc)
{
	static const uint32_t exec[] = { NB_PGTABLE_EXEC | NB_PGTABLE_EXEC_PRIV, NB_PGTABLE_EXEC, 0,
		NB_PGTABLE_EXEC_PRIV };
	unsigned xn = field_get(S2_XN_ALL, desc);

	return (desc & S2_READ ? NB_PGTABLE_READ : 0) |
	       (desc & (S2_WRITE | LEAF_DBM) ? NB_PGTABLE_WRITE : 0) | exec[pt->xnx ? xn : xn & 2];
}

bool pgt_is_dirty(const struct nb_pgtable *pt, uint64_t desc)
{
	return (desc & LEAF_DBM) && (pt->s2 ? (desc & S2_WRITE) != 0 : !(desc & S1_AP_RO));
}

uint32_t pgt_flags(const struct nb_pgtable *pt, uint64_t desc)
{
	return (pt->s2 ? s2_flags(pt, desc) : s1_flags(desc)) |
	       (desc & LEAF_AF ? 0 : NB_PGTABLE_NO_AF) | (desc & LEAF_DBM ? NB_PGTABLE_DBM : 0) |
	       (pgt_is_dirty(pt, desc) ? NB_PGTABLE_DIRTY : 0);
}

void pgt_make_clean(const struct nb_pgtable *pt, uint64_t *desc)
{
	if (pt->s2)
		__atomic_fetch_and(desc, ~S2_WRITE, __ATOMIC_RELAXED);
	else
		__atomic_fetch_or(desc, S1_AP_RO, __ATOMIC_RELAXED);
}
