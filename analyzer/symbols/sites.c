/* SPDX-License-Identifier: MIT */
#include "sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "calltree.h"
#include "fingerprint.h"
#include "profile.h"

struct site_index {
	UT_hash_handle hh;
	uint32_t shown;
	size_t place; /* in items */
};

void sites_init(struct sites *sites)
{
	memset(sites, 0, sizeof(*sites));
}

static void drop_index(struct sites *sites)
{
	struct site_index *entry, *next;

	HASH_ITER (hh, sites->index, entry, next) {
		HASH_DEL(sites->index, entry);
		free(entry);
	}
}

void sites_done(struct sites *sites)
{
	drop_index(sites);
	free(sites->items);
	sites_init(sites);
}

double sites_weight(const struct site *site, enum sites_order order)
{
	switch (order) {
	case SITES_BY_PEAK:
		return (double)site->peak_bytes;
	case SITES_BY_LIVE:
		return (double)site->live_bytes;
	case SITES_BY_LEAKED:
		return (double)site->leaked.bytes;
	case SITES_BY_RETAINED:
		return (double)site->retained.bytes;
	case SITES_BY_INDIRECT:
		return (double)site->leaks[PROFILE_LEAK_INDIRECT].bytes;
	case SITES_BY_POSSIBLE:
		return (double)site->leaks[PROFILE_LEAK_POSSIBLE].bytes;
	case SITES_BY_REACHABLE:
		return (double)site->leaks[PROFILE_LEAK_REACHABLE].bytes;
	case SITES_BY_GROWTH:
		return site->trend.bytes_per_s;
	case SITES_BY_PINNED:
		return (double)site->pinned_exclusive_bytes + site->pinned_shared_bytes;
	case SITES_BY_ALLOCATED:
		return (double)site->allocated_bytes;
	case SITES_BY_TEMPORARY:
		return (double)site->temporary;
	}
	return 0;
}

static bool all_runtime(const struct calltree *tree, uint32_t node)
{
	for (; node >= CALLTREE_FIRST; node = calltree_caller(tree, node, false))
		if (!calltree_at(tree, node)->runtime)
			return false;
	return true;
}

static bool same_function(const struct callnode *a, const struct callnode *b)
{
	return a && a->function_key && a->function_key == b->function_key &&
	       a->module_key == b->module_key;
}

static uint64_t fingerprint(const struct calltree *tree, uint32_t node)
{
	const bool keep_runtime = all_runtime(tree, node);
	const struct callnode *before = NULL;
	uint64_t hash = FINGERPRINT_EMPTY;

	for (; node >= CALLTREE_FIRST; node = calltree_caller(tree, node, false)) {
		const struct callnode *frame = calltree_at(tree, node);

		if ((frame->runtime && !keep_runtime) || same_function(before, frame))
			continue;
		hash = fingerprint_add(hash, frame->function_key, frame->module_key);
		before = frame;
	}
	return hash;
}

static int compare_sites(const struct site *a, const struct site *b, enum sites_order order)
{
	double a_weight = sites_weight(a, order), b_weight = sites_weight(b, order);

	if (a_weight != b_weight)
		return a_weight > b_weight ? -1 : 1;
	if (a->allocated_bytes != b->allocated_bytes)
		return a->allocated_bytes > b->allocated_bytes ? -1 : 1;
	if (a->fingerprint != b->fingerprint)
		return a->fingerprint < b->fingerprint ? -1 : 1;
	return a->shown < b->shown ? -1 : a->shown > b->shown;
}

static int compare_with_order(const void *a, const void *b, void *order)
{
	return compare_sites(a, b, *(enum sites_order *)order);
}

void sites_sort(struct sites *sites, enum sites_order order)
{
	drop_index(sites); /* places change */
	if (sites->count)
		qsort_r(sites->items, sites->count, sizeof(sites->items[0]),
			compare_with_order, &order);
}

/* The site shown as `shown`, made where it is new. Returns NULL: memory is short. */
static struct site *site_for(struct sites *sites, uint32_t shown)
{
	struct site_index *entry = NULL;

