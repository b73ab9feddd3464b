/* SPDX-License-Identifier: MIT */
#include "gzipfile.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

struct gzipfile {
	z_stream stream;
	FILE *out;
	unsigned char buffer[1 << 16];
};

/* zlib's largest window, and a header and trailer of gzip's. */
#define WINDOW_BITS (15 + 16)
#define MEMORY_LEVEL 8

struct gzipfile *gzipfile_new(FILE *out)
{
	struct gzipfile *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->out = out;
	if (deflateInit2(&file->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS,
			 MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
		free(file);
		return NULL;
	}
	return file;
}

static int deflate_all(struct gzipfile *file, int flush)
{
	int status;

	do {
		size_t made;

		file->stream.next_out = file->buffer;
		file->stream.avail_out = sizeof(file->buffer);
		status = deflate(&file->stream, flush);
		if (status == Z_STREAM_ERROR)
			return -EIO;
		made = sizeof(file->buffer) - file->stream.avail_out;
		if (fwrite(file->buffer, 1, made, file->out) != made)
			return -EIO;
	} while (file->stream.avail_out == 0);
	return flush == Z_FINISH && status != Z_STREAM_END ? -EIO : 0;
}

int gzipfile_write(struct gzipfile *file, const void *bytes, size_t count)
{
	const unsigned char *next = bytes;
	int error = 0;

	while (!error && count > 0) {
		uInt part = count < UINT_MAX ? (uInt)count : UINT_MAX;

		file->stream.next_in = next;
		file->stream.avail_in = part;
		error = deflate_all(file, Z_NO_FLUSH);
		next += part;
		count -= part;
	}
	return error;
}

int gzipfile_end(struct gzipfile *file)
{
	file->stream.next_in = NULL;
	file->stream.avail_in = 0;
	return deflate_all(file, Z_FINISH);
}

void gzipfile_free(struct gzipfile *file)
{
	if (!file)
		return;
	deflateEnd(&file->stream);
	free(file);
}
