/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pathname.h"

/* No module has more; what a damaged one says beyond is not read. */
#define SEGMENTS_MOST 64u

/* A writable segment of a module, its .bss included; whole pages. */
struct segment {
	uint64_t start, end;
	bool own; /* the recorder's */
};

struct segments {
	struct segment *items;
	size_t count, room;
};

void image_done(struct image *image)
{
	free(image->mappings);
	free(image->runs);
	free(image->threads);
	memset(image, 0, sizeof(*image));
}

/* Makes room for one more item. Returns 0 or -ENOMEM. */
static int make_room(void **items, size_t count, size_t *room, size_t item_bytes)
{
	size_t larger = *room ? 2 * *room : 64;
	void *moved;

	if (count < *room)
		return 0;
	moved = reallocarray(*items, larger, item_bytes);
	if (!moved)
		return -ENOMEM;
	*items = moved;
	*room = larger;
	return 0;
}

int image_add_run(struct image *image, size_t mapping, uint64_t start, uint64_t end)
{
	struct image_mapping *m = &image->mappings[mapping];
	int r = make_room((void **)&image->runs, image->runs_count, &image->runs_room,
			  sizeof(*image->runs));

	if (r < 0)
		return r;
	if (m->runs == 0)
		m->first_run = image->runs_count;
	image->runs[image->runs_count++] = (struct image_run){start, end};
	m->runs++;
	return 0;
}

int image_add_thread(struct image *image, const struct image_thread *thread)
{
	int r = make_room((void **)&image->threads, image->threads_count,
			  &image->threads_room, sizeof(*image->threads));

	if (r == 0)
		image->threads[image->threads_count++] = *thread;
	return r;
}

const struct image_mapping *image_find(const struct image *image, uint64_t address)
{
	size_t low = 0, high = image->mappings_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (image->mappings[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == image->mappings_count || image->mappings[low].start > address)
		return NULL;
	return &image->mappings[low];
}

/* ---- Modules ---------------------------------------------------------------------- */

static bool is_recorder(const char *path)
{
	return strncmp(pathname_base(path), "libmftrace.so", 13) == 0;
}

static int add_segment(struct segments *segments, const struct segment *segment)
{
	int r = make_room((void **)&segments->items, segments->count, &segments->room,
			  sizeof(*segments->items));

	if (r == 0)
		segments->items[segments->count++] = *segment;
	return r;
}

/* Adds the writable segments of the module whose file begins at raw->start. What is no ELF
 * file, or cannot be read, has none. */
static int find_segments(const struct image *image, const struct image_raw *raw,
			 struct segments *segments)
{
	const uint64_t page = image->page_bytes;
	Elf64_Phdr headers[SEGMENTS_MOST];
	Elf64_Ehdr elf;
	uint64_t bias = raw->start;
	size_t count;
	int r = 0;

	if (image->read(image->context, &elf, sizeof(elf), raw->start) !=
		    (int64_t)sizeof(elf) ||
	    memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf.e_ident[EI_CLASS] != ELFCLASS64 || elf.e_phentsize != sizeof(headers[0]))
		return 0;
	count = elf.e_phnum < SEGMENTS_MOST ? elf.e_phnum : SEGMENTS_MOST;
	if (image->read(image->context, headers, count * sizeof(headers[0]),
			raw->start + elf.e_phoff) != (int64_t)(count * sizeof(headers[0])))
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (headers[i].p_type == PT_LOAD) {
			bias -= headers[i].p_vaddr & ~(page - 1);
			break;
		}
	}
	for (size_t i = 0; r == 0 && i < count; i++) {
		uint64_t start = bias + headers[i].p_vaddr;
		struct segment segment = {.start = start & ~(page - 1),
					  .own = is_recorder(raw->path)};

		if (headers[i].p_type != PT_LOAD || !(headers[i].p_flags & PF_W) ||
		    headers[i].p_memsz > UINT32_MAX)
			continue;
		segment.end = (start + headers[i].p_memsz + page - 1) & ~(page - 1);
		r = add_segment(segments, &segment);
	}
	return r;
}

static int by_start(const void *a, const void *b)
{
	const struct segment *left = a, *right = b;

	return (left->start > right->start) - (left->start < right->start);
}

/* The first segment that ends behind an address, or NULL. */
static const struct segment *next_segment(const struct segments *segments, uint64_t address)
{
	size_t low = 0, high = segments->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (segments->items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < segments->count ? &segments->items[low] : NULL;
}

/* ---- Kinds ------------------------------------------------------------------------ */

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Memory that is not to be touched, or is the kernel's: what a device shows there may
 * change by being read. */
static bool is_closed(const struct image_raw *raw)
{
	if (raw->from_file)
		return begins(raw->path, "/dev/") && !begins(raw->path, "/dev/shm/") &&
		       !begins(raw->path, "/dev/zero");
	return raw->path[0] == '[' && strcmp(raw->path, "[heap]") != 0 &&
	       strcmp(raw->path, "[stack]") != 0 && !begins(raw->path, "[anon");
}

/* What a mapping is where no writable segment of a module is; 0: of no interest. */
static int tell_kind(const struct image_raw *raw)
{
	if (!raw->writable)
		return raw->from_file && !raw->executable && !raw->shared ? IMAGE_CONST : 0;
	if (raw->from_file || raw->shared)
		return IMAGE_OTHER;
	if (strcmp(raw->path, "[heap]") == 0)
		return IMAGE_BRK;
	if (strcmp(raw->path, "[stack]") == 0)
		return IMAGE_MAIN_STACK;
	return IMAGE_ANON;
}

static int append(struct image *image, uint64_t start, uint64_t end, int kind)
{
	int r;

	if (kind == 0 || start >= end)
		return 0;
	r = make_room((void **)&image->mappings, image->mappings_count,
		      &image->mappings_room, sizeof(*image->mappings));
	if (r == 0)
		image->mappings[image->mappings_count++] = (struct image_mapping){
			.start = start, .end = end, .kind = (enum image_kind)kind};
	return r;
}

/* Appends the parts of a mapping: it may have become one with the .bss of a module. */
static int add_parts(struct image *image, const struct image_raw *raw,
		     const struct segments *segments)
{
	uint64_t start = raw->start;
	int r = 0;

	while (r == 0 && start < raw->end) {
		const struct segment *segment = next_segment(segments, start);
		uint64_t end = raw->end;
		int kind = tell_kind(raw);

		if (segment && segment->start <= start) {
			end = segment->end < end ? segment->end : end;
			if (raw->writable)
				kind = segment->own ? 0 : IMAGE_MODULE;
		} else if (segment && segment->start < end) {
			end = segment->start;
		}
		if (raw->own && kind != IMAGE_MODULE)
			kind = 0;
		r = append(image, start, end, kind);
		start = end;
	}
	return r;
}

int image_build(struct image *image, const struct image_raw *raws, size_t count)
{
	struct segments segments = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (raws[i].from_file && raws[i].header && raws[i].readable &&
		    !raws[i].shared && !is_closed(&raws[i]))
			r = find_segments(image, &raws[i], &segments);
	}
	if (segments.count)
		qsort(segments.items, segments.count, sizeof(*segments.items), by_start);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (raws[i].readable && !is_closed(&raws[i]))
			r = add_parts(image, &raws[i], &segments);
	}
	free(segments.items);
	return r;
}
