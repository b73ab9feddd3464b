/* SPDX-License-Identifier: MIT */
#include "programside.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pathname.h"
#include "side.h"

void programside_init(struct programside *program, const struct side *side,
		      const char *name)
{
	memset(program, 0, sizeof(*program));
	program->side = side;
	program->name = name;
}

static void group_free(struct sitegroup *group)
{
	free(group->key.names);
	free(group->values);
	free(group);
}

void programside_done(struct programside *program)
{
	struct sitegroup *group, *next;

	HASH_ITER (hh, program->groups, group, next) {
		HASH_DEL(program->groups, group);
		group_free(group);
	}
	free(program->totals);
	free(program->by_place);
	free(program->items);
}

static bool is_of(const struct programside *program, const struct measured_process *process)
{
	return program->name && strcmp(pathname_base(process->exe), program->name) == 0;
}

int programside_learn(const struct programside *program, struct matchkeys *keys)
{
	for (size_t run = 0; run < program->side->count; run++) {
		const struct measured_run *from = &program->side->runs[run];

		for (size_t i = 0; i < from->count; i++) {
			int error = is_of(program, &from->processes[i])
					    ? matchkeys_learn(keys, &from->processes[i])
					    : 0;

			if (error)
				return error;
		}
	}
	return 0;
}

/* ---- Groups ------------------------------------------------------------------------- */

/* Nothing, as far as it is known in each run. */
static void start_values(const struct programside *program, double *values)
{
	for (size_t run = 0; run < program->side->count; run++)
		for (unsigned m = 0; m < MEASURES_OF_SITES; m++)
			values[run * MEASURES_OF_SITES + m] =
				isnan(program->totals[run].values[m]) ? NAN : 0;
}

/* Takes key.names over. Returns NULL: memory is short. */
static struct sitegroup *group_of(struct programside *program, struct matchkey *key,
				  const struct measured_site *site)
{
	size_t values = program->side->count * MEASURES_OF_SITES;
	struct sitegroup *group = NULL;

	HASH_FIND(hh, program->groups, &key->key, sizeof(key->key), group);
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
	group->place = program->groups_count;
	group->values = calloc(values, sizeof(group->values[0]));
	if (group->values) {
		start_values(program, group->values);
		HASH_ADD(hh, program->groups, key.key, sizeof(group->key.key), group);
	}
	if (!group->values || !group->hh.tbl) {
		group_free(group);
		return NULL;
	}
	program->groups_count++;
	return group;
}

static int add_process(struct programside *program, struct matchkeys *keys, size_t run,
		       const struct measured_process *process)
{
	for (size_t i = 0; i < process->sites_count; i++) {
		const struct measured_site *site = &process->sites[i];
		struct sitegroup *group;
		struct matchkey key;
		int error = matchkeys_make(keys, process, site, &key);

		if (error)
			return error;
		group = group_of(program, &key, site);
		if (!group)
			return -ENOMEM;
		for (unsigned m = 0; m < MEASURES_OF_SITES; m++)
			if (!isnan(site->measures.values[m]))
				group->values[run * MEASURES_OF_SITES + m] +=
					site->measures.values[m];
	}
	return 0;
}

/* ---- The program -------------------------------------------------------------------- */

/* What the program has in a run; in one that it is not in, nothing. */
static void add_totals(struct programside *program, size_t run)
{
	const struct measured_run *from = &program->side->runs[run];
	struct measures *totals = &program->totals[run];
	size_t processes = 0;

	*totals = measures_unknown();
	for (size_t i = 0; i < from->count; i++) {
		if (!is_of(program, &from->processes[i]))
			continue;
		processes++;
		measures_add(totals, &from->processes[i].measures);
		if (!program->exe)
			program->exe = from->processes[i].exe;
	}
	for (unsigned m = 0; processes == 0 && m < MEASURES; m++)
		totals->values[m] = m == MEASURE_FRAGMENTATION ? NAN : 0;
	if (processes > program->processes)
		program->processes = processes;
}

static int list_groups(struct programside *program)
{
	struct sitegroup *group, *next;

	program->by_place = calloc(program->groups_count + 1, sizeof(program->by_place[0]));
	program->items = calloc(program->groups_count + 1, sizeof(program->items[0]));
	if (!program->by_place || !program->items)
		return -ENOMEM;
	HASH_ITER (hh, program->groups, group, next) {
		const double *v = group->site->measures.values;

		program->by_place[group->place] = group;
		program->items[group->place] = (struct sitematch_item){
			.key = &group->key,
			.allocations = v[MEASURE_ALLOCATIONS],
			.allocated = v[MEASURE_ALLOCATED],
			.partner = SITEMATCH_NONE,
		};
	}
	return 0;
}

int programside_fill(struct programside *program, struct matchkeys *keys)
{
	size_t runs = program->side->count;

	program->totals = calloc(runs + 1, sizeof(program->totals[0]));
	if (!program->totals)
		return -ENOMEM;
	for (size_t run = 0; run < runs; run++)
		add_totals(program, run);
	for (size_t run = 0; run < runs; run++) {
		const struct measured_run *from = &program->side->runs[run];

		for (size_t i = 0; i < from->count; i++) {
			const struct measured_process *process = &from->processes[i];
			int error = is_of(program, process)
					    ? add_process(program, keys, run, process)
					    : 0;

			if (error)
				return error;
		}
	}
	return list_groups(program);
}

/* ---- Bands -------------------------------------------------------------------------- */

int programside_bands(const struct programside *program, struct band bands[MEASURES])
{
	size_t runs = program->side->count;
	double *values = calloc(runs + 1, sizeof(*values));

	for (unsigned m = 0; values && m < MEASURES; m++) {
		for (size_t run = 0; run < runs; run++)
			values[run] = program->totals[run].values[m];
		bands[m] = band_of(values, runs);
	}
	free(values);
	return values ? 0 : -ENOMEM;
}

int programside_site_bands(const struct programside *program, const struct sitegroup *group,
			   struct band bands[MEASURES_OF_SITES])
{
	size_t runs = program->side->count;
	double *nothing = calloc(runs * MEASURES_OF_SITES + 1, sizeof(*nothing));
	double *column = calloc(runs + 1, sizeof(*column));
	const double *values = group ? group->values : nothing;

	if (nothing && column) {
		start_values(program, nothing);
		for (unsigned m = 0; m < MEASURES_OF_SITES; m++) {
			for (size_t run = 0; run < runs; run++)
				column[run] = values[run * MEASURES_OF_SITES + m];
			bands[m] = band_of(column, runs);
		}
	}
	free(nothing);
	free(column);
	return nothing && column ? 0 : -ENOMEM;
}
