/* SPDX-License-Identifier: MIT */
#include "mft_codec.h"

#include <errno.h>

const uint8_t mft_varint_bytes[64] = {
	1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, /* 7 bits a byte
									   */
	4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7,
	7, 7, 7, 7, 8, 8, 8, 8, 8, 8, 8, 9, 9, 9, 9, 9, 9, 9, 9,
};

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

int mft_put_module(struct mft_encoder *e, const struct mft_module *module)
{
	struct mft_long record;

	mft_long_begin(e, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, module->id);
	mft_long_varint(&record, module->bias);
	mft_long_varint(&record, module->start);
	mft_long_varint(&record, module->end);
	mft_long_bytes(&record, module->build_id.data, module->build_id.length);
	mft_long_bytes(&record, module->path.data, module->path.length);
	return mft_long_end(e, &record, MFT_OP_MODULE);
}

int mft_put_failed(struct mft_encoder *e, const struct mft_failed *failed)
{
	struct mft_long record;

	mft_long_begin(e, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, failed->op);
	mft_long_varint(&record, failed->size);
	mft_long_varint(&record, failed->stack);
	mft_long_varint(&record, mft_zigzag(failed->error));
	return mft_long_end(e, &record, MFT_OP_FAILED);
}

int mft_put_mapping(struct mft_encoder *e, uint8_t op, const struct mft_mapping *mapping)
{
	struct mft_long record;

	mft_long_begin(e, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, mapping->address);
	mft_long_varint(&record, mapping->length);
	mft_long_varint(&record, mapping->stack);
	mft_long_varint(&record, mapping->prot);
	mft_long_varint(&record, mapping->flags);
	mft_long_varint(&record, mapping->old_address);
	mft_long_varint(&record, mapping->old_length);
	return mft_long_end(e, &record, op);
}

int mft_put_snapshot(struct mft_encoder *e, const struct mft_snapshot *snapshot)
{
	struct mft_long record;

	mft_long_begin(e, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, snapshot->reason);
	mft_long_varint(&record, snapshot->rss_bytes);
	mft_long_varint(&record, snapshot->file_bytes);
	mft_long_varint(&record, snapshot->live_bytes);
	return mft_long_end(e, &record, MFT_OP_SNAPSHOT);
}

int mft_put_snapshot_map(struct mft_encoder *e, const struct mft_snapshot_map *map)
{
	struct mft_long record;

	mft_long_begin(e, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_varint(&record, map->kind);
	mft_long_varint(&record, map->start);
	mft_long_varint(&record, map->length);
	mft_long_varint(&record, map->resident_bytes);
	mft_long_bytes(&record, map->runs.data, map->runs.length);
	return mft_long_end(e, &record, MFT_OP_SNAPSHOT_MAP);
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

/* As mft_take_varint, for fields that are 32 bits wide in memory. */
static int take_u32(const uint8_t **p, const uint8_t *end, uint32_t *ret_v)
{
	uint64_t v;

	if (mft_take_varint(p, end, &v) || v > UINT32_MAX)
		return -EBADMSG;
	*ret_v = (uint32_t)v;
	return 0;
}

static int decode_alloc(struct mft_decoder *d, uint8_t op, const uint8_t *p,
			struct mft_record *r)
{
	uint64_t v;

	r->op = op & (uint8_t)~MFT_OP_USABLE;
	if (take_u32(&p, d->end, &r->stack) || mft_take_varint(&p, d->end, &r->size) ||
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

	if (take_u32(&p, d->end, &r->parent) || mft_take_varint(&p, d->end, &module) ||
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

int mft_decode_process(struct mft_bytes payload, struct mft_process *ret_process)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_process v;

	if (take_u32(&p, end, &v.flags) || mft_take_bytes(&p, end, &v.exe) ||
	    mft_take_bytes(&p, end, &v.cwd) || mft_take_bytes(&p, end, &v.argv))
		return -EBADMSG;
	*ret_process = v;
	return 0;
}

int mft_decode_thread(struct mft_bytes payload, struct mft_thread *ret_thread)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_thread v;
	uint32_t tid;

	if (take_u32(&p, end, &tid) || mft_take_bytes(&p, end, &v.name))
		return -EBADMSG;
	v.tid = (int32_t)tid;
	*ret_thread = v;
	return 0;
}

int mft_decode_module(struct mft_bytes payload, struct mft_module *ret_module)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_module v;

	if (take_u32(&p, end, &v.id) || mft_take_varint(&p, end, &v.bias) ||
	    mft_take_varint(&p, end, &v.start) || mft_take_varint(&p, end, &v.end) ||
	    mft_take_bytes(&p, end, &v.build_id) || mft_take_bytes(&p, end, &v.path))
		return -EBADMSG;
	*ret_module = v;
	return 0;
}

int mft_decode_module_gone(struct mft_bytes payload, uint32_t *ret_id)
{
	const uint8_t *p = payload.data;

	return take_u32(&p, p + payload.length, ret_id);
}

int mft_decode_failed(struct mft_bytes payload, struct mft_failed *ret_failed)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_failed v;
	uint64_t op, error;

	if (mft_take_varint(&p, end, &op) || !mft_op_is_alloc((unsigned)op) || op > 0x3f ||
	    mft_take_varint(&p, end, &v.size) || take_u32(&p, end, &v.stack) ||
	    mft_take_varint(&p, end, &error))
		return -EBADMSG;
	v.op = (uint8_t)op;
	v.error = (int32_t)mft_unzigzag(error);
	*ret_failed = v;
	return 0;
}

int mft_decode_mapping(struct mft_bytes payload, struct mft_mapping *ret_mapping)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_mapping v;

	if (mft_take_varint(&p, end, &v.address) || mft_take_varint(&p, end, &v.length) ||
	    take_u32(&p, end, &v.stack) || take_u32(&p, end, &v.prot) ||
	    take_u32(&p, end, &v.flags) || mft_take_varint(&p, end, &v.old_address) ||
	    mft_take_varint(&p, end, &v.old_length))
		return -EBADMSG;
	*ret_mapping = v;
	return 0;
}

