/* SPDX-License-Identifier: MIT */
#include "sitematch.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What doing the same work adds to a likeness. */
#define SAME_WORK 0.1
/* Scores that differ by less are equal. */
#define EQUAL 1e-9

struct edge {
	uint32_t base, now;
	double score;
};

struct pairing_work {
	struct sitematch_item *base, *now;
	size_t base_count, now_count, names;
	double *weights;    /* by name */
	uint32_t *firsts;   /* by name: where its items begin in holders; one more */
	uint32_t *holders;  /* items of the new side without a partner */
	uint32_t *compared; /* by item of the new side: with which of the base, plus 1 */
	struct edge *edges;
	size_t edges_count, edges_room;
};

/* ---- Likeness ----------------------------------------------------------------------- */

static double weight_of(const struct matchkey *key, const double *weights)
{
	double sum = 0;

	for (size_t i = 0; i < key->count; i++)
		sum += weights[key->names[i]];
	return sum;
}

/* What two frames of one family share: another instance of a template half of it. */
static double shared(const struct matchkey *a, size_t i, const struct matchkey *b, size_t j,
		     const double *weights)
{
	if (a->names[i] == b->names[j])
		return weights[a->names[i]];
	return fmin(weights[a->names[i]], weights[b->names[j]]) / 2;
}

double sitematch_likeness(const struct matchkey *a, const struct matchkey *b,
			  const double *weights)
{
	/* rows[j]: the most that the frames of a so far and the first j of b share */
	double rows[2][MATCHKEY_NAMES_MAX + 1] = {{0}};
	double whole = weight_of(a, weights) + weight_of(b, weights);

	for (size_t i = 0; i < a->count; i++) {
		const double *before = rows[i % 2];
		double *now = rows[(i + 1) % 2];

		now[0] = 0;
		for (size_t j = 0; j < b->count; j++) {
			now[j + 1] = fmax(before[j + 1], now[j]);
			if (a->families[i] == b->families[j])
				now[j + 1] = fmax(now[j + 1],
						  before[j] + shared(a, i, b, j, weights));
		}
	}
	return whole > 0 ? 2 * rows[a->count % 2][b->count] / whole : 0;
}

static bool has_family(const struct matchkey *key, uint32_t family)
{
	for (size_t i = 0; i < key->count; i++)
		if (key->families[i] == family)
			return true;
	return false;
}

static bool contradict(const struct matchkey *a, const struct matchkey *b)
{
	return a->count == 0 || b->count == 0 ||
	       (!has_family(a, b->families[0]) && !has_family(b, a->families[0]));
}

/* 1 where both are the same, nearer to 0 the farther apart they are. */
static double closeness(double a, double b)
{
	if (isnan(a) || isnan(b))
		return 0;
	return a == b ? 1 : fmin(a, b) / fmax(a, b);
}

/* ---- Who might be whose ------------------------------------------------------------- */

/* Whether this is the first frame of the key with its name. */
static bool is_first(const struct matchkey *key, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (key->names[j] == key->names[i])
			return false;
	return true;
}

static void count_names(const struct sitematch_item *items, size_t count, double *counts)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < items[i].key->count; j++)
			if (is_first(items[i].key, j))
				counts[items[i].key->names[j]]++;
}

static void weigh(struct pairing_work *work)
{
	double all = (double)(work->base_count + work->now_count) + 1;

	count_names(work->base, work->base_count, work->weights);
	count_names(work->now, work->now_count, work->weights);
	for (size_t i = 0; i < work->names; i++)
		work->weights[i] = work->weights[i] > 0 ? -log2(work->weights[i] / all) : 0;
}

/* Fills in who of the new side has which name. */
static int index_holders(struct pairing_work *work)
{
	size_t sum = 0;

	for (int fill = 0; fill < 2; fill++) {
		for (size_t i = 0; i < work->now_count; i++) {
			const struct matchkey *key = work->now[i].key;

			if (work->now[i].partner != SITEMATCH_NONE)
				continue;
			for (size_t j = 0; j < key->count; j++) {
				if (!is_first(key, j))
					continue;
				if (fill)
					work->holders[work->firsts[key->names[j] + 1]++] =
						(uint32_t)i;
				else
					work->firsts[key->names[j] + 2]++;
			}
		}
		if (fill)
			break;
		/* Counts become beginnings, one place on: filling moves them to theirs. */
		for (size_t i = 0; i < work->names + 2; i++) {
			sum += work->firsts[i];
			work->firsts[i] = (uint32_t)sum;
		}
		work->holders = calloc(sum + 1, sizeof(work->holders[0]));
		if (!work->holders)
			return -ENOMEM;
	}
	return 0;
}

