/* SPDX-License-Identifier: MIT */
/* The tree of call stacks: numbers in order, found again however much it has grown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "nodes.h"

/* Several doublings from the first table on. */
#define MANY 200000u

static int free_nodes(void **state)
{
	struct nodes *nodes = *state;

	memory_unmap(nodes->slots, nodes_capacity(nodes) * sizeof(*nodes->slots));
	return 0;
}

static int new_nodes(void **state)
{
	static struct nodes nodes;

	memset(&nodes, 0, sizeof(nodes));
	*state = &nodes;
	return nodes_reserve(&nodes) ? 0 : -1;
}

static uint32_t define(struct nodes *nodes, uint32_t parent, uint64_t address)
{
	assert_int_equal(nodes_find(nodes, parent, address), 0);
	assert_true(nodes_reserve(nodes));
	return nodes_define(nodes, parent, address);
}

static void an_empty_tree_has_no_node(void **state)
{
	struct nodes *nodes = *state;

	assert_int_equal(nodes_find(nodes, MFT_NODE_TRUNCATED, 0), 0);
	assert_int_equal(nodes_find(nodes, 77, 0x401000), 0);
	assert_int_equal(nodes_find(nodes, MFT_NODE_ROOT, 0x401000), 0);
	assert_int_equal(nodes_find(nodes, MFT_NODE_ROOT, 0), 0);
}

static void numbers_follow_each_other(void **state)
{
	struct nodes *nodes = *state;

	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(define(nodes, MFT_NODE_ROOT, 0x401000 + i),
				 MFT_NODE_FIRST + i);
	assert_int_equal(nodes->count, 100);
}

static void parent_and_address_both_count(void **state)
{
	struct nodes *nodes = *state;
	uint32_t a = define(nodes, MFT_NODE_ROOT, 0x401000);
	uint32_t b = define(nodes, MFT_NODE_TRUNCATED, 0x401000);
	uint32_t c = define(nodes, a, 0x401000);
	uint32_t d = define(nodes, a, 0x401001);

	assert_int_equal(nodes_find(nodes, MFT_NODE_ROOT, 0x401000), a);
	assert_int_equal(nodes_find(nodes, MFT_NODE_TRUNCATED, 0x401000), b);
	assert_int_equal(nodes_find(nodes, a, 0x401000), c);
	assert_int_equal(nodes_find(nodes, a, 0x401001), d);
	assert_int_equal(nodes_find(nodes, b, 0x401000), 0);
	assert_int_equal(nodes_find(nodes, MFT_NODE_ROOT, 0x401001), 0);
	assert_int_equal(nodes_find(nodes, d, 0x401001), 0);
	/* A parent that was never defined has no children. */
	assert_int_equal(nodes_find(nodes, 5000, 0x401000), 0);
	assert_int_equal(nodes_find(nodes, UINT32_MAX, 0x401000), 0);
}

/* The same address, called from and interrupted at, is two nodes. */
static void exactness_counts(void **state)
{
	struct nodes *nodes = *state;
	uint32_t called = define(nodes, MFT_NODE_ROOT, 0x401000);
	uint32_t interrupted = define(nodes, MFT_NODE_ROOT, 0x401000 | NODES_EXACT);

	assert_int_not_equal(called, interrupted);
	assert_int_equal(nodes_find(nodes, MFT_NODE_ROOT, 0x401000), called);
	assert_int_equal(nodes_find(nodes, MFT_NODE_ROOT, 0x401000 | NODES_EXACT),
			 interrupted);
}

/* Address 0 is not the same as no child. */
static void an_address_may_be_zero(void **state)
{
	struct nodes *nodes = *state;
	uint32_t a = define(nodes, MFT_NODE_ROOT, 0x401000);
	uint32_t zero = define(nodes, a, 0);

	assert_int_equal(nodes_find(nodes, a, 0), zero);
	assert_int_equal(nodes_find(nodes, zero, 0), 0);
}

static uint32_t parent_of(uint32_t i)
{
	/* A bush here, chains there. */
	return i % 3 == 0 || i < 10 ? MFT_NODE_ROOT : MFT_NODE_FIRST + i / 2;
}

/* The same few addresses under most parents, as in a recursion. */
static uint64_t address_of(uint32_t i)
{
	uint64_t exact = i % 7 ? 0 : NODES_EXACT;

	if (parent_of(i) == MFT_NODE_ROOT)
		return (0x7f0000000000 + i * 5ull) | exact;
	return (0x401000 + i % 2 * 5ull) | exact;
}

static void expect_all(struct nodes *nodes, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(nodes_find(nodes, parent_of(i), address_of(i)),
				 MFT_NODE_FIRST + i);
		/* Once more: it is now the child found last. */
		assert_int_equal(nodes_find(nodes, parent_of(i), address_of(i)),
				 MFT_NODE_FIRST + i);
		assert_int_equal(nodes_find(nodes, parent_of(i), address_of(i) + 1), 0);
	}
}

static void it_grows(void **state)
{
	struct nodes *nodes = *state;
	uint32_t capacity = 0, doublings = 0;

	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(define(nodes, parent_of(i), address_of(i)),
				 MFT_NODE_FIRST + i);
		if (nodes_capacity(nodes) == capacity)
			continue;
		capacity = nodes_capacity(nodes);
		doublings++;
		expect_all(nodes, i + 1);
	}
	assert_true(doublings >= 5);
	/* There is always a free slot, or a search would not end. */
	assert_true(nodes->count < nodes_capacity(nodes));
	expect_all(nodes, MANY);
}

/* Searches stay short: half of the slots are free at any time. */
static void half_of_the_table_is_free(void **state)
{
	struct nodes *nodes = *state;
	uint32_t last = MFT_NODE_ROOT;

	for (uint32_t i = 0; nodes_capacity(nodes) <= 16384; i++) {
		last = define(nodes, last, 0x401000 + i);
		assert_true(nodes->count <= nodes_capacity(nodes) / 2);
		assert_int_equal(nodes_find(nodes, last, 1), 0);
	}
}

static void after_a_clear_all_is_new(void **state)
{
	struct nodes *nodes = *state;

	nodes_clear(nodes);
	assert_int_equal(nodes->count, 0);
	for (uint32_t i = 0; i < 10000; i++)
		(void)define(nodes, parent_of(i), address_of(i));
	nodes_clear(nodes);
	assert_int_equal(nodes->count, 0);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(nodes_find(nodes, parent_of(i), address_of(i)), 0);
	for (uint32_t i = 0; i < 10000; i++)
		assert_int_equal(define(nodes, parent_of(i), address_of(i) + 1),
				 MFT_NODE_FIRST + i);
}

#define with_nodes(test) cmocka_unit_test_setup_teardown(test, new_nodes, free_nodes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_nodes(an_empty_tree_has_no_node),
		with_nodes(numbers_follow_each_other),
		with_nodes(parent_and_address_both_count),
		with_nodes(exactness_counts),
		with_nodes(an_address_may_be_zero),
		with_nodes(it_grows),
		with_nodes(half_of_the_table_is_free),
		with_nodes(after_a_clear_all_is_new),
	};

	return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
