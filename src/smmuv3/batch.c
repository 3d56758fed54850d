/* SPDX-License-Identifier: MIT */
/*
 * Translating many at once. The addresses of a *round* go through each step of a translation together:
 * the IOTLB and stage 1; stage 2 and the fill. Within a step none waits for another, so that what has to
 * be fetched from outer caches is fetched at the same time.
 *
 * The steps only know what the port's caches know; for the rest each address goes its own way
 * afterwards, in order. So events, stalls and updates are those of one translation after the other.
 */
#include "smmuv3/lookup.h"

#define ROUND 32 /* bits of a word that says which */

/*
 * One that missed the IOTLB, after stage 1. (Words apart, so that no compiler puts two of them together
 * in a vector only to store them.)
 */
struct lane {
	uint64_t addr, size_lg2;
	uint32_t prot;
	uint64_t at; /* index into the round */
};

/*
 * What is the same for all of a round; the port's as they are when it begins. All that is done with it
 * is inlined, so that it has no address: no store can be to it, and its parts are variables.
 */
struct round {
	struct nb_smmuv3_port *port;
	const nb_iova *iova;
	struct nb_smmuv3_span *span;
	unsigned n;
	struct smmu_gens gens;
	uint64_t leaf_gen;
	struct smmu_walk w;
	struct iotlb_cache iotlb;
	uint32_t low_granule, high_granule, s2_granule; /* lg2; of stage 1's halves */
	uint32_t need, globals, split_lg2;
	bool use_s1, use_s2;
};

/* An entry of an earlier generation is a miss here: to walk anew is as cheap as to ask the log. */
static inline __attribute__((always_inline)) bool hit(const struct round *round, unsigned i)
{
	uint64_t value = iotlb_probe(&round->iotlb, round->w.tag, round->gens.gen, round->iova[i]);

	if (!value || (value & round->need) != round->need)
		return false;
	smmu_span_of(value, value >> 6 & 63, round->iova[i], &round->span[i]);
	return true;
}

/* Stage 1. No page of a kind that TLBIs must be told of first, either: as in smmu_fill_known. */
static inline __attribute__((always_inline)) bool stage1(
	const struct round *round, struct leaf *leaf)
{
	unsigned granule = leaf->addr >> 55 & 1 ? round->high_granule : round->low_granule;

	if (!round->use_s1)
		return true;
	return leaf_step(&round->w, false, granule, round->leaf_gen, leaf) &&
	       (leaf->desc & TTD_NG || round->globals);
}

/* Stage 2, likewise: no page of it splits a block of stage 1 that is larger than TLBIs know. */
static inline __attribute__((always_inline)) bool stage2(
	const struct round *round, struct leaf *leaf)
{
	uint32_t s1_prot = leaf->prot, s1_lg2 = leaf->size_lg2;

	if (!round->use_s2)
		return true;
	if (!leaf_step(&round->w, true, round->s2_granule, round->leaf_gen, leaf))
		return false;
	leaf->prot &= s1_prot;
	if (leaf->size_lg2 < s1_lg2)
		return !round->use_s1 || s1_lg2 <= round->split_lg2;
	leaf->size_lg2 = s1_lg2;
	return true;
}

/*
 * The IOTLB, and stage 1 of those that it does not know. How many lanes there are; *rest: bit i is set
 * where the caches do not know the i-th.
 */
static inline __attribute__((always_inline)) unsigned first_step(
	const struct round *round, struct lane *lane, uint32_t *rest)
{
	const struct lane *first = lane;
	uint32_t unknown = 0;
	struct leaf leaf;
	unsigned i;

	for (i = 0; i < round->n; i++) {
		if (hit(round, i))
			continue;
		leaf_begin(&leaf, smmu_held_canonical(&round->port->held, round->iova[i]).v);
		if (!stage1(round, &leaf)) {
			unknown |= 1u << i;
			continue;
		}
		lane->addr = leaf.addr;
		lane->size_lg2 = leaf.size_lg2;
		lane->prot = leaf.prot;
		lane++->at = i;
	}
	*rest = unknown;
	return (unsigned)(lane - first);
}

