/* SPDX-License-Identifier: MIT */
/*
 * Reading a host description. libyaml's document has a position for each node; aliases are shared
 * nodes there, so that nothing multiplies, and since the table of keys has a fixed depth, neither a
 * cycle nor a deep file leads us far.
 */
#include "machine/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bits.h"
#include "base/cleanup.h"
#include "machine/reader.h"
#include "base/text.h"

#define FILE_MAX    KIB(256)
#define DEPTH_MAX   16
#define ANCHORS_MAX 64

bool reader_fail(struct reader *reader, const struct place *at, const char *format, ...)
{
	char message[320];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	error_set(reader->error, EINVAL, "%s:%zu:%zu: %s: %s", reader->file,
		at->node->start_mark.line + 1, at->node->start_mark.column + 1, at->path, message);
	return false;
}

const char *reader_show(const yaml_node_t *node, char *buf, size_t len)
{
	struct text text;

	text_init(&text, buf, len);
	if (reader_is_null(node)) {
		text_add(&text, "nothing");
	} else if (node->type == YAML_SCALAR_NODE) {
		const char *value = (const char *)node->data.scalar.value;
		size_t shown = MIN(node->data.scalar.length, 32);

		text_add(&text, "'");
		text_add_escaped(&text, value, shown, "'");
		text_add(&text, shown < node->data.scalar.length ? "...'" : "'");
	} else {
		text_add(&text, node->type == YAML_SEQUENCE_NODE ? "a list" : "a map");
	}
	return buf;
}

const char *reader_show_key(const yaml_node_t *node, char *buf, size_t len)
{
	size_t shown;

	reader_show(node, buf, len);
	if (buf[0] != '\'')
		return "?";
	shown = strlen(buf) - 2;
	memmove(buf, buf + 1, shown);
	buf[shown] = '\0';
	return buf;
}

yaml_node_t *reader_value(struct reader *reader, yaml_node_t *map, const char *key)
{
	yaml_node_pair_t *pair = map->data.mapping.pairs.start;

	for (; pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(reader->doc, pair->key);

		if (name->type == YAML_SCALAR_NODE &&
			!strcmp((const char *)name->data.scalar.value, key))
			return yaml_document_get_node(reader->doc, pair->value);
	}
	return NULL;
}

struct place reader_place(
	struct reader *reader, enum host_section section, unsigned index, const char *key)
{
	yaml_node_t **const maps[HOST_SECTIONS] = {
		[HOST_IOMMUS] = reader->iommus,
		[HOST_BUSES] = reader->buses,
		[HOST_DEVICES] = reader->devices,
	};
	yaml_node_t *map = maps[section][index], *value = reader_value(reader, map, key);
	struct place place = { .node = value ? value : map };

	snprintf(place.path, sizeof(place.path), "%s[%u].%s", host_sections[section].name, index,
		key);
	return place;
}

static bool take_list(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base);
static bool take_map(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base);

static bool take(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	if (key->type == HOST_LIST)
		return take_list(reader, key, at, base);
	if (key->type == HOST_MAP)
		return take_map(reader, key, at, base);
	return reader_take(reader, key, at, base);
}

/* ---- maps and lists ----------------------------------------------------------------------- */

static void join(struct place *at, const char *path, const char *key)
{
	snprintf(at->path, sizeof(at->path), "%.60s%s%.32s", path, *path ? "." : "", key);
}

static bool fail_unknown(struct reader *reader, enum host_section section, const struct place *at)
{
	char list[160];
	struct text text;
	const char *sep = "";

	text_init(&text, list, sizeof(list));
	for (const struct host_key *k = host_keys; k->key; k++) {
		if (k->section != section)
			continue;
		text_add(&text, "%s%s", sep, k->key);
		sep = ", ";
	}
	return reader_fail(reader, at, "unknown key, must be one of %s", list);
}

