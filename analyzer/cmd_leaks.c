/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_complaining.h"
#include "cmd_reading.h"
#include "commands.h"
#include "complaint.h"
#include "duration.h"
#include "family.h"
#include "leaks.h"
#include "profile.h"
#include "report.h"
#include "report_text.h"
#include "suppression_writer.h"
#include "suppressions.h"
#include "text_leaks.h"

static const char help[] =
	"Usage: mftrace leaks [OPTIONS] DUMP...\n"
	"\n"
	"The blocks that were never freed, by call site. Where the dump holds a scan for\n"
	"pointers (mftrace run --leak-scan) they are told apart: definitely, indirectly\n"
	"and possibly lost ones, those in cycles, and those that are still in use. Also\n"
	"the call sites whose memory grows steadily.\n"
	"\n"
	"DUMP is a dump file, several of them, or a directory: the processes of one tree.\n"
	"\n"
	"  --kind KINDS  call sites of these kinds, parted by commas: definite, indirect,\n"
	"                possible, reachable, all (default: definite,possible)\n"
	"  --older-than DURATION\n"
	"                only blocks that were this old at the end: 5s, 300ms, 10m, 2h\n"
	"  --force       judge also where events are missing, and frees may be among them\n"
	"  --why WHAT    instead of the report, what holds WHAT: the block at an address\n"
	"                (0x...), or the blocks of a call site, by its id or by the name\n"
	"                of a function in its stack, in which * and ? fit anything\n"
	"  --core CORE   classify by the memory in a core file of the process: one that\n"
	"                crashed, or that gcore looked at\n"
	"  --suppressions FILE\n"
	"                leave out what rules in FILE fit, in LeakSanitizer's or\n"
	"                Valgrind's syntax; may be given several times\n"
	"  --no-default-suppressions\n"
	"                show also what the C and C++ libraries keep until the end\n"
	"  --gen-suppressions[=valgrind|lsan]\n"
	"                instead of the report, print rules that fit what it would show\n"
	"  -j, --json    the report as JSON (docs/report.schema.json)\n"
	"  -n, --top N   show N call sites (text: 10, JSON: all)\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit status: 0 fine, 2 wrong usage or unreadable input.\n";

enum {
	OPTION_SUPPRESSIONS = 256,
	OPTION_NO_DEFAULTS,
	OPTION_GENERATE,
	OPTION_CORE,
	OPTION_KIND,
	OPTION_OLDER_THAN,
	OPTION_WHY,
	OPTION_FORCE,
};

static const struct option options[] = {
	{"suppressions", required_argument, NULL, OPTION_SUPPRESSIONS},
	{"no-default-suppressions", no_argument, NULL, OPTION_NO_DEFAULTS},
	{"gen-suppressions", optional_argument, NULL, OPTION_GENERATE},
	{"core", required_argument, NULL, OPTION_CORE},
	{"kind", required_argument, NULL, OPTION_KIND},
	{"older-than", required_argument, NULL, OPTION_OLDER_THAN},
	{"why", required_argument, NULL, OPTION_WHY},
	{"force", no_argument, NULL, OPTION_FORCE},
	{NULL, 0, NULL, 0},
};

/* What the command line asked for. */
static struct suppressions *user_rules;
static bool no_defaults;
static bool generate;
static enum suppression_syntax generated_syntax = SUPPRESSION_VALGRIND;

static unsigned kinds = 1u << PROFILE_LEAK_DEFINITE | 1u << PROFILE_LEAK_POSSIBLE;
static struct leaks_wish wish;
static const char *core;
static const char *why;
static bool why_unanswered;

static struct suppressions *rules(void)
{
	struct suppressions *set = user_rules ? user_rules : suppressions_new();

	user_rules = NULL;
	if (set && !no_defaults && suppressions_add_defaults(set)) {
		suppressions_free(set);
		return NULL;
	}
	return set;
}

