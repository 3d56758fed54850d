/* SPDX-License-Identifier: MIT */
/*
 * Reading a host description: the state that the two passes share. The first (host.c) takes every
 * value (value.c) by the table of keys; the second (check.c) looks at what values mean together.
 */
#ifndef MACHINE_READER_H
#define MACHINE_READER_H

#include <yaml.h>

#include "machine/host.h"
#include "machine/schema.h"

#define READER_PATH_MAX 96

struct reader {
	const char *file;
	const char *text;
	size_t len;
	yaml_document_t *doc;
	struct host_desc *desc;
	struct error *error;
	/* The map of each item, for positions in the second pass. */
	yaml_node_t *iommus[HOST_MAX_IOMMUS];
	yaml_node_t *buses[HOST_MAX_BUSES];
	yaml_node_t *devices[HOST_MAX_DEVICES];
};

/** A place in the file and what it is called: "devices[2].at". */
struct place {
	yaml_node_t *node;
	char path[READER_PATH_MAX];
};

/** Record "file:line:column: path: message"; false. */
bool reader_fail(struct reader *reader, const struct place *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/** What is written there, for a message: "'foo'", "a list", "a map", "nothing". Returns buf. */
const char *reader_show(const yaml_node_t *node, char *buf, size_t len);

/** The same for a key of a map, without quotes. */
const char *reader_show_key(const yaml_node_t *node, char *buf, size_t len);

/** The value of a key of a map; the map itself (the place where it is missing) if there is none. */
struct place reader_place(
	struct reader *reader, enum host_section section, unsigned index, const char *key);
yaml_node_t *reader_value(struct reader *reader, yaml_node_t *map, const char *key);

/** A plain scalar that is a number. -EINVAL: it is none; -ERANGE: it is too large for 64 bits. */
int reader_integer(const yaml_node_t *node, uint64_t *value);

/** No value: ~, null or empty. */
bool reader_is_null(const yaml_node_t *node);
/** The text of a scalar; NULL if it is none, is null, or has a NUL in it. */
const char *reader_text(const yaml_node_t *node);
/** "is SHOWN, must be ALLOWED"; false. */
bool reader_fail_value(struct reader *reader, const struct host_key *key, const struct place *at);

/** Take a value that is no section into base, the section's struct. */
bool reader_take(
	struct reader *reader, const struct host_key *key, const struct place *at, void *base);

/** The second pass. */
bool reader_check(struct reader *reader);

#endif
