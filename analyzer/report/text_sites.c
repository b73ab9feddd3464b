/* SPDX-License-Identifier: MIT */
#include "text_sites.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "family.h"
#include "figure.h"
#include "pathname.h"
#include "printable.h"
#include "report.h"
#include "symbolname.h"
#include "terminal.h"
#include "text_process.h"

/* A chain longer than this loses its middle. */
#define CHAIN_LINES 9
#define CHAIN_OUTER_LINES 2
#define INDENT 6
/* The function's column is never narrower, so that short chains line up too. */
#define FUNCTION_COLUMNS_LEAST 24

struct line {
	char *function;
	char *place;
	uint32_t times; /* recursion */
};

struct chain {
	struct line *lines;
	size_t count;
	size_t room;
	bool truncated;
};

/* "file.c:12", "[libfoo.so.1]" where the file is not known, or nothing. */
static char *place_new(const struct callnode *frame)
{
	char *place = NULL;
	int length = 0;

	if (frame->file && frame->line)
		length = asprintf(&place, "%s:%u", pathname_base(frame->file), frame->line);
	else if (frame->function && frame->module)
		length = asprintf(&place, "[%s]", pathname_base(frame->module));
	else
		return strdup("");
	return length < 0 ? NULL : place;
}

static char *function_new(const struct callnode *frame, size_t columns)
{
	char *text = NULL;
	char *shorter;
	int length;

	if (frame->function)
		return symbolname_short_new(frame->function, columns);
	if (frame->module)
		length = asprintf(&text, "%s+0x%" PRIx64, pathname_base(frame->module),
				  frame->address);
	else
		length = asprintf(&text, "0x%" PRIx64 " (no module)", frame->address);
	if (length < 0)
		return NULL;
	shorter = symbolname_short_new(text, columns);
	free(text);
	return shorter;
}

static void chain_done(struct chain *chain)
{
	size_t i;

	for (i = 0; i < chain->count; i++) {
		free(chain->lines[i].function);
		free(chain->lines[i].place);
	}
	free(chain->lines);
}

