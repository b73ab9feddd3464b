/* SPDX-License-Identifier: MIT */
#include "calltree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "fingerprint.h"
#include "framerules.h"
#include "profile.h"
#include "symbols.h"

/* What makes a node; zero-filled before it is set, because it is hashed as bytes. */
struct identity {
	const char *function;
	const char *file;
	const char *module;
	uint64_t nameless_address; /* tells unnamed frames apart */
	uint32_t parent;
	uint32_t line;
	uint32_t inlined;
	uint32_t zero;
};

struct entry {
	UT_hash_handle hh;
	struct identity identity;
	uint32_t node;
};

struct calltree {
	struct symbols *symbols;
	struct entry *entries;
	struct callnode *nodes;
	size_t count;
	size_t room;
};

struct view_module {
	struct symbol_module *symbols;
	const char *path;
	const char *key;
};

struct calltree_view {
	struct calltree *tree;
	const struct profile *profile;
	struct view_module *modules;
	uint32_t *nodes; /* by frame; 0: not named yet (but for frame 0 itself) */
	bool *wanted;	 /* by frame: its names are asked for, as are its callers' */
	uint32_t *path;	 /* frames still to be named, innermost first */
	size_t path_room;
};

struct calltree *calltree_new(struct symbols *symbols)
{
	struct calltree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return NULL;
	tree->symbols = symbols;
	tree->room = 1024;
	tree->count = CALLTREE_FIRST;
	tree->nodes = calloc(tree->room, sizeof(tree->nodes[0]));
	if (!tree->nodes) {
		free(tree);
		return NULL;
	}
	tree->nodes[CALLTREE_TRUNCATED].parent = CALLTREE_TRUNCATED;
	return tree;
}

void calltree_free(struct calltree *tree)
{
	struct entry *entry, *next;

	if (!tree)
		return;
	HASH_ITER (hh, tree->entries, entry, next) {
		HASH_DEL(tree->entries, entry);
		free(entry);
	}
	free(tree->nodes);
	free(tree);
}

const struct callnode *calltree_at(const struct calltree *tree, uint32_t node)
{
	return &tree->nodes[node];
}

/* A pooled copy of what fingerprint.h made, which is freed; NULL: memory is short. */
static const char *pooled_key(struct symbols *symbols, char *key)
{
	const char *pooled = key ? symbols_string(symbols, key) : NULL;

	free(key);
	return pooled;
}

struct calltree_view *calltree_view_new(struct calltree *tree,
					const struct profile *profile)
{
	struct calltree_view *view = calloc(1, sizeof(*view));
	size_t i;

	if (!view)
		return NULL;
	view->tree = tree;
	view->profile = profile;
	view->nodes = calloc(profile->frames_count + CALLTREE_FIRST, sizeof(uint32_t));
	view->wanted = calloc(profile->frames_count + CALLTREE_FIRST, sizeof(bool));
	view->modules = calloc(profile->modules_count + 1, sizeof(view->modules[0]));
	if (!view->nodes || !view->wanted || !view->modules)
		goto fail;
	view->nodes[MFT_NODE_TRUNCATED] = CALLTREE_TRUNCATED;
	for (i = 0; i < profile->modules_count; i++) {
		const struct profile_module *module = &profile->modules[i];
		struct view_module *known = &view->modules[i];

		if (symbols_module(tree->symbols, module->path, module->build_id,
				   module->build_id_bytes, &known->symbols))
			goto fail;
		known->path = symbols_string(tree->symbols,
					     module->path[0] ? module->path : "[vdso]");
		if (!known->path)
			goto fail;
		known->key = pooled_key(tree->symbols, fingerprint_module_new(known->path));
		if (!known->key)
			goto fail;
	}
	return view;
fail:
	calltree_view_free(view);
	return NULL;
}

void calltree_view_free(struct calltree_view *view)
{
	if (!view)
		return;
	free(view->modules);
	free(view->nodes);
	free(view->wanted);
	free(view->path);
	free(view);
}

static bool is_root(uint32_t node)
{
	return node < CALLTREE_FIRST;
}

/* Sets what the rules say of a node; its parent's flags are final. */
static void classify(const struct calltree *tree, struct callnode *node)
{
	const struct callnode *parent = &tree->nodes[node->parent];
	/* In stripped programs _start has no name: whatever called the C library's start is
	 * _start. */
	bool below_start = is_root(node->parent) || parent->startup ||
			   (is_root(parent->parent) && !parent->function);

	node->runtime = framerules_runtime(node->function, node->module_key);
	node->startup =
		(below_start && framerules_startup(node->function, node->module_key)) ||
		(parent->startup && node->runtime) ||
		(framerules_rust_start(node->function) && parent->function &&
		 !strcmp(parent->function, "main"));
}

static int add_node(struct calltree *tree, const struct identity *identity,
		    struct callnode *node, uint32_t *ret_node)
{
	struct entry *entry = NULL;

