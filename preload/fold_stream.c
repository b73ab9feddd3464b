/* SPDX-License-Identifier: MIT */
#include "fold_stream.h"

/* ---- What the owner does ---------------------------------------------------------- */

void fold_stream_link(struct fold_stream *stream, struct places *places, uint32_t place)
{
	const uint32_t last = __atomic_load_n(&stream->last_place, __ATOMIC_RELAXED);

	__atomic_store_n(&places->table[place].next, PLACES_NONE, __ATOMIC_RELAXED);
	/* Partner: fold_stream_cut, fold_stream_fill. Whoever sees that there is a next
	 * chunk sees all records of the one before. */
	if (last == PLACES_NONE)
		__atomic_store_n(&stream->first_place, place, __ATOMIC_RELEASE);
	else
		__atomic_store_n(&places->table[last].next, place, __ATOMIC_RELEASE);
	__atomic_store_n(&stream->last_place, place, __ATOMIC_RELEASE);
}

/* ---- The cut ---------------------------------------------------------------------- */

static const uint8_t *owner_position(const struct fold_stream *stream)
{
	return __atomic_load_n(&stream->encoder->pos, __ATOMIC_ACQUIRE);
}

/* Notes a stream's end. The clock first: it must not be later than that end. */
static void note_end(struct fold_stream *stream, const struct places *places)
{
	const uint32_t chunk_bytes = places->file->header->chunk_bytes;
	const uint8_t *start;

	stream->cut_clock = __atomic_load_n(&stream->encoder->clock, __ATOMIC_ACQUIRE);
	stream->cut_place = __atomic_load_n(&stream->last_place, __ATOMIC_ACQUIRE);
	stream->cut_pos = owner_position(stream);
	stream->cut_end = NULL;
	if (stream->cut_place == PLACES_NONE)
		return;
	start = places_address(places, stream->cut_place);
	/* Between two chunks the owner still stands in the one before, or already in the
	 * one behind. */
	if (stream->cut_pos >= start && stream->cut_pos <= start + chunk_bytes)
		stream->cut_end = stream->cut_pos;
}

static bool went_on(const struct fold_stream *stream)
{
	return __atomic_load_n(&stream->last_place, __ATOMIC_ACQUIRE) !=
		       stream->cut_place ||
	       owner_position(stream) != stream->cut_pos;
}

uint64_t fold_stream_cut(struct fold_stream **streams, uint32_t end,
			 const struct places *places, const uint32_t *all_begun,
			 uint32_t begun)
{
	uint64_t clock = UINT64_MAX;

	for (uint32_t i = 0; i < end; i++) {
		struct fold_stream *stream = __atomic_load_n(&streams[i], __ATOMIC_ACQUIRE);

		if (stream)
			note_end(stream, places);
	}
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < end; i++) {
		const struct fold_stream *stream =
			__atomic_load_n(&streams[i], __ATOMIC_ACQUIRE);

		if (stream && stream->cut_clock < clock && went_on(stream))
			clock = stream->cut_clock;
	}
	/* One that has just begun was not noted at all. */
	return __atomic_load_n(all_begun, __ATOMIC_ACQUIRE) == begun ? clock : 0;
}

/* ---- Reading ---------------------------------------------------------------------- */

/* Where the records of a chunk may be read to, or NULL: nothing of it. */
static const uint8_t *readable_end(const struct fold_stream *stream,
				   const struct places *places, uint32_t place)
{
	if (place == stream->cut_place)
		return stream->cut_end;
	return places_address(places, place) + places->file->header->chunk_bytes -
	       MFT_ENCODE_SLACK;
}

/* Goes to where the stream goes on. Returns whether there is anything to read. */
static bool open_chunk(struct fold_stream *stream, const struct places *places)
{
	const uint8_t *start, *end;
	const struct mft_chunk *chunk;

	if (stream->cut_place == PLACES_NONE)
		return false;
	if (stream->place == PLACES_NONE)
		stream->place = __atomic_load_n(&stream->first_place, __ATOMIC_ACQUIRE);
	end = readable_end(stream, places, stream->place);
	if (!end)
		return false;
	if (stream->is_open) {
		stream->decoder.end = end;
		return true;
	}
	start = places_address(places, stream->place);
	chunk = (const struct mft_chunk *)(const void *)start;
	mft_decoder_init(&stream->decoder, start + chunk->header_bytes, end,
			 chunk->base_clock);
	stream->is_open = true;
	return true;
}

/* The chunk at hand has no more records. Returns whether it will have none. */
static bool end_chunk(struct fold_stream *stream, const struct places *places,
		      struct fold_ahead *ahead)
{
	if (stream->place == stream->cut_place) {
		/* The owner's position can be seen before what it has written (not on
		 * x86-64). */
		stream->is_short = stream->decoder.pos < stream->cut_end;
		return false;
	}
	ahead->op = MFT_OP_END;
	ahead->clock = stream->decoder.clock;
	ahead->end = 0;
	ahead->place = stream->place;
	stream->place =
		__atomic_load_n(&places->table[stream->place].next, __ATOMIC_ACQUIRE);
	stream->is_open = false;
	return true;
}

/* Takes an acquisition or a release that does not lie at the end of what may be read.
 * Returns whether the next record was one. */
