/* SPDX-License-Identifier: MIT */
/* Words of a scan come out as they were put in; what makes no sense is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mft_scan.h"

#define BYTES 4096

struct paper {
	uint8_t bytes[BYTES + MFT_ENCODE_SLACK];
	struct mft_encoder encoder;
};

static void begin(struct paper *paper)
{
	memset(paper, 0, sizeof(*paper));
	mft_encoder_init(&paper->encoder, paper->bytes, paper->bytes + BYTES, 0);
}

/* The only record on the paper. */
static struct mft_record read_back(const struct paper *paper)
{
	struct mft_decoder decoder;
	struct mft_record record;

	mft_decoder_init(&decoder, paper->bytes, paper->bytes + BYTES, 0);
	assert_int_equal(mft_decode(&decoder, &record), 1);
	return record;
}

static void words_come_back(void **state)
{
	static const struct mft_scan_word words[] = {
		{0x55b34116b090, 0x55b34116b2f0},
		{0x55b34116b098, 0x55b34116b2f0},
		{0x55b34116b0a0, 0x55b34116b2e0},
		{0x55b34116b0a8, 0x55b34116b2e1},
		{0x7ffecb8fafd0, 1},
		{0x7ffecb8fafd8, UINT64_MAX},
		{0x7ffecb8fafe0, 0},
		{0x7ffecb8fafe8, 1ull << 63},
		/* Backwards, as the numbers in front of arrays come. */
		{8, 0x8000000000000001},
		{0x7ffecb8fafe0, 40},
		{UINT64_MAX - 7, 16},
		{0, 0},
	};
	const size_t count = sizeof(words) / sizeof(words[0]);
	struct mft_scan_word last = {0};
	struct mft_record read;
	struct mft_long record;
	struct paper paper;

	(void)state;
	begin(&paper);
	mft_long_begin(&paper.encoder, &record, MFT_LONG_PAYLOAD_MAX);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *before = record.pos;

		mft_long_scan_word(&record, &last, words[i].address, words[i].value);
		assert_true(record.pos - before <= MFT_SCAN_WORD_BYTES_MAX);
	}
	assert_int_equal(mft_long_end(&paper.encoder, &record, MFT_OP_SCAN_WORDS), 0);
	read = read_back(&paper);
	last = (struct mft_scan_word){0};
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(mft_next_scan_word(&read.payload, &last), 1);
		assert_true(last.address == words[i].address);
		assert_true(last.value == words[i].value);
	}
	assert_int_equal(mft_next_scan_word(&read.payload, &last), 0);
}

static void neighbours_take_few_bytes(void **state)
{
	struct mft_scan_word last = {0};
	struct mft_long record;
	struct paper paper;
	const uint8_t *start;

	(void)state;
	begin(&paper);
	mft_long_begin(&paper.encoder, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_scan_word(&record, &last, 0x7f0000000000, 0x7f0000001000);
	start = record.pos;
	for (uint64_t i = 1; i <= 100; i++)
		mft_long_scan_word(&record, &last, 0x7f0000000000 + i * 64,
				   0x7f0000001000 + i * 208);
	assert_int_equal(record.pos - start, 200);
}

static void a_cut_word_is_refused(void **state)
{
	struct mft_scan_word last = {0};
	struct mft_record read;
	struct mft_long record;
	struct paper paper;
	size_t length;

	(void)state;
	begin(&paper);
	mft_long_begin(&paper.encoder, &record, MFT_LONG_PAYLOAD_MAX);
	mft_long_scan_word(&record, &last, 0x7f0000000000, 0x7f0000001008);
	assert_int_equal(mft_long_end(&paper.encoder, &record, MFT_OP_SCAN_WORDS), 0);
	read = read_back(&paper);
	length = read.payload.length;
	for (size_t cut = 1; cut < length; cut++) {
		struct mft_bytes payload = {read.payload.data, cut};
		struct mft_scan_word word = {16, 32};

		assert_int_equal(mft_next_scan_word(&payload, &word), -EBADMSG);
		assert_int_equal(word.address, 16);
		assert_int_equal(word.value, 32);
		assert_int_equal(payload.length, cut);
	}
}

static void the_other_records_come_back(void **state)
{
	const struct mft_scan scan = {MFT_SNAPSHOT_REQUEST};
	const struct mft_scan_root root = {MFT_ROOT_STACK, 0x7ffe00000000, 4096, 3, 4711};
	const struct mft_scan_end end = {MFT_SCAN_PAGES, 4, 1, 17, 1ull << 40, 123456789};
	struct mft_scan scan_read;
	struct mft_scan_root root_read;
	struct mft_scan_end end_read;
	struct mft_record read;
	struct paper paper;

	(void)state;
	begin(&paper);
	assert_int_equal(mft_put_scan(&paper.encoder, &scan), 0);
	read = read_back(&paper);
	assert_int_equal(read.op, MFT_OP_SCAN);
	assert_int_equal(mft_decode_scan(read.payload, &scan_read), 0);
	assert_memory_equal(&scan, &scan_read, sizeof(scan));

	begin(&paper);
	assert_int_equal(mft_put_scan_root(&paper.encoder, &root), 0);
	read = read_back(&paper);
	assert_int_equal(read.op, MFT_OP_SCAN_ROOT);
	assert_int_equal(mft_decode_scan_root(read.payload, &root_read), 0);
	assert_true(root.kind == root_read.kind && root.start == root_read.start &&
		    root.length == root_read.length && root.module == root_read.module &&
		    root.tid == root_read.tid);

	begin(&paper);
	assert_int_equal(mft_put_scan_end(&paper.encoder, &end), 0);
	read = read_back(&paper);
	assert_int_equal(read.op, MFT_OP_SCAN_END);
	assert_int_equal(mft_decode_scan_end(read.payload, &end_read), 0);
	assert_true(end.flags == end_read.flags && end.threads == end_read.threads &&
		    end.threads_running == end_read.threads_running &&
		    end.absent_pages == end_read.absent_pages &&
		    end.words_lost == end_read.words_lost &&
		    end.duration_ns == end_read.duration_ns);
}

static void a_root_beyond_the_end_is_refused(void **state)
{
	const struct mft_scan_root root = {
		.kind = MFT_ROOT_MAPPING, .start = UINT64_MAX - 4095, .length = 8192};
	struct mft_scan_root read_root;
	struct mft_record read;
	struct paper paper;

	(void)state;
	begin(&paper);
	assert_int_equal(mft_put_scan_root(&paper.encoder, &root), 0);
	read = read_back(&paper);
	assert_int_equal(mft_decode_scan_root(read.payload, &read_root), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_come_back),
		cmocka_unit_test(neighbours_take_few_bytes),
		cmocka_unit_test(a_cut_word_is_refused),
		cmocka_unit_test(the_other_records_come_back),
		cmocka_unit_test(a_root_beyond_the_end_is_refused),
	};

	return cmocka_run_group_tests_name("scan_words", tests, NULL, NULL);
}
