/* SPDX-License-Identifier: MIT */
/* Blocks and pointers laid out by hand: what a lost block retains, which cycles there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "block_layout.h"

/* ---- Retained sizes ----------------------------------------------------------------- */

static void what_is_shared_is_retained_by_none(void **state)
{
	struct layout *l = *state;

	/* 0 -> 1 -> {2, 3} -> 4 (a diamond), and 5 -> 3: 3 and 4 are shared. */
	layout_blocks(l, 6);
	layout_link(l, 0, 0, 1);
	layout_link(l, 1, 0, 2);
	layout_link(l, 1, 1, 3);
	layout_link(l, 2, 0, 4);
	layout_link(l, 3, 0, 4);
	layout_link(l, 5, 0, 3);
	layout_expect(l, "DIIIID");
	assert_int_equal(layout_retained(l, 0), 3 * 64);
	assert_int_equal(layout_retained(l, 1), 2 * 64);
	assert_int_equal(layout_retained(l, 2), 64);
	assert_int_equal(layout_retained(l, 4), 64);
	assert_int_equal(layout_retained(l, 5), 64);
	assert_int_equal(l->leaks.cycles_total, 0);
}

static void lost_blocks_that_hold_live_ones_do_not_retain_them(void **state)
{
	struct layout *l = *state;

	layout_blocks(l, 3);
	layout_word(l, LAYOUT_ROOT, LAYOUT_AT(1));
	layout_link(l, 0, 0, 1);
	layout_link(l, 0, 1, 2);
	layout_expect(l, "DRI");
	assert_int_equal(layout_retained(l, 0), 128);
}

/* ---- Cycles ------------------------------------------------------------------------- */

static void a_cycle_is_named_by_its_closing_edge(void **state)
{
	struct layout *l = *state;
	const struct profile_cycle *cycle;

	/* 0 -> 1 -> 2 -> 0 at word 3, into its middle; 2 also holds 3. */
	layout_blocks(l, 4);
	layout_link(l, 0, 1, 1);
	layout_link(l, 1, 2, 2);
	layout_word(l, LAYOUT_AT(2) + 24, LAYOUT_AT(0) + 16);
	layout_link(l, 2, 0, 3);
	layout_expect(l, "DIII");
	assert_int_equal(l->leaks.cycles_total, 1);
	assert_int_equal(l->leaks.cycles_count, 1);
	cycle = &l->leaks.cycles[0];
	assert_int_equal(cycle->blocks, 3);
	assert_int_equal(cycle->bytes, 3 * 64);
	assert_int_equal(cycle->retained_blocks, 4);
	assert_int_equal(cycle->length, 3);
	assert_false(cycle->entered);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(cycle->steps[i].site, i);
		assert_int_equal(cycle->steps[i].offset, 8 * (i + 1));
	}
	assert_int_equal(cycle->closing.address, LAYOUT_AT(2));
	assert_int_equal(cycle->closing.offset, 24);
	assert_int_equal(cycle->closing.target_offset, 16);
}

static void a_self_loop_is_a_cycle_of_one(void **state)
{
	struct layout *l = *state;

	layout_blocks(l, 2);
	layout_link(l, 0, 7, 0);
	layout_expect(l, "DD");
	assert_int_equal(l->leaks.cycles_total, 1);
	assert_int_equal(l->leaks.cycles[0].length, 1);
	assert_int_equal(l->leaks.cycles[0].closing.offset, 56);
	assert_int_equal(l->leaks.in_cycles.blocks, 1);
}

static void a_pointer_into_itself_is_no_cycle(void **state)
{
	struct layout *l = *state;

	layout_blocks(l, 2);
	layout_word(l, LAYOUT_AT(0), LAYOUT_AT(0) + 16); /* a short std::string */
	layout_word(l, LAYOUT_AT(1),
		    LAYOUT_AT(1) + 16); /* 1 does so too, and points to its start */
	layout_link(l, 1, 1, 1);
	layout_expect(l, "DD");
	assert_int_equal(l->leaks.cycles_total, 1);
	assert_int_equal(l->leaks.cycles[0].closing.site, 1);
	assert_int_equal(l->leaks.cycles[0].closing.offset, 8);
}

