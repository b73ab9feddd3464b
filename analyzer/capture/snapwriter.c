/* SPDX-License-Identifier: MIT */
#include "snapwriter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mft_scan.h"
#include "pointers.h"
#include "procmaps.h"
#include "snap.h"

#define RECORD_BYTES (32u * 1024)
#define PAYLOAD_BYTES 32000u

int snapwriter_init(struct snapwriter *writer)
{
	memset(writer, 0, sizeof(*writer));
	writer->record = calloc(1, RECORD_BYTES + MFT_ENCODE_SLACK);
	if (!writer->record)
		return -ENOMEM;
	mft_encoder_init(&writer->encoder, writer->record, writer->record + RECORD_BYTES,
			 0);
	return 0;
}

void snapwriter_done(struct snapwriter *writer)
{
	free(writer->bytes);
	free(writer->record);
	memset(writer, 0, sizeof(*writer));
}

/* Takes over what was encoded; r is what the encoder said. */
static int flush(struct snapwriter *writer, int r)
{
	size_t bytes = (size_t)(writer->encoder.pos - writer->record);

	if (r < 0)
		return r;
	if (writer->room - writer->used < bytes) {
		size_t room = 2 * writer->room + RECORD_BYTES;
		uint8_t *moved = realloc(writer->bytes, room);

		if (!moved)
			return -ENOMEM;
		writer->bytes = moved;
		writer->room = room;
	}
	memcpy(writer->bytes + writer->used, writer->record, bytes);
	writer->used += bytes;
	memset(writer->record, 0, RECORD_BYTES + MFT_ENCODE_SLACK);
	writer->encoder.pos = writer->record;
	return 0;
}

static int put_empty(struct snapwriter *writer, uint8_t op)
{
	struct mft_long record;

	mft_long_begin(&writer->encoder, &record, 0);
	return flush(writer, mft_long_end(&writer->encoder, &record, op));
}

/* ---- Pages ------------------------------------------------------------------------ */

#define PAGE_PRESENT (1ull << 63)
#define PAGE_OF_FILE (1ull << 61)
/* Read-only mappings of files are looked at up to this size. */
#define RELRO_BYTES_MOST (4u << 20)
#define RUNS_BYTES 16384u

/* As the recorder's own snapshots have it; 0: holds no memory of the process's own. */
static uint32_t tell_map_kind(const struct image_raw *raw)
{
	if (raw->shared)
		return raw->own ? MFT_MAP_OWN_FILE : 0;
	if (!raw->readable && !raw->writable)
		return 0;
	if (raw->from_file)
		return raw->writable || (!raw->executable &&
					 raw->end - raw->start <= RELRO_BYTES_MOST)
			       ? MFT_MAP_FILE
			       : 0;
	if (strcmp(raw->path, "[heap]") == 0)
		return MFT_MAP_BRK;
	if (strcmp(raw->path, "[stack]") == 0)
		return MFT_MAP_STACK;
	if (raw->path[0] == '[' && strncmp(raw->path, "[anon", 5) != 0)
		return 0;
	return raw->own ? MFT_MAP_OWN : MFT_MAP_ANON;
}

static bool is_resident(uint64_t entry, uint32_t kind)
{
	return (entry & PAGE_PRESENT) && !(kind == MFT_MAP_FILE && (entry & PAGE_OF_FILE));
}

/* One mapping's pages, or as many as a record holds. Returns the address behind them, 0:
 * the system says nothing, or a negative errno in *ret_error. */
static uint64_t put_part(struct snapwriter *writer, int pagemap, uint32_t page_bytes,
			 const struct image_raw *raw, uint64_t start, int *ret_error)
{
	uint8_t *space = malloc(RUNS_BYTES + 64), *p = space;
	struct mft_snapshot_map map = {.kind = tell_map_kind(raw), .start = start};
	uint64_t entries[512], absent = 0, present = 0, at = start;
	bool any = true;

	while (space && any && at < raw->end && p < space + RUNS_BYTES) {
		size_t pages = (size_t)((raw->end - at) / page_bytes);
		ssize_t got;

		pages = pages < 512 ? pages : 512;
		got = pread(pagemap, entries, pages * 8, (off_t)(at / page_bytes * 8));
		any = got >= 8;
		for (ssize_t i = 0; i < got / 8; i++, at += page_bytes) {
			if (is_resident(entries[i], map.kind)) {
				present++;
				map.resident_bytes += page_bytes;
				continue;
			}
			if (present) {
				p = mft_put_varint(mft_put_varint(p, absent), present);
				absent = present = 0;
			}
			absent++;
		}
	}
	if (present)
		p = mft_put_varint(mft_put_varint(p, absent), present);
	map.length = at - start;
	if (space && map.kind != MFT_MAP_FILE && map.kind != MFT_MAP_OWN_FILE)
		map.runs = (struct mft_bytes){space, (size_t)(p - space)};
	*ret_error = space ? 0 : -ENOMEM;
	if (space && map.length > 0)
		*ret_error = flush(writer, mft_put_snapshot_map(&writer->encoder, &map));
	free(space);
	return any ? at : 0;
}

