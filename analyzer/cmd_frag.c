/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_reading.h"
#include "commands.h"
#include "duration.h"
#include "family.h"
#include "picture.h"
#include "profile.h"
#include "report.h"
#include "report_text.h"
#include "text_frag.h"

static const char help[] =
	"Usage: mftrace frag [OPTIONS] DUMP...\n"
	"\n"
	"Fragmentation: what the resident memory is made of; the heap at one snapshot in\n"
	"depth (how full its pages are, what keeps it from shrinking, what is free); its\n"
	"course; and the call sites whose blocks hold partly free pages in memory.\n"
	"\n"
	"DUMP is a dump file, several of them, or a directory: the processes of one tree.\n"
	"\n"
	"  --at MOMENT   the snapshot to look at in depth: worst (unless told otherwise),\n"
	"                exit, peak_live, peak_resident, or the last one not later than a\n"
	"                time after the start: 12.5 or 12.5s, 300ms, 2min\n"
	"  --map[=FILE]  draw the heap's pages by how full they are, or into a picture:\n"
	"                FILE.png or FILE.svg (one process)\n"
	"  -j, --json    the report as JSON (docs/report.schema.json)\n"
	"  -n, --top N   show N call sites (text: 10, JSON: all)\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit status: 0 fine, 2 wrong usage or unreadable input.\n";

enum {
	OPTION_AT = 256,
	OPTION_MAP,
};

static const struct option options[] = {
	{"at", required_argument, NULL, OPTION_AT},
	{"map", optional_argument, NULL, OPTION_MAP},
	{NULL, 0, NULL, 0},
};

/* What the command line asked for. */
static struct profile_moment moment;
static bool draw_map;
static const char *picture;

static bool parse_moment(const char *text)
{
	static const struct {
		const char *name;
		enum profile_moment_kind kind;
	} names[] = {
		{"worst", PROFILE_MOMENT_WORST},
		{"exit", PROFILE_MOMENT_EXIT},
		{"peak_live", PROFILE_MOMENT_PEAK_LIVE},
		{"peak_resident", PROFILE_MOMENT_PEAK_RESIDENT},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].name) == 0) {
			moment.kind = names[i].kind;
			return true;
		}
	}
	moment.kind = PROFILE_MOMENT_TIME;
	return duration_parse(text, &moment.time_ns);
}

static const char *take_option(int option, const char *argument)
{
	if (option == OPTION_AT)
		return parse_moment(argument) ? NULL
					      : "--at: neither a moment nor a time; see "
						"--help";
	if (argument)
		picture = argument;
	else
		draw_map = true;
	return NULL;
}

static int print(const struct report *report, const struct terminal *terminal)
{
	int error = report_text_frag(report, terminal);

	for (size_t i = 0; !error && draw_map && i < report->family->count; i++)
		text_heapmap(terminal, report->family->members[i].profile);
	return error;
}

/* Returns the exit status. */
static int draw_picture(const struct report *report)
{
	const struct profile_depth *depth;
	const char *why = NULL;
	int error;

	if (!picture)
		return 0;
	depth = report->family->members[0].profile->depth;
	if (report->family->count != 1) {
		why = "a picture shows one process, and these are several";
	} else if (!depth) {
		why = "nothing to draw: the dump holds no such snapshot of the heap";
	} else {
		error = picture_write(depth, picture);
		if (error == -EINVAL)
			why = "a picture's name ends in .png or .svg";
		else if (error == -ENODATA)
			why = "nothing to draw: no page of the heap was resident";
		else if (error)
			why = strerror(-error);
	}
	if (!why)
		return 0;
	fprintf(stderr, "mftrace: %s: cannot draw: %s\n", picture, why);
	return 2;
}

static const struct reading_verb verb = {
	.help = help,
	.top = 10,
	.order = SITES_BY_PINNED,
	.details = false,
	.print = print,
	.options = options,
	.take_option = take_option,
	.moment = &moment,
	.finish = draw_picture,
};

int cmd_frag(int argc, char **argv)
{
	return cmd_reading(argc, argv, &verb);
}
