/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "complaint.h"
#include "traced.h"

/* A thread that records looks once a tick of the kernel's clock, some milliseconds. */
#define NOTICE_TRIES 50u
#define NOTICE_NS 4000000l

static int open_dump(const struct traced *traced, int flags, struct complaint *complaint)
{
	struct stat status;
	int fd = open(traced->path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int error;

	if (fd < 0) {
		error = -errno;
		complaint_set(complaint, "its dump cannot be opened: %s", strerror(-error));
		return error;
	}
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_ino != traced->inode) {
		close(fd);
		complaint_set(complaint, "its dump was exchanged");
		return -ESTALE;
	}
	return fd;
}

/* A header's word, as it stands. */
static int read_word(int fd, size_t offset, uint32_t *ret_word)
{
	ssize_t got = pread(fd, ret_word, sizeof(*ret_word), (off_t)offset);

	if (got < 0)
		return -errno;
	return got == sizeof(*ret_word) ? 0 : -EIO;
}

static int await_notice(int fd, uint32_t control, bool *ret_noticed)
{
	const struct timespec moment = {.tv_nsec = NOTICE_NS};
	uint32_t seen = !control;
	int error = 0;

	for (unsigned tries = 0; tries < NOTICE_TRIES; tries++) {
		error = read_word(fd, offsetof(struct mft_header, control_seen), &seen);
		if (error || seen == control)
			break;
		nanosleep(&moment, NULL);
	}
	if (!error)
		*ret_noticed = seen == control;
	return error;
}

int control_pause(const struct traced *traced, bool pause, bool *ret_noticed,
		  struct complaint *complaint)
{
	const uint32_t control = pause ? MFT_CONTROL_PAUSE : MFT_CONTROL_RECORD;
	const off_t place = offsetof(struct mft_header, control);
	int fd = open_dump(traced, O_RDWR, complaint);
	uint32_t state;
	int error;

	if (fd < 0)
		return fd;
	if (traced->header.version_minor < 1) {
		close(fd);
		complaint_set(complaint, "its recorder is older, and cannot be paused");
		return -ENOTSUP;
	}
	error = read_word(fd, offsetof(struct mft_header, state), &state);
	if (!error && state != MFT_STATE_RUNNING)
		error = -ESRCH;
	if (!error && pwrite(fd, &control, sizeof(control), place) != sizeof(control))
		error = errno ? -errno : -EIO;
	if (!error)
		error = await_notice(fd, control, ret_noticed);
	if (error)
		complaint_set(complaint, "its dump cannot be written to: %s",
			      error == -ESRCH ? "it has ended" : strerror(-error));
	close(fd);
	return error;
}

int control_flush(const struct traced *traced, uint64_t *ret_bytes,
		  struct complaint *complaint)
{
	const struct mft_header *header = &traced->header;
	int fd = open_dump(traced, O_RDONLY, complaint);
	uint32_t chunks;
	int error;

	if (fd < 0)
		return fd;
	/* Threads write on; what they write from here on is not promised. */
	error = read_word(fd, offsetof(struct mft_header, chunks), &chunks);
	if (!error && fsync(fd) < 0)
		error = -errno;
	close(fd);
	if (error) {
		complaint_set(complaint, "its dump cannot be flushed: %s",
			      strerror(-error));
		return error;
	}
	*ret_bytes = header->header_bytes + (uint64_t)chunks * header->chunk_bytes;
	return 0;
}
