/* SPDX-License-Identifier: MIT */
/* The two words that tell whether the coarse clock has moved on: what they say is compared
 * with the clock itself, tick by tick. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "process.h"
#include "tick.h"

#define TICKS 100u

/* What process.c holds in the library. */
struct process process;
process_clock_fn *process_clock_gettime = clock_gettime;

static struct mft_header header = {.page_bytes = 4096};

static int new_tick(void **state)
{
	static struct tick tick;

	memset(&tick, 0, sizeof(tick));
	process.dump.header = &header;
	tick_forget();
	*state = &tick;
	return 0;
}

static struct timespec coarse(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC_COARSE, &now), 0);
	return now;
}

static bool is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

/* Follows the clock over `ticks` ticks. Whenever the words say that nothing has changed
 * since the clock was asked, it must not have. Returns how often they said so. */
static unsigned long follow(struct tick *tick, unsigned ticks)
{
	struct timespec told, last = coarse();
	unsigned long same = 0;

	tick_follow(tick, &told);
	while (ticks) {
		/* Asked before: it may move on right after. */
		struct timespec now = coarse();

		if (tick_is_same(tick)) {
			same++;
			assert_false(is_later(now, told));
		} else {
			tick_follow(tick, &told);
			assert_false(is_later(now, told));
		}
		if (is_later(now, last)) {
			last = now;
			ticks--;
		}
	}
	return same;
}

static void without_a_search_the_clock_is_asked(void **state)
{
	assert_int_equal(follow(*state, 3), 0);
}

static void nothing_is_believed_before_the_trial(void **state)
{
	tick_search();
	assert_int_equal(follow(*state, 3), 0);
}

/* Where the kernel shows no such words, there is nothing to be tested: the clock is asked
 * each time, as without a search. */
static void what_is_believed_keeps_up(void **state)
{
	unsigned long same;

	tick_search();
	(void)follow(*state, 20);
	same = follow(*state, TICKS);
	if (same == 0)
		skip();
	/* Thousands of looks fit between two ticks. */
	assert_true(same > TICKS * 10);
}

static void words_that_stand_still_are_given_up(void **state)
{
	static uint64_t frozen[2];
	struct tick *tick = *state;
	struct timespec now = coarse();

	frozen[0] = (uint64_t)now.tv_sec - 1;
	frozen[1] = 17;
	tick_words = frozen;
	assert_false(tick_is_same(tick));
	tick_follow(tick, &now);
	assert_ptr_not_equal(tick_words, frozen);
	assert_int_equal(follow(tick, 3), 0);
}

/* They were right when the clock was last asked, and do not move any more: one that has
 * been told to ask again finds it out. */
static void words_that_stop_are_given_up_when_asked_again(void **state)
{
	static uint64_t stopped[2];
	struct tick *tick = *state;
	struct timespec now;

	do {
		now = coarse();
		stopped[0] = (uint64_t)now.tv_sec;
		stopped[1] = (uint64_t)now.tv_nsec;
		tick_words = stopped;
		tick_follow(tick, &now);
	} while (!tick_is_same(tick));
	while (!is_later(coarse(), now))
		;
	assert_true(tick_is_same(tick));
	*tick = (struct tick){0};
	assert_false(tick_is_same(tick));
	tick_follow(tick, &now);
	assert_ptr_not_equal(tick_words, stopped);
	assert_int_equal(follow(tick, 3), 0);
}

static void after_a_fork_all_is_new(void **state)
{
	tick_search();
	(void)follow(*state, 20);
	tick_forget();
	assert_int_equal(follow(*state, 3), 0);
	tick_search();
	(void)follow(*state, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_search_the_clock_is_asked, new_tick),
		cmocka_unit_test_setup(nothing_is_believed_before_the_trial, new_tick),
		cmocka_unit_test_setup(what_is_believed_keeps_up, new_tick),
		cmocka_unit_test_setup(words_that_stand_still_are_given_up, new_tick),
		cmocka_unit_test_setup(words_that_stop_are_given_up_when_asked_again,
				       new_tick),
		cmocka_unit_test_setup(after_a_fork_all_is_new, new_tick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
