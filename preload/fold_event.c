/* SPDX-License-Identifier: MIT */
#include "fold_event.h"

#include <errno.h>
#include <string.h>

#include "fold.h"
#include "fold_facts.h"
#include "mft_codec.h"

/* How many records ahead a block is fetched. */
#define FETCH_AHEAD 12

/* ---- Blocks ----------------------------------------------------------------------- */

/* A block at whose address another begins: it ends as if it had been freed. */
static __attribute__((noinline)) void drop_older(struct fold *fold, struct fold_spot *spot,
						 struct mft_ring_block *older,
						 uint64_t clock)
{
	const uint64_t address = older->address;

	fold->state.now.totals.double_allocations++;
	fold_ledger_release(&fold->ledger, older, clock, false);
	fold_blocks_remove(&fold->blocks, spot, older);
	(void)fold_blocks_get(&fold->blocks, address, spot);
}

/* Makes a block at an address; one that was there ends. */
static inline int make_block(struct fold *fold, uint64_t address, uint64_t clock,
			     struct mft_ring_block **ret_block)
{
	struct fold_spot spot;
	struct mft_ring_block *older = fold_blocks_get(&fold->blocks, address, &spot);

	if (__builtin_expect(older != NULL, 0))
		drop_older(fold, &spot, older, clock);
	return fold_blocks_add(&fold->blocks, address, &spot, ret_block);
}

/* ---- Reallocs --------------------------------------------------------------------- */

static bool is_last(const struct mft_ring_stream *stream,
		    const struct mft_ring_block *block)
{
	return stream->last_address == block->address && stream->last_birth == block->birth;
}

/* The realloc, if there is one, has no second half: it was a free. */
static void settle(struct fold *fold, struct mft_ring_stream *stream)
{
	if (stream->half == MFT_RING_HALF_BLOCK)
		fold_ledger_release(&fold->ledger, &stream->released, stream->half_clock,
				    stream->half_temporary);
	else if (stream->half == MFT_RING_HALF_UNKNOWN)
		fold->state.now.totals.unmatched_frees++;
	stream->half = MFT_RING_HALF_NONE;
}

/* Its second half is here. A block that grows or shrinks is not one that was freed at once,
 * so it is never temporary. */
static void complete(struct fold *fold, struct mft_ring_stream *stream)
{
	if (stream->half == MFT_RING_HALF_BLOCK)
		fold->state.now.totals.reallocs++;
	stream->half_temporary = false;
	settle(fold, stream);
}

static bool is_second_half(uint8_t op)
{
	return op == MFT_OP_REALLOC || op == MFT_OP_REALLOCARRAY || op == MFT_OP_REACQUIRE;
}

static void release_half(struct fold *fold, struct fold_stream *from,
			 const struct fold_ahead *record)
{
	struct mft_ring_stream *stream = &from->folded;
	struct fold_spot spot;
	struct mft_ring_block *block =
		fold_blocks_get(&fold->blocks, record->address, &spot);
	uint8_t next = fold_stream_peek(from, record, fold->places);

	stream->half_op = record->op;
	stream->half_clock = record->clock;
	stream->half_temporary = false;
	stream->half = MFT_RING_HALF_UNKNOWN;
	if (block) {
		stream->released = *block;
		fold_blocks_remove(&fold->blocks, &spot, block);
		stream->half = MFT_RING_HALF_BLOCK;
		stream->half_temporary = is_last(stream, &stream->released);
	}
	/* If the next event is not there yet, it will show. */
	if (next != MFT_OP_END && !is_second_half(next))
		settle(fold, stream);
}

static int reacquire(struct fold *fold, struct mft_ring_stream *stream, uint64_t clock)
{
	const uint8_t half = stream->half;
	struct mft_ring_block *block;
	int r;

	if (half == MFT_RING_HALF_NONE) {
		fold->state.now.totals.damaged++;
		return 0;
	}
	stream->half = MFT_RING_HALF_NONE;
	fold->state.now.totals.op_counts[stream->half_op]--;
	if (half != MFT_RING_HALF_BLOCK)
		return 0;
	r = make_block(fold, stream->released.address, clock, &block);
	if (r == 0)
		*block = stream->released;
	return r;
}

/* ---- Acquisitions and releases ---------------------------------------------------- */

