/* SPDX-License-Identifier: MIT */
/*
 * Workflow commands of GitHub Actions: "::error file=F,line=N,title=T::TEXT". In the text,
 * percent signs and line ends are escaped as URLs do it; in properties colons and commas,
 * too (docs.github.com, "Workflow commands for GitHub Actions"; actions/toolkit, command).
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check_output.h"
#include "check_words.h"
#include "measured.h"
#include "printable.h"
#include "verdict.h"

static void put_escaped(const char *text, bool property, FILE *out)
{
	for (; *text; text++) {
		if (strchr("%\r\n", *text) || (property && strchr(":,", *text)))
			fprintf(out, "%%%02X", (unsigned char)*text);
		else
			fputc(*text, out);
	}
}

static int put_place(const struct verdict *verdict, const char *root, FILE *out)
{
	const struct measured_frame *frame =
		verdict->culprits_count ? check_place(verdict->culprits[0].site, root)
					: NULL;
	char *file;

	if (!frame)
		return 0;
	file = printable_new(check_relative(frame->file, root));
	if (!file)
		return -ENOMEM;
	fputs("file=", out);
	put_escaped(file, true, out);
	fprintf(out, ",line=%u,", frame->line);
	free(file);
	return 0;
}

static int put_verdict(const struct verdict *verdict, const char *root, FILE *out)
{
	char *story = check_story_new(verdict, root);
	char *name = printable_new(verdict->name);
	int error = story && name ? 0 : -ENOMEM;

	if (!error) {
		fputs("::error ", out);
		error = put_place(verdict, root, out);
		fputs("title=mftrace ", out);
		put_escaped(name, true, out);
		fputs("::", out);
		put_escaped(story, false, out);
		fputc('\n', out);
	}
	free(name);
	free(story);
	return error;
}

int check_github(const struct verdicts *verdicts, const char *root, FILE *out)
{
	int error = 0;

	for (size_t i = 0; !error && i < verdicts->count; i++) {
		if (verdicts->items[i].status != VERDICT_PASSED)
			error = put_verdict(&verdicts->items[i], root, out);
	}
	if (verdicts->failed + verdicts->unknown == 0)
		fprintf(out, "::notice title=mftrace::%zu checked, 0 failed\n",
			verdicts->count);
	if (error)
		return error;
	return ferror(out) ? -EIO : 0;
}
