/* SPDX-License-Identifier: MIT */
#include "breaks.h"

#include <errno.h>
#include <stdlib.h>

#include "pointers.h"

void breaks_done(struct breaks *breaks)
{
	free(breaks->pieces);
	*breaks = (struct breaks){0};
}

/* Everything from `end` on is gone. */
static void cut(struct breaks *breaks, uint64_t end)
{
	while (breaks->count && breaks->pieces[breaks->count - 1].start >= end)
		breaks->count--;
	if (breaks->count && breaks->pieces[breaks->count - 1].end > end)
		breaks->pieces[breaks->count - 1].end = end;
}

int breaks_move(struct breaks *breaks, uint64_t before, uint64_t after)
{
	struct breaks_piece *pieces = breaks->pieces;

	/* The break grows at its end only: what is known beyond was given back unseen. */
	cut(breaks, before < after ? before : after);
	if (after <= before)
		return 0;
	if (breaks->count && pieces[breaks->count - 1].end == before) {
		pieces[breaks->count - 1].end = after;
		return 0;
	}
	if (breaks->count == breaks->room) {
		size_t room = breaks->room ? 2 * breaks->room : 16;

		pieces = reallocarray(pieces, room, sizeof(*pieces));
		if (!pieces)
			return -ENOMEM;
		breaks->pieces = pieces;
		breaks->room = room;
	}
	pieces[breaks->count++] = (struct breaks_piece){before, after};
	return 0;
}

int breaks_add_roots(const struct breaks *breaks, struct pointers *pointers)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < breaks->count; i++) {
		const struct pointers_root root = {.start = breaks->pieces[i].start,
						   .end = breaks->pieces[i].end,
						   .kind = MFT_ROOT_MAPPING,
						   .module = POINTERS_NONE,
						   .tid = POINTERS_NONE};

		r = pointers_add_root(pointers, &root);
	}
	return r;
}
