/* SPDX-License-Identifier: MIT */
#include "mutation_records.h"

#include <stdbool.h>
#include <string.h>

#include "mft_codec.h"
#include "mutation.h"

#define RECORDS_MOST 1024u
#define RUN_MOST 16u
#define PIECE_BYTES_MOST 4096u
/* How many fields of a long record may be passed over. */
#define FIELDS_MOST 16u

/* Where the records of a chunk begin, and where the last one ends. */
struct records {
	uint8_t *chunk;
	size_t room; /* the chunk's bytes */
	size_t starts[RECORDS_MOST + 1];
	size_t count;
};

static bool find_records(uint8_t *chunk, size_t bytes, struct records *ret_records)
{
	struct mft_decoder decoder;
	struct mft_record record;
	struct mft_chunk header;

	*ret_records = (struct records){.chunk = chunk, .room = bytes};
	memcpy(&header, chunk, sizeof(header));
	if (header.header_bytes < MFT_CHUNK_HEADER_LEAST || header.header_bytes >= bytes)
		return false;
	mft_decoder_init(&decoder, chunk + header.header_bytes, chunk + bytes, 0);
	ret_records->starts[0] = header.header_bytes;
	while (ret_records->count < RECORDS_MOST && mft_decode(&decoder, &record) > 0)
		ret_records->starts[++ret_records->count] = (size_t)(decoder.pos - chunk);
	return true;
}

static size_t pick(const struct records *records, uint64_t *random)
{
	return mutation_below(random, records->count + 1);
}

/* So many records from one on, as they are there. */
static size_t run_end(const struct records *records, size_t first, uint64_t *random)
{
	size_t end = first + 1 + mutation_below(random, RUN_MOST);

	return end < records->count ? end : records->count;
}

/* Puts bytes in the place of others; what follows moves, and is cut at the chunk's end. */
static void put(struct records *records, size_t at, size_t old, const uint8_t *with,
		size_t count)
{
	const size_t end = records->starts[records->count];
	size_t tail = end > at + old ? end - at - old : 0;
	uint8_t *to = records->chunk + at;

	if (at + count > records->room)
		return;
	if (tail > records->room - at - count)
		tail = records->room - at - count;
	memmove(to + count, to + old, tail);
	if (count > 0)
		memcpy(to, with, count);
	if (at + count + tail < end)
		memset(to + count + tail, 0, end - at - count - tail);
}

/* ---- Whole records ------------------------------------------------------------------- */

static void put_copy(struct records *to, const struct records *from, uint64_t *random)
{
	uint8_t piece[PIECE_BYTES_MOST];
	size_t first = pick(from, random), count;

	if (first == from->count)
		return;
	count = from->starts[run_end(from, first, random)] - from->starts[first];
	if (count > sizeof(piece))
		return;
	memcpy(piece, from->chunk + from->starts[first], count);
	put(to, to->starts[pick(to, random)], 0, piece, count);
}

static void take_out(struct records *records, uint64_t *random)
{
	size_t first = pick(records, random);

	if (first < records->count)
		put(records, records->starts[first],
		    records->starts[run_end(records, first, random)] -
			    records->starts[first],
		    NULL, 0);
}

/* A record that a recorder would not write there. */
static void put_new(struct records *records, uint64_t *random)
{
	static const uint8_t empty[] = {MFT_OP_NODES_RESET, MFT_OP_SNAPSHOT_END,
					MFT_OP_SNAPSHOT, MFT_OP_SCAN, MFT_OP_SCAN_END};
	uint8_t bytes[2 * MFT_HOT_BYTES_MAX] = {0};
	struct mft_encoder encoder;
	struct mft_long nothing;

	mft_encoder_init(&encoder, bytes, bytes + MFT_HOT_BYTES_MAX, 0);
	switch (mutation_below(random, 6)) {
	case 0:
		mft_put_clock(&encoder, mutation_number(random));
		break;
	case 1:
		mft_put_node(&encoder, (uint32_t)mutation_number(random),
			     (uint32_t)mutation_number(random),
			     mutation_below(random, 2) != 0, mutation_number(random));
		break;
	case 2:
		mft_put_alloc(&encoder, (uint8_t)(1 + mutation_below(random, 17)),
			      mutation_number(random), mutation_number(random),
			      mutation_number(random), (uint32_t)mutation_number(random),
			      (unsigned)mutation_below(random, 70));
		break;
	case 3:
		mft_put_free(&encoder, (uint8_t)(32 + mutation_below(random, 17)),
			     mutation_number(random));
		break;
	case 4:
		mft_put_reacquire(&encoder);
		break;
	default:
		mft_long_begin(&encoder, &nothing, 0);
		(void)mft_long_end(&encoder, &nothing,
				   empty[mutation_below(random, sizeof(empty))]);
		break;
	}
	put(records, records->starts[pick(records, random)], 0, bytes,
	    (size_t)(encoder.pos - bytes));
}

