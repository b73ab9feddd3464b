/* SPDX-License-Identifier: MIT */
/*
 * fuzz_records.c - libFuzzer target: any bytes as the records of a chunk.
 *
 * The decoder must take nothing beyond the end, must move on with every record, and what it
 * takes must come out again when it is encoded.
 */
#include <stdlib.h>
#include <string.h>

#include "mft_codec.h"
#include "mft_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
	if (!condition)
		abort();
}

static void take_lists(struct mft_bytes payload)
{
	struct mft_scan_word word = {0};
	struct mft_bytes words = payload, runs = payload, threads = payload;
	uint64_t absent, present;
	int32_t tid;

	while (mft_next_run(&runs, &absent, &present) > 0)
		;
	while (mft_next_thread(&threads, &tid) > 0)
		;
	while (mft_next_scan_word(&words, &word) > 0)
		;
}

/* Every payload as every kind of long record: a decoder is not told what it is. */
static void take_payload(struct mft_bytes payload)
{
	struct mft_process process;
	struct mft_thread thread;
	struct mft_module module;
	struct mft_failed failed;
	struct mft_mapping mapping;
	struct mft_snapshot snapshot;
	struct mft_snapshot_map map;
	struct mft_notice notice;
	struct mft_bytes text;
	struct mft_scan scan;
	struct mft_scan_root root;
	struct mft_scan_end end;
	uint32_t id;

	if (mft_decode_process(payload, &process) == 0)
		expect(process.argv.data + process.argv.length <=
		       payload.data + payload.length);
	if (mft_decode_module(payload, &module) == 0)
		expect(module.path.data + module.path.length <=
		       payload.data + payload.length);
	if (mft_decode_snapshot_map(payload, &map) == 0)
		expect(map.runs.data + map.runs.length <= payload.data + payload.length);
	(void)mft_decode_thread(payload, &thread);
	(void)mft_decode_module_gone(payload, &id);
	(void)mft_decode_failed(payload, &failed);
	(void)mft_decode_mapping(payload, &mapping);
	(void)mft_decode_snapshot(payload, &snapshot);
	(void)mft_decode_notice(payload, &notice);
	(void)mft_decode_string(payload, &text);
	(void)mft_decode_scan(payload, &scan);
	(void)mft_decode_scan_root(payload, &root);
	(void)mft_decode_scan_end(payload, &end);
	take_lists(payload);
}

static void again(const struct mft_record *record)
{
	uint8_t bytes[2 * MFT_HOT_BYTES_MAX] = {0};
	struct mft_encoder encoder;
	struct mft_decoder decoder;
	struct mft_record twin;

	mft_encoder_init(&encoder, bytes, bytes + MFT_HOT_BYTES_MAX, 0);
	if (mft_op_is_free(record->op))
		mft_put_free(&encoder, record->op, record->address);
	else if (record->op == MFT_OP_NODE)
		mft_put_node(&encoder, record->parent, record->module, record->exact,
			     record->address);
	else if (mft_op_is_alloc(record->op))
		mft_put_alloc(&encoder, record->op, record->address, record->size,
			      record->usable, record->stack, record->align_log2);
	else
		return;
	mft_decoder_init(&decoder, bytes, encoder.pos, 0);
	expect(mft_decode(&decoder, &twin) == 1 && twin.op == record->op);
	expect(twin.address == record->address && decoder.pos == encoder.pos);
	if (mft_op_is_alloc(record->op))
		expect(twin.size == record->size && twin.usable == record->usable &&
		       twin.stack == record->stack &&
		       twin.align_log2 == record->align_log2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exactly as large, so that the sanitizer sees one byte too many. */
	uint8_t *bytes = malloc(size);
	struct mft_decoder decoder;
	struct mft_record record;
	const uint8_t *before;

	if (size == 0 || !bytes) {
		free(bytes);
		return 0;
	}
	memcpy(bytes, data, size);
	mft_decoder_init(&decoder, bytes, bytes + size, 0);
	for (before = bytes; mft_decode(&decoder, &record) > 0; before = decoder.pos) {
		expect(decoder.pos > before && decoder.pos <= bytes + size);
		if (record.op >= MFT_OP_LONG)
			take_payload(record.payload);
		else
			again(&record);
	}
	take_payload((struct mft_bytes){bytes, size});
	free(bytes);
	return 0;
}
