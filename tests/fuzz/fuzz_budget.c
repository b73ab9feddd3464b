/* SPDX-License-Identifier: MIT */
/*
 * fuzz_budget.c - libFuzzer target: any bytes as a file of budgets, which is then kept.
 *
 * Refused with a sentence, or read into budgets that all have what they need.
 */
#include <math.h>
#include <stdlib.h>

#include "budgetfile.h"
#include "complaint.h"
#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz_file file = {.fd = -1};
	struct complaint complaint = {""};
	struct budgetfile budgets;
	const struct budget *first;
	char *found;

	if (file.fd < 0) {
		fuzz_file_open(&file);
		if (budgetfile_find(&found) == 0)
			free(found);
	}
	fuzz_file_fill(&file, data, size);
	if (budgetfile_read(file.path, &budgets, &complaint) < 0) {
		expect(complaint.text[0] != '\0');
		return 0;
	}
	for (size_t i = 0; i < budgets.budgets.count; i++) {
		const struct budget *budget = &budgets.budgets.items[i];

		first = budgets_of_run(&budgets.budgets, budget->gauge);
		expect(!first || first <= budget || budget->scope != BUDGET_RUN);
		expect(budget->gauge && budget->origin);
		expect(budget->limit >= 0 && isfinite(budget->limit));
		expect(budget->scope == BUDGET_RUN || (budget->name && budget->pattern));
	}
	expect(!budgets.tolerance_given || budgets.tolerance >= 0);
	budgetfile_done(&budgets);
	return 0;
}
