/* SPDX-License-Identifier: MIT */
/* A host description as YAML with comments, and as JSON. The table is in table.c. */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "base/bits.h"
#include "dev/models.h"
#include "machine/schema.h"
#include "machine/view.h"
#include "base/text.h"

#define COMMENT_COLUMN 32
#define LINE_END       98

const char *host_stages(const struct host_iommu *iommu)
{
	return iommu->stage1 && iommu->stage2 ? "[1, 2]" : iommu->stage1 ? "[1]" : "[2]";
}

const char *host_bus_iommu(const struct host_desc *desc, const struct host_bus *bus)
{
	return bus->iommu < 0 ? "none" : desc->iommus[bus->iommu].name;
}

/* ---- YAML --------------------------------------------------------------------------------- */

static void add_options(struct text *text, const struct host_device *dev)
{
	const struct pci_model *model = dev_model_find(dev->model);
	const struct pci_option *o = model ? model->options : NULL;

	text_add(text, "{");
	for (unsigned i = 0; o && o[i].key && i < HOST_MAX_OPTIONS; i++)
		text_add(text, "%s%s: %" PRIu64, i ? ", " : "", o[i].key, dev->options[i]);
	text_add(text, "}");
}

/** What the reader takes by hand. */
static void add_by_hand(struct text *text, const struct host_desc *desc, const struct host_key *key,
	const void *item)
{
	if (!strcmp(key->key, "version"))
		text_add(text, "1");
	else if (key->type == HOST_STAGES)
		text_add(text, "%s", host_stages(item));
	else if (key->section == HOST_BUSES)
		text_add(text, "%s", host_bus_iommu(desc, item));
	else if (key->type == HOST_OPTIONS)
		add_options(text, item);
	else
		text_add(text, desc->nesting_subset ? "subset" : "enforce");
}

static uint64_t load(const struct host_key *key, const void *item)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)item + key->offset, key->bytes);
	return value;
}

/** The value as it is written in YAML. */
static void add_value(struct text *text, const struct host_desc *desc, const struct host_key *key,
	const void *item)
{
	const char *string = (const char *)item + key->offset;
	bool hex = !strcmp(key->key, "iidr") || !strcmp(key->key, "msi_window");

	if (!key->bytes)
		add_by_hand(text, desc, key, item);
	else if (key->type == HOST_INT)
		text_add(text, hex ? "%#" PRIx64 : "%" PRIu64, load(key, item));
	else if (key->type == HOST_BOOL)
		text_add(text, load(key, item) ? "true" : "false");
	else if (key->type == HOST_ADDRESS)
		text_add(text, "\"%s\"", string);
	else
		text_add(text, "%s", string[0] ? string : "none");
}

static bool is_shown(const struct host_key *key, const void *item)
{
	if (key->section == HOST_DEVICES && !strcmp(key->key, "group"))
		return ((const struct host_device *)item)->group >= 0;
	return true;
}

/** "doc (allowed; default)", as far as the value beside it does not say it itself. */
static void add_comment(struct text *text, const struct host_key *key)
{
	bool told = key->type == HOST_WORD || (key->type == HOST_INT && key->min < key->max);
	char allowed[160];

	text_add(text, "%s", key->doc);
	if (told)
		text_add(text, " (%s", host_key_range(key, allowed, sizeof(allowed)));
	if (key->dflt)
		text_add(text, "%sdefault %s", told ? "; " : " (", key->dflt);
	text_add(text, told || key->dflt ? ")" : "");
}

/** From COMMENT_COLUMN on, words wrapped before LINE_END. */
static void print_comment(FILE *out, size_t column, const struct host_key *key)
{
	char comment[400], *rest = comment, *word;
	struct text text;

	text_init(&text, comment, sizeof(comment));
	add_comment(&text, key);
	column += (size_t)fprintf(
		out, "%*s#", column < COMMENT_COLUMN ? (int)(COMMENT_COLUMN - column) : 1, "");
	while ((word = strsep(&rest, " "))) {
		if (column + 1 + strlen(word) > LINE_END)
			column = (size_t)fprintf(out, "\n%*s#", COMMENT_COLUMN, "") - 1;
		column += (size_t)fprintf(out, " %s", word);
	}
}

static void print_key(FILE *out, const struct host_desc *desc, const struct host_key *key,
	const void *item, const char *indent, bool comment)
{
	char line[256];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_add(&text, "%s%s: ", indent, key->key);
	add_value(&text, desc, key, item);
	fputs(line, out);
	if (comment)
		print_comment(out, text.len, key);
	fputc('\n', out);
}

static void print_item(FILE *out, const struct host_desc *desc, enum host_section section,
	const void *item, const char *first, bool comment)
{
	const char *indent = first;

	for (const struct host_key *key = host_keys; key->key; key++) {
		if (key->section != section || !is_shown(key, item))
			continue;
		print_key(out, desc, key, item, indent, comment);
		indent = *first == ' ' && first[2] == '-' ? "    " : first;
	}
}

static void print_list(FILE *out, const struct host_desc *desc, enum host_section section)
{
	const struct host_section_info *info = &host_sections[section];
	unsigned n;

	memcpy(&n, (const char *)desc + info->count_offset, sizeof(n));
	for (unsigned i = 0; i < n; i++)
		print_item(out, desc, section, (const char *)desc + info->offset + i * info->bytes,
			"  - ", i == 0);
}

