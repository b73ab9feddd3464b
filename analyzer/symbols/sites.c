/* SPDX-License-Identifier: MIT */
#include "sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "calltree.h"
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
	case SITES_BY_PINNED:
		return (double)site->pinned_exclusive_bytes + site->pinned_shared_bytes;
	case SITES_BY_ALLOCATED:
		return (double)site->allocated_bytes;
	case SITES_BY_TEMPORARY:
		return (double)site->temporary;
	}
	return 0;
}

static uint64_t fnv1a(uint64_t hash, const char *text)
{
	size_t bytes = strlen(text) + 1; /* the zero byte parts the names */
	size_t i;

	for (i = 0; i < bytes; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ull;
	return hash;
}

static uint64_t fingerprint(const struct calltree *tree, uint32_t node)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	while (node >= CALLTREE_FIRST) {
		const struct callnode *frame = calltree_at(tree, node);

		hash = fnv1a(hash, frame->function ? frame->function : "?");
		hash = fnv1a(hash, frame->module_key ? frame->module_key : "?");
		node = calltree_caller(tree, node, false);
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

static int counts(const struct profile_site *site, enum sites_order order)
{
	switch (order) {
	case SITES_BY_PEAK:
		return site->peak_blocks > 0;
	case SITES_BY_LIVE:
		return site->live_blocks > 0;
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
	size_t i;

	for (i = 0; i < profile->sites_count; i++) {
		const struct profile_site *from = &profile->sites[i];
		struct site *site;
		uint32_t node, shown;
		int error;

		if (!counts(from, order))
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
	}
	return 0;
}
