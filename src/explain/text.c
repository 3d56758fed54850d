/* SPDX-License-Identifier: MIT */
/*
 * For people, 100 columns wide. A step is one line: what it is and its index, where it was read, its
 * value, and what that means (which may go on below). A stage 2 walk on behalf of something is indented
 * under a line that says whose.
 */
#include <stdio.h>

#include "explain/fields.h"
#include "explain/out.h"
#include "smmuv3/regs.h"

#define WIDTH	   100
#define HEAD	   20	       /* a step's name and index */
#define WORDS_AT   (HEAD + 39) /* where the meaning of a descriptor begins */
#define MEANING_AT 40	       /* that of a field */

enum {
	BOLD = 1,
	DIM = 2,
	RED = 31,
	GREEN = 32,
	YELLOW = 33,
	CYAN = 36
};

static void colour(const struct out *out, unsigned code)
{
	if (out->flags & NB_EXPLAIN_COLOUR)
		out_add(out, "\033[%um", code);
}

static void coloured(const struct out *out, unsigned code, const char *text)
{
	colour(out, code);
	out_text(out, text);
	colour(out, 0);
}

/* Words from column `at` on, broken at spaces; the line is at `at` already. Ends the line. */
static void wrapped(const struct out *out, unsigned at, const char *text)
{
	size_t room = WIDTH - at, len = strlen(text);

	while (len > room) {
		size_t cut = room;

		while (cut && text[cut] != ' ')
			cut--;
		cut = cut ?: room;
		out->sink(out->ctx, text, cut);
		out_add(out, "\n%*s", (int)at, "");
		text += cut + (text[cut] == ' ');
		len = strlen(text);
	}
	out_add(out, "%s\n", text);
}

/* ---- fields ---- */

static bool is_shown(const struct out *out, const struct nb_explain_field *field)
{
	if (out->flags & NB_EXPLAIN_ALL)
		return field->used || field->value;
	return field->illegal || (field->used && (field->value || !strcmp(field->name, "Config")));
}

static void put_field(const struct out *out, const struct nb_explain_field *field)
{
	char bits[16], value[24];

	if (field->high == field->low)
		snprintf(bits, sizeof(bits), "%u[%u]", field->word, field->low);
	else
		snprintf(bits, sizeof(bits), "%u[%u:%u]", field->word, field->high, field->low);
	snprintf(value, sizeof(value), field->value > 9 ? "0x%" PRIx64 : "%" PRIu64, field->value);
	if (!field->used)
		colour(out, DIM);
	out_add(out, "  %-12s %-9s ", field->name, bits);
	out_add(out, *field->meaning || !field->used || field->illegal ? "%-14s " : "%s", value);
	if (strlen(value) > 14)
		out_add(out, "\n%*s", MEANING_AT, "");
	if (field->used)
		wrapped(out, MEANING_AT, field->meaning);
	else
		out_text(out, "ignored\n");
	if (!field->used)
		colour(out, 0);
	if (!field->illegal)
		return;
	out_add(out, "%*s", MEANING_AT, "");
	colour(out, RED);
	out_text(out, "ILLEGAL: ");
	wrapped(out, MEANING_AT + 9, field->illegal);
	colour(out, 0);
}

static void put_fields(const struct out *out, const struct nb_explain_fields *fields)
{
	for (unsigned i = 0; i < fields->n; i++)
		if (is_shown(out, &fields->field[i]))
			put_field(out, &fields->field[i]);
}

void nb_explain_fields_text(
	const struct nb_explain_fields *fields, unsigned flags, nb_explain_sink *sink, void *ctx)
{
	struct out out = { sink, ctx, flags | NB_EXPLAIN_ALL };

	coloured(&out, BOLD, fields->name);
	out_add(&out, ": %s\n", fields->what);
	put_fields(&out, fields);
	if (!fields->illegal)
		return;
	colour(&out, RED);
	out_add(&out, "This %s is ILLEGAL: transactions end in C_BAD_%s.\n", fields->name,
		fields->name);
	colour(&out, 0);
}

/* ---- steps ---- */

static void put_structure(const struct out *out, const struct nb_explanation *explanation,
	const struct nb_explain_step *step)
{
	struct nb_explain_fields fields;

	out_step_fields(explanation, step, &fields);
	out_add(out, "%s 0x%" PRIx64 "\n",
		step->kind == NB_EXPLAIN_STE ? "StreamID" : "SubstreamID", step->input);
	put_fields(out, &fields);
	if (fields.illegal)
		coloured(out, RED, "  The whole is ILLEGAL.\n");
}

