/* SPDX-License-Identifier: MIT */
/*
 * ring.h - what a ring dump says of the events that it no longer has (mft_ring.h).
 *
 * The reader notes the places that it finds (ringplaces.h); ring_load takes their contents
 * in, puts a step that did not end back to its beginning (ringundo.h), and checks that the
 * state makes sense (ringsense.h).
 * Guarantees: every number that leaves this file was checked: what a site, a block, a node
 * or a stream refers to is there, parents are smaller than children, and sums add up. A
 * state that does not is refused as a whole, since everything behind it depends on it.
 * Threads: one at a time. Memory: the state's size in the file; ring_free.
 * Not here: what is made of it (seed.h), a dump that is being written (ringcopy.h).
 */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mft_codec.h"
#include "mft_ring.h"

struct complaint;
struct reader;

#define RING_KINDS (MFT_RING_LIVE - MFT_RING_ROOT + 1u)

/* Whether chunks of a kind hold a part of the state. */
static inline bool ring_is_kind(uint32_t kind)
{
	return kind >= MFT_RING_ROOT && kind <= MFT_RING_LIVE;
}

/* A kind as an index. */
static inline uint32_t ring_kind_index(uint32_t kind)
{
	return kind - MFT_RING_ROOT;
}

/* A place of the state, and its contents. */
struct ring_place {
	uint64_t offset;
	uint32_t kind, seq;
	uint8_t *image; /* a whole chunk, its header included; NULL: not read yet */
};

struct ring {
	struct mft_ring_root root;
	struct ring_place *places; /* by kind, then seq */
	size_t count;
	size_t first[RING_KINDS + 1]; /* of each kind; places that do not count are last */
	struct mft_ring_stream *streams; /* by number; root.streams of them */
	uint32_t chunk_bytes;
	bool begun; /* the root was found */
};

/* How many items of a size a chunk has room for. */
static inline uint32_t ring_items_a_chunk(const struct ring *ring, size_t item_bytes)
{
	return (uint32_t)((ring->chunk_bytes - MFT_RING_CONTENTS) / item_bytes);
}

/* A ring without places, or NULL: no memory. */
struct ring *ring_new(void);

/* Takes in the state of all places. Returns 0; -EBADMSG with *complaint: it makes no sense;
 * -ENOMEM, or what pread says. */
int ring_load(struct ring *ring, struct reader *reader, struct complaint *complaint);

/* NULL is fine. */
void ring_free(struct ring *ring);

/* How far a stream is folded, or NULL: not at all. */
const struct mft_ring_stream *ring_stream(const struct ring *ring, uint32_t number);

/* Items by index, which is below root.nodes (from 0, for the node MFT_NODE_FIRST),
 * root.granules or root.sites. */
const struct mft_ring_node *ring_node(const struct ring *ring, uint32_t index);
const struct mft_ring_granule *ring_granule(const struct ring *ring, uint32_t index);
const struct mft_ring_site *ring_site(const struct ring *ring, uint32_t index);

/* What a site held at the peak. */
void ring_site_peak(const struct ring *ring, const struct mft_ring_site *site,
		    uint64_t *ret_bytes, uint64_t *ret_blocks);

/* The places of live blocks in one of root.live_chunks; those of address 0 are empty. Sets
 * *ret_count. */
const struct mft_ring_block *ring_blocks(const struct ring *ring, uint32_t chunk,
					 size_t *ret_count);

/* Hands on every fact, the oldest first. Returns 0 or what `take` says below 0; a record
 * that makes no sense (-EBADMSG) is passed over. */
int ring_each_fact(const struct ring *ring,
		   int (*take)(void *context, const struct mft_record *record),
		   void *context);

#endif