int snapwriter_put_pages(struct snapwriter *writer, int pid, uint32_t page_bytes,
			 const struct procmaps *maps)
{
	const struct mft_snapshot snapshot = {.reason = MFT_SNAPSHOT_REQUEST,
					      .rss_bytes = maps->rss_bytes,
					      .file_bytes = maps->file_bytes};
	char path[64];
	int pagemap, r;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		return -errno;
	r = flush(writer, mft_put_snapshot(&writer->encoder, &snapshot));
	for (size_t i = 0; r == 0 && i < maps->count; i++) {
		const struct image_raw *raw = &maps->items[i];
		uint64_t at = tell_map_kind(raw) ? raw->start : 0;

		while (r == 0 && at && at < raw->end)
			at = put_part(writer, pagemap, page_bytes, raw, at, &r);
	}
	close(pagemap);
	return r < 0 ? r : put_empty(writer, MFT_OP_SNAPSHOT_END);
}

/* ---- The scan --------------------------------------------------------------------- */

static int put_roots(struct snapwriter *writer, const struct pointers *pointers)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < pointers->roots_count; i++) {
		const struct pointers_root *root = &pointers->roots[i];
		const struct mft_scan_root record = {
			.kind = root->kind,
			.start = root->start,
			.length = root->end - root->start,
			.tid = root->tid == POINTERS_NONE ? 0 : root->tid,
		};

		r = flush(writer, mft_put_scan_root(&writer->encoder, &record));
	}
	return r;
}

/* Words of which each has a higher address than the one before; another record begins
 * where that is not so. */
static int put_words(struct snapwriter *writer, const struct pointers_word *words,
		     size_t count, uint8_t op)
{
	size_t i = 0;
	int r = 0;

	while (r == 0 && i < count) {
		struct mft_scan_word last = {0};
		struct mft_long record;

		mft_long_begin(&writer->encoder, &record, PAYLOAD_BYTES);
		do {
			mft_long_scan_word(&record, &last, words[i].address,
					   words[i].value);
			i++;
		} while (i < count && words[i].address > words[i - 1].address &&
			 (size_t)(record.limit - record.pos) >=
				 2 * MFT_SCAN_WORD_BYTES_MAX);
		r = flush(writer, mft_long_end(&writer->encoder, &record, op));
	}
	return r;
}

static int by_address(const void *a, const void *b)
{
	const struct pointers_word *left = a, *right = b;

	return (left->address > right->address) - (left->address < right->address);
}

int snapwriter_put_scan(struct snapwriter *writer, const struct pointers *pointers)
{
	const struct mft_scan scan = {.reason = MFT_SNAPSHOT_REQUEST};
	const struct mft_scan_end end = {
		.flags = pointers->flags,
		.threads = pointers->threads,
		.threads_running = pointers->threads_running,
		.absent_pages = pointers->absent_pages,
		.words_lost = pointers->words_lost,
		.duration_ns = pointers->duration_ns,
	};
	int r = flush(writer, mft_put_scan(&writer->encoder, &scan));

	if (r == 0)
		r = put_roots(writer, pointers);
	if (r == 0)
		r = put_words(writer, pointers->words, pointers->words_count,
			      MFT_OP_SCAN_WORDS);
	if (pointers->contents_unsorted && pointers->contents_count)
		qsort(pointers->contents, pointers->contents_count,
		      sizeof(pointers->contents[0]), by_address);
	if (r == 0)
		r = put_words(writer, pointers->contents, pointers->contents_count,
			      MFT_OP_SCAN_CONTENTS);
	if (r == 0)
		r = flush(writer, mft_put_scan_end(&writer->encoder, &end));
	return r;
}

/* ---- The file --------------------------------------------------------------------- */

void snapwriter_finish(struct snapwriter *writer, struct snap *snap)
{
	snap->records = writer->bytes;
	snap->header.records_bytes = writer->used;
	writer->bytes = NULL;
	writer->used = writer->room = 0;
}

static int write_all(int fd, const void *data, size_t bytes)
{
	const char *p = data;

	while (bytes > 0) {
		ssize_t put = write(fd, p, bytes);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		p += put;
		bytes -= (size_t)put;
	}
	return 0;
}

int snapwriter_save(const struct snap *snap, const char *path)
{
	char *other = NULL;
	int fd = -1, r = 0;

	if (asprintf(&other, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkstemp(other);
	if (fd < 0) {
		r = -errno;
		free(other);
		return r;
	}
	r = write_all(fd, &snap->header, sizeof(snap->header));
	if (r == 0)
		r = write_all(fd, snap->cuts, snap->header.cuts * sizeof(*snap->cuts));
	if (r == 0)
		r = write_all(fd, snap->records, snap->header.records_bytes);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(other, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(other);
	free(other);
	return r;
}
