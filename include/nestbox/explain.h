/* SPDX-License-Identifier: MIT */
/*
 * What the SMMUv3's words mean, and how one translation came about: for debuggers, monitors and logs.
 * Nothing here writes memory, records an event or changes a cache.
 *
 * Structures (event records, stream table entries, context descriptors, translation descriptors) are
 * decoded field by field; a value that makes the structure ILLEGAL is named, with the reason. A
 * translation is explained by the walk that translation itself does, with a recorder: the result is a
 * list of steps (struct nb_explanation), which text, JSON and a drawing are made of.
 */
#ifndef NESTBOX_EXPLAIN_H
#define NESTBOX_EXPLAIN_H

#include <nestbox/smmuv3.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One field of a structure. */
struct nb_explain_field {
	const char *name;	 /**< the architecture's, static: "S2T0SZ" */
	uint8_t word, high, low; /**< where it is: bits [high:low] of a 64-bit word */
	bool used;	     /**< false: under the other fields it is ignored, or means nothing */
	uint64_t value;	     /**< addresses: the address, else the field's number */
	bool address;	     /**< value is an address */
	char meaning[80];    /**< in words; may be empty */
	const char *illegal; /**< why the structure is ILLEGAL because of it (static), or NULL */
};

#define NB_EXPLAIN_FIELDS_MAX 56

struct nb_explain_fields {
	const char *name; /**< "STE", "CD", or an event's: "F_TRANSLATION" */
	const char *what; /**< one sentence, static */
	bool illegal;	  /**< some field is, see there */
	unsigned n;
	struct nb_explain_field field[NB_EXPLAIN_FIELDS_MAX];
};

/** An event record (IHI 0070 7.3). False: there is no such event; type and StreamID are there. */
bool nb_explain_event(const uint64_t record[4], struct nb_explain_fields *out);
/**
 * A stream table entry (5.2), a context descriptor (5.4). hw: of which SMMU; NULL: of one that has
 * everything, so that only what is ILLEGAL everywhere is. ste: of the CD, or NULL.
 */
void nb_explain_ste(
	const struct nb_smmuv3_config *hw, const uint64_t ste[8], struct nb_explain_fields *out);
void nb_explain_cd(const struct nb_smmuv3_config *hw, const uint64_t ste[8], const uint64_t cd[8],
	struct nb_explain_fields *out);

enum nb_explain_desc_kind {
	NB_EXPLAIN_INVALID,
	NB_EXPLAIN_TABLE,
	NB_EXPLAIN_BLOCK,
	NB_EXPLAIN_PAGE,
};

/** A translation descriptor (Arm ARM D8.3). */
struct nb_explain_descriptor {
	enum nb_explain_desc_kind kind;
	uint64_t addr;	/**< of the table, or the output address */
	unsigned lg2;	/**< of the bytes that an entry of this level maps */
	char words[96]; /**< "2 MiB block, rwx, write-back, access flag 0" */
};

/** stage: 1 or 2; granule_lg2: 12, 14 or 16. */
void nb_explain_desc(unsigned stage, unsigned level, unsigned granule_lg2, uint64_t desc,
	struct nb_explain_descriptor *out);

/** What was read on the way, in order. */
enum nb_explain_kind {
	NB_EXPLAIN_L1STD, /**< level 1 stream table descriptor */
	NB_EXPLAIN_STE,
	NB_EXPLAIN_L1CD, /**< level 1 context descriptor */
	NB_EXPLAIN_CD,
	NB_EXPLAIN_S1, /**< a stage 1 descriptor */
	NB_EXPLAIN_S2,
};

struct nb_explain_step {
	enum nb_explain_kind kind;
	uint8_t depth; /**< 1: on behalf of the step of depth 0 that follows */
	uint8_t level, granule_lg2;
	uint32_t index; /**< in its table */
	uint64_t input; /**< StreamID, SubstreamID, IOVA or IPA */
	uint64_t addr;	/**< where: an IPA, for CD and S1 under stage 2 */
	nb_pa pa;	/**< likewise, after all translation */
	unsigned n;	/**< words */
	uint64_t words[8];
	char note[96]; /**< what comes on top of the descriptor: restrictions of tables above */
};