static void print_top(FILE *out, const struct host_desc *desc, const struct host_key *key)
{
	const struct host_section_info *info = &host_sections[key->opens];
	unsigned n = 1;
	int len;

	if (key->opens == HOST_TOP) {
		print_key(out, desc, key, desc, "", true);
		return;
	}
	if (info->max)
		memcpy(&n, (const char *)desc + info->count_offset, sizeof(n));
	len = fprintf(out, "\n%s:%s", key->key, n ? "" : " []") - 1;
	print_comment(out, (size_t)len, key);
	fputc('\n', out);
	if (info->max)
		print_list(out, desc, key->opens);
	else
		print_item(out, desc, key->opens, desc, "  ", true);
}

void host_print_yaml(const struct host_desc *desc, FILE *out)
{
	fprintf(out,
		"# The host %s, as a start for one's own: nestbox run --host ./FILE.yaml -- PROG\n",
		desc->name);
	for (const struct host_key *key = host_keys; key->key; key++) {
		if (key->section == HOST_TOP)
			print_top(out, desc, key);
	}
}

/* ---- JSON --------------------------------------------------------------------------------- */

static void add(struct json_object *to, const char *key, struct json_object *value)
{
	json_object_object_add(to, key, value);
}

static struct json_object *string(const char *text)
{
	return text[0] ? json_object_new_string(text) : NULL;
}

static struct json_object *json_iommu(
	const struct host_iommu *iommu, const struct host_nesting *nesting)
{
	struct json_object *object = json_object_new_object();
	struct json_object *stages = json_object_new_array();

	if (iommu->stage1)
		json_object_array_add(stages, json_object_new_int(1));
	if (iommu->stage2)
		json_object_array_add(stages, json_object_new_int(2));
	add(object, "name", string(iommu->name));
	add(object, "kind", string(iommu->kind));
	add(object, "stages", stages);
	add(object, "httu", json_object_new_boolean(iommu->httu));
	add(object, "stall", json_object_new_boolean(iommu->stall));
	add(object, "ssid_bits", json_object_new_int64(iommu->ssid_bits));
	add(object, "granules", string(iommu->granules));
	add(object, "iidr", json_object_new_int64(iommu->iidr));
	add(object, "oas_bits", json_object_new_int64(iommu->oas_bits));
	add(object, "sid_bits", json_object_new_int64(iommu->sid_bits));
	add(object, "msi_window", json_object_new_int64((int64_t)iommu->msi_window));
	add(object, "nests", json_object_new_boolean(nesting->nests));
	add(object, "why_not", string(nesting->why_not));
	return object;
}

static struct json_object *json_bus(const struct host_desc *desc, const struct host_bus *bus)
{
	struct json_object *object = json_object_new_object();

	add(object, "type", string(bus->type));
	add(object, "segment", json_object_new_int(bus->segment));
	add(object, "iommu", bus->iommu < 0 ? NULL : string(desc->iommus[bus->iommu].name));
	return object;
}

static struct json_object *json_device(const struct host_device *dev)
{
	const struct pci_model *model = dev_model_find(dev->model);
	struct json_object *object = json_object_new_object();
	struct json_object *options = json_object_new_object();
	const struct pci_option *o = model ? model->options : NULL;

	for (unsigned i = 0; o && o[i].key && i < HOST_MAX_OPTIONS; i++)
		add(options, o[i].key, json_object_new_uint64(dev->options[i]));
	add(object, "at", string(dev->at));
	add(object, "model", string(dev->model));
	add(object, "group", dev->group < 0 ? NULL : json_object_new_int(dev->group));
	add(object, "driver", string(dev->driver));
	add(object, "options", options);
	return object;
}

static struct json_object *json_policy(const struct host_desc *desc)
{
	struct json_object *object = json_object_new_object();

	add(object, "nesting", string(desc->nesting_subset ? "subset" : "enforce"));
	add(object, "noiommu", json_object_new_boolean(desc->noiommu));
	return object;
}

void host_print_json(const struct host_desc *desc, FILE *out)
{
	struct host_nesting nesting[HOST_MAX_IOMMUS];
	struct json_object *root = json_object_new_object();
	struct json_object *iommus = json_object_new_array(), *buses = json_object_new_array();
	struct json_object *devices = json_object_new_array();

	host_probe_nesting(desc, nesting);
	for (unsigned i = 0; i < desc->n_iommus; i++)
		json_object_array_add(iommus, json_iommu(&desc->iommus[i], &nesting[i]));
	for (unsigned i = 0; i < desc->n_buses; i++)
		json_object_array_add(buses, json_bus(desc, &desc->buses[i]));
	for (unsigned i = 0; i < desc->n_devices; i++)
		json_object_array_add(devices, json_device(&desc->devices[i]));
	add(root, "name", string(desc->name));
	add(root, "version", json_object_new_int(1));
	add(root, "iommus", iommus);
	add(root, "buses", buses);
	add(root, "devices", devices);
	add(root, "policy", json_policy(desc));
	fprintf(out, "%s\n",
		json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_SPACED |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
}
