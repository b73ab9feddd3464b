/* SPDX-License-Identifier: MIT */
/* Blocks and pointers laid out by hand: which kind each block is, what it retains, which
 * cycles there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cycles.h"
#include "graph.h"
#include "leaks.h"
#include "lost.h"
#include "model.h"
#include "pointers.h"
#include "profile.h"
#include "reach.h"

#define ROOT 0x10000u /* a root of a page */
#define HEAP 0x7f0000000000ull
#define SITES 64u

/* Block n of the layout is at HEAP + n * 0x100, and of site n. */
#define AT(n) (HEAP + (uint64_t)(n)*0x100)

struct layout {
	struct pointers pointers;
	struct graph graph;
	struct reach reach;
	struct lost lost;
	struct profile_leaks leaks;
	bool is_glibc, is_fork;
};

static int begin(void **state)
{
	struct layout *layout = calloc(1, sizeof(*layout));
	const struct pointers_root root = {ROOT, ROOT + 0x1000, MFT_ROOT_MODULE,
					   POINTERS_NONE, POINTERS_NONE};

	*state = layout;
	if (!layout)
		return -1;
	return pointers_add_root(&layout->pointers, &root);
}

static int end(void **state)
{
	struct layout *layout = *state;

	lost_done(&layout->lost);
	reach_done(&layout->reach);
	graph_done(&layout->graph);
	pointers_done(&layout->pointers);
	free(layout->leaks.cycles);
	free(layout);
	return 0;
}

static void block(struct layout *layout, unsigned n, uint64_t size)
{
	const struct pointers_block block = {
		.address = AT(n), .size = size, .usable = size + 8, .birth = n, .site = n};

	assert_int_equal(pointers_add_block(&layout->pointers, &block), 0);
}

static void blocks(struct layout *layout, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		block(layout, n, 64);
}

static void word(struct layout *layout, uint64_t address, uint64_t value)
{
	assert_int_equal(pointers_add_word(&layout->pointers, address, value), 0);
}

static void content(struct layout *layout, uint64_t address, uint64_t value)
{
	assert_int_equal(pointers_add_content(&layout->pointers, address, value), 0);
}

/* Block a's word number w points to the start of block b. */
static void link_blocks(struct layout *layout, unsigned a, unsigned w, unsigned b)
{
	word(layout, AT(a) + 8 * w, AT(b));
}

static void solve(struct layout *layout)
{
	assert_int_equal(pointers_seal(&layout->pointers, 4096, false), 0);
	assert_int_equal(graph_init(&layout->graph, &layout->pointers, layout->is_glibc,
				    layout->is_fork),
			 0);
	assert_int_equal(reach_init(&layout->reach, &layout->graph), 0);
	assert_int_equal(lost_init(&layout->lost, &layout->graph, &layout->reach), 0);
	assert_int_equal(cycles_find(&layout->lost, &layout->graph, &layout->leaks), 0);
}

/* One letter a block: R, P, I, D. */
static void expect(struct layout *layout, const char *kinds)
{
	char found[SITES + 1] = "";

	solve(layout);
	for (uint32_t b = 0; b < layout->graph.blocks; b++) {
		uint8_t s = layout->reach.state[b];

		found[b] = s == REACH_REACHABLE				  ? 'R'
			   : s == REACH_POSSIBLE			  ? 'P'
			   : layout->lost.is_head[layout->lost.number[b]] ? 'D'
									  : 'I';
	}
	assert_string_equal(found, kinds);
}

static uint64_t retained(const struct layout *layout, uint32_t block)
{
	return layout->lost.retained_bytes[layout->lost.number[block]];
}

/* ---- Kinds -------------------------------------------------------------------------- */

