/* SPDX-License-Identifier: MIT */
/*
 * fuzz_dump.c - libFuzzer target: any bytes as a dump, replayed and listed.
 *
 * The replay must end, without a crash and without a leak, in an error with a sentence or
 * in a profile whose indexes and sums hold.
 *
 * The input's header is completed (magic, version, sizes) unless its first byte says to
 * take it as it is, so that most inputs get past the first checks. With chunks of 1 KiB and
 * streams of few bytes an input of some kilobytes has everything that a dump can have.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "complaint.h"
#include "listing.h"
#include "mft_format.h"
#include "profile.h"
#include "reader.h"
#include "replay.h"

#define CHUNK_BYTES 1024u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fd = -1;
static char path[32];

static void expect(int condition)
{
	if (!condition)
		abort();
}

static void put(const void *bytes, size_t count, off_t offset)
{
	expect(pwrite(fd, bytes, count, offset) == (ssize_t)count);
}

/* A valid header, then the input cut into chunks, the chunk header's magic completed. */
static void write_dump(const uint8_t *data, size_t size)
{
	static struct mft_header header;
	uint32_t magic = MFT_CHUNK_MAGIC;
	uint16_t kind_and_header[2] = {MFT_CHUNK_EVENTS, sizeof(struct mft_chunk)};

	memcpy(header.magic, MFT_MAGIC, MFT_MAGIC_BYTES);
	header.version_major = MFT_VERSION_MAJOR;
	header.header_bytes = MFT_HEADER_BYTES;
	header.chunk_bytes = CHUNK_BYTES;
	header.page_bytes = 4096;
	header.clock_unit_ns = MFT_CLOCK_UNIT_NS;
	put(&header, sizeof(header), 0);
	if (size)
		put(data, size, MFT_HEADER_BYTES);
	for (size_t at = 0; at + sizeof(struct mft_chunk) < size; at += CHUNK_BYTES) {
		/* Some stay as they are: a chunk that is none. */
		if (data[at] == 0xee)
			continue;
		put(&magic, sizeof(magic), (off_t)(MFT_HEADER_BYTES + at));
		put(kind_and_header, sizeof(kind_and_header),
		    (off_t)(MFT_HEADER_BYTES + at + sizeof(magic)));
	}
}

static void check_profile(const struct profile *p)
{
	uint64_t live_blocks = 0, live_bytes = 0, peak_bytes = 0, allocations = 0;

	for (size_t i = 0; i < p->frames_count; i++) {
		const struct profile_frame *frame = &p->frames[i];

		expect(i < MFT_NODE_FIRST || frame->parent < i);
		expect(frame->module == PROFILE_NO_MODULE ||
		       frame->module < p->modules_count);
	}
	for (size_t i = 0; i < p->sites_count; i++) {
		expect(p->sites[i].frame < p->frames_count);
		live_blocks += p->sites[i].live_blocks;
		live_bytes += p->sites[i].live_bytes;
		peak_bytes += p->sites[i].peak_bytes;
		allocations += p->sites[i].allocations;
	}
	expect(live_blocks == p->live_blocks && live_bytes == p->live_bytes);
	expect(allocations == p->allocations && peak_bytes == p->peak_bytes);
	expect(p->allocations - p->frees == p->live_blocks);
	expect(p->worst_snapshot == SIZE_MAX || p->worst_snapshot < p->snapshots_count);
	for (size_t i = 0; i < p->snapshots_count; i++)
		expect(p->snapshots[i].free_bytes <= p->snapshots[i].resident_bytes &&
		       p->snapshots[i].pinned_bytes <= p->snapshots[i].free_bytes);
	expect(p->exe && p->cwd && p->argv && p->allocator && p->notices);
}

static void list(void)
{
	const struct listing_options options = {.whole_stacks = true, .limit = 2000};
	struct complaint complaint;
	struct reader *reader;
	FILE *out;

	if (reader_open(path, &reader, &complaint) < 0)
		return;
	out = fopen("/dev/null", "w");
	expect(out != NULL);
	expect(listing_write(reader, &options, out) <= 0);
	fclose(out);
	reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct complaint complaint = {""};
	struct profile *profile = NULL;
	int r;

	if (fd < 0) {
		fd = memfd_create("dump", MFD_CLOEXEC);
		expect(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	expect(ftruncate(fd, 0) == 0);
	if (size > 0 && data[0] == MFT_MAGIC[0])
		put(data, size, 0);
	else
		write_dump(data, size);
	r = replay_dump(path, NULL, NULL, &profile, &complaint);
	if (r == 0)
		check_profile(profile);
	else
		expect(r < 0 && complaint.text[0] != '\0');
	profile_free(profile);
	list();
	return 0;
}
