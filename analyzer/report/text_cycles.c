/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "family.h"
#include "figure.h"
#include "profile.h"
#include "report.h"
#include "terminal.h"
#include "text_leaks.h"
#include "text_process.h"
#include "text_sites.h"

/* Cycles of the same shape. */
struct kind {
	const struct profile_cycle *cycle; /* the first of them */
	uint64_t count, blocks, bytes, retained_bytes;
};

/* The nodes that the sites of cycles are shown as: what looks the same is the same. */
struct shapes {
	uint32_t *nodes; /* by site; 0: not on a cycle */
};

static int node_of(const struct report *report, size_t member, size_t site,
		   uint32_t *ret_node)
{
	const struct profile *profile = report->family->members[member].profile;
	uint32_t node;
	int error = calltree_node(report->views[member], profile->sites[site].frame, &node);

	if (!error)
		*ret_node = calltree_trimmed(report->tree, node);
	return error;
}

static int find_nodes(const struct report *report, size_t member, struct shapes *shapes)
{
	const struct profile *profile = report->family->members[member].profile;
	const struct profile_leaks *leaks = &profile->leaks;
	int error = 0;

	shapes->nodes = calloc(profile->sites_count + 1, sizeof(*shapes->nodes));
	if (!shapes->nodes)
		return -ENOMEM;
	for (size_t i = 0; !error && i < leaks->cycles_count; i++) {
		const struct profile_cycle *cycle = &leaks->cycles[i];

		error = node_of(report, member, cycle->closing.site,
				&shapes->nodes[cycle->closing.site]);
		for (size_t k = 0; !error && k < cycle->length && k < PROFILE_CYCLE_STEPS;
		     k++)
			error = node_of(report, member, cycle->steps[k].site,
					&shapes->nodes[cycle->steps[k].site]);
	}
	return error;
}

static int compare_steps(const struct shapes *shapes, const struct profile_step *a,
			 const struct profile_step *b)
{
	uint32_t x = shapes->nodes[a->site], y = shapes->nodes[b->site];

	if (x != y)
		return x < y ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	if (a->target_offset != b->target_offset)
		return a->target_offset < b->target_offset ? -1 : 1;
	return 0;
}

/* Same call sites, same pointers. */
static int compare_shapes(const struct shapes *shapes, const struct profile_cycle *a,
			  const struct profile_cycle *b)
{
	int order;

	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	for (size_t i = 0; i < a->length && i < PROFILE_CYCLE_STEPS; i++) {
		order = compare_steps(shapes, &a->steps[i], &b->steps[i]);
		if (order)
			return order;
	}
	return compare_steps(shapes, &a->closing, &b->closing);
}

static int by_shape(const void *a, const void *b, void *shapes)
{
	const struct profile_cycle *const *x = a, *const *y = b;
	int order = compare_shapes(shapes, *x, *y);

	/* They come in the order of what they retain. */
	return order ? order : (*x > *y) - (*x < *y);
}

static int by_retained(const void *a, const void *b)
{
	const struct kind *x = a, *y = b;

	if (x->retained_bytes != y->retained_bytes)
		return x->retained_bytes > y->retained_bytes ? -1 : 1;
	return (x->cycle > y->cycle) - (x->cycle < y->cycle);
}

static int sort_out(struct shapes *shapes, const struct profile_leaks *leaks,
		    struct kind **ret_kinds, size_t *ret_count)
{
	const struct profile_cycle **order = calloc(leaks->cycles_count, sizeof(*order));
	struct kind *kinds = calloc(leaks->cycles_count, sizeof(*kinds));
	size_t count = 0;

	if (!order || !kinds) {
		free(order);
		free(kinds);
		return -ENOMEM;
	}
	for (size_t i = 0; i < leaks->cycles_count; i++)
		order[i] = &leaks->cycles[i];
	qsort_r(order, leaks->cycles_count, sizeof(*order), by_shape, shapes);
	for (size_t i = 0; i < leaks->cycles_count; i++) {
		struct kind *kind;

		if (i == 0 || compare_shapes(shapes, order[i], order[i - 1]) != 0)
			kinds[count++].cycle = order[i];
		kind = &kinds[count - 1];
		kind->count++;
		kind->blocks += order[i]->blocks;
		kind->bytes += order[i]->bytes;
		kind->retained_bytes += order[i]->retained_bytes;
	}
	free(order);
	qsort(kinds, count, sizeof(*kinds), by_retained);
	*ret_kinds = kinds;
	*ret_count = count;
	return 0;
}

/* "its +16 points to", and what is special about it. */
static void print_pointer(const struct terminal *terminal, const struct profile_step *step,
			  bool closes)
{
	char into[48] = "";

	if (step->target_offset)
		snprintf(into, sizeof(into), " +%" PRIu64 " of", step->target_offset);
	fprintf(terminal->out, "        %sits +%" PRIu64 " points %sto%s%s%s\n",
		terminal_style(terminal, closes ? TERMINAL_WARNING : TERMINAL_FAINT),
		step->offset, closes ? "back " : "", into,
		closes ? " the first: this closes the cycle" : "",
		terminal_style(terminal, TERMINAL_PLAIN));
}

