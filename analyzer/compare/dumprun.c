/* SPDX-License-Identifier: MIT */
#include "dumprun.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calltree.h"
#include "complaint.h"
#include "dumpset.h"
#include "measured.h"
#include "profile.h"
#include "replay.h"
#include "side.h"
#include "sites.h"
#include "snap.h"
#include "suppressions.h"
#include "symbols.h"

/* ---- Sites -------------------------------------------------------------------------- */

static struct measures measures_of_site(const struct site *site,
					const struct profile *profile)
{
	const bool pages = profile->chosen_snapshot != SIZE_MAX;
	const struct profile_amount *definite = &site->leaks[PROFILE_LEAK_DEFINITE];
	struct measures m = measures_unknown();
	double *v = m.values;

	v[MEASURE_PEAK] = (double)site->peak_bytes;
	v[MEASURE_PEAK_BLOCKS] = (double)site->peak_blocks;
	v[MEASURE_LIVE] = (double)site->live_bytes;
	v[MEASURE_LIVE_BLOCKS] = (double)site->live_blocks;
	v[MEASURE_LEAKED] = (double)site->leaked.bytes;
	v[MEASURE_LEAKED_BLOCKS] = (double)site->leaked.blocks;
	v[MEASURE_DEFINITE] = profile->leaks.classified ? (double)definite->bytes : NAN;
	v[MEASURE_DEFINITE_BLOCKS] =
		profile->leaks.classified ? (double)definite->blocks : NAN;
	v[MEASURE_ALLOCATIONS] = (double)site->allocations;
	v[MEASURE_ALLOCATED] = (double)site->allocated_bytes;
	v[MEASURE_TEMPORARY] = (double)site->temporary;
	v[MEASURE_PINNED] =
		pages ? (double)site->pinned_exclusive_bytes + site->pinned_shared_bytes
		      : NAN;
	return m;
}

static int frames_of_site(const struct calltree *tree, const struct site *from,
			  struct measured_site *site)
{
	uint32_t node;
	size_t i = 0;

	for (node = from->node; node >= CALLTREE_FIRST;
	     node = calltree_caller(tree, node, true))
		site->frames_count++;
	site->frames = calloc(site->frames_count + 1, sizeof(site->frames[0]));
	if (!site->frames)
		return -ENOMEM;
	for (node = from->node; node >= CALLTREE_FIRST;
	     node = calltree_caller(tree, node, true), i++) {
		const struct callnode *frame = calltree_at(tree, node);

		site->frames[i] = (struct measured_frame){
			.function = frame->function,
			.file = frame->file,
			.module = frame->module,
			.line = frame->line,
			.address = frame->address,
			.inlined = frame->inlined,
		};
		if (node == from->shown)
			site->shown_begin = i;
		if (node == from->shown || !frame->startup)
			site->shown_end = i + 1;
	}
	return 0;
}

static int take_sites(const struct sites *sites, const struct calltree *tree,
		      const struct profile *profile, struct measured_process *process)
{
	process->sites = calloc(sites->count + 1, sizeof(process->sites[0]));
	if (!process->sites)
		return -ENOMEM;
	for (size_t i = 0; i < sites->count; i++) {
		struct measured_site *site = &process->sites[process->sites_count++];
		int error = frames_of_site(tree, &sites->items[i], site);

		if (error)
			return error;
		site->id = sites->items[i].fingerprint;
		site->leak_kind = sites_gravest_leak(&sites->items[i]);
		site->measures = measures_of_site(&sites->items[i], profile);
	}
	return 0;
}

/* ---- Modules ------------------------------------------------------------------------ */

/* Pooled, in hexadecimal digits. Returns 0 and sets *ret_text, NULL where there is none;
 * or -ENOMEM. */
static int build_id_of(const struct profile_module *module, struct symbols *symbols,
		       const char **ret_text)
{
	char digits[2 * sizeof(module->build_id) + 1] = "";

	*ret_text = NULL;
	if (module->build_id_bytes == 0)
		return 0;
	for (size_t i = 0; i < module->build_id_bytes; i++)
		snprintf(digits + 2 * i, 3, "%02x", module->build_id[i]);
	*ret_text = symbols_string(symbols, digits);
	return *ret_text ? 0 : -ENOMEM;
}

static int take_modules(const struct profile *profile, struct symbols *symbols,
			struct measured_process *process)
{
	process->modules = calloc(profile->modules_count + 1, sizeof(process->modules[0]));
	if (!process->modules)
		return -ENOMEM;
	for (size_t i = 0; i < profile->modules_count; i++) {
		struct measured_module *module = &process->modules[i];
		int error = build_id_of(&profile->modules[i], symbols, &module->build_id);

		module->path = symbols_string(symbols, profile->modules[i].path);
		if (error || !module->path)
			return -ENOMEM;
		process->modules_count++;
	}
	return 0;
}

/* ---- The process -------------------------------------------------------------------- */

static void take_snapshots(const struct profile *profile, double *v)
{
	const struct profile_snapshot *chosen;

	for (size_t i = 0; i < profile->snapshots_count; i++) {
		const struct profile_snapshot *s = &profile->snapshots[i];

		v[MEASURE_RESIDENT] = fmax(v[MEASURE_RESIDENT], (double)s->resident_bytes);
		v[MEASURE_RSS] = fmax(v[MEASURE_RSS], (double)s->rss_bytes);
	}
	if (profile->chosen_snapshot == SIZE_MAX)
		return;
	chosen = &profile->snapshots[profile->chosen_snapshot];
	v[MEASURE_PINNED] = (double)chosen->pinned_bytes;
	if (chosen->resident_bytes > 0)
		v[MEASURE_FRAGMENTATION] = 1 - (double)chosen->requested_bytes /
						       (double)chosen->resident_bytes;
}

