/* SPDX-License-Identifier: MIT */
#include "dumpheader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complaint.h"
#include "mft_seal.h"
#include "reader.h"

#define HEADER_BYTES_MAX (1u << 20)
#define CHUNK_BYTES_MIN 1024u
#define PAGE_BYTES_MIN 4096u /* no Linux has smaller ones */
#define PAGE_BYTES_MAX (1u << 20)

static int open_file(const char *path, struct reader *reader, struct complaint *complaint)
{
	struct stat st;
	int r;

	/* A FIFO or a device must neither block us nor be drained. */
	reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (reader->fd < 0 || fstat(reader->fd, &st) < 0) {
		r = -errno;
		complaint_set(complaint, "cannot open: %s", strerror(-r));
		return r;
	}
	if (S_ISDIR(st.st_mode)) {
		complaint_set(complaint, "cannot read: %s", strerror(EISDIR));
		return -EISDIR;
	}
	if (!S_ISREG(st.st_mode)) {
		complaint_set(complaint, "cannot read: it is not a regular file");
		return -EINVAL;
	}
	return 0;
}

/* The file's size is taken after the header, so that a dump that is being written has at
 * least the chunks that the header speaks of. */
static int read_header(struct reader *reader, struct complaint *complaint)
{
	struct mft_header *h = &reader->header;
	int64_t n = reader_pread(reader, h, sizeof(*h), 0);
	size_t magic_bytes = MFT_MAGIC_BYTES;
	struct stat st;

	if (n < 0) {
		complaint_set(complaint, "cannot read: %s", strerror((int)-n));
		return (int)n;
	}
	if (n == 0) {
		complaint_set(complaint, "not a dump: the file is empty");
		return -ENODATA;
	}
	if ((size_t)n < magic_bytes)
		magic_bytes = (size_t)n;
	if (memcmp(h->magic, MFT_MAGIC, magic_bytes) != 0) {
		complaint_set(complaint,
			      "not a dump: it does not begin as mftrace dumps do");
		return -EBADMSG;
	}
	if ((size_t)n < sizeof(*h)) {
		complaint_set(complaint,
			      "damaged dump: the file ends within its header, at byte %lld",
			      (long long)n);
		return -ENODATA;
	}
	if (fstat(reader->fd, &st) < 0) {
		n = -errno;
		complaint_set(complaint, "cannot read: %s", strerror((int)-n));
		return (int)n;
	}
	reader->file_bytes = (uint64_t)st.st_size;
	return 0;
}

static bool is_power_of_two(uint32_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

static int check_header(const struct mft_header *h, struct complaint *complaint)
{
	const char *what = NULL;
	uint32_t value = 0;

	if (h->version_major != MFT_VERSION_MAJOR) {
		complaint_set(complaint,
			      "unknown version: the dump is of format %u.%u, this mftrace "
			      "reads format %u",
			      h->version_major, h->version_minor, MFT_VERSION_MAJOR);
		return -EPROTONOSUPPORT;
	}
	if (h->header_bytes < MFT_HEADER_BYTES || h->header_bytes > HEADER_BYTES_MAX) {
		what = "header size";
		value = h->header_bytes;
	} else if (h->chunk_bytes < CHUNK_BYTES_MIN ||
		   h->chunk_bytes > MFT_CHUNK_BYTES_MAX) {
		what = "chunk size";
		value = h->chunk_bytes;
	} else if (!is_power_of_two(h->page_bytes) || h->page_bytes < PAGE_BYTES_MIN ||
		   h->page_bytes > PAGE_BYTES_MAX) {
		what = "page size";
		value = h->page_bytes;
	} else if (h->clock_unit_ns == 0 || h->clock_unit_ns > 1000000000u) {
		what = "clock unit";
		value = h->clock_unit_ns;
	}
	if (what) {
		complaint_set(complaint, "damaged dump: a %s of %u in its header", what,
			      value);
		return -EBADMSG;
	}
	return 0;
}

int dumpheader_open(const char *path, struct reader *reader, struct complaint *complaint)
{
	int r = open_file(path, reader, complaint);

	if (r == 0)
		r = read_header(reader, complaint);
	if (r == 0)
		r = check_header(&reader->header, complaint);
	return r;
}

/* Whether a seal is there, or has to be, and is not what it should be. */
static bool is_broken(uint64_t seal, uint64_t want, bool due)
{
	return (seal || due) && seal != want;
}

/* What the header says at the end may be said just now: the seal comes last, and the second
 * look sees all of it. */
static bool end_is_broken(const struct mft_header *h)
{
	return is_broken(h->end_seal, mft_seal_end(h, mft_seal_bytes(h->end_seal)), false);
}

void dumpheader_check_seals(struct reader *reader)
{
	struct mft_header *h = &reader->header, again;
	const bool due = reader_is_sealed(reader);

	if (end_is_broken(h) &&
	    reader_pread(reader, &again, sizeof(again), 0) == (int64_t)sizeof(again))
		*h = again;
	if (is_broken(h->start_seal, mft_seal_start(h), due))
		reader_note_damage(reader, 0, "the header does not fit its checksum");
	else if (end_is_broken(h))
		reader_note_damage(reader, offsetof(struct mft_header, chunks),
				   "how the process ended does not fit its checksum");
	else if (due && h->version_minor == MFT_VERSION_MINOR &&
		 h->control > MFT_CONTROL_PAUSE)
		reader_note_damage(reader, offsetof(struct mft_header, control),
				   "nobody asks a recorder for control %u", h->control);
}
