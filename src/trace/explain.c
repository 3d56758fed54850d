/* SPDX-License-Identifier: MIT */
#include "trace/explain.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

bool explain_is_refusal(const struct why *why)
{
	return why->class == WHY_REFUSED || why->class == WHY_MISUSE || why->class == WHY_STOPPED;
}

const char *why_class_name(enum why_class class)
{
	static const char *const names[] = {
		[WHY_NONE] = "none",
		[WHY_REFUSED] = "refused",
		[WHY_MISUSE] = "misuse",
		[WHY_STOPPED] = "stopped",
		[WHY_PROTOCOL] = "protocol",
	};

	return names[class];
}

/** An answer of 0 to CHECK_EXTENSION is explained too, and is no error. */
static const char *errno_word(const struct why *why)
{
	if (why->class == WHY_STOPPED)
		return "DMA stopped";
	return why->err ? errno_name(why->err) : "0";
}

static void add_words(struct text *text, const char *words)
{
	text_add_escaped(text, words, strlen(words), "");
}

/** What it is about: "group 1 (0000:01:00.0) behind smmu0: ", as much of it as is known. */
static void add_subject(struct text *text, const struct why *why)
{
	if (why->group[0]) {
		text_add(text, "group ");
		add_words(text, why->group);
		text_add(text, why->device[0] ? " (" : "");
	}
	add_words(text, why->device);
	text_add(text, why->group[0] && why->device[0] ? ")" : "");
	if (why->iommu[0]) {
		text_add(text, why->group[0] || why->device[0] ? " behind " : "");
		add_words(text, why->iommu);
	}
	if (why->group[0] || why->device[0] || why->iommu[0])
		text_add(text, ": ");
}

int explain_line(char *buf, size_t len, const struct explain *explain)
{
	const struct why *why = explain->why;
	struct text text;

	text_init(&text, buf, len);
	text_add(&text, "nestbox: %s: %s: ", explain->call, errno_word(why));
	add_subject(&text, why);
	add_words(&text, why->missing[0] ? why->missing : why->rule ? why->rule : "no reason");
	if (why->instead[0]) {
		text_add(&text, "; instead: ");
		add_words(&text, why->instead);
	}
	return (int)text.len;
}

/** A string member, printable ASCII only; null where there is nothing to say. */
static bool add_string(struct json_object *object, const char *key, const char *value)
{
	char buf[1024];
	struct text text;
	struct json_object *string = NULL;

	text_init(&text, buf, sizeof(buf));
	if (value && value[0]) {
		add_words(&text, value);
		string = json_object_new_string(buf);
		if (!string)
			return false;
	}
	return json_object_object_add(object, key, string) == 0;
}

static bool add_number(struct json_object *object, const char *key, int64_t value)
{
	struct json_object *number = json_object_new_int64(value);

	return number && json_object_object_add(object, key, number) == 0;
}

static bool add_counts(struct json_object *object, const struct explain *explain)
{
	struct json_object *counts = json_object_new_object();

	if (!counts || json_object_object_add(object, "counts", counts) != 0)
		return false;
	return add_number(counts, "domains", (int64_t)explain->domains) &&
	       add_number(counts, "attachments", (int64_t)explain->attachments) &&
	       add_number(counts, "mappings", (int64_t)explain->mappings);
}

static bool fill_json(struct json_object *object, const struct explain *explain)
{
	const struct why *why = explain->why;

	return add_string(object, "call", explain->call) &&
	       add_number(object, "pid", explain->pid) &&
	       add_string(object, "errno", errno_word(why)) &&
	       add_string(object, "class", why_class_name(why->class)) &&
	       add_string(object, "rule", why->rule) && add_string(object, "group", why->group) &&
	       add_string(object, "device", why->device) &&
	       add_string(object, "iommu", why->iommu) &&
	       add_string(object, "missing", why->missing) &&
	       add_string(object, "instead", why->instead) && add_counts(object, explain);
}

char *explain_json(const struct explain *explain)
{
	struct json_object *object = json_object_new_object();
	const char *text = NULL;
	char *out = NULL;
	size_t len;

	if (object && fill_json(object, explain))
		text = json_object_to_json_string_length(object,
			JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
				JSON_C_TO_STRING_NOSLASHESCAPE,
			&len);
	if (text)
		out = malloc(len + 2);
	if (out) {
		memcpy(out, text, len);
		memcpy(out + len, "\n", 2);
	}
	json_object_put(object);
	return out;
}

struct log_slot {
	char *line; /* NULL: free */
	uint64_t repeats, last_seen;
};

struct explain_log {
	explain_print_fn *print;
	void *ctx;
	uint64_t now; /* counts lines */
	unsigned n_slots;
	struct log_slot slots[];
};

struct explain_log *explain_log_create(unsigned slots, explain_print_fn *print, void *ctx)
{
	struct explain_log *log = calloc(1, sizeof(*log) + slots * sizeof(log->slots[0]));

	if (!log)
		return NULL;
	log->print = print;
	log->ctx = ctx;
	log->n_slots = slots;
	return log;
}

static void slot_release(struct explain_log *log, struct log_slot *slot)
{
	char buf[EXPLAIN_LINE_MAX + 64];
	struct text text;

	if (slot->line && slot->repeats) {
		text_init(&text, buf, sizeof(buf));
		text_add(&text, "%s [%llu more time%s]", slot->line,
			(unsigned long long)slot->repeats, slot->repeats == 1 ? "" : "s");
		log->print(log->ctx, buf);
	}
	free(slot->line);
	*slot = (struct log_slot){ 0 };
}

/** The slot that holds the line, else the one to use for it: a free one, or the stalest. */
static struct log_slot *slot_for(struct explain_log *log, const char *line)
{
	struct log_slot *stalest = NULL;

	for (unsigned i = 0; i < log->n_slots; i++) {
		struct log_slot *slot = &log->slots[i];

		if (slot->line && !strcmp(slot->line, line))
			return slot;
		if (!stalest || slot->last_seen < stalest->last_seen)
			stalest = slot;
	}
	return stalest;
}

void explain_log_add(struct explain_log *log, const char *line)
{
	struct log_slot *slot = slot_for(log, line);

	if (!slot) {
		log->print(log->ctx, line);
		return;
	}
	if (slot->line && !strcmp(slot->line, line)) {
		slot->repeats++;
	} else {
		slot_release(log, slot);
		log->print(log->ctx, line);
		slot->line = strdup(line); /* without memory it is just not remembered */
	}
	slot->last_seen = ++log->now;
}

void explain_log_flush(struct explain_log *log)
{
	for (unsigned i = 0; i < log->n_slots; i++)
		slot_release(log, &log->slots[i]);
}

void explain_log_destroy(struct explain_log *log)
{
	if (!log)
		return;
	explain_log_flush(log);
	free(log);
}
