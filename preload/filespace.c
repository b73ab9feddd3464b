/* SPDX-License-Identifier: MIT */
#include "filespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <time.h>

#include "sys.h"

/* Zeros are written so many at a time. */
#define ZEROS_BYTES (512u << 10)

static uint8_t zeros[ZEROS_BYTES]; /* not const: in the library's file that took room */

/* ---- The file size limit ----------------------------------------------------------
 *
 * Writing or growing beyond it fails, and sends a signal that ends a process. The limit may
 * have been lowered since the space was reserved. */

#define SIZE_SIGNAL (1ull << (SIGXFSZ - 1))

/* Keeps the signal from the calling thread. Returns the mask to end with. */
static uint64_t begin_limited(void)
{
	const uint64_t signal = SIZE_SIGNAL;
	uint64_t before = 0;

	(void)SYS4(SYS_rt_sigprocmask, SIG_BLOCK, &signal, &before, sizeof(signal));
	return before;
}

/* Takes the signal back, if what was `result` sent one and the program does not keep it for
 * later itself. */
static void end_limited(uint64_t before, long result)
{
	const uint64_t signal = SIZE_SIGNAL;
	struct timespec at_once = {0, 0};

	if (result == -EFBIG && !(before & signal))
		(void)SYS4(SYS_rt_sigtimedwait, &signal, NULL, &at_once, sizeof(signal));
	(void)SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof(before));
}

/* ---- Space ------------------------------------------------------------------------ */

/* Returns 0 or -errno. */
static int allocate_space(int fd, uint64_t offset, uint64_t bytes)
{
	long r;

	do {
		r = SYS4(SYS_fallocate, fd, 0, offset, bytes);
	} while (r == -EINTR);
	return (int)r;
}

/* Makes the file reach `end`. Zeros are put behind its end, wherever that is by then: a
 * thread that grows it at the same time, and already stores there, loses nothing, which
 * ftruncate does not promise. Returns 0 or -errno. */
static int grow(int fd, uint64_t end)
{
	struct iovec piece = {.iov_base = zeros};
	struct statx st;
	long r;

	for (;;) {
		r = sys_call(SYS_statx, fd, (long)"", AT_EMPTY_PATH, STATX_SIZE, (long)&st,
			     0);
		if (r < 0)
			return (int)r;
		if (st.stx_size >= end)
			return 0;
		piece.iov_len = end - st.stx_size;
		if (piece.iov_len > sizeof(zeros))
			piece.iov_len = sizeof(zeros);
		r = SYS6(SYS_pwritev2, fd, &piece, 1, -1L, -1L, RWF_APPEND);
		if (r < 0 && r != -EINTR)
			return (int)r;
		if (r == 0)
			return -EIO;
	}
}

/* Where a file system has no fallocate: grow the file and have the kernel fault the pages
 * in, which fails with an error where a store would fail with a signal. */
static int populate_space(int fd, uint64_t offset, uint64_t bytes)
{
	long r = grow(fd, offset + bytes);
	long map;

	if (r < 0)
		return (int)r;
	map = SYS6(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
	if ((unsigned long)map >= -4095UL)
		return (int)map;
	r = SYS3(SYS_madvise, map, bytes, MADV_POPULATE_WRITE);
	(void)SYS2(SYS_munmap, map, bytes);
	return (int)r;
}

void filespace_keep_in_place(int fd)
{
	struct statfs system;
	int flags;

	if (SYS2(SYS_fstatfs, fd, &system) < 0 || system.f_type != BTRFS_SUPER_MAGIC ||
	    SYS3(SYS_ioctl, fd, FS_IOC_GETFLAGS, &flags) < 0)
		return;
	flags |= FS_NOCOW_FL;
	(void)SYS3(SYS_ioctl, fd, FS_IOC_SETFLAGS, &flags);
}

int filespace_reserve(int fd, uint64_t offset, uint64_t bytes)
{
	uint64_t before = begin_limited();
	int r = allocate_space(fd, offset, bytes);

	if (r == -EOPNOTSUPP || r == -ENOSYS)
		r = populate_space(fd, offset, bytes);
	end_limited(before, r);
	return r;
}

int filespace_map(int fd, uint64_t offset, size_t bytes, void **ret_map)
{
	long map = SYS6(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	if ((unsigned long)map >= -4095UL)
		return (int)map;
	*ret_map = (void *)map;
	return 0;
}

void filespace_write_zeros(int fd, uint64_t offset, uint64_t bytes)
{
	uint64_t before = begin_limited();
	long written = 0;

	while (bytes) {
		written = SYS4(SYS_pwrite64, fd, zeros,
			       bytes < sizeof(zeros) ? bytes : sizeof(zeros), offset);
		if (written <= 0)
			break;
		offset += (uint64_t)written;
		bytes -= (uint64_t)written;
	}
	end_limited(before, written);
}
