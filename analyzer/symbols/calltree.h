/* SPDX-License-Identifier: MIT */
/*
 * calltree.h - the call stacks of one or several processes as one tree of named frames.
 *
 * Replay gives a tree of addresses; here each becomes the functions that are at it, inlined
 * ones included. Frames with the same function, file, line, module and caller are one node,
 * so two call sites look the same exactly when they are the same node. A parent's index is
 * always smaller than its children's.
 * Guarantees: only frames that are asked for are named.
 * Threads: none. Memory: nodes belong to the tree; their strings to the struct symbols.
 * Not here: adding up what the sites did (sites.h).
 */
#ifndef CALLTREE_H
#define CALLTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct profile;
struct symbols;

#define CALLTREE_ROOT 0u      /* caller of an outermost frame */
#define CALLTREE_TRUNCATED 1u /* the callers are not known */
#define CALLTREE_FIRST 2u

struct callnode {
	uint32_t parent;
	bool inlined;	      /* into the parent */
	bool runtime;	      /* of the allocator or the language (framerules.h) */
	bool startup;	      /* and so are all its callers */
	unsigned line;	      /* 0: not known */
	const char *function; /* NULL: not known */
	/* Linker's name of the function, of the first frame that made it; NULL: not known,
	 * or the same. */
	const char *linker_name;
	const char *file;   /* NULL: not known */
	const char *module; /* path; NULL: in no module */
	/* What fingerprints are made of (fingerprint.h); NULL: not known. */
	const char *function_key;
	const char *module_key; /* base name without version; NULL: in no module */
	uint64_t address;	/* in the module's file; of the first frame that made it */
};

struct calltree;

/* symbols must outlive the tree. Returns NULL where memory is short. */
struct calltree *calltree_new(struct symbols *symbols);
void calltree_free(struct calltree *tree);

/* How one profile's frames lie in the tree. */
struct calltree_view;
/* Both must outlive the view. Returns NULL where memory is short. */
struct calltree_view *calltree_view_new(struct calltree *tree,
					const struct profile *profile);
void calltree_view_free(struct calltree_view *view);

/* Says that the node of a frame will be asked for, so that names can be asked for many at
 * a time. Returns 0 or -ENOMEM. */
int calltree_want(struct calltree_view *view, uint32_t frame);

/* The node of a frame of the profile (profile.h), named on first use. Returns 0 and sets
 * *ret_node, or -ENOMEM. */
int calltree_node(struct calltree_view *view, uint32_t frame, uint32_t *ret_node);

/* A node by its index. The pointer is good until the next calltree_node. */
const struct callnode *calltree_at(const struct calltree *tree, uint32_t node);

/* The innermost node worth showing: without the allocator's and the runtime's. */
uint32_t calltree_trimmed(const struct calltree *tree, uint32_t node);

/* The node after `node` that is shown, going outwards from a trimmed one; CALLTREE_ROOT or
 * CALLTREE_TRUNCATED at the end. all: start-up frames too. */
uint32_t calltree_caller(const struct calltree *tree, uint32_t node, bool all);

#endif
