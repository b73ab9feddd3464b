/* SPDX-License-Identifier: MIT */
#include "mutation.h"

#include <stdlib.h>
#include <string.h>

#include "mft_codec.h"
#include "mft_ring.h"
#include "mft_seal.h"
#include "mutation_records.h"
#include "mutation_ring.h"

#define CHANGES_MOST 8u
#define RANGE_MOST 64u
#define APPENDED_MOST (4u << 20)

/* Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014. */
static uint64_t next_random(uint64_t *random)
{
	uint64_t z = *random += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t mutation_seed(unsigned long seed, unsigned long number)
{
	uint64_t random = (uint64_t)seed << 40 ^ number;

	return next_random(&random);
}

uint64_t mutation_below(uint64_t *random, uint64_t bound)
{
	return next_random(random) % bound;
}

bool mutation_copy(const struct mutation_dump *from, struct mutation_dump *ret_dump)
{
	uint8_t *bytes = malloc(from->count + 1);

	if (!bytes)
		return false;
	memcpy(bytes, from->bytes, from->count);
	*ret_dump = (struct mutation_dump){bytes, from->count};
	return true;
}

size_t mutation_flip(struct mutation_dump *dump, uint64_t *random)
{
	uint64_t bit = mutation_below(random, 8 * (uint64_t)dump->count);

	dump->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	return (size_t)(bit / 8);
}

/* ---- Where ------------------------------------------------------------------------ */

void mutation_sizes(const struct mutation_dump *dump, size_t *ret_header, size_t *ret_chunk)
{
	struct mft_header header = {0};

	memcpy(&header, dump->bytes,
	       dump->count < sizeof(header) ? dump->count : sizeof(header));
	*ret_header =
		header.header_bytes >= MFT_HEADER_BYTES && header.header_bytes < dump->count
			? header.header_bytes
			: MFT_HEADER_BYTES;
	*ret_chunk = header.chunk_bytes >= 1024 && header.chunk_bytes <= MFT_CHUNK_BYTES_MAX
			     ? header.chunk_bytes
			     : MFT_CHUNK_BYTES_DEFAULT;
}

/* A chunk's place, or false: there is no whole one. */
static bool find_chunk(const struct mutation_dump *dump, uint64_t *random, size_t *ret_at,
		       size_t *ret_bytes)
{
	size_t header, chunk;

	mutation_sizes(dump, &header, &chunk);
	if (dump->count < header + chunk)
		return false;
	*ret_at = header + chunk * mutation_below(random, (dump->count - header) / chunk);
	*ret_bytes = chunk;
	return true;
}

/* Where a record begins in a chunk, any of its first some hundred. */
static size_t find_record(const struct mutation_dump *dump, size_t at, size_t bytes,
			  uint64_t *random)
{
	uint64_t left = mutation_below(random, 400);
	struct mft_decoder decoder;
	struct mft_record record;
	struct mft_chunk chunk;
	const uint8_t *begin = dump->bytes + at;

	memcpy(&chunk, begin, sizeof(chunk));
	if (chunk.header_bytes > bytes)
		return at;
	mft_decoder_init(&decoder, begin + chunk.header_bytes, begin + bytes, 0);
	while (left-- && mft_decode(&decoder, &record) > 0)
		begin = decoder.pos;
	return (size_t)(begin - dump->bytes);
}

/* ---- What -------------------------------------------------------------------------- */

uint64_t mutation_number(uint64_t *random)
{
	static const uint64_t odd[] = {
		0,	    1,		2,	    3,		63,	      64,
		127,	    128,	255,	    256,	1023,	      1024,
		4095,	    4096,	32767,	    32768,	65535,	      65536,
		0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX, INT64_MAX,    1ull << 63,
		1ull << 32, 1ull << 47, 1ull << 48, 0xfffff000, 0x8000000000, 16777216,
	};

	if (mutation_below(random, 4) == 0)
		return next_random(random);
	return odd[mutation_below(random, sizeof(odd) / sizeof(odd[0]))];
}

/* Sets an aligned number of 2, 4 or 8 bytes. */
static void set_number(struct mutation_dump *dump, size_t from, size_t bytes,
		       uint64_t *random)
{
	size_t width = (size_t)2 << mutation_below(random, 3);
	size_t at = from + mutation_below(random, bytes / width) * width;
	uint64_t value = mutation_number(random);

	if (at + width <= dump->count)
		memcpy(dump->bytes + at, &value, width);
}

/* Varints begin anywhere behind an opcode. */
static void set_varint(struct mutation_dump *dump, size_t at, uint64_t *random)
{
	uint8_t bytes[MFT_VARINT_BYTES_MAX + MFT_ENCODE_SLACK];
	size_t count = (size_t)(mft_put_varint(bytes, mutation_number(random)) - bytes);

	at += 1 + mutation_below(random, 12);
	if (at + count <= dump->count)
		memcpy(dump->bytes + at, bytes, count);
}

static void change_records(struct mutation_dump *dump, uint64_t *random)
{
	size_t at, bytes;
	uint16_t length;

	if (!find_chunk(dump, random, &at, &bytes))
		return;
	at = find_record(dump, at, bytes, random);
	switch (mutation_below(random, 3)) {
	case 0:
		dump->bytes[at] = (uint8_t)next_random(random);
		break;
	case 1:
		set_varint(dump, at, random);
		break;
	default:
		length = (uint16_t)mutation_number(random);
		if (at + 3 <= dump->count)
			memcpy(dump->bytes + at + 1, &length, sizeof(length));
		break;
	}
}

static void change_range(struct mutation_dump *dump, uint64_t *random)
{
	size_t bytes = 1 + mutation_below(random, RANGE_MOST);
	size_t at = mutation_below(random, dump->count);
	uint64_t how = mutation_below(random, 3);

	for (size_t i = at; i < at + bytes && i < dump->count; i++)
		dump->bytes[i] = how == 0   ? 0
				 : how == 1 ? 0xff
					    : (uint8_t)next_random(random);
}

/* A chunk over another one, or a piece of any dump over a piece of this one. */
static void move_part(struct mutation_dump *dump, const struct mutation_dump *others,
		      size_t others_count, uint64_t *random)
{
	const struct mutation_dump *from = &others[mutation_below(random, others_count)];
	size_t to, bytes, source, source_bytes;

	if (find_chunk(dump, random, &to, &bytes) &&
	    find_chunk(from, random, &source, &source_bytes)) {
		if (bytes > source_bytes)
			bytes = source_bytes;
		if (mutation_below(random, 2)) {
			size_t skip = mutation_below(random, bytes);

			to += skip;
			source += mutation_below(random, bytes - skip);
			bytes = mutation_below(random, bytes - skip);
		}
		if (to + bytes <= dump->count && source + bytes <= from->count)
			memcpy(dump->bytes + to, from->bytes + source, bytes);
	}
}

/* Records that stay records, in a chunk of any kind. */
static void change_structure(struct mutation_dump *dump, const struct mutation_dump *others,
			     size_t others_count, uint64_t *random)
{
	const struct mutation_dump *from = &others[mutation_below(random, others_count)];
	size_t at, bytes, other, other_bytes;

	if (find_chunk(dump, random, &at, &bytes) &&
	    find_chunk(from, random, &other, &other_bytes))
		mutation_records(dump->bytes + at, bytes, from->bytes + other, other_bytes,
				 random);
}

/* The chunks of another dump, or all of it, behind this one. */
static void append(struct mutation_dump *dump, const struct mutation_dump *others,
		   size_t others_count, uint64_t *random)
{
	const struct mutation_dump *from = &others[mutation_below(random, others_count)];
	size_t skip = mutation_below(random, 4) ? MFT_HEADER_BYTES : 0;
	uint8_t *bytes;

	if (from->count <= skip || dump->count + from->count > APPENDED_MOST)
		return;
	bytes = realloc(dump->bytes, dump->count + from->count);
	if (!bytes)
		return;
	memcpy(bytes + dump->count, from->bytes + skip, from->count - skip);
	dump->bytes = bytes;
	dump->count += from->count - skip;
}

static void change_end(struct mutation_dump *dump, const struct mutation_dump *others,
		       size_t others_count, uint64_t *random)
{
	size_t at, bytes;

	switch (mutation_below(random, 6)) {
	case 0:
		dump->count = 1 + mutation_below(random, dump->count);
		break;
	case 1:
		if (find_chunk(dump, random, &at, &bytes))
			dump->count = at;
		break;
	case 2:
		append(dump, others, others_count, random);
		break;
	default:
		change_structure(dump, others, others_count, random);
		break;
	}
}

static void change(struct mutation_dump *dump, const struct mutation_dump *others,
		   size_t others_count, uint64_t *random)
{
	size_t at, bytes;

	switch (mutation_below(random, 16)) {
	case 0:
		(void)mutation_flip(dump, random);
		break;
	case 1:
		set_number(dump, 0, 320, random);
		break;
	case 2:
	case 3:
		if (find_chunk(dump, random, &at, &bytes))
			set_number(dump, at, sizeof(struct mft_chunk), random);
		break;
	case 4:
		change_records(dump, random);
		break;
	case 5:
		change_range(dump, random);
		break;
	case 6:
		move_part(dump, others, others_count, random);
		break;
	case 7:
		if (find_chunk(dump, random, &at, &bytes))
			set_number(dump, at, bytes, random);
		break;
	case 8:
		change_end(dump, others, others_count, random);
		break;
	case 9:
	case 10:
	case 11:
		mutation_ring(dump, random);
		break;
	default:
		change_structure(dump, others, others_count, random);
		break;
	}
}

static void seal_again(struct mutation_dump *dump)
{
	struct mft_header *header = (void *)dump->bytes;
	size_t header_bytes, chunk_bytes;

	if (dump->count < sizeof(*header))
		return;
	mutation_sizes(dump, &header_bytes, &chunk_bytes);
	/* Sizes that no recorder uses are left without checksums. */
	if (header_bytes % 8 || chunk_bytes % 8)
		return;
	for (size_t at = header_bytes; at + chunk_bytes <= dump->count; at += chunk_bytes) {
		struct mft_chunk *chunk = (void *)(dump->bytes + at);
		uint32_t bytes = mft_seal_bytes(chunk->seal);

		if (chunk->magic == MFT_CHUNK_MAGIC && chunk->header_bytes >= 72 &&
		    mft_seal_fits_chunk(chunk->seal, (uint32_t)chunk_bytes))
			chunk->seal = chunk->kind == MFT_RING_ROOT
					      ? mft_seal_root(chunk, (uint32_t)chunk_bytes)
					      : mft_seal_chunk(chunk, bytes,
							       (uint32_t)chunk_bytes);
	}
	header->start_seal = mft_seal_start(header);
	if (header->end_seal)
		header->end_seal = mft_seal_end(header, mft_seal_bytes(header->end_seal));
}

void mutation_make(struct mutation_dump *dump, const struct mutation_dump *others,
		   size_t others_count, uint64_t *random)
{
	uint64_t changes = 1 + mutation_below(random, CHANGES_MOST);

	while (changes-- && dump->count > 0)
		change(dump, others, others_count, random);
	if (mutation_below(random, 8))
		mutation_ring_sums(dump);
	if (mutation_below(random, 4))
		seal_again(dump);
}
