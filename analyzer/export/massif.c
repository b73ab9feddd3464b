/* SPDX-License-Identifier: MIT */
/*
 * massif.c - Massif's output format, for ms_print and massif-visualizer: how much was live
 * over the run, and the call stacks at the peak and at the end.
 *
 * What the format calls useful heap is what the program asked for; the allocator's own is
 * not known at every instant, so it is left at 0. Times are milliseconds.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "alloctree.h"
#include "calltree.h"
#include "course.h"
#include "family.h"
#include "formats.h"
#include "framename.h"
#include "profile.h"
#include "report.h"
#include "sites.h"

/* As many as are drawn one beside the other; the format's own tool writes 50 to 100. */
#define POINTS 100u
/* Below a thousandth of its snapshot a branch is not listed. */
#define THRESHOLD_DIVISOR 1000u
#define THRESHOLD_TEXT "0.10%"

enum point_kind {
	POINT_PLAIN,
	POINT_PEAK,
	POINT_EXIT
};

struct point {
	uint64_t time_ns;
	uint64_t bytes;
	enum point_kind kind;
};

struct massif {
	const struct report *report;
	struct sites sites;
	struct point points[POINTS + 2];
	size_t count;
	FILE *out;
};

/* The steps in groups, of each the instant when most was live; the peak itself and the end.
 */
static void choose_points(struct massif *massif, const struct course *course)
{
	const struct profile *profile = massif->report->family->members[0].profile;
	size_t each = (course->count + POINTS - 1) / POINTS;
	bool peak_placed = false;

	for (size_t i = 0; each > 0 && i < course->count; i += each) {
		struct point point = {.time_ns = course->steps[i].highest_time_ns,
				      .bytes = course->steps[i].highest_bytes};

		for (size_t k = i; k < i + each && k < course->count; k++) {
			if (course->steps[k].highest_bytes <= point.bytes)
				continue;
			point.bytes = course->steps[k].highest_bytes;
			point.time_ns = course->steps[k].highest_time_ns;
		}
		if (!peak_placed && point.bytes == profile->peak_bytes) {
			point.kind = POINT_PEAK;
			peak_placed = true;
		}
		massif->points[massif->count++] = point;
	}
	massif->points[massif->count++] = (struct point){
		.time_ns = profile->duration_ns,
		.bytes = profile->live_bytes,
		.kind = POINT_EXIT,
	};
}

static void put_indent(uint32_t depth, FILE *out)
{
	while (depth-- > 0)
		fputc(' ', out);
}

/* " n2: 1234 0x1139: f (a.c:12)" */
static void put_entry(const struct massif *massif, const struct alloctree_entry *entry,
		      size_t children)
{
	const struct callnode *node;
	FILE *out = massif->out;

	put_indent(entry->depth, out);
	fprintf(out, "n%zu: %" PRIu64 " ", children, entry->bytes);
	if (entry->depth == 0) {
		fputs("(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n",
		      out);
		return;
	}
	if (entry->node == ALLOCTREE_UNKNOWN) {
		fputs("0x0: " FRAMENAME_TRUNCATED "\n", out);
		return;
	}
	node = calltree_at(massif->report->tree, entry->node);
	fprintf(out, "0x%" PRIX64 ": %s", node->address,
		node->function ? node->function : "???");
	if (node->file && node->line)
		fprintf(out, " (%s:%u)\n", framename_base(node->file), node->line);
	else if (node->module)
		fprintf(out, " (in %s)\n", node->module);
	else
		fputc('\n', out);
}

/* How many of an entry's children are listed: those above the threshold, which come first.
 */
static size_t count_listed(const struct alloctree *tree,
			   const struct alloctree_entry *entry, uint64_t *ret_rest_bytes)
{
	uint64_t least = tree->entries[0].bytes / THRESHOLD_DIVISOR;
	size_t listed = 0;

	*ret_rest_bytes = 0;
	for (size_t i = 0; i < entry->children; i++) {
		const struct alloctree_entry *child =
			&tree->entries[tree->order[entry->first_child + i]];

		if (child->bytes >= least)
			listed++;
		else
			*ret_rest_bytes += child->bytes;
	}
	return listed;
}

