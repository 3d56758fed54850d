/* SPDX-License-Identifier: MIT */
/* The values of a host description: from a node of YAML to a member of a struct, by type. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "machine/reader.h"

bool reader_is_null(const yaml_node_t *node)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(nulls); i++) {
		if (!strcmp((const char *)node->data.scalar.value, nulls[i]))
			return true;
	}
	return false;
}

int reader_integer(const yaml_node_t *node, uint64_t *value)
{
	const char *text;
	char *end;
	bool hex;

	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return -EINVAL;
	text = (const char *)node->data.scalar.value;
	hex = text[0] == '0' && text[1] == 'x';
	if (!hex && (text[0] < '0' || text[0] > '9' || (text[0] == '0' && text[1])))
		return -EINVAL; /* 010 is 8 in YAML 1.1 and 10 in 1.2: neither is meant for sure */
	if (hex && !strchr("0123456789abcdefABCDEF", text[2] ? text[2] : 'x'))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, hex ? 16 : 10);
	if (end != text + node->data.scalar.length)
		return -EINVAL;
	return errno ? -ERANGE : 0;
}

/** "is SHOWN, must be ALLOWED" */
bool reader_fail_value(struct reader *reader, const struct host_key *key, const struct place *at)
{
	char allowed[160], shown[64];

	return reader_fail(reader, at, "is %s, must be %s",
		reader_show(at->node, shown, sizeof(shown)),
		host_key_allowed(key, allowed, sizeof(allowed)));
}

const char *reader_text(const yaml_node_t *node)
{
	bool text = node->type == YAML_SCALAR_NODE && !reader_is_null(node) &&
		    strlen((const char *)node->data.scalar.value) == node->data.scalar.length;

	return text ? (const char *)node->data.scalar.value : NULL;
}

static bool word_allowed(const struct host_key *key, const char *word)
{
	for (const char *const *w = key->words; w && *w; w++) {
		if (!strcmp(*w, word))
			return true;
	}
	return !key->words;
}

static void store(void *base, const struct host_key *key, uint64_t value)
{
	memcpy((char *)base + key->offset, &value, key->bytes); /* little-endian hosts */
}

static bool take_int(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	uint64_t value;
	char text[24];

	if (reader_integer(at->node, &value) < 0 || value < key->min || value > key->max)
		return reader_fail_value(reader, key, at);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	if (!word_allowed(key, text))
		return reader_fail_value(reader, key, at);
	store(base, key, value);
	return true;
}

static bool take_bool(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	const char *text = reader_text(at->node);
	bool yes = text && !strcmp(text, "true");

	if (!yes && !(text && !strcmp(text, "false")))
		return reader_fail_value(reader, key, at);
	store(base, key, yes);
	return true;
}

static bool copy_text(const struct host_key *key, const char *text, void *base)
{
	size_t len = strlen(text);

	if (key->bytes && len >= key->bytes)
		return false;
	if (key->bytes)
		memcpy((char *)base + key->offset, text, len + 1);
	return true;
}

static bool take_word(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	const char *text = reader_text(at->node);
	char allowed[160];

	if (text && !strcmp(text, "vtd") && key->section == HOST_IOMMUS)
		return reader_fail(reader, at, "vtd is not there yet, must be %s",
			host_key_allowed(key, allowed, sizeof(allowed)));
	if (!text || !word_allowed(key, text) || !copy_text(key, text, base))
		return reader_fail_value(reader, key, at);
	return true;
}

static bool is_name(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789-_.";

	return text[0] && strchr(letters, text[0]) && strspn(text, others) == strlen(text) &&
	       strlen(text) < 32;
}

static bool take_name(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	const char *text = reader_text(at->node);

	if (!text || !is_name(text) || !copy_text(key, text, base))
		return reader_fail_value(reader, key, at);
	return true;
}

static bool take_stages(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	struct host_iommu *iommu = base;
	bool seen[3] = { false };

	if (at->node->type != YAML_SEQUENCE_NODE)
		return reader_fail_value(reader, key, at);
	for (yaml_node_item_t *item = at->node->data.sequence.items.start;
		item < at->node->data.sequence.items.top; item++) {
		struct place stage = *at;
		uint64_t value;

		stage.node = yaml_document_get_node(reader->doc, *item);
		if (reader_integer(stage.node, &value) < 0 || value < 1 || value > 2)
			return reader_fail_value(reader, key, &stage);
		if (seen[value])
			return reader_fail(reader, &stage, "stage %d is listed twice", (int)value);
		seen[value] = true;
	}
	if (!seen[1] && !seen[2])
		return reader_fail(reader, at,
			"is empty: an IOMMU has [1], [2] or [1, 2] (for no IOMMU, a bus says "
			"iommu: none)");
	iommu->stage1 = seen[1];
	iommu->stage2 = seen[2];
	return true;
}

/** Any case of digits is taken; what is stored is what Linux calls the device. */
static bool take_address(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	static const char shape[] = "hhhh:hh:hh.h";
	const char *text = reader_text(at->node);
	unsigned segment, bus, slot, function;

	if (!text || strlen(text) != strlen(shape))
		return reader_fail_value(reader, key, at);
	for (unsigned i = 0; shape[i]; i++) {
		bool hex = strchr("0123456789abcdefABCDEF", text[i]) != NULL;

		if (shape[i] == 'h' ? !hex : text[i] != shape[i])
			return reader_fail_value(reader, key, at);
	}
	sscanf(text, "%4x:%2x:%2x.%1x", &segment, &bus, &slot, &function);
	if (slot > 0x1f)
		return reader_fail(
			reader, at, "device %02x does not exist, must be 00 to 1f", slot);
	if (function > 7)
		return reader_fail(
			reader, at, "function %x does not exist, must be 0 to 7", function);
	snprintf((char *)base + key->offset, key->bytes, "%04x:%02x:%02x.%x", segment & 0xffff,
		bus & 0xff, slot & 0x1f, function & 7);
	return true;
}

/** Only its type here: what is in it needs the model (check.c). */
static bool take_options(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	return at->node->type == YAML_MAPPING_NODE || reader_fail_value(reader, key, at);
}

bool reader_take(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	static bool (*const take[])(struct reader * reader, const struct host_key *key,
		const struct place *at, void *base) = {
		[HOST_INT] = take_int,
		[HOST_BOOL] = take_bool,
		[HOST_WORD] = take_word,
		[HOST_NAME] = take_name,
		[HOST_STAGES] = take_stages,
		[HOST_ADDRESS] = take_address,
		[HOST_OPTIONS] = take_options,
	};

	return take[key->type](reader, key, at, base);
}
