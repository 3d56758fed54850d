/* SPDX-License-Identifier: MIT */
/*
 * The areas of an address space, ordered by their last IOVA: a B+ tree. Programs map and unmap at
 * random among tens of thousands; what that costs is cache lines, and a search here touches a few
 * where a binary tree touches one for each level.
 */
#ifndef IOAS_TREE_H
#define IOAS_TREE_H

#include <stdbool.h>
#include <stdint.h>

struct area;
struct area_node;

/** All zero: empty. */
struct area_tree {
	struct area_node *root;	 /* NULL: empty */
	struct area_node *leaf;	 /* where the last search ended, or NULL: the next is often near */
	unsigned height;	 /* levels of nodes */
	struct area_slab *slabs; /* memory of nodes, which stays until area_tree_finish */
	struct area_node *spare; /* nodes that are not in use, */
	unsigned spares;	 /* so many: insertion takes some, and so cannot fail */
};

/** Make sure of room for one more area. False: out of memory. */
bool area_tree_reserve(struct area_tree *tree);
/** After area_tree_reserve; no area has the same last IOVA. */
void area_tree_insert(struct area_tree *tree, struct area *area);
/** The area is in it. */
void area_tree_remove(struct area_tree *tree, struct area *area);
/** The first area that ends at or after iova, or NULL. */
struct area *area_tree_from(const struct area_tree *tree, uint64_t iova);
/** The first area that touches [iova, last], or NULL; the one behind it is not looked at. */
struct area *area_tree_touching(const struct area_tree *tree, uint64_t iova, uint64_t last);
/** The first area that ends after this one, or NULL. */
struct area *area_tree_next(const struct area_tree *tree, const struct area *area);
/** The last one, or NULL. */
struct area *area_tree_last(const struct area_tree *tree);
/** It is empty: its memory goes. */
void area_tree_finish(struct area_tree *tree);

#endif
