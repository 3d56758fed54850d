/* SPDX-License-Identifier: MIT */
#include "explain/out.h"

#include <stdarg.h>
#include <stdio.h>

#include "smmuv3/regs.h"

const char *const out_kinds[] = {
	[NB_EXPLAIN_L1STD] = "L1STD",
	[NB_EXPLAIN_STE] = "STE",
	[NB_EXPLAIN_L1CD] = "L1CD",
	[NB_EXPLAIN_CD] = "CD",
	[NB_EXPLAIN_S1] = "S1",
	[NB_EXPLAIN_S2] = "S2",
};

void out_add(const struct out *out, const char *format, ...)
{
	char buf[1024];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(buf, sizeof(buf), format, args);
	va_end(args);
	if (n > 0)
		out->sink(out->ctx, buf, MIN((size_t)n, sizeof(buf) - 1));
}

static void put_prot(uint8_t prot, char buf[4])
{
	buf[0] = prot & NB_EXPLAIN_R ? 'r' : '-';
	buf[1] = prot & NB_EXPLAIN_W ? 'w' : '-';
	buf[2] = prot & NB_EXPLAIN_X ? 'x' : '-';
	buf[3] = '\0';
}

const char *out_verdict(enum nb_smmuv3_verdict verdict)
{
	switch (verdict) {
	case NB_SMMUV3_STALLED:
		return "stalls";
	case NB_SMMUV3_RAZ_WI:
		return "raz/wi";
	default:
		return "aborts";
	}
}

const char *out_prot(uint8_t prot, char buf[PROT_BYTES])
{
	char user[4], priv[4];

	put_prot(prot & 7, user);
	put_prot(prot >> 3 & 7, priv);
	if ((prot & 7) == (prot >> 3 & 7))
		snprintf(buf, PROT_BYTES, "%s", user);
	else
		snprintf(buf, PROT_BYTES, "%s, privileged %s", user, priv);
	return buf;
}

const char *out_access(const struct nb_smmuv3_txn *txn)
{
	if (txn->flags & NB_WRITE)
		return txn->flags & NB_READ ? "read and write" : "write";
	return txn->flags & NB_INSN ? "instruction fetch" : "read";
}

const char *out_address(const struct nb_smmuv3_txn *txn)
{
	return txn->flags & NB_TRANSLATED ? "translated address" : "IOVA";
}

/* The STE that the CD belongs to. */
static const uint64_t *ste_of(const struct nb_explanation *explanation)
{
	for (unsigned i = 0; i < explanation->n; i++)
		if (explanation->steps[i].kind == NB_EXPLAIN_STE)
			return explanation->steps[i].words;
	return NULL;
}

bool out_step_fields(const struct nb_explanation *explanation, const struct nb_explain_step *step,
	struct nb_explain_fields *fields)
{
	if (step->kind == NB_EXPLAIN_STE)
		nb_explain_ste(&explanation->hw, step->words, fields);
	else if (step->kind == NB_EXPLAIN_CD)
		nb_explain_cd(&explanation->hw, ste_of(explanation), step->words, fields);
	else
		return false;
	return true;
}

static void l1std_words(uint64_t word, struct text *text)
{
	unsigned span = field_get(L1STD_SPAN, word);

	if (!span || span > L1STD_SPAN_MAX)
		text_add(text, "no table (Span %u)", span);
	else
		text_add(text, "table of %u entries -> 0x%" PRIx64, 1u << (span - 1),
			word & L1STD_L2PTR);
}

void out_step_words(const struct nb_explain_step *step, struct text *text)
{
	struct nb_explain_descriptor desc;
	const char *rest;

	if (step->kind == NB_EXPLAIN_L1STD) {
		l1std_words(step->words[0], text);
		return;
	}
	if (step->kind == NB_EXPLAIN_L1CD) {
		text_add(text, step->words[0] & L1CD_V ? "table -> 0x%" PRIx64 : "invalid (V is 0)",
			step->words[0] & L1CD_L2PTR);
		return;
	}
	nb_explain_desc(step->kind == NB_EXPLAIN_S1 ? 1 : 2, step->level, step->granule_lg2,
		step->words[0], &desc);
	rest = strchrnul(desc.words, ',');
	text_add(text, "%.*s", (int)(rest - desc.words), desc.words);
	if (desc.kind != NB_EXPLAIN_INVALID)
		text_add(text, " -> 0x%" PRIx64, desc.addr);
	text_add(text, "%s", rest);
	if (*step->note)
		text_add(text, "; %s", step->note);
}
