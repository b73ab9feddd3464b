/* SPDX-License-Identifier: MIT */
#include "ringwindow.h"

#include "reader.h"
#include "ring.h"

static int forget_counts(struct reader *reader, const struct reader_chunk *chunk)
{
	struct mft_chunk c = {.magic = 0};
	int64_t n = reader_pread(reader, &c, sizeof(c), chunk->offset);

	if (n < 0)
		return (int)n;
	reader->lost_events -= c.lost_events;
	reader->fallback_stacks -= c.fallback_stacks;
	reader->stack_checks -= c.stack_checks;
	reader->stack_differences -= c.stack_differences;
	return 0;
}

int ringwindow_drop_folded(struct reader *reader)
{
	size_t kept = 0;

	for (size_t i = 0; i < reader->chunks_count; i++) {
		const struct reader_chunk *chunk = &reader->chunks[i];
		const struct mft_ring_stream *stream =
			ring_stream(reader->ring, chunk->stream);
		int r;

		if (!stream || chunk->seq >= stream->seq) {
			reader->chunks[kept++] = *chunk;
			continue;
		}
		r = forget_counts(reader, chunk);
		if (r < 0)
			return r;
	}
	reader->chunks_count = kept;
	return 0;
}

static const struct mft_snap_cut *find_cut(const struct mft_snap_cut *cuts, size_t count,
					   uint32_t stream)
{
	for (size_t i = 0; i < count; i++)
		if (cuts[i].stream == stream)
			return &cuts[i];
	return NULL;
}

bool ringwindow_has(const struct ring *ring, const struct mft_snap_cut *cuts, size_t count)
{
	for (uint32_t i = 0; i < ring->root.streams; i++) {
		const struct mft_ring_stream *stream = &ring->streams[i];
		const struct mft_snap_cut *cut = find_cut(cuts, count, stream->stream);

		/* A stream that was folded whole at the instant has no chunk to be cut. */
		if (!cut || stream->seq < cut->seq)
			continue;
		if (stream->seq > cut->seq || stream->offset > cut->bytes)
			return false;
	}
	return true;
}
