/* SPDX-License-Identifier: MIT */
/* The codec: what is put is what is taken, at every length and up to every end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mft_codec.h"

static void varints_keep_their_value(void **state)
{
	for (unsigned bits = 0; bits <= 64; bits++) {
		uint64_t around = bits < 64 ? (uint64_t)1 << bits : 0;

		(void)state;
		for (int off = -1; off <= 1; off++) {
			uint8_t bytes[MFT_VARINT_BYTES_MAX + MFT_ENCODE_SLACK];
			uint64_t v = around + (uint64_t)off, got;
			const uint8_t *p = bytes;
			uint8_t *end = mft_put_varint(bytes, v);

			assert_in_range(end - bytes, 1, MFT_VARINT_BYTES_MAX);
			assert_int_equal(mft_take_varint(&p, end, &got), 0);
			assert_true(got == v);
			assert_ptr_equal(p, end);
			for (const uint8_t *cut = bytes; cut < end; cut++) {
				p = bytes;
				assert_int_equal(mft_take_varint(&p, cut, &got), -EBADMSG);
				assert_ptr_equal(p, bytes);
			}
		}
	}
}

static void small_varints_are_short(void **state)
{
	uint8_t bytes[MFT_VARINT_BYTES_MAX + MFT_ENCODE_SLACK];

	(void)state;
	assert_int_equal(mft_put_varint(bytes, 127) - bytes, 1);
	assert_int_equal(mft_put_varint(bytes, 128) - bytes, 2);
	assert_int_equal(mft_put_varint(bytes, ((uint64_t)1 << 56) - 1) - bytes, 8);
	assert_int_equal(mft_put_varint(bytes, (uint64_t)1 << 56) - bytes, 9);
}

static void zigzag_is_its_own_way_back(void **state)
{
	static const int64_t values[] = {0, 1, -1, 2, -2, INT64_MAX, INT64_MIN, 123456789};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		assert_true(mft_unzigzag(mft_zigzag(values[i])) == values[i]);
	assert_true(mft_zigzag(-1) == 1 && mft_zigzag(1) == 2);
}

/* Addresses whose differences are small, huge, odd and wrap around. */
static const uint64_t addresses[] = {
	0x5555deadbee0,
	0x5555deadbef0,
	0x5555deadbef1,
	0x7fffffffffff,
	1,
	UINT64_MAX,
	0,
	(uint64_t)1 << 63,
	3,
	((uint64_t)1 << 63) + 4,
	16,
	0x10,
};
#define ADDRESSES (sizeof(addresses) / sizeof(addresses[0]))

static void acquisitions_and_releases_come_back(void **state)
{
	uint8_t bytes[4096 + MFT_ENCODE_SLACK] = {0};
	struct mft_encoder e;
	struct mft_decoder d;
	struct mft_record r;

	(void)state;
	mft_encoder_init(&e, bytes, bytes + 4096, 1000);
	for (size_t i = 0; i < ADDRESSES; i++) {
		mft_put_clock(&e, 1000 + 7 * i);
		mft_put_alloc(&e, MFT_OP_MALLOC, addresses[i], 100 * i,
			      mft_usable_guess(100 * i), (uint32_t)i, 0);
		mft_put_alloc(&e, MFT_OP_POSIX_MEMALIGN, addresses[i] + 1, i, i + 4096, 2,
			      12);
		mft_put_free(&e, MFT_OP_DELETE, addresses[i]);
	}
	mft_put_reacquire(&e);
	mft_decoder_init(&d, bytes, bytes + 4096, 1000);
	for (size_t i = 0; i < ADDRESSES; i++) {
		assert_int_equal(mft_decode(&d, &r), 1);
		assert_int_equal(r.op, MFT_OP_MALLOC);
		assert_true(r.address == addresses[i] && r.size == 100 * i);
		assert_true(r.usable == mft_usable_guess(r.size) && r.stack == i);
		assert_true(r.clock == 1000 + 7 * i);
		assert_int_equal(mft_decode(&d, &r), 1);
		assert_int_equal(r.op, MFT_OP_POSIX_MEMALIGN);
		assert_true(r.address == addresses[i] + 1 && r.usable == i + 4096);
		assert_int_equal(r.align_log2, 12);
		assert_int_equal(mft_decode(&d, &r), 1);
		assert_int_equal(r.op, MFT_OP_DELETE);
		assert_true(r.address == addresses[i]);
	}
	assert_int_equal(mft_decode(&d, &r), 1);
	assert_int_equal(r.op, MFT_OP_REACQUIRE);
	assert_int_equal(mft_decode(&d, &r), 0);
}