/* ---- Their fields -------------------------------------------------------------------- */

/* Another opcode: of the same kind mostly. */
static void change_op(struct records *records, size_t index, uint64_t *random)
{
	uint8_t *op = records->chunk + records->starts[index];

	if (mutation_below(random, 4) == 0)
		*op = (uint8_t)(1 + mutation_below(random, 255));
	else if (*op >= MFT_OP_LONG)
		*op = (uint8_t)(MFT_OP_LONG + mutation_below(random, 24));
	else if (mft_op_is_alloc(*op))
		*op = (uint8_t)(1 + mutation_below(random, 17)) |
		      (mutation_below(random, 2) ? MFT_OP_USABLE : 0);
	else
		*op = (uint8_t)(MFT_OP_FREE + mutation_below(random, 17));
}

/* A number in the place of one of the record's. The length of a long one follows. */
static void change_field(struct records *records, size_t index, uint64_t *random)
{
	const uint8_t *chunk = records->chunk;
	const size_t start = records->starts[index];
	const uint8_t *end = chunk + records->starts[index + 1], *at, *field;
	const bool is_long = chunk[start] >= MFT_OP_LONG;
	uint64_t skip = mutation_below(random, is_long ? FIELDS_MOST : 5), value;
	uint8_t bytes[MFT_VARINT_BYTES_MAX + MFT_ENCODE_SLACK];
	size_t count, old;
	uint16_t length;

	field = at = chunk + start + (is_long ? MFT_LONG_HEADER_BYTES : 1);
	do {
		field = at;
	} while (skip-- && mft_take_varint(&at, end, &value) == 0 && at < end);
	at = field;
	if (mft_take_varint(&at, end, &value) < 0)
		return;
	old = (size_t)(at - field);
	value = mutation_below(random, 3) ? mutation_number(random)
					  : value + mutation_below(random, 17) - 8;
	count = (size_t)(mft_put_varint(bytes, value) - bytes);
	if (is_long) {
		memcpy(&length, chunk + start + 1, sizeof(length));
		length = (uint16_t)(length + count - old);
		memcpy(records->chunk + start + 1, &length, sizeof(length));
	}
	put(records, (size_t)(field - chunk), old, bytes, count);
}

/* A long record's payload shorter than it was, or with bytes of any kind. */
static void change_payload(struct records *records, size_t index, uint64_t *random)
{
	const size_t start = records->starts[index];
	uint8_t *record = records->chunk + start;
	uint16_t length, less;

	memcpy(&length, record + 1, sizeof(length));
	if (record[0] < MFT_OP_LONG || length == 0)
		return;
	if (mutation_below(random, 2)) {
		record[MFT_LONG_HEADER_BYTES + mutation_below(random, length)] =
			(uint8_t)mutation_number(random);
		return;
	}
	less = (uint16_t)mutation_below(random, length);
	memcpy(record + 1, &less, sizeof(less));
	put(records, start + MFT_LONG_HEADER_BYTES + less, (size_t)(length - less), NULL,
	    0);
}

void mutation_records(uint8_t *chunk, size_t bytes, const uint8_t *other,
		      size_t other_bytes, uint64_t *random)
{
	struct records records, others;
	size_t index;

	if (!find_records(chunk, bytes, &records))
		return;
	if (mutation_below(random, 4) == 0) {
		put_new(&records, random);
		return;
	}
	if (records.count == 0)
		return;
	index = mutation_below(random, records.count);
	switch (mutation_below(random, 7)) {
	case 0:
		take_out(&records, random);
		break;
	case 1:
		put_copy(&records, &records, random);
		break;
	case 2:
		if (find_records((uint8_t *)other, other_bytes, &others))
			put_copy(&records, &others, random);
		break;
	case 3:
		change_op(&records, index, random);
		break;
	case 4:
		change_payload(&records, index, random);
		break;
	default:
		change_field(&records, index, random);
		break;
	}
}
