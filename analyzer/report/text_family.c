/* SPDX-License-Identifier: MIT */
#include "text_family.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "figure.h"
#include "printable.h"
#include "profile.h"
#include "report.h"
#include "terminal.h"
#include "text_process.h"

#define NAME_COLUMNS 24
/* Deeper children are not indented further. */
#define INDENT_LEVELS 6

static void print_name(const struct terminal *terminal, const struct family_member *member)
{
	char *name = text_program_new(member->profile);
	size_t indent = 2 * (member->depth < INDENT_LEVELS ? member->depth : INDENT_LEVELS);
	size_t room = NAME_COLUMNS - indent;
	size_t bytes = name ? printable_fit(name, room) : 0;

	fprintf(terminal->out, "%*s%.*s%*s", (int)indent, "", (int)bytes, name ? name : "",
		(int)(room - (name ? printable_columns(name, bytes) : 0)), "");
	free(name);
}

static void short_ending(const struct family_member *member, char *text, size_t bytes)
{
	const struct mft_header *header = &member->profile->header;

	if (member->fate == FATE_EXITED && (header->flags & MFT_FLAG_EXIT_STATUS_KNOWN))
		snprintf(text, bytes, "exit %d", header->exit_status & 0xff);
	else
		snprintf(text, bytes, "%s", fate_name(member->fate));
}

static void print_member(const struct terminal *terminal,
			 const struct family_member *member)
{
	const struct profile *profile = member->profile;
	char ending[32];

	short_ending(member, ending, sizeof(ending));
	fprintf(terminal->out, "%9d  ", (int)profile->header.pid);
	print_name(terminal, member);
	fprintf(terminal->out, " %12s %9s %9s  %s\n", figure_count(profile->events).text,
		figure_bytes((double)profile->peak_bytes).text,
		figure_bytes((double)profile->live_bytes).text, ending);
}

void text_family(const struct terminal *terminal, const struct report *report)
{
	const struct family *family = report->family;
	uint64_t events = 0, live_bytes = 0;
	size_t i;

	fprintf(terminal->out, "%s%zu processes%s\n\n",
		terminal_style(terminal, TERMINAL_STRONG), family->count,
		terminal_style(terminal, TERMINAL_PLAIN));
	fprintf(terminal->out, "%s%9s  %-*s %12s %9s %9s  %s%s\n",
		terminal_style(terminal, TERMINAL_FAINT), "pid", NAME_COLUMNS, "process",
		"events", "peak", "unfreed", "end",
		terminal_style(terminal, TERMINAL_PLAIN));
	for (i = 0; i < family->count; i++) {
		print_member(terminal, &family->members[i]);
		events += family->members[i].profile->events;
		live_bytes += family->members[i].profile->live_bytes;
	}
	fprintf(terminal->out, "%9s  %-*s %12s %9s %9s\n", "", NAME_COLUMNS, "all together",
		figure_count(events).text, "", figure_bytes((double)live_bytes).text);
}
