/* SPDX-License-Identifier: MIT */
/*
 * main.c - mftrace: finds the verb and runs it. The table of verbs is the only list of
 * them; each is in cmd_<verb>.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "printable.h"

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *summary;
};

static const struct verb verbs[] = {
	{"run", cmd_run, "[--] PROGRAM [ARGS]", "record a program, then sum up"},
	{"report", cmd_report, "DUMP...", "overview: peak, unfreed, fragmentation, sites"},
	{"peak", cmd_peak, "DUMP...", "what was live when most was live"},
	{"leaks", cmd_leaks, "DUMP...", "what was never freed"},
	{"snapshot", cmd_snapshot, "PID", "look into a process that is being recorded"},
	{"pause", cmd_pause, "PID", "only count what a running process allocates"},
	{"resume", cmd_resume, "PID", "record all of it again"},
	{"flush", cmd_flush, "PID", "bring its recording so far to the disk"},
	{"frag", cmd_frag, "DUMP...", "how full the heap's pages are, and who pins them"},
	{"check", cmd_check, "DUMP...", "a gate: hold recordings to budgets or a baseline"},
	{"export", cmd_export, "--format F DUMP", "for other tools' viewers"},
	{"diff", cmd_diff, "BASE NEW", "what changed between two recordings"},
	{"dump", cmd_dump, "DUMP", "the events as text"},
	{"info", cmd_info, "DUMP...", "header, modules, health of a dump"},
};

static int print_help(void)
{
	size_t i;

	puts("Usage: mftrace VERB [OPTIONS] ...\n"
	     "\n"
	     "Records every allocation of a program, and explains its peak, its leaks and\n"
	     "its fragmentation by call stack.\n");
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		printf("  %-9s%-20s%s\n", verbs[i].name, verbs[i].arguments,
		       verbs[i].summary);
	puts("\n"
	     "DUMP is a dump file, or a directory of dumps: one tree of processes.\n"
	     "`mftrace VERB --help` tells all of a verb; `mftrace --version` the version.");
	return fflush(stdout) == EOF ? 2 : 0;
}

int main(int argc, char **argv)
{
	char *safe;
	size_t i;

	if (argc < 2) {
		fputs("mftrace: which verb? `mftrace --help` lists them\n", stderr);
		return 2;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help"))
		return print_help();
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("mftrace " MFTRACE_VERSION);
		return fflush(stdout) == EOF ? 2 : 0;
	}
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	}
	safe = printable_new(argv[1]);
	fprintf(stderr, "mftrace: %s: no such verb; `mftrace --help` lists them\n",
		safe ? safe : "?");
	free(safe);
	return 2;
}