static inline int acquire(struct fold *fold, struct fold_stream *from,
			  const struct fold_ahead *record)
{
	struct mft_ring_stream *stream = &from->folded;
	struct mft_ring_block *block;
	uint32_t node, site;
	int r;

	if (__builtin_expect(!fold_nodemap_find(&from->nodes, record->stack, &node) ||
				     record->address == 0,
			     0)) {
		fold->state.now.totals.damaged++;
		return 0;
	}
	r = fold_ledger_site(&fold->ledger, node, record->op, &site);
	if (__builtin_expect(r < 0, 0))
		return r;
	if (__builtin_expect(stream->half != MFT_RING_HALF_NONE, 0))
		complete(fold, stream);
	r = make_block(fold, record->address, record->clock, &block);
	if (__builtin_expect(r < 0, 0))
		return r;
	block->size = record->size;
	/* Less than was asked for: the allocator did not know. */
	block->usable = record->usable > record->size ? record->usable : record->size;
	block->birth = record->clock;
	block->site = site;
	block->thread = stream->thread;
	fold_ledger_acquire(&fold->ledger, block);
	stream->last_address = record->address;
	stream->last_birth = record->clock;
	return 0;
}

static inline void release(struct fold *fold, struct mft_ring_stream *stream,
			   const struct fold_ahead *record)
{
	struct fold_spot spot;
	struct mft_ring_block *block =
		fold_blocks_get(&fold->blocks, record->address, &spot);

	if (__builtin_expect(block == NULL, 0)) {
		fold->state.now.totals.unmatched_frees++;
		return;
	}
	fold_ledger_release(&fold->ledger, block, record->clock, is_last(stream, block));
	fold_blocks_remove(&fold->blocks, &spot, block);
}

static int fail(struct fold *fold, const struct fold_stream *from,
		const struct mft_record *record)
{
	struct mft_failed call;
	uint32_t node, site;
	int r;

	if (mft_decode_failed(record->payload, &call) < 0 ||
	    !fold_nodemap_find(&from->nodes, call.stack, &node)) {
		fold->state.now.totals.damaged++;
		return 0;
	}
	r = fold_ledger_site(&fold->ledger, node, call.op, &site);
	if (r == 0)
		fold_ledger_fail(&fold->ledger, site);
	return r;
}

/* ---- Everything else -------------------------------------------------------------- */

static int node(struct fold *fold, struct fold_stream *from,
		const struct mft_record *record)
{
	struct mft_record defined = *record;

	defined.module = fold_modules_first(&fold->modules, record->module);
	return fold_stacks_define(&fold->stacks, &from->nodes, from->number, &defined);
}

/* What a record came to that may make no sense. */
static int counting_damage(struct fold *fold, int r)
{
	if (r != -EBADMSG)
		return r;
	fold->state.now.totals.damaged++;
	return 0;
}

static __attribute__((noinline)) int other(struct fold *fold, struct fold_stream *from,
					   const struct fold_ahead *ahead)
{
	struct mft_record decoded;
	const struct mft_record *record = &decoded;

	if (!fold_ahead_decode(ahead, &decoded)) {
		fold->state.now.totals.damaged++;
		return 0;
	}
	switch (record->op) {
	case MFT_OP_NODE:
		return counting_damage(fold, node(fold, from, record));
	case MFT_OP_REACQUIRE:
		return reacquire(fold, &from->folded, record->clock);
	case MFT_OP_NODES_RESET:
		fold_nodemap_reset(&from->nodes);
		return 0;
	case MFT_OP_THREAD:
		return fold_facts_thread(fold, from, record);
	case MFT_OP_PROCESS:
	case MFT_OP_ALLOCATOR:
	case MFT_OP_NOTICE:
		return fold_facts_keep(&fold->state, record);
	case MFT_OP_MODULE:
		return counting_damage(
			fold, fold_modules_add(&fold->modules, &fold->state, record));
	case MFT_OP_FAILED:
		return fail(fold, from, record);
	case MFT_OP_MMAP:
	case MFT_OP_MUNMAP:
	case MFT_OP_MREMAP:
	case MFT_OP_BRK:
	case MFT_OP_MADVISE:
		fold_facts_mapping(fold, record);
		return 0;
	case MFT_OP_SNAPSHOT_END:
		fold->state.now.totals.snapshots++;
		return 0;
	default:
		return 0;
	}
}

