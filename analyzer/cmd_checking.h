/* SPDX-License-Identifier: MIT */
/*
 * cmd_checking.h - what `mftrace check` and `mftrace run --check` have in common.
 *
 * The options of a gate, reading what it judges, and its output.
 * Threads: none. Memory: checking_done.
 */
#ifndef CMD_CHECKING_H
#define CMD_CHECKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "budget.h"
#include "check_output.h"
#include "judge.h"

struct dumpset;
struct option;

/* The help on budgets, to stand in a verb's own. */
#define CHECKING_HELP                                                                      \
	"      --max-leaked SIZE        memory that was never freed, or is lost\n"         \
	"      --max-definite SIZE      lost memory, by a scan (run --leak-scan)\n"        \
	"      --max-peak SIZE          the most that a process asked for at one time\n"   \
	"      --max-live-at-exit SIZE  in use when the program ended\n"                   \
	"      --max-frag RATIO         fragmentation of a process's heap, at worst\n"     \
	"      --max-allocations N      allocations\n"                                     \
	"      --max-temporary N        blocks freed before the next allocation\n"         \
	"      --max-resident SIZE      physical memory of a process's heap\n"             \
	"      --max-pinned SIZE        free bytes that cannot be given back\n"            \
	"      --config FILE            budgets from FILE; otherwise from mftrace.ini "    \
	"in\n"                                                                             \
	"                               the working directory or above, if there is one\n" \
	"      --no-config              from no file\n"                                    \
	"      --baseline BASE          be no worse than this: a dump, a directory or a\n" \
	"                               stored report --json; may be given several "       \
	"times:\n"                                                                         \
	"                               what differs among them is noise\n"                \
	"      --tolerance SHARE        how much worse is no failure (5%)\n"               \
	"      --allow-missing          programs of the baseline need not run\n"           \
	"      --force                  judge also recordings that lack events\n"          \
	"      --format FORMAT          text, json, junit, sarif, github or markdown\n"

#define CHECKING_OUTPUTS 16u

struct checking {
	const char *verb; /* for errors */
	struct budgets budgets;
	char **baselines;
	size_t baselines_count;
	bool given; /* any option */
	const char *config;
	bool no_config;
	bool tolerance_given;
	struct baseline_rule rule;
	bool force; /* recordings that lack events count as whole */
	check_output_fn *format;
	struct {
		check_output_fn *format;
		const char *path;
	} outputs[CHECKING_OUTPUTS];
	size_t outputs_count;
};

/* Options' values begin here. */
#define CHECKING_FIRST_OPTION 512
#define CHECKING_OPTIONS 17u

void checking_init(struct checking *checking, const char *verb);
void checking_done(struct checking *checking);

/* Fills in options, CHECKING_OPTIONS of them, for getopt_long; output_name: of the one
 * that the text of CHECKING_HELP calls --output. */
void checking_options(struct option *options, const char *output_name);

/* Takes one of them. Returns 0, or -EINVAL after saying what is wrong. */
int checking_take(struct checking *checking, int option, const char *argument);

/* Once all options were taken: reads the file with budgets. Returns 0, or a negative errno
 * after saying what is wrong, also where there is nothing to check. */
int checking_load(struct checking *checking);

/* Whether a budget needs the leaks to be classified. */
bool checking_wants_scan(const struct checking *checking);

/* Reads the runs and the baseline, judges, and writes the verdicts to `out` and to the
 * files. Each of paths is a run; or, where set is given, all its dumps are one, which
 * paths[0] names. Returns the exit status: 0, 1, or 2, after saying why where no verdict
 * does. */
int checking_run(struct checking *checking, char **paths, size_t count,
		 const struct dumpset *set, FILE *out);

#endif
