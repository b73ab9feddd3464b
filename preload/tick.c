/* SPDX-License-Identifier: MIT */
#include "tick.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "maps.h"
#include "process.h"
#include "sys.h"

/* So many ticks have to be kept up with before a candidate is believed. */
#define TRIAL_TICKS 8u

#define CANDIDATES_MOST 8u

/* No time is this, so no thread remembers it. */
static const uint64_t no_words[2] = {UINT64_MAX, UINT64_MAX};

const uint64_t *tick_words = no_words;

static uint32_t searched; /* atomic */
/* The trial. Taken by exchange; whoever finds it taken leaves it alone. */
static struct trial {
	uint32_t taken; /* atomic */
	uint32_t count; /* of candidates left; read outside as a hint; atomic */
	uint32_t ticks; /* kept up with so far */
	struct timespec last;
	const uint64_t *candidates[CANDIDATES_MOST];
	char lines[8192];
} trial;

static bool are_at(const uint64_t *words, const struct timespec *time)
{
	return __atomic_load_n(&words[0], __ATOMIC_RELAXED) == (uint64_t)time->tv_sec &&
	       __atomic_load_n(&words[1], __ATOMIC_RELAXED) == (uint64_t)time->tv_nsec;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static void ask(struct timespec *ret_now)
{
	(void)process_clock_gettime(CLOCK_MONOTONIC_COARSE, ret_now);
}

/* Whether the words hold the time, and not because both just moved. */
static bool keep_up(const uint64_t *words)
{
	struct timespec before, after;

	for (;;) {
		bool equal;

		ask(&before);
		equal = are_at(words, &before);
		ask(&after);
		if (is_same_time(&before, &after))
			return equal;
	}
}

/* One more tick: candidates that have not kept up are dropped; the first that has done so
 * long enough is believed. */
static void go_on_with_trial(const struct timespec *now)
{
	uint32_t left = 0;

	if (__atomic_exchange_n(&trial.taken, 1, __ATOMIC_ACQUIRE))
		return;
	if (!is_same_time(now, &trial.last)) {
		trial.last = *now;
		for (uint32_t i = 0; i < trial.count; i++) {
			if (keep_up(trial.candidates[i]))
				trial.candidates[left++] = trial.candidates[i];
		}
		if (left && ++trial.ticks == TRIAL_TICKS) {
			__atomic_store_n(&tick_words, trial.candidates[0],
					 __ATOMIC_RELAXED);
			left = 0;
		}
		__atomic_store_n(&trial.count, left, __ATOMIC_RELAXED);
	}
	__atomic_store_n(&trial.taken, 0, __ATOMIC_RELEASE);
}

void tick_follow(struct tick *seen, struct timespec *ret_now)
{
	const uint64_t *words = __atomic_load_n(&tick_words, __ATOMIC_RELAXED);
	const struct tick before = {__atomic_load_n(&words[0], __ATOMIC_RELAXED),
				    __atomic_load_n(&words[1], __ATOMIC_RELAXED)};

	ask(ret_now);
	if (words == no_words) {
		if (__atomic_load_n(&trial.count, __ATOMIC_RELAXED))
			go_on_with_trial(ret_now);
		*seen = (struct tick){0};
	} else if (before.seconds == (uint64_t)ret_now->tv_sec &&
		   before.nanoseconds == (uint64_t)ret_now->tv_nsec) {
		*seen = before;
	} else {
		/* A tick came in between, or they are not what they seemed. */
		if (!keep_up(words))
			__atomic_store_n(&tick_words, no_words, __ATOMIC_RELAXED);
		*seen = (struct tick){0};
	}
}

/* ---- Finding them ----------------------------------------------------------------- */

static void search_page(const uint64_t *page, size_t words)
{
	struct timespec now;

	ask(&now);
	for (size_t i = 0; i + 1 < words && trial.count < CANDIDATES_MOST; i++) {
		if (are_at(&page[i], &now))
			trial.candidates[trial.count++] = &page[i];
	}
}

void tick_search(void)
{
	const size_t page_bytes = process.dump.header->page_bytes;
	struct maps_line line;
	struct maps maps;

	if (__atomic_exchange_n(&searched, 1, __ATOMIC_RELAXED) ||
	    __atomic_exchange_n(&trial.taken, 1, __ATOMIC_ACQUIRE))
		return;
	if (maps_open(&maps, trial.lines, sizeof(trial.lines)) == 0) {
		while (maps_next(&maps, &line) > 0) {
			if (line.path_length < 5 || memcmp(line.path, "[vvar", 5) != 0)
				continue;
			/* Some of these pages are there only on certain machines. */
			for (uintptr_t page = line.start; page < line.end;
			     page += page_bytes)
				if (sys_can_read(page))
					search_page((const uint64_t *)page,
						    page_bytes / sizeof(uint64_t));
		}
		maps_close(&maps);
	}
	__atomic_store_n(&trial.taken, 0, __ATOMIC_RELEASE);
}

void tick_forget(void)
{
	tick_words = no_words;
	searched = 0;
	memset(&trial, 0, offsetof(struct trial, lines));
}
