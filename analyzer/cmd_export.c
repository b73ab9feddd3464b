/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd_reading.h"
#include "commands.h"
#include "export.h"
#include "family.h"
#include "printable.h"
#include "profile.h"
#include "report.h"

static const char usage[] =
	"Usage: mftrace export --format FORMAT [OPTIONS] DUMP...\n"
	"\n"
	"The profile in the format of another tool, for its viewer.\n"
	"\n"
	"DUMP is a dump file, several of them, or a directory: the processes of one tree.\n"
	"\n"
	"  -f, --format FORMAT\n"
	"                one of those below\n"
	"  -m, --metric METRIC\n"
	"                what to measure call sites by: peak (bytes live when most were),\n"
	"                leaked (bytes), allocated (bytes), allocations (how many),\n"
	"                temporary (how many), pinned (free bytes that blocks keep from\n"
	"                being given back, in the worst snapshot). A format that shows\n"
	"                several opens with it, or has it first\n"
	"  -o, --output FILE\n"
	"                write to FILE; - is the standard output, also where it is a\n"
	"                terminal and the format is not text (default: standard output)\n"
	"  -h, --help    this text\n"
	"\n"
	"Formats, and the metric that each takes unless told otherwise:\n"
	"\n";

static const char usage_end[] = "\n"
				"Exit status: 0 fine, 2 wrong usage or unreadable input.\n";

enum {
	OPTION_FORMAT = 'f',
	OPTION_METRIC = 'm',
	OPTION_OUTPUT = 'o',
};

static const struct option options[] = {
	{"format", required_argument, NULL, OPTION_FORMAT},
	{"metric", required_argument, NULL, OPTION_METRIC},
	{"output", required_argument, NULL, OPTION_OUTPUT},
	{NULL, 0, NULL, 0},
};

/* What the command line asked for. */
static const struct export_format *format;
static enum export_metric metric;
static bool metric_given;
static const char *output; /* NULL: not given */
static int trouble;	   /* the exit status */

static void complain(const char *path, const char *what, const char *why)
{
	char *safe = printable_new(path);

	fprintf(stderr, "mftrace: %s: %s%s%s\n", safe ? safe : "?", what, why ? ": " : "",
		why ? why : "");
	free(safe);
	trouble = 2;
}

static const char *take_option(int option, const char *argument)
{
	switch (option) {
	case OPTION_FORMAT:
		format = export_find_format(argument);
		if (format)
			return NULL;
		complain(argument, "no such format; `mftrace export --help` lists them",
			 NULL);
		return "";
	case OPTION_METRIC:
		metric_given = true;
		return export_find_metric(argument, &metric)
			       ? NULL
			       : "--metric: peak, leaked, allocated, allocations, "
				 "temporary or pinned";
	case OPTION_OUTPUT:
		output = argument;
		return NULL;
	}
	return "no such option; see --help";
}

static bool to_stdout(void)
{
	return !output || strcmp(output, "-") == 0;
}

/* Whether the options go together; before anything is read. */
static const char *settle(void)
{
	if (!format)
		return "which format? Give --format; see --help";
	if (!metric_given)
		metric = format->metric;
	if (!(format->metrics & (1u << metric))) {
		complain(format->name, "cannot show this metric",
			 export_metric_name(metric));
		return "";
	}
	if (format->write_path && to_stdout())
		return "this format is written to a file only; give -o FILE";
	if (format->binary && !output && isatty(STDOUT_FILENO))
		return "this format is not for a terminal; give -o FILE, or -o - to do it "
		       "all the same";
	return NULL;
}

/* Whether a file is one of the dumps that were read: to write there would destroy it. */
static bool is_a_dump(const struct family *family, const char *path)
{
	struct stat wanted, dump;

	if (stat(path, &wanted) < 0)
		return false;
	for (size_t i = 0; i < family->count; i++) {
		if (stat(family->members[i].profile->dump_path, &dump) == 0 &&
		    dump.st_dev == wanted.st_dev && dump.st_ino == wanted.st_ino)
			return true;
	}
	return false;
}

static int write_to(const struct report *report, FILE *out)
{
	int error = format->write(report, metric, out);

	errno = 0;
	if (!error && (fflush(out) == EOF || ferror(out)))
		error = errno ? -errno : -EIO;
	return error;
}

/* Returns 0 or a negative errno. A file that could not be written whole is removed, unless
 * it is no regular one. */
static int write_file(const struct report *report)
{
	const bool existed = access(output, F_OK) == 0;
	FILE *out = fopen(output, format->adds ? "ae" : "we");
	struct stat info;
	int error;

	if (!out)
		return -errno;
	if (format->write_path) {
		/* The library opens its own; this one showed that it can be made. */
		fclose(out);
		if (!format->adds && unlink(output) < 0)
			return -errno;
		error = format->write_path(report, metric, output);
		if (error && !(existed && format->adds))
			unlink(output);
		return error;
	}
	error = write_to(report, out);
	if (fclose(out) == EOF && !error)
		error = -errno;
	if (error && stat(output, &info) == 0 && S_ISREG(info.st_mode))
		unlink(output);
	return error;
}

static const char *why(int error)
{
	switch (error) {
	case -ESTALE:
		return "the dump grows, its process still runs; export it when that has "
		       "ended, or what `mftrace snapshot` makes of it";
	case -EBADMSG:
		return "it is no database, or a damaged one";
	case -EINVAL:
		return "it is a database, but not one of runs";
	case -EPROTONOSUPPORT:
		return "its tables are of another version of mftrace";
	default:
		return strerror(-error);
	}
}

static int print(const struct report *report, const struct terminal *terminal)
{
	int error;

	(void)terminal;
	if (format->one_process && report->family->count != 1) {
		complain(format->name,
			 "this format shows one process, and these are several; name one "
			 "dump",
			 NULL);
		return 0;
	}
	if (!to_stdout() && is_a_dump(report->family, output)) {
		complain(output, "cannot be written", "it is the dump itself");
		return 0;
	}
	error = to_stdout() ? write_to(report, stdout) : write_file(report);
	if (error)
		complain(to_stdout() ? "output" : output, "cannot be written", why(error));
	return 0;
}

/* Errors have been told already. */
static int finish(const struct report *report)
{
	(void)report;
	return trouble;
}

/* The whole text of --help; NULL where memory is short. */
static char *help_new(void)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	fputs(usage, out);
	for (size_t i = 0; export_formats[i]; i++)
		fprintf(out, "  %-11s %s\n%14s(%s)\n", export_formats[i]->name,
			export_formats[i]->summary, "",
			export_metric_name(export_formats[i]->metric));
	fputs(usage_end, out);
	if (fclose(out) == EOF) {
		free(text);
		return NULL;
	}
	return text;
}

int cmd_export(int argc, char **argv)
{
	struct reading_verb verb = {
		.top = REPORT_ALL,
		.order = SITES_BY_PEAK,
		.print = print,
		.options = options,
		.short_options = "f:m:o:",
		.own_options_only = true,
		.take_option = take_option,
		.settle = settle,
		.suppressions = cmd_reading_default_rules,
		.finds_snapshots = true,
		.finish = finish,
	};
	char *help = help_new();
	int status;

	verb.help = help ? help : usage;
	status = cmd_reading(argc, argv, &verb);
	free(help);
	return status;
}
