/* SPDX-License-Identifier: MIT */
#include "spans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "radix.h"

void spans_done(struct spans *spans)
{
	free(spans->spans);
	free(spans->spare);
	memset(spans, 0, sizeof(*spans));
}

static int make_room(struct spans *spans, size_t count)
{
	if (count <= spans->room)
		return 0;
	count += count / 4;
	spans_done(spans);
	spans->spans = malloc(count * sizeof(*spans->spans));
	spans->spare = malloc(count * sizeof(*spans->spare));
	if (!spans->spans || !spans->spare)
		return -ENOMEM;
	spans->room = count;
	return 0;
}

int spans_gather(struct spans *spans, const struct blocks *blocks)
{
	size_t slots = blocks_slots(blocks);
	struct span *sorted;
	uint64_t differ = 0;
	size_t n = 0;

	if (make_room(spans, blocks->count) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < slots; i++) {
		const struct block *block = &blocks->slots[i];
		uint64_t end = block->address + block->usable;

		if (block->address == 0)
			continue;
		if (end < block->address)
			end = UINT64_MAX;
		spans->spans[n++] = (struct span){.start = block->address,
						  .end = end,
						  .size = block->size,
						  .birth = block->birth,
						  .site = block->site,
						  .thread = block->thread};
		differ |= block->address ^ spans->spans[0].start;
	}
	spans->count = n;
	sorted = radix_sort(spans->spans, spans->spare, n, sizeof(*sorted), differ);
	if (sorted != spans->spans) {
		spans->spare = spans->spans;
		spans->spans = sorted;
	}
	return 0;
}

size_t spans_find(const struct spans *spans, uint64_t address)
{
	size_t low = 0, high = spans->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spans->spans[middle].start < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
