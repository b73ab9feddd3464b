/* SPDX-License-Identifier: MIT */
#include "ringsense.h"

#include <errno.h>
#include <stdlib.h>

#include "ring.h"

/* What is held, as sites and totals have it. */
struct holding {
	uint64_t blocks, bytes, usable;
};

static bool is_block(const struct ring *ring, const struct mft_ring_block *block,
		     struct holding *sites)
{
	struct holding *site;

	if (block->site >= ring->root.sites || block->usable < block->size)
		return false;
	site = &sites[block->site];
	site->blocks++;
	site->bytes += block->size;
	site->usable += block->usable;
	return true;
}

/* Live blocks, and those between the halves of a realloc, by site. */
static bool add_blocks(const struct ring *ring, struct holding *sites)
{
	for (uint32_t chunk = 0; chunk < ring->root.live_chunks; chunk++) {
		size_t count;
		const struct mft_ring_block *blocks = ring_blocks(ring, chunk, &count);

		for (size_t i = 0; i < count; i++)
			if (blocks[i].address && !is_block(ring, &blocks[i], sites))
				return false;
	}
	for (uint32_t i = 0; i < ring->root.streams; i++) {
		const struct mft_ring_stream *stream = &ring->streams[i];

		if (stream->half == MFT_RING_HALF_BLOCK &&
		    (stream->released.address == 0 ||
		     !is_block(ring, &stream->released, sites)))
			return false;
	}
	return true;
}

/* Sums of the sites are the totals, and what each holds is what its blocks are. */
static bool sums_add_up(const struct ring *ring, const struct holding *held)
{
	const struct mft_ring_totals *totals = &ring->root.totals;
	struct mft_ring_totals sum = {.clock = 0};

	for (uint32_t i = 0; i < ring->root.sites; i++) {
		const struct mft_ring_site *site = ring_site(ring, i);
		uint64_t peak_bytes, peak_blocks;

		if (site->live_blocks != held[i].blocks ||
		    site->live_bytes != held[i].bytes ||
		    site->live_usable_bytes != held[i].usable ||
		    site->allocations - site->freed != site->live_blocks ||
		    site->temporary > site->freed)
			return false;
		ring_site_peak(ring, site, &peak_bytes, &peak_blocks);
		sum.live_blocks += site->live_blocks;
		sum.live_bytes += site->live_bytes;
		sum.live_usable_bytes += site->live_usable_bytes;
		sum.allocations += site->allocations;
		sum.allocated_bytes += site->allocated_bytes;
		sum.frees += site->freed;
		sum.temporary += site->temporary;
		sum.failed += site->failed;
		sum.peak_bytes += peak_bytes;
		sum.peak_blocks += peak_blocks;
	}
	return sum.live_blocks == totals->live_blocks &&
	       sum.live_bytes == totals->live_bytes &&
	       sum.live_usable_bytes == totals->live_usable_bytes &&
	       sum.allocations == totals->allocations &&
	       sum.allocated_bytes == totals->allocated_bytes &&
	       sum.frees == totals->frees && sum.temporary == totals->temporary &&
	       sum.failed == totals->failed && sum.peak_bytes == totals->peak_bytes &&
	       sum.peak_blocks == totals->peak_blocks &&
	       totals->freed_bytes == totals->allocated_bytes - totals->live_bytes;
}

static bool nodes_make_sense(const struct ring *ring)
{
	const uint64_t end = (uint64_t)MFT_NODE_FIRST + ring->root.nodes;

	if (end > UINT32_MAX)
		return false;
	for (uint32_t i = 0; i < ring->root.nodes; i++)
		if (ring_node(ring, i)->parent >= MFT_NODE_FIRST + i)
			return false;
	for (uint32_t i = 0; i < ring->root.sites; i++) {
		const struct mft_ring_site *site = ring_site(ring, i);

		if (site->node >= end || !mft_op_is_alloc(site->op) ||
		    site->op >= MFT_OP_USABLE)
			return false;
	}
	return true;
}

static bool streams_make_sense(const struct ring *ring)
{
	for (uint32_t i = 0; i < ring->root.streams; i++) {
		const struct mft_ring_stream *stream = &ring->streams[i];

		if ((i > 0 && stream->stream == stream[-1].stream) ||
		    stream->offset > ring->chunk_bytes ||
		    stream->half > MFT_RING_HALF_UNKNOWN ||
		    (stream->half && !mft_op_is_free(stream->half_op)))
			return false;
	}
	return true;
}

static const char *find_nonsense(const struct ring *ring, const struct holding *held)
{
	const struct mft_ring_root *root = &ring->root;

	if (root->breaks > MFT_RING_BREAKS)
		return "pieces of memory";
	if (root->facts_chunks && (root->facts_bytes < MFT_RING_CONTENTS ||
				   root->facts_bytes > ring->chunk_bytes))
		return "facts";
	if (!nodes_make_sense(ring))
		return "call stacks";
	if (!streams_make_sense(ring))
		return "streams";
	return sums_add_up(ring, held) ? NULL : "sums";
}

int ringsense_check(const struct ring *ring, const char **ret_what)
{
	struct holding *held = calloc((size_t)ring->root.sites + 1, sizeof(*held));

	if (!held)
		return -ENOMEM;
	*ret_what = add_blocks(ring, held) ? find_nonsense(ring, held) : "live blocks";
	free(held);
	return 0;
}
