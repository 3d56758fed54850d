/* SPDX-License-Identifier: MIT */
/*
 * What a box shows below /sys and /dev instead of the host's: a list of directories, files, links
 * and device nodes, generated from the machine (tree.c), created by the launcher in the box's own
 * mount namespace (namespace.c).
 */
#ifndef GATE_TREE_H
#define GATE_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "machine/machine.h"

enum tree_kind {
	TREE_DIR,
	TREE_FILE, /* regular, read-only content */
	TREE_LINK, /* content: the target */
	TREE_NODE, /* a character device that the gate serves; looks like /dev/null (1:3) */
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
	enum tree_node node;
	int id; /* group number */
	/* Filled by the launcher, from inside the box: how the gate recognises an open of it. */
	uint64_t mnt_id, ino, dev;
};

struct tree {
	struct tree_entry *entries;
	size_t n;
};

/** All that a program may look for of this machine. 0 or -ENOMEM. */
int tree_build(const struct machine *machine, struct tree *tree);
void tree_finish(struct tree *tree);

#endif
