/* SPDX-License-Identifier: MIT */
/*
 * The one table of keys of a host description. The reader takes types, ranges and defaults from it,
 * every message what is allowed, `nestbox host --yaml` its comments, and the manual its list.
 */
#ifndef MACHINE_SCHEMA_H
#define MACHINE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum host_type {
	HOST_INT,     /* min to max */
	HOST_BOOL,    /* true or false */
	HOST_WORD,    /* one of words */
	HOST_NAME,    /* a letter, then letters, digits, '-', '_' and '.' */
	HOST_STAGES,  /* a list out of 1 and 2 */
	HOST_ADDRESS, /* a PCI address with its segment */
	HOST_OPTIONS, /* a map, by the model's own table */
	HOST_LIST,    /* of maps: a section */
	HOST_MAP,     /* a section */
};

enum host_section {
	HOST_TOP,
	HOST_IOMMUS,
	HOST_BUSES,
	HOST_DEVICES,
	HOST_POLICY,
	HOST_SECTIONS,
};

struct host_key {
	enum host_section section;
	const char *key;
	enum host_type type;
	bool required;
	uint64_t min, max;	  /* of an integer */
	const char *const *words; /* what is allowed, ends with NULL; integers too, where few */
	const char *dflt;	  /* in YAML, NULL: none */
	size_t offset, bytes;	  /* in the section's struct, bytes 0: read by hand */
	enum host_section opens;  /* of a list or map */
	const char *doc;
};

/** Where the items of a section are in struct host_desc. */
struct host_section_info {
	const char *name;
	size_t offset, bytes, count_offset; /* bytes: of one item */
	unsigned max;			    /* items; 0: not a list */
};

extern const struct host_key host_keys[]; /* by section, ends with key NULL */
extern const struct host_section_info host_sections[HOST_SECTIONS];

const struct host_key *host_key_find(enum host_section section, const char *key, size_t len);

/** "an integer from 0 to 65535", "true or false", "one of smmuv3, vtd". Returns buf. */
const char *host_key_allowed(const struct host_key *key, char *buf, size_t len);

/** The same in short, of an integer or word: "0 to 65535", "smmuv3, vtd". Returns buf. */
const char *host_key_range(const struct host_key *key, char *buf, size_t len);

#endif
