/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "family.h"
#include "figure.h"
#include "printable.h"
#include "profile.h"
#include "report.h"
#include "symbols.h"
#include "terminal.h"
#include "text_process.h"

struct health {
	const struct terminal *terminal;
	unsigned lines;
	bool several; /* processes: then lines name theirs */
};

/* Prints a paragraph in the right column, broken between words. */
static void print_wrapped(const struct terminal *terminal, const char *label, char *text)
{
	size_t room = terminal->width - TEXT_FIELD_COLUMNS;

	while (*text) {
		size_t bytes = printable_fit(text, room);
		size_t line = bytes;

		if (text[bytes]) {
			while (line > 0 && text[line] != ' ')
				line--;
			if (line == 0)
				line = bytes;
		}
		text_field(terminal, label, "%s%.*s%s",
			   terminal_style(terminal, TERMINAL_WARNING), (int)line, text,
			   terminal_style(terminal, TERMINAL_PLAIN));
		label = "";
		text += line;
		while (*text == ' ')
			text++;
	}
}

/* Prints one finding, below the label of the first. */
__attribute__((format(printf, 3, 4))) static void
finding(struct health *health, const struct profile *profile, const char *format, ...)
{
	char text[1024] = "";
	size_t length = 0;
	va_list arguments;

	if (health->several && profile)
		length = (size_t)snprintf(text, sizeof(text),
					  "pid %d: ", (int)profile->header.pid);
	va_start(arguments, format);
	vsnprintf(text + length, sizeof(text) - length, format, arguments);
	va_end(arguments);
	if (health->lines == 0)
		fputc('\n', health->terminal->out);
	print_wrapped(health->terminal, health->lines++ ? "" : "health", text);
}

static const char *stop_words(uint32_t reason)
{
	switch (reason) {
	case MFT_STOP_SPACE:
		return "no space was left for the dump";
	case MFT_STOP_FILE_GONE:
		return "the dump was removed or cut";
	case MFT_STOP_MAP:
		return "no memory could be mapped";
	case MFT_STOP_LIMIT:
		return "a limit on file size was reached";
	default:
		return "for a reason unknown to this version";
	}
}

static void find_losses(struct health *health, const struct profile *p)
{
	if (p->damage) {
		char *safe = printable_new(p->damage);

		finding(health, p, "TRUNCATED: the dump is damaged at byte %s: %s",
			figure_count(p->damage_offset).text, safe ? safe : "?");
		free(safe);
	}
	if (p->header.stop_reason != MFT_STOP_NONE)
		finding(health, p, "TRUNCATED: recording ended early: %s",
			stop_words(p->header.stop_reason));
	if (p->lost_events)
		finding(health, p, "%s events were lost",
			figure_count(p->lost_events).text);
	if (p->double_allocations)
		finding(health, p, "%s blocks were allocated twice: frees are missing",
			figure_count(p->double_allocations).text);
	if (p->unmatched_frees && (p->header.flags & MFT_FLAG_FORKED))
		finding(health, p, "%s frees of blocks that the parent allocated",
			figure_count(p->unmatched_frees).text);
	else if (p->unmatched_frees)
		finding(health, p, "%s frees of blocks from before the recording",
			figure_count(p->unmatched_frees).text);
}

static void find_stack_troubles(struct health *health, const struct profile *p)
{
	if (p->stacks_truncated)
		finding(health, p, "%s of %s stacks are cut at the outer end",
			figure_count(p->stacks_truncated).text,
			figure_count(p->stacks_complete + p->stacks_truncated).text);
	if (p->stack_differences)
		finding(health, p, "%s of %s checked stacks differ from the reference",
			figure_count(p->stack_differences).text,
			figure_count(p->stack_checks).text);
}

static void print_notices(struct health *health, const struct profile *p)
{
	char **notice;

	for (notice = p->notices; notice && *notice; notice++) {
		char *safe = printable_new(*notice);

		finding(health, p, "%s", safe ? safe : "?");
		free(safe);
	}
}

static void print_trouble(void *context, const char *path, const char *why)
{
	char *safe = printable_new(path);

	finding(context, NULL, "no names from %s: %s", safe ? safe : "?", why);
	free(safe);
}

void text_health(const struct terminal *terminal, const struct report *report)
{
	const struct family *family = report->family;
	struct health health = {.terminal = terminal, .several = family->count > 1};
	uint64_t checked = 0;
	size_t i;

	for (i = 0; i < family->count; i++) {
		const struct profile *profile = family->members[i].profile;

		find_losses(&health, profile);
		find_stack_troubles(&health, profile);
		if (profile->allocations > 0)
			print_notices(&health, profile);
		checked += profile->stack_checks;
	}
	symbols_each_trouble(report->symbols, print_trouble, &health);
	if (health.lines > 0)
		return;
	fputc('\n', terminal->out);
	if (checked)
		text_field(terminal, "health",
			   "nothing lost, all stacks complete, %s checked",
			   figure_count(checked).text);
	else
		text_field(terminal, "health", "nothing lost, all stacks complete");
}
