/* SPDX-License-Identifier: MIT */
#include "leaks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cycles.h"
#include "graph.h"
#include "holders.h"
#include "losses.h"
#include "lost.h"
#include "model.h"
#include "pointers.h"
#include "profile.h"
#include "reach.h"

/* ---- The accounts ------------------------------------------------------------------- */

struct account {
	const struct leaks_wish *wish;
	const struct pointers *scan;
	struct profile *profile;
	uint64_t unit_ns;
};

static bool is_young(const struct account *account, uint64_t birth)
{
	uint64_t then_ns = birth * account->unit_ns, end_ns = account->profile->duration_ns;
	uint64_t age_ns = end_ns > then_ns ? end_ns - then_ns : 0;

	return age_ns < account->wish->older_than_ns;
}

static void note_time(struct profile_site *site, uint64_t birth_ns, uint32_t thread)
{
	/* Time 0 would mean that there is none. */
	if (birth_ns == 0)
		birth_ns = 1;
	if (site->leak_last_ns == 0) {
		site->leak_first_ns = birth_ns;
		site->leak_thread = thread;
	} else if (birth_ns < site->leak_first_ns) {
		site->leak_first_ns = birth_ns;
	}
	if (birth_ns > site->leak_last_ns)
		site->leak_last_ns = birth_ns;
	if (site->leak_thread != thread)
		site->leak_thread = 0;
}

/* Books a block that is live at the end. Returns the kind that it is booked as. */
static enum profile_leak_kind book(const struct account *account, uint32_t number,
				   uint64_t size, uint64_t birth, uint32_t thread,
				   enum profile_leak_kind kind)
{
	struct profile *profile = account->profile;
	struct profile_site *site = &profile->sites[number];

	if (is_young(account, birth))
		kind = PROFILE_LEAK_YOUNG;
	site->leaks[kind].bytes += size;
	site->leaks[kind].blocks++;
	profile->leaks.totals[kind].bytes += size;
	profile->leaks.totals[kind].blocks++;
	if (kind != PROFILE_LEAK_REACHABLE && kind != PROFILE_LEAK_YOUNG)
		note_time(site, birth * account->unit_ns, thread);
	return kind;
}

/* ---- Without a scan ----------------------------------------------------------------- */

static void book_unfreed(const struct account *account, const struct blocks *blocks)
{
	for (size_t i = 0; i < blocks_slots(blocks); i++) {
		const struct block *block = &blocks->slots[i];

		if (block->address != 0)
			book(account, block->site, block->size, block->birth, block->thread,
			     PROFILE_LEAK_UNFREED);
	}
}

/* ---- With a scan -------------------------------------------------------------------- */

static enum profile_leak_kind kind_of(const struct reach *reach, const struct lost *lost,
				      uint32_t block)
{
	if (reach->state[block] == REACH_REACHABLE)
		return PROFILE_LEAK_REACHABLE;
	if (reach->state[block] == REACH_POSSIBLE)
		return PROFILE_LEAK_POSSIBLE;
	return lost->is_head[lost->number[block]] ? PROFILE_LEAK_DEFINITE
						  : PROFILE_LEAK_INDIRECT;
}

/* The kinds of the scan's blocks, of those that are still live; retained sizes. */
static void book_scanned(const struct account *account, const struct model *model,
			 const struct reach *reach, const struct lost *lost, uint8_t *kinds)
{
	const struct pointers *scan = account->scan;

	for (uint32_t i = 0; i < scan->blocks_count; i++) {
		const struct pointers_block *block = &scan->blocks[i];
		const struct block *now = blocks_find(&model->blocks, block->address);
		enum profile_leak_kind kind = kind_of(reach, lost, i);
		struct profile_site *site = &account->profile->sites[block->site];

		kinds[i] = (uint8_t)kind;
		if (!now || now->birth != block->birth)
			continue; /* freed since */
		kind = book(account, block->site, block->size, block->birth, block->thread,
			    kind);
		kinds[i] = (uint8_t)kind;
		if (kind == PROFILE_LEAK_DEFINITE) {
			uint32_t number = lost->number[i];

			site->retained.bytes += lost->retained_bytes[number];
			site->retained.blocks += lost->retained_blocks[number];
		}
	}
}

/* Blocks that were allocated after the scan. */
static void book_unscanned(const struct account *account, const struct model *model)
{
	const struct pointers *scan = account->scan;

	for (size_t i = 0; i < blocks_slots(&model->blocks); i++) {
		const struct block *block = &model->blocks.slots[i];
		size_t known;

		/* Most blocks are older than the scan, and were in it. */
		if (block->address == 0 || block->birth < scan->clock)
			continue;
		known = pointers_find_block(scan, block->address);
		if (known != SIZE_MAX && scan->blocks[known].address == block->address &&
		    scan->blocks[known].birth == block->birth)
			continue;
		book(account, block->site, block->size, block->birth, block->thread,
		     PROFILE_LEAK_UNFREED);
	}
}

static void describe_scan(const struct account *account)
{
	const struct pointers *scan = account->scan;
	struct profile_leaks *to = &account->profile->leaks;

	to->classified = true;
	to->time_ns = scan->clock * account->unit_ns;
	to->scan_ns = scan->duration_ns;
	to->flags = scan->flags;
	to->threads_running = scan->threads_running;
	to->absent_pages = scan->absent_pages;
}

static int classify(const struct account *account, const struct model *model)
{
	const struct pointers *scan = account->scan;
	struct graph graph = {.blocks = 0};
	struct reach reach = {.state = NULL};
	struct lost lost = {.count = 0};
	uint8_t *kinds = NULL;
	/* Blocks that are not known, from before a fork or from a pause, may point to
	 * others. */
	bool has_unknown = account->profile->header.flags & MFT_FLAG_FORKED ||
			   account->profile->header.paused_events > 0;
	int r = graph_init(&graph, scan, profile_is_glibc(account->profile), has_unknown);

	if (r == 0)
		r = reach_init(&reach, &graph);
	if (r == 0)
		r = lost_init(&lost, &graph, &reach);
	if (r == 0)
		r = cycles_find(&lost, &graph, &account->profile->leaks);
	if (r < 0)
		goto out;
	kinds = malloc(scan->blocks_count + 1);
	if (!kinds) {
		r = -ENOMEM;
		goto out;
	}
	describe_scan(account);
	book_scanned(account, model, &reach, &lost, kinds);
	book_unscanned(account, model);
	if (account->wish->blocks)
		r = holders_list(&graph, &reach, &lost, kinds, account->unit_ns,
				 &account->profile->leaks);
out:
	free(kinds);
	lost_done(&lost);
	reach_done(&reach);
	graph_done(&graph);
	return r;
}

int leaks_close(const struct leaks_wish *wish, const struct pointers *scan,
		const struct model *model, uint64_t unit_ns, struct profile *profile)
{
	const struct account account = {wish, scan, profile, unit_ns};

	profile->leaks.older_than_ns = wish->older_than_ns;
	profile->leaks.doubt = losses_of(profile);
	profile->leaks.forced = profile->leaks.doubt && wish->force;
	if (scan && (!profile->leaks.doubt || wish->force))
		return classify(&account, model);
	book_unfreed(&account, &model->blocks);
	return 0;
}
