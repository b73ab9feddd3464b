/* SPDX-License-Identifier: MIT */
/* The file's structure: what is refused, and what is saved from damage. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "complaint.h"
#include "cursor.h"
#include "dump_writer.h"
#include "reader.h"
#include "scratch.h"
#include "two_streams.h"
#include "workdir.h"

#define CHUNK TWO_STREAMS_CHUNK
#define FREES TWO_STREAMS_FREES

static struct scratch scratch;

static int setup(void **state)
{
	(void)state;
	scratch_open(&scratch);
	two_streams_write(scratch.path, false, MFT_STATE_EXITED);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_close(&scratch);
	return 0;
}

/* How many releases the stream at an index still gives. */
static uint64_t count_frees(struct reader *reader, size_t stream)
{
	const struct mft_record *record;
	struct cursor cursor;
	uint64_t frees = 0;
	int r;

	cursor_init(&cursor, reader, &reader->streams[stream]);
	while ((r = cursor_next(&cursor, &record)) > 0)
		frees += record->op == MFT_OP_FREE;
	assert_int_equal(r, 0);
	cursor_done(&cursor);
	return frees;
}

static void expect_refusal(int error, const char *words)
{
	struct complaint complaint = {""};
	struct reader *reader = NULL;

	assert_int_equal(reader_open(scratch.path, &reader, &complaint), error);
	assert_null(reader);
	assert_non_null(strstr(complaint.text, words));
}

static struct reader *expect_damage(uint64_t offset, const char *words)
{
	struct reader *reader;

	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(reader->damage.places, 1);
	assert_true(reader->damage.offset == offset);
	assert_non_null(strstr(reader->damage.text, words));
	return reader;
}

static void an_intact_dump_is_whole(void **state)
{
	struct reader *reader;

	(void)state;
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(reader->streams_count, 2);
	assert_int_equal(reader->streams[1].tid, 20);
	assert_int_equal(reader->chunks_count, reader->header.chunks);
	assert_true(count_frees(reader, 0) == FREES && count_frees(reader, 1) == FREES);
	assert_int_equal(reader->damage.places, 0);
	reader_close(reader);
}

static void what_is_no_dump_is_refused(void **state)
{
	struct complaint complaint = {""};
	struct reader *reader = NULL;
	uint32_t zero = 0, huge = UINT32_MAX, odd = 3000;
	uint16_t two = 2, one = 1;

	(void)state;
	assert_int_equal(dump_patch(scratch.path, 8, &two, sizeof(two)), 0);
	expect_refusal(-EPROTONOSUPPORT, "format 2.0");
	assert_int_equal(dump_patch(scratch.path, 8, &one, sizeof(one)), 0);
	assert_int_equal(dump_patch(scratch.path, 16, &zero, sizeof(zero)), 0);
	expect_refusal(-EBADMSG, "chunk size of 0");
	assert_int_equal(dump_patch(scratch.path, 16, &huge, sizeof(huge)), 0);
	expect_refusal(-EBADMSG, "chunk size of 4294967295");
	odd = CHUNK;
	assert_int_equal(dump_patch(scratch.path, 16, &odd, sizeof(odd)), 0);
	odd = 3000;
	assert_int_equal(dump_patch(scratch.path, 20, &odd, sizeof(odd)), 0);
	expect_refusal(-EBADMSG, "page size of 3000");
	assert_int_equal(ftruncate(scratch.fd, 100), 0);
	expect_refusal(-ENODATA, "at byte 100");
	assert_int_equal(dump_patch(scratch.path, 0, "PNG", 3), 0);
	expect_refusal(-EBADMSG, "not a dump");
	assert_int_equal(ftruncate(scratch.fd, 0), 0);
	expect_refusal(-ENODATA, "empty");
	assert_int_equal(reader_open("/", &reader, &complaint), -EISDIR);
	assert_int_equal(reader_open("/dev/null", &reader, &complaint), -EINVAL);
	assert_int_equal(reader_open("/nonexistent", &reader, &complaint), -ENOENT);
	assert_non_null(strstr(complaint.text, "cannot open"));
}