static void put_step(const struct out *out, const struct nb_explanation *explanation,
	const struct nb_explain_step *step)
{
	bool desc = step->kind == NB_EXPLAIN_S1 || step->kind == NB_EXPLAIN_S2;
	char head[32], buf[256];
	struct text text;

	if (desc)
		snprintf(head, sizeof(head), "%s level %u  [%u]", out_kinds[step->kind],
			step->level, step->index);
	else
		snprintf(head, sizeof(head), "%s", out_kinds[step->kind]);
	out_add(out, "%*s", 2 * step->depth, "");
	colour(out, BOLD);
	out_add(out, "%-*s", HEAD - 2 * step->depth, head);
	colour(out, 0);
	out_add(out, "PA 0x%012" PRIx64 "  ", step->pa.v);
	if (step->n > 1) {
		put_structure(out, explanation, step);
		return;
	}
	out_add(out, "0x%016" PRIx64 "  ", step->words[0]);
	text_init(&text, buf, sizeof(buf));
	out_step_words(step, &text);
	wrapped(out, WORDS_AT, buf);
}

/* The step that a run of nested ones serves. */
static const struct nb_explain_step *served(const struct nb_explanation *explanation, unsigned i)
{
	while (i < explanation->n && explanation->steps[i].depth)
		i++;
	return i < explanation->n ? &explanation->steps[i] : NULL;
}

/* Whose stage 2 walk begins here. */
static void announce_nested(const struct out *out, const struct nb_explain_step *step,
	const struct nb_explain_step *whose)
{
	out_add(out, "  stage 2 for IPA 0x%" PRIx64 ", where ", step->input);
	if (!whose)
		out_text(out, "a CD or a table of stage 1 would be\n");
	else if (whose->kind == NB_EXPLAIN_S1)
		out_add(out, "the level %u descriptor of stage 1 is\n", whose->level);
	else
		out_add(out, "the %s is\n", out_kinds[whose->kind]);
}

static bool is_first_s1(
	const struct nb_explanation *explanation, const struct nb_explain_step *step)
{
	for (unsigned i = 0; i < explanation->n; i++)
		if (explanation->steps[i].kind == NB_EXPLAIN_S1)
			return &explanation->steps[i] == step;
	return false;
}

/* A line above the first step of a walk. */
static void announce(const struct out *out, const struct nb_explanation *explanation, unsigned i)
{
	const struct nb_explain_step *step = &explanation->steps[i], *before = i ? step - 1 : NULL;
	const struct nb_explain_step *whose = step->depth ? served(explanation, i) : step;
	bool begins = !before || before->kind != step->kind || before->input != step->input ||
		      before->depth != step->depth;

	if (!begins)
		return;
	colour(out, CYAN);
	/* Where it is nested its first step is stage 2's, for the first table. */
	if (whose && is_first_s1(explanation, whose) && (step->depth || !before || !before->depth))
		out_add(out, "stage 1 for IOVA 0x%" PRIx64 "\n", whose->input);
	if (step->depth)
		announce_nested(out, step, whose);
	else if (step->kind == NB_EXPLAIN_S2)
		out_add(out, "stage 2 for IPA 0x%" PRIx64 "%s\n", step->input,
			explanation->stage1 ? ", which stage 1 yielded" : "");
	colour(out, 0);
}

/* ---- head, result, caches ---- */

static bool is_translated(const struct nb_explanation *explanation)
{
	return explanation->txn.flags & NB_TRANSLATED;
}

static void put_head(const struct out *out, const struct nb_explanation *explanation,
	const struct nb_explain_names *names)
{
	const struct nb_smmuv3_txn *txn = &explanation->txn;
	/* A PASID, and what comes with one, says nothing of a translated address. */
	uint32_t flags = is_translated(explanation) ? 0 : txn->flags;
	char title[256];
	struct text text;

	text_init(&text, title, sizeof(title));
	text_add(&text, "%s%s of %s 0x%" PRIx64 " by ", flags & NB_PRIV ? "Privileged " : "",
		out_access(txn), out_address(txn), txn->iova.v);
	if (names && names->device)
		text_add_escaped(&text, names->device, strlen(names->device), "");
	text_add(&text, "%sStreamID 0x%x", names && names->device ? ", " : "", explanation->sid);
	if (flags & NB_SSV)
		text_add(&text, ", SubstreamID 0x%x", txn->ssid);
	if (names && names->iommu) {
		text_add(&text, ", behind ");
		text_add_escaped(&text, names->iommu, strlen(names->iommu), "");
	}
	if (*title >= 'a' && *title <= 'z')
		*title += 'A' - 'a';
	coloured(out, BOLD, title);
	out_text(out, "\n\n");
}

