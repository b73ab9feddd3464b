/* SPDX-License-Identifier: MIT */
#include "dump_place.h"

#include <string.h>

#include "mft_codec.h"
#include "mft_ring.h"
#include "mutation.h"

const char *const dump_places[DUMP_PLACES] = {
	[PLACE_HEADER] = "header",
	[PLACE_CHUNK_HEADER] = "headers of chunks",
	[PLACE_RECORDS] = "records",
	[PLACE_BEHIND] = "behind the records",
	[PLACE_RING_STATE] = "state of a ring",
	[PLACE_JOURNAL] = "journal of a ring",
	[PLACE_NO_CHUNK] = "no chunk yet",
};

/* Where the records of a chunk end. */
static const uint8_t *records_end(const uint8_t *begin, const uint8_t *end)
{
	struct mft_decoder decoder;
	struct mft_record record;

	mft_decoder_init(&decoder, begin, end, 0);
	while (mft_decode(&decoder, &record) > 0)
		begin = decoder.pos;
	return begin;
}

enum dump_place dump_place(const struct mutation_dump *dump, size_t offset)
{
	size_t header_bytes, chunk_bytes, begin, end;
	struct mft_chunk chunk;
	const uint8_t *bytes;

	mutation_sizes(dump, &header_bytes, &chunk_bytes);
	if (offset < header_bytes)
		return PLACE_HEADER;
	begin = offset - (offset - header_bytes) % chunk_bytes;
	end = begin + chunk_bytes < dump->count ? begin + chunk_bytes : dump->count;
	if (end - begin < sizeof(chunk))
		return PLACE_NO_CHUNK;
	bytes = dump->bytes + begin;
	memcpy(&chunk, bytes, sizeof(chunk));
	if (chunk.magic != MFT_CHUNK_MAGIC || chunk.header_bytes > end - begin)
		return PLACE_NO_CHUNK;
	if (offset - begin < chunk.header_bytes)
		return PLACE_CHUNK_HEADER;
	if (chunk.kind != MFT_CHUNK_EVENTS)
		return chunk.kind == MFT_RING_JOURNAL ? PLACE_JOURNAL : PLACE_RING_STATE;
	return dump->bytes + offset <
			       records_end(bytes + chunk.header_bytes, dump->bytes + end)
		       ? PLACE_RECORDS
		       : PLACE_BEHIND;
}
