/* SPDX-License-Identifier: MIT */
#include "dumpfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/stat.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "descriptor.h"
#include "filespace.h"
#include "filter.h"
#include "mft_seal.h"
#include "sys.h"

/* Reserve at least this many chunks at a time, and an eighth of the file up to the most. */
#define RESERVE_CHUNKS_LEAST 4u
#define RESERVE_CHUNKS_MOST 256u
/* A program that takes our number again and again is not waited for. */
#define TRIES_MOST 16u

static uint64_t chunk_offset(const struct dumpfile *file, uint64_t chunk)
{
	return file->header->header_bytes + chunk * file->header->chunk_bytes;
}

static bool is_ours(const struct dumpfile *file, int fd)
{
	return descriptor_is(fd, file->device, file->inode);
}

/* A descriptor that is the dump for certain. A program may have closed ours and have got
 * its number for a file of its own. Returns it or -errno; a descriptor found anew is kept
 * by the thread that wins. */
static int own_descriptor(struct dumpfile *file)
{
	int fd = __atomic_load_n(&file->fd, __ATOMIC_RELAXED);
	int found;

	if (fd >= 0 && is_ours(file, fd))
		return fd;
	found = sys_open(file->path,
			 O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	if (found < 0)
		return found;
	if (!is_ours(file, found)) {
		sys_close(found);
		return -ESTALE;
	}
	found = descriptor_raise(found);
	if (!__atomic_compare_exchange_n(&file->fd, &fd, found, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED)) {
		sys_close(found);
		return is_ours(file, fd) ? fd : -ESTALE;
	}
	return found;
}

int dumpfile_create(struct dumpfile *file, const char *path,
		    const struct mft_header *initial)
{
	uint64_t first_bytes = initial->header_bytes +
			       (uint64_t)RESERVE_CHUNKS_LEAST * initial->chunk_bytes;
	int fd = descriptor_create(path, file->path, sizeof(file->path));
	void *map;
	int r;

	if (fd < 0)
		return fd;
	fd = descriptor_raise(fd);
	r = descriptor_identify(fd, &file->device, &file->inode);
	if (r < 0)
		goto out;
	filespace_keep_in_place(fd);
	r = filespace_reserve(fd, 0, first_bytes);
	if (r < 0)
		goto out;
	r = filespace_map(fd, 0, initial->header_bytes, &map);
	if (r < 0)
		goto out;
	memcpy(map, initial, sizeof(*initial));
	file->fd = fd;
	file->reserved_chunks = RESERVE_CHUNKS_LEAST;
	file->stopped = 0;
	file->header = map;
	return 0;
out:
	sys_close(fd);
	(void)SYS3(SYS_unlinkat, AT_FDCWD, file->path, 0);
	return r;
}

static int stop(struct dumpfile *file, enum mft_stop reason, int error)
{
	uint32_t expected = 0;

	if (__atomic_compare_exchange_n(&file->stopped, &expected, 1, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		dumpfile_loosen(file, false);
		file->header->stop_errno = -error;
		file->header->stop_reason = reason;
	}
	return error;
}

/* Makes sure that there is space for the chunks below `end`. Threads may do the same work
 * twice; reserving is idempotent. */
static int reserve_chunks(struct dumpfile *file, int fd, uint32_t end)
{
	uint32_t reserved = __atomic_load_n(&file->reserved_chunks, __ATOMIC_ACQUIRE);
	uint32_t ahead = end / 8;
	int r;

	if (end <= reserved)
		return 0;
	if (ahead < RESERVE_CHUNKS_LEAST)
		ahead = RESERVE_CHUNKS_LEAST;
	if (ahead > RESERVE_CHUNKS_MOST)
		ahead = RESERVE_CHUNKS_MOST;
	/* From the first chunk that nobody reserved: its taker may rely on our raising
	 * reserved_chunks beyond it. */
	r = filespace_reserve(fd, chunk_offset(file, reserved),
			      (uint64_t)(end - reserved + ahead) *
				      file->header->chunk_bytes);
	if (r < 0) {
		ahead = 0;
		r = filespace_reserve(fd, chunk_offset(file, reserved),
				      (uint64_t)(end - reserved) *
					      file->header->chunk_bytes);
	}
	if (!is_ours(file, fd))
		return -ESTALE;
	if (r < 0)
		return r;
	while (reserved < end + ahead &&
	       !__atomic_compare_exchange_n(&file->reserved_chunks, &reserved, end + ahead,
					    false, __ATOMIC_RELEASE, __ATOMIC_ACQUIRE))
		;
	return 0;
}

/* Maps the chunks from index on, by a descriptor that was ours a moment ago. Another thread
 * may close its number and get it for a file of the program's own, so each step looks
 * again: nothing is written to such a file for longer than one call takes to begin, and
 * what was mapped counts only if the descriptor is ours behind it. Returns 0 or a negative
 * errno, then with the reason: -ESTALE if the descriptor is somebody else's by now. */
static int map_by(struct dumpfile *file, int fd, uint32_t index, uint32_t count,
		  uint8_t **ret_start, enum mft_stop *ret_reason)
{
	const size_t chunk_bytes = file->header->chunk_bytes;
	void *map;
	int r;

	r = reserve_chunks(file, fd, index + count);
	if (r < 0) {
		*ret_reason = r == -EFBIG ? MFT_STOP_LIMIT : MFT_STOP_SPACE;
		return r;
	}
	for (uint32_t i = index; i < index + count && is_ours(file, fd); i++)
		filespace_write_zeros(fd, chunk_offset(file, i), chunk_bytes);
	r = filespace_map(fd, chunk_offset(file, index), count * chunk_bytes, &map);
	if (!is_ours(file, fd)) {
		if (r == 0)
			sys_unmap(map, count * chunk_bytes);
		r = -ESTALE;
	}
	if (r < 0) {
		*ret_reason = MFT_STOP_MAP;
		return r;
	}
	*ret_start = map;
	return 0;
}

/* Maps `count` new chunks. Returns 0 or a negative errno, then with the reason. */
static int try_map_chunks(struct dumpfile *file, uint32_t count, uint32_t *ret_index,
			  uint8_t **ret_start, enum mft_stop *ret_reason)
{
	int fd = own_descriptor(file);
	uint32_t index;
	int r;

	*ret_reason = MFT_STOP_FILE_GONE;
	if (fd < 0)
		return fd;
	dumpfile_loosen(file, false);
	index = __atomic_fetch_add(&file->header->chunks, count, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < TRIES_MOST && fd >= 0; i++) {
		r = map_by(file, fd, index, count, ret_start, ret_reason);
		if (r == 0)
			*ret_index = index;
		if (r != -ESTALE)
			return r;
		*ret_reason = MFT_STOP_FILE_GONE;
		fd = own_descriptor(file);
	}
	return fd < 0 ? fd : -ESTALE;
}

static int map_chunks(struct dumpfile *file, uint32_t count, uint32_t *ret_index,
		      uint8_t **ret_start)
{
	enum mft_stop reason;
	int r = try_map_chunks(file, count, ret_index, ret_start, &reason);

	return r < 0 ? stop(file, reason, r) : 0;
}

/* ---- Where system calls are confined ---------------------------------------------- */

/* What map_chunks cannot do without. */
bool dumpfile_would_stop(const struct dumpfile *file, const struct filter *filter)
{
	const long fd = file->fd;
	const long needed[][7] = {
		{SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_INO},
		{SYS_rt_sigprocmask, SIG_BLOCK, 0, 0, 8},
		{SYS_rt_sigprocmask, SIG_SETMASK, 0, 0, 8},
		{SYS_rt_sigtimedwait, 0, 0, 0, 8},
		{SYS_fallocate, fd, 0, 0, file->header->chunk_bytes},
		{SYS_mmap, 0, file->header->chunk_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd},
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!filter_would_allow(filter, needed[i][0], &needed[i][1]))
			return true;
	return false;
}

int dumpfile_lay_in(struct dumpfile *file, size_t bytes)
{
	struct dumpfile_window window = {
		.chunks = (uint32_t)(bytes / file->header->chunk_bytes)};
	enum mft_stop reason;
	int r = 0;

	/* The program may confine itself step by step. */
	if (file->laid_in.start)
		return 0;
	for (; window.chunks; window.chunks /= 2) {
		r = try_map_chunks(file, window.chunks, &window.first, &window.start,
				   &reason);
		if (r == 0)
			break;
	}
	if (r < 0)
		return r;
	/* Other threads look here only once a filter is in force, which comes later. */
	file->laid_in = window;
	return 0;
}

static int take_laid_in(struct dumpfile *file, struct dumpfile_window *ret_window)
{
	const uint32_t taken =
		__atomic_fetch_add(&file->laid_in.taken, 1, __ATOMIC_RELAXED);

	if (taken >= file->laid_in.chunks) {
		__atomic_store_n(&file->laid_in.taken, file->laid_in.chunks,
				 __ATOMIC_RELAXED);
		return stop(file, MFT_STOP_FILTER, -EPERM);
	}
	ret_window->start = file->laid_in.start + (size_t)taken * file->header->chunk_bytes;
	ret_window->first = file->laid_in.first + taken;
	ret_window->chunks = 1;
	return 0;
}

int dumpfile_take_chunk(struct dumpfile *file, struct dumpfile_window *window,
			struct dumpfile_window *ret_old, struct mft_chunk **ret_chunk)
{
	struct dumpfile_window old = {0};
	uint8_t *chunk;

	if (!file->header)
		return -ENOSPC;
	if (window->taken == window->chunks) {
		struct dumpfile_window next = {.chunks = window->chunks * 2};
		int r;

		if (__atomic_load_n(&file->stopped, __ATOMIC_RELAXED))
			return -ENOSPC;
		if (next.chunks == 0)
			next.chunks = 1;
		if (next.chunks > DUMPFILE_WINDOW_CHUNKS_MOST)
			next.chunks = DUMPFILE_WINDOW_CHUNKS_MOST;
		if (__builtin_expect(sys_confined, 0) && dumpfile_would_stop(file, NULL))
			r = take_laid_in(file, &next);
		else
			r = map_chunks(file, next.chunks, &next.first, &next.start);
		if (r < 0)
			return r;
		old = *window;
		*window = next;
	}
	chunk = window->start + (size_t)window->taken++ * file->header->chunk_bytes;
	/* All write faults at once; MAP_POPULATE would leave shared pages write-protected.
	 * Where the kernel does not know this they come one by one. */
	(void)SYS3(SYS_madvise, chunk, file->header->chunk_bytes, MADV_POPULATE_WRITE);
	*ret_old = old;
	*ret_chunk = (struct mft_chunk *)(void *)chunk;
	return 0;
}

void dumpfile_unmap(struct dumpfile *file, struct dumpfile_window *window)
{
	if (window->start)
		sys_unmap(window->start,
			  (size_t)window->chunks * file->header->chunk_bytes);
	*window = (struct dumpfile_window){0};
}

void dumpfile_trim(struct dumpfile *file)
{
	uint32_t chunks = __atomic_load_n(&file->header->chunks, __ATOMIC_RELAXED);
	int fd = own_descriptor(file);

	if (fd < 0 || __atomic_load_n(&file->stopped, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&file->reserved_chunks, chunks, __ATOMIC_RELEASE);
	(void)SYS2(SYS_ftruncate, fd, chunk_offset(file, chunks));
}

int dumpfile_map_again(struct dumpfile *file, uint32_t index, struct mft_chunk **ret_chunk)
{
	int fd = own_descriptor(file);
	void *map;
	int r;

	if (fd < 0)
		return fd;
	r = filespace_map(fd, chunk_offset(file, index), file->header->chunk_bytes, &map);
	if (r < 0)
		return r;
	*ret_chunk = map;
	return 0;
}

void dumpfile_unmap_again(struct dumpfile *file, struct mft_chunk *chunk)
{
	sys_unmap(chunk, file->header->chunk_bytes);
}

void dumpfile_seal(struct dumpfile *file, bool whole)
{
	struct mft_header *header = file->header;
	uint64_t seal = mft_seal_end(header, whole ? MFT_SEAL_END_WHOLE : MFT_SEAL_END_OWN);

	/* Partner: the reader, which has all that is sealed with the seal. */
	__atomic_store_n(&header->end_seal, seal, __ATOMIC_RELEASE);
}

void dumpfile_loosen(struct dumpfile *file, bool mark)
{
	uint64_t seal = __atomic_load_n(&file->header->end_seal, __ATOMIC_RELAXED);

	if (mark && seal)
		__atomic_store_n(&file->header->end_seal, 0, __ATOMIC_SEQ_CST);
	else if (mft_seal_bytes(seal) == MFT_SEAL_END_WHOLE)
		dumpfile_seal(file, false);
}

/* ---- Places that are used again (ring.h) ------------------------------------------ */

int dumpfile_map_chunks(struct dumpfile *file, uint32_t count, uint32_t *ret_first,
			uint8_t **ret_start, enum mft_stop *ret_reason)
{
	uint32_t chunks = __atomic_load_n(&file->header->chunks, __ATOMIC_RELAXED);
	int r;

	if (__atomic_load_n(&file->stopped, __ATOMIC_RELAXED))
		return -ENOSPC;
	r = try_map_chunks(file, count, ret_first, ret_start, ret_reason);
	if (r < 0) {
		/* They were handed out, and are not there. */
		chunks += count;
		(void)__atomic_compare_exchange_n(&file->header->chunks, &chunks,
						  chunks - count, false, __ATOMIC_RELAXED,
						  __ATOMIC_RELAXED);
		return r;
	}
	(void)SYS3(SYS_madvise, *ret_start, (size_t)count * file->header->chunk_bytes,
		   MADV_POPULATE_WRITE);
	return 0;
}

void dumpfile_stop(struct dumpfile *file, enum mft_stop reason, int error)
{
	(void)stop(file, reason, error);
}

void dumpfile_punch_hole(struct dumpfile *file, uint32_t index)
{
	int fd = own_descriptor(file);

	if (fd >= 0)
		(void)SYS4(SYS_fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			   chunk_offset(file, index), file->header->chunk_bytes);
}

int dumpfile_fill_hole(struct dumpfile *file, uint32_t index)
{
	int fd = own_descriptor(file);

	return fd < 0 ? fd
		      : filespace_reserve(fd, chunk_offset(file, index),
					  file->header->chunk_bytes);
}

void dumpfile_discard(struct dumpfile *file)
{
	if (file->fd >= 0 && is_ours(file, file->fd))
		(void)SYS3(SYS_unlinkat, AT_FDCWD, file->path, 0);
	dumpfile_abandon(file);
}

void dumpfile_abandon(struct dumpfile *file)
{
	if (!file->header)
		return;
	if (file->fd >= 0 && is_ours(file, file->fd))
		sys_close(file->fd);
	if (file->laid_in.start)
		sys_unmap(file->laid_in.start,
			  (size_t)file->laid_in.chunks * file->header->chunk_bytes);
	file->laid_in = (struct dumpfile_window){0};
	sys_unmap(file->header, file->header->header_bytes);
	file->header = NULL;
	file->fd = -1;
	file->stopped = 0;
}
