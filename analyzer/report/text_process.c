/* SPDX-License-Identifier: MIT */
#include "text_process.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "figure.h"
#include "pathname.h"
#include "printable.h"
#include "profile.h"
#include "report.h"
#include "terminal.h"

#define LABEL_COLUMNS (TEXT_FIELD_COLUMNS - 2)

void text_field(const struct terminal *terminal, const char *label, const char *format, ...)
{
	va_list arguments;

	fprintf(terminal->out, "  %s%-*s%s", terminal_style(terminal, TERMINAL_FAINT),
		LABEL_COLUMNS, label, terminal_style(terminal, TERMINAL_PLAIN));
	va_start(arguments, format);
	vfprintf(terminal->out, format, arguments);
	va_end(arguments);
	fputc('\n', terminal->out);
}

void text_paragraph(const struct terminal *terminal, const char *label, const char *text)
{
	size_t room = terminal->width - TEXT_FIELD_COLUMNS;

	while (*text) {
		size_t bytes = printable_fit(text, room);
		size_t line = bytes;

		if (text[bytes]) {
			while (line > 0 && text[line] != ' ')
				line--;
			if (line == 0)
				line = bytes;
		}
		text_field(terminal, label, "%s%.*s%s",
			   terminal_style(terminal, TERMINAL_WARNING), (int)line, text,
			   terminal_style(terminal, TERMINAL_PLAIN));
		label = "";
		text += line;
		while (*text == ' ')
			text++;
	}
}

void text_heading(const struct terminal *terminal, const char *format, ...)
{
	va_list arguments;

	fprintf(terminal->out, "\n%s", terminal_style(terminal, TERMINAL_HEADING));
	va_start(arguments, format);
	vfprintf(terminal->out, format, arguments);
	va_end(arguments);
	fprintf(terminal->out, "%s\n", terminal_style(terminal, TERMINAL_PLAIN));
}

char *text_program_new(const struct profile *profile)
{
	const char *name = profile->exe;

	if (!*name && profile->argv && profile->argv[0])
		name = profile->argv[0];
	name = pathname_base(name);
	return printable_new(*name ? name : "?");
}

/* How it ended: "exited with status 0", "was killed", ... */
static void tell_ending(const struct family_member *member, char *text, size_t bytes)
{
	const struct mft_header *header = &member->profile->header;

	switch (member->fate) {
	case FATE_EXITED:
		if (header->flags & MFT_FLAG_EXIT_STATUS_KNOWN)
			snprintf(text, bytes, "exited with status %d",
				 header->exit_status & 0xff);
		else
			snprintf(text, bytes, "exited");
		break;
	case FATE_EXEC:
		snprintf(text, bytes, "ran another program");
		break;
	case FATE_RUNNING:
		snprintf(text, bytes, "still running");
		break;
	case FATE_KILLED:
		snprintf(text, bytes, "was killed");
		break;
	case FATE_UNKNOWN:
		snprintf(text, bytes, "end unknown");
		break;
	}
}

/* The command line in one line, cut to the terminal. */
static void print_command(const struct terminal *terminal, const struct profile *profile)
{
	size_t room = terminal->width - LABEL_COLUMNS - 2;
	char *line = NULL;
	char *safe;
	size_t length;
	char **argument;
	FILE *stream = open_memstream(&line, &length);

	if (!stream)
		return;
	for (argument = profile->argv; argument && *argument; argument++)
		fprintf(stream, "%s%s", argument == profile->argv ? "" : " ", *argument);
	if (fclose(stream) == EOF || !line || !*line) {
		free(line);
		return;
	}
	safe = printable_new(line);
	free(line);
	if (!safe)
		return;
	if (printable_columns(safe, SIZE_MAX) > room || profile->argv_cut)
		text_field(terminal, "command", "%.*s…", (int)printable_fit(safe, room - 1),
			   safe);
	else
		text_field(terminal, "command", "%s", safe);
	free(safe);
}

