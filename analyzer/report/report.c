/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "family.h"
#include "suppressions.h"
#include "symbols.h"

int report_init(struct report *report, const struct family *family, size_t top,
		const char *target)
{
	size_t i;

	memset(report, 0, sizeof(*report));
	report->family = family;
	report->top = top;
	report->target = target;
	report->symbols = symbols_new();
	if (!report->symbols)
		goto fail;
	report->tree = calltree_new(report->symbols);
	report->views = calloc(family->count + 1, sizeof(report->views[0]));
	if (!report->tree || !report->views)
		goto fail;
	for (i = 0; i < family->count; i++) {
		report->views[i] =
			calltree_view_new(report->tree, family->members[i].profile);
		if (!report->views[i])
			goto fail;
	}
	return 0;
fail:
	report_done(report);
	return -ENOMEM;
}

void report_done(struct report *report)
{
	size_t i;

	for (i = 0; report->views && i < report->family->count; i++)
		calltree_view_free(report->views[i]);
	free(report->views);
	suppressions_free(report->suppressions);
	calltree_free(report->tree);
	symbols_free(report->symbols);
	memset(report, 0, sizeof(*report));
}

int report_suppress(struct report *report, struct suppressions *suppressions)
{
	size_t i;
	int error = 0;

	report->suppressions = suppressions;
	for (i = 0; !error && i < report->family->count; i++)
		error = suppressions_apply(suppressions, report->tree, report->views[i],
					   report->family->members[i].profile);
	return error;
}

int report_sites(const struct report *report, size_t member, enum sites_order take,
		 enum sites_order sort, struct sites *sites)
{
	size_t first = member == FAMILY_NONE ? 0 : member;
	size_t end = member == FAMILY_NONE ? report->family->count : member + 1;
	size_t i;

	sites_init(sites);
	for (i = first; i < end; i++) {
		int error = sites_add(sites, report->tree, report->views[i],
				      report->family->members[i].profile, take);

		if (error)
			return error;
	}
	sites_sort(sites, sort);
	return 0;
}
