/* SPDX-License-Identifier: MIT */
/*
 * seed.h - begins a replay where the state of a ring dump ends.
 *
 * What the events that a ring dump no longer has left behind (ring.h) is put into the
 * tables that a replay of them would have filled: stacks (seedstacks.h), sites with sums,
 * live blocks, how things stand with each stream. The replay of the newest events then goes
 * on as if it had seen all of them. Guarantees: nothing is believed that ring_load has not
 * checked. Threads: one at a time. Memory: as the tables.
 */
#ifndef SEED_H
#define SEED_H

struct profile;
struct reader;
struct replay;
struct ring;

/* Puts all of the state of the reader's ring into a replay that has begun nothing. Returns
 * 0; -EBADMSG: it contradicts itself; -ENOMEM, or what pread says. */
int seed_replay(struct replay *replay);

/* Adds what the chunks that are folded whole said of the recording to a profile that has
 * those of the others. */
void seed_recording(const struct ring *ring, struct reader *reader,
		    struct profile *profile);

#endif
