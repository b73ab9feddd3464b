/* SPDX-License-Identifier: MIT */
/* Two bits about every page: against a plain table, and at the ends of its leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "pageset.h"

#define PAGE 4096ul
#define LEAF (PAGE << PAGESET_LEAF_BITS)
#define PAGES 4096
#define BEYOND (1ul << PAGESET_ADDRESS_BITS)

static void nothing_is_in_an_empty_one(void **state)
{
	struct pageset set;

	(void)state;
	assert_int_equal(pageset_init(&set, PAGE), 0);
	assert_int_equal(pageset_get(&set, 0), 0);
	assert_int_equal(pageset_get(&set, BEYOND - 1), 0);
	assert_int_equal(pageset_get(&set, BEYOND), 0);
	assert_int_equal(pageset_get(&set, UINTPTR_MAX), 0);
	pageset_done(&set);
}

static void it_holds_what_a_table_holds(void **state)
{
	static uint8_t table[PAGES];
	/* Around the end of a leaf, and of another one's middle. */
	const uintptr_t bases[] = {3 * LEAF - PAGES / 2 * PAGE, 9 * LEAF + 77 * PAGE};
	unsigned seed = 5;

	(void)state;
	for (size_t b = 0; b < 2; b++) {
		uintptr_t base = bases[b];
		struct pageset set;

		memset(table, 0, sizeof(table));
		assert_int_equal(pageset_init(&set, PAGE), 0);
		for (int round = 0; round < 200; round++) {
			size_t first = (size_t)rand_r(&seed) % PAGES;
			size_t count = (size_t)rand_r(&seed) % 40;
			uint8_t bits = (uint8_t)(rand_r(&seed) % 3 + 1);

			if (first + count > PAGES)
				count = PAGES - first;
			assert_int_equal(pageset_add(&set, base + first * PAGE,
						     base + (first + count) * PAGE, bits),
					 0);
			for (size_t i = 0; i < count; i++)
				table[first + i] |= bits;
		}
		for (size_t i = 0; i < PAGES; i++) {
			assert_int_equal(pageset_get(&set, base + i * PAGE), table[i]);
			assert_int_equal(pageset_get(&set, base + i * PAGE + PAGE - 1),
					 table[i]);
		}
		assert_int_equal(pageset_get(&set, base - 1), 0);
		assert_int_equal(pageset_get(&set, base + PAGES * PAGE), 0);
		pageset_done(&set);
	}
}

static void the_last_pages_of_the_address_space(void **state)
{
	struct pageset set;

	(void)state;
	assert_int_equal(pageset_init(&set, PAGE), 0);
	/* What lies beyond is not there, and takes no memory. */
	assert_int_equal(pageset_add(&set, BEYOND - 2 * PAGE, UINTPTR_MAX, 1), 0);
	assert_int_equal(pageset_get(&set, BEYOND - 2 * PAGE - 1), 0);
	assert_int_equal(pageset_get(&set, BEYOND - 2 * PAGE), 1);
	assert_int_equal(pageset_get(&set, BEYOND - 1), 1);
	assert_int_equal(pageset_get(&set, BEYOND), 0);
	assert_int_equal(pageset_add(&set, BEYOND, BEYOND + LEAF, 1), 0);
	assert_int_equal(pageset_get(&set, BEYOND + PAGE), 0);
	/* An empty range adds nothing. */
	assert_int_equal(pageset_add(&set, 8 * PAGE, 8 * PAGE, 3), 0);
	assert_int_equal(pageset_get(&set, 8 * PAGE), 0);
	pageset_done(&set);
}

static void its_memory_is_the_recorders(void **state)
{
	struct pageset set;

	(void)state;
	assert_int_equal(pageset_init(&set, PAGE), 0);
	assert_int_equal(pageset_add(&set, LEAF - PAGE, LEAF + PAGE, 3), 0);
	assert_true(memory_is_own((uintptr_t)set.leaves[0], (uintptr_t)set.leaves[0] + 1));
	pageset_done(&set);
	assert_false(memory_is_own(1, UINTPTR_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_in_an_empty_one),
		cmocka_unit_test(it_holds_what_a_table_holds),
		cmocka_unit_test(the_last_pages_of_the_address_space),
		cmocka_unit_test(its_memory_is_the_recorders),
	};

	return cmocka_run_group_tests_name("pageset", tests, NULL, NULL);
}
