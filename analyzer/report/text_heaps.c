/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "calltree.h"
#include "family.h"
#include "figure.h"
#include "profile.h"
#include "report.h"
#include "terminal.h"
#include "text_frag.h"
#include "text_process.h"
#include "text_sites.h"

#define HEAPS_SHOWN 4

static int compare_heaps(const void *a, const void *b)
{
	const struct profile_heap *x = *(const struct profile_heap *const *)a;
	const struct profile_heap *y = *(const struct profile_heap *const *)b;

	if (x->resident_bytes != y->resident_bytes)
		return x->resident_bytes > y->resident_bytes ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static bool is_orphan(const struct profile_heap *heap)
{
	return heap->kind == PROFILE_REGION_ARENA && heap->threads_known &&
	       heap->threads_alive == 0;
}

static void print_sizes(const struct terminal *terminal, const struct profile_heap *heap)
{
	fprintf(terminal->out, "%s  %s%s, %s resident: %s live in %s\n",
		terminal_style(terminal, TERMINAL_STRONG),
		heap->kind == PROFILE_REGION_BRK ? "The brk heap" : "An arena's heap",
		terminal_style(terminal, TERMINAL_PLAIN),
		figure_bytes((double)heap->resident_bytes).text,
		figure_bytes((double)heap->live_bytes).text,
		figure_counted(heap->live_blocks, "block").text);
	fprintf(terminal->out,
		"    at 0x%" PRIx64 ", %s in empty pages, %s above the last block\n",
		heap->start, figure_bytes((double)heap->empty_bytes).text,
		figure_bytes((double)heap->top_bytes).text);
	if (is_orphan(heap))
		fprintf(terminal->out,
			"    %sall of its threads (%" PRIu32 ") have ended; the memory "
			"stays%s\n",
			terminal_style(terminal, TERMINAL_WARNING), heap->threads,
			terminal_style(terminal, TERMINAL_PLAIN));
}

static int print_tail(const struct terminal *terminal, const struct report *report,
		      size_t member, const struct profile_heap *heap)
{
	const struct profile *p = report->family->members[member].profile;
	uint32_t node;
	int error;

	if (heap->tail_site >= p->sites_count)
		return 0;
	fprintf(terminal->out, "    its highest block, %s, %s old, holds back %s:\n",
		figure_bytes((double)heap->tail_size_bytes).text,
		figure_duration(heap->tail_age_ns).text,
		figure_bytes((double)heap->tail_would_return_bytes).text);
	error = calltree_node(report->views[member], p->sites[heap->tail_site].frame,
			      &node);
	if (error)
		return error;
	return text_chain(terminal, report->tree, calltree_trimmed(report->tree, node));
}

/* All arenas whose threads have ended, in a sentence. */
static void print_orphans(const struct terminal *terminal,
			  const struct profile_depth *depth)
{
	uint64_t resident = 0, live = 0, count = 0;

	for (size_t i = 0; i < depth->heaps_count; i++) {
		const struct profile_heap *heap = &depth->heaps[i];

		if (!is_orphan(heap))
			continue;
		count++;
		resident += heap->resident_bytes;
		live += heap->live_bytes;
	}
	if (count == 0)
		return;
	fprintf(terminal->out,
		"  %sArenas of threads that have ended: %s in %s, %s live.%s\n",
		terminal_style(terminal, TERMINAL_WARNING),
		figure_bytes((double)resident).text, figure_counted(count, "heap").text,
		figure_bytes((double)live).text, terminal_style(terminal, TERMINAL_PLAIN));
}

int text_heaps(const struct terminal *terminal, const struct report *report, size_t member)
{
	const struct profile *profile = report->family->members[member].profile;
	const struct profile_depth *depth = profile->depth;
	const struct profile_heap **heaps;
	uint64_t rest = 0;
	int error = 0;

	if (!depth)
		return 0;
	text_heading(terminal, "What keeps the heap from shrinking");
	if (!profile_is_glibc(profile)) {
		fputs("  Known for glibc's malloc only; this program's allocator has rules "
		      "of its own.\n",
		      terminal->out);
		return 0;
	}
	heaps = calloc(depth->heaps_count + 1, sizeof(*heaps));
	if (!heaps)
		return -ENOMEM;
	for (size_t i = 0; i < depth->heaps_count; i++)
		heaps[i] = &depth->heaps[i];
	qsort(heaps, depth->heaps_count, sizeof(struct profile_heap *), compare_heaps);
	fprintf(terminal->out, "  malloc_trim(0) would return %s.\n",
		figure_bytes((double)depth->trim_would_return_bytes).text);
	print_orphans(terminal, depth);
	for (size_t i = 0; !error && i < depth->heaps_count; i++) {
		if (i >= HEAPS_SHOWN) {
			rest += heaps[i]->resident_bytes;
			continue;
		}
		print_sizes(terminal, heaps[i]);
		error = print_tail(terminal, report, member, heaps[i]);
	}
	if (depth->heaps_count > HEAPS_SHOWN)
		fprintf(terminal->out, "%s  … and %s with %s%s\n",
			terminal_style(terminal, TERMINAL_FAINT),
			figure_counted(depth->heaps_count - HEAPS_SHOWN, "more heap").text,
			figure_bytes((double)rest).text,
			terminal_style(terminal, TERMINAL_PLAIN));
	free(heaps);
	return error;
}