/** What the caches hold for the address. */
struct nb_explain_entry {
	uint8_t size_lg2, prot;
	bool live;    /**< false: invalidated, and not used any more */
	bool differs; /**< from what the tables say now: an invalidation is missing (or on its way) */
	uint64_t iova;
	nb_pa pa;
};

/** Permissions, in prot: read, write, execute; those of privileged accesses 3 bits higher. */
#define NB_EXPLAIN_R 1u
#define NB_EXPLAIN_W 2u
#define NB_EXPLAIN_X 4u

#define NB_EXPLAIN_STEPS_MAX   64
#define NB_EXPLAIN_ENTRIES_MAX 16

/** One translation, explained. */
struct nb_explanation {
	uint32_t sid;
	struct nb_smmuv3_txn txn;
	struct nb_smmuv3_config hw; /**< mem, ops and ctx are NULL */
	bool enabled;		    /**< CR0.SMMUEN; else GBPA decides, and there are no steps */
	bool abort;		    /**< by STE.Config or GBPA: no event */
	bool configured; /**< STE and CD are legal (no CD: of NB_TRANSLATED, where it was asked); then: */
	bool stage1, stage2; /**< in use */
	uint16_t asid, vmid;
	/* The result. */
	bool ok;
	nb_pa pa;
	nb_ipa ipa;			/**< what stage 1 yielded, where both stages are in use */
	uint8_t size_lg2;		/**< of what is mapped alike around the address */
	uint8_t prot;			/**< NB_EXPLAIN_R ... */
	bool event;			/**< else: has failed; record is the event */
	enum nb_smmuv3_verdict verdict; /**< what becomes of the transaction then */
	bool silent;			/**< but it is not recorded */
	uint64_t record[4];
	const char *unsaved; /**< set by who knows that memory is not all there: a remark */
	/* Caches. */
	bool caches_known;	      /**< false: a saved image has none */
	bool cfg_cached, cfg_differs; /**< differs: from the tables: a CFGI is missing */
	unsigned n_entries;
	struct nb_explain_entry entries[NB_EXPLAIN_ENTRIES_MAX];
	unsigned n;
	struct nb_explain_step steps[NB_EXPLAIN_STEPS_MAX];
};

/**
 * Explain what this transaction would meet now. 0, or -ENOMEM. Any thread, outside of sections.
 * Nothing stalls: where the fault would, verdict says so, and the record has Stall, and 0 for the STAG
 * that it would get. NB_TRANSLATED: of an access by an address that ATS has translated there are steps
 * where CR0.ATSCHK is 1 (IHI 0070 3.9.1.3), without CDs and, unless it is split-stage, without walks.
 */
int nb_smmuv3_explain(struct nb_smmuv3 *smmu, uint32_t sid, const struct nb_smmuv3_txn *txn,
	struct nb_explanation *out);

/** Takes text, piece by piece. */
typedef void nb_explain_sink(void *ctx, const char *text, size_t len);

/** Whose translation it is, for the renderers. Any may be NULL. */
struct nb_explain_names {
	const char *device, *iommu;
};

#define NB_EXPLAIN_COLOUR 1u /**< flags of the text: ANSI colours */
#define NB_EXPLAIN_ALL	  2u /**< also fields that are zero, or ignored though not zero */

/** 100 columns wide, lines with their newline. */
void nb_explain_text(const struct nb_explanation *explanation, const struct nb_explain_names *names,
	unsigned flags, nb_explain_sink *sink, void *ctx);
void nb_explain_fields_text(
	const struct nb_explain_fields *fields, unsigned flags, nb_explain_sink *sink, void *ctx);
/** One object (doc/explain.md), on one line, without newline. */
void nb_explain_json(const struct nb_explanation *explanation, const struct nb_explain_names *names,
	nb_explain_sink *sink, void *ctx);
void nb_explain_fields_json(
	const struct nb_explain_fields *fields, nb_explain_sink *sink, void *ctx);
/** A whole SVG document. */
void nb_explain_svg(const struct nb_explanation *explanation, const struct nb_explain_names *names,
	nb_explain_sink *sink, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
