/* SPDX-License-Identifier: MIT */
#include "block_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cycles.h"

int layout_begin(void **state)
{
	struct layout *layout = calloc(1, sizeof(*layout));
	const struct pointers_root root = {LAYOUT_ROOT, LAYOUT_ROOT + 0x1000,
					   MFT_ROOT_MODULE, POINTERS_NONE, POINTERS_NONE};

	*state = layout;
	if (!layout)
		return -1;
	return pointers_add_root(&layout->pointers, &root);
}

int layout_end(void **state)
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

void layout_block(struct layout *layout, unsigned n, uint64_t size)
{
	const struct pointers_block block = {.address = LAYOUT_AT(n),
					     .size = size,
					     .usable = size + 8,
					     .birth = n,
					     .site = n};

	assert_int_equal(pointers_add_block(&layout->pointers, &block), 0);
}

void layout_blocks(struct layout *layout, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		layout_block(layout, n, 64);
}

void layout_word(struct layout *layout, uint64_t address, uint64_t value)
{
	assert_int_equal(pointers_add_word(&layout->pointers, address, value), 0);
}

void layout_content(struct layout *layout, uint64_t address, uint64_t value)
{
	assert_int_equal(pointers_add_content(&layout->pointers, address, value), 0);
}

void layout_link(struct layout *layout, unsigned a, unsigned w, unsigned b)
{
	layout_word(layout, LAYOUT_AT(a) + 8 * w, LAYOUT_AT(b));
}

void layout_solve(struct layout *layout)
{
	assert_int_equal(pointers_seal(&layout->pointers, 4096, false), 0);
	assert_int_equal(graph_init(&layout->graph, &layout->pointers, layout->is_glibc,
				    layout->is_fork),
			 0);
	assert_int_equal(reach_init(&layout->reach, &layout->graph), 0);
	assert_int_equal(lost_init(&layout->lost, &layout->graph, &layout->reach), 0);
	assert_int_equal(cycles_find(&layout->lost, &layout->graph, &layout->leaks), 0);
}

void layout_expect(struct layout *layout, const char *kinds)
{
	char found[LAYOUT_SITES + 1] = "";

	layout_solve(layout);
	assert_true(layout->graph.blocks <= LAYOUT_SITES);
	for (uint32_t b = 0; b < layout->graph.blocks; b++) {
		uint8_t s = layout->reach.state[b];

		found[b] = s == REACH_REACHABLE				  ? 'R'
			   : s == REACH_POSSIBLE			  ? 'P'
			   : layout->lost.is_head[layout->lost.number[b]] ? 'D'
									  : 'I';
	}
	assert_string_equal(found, kinds);
}

uint64_t layout_retained(const struct layout *layout, uint32_t block)
{
	return layout->lost.retained_bytes[layout->lost.number[block]];
}
