/* SPDX-License-Identifier: MIT */
#include "budgetfile.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ini.h>

#include "complaint.h"
#include "gauge.h"
#include "quantity.h"

/* A key that was given in a section, so that it is not given again. */
struct given {
	char *section, *key;
};

struct parser {
	FILE *stream;
	struct budgetfile *file;
	struct complaint *complaint;
	unsigned line;
	int error;
	/* The section as it is now: its budgets wait for its pattern. */
	char *section; /* "", "site NAME", "process NAME" */
	enum budget_scope scope;
	unsigned section_line;
	char *pattern;
	size_t first; /* of the section's budgets */
	struct given *given;
	size_t given_count;
};

int budgetfile_find(char **ret_path)
{
	char *directory = realpath(".", NULL);
	struct stat facts;
	char *path, *end;

	if (!directory)
		return errno == ENOMEM ? -ENOMEM : (*ret_path = NULL, 0);
	for (;;) {
		if (asprintf(&path, "%s/" BUDGETFILE_NAME, directory) < 0) {
			free(directory);
			return -ENOMEM;
		}
		if (stat(path, &facts) == 0 && S_ISREG(facts.st_mode))
			break;
		free(path);
		path = NULL;
		end = strrchr(directory, '/');
		if (!end || !*directory)
			break;
		*end = '\0';
	}
	free(directory);
	*ret_path = path;
	return 0;
}

/* Keeps the first thing that is wrong. Returns 0, which stops inih's handler. */
static int wrong(struct parser *parser, unsigned line, const char *key, const char *why)
{
	if (!parser->error) {
		parser->error = -EINVAL;
		complaint_set(parser->complaint, "line %u: %s%s%s", line, key ? key : "",
			      key ? ": " : "", why);
	}
	return 0;
}

static int out_of_memory(struct parser *parser)
{
	if (!parser->error) {
		parser->error = -ENOMEM;
		complaint_set(parser->complaint, "cannot be read: %s", strerror(ENOMEM));
	}
	return 0;
}

/* Whether the key is new in its section; remembers it. */
static bool first_time(struct parser *parser, const char *key)
{
	struct given *more;
	size_t i;

	for (i = 0; i < parser->given_count; i++) {
		if (!strcmp(parser->given[i].section, parser->section) &&
		    !strcmp(parser->given[i].key, key)) {
			wrong(parser, parser->line, *key ? key : parser->section,
			      "given twice");
			return false;
		}
	}
	more = reallocarray(parser->given, parser->given_count + 1, sizeof(*more));
	if (!more)
		return out_of_memory(parser);
	parser->given = more;
	more[i].section = strdup(parser->section);
	more[i].key = strdup(key);
	parser->given_count++;
	if (!more[i].section || !more[i].key)
		return out_of_memory(parser);
	return true;
}

/* The section's budgets get the pattern that the section has given somewhere in it. */
static void end_section(struct parser *parser)
{
	struct budgets *budgets = &parser->file->budgets;
	const char *key = parser->scope == BUDGET_SITES ? "match" : "exe";
	size_t i;

	if (parser->scope == BUDGET_RUN)
		return;
	if (!parser->pattern) {
		wrong(parser, parser->section_line, key, "missing in this section");
		return;
	}
	if (parser->first == budgets->count)
		wrong(parser, parser->section_line, parser->section,
		      "a section without a budget");
	for (i = parser->first; i < budgets->count; i++) {
		budgets->items[i].pattern = strdup(parser->pattern);
		if (!budgets->items[i].pattern)
			out_of_memory(parser);
	}
	free(parser->pattern);
	parser->pattern = NULL;
}

/* The line is "[NAME]", which inih will not tell where no key follows. */
static void begin_section(struct parser *parser, const char *line)
{
	size_t length = strcspn(line + 1, "]");
	char *name;

	end_section(parser);
	parser->section_line = parser->line;
	parser->first = parser->file->budgets.count;
	parser->scope = BUDGET_RUN;
	if (line[1 + length] != ']') {
		wrong(parser, parser->line, NULL, "a section without its ]");
		return;
	}
	name = strndup(line + 1, length);
	if (!name) {
		out_of_memory(parser);
		return;
	}
	free(parser->section);
	parser->section = name;
	if (!strncmp(name, "site ", 5) && name[5 + strspn(name + 5, " ")])
		parser->scope = BUDGET_SITES;
	else if (!strncmp(name, "process ", 8) && name[8 + strspn(name + 8, " ")])
		parser->scope = BUDGET_PROCESS;
	else
		wrong(parser, parser->line, name,
		      "no such section; there are [site NAME] and [process NAME]");
	if (!parser->error)
		first_time(parser, "");
}

/* inih's way to get lines. Blanks at the start of a line are taken away, because inih
 * would take the line for more of the value above. */
static char *next_line(char *line, int size, void *context)
{
	struct parser *parser = context;
	size_t length, blanks;

	memset(line, '\n', (size_t)size);
	if (parser->error || !fgets(line, size, parser->stream))
		return NULL;
	parser->line++;
	length = strlen(line);
	if (memrchr(line, '\0', (size_t)size) != line + length)
		wrong(parser, parser->line, NULL, "a line with a zero byte");
	if (length + 1 == (size_t)size && line[length - 1] != '\n')
		wrong(parser, parser->line, NULL, "a line that is too long");
	blanks = strspn(line, " \t");
	memmove(line, line + blanks, length - blanks + 1);
	if (*line == '[')
		begin_section(parser, line);
	return line;
}

