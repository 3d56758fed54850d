/* SPDX-License-Identifier: MIT */
/*
 * A drawing of a walk: the configuration in the left column, then stage 1, then stage 2. Each step is
 * a box, each in a row of its own in the order in which they were read, with an arrow from box to box;
 * the result is below. Nothing is measured but by its number of characters, so that it needs no fonts
 * but the reader's monospaced one; colours are for light and dark backgrounds.
 */
#include <stdio.h>

#include "explain/fields.h"
#include "explain/out.h"

#define BOX_W	  384
#define BOX_H	  54
#define GAP_X	  50
#define GAP_Y	  16
#define MARGIN	  20
#define TOP	  76
#define COLUMN(n) (MARGIN + (n) * (BOX_W + GAP_X))
#define CHARS	  50 /* that fit a box */

static const char style[] =
	"<style>\n"
	"svg { background: #ffffff; color: #1a1a1a; }\n"
	"text { font: 12px ui-monospace, monospace; fill: currentColor; }\n"
	".title { font-size: 15px; font-weight: bold; }\n"
	".head { font-weight: bold; }\n"
	".box { fill: #f4f6f8; stroke: #5b6b7b; }\n"
	".s1 { fill: #e3effc; stroke: #2b6cb0; }\n"
	".s2 { fill: #e6f5ea; stroke: #2f855a; }\n"
	".bad { fill: #fde8e8; stroke: #c53030; }\n"
	".ok { fill: #e6f5ea; stroke: #2f855a; stroke-width: 2; }\n"
	".arrow { fill: none; stroke: #5b6b7b; stroke-width: 1.5; marker-end: url(#head); }\n"
	"#head path { fill: #5b6b7b; }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"svg { background: #14181c; color: #e6e6e6; }\n"
	".box { fill: #232a31; stroke: #8fa3b5; }\n"
	".s1 { fill: #16304d; stroke: #63a4e8; }\n"
	".s2, .ok { fill: #163a25; stroke: #62c088; }\n"
	".bad { fill: #4a1d1d; stroke: #f08080; }\n"
	".arrow { stroke: #8fa3b5; }\n"
	"#head path { fill: #8fa3b5; }\n"
	"}\n"
	"</style>\n"
	"<defs><marker id=\"head\" markerWidth=\"9\" markerHeight=\"8\" refX=\"8\" refY=\"4\" "
	"orient=\"auto\"><path d=\"M0,0 L9,4 L0,8 z\"/></marker></defs>\n";

/* Text with what XML reserves replaced, cut to what fits. */
static void escaped(const struct out *out, const char *text, size_t max)
{
	bool cut = strlen(text) > max;

	for (size_t i = 0; text[i] && i < (cut ? max - 3 : max); i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '<' || c == '>' || c == '&' || c == '"' || c < 0x20 || c > 0x7e)
			out_add(out, "&#%u;", c < 0x20 || c > 0x7e ? '?' : c);
		else
			out->sink(out->ctx, &text[i], 1);
	}
	out_text(out, cut ? "..." : "");
}

static void line(const struct out *out, unsigned x, unsigned y, const char *class, const char *text,
	size_t max)
{
	out_add(out, "<text x=\"%u\" y=\"%u\"%s%s%s>", x, y, class ? " class=\"" : "",
		class ? class : "", class ? "\"" : "");
	escaped(out, text, max);
	out_text(out, "</text>\n");
}

static unsigned column_of(const struct nb_explain_step *step)
{
	return step->kind == NB_EXPLAIN_S2 ? 2 : step->kind == NB_EXPLAIN_S1;
}

static unsigned row_y(unsigned row)
{
	return TOP + row * (BOX_H + GAP_Y);
}

static const char *class_of(const struct nb_explanation *explanation, unsigned i)
{
	static const char *const classes[] = { "box", "s1", "s2" };

	if (explanation->event && i + 1 == explanation->n)
		return "bad";
	return classes[column_of(&explanation->steps[i])];
}

/* An STE or CD in one line. */
static void structure_words(const struct nb_explanation *explanation,
	const struct nb_explain_step *step, struct text *text)
{
	struct nb_explain_fields fields;

	out_step_fields(explanation, step, &fields);
	for (unsigned i = 0; i < fields.n; i++) {
		const struct nb_explain_field *field = &fields.field[i];

		if (field->illegal) {
			text_add(text, "ILLEGAL: %s", field->illegal);
			return;
		}
	}
	for (unsigned i = 0; i < fields.n; i++) {
		const struct nb_explain_field *field = &fields.field[i];

		if (!strcmp(field->name, "Config"))
			text_add(text, "%s", field->meaning);
		else if (!strcmp(field->name, "ASID"))
			text_add(text, "ASID %u", (unsigned)field->value);
		else if (!strncmp(field->name, "TTB", 3) && field->used)
			text_add(text, ", %s 0x%" PRIx64, field->name, field->value);
	}
}

