/* SPDX-License-Identifier: MIT */
#include "text_suppressions.h"

#include <stdio.h>
#include <stdlib.h>

#include "figure.h"
#include "printable.h"
#include "suppressions.h"
#include "terminal.h"
#include "text_process.h"

/* "name  file:12", the name cut to what is left of the line. */
static void print_rule(const struct terminal *terminal, const struct suppression *rule,
		       size_t taken)
{
	char *name = printable_new(rule->name);
	char *file = rule->origin ? printable_new(rule->origin) : NULL;
	char *place = NULL;
	size_t room = terminal->width, used;

	if (file && asprintf(&place, "  %s:%u", file, rule->line) < 0)
		place = NULL;
	used = taken + (place ? printable_columns(place, (size_t)-1) : 0);
	room = used + 16 < room ? room - used : 16;
	if (name && printable_columns(name, (size_t)-1) > room)
		fprintf(terminal->out, "%.*s…", (int)printable_fit(name, room - 1), name);
	else
		fputs(name ? name : "?", terminal->out);
	fprintf(terminal->out, "%s%s%s\n", terminal_style(terminal, TERMINAL_FAINT),
		place ? place : "", terminal_style(terminal, TERMINAL_PLAIN));
	free(place);
	free(file);
	free(name);
}

void text_suppressions(const struct terminal *terminal,
		       const struct suppressions *suppressions)
{
	struct suppression rule;
	uint64_t bytes = 0, blocks = 0;
	size_t next;

	if (!suppressions)
		return;
	for (next = 0; suppressions_next(suppressions, &next, &rule);) {
		bytes += rule.bytes;
		blocks += rule.blocks;
	}
	if (blocks > 0)
		text_heading(terminal, "Suppressed: %s in %s",
			     figure_bytes((double)bytes).text,
			     figure_counted(blocks, "block").text);
	for (next = 0; suppressions_next(suppressions, &next, &rule);) {
		int columns;

		if (rule.blocks == 0)
			continue;
		columns = fprintf(terminal->out, "  %9s in %-13s ",
				  figure_bytes((double)rule.bytes).text,
				  figure_counted(rule.blocks, "block").text);
		print_rule(terminal, &rule, columns > 0 ? (size_t)columns : 0);
	}
	for (next = 0, blocks = 0; suppressions_next(suppressions, &next, &rule);) {
		if (rule.blocks > 0)
			continue;
		if (blocks++ == 0)
			text_heading(terminal, "Suppressions that fitted nothing");
		fputs("  ", terminal->out);
		print_rule(terminal, &rule, 2);
	}
}
