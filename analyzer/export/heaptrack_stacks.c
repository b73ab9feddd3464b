/* SPDX-License-Identifier: MIT */
#include "heaptrack_stacks.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "family.h"
#include "framename.h"
#include "numbering.h"
#include "profile.h"
#include "report.h"

/* The frames at one address, with the numbers of their strings; what must be equal for two
 * places to be one. */
struct place {
	uint64_t address; /* 0 where the function is known: it tells enough */
	uint32_t module;
	uint32_t frames[][3]; /* function, file, line */
};

/* Without what the compiler pads it with. */
static size_t place_bytes(size_t frames)
{
	return offsetof(struct place, frames) + frames * 3 * sizeof(uint32_t);
}

struct stacks_writer {
	const struct calltree *tree;
	FILE *out;
	struct numbering strings, places;
	uint32_t traces;
	uint32_t *trace_of_node; /* by node that a place begins at; 0: none yet */
	size_t nodes_room;
	uint32_t *way; /* nodes whose traces are to come, the innermost first */
	size_t way_room;
	struct place *place; /* under construction */
	size_t place_room;   /* frames */
};

/* NULL is no string: number 0. */
static int string_number(struct stacks_writer *writer, const char *text,
			 uint32_t *ret_number)
{
	size_t bytes = text ? strlen(text) : 0;
	bool is_new;
	int error;

	if (!text) {
		*ret_number = 0;
		return 0;
	}
	error = numbering_get(&writer->strings, text, bytes, ret_number, &is_new);
	if (!error && is_new)
		fprintf(writer->out, "s %zx %s\n", bytes, text);
	return error;
}

/* Sets frame i of the place to what a node is. */
static int set_frame(struct stacks_writer *writer, size_t i, const struct callnode *node)
{
	int error;

	if (i == writer->place_room) {
		size_t room = i ? 2 * i : 8;
		struct place *place = realloc(writer->place, place_bytes(room));

		if (!place)
			return -ENOMEM;
		writer->place = place;
		writer->place_room = room;
	}
	error = string_number(writer, node->function, &writer->place->frames[i][0]);
	if (!error)
		error = string_number(writer, node->file, &writer->place->frames[i][1]);
	writer->place->frames[i][2] = node->line;
	return error;
}

/* Writes the place that begins at a node and sets *ret_caller to the first node behind it.
 */
static int place_number(struct stacks_writer *writer, uint32_t node, uint32_t *ret_number,
			uint32_t *ret_caller)
{
	const struct callnode *first = calltree_at(writer->tree, node), *last = first;
	struct place *place;
	size_t count = 0, i;
	bool is_new = false;
	int error = set_frame(writer, count++, first);

	while (!error && last->inlined && last->parent >= CALLTREE_FIRST) {
		node = last->parent;
		last = calltree_at(writer->tree, node);
		error = set_frame(writer, count++, last);
	}
	if (error)
		return error;
	place = writer->place;
	place->address = first->function ? 0 : first->address;
	error = string_number(writer, first->module, &place->module);
	if (!error)
		error = numbering_get(&writer->places, place, place_bytes(count),
				      ret_number, &is_new);
	if (error)
		return error;
	*ret_caller = calltree_caller(writer->tree, node, true);
	if (!is_new)
		return 0;
	fprintf(writer->out, "i %" PRIx64 " %" PRIx32, first->address, place->module);
	for (i = 0; first->function && i < count; i++)
		fprintf(writer->out, " %" PRIx32 " %" PRIx32 " %" PRIx32,
			place->frames[i][0], place->frames[i][1], place->frames[i][2]);
	fputc('\n', writer->out);
	return 0;
}

/* The stack of which nothing is known. */
static int unknown_trace(struct stacks_writer *writer, uint32_t *ret_trace)
{
	const struct callnode node = {.function = FRAMENAME_TRUNCATED};
	uint32_t number;
	bool is_new;
	int error = set_frame(writer, 0, &node);

	if (error)
		return error;
	writer->place->address = 0;
	writer->place->module = 0;
	error = numbering_get(&writer->places, writer->place, place_bytes(1), &number,
			      &is_new);
	if (error)
		return error;
	if (is_new)
		fprintf(writer->out, "i 0 0 %" PRIx32 " 0 0\n",
			writer->place->frames[0][0]);
	fprintf(writer->out, "t %" PRIx32 " 0\n", number);
	*ret_trace = ++writer->traces;
	return 0;
}

