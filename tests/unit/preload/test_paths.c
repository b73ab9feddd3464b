/* SPDX-License-Identifier: MIT */
/* Ways through the stack: found again as long as nothing on them has changed, and all
 * forgotten when there are too many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "paths.h"

#define SLOT 0x7ffc00001000u
#define CODE 0x401000u

static int free_paths(void **state)
{
	struct paths *paths = *state;

	if (paths->table)
		memory_unmap(paths->table, (paths->mask + 1) * sizeof(*paths->table));
	return 0;
}

static int new_paths(void **state)
{
	static struct paths paths;

	memset(&paths, 0, sizeof(paths));
	*state = &paths;
	return 0;
}

/* A path of so many frames, whose addresses follow `code`. Returns its number. */
static uint32_t make_row(struct paths *paths, uint64_t code, uint32_t frames)
{
	uint32_t before = 0;

	assert_true(paths_reserve(paths, frames));
	for (uint32_t i = 0; i < frames; i++)
		before = paths_make(paths, before, SLOT + 16 * i, code + i)->id;
	return before;
}

/* Its number, or 0. */
static uint32_t find_row(struct paths *paths, uint64_t code, uint32_t frames)
{
	uint32_t before = 0;

	for (uint32_t i = 0; i < frames; i++) {
		before = paths_find(paths, before, SLOT + 16 * i, code + i)->id;
		if (before == 0)
			return 0;
	}
	return before;
}

static void a_path_is_its_frames(void **state)
{
	struct paths *paths = *state;
	const uint32_t one = make_row(paths, CODE, 3), other = make_row(paths, CODE + 9, 3);

	assert_int_not_equal(one, other);
	assert_int_equal(find_row(paths, CODE, 3), one);
	assert_int_equal(find_row(paths, CODE + 9, 3), other);
	assert_int_equal(make_row(paths, CODE, 3), one);
	assert_int_equal(find_row(paths, CODE, 4), 0);
	assert_int_equal(find_row(paths, CODE + 1, 1), 0);
	/* The same return address at another place is another frame. */
	assert_int_equal(paths_find(paths, 0, SLOT + 8, CODE)->id, 0);
	assert_int_equal(paths_find(paths, one, SLOT, CODE)->id, 0);
}

/* The same frame goes on from two paths to two that are different. */
static void what_led_to_it_counts(void **state)
{
	struct paths *paths = *state;
	uint32_t left, right, after;

	assert_true(paths_reserve(paths, 4));
	left = paths_make(paths, 0, SLOT, CODE)->id;
	right = paths_make(paths, 0, SLOT, CODE + 1)->id;
	after = paths_make(paths, left, SLOT + 64, CODE + 2)->id;
	assert_int_equal(paths_find(paths, right, SLOT + 64, CODE + 2)->id, 0);
	assert_int_not_equal(paths_make(paths, right, SLOT + 64, CODE + 2)->id, after);
	assert_int_equal(paths_find(paths, left, SLOT + 64, CODE + 2)->id, after);
}

static void a_renewed_path_leads_nowhere_yet(void **state)
{
	struct paths *paths = *state;
	const uint32_t row = make_row(paths, CODE, 3);
	struct path *first = paths_find(paths, 0, SLOT, CODE);

	assert_int_not_equal(row, 0);
	paths_renew(paths, first);
	assert_int_equal(find_row(paths, CODE, 1), first->id);
	assert_int_equal(find_row(paths, CODE, 2), 0);
	assert_int_equal(find_row(paths, CODE, 3), 0);
}

/* The table grows, and begins anew; it is never more than half full, so that every search
 * ends, and what was made last is there. */
static void many_paths_displace_old_ones(void **state)
{
	struct paths *paths = *state;
	uint32_t capacity = 0, clearings = 0, count = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		const uint32_t made = make_row(paths, CODE + 100ull * i, 5);

		assert_int_equal(find_row(paths, CODE + 100ull * i, 5), made);
		assert_true(paths->count <= (paths->mask + 1) / 2);
		clearings += paths->count < count && paths->mask + 1 == capacity;
		capacity = paths->mask + 1;
		count = paths->count;
	}
	assert_int_equal(capacity * sizeof(struct path), 512 * 1024);
	assert_true(clearings > 10);
	assert_int_equal(find_row(paths, CODE, 5), 0);
}

static void numbers_begin_anew_before_they_end(void **state)
{
	struct paths *paths = *state;

	make_row(paths, CODE, 3);
	paths->last_id = UINT32_MAX - 2;
	assert_int_not_equal(make_row(paths, CODE + 50, 5), 0);
	assert_true(paths->last_id < 100);
	assert_int_equal(find_row(paths, CODE, 3), 0);
	assert_int_not_equal(find_row(paths, CODE + 50, 5), 0);
}

static void a_cleared_table_is_empty(void **state)
{
	struct paths *paths = *state;

	paths_clear(paths);
	make_row(paths, CODE, 3);
	paths_clear(paths);
	assert_int_equal(find_row(paths, CODE, 1), 0);
	assert_int_equal(paths->count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_path_is_its_frames, new_paths,
						free_paths),
		cmocka_unit_test_setup_teardown(what_led_to_it_counts, new_paths,
						free_paths),
		cmocka_unit_test_setup_teardown(a_renewed_path_leads_nowhere_yet, new_paths,
						free_paths),
		cmocka_unit_test_setup_teardown(many_paths_displace_old_ones, new_paths,
						free_paths),
		cmocka_unit_test_setup_teardown(numbers_begin_anew_before_they_end,
						new_paths, free_paths),
		cmocka_unit_test_setup_teardown(a_cleared_table_is_empty, new_paths,
						free_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
