/* SPDX-License-Identifier: MIT */
#include "event.h"

#include "event_plain.h"
#include "mft_codec.h"
#include "pause.h"
#include "process.h"
#include "recorder.h"
#include "snapshot.h"
#include "usable.h"

/* When the live bytes of one thread have gone so far from where they were when it last read
 * the exact clock, it reads it again. Between two readings its place among the others is
 * known to a tick only, so the peak over all threads is right to this much a thread. */
#define UNCLOCKED_BYTES_MOST (64 * 1024)

static void take_exact_time(struct recorder *r)
{
	order_advance(&r->order, process_clock(true, &r->now));
}

/* The coarse clock has moved on, or the exact one is due. */
static __attribute__((noinline)) void take_time(struct recorder *r, int64_t live_bytes)
{
	pause_look();
	tick_follow(&r->tick, &r->now);
	order_advance(&r->order, process_clock_units(&r->now));
	if (live_bytes - r->clocked_bytes >= UNCLOCKED_BYTES_MOST ||
	    r->clocked_bytes - live_bytes >= UNCLOCKED_BYTES_MOST) {
		r->clocked_bytes = live_bytes;
		take_exact_time(r);
	}
}

/* Takes the time for an event that concerns address and leaves so many bytes alive, and its
 * place among the others. */
static inline void stamp(struct recorder *r, const void *address, int64_t live_bytes)
{
	uint64_t above = (uint64_t)(live_bytes - r->clocked_bytes + UNCLOCKED_BYTES_MOST);

	if (!tick_is_same(&r->tick) || above > 2 * UNCLOCKED_BYTES_MOST)
		take_time(r, live_bytes);
	order_touch(&r->order, (uintptr_t)address);
}

/* Room for one event with its clock. */
static inline bool begin_event(struct recorder *r)
{
	if (__builtin_expect(!recorder_room(r, 2 * MFT_HOT_BYTES_MAX), 0)) {
		recorder_count_lost(r);
		return false;
	}
	if (r->order.clock != r->encoder.clock)
		mft_put_clock(&r->encoder, r->order.clock);
	return true;
}

/* Until when events are plain; to be called when one was not. */
static void bound_plain(struct recorder *r)
{
	if (!r->described)
		return;
	if (r->order.clock == r->encoder.clock)
		order_settle(&r->order);
	r->plain_most = r->clocked_bytes + UNCLOCKED_BYTES_MOST;
	if (r->plain_most > r->live_check)
		r->plain_most = r->live_check;
	r->plain_least = r->clocked_bytes - UNCLOCKED_BYTES_MOST;
	if (r->plain_least < r->live_floor)
		r->plain_least = r->live_floor;
}

void event_end_alloc(struct recorder *r, uint8_t op, const void *p, uint64_t size,
		     uint64_t alignment, uint64_t usable, uint32_t stack)
{
	const int64_t live_bytes = r->live_bytes + (int64_t)usable;

	stamp(r, p, live_bytes);
	if (begin_event(r))
		mft_put_alloc(&r->encoder, op, (uintptr_t)p, size, usable, stack,
			      event_alignment_log2(alignment));
	r->live_bytes = live_bytes;
	if (live_bytes >= r->live_check || r->order.clock >= r->clock_check)
		snapshot_consider(r);
	bound_plain(r);
	recorder_leave(r);
}

void event_end_free(struct recorder *r, uint8_t op, const void *p, uint64_t usable)
{
	const int64_t live_bytes = r->live_bytes - (int64_t)usable;

	stamp(r, p, live_bytes);
	if (begin_event(r))
		mft_put_free(&r->encoder, op, (uintptr_t)p);
	r->live_bytes = live_bytes;
	if (live_bytes <= r->live_floor || r->order.clock >= r->clock_check)
		snapshot_consider(r);
	bound_plain(r);
	recorder_leave(r);
}

void event_alloc(uint8_t op, const void *p, size_t size, size_t alignment,
		 const void *frame)
{
	event_record_alloc(op, p, size, alignment, frame);
}

void event_free(uint8_t op, void *p)
{
	event_record_free(op, p);
}

void event_reacquire(void *p)
{
	struct recorder *r = recorder_enter();
	int64_t live_bytes;

	if (!r)
		return;
	live_bytes = r->live_bytes + (int64_t)usable_bytes(p);
	stamp(r, p, live_bytes);
	if (begin_event(r))
		mft_put_reacquire(&r->encoder);
	r->live_bytes = live_bytes;
	recorder_leave(r);
}

void event_failed(uint8_t op, size_t size, int error, const void *frame)
{
	struct recorder *r = recorder_enter_acquiring();
	struct mft_failed failed = {.op = op, .size = size, .error = error};

	if (!r)
		return;
	failed.stack = stack_capture(r, &r->stack, frame);
	order_advance(&r->order, process_clock(false, &r->now));
	if (begin_event(r) && mft_put_failed(&r->encoder, &failed) < 0)
		recorder_count_lost(r);
	recorder_leave(r);
}

void event_mapping(uint8_t op, const struct mft_mapping *mapping, const void *frame)
{
	struct recorder *r = recorder_thread.recorder;
	struct mft_mapping complete = *mapping;

	/* The unwinder maps memory while it works for us. */
	if ((r && r->busy) || recorder_thread.attaching)
		return;
	r = recorder_enter();
	if (!r)
		return;
	complete.stack = stack_capture(r, &r->stack, frame);
	take_exact_time(r);
	order_touch(&r->order, mapping->address);
	if (begin_event(r) && mft_put_mapping(&r->encoder, op, &complete) < 0)
		recorder_count_lost(r);
	recorder_leave(r);
}
