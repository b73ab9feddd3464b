/* SPDX-License-Identifier: MIT */
/* What of a scan's memory is a root, once it is known where the blocks are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "breaks.h"
#include "pointers.h"

#define PAGE 4096u
#define ARENA 0x7f0000000000ull /* a multiple of 64 MiB */
#define MIB (1ull << 20)

static void add_root(struct pointers *p, enum mft_root_kind kind, uint64_t start,
		     uint64_t end, uint32_t tid)
{
	const struct pointers_root root = {start, end, kind, POINTERS_NONE, tid};

	assert_int_equal(pointers_add_root(p, &root), 0);
}

static void add_block(struct pointers *p, uint64_t address, uint64_t size, uint64_t usable)
{
	const struct pointers_block block = {
		.address = address, .size = size, .usable = usable};

	assert_int_equal(pointers_add_block(p, &block), 0);
}

/* A block with a mapping of its own, as glibc makes them. */
static void add_mapped_block(struct pointers *p, uint64_t page, uint64_t pages)
{
	add_block(p, page + 16, pages * PAGE - 100, pages * PAGE - 16);
}

static void expect_roots(const struct pointers *p, const struct pointers_root *wanted,
			 size_t count)
{
	assert_int_equal(p->roots_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(p->roots[i].start, wanted[i].start);
		assert_int_equal(p->roots[i].end, wanted[i].end);
		assert_int_equal(p->roots[i].kind, wanted[i].kind);
	}
}

#define EXPECT_ROOTS(p, ...)                                                               \
	do {                                                                               \
		const struct pointers_root wanted[] = {__VA_ARGS__};                       \
		expect_roots(p, wanted, sizeof(wanted) / sizeof(wanted[0]));               \
	} while (0)

#define MAPPING(from, to)                                                                  \
	{                                                                                  \
		.start = (from), .end = (to), .kind = MFT_ROOT_MAPPING                     \
	}
#define STACK(from, to)                                                                    \
	{                                                                                  \
		.start = (from), .end = (to), .kind = MFT_ROOT_STACK                       \
	}

/* The kernel shows them as one: only the pages of the blocks are the allocator's. */
static void mapped_blocks_beside_the_programs_own(void **state)
{
	const uint64_t start = ARENA + MIB;
	struct pointers p = {0};

	(void)state;
	add_root(&p, MFT_ROOT_MAPPING, start, start + 100 * PAGE, POINTERS_NONE);
	add_mapped_block(&p, start + 10 * PAGE, 20);
	add_mapped_block(&p, start + 30 * PAGE, 5);
	add_mapped_block(&p, start + 99 * PAGE, 1);
	assert_int_equal(pointers_seal(&p, PAGE, true), 0);
	EXPECT_ROOTS(&p, MAPPING(start, start + 10 * PAGE),
		     MAPPING(start + 35 * PAGE, start + 99 * PAGE));
	pointers_done(&p);
}

/* The whole of an arena's heap is, free memory included, and nothing in front of it. */
static void an_arena_is_no_root(void **state)
{
	struct pointers p = {0};

	(void)state;
	add_root(&p, MFT_ROOT_MAPPING, ARENA - 8 * PAGE, ARENA + MIB, POINTERS_NONE);
	add_block(&p, ARENA + 0xb70, 777, 792);
	assert_int_equal(pointers_seal(&p, PAGE, true), 0);
	EXPECT_ROOTS(&p, MAPPING(ARENA - 8 * PAGE, ARENA));
	pointers_done(&p);
}

static void another_allocators_mapping_is_none(void **state)
{
	struct pointers p = {0};

	(void)state;
	add_root(&p, MFT_ROOT_MAPPING, ARENA, ARENA + MIB, POINTERS_NONE);
	add_root(&p, MFT_ROOT_MAPPING, ARENA + 2 * MIB, ARENA + 3 * MIB, POINTERS_NONE);
	add_block(&p, ARENA + 0x5000, 100, 112);
	assert_int_equal(pointers_seal(&p, PAGE, false), 0);
	EXPECT_ROOTS(&p, MAPPING(ARENA + 2 * MIB, ARENA + 3 * MIB));
	pointers_done(&p);
}

