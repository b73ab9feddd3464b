/* SPDX-License-Identifier: MIT */
/* Checksums: their values, and what a reader makes of a dump in which bits have changed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "complaint.h"
#include "cursor.h"
#include "dump_writer.h"
#include "mft_crc.h"
#include "mft_seal.h"
#include "reader.h"
#include "scratch.h"
#include "two_streams.h"

#define CHUNK TWO_STREAMS_CHUNK
#define FREES TWO_STREAMS_FREES

static struct scratch scratch;

/* ---- The checksum ----------------------------------------------------------------- */

/* RFC 3720, B.4. */
static void the_checksum_is_the_standard_one(void **state)
{
	uint8_t bytes[32];

	(void)state;
	assert_true(mft_crc32c(0, "123456789", 9) == 0xe3069283);
	assert_true(mft_crc32c_by_table(0, "123456789", 9) == 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_true(mft_crc32c(0, bytes, sizeof(bytes)) == 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_true(mft_crc32c(0, bytes, sizeof(bytes)) == 0x62a8ab43);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_true(mft_crc32c(0, bytes, sizeof(bytes)) == 0x46dd794e);
	assert_true(mft_crc32c_by_table(0, bytes, sizeof(bytes)) == 0x46dd794e);
	assert_true(mft_crc32c(0, bytes, 0) == 0);
}

/* Bit by bit, as the definition has it. */
static uint32_t by_definition(const uint8_t *p, size_t bytes)
{
	uint32_t crc = ~0u;

	for (; bytes; bytes--, p++)
		for (unsigned bit = 0; bit < 8; bit++)
			crc = ((crc ^ *p >> bit) & 1) ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	return ~crc;
}

static void every_way_gives_the_same(void **state)
{
	const size_t most = 70000;
	uint8_t *bytes = malloc(most);
	uint32_t random = 1;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < most; i++) {
		random = random * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(random >> 24);
	}
	for (size_t length = 0; length < most; length += 1 + length / 3) {
		for (size_t skip = 0; skip < 3 && skip <= length; skip++) {
			const uint8_t *p = bytes + skip;
			size_t n = length - skip, half = n / 2;
			uint32_t want = by_definition(p, n);

			assert_true(mft_crc32c(0, p, n) == want);
			assert_true(mft_crc32c_by_table(0, p, n) == want);
			assert_true(mft_crc32c(mft_crc32c(0, p, half), p + half,
					       n - half) == want);
		}
	}
	free(bytes);
}

/* ---- Dumps ------------------------------------------------------------------------ */

static void write_dump(enum mft_state end)
{
	scratch_open(&scratch);
	two_streams_write(scratch.path, true, end);
}

static int setup(void **state)
{
	(void)state;
	write_dump(MFT_STATE_EXITED);
	return 0;
}

static int setup_killed(void **state)
{
	(void)state;
	write_dump(MFT_STATE_RUNNING);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_close(&scratch);
	return 0;
}

/* What a reader makes of the dump. */
struct outcome {
	int opened;
	uint64_t frees[2];
	struct reader_damage damage;
	uint64_t unsealed_bytes, skipped_bytes;
};

static void read_stream(struct reader *reader, size_t index, struct outcome *outcome)
{
	const struct mft_record *record;
	struct cursor cursor;

	cursor_init(&cursor, reader, &reader->streams[index]);
	while (cursor_next(&cursor, &record) > 0)
		if (index < 2)
			outcome->frees[index] += record->op == MFT_OP_FREE;
	cursor_done(&cursor);
}

static struct outcome read_dump(void)
{
	struct outcome outcome = {0};
	struct complaint complaint;
	struct reader *reader;

	outcome.opened = reader_open(scratch.path, &reader, &complaint);
	if (outcome.opened < 0)
		return outcome;
	for (size_t i = 0; i < reader->streams_count; i++)
		read_stream(reader, i, &outcome);
	outcome.damage = reader->damage;
	outcome.unsealed_bytes = reader->unsealed_bytes;
	outcome.skipped_bytes = reader->skipped_bytes;
	reader_close(reader);
	return outcome;
}

static void flip(uint64_t bit)
{
	uint8_t byte;

	assert_int_equal(pread(scratch.fd, &byte, 1, (off_t)(bit / 8)), 1);
	byte ^= (uint8_t)(1u << bit % 8);
	assert_int_equal(pwrite(scratch.fd, &byte, 1, (off_t)(bit / 8)), 1);
}

static void an_intact_dump_fits(void **state)
{
	struct outcome outcome = read_dump();

	(void)state;
	assert_true(outcome.opened == 0 && outcome.damage.places == 0);
	assert_true(outcome.frees[0] == FREES && outcome.frees[1] == FREES);
	assert_true(outcome.unsealed_bytes == 0 && outcome.skipped_bytes == 0);
}

/* Of a process that ended in good order. */
static void no_bit_can_change_unseen(void **state)
{
	const uint64_t bits = 8 * (uint64_t)lseek(scratch.fd, 0, SEEK_END);
	uint64_t unseen = 0, looked_at = 0;

	(void)state;
	for (uint64_t bit = 0; bit < bits; bit += 1 + bit % 7) {
		struct outcome outcome;

		flip(bit);
		outcome = read_dump();
		unseen += outcome.opened == 0 && outcome.damage.places == 0;
		looked_at++;
		flip(bit);
	}
	assert_true(looked_at > bits / 8);
	assert_int_equal(unseen, 0);
}

/* Every bit of the headers of all chunks: the last of a stream may have no seal, but a seal
 * that says it covers nothing is not none. */
static void no_bit_of_a_chunks_header_can_change_unseen(void **state)
{
	const uint64_t chunks =
		((uint64_t)lseek(scratch.fd, 0, SEEK_END) - MFT_HEADER_BYTES) / CHUNK;
	const uint64_t bits = 8 * sizeof(struct mft_chunk);

	(void)state;
	assert_true(chunks > 2);
	for (uint64_t i = 0; i < chunks * bits; i++) {
		const uint64_t bit = 8 * two_streams_chunk_offset(i / bits) + i % bits;
		struct outcome outcome;

		flip(bit);
		outcome = read_dump();
		assert_true(outcome.opened < 0 || outcome.damage.places > 0);
		flip(bit);
	}
}

static void a_stream_ends_before_a_chunk_that_does_not_fit(void **state)
{
	struct outcome outcome;

	(void)state;
	/* A byte of an address: nothing but the checksum can tell. */
	flip(8 * (two_streams_chunk_offset(2) + 300));
	outcome = read_dump();
	assert_int_equal(outcome.damage.places, 1);
	assert_true(outcome.damage.offset == two_streams_chunk_offset(2));
	assert_non_null(strstr(outcome.damage.text, "does not fit its checksum"));
	assert_in_range(outcome.frees[0], 100, FREES - 100);
	assert_true(outcome.frees[1] == FREES);
	assert_true(outcome.skipped_bytes >= CHUNK && outcome.skipped_bytes % CHUNK == 0);
	assert_true(outcome.unsealed_bytes == 0);
}

static void a_chunk_must_be_sealed_before_the_next(void **state)
{
	const uint64_t none = 0;
	struct outcome outcome;

	(void)state;
	assert_int_equal(
		dump_patch(scratch.path,
			   two_streams_chunk_offset(1) + offsetof(struct mft_chunk, seal),
			   &none, sizeof(none)),
		0);
	outcome = read_dump();
	assert_true(outcome.damage.offset == two_streams_chunk_offset(1));
	assert_non_null(strstr(outcome.damage.text, "has no checksum"));
	assert_true(outcome.frees[1] == 0 && outcome.frees[0] == FREES);
}

/* Its last chunks have no checksum; that they are whole is not known, and is said. */
static void a_killed_process_leaves_bytes_unsealed(void **state)
{
	struct outcome outcome = read_dump();

	(void)state;
	assert_true(outcome.opened == 0 && outcome.damage.places == 0);
	assert_true(outcome.frees[0] == FREES && outcome.frees[1] == FREES);
	assert_in_range(outcome.unsealed_bytes, 2, 2 * CHUNK);
}

/* As a process does that exits while other threads write: what comes behind the seal is
 * read, and what is covered must fit. */
static void a_seal_of_some_records_covers_these(void **state)
{
	struct mft_chunk *chunk = malloc(CHUNK);
	const uint32_t half = CHUNK / 4;
	struct outcome outcome;
	uint64_t last;

	(void)state;
	assert_non_null(chunk);
	last = ((uint64_t)lseek(scratch.fd, 0, SEEK_END) - MFT_HEADER_BYTES) / CHUNK - 1;
	assert_int_equal(
		pread(scratch.fd, chunk, CHUNK, (off_t)two_streams_chunk_offset(last)),
		CHUNK);
	chunk->seal = mft_seal_chunk(chunk, half, CHUNK);
	/* Others may go on counting. */
	chunk->lost_events = 7;
	assert_int_equal(dump_patch(scratch.path, two_streams_chunk_offset(last), chunk,
				    sizeof(*chunk)),
			 0);
	outcome = read_dump();
	assert_true(outcome.damage.places == 0 && outcome.unsealed_bytes > 0);
	assert_true(outcome.frees[0] == FREES && outcome.frees[1] == FREES);
	flip(8 * (two_streams_chunk_offset(last) + half - 1));
	assert_true(read_dump().damage.offset == two_streams_chunk_offset(last));
	free(chunk);
}

static void damage_in_the_header_is_damage(void **state)
{
	struct outcome outcome;

	(void)state;
	flip(8 * offsetof(struct mft_header, start_unix_ns));
	outcome = read_dump();
	assert_true(outcome.opened == 0 && outcome.damage.offset == 0);
	assert_non_null(strstr(outcome.damage.text, "header"));
	assert_true(outcome.frees[0] == FREES && outcome.frees[1] == FREES);
	flip(8 * offsetof(struct mft_header, start_unix_ns));
	flip(8 * offsetof(struct mft_header, exit_status));
	outcome = read_dump();
	assert_true(outcome.damage.offset == offsetof(struct mft_header, chunks));
}

#define SEAL_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_the_standard_one),
		cmocka_unit_test(every_way_gives_the_same),
		SEAL_TEST(an_intact_dump_fits),
		SEAL_TEST(no_bit_can_change_unseen),
		SEAL_TEST(a_stream_ends_before_a_chunk_that_does_not_fit),
		SEAL_TEST(no_bit_of_a_chunks_header_can_change_unseen),
		SEAL_TEST(a_chunk_must_be_sealed_before_the_next),
		cmocka_unit_test_setup_teardown(a_killed_process_leaves_bytes_unsealed,
						setup_killed, teardown),
		cmocka_unit_test_setup_teardown(a_seal_of_some_records_covers_these,
						setup_killed, teardown),
		SEAL_TEST(damage_in_the_header_is_damage),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