/** The row for a key of a map, not seen before in it; NULL: failed. */
static const struct host_key *take_key(struct reader *reader, enum host_section section,
	yaml_node_t *node, const char *path, uint64_t *seen)
{
	struct place at = { .node = node };
	char shown[64];
	const struct host_key *key;

	if (!reader_text(node)) {
		join(&at, path, "?");
		reader_fail(reader, &at, "a key is %s, must be a word",
			reader_show(node, shown, sizeof(shown)));
		return NULL;
	}
	join(&at, path, reader_show_key(node, shown, sizeof(shown)));
	key = host_key_find(
		section, (const char *)node->data.scalar.value, node->data.scalar.length);
	if (!key) {
		fail_unknown(reader, section, &at);
		return NULL;
	}
	if (*seen & BIT64(key - host_keys)) {
		reader_fail(reader, &at, "is given twice in this map, must be given once");
		return NULL;
	}
	*seen |= BIT64(key - host_keys);
	return key;
}

/** Defaults come from the table through the same functions: as if they were written there. */
static bool take_default(struct reader *reader, const struct host_key *key, yaml_node_t *map,
	const char *path, void *base)
{
	struct place at = { .node = map };
	yaml_node_t node = { .type = YAML_SCALAR_NODE };
	char allowed[160];

	join(&at, path, key->key);
	if (key->required)
		return reader_fail(reader, &at, "is missing, must be %s",
			host_key_allowed(key, allowed, sizeof(allowed)));
	if (!key->dflt || !key->bytes)
		return true;
	node.start_mark = map->start_mark;
	node.data.scalar.value = (yaml_char_t *)key->dflt;
	node.data.scalar.length = strlen(key->dflt);
	node.data.scalar.style = YAML_PLAIN_SCALAR_STYLE;
	at.node = &node;
	return take(reader, key, &at, base);
}

static bool take_section(struct reader *reader, enum host_section section, yaml_node_t *map,
	const char *path, void *base)
{
	uint64_t seen = 0;

	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
		pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(reader->doc, pair->key);
		struct place at = { .node = yaml_document_get_node(reader->doc, pair->value) };
		const struct host_key *key = take_key(reader, section, name, path, &seen);

		if (!key)
			return false;
		join(&at, path, key->key);
		if (!take(reader, key, &at, base))
			return false;
	}
	for (const struct host_key *key = host_keys; key->key; key++) {
		if (key->section == section && !(seen & BIT64(key - host_keys)) &&
			!take_default(reader, key, map, path, base))
			return false;
	}
	return true;
}

static void item_init(enum host_section section, void *item)
{
	if (section == HOST_IOMMUS)
		((struct host_iommu *)item)->stage1 = ((struct host_iommu *)item)->stage2 = true;
	if (section == HOST_DEVICES)
		((struct host_device *)item)->group = -1;
}

static bool take_item(
	struct reader *reader, enum host_section section, struct place *at, unsigned index)
{
	const struct host_section_info *info = &host_sections[section];
	yaml_node_t **const maps[HOST_SECTIONS] = {
		[HOST_IOMMUS] = reader->iommus,
		[HOST_BUSES] = reader->buses,
		[HOST_DEVICES] = reader->devices,
	};
	char *item = (char *)reader->desc + info->offset + index * info->bytes;
	char shown[64];

	snprintf(at->path, sizeof(at->path), "%s[%u]", info->name, index);
	if (at->node->type != YAML_MAPPING_NODE)
		return reader_fail(reader, at, "is %s, must be a map",
			reader_show(at->node, shown, sizeof(shown)));
	maps[section][index] = at->node;
	item_init(section, item);
	return take_section(reader, section, at->node, at->path, item);
}

static bool take_list(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	const struct host_section_info *info = &host_sections[key->opens];
	unsigned *count = (unsigned *)((char *)reader->desc + info->count_offset);

	if (at->node->type != YAML_SEQUENCE_NODE)
		return reader_fail_value(reader, key, at);
	for (yaml_node_item_t *item = at->node->data.sequence.items.start;
		item < at->node->data.sequence.items.top; item++) {
		struct place place = { .node = yaml_document_get_node(reader->doc, *item) };

		join(&place, "", key->key);
		if (*count == info->max)
			return reader_fail(
				reader, &place, "too many, must be at most %u", info->max);
		if (!take_item(reader, key->opens, &place, *count))
			return false;
		++*count;
	}
	return true;
}