static int take_budget(struct parser *parser, const struct gauge *gauge, const char *key,
		       const char *value)
{
	struct budget budget = {.gauge = gauge, .scope = parser->scope};
	char origin[32 + PATH_MAX];
	char why[160];
	int error = quantity_parse(value, gauge->unit, &budget.limit);

	if (parser->scope == BUDGET_SITES && !gauge->of_sites)
		return wrong(parser, parser->line, key, "call sites have no such figure");
	if (error) {
		snprintf(why, sizeof(why), "%s; expected is %s",
			 error == -ERANGE ? "too large" : "not understood",
			 quantity_example(gauge->unit));
		return wrong(parser, parser->line, key, why);
	}
	snprintf(origin, sizeof(origin), "%s:%u", parser->file->path, parser->line);
	budget.origin = origin;
	if (parser->scope != BUDGET_RUN)
		budget.name = strchr(parser->section, ' ') + 1;
	if (budgets_add(&parser->file->budgets, &budget))
		return out_of_memory(parser);
	return 1;
}

/* A path in the file is meant from where the file is. */
static int take_baseline(struct parser *parser, const char *value)
{
	struct budgetfile *file = parser->file;
	char **more = reallocarray(file->baselines, file->baselines_count + 1,
				   sizeof(file->baselines[0]));
	char *own = strdup(file->path);
	char *path = NULL;

	if (more)
		file->baselines = more;
	if (more && own) {
		if (*value == '/' || !strchr(file->path, '/'))
			path = strdup(value);
		else if (asprintf(&path, "%s/%s", dirname(own), value) < 0)
			path = NULL;
	}
	free(own);
	if (!path)
		return out_of_memory(parser);
	file->baselines[file->baselines_count++] = path;
	return 1;
}

static int take_pattern(struct parser *parser, const char *key, const char *value)
{
	if (!*value)
		return wrong(parser, parser->line, key, "a pattern is missing");
	parser->pattern = strdup(value);
	return parser->pattern ? 1 : out_of_memory(parser);
}

static int take_truth(struct parser *parser, const char *key, const char *value,
		      bool *ret_truth)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return wrong(parser, parser->line, key, "neither yes nor no");
	*ret_truth = strcmp(value, "yes") == 0;
	return 1;
}

/* inih leaves quotes where they are; they mean nothing here. */
static void without_quotes(const char *value, char *text, size_t size)
{
	size_t length = strlen(value);

	if (length >= 2 && *value == '"' && value[length - 1] == '"')
		snprintf(text, size, "%.*s", (int)(length - 2), value + 1);
	else
		snprintf(text, size, "%s", value);
}

/* inih's handler: 1 for fine, 0 for not. */
static int take(void *context, const char *section, const char *key, const char *quoted)
{
	struct parser *parser = context;
	struct budgetfile *file = parser->file;
	char value[1024];
	const struct gauge *gauge = gauge_find(key);

	(void)section; /* begin_section has it, whole */
	without_quotes(quoted, value, sizeof(value));
	if (parser->error)
		return 0;
	if (parser->scope == BUDGET_RUN && !strcmp(key, "baseline"))
		return *value ? take_baseline(parser, value)
			      : wrong(parser, parser->line, key, "a path is missing");
	if (!first_time(parser, key))
		return 0;
	if (gauge)
		return take_budget(parser, gauge, key, value);
	if (parser->scope == BUDGET_SITES && !strcmp(key, "match"))
		return take_pattern(parser, key, value);
	if (parser->scope == BUDGET_PROCESS && !strcmp(key, "exe"))
		return take_pattern(parser, key, value);
	if (parser->scope == BUDGET_RUN && !strcmp(key, "tolerance")) {
		if (quantity_parse(value, QUANTITY_SHARE, &file->tolerance))
			return wrong(parser, parser->line, key,
				     "not understood; expected is a share such as 5%");
		file->tolerance_given = true;
		return 1;
	}
	if (parser->scope == BUDGET_RUN && !strcmp(key, "allow-missing"))
		return take_truth(parser, key, value, &file->allow_missing);
	return wrong(parser, parser->line, key, "no such key here");
}

static void parser_done(struct parser *parser)
{
	for (size_t i = 0; i < parser->given_count; i++) {
		free(parser->given[i].section);
		free(parser->given[i].key);
	}
	free(parser->given);
	free(parser->section);
	free(parser->pattern);
	if (parser->stream)
		fclose(parser->stream);
}

int budgetfile_read(const char *path, struct budgetfile *ret_file,
		    struct complaint *complaint)
{
	struct budgetfile file = {.path = strdup(path)};
	struct parser parser = {.file = &file, .complaint = complaint};
	int bad = 0;

	budgets_init(&file.budgets);
	parser.section = strdup("");
	if (!file.path || !parser.section) {
		out_of_memory(&parser);
		goto out;
	}
	parser.stream = fopen(path, "re");
	if (parser.stream)
		bad = ini_parse_stream(next_line, &parser, take, &parser);
	if (!parser.stream || ferror(parser.stream)) {
		parser.error = -errno;
		complaint_set(complaint, "cannot be read: %s", strerror(errno));
		goto out;
	}
	if (bad < 0)
		out_of_memory(&parser);
	else if (bad > 0)
		wrong(&parser, (unsigned)bad, NULL, "neither KEY = VALUE nor [SECTION]");
	if (!parser.error)
		end_section(&parser);
out:
	parser_done(&parser);
	if (parser.error)
		budgetfile_done(&file);
	else
		*ret_file = file;
	return parser.error;
}

void budgetfile_done(struct budgetfile *file)
{
	budgets_done(&file->budgets);
	for (size_t i = 0; i < file->baselines_count; i++)
		free(file->baselines[i]);
	free(file->baselines);
	free(file->path);
	memset(file, 0, sizeof(*file));
}
