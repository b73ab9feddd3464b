/* SPDX-License-Identifier: MIT */
#include "slots.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mft_seal.h"
#include "reader.h"
#include "ring.h"
#include "ringplaces.h"

static uint64_t slot_offset(const struct reader *reader, uint64_t slot)
{
	return reader->header.header_bytes + slot * reader->header.chunk_bytes;
}

/* The first slot from `slot` on that holds anything but a hole: space that was reserved
 * and never used need not be looked at slot by slot. */
static uint64_t next_slot_with_data(const struct reader *reader, uint64_t slot)
{
	off_t at = lseek(reader->fd, (off_t)slot_offset(reader, slot), SEEK_DATA);
	uint64_t found;

	if (at < 0)
		return errno == ENXIO ? UINT64_MAX : slot;
	found = ((uint64_t)at - reader->header.header_bytes) / reader->header.chunk_bytes;
	return found > slot ? found : slot;
}

static int add_chunk(struct reader *reader, const struct mft_chunk *c, uint64_t offset,
		     uint64_t bytes)
{
	struct reader_chunk *chunk;

	/* Begun since a copy was begun, and perhaps without the one before it. */
	if (c->base_clock > reader->last_clock)
		return 0;
	if ((reader->chunks_count & (reader->chunks_count - 1)) == 0) {
		size_t room = reader->chunks_count ? 2 * reader->chunks_count : 1;
		struct reader_chunk *chunks =
			reallocarray(reader->chunks, room, sizeof(*chunks));

		if (!chunks)
			return -ENOMEM;
		reader->chunks = chunks;
	}
	chunk = &reader->chunks[reader->chunks_count++];
	chunk->offset = offset;
	chunk->base_clock = c->base_clock;
	chunk->stream = c->stream;
	chunk->seq = c->seq;
	chunk->bytes = (uint32_t)bytes;
	chunk->end = (uint32_t)bytes;
	chunk->header = c->header_bytes;
	chunk->tid = c->tid;
	chunk->nested = c->flags & MFT_CHUNK_FLAG_NESTED;
	reader->lost_events += c->lost_events;
	reader->fallback_stacks += c->fallback_stacks;
	reader->stack_checks += c->stack_checks;
	reader->stack_differences += c->stack_differences;
	return 0;
}

/* A place for a chunk that nobody took holds nothing but zeros, once nobody is left who
 * could. */
static int check_unused(struct reader *reader, uint64_t offset, uint64_t bytes)
{
	uint8_t piece[8192];

	if (reader->header.mode != MFT_MODE_FULL ||
	    mft_seal_bytes(reader->header.end_seal) != MFT_SEAL_END_WHOLE)
		return 0;
	for (uint64_t done = 0; done < bytes; done += sizeof(piece)) {
		uint64_t want = bytes - done < sizeof(piece) ? bytes - done : sizeof(piece);
		int64_t n = reader_pread(reader, piece, want, offset + done);

		if (n <= 0)
			return (int)n;
		if (piece[0] != 0 || memcmp(piece, piece + 1, (size_t)n - 1) != 0) {
			reader_note_damage(reader, offset, "no chunk begins here");
			return 0;
		}
	}
	return 0;
}

/* A chunk of a kind that is not known: whether it is so, its checksum tells. */
static int pass_over(struct reader *reader, const struct mft_chunk *c, uint64_t offset)
{
	const uint32_t chunk_bytes = reader->header.chunk_bytes;
	struct mft_chunk *whole;
	int64_t n;

	if (!mft_seal_is_there(c))
		return 1;
	if (!mft_seal_fits_chunk(c->seal, chunk_bytes)) {
		reader_note_damage(reader, offset, "a chunk does not fit its checksum");
		return 1;
	}
	whole = malloc(chunk_bytes);
	if (!whole)
		return -ENOMEM;
	n = reader_pread(reader, whole, chunk_bytes, offset);
	if (n == (int64_t)chunk_bytes &&
	    mft_seal_chunk(whole, mft_seal_bytes(c->seal), chunk_bytes) != c->seal)
		reader_note_damage(reader, offset, "a chunk does not fit its checksum");
	free(whole);
	return n < 0 ? (int)n : 1;
}

