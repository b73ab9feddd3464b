/* SPDX-License-Identifier: MIT */
/*
 * changes.h - which blocks came and went since somebody last looked.
 *
 * A log: an event costs a store behind the last one, wherever its block lies. What came and
 * went at once is taken out again, so most temporary blocks are never looked at; what went
 * and came is one change. Sorted by
 * address, the log is then worked off in one go over what it changes.
 * Threads: one at a time. Memory: 48 bytes for each change of the longest log.
 */
#ifndef CHANGES_H
#define CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANGE_GONE UINT32_MAX
#define CHANGE_LARGE UINT32_MAX

struct change {
	uint64_t address;
	uint32_t site;	       /* CHANGE_GONE: there is no block now */
	uint32_t usable, size; /* bytes; usable CHANGE_LARGE: ask for the block */
	bool replaces;	       /* there was a block before; or there may have been */
};

struct changes {
	struct change *items;
	size_t count, room;
	size_t most; /* that are kept */
	bool lost;   /* there were more, or there was no memory; none is known */
	struct change *spare;
	size_t spare_room;
};

/* An empty log is all zeros; changes_done frees it and leaves it so. */
void changes_done(struct changes *changes);

/* No changes; about `most` are kept from here on. Gives memory back of which not much was
 * used. */
void changes_restart(struct changes *changes, size_t most);

/* Makes room for more, or gives up. */
void changes_grow(struct changes *changes);

static inline void changes_append(struct changes *changes, const struct change *change)
{
	if (__builtin_expect(changes->count == changes->room, 0))
		changes_grow(changes);
	if (!changes->lost)
		changes->items[changes->count++] = *change;
}

/* The last change, if it was at this address, or NULL. */
static inline struct change *changes_last(struct changes *changes, uint64_t address)
{
	struct change *last;

	if (changes->count == 0)
		return NULL;
	last = &changes->items[changes->count - 1];
	return last->address == address ? last : NULL;
}

/* A block is live from now on. */
static inline void changes_add(struct changes *changes, const struct change *change)
{
	struct change *last = changes_last(changes, change->address);

	if (last) {
		*last = *change;
		last->replaces = true;
	} else {
		changes_append(changes, change);
	}
}

/* The block at an address is gone. */
static inline void changes_drop(struct changes *changes, uint64_t address)
{
	struct change *last = changes_last(changes, address);

	if (!last)
		changes_append(changes,
			       &(struct change){.address = address, .site = CHANGE_GONE});
	else if (last->replaces)
		last->site = CHANGE_GONE;
	else if (last->site != CHANGE_GONE)
		changes->count--;
}

/* Sorts by address; of several at one address the last one counts and is the last. Returns
 * 0 or -ENOMEM. */
int changes_sort(struct changes *changes);

#endif
