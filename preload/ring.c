/* SPDX-License-Identifier: MIT */
#include "ring.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <time.h>

#include "fold.h"
#include "places.h"
#include "sys.h"

/* Events are folded ahead of need until so many places are free, or an eighth of the ring,
 * and then again when half of these are left. The others go on with the reserve meanwhile,
 * and the one that folds brings what it needs of the state into its cache once for many
 * events. */
#define RESERVE_PLACES_MOST 16u

/* So much is folded at a time, in chunks; between, somebody who waits gets his turn. */
#define AHEAD_CHUNKS 2u
#define AHEAD_TIMES_MOST 8u

/* How long a thread waits for another one that folds. */
#define WAIT_NS_MOST 100000000u

/* A reader may hold the ring up for so long from now. */
#define READER_HOLD_NS_MOST 1000000000ull

/* How often the end of the process waits for one that folds. */
#define SEAL_WAITS_MOST 10u

/* Attempts at a cut that has anything in it. A stream that begins spoils one. */
#define CUTS_MOST 3u

static struct {
	struct places places;
	struct fold fold;
	uint32_t lock;	  /* atomic; a futex: 0 free, 1 taken, 2 waited for */
	uint32_t late;	  /* atomic: the one that folds is not to be waited for */
	uint32_t held;	  /* atomic; counts */
	uint32_t is_over; /* atomic: the fold has come to its end */
} ring;

bool ring_is_on;

/* ---- The lock --------------------------------------------------------------------- */

static uint64_t block_signals(void)
{
	const uint64_t all = ~0ull;
	uint64_t before = 0;

	(void)SYS4(SYS_rt_sigprocmask, 0 /* SIG_BLOCK */, &all, &before, sizeof(all));
	return before;
}

static void restore_signals(uint64_t before)
{
	(void)SYS4(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &before, NULL, sizeof(before));
}