static void an_entered_cycle_begins_where_it_is_entered(void **state)
{
	struct layout *l = *state;

	/* 0 <-> 1 <-> 2 (a figure eight around 1), entered at 2 by 3. */
	layout_blocks(l, 4);
	layout_link(l, 0, 0, 1);
	layout_link(l, 1, 0, 0);
	layout_link(l, 1, 1, 2);
	layout_link(l, 2, 0, 1);
	layout_link(l, 3, 0, 2);
	layout_expect(l, "IIID");
	assert_int_equal(l->leaks.cycles_total, 1);
	assert_true(l->leaks.cycles[0].entered);
	assert_int_equal(l->leaks.cycles[0].blocks, 3);
	assert_int_equal(l->leaks.cycles[0].retained_blocks, 3);
	assert_int_equal(l->leaks.cycles[0].steps[0].site, 2);
	assert_int_equal(l->leaks.cycles[0].closing.site, 1);
	assert_int_equal(l->leaks.cycles[0].closing.offset, 8);
	assert_int_equal(layout_retained(l, 3), 4 * 64);
}

static void two_cycles_are_two_and_live_ones_none(void **state)
{
	struct layout *l = *state;

	/* 0 <-> 1 -> 2 <-> 3, and 4 <-> 5 held by a root. */
	layout_blocks(l, 6);
	layout_link(l, 0, 0, 1);
	layout_link(l, 1, 0, 0);
	layout_link(l, 1, 1, 2);
	layout_link(l, 2, 0, 3);
	layout_link(l, 3, 0, 2);
	layout_link(l, 4, 0, 5);
	layout_link(l, 5, 0, 4);
	layout_word(l, LAYOUT_ROOT, LAYOUT_AT(4));
	layout_expect(l, "DIIIRR");
	assert_int_equal(l->leaks.cycles_total, 2);
	/* That which retains most comes first. */
	assert_int_equal(l->leaks.cycles[0].retained_bytes, 4 * 64);
	assert_false(l->leaks.cycles[0].entered);
	assert_int_equal(l->leaks.cycles[1].retained_bytes, 2 * 64);
	assert_true(l->leaks.cycles[1].entered);
}

/* ---- Large ones --------------------------------------------------------------------- */

#define LONG 1000000u

static void long_lists(struct layout *l, bool doubly)
{
	for (unsigned n = 0; n < LONG; n++)
		layout_block(l, n, 64);
	for (unsigned n = 0; n < LONG; n++) {
		if (n + 1 < LONG)
			layout_link(l, n, 0, n + 1);
		if (doubly && n > 0)
			layout_link(l, n, 1, n - 1);
	}
}

static void a_list_of_a_million(void **state)
{
	struct layout *l = *state;

	long_lists(l, false);
	layout_solve(l);
	assert_int_equal(l->lost.count, LONG);
	assert_true(l->lost.is_head[0]);
	assert_false(l->lost.is_head[1]);
	assert_int_equal(layout_retained(l, 0), 64ull * LONG);
	assert_int_equal(l->leaks.cycles_total, 0);
}

static void a_doubly_linked_list_of_a_million_is_one_cycle(void **state)
{
	struct layout *l = *state;

	long_lists(l, true);
	layout_solve(l);
	assert_int_equal(l->leaks.cycles_total, 1);
	assert_int_equal(l->leaks.cycles[0].blocks, LONG);
	assert_int_equal(l->leaks.cycles[0].length, 2);
	assert_int_equal(layout_retained(l, 0), 64ull * LONG);
}

static void a_list_of_a_million_that_is_held(void **state)
{
	struct layout *l = *state;

	layout_word(l, LAYOUT_ROOT, LAYOUT_AT(0));
	long_lists(l, false);
	layout_solve(l);
	assert_int_equal(l->lost.count, 0);
	assert_int_equal(graph_origin(&l->graph, l->reach.via[LONG - 1]), LONG - 2);
	assert_int_equal(graph_origin(&l->graph, l->reach.via[0]), LONG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, layout_begin, layout_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_shared_is_retained_by_none),
		TEST(lost_blocks_that_hold_live_ones_do_not_retain_them),
		TEST(a_cycle_is_named_by_its_closing_edge),
		TEST(a_self_loop_is_a_cycle_of_one),
		TEST(a_pointer_into_itself_is_no_cycle),
		TEST(an_entered_cycle_begins_where_it_is_entered),
		TEST(two_cycles_are_two_and_live_ones_none),
		TEST(a_list_of_a_million),
		TEST(a_doubly_linked_list_of_a_million_is_one_cycle),
		TEST(a_list_of_a_million_that_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
