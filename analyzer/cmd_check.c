/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd_checking.h"
#include "commands.h"

#define STATUS_TROUBLE 2

static const char help[] =
	"Usage: mftrace check [OPTIONS] DUMP...\n"
	"\n"
	"A gate for continuous integration: holds recordings to budgets, and to a\n"
	"baseline.\n"
	"\n"
	"Each DUMP is a run: a dump file, a directory (the processes of one tree), or\n"
	"what mftrace report --json wrote. Several are repeated runs of the same: the\n"
	"worst of them counts for budgets, their median for the baseline.\n"
	"\n" CHECKING_HELP
	"      --output FORMAT=FILE     that, too, into FILE; may be given again\n"
	"  -h, --help                   this text\n"
	"\n"
	"Sizes are written as 64MiB, 64MB, 1.5G or 0, ratios as 0.3 or 30%. Budgets for\n"
	"call sites and for single processes are in the file; see mftrace(1).\n"
	"\n"
	"Exit status: 0 within budget, 1 over budget, 2 wrong usage or unreadable input,\n"
	"or a budget for a figure that the recording does not tell.\n";

/* Returns 0, or -EINVAL after saying what is wrong. */
static int parse(int argc, char **argv, struct checking *checking, bool *ret_help)
{
	struct option options[CHECKING_OPTIONS + 2] = {{NULL, 0, NULL, 0}};
	size_t count = 0;
	int option;

	checking_options(options, "output");
	while (options[count].name)
		count++;
	options[count] = (struct option){"help", no_argument, NULL, 'h'};
	*ret_help = false;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			*ret_help = true;
			return 0;
		case ':':
			fputs("mftrace: check: an option lacks its value; see --help\n",
			      stderr);
			return -EINVAL;
		case '?':
			fputs("mftrace: check: no such option; see --help\n", stderr);
			return -EINVAL;
		default:
			if (checking_take(checking, option, optarg))
				return -EINVAL;
		}
	}
	if (optind == argc) {
		fputs("mftrace: check: which dump? Give a file or a directory; see "
		      "--help\n",
		      stderr);
		return -EINVAL;
	}
	return 0;
}

int cmd_check(int argc, char **argv)
{
	struct checking checking;
	int status = STATUS_TROUBLE;
	bool wants_help;

	checking_init(&checking, argv[0]);
	if (parse(argc, argv, &checking, &wants_help))
		goto out;
	if (wants_help) {
		fputs(help, stdout);
		status = fflush(stdout) == EOF ? STATUS_TROUBLE : 0;
	} else if (checking_load(&checking) == 0) {
		status = checking_run(&checking, argv + optind, (size_t)(argc - optind),
				      NULL, stdout);
	}
out:
	checking_done(&checking);
	return status;
}
