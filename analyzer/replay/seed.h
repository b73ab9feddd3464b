/* SPDX-License-Identifier: MIT */
/*
 * seed.h - begins a replay where the state of a ring dump ends.
 *
 * What the events that a ring dump no longer has left behind (ring.h) is put into the
 * tables that a replay of them would have filled: modules, stacks, sites with their sums,
 * live blocks, how things stand with each stream. The replay of the newest events then goes
 * on as if it had seen all of them. Guarantees: nothing is believed that ring_load has not
 * checked. Threads: one at a time. Memory: as the tables.
 */
#ifndef SEED_H
#define SEED_H

#include <stdint.h>

struct modulemap;
struct profile;
struct reader;
struct replay;
struct ring;
struct stack_nodes;
struct stacks;

/* What the nodes of a ring are here. All zeros: of no ring. */
struct seed_frames {
	uint32_t *frames; /* by node, the roots included */
	uint32_t count;
	uint32_t *granules; /* the ring's, by stream, then index */
};

/* Adds the modules and the stacks of a ring. Returns 0, -ENOMEM, or what pread says;
 * seed_frames_done in any case. */
int seed_stacks(const struct ring *ring, struct modulemap *modules, struct stacks *stacks,
		struct seed_frames *ret_frames);
void seed_frames_done(struct seed_frames *frames);

/* Defines the nodes that a stream had defined before it is read on. Returns 0, -EBADMSG
 * (they are not all there) or -ENOMEM. */
int seed_stream_nodes(const struct ring *ring, const struct seed_frames *frames,
		      uint32_t stream, struct stack_nodes *nodes);

/* Puts all of the state of the reader's ring into a replay that has begun nothing. Returns
 * 0; -EBADMSG: it contradicts itself; -ENOMEM, or what pread says. */
int seed_replay(struct replay *replay);

/* Adds what the chunks that are folded whole said of the recording to a profile that has
 * those of the others. */
void seed_recording(const struct ring *ring, struct reader *reader,
		    struct profile *profile);

#endif