/* Takes in the chunk at a slot. Returns 1, 0 where the slot holds none, or a negative
 * errno. A slot without magic was handed out and never begun, or only reserved. */
static int take_slot(struct reader *reader, uint64_t slot)
{
	uint64_t offset = slot_offset(reader, slot);
	uint64_t bytes = reader->file_bytes - offset;
	uint8_t raw[sizeof(struct mft_chunk) + 1] = {0};
	struct mft_chunk c;
	int64_t n = reader_pread(reader, raw, sizeof(raw), offset);

	if (n < 0)
		return (int)n;
	if (reader->ring && ringplaces_is_journal(reader->ring, offset))
		return 1;
	memcpy(&c, raw, sizeof(c));
	if (bytes > reader->header.chunk_bytes)
		bytes = reader->header.chunk_bytes;
	if (c.magic == 0 && reader->ring)
		return 0; /* free; what was there before means nothing */
	/* Where the first record is, or was up to version 1.0. */
	if (c.magic == 0 && raw[sizeof(c)] == 0 && raw[MFT_CHUNK_HEADER_LEAST] == 0)
		return check_unused(reader, offset, bytes);
	if (c.magic != MFT_CHUNK_MAGIC) {
		reader_note_damage(reader, offset, "no chunk begins here");
		return 0;
	}
	if (bytes < reader->header.chunk_bytes)
		reader_note_damage(reader, offset + bytes,
				   "the file ends within a chunk, that of thread %d",
				   c.tid);
	if ((size_t)n < MFT_CHUNK_HEADER_LEAST)
		return 0;
	if (reader->ring && ring_is_kind(c.kind)) {
		n = ringplaces_note(reader->ring, reader, &c, offset);
		return n < 0 ? (int)n : 1;
	}
	if (c.kind != MFT_CHUNK_EVENTS)
		return pass_over(reader, &c, offset);
	if (c.header_bytes < MFT_CHUNK_HEADER_LEAST ||
	    c.header_bytes > reader->header.chunk_bytes) {
		reader_note_damage(reader, offset, "a chunk with a header of %u bytes",
				   c.header_bytes);
		return 0;
	}
	n = add_chunk(reader, &c, offset, bytes);
	return n < 0 ? (int)n : 1;
}

/* Whole or cut, behind the header. */
static uint64_t count_slots(const struct reader *reader)
{
	const struct mft_header *h = &reader->header;

	if (reader->file_bytes <= h->header_bytes)
		return 0;
	return (reader->file_bytes - h->header_bytes + h->chunk_bytes - 1) / h->chunk_bytes;
}

/* A process that is killed, or finds no space, may have handed out chunks that the file
 * does not have yet: one for each stream. More than these were cut off. */
void slots_check_tail(struct reader *reader)
{
	const struct mft_header *h = &reader->header;
	uint64_t slots = count_slots(reader), spare = 0;

	if (h->stop_reason != MFT_STOP_NONE)
		return;
	if (h->state == MFT_STATE_RUNNING)
		spare = reader->streams_count + 1;
	if (h->chunks > slots + spare)
		reader_note_damage(reader, reader->file_bytes,
				   "the file ends after %llu of %u chunks",
				   (unsigned long long)slots, h->chunks);
}

int slots_find_chunks(struct reader *reader)
{
	uint64_t slot = 0, slots = count_slots(reader);

	while (slot < slots) {
		int r = take_slot(reader, slot);

		if (r < 0)
			return r;
		slot++;
		if (r == 0 && slot < slots)
			slot = next_slot_with_data(reader, slot);
	}
	return 0;
}