static bool take_map(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base)
{
	if (at->node->type != YAML_MAPPING_NODE)
		return reader_fail_value(reader, key, at);
	return take_section(reader, key->opens, at->node, at->path, base);
}

/* ---- files -------------------------------------------------------------------------------- */

static bool read_root(struct reader *reader)
{
	yaml_node_t *root = yaml_document_get_root_node(reader->doc);
	struct place at = { .node = root, .path = "host" };
	char shown[64];

	if (!root || reader_is_null(root)) {
		error_set(reader->error, EINVAL,
			"%s:1:1: version: the file is empty, must at least say version: 1",
			reader->file);
		return false;
	}
	if (root->type != YAML_MAPPING_NODE)
		return reader_fail(reader, &at, "is %s, must be a map with version: 1",
			reader_show(root, shown, sizeof(shown)));
	return take_section(reader, HOST_TOP, root, "", reader->desc) && reader_check(reader);
}

/** libyaml has no mark for bytes that are no text, only their offset. */
static yaml_mark_t mark_of_offset(const struct reader *reader, size_t offset)
{
	yaml_mark_t mark = { 0 };

	for (size_t i = 0; i < offset && i < reader->len; i++) {
		mark.column++;
		if (reader->text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		}
	}
	return mark;
}

static int syntax_error(const struct reader *reader, const yaml_parser_t *parser)
{
	yaml_mark_t mark = parser->problem_mark;

	if (parser->error == YAML_MEMORY_ERROR)
		return error_set(reader->error, ENOMEM, "%s: out of memory", reader->file);
	if (parser->error == YAML_READER_ERROR)
		mark = mark_of_offset(reader, parser->problem_offset);
	return error_set(reader->error, EINVAL, "%s:%zu:%zu: yaml: %s%s%s, must be YAML",
		reader->file, mark.line + 1, mark.column + 1,
		parser->context ? parser->context : "", parser->context ? ", " : "",
		parser->problem ? parser->problem : "cannot be read");
}

/** One document only: a second one would silently not count. */
static bool read_end(struct reader *reader, yaml_parser_t *parser)
{
	yaml_document_t more;
	yaml_node_t *root;
	struct place at = { .path = "yaml" };

	if (!yaml_parser_load(parser, &more)) {
		syntax_error(reader, parser);
		return false;
	}
	root = yaml_document_get_root_node(&more);
	at.node = root;
	if (root)
		reader_fail(reader, &at, "a second document starts here, must be one");
	yaml_document_delete(&more);
	return !root;
}

static bool is_anchored(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor;
	default:
		return false;
	}
}

/** What an event does to the depth of nesting. */
static int deepens(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return 1;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return -1;
	default:
		return 0;
	}
}

/** 0: go on; 1: the end; -EINVAL. */
static int check_event(struct reader *reader, const yaml_event_t *event, int *depth, int *anchors)
{
	yaml_node_t node = { .start_mark = event->start_mark };
	struct place at = { .node = &node, .path = "yaml" };

	*depth += deepens(event);
	*anchors += is_anchored(event);
	if (*depth > DEPTH_MAX)
		reader_fail(reader, &at, "is nested too deep, must be at most %d deep", DEPTH_MAX);
	else if (*anchors > ANCHORS_MAX)
		reader_fail(reader, &at, "too many anchors, must be at most %d", ANCHORS_MAX);
	else
		return event->type == YAML_STREAM_END_EVENT;
	return -EINVAL;
}

/**
 * Walk the events before the document is built: libyaml takes time quadratic in depth and in the
 * number of anchors. Errors of syntax are left to the loader, that words them better.
 */