static int push(struct stacks_writer *writer, size_t i, uint32_t node)
{
	if (i == writer->way_room) {
		size_t room = i ? 2 * i : 128;
		uint32_t *way = realloc(writer->way, room * sizeof(*way));

		if (!way)
			return -ENOMEM;
		writer->way = way;
		writer->way_room = room;
	}
	writer->way[i] = node;
	return 0;
}

/* The node behind those that are inlined into each other from `node` on. */
static uint32_t next_place(const struct calltree *tree, uint32_t node)
{
	const struct callnode *at = calltree_at(tree, node);

	while (at->inlined && at->parent >= CALLTREE_FIRST) {
		node = at->parent;
		at = calltree_at(tree, node);
	}
	return calltree_caller(tree, node, true);
}

/* The trace of a node, after those of its callers. */
static int trace_number(struct stacks_writer *writer, uint32_t node, uint32_t *ret_trace)
{
	uint32_t *trace_of = writer->trace_of_node, parent, place, caller;
	size_t count = 0;
	int error = 0;

	/* A caller has a smaller index, so all of them are in the table. */
	for (caller = node; caller >= CALLTREE_FIRST && !trace_of[caller];
	     caller = next_place(writer->tree, caller)) {
		error = push(writer, count++, caller);
		if (error)
			return error;
	}
	parent = caller >= CALLTREE_FIRST ? trace_of[caller] : 0;
	while (count > 0) {
		node = writer->way[--count];
		error = place_number(writer, node, &place, &caller);
		if (error)
			return error;
		fprintf(writer->out, "t %" PRIx32 " %" PRIx32 "\n", place, parent);
		parent = trace_of[node] = ++writer->traces;
	}
	*ret_trace = parent;
	return 0;
}

/* Names the innermost frame of every site, which makes all nodes of the tree that are
 * needed. Leaves them in trace_of_site. */
static int name_sites(struct heaptrack_stacks *stacks, struct stacks_writer *writer,
		      struct calltree_view *view, const struct profile *profile)
{
	uint32_t node, highest = CALLTREE_FIRST;
	size_t i;

	for (i = 0; i < profile->sites_count; i++) {
		if (calltree_want(view, profile->sites[i].frame) < 0)
			return -ENOMEM;
	}
	for (i = 0; i < profile->sites_count; i++) {
		if (calltree_node(view, profile->sites[i].frame, &node) < 0)
			return -ENOMEM;
		if (node > highest)
			highest = node;
		stacks->trace_of_site[i] = calltree_trimmed(writer->tree, node);
	}
	writer->nodes_room = (size_t)highest + 1;
	writer->trace_of_node = calloc(writer->nodes_room, sizeof(*writer->trace_of_node));
	return writer->trace_of_node ? 0 : -ENOMEM;
}

static int write_sites(struct heaptrack_stacks *stacks, struct stacks_writer *writer)
{
	uint32_t unknown = 0;
	size_t i;
	int error = 0;

	for (i = 0; !error && i < stacks->sites_count; i++) {
		uint32_t *trace = &stacks->trace_of_site[i];

		if (*trace >= CALLTREE_FIRST) {
			error = trace_number(writer, *trace, trace);
			continue;
		}
		if (unknown == 0)
			error = unknown_trace(writer, &unknown);
		*trace = unknown;
	}
	return error;
}

int heaptrack_stacks_write(struct heaptrack_stacks *stacks, const struct report *report,
			   size_t member, FILE *out)
{
	const struct profile *profile = report->family->members[member].profile;
	struct stacks_writer writer = {.tree = report->tree, .out = out};
	int error;

	memset(stacks, 0, sizeof(*stacks));
	stacks->trace_of_site =
		calloc(profile->sites_count + 1, sizeof(*stacks->trace_of_site));
	if (!stacks->trace_of_site)
		return -ENOMEM;
	stacks->sites_count = profile->sites_count;
	error = name_sites(stacks, &writer, report->views[member], profile);
	if (!error)
		error = write_sites(stacks, &writer);
	numbering_done(&writer.strings);
	numbering_done(&writer.places);
	free(writer.trace_of_node);
	free(writer.way);
	free(writer.place);
	return error;
}

void heaptrack_stacks_done(struct heaptrack_stacks *stacks)
{
	free(stacks->trace_of_site);
	memset(stacks, 0, sizeof(*stacks));
}