static int add_edge(struct pairing_work *work, uint32_t base, uint32_t now)
{
	const struct sitematch_item *a = &work->base[base], *b = &work->now[now];
	double likeness;

	if (contradict(a->key, b->key))
		return 0;
	likeness = sitematch_likeness(a->key, b->key, work->weights);
	if (likeness < SITEMATCH_LEAST)
		return 0;
	if (work->edges_count == work->edges_room) {
		size_t room = work->edges_room ? 2 * work->edges_room : 256;
		struct edge *moved = realloc(work->edges, room * sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		work->edges = moved;
		work->edges_room = room;
	}
	work->edges[work->edges_count++] = (struct edge){
		.base = base,
		.now = now,
		.score = likeness + SAME_WORK * (closeness(a->allocations, b->allocations) +
						 closeness(a->allocated, b->allocated)),
	};
	return 0;
}

static int find_edges(struct pairing_work *work)
{
	for (uint32_t i = 0; i < work->base_count; i++) {
		const struct matchkey *key = work->base[i].key;

		if (work->base[i].partner != SITEMATCH_NONE)
			continue;
		for (size_t j = 0; j < key->count; j++) {
			uint32_t first = work->firsts[key->names[j]];
			uint32_t end = work->firsts[key->names[j] + 1];

			if (end - first > SITEMATCH_CANDIDATES)
				continue;
			for (; first < end; first++) {
				uint32_t now = work->holders[first];
				int error;

				if (work->compared[now] == i + 1)
					continue;
				work->compared[now] = i + 1;
				error = add_edge(work, i, now);
				if (error)
					return error;
			}
		}
	}
	return 0;
}

/* ---- Pairs -------------------------------------------------------------------------- */

static int best_first(const void *left, const void *right)
{
	const struct edge *a = left, *b = right;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return (a->now > b->now) - (a->now < b->now);
}

/* Of edges of one score: pairs what has one such edge on both its ends; what has several is
 * ambiguous, and stays alone. tally_x: by item, how many edges; TAKEN: it is out. */
#define TAKEN UINT32_MAX

static void pair_equals(struct pairing_work *work, size_t begin, size_t end,
			uint32_t *tally_base, uint32_t *tally_now)
{
	for (size_t i = begin; i < end; i++) {
		const struct edge *e = &work->edges[i];

		if (tally_base[e->base] != TAKEN && tally_now[e->now] != TAKEN) {
			tally_base[e->base]++;
			tally_now[e->now]++;
		}
	}
	for (size_t i = begin; i < end; i++) {
		const struct edge *e = &work->edges[i];

		if (tally_base[e->base] == 1 && tally_now[e->now] == 1) {
			work->base[e->base].partner = e->now;
			work->now[e->now].partner = e->base;
		}
	}
	for (size_t i = begin; i < end; i++) {
		const struct edge *e = &work->edges[i];

		if (tally_base[e->base] > 0)
			tally_base[e->base] = TAKEN;
		if (tally_now[e->now] > 0)
			tally_now[e->now] = TAKEN;
	}
}

static int pair_edges(struct pairing_work *work)
{
	uint32_t *tally_base = calloc(work->base_count + 1, sizeof(*tally_base));
	uint32_t *tally_now = calloc(work->now_count + 1, sizeof(*tally_now));
	size_t begin = 0, end;

	if (tally_base && tally_now) {
		if (work->edges_count)
			qsort(work->edges, work->edges_count, sizeof(work->edges[0]),
			      best_first);
		for (; begin < work->edges_count; begin = end) {
			double least = work->edges[begin].score - EQUAL;

			for (end = begin + 1;
			     end < work->edges_count && work->edges[end].score >= least;)
				end++;
			pair_equals(work, begin, end, tally_base, tally_now);
		}
	}
	free(tally_base);
	free(tally_now);
	return tally_base && tally_now ? 0 : -ENOMEM;
}

int sitematch_pair(struct sitematch_item *base, size_t base_count,
		   struct sitematch_item *now, size_t now_count, size_t names)
{
	struct pairing_work work = {
		.base = base,
		.now = now,
		.base_count = base_count,
		.now_count = now_count,
		.names = names,
	};
	int error = -ENOMEM;

	if (base_count > UINT32_MAX / 2 || now_count > UINT32_MAX / 2)
		return -ENOMEM;
	work.weights = calloc(names + 1, sizeof(work.weights[0]));
	work.firsts = calloc(names + 3, sizeof(work.firsts[0]));
	work.compared = calloc(now_count + 1, sizeof(work.compared[0]));
	if (!work.weights || !work.firsts || !work.compared)
		goto out;
	weigh(&work);
	error = index_holders(&work);
	if (!error)
		error = find_edges(&work);
	if (!error)
		error = pair_edges(&work);
out:
	free(work.weights);
	free(work.firsts);
	free(work.holders);
	free(work.compared);
	free(work.edges);
	return error;
}
