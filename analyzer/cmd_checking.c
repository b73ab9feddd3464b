/* SPDX-License-Identifier: MIT */
#include "cmd_checking.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "budgetfile.h"
#include "cmd_complaining.h"
#include "cmd_sides.h"
#include "comparison.h"
#include "complaint.h"
#include "gauge.h"
#include "quantity.h"
#include "side.h"
#include "verdict.h"

#define STATUS_TROUBLE 2
#define TOLERANCE 0.05

enum {
	/* A gauge's option is the first plus its index. */
	OPTION_GAUGE = CHECKING_FIRST_OPTION,
	OPTION_CONFIG = CHECKING_FIRST_OPTION + GAUGES,
	OPTION_NO_CONFIG,
	OPTION_BASELINE,
	OPTION_TOLERANCE,
	OPTION_ALLOW_MISSING,
	OPTION_FORCE,
	OPTION_FORMAT,
	OPTION_OUTPUT,
};

void checking_init(struct checking *checking, const char *verb)
{
	memset(checking, 0, sizeof(*checking));
	budgets_init(&checking->budgets);
	checking->verb = verb;
	checking->rule.tolerance = TOLERANCE;
	checking->format = check_text;
}

void checking_done(struct checking *checking)
{
	budgets_done(&checking->budgets);
	for (size_t i = 0; i < checking->baselines_count; i++)
		free(checking->baselines[i]);
	free(checking->baselines);
	memset(checking, 0, sizeof(*checking));
}

void checking_options(struct option *options, const char *output_name)
{
	/* getopt_long keeps pointers to the names. */
	static char names[GAUGES][32];
	size_t i;

	for (i = 0; i < GAUGES; i++) {
		snprintf(names[i], sizeof(names[i]), "max-%s", gauge_at(i)->name);
		options[i] = (struct option){names[i], required_argument, NULL,
					     OPTION_GAUGE + (int)i};
	}
	options[i++] = (struct option){"config", required_argument, NULL, OPTION_CONFIG};
	options[i++] = (struct option){"no-config", no_argument, NULL, OPTION_NO_CONFIG};
	options[i++] =
		(struct option){"baseline", required_argument, NULL, OPTION_BASELINE};
	options[i++] =
		(struct option){"tolerance", required_argument, NULL, OPTION_TOLERANCE};
	options[i++] =
		(struct option){"allow-missing", no_argument, NULL, OPTION_ALLOW_MISSING};
	options[i++] = (struct option){"force", no_argument, NULL, OPTION_FORCE};
	options[i++] = (struct option){"format", required_argument, NULL, OPTION_FORMAT};
	options[i++] = (struct option){output_name, required_argument, NULL, OPTION_OUTPUT};
}

/* "mftrace: VERB: --OPTION: WHY" */
static int refuse(const struct checking *checking, const char *option, const char *why)
{
	char text[256];

	snprintf(text, sizeof(text), "--%s: %s", option, why);
	complain(checking->verb, text);
	return -EINVAL;
}

static int take_budget(struct checking *checking, const struct gauge *gauge,
		       const char *argument)
{
	struct budget budget = {.gauge = gauge, .scope = BUDGET_RUN};
	char option[32], why[128], origin[40];
	int error = quantity_parse(argument, gauge->unit, &budget.limit);

	snprintf(option, sizeof(option), "max-%s", gauge->name);
	if (error) {
		snprintf(why, sizeof(why), "%s; expected is %s",
			 error == -ERANGE ? "too large" : "not understood",
			 quantity_example(gauge->unit));
		return refuse(checking, option, why);
	}
	if (budgets_of_run(&checking->budgets, gauge))
		return refuse(checking, option, "given twice");
	snprintf(origin, sizeof(origin), "--%s", option);
	budget.origin = origin;
	if (budgets_add(&checking->budgets, &budget))
		return refuse(checking, option, strerror(ENOMEM));
	return 0;
}

static int add_baseline(struct checking *checking, const char *path)
{
	char **more = reallocarray(checking->baselines, checking->baselines_count + 1,
				   sizeof(*more));
	char *own = strdup(path);

	if (more)
		checking->baselines = more;
	if (!more || !own) {
		free(own);
		return refuse(checking, "baseline", strerror(ENOMEM));
	}
	checking->baselines[checking->baselines_count++] = own;
	return 0;
}

/* "FORMAT=FILE" */
static int add_output(struct checking *checking, const char *argument)
{
	const char *equals = strchr(argument, '=');
	char name[16];
	check_output_fn *format = NULL;

	if (equals && (size_t)(equals - argument) < sizeof(name)) {
		snprintf(name, sizeof(name), "%.*s", (int)(equals - argument), argument);
		format = check_output_find(name);
	}
	if (!format || !equals[1])
		return refuse(checking, "output",
			      "not FORMAT=FILE; formats are text, json, junit, sarif, "
			      "github and markdown");
	if (checking->outputs_count == CHECKING_OUTPUTS)
		return refuse(checking, "output", "too many");
	checking->outputs[checking->outputs_count].format = format;
	checking->outputs[checking->outputs_count++].path = equals + 1;
	return 0;
}

int checking_take(struct checking *checking, int option, const char *argument)
{
	checking->given = true;
	if (option >= OPTION_GAUGE && option < OPTION_GAUGE + (int)GAUGES)
		return take_budget(checking, gauge_at((size_t)(option - OPTION_GAUGE)),
				   argument);
	switch (option) {
	case OPTION_CONFIG:
		checking->config = argument;
		return 0;
	case OPTION_NO_CONFIG:
		checking->no_config = true;
		return 0;
	case OPTION_BASELINE:
		return add_baseline(checking, argument);
	case OPTION_TOLERANCE:
		if (quantity_parse(argument, QUANTITY_SHARE, &checking->rule.tolerance))
			return refuse(checking, "tolerance",
				      "not understood; expected is a share such as 5%");
		checking->tolerance_given = true;
		return 0;
	case OPTION_FORCE:
		checking->force = true;
		return 0;
	case OPTION_ALLOW_MISSING:
		checking->rule.allow_missing = true;
		return 0;
	case OPTION_FORMAT:
		checking->format = check_output_find(argument);
		return checking->format
			       ? 0
			       : refuse(checking, "format",
					"not one of text, json, junit, sarif, github and "
					"markdown");
	default:
		return add_output(checking, argument);
	}
}