/* Opening a FIFO for reading would wait for a writer for ever. */
static void a_fifo_does_not_block(void **state)
{
	char path[300];
	const char *directory = workdir_make();
	struct complaint complaint;
	struct reader *reader;

	(void)state;
	assert_non_null(directory);
	(void)snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(reader_open(path, &reader, &complaint), -EINVAL);
	workdir_remove();
}

static void reserved_space_is_no_damage(void **state)
{
	struct reader *reader;
	uint32_t chunks;

	(void)state;
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	chunks = reader->header.chunks;
	reader_close(reader);
	assert_int_equal(
		ftruncate(scratch.fd, (off_t)two_streams_chunk_offset(chunks + 100000)), 0);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(reader->chunks_count, chunks);
	assert_int_equal(reader->damage.places, 0);
	reader_close(reader);
}

static void a_cut_file_gives_what_it_has(void **state)
{
	struct reader *reader;
	uint64_t cut = two_streams_chunk_offset(2) + 200;

	(void)state;
	assert_int_equal(ftruncate(scratch.fd, (off_t)cut), 0);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(reader->chunks_count, 3);
	assert_true(reader->damage.offset == cut);
	assert_in_range(count_frees(reader, 0), 100, FREES - 1);
	assert_in_range(count_frees(reader, 1), 100, FREES - 1);
	reader_close(reader);
}

static void a_file_that_lacks_whole_chunks_says_so(void **state)
{
	struct reader *reader;

	(void)state;
	assert_int_equal(ftruncate(scratch.fd, (off_t)two_streams_chunk_offset(2)), 0);
	reader = expect_damage(two_streams_chunk_offset(2), "ends after 2 of");
	reader_close(reader);
}

static void a_lost_chunk_ends_its_stream_alone(void **state)
{
	struct reader *reader;
	uint32_t wrong = 0xdead;

	(void)state;
	assert_int_equal(dump_patch(scratch.path, two_streams_chunk_offset(2), &wrong,
				    sizeof(wrong)),
			 0);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_true(reader->damage.offset == two_streams_chunk_offset(2));
	assert_non_null(strstr(reader->damage.text, "no chunk"));
	assert_int_equal(reader->damage.places, 2); /* and the gap */
	assert_int_equal(reader->streams[0].count, 1);
	assert_in_range(count_frees(reader, 0), 100, FREES - 1);
	assert_true(count_frees(reader, 1) == FREES);
	reader_close(reader);
}

static void chunks_of_other_kinds_are_passed_over(void **state)
{
	struct reader *reader;
	struct mft_chunk other = {
		.magic = MFT_CHUNK_MAGIC, .kind = 77, .header_bytes = 64, .stream = 0};

	(void)state;
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(dump_patch(scratch.path,
				    two_streams_chunk_offset(reader->header.chunks), &other,
				    CHUNK > sizeof(other) ? sizeof(other) : 0),
			 0);
	assert_int_equal(ftruncate(scratch.fd, (off_t)two_streams_chunk_offset(
						       reader->header.chunks + 1)),
			 0);
	reader_close(reader);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(reader->damage.places, 0);
	assert_true(count_frees(reader, 0) == FREES && count_frees(reader, 1) == FREES);
	reader_close(reader);
}

static void a_bad_record_ends_its_stream_alone(void **state)
{
	struct reader *reader;
	uint8_t unknown = 0x7f;
	uint64_t offset = two_streams_chunk_offset(2) + sizeof(struct mft_chunk);

	(void)state;
	assert_int_equal(dump_patch(scratch.path, offset, &unknown, 1), 0);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(reader->damage.places, 0);
	assert_in_range(count_frees(reader, 0), 100, FREES - 1);
	assert_true(reader->damage.offset == offset);
	assert_true(count_frees(reader, 1) == FREES);
	assert_int_equal(reader->damage.places, 1);
	reader_close(reader);
}

