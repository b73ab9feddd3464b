/* SPDX-License-Identifier: MIT */
/*
 * stackpath.h - the frames of a call site one behind the other, as reports show them:
 * without those of the allocator and the runtime, and without start-up code.
 *
 * Threads: none. Memory: one array, used again for each stack; stackpath_done.
 * Not here: names (framename.h).
 */
#ifndef STACKPATH_H
#define STACKPATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calltree;
struct site;

struct stackpath {
	uint32_t *nodes; /* of the call tree, innermost first */
	size_t count;	 /* may be 0 */
	size_t room;
	bool truncated; /* more frames follow that are not known */
};

/* An empty one is all zeros. */
void stackpath_done(struct stackpath *path);

/* Sets it to the stack of a site. Returns 0 or -ENOMEM. */
int stackpath_set(struct stackpath *path, const struct calltree *tree,
		  const struct site *site);

#endif