/* What the command line says goes before what the file says. */
static int take_file(struct checking *checking, struct budgetfile *file)
{
	bool own_baseline = checking->baselines_count > 0;
	int error = 0;

	for (size_t i = 0; !error && i < file->budgets.count; i++) {
		const struct budget *budget = &file->budgets.items[i];

		if (budget->scope == BUDGET_RUN &&
		    budgets_of_run(&checking->budgets, budget->gauge))
			continue;
		error = budgets_add(&checking->budgets, budget);
	}
	for (size_t i = 0; !error && !own_baseline && i < file->baselines_count; i++)
		error = add_baseline(checking, file->baselines[i]);
	if (file->tolerance_given && !checking->tolerance_given)
		checking->rule.tolerance = file->tolerance;
	checking->rule.allow_missing |= file->allow_missing;
	return error;
}

static int read_config(struct checking *checking)
{
	struct complaint complaint = {.text = ""};
	struct budgetfile file;
	char *path = NULL;
	int error;

	if (checking->no_config)
		return checking->config ? refuse(checking, "config", "and --no-config?")
					: 0;
	if (checking->config)
		path = strdup(checking->config);
	if (checking->config ? !path : budgetfile_find(&path)) {
		complain(checking->verb, strerror(ENOMEM));
		return -ENOMEM;
	}
	if (!path)
		return 0;
	error = budgetfile_read(path, &file, &complaint);
	if (error) {
		complain(path, complaint.text);
	} else {
		error = take_file(checking, &file);
		budgetfile_done(&file);
	}
	free(path);
	return error;
}

int checking_load(struct checking *checking)
{
	int error = read_config(checking);

	if (!error && checking->budgets.count == 0 && checking->baselines_count == 0) {
		complain(checking->verb,
			 "nothing to check: give a budget (--max-peak ...), "
			 "a " BUDGETFILE_NAME " or --baseline");
		error = -EINVAL;
	}
	return error;
}

bool checking_wants_scan(const struct checking *checking)
{
	for (size_t i = 0; i < checking->budgets.count; i++) {
		if (checking->budgets.items[i].gauge->measure == MEASURE_DEFINITE)
			return true;
	}
	return false;
}

static int judge(const struct checking *checking, const struct side *base,
		 const struct side *now, struct verdicts *verdicts)
{
	struct comparison *comparison;
	int error = comparison_new(base, now, &comparison);

	if (error)
		return error;
	error = judge_budgets(now, comparison, &checking->budgets, verdicts);
	if (!error && base->count > 0)
		error = judge_baseline(base, now, comparison, &checking->rule, verdicts);
	if (!error && !checking->force)
		error = judge_recordings(base, verdicts);
	if (!error && !checking->force)
		error = judge_recordings(now, verdicts);
	comparison_free(comparison);
	verdicts_sort(verdicts);
	return error;
}

static int write_file(check_output_fn *format, const char *path,
		      const struct verdicts *verdicts, const char *root)
{
	FILE *out = fopen(path, "we");
	int error = out ? format(verdicts, root, out) : -errno;

	if (out && fclose(out) == EOF && !error)
		error = -errno;
	if (error) {
		char text[128];

		snprintf(text, sizeof(text), "cannot be written: %s", strerror(-error));
		complain(path, text);
	}
	return error;
}

/* The directory that CI systems name files from. */
static char *source_root_new(void)
{
	const char *workspace = getenv("GITHUB_WORKSPACE");

	return workspace && *workspace == '/' ? strdup(workspace) : getcwd(NULL, 0);
}

static int write_verdicts(const struct checking *checking, const struct verdicts *verdicts,
			  FILE *out)
{
	char *root = source_root_new();
	const char *from = root ? root : "";
	int error = checking->format(verdicts, from, out);

	if (!error && fflush(out) == EOF)
		error = -errno;
	if (error)
		complain("output", strerror(-error));
	for (size_t i = 0; i < checking->outputs_count; i++) {
		int trouble = write_file(checking->outputs[i].format,
					 checking->outputs[i].path, verdicts, from);

		if (!error)
			error = trouble;
	}
	free(root);
	return error;
}

int checking_run(struct checking *checking, char **paths, size_t count,
		 const struct dumpset *set, FILE *out)
{
	const struct side_wish wish = {.force = checking->force};
	struct verdicts verdicts;
	struct side base, now;
	int status = STATUS_TROUBLE;
	int error = 0;

	side_init(&base);
	side_init(&now);
	verdicts_init(&verdicts);
	for (size_t i = 0; !error && i < checking->baselines_count; i++)
		error = cmd_sides_add(&base, checking->baselines[i], NULL, &wish);
	for (size_t i = 0; !error && i < count; i++)
		error = cmd_sides_add(&now, paths[i], set, &wish);
	if (error)
		goto out;
	error = judge(checking, &base, &now, &verdicts);
	if (error)
		complain(checking->verb, strerror(-error));
	else if (write_verdicts(checking, &verdicts, out) == 0)
		status = verdicts_exit_status(&verdicts);
out:
	verdicts_done(&verdicts);
	side_done(&now);
	side_done(&base);
	return status;
}
