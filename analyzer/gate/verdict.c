/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gauge.h"

void verdicts_init(struct verdicts *verdicts)
{
	memset(verdicts, 0, sizeof(*verdicts));
}

static void done(struct verdict *verdict)
{
	free(verdict->subject);
	free(verdict->origin);
	free(verdict->name);
	free(verdict->note);
	free(verdict->next);
}

void verdicts_done(struct verdicts *verdicts)
{
	for (size_t i = 0; i < verdicts->count; i++)
		done(&verdicts->items[i]);
	free(verdicts->items);
	verdicts_init(verdicts);
}

int verdicts_add(struct verdicts *verdicts, struct verdict *verdict)
{
	if (!verdict->subject || !verdict->origin || !verdict->name)
		goto fail;
	if (verdicts->count == verdicts->room) {
		size_t room = verdicts->room ? 2 * verdicts->room : 16;
		struct verdict *moved =
			reallocarray(verdicts->items, room, sizeof(verdicts->items[0]));

		if (!moved)
			goto fail;
		verdicts->items = moved;
		verdicts->room = room;
	}
	verdicts->items[verdicts->count++] = *verdict;
	verdicts->failed += verdict->status == VERDICT_FAILED;
	verdicts->unknown += verdict->status == VERDICT_UNKNOWN;
	return 0;
fail:
	done(verdict);
	return -ENOMEM;
}

static double weight(const struct culprit *culprit)
{
	return isnan(culprit->base) ? culprit->value : culprit->value - culprit->base;
}

void verdict_blame(struct verdict *verdict, const struct measured_site *site, double value,
		   double base)
{
	struct culprit culprit = {.site = site, .value = value, .base = base};
	size_t at = verdict->culprits_count;

	if (!(weight(&culprit) > 0))
		return;
	while (at > 0 && weight(&verdict->culprits[at - 1]) < weight(&culprit))
		at--;
	if (at == VERDICT_CULPRITS)
		return;
	if (verdict->culprits_count < VERDICT_CULPRITS)
		verdict->culprits_count++;
	memmove(&verdict->culprits[at + 1], &verdict->culprits[at],
		(verdict->culprits_count - at - 1) * sizeof(culprit));
	verdict->culprits[at] = culprit;
}

void verdicts_sort(struct verdicts *verdicts)
{
	static const enum verdict_status order[] = {VERDICT_FAILED, VERDICT_UNKNOWN,
						    VERDICT_PASSED};
	struct verdict *sorted = calloc(verdicts->count + 1, sizeof(*sorted));
	size_t count = 0;

	/* Without memory they stay as they are, which is an order too. */
	if (!sorted)
		return;
	for (size_t turn = 0; turn < 3; turn++) {
		for (size_t i = 0; i < verdicts->count; i++) {
			if (verdicts->items[i].status == order[turn])
				sorted[count++] = verdicts->items[i];
		}
	}
	free(verdicts->items);
	verdicts->items = sorted;
	verdicts->room = verdicts->count + 1;
}

int verdicts_exit_status(const struct verdicts *verdicts)
{
	if (verdicts->unknown > 0)
		return 2;
	return verdicts->failed > 0;
}

void verdict_rule(const struct verdict *verdict, char *text, size_t size)
{
	switch (verdict->kind) {
	case VERDICT_BUDGET:
		snprintf(text, size, "%s-over-budget", verdict->gauge->name);
		break;
	case VERDICT_REGRESSION:
		snprintf(text, size, "%s-grew", verdict->gauge->name);
		break;
	case VERDICT_NEW_LEAK:
		snprintf(text, size, "new-leak");
		break;
	case VERDICT_MISSING:
		snprintf(text, size, "program-missing");
		break;
	case VERDICT_RECORDING:
		snprintf(text, size, "recording-not-whole");
		break;
	}
}
