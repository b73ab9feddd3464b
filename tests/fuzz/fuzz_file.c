/* SPDX-License-Identifier: MIT */
#include "fuzz_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_file_open(struct fuzz_file *file)
{
	file->fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (file->fd < 0)
		abort();
	snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
}

void fuzz_file_put(struct fuzz_file *file, const void *data, size_t bytes, uint64_t offset)
{
	if (bytes && pwrite(file->fd, data, bytes, (off_t)offset) != (ssize_t)bytes)
		abort();
}

void fuzz_file_fill(struct fuzz_file *file, const void *data, size_t bytes)
{
	if (ftruncate(file->fd, 0) != 0)
		abort();
	fuzz_file_put(file, data, bytes, 0);
}
