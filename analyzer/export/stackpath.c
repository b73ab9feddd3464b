/* SPDX-License-Identifier: MIT */
#include "stackpath.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "sites.h"

void stackpath_done(struct stackpath *path)
{
	free(path->nodes);
	memset(path, 0, sizeof(*path));
}

int stackpath_set(struct stackpath *path, const struct calltree *tree,
		  const struct site *site)
{
	uint32_t node = site->shown;

	path->count = 0;
	for (; node >= CALLTREE_FIRST; node = calltree_caller(tree, node, false)) {
		if (path->count == path->room) {
			size_t room = path->room ? 2 * path->room : 128;
			uint32_t *moved = realloc(path->nodes, room * sizeof(*moved));

			if (!moved)
				return -ENOMEM;
			path->nodes = moved;
			path->room = room;
		}
		path->nodes[path->count++] = node;
	}
	path->truncated = node == CALLTREE_TRUNCATED;
	return 0;
}