/* Whether the next record frees what this one allocates, and nothing else has to be minded:
 * the block need not come into being. */
static inline bool is_pair(const struct fold *fold, const struct mft_ring_stream *stream,
			   const struct fold_ahead *first)
{
	const struct mft_ring_totals *totals = &fold->state.now.totals;

	return first[1].address == first->address && mft_op_is_alloc(first->op) &&
	       mft_op_is_free(first[1].op) && first[1].op != MFT_OP_REALLOC_RELEASE &&
	       first[1].op != MFT_OP_REALLOCARRAY_RELEASE && first->address &&
	       stream->half == MFT_RING_HALF_NONE &&
	       totals->live_bytes + first->size <= totals->peak_bytes;
}

/* Folds two such records. Returns 1; 0 where the block has to come into being for all that;
 * or a negative errno. */
static inline int take_pair(struct fold *fold, struct fold_stream *from,
			    const struct fold_ahead *first)
{
	struct mft_ring_stream *stream = &from->folded;
	struct mft_ring_totals *totals = &fold->state.now.totals;
	struct fold_spot spot;
	uint32_t node, site;
	int r;

	if (!fold_nodemap_find(&from->nodes, first->stack, &node) ||
	    fold_blocks_get(&fold->blocks, first->address, &spot))
		return 0;
	r = fold_ledger_site(&fold->ledger, node, first->op, &site);
	if (r < 0)
		return r;
	fold_ledger_pair(&fold->ledger, site, first->size, first[1].clock - first->clock);
	totals->op_counts[first->op]++;
	totals->op_counts[first[1].op]++;
	stream->last_address = first->address;
	stream->last_birth = first->clock;
	return 1;
}

static inline int event(struct fold *fold, struct fold_stream *from,
			const struct fold_ahead *ahead)
{
	struct mft_ring_stream *stream = &from->folded;
	const uint8_t op = ahead->op;

	fold->state.now.totals.op_counts[op]++;
	if (__builtin_expect(stream->half != MFT_RING_HALF_NONE, 0) && !is_second_half(op))
		settle(fold, stream);
	if (mft_op_is_alloc(op))
		return acquire(fold, from, ahead);
	if (__builtin_expect(
		    op == MFT_OP_REALLOC_RELEASE || op == MFT_OP_REALLOCARRAY_RELEASE, 0))
		release_half(fold, from, ahead);
	else
		release(fold, stream, ahead);
	return 0;
}

/* Fetches the block that one of the next records frees. */
static inline void fetch_ahead(const struct fold *fold, const struct fold_stream *from,
			       const struct fold_ahead *ahead)
{
	const struct fold_ahead *later = ahead + FETCH_AHEAD;

	if (later < &from->ahead[from->filled] && mft_op_is_free(later->op))
		fold_blocks_fetch_block(&fold->blocks, later->address);
}

int fold_events(struct fold *fold, struct fold_stream *from, uint32_t end)
{
	struct mft_ring_stream *stream = &from->folded;
	const struct fold_ahead *ahead = &from->ahead[from->taken];
	const struct fold_ahead *stop = &from->ahead[end];
	const bool is_fetching = fold_blocks_are_many(&fold->blocks);
	uint64_t address = stream->address;
	int r = 0;

	fold->state.now.totals.records += (uint64_t)(stop - ahead);
	for (; ahead < stop && r >= 0; ahead++) {
		if (is_fetching)
			fetch_ahead(fold, from, ahead);
		if (__builtin_expect(!fold_ahead_is_event(ahead), 0)) {
			r = other(fold, from, ahead);
			continue;
		}
		address = ahead->address;
		if (ahead + 1 < stop && is_pair(fold, stream, ahead)) {
			r = take_pair(fold, from, ahead);
			if (r != 0) {
				ahead++;
				continue;
			}
		}
		r = event(fold, from, ahead);
	}
	fold->bytes += stop[-1].end - stream->offset;
	stream->offset = stop[-1].end;
	stream->clock = stop[-1].clock;
	stream->address = address;
	from->taken = end;
	return r < 0 ? r : 0;
}
