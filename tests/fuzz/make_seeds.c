/* SPDX-License-Identifier: MIT */
/*
 * make_seeds.c - inputs for fuzz_dump to start from: make_seeds DIRECTORY.
 *
 * One dump with every kind of record in two streams, and the same without its header.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dump_writer.h"

static void snapshot(struct dump_stream *s)
{
	dump_snapshot(s, MFT_SNAPSHOT_PEAK_LIVE, 1 << 20);
	dump_snapshot_map(s, MFT_MAP_BRK, 0x10000, "##.###.#");
	dump_snapshot_map(s, MFT_MAP_ANON, 0x100000, "####");
	dump_snapshot_end(s);
}

static void first_stream(struct dump_stream *s)
{
	uint32_t outer, inner;

	dump_process(s, "/bin/prog", "/", "prog\0-v\0", 8);
	dump_allocator(s, "/lib/libc.so.6");
	dump_notice(s, MFT_NOTICE_OWN_MALLOC, "/bin/prog");
	dump_module(s, 1, 0x400000, "/bin/prog");
	outer = dump_node(s, MFT_NODE_ROOT, 1, 0x1234);
	inner = dump_node(s, outer, 1, 0x5678);
	for (uint64_t i = 0; i < 40; i++) {
		dump_clock(s, 10 * i);
		dump_alloc(s, (uint8_t)(MFT_OP_MALLOC + i % 17), 0x10010 + 0x100 * i,
			   10 * i, i % 3 ? 0 : 4096, inner);
		if (i % 4 == 0)
			dump_free(s, 0x10010 + 0x100 * (i / 2));
	}
	dump_release(s, MFT_OP_REALLOC_RELEASE, 0x10110);
	dump_alloc(s, MFT_OP_REALLOC, 0x20110, 500, 0, outer);
	dump_release(s, MFT_OP_REALLOCARRAY_RELEASE, 0x20110);
	dump_failed(s, MFT_OP_REALLOCARRAY, UINT64_MAX, inner);
	dump_reacquire(s);
	snapshot(s);
	dump_long(s, MFT_OP_NODES_RESET, NULL, 0);
	dump_malloc(s, 0x30000, 1, MFT_NODE_TRUNCATED);
}

static void second_stream(struct dump_stream *s)
{
	uint32_t node;

	dump_clock(s, 100);
	node = dump_node(s, MFT_NODE_ROOT, 1, 0x9abc);
	dump_mapping(s, MFT_OP_MMAP, 0x70000, 8192, 0, 0);
	dump_mapping(s, MFT_OP_MREMAP, 0x70000, 4096, 0x70000, 8192);
	dump_mapping(s, MFT_OP_MUNMAP, 0x70000, 4096, 0, 0);
	dump_mapping(s, MFT_OP_BRK, 0x5000, 0, 0x4000, 0);
	for (uint64_t i = 0; i < 100; i++) {
		dump_clock(s, 100 + i);
		dump_malloc(s, 0x100010 + 64 * i, 40, node);
	}
	snapshot(s);
	dump_thread(s, 12);
	dump_free(s, 0x100010);
}

/* Copies what is behind `skip` bytes. */
static int copy(int from, const char *path, off_t skip)
{
	off_t bytes = lseek(from, 0, SEEK_END) - skip;
	char *buffer = bytes > 0 ? malloc((size_t)bytes) : NULL;
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), r = -EIO;

	if (buffer && to >= 0 && pread(from, buffer, (size_t)bytes, skip) == bytes &&
	    write(to, buffer, (size_t)bytes) == bytes)
		r = 0;
	if (to >= 0 && close(to) < 0)
		r = -errno;
	free(buffer);
	return r;
}

int main(int argc, char **argv)
{
	struct dump_stream *first, *second;
	struct dump_writer writer;
	char path[4096];
	int r, fd;

	if (argc != 2) {
		fprintf(stderr, "usage: make_seeds DIRECTORY\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/whole", argv[1]);
	r = dump_writer_open(&writer, path, 1024);
	if (r == 0) {
		first = dump_writer_stream(&writer, 10);
		second = dump_writer_stream(&writer, 11);
		if (first && second) {
			first_stream(first);
			second_stream(second);
		}
		r = dump_writer_close(&writer, MFT_STATE_EXITED);
	}
	if (r == 0) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		snprintf(path, sizeof(path), "%s/chunks", argv[1]);
		r = fd < 0 ? -errno : copy(fd, path, MFT_HEADER_BYTES);
	}
	if (r < 0)
		fprintf(stderr, "make_seeds: %s: cannot write: %s\n", path, strerror(-r));
	return r < 0;
}
