/* SPDX-License-Identifier: MIT */
#include "recorder.h"

#include <errno.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/mman.h>

#include "filter.h"
#include "identity.h"
#include "memory.h"
#include "pause.h"
#include "process.h"
#include "real.h"
#include "ring.h"
#include "seal.h"
#include "snapshot.h"
#include "sys.h"

/* How many recorders of other threads are looked at for one whose thread is gone. */
#define TAKEOVER_PROBES 4u

/* All of them are looked at, when there are so many as `recorder_enough` says; which grows
 * when none is found so, or only after a long look. Thus what threads leave that come and
 * go for weeks is in proportion to how many there were at once. */
#define ENOUGH_FIRST 16u
#define LOOK_LONG 64u

/* Where memory could not be had, so many events are counted as lost before it is tried
 * anew: each try costs more than the program's own call. */
#define CREATE_REST 1000u

/* Handlers that interrupt one another's records. */
#define NESTED_MOST 8u

/* Nodes of stacks, where memory can be had no more later. */
#define LAID_IN_NODES 65536u

__thread struct recorder_thread recorder_thread
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

struct recorder *recorder_list;
static uint32_t recorder_count; /* streams handed out; atomic */
static uint32_t
	recorder_probe; /* where the search for a free one goes on; atomic, a hint */
static uint32_t recorder_enough = ENOUGH_FIRST; /* atomic, a hint */
static uint32_t create_rest;			/* attempts to leave out; atomic, a hint */
static uint32_t process_told;			/* the PROCESS record is written; atomic */

/* ---- Whose recorder --------------------------------------------------------------- */

/* Of threads that may not ask for their number (filter.h). No thread of Linux has one so
 * high (threads-max, FUTEX_TID_MASK). */
#define INVENTED_TID 0x40000000
static int invented_tid = INVENTED_TID; /* atomic */

/* In the number of a vfork child, or of another process that shares our memory. It is none
 * of this process's threads, and yet its recorder is in use: the parent finds it in its own
 * storage when the child has left. */
#define FOREIGN_TID 0x20000000

static bool thread_is_gone(int tid)
{
	return tid < FOREIGN_TID && SYS3(SYS_tgkill, process.pid, tid, 0) == -ESRCH;
}

/* The number of a recorder's thread, for the dump. */
static int told_tid(const struct recorder *r)
{
	return r->tid < INVENTED_TID ? r->tid & ~FOREIGN_TID : r->tid;
}

