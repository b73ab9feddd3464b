/* SPDX-License-Identifier: MIT */
/* The table of live blocks against an array that is searched from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "blocks.h"
#include "spans.h"

#define BLOCKS 3000

static void empty_table_has_nothing(void **state)
{
	struct blocks blocks = {0};
	struct block block;

	(void)state;
	assert_false(blocks_take(&blocks, 0x1000, &block));
	assert_false(blocks_take(&blocks, 0, &block));
	assert_int_equal(blocks_slots(&blocks), 0);
	blocks_done(&blocks);
}

static void an_address_is_there_once(void **state)
{
	struct blocks blocks = {0};
	struct block first = {.address = 0x1000, .size = 1, .site = 1}, older;
	struct block second = {.address = 0x1000, .size = 2, .site = 2}, taken;

	(void)state;
	assert_int_equal(blocks_put(&blocks, &first, &older), 0);
	assert_int_equal(blocks_put(&blocks, &second, &older), 1);
	assert_int_equal(older.size, 1);
	assert_int_equal(blocks.count, 1);
	assert_true(blocks_take(&blocks, 0x1000, &taken));
	assert_int_equal(taken.size, 2);
	assert_false(blocks_take(&blocks, 0x1000, &taken));
	assert_int_equal(blocks.count, 0);
	blocks_done(&blocks);
}

/* Blocks come and go at random; addresses lie as close and as far as real ones do. */
static void agrees_with_a_plain_array(void **state)
{
	static uint64_t sizes[BLOCKS]; /* 0: not live */
	struct blocks blocks = {0};
	struct block block, got;
	uint64_t random = 42;
	size_t live = 0;

	(void)state;
	memset(sizes, 0, sizeof(sizes));
	for (uint64_t step = 1; step < 400000; step++) {
		size_t i;

		random = random * 6364136223846793005u + 1442695040888963407u;
		i = (size_t)(random >> 33) % BLOCKS;
		block = (struct block){.address = i % 3 ? 0x10000 + 32 * i : i << 21 | 16,
				       .size = step,
				       .site = (uint32_t)i};
		if (sizes[i]) {
			assert_true(blocks_take(&blocks, block.address, &got));
			assert_true(got.size == sizes[i] && got.site == i);
			assert_true(got.address == block.address);
			sizes[i] = 0;
			live--;
		} else {
			assert_false(blocks_take(&blocks, block.address, &got));
			assert_int_equal(blocks_put(&blocks, &block, &got), 0);
			sizes[i] = step;
			live++;
		}
		assert_int_equal(blocks.count, live);
	}
	assert_in_range(live, BLOCKS / 4, BLOCKS);
	blocks_done(&blocks);
}

static void spans_are_sorted_and_complete(void **state)
{
	struct blocks blocks = {0};
	struct spans spans = {0};
	struct block older;
	uint64_t random = 7, sum = 0, seen = 0;

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		struct block block = {.usable = i};

		random = random * 6364136223846793005u + 1442695040888963407u;
		block.address = random | 1;
		block.site = (uint32_t)i;
		sum += block.address * (i + 1);
		assert_int_equal(blocks_put(&blocks, &block, &older), 0);
	}
	assert_int_equal(spans_gather(&spans, &blocks), 0);
	assert_int_equal(spans.count, 5000);
	for (size_t i = 0; i < spans.count; i++) {
		const struct span *span = &spans.spans[i];

		if (i > 0)
			assert_true(spans.spans[i - 1].start < span->start);
		assert_true(span->end >= span->start);
		seen += span->start * (span->site + 1);
		assert_int_equal(spans_find(&spans, span->start), i);
		assert_int_equal(spans_find(&spans, span->start + 1), i + 1);
	}
	assert_true(seen == sum);
	spans_done(&spans);
	blocks_done(&blocks);
}

static void spans_end_with_the_addresses(void **state)
{
	struct blocks blocks = {0};
	struct spans spans = {0};
	struct block block = {.address = UINT64_MAX - 15, .usable = 100}, older;

	(void)state;
	assert_int_equal(blocks_put(&blocks, &block, &older), 0);
	assert_int_equal(spans_gather(&spans, &blocks), 0);
	assert_true(spans.spans[0].end == UINT64_MAX);
	spans_done(&spans);
	blocks_done(&blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_table_has_nothing),
		cmocka_unit_test(an_address_is_there_once),
		cmocka_unit_test(agrees_with_a_plain_array),
		cmocka_unit_test(spans_are_sorted_and_complete),
		cmocka_unit_test(spans_end_with_the_addresses),
	};

	return cmocka_run_group_tests_name("blocks", tests, NULL, NULL);
}
