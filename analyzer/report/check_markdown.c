/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_output.h"
#include "check_words.h"
#include "gauge.h"
#include "printable.h"
#include "verdict.h"

/* What Markdown, tables and the HTML in it would take for theirs. */
static void put_escaped(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '&')
			fputs("&amp;", out);
		else if (strchr("\\`*_{}[]()#+!|~>", *text))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static int put_safe(const char *text, FILE *out)
{
	char *safe = printable_new(text);

	if (!safe)
		return -ENOMEM;
	put_escaped(safe, out);
	free(safe);
	return 0;
}

static int put_row(const struct verdict *verdict, FILE *out)
{
	static const char *const marks[] = {[VERDICT_PASSED] = "ok",
					    [VERDICT_FAILED] = "**failed**",
					    [VERDICT_UNKNOWN] = "**unknown**"};
	int error;

	fprintf(out, "| %s | ", marks[verdict->status]);
	error = put_safe(verdict->name, out);
	fprintf(out, " | %s | %s | %s | ",
		check_figure(verdict->gauge, verdict->value).text,
		check_figure(verdict->gauge, verdict->limit).text,
		verdict->base == verdict->base
			? check_figure(verdict->gauge, verdict->base).text
			: "");
	if (!error)
		error = put_safe(verdict->subject, out);
	fputs(" |\n", out);
	return error;
}

/* A fence longer than any row of backquotes in the text. */
static void put_block(const char *text, FILE *out)
{
	char fence[64] = "```";
	size_t length = 3;

	while (length + 1 < sizeof(fence) && strstr(text, fence)) {
		fence[length++] = '`';
		fence[length] = '\0';
	}
	fprintf(out, "\n%s\n%s\n%s\n", fence, text, fence);
}

int check_markdown(const struct verdicts *verdicts, const char *root, FILE *out)
{
	int error = 0;

	fprintf(out, "### mftrace: %zu checked, %zu failed", verdicts->count,
		verdicts->failed);
	if (verdicts->unknown)
		fprintf(out, ", %zu not known", verdicts->unknown);
	fputs("\n\n| | check | value | limit | baseline | whose |\n"
	      "|---|---|---:|---:|---:|---|\n",
	      out);
	for (size_t i = 0; !error && i < verdicts->count; i++)
		error = put_row(&verdicts->items[i], out);
	for (size_t i = 0; !error && i < verdicts->count; i++) {
		char *story;

		if (verdicts->items[i].status == VERDICT_PASSED)
			continue;
		story = check_story_new(&verdicts->items[i], root);
		if (!story)
			return -ENOMEM;
		put_block(story, out);
		free(story);
	}
	if (error)
		return error;
	return ferror(out) ? -EIO : 0;
}
