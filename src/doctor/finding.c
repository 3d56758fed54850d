/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/text.h"
#include "doctor/doctor.h"

const char *finding_verdict_name(enum finding_verdict verdict)
{
	static const char *const names[] = { "ok", "limited", "missing" };

	return names[verdict];
}

static void add_part(struct text *text, const char *before, const char *part)
{
	if (!part || !*part)
		return;
	text_add(text, "%s", before);
	text_add_escaped(text, part, strlen(part), "");
}

int finding_line(char *buf, size_t size, const struct finding *finding)
{
	struct text text;

	text_init(&text, buf, size);
	text_add(&text, "%s: %s", finding->name, finding_verdict_name(finding->verdict));
	if (finding->verdict == FINDING_OK)
		return (int)text.len;
	add_part(&text, ": ", finding->why);
	if (finding->verdict == FINDING_LIMITED)
		add_part(&text, "; ", finding->without);
	add_part(&text, "; remedy: ", finding->remedy);
	return (int)text.len;
}
