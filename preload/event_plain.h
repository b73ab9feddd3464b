/* SPDX-License-Identifier: MIT */
/*
 * event_plain.h - the events that most are, in line: nothing but the record is to be
 * written.
 *
 * An event is plain when the clock stands where it stood at the recorder's last one, also
 * for its place among other threads' events, the chunk has room, and its thread's live
 * bytes keep within the bounds between which neither the clock nor a snapshot is looked at.
 * All others go by event.c, which does the same and what is to be done besides.
 *
 * Guarantees: as event.h. Threads: any, each with its own recorder.
 * Not here: what is rare, and the kinds that are called less (event.h).
 */
#ifndef EVENT_PLAIN_H
#define EVENT_PLAIN_H

#include "mft_codec.h"
#include "recorder.h"
#include "usable.h"

/* Also on the many calls in which nothing but op and alignment is constant: they are
 * malloc's and free's. */
#define EVENT_INLINE inline __attribute__((always_inline))

/* The rest of an event that is not plain, and recorder_leave. */
void event_end_alloc(struct recorder *recorder, uint8_t op, const void *p, uint64_t size,
		     uint64_t alignment, uint64_t usable, uint32_t stack);
void event_end_free(struct recorder *recorder, uint8_t op, const void *p, uint64_t usable);

/* Whether an event at this address is plain, its thread's live bytes apart. It then has its
 * place behind every earlier event there. */
static EVENT_INLINE bool event_is_plain(struct recorder *r, const void *address)
{
	return __builtin_expect(tick_is_same(&r->tick), 1) &&
	       __builtin_expect(mft_room(&r->encoder, MFT_HOT_BYTES_MAX), 1) &&
	       __builtin_expect(order_touch_settled(&r->order, (uintptr_t)address), 1);
}

static inline unsigned event_alignment_log2(uint64_t alignment)
{
	if (alignment && (alignment & (alignment - 1)) == 0)
		return (unsigned)__builtin_ctzl(alignment);
	return 63;
}

/* As event_alloc. */
static EVENT_INLINE void event_record_alloc(uint8_t op, const void *p, size_t size,
					    size_t alignment, const void *frame)
{
	struct recorder *r = recorder_enter_acquiring();
	int64_t live_bytes;
	uint64_t usable;
	uint32_t stack;

	if (!r)
		return;
	stack = stack_capture(r, &r->stack, frame);
	usable = usable_bytes(p);
	live_bytes = r->live_bytes + (int64_t)usable;
	if (__builtin_expect(live_bytes < r->plain_most, 1) && event_is_plain(r, p)) {
		mft_put_alloc(&r->encoder, op, (uintptr_t)p, size, usable, stack,
			      event_alignment_log2(alignment));
		r->live_bytes = live_bytes;
		recorder_leave(r);
		return;
	}
	event_end_alloc(r, op, p, size, alignment, usable, stack);
}

/* As event_free. */
static EVENT_INLINE void event_record_free(uint8_t op, const void *p)
{
	struct recorder *r = recorder_enter();
	int64_t live_bytes;
	uint64_t usable;

	if (!r)
		return;
	usable = usable_bytes_released(p);
	live_bytes = r->live_bytes - (int64_t)usable;
	if (__builtin_expect(live_bytes > r->plain_least, 1) && event_is_plain(r, p)) {
		mft_put_free(&r->encoder, op, (uintptr_t)p);
		r->live_bytes = live_bytes;
		recorder_leave(r);
		return;
	}
	event_end_free(r, op, p, usable);
}

#endif
