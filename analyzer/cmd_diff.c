/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_complaining.h"
#include "cmd_sides.h"
#include "commands.h"
#include "comparison.h"
#include "diff.h"
#include "duration.h"
#include "json_diff.h"
#include "number.h"
#include "quantity.h"
#include "report.h"
#include "side.h"
#include "terminal.h"
#include "text_diff.h"

#define STATUS_TROUBLE 2

static const char help[] =
	"Usage: mftrace diff [OPTIONS] BASE NEW\n"
	"       mftrace diff [OPTIONS] --base BASE... NEW...\n"
	"       mftrace diff [OPTIONS] DUMP --at TIME --at TIME\n"
	"\n"
	"What changed from one recording to another, by call site: leaked, at the peak,\n"
	"pinned, allocations and temporary ones. Call sites are the same where their\n"
	"functions are, whatever their lines and addresses; a rebuilt program is compared\n"
	"site by site.\n"
	"\n"
	"BASE and NEW are each a dump, a directory of dumps (a process tree), or what\n"
	"`mftrace report --json` wrote of one.\n"
	"\n"
	"  --base BASE        a run of the base side; give it several times for several\n"
	"                     runs, between which differences are noise\n"
	"  --at TIME          twice: two instants of one DUMP, times after its start\n"
	"                     (12.5, 300ms, 2min) or exit\n"
	"  --tolerance SHARE  changes up to this (5% or 0.05) do not count; default 0\n"
	"  -j, --json         as JSON (docs/diff.schema.json)\n"
	"  -n, --top N        show N call sites in each list (text: 5, JSON: all)\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: 0 fine, 2 wrong usage or unreadable input.\n";

enum {
	OPTION_BASE = 256,
	OPTION_AT,
	OPTION_TOLERANCE,
};

static const struct option options[] = {
	{"base", required_argument, NULL, OPTION_BASE},
	{"at", required_argument, NULL, OPTION_AT},
	{"tolerance", required_argument, NULL, OPTION_TOLERANCE},
	{"json", no_argument, NULL, 'j'},
	{"top", required_argument, NULL, 'n'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

struct request {
	bool help, json;
	bool top_given;
	uint64_t top;
	double tolerance;
	const char **base; /* paths given by --base */
	size_t base_count;
	size_t instants;
	bool ends[2];
	uint64_t at_ns[2];
};

/* ---- The command line --------------------------------------------------------------- */

static const char *take_instant(struct request *request, const char *text)
{
	size_t i = request->instants++;

	if (i >= 2)
		return "--at: given more than twice";
	request->ends[i] = strcmp(text, "exit") == 0;
	if (!request->ends[i] && !duration_parse(text, &request->at_ns[i]))
		return "--at: neither a time, such as 12.5 or 300ms, nor exit";
	return NULL;
}

/* Returns what is wrong, or NULL. */
static const char *take_option(struct request *request, int option)
{
	switch (option) {
	case OPTION_BASE:
		request->base[request->base_count++] = optarg;
		return NULL;
	case OPTION_AT:
		return take_instant(request, optarg);
	case OPTION_TOLERANCE:
		return quantity_parse(optarg, QUANTITY_SHARE, &request->tolerance)
			       ? "--tolerance: not a share, such as 5% or 0.05"
			       : NULL;
	case 'j':
		request->json = true;
		return NULL;
	case 'n':
		request->top_given = true;
		return number_parse(optarg, 0, REPORT_ALL - 1, &request->top)
			       ? NULL
			       : "--top: not a number";
	case 'h':
		request->help = true;
		return NULL;
	case ':':
		return "an option lacks its value; see --help";
	}
	return "no such option; see --help";
}

static const char *check_paths(const struct request *request, int count)
{
	if (request->instants) {
		if (request->instants != 2)
			return "--at: two instants are needed";
		if (request->base_count || count != 1)
			return "--at: two instants of one DUMP; see --help";
		return NULL;
	}
	if (request->base_count)
		return count > 0 ? NULL : "compared with what? Give a NEW; see --help";
	return count == 2 ? NULL : "give two: BASE and NEW; see --help";
}

/* Returns 0, or -EINVAL after saying what is wrong. request->base has room for argc. */
static int parse(int argc, char **argv, struct request *request)
{
	const char *wrong = NULL;
	int option;

	optind = 1;
	while (!wrong && !request->help &&
	       (option = getopt_long(argc, argv, ":jn:h", options, NULL)) != -1)
		wrong = take_option(request, option);
	if (!wrong && !request->help)
		wrong = check_paths(request, argc - optind);
	if (wrong)
		complain(argv[0], wrong);
	return wrong ? -EINVAL : 0;
}

/* ---- The work ----------------------------------------------------------------------- */

static int read_sides(const struct request *request, int count, char **paths,
		      struct side *base, struct side *now)
{
	int error = 0;

	if (request->instants) {
		for (int i = 0; i < 2 && !error; i++) {
			struct side_wish wish = {
				.until_given = !request->ends[i],
				.until_ns = request->at_ns[i],
			};

			error = cmd_sides_add(i ? now : base, paths[0], NULL, &wish);
		}
		return error;
	}
	for (size_t i = 0; i < request->base_count && !error; i++)
		error = cmd_sides_add(base, request->base[i], NULL, NULL);
	for (int i = 0; i < count && !error; i++)
		error = cmd_sides_add(base->count || i ? now : base, paths[i], NULL, NULL);
	return error;
}

static int print(const struct request *request, const struct side *base,
		 const struct side *now)
{
	struct comparison *comparison = NULL;
	struct terminal terminal;
	struct diff diff = {
		.base = base,
		.now = now,
		.tolerance = request->tolerance,
		.top = request->top_given ? request->top
		       : request->json	  ? REPORT_ALL
					  : 5,
		.instants = request->instants > 0,
		.base_ends = request->ends[0],
		.now_ends = request->ends[1],
		.base_ns = request->at_ns[0],
		.now_ns = request->at_ns[1],
	};
	int error = comparison_new(base, now, &comparison);

	if (error)
		return error;
	diff.comparison = comparison;
	terminal_init(&terminal, stdout);
	if (request->json)
		error = json_diff(&diff, stdout);
	else
		error = text_diff(&diff, &terminal);
	if (!error && (fflush(stdout) == EOF || ferror(stdout)))
		error = -EIO;
	comparison_free(comparison);
	return error;
}

int cmd_diff(int argc, char **argv)
{
	struct request request = {.json = false};
	struct side base, now;
	int status = STATUS_TROUBLE;
	int error;

	side_init(&base);
	side_init(&now);
	request.base = calloc((size_t)argc + 1, sizeof(request.base[0]));
	if (!request.base) {
		complain(argv[0], strerror(ENOMEM));
		goto out;
	}
	if (parse(argc, argv, &request))
		goto out;
	if (request.help) {
		fputs(help, stdout);
		status = fflush(stdout) == EOF ? STATUS_TROUBLE : 0;
		goto out;
	}
	if (read_sides(&request, argc - optind, argv + optind, &base, &now))
		goto out;
	error = print(&request, &base, &now);
	if (error)
		complain("output", strerror(-error));
	else
		status = 0;
out:
	free(request.base);
	side_done(&now);
	side_done(&base);
	return status;
}
