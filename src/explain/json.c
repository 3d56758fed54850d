/* SPDX-License-Identifier: MIT */
/* For programs: one object, on one line. Names are stable, new ones may come (doc/explain.md). */
#include "explain/out.h"

static void put_string(const struct out *out, const char *text)
{
	out_text(out, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c > 0x7e)
			out_add(out, "\\u%04x", c);
		else
			out_add(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	out_text(out, "\"");
}

static void key(const struct out *out, const char *name)
{
	out_add(out, ", \"%s\": ", name);
}

static void put_key_string(const struct out *out, const char *name, const char *text)
{
	key(out, name);
	if (text)
		put_string(out, text);
	else
		out_text(out, "null");
}

static void put_key_bool(const struct out *out, const char *name, bool value)
{
	key(out, name);
	out_text(out, value ? "true" : "false");
}

/* Addresses and words: strings, since not every reader has 64-bit numbers. */
static void put_key_hex(const struct out *out, const char *name, uint64_t value)
{
	key(out, name);
	out_add(out, "\"0x%" PRIx64 "\"", value);
}

static void put_key_number(const struct out *out, const char *name, uint64_t value)
{
	key(out, name);
	out_add(out, "%" PRIu64, value);
}

static void put_words(const struct out *out, const uint64_t *words, unsigned n)
{
	key(out, "words");
	for (unsigned i = 0; i < n; i++)
		out_add(out, "%s\"0x%016" PRIx64 "\"", i ? ", " : "[", words[i]);
	out_text(out, "]");
}

static void put_field(const struct out *out, const struct nb_explain_field *field)
{
	out_text(out, "{\"name\": ");
	put_string(out, field->name);
	put_key_number(out, "word", field->word);
	put_key_number(out, "high", field->high);
	put_key_number(out, "low", field->low);
	put_key_hex(out, "value", field->value);
	put_key_bool(out, "used", field->used);
	put_key_string(out, "meaning", *field->meaning ? field->meaning : NULL);
	put_key_string(out, "illegal", field->illegal);
	out_text(out, "}");
}

static void put_fields(const struct out *out, const struct nb_explain_fields *fields)
{
	put_key_bool(out, "illegal", fields->illegal);
	key(out, "fields");
	out_text(out, "[");
	for (unsigned i = 0; i < fields->n; i++) {
		out_text(out, i ? ", " : "");
		put_field(out, &fields->field[i]);
	}
	out_text(out, "]");
}

void nb_explain_fields_json(
	const struct nb_explain_fields *fields, nb_explain_sink *sink, void *ctx)
{
	struct out out = { sink, ctx, 0 };

	out_text(&out, "{\"name\": ");
	put_string(&out, fields->name);
	put_key_string(&out, "what", fields->what);
	put_fields(&out, fields);
	out_text(&out, "}");
}

static void put_descriptor(const struct out *out, const struct nb_explain_step *step)
{
	char buf[256];
	struct text text;

	if (step->kind == NB_EXPLAIN_S1 || step->kind == NB_EXPLAIN_S2) {
		put_key_number(out, "level", step->level);
		put_key_number(out, "index", step->index);
		put_key_number(out, "granule", BIT64(step->granule_lg2));
	}
	text_init(&text, buf, sizeof(buf));
	out_step_words(step, &text);
	put_key_string(out, "meaning", buf);
}

static void put_step(const struct out *out, const struct nb_explanation *explanation,
	const struct nb_explain_step *step)
{
	struct nb_explain_fields fields;

	out_text(out, "{\"kind\": ");
	put_string(out, out_kinds[step->kind]);
	put_key_number(out, "depth", step->depth);
	put_key_hex(out, "input", step->input);
	put_key_hex(out, "addr", step->addr);
	put_key_hex(out, "pa", step->pa.v);
	put_words(out, step->words, step->n);
	if (out_step_fields(explanation, step, &fields))
		put_fields(out, &fields);
	else
		put_descriptor(out, step);
	out_text(out, "}");
}

static void put_result(const struct out *out, const struct nb_explanation *explanation)
{
	struct nb_explain_fields fields;
	char prot[PROT_BYTES];

	put_key_string(out, "result",
		explanation->event   ? "event"
		: explanation->abort ? "abort"
				     : "ok");
	if (explanation->ok) {
		put_key_hex(out, "pa", explanation->pa.v);
		put_key_number(out, "bytes", BIT64(explanation->size_lg2));
		put_key_string(out, "permissions", out_prot(explanation->prot, prot));
	}
	if (explanation->ipa.v)
		put_key_hex(out, "ipa", explanation->ipa.v);
	if (!explanation->event)
		return;
	nb_explain_event(explanation->record, &fields);
	key(out, "event");
	out_text(out, "{\"name\": ");
	put_string(out, fields.name);
	put_key_string(out, "what", fields.what);
	put_key_bool(out, "recorded", !explanation->silent);
	put_key_string(out, "transaction", out_verdict(explanation->verdict));
	put_words(out, explanation->record, 4);
	put_fields(out, &fields);
	put_key_string(out, "remark", explanation->unsaved);
	out_text(out, "}");
}

static void put_entry(const struct out *out, const struct nb_explain_entry *entry)
{
	char prot[PROT_BYTES];

	out_add(out, "{\"bytes\": %" PRIu64, (uint64_t)BIT64(entry->size_lg2));
	put_key_hex(out, "iova", entry->iova);
	put_key_hex(out, "pa", entry->pa.v);
	put_key_string(out, "permissions", out_prot(entry->prot, prot));
	put_key_bool(out, "live", entry->live);
	put_key_bool(out, "differs", entry->differs);
	out_text(out, "}");
}

static void put_caches(const struct out *out, const struct nb_explanation *explanation)
{
	key(out, "caches");
	if (!explanation->caches_known) {
		out_text(out, "null");
		return;
	}
	out_add(out, "{\"configuration\": \"%s\", \"iotlb\": [",
		!explanation->cfg_cached   ? "none"
		: explanation->cfg_differs ? "differs"
					   : "cached");
	for (unsigned i = 0; i < explanation->n_entries; i++) {
		out_text(out, i ? ", " : "");
		put_entry(out, &explanation->entries[i]);
	}
	out_text(out, "]}");
}

void nb_explain_json(const struct nb_explanation *explanation, const struct nb_explain_names *names,
	nb_explain_sink *sink, void *ctx)
{
	const struct nb_smmuv3_txn *txn = &explanation->txn;
	struct out out = { sink, ctx, 0 };

	out_add(&out, "{\"stream_id\": %" PRIu32, explanation->sid);
	put_key_string(&out, "device", names ? names->device : NULL);
	put_key_string(&out, "iommu", names ? names->iommu : NULL);
	put_key_hex(&out, "iova", txn->iova.v);
	if (txn->flags & NB_SSV)
		put_key_number(&out, "substream_id", txn->ssid);
	put_key_bool(&out, "write", txn->flags & NB_WRITE);
	put_key_bool(&out, "privileged", txn->flags & NB_PRIV);
	put_key_bool(&out, "instruction", txn->flags & NB_INSN);
	put_key_bool(&out, "translated", txn->flags & NB_TRANSLATED);
	put_key_bool(&out, "enabled", explanation->enabled);
	put_key_bool(&out, "stage1", explanation->stage1);
	put_key_bool(&out, "stage2", explanation->stage2);
	put_result(&out, explanation);
	key(&out, "steps");
	out_text(&out, "[");
	for (unsigned i = 0; i < explanation->n; i++) {
		out_text(&out, i ? ", " : "");
		put_step(&out, explanation, &explanation->steps[i]);
	}
	out_text(&out, "]");
	put_caches(&out, explanation);
	out_text(&out, "}");
}