static int chain_add(struct chain *chain, const struct callnode *frame, size_t width)
{
	struct line line = {.times = 1};
	struct line *last;
	size_t room;

	if (chain->count == chain->room) {
		size_t more = chain->room ? 2 * chain->room : 32;
		struct line *moved = realloc(chain->lines, more * sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		chain->lines = moved;
		chain->room = more;
	}
	line.place = place_new(frame);
	room = line.place ? printable_columns(line.place, SIZE_MAX) + INDENT + 2 : 0;
	line.function = function_new(frame, room + FUNCTION_COLUMNS_LEAST < width
						    ? width - room
						    : FUNCTION_COLUMNS_LEAST);
	if (!line.place || !line.function) {
		free(line.place);
		free(line.function);
		return -ENOMEM;
	}
	last = chain->count ? &chain->lines[chain->count - 1] : NULL;
	if (last && !strcmp(last->function, line.function) &&
	    !strcmp(last->place, line.place)) {
		last->times++;
		free(line.place);
		free(line.function);
		return 0;
	}
	chain->lines[chain->count++] = line;
	return 0;
}

static int chain_init(struct chain *chain, const struct calltree *tree, uint32_t node,
		      size_t width)
{
	memset(chain, 0, sizeof(*chain));
	while (node >= CALLTREE_FIRST) {
		int error = chain_add(chain, calltree_at(tree, node), width);

		if (error)
			return error;
		node = calltree_caller(tree, node, false);
	}
	chain->truncated = node == CALLTREE_TRUNCATED;
	return 0;
}

static bool is_hidden(const struct chain *chain, size_t i)
{
	return chain->count > CHAIN_LINES && i >= CHAIN_LINES - CHAIN_OUTER_LINES - 1 &&
	       i < chain->count - CHAIN_OUTER_LINES;
}

static size_t function_columns(const struct chain *chain)
{
	size_t columns = FUNCTION_COLUMNS_LEAST;
	size_t i;

	for (i = 0; i < chain->count; i++) {
		size_t own = printable_columns(chain->lines[i].function, SIZE_MAX);

		/* A few long names shall not push all places to the right. */
		if (!is_hidden(chain, i) && own > columns && own <= 44)
			columns = own;
	}
	return columns;
}

static void print_line(const struct terminal *terminal, const struct line *line,
		       size_t columns, size_t number)
{
	FILE *out = terminal->out;
	size_t own = printable_columns(line->function, SIZE_MAX);

	fprintf(out, "%*s%s%s%s", INDENT, "",
		terminal_style(terminal, number ? TERMINAL_PLAIN : TERMINAL_STRONG),
		line->function, terminal_style(terminal, TERMINAL_PLAIN));
	if (*line->place)
		fprintf(out, "%*s%s%s%s", (int)(own < columns ? columns - own : 0) + 2, "",
			terminal_style(terminal, TERMINAL_FAINT), line->place,
			terminal_style(terminal, TERMINAL_PLAIN));
	if (line->times > 1)
		fprintf(out, " (x%" PRIu32 ")", line->times);
	fputc('\n', out);
}

char *text_place_new(const struct calltree *tree, uint32_t node, size_t columns)
{
	const struct callnode *frame;
	char *place, *function = NULL, *text = NULL;
	size_t taken;

	if (node < CALLTREE_FIRST)
		return strdup("stack not known");
	frame = calltree_at(tree, node);
	place = place_new(frame);
	taken = place ? printable_columns(place, SIZE_MAX) + 2 : 0;
	if (place)
		function = function_new(frame, taken + FUNCTION_COLUMNS_LEAST < columns
						       ? columns - taken
						       : FUNCTION_COLUMNS_LEAST);
	if (function && asprintf(&text, "%s%s%s", function, *place ? "  " : "", place) < 0)
		text = NULL;
	free(place);
	free(function);
	return text;
}

static void print_chain(const struct terminal *terminal, const struct chain *chain)
{
	size_t columns = function_columns(chain);
	size_t i, hidden = 0;

	for (i = 0; i < chain->count; i++) {
		if (is_hidden(chain, i)) {
			hidden += chain->lines[i].times;
			continue;
		}
		if (hidden)
			fprintf(terminal->out, "%*s%s… %zu more frames%s\n", INDENT, "",
				terminal_style(terminal, TERMINAL_FAINT), hidden,
				terminal_style(terminal, TERMINAL_PLAIN));
		hidden = 0;
		print_line(terminal, &chain->lines[i], columns, i);
	}
	if (chain->truncated)
		fprintf(terminal->out, "%*s%s… callers not known%s\n", INDENT, "",
			terminal_style(terminal, TERMINAL_FAINT),
			terminal_style(terminal, TERMINAL_PLAIN));
}

int text_chain(const struct terminal *terminal, const struct calltree *tree, uint32_t node)
{
	struct chain chain;
	int error = chain_init(&chain, tree, node, terminal->width);

	if (!error)
		print_chain(terminal, &chain);
	chain_done(&chain);
	return error;
}

int text_frames(const struct terminal *terminal, const struct callnode *frames,
		size_t count)
{
	struct chain chain = {.count = 0};
	int error = 0;

	for (size_t i = 0; !error && i < count; i++)
		error = chain_add(&chain, &frames[i], terminal->width);
	if (!error)
		print_chain(terminal, &chain);
	chain_done(&chain);
	return error;
}

int text_sites(const struct terminal *terminal, const struct report *report,
	       enum sites_order order, const char *heading, text_site_line_fn *line)
{
	struct sites sites;
	double whole = 0, rest = 0;
	size_t i;
	int error = report_sites(report, FAMILY_NONE, order, order, &sites);

	if (error || sites.count == 0)
		goto out;
	for (i = 0; i < sites.count; i++)
		whole += sites_weight(&sites.items[i], order);
	text_heading(terminal, "%s", heading);
	for (i = 0; !error && i < sites.count; i++) {
		if (i >= report->top) {
			rest += sites_weight(&sites.items[i], order);
			continue;
		}
		fprintf(terminal->out, "%s%3zu  ", i ? "\n" : "", i + 1);
		line(terminal, &sites.items[i], whole);
		fputc('\n', terminal->out);
		error = text_chain(terminal, report->tree, sites.items[i].shown);
	}
	if (!error && sites.count > report->top)
		fprintf(terminal->out, "\n%s     … and %s with %s (%s)%s\n",
			terminal_style(terminal, TERMINAL_FAINT),
			figure_counted(sites.count - report->top, "more call site").text,
			order == SITES_BY_TEMPORARY ? figure_number(rest).text
						    : figure_bytes(rest).text,
			figure_share(rest, whole).text,
			terminal_style(terminal, TERMINAL_PLAIN));
out:
	sites_done(&sites);
	return error;
}
