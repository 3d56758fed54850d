/* SPDX-License-Identifier: MIT */
/*
 * Leaves hold areas by their last IOVA; inner nodes hold, for each child, a bound: no key below is
 * larger, every key of the next child is. Removing leaves bounds as they are and merges nothing:
 * nodes go when they are empty. So a search may end behind the last bound of a node, or the last key
 * of a leaf; what it is for is then the first of the next leaf, which has keys.
 */
#include "ioas/tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/check.h"
#include "ioas/internal.h"

#define FANOUT	   32
#define SLAB_NODES 64
#define LINE	   64 /* of the cache, about */

struct area_node {
	unsigned n;
	struct area_node *prev, *next; /* leaves; spare ones: next alone */
	uint64_t keys[FANOUT];	       /* of a leaf: last IOVAs; else bounds */
	void *below[FANOUT];	       /* areas; else nodes */
	uint64_t firsts[FANOUT];       /* of a leaf: the areas' first IOVAs */
};

/** Nodes lie together, so that they share pages: a miss of the TLB costs more than one of the cache. */
struct area_slab {
	struct area_slab *next;
	struct area_node nodes[SLAB_NODES];
};

/* The first place whose key is not smaller; n: all are. Steps are sums, as no branch is foreseen. */
static unsigned place_of(const struct area_node *node, uint64_t key)
{
	unsigned at = 0;

	for (unsigned left = node->n; left; left /= 2) {
		unsigned half = left - left / 2;

		at += (node->keys[at + half - 1] < key) * half;
	}
	return at;
}

/* ---- nodes ---- */

static void give_back(struct area_tree *tree, struct area_node *node)
{
	if (tree->leaf == node)
		tree->leaf = NULL;
	node->next = tree->spare;
	tree->spare = node;
	tree->spares++;
}

static struct area_node *take_spare(struct area_tree *tree)
{
	struct area_node *node = tree->spare;

	nb_assert(node);
	tree->spare = node->next;
	tree->spares--;
	node->n = 0;
	node->prev = node->next = NULL;
	return node;
}

/* Each level may split, and then a root comes on top. */
bool area_tree_reserve(struct area_tree *tree)
{
	struct area_slab *slab;

	if (tree->spares > tree->height)
		return true;
	slab = malloc(sizeof(*slab));
	if (!slab)
		return false;
	slab->next = tree->slabs;
	tree->slabs = slab;
	for (unsigned i = SLAB_NODES; i-- > 0;)
		give_back(tree, &slab->nodes[i]);
	return true;
}

void area_tree_finish(struct area_tree *tree)
{
	struct area_slab *slab;

	nb_assert(!tree->root);
	while ((slab = tree->slabs)) {
		tree->slabs = slab->next;
		free(slab);
	}
	*tree = (struct area_tree){ 0 };
}

/* ---- searching ---- */

/* All lines of a node at once: each by itself would be waited for. */
static void fetch(const struct area_node *node)
{
	for (size_t at = 0; at < sizeof(*node); at += LINE)
		__builtin_prefetch((const char *)node + at);
}

/* Where the key is or would be; or the leaf before, whose keys are all smaller. NULL: empty. */
static struct area_node *leaf_of(const struct area_tree *tree, uint64_t key)
{
	struct area_node *node = tree->leaf;

	if (node && node->keys[0] < key && key <= node->keys[node->n - 1])
		return node;
	node = tree->root;
	for (unsigned level = 1; level < tree->height; level++) {
		/* Beyond its last bound (which the bound above it need not be): its last leaf. */
		node = node->below[MIN(place_of(node, key), node->n - 1)];
		fetch(node);
	}
	((struct area_tree *)tree)->leaf = node; /* a cache: nothing that can be seen */
	return node;
}

/* The place of the first area that ends at or after iova. False: there is none. */
static bool find(
	const struct area_tree *tree, uint64_t iova, const struct area_node **leaf, unsigned *i)
{
	*leaf = leaf_of(tree, iova);
	if (!*leaf)
		return false;
	*i = place_of(*leaf, iova);
	if (*i < (*leaf)->n)
		return true;
	*leaf = (*leaf)->next;
	*i = 0;
	return *leaf;
}

struct area *area_tree_from(const struct area_tree *tree, uint64_t iova)
{
	const struct area_node *leaf;
	unsigned i;

	return find(tree, iova, &leaf, &i) ? leaf->below[i] : NULL;
}

struct area *area_tree_touching(const struct area_tree *tree, uint64_t iova, uint64_t last)
{
	const struct area_node *leaf;
	unsigned i;

	return find(tree, iova, &leaf, &i) && leaf->firsts[i] <= last ? leaf->below[i] : NULL;
}

struct area *area_tree_next(const struct area_tree *tree, const struct area *area)
{
	return area->last == UINT64_MAX ? NULL : area_tree_from(tree, area->last + 1);
}

struct area *area_tree_last(const struct area_tree *tree)
{
	const struct area_node *node = tree->root;