static void put_rest(const struct alloctree_entry *entry, size_t places, uint64_t bytes,
		     FILE *out)
{
	put_indent(entry->depth + 1, out);
	fprintf(out, "n0: %" PRIu64 " in %zu place%s below massif's threshold (%s)\n",
		bytes, places, places == 1 ? "," : "s, all", THRESHOLD_TEXT);
}

/* An entry that is being written: how many of its children were, and how many will be. */
struct level {
	uint32_t entry;
	size_t done, listed;
	uint64_t rest_bytes;
};

static void enter(const struct massif *massif, const struct alloctree *tree, uint32_t index,
		  struct level *ret_level)
{
	const struct alloctree_entry *entry = &tree->entries[index];
	struct level level = {.entry = index};

	level.listed = count_listed(tree, entry, &level.rest_bytes);
	put_entry(massif, entry, level.listed + (level.listed < entry->children));
	*ret_level = level;
}

/* Each entry, then its children. Stacks can be very deep: this goes down without calling
 * itself. Returns 0 or -ENOMEM. */
static int put_tree(const struct massif *massif, const struct alloctree *tree)
{
	size_t room = 64, depth = 0;
	struct level *levels = calloc(room, sizeof(*levels));

	if (!levels)
		return -ENOMEM;
	enter(massif, tree, 0, &levels[depth++]);
	while (depth > 0) {
		struct level *level = &levels[depth - 1];
		const struct alloctree_entry *entry = &tree->entries[level->entry];
		uint32_t child;

		if (level->done == level->listed) {
			if (level->listed < entry->children)
				put_rest(entry, entry->children - level->listed,
					 level->rest_bytes, massif->out);
			depth--;
			continue;
		}
		child = tree->order[entry->first_child + level->done++];
		if (depth == room) {
			struct level *moved = realloc(levels, 2 * room * sizeof(*moved));

			if (!moved) {
				free(levels);
				return -ENOMEM;
			}
			levels = moved;
			room *= 2;
		}
		enter(massif, tree, child, &levels[depth++]);
	}
	free(levels);
	return 0;
}

static uint64_t peak_of(const void *context, size_t site)
{
	return ((const struct sites *)context)->items[site].peak_bytes;
}

static uint64_t live_of(const void *context, size_t site)
{
	return ((const struct sites *)context)->items[site].live_bytes;
}

static int put_point(const struct massif *massif, size_t number)
{
	static const char *const trees[] = {
		[POINT_PLAIN] = "empty", [POINT_PEAK] = "peak", [POINT_EXIT] = "detailed"};
	const struct point *point = &massif->points[number];
	struct alloctree tree;
	int error;

	fprintf(massif->out,
		"#-----------\nsnapshot=%zu\n#-----------\ntime=%" PRIu64
		"\nmem_heap_B=%" PRIu64
		"\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n",
		number, point->time_ns / 1000000, point->bytes, trees[point->kind]);
	if (point->kind == POINT_PLAIN)
		return 0;
	error = alloctree_init(&tree, massif->report, &massif->sites,
			       point->kind == POINT_PEAK ? peak_of : live_of,
			       &massif->sites);
	if (!error)
		error = put_tree(massif, &tree);
	alloctree_done(&tree);
	return error;
}

static int write_massif(const struct report *report, enum export_metric metric, FILE *out)
{
	struct massif massif = {.report = report, .out = out};
	char *command = framename_command_new(report->family->members[0].profile);
	struct course course;
	int error;

	(void)metric; /* peak is the only one */
	error = course_init(&course, report, 0);
	if (!error)
		error = report_sites(report, 0, SITES_BY_ALLOCATED, SITES_BY_PEAK,
				     &massif.sites);
	if (!error && !command)
		error = -ENOMEM;
	if (!error) {
		choose_points(&massif, &course);
		fprintf(out, "desc: mftrace %s\ncmd: %s\ntime_unit: ms\n", MFTRACE_VERSION,
			command);
	}
	for (size_t i = 0; !error && i < massif.count; i++)
		error = put_point(&massif, i);
	sites_done(&massif.sites);
	course_done(&course);
	free(command);
	return error;
}

const struct export_format format_massif = {
	.name = "massif",
	.summary = "live bytes over time, the peak: ms_print, massif-visualizer",
	.one_process = true,
	.metrics = 1u << EXPORT_PEAK,
	.metric = EXPORT_PEAK,
	.write = write_massif,
};
