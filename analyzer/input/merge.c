/* SPDX-License-Identifier: MIT */
#include "merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool before(const struct merge *merge, uint32_t a, uint32_t b)
{
	uint64_t x = merge->streams[a].key, y = merge->streams[b].key;

	return x != y ? x < y : a < b;
}

static void push(struct merge *merge, uint32_t stream)
{
	size_t i = merge->heap_count++;

	while (i > 0 && before(merge, stream, merge->heap[(i - 1) / 2])) {
		merge->heap[i] = merge->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	merge->heap[i] = stream;
}

static uint32_t pop(struct merge *merge)
{
	uint32_t first = merge->heap[0], last = merge->heap[--merge->heap_count];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < merge->heap_count) {
		if (child + 1 < merge->heap_count &&
		    before(merge, merge->heap[child + 1], merge->heap[child]))
			child++;
		if (!before(merge, merge->heap[child], last))
			break;
		merge->heap[i] = merge->heap[child];
		i = child;
	}
	merge->heap[i] = last;
	return first;
}

int merge_init(struct merge *merge, struct reader *reader)
{
	memset(merge, 0, sizeof(*merge));
	if (reader->streams_count == 0)
		return 0;
	merge->streams = calloc(reader->streams_count, sizeof(*merge->streams));
	merge->heap = calloc(reader->streams_count, sizeof(*merge->heap));
	if (!merge->streams || !merge->heap) {
		merge_done(merge);
		return -ENOMEM;
	}
	for (size_t i = 0; i < reader->streams_count; i++) {
		struct merge_stream *stream = &merge->streams[i];

		cursor_init(&stream->cursor, reader, &reader->streams[i]);
		stream->key = cursor_first_clock(&stream->cursor);
		merge->count++;
		push(merge, (uint32_t)i);
	}
	return 0;
}

void merge_done(struct merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		cursor_done(&merge->streams[i].cursor);
	free(merge->streams);
	free(merge->heap);
	memset(merge, 0, sizeof(*merge));
}

int merge_turn(struct merge *merge, int r, struct merge_stream **ret_stream)
{
	struct merge_stream *stream = merge->current;

	merge->current = NULL;
	if (r < 0)
		return r;
	if (r > 0) {
		stream->key = stream->record->clock;
		push(merge, (uint32_t)(stream - merge->streams));
	}
	while (merge->heap_count > 0) {
		stream = &merge->streams[pop(merge)];
		merge->limit =
			merge->heap_count ? merge->streams[merge->heap[0]].key : UINT64_MAX;
		if (!stream->begun) {
			/* Only now, so that threads that began late cost nothing early. */
			stream->begun = true;
			r = cursor_next(&stream->cursor, &stream->record);
			if (r < 0)
				return r;
			if (r == 0)
				continue;
			stream->key = stream->record->clock;
			if (stream->key > merge->limit) {
				push(merge, (uint32_t)(stream - merge->streams));
				continue;
			}
		}
		merge->current = stream;
		*ret_stream = stream;
		return 1;
	}
	return 0;
}
