/* SPDX-License-Identifier: MIT */
#include "comparison.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "matchkey.h"
#include "side.h"
#include "sitematch.h"

/* A program's sites with one key, over the runs of one side. */
struct group {
	UT_hash_handle hh;
	struct matchkey key;
	const struct measured_site *site; /* the first */
	size_t place;			  /* among its side's */
	double *values;			  /* by run, MEASURES_OF_SITES each */
};

/* One side of a program. */
struct half {
	const struct side *side;
	const char *name;	 /* base name that its processes have; NULL: none has */
	struct measures *totals; /* by run */
	struct group *groups;	 /* in the order in which they were found */
	struct group **by_place; /* once all are there */
	struct sitematch_item *items;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_of(const struct half *half, const struct measured_process *process)
{
	return half->name && strcmp(base_name(process->exe), half->name) == 0;
}

/* ---- One side ----------------------------------------------------------------------- */

static void half_done(struct half *half)
{
	struct group *group, *next;

	HASH_ITER (hh, half->groups, group, next) {
		HASH_DEL(half->groups, group);
		free(group->key.names);
		free(group->values);
		free(group);
	}
	free(half->totals);
	free(half->by_place);
	free(half->items);
}

/* Nothing, as far as it is known in each run. */
static void start_values(const struct half *half, double *values)
{
	for (size_t run = 0; run < half->side->count; run++)
		for (unsigned m = 0; m < MEASURES_OF_SITES; m++)
			values[run * MEASURES_OF_SITES + m] =
				isnan(half->totals[run].values[m]) ? NAN : 0;
}

/* Takes key.names over. Returns NULL: memory is short. */
static struct group *group_of(struct half *half, struct matchkey *key,
			      const struct measured_site *site)
{
	struct group *group = NULL;

	HASH_FIND(hh, half->groups, &key->key, sizeof(key->key), group);
	if (group) {
		free(key->names);
		return group;
	}
	group = calloc(1, sizeof(*group));
	if (!group) {
		free(key->names);
		return NULL;
	}
	group->key = *key;
	group->site = site;
	group->place = HASH_COUNT(half->groups);
	group->values =
		calloc(half->side->count * MEASURES_OF_SITES, sizeof(group->values[0]));
	if (group->values) {
		start_values(half, group->values);
		HASH_ADD(hh, half->groups, key.key, sizeof(group->key.key), group);
	}
	if (!group->values || !group->hh.tbl) {
		free(group->key.names);
		free(group->values);
		free(group);
		return NULL;
	}
	return group;
}

static int add_process(struct half *half, struct matchkeys *keys, size_t run,
		       const struct measured_process *process)
{
	for (size_t i = 0; i < process->sites_count; i++) {
		const struct measured_site *site = &process->sites[i];
		struct matchkey key;
		struct group *group;
		int error = matchkeys_make(keys, process, site, &key);

		if (error)
			return error;
		group = group_of(half, &key, site);
		if (!group)
			return -ENOMEM;
		for (unsigned m = 0; m < MEASURES_OF_SITES; m++)
			if (!isnan(site->measures.values[m]))
				group->values[run * MEASURES_OF_SITES + m] +=
					site->measures.values[m];
	}
	return 0;
}

/* What the program has in each run; in one that it is not in, nothing. */
static void add_totals(struct half *half, const char **ret_exe, size_t *ret_processes)
{
	for (size_t run = 0; run < half->side->count; run++) {
		const struct measured_run *from = &half->side->runs[run];
		size_t processes = 0;

		half->totals[run] = measures_unknown();
		for (size_t i = 0; i < from->count; i++) {
			if (!is_of(half, &from->processes[i]))
				continue;
			processes++;
			measures_add(&half->totals[run], &from->processes[i].measures);
			if (!*ret_exe)
				*ret_exe = from->processes[i].exe;
		}
		for (unsigned m = 0; processes == 0 && m < MEASURES; m++)
			half->totals[run].values[m] = m == MEASURE_FRAGMENTATION ? NAN : 0;
		if (processes > *ret_processes)
			*ret_processes = processes;
	}
}

static int half_fill(struct half *half, struct matchkeys *keys, const char **ret_exe,
		     size_t *ret_processes)
{
	struct group *group, *next;

	half->totals = calloc(half->side->count + 1, sizeof(half->totals[0]));
	if (!half->totals)
		return -ENOMEM;
	add_totals(half, ret_exe, ret_processes);
	for (size_t run = 0; run < half->side->count; run++) {
		const struct measured_run *from = &half->side->runs[run];

		for (size_t i = 0; i < from->count; i++) {
			int error =
				is_of(half, &from->processes[i])
					? add_process(half, keys, run, &from->processes[i])
					: 0;

			if (error)
				return error;
		}
	}
	half->by_place = calloc(HASH_COUNT(half->groups) + 1, sizeof(half->by_place[0]));
	half->items = calloc(HASH_COUNT(half->groups) + 1, sizeof(half->items[0]));
	if (!half->by_place || !half->items)
		return -ENOMEM;
	HASH_ITER (hh, half->groups, group, next) {
		const double *v = group->site->measures.values;

		half->by_place[group->place] = group;
		half->items[group->place] = (struct sitematch_item){
			.key = &group->key,
			.allocations = v[MEASURE_ALLOCATIONS],
			.allocated = v[MEASURE_ALLOCATED],
			.partner = SITEMATCH_NONE,
		};
	}
	return 0;
}

/* ---- Bands -------------------------------------------------------------------------- */

/* values: room for one a run. */
static struct band band_of_total(const struct half *half, unsigned measure, double *values)
{
	for (size_t run = 0; run < half->side->count; run++)
		values[run] = half->totals[run].values[measure];
	return band_of(values, half->side->count);
}

/* Of the measures of a site; group NULL: it has nothing in any run. */
static int site_bands(const struct half *half, const struct group *group,
		      struct band bands[MEASURES_OF_SITES])
{
	size_t runs = half->side->count;
	double *nothing = calloc(runs * MEASURES_OF_SITES + 1, sizeof(*nothing));
	double *column = calloc(runs + 1, sizeof(*column));