static bool claim(struct recorder *r, int old, int tid)
{
	return __atomic_compare_exchange_n(&r->tid, &old, tid, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

/* The first recorder from `r` on, round the list, whose thread has ended; or NULL, if it is
 * none of so many. Takes what it looks at off `most`. */
static struct recorder *find_left(struct recorder *r, uint32_t *most, int tid)
{
	for (; *most; --*most) {
		int old;

		if (!r)
			r = __atomic_load_n(&recorder_list, __ATOMIC_ACQUIRE);
		if (!r)
			return NULL;
		old = __atomic_load_n(&r->tid, __ATOMIC_ACQUIRE);
		if (!r->is_nested && (old == tid || thread_is_gone(old)) &&
		    claim(r, old, tid))
			return r;
		r = r->next;
	}
	return NULL;
}

/* As take_over, when a few have been looked at. */
static struct recorder *take_over_any(int tid, uint32_t count)
{
	uint32_t most = count;
	struct recorder *r = find_left(NULL, &most, tid);

	if (!r)
		__atomic_store_n(&recorder_enough, count + count / 2, __ATOMIC_RELAXED);
	else if (count - most > LOOK_LONG)
		__atomic_store_n(&recorder_enough, count + 1, __ATOMIC_RELAXED);
	return r;
}

/* A recorder whose thread has ended, or NULL. Mostly only a few are looked at: with many
 * short threads most are free, with many long ones none need be. */
static struct recorder *take_over(int tid)
{
	uint32_t count = __atomic_load_n(&recorder_count, __ATOMIC_RELAXED);
	uint32_t skip, most = TAKEOVER_PROBES;
	struct recorder *r = __atomic_load_n(&recorder_list, __ATOMIC_ACQUIRE);

	if (count == 0)
		return NULL;
	skip = __atomic_fetch_add(&recorder_probe, TAKEOVER_PROBES, __ATOMIC_RELAXED) %
	       count;
	for (; r && skip; skip--)
		r = r->next;
	r = find_left(r, &most, tid);
	if (!r && count >= __atomic_load_n(&recorder_enough, __ATOMIC_RELAXED))
		r = take_over_any(tid, count);
	return r;
}

static struct recorder *create(int tid)
{
	struct recorder *r;
	uint32_t number, left = __atomic_load_n(&create_rest, __ATOMIC_RELAXED);

	if (left) {
		__atomic_store_n(&create_rest, left - 1, __ATOMIC_RELAXED);
		return NULL;
	}
	r = memory_map(sizeof(*r));
	if (!r) {
		__atomic_store_n(&create_rest, CREATE_REST, __ATOMIC_RELAXED);
		return NULL;
	}
	/* Numbers are not given back, so there must be a recorder for each. */
	number = __atomic_fetch_add(&recorder_count, 1, __ATOMIC_RELAXED);
	if (number + 1 >= 1u << ORDER_OWNER_BITS) {
		__atomic_store_n(&create_rest, CREATE_REST, __ATOMIC_RELAXED);
		memory_unmap(r, sizeof(*r));
		return NULL;
	}
	r->stream = number;
	order_init(&r->order, number + 1);
	r->tid = tid;
	r->next = __atomic_load_n(&recorder_list, __ATOMIC_RELAXED);
	/* Partner: every walk of the list. */
	while (!__atomic_compare_exchange_n(&recorder_list, &r->next, r, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	return r;
}

/* What the last thread left half done when it was cancelled in the middle of a record. */
static void tidy(struct recorder *r)
{
	if (r->sealed)
		seal_break(r);
	if (r->busy && r->encoder.pos)
		memset(r->encoder.pos, 0,
		       (size_t)(r->encoder.end - r->encoder.pos) + MFT_ENCODE_SLACK);
	r->busy = 0;
	r->described = false;
	r->plain_least = INT64_MAX;
	r->plain_most = INT64_MIN;
	if (r->nested) {
		tidy(r->nested);
		r->nested->tid = r->tid;
	}
}

/* One of a signal handler's that interrupted what is recorded by others of its thread. */
static struct recorder *create_nested(int tid, uint64_t clock)
{
	struct recorder *r;

	recorder_thread.attaching++;
	r = create(tid);
	if (r) {
		r->is_nested = true;
		r->described = true;
		order_advance(&r->order, clock);
	}
	recorder_thread.attaching--;
	return r;
}

static struct recorder *attach_nested(struct recorder *outer)
{
	outer->nested = create_nested(outer->tid, outer->order.clock);
	return outer->nested;
}

static int own_tid(void)
{
	int tid = sys_gettid();
	int pid = sys_getpid();

	if (tid < 0)
		return __atomic_fetch_add(&invented_tid, 1, __ATOMIC_RELAXED);
	/* Who may not ask: as in process_is_own. */
	if (pid < 0 ? filter_is_of_child() : pid != process.pid)
		return tid | FOREIGN_TID;
	return tid;
}

void recorder_leave_parent(void)
{
	struct recorder *r = recorder_thread.recorder;
	int tid;

	if (!r || r->busy)
		return;
	tid = __atomic_load_n(&r->tid, __ATOMIC_RELAXED);
	if (tid >= INVENTED_TID || !(tid & FOREIGN_TID))
		return;
	recorder_thread.recorder = NULL;
	/* Partner: claim. From here on it is one of a thread that is gone. */
	__atomic_store_n(&r->tid, tid & ~FOREIGN_TID, __ATOMIC_RELEASE);
}

/* For a signal handler that has come while its thread's recorder is being set up. */
static struct recorder *attach_meanwhile(void)
{
	struct timespec now;

	if (!recorder_thread.meanwhile && recorder_thread.attaching == 1)
		recorder_thread.meanwhile =
			create_nested(own_tid(), process_clock(false, &now));
	return recorder_thread.meanwhile;
}

/* A recorder for the calling thread: one left by a thread that is gone, or a new one. */
static struct recorder *attach(void)
{
	struct recorder *r, *innermost;
	int tid = own_tid();

	recorder_thread.attaching = 1;
	r = take_over(tid);
	if (r)
		tidy(r);
	else
		r = create(tid);
	if (r) {
		order_advance(&r->order, process_clock(false, &r->now));
		for (innermost = r; innermost->nested;)
			innermost = innermost->nested;
		innermost->nested = recorder_thread.meanwhile;
		recorder_thread.recorder = r;
	}
	recorder_thread.meanwhile = NULL;
	recorder_thread.attaching = 0;
	return r;
}

void recorder_count_lost(struct recorder *r)
{
	if (r && r->sealed)
		seal_break(r);
	if (r && r->chunk) {
		r->chunk->lost_events++;
	} else if (process.dump.header) {
		dumpfile_loosen(&process.dump, false);
		__atomic_fetch_add(&process.dump.header->lost_events, 1, __ATOMIC_RELAXED);
	}
}

/* Whether an acquisition is not to be recorded because the recording is paused. */
static bool is_paused(bool acquiring)
{
	if (__atomic_load_n(&process_page.state, __ATOMIC_ACQUIRE) != PROCESS_PAUSED)
		return false;
	pause_look();
	if (!acquiring || process_is_recording())
		return false;
	pause_count();
	return true;
}

struct recorder *recorder_enter_slow(bool acquiring)
{
	struct recorder *r;

	if (recorder_thread.own_work)
		return NULL;
	if (!process_ready() || is_paused(acquiring))
		return NULL;
	r = recorder_thread.recorder;
	if (recorder_thread.attaching)
		r = attach_meanwhile();
	else if (!r)
		r = attach();
	/* A handler may interrupt another one's record. */
	for (unsigned depth = 0; r && r->busy && depth < NESTED_MOST; depth++)
		r = r->nested ? r->nested : attach_nested(r);
	if (!r || r->busy) {
		recorder_count_lost(NULL);
		return NULL;
	}
	r->busy = 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return r;
}

bool recorder_run(void (*work)(struct recorder *recorder, void *context), void *context)
{
	struct recorder *r = recorder_enter();

	if (!r)
		return false;
	work(r, context);
	recorder_leave(r);
	return true;
}

struct recorder_pause recorder_pause(void)
{
	struct recorder_pause pause = {recorder_thread.recorder, recorder_thread.own_work};

	recorder_thread.own_work = true;
	recorder_thread.recorder = NULL;
	return pause;
}

void recorder_resume(struct recorder_pause pause)
{
	recorder_thread.recorder = pause.recorder;
	recorder_thread.own_work = pause.own_work;
}

bool recorder_is_alone(void)
{
	int tid = sys_gettid();

	for (struct recorder *r = __atomic_load_n(&recorder_list, __ATOMIC_ACQUIRE); r;
	     r = r->next)
		if (r->tid != tid && !thread_is_gone(r->tid))
			return false;
	return true;
}

unsigned recorder_list_threads(int *tids, unsigned most)
{
	struct recorder *r = __atomic_load_n(&recorder_list, __ATOMIC_ACQUIRE);
	unsigned count = 0;

	for (; r && count < most; r = r->next)
		if (!r->is_nested && !thread_is_gone(r->tid))
			tids[count++] = told_tid(r);
	return count;
}

void recorder_abandon_all(void)
{
	for (struct recorder *r = recorder_list; r; r = r->next) {
		if (!r->chunk)
			continue;
		/* A record that the fork interrupted is finished when the handler returns:
		 * into memory of our own then. */
		if (r->busy)
			(void)SYS6(SYS_mmap, r->chunk, process.dump.header->chunk_bytes,
				   PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		else
			dumpfile_unmap(&process.dump, &r->window);
	}
	recorder_list = NULL;
	recorder_count = 0;
	recorder_enough = ENOUGH_FIRST;
	process_told = 0;
	recorder_thread.recorder = NULL;
	recorder_thread.meanwhile = NULL;
	tick_forget();
}

/* ---- Room ------------------------------------------------------------------------- */

/* Whether this thread is one of the process's own, and may wait for others of it: a vfork
 * child may be killed at any time. */
static bool may_wait(const struct recorder *r)
{
	int pid = r->is_nested ? 0 : sys_getpid();

	return pid == process.pid || pid < 0;
}

/* Space for a chunk, zero-filled: the next of the recorder's window, or a place of the
 * ring. */
static bool take_chunk(struct recorder *r, struct dumpfile_window *ret_old,
		       uint32_t *ret_index, struct mft_chunk **ret_chunk)
{
	if (__builtin_expect(!ring_is_on, 1)) {
		if (dumpfile_take_chunk(&process.dump, &r->window, ret_old, ret_chunk) < 0)
			return false;
		*ret_index = r->window.first + r->window.taken - 1;
		return true;
	}
	*ret_old = (struct dumpfile_window){0};
	if (!r->ring_stream)
		r->ring_stream = ring_add_stream(r->stream, r->is_nested, &r->encoder);
	return r->ring_stream && ring_take(may_wait(r), ret_index, ret_chunk) == 0;
}

static bool next_chunk(struct recorder *r)
{
	struct dumpfile_window old;
	struct mft_chunk *chunk;
	uint32_t index;

	if (!take_chunk(r, &old, &index, &chunk))
		return false;
	if (r->chunk)
		seal_left(r);
	/* Not for programs that are done after a few thousand events. */
	if (r->chunk_seq == 1)
		tick_search();
	/* Words that stand still for ever are found out here: the clock is asked anew. */
	r->tick = (struct tick){0};
	chunk->kind = MFT_CHUNK_EVENTS;
	chunk->header_bytes = sizeof(*chunk);
	chunk->stream = r->stream;
	chunk->seq = r->chunk_seq++;
	chunk->tid = told_tid(r);
	chunk->flags = r->is_nested ? MFT_CHUNK_FLAG_NESTED : 0;
	chunk->base_clock = r->order.clock;
	/* Partner: the reader takes nothing of a chunk without its magic. */
	__atomic_store_n(&chunk->magic, MFT_CHUNK_MAGIC, __ATOMIC_RELEASE);
	dumpfile_unmap(&process.dump, &old);
	/* From here on the chunk before may be used anew. */
	if (r->ring_stream)
		ring_link(r->ring_stream, index);
	r->chunk = chunk;
	__atomic_store_n(&r->chunk_index, index, __ATOMIC_RELAXED);
	mft_encoder_init(&r->encoder, (uint8_t *)(chunk + 1),
			 (uint8_t *)chunk + process.dump.header->chunk_bytes -
				 MFT_ENCODE_SLACK,
			 chunk->base_clock);
	return true;
}

static bool put_notice(struct recorder *r, enum mft_notice_code code, const char *string)
{
	struct mft_long record;

	mft_long_begin(&r->encoder, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, code);
	mft_long_bytes(&record, string, strlen(string));
	return mft_long_end(&r->encoder, &record, MFT_OP_NOTICE) == 0;
}

/* Who the process is, at the head of whichever stream is first. */
static void describe_process(struct recorder *r)
{
	struct mft_long record;

	(void)identity_describe(&r->encoder);
	if (process.allocator[0]) {
		mft_long_begin(&r->encoder, &record, MFT_LONG_PAYLOAD_MAX);
		mft_long_bytes(&record, process.allocator, strlen(process.allocator));
		(void)mft_long_end(&r->encoder, &record, MFT_OP_ALLOCATOR);
	}
	if (process.own_malloc[0])
		(void)put_notice(r, MFT_NOTICE_OWN_MALLOC, process.own_malloc);
	if (process.config.bad_option[0])
		(void)put_notice(r, MFT_NOTICE_OPTION, process.config.bad_option);
}

static void describe_thread(struct recorder *r)
{
	char name[16] = "";
	struct mft_long record;

	(void)SYS2(SYS_prctl, PR_GET_NAME, name);
	mft_long_begin(&r->encoder, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, (uint32_t)told_tid(r));
	mft_long_bytes(&record, name, strnlen(name, sizeof(name)));
	if (mft_long_end(&r->encoder, &record, MFT_OP_THREAD) == 0)
		r->described = true;
}

bool recorder_put_notice(struct recorder *r, uint32_t code, const char *text)
{
	return recorder_room(r, strlen(text) + 64) &&
	       put_notice(r, (enum mft_notice_code)code, text);
}

void recorder_lay_in(struct recorder *r)
{
	(void)nodes_enlarge(&r->stack.nodes, LAID_IN_NODES);
	(void)paths_reserve(&r->stack.paths, 1);
}

bool recorder_make_room(struct recorder *r, size_t bytes)
{
	if (r->sealed)
		seal_break(r);
	if (!r->chunk || !mft_room(&r->encoder, bytes + 64)) {
		if (!next_chunk(r))
			return false;
		if (!__atomic_exchange_n(&process_told, 1, __ATOMIC_RELAXED))
			describe_process(r);
	}
	if (!r->described)
		describe_thread(r);
	return mft_room(&r->encoder, bytes);
}
