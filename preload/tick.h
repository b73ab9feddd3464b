/* SPDX-License-Identifier: MIT */
/*
 * tick.h - whether the kernel's coarse clock has moved on, for the price of two loads.
 *
 * The coarse clock stands still between two ticks, a few milliseconds, and asking for it
 * costs more than most of what an event does. The kernel keeps the time that it will answer
 * in pages which every process may read ("[vvar]" in /proc/PID/maps; Linux,
 * vdso/datapage.h). Their layout is its own business, so they are searched for the two
 * words, seconds and nanoseconds. What was found is only ever used to see that nothing has
 * changed: when it has, the clock itself is asked. And it is believed only after it has
 * kept up with the clock through a trial, and until it first fails to.
 *
 * Guarantees: with nothing found, or nothing believed, the clock is asked each time.
 * Threads: any; struct tick belongs to one. Memory: none.
 */
#ifndef TICK_H
#define TICK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* What a thread saw of the two words when it last asked the clock. Zero-filled is the
 * initial state. */
struct tick {
	uint64_t seconds;
	uint64_t nanoseconds;
};

/* The two words, while they are believed; else two that no struct tick ever equals. */
extern const uint64_t *tick_words __attribute__((visibility("hidden"))); /* atomic */

/* Whether the coarse clock stands where it did at the last tick_follow. */
static inline bool tick_is_same(const struct tick *seen)
{
	const uint64_t *words = __atomic_load_n(&tick_words, __ATOMIC_RELAXED);

	return ((__atomic_load_n(&words[0], __ATOMIC_RELAXED) ^ seen->seconds) |
		(__atomic_load_n(&words[1], __ATOMIC_RELAXED) ^ seen->nanoseconds)) == 0;
}

/* Asks the coarse clock, and remembers in *seen that it was asked. */
void tick_follow(struct tick *seen, struct timespec *ret_now);

/* Looks for the words and begins the trial, unless that was done before. Asks the kernel
 * some dozen times: not for the common path. */
void tick_search(void);

/* In a forked child, whose pages may be of another time namespace: all anew. */
void tick_forget(void);

#endif
