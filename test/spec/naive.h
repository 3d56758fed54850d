/* SPDX-License-Identifier: MIT */
/*
 * A second model of SMMUv3 translation, deliberately naive: each transaction is translated from
 * nothing, straight as the architecture's pseudocode says (IHI 0070 chapters 3, 5, 7; DDI 0487
 * AArch64.TranslateAddress and what it calls), word by word, bit by bit. It has no cache and shares
 * nothing with src/smmuv3, not even field masks, so that a mistake there has no twin here.
 */
#ifndef TEST_SPEC_NAIVE_H
#define TEST_SPEC_NAIVE_H

#include <stdbool.h>
#include <stdint.h>

/* What the hardware is, in the architecture's numbers. */
struct naive_hw {
	bool s1p, s2p, st2lvl, cd2l, fwb, xnx, vax, ats, raz_wi;
	bool gran4k, gran16k, gran64k;
	unsigned oas, sid_bits, ssid_bits;
	unsigned httu;	      /* IDR0.HTTU */
	unsigned stall_model; /* IDR0.STALL_MODEL */
};

/* A read that the walk did, in order. Roles are bits. */
#define NAIVE_ROLE_S1(level) (1u << (level))
#define NAIVE_ROLE_S2(level) (16u << (level))
#define NAIVE_ROLE_CONFIG    256u
#define NAIVE_ROLE_LEAF	     512u  /* beside the others: the last of its stage */
#define NAIVE_ROLE_CD	     1024u /* likewise: of stage 2, on the way to a CD */
#define NAIVE_MAX_READS	     128u
#define NAIVE_MAX_WRITES     64u

struct naive_read {
	uint64_t pa, value;
	uint16_t role;
	uint64_t input; /* VA, IPA or StreamID that it is for */
};

struct naive_write {
	uint64_t pa, before, after;
	/* CONSTRAINED UNPREDICTABLE (Unpredictable_AFUPDATE): hardware may or may not do it. */
	bool optional;
};

/* Everything a transaction depends on. */
struct naive {
	struct naive_hw hw;
	bool smmuen, gbpa_abort, recinvsid;
	uint64_t strtab_base;
	uint32_t strtab_cfg;
	/* Memory. False: nobody answers. */
	bool (*load)(void *ctx, uint64_t pa, uint64_t *value);
	bool (*store)(void *ctx, uint64_t pa, uint64_t value);
	void *ctx;
};

struct naive_access {
	uint32_t sid, ssid;
	bool ssv, read, write, inst, priv;
	uint64_t iova;
};

enum naive_verdict {
	NAIVE_OK,
	NAIVE_ABORT,
	NAIVE_STALL,
	NAIVE_RAZ_WI,
};

struct naive_result {
	enum naive_verdict verdict;
	uint64_t pa;
	bool recorded;
	uint64_t event[4]; /* STAG is 0 */
	bool mev;	   /* STE.MEV: the record may be merged with an equal one */
	/* What was read and written on the way. */
	struct naive_read reads[NAIVE_MAX_READS];
	struct naive_write writes[NAIVE_MAX_WRITES];
	unsigned n_reads, n_writes;
	/* Of the configuration, for whoever invalidates. */
	uint16_t vmid, asid;
	bool s1, s2, global;
	uint64_t ipa; /* of the access, where both stages are */
	unsigned s1_size_lg2, s2_size_lg2;
};

void naive_translate(
	const struct naive *n, const struct naive_access *access, struct naive_result *result);

#endif
