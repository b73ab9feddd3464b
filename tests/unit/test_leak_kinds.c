/* SPDX-License-Identifier: MIT */
/* Blocks and pointers laid out by hand: which kind each block is, and what of it comes into
 * the profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "block_layout.h"
#include "blocks.h"
#include "leaks.h"
#include "model.h"
#include "pointers.h"
#include "profile.h"

/* ---- Kinds -------------------------------------------------------------------------- */

static void the_nine_cases_of_the_manual(void **state)
{
	struct layout *l = *state;

	/* Valgrind manual, 4.2.8: RRR -> BBB and so on; AAA and BBB are neighbours. */
	layout_blocks(l, 15);
	layout_word(l, LAYOUT_ROOT + 0, LAYOUT_AT(0)); /* 1: BBB = 0 */
	layout_word(l, LAYOUT_ROOT + 8, LAYOUT_AT(1)); /* 2: 1 -> 2 */
	layout_link(l, 1, 0, 2);
	/* 3: BBB = 3, 4: 4 -> 5 */
	layout_link(l, 4, 0, 5);
	layout_word(l, LAYOUT_ROOT + 16, LAYOUT_AT(6) + 8); /* 5: -?-> 6 */
	layout_word(l, LAYOUT_ROOT + 24, LAYOUT_AT(7));	    /* 6: 7 -?-> 8 */
	layout_word(l, LAYOUT_AT(7), LAYOUT_AT(8) + 8);
	layout_word(l, LAYOUT_ROOT + 32, LAYOUT_AT(9) + 16); /* 7: -?-> 9 -> 10 */
	layout_link(l, 9, 0, 10);
	layout_word(l, LAYOUT_ROOT + 40, LAYOUT_AT(11) + 16); /* 8: -?-> 11 -?-> 12 */
	layout_word(l, LAYOUT_AT(11), LAYOUT_AT(12) + 63);
	layout_word(l, LAYOUT_AT(13), LAYOUT_AT(14) + 8); /* 9: 13 -?-> 14 */
	layout_expect(l, "RRRDDIPRPPPPPDI");
}

static void a_start_pointer_found_later_counts(void **state)
{
	struct layout *l = *state;

	/* 0 is held by an interior pointer first and by a start pointer from 2. */
	layout_blocks(l, 4);
	layout_word(l, LAYOUT_ROOT, LAYOUT_AT(0) + 8);
	layout_word(l, LAYOUT_ROOT + 8, LAYOUT_AT(2));
	layout_link(l, 2, 0, 0);
	layout_link(l, 0, 0, 1);
	layout_expect(l, "RRRD");
}

static void bounds_are_those_that_were_asked_for(void **state)
{
	struct layout *l = *state;

	layout_block(l, 0, 64);
	layout_block(l, 1, 0);	/* has one byte */
	layout_block(l, 2, 12); /* room for one word */
	layout_block(l, 3, 16);
	layout_block(l, 4, 16);
	layout_block(l, 5, 7); /* room for none */
	layout_block(l, 6, 16);
	layout_word(l, LAYOUT_ROOT, LAYOUT_AT(0) + 64); /* one past the end */
	layout_word(l, LAYOUT_ROOT + 8, LAYOUT_AT(1));	/* 1 */
	layout_word(l, LAYOUT_ROOT + 16, LAYOUT_AT(2)); /* 2 */
	layout_word(l, LAYOUT_AT(2) + 8, LAYOUT_AT(3)); /* the word's end is outside of 2 */
	layout_word(l, LAYOUT_AT(2), LAYOUT_AT(4));	/* 4 */
	layout_word(l, LAYOUT_ROOT + 24, LAYOUT_AT(5)); /* 5 */
	layout_word(l, LAYOUT_AT(5), LAYOUT_AT(6));	/* outside */
	layout_word(l, LAYOUT_AT(6) + 0x80, LAYOUT_AT(3)); /* in no block: freed memory */
	layout_expect(l, "DRRDRRD");
}

static void a_root_inside_a_block_is_a_root(void **state)
{
	struct layout *l = *state;
	const struct pointers_root stack = {LAYOUT_AT(0) + 32, LAYOUT_AT(0) + 64,
					    MFT_ROOT_STACK, POINTERS_NONE, 7};

	layout_blocks(l, 3);
	assert_int_equal(pointers_add_root(&l->pointers, &stack), 0);
	layout_word(l, LAYOUT_AT(0) + 8,
		    LAYOUT_AT(1)); /* below the stack pointer: in a lost block */
	layout_word(l, LAYOUT_AT(0) + 40, LAYOUT_AT(2)); /* on the stack */
	layout_expect(l, "DIR");
}