static void what_is_said_to_be_heap_is_none(void **state)
{
	struct pointers p = {0};

	(void)state;
	add_root(&p, MFT_ROOT_HEAP, ARENA, ARENA + MIB, POINTERS_NONE);
	assert_int_equal(pointers_seal(&p, PAGE, true), 0);
	assert_int_equal(p.roots_count, 0);
	pointers_done(&p);
}

/* Between its own blocks a forked process may have some that only its parent's dump knows.
 */
static void what_a_child_inherits_is_one(void **state)
{
	struct pointers p = {.inherits = true};

	(void)state;
	add_root(&p, MFT_ROOT_HEAP, ARENA, ARENA + MIB, POINTERS_NONE);
	add_block(&p, ARENA + 0x1000, 100, 104);
	add_block(&p, ARENA + 0x2000, 24, 24);
	assert_int_equal(pointers_seal(&p, PAGE, true), 0);
	EXPECT_ROOTS(&p, MAPPING(ARENA, ARENA + 0x1000),
		     MAPPING(ARENA + 0x1000 + 104, ARENA + 0x2000),
		     MAPPING(ARENA + 0x2000 + 24, ARENA + MIB));
	pointers_done(&p);
}

/* The more special kind stays. */
static void overlapping_roots(void **state)
{
	struct pointers p = {0};

	(void)state;
	add_root(&p, MFT_ROOT_MAPPING, ARENA, ARENA + MIB, POINTERS_NONE);
	add_root(&p, MFT_ROOT_STACK, ARENA + 0x8000, ARENA + MIB, 5);
	add_root(&p, MFT_ROOT_TLS, ARENA + 0xf000, ARENA + 0xf800, 5);
	add_root(&p, MFT_ROOT_REGISTERS, ARENA + 0x7000, ARENA + 0x7080, 5);
	assert_int_equal(pointers_seal(&p, PAGE, true), 0);
	EXPECT_ROOTS(&p, MAPPING(ARENA, ARENA + 0x7000),
		     {.start = ARENA + 0x7000,
		      .end = ARENA + 0x7080,
		      .kind = MFT_ROOT_REGISTERS},
		     MAPPING(ARENA + 0x7080, ARENA + 0x8000),
		     STACK(ARENA + 0x8000, ARENA + 0xf000),
		     {.start = ARENA + 0xf000, .end = ARENA + 0xf800, .kind = MFT_ROOT_TLS},
		     STACK(ARENA + 0xf800, ARENA + MIB));
	assert_int_equal(pointers_find_root(&p, ARENA + 0xf7ff)->kind, MFT_ROOT_TLS);
	assert_int_equal(pointers_find_root(&p, ARENA + 0xf800)->kind, MFT_ROOT_STACK);
	assert_null(pointers_find_root(&p, ARENA + MIB));
	assert_null(pointers_find_root(&p, ARENA - 1));
	pointers_done(&p);
}

/* A coroutine's stack is a block: nothing beyond its end is the thread's. */
static void a_stack_in_a_block(void **state)
{
	struct pointers p = {0};

	(void)state;
	add_root(&p, MFT_ROOT_HEAP, ARENA, ARENA + MIB, POINTERS_NONE);
	add_root(&p, MFT_ROOT_STACK, ARENA + 0x3000, ARENA + MIB, 5);
	add_root(&p, MFT_ROOT_STACK, ARENA + 0x9000, ARENA + MIB, 6);
	add_block(&p, ARENA + 0x2000, 0x2000, 0x2008);
	add_block(&p, ARENA + 0xa000, 24, 24);
	assert_int_equal(pointers_seal(&p, PAGE, true), 0);
	/* The other one is in no block known: it ends before the next. */
	EXPECT_ROOTS(&p, STACK(ARENA + 0x3000, ARENA + 0x4008),
		     STACK(ARENA + 0x9000, ARENA + 0xa000));
	pointers_done(&p);
}

