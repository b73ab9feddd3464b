/* SPDX-License-Identifier: MIT */
#include "stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "modulemap.h"

#define FIRST_SLOTS 1024u

int stacks_init(struct stacks *stacks)
{
	memset(stacks, 0, sizeof(*stacks));
	stacks->room = FIRST_SLOTS / 2;
	stacks->frames = calloc(stacks->room, sizeof(*stacks->frames));
	stacks->table_slots = FIRST_SLOTS;
	stacks->table = calloc(stacks->table_slots, sizeof(*stacks->table));
	if (!stacks->frames || !stacks->table) {
		stacks_done(stacks);
		return -ENOMEM;
	}
	for (uint32_t root = MFT_NODE_ROOT; root < MFT_NODE_FIRST; root++) {
		stacks->frames[root].parent = root;
		stacks->frames[root].module = PROFILE_NO_MODULE;
	}
	stacks->count = MFT_NODE_FIRST;
	return 0;
}

void stacks_done(struct stacks *stacks)
{
	free(stacks->frames);
	free(stacks->table);
	memset(stacks, 0, sizeof(*stacks));
}

/* MurmurHash3's 64-bit finalizer (Appleby, public domain) over the members' mixture. */
static size_t hash(const struct profile_frame *frame)
{
	uint64_t h = ((uint64_t)frame->parent << 32 | frame->module) * 0x9e3779b97f4a7c15u;

	h ^= frame->offset + frame->exact;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53u;
	h ^= h >> 33;
	return (size_t)h;
}

static bool is_same(const struct profile_frame *a, const struct profile_frame *b)
{
	return a->parent == b->parent && a->offset == b->offset && a->module == b->module &&
	       a->exact == b->exact;
}

/* The slot of a frame, or the empty one where it would go. */
static size_t find(const struct stacks *stacks, const struct profile_frame *frame)
{
	size_t mask = stacks->table_slots - 1, i = hash(frame) & mask;

	while (stacks->table[i] != 0 && !is_same(&stacks->frames[stacks->table[i]], frame))
		i = (i + 1) & mask;
	return i;
}

static int grow(struct stacks *stacks)
{
	size_t room = 2 * stacks->room;
	struct profile_frame *frames;
	uint32_t *table;

	if (room > UINT32_MAX / 2)
		return -ENOMEM;
	frames = reallocarray(stacks->frames, room, sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	stacks->frames = frames;
	table = calloc(2 * stacks->table_slots, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(stacks->table);
	stacks->table = table;
	stacks->table_slots *= 2;
	stacks->room = room;
	for (size_t i = MFT_NODE_FIRST; i < stacks->count; i++)
		stacks->table[find(stacks, &frames[i])] = (uint32_t)i;
	return 0;
}

int stacks_add(struct stacks *stacks, const struct profile_frame *frame,
	       uint32_t *ret_frame)
{
	size_t slot = find(stacks, frame);

	if (stacks->table[slot] == 0) {
		if (stacks->count == stacks->room) {
			int r = grow(stacks);

			if (r < 0)
				return r;
			slot = find(stacks, frame);
		}
		stacks->frames[stacks->count] = *frame;
		stacks->table[slot] = (uint32_t)stacks->count++;
	}
	*ret_frame = stacks->table[slot];
	return 0;
}

static int append(struct stack_nodes *nodes, uint32_t frame)
{
	if (nodes->count == nodes->room) {
		uint32_t room = nodes->room ? 2 * nodes->room : 256;
		uint32_t *frames = NULL;

		if (room > nodes->room)
			frames = reallocarray(nodes->frames, room, sizeof(*frames));
		if (!frames)
			return -ENOMEM;
		nodes->frames = frames;
		nodes->room = room;
	}
	nodes->frames[nodes->count++] = frame;
	return 0;
}

int stack_nodes_define(struct stack_nodes *nodes, const struct mft_record *record,
		       struct stacks *stacks, struct modulemap *modules)
{
	struct profile_frame frame = {
		.module = PROFILE_NO_MODULE,
		.exact = record->exact,
		.offset = record->address,
	};
	uint32_t index;
	int found, r;

	r = stack_nodes_find(nodes, record->parent, &frame.parent);
	if (r < 0)
		return r;
	found = modulemap_find(modules, record->module, &frame.module);
	if (found < 0 && found != -ENOENT)
		return found;
	r = stacks_add(stacks, &frame, &index);
	if (r == 0)
		r = append(nodes, index);
	return r < 0 ? r : found;
}

uint32_t *stack_nodes_make(struct stack_nodes *nodes, uint32_t count)
{
	stack_nodes_done(nodes);
	if (count == 0)
		return NULL;
	nodes->frames = calloc(count, sizeof(*nodes->frames));
	if (nodes->frames)
		nodes->count = nodes->room = count;
	return nodes->frames;
}

void stack_nodes_reset(struct stack_nodes *nodes)
{
	nodes->count = 0;
}

void stack_nodes_done(struct stack_nodes *nodes)
{
	free(nodes->frames);
	memset(nodes, 0, sizeof(*nodes));
}