	HASH_FIND(hh, tree->entries, identity, sizeof(*identity), entry);
	if (entry) {
		*ret_node = entry->node;
		return 0;
	}
	if (node->function) {
		node->function_key =
			pooled_key(tree->symbols, fingerprint_function_new(node->function));
		if (!node->function_key)
			return -ENOMEM;
	}
	if (tree->count == tree->room) {
		struct callnode *moved =
			realloc(tree->nodes, 2 * tree->room * sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		tree->nodes = moved;
		tree->room *= 2;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->identity = *identity;
	entry->node = (uint32_t)tree->count;
	HASH_ADD(hh, tree->entries, identity, sizeof(entry->identity), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return -ENOMEM;
	}
	classify(tree, node);
	tree->nodes[tree->count++] = *node;
	*ret_node = entry->node;
	return 0;
}

/* Adds one symbol of a frame below `parent`. */
static int add_symbol(struct calltree *tree, const struct symbol *symbol,
		      const struct view_module *module, uint64_t address, uint32_t parent,
		      uint32_t *ret_node)
{
	struct identity identity;
	struct callnode node = {
		.parent = parent,
		.inlined = symbol->inlined,
		.line = symbol->line,
		.function = symbol->function,
		.linker_name = symbol->linker_name,
		.file = symbol->file,
		.module = module ? module->path : NULL,
		.module_key = module ? module->key : NULL,
		.address = address,
	};

	memset(&identity, 0, sizeof(identity));
	identity.function = node.function;
	identity.file = node.file;
	identity.module = node.module;
	identity.parent = parent;
	identity.line = node.line;
	identity.inlined = node.inlined;
	if (!node.function)
		identity.nameless_address = address;
	return add_node(tree, &identity, &node, ret_node);
}

static int add_frame(struct calltree_view *view, uint32_t index, uint32_t parent,
		     uint32_t *ret_node)
{
	static const struct symbol nothing;
	const struct profile_frame *frame = &view->profile->frames[index];
	const struct view_module *module;
	const struct symbol_list *list;
	size_t i;
	int error;

	if (frame->module >= view->profile->modules_count)
		return add_symbol(view->tree, &nothing, NULL, frame->offset, parent,
				  ret_node);
	module = &view->modules[frame->module];
	error = symbols_at(view->tree->symbols, module->symbols, frame->offset,
			   frame->exact, &list);
	for (i = error ? 0 : list->count; i > 0 && !error; i--)
		error = add_symbol(view->tree, &list->symbols[i - 1], module, frame->offset,
				   parent, &parent);
	if (!error)
		*ret_node = parent;
	return error;
}

/* Collects the frames on the way out from `frame` that have no node yet, innermost first.
 * *ret_known: the first that has one. */
static int collect(struct calltree_view *view, uint32_t frame, size_t *ret_count,
		   uint32_t *ret_known)
{
	const struct profile *profile = view->profile;
	size_t count = 0;

	while (frame >= MFT_NODE_FIRST && frame < profile->frames_count &&
	       !view->nodes[frame]) {
		if (count == view->path_room) {
			size_t room = view->path_room ? 2 * view->path_room : 256;
			uint32_t *moved = realloc(view->path, room * sizeof(*moved));

			if (!moved)
				return -ENOMEM;
			view->path = moved;
			view->path_room = room;
		}
		view->path[count++] = frame;
		frame = profile->frames[frame].parent;
	}
	*ret_count = count;
	*ret_known = frame;
	return 0;
}

static int want_frame(struct calltree_view *view, uint32_t index)
{
	const struct profile_frame *frame = &view->profile->frames[index];

	if (frame->module >= view->profile->modules_count)
		return 0;
	return symbols_want(view->tree->symbols, view->modules[frame->module].symbols,
			    frame->offset, frame->exact);
}

int calltree_want(struct calltree_view *view, uint32_t frame)
{
	const struct profile *profile = view->profile;
	int error = 0;

	while (!error && frame >= MFT_NODE_FIRST && frame < profile->frames_count &&
	       !view->nodes[frame] && !view->wanted[frame]) {
		view->wanted[frame] = true;
		error = want_frame(view, frame);
		frame = profile->frames[frame].parent;
	}
	return error;
}

int calltree_node(struct calltree_view *view, uint32_t frame, uint32_t *ret_node)
{
	size_t pending;
	uint32_t node;
	int error = calltree_want(view, frame);

	if (!error)
		error = collect(view, frame, &pending, &frame);
	if (error)
		return error;
	node = frame < view->profile->frames_count ? view->nodes[frame]
						   : CALLTREE_TRUNCATED;
	while (pending > 0) {
		frame = view->path[--pending];
		error = add_frame(view, frame, node, &node);
		if (error)
			return error;
		view->nodes[frame] = node;
	}
	*ret_node = node;
	return 0;
}

uint32_t calltree_trimmed(const struct calltree *tree, uint32_t node)
{
	while (!is_root(node) && tree->nodes[node].runtime) {
		uint32_t parent = tree->nodes[node].parent;

		if (is_root(parent) || tree->nodes[parent].startup)
			break;
		node = parent;
	}
	return node;
}

uint32_t calltree_caller(const struct calltree *tree, uint32_t node, bool all)
{
	uint32_t parent = tree->nodes[node].parent;

	if (!all && !is_root(parent) && tree->nodes[parent].startup)
		return CALLTREE_ROOT;
	return parent;
}
