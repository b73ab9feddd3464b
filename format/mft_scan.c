/* SPDX-License-Identifier: MIT */
#include "mft_scan.h"

#include <errno.h>

int mft_put_scan(struct mft_encoder *e, const struct mft_scan *scan)
{
	struct mft_long record;

	mft_long_begin(e, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, scan->reason);
	return mft_long_end(e, &record, MFT_OP_SCAN);
}

int mft_put_scan_root(struct mft_encoder *e, const struct mft_scan_root *root)
{
	struct mft_long record;

	mft_long_begin(e, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, root->kind);
	mft_long_varint(&record, root->start);
	mft_long_varint(&record, root->length);
	mft_long_varint(&record, root->module);
	mft_long_varint(&record, root->tid);
	return mft_long_end(e, &record, MFT_OP_SCAN_ROOT);
}

int mft_put_scan_end(struct mft_encoder *e, const struct mft_scan_end *end)
{
	struct mft_long record;

	mft_long_begin(e, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, end->flags);
	mft_long_varint(&record, end->threads);
	mft_long_varint(&record, end->threads_running);
	mft_long_varint(&record, end->absent_pages);
	mft_long_varint(&record, end->words_lost);
	mft_long_varint(&record, end->duration_ns);
	return mft_long_end(e, &record, MFT_OP_SCAN_END);
}

/* Values are near each other more often than near the words that hold them, and mostly
 * multiples of 16 apart. */
void mft_long_scan_word(struct mft_long *record, struct mft_scan_word *last,
			uint64_t address, uint64_t value)
{
	int64_t delta = (int64_t)(value - last->value);

	mft_long_varint(record, mft_zigzag((int64_t)(address - last->address) / 8));
	if ((delta & 15) == 0)
		mft_long_varint(record, mft_zigzag(delta >> 4) << 1);
	else if (mft_zigzag(delta) >> 63 == 0)
		mft_long_varint(record, mft_zigzag(delta) << 1 | 1);
	else {
		/* The top bit of a huge distance would be lost; then it is said from 0. */
		mft_long_varint(record, ~0ull);
		mft_long_varint(record, value);
	}
	last->address = address;
	last->value = value;
}

int mft_next_scan_word(struct mft_bytes *payload, struct mft_scan_word *word)
{
	const uint8_t *p = payload->data, *end = p + payload->length;
	uint64_t gap, coded, value;

	if (payload->length == 0)
		return 0;
	if (mft_take_varint(&p, end, &gap) || mft_take_varint(&p, end, &coded))
		return -EBADMSG;
	if (coded == ~0ull) {
		if (mft_take_varint(&p, end, &value))
			return -EBADMSG;
	} else if (coded & 1) {
		value = word->value + (uint64_t)mft_unzigzag(coded >> 1);
	} else {
		value = word->value + ((uint64_t)mft_unzigzag(coded >> 1) << 4);
	}
	payload->length = (size_t)(end - p);
	payload->data = p;
	word->address += (uint64_t)mft_unzigzag(gap) * 8;
	word->value = value;
	return 1;
}

int mft_decode_scan(struct mft_bytes payload, struct mft_scan *ret_scan)
{
	const uint8_t *p = payload.data;

	return mft_take_u32(&p, p + payload.length, &ret_scan->reason);
}

int mft_decode_scan_root(struct mft_bytes payload, struct mft_scan_root *ret_root)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_scan_root v;

	if (mft_take_u32(&p, end, &v.kind) || mft_take_varint(&p, end, &v.start) ||
	    mft_take_varint(&p, end, &v.length) || v.length > UINT64_MAX - v.start ||
	    mft_take_u32(&p, end, &v.module) || mft_take_u32(&p, end, &v.tid))
		return -EBADMSG;
	*ret_root = v;
	return 0;
}

int mft_decode_scan_end(struct mft_bytes payload, struct mft_scan_end *ret_end)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_scan_end v;

	if (mft_take_u32(&p, end, &v.flags) || mft_take_u32(&p, end, &v.threads) ||
	    mft_take_u32(&p, end, &v.threads_running) ||
	    mft_take_varint(&p, end, &v.absent_pages) ||
	    mft_take_varint(&p, end, &v.words_lost) ||
	    mft_take_varint(&p, end, &v.duration_ns))
		return -EBADMSG;
	*ret_end = v;
	return 0;
}
