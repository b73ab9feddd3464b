/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
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
		isnan(verdict->base) ? ""
				     : check_figure(verdict->gauge, verdict->base).text);
	if (!error)
		error = put_safe(verdict->subject, out);
	if (!error && verdict->note && verdict->status == VERDICT_PASSED) {
		fputs("; ", out);
		error = put_safe(verdict->note, out);
	}
	fputs(" |\n", out);
	return error;
}

static void put_fence(size_t length, FILE *out)
{
	while (length-- > 0)
		fputc('`', out);
}

/* Between fences longer than any row of backquotes in the text. */
static void put_block(const char *text, FILE *out)
{
	size_t longest = 2;

	for (const char *p = text; *p;) {
		size_t row = strspn(p, "`");

		if (row > longest)
			longest = row;
		p += row + strcspn(p + row, "`");
	}
	fputc('\n', out);
	put_fence(longest + 1, out);
	fprintf(out, "\n%s\n", text);
	put_fence(longest + 1, out);
	fputc('\n', out);
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