/* Where a block was allocated, and the functions that called there as far as they fit. */
static int print_place(const struct terminal *terminal, const struct calltree *tree,
		       uint32_t node)
{
	char *place = text_place_new(tree, node, terminal->width - 6);
	size_t used = 11;

	if (!place)
		return -ENOMEM;
	fprintf(terminal->out, "      %s\n", place);
	free(place);
	for (unsigned i = 0; node >= CALLTREE_FIRST; i++) {
		const char *function;

		node = calltree_caller(tree, node, false);
		function =
			node >= CALLTREE_FIRST ? calltree_at(tree, node)->function : NULL;
		if (!function || used + strlen(function) + 2 > terminal->width) {
			if (i > 0)
				fprintf(terminal->out, "%s\n",
					terminal_style(terminal, TERMINAL_PLAIN));
			break;
		}
		fprintf(terminal->out, "%s%s", i ? ", " : "        ", i ? "" : "from ");
		if (i == 0)
			fputs(terminal_style(terminal, TERMINAL_FAINT), terminal->out);
		fputs(function, terminal->out);
		used += strlen(function) + 2;
	}
	return 0;
}

/* The steps round, the whole chain of the block that closes the cycle. */
static int print_way(const struct terminal *terminal, const struct report *report,
		     size_t member, const struct profile_cycle *cycle)
{
	uint64_t shown = cycle->length <= PROFILE_CYCLE_STEPS ? cycle->length - 1 : 2;
	uint32_t node;
	int error = 0;

	for (uint64_t i = 0; i < shown; i++) {
		error = node_of(report, member, cycle->steps[i].site, &node);
		if (!error)
			error = print_place(terminal, report->tree, node);
		if (error)
			return error;
		print_pointer(terminal, &cycle->steps[i], false);
	}
	if (shown + 1 < cycle->length)
		fprintf(terminal->out, "      %s… %s more in between%s\n",
			terminal_style(terminal, TERMINAL_FAINT),
			figure_counted(cycle->length - 1 - shown, "block").text,
			terminal_style(terminal, TERMINAL_PLAIN));
	error = node_of(report, member, cycle->closing.site, &node);
	if (!error)
		error = text_chain(terminal, report->tree, node);
	if (!error)
		print_pointer(terminal, &cycle->closing, true);
	return error;
}

static void print_head(const struct terminal *terminal, const struct kind *kind,
		       size_t number)
{
	fprintf(terminal->out, "%s%3zu  %s%s%s  ", number > 1 ? "\n" : "", number,
		terminal_style(terminal, TERMINAL_STRONG),
		figure_bytes((double)kind->retained_bytes).text,
		terminal_style(terminal, TERMINAL_PLAIN));
	if (kind->count > 1)
		fprintf(terminal->out, "kept by %s of %s",
			figure_counted(kind->count, "cycle").text,
			figure_counted(kind->blocks, "block").text);
	else
		fprintf(terminal->out, "kept by a cycle of %s",
			figure_counted(kind->blocks, "block").text);
	if (kind->bytes != kind->retained_bytes)
		fprintf(terminal->out, " (%s)", figure_bytes((double)kind->bytes).text);
	if (kind->cycle->entered)
		fputs(", held by a lost block", terminal->out);
	fputc('\n', terminal->out);
	if (kind->cycle->length < kind->cycle->blocks)
		fprintf(terminal->out, "     the shortest way round, %s:\n",
			figure_counted(kind->cycle->length, "block").text);
}

int text_cycles(const struct terminal *terminal, const struct report *report, size_t member)
{
	const struct profile_leaks *leaks = &report->family->members[member].profile->leaks;
	struct kind *kinds = NULL;
	struct shapes shapes;
	size_t count, i;
	int error;

	if (leaks->cycles_count == 0)
		return 0;
	error = find_nodes(report, member, &shapes);
	if (!error)
		error = sort_out(&shapes, leaks, &kinds, &count);
	free(shapes.nodes);
	if (error)
		return error;
	text_heading(terminal, "Lost in cycles: blocks that keep each other (pid %d)",
		     (int)report->family->members[member].profile->header.pid);
	for (i = 0; !error && i < count && i < report->top; i++) {
		print_head(terminal, &kinds[i], i + 1);
		error = print_way(terminal, report, member, kinds[i].cycle);
	}
	if (!error && i < count)
		fprintf(terminal->out, "\n     %s… and %s of cycles%s\n",
			terminal_style(terminal, TERMINAL_FAINT),
			figure_counted(count - i, "more kind").text,
			terminal_style(terminal, TERMINAL_PLAIN));
	if (leaks->cycles_total > leaks->cycles_count)
		fprintf(terminal->out, "     %s(of %s cycles the %s that keep most)%s\n",
			terminal_style(terminal, TERMINAL_FAINT),
			figure_count(leaks->cycles_total).text,
			figure_count(leaks->cycles_count).text,
			terminal_style(terminal, TERMINAL_PLAIN));
	free(kinds);
	return error;
}