static struct measures measures_of_process(const struct profile *profile)
{
	const struct profile_leaks *leaks = &profile->leaks;
	const struct profile_amount *definite = &leaks->totals[PROFILE_LEAK_DEFINITE];
	struct profile_amount leaked = profile_leaked(leaks, leaks->totals);
	struct measures m = measures_unknown();
	double *v = m.values;

	v[MEASURE_PEAK] = (double)profile->peak_bytes;
	v[MEASURE_PEAK_BLOCKS] = (double)profile->peak_blocks;
	v[MEASURE_LIVE] = (double)profile->live_bytes;
	v[MEASURE_LIVE_BLOCKS] = (double)profile->live_blocks;
	v[MEASURE_LEAKED] = (double)leaked.bytes;
	v[MEASURE_LEAKED_BLOCKS] = (double)leaked.blocks;
	v[MEASURE_DEFINITE] = leaks->classified ? (double)definite->bytes : NAN;
	v[MEASURE_DEFINITE_BLOCKS] = leaks->classified ? (double)definite->blocks : NAN;
	v[MEASURE_ALLOCATIONS] = (double)profile->allocations;
	v[MEASURE_ALLOCATED] = (double)profile->allocated_bytes;
	v[MEASURE_TEMPORARY] = (double)profile->temporary_allocations;
	take_snapshots(profile, v);
	return m;
}

static struct suppressions *built_in(void)
{
	struct suppressions *set = suppressions_new();

	if (set && suppressions_add_defaults(set)) {
		suppressions_free(set);
		return NULL;
	}
	return set;
}

static int suppress(struct suppressions *wished, const struct calltree *tree,
		    struct calltree_view *view, struct profile *profile)
{
	struct suppressions *own = wished ? NULL : built_in();
	struct suppressions *set = wished ? wished : own;
	int error = set ? suppressions_apply(set, tree, view, profile) : -ENOMEM;

	suppressions_free(own);
	return error;
}

/* Why the recording is not whole; with `force` it passes for a whole one. */
static const char *lacks(const struct profile *profile, bool force)
{
	if (force)
		return NULL;
	if (profile->leaks.doubt)
		return profile->leaks.doubt;
	return profile->header.paused_events > 0 ? MEASURED_PAUSED : NULL;
}

static int reduce(struct profile *profile, const struct side_wish *wish,
		  struct symbols *symbols, struct measured_process *process)
{
	struct calltree *tree = calltree_new(symbols);
	struct calltree_view *view = tree ? calltree_view_new(tree, profile) : NULL;
	struct sites sites;
	int error = -ENOMEM;

	sites_init(&sites);
	if (!view)
		goto out;
	process->exe = symbols_string(symbols, profile->exe);
	process->dump = symbols_string(symbols, profile->dump_path);
	if (!process->exe || !process->dump)
		goto out;
	error = suppress(wish->suppressions, tree, view, profile);
	if (!error)
		error = sites_add(&sites, tree, view, profile, SITES_BY_ALLOCATED);
	if (error)
		goto out;
	sites_sort(&sites, SITES_BY_ALLOCATED);
	process->pid = profile->header.pid;
	process->running = profile->header.state == MFT_STATE_RUNNING;
	process->lacks = lacks(profile, wish->force);
	process->classified = profile->leaks.classified;
	process->measures = measures_of_process(profile);
	error = take_sites(&sites, tree, profile, process);
	if (!error)
		error = take_modules(profile, symbols, process);
out:
	sites_done(&sites);
	calltree_view_free(view);
	calltree_free(tree);
	return error;
}

/* Nothing seen from outside, at an instant: ends the replay there. Returns whether the dump
 * is one whose clock is known; if not, the replay will say why. */
static bool stop_at(const char *path, uint64_t time_ns, struct snap *ret_snap)
{
	static uint8_t nothing[1];
	struct mft_header header;

	if (!dumpset_header(path, &header) || header.clock_unit_ns == 0)
		return false;
	*ret_snap = (struct snap){.records = nothing};
	ret_snap->header.clock = time_ns / header.clock_unit_ns;
	return true;
}

int dumprun_read(const char *path, const struct side_wish *wish, struct symbols *symbols,
		 struct measured_process *ret_process, struct complaint *complaint)
{
	struct replay_wish how = {.moment = {.kind = PROFILE_MOMENT_WORST},
				  .leaks = {.force = wish->force}};
	struct measured_process process = {.exe = NULL};
	struct profile *profile;
	struct snap instant;
	int error;

	if (wish->until_given && stop_at(path, wish->until_ns, &instant))
		how.snap = &instant;
	error = replay_dump_for(path, &how, wish->progress, wish->context, &profile,
				complaint);
	if (error)
		return error;
	error = reduce(profile, wish, symbols, &process);
	profile_free(profile);
	if (error) {
		complaint_set(complaint, "cannot be read: %s", strerror(-error));
		measured_process_done(&process);
		return error;
	}
	*ret_process = process;
	return 0;
}
