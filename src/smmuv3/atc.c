/* SPDX-License-Identifier: MIT */
/*
 * The device's side of ATS: a small, fully associative cache under one lock.
 *
 * An entry is *live*, or *dead*: dropped while in use, kept until its last use ends. Invalidations are
 * numbered; each has a place in a ring that counts the dead entries it waits for, and says for the
 * completions still under way what they must not cover. They complete in order, so that a later one
 * that finds an entry dead already also waits for it.
 */
#include <nestbox/atc.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"

#define DEFAULT_ENTRIES 64
#define MAX_ENTRIES	65536
#define MAX_ATTEMPTS	8

#define PERMS (NB_READ | NB_WRITE | NB_INSN)

struct entry {
	nb_iova iova;
	nb_pa pa;
	uint64_t bytes;	  /* 0: free */
	uint32_t whose;	  /* SubstreamID, and WHOSE_* */
	uint32_t perms;	  /* NB_READ, NB_WRITE, NB_INSN */
	uint64_t dropped; /* number of the invalidation that did; 0: live */
	unsigned uses;
};

#define WHOSE_SSV  (1u << 31)
#define WHOSE_PRIV (1u << 30)
#define WHOSE_SSID ((1u << 20) - 1)

struct inv {
	struct nb_smmuv3_atc_inv what;
	unsigned left; /* dead entries in use */
};

struct nb_atc {
	pthread_mutex_t lock;
	void (*done)(void *ctx, uint32_t itag);
	void *ctx;
	struct inv invs[NB_ATC_INVS]; /* by number */
	uint64_t first, next;	      /* numbers of those that are not complete */
	unsigned n, victim;
	struct entry entries[];
};

struct nb_atc *nb_atc_create(const struct nb_atc_config *config)
{
	unsigned n = config->entries ?: DEFAULT_ENTRIES;
	struct nb_atc *atc;

	if (config->size != sizeof(*config) || n > MAX_ENTRIES)
		return NULL;
	atc = calloc(1, sizeof(*atc) + n * sizeof(*atc->entries));
	if (!atc)
		return NULL;
	pthread_mutex_init(&atc->lock, NULL);
	atc->done = config->done;
	atc->ctx = config->ctx;
	atc->first = atc->next = 1; /* 0: no invalidation */
	atc->n = n;
	return atc;
}

void nb_atc_destroy(struct nb_atc *atc)
{
	if (!atc)
		return;
	pthread_mutex_destroy(&atc->lock);
	free(atc);
}

/* Without a PASID a request has neither (PCIe 6.20). */
static uint32_t whose(const struct nb_smmuv3_txn *txn)
{
	if (!(txn->flags & NB_SSV))
		return 0;
	return WHOSE_SSV | (txn->flags & NB_PRIV ? WHOSE_PRIV : 0) | (txn->ssid & WHOSE_SSID);
}

static uint32_t perms_wanted(const struct nb_smmuv3_txn *txn)
{
	return txn->flags & (txn->flags & NB_SSV ? PERMS : PERMS & ~NB_INSN);
}

static uint32_t perms_of(const struct nb_smmuv3_ats_entry *entry)
{
	return (entry->read ? NB_READ : 0) | (entry->write ? NB_WRITE : 0) |
	       (entry->exec ? NB_INSN : 0);
}

static void use_entry(struct nb_atc *atc, struct entry *entry, nb_iova iova, struct nb_atc_use *use)
{
	uint64_t off = iova.v - entry->iova.v;

	entry->uses++;
	use->slot = entry - atc->entries;
	use->pa = NB_PA(entry->pa.v + off);
	use->bytes = entry->bytes - off;
}

bool nb_atc_lookup(struct nb_atc *atc, const struct nb_smmuv3_txn *txn, struct nb_atc_use *use)
{
	uint32_t who = whose(txn), want = perms_wanted(txn);
	struct entry *entry = NULL;
	unsigned i;

	pthread_mutex_lock(&atc->lock);
	use->ticket = atc->next;
	for (i = 0; i < atc->n && !entry; i++) {
		entry = &atc->entries[i];
		/* A free one has no bytes: nothing is inside. */
		if (txn->iova.v - entry->iova.v >= entry->bytes || entry->dropped ||
			entry->whose != who || (entry->perms & want) != want)
			entry = NULL;
	}
	if (entry)
		use_entry(atc, entry, txn->iova, use);
	pthread_mutex_unlock(&atc->lock);
	return entry;
}

/* PCIe 10.3: without a PASID for whoever asked, with one for that (or, Global, any) PASID. */
static bool covers(const struct nb_smmuv3_atc_inv *inv, nb_iova iova, uint64_t bytes, uint32_t who)
{
	if (inv->ssv && !(who & WHOSE_SSV))
		return false;
	if (inv->ssv && !inv->global && (who & WHOSE_SSID) != inv->ssid)
		return false;
	return !inv->bytes || iova.v - inv->iova.v < inv->bytes || inv->iova.v - iova.v < bytes;
}

/* Whether one of the invalidations since the ticket was taken reaches the range. */
static bool overtaken(
	const struct nb_atc *atc, uint64_t ticket, nb_iova iova, uint64_t bytes, uint32_t who)
{
	if (atc->next - ticket > NB_ATC_INVS)
		return true; /* some are forgotten */
	for (; ticket < atc->next; ticket++)
		if (covers(&atc->invs[ticket % NB_ATC_INVS].what, iova, bytes, who))
			return true;
	return false;
}