static void the_nine_cases_of_the_manual(void **state)
{
	struct layout *l = *state;

	/* Valgrind manual, 4.2.8: RRR -> BBB and so on; AAA and BBB are neighbours. */
	blocks(l, 15);
	word(l, ROOT + 0, AT(0)); /* 1: BBB = 0 */
	word(l, ROOT + 8, AT(1)); /* 2: 1 -> 2 */
	link_blocks(l, 1, 0, 2);
	/* 3: BBB = 3, 4: 4 -> 5 */
	link_blocks(l, 4, 0, 5);
	word(l, ROOT + 16, AT(6) + 8); /* 5: -?-> 6 */
	word(l, ROOT + 24, AT(7));     /* 6: 7 -?-> 8 */
	word(l, AT(7), AT(8) + 8);
	word(l, ROOT + 32, AT(9) + 16); /* 7: -?-> 9 -> 10 */
	link_blocks(l, 9, 0, 10);
	word(l, ROOT + 40, AT(11) + 16); /* 8: -?-> 11 -?-> 12 */
	word(l, AT(11), AT(12) + 63);
	word(l, AT(13), AT(14) + 8); /* 9: 13 -?-> 14 */
	expect(l, "RRRDDIPRPPPPPDI");
}

static void a_start_pointer_found_later_counts(void **state)
{
	struct layout *l = *state;

	/* 0 is held by an interior pointer first and by a start pointer from 2. */
	blocks(l, 4);
	word(l, ROOT, AT(0) + 8);
	word(l, ROOT + 8, AT(2));
	link_blocks(l, 2, 0, 0);
	link_blocks(l, 0, 0, 1);
	expect(l, "RRRD");
}

static void bounds_are_those_that_were_asked_for(void **state)
{
	struct layout *l = *state;

	block(l, 0, 64);
	block(l, 1, 0);	 /* has one byte */
	block(l, 2, 12); /* room for one word */
	block(l, 3, 16);
	block(l, 4, 16);
	block(l, 5, 7); /* room for none */
	block(l, 6, 16);
	word(l, ROOT, AT(0) + 64);    /* one past the end */
	word(l, ROOT + 8, AT(1));     /* 1 */
	word(l, ROOT + 16, AT(2));    /* 2 */
	word(l, AT(2) + 8, AT(3));    /* the word's end is outside of 2 */
	word(l, AT(2), AT(4));	      /* 4 */
	word(l, ROOT + 24, AT(5));    /* 5 */
	word(l, AT(5), AT(6));	      /* outside */
	word(l, AT(6) + 0x80, AT(3)); /* in no block: freed memory */
	expect(l, "DRRDRRD");
}

static void a_root_inside_a_block_is_a_root(void **state)
{
	struct layout *l = *state;
	const struct pointers_root stack = {AT(0) + 32, AT(0) + 64, MFT_ROOT_STACK,
					    POINTERS_NONE, 7};

	blocks(l, 3);
	assert_int_equal(pointers_add_root(&l->pointers, &stack), 0);
	word(l, AT(0) + 8, AT(1));  /* below the stack pointer: in a lost block */
	word(l, AT(0) + 40, AT(2)); /* on the stack */
	expect(l, "DIR");
}

static void the_allocators_own_words_hold_nothing(void **state)
{
	struct layout *l = *state;

	const struct pointers_block full = {AT(0), 72, 72, 0, 0, 5};
	const struct pointers_block other = {AT(1), 72, 72, 0, 1, 5};

	/* The block takes the first 8 bytes of the next chunk, which is where glibc says
	 * that the chunk begins. */
	assert_int_equal(pointers_add_block(&l->pointers, &full), 0);
	assert_int_equal(pointers_add_block(&l->pointers, &other), 0);
	word(l, ROOT, AT(0) + 64);
	word(l, ROOT + 8, AT(1) + 56);
	l->is_glibc = true;
	expect(l, "DP");
}

static void a_copy_has_blocks_that_the_dump_does_not_know(void **state)
{
	struct layout *l = *state;

	blocks(l, 2);
	link_blocks(l, 1, 0, 0);
	word(l, AT(0) + 0x80, AT(1)); /* between the blocks */
	l->is_fork = true;
	expect(l, "RR");
}