static void the_allocators_own_words_hold_nothing(void **state)
{
	struct layout *l = *state;

	const struct pointers_block full = {LAYOUT_AT(0), 72, 72, 0, 0, 5};
	const struct pointers_block other = {LAYOUT_AT(1), 72, 72, 0, 1, 5};

	/* The block takes the first 8 bytes of the next chunk, which is where glibc says
	 * that the chunk begins. */
	assert_int_equal(pointers_add_block(&l->pointers, &full), 0);
	assert_int_equal(pointers_add_block(&l->pointers, &other), 0);
	layout_word(l, LAYOUT_ROOT, LAYOUT_AT(0) + 64);
	layout_word(l, LAYOUT_ROOT + 8, LAYOUT_AT(1) + 56);
	l->is_glibc = true;
	layout_expect(l, "DP");
}

static void a_copy_has_blocks_that_the_dump_does_not_know(void **state)
{
	struct layout *l = *state;

	layout_blocks(l, 2);
	layout_link(l, 1, 0, 0);
	layout_word(l, LAYOUT_AT(0) + 0x80, LAYOUT_AT(1)); /* between the blocks */
	l->is_fork = true;
	layout_expect(l, "RR");
}

static void interior_pointers_that_are_meant(void **state)
{
	struct layout *l = *state;

	/* 0: new T[7], 56 bytes behind the cookie. 1: the count does not fit. */
	layout_blocks(l, 9);
	layout_content(l, LAYOUT_AT(0), 7);
	layout_word(l, LAYOUT_ROOT, LAYOUT_AT(0) + 8);
	layout_content(l, LAYOUT_AT(1), 9);
	layout_word(l, LAYOUT_ROOT + 8, LAYOUT_AT(1) + 8);
	/* 2: a length. */
	layout_content(l, LAYOUT_AT(2), 56);
	layout_word(l, LAYOUT_ROOT + 16, LAYOUT_AT(2) + 8);
	/* 3: a string of 5 in 39; 4: longer than its capacity; 5: not all of the block. */
	layout_content(l, LAYOUT_AT(3), 5);
	layout_content(l, LAYOUT_AT(3) + 8, 39);
	layout_word(l, LAYOUT_ROOT + 24, LAYOUT_AT(3) + 24);
	layout_content(l, LAYOUT_AT(4), 40);
	layout_content(l, LAYOUT_AT(4) + 8, 39);
	layout_word(l, LAYOUT_ROOT + 32, LAYOUT_AT(4) + 24);
	layout_content(l, LAYOUT_AT(5), 5);
	layout_content(l, LAYOUT_AT(5) + 8, 38);
	layout_word(l, LAYOUT_ROOT + 40, LAYOUT_AT(5) + 24);
	/* 6: two vtables; 7: one; 8: none at the start. */
	layout_content(l, LAYOUT_AT(6), 0x555555557d00);
	layout_content(l, LAYOUT_AT(6) + 16, 0x555555557d30);
	layout_word(l, LAYOUT_ROOT + 48, LAYOUT_AT(6) + 16);
	layout_content(l, LAYOUT_AT(7), 0x555555557d00);
	layout_word(l, LAYOUT_ROOT + 56, LAYOUT_AT(7) + 16);
	layout_content(l, LAYOUT_AT(8) + 16, 0x555555557d30);
	layout_word(l, LAYOUT_ROOT + 64, LAYOUT_AT(8) + 16);
	layout_expect(l, "RPRRPPRPP");
}

/* ---- Into the profile --------------------------------------------------------------- */

static void live(struct model *model, const struct pointers_block *from, uint64_t birth)
{
	const struct block block = {.address = from->address,
				    .size = from->size,
				    .usable = from->usable,
				    .birth = birth,
				    .site = from->site,
				    .thread = 5};
	struct block older;

	assert_int_equal(blocks_put(&model->blocks, &block, &older), 0);
}

