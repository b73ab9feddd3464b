/* SPDX-License-Identifier: MIT */
#include "mft_codec.h"

#include <errno.h>

const uint8_t mft_varint_bytes[64] = {
	1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, /* 7 bits a byte
									   */
	4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7,
	7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9,
};

const uint8_t *mft_varint_shifts(void)
{
	static const uint8_t by_bit[64] = {
		0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2,
		2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 5, 5,
		5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7,
	};
	static const uint8_t by_zeros[64] = {
		0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 7, 6, 6, 6, 6, 6, 6, 6, 5,
		5, 5, 5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 2, 2,
		2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0,
	};

	return mft_highest_bit(1) ? by_zeros : by_bit;
}

/* ---- Long records, encoding ------------------------------------------------------- */

void mft_long_begin(const struct mft_encoder *e, struct mft_long *record,
		    size_t payload_max)
{
	size_t room = (size_t)(e->end - e->pos);

	if (payload_max > MFT_LONG_PAYLOAD_MAX)
		payload_max = MFT_LONG_PAYLOAD_MAX;
	record->pos = e->pos + MFT_LONG_HEADER_BYTES;
	if (room < MFT_LONG_HEADER_BYTES)
		record->limit = NULL;
	else if (room - MFT_LONG_HEADER_BYTES < payload_max)
		record->limit = e->end;
	else
		record->limit = record->pos + payload_max;
}

void mft_long_varint(struct mft_long *record, uint64_t v)
{
	uint8_t bytes[MFT_VARINT_BYTES_MAX + MFT_ENCODE_SLACK];
	size_t length = (size_t)(mft_put_varint(bytes, v) - bytes);

	if (!record->limit || (size_t)(record->limit - record->pos) < length) {
		record->limit = NULL;
		return;
	}
	memcpy(record->pos, bytes, length);
	record->pos += length;
}

void mft_long_bytes(struct mft_long *record, const void *bytes, size_t length)
{
	mft_long_varint(record, length);
	if (!record->limit || (size_t)(record->limit - record->pos) < length) {
		record->limit = NULL;
		return;
	}
	if (length)
		memcpy(record->pos, bytes, length);
	record->pos += length;
}

int mft_long_end(struct mft_encoder *e, struct mft_long *record, uint8_t op)
{
	uint8_t *payload = e->pos + MFT_LONG_HEADER_BYTES;

	if (!record->limit) {
		/* What was put is not committed, but later records need zeros. */
		if (record->pos > e->pos)
			memset(e->pos, 0, (size_t)(record->pos - e->pos));
		return -ENOSPC;
	}

	uint16_t length = (uint16_t)(record->pos - payload);

	memcpy(e->pos + 1, &length, sizeof(length));
	mft_commit(e, op, record->pos);
	return 0;
}

/* ---- Decoding --------------------------------------------------------------------- */

int mft_take_varint(const uint8_t **pos, const uint8_t *end, uint64_t *ret_v)
{
	const uint8_t *p = *pos;
	size_t room = (size_t)(end - p);
	uint64_t word = 0;
	unsigned bytes;

	if (room == 0)
		return -EBADMSG;
	if (*p == 0) {
		if (room < 9)
			return -EBADMSG;
		memcpy(ret_v, p + 1, sizeof(*ret_v));
		*pos = p + 9;
		return 0;
	}
	bytes = (unsigned)__builtin_ctz(*p) + 1;
	if (__builtin_expect(room >= sizeof(word), 1))
		memcpy(&word, p, sizeof(word));
	else if (bytes > room)
		return -EBADMSG;
	else
		memcpy(&word, p, room);
	*ret_v = (word >> bytes) & (~0ull >> (64 - 7 * bytes));
	*pos = p + bytes;
	return 0;
}

int mft_take_bytes(const uint8_t **pos, const uint8_t *end, struct mft_bytes *ret_bytes)
{
	const uint8_t *p = *pos;
	uint64_t length;

	if (mft_take_varint(&p, end, &length) || length > (size_t)(end - p))
		return -EBADMSG;
	ret_bytes->data = p;
	ret_bytes->length = (size_t)length;
	*pos = p + length;
	return 0;
}

void mft_decoder_init(struct mft_decoder *d, const uint8_t *bytes, const uint8_t *end,
		      uint64_t base_clock)
{
	d->pos = bytes;
	d->end = end;
	d->last_address = 0;
	d->clock = base_clock;
}

static int take_address(struct mft_decoder *d, const uint8_t **p, uint64_t *ret_address)
{
	uint64_t coded;
	uint64_t address;

	if (mft_take_varint(p, d->end, &coded))
		return -EBADMSG;
	if (__builtin_expect(coded == ~0ull, 0)) {
		if (mft_take_varint(p, d->end, &address))
			return -EBADMSG;
	} else if (coded & 1) {
		address = d->last_address + (uint64_t)mft_unzigzag(coded >> 1);
	} else {
		address = d->last_address + ((uint64_t)mft_unzigzag(coded >> 1) << 4);
	}
	*ret_address = address;
	return 0;
}

