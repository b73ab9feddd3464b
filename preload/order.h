/* SPDX-License-Identifier: MIT */
/*
 * order.h - when things happened, and in which order across threads, without a shared
 * counter.
 *
 * Every recorder has a hybrid logical clock (Kulkarni et al., "Logical Physical Clocks",
 * 2014): it follows the coarse system clock and never runs backwards. Every piece of the
 * address space has a word (owner, clock of the last event there). A recorder that touches
 * a piece whose word another recorder wrote moves its clock beyond that word's (Lamport,
 * 1978), so of two events on one address, by different threads, the later has the strictly
 * greater clock. A thread that works on its own memory only compares one word.
 * The word is brought up to date whenever its owner's clock has moved on: whoever comes
 * next must find the clock of the last event in the same look that takes the word over. (A
 * word with the name alone, and the clock read from its owner, is not enough: a third
 * thread can come between the two.)
 *
 * Guarantees: lock-free; a shared cache line is written only where threads really touch the
 * same memory or where the clock has moved on since this thread's last event there.
 * Sharing a word by hash is harmless: it only orders more than needed.
 * The table is wiped in a forked child (process.c), whose clock starts anew.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "mft_format.h"
#include "sys.h"

#define ORDER_WORDS 65536u   /* 512 KiB, touched as the program's heap is */
#define ORDER_PIECE_SHIFT 12 /* bytes of address space under one word: a page */
#define ORDER_OWNER_BITS 16  /* live recorders that can be told apart */

/* The table can be wiped on fork by whole pages of any size in use. */
#if defined(__x86_64__)
#define ORDER_ALIGNMENT 4096
#else
#define ORDER_ALIGNMENT 65536
#endif

/* clock << ORDER_OWNER_BITS | owner. Atomic; partners are order_touch in all threads. */
extern uint64_t order_words[ORDER_WORDS];

struct order {
	uint64_t clock;	  /* units of MFT_CLOCK_UNIT_NS since the process's start */
	uint64_t word;	  /* what order_words holds where this recorder came last */
	uint64_t settled; /* word, or for the time being UINT64_MAX, which is nobody's */
	uint32_t owner;	  /* not 0; unique among live recorders */
};

/* The system clock that everything is measured by, coarse (cheap, a few ms) or exact. */
static inline uint64_t order_now_ns(clockid_t clock)
{
	struct timespec now = {0};

	/* Not libc's: whoever stands in front of that may tell another time. */
	(void)SYS2(SYS_clock_gettime, clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* owner: not 0, and nobody else's. The clock begins at 0, and the word is never that of an
 * untouched piece. */
static inline void order_init(struct order *order, uint32_t owner)
{
	order->clock = 0;
	order->owner = owner;
	order->word = owner;
	order->settled = UINT64_MAX;
}

/* Moves the clock on to `clock` units if that is later. */
static inline void order_advance(struct order *order, uint64_t clock)
{
	if (clock > order->clock) {
		order->clock = clock;
		order->word = clock << ORDER_OWNER_BITS | order->owner;
		order->settled = UINT64_MAX;
	}
}

/* The address's word. */
static inline uint64_t *order_word(uint64_t address)
{
	return &order_words[(address >> ORDER_PIECE_SHIFT) % ORDER_WORDS];
}

/* Whether any event was at the address's piece, or at one that shares its word. */
static inline bool order_is_known(const void *address)
{
	return __atomic_load_n(order_word((uintptr_t)address), __ATOMIC_RELAXED) != 0;
}

/* To be called when a reader of the stream knows the clock. */
static inline void order_settle(struct order *order)
{
	order->settled = order->word;
}

/* The slow half of order_touch. */
void order_touch_other(struct order *order, uint64_t *word);

/* Puts the event at hand, which concerns `address`, behind every earlier event there.
 * To be called before a release is made and after an acquisition was; order->clock is
 * then the event's clock. */
static inline void order_touch(struct order *order, uint64_t address)
{
	uint64_t *word = order_word(address);

	if (__builtin_expect(__atomic_load_n(word, __ATOMIC_ACQUIRE) != order->word, 0))
		order_touch_other(order, word);
}

/* The same. Returns whether the clock stands where it stood at order_settle: the stream's
 * is then the event's. */
static inline bool order_touch_settled(struct order *order, uint64_t address)
{
	uint64_t *word = order_word(address);

	if (__builtin_expect(__atomic_load_n(word, __ATOMIC_ACQUIRE) == order->settled, 1))
		return true;
	/* Mostly a page that is met for the first time since the clock moved. */
	order_touch_other(order, word);
	return order->settled == order->word;
}

#endif