/* A path that keeps its end, which tells more, when it must be cut. */
static void print_path(const struct terminal *terminal, const char *label, const char *path,
		       const char *rest)
{
	size_t room = terminal->width - LABEL_COLUMNS - 2;
	char *safe = printable_new(path);
	size_t taken = printable_columns(rest, SIZE_MAX);
	size_t columns, skip;

	if (!safe)
		return;
	columns = printable_columns(safe, SIZE_MAX);
	if (columns + taken <= room) {
		text_field(terminal, label, "%s%s", safe, rest);
	} else {
		skip = columns + taken - room + 1;
		text_field(terminal, label, "…%s%s", safe + printable_fit(safe, skip),
			   rest);
	}
	free(safe);
}

/* Of a ring: which of the events are there one by one, and what holds for all of them. */
static void print_window(const struct terminal *terminal, const struct profile *profile)
{
	const struct profile_window *window = &profile->window;
	uint64_t length_ns = profile->duration_ns > window->start_ns
				     ? profile->duration_ns - window->start_ns
				     : 0;

	if (profile->header.mode != MFT_MODE_RING || window->folded_events == 0)
		return;
	text_field(terminal, "window", "the last %s of %s, %s of the events one by one;",
		   figure_duration(length_ns).text,
		   figure_duration(profile->duration_ns).text,
		   figure_share((double)(profile->events - window->folded_events),
				(double)profile->events)
			   .text);
	text_field(terminal, "",
		   "totals, call sites, peak and live blocks are of the whole run,");
	text_field(terminal, "", "snapshots, growth and courses of the window");
}

void text_process_head(const struct terminal *terminal, const struct family_member *member)
{
	static const char *const modes[] = {"every event", "every event", "samples"};
	const struct profile *profile = member->profile;
	char *name = text_program_new(profile);
	char ending[64], rest[96] = "";
	uint32_t mode = profile->header.mode < 3 ? profile->header.mode : 0;

	tell_ending(member, ending, sizeof(ending));
	fprintf(terminal->out, "%s%s%s  pid %d, %s after %s\n",
		terminal_style(terminal, TERMINAL_STRONG), name ? name : "?",
		terminal_style(terminal, TERMINAL_PLAIN), (int)profile->header.pid, ending,
		figure_duration(profile->duration_ns).text);
	free(name);
	print_command(terminal, profile);
	text_field(terminal, "recorded", "%s in %s (%s)",
		   figure_counted(profile->events, "event").text,
		   figure_counted(profile->threads, "thread").text, modes[mode]);
	print_window(terminal, profile);
	if (profile->events > 1000 && profile->window.folded_events == 0)
		snprintf(rest, sizeof(rest), ", %s (%.1f bytes an event)",
			 figure_bytes((double)profile->file_bytes).text,
			 (double)profile->file_bytes / (double)profile->events);
	else
		snprintf(rest, sizeof(rest), ", %s",
			 figure_bytes((double)profile->file_bytes).text);
	print_path(terminal, "dump", profile->dump_path, rest);
	if (*profile->allocator)
		print_path(terminal, "allocator", profile->allocator, "");
}

/* The snapshot in which most was live: how the heap is when it matters most. */
static const struct profile_snapshot *peak_snapshot(const struct profile *profile)
{
	const struct profile_snapshot *peak = &profile->snapshots[0];
	size_t i;

	for (i = 1; i < profile->snapshots_count; i++) {
		if (profile->snapshots[i].requested_bytes > peak->requested_bytes)
			peak = &profile->snapshots[i];
	}
	return peak;
}

double text_fragmentation_at_peak(const struct profile *profile)
{
	if (profile->snapshots_count == 0)
		return 0;
	return profile_fragmentation(peak_snapshot(profile));
}

