/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cmd_checking.h"
#include "cmd_complaining.h"
#include "commands.h"
#include "complaint.h"
#include "dumpset.h"
#include "family.h"
#include "launch.h"
#include "outputs.h"
#include "printable.h"
#include "profile.h"
#include "replay.h"
#include "report.h"
#include "report_text.h"
#include "terminal.h"
#include "traceable.h"

#define STATUS_TROUBLE 2
#define SUMMARY_SITES 3

static const char help[] =
	"Usage: mftrace run [OPTIONS] [--] PROGRAM [ARGS]\n"
	"\n"
	"Runs PROGRAM, records every allocation of it and of its children, and prints a\n"
	"summary on stderr when it has ended.\n"
	"\n"
	"  -o, --output PATH       where the dump goes; %p in its name stands for the\n"
	"                          pid, %e for the program. A directory (or a path that\n"
	"                          ends in a slash) gets one dump for each process. A\n"
	"                          file that exists is kept; the new one gets a number.\n"
	"                          Default: mftrace.%e.%p.mft in the working directory\n"
	"      --leak-scan         look for pointers to blocks when PROGRAM ends, so that\n"
	"                          mftrace leaks can tell lost ones from those in use\n"
	"      --ring SIZE         keep the newest SIZE bytes of events (K, M or G; at\n"
	"                          least 4M), and of older ones all that totals, call\n"
	"                          sites, the peak and live blocks need: for runs of any\n"
	"                          length\n"
	"      --option KEY=VALUE  an option of the recorder, as in MFTRACE_OPTIONS; may\n"
	"                          be given again. --option help=1 lists them\n"
	"  -q, --quiet             no summary\n"
	"      --check             hold what was recorded to budgets, as mftrace check\n"
	"                          does (options below); the verdicts go to stderr\n"
	"      --force             run setuid programs and those built with a sanitizer\n"
	"  -h, --help              this text\n"
	"\n"
	"With --check:\n" CHECKING_HELP "      --check-output FORMAT=FILE\n"
	"                               that, too, into FILE; may be given again\n"
	"\n"
	"Exit status: PROGRAM's own, or 128 + N where signal N ended it; 2 where PROGRAM\n"
	"cannot be recorded (not found, static, setuid, other architecture). With\n"
	"--check, where PROGRAM's is 0, that of mftrace check: 1 over budget, 2 trouble.\n";

struct request {
	const char *output;
	char *recorder_options; /* joined by ':' */
	bool quiet;
	bool force;
	bool help;
	bool check;
	struct checking checking;
};

#define OWN_OPTIONS 8

static int add_recorder_option(struct request *request, const char *option)
{
	char *joined;
	const char *equals = strchr(option, '=');

	if (!equals || equals == option) {
		complain("run", "--option: not KEY=VALUE");
		return -EINVAL;
	}
	if (!strncmp(option, "output=", 7)) {
		complain("run", "--option: give the output with -o");
		return -EINVAL;
	}
	if (asprintf(&joined, "%s:%s",
		     request->recorder_options ? request->recorder_options : "",
		     option) < 0)
		return -ENOMEM;
	free(request->recorder_options);
	request->recorder_options = joined;
	return 0;
}

/* The recorder would record everything where it did not understand the size. */
static int add_ring(struct request *request, const char *size)
{
	const size_t digits = strspn(size, "0123456789");
	const char *unit = size + digits;
	char *option;
	int error;

	if (digits == 0 || digits > 18 ||
	    (*unit && (unit[1] || !strchr("KMGkmg", *unit)))) {
		complain("run", "--ring: not a size; a number, and K, M or G behind it");
		return -EINVAL;
	}
	if (asprintf(&option, "ring=%s", size) < 0)
		return -ENOMEM;
	error = add_recorder_option(request, option);
	free(option);
	return error;
}

/* Before anything runs: what is wrong with the budgets is said at once. */
static int prepare_check(struct request *request)
{
	int error;

	if (!request->check && request->checking.given) {
		complain("run", "a budget or its options without --check");
		return -EINVAL;
	}
	if (!request->check)
		return 0;
	error = checking_load(&request->checking);
	if (!error && checking_wants_scan(&request->checking))
		error = add_recorder_option(request, "leak_scan=1");
	return error;
}

static int parse(int argc, char **argv, struct request *request)
{
	static const struct option own[OWN_OPTIONS] = {
		{"output", required_argument, NULL, 'o'},
		{"leak-scan", no_argument, NULL, 'L'},
		{"ring", required_argument, NULL, 'R'},
		{"option", required_argument, NULL, 'O'},
		{"quiet", no_argument, NULL, 'q'},
		{"force", no_argument, NULL, 'f'},
		{"check", no_argument, NULL, 'C'},
		{"help", no_argument, NULL, 'h'},
	};
	struct option options[OWN_OPTIONS + CHECKING_OPTIONS + 1] = {{NULL, 0, NULL, 0}};
	int option;

	memcpy(options, own, sizeof(own));
	checking_options(options + OWN_OPTIONS, "check-output");
	optind = 1;
	while ((option = getopt_long(argc, argv, "+:o:qh", options, NULL)) != -1) {
		switch (option) {
		case 'o':
			request->output = optarg;
			break;
		case 'L':
			if (add_recorder_option(request, "leak_scan=1"))
				return -EINVAL;
			break;
		case 'R':
			if (add_ring(request, optarg))
				return -EINVAL;
			break;
		case 'O':
			if (add_recorder_option(request, optarg))
				return -EINVAL;
			break;
		case 'q':
			request->quiet = true;
			break;
		case 'f':
			request->force = true;
			break;
		case 'C':
			request->check = true;
			break;
		case 'h':
			request->help = true;
			return 0;
		case ':':
			complain("run", "an option lacks its value; see --help");
			return -EINVAL;
		case '?':
			complain("run", "no such option; see --help");
			return -EINVAL;
		default:
			if (checking_take(&request->checking, option, optarg))
				return -EINVAL;
		}
	}
	if (optind == argc) {
		complain("run", "which program? See --help");
		return -EINVAL;
	}
	return prepare_check(request);
}

