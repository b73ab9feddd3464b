/* SPDX-License-Identifier: MIT */
#include "diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

static const struct measured_site *either(const struct comparison_site *site)
{
	return site->now ? site->now : site->base;
}

static int by_delta(const struct comparison_site *a, const struct comparison_site *b,
		    enum measure measure)
{
	double left = comparison_site_delta(a, measure);
	double right = comparison_site_delta(b, measure);

	if (fabs(left) != fabs(right))
		return fabs(left) > fabs(right) ? -1 : 1;
	return (left < right) - (left > right); /* growth first */
}

static int by_id(const struct comparison_site *a, const struct comparison_site *b)
{
	uint64_t left = either(a)->id, right = either(b)->id;

	return (left > right) - (left < right);
}

static int in_one_figure(const void *a, const void *b, void *measure)
{
	const struct comparison_site *left = *(const struct comparison_site *const *)a;
	const struct comparison_site *right = *(const struct comparison_site *const *)b;
	int order = by_delta(left, right, *(enum measure *)measure);

	return order ? order : by_id(left, right);
}

static int in_importance(const void *a, const void *b)
{
	static const enum measure measures[] = {
		MEASURE_LEAKED, MEASURE_PEAK,	   MEASURE_LIVE,	MEASURE_ALLOCATED,
		MEASURE_PINNED, MEASURE_TEMPORARY, MEASURE_ALLOCATIONS,
	};
	const struct comparison_site *left = *(const struct comparison_site *const *)a;
	const struct comparison_site *right = *(const struct comparison_site *const *)b;
	int order = 0;

	for (size_t i = 0; order == 0 && i < sizeof(measures) / sizeof(measures[0]); i++)
		order = by_delta(left, right, measures[i]);
	return order ? order : by_id(left, right);
}

static void count(struct diff_counts *counts, const struct comparison_site *site,
		  enum change change, enum measure measure)
{
	if (change == CHANGE_GREW)
		*(site->base ? &counts->grew : &counts->appeared) += 1;
	else
		*(site->now ? &counts->shrank : &counts->vanished) += 1;
	counts->delta += comparison_site_delta(site, measure);
}

int diff_sites(const struct diff *diff, const struct comparison_program *program,
	       enum measure measure, const struct comparison_site ***ret_sites,
	       size_t *ret_count, struct diff_counts *counts)
{
	const struct comparison_site **sites;
	size_t found = 0;

	sites = calloc(program->sites_count + 1, sizeof(*sites));
	if (!sites)
		return -ENOMEM;
	if (counts)
		*counts = (struct diff_counts){.delta = 0};
	for (size_t i = 0; i < program->sites_count; i++) {
		const struct comparison_site *site = &program->sites[i];
		enum change change = comparison_site_change(site, measure, diff->tolerance);

		if (change == CHANGE_NONE)
			continue;
		sites[found++] = site;
		if (counts)
			count(counts, site, change, measure);
	}
	qsort_r(sites, found, sizeof(*sites), in_one_figure, &measure);
	*ret_sites = sites;
	*ret_count = found;
	return 0;
}

int diff_changed_sites(const struct diff *diff, const struct comparison_program *program,
		       const struct comparison_site ***ret_sites, size_t *ret_count)
{
	const struct comparison_site **sites;
	size_t found = 0;

	sites = calloc(program->sites_count + 1, sizeof(*sites));
	if (!sites)
		return -ENOMEM;
	for (size_t i = 0; i < program->sites_count; i++) {
		const struct comparison_site *site = &program->sites[i];
		bool changed = false;

		for (unsigned m = 0; m < MEASURES_OF_SITES; m++)
			changed =
				changed || comparison_site_change(site, m, diff->tolerance);
		if (changed)
			sites[found++] = site;
	}
	qsort(sites, found, sizeof(*sites), in_importance);
	*ret_sites = sites;
	*ret_count = found;
	return 0;
}

bool diff_classified(const struct comparison_program *program)
{
	return program->base_bands[MEASURE_DEFINITE].runs > 0 &&
	       program->now_bands[MEASURE_DEFINITE].runs > 0;
}

const char *diff_change_name(const struct comparison_site *site, enum change change)
{
	if (change == CHANGE_GREW)
		return site->base ? "grew" : "appeared";
	if (change == CHANGE_SHRANK)
		return site->now ? "shrank" : "vanished";
	return "unchanged";
}