static inline bool take_event(struct mft_decoder *decoder, struct fold_ahead *ahead)
{
	const uint8_t *p = decoder->pos;
	uint64_t clock = decoder->clock, v;
	uint8_t op;

	if (__builtin_expect(decoder->end - p < MFT_QUICK_BYTES, 0))
		return false;
	op = __atomic_load_n(p, __ATOMIC_ACQUIRE);
	if (op == MFT_OP_CLOCK) {
		p = mft_quick_varint(p + 1, &v);
		clock += v;
		if (__builtin_expect(decoder->end - p < MFT_QUICK_BYTES, 0))
			return false;
		op = __atomic_load_n(p, __ATOMIC_ACQUIRE);
	}
	if (mft_op_is_free(op)) {
		p = mft_quick_address(p + 1, decoder->last_address, &ahead->address);
	} else if (op < MFT_OP_LONG && mft_op_is_alloc(op)) {
		p = mft_quick_varint(p + 1, &v);
		if (__builtin_expect(v > UINT32_MAX, 0))
			return false;
		ahead->stack = (uint32_t)v;
		p = mft_quick_varint(p, &ahead->size);
		p = mft_quick_address(p, decoder->last_address, &ahead->address);
		if (mft_op_is_aligned(op))
			p = mft_quick_varint(p, &v);
		ahead->usable = mft_usable_guess(ahead->size);
		if (op & MFT_OP_USABLE) {
			p = mft_quick_varint(p, &v);
			ahead->usable = ahead->size + v;
		}
	} else {
		return false;
	}
	ahead->op = op & (uint8_t)~MFT_OP_USABLE;
	ahead->clock = decoder->clock = clock;
	decoder->last_address = ahead->address;
	decoder->pos = p;
	return true;
}

/* Takes any record. Returns as mft_decode does. */
static int take_record(struct mft_decoder *decoder, struct fold_ahead *ahead)
{
	const uint8_t *start = decoder->pos;
	struct mft_record record;
	int r = mft_decode(decoder, &record);

	if (r <= 0)
		return r;
	ahead->op = record.op;
	ahead->clock = record.clock;
	ahead->address = record.address;
	ahead->size = record.size;
	ahead->usable = record.usable;
	ahead->stack = record.stack;
	ahead->start = start;
	if (!fold_ahead_is_event(ahead))
		ahead->size = (uint64_t)(decoder->pos - start);
	return 1;
}

bool fold_ahead_decode(const struct fold_ahead *ahead, struct mft_record *ret_record)
{
	struct mft_decoder decoder;

	mft_decoder_init(&decoder, ahead->start, ahead->start + ahead->size, 0);
	if (mft_decode(&decoder, ret_record) <= 0)
		return false;
	ret_record->clock = ahead->clock;
	return true;
}

bool fold_stream_fill(struct fold_stream *stream, const struct places *places)
{
	stream->taken = stream->filled = 0;
	stream->is_short = false;
	while (stream->filled < FOLD_STREAM_BATCH) {
		struct fold_ahead *ahead = &stream->ahead[stream->filled];
		const uint8_t *start;
		int r;

		if (!open_chunk(stream, places))
			break;
		start = places_address(places, stream->place);
		while (stream->filled < FOLD_STREAM_BATCH &&
		       take_event(&stream->decoder, ahead)) {
			ahead->end = (uint32_t)(stream->decoder.pos - start);
			stream->filled++;
			ahead++;
		}
		if (stream->filled == FOLD_STREAM_BATCH)
			break;
		r = take_record(&stream->decoder, ahead);
		if (r > 0) {
			ahead->end = (uint32_t)(stream->decoder.pos - start);
		} else {
			/* Bytes that are no record: nothing behind them can be read. */
			if (r < 0)
				stream->decoder.pos = stream->decoder.end;
			if (!end_chunk(stream, places, ahead))
				break;
		}
		stream->filled++;
	}
	return stream->filled > 0;
}

static bool tells(uint8_t op)
{
	return op < MFT_OP_LONG &&
	       (mft_op_is_alloc(op) || mft_op_is_free(op) || op == MFT_OP_REACQUIRE);
}

/* The first of a chunk's records, from the decoder on, that tells. */
static uint8_t search(struct mft_decoder *decoder)
{
	struct mft_record record;

	while (mft_decode(decoder, &record) > 0)
		if (tells(record.op))
			return record.op;
	return MFT_OP_END;
}

uint8_t fold_stream_peek(const struct fold_stream *stream, const struct fold_ahead *ahead,
			 const struct places *places)
{
	struct mft_decoder decoder = stream->decoder;
	uint32_t place = stream->place;
	bool is_open = stream->is_open;

	while (++ahead < &stream->ahead[stream->filled])
		if (tells(ahead->op))
			return ahead->op;
	for (;;) {
		const uint8_t *start, *end;
		uint8_t op = is_open ? search(&decoder) : MFT_OP_END;

		if (op != MFT_OP_END || (is_open && place == stream->cut_place))
			return op;
		if (is_open)
			place = __atomic_load_n(&places->table[place].next,
						__ATOMIC_ACQUIRE);
		is_open = true;
		end = readable_end(stream, places, place);
		if (!end)
			return MFT_OP_END;
		start = places_address(places, place);
		mft_decoder_init(&decoder,
				 start + ((const struct mft_chunk *)(const void *)start)
						 ->header_bytes,
				 end, 0);
	}
}