int mft_decode_snapshot(struct mft_bytes payload, struct mft_snapshot *ret_snapshot)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_snapshot v;

	if (take_u32(&p, end, &v.reason) || mft_take_varint(&p, end, &v.rss_bytes) ||
	    mft_take_varint(&p, end, &v.file_bytes) ||
	    mft_take_varint(&p, end, &v.live_bytes))
		return -EBADMSG;
	*ret_snapshot = v;
	return 0;
}

int mft_decode_snapshot_map(struct mft_bytes payload, struct mft_snapshot_map *ret_map)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_snapshot_map v;

	if (take_u32(&p, end, &v.kind) || mft_take_varint(&p, end, &v.start) ||
	    mft_take_varint(&p, end, &v.length) ||
	    mft_take_varint(&p, end, &v.resident_bytes) || mft_take_bytes(&p, end, &v.runs))
		return -EBADMSG;
	*ret_map = v;
	return 0;
}

int mft_next_run(struct mft_bytes *runs, uint64_t *ret_absent_pages,
		 uint64_t *ret_present_pages)
{
	const uint8_t *p = runs->data, *end = p + runs->length;
	uint64_t absent, present;

	if (runs->length == 0)
		return 0;
	if (mft_take_varint(&p, end, &absent) || mft_take_varint(&p, end, &present))
		return -EBADMSG;
	runs->length = (size_t)(end - p);
	runs->data = p;
	*ret_absent_pages = absent;
	*ret_present_pages = present;
	return 1;
}

int mft_next_thread(struct mft_bytes *payload, int32_t *ret_tid)
{
	const uint8_t *p = payload->data, *end = p + payload->length;
	uint32_t tid;

	if (payload->length == 0)
		return 0;
	if (take_u32(&p, end, &tid))
		return -EBADMSG;
	payload->length = (size_t)(end - p);
	payload->data = p;
	*ret_tid = (int32_t)tid;
	return 1;
}

int mft_decode_notice(struct mft_bytes payload, struct mft_notice *ret_notice)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_notice v;

	if (take_u32(&p, end, &v.code) || mft_take_bytes(&p, end, &v.text))
		return -EBADMSG;
	*ret_notice = v;
	return 0;
}

int mft_decode_string(struct mft_bytes payload, struct mft_bytes *ret_text)
{
	const uint8_t *p = payload.data;

	return mft_take_bytes(&p, p + payload.length, ret_text);
}