static const char *take_file(const char *path)
{
	struct complaint complaint;

	if (!user_rules)
		user_rules = suppressions_new();
	if (!user_rules)
		return "out of memory";
	if (!suppressions_add_file(user_rules, path, &complaint))
		return NULL;
	complain(path, complaint.text);
	return "";
}

/* "definite,possible" */
static bool parse_kinds(const char *text, unsigned *ret_kinds)
{
	static const struct {
		const char *name;
		unsigned kinds;
	} names[] = {
		{"definite", 1u << PROFILE_LEAK_DEFINITE},
		{"indirect", 1u << PROFILE_LEAK_INDIRECT},
		{"possible", 1u << PROFILE_LEAK_POSSIBLE},
		{"reachable", 1u << PROFILE_LEAK_REACHABLE},
		{"all", ~0u},
	};
	unsigned found = 0;
	size_t length, i;

	for (;; text += length + 1) {
		length = strcspn(text, ",");
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strlen(names[i].name) == length &&
			    strncmp(text, names[i].name, length) == 0)
				break;
		if (i == sizeof(names) / sizeof(names[0]))
			return false;
		found |= names[i].kinds;
		if (!text[length])
			break;
	}
	*ret_kinds = found;
	return true;
}

/* What holds the blocks that --why is about, in any of the processes. */
static int print_why(const struct report *report, const struct terminal *terminal)
{
	bool found = false;
	int error = 0;

	for (size_t i = 0; !error && i < report->family->count; i++) {
		bool in_this;

		error = text_why(terminal, report, i, why, &in_this);
		found |= in_this;
	}
	why_unanswered = !found;
	return error;
}

static int print(const struct report *report, const struct terminal *terminal)
{
	if (generate)
		return suppression_write(report, generated_syntax, stdout);
	if (why)
		return print_why(report, terminal);
	return report_text_leaks(report, terminal, kinds);
}

/* Says why --why has no answer. Returns the exit status. */
static int finish(const struct report *report)
{
	bool classified = false;

	if (!why_unanswered)
		return 0;
	for (size_t i = 0; i < report->family->count; i++)
		classified |= report->family->members[i].profile->leaks.classified;
	complain(why, classified ? "no block or call site of this name was left at the scan"
				 : "not known what holds it: the dump has no scan for "
				   "pointers; record with mftrace run --leak-scan");
	return 2;
}

static struct reading_verb verb;

static const char *take_option(int option, const char *argument)
{
	switch (option) {
	case OPTION_SUPPRESSIONS:
		return take_file(argument);
	case OPTION_NO_DEFAULTS:
		no_defaults = true;
		return NULL;
	case OPTION_GENERATE:
		if (argument && !strcmp(argument, "lsan"))
			generated_syntax = SUPPRESSION_LSAN;
		else if (argument && strcmp(argument, "valgrind") != 0)
			return "--gen-suppressions: valgrind or lsan";
		generate = true;
		verb.top = REPORT_ALL;
		return NULL;
	case OPTION_CORE:
		core = argument;
		return NULL;
	case OPTION_KIND:
		return parse_kinds(argument, &kinds)
			       ? NULL
			       : "--kind: definite, indirect, possible, reachable or all, "
				 "parted by commas";
	case OPTION_OLDER_THAN:
		return duration_parse(argument, &wish.older_than_ns)
			       ? NULL
			       : "--older-than: not a duration, such as 5s, 300ms, 10m, 2h";
	case OPTION_FORCE:
		wish.force = true;
		return NULL;
	case OPTION_WHY:
		why = argument;
		wish.blocks = true;
		return NULL;
	}
	return "no such option; see --help";
}

static struct reading_verb verb = {
	.help = help,
	.top = 10,
	.order = SITES_BY_LEAKED,
	.details = false,
	.print = print,
	.options = options,
	.take_option = take_option,
	.leaks = &wish,
	.finish = finish,
	.suppressions = rules,
	.finds_snapshots = true,
	.core = &core,
};

int cmd_leaks(int argc, char **argv)
{
	int status = cmd_reading(argc, argv, &verb);

	suppressions_free(user_rules); /* where the report never came to be */
	user_rules = NULL;
	return status;
}