static void interior_pointers_that_are_meant(void **state)
{
	struct layout *l = *state;

	/* 0: new T[7], 56 bytes behind the cookie. 1: the count does not fit. */
	blocks(l, 9);
	content(l, AT(0), 7);
	word(l, ROOT, AT(0) + 8);
	content(l, AT(1), 9);
	word(l, ROOT + 8, AT(1) + 8);
	/* 2: a length. */
	content(l, AT(2), 56);
	word(l, ROOT + 16, AT(2) + 8);
	/* 3: a string of 5 in 39; 4: longer than its capacity; 5: not all of the block. */
	content(l, AT(3), 5);
	content(l, AT(3) + 8, 39);
	word(l, ROOT + 24, AT(3) + 24);
	content(l, AT(4), 40);
	content(l, AT(4) + 8, 39);
	word(l, ROOT + 32, AT(4) + 24);
	content(l, AT(5), 5);
	content(l, AT(5) + 8, 38);
	word(l, ROOT + 40, AT(5) + 24);
	/* 6: two vtables; 7: one; 8: none at the start. */
	content(l, AT(6), 0x555555557d00);
	content(l, AT(6) + 16, 0x555555557d30);
	word(l, ROOT + 48, AT(6) + 16);
	content(l, AT(7), 0x555555557d00);
	word(l, ROOT + 56, AT(7) + 16);
	content(l, AT(8) + 16, 0x555555557d30);
	word(l, ROOT + 64, AT(8) + 16);
	expect(l, "RPRRPPRPP");
}

/* ---- Retained sizes ----------------------------------------------------------------- */

static void what_is_shared_is_retained_by_none(void **state)
{
	struct layout *l = *state;

	/* 0 -> 1 -> {2, 3} -> 4 (a diamond), and 5 -> 3: 3 and 4 are shared. */
	blocks(l, 6);
	link_blocks(l, 0, 0, 1);
	link_blocks(l, 1, 0, 2);
	link_blocks(l, 1, 1, 3);
	link_blocks(l, 2, 0, 4);
	link_blocks(l, 3, 0, 4);
	link_blocks(l, 5, 0, 3);
	expect(l, "DIIIID");
	assert_int_equal(retained(l, 0), 3 * 64);
	assert_int_equal(retained(l, 1), 2 * 64);
	assert_int_equal(retained(l, 2), 64);
	assert_int_equal(retained(l, 4), 64);
	assert_int_equal(retained(l, 5), 64);
	assert_int_equal(l->leaks.cycles_total, 0);
}

static void lost_blocks_that_hold_live_ones_do_not_retain_them(void **state)
{
	struct layout *l = *state;

	blocks(l, 3);
	word(l, ROOT, AT(1));
	link_blocks(l, 0, 0, 1);
	link_blocks(l, 0, 1, 2);
	expect(l, "DRI");
	assert_int_equal(retained(l, 0), 128);
}

/* ---- Cycles ------------------------------------------------------------------------- */

static void a_cycle_is_named_by_its_closing_edge(void **state)
{
	struct layout *l = *state;
	const struct profile_cycle *cycle = &l->leaks.cycles[0];

	/* 0 -> 1 -> 2 -> 0 at word 3, into its middle; 2 also holds 3. */
	blocks(l, 4);
	link_blocks(l, 0, 1, 1);
	link_blocks(l, 1, 2, 2);
	word(l, AT(2) + 24, AT(0) + 16);
	link_blocks(l, 2, 0, 3);
	expect(l, "DIII");
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
	assert_int_equal(cycle->closing.address, AT(2));
	assert_int_equal(cycle->closing.offset, 24);
	assert_int_equal(cycle->closing.target_offset, 16);
}

static void a_self_loop_is_a_cycle_of_one(void **state)
{
	struct layout *l = *state;

	blocks(l, 2);
	link_blocks(l, 0, 7, 0);
	expect(l, "DD");
	assert_int_equal(l->leaks.cycles_total, 1);
	assert_int_equal(l->leaks.cycles[0].length, 1);
	assert_int_equal(l->leaks.cycles[0].closing.offset, 56);
	assert_int_equal(l->leaks.in_cycles.blocks, 1);
}

static void a_pointer_into_itself_is_no_cycle(void **state)
{
	struct layout *l = *state;

	blocks(l, 2);
	word(l, AT(0), AT(0) + 16); /* a short std::string */
	word(l, AT(1), AT(1) + 16); /* 1 does so too, and points to its start */
	link_blocks(l, 1, 1, 1);
	expect(l, "DD");
	assert_int_equal(l->leaks.cycles_total, 1);
	assert_int_equal(l->leaks.cycles[0].closing.site, 1);
	assert_int_equal(l->leaks.cycles[0].closing.offset, 8);
}

