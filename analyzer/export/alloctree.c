/* SPDX-License-Identifier: MIT */
#include "alloctree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "numbering.h"
#include "report.h"
#include "stackpath.h"

struct entry_key {
	struct numbering_frame_key frame;
	uint64_t parent;
};

void alloctree_done(struct alloctree *tree)
{
	free(tree->entries);
	free(tree->order);
	memset(tree, 0, sizeof(*tree));
}

/* The entry that the numbering says is number `count` is new: makes it. */
static int add_entry(struct alloctree *tree, uint32_t parent, uint32_t node)
{
	struct alloctree_entry *entry;

	if (tree->count == tree->room) {
		size_t room = tree->room ? 2 * tree->room : 1024;
		struct alloctree_entry *moved =
			realloc(tree->entries, room * sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		tree->entries = moved;
		tree->room = room;
	}
	entry = &tree->entries[tree->count];
	memset(entry, 0, sizeof(*entry));
	entry->parent = parent;
	entry->node = node;
	if (tree->count > 0) {
		entry->depth = tree->entries[parent].depth + 1;
		tree->entries[parent].children++;
	}
	tree->count++;
	return 0;
}

/* Adds a stack's bytes to its entries. Entry n has the number n, 0 none. */
static int add_stack(struct alloctree *tree, struct numbering *numbers,
		     const struct calltree *calls, const struct stackpath *path,
		     uint64_t bytes)
{
	size_t depth = path->count + (path->truncated || path->count == 0);
	uint32_t parent = 0;
	int error = 0;

	tree->entries[0].bytes += bytes;
	for (size_t i = 0; !error && i < depth; i++) {
		uint32_t node = i < path->count ? path->nodes[i] : ALLOCTREE_UNKNOWN;
		struct entry_key key;
		uint32_t number;
		bool new;

		memset(&key, 0, sizeof(key));
		key.parent = parent;
		key.frame = numbering_frame(
			node == ALLOCTREE_UNKNOWN ? NULL : calltree_at(calls, node), true);
		error = numbering_get(numbers, &key, sizeof(key), &number, &new);
		if (!error && new)
			error = add_entry(tree, parent, node);
		if (error)
			return error;
		tree->entries[number].bytes += bytes;
		parent = number;
	}
	return error;
}

static int compare(const void *a, const void *b, void *context)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	const struct alloctree *tree = context;
	const struct alloctree_entry *p = &tree->entries[x], *q = &tree->entries[y];

	if (p->parent != q->parent)
		return p->parent < q->parent ? -1 : 1;
	if (p->bytes != q->bytes)
		return p->bytes > q->bytes ? -1 : 1;
	return x < y ? -1 : 1;
}

static int put_in_order(struct alloctree *tree)
{
	size_t next = 0;

	tree->order = calloc(tree->count, sizeof(tree->order[0]));
	if (!tree->order)
		return -ENOMEM;
	for (size_t i = 1; i < tree->count; i++)
		tree->order[i - 1] = (uint32_t)i;
	qsort_r(tree->order, tree->count - 1, sizeof(tree->order[0]), compare, tree);
	for (size_t i = 0; i < tree->count; i++) {
		tree->entries[i].first_child = next;
		next += tree->entries[i].children;
	}
	return 0;
}

int alloctree_init(struct alloctree *tree, const struct report *report,
		   const struct sites *sites, alloctree_weigh_fn *weigh,
		   const void *context)
{
	struct stackpath path = {.count = 0};
	struct numbering numbers = {.count = 0};
	int error;

	memset(tree, 0, sizeof(*tree));
	error = add_entry(tree, 0, ALLOCTREE_UNKNOWN);
	for (size_t i = 0; !error && i < sites->count; i++) {
		uint64_t bytes = weigh(context, i);

		if (bytes == 0)
			continue;
		error = stackpath_set(&path, report->tree, &sites->items[i]);
		if (!error)
			error = add_stack(tree, &numbers, report->tree, &path, bytes);
	}
	if (!error)
		error = put_in_order(tree);
	numbering_done(&numbers);
	stackpath_done(&path);
	return error;
}