static void put_box(const struct out *out, const struct nb_explanation *explanation, unsigned i)
{
	const struct nb_explain_step *step = &explanation->steps[i];
	unsigned x = COLUMN(column_of(step)), y = row_y(i);
	char head[96], value[96], words[256];
	struct text text;

	text_init(&text, head, sizeof(head));
	text_add(&text, "%s", out_kinds[step->kind]);
	if (step->kind == NB_EXPLAIN_S1 || step->kind == NB_EXPLAIN_S2)
		text_add(&text, " level %u [%u]", step->level, step->index);
	text_add(&text, "%s", step->depth ? " (for a table)" : "");
	text_init(&text, value, sizeof(value));
	text_add(&text, "PA 0x%" PRIx64 ": 0x%016" PRIx64, step->pa.v, step->words[0]);
	text_init(&text, words, sizeof(words));
	if (step->n > 1)
		structure_words(explanation, step, &text);
	else
		out_step_words(step, &text);
	out_add(out,
		"<g class=\"step\"><rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" "
		"rx=\"4\"/>\n",
		class_of(explanation, i), x, y, BOX_W, BOX_H);
	line(out, x + 8, y + 16, "head", head, CHARS);
	line(out, x + 8, y + 31, NULL, value, CHARS);
	line(out, x + 8, y + 46, NULL, words, CHARS);
	out_add(out, "<title>");
	escaped(out, words, sizeof(words));
	out_text(out, "</title></g>\n");
}

/* Down from box to box in a column; from side to side where the next is in another one. */
static void put_arrow(const struct out *out, unsigned from, unsigned to, unsigned row)
{
	unsigned y = row_y(row) + BOX_H, x1 = COLUMN(from), x2 = COLUMN(to);

	if (from == to)
		out_add(out, "<path class=\"arrow\" d=\"M%u,%u V%u\"/>\n", x1 + BOX_W / 2, y,
			y + GAP_Y);
	else if (from < to)
		out_add(out, "<path class=\"arrow\" d=\"M%u,%u H%u V%u\"/>\n", x1 + BOX_W,
			y - BOX_H / 2, x2 + BOX_W / 2, y + GAP_Y);
	else
		out_add(out, "<path class=\"arrow\" d=\"M%u,%u H%u V%u\"/>\n", x1, y - BOX_H / 2,
			x2 + BOX_W / 2, y + GAP_Y);
}

static void put_result(const struct out *out, const struct nb_explanation *explanation, unsigned x)
{
	unsigned y = row_y(explanation->n);
	struct nb_explain_fields fields;
	char head[96], words[160], prot[PROT_BYTES];

	if (explanation->event) {
		nb_explain_event(explanation->record, &fields);
		snprintf(head, sizeof(head), "%s%s", fields.name,
			explanation->silent ? " (not recorded)" : "");
		snprintf(words, sizeof(words), "%s", fields.what);
	} else if (explanation->abort) {
		snprintf(head, sizeof(head), "aborted");
		snprintf(words, sizeof(words), "by configuration, without an event");
	} else {
		snprintf(head, sizeof(head), "PA 0x%" PRIx64, explanation->pa.v);
		snprintf(words, sizeof(words), "%s", out_prot(explanation->prot, prot));
	}
	out_add(out,
		"<g class=\"result\"><rect class=\"%s\" x=\"%u\" y=\"%u\" width=\"%u\" "
		"height=\"%u\" "
		"rx=\"10\"/>\n",
		explanation->ok ? "ok" : "bad", x, y, BOX_W, BOX_H);
	line(out, x + 8, y + 20, "head", head, CHARS);
	line(out, x + 8, y + 38, NULL, words, CHARS);
	out_add(out, "<title>");
	escaped(out, words, sizeof(words));
	out_text(out, "</title></g>\n");
}

static void put_head(const struct out *out, const struct nb_explanation *explanation,
	const struct nb_explain_names *names)
{
	unsigned w = COLUMN(3) - GAP_X + MARGIN, h = row_y(explanation->n) + BOX_H + MARGIN;
	char title[256];
	struct text text;

	text_init(&text, title, sizeof(title));
	text_add(&text, "%s of %s 0x%" PRIx64 " by %s, StreamID 0x%x",
		out_access(&explanation->txn), out_address(&explanation->txn),
		explanation->txn.iova.v, names && names->device ? names->device : "a device",
		explanation->sid);
	if (names && names->iommu)
		text_add(&text, ", behind %s", names->iommu);
	*title ^= 'a' ^ 'A'; /* an access begins with a small letter */
	out_add(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		"viewBox=\"0 0 %u %u\">\n",
		w, h, w, h);
	out_text(out, style);
	line(out, MARGIN, 28, "title", title, 130);
	line(out, COLUMN(0), 60, "head", "Configuration", CHARS);
	line(out, COLUMN(1), 60, "head", explanation->stage1 ? "Stage 1" : "Stage 1 (not used)",
		CHARS);
	line(out, COLUMN(2), 60, "head", explanation->stage2 ? "Stage 2" : "Stage 2 (not used)",
		CHARS);
}

void nb_explain_svg(const struct nb_explanation *explanation, const struct nb_explain_names *names,
	nb_explain_sink *sink, void *ctx)
{
	struct out out = { sink, ctx, 0 };
	unsigned last = 0;

	put_head(&out, explanation, names);
	for (unsigned i = 0; i < explanation->n; i++) {
		unsigned column = column_of(&explanation->steps[i]);

		put_box(&out, explanation, i);
		if (i)
			put_arrow(&out, last, column, i - 1);
		last = column;
	}
	if (explanation->n)
		put_arrow(&out, last, last, explanation->n - 1);
	put_result(&out, explanation, COLUMN(last));
	out_text(&out, "</svg>\n");
}