static void put_any(struct mft_encoder *e, unsigned kind, uint64_t size, uint64_t address)
{
	mft_put_clock(e, e->clock + size % 1000);
	if (kind == 0)
		mft_put_free(e, MFT_OP_FREE, address);
	else if (kind == 1)
		mft_put_alloc(e, MFT_OP_NEW, address, size, mft_usable_guess(size),
			      UINT32_MAX, 0);
	else
		mft_put_alloc(e, MFT_OP_CALLOC, address, size, size + 3 * address,
			      (uint32_t)address, 0);
}

/* Far from its buffer's end a record is decoded without looking at every length. */
static void records_are_the_same_near_the_end(void **state)
{
	uint8_t bytes[2 * MFT_HOT_BYTES_MAX + 256] = {0};
	struct mft_decoder far, near;
	struct mft_record a, b;
	struct mft_encoder e;

	(void)state;
	for (unsigned i = 0; i < 3 * 65 * ADDRESSES; i++) {
		unsigned bits = i / 3 % 65;
		uint64_t size = bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX;

		memset(bytes, 0, sizeof(bytes));
		mft_encoder_init(&e, bytes, bytes + sizeof(bytes) - MFT_ENCODE_SLACK, 9);
		e.last_address = 0x5555deadbee0;
		put_any(&e, i % 3, size, addresses[i / 3 / 65]);
		mft_decoder_init(&far, bytes, bytes + sizeof(bytes), 9);
		mft_decoder_init(&near, bytes, e.pos, 9);
		far.last_address = near.last_address = 0x5555deadbee0;
		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		assert_int_equal(mft_decode(&far, &a), 1);
		assert_int_equal(mft_decode(&near, &b), 1);
		assert_ptr_equal(far.pos, e.pos);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_true(a.address == addresses[i / 3 / 65]);
		assert_true(i % 3 == 0 || a.size == size);
		assert_memory_equal(&far.last_address, &near.last_address,
				    sizeof(far.last_address));
		assert_true(far.clock == 9 + size % 1000 && near.clock == far.clock);
	}
}

static void nodes_come_back(void **state)
{
	uint8_t bytes[256 + MFT_ENCODE_SLACK] = {0};
	struct mft_encoder e;
	struct mft_decoder d;
	struct mft_record r;

	(void)state;
	mft_encoder_init(&e, bytes, bytes + 256, 0);
	mft_put_node(&e, MFT_NODE_TRUNCATED, UINT32_MAX, true, UINT64_MAX);
	mft_put_node(&e, UINT32_MAX, MFT_MODULE_NONE, false, 0);
	mft_decoder_init(&d, bytes, bytes + 256, 0);
	assert_int_equal(mft_decode(&d, &r), 1);
	assert_true(r.op == MFT_OP_NODE && r.parent == MFT_NODE_TRUNCATED);
	assert_true(r.module == UINT32_MAX && r.exact && r.address == UINT64_MAX);
	assert_int_equal(mft_decode(&d, &r), 1);
	assert_true(r.parent == UINT32_MAX && r.module == MFT_MODULE_NONE && !r.exact);
}

/* What a record's first half looks like: without its opcode it is not there. */
static void nothing_counts_before_its_opcode(void **state)
{
	uint8_t bytes[256 + MFT_ENCODE_SLACK] = {0};
	struct mft_encoder e;
	struct mft_decoder d;
	struct mft_record r;

	(void)state;
	mft_encoder_init(&e, bytes, bytes + 256, 0);
	mft_put_free(&e, MFT_OP_FREE, 0x1230);
	mft_put_free(&e, MFT_OP_FREE, 0x4560);
	mft_decoder_init(&d, bytes, bytes + 256, 0);
	assert_int_equal(mft_decode(&d, &r), 1);
	bytes[d.pos - bytes] = MFT_OP_END;
	assert_int_equal(mft_decode(&d, &r), 0);
}

static void records_that_are_cut_are_refused(void **state)
{
	uint8_t bytes[256 + MFT_ENCODE_SLACK] = {0};
	struct mft_encoder e;
	struct mft_decoder d;
	struct mft_record r;

	(void)state;
	mft_encoder_init(&e, bytes, bytes + 256, 0);
	mft_put_alloc(&e, MFT_OP_MEMALIGN, UINT64_MAX, 1 << 20, 1 << 30, 1 << 20, 20);
	for (uint8_t *end = bytes + 1; end < e.pos; end++) {
		mft_decoder_init(&d, bytes, end, 0);
		assert_int_equal(mft_decode(&d, &r), -EBADMSG);
		assert_ptr_equal(d.pos, bytes);
	}
}