/* A chunk that another one followed was complete: an opcode that is missing was lost. */
static void a_hole_in_a_chunk_is_noticed(void **state)
{
	struct reader *reader;
	uint8_t zeros[8] = {0};
	uint64_t offset = two_streams_chunk_offset(2) + 500;

	(void)state;
	assert_int_equal(dump_patch(scratch.path, offset, zeros, sizeof(zeros)), 0);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_in_range(count_frees(reader, 0), 100, FREES - 1);
	assert_int_equal(reader->damage.places, 1);
	assert_in_range(reader->damage.offset, offset - 16, offset + 8);
	reader_close(reader);
}

static void a_file_that_shrinks_is_damage(void **state)
{
	struct reader *reader;

	(void)state;
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(ftruncate(scratch.fd, (off_t)(two_streams_chunk_offset(0) +
						       sizeof(struct mft_chunk) + 36)),
			 0);
	assert_in_range(count_frees(reader, 0), 1, 100);
	assert_true(count_frees(reader, 1) == 0);
	assert_true(reader->damage.places > 0);
	assert_non_null(strstr(reader->damage.text, "shorter"));
	reader_close(reader);
}

static void peeking_takes_nothing(void **state)
{
	const struct mft_record *record;
	struct reader *reader;
	struct cursor cursor;
	uint64_t frees = 0;
	uint8_t op;

	(void)state;
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	cursor_init(&cursor, reader, &reader->streams[0]);
	while (cursor_next(&cursor, &record) > 0) {
		frees += record->op == MFT_OP_FREE;
		assert_int_equal(cursor_peek(&cursor, &op), 0);
		assert_int_equal(op, frees == FREES ? MFT_OP_END : MFT_OP_FREE);
		assert_int_equal(cursor_peek(&cursor, &op), 0);
	}
	assert_true(frees == FREES);
	cursor_done(&cursor);
	reader_close(reader);
}

/* What was announced for a place in the stream is what comes there, and most is announced.
 */
static void what_is_soon_comes(void **state)
{
	uint64_t due[FREES + 16] = {0}, place = 0, announced = 0;
	const struct mft_record *record, *soon;
	struct reader *reader;
	struct cursor cursor;

	(void)state;
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	cursor_init(&cursor, reader, &reader->streams[0]);
	while (cursor_next(&cursor, &record) > 0) {
		assert_in_range(place, 0, FREES + 1);
		if (due[place]) {
			assert_true(record->address == due[place]);
			announced++;
		}
		assert_true(!cursor_turned(&cursor) || due[place + 1] == 0);
		for (uint32_t n = 1; n < 8; n++) {
			soon = cursor_soon(&cursor, n);
			if (soon && soon->op == MFT_OP_FREE)
				due[place + n] = soon->address;
		}
		place++;
	}
	assert_in_range(announced, FREES * 9 / 10, FREES);
	cursor_done(&cursor);
	reader_close(reader);
}

#define READER_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		READER_TEST(an_intact_dump_is_whole),
		READER_TEST(what_is_no_dump_is_refused),
		READER_TEST(a_fifo_does_not_block),
		READER_TEST(reserved_space_is_no_damage),
		READER_TEST(a_cut_file_gives_what_it_has),
		READER_TEST(a_file_that_lacks_whole_chunks_says_so),
		READER_TEST(a_lost_chunk_ends_its_stream_alone),
		READER_TEST(chunks_of_other_kinds_are_passed_over),
		READER_TEST(a_bad_record_ends_its_stream_alone),
		READER_TEST(a_hole_in_a_chunk_is_noticed),
		READER_TEST(a_file_that_shrinks_is_damage),
		READER_TEST(peeking_takes_nothing),
		READER_TEST(what_is_soon_comes),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
