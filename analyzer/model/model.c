/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <errno.h>
#include <string.h>

#include "profile.h"

void model_init(struct model *model, struct profile *profile, uint32_t page_bytes)
{
	memset(model, 0, sizeof(*model));
	cells_init(&model->cells, page_bytes);
	model->profile = profile;
}

void model_done(struct model *model)
{
	blocks_done(&model->blocks);
	cells_done(&model->cells);
	ledger_done(&model->ledger);
}

/* A block at whose address another begins: it ends as if it had been freed. */
static void drop_older(struct model *model, const struct block *older, uint64_t clock)
{
	model->profile->double_allocations++;
	cells_drop(&model->cells, older->address);
	ledger_release(&model->ledger, older, clock, false);
}

/* Adds a block, which is booked already, to the live ones. */
static int make_live(struct model *model, const struct block *block, uint64_t clock)
{
	struct block older;
	int r = blocks_put(&model->blocks, block, &older);

	if (r > 0)
		drop_older(model, &older, clock);
	return r < 0 ? r : cells_note(&model->cells, block);
}

static bool make_dead(struct model *model, uint64_t address, struct block *ret_block)
{
	if (!blocks_take(&model->blocks, address, ret_block))
		return false;
	cells_drop(&model->cells, address);
	return true;
}

/* A block is temporary if its thread allocated it last. */
static bool is_last(const struct model_thread *thread, const struct block *block)
{
	return thread->last_address == block->address && thread->last_birth == block->birth;
}

void model_settle(struct model *model, struct model_thread *thread)
{
	if (thread->half == MODEL_HALF_BLOCK)
		ledger_release(&model->ledger, &thread->released, thread->half_clock,
			       thread->half_temporary);
	else if (thread->half == MODEL_HALF_UNKNOWN)
		model->profile->unmatched_frees++;
	thread->half = MODEL_HALF_NONE;
}

/* The second half is here. A block that grows or shrinks is not one that was freed at once,
 * so it is never temporary. */
static void complete(struct model *model, struct model_thread *thread)
{
	if (thread->half == MODEL_HALF_BLOCK)
		model->profile->reallocs++;
	thread->half_temporary = false;
	model_settle(model, thread);
}

int model_acquire(struct model *model, struct model_thread *thread,
		  const struct mft_record *record, uint32_t frame)
{
	struct block *block;
	uint32_t site;
	int r = ledger_site(&model->ledger, frame, record->op, &site);

	if (r < 0)
		return r;
	if (__builtin_expect(thread->half != MODEL_HALF_NONE, 0))
		complete(model, thread);
	r = blocks_add(&model->blocks, record->address, &block);
	if (r < 0)
		return r;
	if (__builtin_expect(r > 0, 0))
		drop_older(model, block, record->clock);
	block->size = record->size;
	/* Less than was asked for: the allocator did not know. */
	block->usable = record->usable > record->size ? record->usable : record->size;
	block->birth = record->clock;
	block->site = site;
	block->thread = thread->id;
	ledger_acquire(&model->ledger, block);
	thread->last_address = record->address;
	thread->last_birth = record->clock;
	model->profile->op_counts[record->op]++;
	return cells_note(&model->cells, block);
}

int model_seed_block(struct model *model, const struct block *block)
{
	struct block older;
	int r = blocks_put(&model->blocks, block, &older);

	if (r > 0)
		return -EBADMSG;
	return r < 0 ? r : cells_note(&model->cells, block);
}

int model_fail(struct model *model, uint8_t op, uint32_t frame)
{
	uint32_t site;
	int r = ledger_site(&model->ledger, frame, op, &site);

	if (r == 0)
		ledger_fail(&model->ledger, site);
	return r;
}

void model_release(struct model *model, struct model_thread *thread,
		   const struct mft_record *record)
{
	struct block *block = blocks_find(&model->blocks, record->address);

	if (__builtin_expect(block != NULL, 1)) {
		ledger_release(&model->ledger, block, record->clock,
			       is_last(thread, block));
		blocks_remove(&model->blocks, block);
		cells_drop(&model->cells, record->address);
	} else {
		model->profile->unmatched_frees++;
	}
	model->profile->op_counts[record->op]++;
}

void model_release_half(struct model *model, struct model_thread *thread,
			const struct mft_record *record)
{
	model_settle(model, thread);
	thread->half_op = record->op;
	thread->half_clock = record->clock;
	thread->half_temporary = false;
	thread->half = MODEL_HALF_UNKNOWN;
	if (make_dead(model, record->address, &thread->released)) {
		thread->half = MODEL_HALF_BLOCK;
		thread->half_temporary = is_last(thread, &thread->released);
	}
	model->profile->op_counts[record->op]++;
}

int model_reacquire(struct model *model, struct model_thread *thread, uint64_t clock)
{
	enum model_half half = thread->half;

	if (half == MODEL_HALF_NONE)
		return -EBADMSG;
	thread->half = MODEL_HALF_NONE;
	model->profile->op_counts[thread->half_op]--;
	return half == MODEL_HALF_BLOCK ? make_live(model, &thread->released, clock) : 0;
}

void model_change_thread(struct model_thread *thread, uint32_t id)
{
	thread->last_address = 0;
	thread->id = id;
}
