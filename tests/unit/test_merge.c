/* SPDX-License-Identifier: MIT */
/* Records of several streams in one order, chunk after chunk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dump_writer.h"
#include "merge.h"
#include "reader.h"
#include "scratch.h"

#define STREAMS 7

/* Each stream's n-th release says in its address who made it and that it is the n-th. */
static uint64_t label(size_t stream, uint64_t n)
{
	return (uint64_t)stream << 40 | n << 4 | 16ull << 30;
}

static void write_streams(const char *path, size_t streams, const uint64_t *events)
{
	struct dump_writer writer;
	struct dump_stream *all[STREAMS];
	uint64_t random = 99;

	assert_int_equal(dump_writer_open(&writer, path, 1024), 0);
	for (size_t s = 0; s < streams; s++)
		all[s] = dump_writer_stream(&writer, (int)s + 1);
	for (size_t s = 0; s < streams; s++) {
		uint64_t clock = 0;

		for (uint64_t n = 0; n < events[s]; n++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			clock += random >> 60; /* often the same */
			dump_clock(all[s], clock);
			dump_free(all[s], label(s, n));
		}
	}
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
}

static void check_order(const char *path, size_t streams, const uint64_t *events)
{
	uint64_t next[STREAMS] = {0}, clock = 0;
	struct merge_stream *from;
	struct reader *reader;
	struct merge merge;
	int r;

	assert_int_equal(reader_open(path, &reader, NULL), 0);
	assert_int_equal(reader->streams_count, streams);
	assert_int_equal(merge_init(&merge, reader), 0);
	while ((r = merge_next(&merge, &from)) > 0) {
		size_t s = (size_t)(from - merge.streams);

		assert_true(from->record->clock >= clock);
		clock = from->record->clock;
		if (from->record->op == MFT_OP_THREAD)
			continue;
		assert_true(from->record->address == label(s, next[s]));
		next[s]++;
	}
	assert_int_equal(r, 0);
	assert_int_equal(merge_next(&merge, &from), 0);
	for (size_t s = 0; s < streams; s++)
		assert_true(next[s] == events[s]);
	assert_int_equal(reader->damage.places, 0);
	assert_true(reader->bytes_done == reader->file_bytes - MFT_HEADER_BYTES);
	merge_done(&merge);
	reader_close(reader);
}

static void clocks_rule_and_nothing_is_lost(void **state)
{
	static const uint64_t events[STREAMS] = {5000, 1, 0, 3000, 7000, 2, 800};
	struct scratch scratch;

	(void)state;
	scratch_open(&scratch);
	write_streams(scratch.path, STREAMS, events);
	check_order(scratch.path, STREAMS, events);
	write_streams(scratch.path, 1, events);
	check_order(scratch.path, 1, events);
	scratch_close(&scratch);
}

/* What was freed by one thread and allocated again by another has a greater clock there,
 * whichever stream comes first. */
static void hand_over_keeps_its_order(void **state)
{
	struct dump_writer writer;
	struct dump_stream *streams[2];
	struct merge_stream *from;
	struct scratch scratch;
	struct reader *reader;
	struct merge merge;
	int live = 0, seen = 0;

	(void)state;
	scratch_open(&scratch);
	assert_int_equal(dump_writer_open(&writer, scratch.path, 1024), 0);
	streams[0] = dump_writer_stream(&writer, 1);
	streams[1] = dump_writer_stream(&writer, 2);
	for (uint64_t i = 0; i < 2000; i++) {
		struct dump_stream *s = streams[i % 3 == 0];

		dump_clock(s, i);
		if (i % 2 == 0)
			dump_malloc(s, 0x1000, 8, 0);
		else
			dump_free(s, 0x1000);
	}
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(merge_init(&merge, reader), 0);
	while (merge_next(&merge, &from) > 0) {
		if (from->record->op == MFT_OP_THREAD)
			continue;
		assert_int_equal(from->record->op == MFT_OP_FREE, live);
		live = !live;
		seen++;
	}
	assert_int_equal(seen, 2000);
	merge_done(&merge);
	reader_close(reader);
	scratch_close(&scratch);
}

/* A chunk may have been taken long before its first record was made. */
static void the_first_record_counts_not_its_chunk(void **state)
{
	static const uint64_t clocks[] = {100, 200, 300, 400};
	struct dump_writer writer;
	struct dump_stream *early, *late;
	struct merge_stream *from;
	struct scratch scratch;
	struct reader *reader;
	struct merge merge;
	size_t seen = 0;

	(void)state;
	scratch_open(&scratch);
	assert_int_equal(dump_writer_open(&writer, scratch.path, 1024), 0);
	late = dump_writer_stream(&writer, 1);
	early = dump_writer_stream(&writer, 2);
	/* Without the THREAD record that stands at the begin. */
	memset(late->chunk + sizeof(struct mft_chunk), 0, 64);
	mft_encoder_init(&late->encoder, late->chunk + sizeof(struct mft_chunk),
			 late->chunk + 1024, 0);
	for (size_t i = 0; i < 4; i++) {
		struct dump_stream *s = i < 2 ? early : late;

		dump_clock(s, clocks[i]);
		dump_free(s, 0x1000);
	}
	assert_int_equal(dump_writer_close(&writer, MFT_STATE_EXITED), 0);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(merge_init(&merge, reader), 0);
	while (merge_next(&merge, &from) > 0)
		if (from->record->op == MFT_OP_FREE)
			assert_true(from->record->clock == clocks[seen++]);
	assert_int_equal(seen, 4);
	merge_done(&merge);
	reader_close(reader);
	scratch_close(&scratch);
}

static void a_stream_that_fails_ends_alone(void **state)
{
	static const uint64_t events[STREAMS] = {500, 500};
	uint64_t seen[2] = {0};
	struct merge_stream *from;
	struct scratch scratch;
	struct reader *reader;
	struct merge merge;

	(void)state;
	scratch_open(&scratch);
	write_streams(scratch.path, 2, events);
	assert_int_equal(reader_open(scratch.path, &reader, NULL), 0);
	assert_int_equal(merge_init(&merge, reader), 0);
	while (merge_next(&merge, &from) > 0) {
		size_t s = (size_t)(from - merge.streams);

		seen[s] += from->record->op == MFT_OP_FREE;
		if (s == 0 && seen[s] == 10)
			cursor_fail(&from->cursor, "for a test");
	}
	assert_true(seen[0] == 10 && seen[1] == 500);
	assert_int_equal(reader->damage.places, 1);
	assert_non_null(strstr(reader->damage.text, "for a test"));
	merge_done(&merge);
	reader_close(reader);
	scratch_close(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clocks_rule_and_nothing_is_lost),
		cmocka_unit_test(hand_over_keeps_its_order),
		cmocka_unit_test(the_first_record_counts_not_its_chunk),
		cmocka_unit_test(a_stream_that_fails_ends_alone),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
