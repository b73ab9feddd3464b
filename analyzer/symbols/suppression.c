/* SPDX-License-Identifier: MIT */
#include "suppression.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbolname.h"

static void drop(struct suppression *rule)
{
	size_t i;

	for (i = 0; i < rule->count; i++) {
		free(rule->frames[i].pattern);
		free(rule->frames[i].readable);
	}
	free(rule->frames);
	free(rule->name);
	free(rule->origin);
}

struct suppression *suppression_list_add(struct suppression_list *list)
{
	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		struct suppression *moved = realloc(list->items, room * sizeof(*moved));

		if (!moved)
			return NULL;
		list->items = moved;
		list->room = room;
	}
	memset(&list->items[list->count], 0, sizeof(list->items[0]));
	return &list->items[list->count++];
}

void suppression_list_cut(struct suppression_list *list, size_t count)
{
	while (list->count > count)
		drop(&list->items[--list->count]);
}

void suppression_list_done(struct suppression_list *list)
{
	suppression_list_cut(list, 0);
	free(list->items);
	memset(list, 0, sizeof(*list));
}

/* A constructor has several linker names for one name in the source, and the one that is
 * found at an address need not be the one that a rule was written with. */
static int add_readable(struct suppression_frame *frame)
{
	if (frame->what != SUPPRESSION_FUNCTION || strpbrk(frame->pattern, "*?") ||
	    (strncmp(frame->pattern, "_Z", 2) && strncmp(frame->pattern, "_R", 2)))
		return 0;
	frame->readable = symbolname_new(frame->pattern);
	return frame->readable ? 0 : -ENOMEM;
}

int suppression_add_frame(struct suppression *rule, enum suppression_what what,
			  const char *pattern, size_t bytes, unsigned line)
{
	struct suppression_frame *moved, *frame;
	/* Room is 1, 2, 4, 8, ... frames. */
	bool full = (rule->count & (rule->count - 1)) == 0;

	if (full) {
		size_t room = rule->count ? 2 * rule->count : 1;

		moved = realloc(rule->frames, room * sizeof(*moved));
		if (!moved)
			return -ENOMEM;
		rule->frames = moved;
	}
	frame = &rule->frames[rule->count];
	*frame = (struct suppression_frame){.what = what, .line = line};
	if (pattern) {
		frame->pattern = strndup(pattern, bytes);
		if (!frame->pattern)
			return -ENOMEM;
	}
	rule->count++;
	return pattern ? add_readable(frame) : 0;
}
