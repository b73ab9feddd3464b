/* SPDX-License-Identifier: MIT */
#include "family.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

void family_init(struct family *family)
{
	memset(family, 0, sizeof(*family));
}

void family_done(struct family *family)
{
	size_t i;

	for (i = 0; i < family->count; i++)
		profile_free(family->members[i].profile);
	free(family->members);
	family_init(family);
}

int family_add(struct family *family, struct profile *profile)
{
	if (family->count == family->room) {
		size_t room = family->room ? 2 * family->room : 16;
		struct family_member *moved =
			realloc(family->members, room * sizeof(*moved));

		if (!moved) {
			profile_free(profile);
			return -ENOMEM;
		}
		family->members = moved;
		family->room = room;
	}
	family->members[family->count++] = (struct family_member){
		.profile = profile,
		.fate = fate_of(&profile->header),
		.parent = FAMILY_NONE,
	};
	return 0;
}

static const struct mft_header *header_of(const struct family *family, size_t i)
{
	return &family->members[i].profile->header;
}

static int compare_begin(const void *left, const void *right)
{
	const struct mft_header *a = &((const struct family_member *)left)->profile->header;
	const struct mft_header *b =
		&((const struct family_member *)right)->profile->header;

	if (a->start_unix_ns != b->start_unix_ns)
		return a->start_unix_ns < b->start_unix_ns ? -1 : 1;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

/* Whether b is a later image of the process a. */
static bool same_process(const struct mft_header *a, const struct mft_header *b)
{
	return a->pid == b->pid && a->start_ticks == b->start_ticks &&
	       !memcmp(a->boot_id, b->boot_id, sizeof(a->boot_id));
}

/* The parent of a member among those before it; they are in order of time, so the nearest
 * one is right where a pid was used again. */
static size_t find_parent(const struct family *family, size_t child)
{
	static const uint8_t nobody[16];
	const struct mft_header *header = header_of(family, child);
	bool forked = memcmp(header->parent_id, nobody, sizeof(nobody)) != 0;
	size_t i;

	for (i = child; i-- > 0;) {
		if (same_process(header_of(family, i), header))
			return family->members[i].parent;
	}
	for (i = child; forked && i-- > 0;) {
		if (!memcmp(header_of(family, i)->dump_id, header->parent_id, 16))
			return i;
	}
	for (i = child; i-- > 0;) {
		if (header_of(family, i)->pid == header->ppid &&
		    header->ppid != header->pid &&
		    !memcmp(header_of(family, i)->boot_id, header->boot_id, 16))
			return i;
	}
	return FAMILY_NONE;
}

/* Moves `from` and what descends from it to the end of `ordered`. */
static size_t take_branch(const struct family *family, size_t from, size_t parent_place,
			  struct family_member *ordered, size_t count)
{
	size_t place = count;
	size_t i;

	ordered[count] = family->members[from];
	ordered[count].parent = parent_place;
	ordered[count].depth =
		parent_place == FAMILY_NONE ? 0 : ordered[parent_place].depth + 1;
	count++;
	for (i = from + 1; i < family->count; i++) {
		if (family->members[i].parent == from)
			count = take_branch(family, i, place, ordered, count);
	}
	return count;
}

int family_arrange(struct family *family)
{
	struct family_member *ordered;
	size_t count = 0;
	size_t i;

	if (family->count < 2)
		return 0;
	ordered = calloc(family->count, sizeof(*ordered));
	if (!ordered)
		return -ENOMEM;
	qsort(family->members, family->count, sizeof(family->members[0]), compare_begin);
	for (i = 0; i < family->count; i++)
		family->members[i].parent = find_parent(family, i);
	for (i = 0; i < family->count; i++) {
		if (family->members[i].parent == FAMILY_NONE)
			count = take_branch(family, i, FAMILY_NONE, ordered, count);
	}
	free(family->members);
	family->members = ordered;
	family->room = family->count;
	return 0;
}
