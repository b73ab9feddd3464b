/* SPDX-License-Identifier: MIT */
#include "areas.h"

#include <errno.h>
#include <string.h>

#include "early.h"
#include "maps.h"
#include "memory.h"
#include "modules.h"
#include "peek.h"
#include "process.h"
#include "text.h"

/* As many mappings as Linux lets a process have by default, and more. */
#define AREAS_MOST (128u * 1024)

/* glibc, arena.c: heaps of arenas begin at multiples of this and are not larger. */
#define ARENA_BYTES ((uintptr_t)64 << 20)

/* A line's path may be four times as long as a path: characters are escaped. */
static char lines[20 * 1024];

static void append(struct areas *areas, const struct area *area)
{
	if (area->start >= area->end)
		return;
	if (areas->count < AREAS_MOST)
		areas->items[areas->count++] = *area;
	else
		areas->complete = false;
}

static bool begins(const struct maps_line *line, const char *prefix)
{
	size_t length = strlen(prefix);

	return line->path_length >= length && memcmp(line->path, prefix, length) == 0;
}

static bool is_dump(const struct maps_line *line)
{
	return line->shared && line->inode == process.dump.inode &&
	       text_equal(line->path, line->path_length, process.dump.path);
}

/* Memory that is not to be touched: what a device shows there may change by being read. */
static bool is_device(const struct maps_line *line)
{
	return line->inode && begins(line, "/dev/") && !begins(line, "/dev/shm/") &&
	       !begins(line, "/dev/zero");
}

/* What a mapping is where no module is. */
static enum area_kind tell_kind(const struct maps_line *line)
{
	if (line->inode || line->shared)
		return AREA_OTHER;
	if (text_equal(line->path, line->path_length, "[heap]"))
		return AREA_BRK;
	if (text_equal(line->path, line->path_length, "[stack]"))
		return AREA_MAIN_STACK;
	return AREA_ANON;
}

static bool is_of_kernel(const struct maps_line *line)
{
	return line->path_length && line->path[0] == '[' && !begins(line, "[heap]") &&
	       !begins(line, "[stack]") && !begins(line, "[anon");
}

/* Whether a heap of one of glibc's arenas begins here (arena.c, heap_info: the arena, which
 * lies behind the heap_info of its first heap; the previous heap; the size; how much of it
 * may be used). */
static bool is_arena(struct peek *peek, uintptr_t start)
{
	uintptr_t info[4], arena;

	if (!peek_words(peek, start, info, 4))
		return false;
	arena = info[0] - (info[1] ? info[0] & ~(ARENA_BYTES - 1) : start);
	return arena >= sizeof(info) && arena <= 64 && info[1] % ARENA_BYTES == 0 &&
	       info[2] >= 4096 && info[2] <= info[3] && info[3] <= ARENA_BYTES &&
	       (info[2] | info[3]) % 4096 == 0;
}

/* Appends an anonymous area, the heaps of arenas in it apart. */
static void part_arenas(struct areas *areas, const struct area *whole, struct peek *peek)
{
	struct area rest = *whole;
	uintptr_t heap = (whole->start + ARENA_BYTES - 1) & ~(ARENA_BYTES - 1);

	for (; heap < whole->end; heap += ARENA_BYTES) {
		struct area piece = rest;

		if (!is_arena(peek, heap))
			continue;
		piece.end = heap;
		append(areas, &piece);
		piece = rest;
		piece.start = heap;
		piece.kind = AREA_ARENA;
		if (piece.end - heap > ARENA_BYTES)
			piece.end = heap + ARENA_BYTES;
		append(areas, &piece);
		rest.start = piece.end;
		rest.guarded = false;
	}
	append(areas, &rest);
}

/* Appends the parts of a mapping that may be read: it may have become one with the .bss of
 * a module before it. */
static void add_parts(struct areas *areas, const struct maps_line *line, bool guarded,
		      size_t page_bytes, struct peek *peek)
{
	uintptr_t start = line->start;

	while (start < line->end) {
		struct area area = {.start = start, .guarded = guarded};
		uintptr_t end;

		area.module = modules_recall(start, &end);
		if (end < UINTPTR_MAX - page_bytes)
			end = (end + page_bytes - 1) & ~(page_bytes - 1);
		area.end = end < line->end ? end : line->end;
		if (modules_is_own(start) || line->executable)
			area.kind = AREA_CODE;
		else if (!line->writable)
			area.kind = AREA_CONST;
		else if (area.module != MFT_MODULE_NONE)
			area.kind = AREA_MODULE;
		else
			area.kind = tell_kind(line);
		start = area.end;
		guarded = false;
		if (area.kind == AREA_ANON)
			part_arenas(areas, &area, peek);
		else if (area_is_scanned(&area) || area.module != MFT_MODULE_NONE ||
			 modules_is_own(area.start))
			append(areas, &area);
	}
}

/* The blocks that were served while the real allocator was looked up. */
static void add_early(struct areas *areas)
{
	const uintptr_t start = (uintptr_t)early_arena;
	struct area *own = areas_find(areas, start);
	struct area before, early, after;

	if (!own)
		return;
	before = early = after = *own;
	before.end = early.start = start;
	early.end = after.start = start + EARLY_BYTES;
	early.kind = AREA_OTHER;
	early.module = MFT_MODULE_NONE;
	if (areas->count + 2 > AREAS_MOST || early.end > own->end)
		return;
	memmove(own + 3, own + 1,
		(size_t)(areas->items + areas->count - own - 1) * sizeof(*own));
	own[0] = before;
	own[1] = early;
	own[2] = after;
	areas->count += 2;
}

int areas_read(struct areas *areas, struct peek *peek, size_t page_bytes)
{
	struct maps_line line;
	uintptr_t unreadable = 0;
	struct maps maps;
	int r;

	*areas = (struct areas){.complete = true};
	areas->items = memory_map(AREAS_MOST * sizeof(*areas->items));
	if (!areas->items)
		return -ENOMEM;
	r = maps_open(&maps, lines, sizeof(lines));
	if (r < 0) {
		areas_done(areas);
		return r;
	}
	while ((r = maps_next(&maps, &line)) > 0) {
		if (!line.readable)
			unreadable = line.end;
		else if (!is_dump(&line) && !is_device(&line) && !is_of_kernel(&line) &&
			 (modules_is_own(line.start) ||
			  !memory_is_own(line.start, line.end)))
			add_parts(areas, &line, unreadable == line.start, page_bytes, peek);
	}
	maps_close(&maps);
	if (r < 0)
		areas->complete = false;
	add_early(areas);
	return 0;
}

void areas_done(struct areas *areas)
{
	if (areas->items)
		memory_unmap(areas->items, AREAS_MOST * sizeof(*areas->items));
	areas->items = NULL;
	areas->count = 0;
}

struct area *areas_find(const struct areas *areas, uintptr_t address)
{
	size_t low = 0, high = areas->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (areas->items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == areas->count || areas->items[low].start > address)
		return NULL;
	return &areas->items[low];
}
