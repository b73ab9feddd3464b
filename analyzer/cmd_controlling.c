/* SPDX-License-Identifier: MIT */
#include "cmd_controlling.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd_complaining.h"
#include "complaint.h"
#include "number.h"
#include "printable.h"
#include "traced.h"

#define STATUS_TROUBLE 2

static int control(const char *pid_text, int pid, const struct controlling_verb *verb)
{
	struct complaint complaint;
	struct traced traced;
	char *path;
	int error = traced_find(&traced, pid, &complaint);

	if (error) {
		complain(pid_text, complaint.text);
		return STATUS_TROUBLE;
	}
	path = printable_new(traced.path);
	error = verb->control(&traced, path ? path : "?", &complaint);
	if (error)
		complain(pid_text, complaint.text);
	free(path);
	traced_done(&traced);
	return error || fflush(stdout) == EOF ? STATUS_TROUBLE : 0;
}

int cmd_controlling(int argc, char **argv, const struct controlling_verb *verb)
{
	static const struct option options[] = {
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int pid, option = getopt_long(argc, argv, ":h", options, NULL);

	if (option == 'h') {
		fputs(verb->help, stdout);
		return fflush(stdout) == EOF ? STATUS_TROUBLE : 0;
	}
	if (option != -1) {
		complain(argv[0], "no such option; see --help");
		return STATUS_TROUBLE;
	}
	if (argc - optind != 1 || !number_parse_id(argv[optind], &pid)) {
		complain(argv[0], "which process? Give its id; see --help");
		return STATUS_TROUBLE;
	}
	return control(argv[optind], pid, verb);
}