	if (nothing && column) {
		start_values(half, nothing);
		for (unsigned m = 0; m < MEASURES_OF_SITES; m++) {
			const double *values = group ? group->values : nothing;

			for (size_t run = 0; run < runs; run++)
				column[run] = values[run * MEASURES_OF_SITES + m];
			bands[m] = band_of(column, runs);
		}
	}
	free(nothing);
	free(column);
	return nothing && column ? 0 : -ENOMEM;
}

/* ---- A program ---------------------------------------------------------------------- */

static void pair_equal_keys(struct half *base, struct half *now)
{
	struct group *group, *other, *next;

	HASH_ITER (hh, now->groups, group, next) {
		HASH_FIND(hh, base->groups, &group->key.key, sizeof(group->key.key), other);
		if (!other)
			continue;
		now->items[group->place].partner = other->place;
		base->items[other->place].partner = group->place;
	}
}

static int add_pair(struct comparison_program *program, const struct half *base,
		    const struct half *now, const struct group *old,
		    const struct group *new)
{
	struct comparison_site *site = &program->sites[program->sites_count++];
	int error = site_bands(base, old, site->base_bands);

	if (!error)
		error = site_bands(now, new, site->now_bands);
	site->base = old ? old->site : NULL;
	site->now = new ? new->site : NULL;
	if (old && new)
		site->pairing = old->key.key == new->key.key ? PAIRING_FINGERPRINT
							     : PAIRING_LIKENESS;
	return error;
}

static int add_pairs(struct comparison_program *program, const struct half *base,
		     const struct half *now)
{
	size_t base_count = HASH_COUNT(base->groups), now_count = HASH_COUNT(now->groups);
	int error = 0;

	program->sites = calloc(base_count + now_count + 1, sizeof(program->sites[0]));
	if (!program->sites)
		return -ENOMEM;
	for (size_t i = 0; !error && i < now_count; i++) {
		size_t partner = now->items[i].partner;

		error = add_pair(program, base, now,
				 partner == SITEMATCH_NONE ? NULL : base->by_place[partner],
				 now->by_place[i]);
	}
	for (size_t i = 0; !error && i < base_count; i++)
		if (base->items[i].partner == SITEMATCH_NONE)
			error = add_pair(program, base, now, base->by_place[i], NULL);
	return error;
}

static int program_bands(struct comparison_program *program, const struct half *base,
			 const struct half *now)
{
	size_t runs = base->side->count + now->side->count;
	double *values = calloc(runs + 1, sizeof(*values));

	for (unsigned m = 0; values && m < MEASURES; m++) {
		program->base_bands[m] = band_of_total(base, m, values);
		program->now_bands[m] = band_of_total(now, m, values);
	}
	free(values);
	return values ? 0 : -ENOMEM;
}

static int compare_program(struct comparison_program *program, struct half *base,
			   struct half *now)
{
	struct matchkeys *keys = matchkeys_new();
	int error = keys ? 0 : -ENOMEM;

	if (!error)
		error = half_fill(base, keys, &program->base_exe, &program->base_processes);
	if (!error)
		error = half_fill(now, keys, &program->now_exe, &program->now_processes);
	if (!error)
		error = program_bands(program, base, now);
	if (!error) {
		pair_equal_keys(base, now);
		error = sitematch_pair(base->items, HASH_COUNT(base->groups), now->items,
				       HASH_COUNT(now->groups), matchkeys_names(keys));
	}
	if (!error)
		error = add_pairs(program, base, now);
	program->name = now->name ? now->name : base->name;
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
			const char *name = base_name(side->runs[i].processes[j].exe);

			if (!has_name(names, name))
				names->items[names->count++] = name;
		}
	}
	return 0;
}

static int add_program(struct comparison *comparison, const struct side *base,
		       const char *base_name_of, const struct side *now,
		       const char *now_name)
{
	struct half left = {.side = base, .name = base_name_of};
	struct half right = {.side = now, .name = now_name};
	int error =
		compare_program(&comparison->programs[comparison->count++], &left, &right);

	half_done(&left);
	half_done(&right);
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

static double delta(const struct band *base, const struct band *now)
{
	return base->runs && now->runs ? now->median - base->median : 0;
}

double comparison_site_delta(const struct comparison_site *site, enum measure measure)
{
	return delta(&site->base_bands[measure], &site->now_bands[measure]);
}

double comparison_program_delta(const struct comparison_program *program,
				enum measure measure)
{
	return delta(&program->base_bands[measure], &program->now_bands[measure]);
}
