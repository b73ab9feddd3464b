/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "check_output.h"
#include "check_words.h"
#include "gauge.h"
#include "measured.h"
#include "printable.h"
#include "symbolname.h"
#include "terminal.h"
#include "verdict.h"

#define INDENT 10
#define FRAMES 6
#define CULPRITS 3
#define NAME_COLUMNS 24

/* A sentence in lines no longer than the terminal's, all but the first indented. */
static void print_wrapped(const struct terminal *terminal, const char *text)
{
	size_t columns = terminal->width > 2 * INDENT ? terminal->width - INDENT : INDENT;

	for (;;) {
		size_t fit = printable_fit(text, columns);

		if (text[fit]) {
			while (fit > 0 && text[fit] != ' ')
				fit--;
			/* A word that is longer than a line stays whole. */
			if (fit == 0)
				fit = strcspn(text, " ");
		}
		fprintf(terminal->out, "%.*s\n", (int)fit, text);
		text += fit + strspn(text + fit, " ");
		if (!*text)
			return;
		fprintf(terminal->out, "%*s", INDENT, "");
	}
}

static int print_frame(const struct terminal *terminal, const struct measured_frame *frame,
		       const char *root)
{
	char *place = check_frame_place_new(frame, root);
	size_t taken = place ? INDENT + 4 + printable_columns(place, SIZE_MAX) : 0;
	size_t columns = terminal->width > taken + NAME_COLUMNS ? terminal->width - taken
								: NAME_COLUMNS;
	char *safe = printable_new(frame->function ? frame->function : "?");
	char *name = safe ? symbolname_short_new(safe, columns) : NULL;
	int error = place && name ? 0 : -ENOMEM;

	if (!error)
		fprintf(terminal->out, "%*s%-*s  %s\n", INDENT + 2, "", NAME_COLUMNS, name,
			place);
	free(name);
	free(safe);
	free(place);
	return error;
}

/* A chain of which the middle is left out where it is long. */
static int print_chain(const struct terminal *terminal, const struct measured_site *site,
		       const char *root)
{
	size_t count = site->shown_end - site->shown_begin;
	int error = 0;

	for (size_t i = 0; !error && i < count; i++) {
		if (count > FRAMES && i == FRAMES - 2) {
			fprintf(terminal->out, "%*s... %zu more\n", INDENT + 2, "",
				count - FRAMES + 1);
			i = count - 1;
		}
		error = print_frame(terminal, &site->frames[site->shown_begin + i], root);
	}
	return error;
}

static int print_culprits(const struct terminal *terminal, const struct verdict *verdict,
			  const char *root)
{
	for (size_t n = 0; n < verdict->culprits_count && n < CULPRITS; n++) {
		char *share = check_share_new(verdict, n);

		if (!share)
			return -ENOMEM;
		fprintf(terminal->out, "%*s%s\n", INDENT, "", share);
		free(share);
		if (print_chain(terminal, verdict->culprits[n].site, root))
			return -ENOMEM;
	}
	return 0;
}

static int print_note(const struct terminal *terminal, const char *note)
{
	char *safe = printable_new(note);

	if (!safe)
		return -ENOMEM;
	fprintf(terminal->out, "%*s", INDENT, "");
	print_wrapped(terminal, safe);
	free(safe);
	return 0;
}

static int print_verdict(const struct terminal *terminal, const struct verdict *verdict,
			 const char *root)
{
	static const char *const labels[] = {[VERDICT_PASSED] = "ok",
					     [VERDICT_FAILED] = "FAILED",
					     [VERDICT_UNKNOWN] = "UNKNOWN"};
	bool passed = verdict->status == VERDICT_PASSED;
	char *sentence = check_sentence_new(verdict);
	char *next = NULL;
	int error = 0;

	if (!sentence)
		return -ENOMEM;
	fprintf(terminal->out, "%s%-*s%s",
		terminal_style(terminal, passed ? TERMINAL_FAINT : TERMINAL_WARNING),
		INDENT, labels[verdict->status], terminal_style(terminal, TERMINAL_PLAIN));
	print_wrapped(terminal, sentence);
	free(sentence);
	if (verdict->note && verdict->status != VERDICT_UNKNOWN)
		error = print_note(terminal, verdict->note);
	if (!error && !passed)
		error = print_culprits(terminal, verdict, root);
	if (!error && !passed && verdict->next) {
		next = printable_new(verdict->next);
		error = next ? 0 : -ENOMEM;
		if (next)
			fprintf(terminal->out, "%*snext: %s\n", INDENT, "", next);
		free(next);
	}
	return error;
}

int check_text(const struct verdicts *verdicts, const char *root, FILE *out)
{
	struct terminal terminal;
	int error = 0;

	terminal_init(&terminal, out);
	for (size_t i = 0; !error && i < verdicts->count; i++)
		error = print_verdict(&terminal, &verdicts->items[i], root);
	if (error)
		return error;
	fprintf(out, "%s%zu checked, %zu failed",
		terminal_style(&terminal, TERMINAL_STRONG), verdicts->count,
		verdicts->failed);
	if (verdicts->unknown)
		fprintf(out, ", %zu not known", verdicts->unknown);
	fprintf(out, "%s\n", terminal_style(&terminal, TERMINAL_PLAIN));
	return ferror(out) ? -EIO : 0;
}