static void put_event(const struct out *out, const struct nb_explanation *explanation)
{
	struct nb_explain_fields fields;
	const uint64_t *r = explanation->record;
	struct out all = *out;

	nb_explain_event(r, &fields);
	colour(out, RED);
	out_add(out, "Result  %s", fields.name);
	colour(out, 0);
	out_add(out, ": %s\n", fields.what);
	if (explanation->silent)
		out_text(out, "  It is not recorded in the event queue.\n");
	if (explanation->verdict == NB_SMMUV3_STALLED)
		out_text(out, "  The transaction stalls until CMD_RESUME.\n");
	if (explanation->verdict == NB_SMMUV3_RAZ_WI)
		out_text(out,
			"  The transaction ends as if it were done: reads yield 0, writes are "
			"ignored (CD.A is 0).\n");
	out_add(out, "  0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64 "\n",
		r[0], r[1], r[2], r[3]);
	all.flags |= NB_EXPLAIN_ALL;
	put_fields(&all, &fields);
	if (explanation->unsaved)
		out_add(out, "  %s\n", explanation->unsaved);
}

/* What decides, where no walk does. */
static void put_mode(const struct out *out, const struct nb_explanation *explanation)
{
	if (is_translated(explanation) && explanation->ok && !explanation->stage2)
		out_add(out, "ATS has translated the address: it is used as it is%s.\n",
			explanation->configured ? ", the STE permits that"
						: ", unchecked (CR0.ATSCHK is 0)");
	else if (!explanation->enabled)
		out_add(out, "The SMMU is off (CR0.SMMUEN is 0)%s.\n",
			is_translated(explanation) ? "" : ": GBPA decides for all streams");
}

static void put_result(const struct out *out, const struct nb_explanation *explanation)
{
	char prot[PROT_BYTES], size[16];

	put_mode(out, explanation);
	if (explanation->event) {
		put_event(out, explanation);
		return;
	}
	if (explanation->abort) {
		coloured(out, RED, "Result  aborted");
		out_text(out, " by configuration, without an event\n");
		return;
	}
	colour(out, GREEN);
	out_add(out, "Result  PA 0x%012" PRIx64, explanation->pa.v);
	colour(out, 0);
	if (explanation->ipa.v)
		out_add(out, ", IPA 0x%012" PRIx64, explanation->ipa.v);
	out_add(out, ", %s, %s mapped alike\n", out_prot(explanation->prot, prot),
		fields_size(explanation->size_lg2, size, sizeof(size)));
}

static void put_entry(const struct out *out, const struct nb_explain_entry *entry)
{
	char prot[PROT_BYTES], size[16];

	out_add(out, "        IOTLB: %s at 0x%" PRIx64 " -> 0x%" PRIx64 ", %s",
		fields_size(entry->size_lg2, size, sizeof(size)), entry->iova, entry->pa.v,
		out_prot(entry->prot, prot));
	if (!entry->live)
		coloured(out, DIM, ": stale");
	else
		coloured(out, entry->differs ? YELLOW : GREEN, ": live");
	out_text(out, "\n");
	if (entry->differs)
		coloured(out, YELLOW,
			"               The tables say something else now: a TLBI is missing.\n");
}

static void put_caches(const struct out *out, const struct nb_explanation *explanation)
{
	if (!explanation->enabled || (is_translated(explanation) && !explanation->n))
		return;
	out_text(out, "Caches  configuration: ");
	if (!explanation->caches_known) {
		out_text(out, "not in a saved image\n");
		return;
	}
	if (!explanation->cfg_cached)
		out_text(out, "not cached");
	else if (explanation->cfg_differs)
		coloured(out, YELLOW,
			"cached, but the tables say something else now: a CFGI is missing");
	else
		out_text(out, "cached");
	out_text(out, "\n");
	for (unsigned i = 0; i < explanation->n_entries; i++)
		put_entry(out, &explanation->entries[i]);
	if (is_translated(explanation))
		out_text(out, "        IOTLB: not asked about translated addresses\n");
	else if (!explanation->n_entries)
		out_text(out, "        IOTLB: nothing for this address\n");
}

void nb_explain_text(const struct nb_explanation *explanation, const struct nb_explain_names *names,
	unsigned flags, nb_explain_sink *sink, void *ctx)
{
	struct out out = { sink, ctx, flags };

	put_head(&out, explanation, names);
	for (unsigned i = 0; i < explanation->n; i++) {
		announce(&out, explanation, i);
		put_step(&out, explanation, &explanation->steps[i]);
	}
	if (explanation->n)
		out_text(&out, "\n");
	put_result(&out, explanation);
	put_caches(&out, explanation);
}