static int check_shape(struct reader *reader)
{
	yaml_parser_t parser;
	yaml_event_t event;
	int depth = 0, anchors = 0, ret = 0;

	if (!yaml_parser_initialize(&parser))
		return error_set(reader->error, ENOMEM, "%s: out of memory", reader->file);
	yaml_parser_set_input_string(&parser, (const unsigned char *)reader->text, reader->len);
	while (!ret && yaml_parser_parse(&parser, &event)) {
		ret = check_event(reader, &event, &depth, &anchors);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return MIN(ret, 0);
}

static int parse(yaml_parser_t *parser, struct reader *reader)
{
	yaml_document_t doc;
	bool ok;

	if (!yaml_parser_load(parser, &doc))
		return syntax_error(reader, parser);
	reader->doc = &doc;
	ok = read_root(reader) && (!yaml_document_get_root_node(&doc) || read_end(reader, parser));
	yaml_document_delete(&doc);
	return ok ? 0 : -EINVAL;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int host_parse(
	const char *file, const char *text, size_t len, struct host_desc *desc, struct error *error)
{
	AUTO_FREE struct reader *reader = calloc(1, sizeof(*reader));
	yaml_parser_t parser;
	int ret;

	memset(desc, 0, sizeof(*desc));
	snprintf(desc->name, sizeof(desc->name), "%s", base_name(file));
	if (!reader || !yaml_parser_initialize(&parser))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): AUTO_FREE is not seen. */
		return error_set(error, ENOMEM, "%s: out of memory", file);
	*reader = (struct reader){
		.file = file, .text = text, .len = len, .desc = desc, .error = error
	};
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	ret = check_shape(reader);
	if (!ret)
		ret = parse(&parser, reader);
	yaml_parser_delete(&parser);
	return ret;
}

/** The whole of a regular file (or pipe) of sane size. Returns its length or -errno. */
static ssize_t read_file(const char *path, char *buf, size_t size, struct error *error)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return error_sys(error, errno, "%s: cannot open the host description", path);
	do {
		n = read(fd, buf + len, size - len);
		if (n < 0 && errno != EINTR)
			return error_sys(
				error, errno, "%s: cannot read the host description", path);
		len += n > 0 ? (size_t)n : 0;
	} while (n && len < size);
	if (len == size)
		return error_set(error, EFBIG,
			"%s: the host description is too large, must be at most %u KiB", path,
			(unsigned)(FILE_MAX >> 10));
	return (ssize_t)len;
}

static int load_file(const char *path, struct host_desc *desc, struct error *error)
{
	AUTO_FREE char *buf = malloc(FILE_MAX + 1);
	ssize_t len;

	if (!buf)
		return error_set(error, ENOMEM, "%s: out of memory", path);
	len = read_file(path, buf, FILE_MAX + 1, error);
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): AUTO_FREE is not seen. */
	return len < 0 ? (int)len : host_parse(path, buf, (size_t)len, desc, error);
}

static bool is_path(const char *name)
{
	const char *dot = strrchr(name, '.');

	return strchr(name, '/') || (dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml")));
}

static int no_such_host(const char *name, struct error *error)
{
	char list[128], shown[48];
	struct text text;

	text_init(&text, shown, sizeof(shown));
	text_add_escaped(&text, name, strlen(name), "'");
	text_init(&text, list, sizeof(list));
	for (unsigned i = 0; host_builtins[i]; i++)
		text_add(&text, "%s%s", i ? ", " : "", host_builtins[i]);
	return error_set(error, ENOENT,
		"there is no built-in host '%s', must be one of %s, or a file (a name with a '/' "
		"or that ends in .yaml or .yml)",
		shown, list);
}

int host_load(const char *name_or_path, struct host_desc *desc, struct error *error)
{
	const char *yaml;

	if (is_path(name_or_path))
		return load_file(name_or_path, desc, error);
	yaml = host_builtin_yaml(name_or_path);
	if (!yaml)
		return no_such_host(name_or_path, error);
	return host_parse(name_or_path, yaml, strlen(yaml), desc, error);
}
