/* SPDX-License-Identifier: MIT */
#include "records.h"

#include <errno.h>
#include <stdlib.h>

#include "facts.h"
#include "pointers.h"
#include "profile.h"
#include "reader.h"
#include "snapshot.h"

/* ---- Acquisitions and releases ---------------------------------------------------- */

static int acquire(struct replay *replay, struct merge_stream *from,
		   struct replay_stream *stream)
{
	const struct mft_record *record = from->record;
	uint32_t frame;

	if (stack_nodes_find(&stream->nodes, record->stack, &frame) < 0) {
		cursor_fail(&from->cursor, "stack node %u is used but not defined",
			    record->stack);
		return 0;
	}
	if (record->address == 0) {
		cursor_fail(&from->cursor, "a block at address 0");
		return 0;
	}
	return model_acquire(&replay->model, &stream->thread, record, frame);
}

static bool is_second_half(uint8_t op)
{
	return op == MFT_OP_REALLOC || op == MFT_OP_REALLOCARRAY || op == MFT_OP_REACQUIRE;
}

static int release(struct replay *replay, struct merge_stream *from,
		   struct replay_stream *stream)
{
	const struct mft_record *record = from->record;
	uint8_t next;
	int r;

	if (record->op != MFT_OP_REALLOC_RELEASE &&
	    record->op != MFT_OP_REALLOCARRAY_RELEASE) {
		model_release(&replay->model, &stream->thread, record);
		return 0;
	}
	/* What a realloc's first half means depends on what its thread does next. */
	r = cursor_peek(&from->cursor, &next);
	if (r < 0)
		return r;
	model_release_half(&replay->model, &stream->thread, record);
	if (!is_second_half(next))
		model_settle(&replay->model, &stream->thread);
	return 0;
}

int records_await_half(struct replay *replay, size_t index)
{
	struct model_thread *thread = &replay->streams[index].thread;
	uint8_t next;
	int r;

	if (thread->half == MODEL_HALF_NONE)
		return 0;
	r = cursor_peek(&replay->merge.streams[index].cursor, &next);
	if (r == 0 && !is_second_half(next))
		model_settle(&replay->model, thread);
	return r;
}

static int reacquire(struct replay *replay, struct merge_stream *from,
		     struct replay_stream *stream)
{
	int r = model_reacquire(&replay->model, &stream->thread, from->record->clock);

	if (r != -EBADMSG)
		return r;
	cursor_fail(&from->cursor, "a realloc fails that did not begin");
	return 0;
}

static int failed(struct replay *replay, struct merge_stream *from,
		  struct replay_stream *stream)
{
	struct mft_failed call;
	uint32_t frame;
	int r = mft_decode_failed(from->record->payload, &call);

	if (r == 0)
		r = stack_nodes_find(&stream->nodes, call.stack, &frame);
	if (r == 0)
		r = model_fail(&replay->model, call.op, frame);
	return r;
}

/* ---- Everything else -------------------------------------------------------------- */

static int mapping_call(struct replay *replay, const struct mft_record *record)
{
	struct profile_mappings *mappings = &replay->profile->mappings;
	struct mft_mapping call;
	uint64_t before = 0, after = 0;
	int r = mft_decode_mapping(record->payload, &call);

	if (r < 0)
		return r;
	switch (record->op) {
	case MFT_OP_MMAP:
		mappings->mmap_calls++;
		after = call.length;
		break;
	case MFT_OP_MUNMAP:
		mappings->munmap_calls++;
		before = call.length;
		break;
	case MFT_OP_MREMAP:
		mappings->mremap_calls++;
		after = call.length;
		before = call.old_length;
		break;
	case MFT_OP_BRK:
		mappings->brk_calls++;
		after = call.address;
		before = call.old_address;
		r = breaks_move(&replay->breaks, before, after);
		break;
	default:
		mappings->madvise_calls++;
		break;
	}
	if (after > before)
		mappings->mapped_bytes += after - before;
	else
		mappings->unmapped_bytes += before - after;
	return r;
}

/* Whether a record of a snapshot or a scan is behind the state of a ring, and what opened
 * it before. */
static bool is_rest(struct replay_stream *stream, bool opens)
{
	if (opens)
		stream->resumed = false;
	return stream->resumed;
}

static int snapshot_record(struct replay *replay, const struct mft_record *record,
			   struct replay_stream *stream)
{
	struct snapshot *snapshot = stream->snapshot;

	if (is_rest(stream, record->op == MFT_OP_SNAPSHOT))
		return 0;
	if (!snapshot) {
		snapshot = stream->snapshot = calloc(1, sizeof(*snapshot));
		if (!snapshot)
			return -ENOMEM;
	}
	if (record->op == MFT_OP_SNAPSHOT)
		return snapshot_begin(snapshot, record->payload);
	if (record->op == MFT_OP_SNAPSHOT_MAP)
		return snapshot_add(snapshot, replay->reader->header.page_bytes,
				    record->payload);
	if (record->op == MFT_OP_SNAPSHOT_THREADS)
		return snapshot_add_threads(snapshot, record->payload);
	if (!snapshot_end(snapshot))
		return -EBADMSG;
	return heap_add(&replay->heap, snapshot, record->clock, &replay->model);
}

