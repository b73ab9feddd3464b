/* SPDX-License-Identifier: MIT */
/*
 * mft_payload.c - the payloads of long records, as mft_codec.h declares them.
 */
#include "mft_codec.h"

#include <errno.h>

/* ---- Encoding --------------------------------------------------------------------- */

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

int mft_decode_process(struct mft_bytes payload, struct mft_process *ret_process)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_process v;

	if (mft_take_u32(&p, end, &v.flags) || mft_take_bytes(&p, end, &v.exe) ||
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

	if (mft_take_u32(&p, end, &tid) || mft_take_bytes(&p, end, &v.name))
		return -EBADMSG;
	v.tid = (int32_t)tid;
	*ret_thread = v;
	return 0;
}

int mft_decode_module(struct mft_bytes payload, struct mft_module *ret_module)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_module v;

	if (mft_take_u32(&p, end, &v.id) || mft_take_varint(&p, end, &v.bias) ||
	    mft_take_varint(&p, end, &v.start) || mft_take_varint(&p, end, &v.end) ||
	    mft_take_bytes(&p, end, &v.build_id) || mft_take_bytes(&p, end, &v.path))
		return -EBADMSG;
	*ret_module = v;
	return 0;
}

int mft_decode_module_gone(struct mft_bytes payload, uint32_t *ret_id)
{
	const uint8_t *p = payload.data;

	return mft_take_u32(&p, p + payload.length, ret_id);
}

int mft_decode_failed(struct mft_bytes payload, struct mft_failed *ret_failed)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_failed v;
	uint64_t op, error;

	if (mft_take_varint(&p, end, &op) || !mft_op_is_alloc((unsigned)op) || op > 0x3f ||
	    mft_take_varint(&p, end, &v.size) || mft_take_u32(&p, end, &v.stack) ||
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
	    mft_take_u32(&p, end, &v.stack) || mft_take_u32(&p, end, &v.prot) ||
	    mft_take_u32(&p, end, &v.flags) || mft_take_varint(&p, end, &v.old_address) ||
	    mft_take_varint(&p, end, &v.old_length))
		return -EBADMSG;
	*ret_mapping = v;
	return 0;
}

int mft_decode_snapshot(struct mft_bytes payload, struct mft_snapshot *ret_snapshot)
{
	const uint8_t *p = payload.data, *end = p + payload.length;
	struct mft_snapshot v;

	if (mft_take_u32(&p, end, &v.reason) || mft_take_varint(&p, end, &v.rss_bytes) ||
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

	if (mft_take_u32(&p, end, &v.kind) || mft_take_varint(&p, end, &v.start) ||
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
	if (mft_take_u32(&p, end, &tid))
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

	if (mft_take_u32(&p, end, &v.code) || mft_take_bytes(&p, end, &v.text))
		return -EBADMSG;
	*ret_notice = v;
	return 0;
}

int mft_decode_string(struct mft_bytes payload, struct mft_bytes *ret_text)
{
	const uint8_t *p = payload.data;

	return mft_take_bytes(&p, p + payload.length, ret_text);
}