	for (unsigned level = 1; level < tree->height; level++)
		node = node->below[node->n - 1];
	return node ? node->below[node->n - 1] : NULL;
}

/* ---- inserting ---- */

/* What a node holds at a place. */
struct entry {
	uint64_t key, first;
	void *below;
};

static void put_at(struct area_node *node, unsigned i, struct entry entry)
{
	unsigned after = node->n++ - i;

	memmove(&node->keys[i + 1], &node->keys[i], after * sizeof(node->keys[0]));
	memmove(&node->below[i + 1], &node->below[i], after * sizeof(node->below[0]));
	memmove(&node->firsts[i + 1], &node->firsts[i], after * sizeof(node->firsts[0]));
	node->keys[i] = entry.key;
	node->below[i] = entry.below;
	node->firsts[i] = entry.first;
}

/* The upper half of a full node goes to a new one on its right. */
static struct area_node *split(struct area_tree *tree, struct area_node *node, bool leaf)
{
	struct area_node *right = take_spare(tree);

	right->n = FANOUT / 2;
	node->n -= right->n;
	memcpy(right->keys, &node->keys[node->n], right->n * sizeof(node->keys[0]));
	memcpy(right->below, &node->below[node->n], right->n * sizeof(node->below[0]));
	memcpy(right->firsts, &node->firsts[node->n], right->n * sizeof(node->firsts[0]));
	if (!leaf)
		return right;
	right->prev = node;
	right->next = node->next;
	if (right->next)
		right->next->prev = right;
	node->next = right;
	return right;
}

/* Put it where it belongs in node, or in the half that split off; that is returned, or NULL. */
static struct area_node *put(
	struct area_tree *tree, struct area_node *node, struct entry entry, bool leaf)
{
	struct area_node *right = node->n == FANOUT ? split(tree, node, leaf) : NULL;
	struct area_node *into = right && entry.key > node->keys[node->n - 1] ? right : node;

	put_at(into, place_of(into, entry.key), entry);
	return right;
}

static struct entry entry_of(struct area_node *node)
{
	return (struct entry){ .key = node->keys[node->n - 1], .below = node };
}

/* levels: of node and below. What split off node, or NULL. */
static struct area_node *insert(
	struct area_tree *tree, struct area_node *node, unsigned levels, struct area *area)
{
	struct area_node *child, *right;
	unsigned i;

	if (levels == 1)
		return put(tree, node, (struct entry){ area->last, area->iova, area }, true);
	i = MIN(place_of(node, area->last), node->n - 1);
	child = node->below[i];
	right = insert(tree, child, levels - 1, area);
	if (!right) {
		node->keys[i] = MAX(node->keys[i], area->last);
		return NULL;
	}
	node->keys[i] = entry_of(child).key;
	return put(tree, node, entry_of(right), false);
}

static void new_root(struct area_tree *tree, struct area_node *left, struct area_node *right)
{
	struct area_node *root = take_spare(tree);

	put_at(root, 0, entry_of(left));
	put_at(root, 1, entry_of(right));
	tree->root = root;
	tree->height++;
}

void area_tree_insert(struct area_tree *tree, struct area *area)
{
	struct area_node *right;

	if (!tree->root) {
		tree->root = take_spare(tree);
		tree->height = 1;
	}
	right = insert(tree, tree->root, tree->height, area);
	if (right)
		new_root(tree, tree->root, right);
}

/* ---- removing ---- */

static void take_at(struct area_node *node, unsigned i)
{
	unsigned after = --node->n - i;

	memmove(&node->keys[i], &node->keys[i + 1], after * sizeof(node->keys[0]));
	memmove(&node->below[i], &node->below[i + 1], after * sizeof(node->below[0]));
	memmove(&node->firsts[i], &node->firsts[i + 1], after * sizeof(node->firsts[0]));
}

static void unlink_leaf(struct area_node *leaf)
{
	if (leaf->prev)
		leaf->prev->next = leaf->next;
	if (leaf->next)
		leaf->next->prev = leaf->prev;
}

/* levels: of node and below. It may be empty afterwards. */
static void take(
	struct area_tree *tree, struct area_node *node, unsigned levels, const struct area *area)
{
	unsigned i = place_of(node, area->last);
	struct area_node *child;

	nb_assert(i < node->n);
	if (levels == 1) {
		nb_assert(node->below[i] == area);
		take_at(node, i);
		return;
	}
	child = node->below[i];
	take(tree, child, levels - 1, area);
	if (child->n)
		return;
	if (levels == 2)
		unlink_leaf(child);
	take_at(node, i);
	give_back(tree, child);
}

void area_tree_remove(struct area_tree *tree, struct area *area)
{
	struct area_node *root = tree->root;

	take(tree, root, tree->height, area);
	while (root->n == (tree->height > 1)) {
		tree->root = tree->height > 1 ? root->below[0] : NULL;
		tree->height--;
		give_back(tree, root);
		root = tree->root;
		if (!root)
			break;
	}
}
