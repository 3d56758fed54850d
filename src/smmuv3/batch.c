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

#define ROUND 32

/* Those of a round that missed the IOTLB. */
struct lanes {
	struct leaf leaf[ROUND];
	unsigned at[ROUND];    /* index into the round */
	unsigned known[ROUND]; /* the caches know what it is */
	unsigned n;
};

/* What is the same for all; the port's as they are when the round begins. */
struct round {
	struct nb_smmuv3_port *port;
	const nb_iova *iova;
	struct nb_smmuv3_span *span;
	unsigned n;
	uint32_t flags, ssid;
	struct smmu_gens gens;
	uint8_t need;
	struct smmu_walk w;
};

/* An entry of an earlier generation is a miss here: to walk anew is as cheap as to ask the log. */
static inline bool hit(const struct round *round, unsigned i)
{
	uint64_t value =
		iotlb_probe(&round->port->iotlb, round->w.tag, round->gens.gen, round->iova[i]);

	if (!value || (value & round->need) != round->need)
		return false;
	smmu_span_of(value, value >> 6 & 63, round->iova[i], &round->span[i]);
	return true;
}

/* The IOTLB, and stage 1 of those that it does not know. */
static void first_step(const struct round *round, struct lanes *lanes, uint64_t gen)
{
	const struct smmu_walk w = round->w; /* which no store in the loop can be to */
	struct leaf *leaf = lanes->leaf;
	unsigned i, n = 0;

	for (i = 0; i < round->n; i++) {
		if (hit(round, i))
			continue;
		leaf_begin(leaf, smmu_held_canonical(&round->port->held, round->iova[i]).v);
		lanes->at[n] = i;
		lanes->known[n++] = !w.cfg->use_s1 || leaf_s1(&w, gen, leaf);
		leaf++;
	}
	lanes->n = n;
}

/* Stage 2, and the fill. */
static void second_step(const struct round *round, struct lanes *lanes, uint64_t gen)
{
	const struct smmu_walk w = round->w;
	unsigned i, at, need = round->need;
	struct leaf leaf;

	for (i = 0; i < lanes->n; i++) {
		at = lanes->at[i];
		leaf_copy(&leaf, &lanes->leaf[i]);
		lanes->known[i] = lanes->known[i] && (!w.cfg->use_s2 || leaf_s2(&w, gen, &leaf)) &&
				  (leaf.prot & need) == need && leaf_sound() &&
				  smmu_fill_known(round->port, round->gens.gen, round->iova[at],
					  &leaf, &round->span[at]);
	}
}

/* The steps, where the held configuration is current and has stages. False: nothing was done. */
static bool together(struct round *round, struct lanes *lanes)
{
	struct nb_smmuv3_port *port = round->port;
	uint64_t gen;

	if (!smmu_held_usable(port, round->flags, round->ssid, &round->gens) ||
		!(port->held.cfg.use_s1 || port->held.cfg.use_s2))
		return false;
	round->w = (struct smmu_walk){ .smmu = port->smmu,
		.cfg = &port->held.cfg,
		.port = port,
		.tag = port->held.tag,
		.tables = round->gens.tables };
	round->need = port->held.need[round->flags & SMMU_KINDS];
	port->held.gens = round->gens;
	gen = leaf_gen(&round->w);
	first_step(round, lanes, gen);
	second_step(round, lanes, gen);
	return true;
}

/* The rest, in order. How many of the round are translated. */
static unsigned alone(
	const struct round *round, const struct lanes *lanes, enum nb_smmuv3_verdict *verdict)
{
	unsigned i, at;

	for (i = 0; i < lanes->n; i++) {
		at = lanes->at[i];
		if (lanes->known[i])
			continue;
		*verdict = smmu_translate(
			round->port, round->iova[at], round->flags, round->ssid, &round->span[at]);
		if (*verdict != NB_SMMUV3_OK)
			return at;
	}
	return round->n;
}

static void all_alone(const struct round *round, struct lanes *lanes)
{
	unsigned i;

	for (i = 0; i < round->n; i++) {
		lanes->at[i] = i;
		lanes->known[i] = false;
	}
	lanes->n = round->n;
}

size_t nb_smmuv3_translate_batch(struct nb_smmuv3_port *port, uint32_t flags, uint32_t ssid,
	const nb_iova *iova, struct nb_smmuv3_span *span, size_t n, enum nb_smmuv3_verdict *verdict)
{
	struct lanes lanes;
	struct round round;
	size_t done;

	*verdict = NB_SMMUV3_OK;
	for (done = 0; done < n && *verdict == NB_SMMUV3_OK;) {
		round = (struct round){ .port = port,
			.iova = &iova[done],
			.span = &span[done],
			.n = MIN(n - done, (size_t)ROUND),
			.flags = flags,
			.ssid = ssid };
		if (!together(&round, &lanes))
			all_alone(&round, &lanes);
		done += alone(&round, &lanes, verdict);
	}
	return done;
}