void records_free_scan(struct pointers *scan)
{
	if (scan)
		pointers_done(scan);
	free(scan);
}

static int scan_record(struct replay *replay, const struct mft_record *record,
		       struct replay_stream *stream)
{
	struct pointers *scan;
	int r;

	if (is_rest(stream, record->op == MFT_OP_SCAN))
		return 0;
	if (record->op != MFT_OP_SCAN_END)
		return scanrecords_add(&stream->scan, record, &replay->modules);
	r = scanrecords_end(&stream->scan, record, &replay->model.blocks, &scan);
	if (r < 0)
		return r;
	scan->inherits = replay->reader->header.flags & MFT_FLAG_FORKED ||
			 replay->reader->header.paused_events > 0;
	records_free_scan(replay->scan);
	replay->scan = scan;
	return breaks_add_roots(&replay->breaks, scan);
}

static int thread_record(struct replay *replay, const struct merge_stream *from,
			 struct replay_stream *stream)
{
	struct mft_thread thread;
	int r = mft_decode_thread(from->record->payload, &thread);

	if (r < 0)
		return r;
	model_change_thread(&stream->thread, (uint32_t)thread.tid);
	if (from->cursor.stream->nested)
		return 0;
	replay->profile->threads++;
	return facts_thread(replay->profile, &thread);
}

/* Long records. Unknown ones are of a newer minor version and are skipped. */
static int long_record(struct replay *replay, struct merge_stream *from,
		       struct replay_stream *stream)
{
	const struct mft_record *record = from->record;

	switch (record->op) {
	case MFT_OP_PROCESS:
		return facts_process(replay->profile, record->payload);
	case MFT_OP_THREAD:
		return thread_record(replay, from, stream);
	case MFT_OP_MODULE:
		return modulemap_add(&replay->modules, record->payload);
	case MFT_OP_NODES_RESET:
		stack_nodes_reset(&stream->nodes);
		return 0;
	case MFT_OP_FAILED:
		return failed(replay, from, stream);
	case MFT_OP_MMAP:
	case MFT_OP_MUNMAP:
	case MFT_OP_MREMAP:
	case MFT_OP_BRK:
	case MFT_OP_MADVISE:
		return mapping_call(replay, record);
	case MFT_OP_SNAPSHOT:
	case MFT_OP_SNAPSHOT_MAP:
	case MFT_OP_SNAPSHOT_END:
	case MFT_OP_SNAPSHOT_THREADS:
		return snapshot_record(replay, record, stream);
	case MFT_OP_SCAN:
	case MFT_OP_SCAN_ROOT:
	case MFT_OP_SCAN_WORDS:
	case MFT_OP_SCAN_CONTENTS:
	case MFT_OP_SCAN_END:
		return scan_record(replay, record, stream);
	case MFT_OP_ALLOCATOR:
		return facts_allocator(replay->profile, record->payload);
	case MFT_OP_NOTICE:
		return facts_notice(replay->profile, record->payload);
	default:
		return 0;
	}
}

static int node_record(struct replay *replay, struct merge_stream *from,
		       struct replay_stream *stream)
{
	const struct mft_record *record = from->record;
	int r = stack_nodes_define(&stream->nodes, record, &replay->stacks,
				   &replay->modules);

	if (r == -EBADMSG) {
		cursor_fail(&from->cursor, "stack node %u is a parent but not defined",
			    record->parent);
		return 0;
	}
	if (r == -ENOENT) {
		reader_note_damage(replay->reader, 0,
				   "module %u is used but never described", record->module);
		return 0;
	}
	return r;
}

static int other_record(struct replay *replay, struct merge_stream *from,
			struct replay_stream *stream)
{
	uint8_t op = from->record->op;
	int r;

	if (op == MFT_OP_NODE)
		return node_record(replay, from, stream);
	if (op == MFT_OP_REACQUIRE)
		return reacquire(replay, from, stream);
	r = long_record(replay, from, stream);
	if (r != -EBADMSG)
		return r;
	/* Its length is known, so the records behind it can be read. */
	cursor_note(&from->cursor, "record 0x%02x makes no sense", op);
	return 0;
}

int records_take(struct replay *replay, struct merge_stream *from,
		 struct replay_stream *stream)
{
	uint8_t op = from->record->op;

	if (mft_op_is_free(op))
		return release(replay, from, stream);
	if (op < MFT_OP_LONG && mft_op_is_alloc(op))
		return acquire(replay, from, stream);
	return other_record(replay, from, stream);
}

int records_take_outside(struct replay *replay, const struct mft_record *record,
			 struct replay_stream *stream)
{
	uint8_t op = record->op;

	if (op == MFT_OP_SNAPSHOT || op == MFT_OP_SNAPSHOT_MAP || op == MFT_OP_SNAPSHOT_END)
		return snapshot_record(replay, record, stream);
	if (op >= MFT_OP_SCAN && op <= MFT_OP_SCAN_END)
		return scan_record(replay, record, stream);
	return 0;
}

void records_stream_done(struct replay_stream *stream)
{
	stack_nodes_done(&stream->nodes);
	if (stream->snapshot)
		snapshot_done(stream->snapshot);
	free(stream->snapshot);
	scanrecords_done(&stream->scan);
}
