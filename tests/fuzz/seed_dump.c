/* SPDX-License-Identifier: MIT */
#include "seed_dump.h"

#include <errno.h>

#include "dump_writer.h"
#include "mft_scan.h"

static void snapshot(struct dump_stream *s)
{
	dump_snapshot(s, MFT_SNAPSHOT_PEAK_LIVE, 1 << 20);
	dump_snapshot_map(s, MFT_MAP_BRK, 0x10000, "##.###.#");
	dump_snapshot_map(s, MFT_MAP_ANON, 0x100000, "####");
	dump_snapshot_end(s);
}

/* One root holds every other block, and these hold the next one each. */
static void scan(struct dump_stream *s)
{
	const struct mft_scan scan = {.reason = MFT_SNAPSHOT_EXIT};
	const struct mft_scan_root root = {
		.kind = MFT_ROOT_MODULE, .start = 0x500000, .length = 4096, .module = 1};
	const struct mft_scan_end end = {.threads = 1, .duration_ns = 1000};
	struct mft_scan_word last = {0};
	struct mft_long words;

	if (!dump_room(s, 800))
		return;
	(void)mft_put_scan(&s->encoder, &scan);
	(void)mft_put_scan_root(&s->encoder, &root);
	mft_long_begin(&s->encoder, &words, 600);
	for (uint64_t i = 0; i < 20; i++)
		mft_long_scan_word(&words, &last, 0x500000 + 8 * i,
				   SEED_DUMP_HEAP + 16 + 128 * i);
	for (uint64_t i = 0; i < 20; i++)
		mft_long_scan_word(&words, &last, SEED_DUMP_HEAP + 16 + 128 * i,
				   SEED_DUMP_HEAP + 16 + 64 + 128 * i);
	(void)mft_long_end(&s->encoder, &words, MFT_OP_SCAN_WORDS);
	(void)mft_put_scan_end(&s->encoder, &end);
}

static void first_stream(struct dump_stream *s)
{
	uint32_t outer, inner;

	dump_process(s, "/bin/prog", "/", "prog\0-v\0", 8);
	dump_allocator(s, "/lib/libc.so.6");
	dump_notice(s, MFT_NOTICE_OWN_MALLOC, "/bin/prog");
	dump_module(s, 1, SEED_DUMP_PROGRAM, "/bin/prog");
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
	for (uint64_t i = 0; i < SEED_DUMP_BLOCKS; i++) {
		dump_clock(s, 100 + i);
		dump_malloc(s, SEED_DUMP_HEAP + 16 + 64 * i, 40, node);
	}
	snapshot(s);
	dump_thread(s, 12);
	dump_free(s, SEED_DUMP_HEAP + 16);
	scan(s);
}

int seed_dump_write(const char *path, uint32_t chunk_bytes, bool sealed)
{
	struct dump_stream *first, *second;
	struct dump_writer writer;
	int r = dump_writer_open(&writer, path, chunk_bytes);

	if (r < 0)
		return r;
	if (sealed)
		dump_writer_seal(&writer);
	first = dump_writer_stream(&writer, 10);
	second = dump_writer_stream(&writer, 11);
	if (first && second) {
		first_stream(first);
		second_stream(second);
	}
	return dump_writer_close(&writer, MFT_STATE_EXITED);
}