static bool try_lock(void)
{
	uint32_t expected = 0;

	return __atomic_compare_exchange_n(&ring.lock, &expected, 1, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void unlock(void)
{
	__atomic_store_n(&ring.late, 0, __ATOMIC_RELAXED);
	if (__atomic_exchange_n(&ring.lock, 0, __ATOMIC_RELEASE) == 2)
		(void)SYS4(SYS_futex, &ring.lock, FUTEX_WAKE | FUTEX_PRIVATE_FLAG,
			   INT32_MAX, 0);
}

/* Waits until the lock is given back, or for WAIT_NS_MOST. */
static void wait_for_lock(void)
{
	const struct timespec most = {0, WAIT_NS_MOST};
	uint32_t seen = 1;

	if (!__atomic_compare_exchange_n(&ring.lock, &seen, 2, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED) &&
	    seen != 2)
		return;
	if (SYS4(SYS_futex, &ring.lock, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, &most) ==
	    -ETIMEDOUT)
		__atomic_store_n(&ring.late, 1, __ATOMIC_RELAXED);
}

/* ---- Folding ---------------------------------------------------------------------- */

static bool is_held(void)
{
	const uint64_t until =
		__atomic_load_n(&ring.fold.state.root->hold_until_ns, __ATOMIC_RELAXED);
	struct timespec now = {0, 0};
	uint64_t now_ns;

	if (__atomic_load_n(&ring.held, __ATOMIC_ACQUIRE) ||
	    __atomic_load_n(&ring.is_over, __ATOMIC_RELAXED))
		return true;
	if (__builtin_expect(until == 0, 1))
		return false;
	(void)SYS2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return until > now_ns && until - now_ns <= READER_HOLD_NS_MOST;
}

/* Gives back what the ring has beyond its size. */
static void shrink(void)
{
	uint32_t excess = places_excess(&ring.places);

	while (excess > 0) {
		uint32_t place = places_pop(&ring.places);

		if (place == PLACES_NONE)
			break;
		places_retire(&ring.places, place);
		excess--;
	}
	ring.fold.state.root->extra_chunks = excess;
}

/* Folds about so many bytes, with the lock held. Returns whether there was anything. */
static bool fold_bytes(uint64_t bytes)
{
	uint64_t done = 0;
	int r = 0;

	for (unsigned i = 0; r == 0 && done == 0 && i < CUTS_MOST; i++)
		r = fold_run(&ring.fold, bytes, &done);
	if (r < 0) {
		/* The state stays as it was before the step, and what it lacks is in the
		 * chunks; so these must stay too. */
		__atomic_store_n(&ring.is_over, 1, __ATOMIC_RELAXED);
		dumpfile_stop(ring.places.file, ring.places.reason, r);
		return false;
	}
	return done > 0;
}

/* Whether the ring is full but for less than an eighth, or RESERVE_PLACES_MOST; or for
 * less than a part of that. */
static bool is_low(uint32_t part)
{
	uint32_t most = __atomic_load_n(&ring.places.most, __ATOMIC_RELAXED);
	uint32_t reserve = most / 8;

	if (reserve > RESERVE_PLACES_MOST)
		reserve = RESERVE_PLACES_MOST;
	return __atomic_load_n(&ring.places.used, __ATOMIC_RELAXED) >= most &&
	       __atomic_load_n(&ring.places.free_count, __ATOMIC_RELAXED) < reserve / part;
}

/* With the lock held. */
static bool is_waited_for(void)
{
	return __atomic_load_n(&ring.lock, __ATOMIC_RELAXED) == 2;
}

/* Lays in free places, if nobody else is at it. */
static void fold_ahead(void)
{
	const uint64_t chunk_bytes = ring.places.file->header->chunk_bytes;
	uint64_t before;

	if (is_held() || __atomic_load_n(&ring.lock, __ATOMIC_RELAXED))
		return;
	before = block_signals();
	if (try_lock()) {
		for (unsigned i = 0; i < AHEAD_TIMES_MOST && is_low(1) && !is_held(); i++) {
			bool more = fold_bytes(AHEAD_CHUNKS * chunk_bytes);

			if (places_excess(&ring.places))
				shrink();
			if (!more || is_waited_for())
				break;
		}
		unlock();
	}
	restore_signals(before);
}

/* A place that becomes free, or PLACES_NONE: there is nothing that could be folded. */
static uint32_t fold_for_place(void)
{
	const uint64_t chunk_bytes = ring.places.file->header->chunk_bytes;
	const uint64_t before = block_signals();
	uint32_t place = places_pop(&ring.places);
	bool more = true;

	while (place == PLACES_NONE && more && !is_held()) {
		if (try_lock()) {
			/* Another one may have folded before. */
			place = places_pop(&ring.places);
			if (place == PLACES_NONE)
				more = fold_bytes(chunk_bytes);
			unlock();
		} else if (__atomic_load_n(&ring.late, __ATOMIC_RELAXED)) {
			break;
		} else {
			wait_for_lock();
		}
		if (place == PLACES_NONE)
			place = places_pop(&ring.places);
	}
	restore_signals(before);
	return place;
}

/* ---- For recorders ---------------------------------------------------------------- */

int ring_take(bool may_fold, uint32_t *ret_place, struct mft_chunk **ret_chunk)
{
	struct mft_chunk *chunk;
	uint32_t place;
	int r = 0;

	if (__atomic_load_n(&ring.places.file->stopped, __ATOMIC_RELAXED))
		return -ENOSPC;
	if (may_fold && is_low(2))
		fold_ahead();
	place = places_pop(&ring.places);
	if (place == PLACES_NONE)
		r = places_extend(&ring.places, false, &place);
	/* Full, or the file can grow no more: then the ring is as big as it is. */
	if (r < 0) {
		if (r != -EAGAIN)
			places_settle(&ring.places);
		place = may_fold ? fold_for_place() : PLACES_NONE;
		r = 0;
		if (place == PLACES_NONE)
			r = places_extend(&ring.places, true, &place);
	}
	if (r < 0) {
		dumpfile_stop(ring.places.file, ring.places.reason, r);
		return r;
	}
	chunk = (struct mft_chunk *)(void *)places_address(&ring.places, place);
	/* One that was never used is zero-filled. */
	if (chunk->magic)
		places_wipe(&ring.places, place);
	*ret_place = place;
	*ret_chunk = chunk;
	return 0;
}

void ring_link(struct fold_stream *stream, uint32_t place)
{
	fold_stream_link(stream, &ring.places, place);
}

struct fold_stream *ring_add_stream(uint32_t number, bool is_nested,
				    const struct mft_encoder *encoder)
{
	struct fold_stream *stream =
		fold_add_stream(&ring.fold, number, is_nested, encoder);

	/* Each thread keeps the chunk that it writes: the ring's size is what is beside. */
	if (stream)
		__atomic_fetch_add(&ring.places.most, 1, __ATOMIC_RELAXED);
	return stream;
}

void ring_hold(void)
{
	__atomic_fetch_add(&ring.held, 1, __ATOMIC_SEQ_CST);
}

void ring_let_go(void)
{
	__atomic_fetch_sub(&ring.held, 1, __ATOMIC_SEQ_CST);
}

void ring_seal(void)
{
	bool locked = try_lock();

	for (unsigned i = 0; !locked && i < SEAL_WAITS_MOST; i++) {
		wait_for_lock();
		locked = try_lock();
	}
	if (!locked)
		return;
	/* A step that could not be ended stays open, and its state is not to be sealed. */
	if (!__atomic_load_n(&ring.is_over, __ATOMIC_RELAXED))
		fold_seal(&ring.fold);
	unlock();
}

/* ---- Beginning and end ------------------------------------------------------------ */

int ring_begin(struct dumpfile *file, uint64_t bytes)
{
	uint64_t size = bytes > RING_BYTES_LEAST ? bytes : RING_BYTES_LEAST;
	int r = places_begin(&ring.places, file, size);

	if (r == 0)
		r = fold_begin(&ring.fold, &ring.places, size);
	if (r < 0) {
		ring_forget();
		return r;
	}
	ring_is_on = true;
	return 0;
}

void ring_forget(void)
{
	fold_done(&ring.fold);
	places_done(&ring.places);
	memset(&ring, 0, sizeof(ring));
	ring_is_on = false;
}
