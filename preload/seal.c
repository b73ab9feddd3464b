/* SPDX-License-Identifier: MIT */
#include "seal.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <signal.h>

#include "mft_seal.h"
#include "process.h"
#include "recorder.h"
#include "ring.h"
#include "sys.h"

/* So long the chunks of other threads may take; what is left then has no seal. */
#define OTHERS_NS 50000000ull

static void put(struct mft_chunk *chunk, uint32_t bytes)
{
	uint64_t seal = mft_seal_chunk(chunk, bytes, process.dump.header->chunk_bytes);

	/* Partner: the reader, which has all that is sealed with the seal. */
	__atomic_store_n(&chunk->seal, seal, __ATOMIC_RELEASE);
}

static uint32_t committed_bytes(const struct recorder *r)
{
	return (uint32_t)(r->encoder.pos - (const uint8_t *)r->chunk);
}

void seal_left(struct recorder *r)
{
	put(r->chunk, process.dump.header->chunk_bytes);
	r->sealed = false;
}

void seal_break(struct recorder *r)
{
	r->sealed = false;
	r->encoder.end =
		(uint8_t *)r->chunk + process.dump.header->chunk_bytes - MFT_ENCODE_SLACK;
	put(r->chunk, committed_bytes(r));
}

/* Seals a chunk that nobody writes to now. The room is taken away, so that a later record
 * must come by recorder_make_room, which breaks the seal. */
static void seal_at_rest(struct recorder *r)
{
	if (!r->chunk)
		return;
	if (r->busy) {
		/* By this very thread, which a signal handler ends that interrupted it; or
		 * by one that is gone. */
		put(r->chunk, committed_bytes(r));
		return;
	}
	r->encoder.end = r->encoder.pos;
	r->sealed = true;
	put(r->chunk, process.dump.header->chunk_bytes);
}

/* Seals the committed records of a thread that goes on writing. Its own view of the chunk
 * may go at any moment; and when it leaves the chunk meanwhile, its seal stays. */
static void seal_in_use(const struct recorder *r)
{
	const uint32_t chunk_bytes = process.dump.header->chunk_bytes;
	struct mft_decoder decoder;
	struct mft_record record;
	struct mft_chunk *chunk;
	uint64_t none = 0;
	uint8_t *start;

	if (dumpfile_map_again(&process.dump,
			       __atomic_load_n(&r->chunk_index, __ATOMIC_RELAXED),
			       &chunk) < 0)
		return;
	start = (uint8_t *)chunk;
	if (__atomic_load_n(&chunk->magic, __ATOMIC_ACQUIRE) == MFT_CHUNK_MAGIC &&
	    chunk->stream == r->stream &&
	    __atomic_load_n(&chunk->seal, __ATOMIC_ACQUIRE) == 0) {
		mft_decoder_init(&decoder, start + chunk->header_bytes, start + chunk_bytes,
				 chunk->base_clock);
		while (mft_decode(&decoder, &record) > 0)
			;
		(void)__atomic_compare_exchange_n(
			&chunk->seal, &none,
			mft_seal_chunk(chunk, (uint32_t)(decoder.pos - start), chunk_bytes),
			false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
	dumpfile_unmap_again(&process.dump, chunk);
}

/* Whether that is one of a thread's own, outermost or nested. */
static bool is_nested_in(const struct recorder *r, const struct recorder *outermost)
{
	for (; outermost; outermost = outermost->nested)
		if (r == outermost)
			return true;
	return false;
}

static void seal_others(const struct recorder *own)
{
	struct recorder *r = __atomic_load_n(&recorder_list, __ATOMIC_ACQUIRE);
	struct timespec now;
	const uint64_t deadline = process_clock(true, &now) + OTHERS_NS / MFT_CLOCK_UNIT_NS;

	/* The chunk of a ring may be another stream's by the time that it is sealed. */
	if (process.dump.header->mode == MFT_MODE_RING)
		return;
	for (; r && process_clock(true, &now) < deadline; r = r->next)
		if (!is_nested_in(r, own))
			seal_in_use(r);
}

/* Whether the process has one thread: also none that is yet to record. The kernel counts
 * them as links of this directory. */
static bool is_single_threaded(void)
{
	struct statx st;
	long r = sys_call(SYS_statx, AT_FDCWD, (long)"/proc/self/task", 0, STATX_NLINK,
			  (long)&st, 0);

	return r == 0 && st.stx_nlink == 3;
}

void seal_process(void)
{
	struct recorder *own = recorder_thread.recorder;
	const bool alone = is_single_threaded();
	uint64_t all = ~0ull, before = 0;

	/* A handler would write to what is being sealed. */
	(void)SYS4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, sizeof(all));
	if (alone) {
		for (struct recorder *r = recorder_list; r; r = r->next)
			seal_at_rest(r);
	} else {
		for (struct recorder *r = own; r; r = r->nested)
			seal_at_rest(r);
		seal_others(own);
	}
	if (ring_is_on)
		ring_seal();
	dumpfile_seal(&process.dump, alone);
	(void)SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
}