static void read_dumps(const struct dumpset *set, struct family *family)
{
	struct complaint complaint;
	size_t i;

	for (i = 0; i < set->count; i++) {
		struct progress progress;
		struct profile *profile;
		char *safe = printable_new(set->items[i].path);
		int error;

		progress_init(&progress, safe ? safe : "");
		error = replay_dump(set->items[i].path, progress_update, &progress,
				    &profile, &complaint);
		progress_done(&progress);
		free(safe);
		if (error)
			complain(set->items[i].path, complaint.text);
		else if (family_add(family, profile))
			complain(set->items[i].path, strerror(ENOMEM));
	}
}

/* What to call the dumps: the only one, or their directory. */
static char *target_of(const struct outputs *outputs, const struct dumpset *set)
{
	return set->count == 1 ? set->items[0].path : outputs->directory;
}

/* The summary of all that ran. Its troubles never change the exit status. */
static void print_summary(const struct outputs *outputs, const char *program,
			  const struct dumpset *set)
{
	struct terminal terminal;
	struct report report;
	struct family family;

	family_init(&family);
	read_dumps(set, &family);
	if (family.count == 0 || family_arrange(&family))
		goto out;
	if (report_init(&report, &family, SUMMARY_SITES, target_of(outputs, set))) {
		complain(program, strerror(ENOMEM));
		goto out;
	}
	terminal_init(&terminal, stderr);
	fputc('\n', stderr);
	if (report_text_overview(&report, &terminal))
		complain(program, strerror(ENOMEM));
	report_done(&report);
out:
	family_done(&family);
}

/* Sums up and judges what ran. Returns the gate's exit status, 0 where there is none. */
static int look_at(struct request *request, const struct outputs *outputs,
		   const char *program, pid_t pid)
{
	struct dumpset set;
	char *target;
	int status = 0;

	dumpset_init(&set);
	if (outputs_collect(outputs, pid, &set)) {
		complain(outputs->directory, strerror(ENOMEM));
		status = STATUS_TROUBLE;
	} else if (set.count == 0) {
		if (request->check || !request->quiet)
			complain(program, "nothing was recorded: the program left no dump");
		status = STATUS_TROUBLE;
	} else {
		target = target_of(outputs, &set);
		if (!request->quiet)
			print_summary(outputs, program, &set);
		if (request->check) {
			fputc('\n', stderr);
			status = checking_run(&request->checking, &target, 1, &set, stderr);
		}
	}
	dumpset_done(&set);
	return request->check ? status : 0;
}

/* As a shell shows it. */
static int exit_status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status)
					: WEXITSTATUS(wait_status);
}

static int record(struct request *request, char **argv)
{
	struct complaint complaint = {.text = "out of memory"};
	struct outputs outputs = {.directory = NULL};
	char *path = NULL, *library = NULL, *options = NULL;
	const char *subject = argv[0];
	int result = STATUS_TROUBLE;
	int status;
	pid_t pid;

	if (traceable_find(argv[0], &path, &complaint) ||
	    traceable_check(path, request->force, &complaint))
		goto out;
	subject = "libmftrace.so";
	if (launch_find_library(&library, &complaint))
		goto out;
	subject = request->output ? request->output : "-o";
	if (outputs_init(&outputs, request->output, &complaint))
		goto out;
	subject = argv[0];
	if (asprintf(&options, "%s%s", outputs.option,
		     request->recorder_options ? request->recorder_options : "") < 0) {
		options = NULL;
		goto out;
	}
	if (launch_run(path, argv, library, options, &pid, &status, &complaint))
		goto out;
	subject = NULL;
	result = exit_status_of(status);
	if (request->check || !request->quiet) {
		status = look_at(request, &outputs, argv[0], pid);
		if (result == 0)
			result = status;
	}
out:
	if (subject)
		complain(subject, complaint.text);
	outputs_done(&outputs);
	free(options);
	free(library);
	free(path);
	return result;
}

int cmd_run(int argc, char **argv)
{
	struct request request = {.output = NULL};
	int result = STATUS_TROUBLE;

	checking_init(&request.checking, argv[0]);
	if (parse(argc, argv, &request) == 0) {
		if (request.help) {
			fputs(help, stdout);
			result = fflush(stdout) == EOF ? STATUS_TROUBLE : 0;
		} else {
			result = record(&request, argv + optind);
		}
	}
	checking_done(&request.checking);
	free(request.recorder_options);
	return result;
}
