/* SPDX-License-Identifier: MIT */
/*
 * model.h - what the events of a dump mean: which blocks are live, who holds them, what is
 * counted.
 *
 * A realloc comes in two halves. Its first half takes the block out of the live ones (the
 * address may be used again at once) but stays unbooked until model_acquire (it moved),
 * model_reacquire (it failed) or model_settle (it freed): so no peak comes to be, or is
 * missed, between the halves.
 * Guarantees: live blocks have distinct addresses; allocations less frees are the live
 * blocks (and those between the halves of a realloc).
 * Threads: one at a time. Memory: blocks.h, ledger.h; model_done frees it.
 * Not here: the order of the events (merge.h), and their stacks (records.h).
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "blocks.h"
#include "cells.h"
#include "ledger.h"
#include "mft_codec.h"

struct profile;

struct model {
	struct profile *profile; /* counters only */
	struct blocks blocks;
	struct cells cells; /* the same blocks, by page */
	struct ledger ledger;
};

enum model_half {
	MODEL_HALF_NONE = 0,
	MODEL_HALF_BLOCK,   /* model_thread.released; still booked in the ledger */
	MODEL_HALF_UNKNOWN, /* of an address that was not live */
};

/* What the meaning of a thread's next event depends on. All zeros at its begin. */
struct model_thread {
	/* Its last allocation; together they tell it from any other block that was at the
	 * same address later. */
	uint64_t last_address, last_birth;
	uint32_t id; /* as the system numbers threads */
	enum model_half half;
	uint8_t half_op;
	bool half_temporary;
	uint64_t half_clock;
	struct block released;
};

/* Starts with no block; pages are of page_bytes. Totals and sites go to the ledger, the
 * other counters to the profile, which must live longer. */
void model_init(struct model *model, struct profile *profile, uint32_t page_bytes);
void model_done(struct model *model);

/* An acquisition, called from `frame`; its address is not 0. Returns 0 or -ENOMEM. */
int model_acquire(struct model *model, struct model_thread *thread,
		  const struct mft_record *record, uint32_t frame);

/* A block that is live where a replay begins; it is booked already. Returns 0, -EBADMSG:
 * its address was live; or -ENOMEM. */
int model_seed_block(struct model *model, const struct block *block);

/* An acquisition that returned NULL. Returns 0 or -ENOMEM. */
int model_fail(struct model *model, uint8_t op, uint32_t frame);

/* A release that is no half of a realloc. */
void model_release(struct model *model, struct model_thread *thread,
		   const struct mft_record *record);

/* The first half of a realloc. */
void model_release_half(struct model *model, struct model_thread *thread,
			const struct mft_record *record);

/* The realloc failed: its block is what it was. Returns 0, -EBADMSG: there is no first
 * half; or -ENOMEM. */
int model_reacquire(struct model *model, struct model_thread *thread, uint64_t clock);

/* The realloc, if there is one, has no second half: it was a free. */
void model_settle(struct model *model, struct model_thread *thread);

/* Another thread goes on with the stream: the one with this id. */
void model_change_thread(struct model_thread *thread, uint32_t id);

#endif
