/* SPDX-License-Identifier: MIT */
/*
 * What a box shows below /sys and /dev instead of the host's: a list of directories, files, links
 * and device nodes, generated from the machine (tree.c), created by the launcher in the box's own
 * mount namespace (namespace.c).
 *
 * An entry replaces what the host has at that path, and a TREE_DIR replaces all that the host has
 * below it. Directories that are only named as the beginning of an entry's path are shared: the
 * host's own entries stay beside ours.
 */
#ifndef GATE_TREE_H
#define GATE_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"

enum tree_kind {
	TREE_DIR,
	TREE_FILE,   /* regular, content of len bytes */
	TREE_LINK,   /* content: the target */
	TREE_NODE,   /* a character device that the gate serves; looks like /dev/null (1:3) */
	TREE_HIDDEN, /* the host's, if it has one, does not appear */
};

/** What opening a node means. */
enum tree_node {
	NODE_CONTAINER,	    /* /dev/vfio/vfio */
	NODE_GROUP,	    /* /dev/vfio/ID */
	NODE_NOIOMMU_GROUP, /* /dev/vfio/noiommu-ID */
};

struct tree_entry {
	enum tree_kind kind;
	char *path; /* absolute, in the box */
	char *content;
	size_t len; /* of content */
	enum tree_node node;
	int id; /* group number */
	/* Filled by the launcher, from inside the box: how the gate recognises an open of it. */
	uint64_t mnt_id, ino, dev;
};

struct tree {
	struct tree_entry *entries;
	size_t n, room;
};

/** All that a program may look for of this machine. 0 or -ENOMEM. */
int tree_build(const struct machine *machine, struct tree *tree);
/** Give a file other content. -ENOENT, -ENOMEM. */
int tree_set(struct tree *tree, const char *path, const char *content);
void tree_finish(struct tree *tree);

/** Where the supervisor writes reports for the program; its own TREE_DIR. */
#define TREE_REPORT_DIR "/dev/nestbox"

#endif
