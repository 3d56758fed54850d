/* SPDX-License-Identifier: MIT */
/* Writing to a sink, and words that all renderings share. */
#ifndef EXPLAIN_OUT_H
#define EXPLAIN_OUT_H

#include <inttypes.h>
#include <nestbox/explain.h>
#include <string.h>

#include "base/bits.h"
#include "base/text.h"

struct out {
	nb_explain_sink *sink;
	void *ctx;
	unsigned flags;
};

/** At most 1023 bytes. */
void out_add(const struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void out_text(const struct out *out, const char *text)
{
	out->sink(out->ctx, text, strlen(text));
}

/** "rwx", or "r-x, privileged rw-"; at most 23 bytes with its end. */
#define PROT_BYTES 24
const char *out_prot(uint8_t prot, char buf[PROT_BYTES]);
/** "read", "write", "instruction fetch" */
const char *out_access(const struct nb_smmuv3_txn *txn);
/** "IOVA", "translated address" */
const char *out_address(const struct nb_smmuv3_txn *txn);
/** What becomes of a transaction that failed: "aborts", "stalls", ... */
const char *out_verdict(enum nb_smmuv3_verdict verdict);
extern const char *const out_kinds[];

/** What a step says, decoded: fields of an STE or CD, or the words of a descriptor. */
bool out_step_fields(const struct nb_explanation *explanation, const struct nb_explain_step *step,
	struct nb_explain_fields *fields);
void out_step_words(const struct nb_explain_step *step, struct text *text);

#endif
