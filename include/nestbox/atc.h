/* SPDX-License-Identifier: MIT */
/*
 * An address translation cache (ATC), as a PCIe function with ATS has: translation completions of an
 * SMMU (nb_smmuv3_ats_request), kept until the SMMU asks for their invalidation.
 *
 *	if (nb_atc_get(atc, port, &txn, &use) == NB_ATC_OK) {
 *		... DMA to use.pa with NB_TRANSLATED, at most use.bytes ...
 *		nb_atc_put(atc, &use);
 *	}
 *
 * and ops.atc_inv calls nb_atc_invalidate. An invalidation completes (config.done, which mostly is
 * nb_smmuv3_atc_inv_done) once no use of what it dropped is left; a completion that was overtaken by
 * an invalidation is never kept. Any thread may call any of it at any time; nothing is allocated
 * after creation.
 */
#ifndef NESTBOX_ATC_H
#define NESTBOX_ATC_H

#include <nestbox/smmuv3.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_atc;

struct nb_atc_config {
	size_t size;	  /**< sizeof(struct nb_atc_config) */
	unsigned entries; /**< how many completions it holds [64] */
	/** An invalidation is complete. Called without locks, from put or from invalidate. May be NULL. */
	void (*done)(void *ctx, uint32_t itag);
	void *ctx;
};

/** NULL without memory. */
struct nb_atc *nb_atc_create(const struct nb_atc_config *config);
/** No use is left. NULL accepted. */
void nb_atc_destroy(struct nb_atc *atc);

/** A use of one entry: from lookup, fill or get, to put. */
struct nb_atc_use {
	nb_pa pa;	 /**< what the transaction's address is */
	uint64_t bytes;	 /**< from there to the end of the entry */
	uint64_t ticket; /**< internal: which invalidations came before */
	unsigned slot;	 /**< internal */
};

/** Whether the cache permits txn (its flags). If so, the entry is in use; if not, ask and fill. */
bool nb_atc_lookup(struct nb_atc *atc, const struct nb_smmuv3_txn *txn, struct nb_atc_use *use);
/**
 * After a lookup that missed and a request: keep what was answered, in use. False: an invalidation
 * overtook it, it permits too little, or every slot is in use; it must not be used.
 */
bool nb_atc_fill(struct nb_atc *atc, const struct nb_smmuv3_txn *txn,
	const struct nb_smmuv3_ats_entry *entry, struct nb_atc_use *use);
void nb_atc_put(struct nb_atc *atc, struct nb_atc_use *use);

/** The most invalidations that wait for uses at one time; no SMMU has more of them out. */
#define NB_ATC_INVS 64

/** False: NB_ATC_INVS are waiting already; nothing was done. */
bool nb_atc_invalidate(struct nb_atc *atc, const struct nb_smmuv3_atc_inv *inv);

enum nb_atc_result {
	NB_ATC_OK,
	NB_ATC_DENIED,	     /**< not mapped so; a page request may help */
	NB_ATC_UNTRANSLATED, /**< U: only untranslated requests may go there */
	NB_ATC_UNSUPPORTED,  /**< UR: there is no ATS for this function */
	NB_ATC_ABORT,	     /**< CA */
	NB_ATC_BUSY,	     /**< overtaken again and again, or all slots in use: try later */
};

/** Lookup, and on a miss request (in a section of its own; not called inside one) and fill. */
enum nb_atc_result nb_atc_get(struct nb_atc *atc, struct nb_smmuv3_port *port,
	const struct nb_smmuv3_txn *txn, struct nb_atc_use *use);

#ifdef __cplusplus
}
#endif
#endif