/* What the program took by sbrk, in turn with its allocator, which nobody recorded. */
static void what_the_program_took_by_sbrk(void **state)
{
	struct pointers p = {0};
	struct breaks breaks = {0};

	(void)state;
	assert_int_equal(breaks_move(&breaks, ARENA + 0x1000, ARENA + 0x3000), 0);
	assert_int_equal(breaks_move(&breaks, ARENA + 0x3000, ARENA + 0x4000), 0);
	assert_int_equal(breaks_move(&breaks, ARENA + 0x8000, ARENA + 0x9000), 0);
	assert_int_equal(breaks_move(&breaks, ARENA + 0x9000, ARENA + 0xc000), 0);
	assert_int_equal(breaks_move(&breaks, ARENA + 0xc000, ARENA + 0xa000), 0);
	/* This was given back in between, by whom nobody saw. */
	assert_int_equal(breaks_move(&breaks, ARENA + 0x9800, ARENA + 0x9800), 0);
	add_root(&p, MFT_ROOT_HEAP, ARENA, ARENA + MIB, POINTERS_NONE);
	add_block(&p, ARENA + 0x5010, 24, 24);
	assert_int_equal(breaks_add_roots(&breaks, &p), 0);
	assert_int_equal(pointers_seal(&p, PAGE, true), 0);
	EXPECT_ROOTS(&p, MAPPING(ARENA + 0x1000, ARENA + 0x4000),
		     MAPPING(ARENA + 0x8000, ARENA + 0x9800));
	breaks_done(&breaks);
	pointers_done(&p);
}

static void words_are_sorted_and_single(void **state)
{
	struct pointers p = {0};

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t address = i * 7919 % 1000 * 8;

		assert_int_equal(pointers_add_word(&p, address, address + 1), 0);
		assert_int_equal(pointers_add_content(&p, address * 2, address + 2), 0);
		add_block(&p, 0x10000 + address * 4, i % 2 ? 0 : 16, 24);
	}
	assert_int_equal(pointers_add_word(&p, 80, 81), 0);
	assert_int_equal(pointers_seal(&p, PAGE, true), 0);
	assert_int_equal(p.words_count, 1000);
	assert_int_equal(p.contents_count, 1000);
	assert_int_equal(p.blocks_count, 1000);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(p.words[i].address, i * 8);
		assert_int_equal(p.words[i].value, i * 8 + 1);
		assert_int_equal(p.blocks[i].address, 0x10000 + i * 32);
		assert_int_equal(pointers_content(&p, i * 16), i * 8 + 2);
		assert_int_equal(pointers_content(&p, i * 16 + 8), 0);
		assert_int_equal(pointers_find_block(&p, 0x10000 + i * 32), i);
		/* A block of 0 bytes has one, for who looks for it. */
		assert_int_equal(pointers_find_block(&p, 0x10000 + i * 32 + 15),
				 p.blocks[i].size ? i : SIZE_MAX);
		assert_int_equal(pointers_find_block(&p, 0x10000 + i * 32 + 16), SIZE_MAX);
	}
	pointers_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_blocks_beside_the_programs_own),
		cmocka_unit_test(an_arena_is_no_root),
		cmocka_unit_test(another_allocators_mapping_is_none),
		cmocka_unit_test(what_is_said_to_be_heap_is_none),
		cmocka_unit_test(what_a_child_inherits_is_one),
		cmocka_unit_test(overlapping_roots),
		cmocka_unit_test(a_stack_in_a_block),
		cmocka_unit_test(what_the_program_took_by_sbrk),
		cmocka_unit_test(words_are_sorted_and_single),
	};

	return cmocka_run_group_tests_name("pointers", tests, NULL, NULL);
}