/* A slot to fill: a free one, else one that nobody uses, in turn. */
static struct entry *take(struct nb_atc *atc)
{
	struct entry *entry;
	unsigned i;

	for (i = 0; i < atc->n; i++)
		if (!atc->entries[i].bytes)
			return &atc->entries[i];
	for (i = 0; i < atc->n; i++) {
		entry = &atc->entries[atc->victim++ % atc->n];
		if (!entry->uses)
			return entry;
	}
	return NULL;
}

bool nb_atc_fill(struct nb_atc *atc, const struct nb_smmuv3_txn *txn,
	const struct nb_smmuv3_ats_entry *from, struct nb_atc_use *use)
{
	uint32_t who = whose(txn), want = perms_wanted(txn), perms = perms_of(from);
	struct entry *entry = NULL;

	/* PCIe 10.2.3: what permits nothing is not kept. */
	if (!perms || (perms & want) != want || from->untranslated ||
		txn->iova.v - from->iova.v >= from->bytes)
		return false;
	pthread_mutex_lock(&atc->lock);
	if (!overtaken(atc, use->ticket, from->iova, from->bytes, who))
		entry = take(atc);
	if (entry) {
		*entry = (struct entry){ .iova = from->iova,
			.pa = from->pa,
			.bytes = from->bytes,
			.whose = who,
			.perms = perms };
		use_entry(atc, entry, txn->iova, use);
	}
	pthread_mutex_unlock(&atc->lock);
	return entry;
}

/* Take the itags of the oldest invalidations that wait for nothing. */
static unsigned complete(struct nb_atc *atc, uint32_t itags[NB_ATC_INVS])
{
	unsigned n = 0;

	for (; atc->first < atc->next && !atc->invs[atc->first % NB_ATC_INVS].left; atc->first++)
		itags[n++] = atc->invs[atc->first % NB_ATC_INVS].what.itag;
	return n;
}

static void tell(struct nb_atc *atc, const uint32_t *itags, unsigned n)
{
	unsigned i;

	for (i = 0; i < n && atc->done; i++)
		atc->done(atc->ctx, itags[i]);
}

void nb_atc_put(struct nb_atc *atc, struct nb_atc_use *use)
{
	struct entry *entry = &atc->entries[use->slot];
	uint32_t itags[NB_ATC_INVS];
	unsigned n = 0;

	pthread_mutex_lock(&atc->lock);
	if (!--entry->uses && entry->dropped) {
		atc->invs[entry->dropped % NB_ATC_INVS].left--;
		*entry = (struct entry){ 0 };
		n = complete(atc, itags);
	}
	pthread_mutex_unlock(&atc->lock);
	tell(atc, itags, n);
}

static void drop(struct entry *entry, uint64_t number, struct inv *inv)
{
	if (!entry->uses) {
		*entry = (struct entry){ 0 };
		return;
	}
	entry->dropped = number;
	inv->left++;
}

bool nb_atc_invalidate(struct nb_atc *atc, const struct nb_smmuv3_atc_inv *what)
{
	uint32_t itags[NB_ATC_INVS];
	struct entry *entry;
	struct inv *inv;
	unsigned n, i;

	pthread_mutex_lock(&atc->lock);
	if (atc->next - atc->first == NB_ATC_INVS) {
		pthread_mutex_unlock(&atc->lock);
		return false;
	}
	inv = &atc->invs[atc->next % NB_ATC_INVS];
	*inv = (struct inv){ .what = *what };
	for (i = 0; i < atc->n; i++) {
		entry = &atc->entries[i];
		if (entry->bytes && !entry->dropped &&
			covers(what, entry->iova, entry->bytes, entry->whose))
			drop(entry, atc->next, inv);
	}
	atc->next++;
	n = complete(atc, itags);
	pthread_mutex_unlock(&atc->lock);
	tell(atc, itags, n);
	return true;
}

/* Ask the SMMU, and keep the answer. NB_ATC_BUSY: it was overtaken. */
static enum nb_atc_result ask(struct nb_atc *atc, struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *txn, struct nb_atc_use *use)
{
	static const enum nb_atc_result results[] = {
		[NB_SMMUV3_ATS_UNSUPPORTED] = NB_ATC_UNSUPPORTED,
		[NB_SMMUV3_ATS_ABORT] = NB_ATC_ABORT,
	};
	struct nb_smmuv3_ats_entry entry;
	enum nb_smmuv3_ats_status status;
	uint32_t want = perms_wanted(txn);

	nb_smmuv3_enter(port);
	status = nb_smmuv3_ats_request(port, txn, &entry);
	nb_smmuv3_leave(port);
	if (status != NB_SMMUV3_ATS_SUCCESS)
		return results[status];
	if (entry.untranslated)
		return NB_ATC_UNTRANSLATED;
	if (!want || (perms_of(&entry) & want) != want)
		return NB_ATC_DENIED;
	return nb_atc_fill(atc, txn, &entry, use) ? NB_ATC_OK : NB_ATC_BUSY;
}

enum nb_atc_result nb_atc_get(struct nb_atc *atc, struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *txn, struct nb_atc_use *use)
{
	enum nb_atc_result result = NB_ATC_BUSY;
	unsigned i;

	for (i = 0; i < MAX_ATTEMPTS && result == NB_ATC_BUSY; i++) {
		if (nb_atc_lookup(atc, txn, use))
			return NB_ATC_OK;
		result = ask(atc, port, txn, use);
	}
	return result;
}