static void the_profile_counts_what_is_still_live(void **state)
{
	struct layout *l = *state;
	struct profile *p = calloc(1, sizeof(*p));
	const struct leaks_wish wish = {.older_than_ns = 50, .blocks = true};
	const struct pointers_block later = {
		.address = LAYOUT_AT(40), .size = 8, .site = 9};
	struct profile_amount leaked, moved;
	struct model model;

	assert_non_null(p);
	p->sites = calloc(LAYOUT_SITES, sizeof(*p->sites));
	p->sites_count = LAYOUT_SITES;
	p->duration_ns = 100;
	model_init(&model, p, 4096);
	/* 0 held; 1 lost with 2; 3 freed since; 4 freed, its place taken again; 5 too
	 * young (born at 5 units of 10 ns and 100 - 50 is not older: 50 is); 6 lost. */
	layout_blocks(l, 7);
	layout_word(l, LAYOUT_ROOT, LAYOUT_AT(0));
	layout_link(l, 1, 0, 2);
	l->pointers.clock = 7;
	assert_int_equal(pointers_seal(&l->pointers, 4096, false), 0);
	for (unsigned n = 0; n < 7; n++)
		if (n != 3)
			live(&model, &l->pointers.blocks[n], n == 4 ? 8 : n);
	live(&model, &later, 9);
	assert_int_equal(leaks_close(&wish, &l->pointers, &model, 10, p), 0);
	assert_true(p->leaks.classified);
	assert_int_equal(p->leaks.totals[PROFILE_LEAK_REACHABLE].blocks, 1);
	assert_int_equal(p->leaks.totals[PROFILE_LEAK_DEFINITE].blocks, 2);
	assert_int_equal(p->leaks.totals[PROFILE_LEAK_INDIRECT].bytes, 64);
	/* 6 is 40 ns old; what came after the scan is younger still. */
	assert_int_equal(p->leaks.totals[PROFILE_LEAK_YOUNG].blocks, 3);
	assert_int_equal(p->sites[1].retained.bytes, 128);
	assert_int_equal(p->sites[1].leak_first_ns, 10);
	assert_int_equal(p->sites[1].leak_thread, 0);
	leaked = profile_leaked(&p->leaks, p->leaks.totals);
	assert_int_equal(leaked.blocks, 3);
	/* Who holds what. */
	assert_int_equal(p->leaks.blocks_count, 7);
	assert_int_equal(p->leaks.blocks[0].holder, PROFILE_NO_BLOCK);
	assert_int_equal(p->leaks.blocks[0].pointer, LAYOUT_ROOT);
	assert_int_equal(p->leaks.blocks[2].holder, 1);
	assert_int_equal(p->leaks.blocks[1].pointer, 0);
	/* A suppressed site's blocks only. */
	profile_suppress(p, 1, 1u << PROFILE_LEAK_DEFINITE | 1u << PROFILE_LEAK_INDIRECT,
			 &moved);
	assert_int_equal(moved.blocks, 1);
	assert_int_equal(p->leaks.totals[PROFILE_LEAK_SUPPRESSED].bytes, 64);
	assert_int_equal(p->leaks.totals[PROFILE_LEAK_INDIRECT].blocks, 1);
	leaked = profile_leaked(&p->leaks, p->leaks.totals);
	assert_int_equal(leaked.blocks, 2);
	model_done(&model);
	profile_free(p);
}

static void live_blocks_come_in_order_of_address(void **state)
{
	struct layout *l = *state;
	struct blocks live = {.count = 0};
	struct block older;
	uint64_t seed = 3;

	for (unsigned n = 0; n < 50000; n++) {
		struct block block = {.size = 16, .site = n, .birth = n};

		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		block.address = (seed >> (n % 40)) | 1;
		assert_true(blocks_put(&live, &block, &older) >= 0);
	}
	assert_int_equal(pointers_add_blocks(&l->pointers, &live), 0);
	assert_int_equal(l->pointers.blocks_count, live.count);
	for (size_t i = 1; i < l->pointers.blocks_count; i++) {
		const struct pointers_block *block = &l->pointers.blocks[i];

		assert_true(block[-1].address < block->address);
		assert_int_equal(blocks_find(&live, block->address)->site, block->site);
	}
	blocks_done(&live);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, layout_begin, layout_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_nine_cases_of_the_manual),
		TEST(a_start_pointer_found_later_counts),
		TEST(bounds_are_those_that_were_asked_for),
		TEST(a_root_inside_a_block_is_a_root),
		TEST(the_allocators_own_words_hold_nothing),
		TEST(a_copy_has_blocks_that_the_dump_does_not_know),
		TEST(interior_pointers_that_are_meant),
		TEST(live_blocks_come_in_order_of_address),
		TEST(the_profile_counts_what_is_still_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