static void an_entered_cycle_begins_where_it_is_entered(void **state)
{
	struct layout *l = *state;

	/* 0 <-> 1 <-> 2 (a figure eight around 1), entered at 2 by 3. */
	blocks(l, 4);
	link_blocks(l, 0, 0, 1);
	link_blocks(l, 1, 0, 0);
	link_blocks(l, 1, 1, 2);
	link_blocks(l, 2, 0, 1);
	link_blocks(l, 3, 0, 2);
	expect(l, "IIID");
	assert_int_equal(l->leaks.cycles_total, 1);
	assert_true(l->leaks.cycles[0].entered);
	assert_int_equal(l->leaks.cycles[0].blocks, 3);
	assert_int_equal(l->leaks.cycles[0].retained_blocks, 3);
	assert_int_equal(l->leaks.cycles[0].steps[0].site, 2);
	assert_int_equal(l->leaks.cycles[0].closing.site, 1);
	assert_int_equal(l->leaks.cycles[0].closing.offset, 8);
	assert_int_equal(retained(l, 3), 4 * 64);
}

static void two_cycles_are_two_and_live_ones_none(void **state)
{
	struct layout *l = *state;

	/* 0 <-> 1 -> 2 <-> 3, and 4 <-> 5 held by a root. */
	blocks(l, 6);
	link_blocks(l, 0, 0, 1);
	link_blocks(l, 1, 0, 0);
	link_blocks(l, 1, 1, 2);
	link_blocks(l, 2, 0, 3);
	link_blocks(l, 3, 0, 2);
	link_blocks(l, 4, 0, 5);
	link_blocks(l, 5, 0, 4);
	word(l, ROOT, AT(4));
	expect(l, "DIIIRR");
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
		block(l, n, 64);
	for (unsigned n = 0; n < LONG; n++) {
		if (n + 1 < LONG)
			link_blocks(l, n, 0, n + 1);
		if (doubly && n > 0)
			link_blocks(l, n, 1, n - 1);
	}
}

static void a_list_of_a_million(void **state)
{
	struct layout *l = *state;

	long_lists(l, false);
	solve(l);
	assert_int_equal(l->lost.count, LONG);
	assert_true(l->lost.is_head[0]);
	assert_false(l->lost.is_head[1]);
	assert_int_equal(retained(l, 0), 64ull * LONG);
	assert_int_equal(l->leaks.cycles_total, 0);
}

static void a_doubly_linked_list_of_a_million_is_one_cycle(void **state)
{
	struct layout *l = *state;

	long_lists(l, true);
	solve(l);
	assert_int_equal(l->leaks.cycles_total, 1);
	assert_int_equal(l->leaks.cycles[0].blocks, LONG);
	assert_int_equal(l->leaks.cycles[0].length, 2);
	assert_int_equal(retained(l, 0), 64ull * LONG);
}

static void a_list_of_a_million_that_is_held(void **state)
{
	struct layout *l = *state;

	word(l, ROOT, AT(0));
	long_lists(l, false);
	solve(l);
	assert_int_equal(l->lost.count, 0);
	assert_int_equal(graph_origin(&l->graph, l->reach.via[LONG - 1]), LONG - 2);
	assert_int_equal(graph_origin(&l->graph, l->reach.via[0]), LONG);
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
	const struct pointers_block later = {.address = AT(40), .size = 8, .site = 9};
	struct profile_amount leaked, moved;
	struct model model;

	assert_non_null(p);
	p->sites = calloc(SITES, sizeof(*p->sites));
	p->sites_count = SITES;
	p->duration_ns = 100;
	model_init(&model, p, 4096);
	/* 0 held; 1 lost with 2; 3 freed since; 4 freed, its place taken again; 5 too
	 * young (born at 5 units of 10 ns and 100 - 50 is not older: 50 is); 6 lost. */
	blocks(l, 7);
	word(l, ROOT, AT(0));
	link_blocks(l, 1, 0, 2);
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
	assert_int_equal(p->leaks.blocks[0].pointer, ROOT);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

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
		TEST(live_blocks_come_in_order_of_address),
		TEST(the_profile_counts_what_is_still_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