static int decode_alloc(struct mft_decoder *d, uint8_t op, const uint8_t *p,
			struct mft_record *r)
{
	uint64_t v;

	r->op = op & (uint8_t)~MFT_OP_USABLE;
	if (mft_take_u32(&p, d->end, &r->stack) || mft_take_varint(&p, d->end, &r->size) ||
	    take_address(d, &p, &r->address))
		return -EBADMSG;
	r->align_log2 = 0;
	if (mft_op_is_aligned(op)) {
		if (mft_take_varint(&p, d->end, &v) || v > 63)
			return -EBADMSG;
		r->align_log2 = (uint8_t)v;
	}
	if (op & MFT_OP_USABLE) {
		if (mft_take_varint(&p, d->end, &v))
			return -EBADMSG;
		r->usable = r->size + v;
	} else {
		r->usable = mft_usable_guess(r->size);
	}
	d->last_address = r->address;
	d->pos = p;
	return 1;
}

static int decode_node(struct mft_decoder *d, const uint8_t *p, struct mft_record *r)
{
	uint64_t module;

	if (mft_take_u32(&p, d->end, &r->parent) || mft_take_varint(&p, d->end, &module) ||
	    module >> 1 > UINT32_MAX || mft_take_varint(&p, d->end, &r->address))
		return -EBADMSG;
	r->module = (uint32_t)(module >> 1);
	r->exact = module & 1;
	d->pos = p;
	return 1;
}

static int decode_long(struct mft_decoder *d, const uint8_t *p, struct mft_record *r)
{
	uint16_t length;

	if ((size_t)(d->end - p) < sizeof(length))
		return -EBADMSG;
	memcpy(&length, p, sizeof(length));
	p += sizeof(length);
	if (length > (size_t)(d->end - p))
		return -EBADMSG;
	r->payload.data = p;
	r->payload.length = length;
	d->pos = p + length;
	return 1;
}

/* Most records: acquisitions and releases that do not lie at the end of the buffer. Returns
 * 1, or 0 where the record is another one, or not as it should be; nothing is taken then.
 */
static inline int decode_quickly(struct mft_decoder *d, struct mft_record *r)
{
	const uint8_t *p = d->pos;
	uint64_t clock = d->clock, stack, v;
	uint8_t op;

	if (__builtin_expect(d->end - p < MFT_QUICK_BYTES, 0))
		return 0;
	op = __atomic_load_n(p, __ATOMIC_ACQUIRE);
	if (op == MFT_OP_CLOCK) {
		p = mft_quick_varint(p + 1, &v);
		clock += v;
		if (__builtin_expect(d->end - p < MFT_QUICK_BYTES, 0))
			return 0;
		op = __atomic_load_n(p, __ATOMIC_ACQUIRE);
	}
	if (mft_op_is_free(op)) {
		r->op = op;
		p = mft_quick_address(p + 1, d->last_address, &r->address);
	} else if (op < MFT_OP_LONG && mft_op_is_alloc(op) && !mft_op_is_aligned(op)) {
		r->op = op & (uint8_t)~MFT_OP_USABLE;
		p = mft_quick_varint(p + 1, &stack);
		p = mft_quick_varint(p, &r->size);
		p = mft_quick_address(p, d->last_address, &r->address);
		if (__builtin_expect(stack > UINT32_MAX, 0))
			return 0;
		r->stack = (uint32_t)stack;
		r->align_log2 = 0;
		r->usable = mft_usable_guess(r->size);
		if (op & MFT_OP_USABLE) {
			p = mft_quick_varint(p, &v);
			r->usable = r->size + v;
		}
	} else {
		return 0;
	}
	r->clock = d->clock = clock;
	d->last_address = r->address;
	d->pos = p;
	return 1;
}

int mft_decode(struct mft_decoder *d, struct mft_record *ret_record)
{
	struct mft_record *r = ret_record;
	const uint8_t *p;
	uint64_t delta;
	uint8_t op;

	if (__builtin_expect(decode_quickly(d, r), 1))
		return 1;
	for (;;) {
		if (d->pos >= d->end)
			return 0;
		/* Partner: mft_commit. Whatever it published lies behind this byte. */
		op = __atomic_load_n(d->pos, __ATOMIC_ACQUIRE);
		p = d->pos + 1;
		if (op != MFT_OP_CLOCK)
			break;
		if (mft_take_varint(&p, d->end, &delta))
			return -EBADMSG;
		d->clock += delta;
		d->pos = p;
	}
	r->op = op;
	r->clock = d->clock;
	if (mft_op_is_alloc(op) && op < MFT_OP_LONG)
		return decode_alloc(d, op, p, r);
	if (mft_op_is_free(op)) {
		if (take_address(d, &p, &r->address))
			return -EBADMSG;
		d->last_address = r->address;
		d->pos = p;
		return 1;
	}
	if (op >= MFT_OP_LONG)
		return decode_long(d, p, r);
	switch (op) {
	case MFT_OP_END:
		return 0;
	case MFT_OP_NODE:
		return decode_node(d, p, r);
	case MFT_OP_REACQUIRE:
		d->pos = p;
		return 1;
	default:
		return -EBADMSG;
	}
}
