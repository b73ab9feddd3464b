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
	text_paragraph(health->terminal, health->lines++ ? "" : "health", text);
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
	case MFT_STOP_FILTER:
		return "the program's own filter of system calls (seccomp) leaves the dump "
		       "no way to grow";
	default:
		return "for a reason unknown to this version";
	}
}

/* What ends a dump early concerns one process, which is named. */
static void find_truncation(struct health *health, const struct profile *p)
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
}

/* What is counted is summed over the processes: a tree may have hundreds. */
struct sums {
	uint64_t lost, doubled, unmatched, inherited;
	uint64_t paused, unseen; /* acquisitions, and frees of such blocks */
	uint64_t stacks, cut, checked, different;
};

static void add_up(struct sums *sums, const struct profile *p)
{
	sums->lost += p->lost_events;
	sums->doubled += p->double_allocations;
	sums->paused += p->header.paused_events;
	if (p->header.paused_events)
		sums->unseen += p->unmatched_frees;
	else if (p->header.flags & MFT_FLAG_FORKED)
		sums->inherited += p->unmatched_frees;
	else
		sums->unmatched += p->unmatched_frees;
	sums->stacks += p->stacks_complete + p->stacks_truncated;
	sums->cut += p->stacks_truncated;
	sums->checked += p->stack_checks;
	sums->different += p->stack_differences;
}

static void find_in_sums(struct health *health, const struct sums *sums)
{
	if (sums->lost)
		finding(health, NULL, "%s lost", figure_counted(sums->lost, "event").text);
	if (sums->paused)
		finding(health, NULL, "%s not recorded while paused, and %s of such blocks",
			figure_counted(sums->paused, "allocation").text,
			figure_counted(sums->unseen, "free").text);
	if (sums->doubled)
		finding(health, NULL, "%s at an address in use: frees are missing",
			figure_counted(sums->doubled, "allocation").text);
	if (sums->unmatched)
		finding(health, NULL, "%s of blocks from before the recording",
			figure_counted(sums->unmatched, "free").text);
	if (sums->cut)
		finding(health, NULL, "%s of %s cut at the outer end",
			figure_count(sums->cut).text,
			figure_counted(sums->stacks, "stack").text);
	if (sums->different)
		finding(health, NULL, "%s of %s differ from the reference",
			figure_count(sums->different).text,
			figure_counted(sums->checked, "checked stack").text);
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

static void print_all_well(const struct terminal *terminal, const struct sums *sums)
{
	fputc('\n', terminal->out);
	if (sums->checked)
		text_field(terminal, "health",
			   "nothing lost, all stacks complete, %s compared",
			   figure_count(sums->checked).text);
	else
		text_field(terminal, "health", "nothing lost, all stacks complete");
}

void text_health(const struct terminal *terminal, const struct report *report)
{
	const struct family *family = report->family;
	struct health health = {.terminal = terminal, .several = family->count > 1};
	struct sums sums = {.lost = 0};
	size_t i;

	for (i = 0; i < family->count; i++) {
		const struct profile *profile = family->members[i].profile;

		find_truncation(&health, profile);
		/* An empty profile has shown its notices already. */
		if (profile->allocations > 0)
			print_notices(&health, profile);
		add_up(&sums, profile);
	}
	find_in_sums(&health, &sums);
	symbols_each_trouble(report->symbols, print_trouble, &health);
	if (health.lines == 0)
		print_all_well(terminal, &sums);
	if (sums.inherited)
		text_field(terminal, "", "%s of blocks that the parent had allocated",
			   figure_counted(sums.inherited, "free").text);
}