static void print_fragmentation(const struct terminal *terminal,
				const struct profile *profile)
{
	/* Of a ring the snapshots before the window are gone, that of the peak with them.
	 */
	const bool is_told = profile->peak_time_ns >= profile->window.start_ns;
	const struct profile_snapshot *worst, *peak;

	if (profile->worst_snapshot >= profile->snapshots_count) {
		text_field(terminal, "fragmentation",
			   "not measured: no snapshot in the dump");
		return;
	}
	worst = &profile->snapshots[profile->worst_snapshot];
	peak = peak_snapshot(profile);
	text_field(terminal, "fragmentation", "%s at %s (%s%s), %s at worst%s",
		   figure_share(profile_fragmentation(peak), 1).text,
		   is_told ? "the peak" : "the window's peak",
		   figure_bytes((double)peak->resident_bytes).text,
		   is_told ? " resident" : "",
		   figure_share(profile_fragmentation(worst), 1).text,
		   worst->reason == MFT_SNAPSHOT_EXIT ? " (exit)" : "");
}

void text_process_figures(const struct terminal *terminal, const struct profile *profile)
{
	double mean = profile->allocations ? (double)profile->allocated_bytes /
						     (double)profile->allocations
					   : 0;

	text_field(terminal, "peak", "%s in %s, %s after the start",
		   figure_bytes((double)profile->peak_bytes).text,
		   figure_counted(profile->peak_blocks, "block").text,
		   figure_duration(profile->peak_time_ns).text);
	text_field(terminal, "unfreed", "%s in %s at the end",
		   figure_bytes((double)profile->live_bytes).text,
		   figure_counted(profile->live_blocks, "block").text);
	print_fragmentation(terminal, profile);
	text_field(terminal, "allocated", "%s in %s, %s on average",
		   figure_bytes((double)profile->allocated_bytes).text,
		   figure_counted(profile->allocations, "allocation").text,
		   figure_bytes(mean).text);
	text_field(terminal, "temporary", "%s (%s), freed before the next one",
		   figure_counted(profile->temporary_allocations, "allocation").text,
		   figure_share((double)profile->temporary_allocations,
				(double)profile->allocations)
			   .text);
	if (profile->failed)
		text_field(terminal, "failed", "%s that returned no memory",
			   figure_counted(profile->failed, "allocation").text);
}

void text_process_emptiness(const struct terminal *terminal, const struct profile *profile)
{
	char **notice;

	if (profile->allocations > 0)
		return;
	fprintf(terminal->out, "\n%sNothing was recorded:%s ",
		terminal_style(terminal, TERMINAL_WARNING),
		terminal_style(terminal, TERMINAL_PLAIN));
	if (profile->header.flags & MFT_FLAG_OWN_MALLOC)
		fputs("the program brings its own malloc, which a preloaded\n"
		      "library cannot see. Build it without that allocator, or link the "
		      "allocator\nas a shared library.\n",
		      terminal->out);
	else if (profile->damage)
		fputs("the dump is damaged before the first allocation.\n", terminal->out);
	else if (profile->lost_events > 0)
		fputs("all events were lost for want of space.\n", terminal->out);
	else
		fputs("the program called no allocation function that mftrace\n"
		      "watches. Parts that are linked statically, and programs with a "
		      "memory "
		      "manager\nof their own (Go, Java), cannot be seen.\n",
		      terminal->out);
	for (notice = profile->notices; notice && *notice; notice++) {
		char *safe = printable_new(*notice);

		fprintf(terminal->out, "  %s\n", safe ? safe : "?");
		free(safe);
	}
}

void text_hint(const struct terminal *terminal, const struct report *report,
	       const char *verb, const char *what)
{
	char *target = printable_new(report->target);
	const char *shown = target ? target : "DUMP";
	size_t columns = TEXT_FIELD_COLUMNS + strlen("mftrace  ") + strlen(verb) +
			 printable_columns(shown, SIZE_MAX);

	/* A command is there to be copied: a name that does not fit gets a line of its own,
	 * joined as a shell does, and is never cut. */
	text_field(terminal, "next", "mftrace %s %s", verb,
		   columns <= terminal->width ? shown : "\\");
	if (columns > terminal->width)
		fprintf(terminal->out, "  %s\n", shown);
	text_field(terminal, "", "%s%s%s", terminal_style(terminal, TERMINAL_FAINT), what,
		   terminal_style(terminal, TERMINAL_PLAIN));
	free(target);
}
