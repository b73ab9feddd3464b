/* SPDX-License-Identifier: MIT */
/* The arena of the first allocations. The tests share it, and the last one uses it up. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "early.h"

#define THREADS 4
#define BLOCKS_MOST (EARLY_BYTES / 32)

static void blocks_are_aligned(void **state)
{
	(void)state;
	for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
		for (size_t size = 0; size < 40; size += 13) {
			unsigned char *p = early_alloc(size, alignment);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % alignment, 0);
			assert_int_equal((uintptr_t)p % 16, 0);
		}
	}
}

static void blocks_know_their_size(void **state)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 4095, 4096, 10000};
	void *blocks[sizeof(sizes) / sizeof(sizes[0])];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		blocks[i] = early_alloc(sizes[i], 16);
		assert_non_null(blocks[i]);
		memset(blocks[i], 0xff, sizes[i]);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(early_size(blocks[i]), sizes[i]);
}

static void blocks_are_zero(void **state)
{
	const unsigned char *p = early_alloc(5000, 8);

	(void)state;
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(p[i], 0);
}

static void blocks_are_recognised(void **state)
{
	unsigned char *p = early_alloc(10, 16), *heap = malloc(10), local;

	(void)state;
	assert_true(early_owns(p));
	assert_true(early_owns(early_arena));
	assert_true(early_owns(early_arena + EARLY_BYTES - 1));
	assert_false(early_owns(early_arena + EARLY_BYTES));
	assert_false(early_owns(early_arena - 1));
	assert_false(early_owns(heap));
	assert_false(early_owns(&local));
	assert_false(early_owns(NULL));
	free(heap);
}

/* None of these may use anything up either: the last block would be followed by less. */
static void what_cannot_fit_is_refused(void **state)
{
	unsigned char *before = early_alloc(16, 16);

	(void)state;
	assert_null(early_alloc(EARLY_BYTES, 16));
	assert_null(early_alloc(EARLY_BYTES + 1, 16));
	assert_null(early_alloc(SIZE_MAX, 16));
	assert_null(early_alloc(SIZE_MAX - 100, 4096));
	assert_null(early_alloc(16, EARLY_BYTES));
	assert_null(early_alloc(16, (size_t)1 << 63));
	assert_ptr_equal(early_alloc(16, 16), before + 32);
}

struct taker {
	pthread_t thread;
	pthread_barrier_t *start;
	unsigned char mark;
	unsigned char *blocks[BLOCKS_MOST];
	size_t count;
};

/* Takes blocks of every size until even the smallest is refused. */
static void *take_all(void *argument)
{
	struct taker *taker = argument;
	size_t size = 0;

	pthread_barrier_wait(taker->start);
	for (;;) {
		unsigned char *p = early_alloc(size, (size_t)1 << size % 8);

		if (!p && size == 0)
			return NULL;
		if (p) {
			memset(p, taker->mark, size);
			taker->blocks[taker->count++] = p;
		}
		size = p ? (size + 7) % 200 : size / 2;
	}
}

static void expect_untouched(const struct taker *taker)
{
	for (size_t i = 0; i < taker->count; i++) {
		const unsigned char *p = taker->blocks[i];

		/* Otherwise nobody would take it back. */
		assert_true(early_owns(p));
		for (size_t b = 0; b < early_size(p); b++)
			assert_int_equal(p[b], taker->mark);
	}
}

static void threads_share_all_of_it(void **state)
{
	static struct taker takers[THREADS];
	pthread_barrier_t start;
	size_t count = 0;

	(void)state;
	pthread_barrier_init(&start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		takers[i].start = &start;
		takers[i].mark = (unsigned char)(i + 1);
		assert_int_equal(
			pthread_create(&takers[i].thread, NULL, take_all, &takers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		expect_untouched(&takers[i]);
		count += takers[i].count;
	}
	assert_in_range(count, EARLY_BYTES / 400, EARLY_BYTES / 16);
	assert_null(early_alloc(1, 1));
	assert_null(early_alloc(0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_aligned),
		cmocka_unit_test(blocks_know_their_size),
		cmocka_unit_test(blocks_are_zero),
		cmocka_unit_test(blocks_are_recognised),
		cmocka_unit_test(what_cannot_fit_is_refused),
		cmocka_unit_test(threads_share_all_of_it),
	};

	return cmocka_run_group_tests_name("early", tests, NULL, NULL);
}
