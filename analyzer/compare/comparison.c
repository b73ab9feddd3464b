/* SPDX-License-Identifier: MIT */
#include "comparison.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "matchkey.h"
#include "pathname.h"
#include "programside.h"
#include "side.h"
#include "sitematch.h"

/* ---- A program ---------------------------------------------------------------------- */

static void pair_equal_keys(struct programside *base, struct programside *now)
{
	struct sitegroup *group, *other, *next;

	HASH_ITER (hh, now->groups, group, next) {
		HASH_FIND(hh, base->groups, &group->key.key, sizeof(group->key.key), other);
		if (!other)
			continue;
		now->items[group->place].partner = other->place;
		base->items[other->place].partner = group->place;
	}
}

static int add_pair(struct comparison_program *program, const struct programside *base,
		    const struct programside *now, const struct sitegroup *old,
		    const struct sitegroup *new)
{
	struct comparison_site *site = &program->sites[program->sites_count++];
	int error = programside_site_bands(base, old, site->base_bands);

	if (!error)
		error = programside_site_bands(now, new, site->now_bands);
	site->base = old ? old->site : NULL;
	site->now = new ? new->site : NULL;
	if (old && new)
		site->pairing = old->key.key == new->key.key ? PAIRING_FINGERPRINT
							     : PAIRING_LIKENESS;
	return error;
}

static int add_pairs(struct comparison_program *program, const struct programside *base,
		     const struct programside *now)
{
	int error = 0;

	program->sites = calloc(base->groups_count + now->groups_count + 1,
				sizeof(program->sites[0]));
	if (!program->sites)
		return -ENOMEM;
	for (size_t i = 0; !error && i < now->groups_count; i++) {
		size_t partner = now->items[i].partner;

		error = add_pair(program, base, now,
				 partner == SITEMATCH_NONE ? NULL : base->by_place[partner],
				 now->by_place[i]);
	}
	for (size_t i = 0; !error && i < base->groups_count; i++)
		if (base->items[i].partner == SITEMATCH_NONE)
			error = add_pair(program, base, now, base->by_place[i], NULL);
	return error;
}

/* Reads both sides in, with keys that mean the same on both. */
static int fill(struct programside *base, struct programside *now, struct matchkeys *keys)
{
	int error = programside_learn(base, keys);

	if (!error)
		error = programside_learn(now, keys);
	if (!error)
		error = programside_fill(base, keys);
	if (!error)
		error = programside_fill(now, keys);
	return error;
}

static int compare_program(struct comparison_program *program, struct programside *base,
			   struct programside *now)
{
	struct matchkeys *keys = matchkeys_new();
	int error = keys ? fill(base, now, keys) : -ENOMEM;

	if (!error)
		error = programside_bands(base, program->base_bands);
	if (!error)
		error = programside_bands(now, program->now_bands);
	if (!error) {
		pair_equal_keys(base, now);
		error = sitematch_pair(base->items, base->groups_count, now->items,
				       now->groups_count, matchkeys_names(keys));
	}
	if (!error)
		error = add_pairs(program, base, now);
	program->name = now->name ? now->name : base->name;
	program->base_exe = base->exe;
	program->now_exe = now->exe;
	program->base_processes = base->processes;
	program->now_processes = now->processes;
	matchkeys_free(keys);
	return error;
}

/* ---- All of them -------------------------------------------------------------------- */

struct names {
	const char **items;
	size_t count;
};

static bool has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->items[i], name) == 0)
			return true;
	return false;
}

/* The programs of a side, each once, in the order in which they are found. */
static int find_names(const struct side *side, struct names *names)
{
	size_t most = 0;

	for (size_t i = 0; i < side->count; i++)
		most += side->runs[i].count;
	names->items = calloc(most + 1, sizeof(names->items[0]));
	if (!names->items)
		return -ENOMEM;
	for (size_t i = 0; i < side->count; i++) {
		for (size_t j = 0; j < side->runs[i].count; j++) {
			const char *name = pathname_base(side->runs[i].processes[j].exe);

			if (!has_name(names, name))
				names->items[names->count++] = name;
		}
	}
	return 0;
}

static int add_program(struct comparison *comparison, const struct side *base,
		       const char *base_name, const struct side *now, const char *now_name)
{
	struct comparison_program *program = &comparison->programs[comparison->count++];
	struct programside left, right;
	int error;

	programside_init(&left, base, base_name);
	programside_init(&right, now, now_name);
	error = compare_program(program, &left, &right);
	programside_done(&left);
	programside_done(&right);
	return error;
}

static int add_programs(struct comparison *comparison, const struct side *base,
			const struct names *base_names, const struct side *now,
			const struct names *now_names)
{
	int error = 0;

	comparison->programs = calloc(base_names->count + now_names->count + 1,
				      sizeof(comparison->programs[0]));
	if (!comparison->programs)
		return -ENOMEM;
	if (base_names->count == 1 && now_names->count == 1)
		return add_program(comparison, base, base_names->items[0], now,
				   now_names->items[0]);
	for (size_t i = 0; !error && i < now_names->count; i++) {
		const char *name = now_names->items[i];

		error = add_program(comparison, base,
				    has_name(base_names, name) ? name : NULL, now, name);
	}
	for (size_t i = 0; !error && i < base_names->count; i++)
		if (!has_name(now_names, base_names->items[i]))
			error = add_program(comparison, base, base_names->items[i], now,
					    NULL);
	return error;
}

int comparison_new(const struct side *base, const struct side *now,
		   struct comparison **ret_comparison)
{
	struct comparison *comparison = calloc(1, sizeof(*comparison));
	struct names base_names = {.count = 0}, now_names = {.count = 0};
	int error = -ENOMEM;

	if (!comparison)
		goto out;
	error = find_names(base, &base_names);
	if (!error)
		error = find_names(now, &now_names);
	if (!error)
		error = add_programs(comparison, base, &base_names, now, &now_names);
	if (!error) {
		*ret_comparison = comparison;
		comparison = NULL;
	}
out:
	free(base_names.items);
	free(now_names.items);
	comparison_free(comparison);
	return error;
}

void comparison_free(struct comparison *comparison)
{
	if (!comparison)
		return;
	for (size_t i = 0; i < comparison->count; i++)
		free(comparison->programs[i].sites);
	free(comparison->programs);
	free(comparison);
}

enum change comparison_site_change(const struct comparison_site *site, enum measure measure,
				   double tolerance)
{
	return band_change(&site->base_bands[measure], &site->now_bands[measure],
			   tolerance);
}

double comparison_site_delta(const struct comparison_site *site, enum measure measure)
{
	const struct band *base = &site->base_bands[measure];
	const struct band *now = &site->now_bands[measure];

	return base->runs && now->runs ? now->median - base->median : 0;
}
