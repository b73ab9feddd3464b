/* SPDX-License-Identifier: MIT */
#include "traced.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "complaint.h"
#include "dumpset.h"
#include "mft_codec.h"
#include "procmaps.h"
#include "reader.h"
#include "snap.h"

struct traced_end {
	uint32_t stream, seq;
	uint32_t header; /* bytes before the first record */
	uint32_t bytes;	 /* that were read, header included */
	uint64_t base_clock;
	uint8_t *chunk;
};

/* ---- The dump --------------------------------------------------------------------- */

/* Field 22 of /proc/PID/stat; the program's name before it may hold anything. */
static uint64_t start_ticks(int pid)
{
	char path[64], line[1024];
	unsigned long long ticks = 0;
	FILE *file;
	char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	p = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (!p || sscanf(p + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
			 "%*d %*d %*d %*d %llu",
			 &ticks) != 1)
		ticks = 0;
	fclose(file);
	return ticks;
}

/* Opens the way to a file that the process has mapped: its path here, or seen from the
 * process's own root. Returns true and sets traced->path where it is a dump of the
 * process's. */
static bool take_file(struct traced *traced, const struct image_raw *raw, uint64_t inode,
		      uint64_t ticks)
{
	struct stat status;
	char root[64] = "", *path;

	for (size_t i = 0; i < 2; i++) {
		if (i == 1)
			snprintf(root, sizeof(root), "/proc/%d/root", traced->pid);
		if (asprintf(&path, "%s%s", root, raw->path) < 0)
			return false;
		if (stat(path, &status) == 0 && status.st_ino == inode &&
		    dumpset_header(path, &traced->header) &&
		    traced->header.start_ticks == ticks) {
			traced->path = path;
			traced->inode = inode;
			return true;
		}
		free(path);
	}
	return false;
}

int traced_find(struct traced *traced, int pid, struct complaint *complaint)
{
	const uint64_t ticks = start_ticks(pid);
	struct procmaps maps;
	int r;

	memset(traced, 0, sizeof(*traced));
	traced->pid = pid;
	r = procmaps_read(&maps, pid, 0);
	if (r < 0) {
		complaint_set(complaint, "cannot look at it: %s",
			      r == -ESRCH ? "no such process" : strerror(-r));
		return r;
	}
	for (size_t i = 0; i < maps.count && !traced->path; i++) {
		const struct image_raw *raw = &maps.items[i];

		if (raw->shared && raw->from_file && raw->path[0] == '/' &&
		    (i == 0 || maps.inodes[i - 1] != maps.inodes[i]))
			(void)take_file(traced, raw, maps.inodes[i], ticks);
	}
	procmaps_done(&maps);
	if (!traced->path) {
		complaint_set(complaint, "it is not being recorded: it writes no dump that "
					 "could be found");
		return -ENODATA;
	}
	if (traced->header.pointer_bytes != 8) {
		complaint_set(complaint, "a 32-bit process, which cannot be looked at");
		traced_done(traced);
		return -ENOTSUP;
	}
	return 0;
}

void traced_done(struct traced *traced)
{
	free(traced->path);
	memset(traced, 0, sizeof(*traced));
}

/* ---- How far it has come ---------------------------------------------------------- */

void traced_ends_done(struct traced_ends *ends)
{
	for (size_t i = 0; i < ends->count; i++)
		free(ends->items[i].chunk);
	free(ends->items);
	memset(ends, 0, sizeof(*ends));
}

static int note_end(const struct reader *reader, const struct reader_stream *stream,
		    struct traced_end *end)
{
	const struct reader_chunk *chunk =
		&reader->chunks[stream->first + stream->count - 1];
	int64_t got;

	*end = (struct traced_end){
		.stream = stream->number,
		.seq = chunk->seq,
		.header = chunk->header,
		.base_clock = chunk->base_clock,
		.chunk = malloc(chunk->bytes),
	};
	if (!end->chunk)
		return -ENOMEM;
	got = reader_pread(reader, end->chunk, chunk->bytes, chunk->offset);
	if (got < 0)
		return (int)got;
	end->bytes = (uint32_t)got;
	return 0;
}

int traced_note_ends(const struct traced *traced, bool stopped, struct traced_ends *ends,
		     struct complaint *complaint)
{
	struct timespec now;
	struct reader *reader;
	int r = stopped ? reader_open_still(traced->path, &reader, complaint)
			: reader_open(traced->path, &reader, complaint);

	memset(ends, 0, sizeof(*ends));
	if (r < 0)
		return r;
	ends->items = calloc(reader->streams_count + 1, sizeof(*ends->items));
	if (!ends->items)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < reader->streams_count; i++) {
		r = note_end(reader, &reader->streams[i], &ends->items[i]);
		ends->count++;
	}
	reader_close(reader);
	clock_gettime(CLOCK_MONOTONIC, &now);
	ends->clock_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (r < 0) {
		complaint_set(complaint, "dump cannot be read: %s", strerror(-r));
		traced_ends_done(ends);
	}
	return r;
}

/* Finds the end of what is committed in a chunk. */
static struct mft_snap_cut find_cut(const struct traced_end *end)
{
	struct mft_snap_cut cut = {.stream = end->stream, .seq = end->seq};
	struct mft_decoder decoder;
	struct mft_record record;

	if (end->bytes < end->header)
		return cut;
	mft_decoder_init(&decoder, end->chunk + end->header, end->chunk + end->bytes,
			 end->base_clock);
	while (mft_decode(&decoder, &record) > 0)
		;
	cut.bytes = (uint32_t)(decoder.pos - end->chunk);
	return cut;
}

int traced_cut(const struct traced *traced, const struct traced_ends *ends,
	       struct snap *snap)
{
	const struct mft_header *dump = &traced->header;
	struct mft_snap_header *header = &snap->header;

	snap->cuts = calloc(ends->count + 1, sizeof(*snap->cuts));
	if (!snap->cuts)
		return -ENOMEM;
	for (size_t i = 0; i < ends->count; i++)
		snap->cuts[i] = find_cut(&ends->items[i]);
	memset(header, 0, sizeof(*header));
	memcpy(header->magic, MFT_SNAP_MAGIC, MFT_MAGIC_BYTES);
	header->version_major = MFT_VERSION_MAJOR;
	header->version_minor = MFT_VERSION_MINOR;
	header->header_bytes = sizeof(*header);
	memcpy(header->dump_id, dump->dump_id, sizeof(header->dump_id));
	header->start_ticks = dump->start_ticks;
	header->pid = dump->pid;
	header->cuts = (uint32_t)ends->count;
	if (ends->clock_ns > dump->start_monotonic_ns)
		header->clock =
			(ends->clock_ns - dump->start_monotonic_ns) / dump->clock_unit_ns;
	return 0;
}