/* Into the IOTLB, whose size of the fill before is *last_lg2, and to who asked. */
static inline __attribute__((always_inline)) void fill(
	const struct round *round, uint64_t at, const struct leaf *leaf, unsigned *last_lg2)
{
	uint64_t mask = BIT64(leaf->size_lg2) - 1;
	struct nb_smmuv3_span *span = &round->span[at];

	if (__builtin_expect(leaf->size_lg2 != *last_lg2, 0))
		iotlb_note_size(&round->port->iotlb, *last_lg2 = leaf->size_lg2);
	iotlb_fill_slot(&round->iotlb, round->w.tag, round->gens.gen,
		smmu_held_canonical(&round->port->held, round->iova[at]), leaf->size_lg2,
		iotlb_value(leaf->addr & ~mask, leaf->size_lg2, leaf->prot));
	span->pa = NB_PA(leaf->addr);
	span->bytes = (~leaf->addr & mask) + 1;
}

/* Stage 2, and the fill. */
static inline __attribute__((always_inline)) void second_step(
	const struct round *round, const struct lane *lane, unsigned n, uint32_t *rest)
{
	const struct lane *end = lane + n;
	unsigned last_lg2 =
		0; /* none: the cache's says nothing of its sizes before the first fill */
	uint32_t unknown = 0;
	struct leaf leaf;
	uint64_t at;

	for (; lane < end; lane++) {
		at = lane->at;
		leaf.addr = lane->addr;
		leaf.size_lg2 = lane->size_lg2;
		leaf.prot = lane->prot;
		if (stage2(round, &leaf) && (leaf.prot & round->need) == round->need &&
			leaf_sound())
			fill(round, at, &leaf, &last_lg2);
		else
			unknown |= 1u << at;
	}
	*rest |= unknown;
}

static inline __attribute__((always_inline)) void begin(struct round *round, uint32_t need)
{
	struct nb_smmuv3_port *port = round->port;
	const struct smmu_cfg *cfg = &port->held.cfg;

	round->w.smmu = port->smmu;
	round->w.cfg = cfg;
	round->w.port = port;
	round->w.tag = port->held.tag;
	round->w.tables = round->gens.tables;
	round->leaf_gen = leaf_gen(&round->w);
	round->iotlb.last_lg2 = port->iotlb.last_lg2;
	round->iotlb.mask = port->iotlb.mask;
	round->iotlb.slots = port->iotlb.slots;
	round->low_granule = cfg->s1.tt[0].granule_lg2;
	round->high_granule = cfg->s1.tt[1].granule_lg2;
	round->s2_granule = cfg->s2.tt.granule_lg2;
	round->need = need;
	round->globals = port->held.globals;
	round->split_lg2 = port->held.split_lg2;
	round->use_s1 = cfg->use_s1;
	round->use_s2 = cfg->use_s2;
}

/*
 * The steps, where the held configuration is current and has stages. Whom it leaves to go alone: bit i
 * for the i-th.
 */
static uint32_t together(struct nb_smmuv3_port *port, uint32_t flags, uint32_t ssid,
	const nb_iova *iova, struct nb_smmuv3_span *span, unsigned n)
{
	struct round round;
	struct lane lanes[ROUND];
	uint32_t rest;

	round.port = port;
	round.iova = iova;
	round.span = span;
	round.n = n;
	if (!smmu_held_usable(port, flags, ssid, &round.gens) ||
		!(port->held.cfg.use_s1 || port->held.cfg.use_s2))
		return (uint32_t)(BIT64(n) - 1);
	port->held.gens = round.gens;
	begin(&round, port->held.need[flags & SMMU_KINDS]);
	second_step(&round, lanes, first_step(&round, lanes, &rest), &rest);
	return rest;
}

size_t nb_smmuv3_translate_batch(struct nb_smmuv3_port *port, uint32_t flags, uint32_t ssid,
	const nb_iova *iova, struct nb_smmuv3_span *span, size_t n, enum nb_smmuv3_verdict *verdict)
{
	size_t first, at;
	uint32_t rest;

	*verdict = NB_SMMUV3_OK;
	for (first = 0; first < n; first += ROUND) {
		rest = together(port, flags, ssid, &iova[first], &span[first],
			(unsigned)MIN(n - first, (size_t)ROUND));
		/* The rest, in order. */
		for (; rest; rest &= rest - 1) {
			at = first + (unsigned)__builtin_ctz(rest);
			*verdict = smmu_translate(port, iova[at], flags, ssid, &span[at]);
			if (*verdict != NB_SMMUV3_OK)
				return at;
		}
	}
	return n;
}
