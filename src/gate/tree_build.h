/* SPDX-License-Identifier: MIT */
/* How the parts of a tree are put together (tree.c, tree_device.c): entries are added in any order. */
#ifndef GATE_TREE_BUILD_H
#define GATE_TREE_BUILD_H

#include <string.h>

#include "gate/tree.h"

#define TREE_DRIVERS "/sys/bus/pci/drivers"
#define TREE_GROUPS  "/sys/kernel/iommu_groups"

struct tree_builder {
	const struct machine *machine;
	struct tree *tree;
	bool admin;
	bool failed; /* no memory */
};

/** A formatted string on the heap, or NULL, which tree_add knows. */
char *tree_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** text, which is freed, and more behind it; NULL where text is, too. */
char *tree_more(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Takes path and content, both from malloc. NULL where memory ran out. */
struct tree_entry *tree_add(
	struct tree_builder *b, enum tree_kind kind, char *path, char *content, size_t len);

void tree_add_dir(struct tree_builder *b, char *path);
void tree_add_file(struct tree_builder *b, char *path, char *content);
void tree_add_link(struct tree_builder *b, char *path, char *target);
void tree_add_node(struct tree_builder *b, char *path, enum tree_node node, int id, bool absent);
/** A file that may be written, mode is as in Linux. */
void tree_add_attr(
	struct tree_builder *b, char *path, char *content, unsigned mode, struct tree_attr attr);

/** Of the machine's device i: all below its directory, and the links that lead there. */
void tree_add_device(struct tree_builder *b, unsigned i);

#endif
