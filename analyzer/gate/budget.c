/* SPDX-License-Identifier: MIT */
#include "budget.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void budgets_init(struct budgets *budgets)
{
	memset(budgets, 0, sizeof(*budgets));
}

static void done(struct budget *budget)
{
	free(budget->name);
	free(budget->pattern);
	free(budget->origin);
}

void budgets_done(struct budgets *budgets)
{
	for (size_t i = 0; i < budgets->count; i++)
		done(&budgets->items[i]);
	free(budgets->items);
	budgets_init(budgets);
}

/* Returns whether there was memory; a text that is not there is copied as such. */
static int copy(char **to, const char *text)
{
	*to = text ? strdup(text) : NULL;
	return *to || !text;
}

int budgets_add(struct budgets *budgets, const struct budget *budget)
{
	struct budget own = *budget;

	if (budgets->count == budgets->room) {
		size_t room = budgets->room ? 2 * budgets->room : 8;
		struct budget *moved =
			reallocarray(budgets->items, room, sizeof(budgets->items[0]));

		if (!moved)
			return -ENOMEM;
		budgets->items = moved;
		budgets->room = room;
	}
	own.name = own.pattern = own.origin = NULL;
	if (!copy(&own.name, budget->name) || !copy(&own.pattern, budget->pattern) ||
	    !copy(&own.origin, budget->origin)) {
		done(&own);
		return -ENOMEM;
	}
	budgets->items[budgets->count++] = own;
	return 0;
}

const struct budget *budgets_of_run(const struct budgets *budgets,
				    const struct gauge *gauge)
{
	for (size_t i = 0; i < budgets->count; i++) {
		if (budgets->items[i].scope == BUDGET_RUN &&
		    budgets->items[i].gauge == gauge)
			return &budgets->items[i];
	}
	return NULL;
}
