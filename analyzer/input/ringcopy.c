/* SPDX-License-Identifier: MIT */
#include "ringcopy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "complaint.h"
#include "mft_ring.h"
#include "reader.h"
#include "running.h"

#define PIECE_BYTES (1u << 20)
#define HOLD_NS 500000000u /* at once; a reader that dies does no harm for longer */
#define ATTEMPTS 50u
#define PAUSE_NS 1000000

/* Where something of the root lies in the file. */
#define ROOT_OFFSET(header, member)                                                        \
	((header)->header_bytes + MFT_RING_CONTENTS +                                      \
	 offsetof(struct mft_ring_root, member))

struct ringcopy {
	struct reader *reader;
	int writable; /* the dump again, to ask for a pause by; -1: not permitted */
	int fd;	      /* of the copy */
	uint64_t held_until_ns;
	uint8_t *piece;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Asks for no step to begin for a while; again before that is over. */
static void hold(struct ringcopy *copy)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (copy->writable < 0 || now_ns + HOLD_NS / 2 < copy->held_until_ns)
		return;
	copy->held_until_ns = now_ns + HOLD_NS;
	/* Where that fails nothing is lost but a chance. */
	(void)!pwrite(copy->writable, &copy->held_until_ns, sizeof(copy->held_until_ns),
		      (off_t)ROOT_OFFSET(&copy->reader->header, hold_until_ns));
}

static void let_go(struct ringcopy *copy)
{
	const uint64_t none = 0;

	if (copy->writable >= 0)
		(void)!pwrite(copy->writable, &none, sizeof(none),
			      (off_t)ROOT_OFFSET(&copy->reader->header, hold_until_ns));
}

/* Returns how many bytes there were, or a negative errno. */
static int64_t copy_piece(struct ringcopy *copy, uint64_t offset, size_t bytes)
{
	int64_t n = reader_pread(copy->reader, copy->piece, bytes, offset);

	for (int64_t done = 0; done < n;) {
		ssize_t written = pwrite(copy->fd, copy->piece + done, (size_t)(n - done),
					 (off_t)offset + done);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		done += written;
	}
	return n;
}

static int copy_range(struct ringcopy *copy, uint64_t from, uint64_t end)
{
	while (from < end) {
		size_t bytes =
			end - from < PIECE_BYTES ? (size_t)(end - from) : PIECE_BYTES;
		int64_t n;

		hold(copy);
		n = copy_piece(copy, from, bytes);
		if (n <= 0)
			return (int)n;
		from += (uint64_t)n;
	}
	return 0;
}

/* All of the file but its holes. */
static int copy_file(struct ringcopy *copy)
{
	struct stat status;
	uint64_t at = 0, end;
	off_t data, hole;
	int r = 0;

	if (fstat(copy->reader->fd, &status) < 0 || ftruncate(copy->fd, 0) < 0 ||
	    ftruncate(copy->fd, status.st_size) < 0)
		return -errno;
	end = (uint64_t)status.st_size;
	while (r == 0 && at < end) {
		data = lseek(copy->reader->fd, (off_t)at, SEEK_DATA);
		if (data < 0)
			break;
		hole = lseek(copy->reader->fd, data, SEEK_HOLE);
		at = hole < 0 || (uint64_t)hole > end ? end : (uint64_t)hole;
		r = copy_range(copy, (uint64_t)data, at);
	}
	copy->reader->file_bytes = end;
	return r;
}

/* The journal comes after all that it is about: how much of it counts first. */
static int copy_journal(struct ringcopy *copy)
{
	const struct mft_header *header = &copy->reader->header;
	const uint64_t begin = (uint64_t)header->header_bytes + header->chunk_bytes;
	uint32_t chunks = 0;
	uint64_t end;
	int64_t n = copy_piece(copy, ROOT_OFFSET(header, journal_bytes), sizeof(uint64_t));

	if (n >= 0)
		n = reader_pread(copy->reader, &chunks, sizeof(chunks),
				 ROOT_OFFSET(header, journal_chunks));
	if (n < 0)
		return (int)n;
	end = begin + (uint64_t)chunks * header->chunk_bytes;
	if (end > copy->reader->file_bytes)
		return 0; /* for ring_load to complain of */
	return copy_range(copy, begin, end);
}

