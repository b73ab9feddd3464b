/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_complaining.h"
#include "commands.h"
#include "complaint.h"
#include "figure.h"
#include "number.h"
#include "printable.h"
#include "snap.h"
#include "snapwriter.h"
#include "takesnap.h"
#include "traced.h"

#define STATUS_TROUBLE 2

static const char help[] =
	"Usage: mftrace snapshot [OPTIONS] PID\n"
	"\n"
	"Looks into a process that is being recorded: which of its memory is resident,\n"
	"and what points to its blocks. The process stands still for a moment and goes\n"
	"on; neither it nor its parent sees a signal.\n"
	"\n"
	"The snapshot is written beside the dump, as DUMP.snap. `mftrace leaks DUMP`\n"
	"then tells what is lost while the process runs on, and every command that takes\n"
	"a dump takes DUMP.snap for how things stood at that moment.\n"
	"\n"
	"  -o, --output FILE  write the snapshot there; keep it beside the dump, named\n"
	"                     DUMP.snap or DUMP.ANYTHING.snap, so that the dump is found\n"
	"  -q, --quiet        print nothing\n"
	"  -h, --help         this text\n"
	"\n"
	"Permission is needed as for a debugger: the same user, and the system's ptrace\n"
	"rules (/proc/sys/kernel/yama/ptrace_scope), or CAP_SYS_PTRACE.\n"
	"\n"
	"Exit status: 0 fine, 2 wrong usage or no snapshot.\n";

struct request {
	const char *output;
	bool quiet, help;
	int pid;
	const char *pid_text;
};

/* Returns 0, or -EINVAL after saying what is wrong. */
static int parse(int argc, char **argv, struct request *request)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, ":o:qh", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			request->output = optarg;
			break;
		case 'q':
			request->quiet = true;
			break;
		case 'h':
			request->help = true;
			return 0;
		case ':':
			complain(argv[0], "an option lacks its value; see --help");
			return -EINVAL;
		default:
			complain(argv[0], "no such option; see --help");
			return -EINVAL;
		}
	}
	if (argc - optind != 1 || !number_parse_id(argv[optind], &request->pid)) {
		complain(argv[0], "which process? Give its id; see --help");
		return -EINVAL;
	}
	request->pid_text = argv[optind];
	return 0;
}

static void print_result(const struct takesnap_result *result, const char *path)
{
	char *safe = printable_new(path);

	printf("%s: %s, %s", safe ? safe : "?",
	       figure_counted(result->words, "pointer").text,
	       figure_counted(result->threads, "thread").text);
	free(safe);
	if (result->stop_error == 0)
		printf(", stopped for %s\n", figure_duration(result->stopped_ns).text);
	else
		printf("\nThe process could not be stopped (%s), so it ran on meanwhile:\n"
		       "what was moved just then may be classified wrongly. Try again as\n"
		       "root, without a debugger on it, for exact figures.\n",
		       strerror(-result->stop_error));
	if (result->stop_error == 0 && result->threads_running)
		printf("%s could not be stopped in time.\n",
		       figure_counted(result->threads_running, "thread").text);
	if (result->absent_pages)
		printf("%s swapped out, and not looked at.\n",
		       figure_counted(result->absent_pages, "page").text);
}

static void explain_permission(int error)
{
	if (error != -EPERM && error != -EACCES)
		return;
	fputs("Looking into a process needs the permissions of a debugger: be its user\n"
	      "(where /proc/sys/kernel/yama/ptrace_scope is 1 or more, root), or have\n"
	      "CAP_SYS_PTRACE. A scan at exit needs none: mftrace run --leak-scan.\n",
	      stderr);
}

/* Returns the exit status. */
static int take(const struct request *request)
{
	struct takesnap_result result = {.snap = NULL};
	struct complaint complaint;
	struct traced traced;
	char *path = NULL;
	int r = traced_find(&traced, request->pid, &complaint);

	if (r < 0) {
		complain(request->pid_text, complaint.text);
		explain_permission(r);
		return STATUS_TROUBLE;
	}
	if (request->output ? (path = strdup(request->output)) == NULL
			    : asprintf(&path, "%s.snap", traced.path) < 0) {
		path = NULL;
		r = -ENOMEM;
		complain("snapshot", "out of memory");
		goto out;
	}
	r = takesnap(&traced, &result, &complaint);
	if (r < 0) {
		complain(request->pid_text, complaint.text);
		explain_permission(r);
		goto out;
	}
	r = snapwriter_save(result.snap, path);
	if (r < 0)
		complain(path, strerror(-r));
	else if (!request->quiet)
		print_result(&result, path);
out:
	snap_free(result.snap);
	free(path);
	traced_done(&traced);
	return r < 0 || (!request->quiet && fflush(stdout) == EOF) ? STATUS_TROUBLE : 0;
}

int cmd_snapshot(int argc, char **argv)
{
	struct request request = {.output = NULL};

	if (parse(argc, argv, &request))
		return STATUS_TROUBLE;
	if (request.help) {
		fputs(help, stdout);
		return fflush(stdout) == EOF ? STATUS_TROUBLE : 0;
	}
	return take(&request);
}
