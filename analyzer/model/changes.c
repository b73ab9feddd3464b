/* SPDX-License-Identifier: MIT */
#include "changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "radix.h"

#define FIRST_ROOM 256u

void changes_done(struct changes *changes)
{
	free(changes->items);
	free(changes->spare);
	memset(changes, 0, sizeof(*changes));
}

void changes_restart(struct changes *changes, size_t most)
{
	if (changes->room / 4 > changes->count && changes->room > FIRST_ROOM)
		changes_done(changes);
	changes->count = 0;
	changes->most = most;
	changes->lost = false;
}

void changes_grow(struct changes *changes)
{
	size_t room = changes->room ? 2 * changes->room : FIRST_ROOM;
	struct change *items = NULL;

	if (changes->count < changes->most)
		items = reallocarray(changes->items, room, sizeof(*items));
	if (!items) {
		changes_done(changes);
		changes->lost = true;
		return;
	}
	changes->items = items;
	changes->room = room;
}

int changes_sort(struct changes *changes)
{
	uint64_t differ = 0;
	struct change *sorted;

	for (size_t i = 1; i < changes->count; i++)
		differ |= changes->items[i].address ^ changes->items[0].address;
	if (differ == 0)
		return 0;
	if (changes->spare_room < changes->count) {
		free(changes->spare);
		changes->spare_room = 0;
		changes->spare = reallocarray(NULL, changes->room, sizeof(*sorted));
		if (!changes->spare)
			return -ENOMEM;
		changes->spare_room = changes->room;
	}
	sorted = radix_sort(changes->items, changes->spare, changes->count, sizeof(*sorted),
			    differ);
	if (sorted != changes->items) {
		size_t room = changes->room;

		changes->spare = changes->items;
		changes->items = sorted;
		changes->room = changes->spare_room;
		changes->spare_room = room;
	}
	return 0;
}
