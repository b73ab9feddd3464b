/* SPDX-License-Identifier: MIT */
#include "cmd_reading.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_complaining.h"
#include "complaint.h"
#include "corefile.h"
#include "dumpset.h"
#include "family.h"
#include "number.h"
#include "printable.h"
#include "profile.h"
#include "replay.h"
#include "report.h"
#include "report_json.h"
#include "snap.h"
#include "suppressions.h"
#include "terminal.h"

#define STATUS_TROUBLE 2

struct request {
	bool json;
	bool help;
	uint64_t top;
	bool top_given;
};

#define OWN_OPTIONS 3

/* The options of all verbs, then those of this one. */
static void gather_options(const struct reading_verb *verb, struct option *options)
{
	static const struct option own[OWN_OPTIONS] = {
		{"help", no_argument, NULL, 'h'},
		{"json", no_argument, NULL, 'j'},
		{"top", required_argument, NULL, 't'},
	};
	const struct option *more = verb->options;
	size_t count = verb->own_options_only ? 1 : OWN_OPTIONS;

	memcpy(options, own, sizeof(own));
	for (; more && more->name && count < OWN_OPTIONS + READING_OPTIONS_MOST; more++)
		options[count++] = *more;
	options[count] = (struct option){NULL, 0, NULL, 0};
}

/* Whether the options and the names go together. Returns 0, or -EINVAL after saying what is
 * wrong. */
static int settle(int argc, char **argv, const struct reading_verb *verb)
{
	const char *wrong = verb->settle ? verb->settle() : NULL;

	if (wrong) {
		if (*wrong)
			complain(argv[0], wrong);
		return -EINVAL;
	}
	if (optind == argc) {
		complain(argv[0], "which dump? Give a file or a directory; see --help");
		return -EINVAL;
	}
	return 0;
}

/* Returns 0, or -EINVAL after saying what is wrong. */
static int parse(int argc, char **argv, const struct reading_verb *verb,
		 struct request *request)
{
	struct option options[OWN_OPTIONS + READING_OPTIONS_MOST + 1];
	char letters[32];
	const char *wrong;
	int option;

	gather_options(verb, options);
	snprintf(letters, sizeof(letters), ":h%s%s", verb->own_options_only ? "" : "jn:",
		 verb->short_options ? verb->short_options : "");
	optind = 1;
	while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		switch (option) {
		case 'j':
			request->json = true;
			break;
		case 't':
		case 'n':
			if (!number_parse(optarg, 0, REPORT_ALL - 1, &request->top)) {
				complain(argv[0], "--top: not a number");
				return -EINVAL;
			}
			request->top_given = true;
			break;
		case 'h':
			request->help = true;
			return 0;
		case ':':
			complain(argv[0], "an option lacks its value; see --help");
			return -EINVAL;
		case '?':
			complain(argv[0], "no such option; see --help");
			return -EINVAL;
		default:
			wrong = verb->take_option(option, optarg);
			if (!wrong)
				break;
			if (*wrong)
				complain(argv[0], wrong);
			return -EINVAL;
		}
	}
	return settle(argc, argv, verb);
}

/* DUMP.snap, of a process that runs or was killed. Returns NULL where there is none. */
static struct snap *snap_beside(const char *path)
{
	struct snap *snap = NULL;
	struct mft_header header;
	char *name;

	if (!dumpset_header(path, &header) || header.state != MFT_STATE_RUNNING ||
	    asprintf(&name, "%s.snap", path) < 0)
		return NULL;
	if (snap_is(name) && snap_read(name, &snap, NULL) == 0 &&
	    memcmp(snap->header.dump_id, header.dump_id, sizeof(header.dump_id)) != 0) {
		snap_free(snap);
		snap = NULL;
	}
	free(name);
	return snap;
}

/* What was seen from outside of the process that `path` is about: *ret_snap, NULL for
 * nothing. *ret_dump is the dump, which is the caller's. Returns 0 or a negative errno. */
static int find_outside(const char *path, const struct reading_verb *verb, char **ret_dump,
			struct snap **ret_snap, struct complaint *complaint)
{
	struct snap *snap = NULL;
	char *dump = NULL;
	int error = 0;

	if (snap_is(path)) {
		error = snap_read(path, &snap, complaint);
		if (!error)
			error = snap_find_dump(path, snap, &dump, complaint);
	} else {
		dump = strdup(path);
		if (verb->core && *verb->core)
			error = corefile_read(*verb->core, path, &snap, complaint);
		else if (verb->finds_snapshots)
			snap = snap_beside(path);
	}
	if (!error && !dump) {
		error = -ENOMEM;
		complaint_set(complaint, "cannot be read: %s", strerror(ENOMEM));
	}
	if (error) {
		snap_free(snap);
		free(dump);
		return error;
	}
	*ret_dump = dump;
	*ret_snap = snap;
	return 0;
}