/* The end of what is certain to be there: what happens in this tick of the system's clock
 * may come too late for the copy. */
static uint64_t clock_before_now(const struct mft_header *header)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC_COARSE), start_ns;

	start_ns = header->start_monotonic_ns + header->clock_unit_ns;
	return now_ns > start_ns ? (now_ns - start_ns) / header->clock_unit_ns : 0;
}

/* Returns 1, 0 where a step has begun or ended meanwhile, or a negative errno. */
static int try_once(struct ringcopy *copy)
{
	const struct mft_header *header = &copy->reader->header;
	uint64_t before = 0, after = 0;
	int64_t n;
	int r;

	hold(copy);
	n = reader_pread(copy->reader, &before, sizeof(before),
			 ROOT_OFFSET(header, sequence));
	if (n < 0)
		return (int)n;
	copy->reader->last_clock = clock_before_now(header);
	r = copy_file(copy);
	if (r == 0)
		r = copy_journal(copy);
	if (r < 0)
		return r;
	n = reader_pread(copy->reader, &after, sizeof(after),
			 ROOT_OFFSET(header, sequence));
	return n < 0 ? (int)n : before == after;
}

static bool has_root(const struct reader *reader)
{
	struct mft_chunk chunk = {.magic = 0};

	return reader_pread(reader, &chunk, sizeof(chunk), reader->header.header_bytes) ==
		       (int64_t)sizeof(chunk) &&
	       chunk.magic == MFT_CHUNK_MAGIC && chunk.kind == MFT_RING_ROOT;
}

/* What the header says of the process now; the rest of it never changes. */
static int look_again(struct reader *reader)
{
	const size_t from = offsetof(struct mft_header, chunks);
	struct mft_header now;
	int64_t n = reader_pread(reader, &now, sizeof(now), 0);

	if (n < (int64_t)sizeof(now))
		return n < 0 ? (int)n : -EIO;
	memcpy((uint8_t *)&reader->header + from, (uint8_t *)&now + from,
	       sizeof(now) - from);
	return 0;
}

/* Where the process has ended meanwhile its dump is as good as any. Returns 1: there is a
 * copy; 0: none is needed; or a negative errno. */
static int take(struct ringcopy *copy)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct reader *reader = copy->reader;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < ATTEMPTS; i++) {
		r = look_again(reader);
		if (r == 0)
			r = try_once(copy);
		if (r == 0)
			nanosleep(&pause, NULL);
	}
	if (r < 0)
		return r;
	if (!running_now(&reader->header))
		return look_again(reader);
	return r > 0 ? 1 : -EBUSY;
}

/* The file that the reader has open, whatever its name is by now. */
static int open_to_write(const struct reader *reader)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", reader->fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

int ringcopy_take(struct reader *reader, struct complaint *complaint)
{
	struct ringcopy copy = {.reader = reader, .writable = -1, .fd = -1};
	const uint64_t last_clock = reader->last_clock;
	int r = -ENOMEM;

	if (reader->header.mode != MFT_MODE_RING || !running_now(&reader->header) ||
	    !has_root(reader))
		return 0;
	copy.piece = malloc(PIECE_BYTES);
	if (!copy.piece)
		goto out;
	copy.fd = memfd_create("mftrace dump", MFD_CLOEXEC);
	if (copy.fd < 0) {
		r = -errno;
		goto out;
	}
	copy.writable = open_to_write(reader);
	r = take(&copy);
	let_go(&copy);
	if (r > 0) {
		close(reader->fd);
		reader->fd = copy.fd;
		copy.fd = -1;
		r = 0;
	} else {
		reader->last_clock = last_clock;
	}
out:
	if (r == -EBUSY)
		complaint_set(
			complaint,
			"cannot be read while its process runs: it records faster "
			"than the dump can be copied; stop it for a moment (SIGSTOP)");
	else if (r < 0)
		complaint_set(complaint, "cannot be copied: %s", strerror(-r));
	if (copy.writable >= 0)
		close(copy.writable);
	if (copy.fd >= 0)
		close(copy.fd);
	free(copy.piece);
	return r;
}
