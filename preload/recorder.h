/* SPDX-License-Identifier: MIT */
/*
 * recorder.h - writes what one thread does into that thread's stream.
 *
 * Guarantees: the calls below never fail for the program. No lock, no allocation from the
 * program's heap; a system call only when a chunk is full, a library was loaded or a
 * snapshot is due. What cannot be recorded is counted in the dump. errno is kept.
 * Threads: a recorder belongs to one thread; a signal handler that interrupts the recorder
 * gets a nested one. Recorders of threads that are gone are taken over by new ones.
 * Memory: anonymous mappings, never given back.
 * Not here: what the entry points mean (interpose*.c), stacks (stack.h), files
 * (dumpfile.h).
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_codec.h"
#include "order.h"
#include "process.h"
#include "stack.h"
#include "tick.h"

struct fold_stream;

struct recorder {
	struct mft_encoder encoder;
	struct order order;
	uint32_t busy; /* a record is under way; a signal handler sees it */
	uint32_t stream;
	int64_t live_bytes; /* usable bytes acquired minus released by this stream; others
			     * read it for snapshots */
	/* Between which values of live_bytes an event may be plain (event_plain.h). */
	int64_t plain_least;
	int64_t plain_most;
	int64_t live_check; /* at which value of live_bytes to look whether it is a peak */
	int64_t live_floor; /* at which value live_check is lowered again */
	uint64_t clock_check;	       /* from which clock on an interval snapshot is due */
	int64_t clocked_bytes;	       /* live_bytes when the exact clock was last read */
	struct tick tick;	       /* the coarse clock, as last read */
	struct timespec now;	       /* the system clock, as last read */
	struct mft_chunk *chunk;       /* NULL before the first and after a failed one */
	struct dumpfile_window window; /* that the chunk is in */
	struct fold_stream *ring_stream; /* of a flight recorder (ring.h) */
	uint32_t chunk_seq;
	uint32_t chunk_index; /* of chunk, in the file; atomic: others read it (seal.h) */
	bool is_nested;
	bool sealed;	/* the chunk is, whole, although it has room (seal.h) */
	bool described; /* the stream says whose it is */
	int tid; /* atomic: claimed by compare-and-exchange once the old thread is gone */
	struct recorder *nested;
	struct recorder *next; /* in the list of all; never changes once it is in */
	struct stack_memory stack __attribute__((aligned(128)));
};

/* Thread-local, initial-exec; with `process.h`'s page all that the hot path looks at. */
struct recorder_thread {
	struct recorder *recorder; /* NULL until the thread's first event */
	const void *deleting;	   /* block whose release `operator delete` has recorded */
	size_t label_size;	   /* what `operator new` was asked for */
	/* The complement of the address of the block that was acquired last under a label:
	 * a scan for pointers takes it for no pointer. */
	uintptr_t label_made;
	const void *label_frame; /* frame address of `operator new` */
	uint8_t label; /* opcode for the acquisition under it, RECORDER_LABEL_AGAIN, or 0 */
	uint8_t attaching;    /* so many recorders are being set up in this thread */
	uint8_t label_failed; /* an acquisition under a label has failed */
	uint8_t own_work;     /* what is called now is called by us, and not recorded */
	struct recorder *meanwhile; /* of signal handlers while `attaching` */
};
/* An acquisition under `operator new` has failed; a handler may have it tried again. */
#define RECORDER_LABEL_AGAIN 0xff
extern __thread struct recorder_thread recorder_thread
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

/* All recorders of this process, newest first. Atomic; pushed with release. */
extern struct recorder *recorder_list;

/* The slow half of the two below. */
struct recorder *recorder_enter_slow(bool acquiring);

static inline __attribute__((always_inline)) struct recorder *
recorder_enter_for(bool acquiring)
{
	struct recorder *r = recorder_thread.recorder;

	if (__builtin_expect(!r || r->busy || !process_is_recording(), 0))
		return recorder_enter_slow(acquiring);
	r->busy = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return r;
}

/* The calling thread's recorder, held until recorder_leave; NULL: this event is not to be
 * recorded, or was counted lost. */
static inline struct recorder *recorder_enter(void)
{
	return recorder_enter_for(false);
}

/* The same for an acquisition, which may also be counted as paused (pause.h). */
static inline struct recorder *recorder_enter_acquiring(void)
{
	return recorder_enter_for(true);
}

static inline void recorder_leave(struct recorder *r)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	r->busy = 0;
}

/* Counts an event that could not be recorded; r may be NULL. */
void recorder_count_lost(struct recorder *r);

/* The slow half of recorder_room. */
bool recorder_make_room(struct recorder *recorder, size_t bytes);

/* Makes room for `bytes` more in the recorder's chunk, taking the next chunk if need be.
 * Returns false, and counts nothing, when there is none. */
static inline bool recorder_room(struct recorder *r, size_t bytes)
{
	return __builtin_expect(mft_room(&r->encoder, bytes) && r->described, 1) ||
	       recorder_make_room(r, bytes);
}

/* Stops the calling thread's recording while the recorder itself calls what may allocate;
 * recorder_resume takes what this returned. */
struct recorder_pause {
	struct recorder *recorder;
	bool own_work;
};
struct recorder_pause recorder_pause(void);
void recorder_resume(struct recorder_pause pause);

/* Runs `work` with the calling thread's recorder held, for records made outside of an
 * event (snapshot at exit). Returns false when there is no recorder to be had. */
bool recorder_run(void (*work)(struct recorder *recorder, void *context), void *context);

/* Room for what a thread may come to need when memory can be had no more; held recorder. */
void recorder_lay_in(struct recorder *recorder);

/* A notice (enum mft_notice_code) in a held recorder's stream. Returns whether there was
 * room. */
bool recorder_put_notice(struct recorder *recorder, uint32_t code, const char *text);

/* Whether no other thread that ever recorded is alive. */
bool recorder_is_alone(void);

/* The threads that have recorded and live, at most `most` of them. Returns how many. */
unsigned recorder_list_threads(int *tids, unsigned most);

/* In a vfork child that is about to exec or to end: a recorder that the child was the first
 * of its thread to need does not stay with the parent, who is another thread. */
void recorder_leave_parent(void);

/* In a forked child: forgets all recorders, whose threads are not here. */
void recorder_abandon_all(void);

#endif