static int read_dump(struct family *family, const char *path,
		     const struct reading_verb *verb, struct complaint *complaint)
{
	struct replay_wish wish = {.moment = {.kind = PROFILE_MOMENT_WORST}};
	struct profile *profile;
	struct progress progress;
	struct snap *snap;
	char *dump, *safe;
	int error = find_outside(path, verb, &dump, &snap, complaint);

	if (error)
		return error;
	wish.snap = snap;
	safe = printable_new(path);
	if (verb->moment)
		wish.moment = *verb->moment;
	if (verb->leaks)
		wish.leaks = *verb->leaks;
	progress_init(&progress, safe ? safe : "");
	error = replay_dump_for(dump, &wish, progress_update, &progress, &profile,
				complaint);
	if (error == -ESTALE && strcmp(dump, path) == 0 && !(verb->core && *verb->core)) {
		/* A snapshot that lay beside a ring dump, which has left it behind. */
		wish.snap = NULL;
		error = replay_dump_for(dump, &wish, progress_update, &progress, &profile,
					complaint);
	}
	progress_done(&progress);
	free(safe);
	free(dump);
	snap_free(snap);
	if (error)
		return error;
	error = family_add(family, profile);
	if (error)
		complaint_set(complaint, "cannot be read: %s", strerror(-error));
	return error;
}

/* Reads all dumps. Returns the exit status so far; *ret_usable: there is a report. */
static int read_family(int count, char **paths, const struct reading_verb *verb,
		       struct family *family, bool *ret_usable)
{
	struct complaint complaint;
	struct dumpset set;
	int status = 0;
	size_t i;
	int error;

	*ret_usable = false;
	dumpset_init(&set);
	for (i = 0; i < (size_t)count; i++) {
		error = dumpset_add(&set, paths[i], &complaint);
		if (error) {
			complain(paths[i], complaint.text);
			status = STATUS_TROUBLE;
			goto out;
		}
	}
	for (i = 0; i < set.count; i++) {
		error = read_dump(family, set.items[i].path, verb, &complaint);
		if (!error)
			continue;
		complain(set.items[i].path, complaint.text);
		status = STATUS_TROUBLE;
		if (!set.items[i].from_directory)
			goto out;
	}
	error = family_arrange(family);
	if (error) {
		complain(paths[0], strerror(-error));
		status = STATUS_TROUBLE;
		goto out;
	}
	*ret_usable = family->count > 0;
out:
	dumpset_done(&set);
	return status;
}

struct suppressions *cmd_reading_default_rules(void)
{
	struct suppressions *set = suppressions_new();

	if (set && suppressions_add_defaults(set)) {
		suppressions_free(set);
		return NULL;
	}
	return set;
}

/* Leaks are the same in every verb's JSON. */
static int suppress(const struct reading_verb *verb, const struct request *request,
		    struct report *report)
{
	struct suppressions *set;

	if (!verb->suppressions && !request->json)
		return 0;
	set = verb->suppressions ? verb->suppressions() : cmd_reading_default_rules();
	return set ? report_suppress(report, set) : -ENOMEM;
}

/* Returns 0 or a negative errno; *ret_status: what the verb's own end says. */
static int print_report(const struct reading_verb *verb, const struct request *request,
			const struct family *family, const char *target, int *ret_status)
{
	struct terminal terminal;
	struct report report;
	size_t top = request->top_given ? request->top
		     : request->json	? REPORT_ALL
					: verb->top;
	int error;

	error = report_init(&report, family, top, target);
	if (error)
		return error;
	error = suppress(verb, request, &report);
	terminal_init(&terminal, stdout);
	if (error)
		goto out;
	if (request->json)
		error = report_json(&report, verb->order, verb->details, stdout);
	else
		error = verb->print(&report, &terminal);
	if (!error && (fflush(stdout) == EOF || ferror(stdout)))
		error = -EIO;
	if (!error && verb->finish)
		*ret_status = verb->finish(&report);
out:
	report_done(&report);
	return error;
}

int cmd_reading(int argc, char **argv, const struct reading_verb *verb)
{
	struct request request = {.json = false};
	struct family family;
	bool usable;
	int status, end = 0;
	int error;

	if (parse(argc, argv, verb, &request))
		return STATUS_TROUBLE;
	if (request.help) {
		fputs(verb->help, stdout);
		return fflush(stdout) == EOF ? STATUS_TROUBLE : 0;
	}
	family_init(&family);
	status = read_family(argc - optind, argv + optind, verb, &family, &usable);
	if (usable) {
		error = print_report(verb, &request, &family,
				     argc - optind == 1 ? argv[optind] : "DUMP...", &end);
		if (end)
			status = end;
		if (error) {
			complain("output", strerror(-error));
			status = STATUS_TROUBLE;
		}
	}
	family_done(&family);
	return status;
}