static void unknown_hot_records_are_refused(void **state)
{
	static const uint8_t unknown[] = {18, 31, 49, 59, 63, 0x40, 0x52, 0x7f};
	struct mft_decoder d;
	struct mft_record r;

	(void)state;
	for (size_t i = 0; i < sizeof(unknown); i++) {
		uint8_t bytes[64] = {unknown[i], 3, 3, 3, 3, 3};

		mft_decoder_init(&d, bytes, bytes + sizeof(bytes), 0);
		assert_int_equal(mft_decode(&d, &r), -EBADMSG);
	}
}

static void unknown_long_records_are_passed_over(void **state)
{
	uint8_t bytes[64] = {0xff, 4, 0, 1, 2, 3, 4, MFT_OP_REACQUIRE};
	struct mft_decoder d;
	struct mft_record r;

	(void)state;
	mft_decoder_init(&d, bytes, bytes + sizeof(bytes), 0);
	assert_int_equal(mft_decode(&d, &r), 1);
	assert_int_equal(r.op, 0xff);
	assert_int_equal(r.payload.length, 4);
	assert_int_equal(mft_decode(&d, &r), 1);
	assert_int_equal(r.op, MFT_OP_REACQUIRE);
	mft_decoder_init(&d, bytes, bytes + 6, 0);
	assert_int_equal(mft_decode(&d, &r), -EBADMSG);
}

static void long_records_without_room_leave_no_trace(void **state)
{
	uint8_t bytes[64 + MFT_ENCODE_SLACK] = {0};
	static const uint8_t zeros[sizeof(bytes)];
	struct mft_module module = {
		.id = 7, .path = {(const uint8_t *)"/a/long/path/that/does/not/fit", 30}};
	struct mft_encoder e;

	(void)state;
	mft_encoder_init(&e, bytes, bytes + 24, 0);
	assert_int_equal(mft_put_module(&e, &module), -ENOSPC);
	assert_memory_equal(bytes, zeros, sizeof(bytes));
	mft_encoder_init(&e, bytes, bytes + 64, 0);
	assert_int_equal(mft_put_module(&e, &module), 0);
}

static void payloads_come_back(void **state)
{
	uint8_t bytes[512 + MFT_ENCODE_SLACK] = {0};
	struct mft_failed failed = {MFT_OP_CALLOC, UINT64_MAX, 9, -12}, f;
	struct mft_mapping mapping = {1, 2, 3, 4, 5, UINT64_MAX, 7}, m;
	struct mft_encoder e;
	struct mft_decoder d;
	struct mft_record r;

	(void)state;
	mft_encoder_init(&e, bytes, bytes + 512, 0);
	assert_int_equal(mft_put_failed(&e, &failed), 0);
	assert_int_equal(mft_put_mapping(&e, MFT_OP_MREMAP, &mapping), 0);
	mft_decoder_init(&d, bytes, bytes + 512, 0);
	assert_int_equal(mft_decode(&d, &r), 1);
	assert_int_equal(mft_decode_failed(r.payload, &f), 0);
	assert_true(f.op == failed.op && f.size == failed.size && f.stack == 9);
	assert_int_equal(f.error, -12);
	r.payload.length--;
	assert_int_equal(mft_decode_failed(r.payload, &f), -EBADMSG);
	assert_int_equal(mft_decode(&d, &r), 1);
	assert_int_equal(mft_decode_mapping(r.payload, &m), 0);
	assert_true(m.address == 1 && m.length == 2 && m.stack == 3 && m.prot == 4);
	assert_true(m.flags == 5 && m.old_address == UINT64_MAX && m.old_length == 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(varints_keep_their_value),
		cmocka_unit_test(small_varints_are_short),
		cmocka_unit_test(zigzag_is_its_own_way_back),
		cmocka_unit_test(acquisitions_and_releases_come_back),
		cmocka_unit_test(records_are_the_same_near_the_end),
		cmocka_unit_test(nodes_come_back),
		cmocka_unit_test(nothing_counts_before_its_opcode),
		cmocka_unit_test(records_that_are_cut_are_refused),
		cmocka_unit_test(unknown_hot_records_are_refused),
		cmocka_unit_test(unknown_long_records_are_passed_over),
		cmocka_unit_test(long_records_without_room_leave_no_trace),
		cmocka_unit_test(payloads_come_back),
	};

	return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