	HASH_FIND(hh, sites->index, &shown, sizeof(shown), entry);
	if (entry)
		return &sites->items[entry->place];
	if (sites->count == sites->room) {
		size_t room = sites->room ? 2 * sites->room : 256;
		struct site *moved = realloc(sites->items, room * sizeof(*moved));

		if (!moved)
			return NULL;
		sites->items = moved;
		sites->room = room;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->shown = shown;
	entry->place = sites->count;
	HASH_ADD(hh, sites->index, shown, sizeof(entry->shown), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	memset(&sites->items[sites->count], 0, sizeof(sites->items[0]));
	return &sites->items[sites->count++];
}

static void add_up(struct site *site, const struct profile_site *more)
{
	site->allocations += more->allocations;
	site->allocated_bytes += more->allocated_bytes;
	site->live_blocks += more->live_blocks;
	site->live_bytes += more->live_bytes;
	site->peak_blocks += more->peak_blocks;
	site->peak_bytes += more->peak_bytes;
	site->temporary += more->temporary;
	site->freed += more->freed;
	site->lifetime_ns_sum += more->lifetime_ns_sum;
	site->failed += more->failed;
	site->pinned_exclusive_bytes += more->pinned_exclusive_bytes;
	site->pinned_shared_bytes += more->pinned_shared_bytes;
	site->pinned_pages += more->pinned_pages;
	site->pinning_blocks += more->pinning_blocks;
	if (more->pinning_oldest_ns > site->pinning_oldest_ns)
		site->pinning_oldest_ns = more->pinning_oldest_ns;
	site->pinning_age_ns_sum += more->pinning_age_ns_sum;
	site->pinned_huge_exclusive_bytes += more->pinned_huge_exclusive_bytes;
	site->pinned_byte_seconds += more->pinned_byte_seconds;
}

static void add_trend(struct profile_trend *trend, const struct profile_trend *more)
{
	double slope = trend->bytes_per_s + more->bytes_per_s;
	uint64_t grown = trend->grown_bytes + more->grown_bytes;

	if (!more->steady)
		return;
	if (!trend->steady) {
		*trend = *more;
		return;
	}
	/* Bounds of a sum are not the sums of bounds, but enclose it. */
	trend->low += more->low;
	trend->high += more->high;
	if (more->p > trend->p)
		trend->p = more->p;
	trend->bytes_per_s = slope;
	trend->grown_bytes = grown;
}

static void add_amount(struct profile_amount *to, const struct profile_amount *more)
{
	to->bytes += more->bytes;
	to->blocks += more->blocks;
}

static void add_leaks(struct site *site, const struct profile_site *more,
		      const struct profile_leaks *leaks)
{
	struct profile_amount leaked = profile_leaked(leaks, more->leaks);

	for (unsigned kind = 0; kind < PROFILE_LEAK_KINDS; kind++)
		add_amount(&site->leaks[kind], &more->leaks[kind]);
	add_amount(&site->leaked, &leaked);
	add_amount(&site->retained, &more->retained);
	add_trend(&site->trend, &more->trend);
	if (more->leak_last_ns == 0)
		return;
	if (site->leak_last_ns == 0) {
		site->leak_first_ns = more->leak_first_ns;
		site->leak_thread = more->leak_thread;
	}
	if (more->leak_first_ns < site->leak_first_ns)
		site->leak_first_ns = more->leak_first_ns;
	if (more->leak_last_ns > site->leak_last_ns)
		site->leak_last_ns = more->leak_last_ns;
	if (site->leak_thread != more->leak_thread)
		site->leak_thread = 0;
}

static int counts(const struct profile_leaks *leaks, const struct profile_site *site,
		  enum sites_order order)
{
	switch (order) {
	case SITES_BY_PEAK:
		return site->peak_blocks > 0;
	case SITES_BY_LIVE:
		return site->live_blocks > 0;
	case SITES_BY_LEAKED:
		return profile_leaked(leaks, site->leaks).blocks > 0;
	case SITES_BY_RETAINED:
		return site->leaks[PROFILE_LEAK_DEFINITE].blocks > 0;
	case SITES_BY_INDIRECT:
		return site->leaks[PROFILE_LEAK_INDIRECT].blocks > 0;
	case SITES_BY_POSSIBLE:
		return site->leaks[PROFILE_LEAK_POSSIBLE].blocks > 0;
	case SITES_BY_REACHABLE:
		return site->leaks[PROFILE_LEAK_REACHABLE].blocks > 0;
	case SITES_BY_GROWTH:
		return site->trend.steady;
	case SITES_BY_PINNED:
		return site->pinned_exclusive_bytes > 0 || site->pinned_shared_bytes > 0;
	case SITES_BY_ALLOCATED:
		return 1;
	case SITES_BY_TEMPORARY:
		return site->temporary > 0;
	}
	return 0;
}

int sites_fingerprint(const struct calltree *tree, struct calltree_view *view,
		      const struct profile_site *site, uint64_t *ret_fingerprint)
{
	uint32_t node;
	int error = calltree_node(view, site->frame, &node);

	if (!error)
		*ret_fingerprint = fingerprint(tree, calltree_trimmed(tree, node));
	return error;
}

int sites_add(struct sites *sites, const struct calltree *tree, struct calltree_view *view,
	      const struct profile *profile, enum sites_order order)
{
	int error = 0;
	size_t i;

	for (i = 0; i < profile->sites_count && !error; i++) {
		if (counts(&profile->leaks, &profile->sites[i], order))
			error = calltree_want(view, profile->sites[i].frame);
	}
	if (error)
		return error;
	for (i = 0; i < profile->sites_count; i++) {
		const struct profile_site *from = &profile->sites[i];
		struct site *site;
		uint32_t node, shown;

		if (!counts(&profile->leaks, from, order))
			continue;
		error = calltree_node(view, from->frame, &node);
		if (error)
			return error;
		shown = calltree_trimmed(tree, node);
		site = site_for(sites, shown);
		if (!site)
			return -ENOMEM;
		if (site->allocations == 0 && site->failed == 0) {
			site->node = node;
			site->shown = shown;
			site->op = from->op;
			site->fingerprint = fingerprint(tree, shown);
		}
		add_up(site, from);
		add_leaks(site, from, &profile->leaks);
	}
	return 0;
}

const char *sites_gravest_leak(const struct site *site)
{
	static const enum profile_leak_kind gravest_first[] = {
		PROFILE_LEAK_DEFINITE, PROFILE_LEAK_POSSIBLE,  PROFILE_LEAK_INDIRECT,
		PROFILE_LEAK_UNFREED,  PROFILE_LEAK_REACHABLE, PROFILE_LEAK_SUPPRESSED,
		PROFILE_LEAK_YOUNG,
	};

	for (size_t i = 0; i < sizeof(gravest_first) / sizeof(gravest_first[0]); i++)
		if (site->leaks[gravest_first[i]].blocks > 0)
			return profile_leak_name(gravest_first[i]);
	return NULL;
}
