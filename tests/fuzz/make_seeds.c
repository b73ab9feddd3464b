/* SPDX-License-Identifier: MIT */
/*
 * make_seeds.c - inputs for the fuzzers to start from: make_seeds DIRECTORY.
 *
 * Makes DIRECTORY/TARGET/NAME for each target that takes what mftrace writes or a kernel
 * does: dumps, records, snapshots from outside and core files. Rules, budgets and stored
 * reports are text, and come from scripts/fuzz.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump_writer.h"
#include "mft_codec.h"
#include "mft_scan.h"
#include "seed_dump.h"
#include "seed_ring.h"

#define NODES 5000u

static const char *directory;
static bool failed;

static char *name_new(const char *target, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", directory, target) < 0)
		abort();
	(void)mkdir(path, 0700);
	free(path);
	if (asprintf(&path, "%s/%s/%s", directory, target, name) < 0)
		abort();
	return path;
}

static void complain(const char *path, int error)
{
	fprintf(stderr, "make_seeds: %s: cannot write: %s\n", path, strerror(error));
	failed = true;
}

static void save(const char *target, const char *name, const void *data, size_t bytes)
{
	char *path = name_new(target, name);
	FILE *file = fopen(path, "we");

	if (!file || fwrite(data, 1, bytes, file) != bytes)
		complain(path, errno);
	if (file)
		fclose(file);
	free(path);
}

/* ---- Dumps, and what is in them ------------------------------------------------------ */

static void save_dump(const char *name, uint32_t chunk_bytes, bool sealed)
{
	char *path = name_new("dump", name);
	int r = seed_dump_write(path, chunk_bytes, sealed);

	if (r < 0)
		complain(path, -r);
	free(path);
}

/* A dump whose header says what no header says. */
static void save_header(const char *name, size_t offset, uint32_t value)
{
	char *path = name_new("dump", "whole");
	FILE *file = fopen(path, "re");
	uint8_t bytes[16 * 1024];
	size_t count = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

	if (count <= MFT_HEADER_BYTES) {
		complain(path, EIO);
	} else {
		memcpy(bytes + offset, &value, sizeof(value));
		save("dump", name, bytes, count);
	}
	if (file)
		fclose(file);
	free(path);
}

/* More nodes than a table begins with, in a chain that forks. */
static void save_nodes(void)
{
	char *path = name_new("dump", "nodes");
	struct dump_stream *stream;
	struct dump_writer writer;
	uint32_t node = MFT_NODE_ROOT;
	int r = dump_writer_open(&writer, path, SEED_DUMP_CHUNK_BYTES);

	stream = r == 0 ? dump_writer_stream(&writer, SEED_DUMP_PID) : NULL;
	for (uint32_t i = 0; stream && i < NODES; i++) {
		node = dump_node(stream, i % 50 ? node : MFT_NODE_ROOT, MFT_MODULE_NONE, i);
		if (i % 50 == 49)
			dump_malloc(stream, SEED_DUMP_HEAP + 64 * i, 40, node);
	}
	if (r == 0)
		r = dump_writer_close(&writer, MFT_STATE_EXITED);
	if (r < 0)
		complain(path, -r);
	free(path);
}

static void save_ring(const char *name, bool within_step)
{
	char *path = name_new("dump", name);
	int r = seed_ring_write(path, within_step);

	if (r < 0)
		complain(path, -r);
	free(path);
}

/* The chunks of a dump without its header; the records of each. */
static void save_parts(const char *name, uint32_t chunk_bytes)
{
	char *path = name_new("dump", name), part[32];
	FILE *file = fopen(path, "re");
	uint8_t *bytes = calloc(1, 1u << 20);
	size_t count = file && bytes ? fread(bytes, 1, 1u << 20, file) : 0;

	if (count <= MFT_HEADER_BYTES) {
		complain(path, EIO);
		count = MFT_HEADER_BYTES;
	}
	save("dump", "chunks", bytes + MFT_HEADER_BYTES, count - MFT_HEADER_BYTES);
	for (size_t at = MFT_HEADER_BYTES, i = 0; at + chunk_bytes <= count;
	     at += chunk_bytes, i++) {
		snprintf(part, sizeof(part), "chunk%zu", i);
		save("records", part, bytes + at + sizeof(struct mft_chunk),
		     chunk_bytes - sizeof(struct mft_chunk));
	}
	if (file)
		fclose(file);
	free(bytes);
	free(path);
}

/* ---- Seen from outside --------------------------------------------------------------- */

static void save_snapshot(void)
{
	struct {
		struct mft_snap_header header;
		struct mft_snap_cut cuts[2];
		uint8_t records[2048];
	} snap = {.header = {.version_major = MFT_VERSION_MAJOR,
			     .header_bytes = sizeof(snap.header),
			     .clock = 150,
			     .cuts = 2,
			     .pid = SEED_DUMP_PID},
		  .cuts = {{0, 0, 700, 0}, {1, 0, 900, 0}}};
	const struct mft_scan scan = {.reason = MFT_SNAPSHOT_REQUEST};
	const struct mft_scan_root root = {
		.kind = MFT_ROOT_STACK, .start = 0x7000000, .length = 4096, .tid = 11};
	const struct mft_scan_end end = {.flags = MFT_SCAN_MOVING, .threads = 2};
	const struct mft_snapshot pages = {.reason = MFT_SNAPSHOT_REQUEST,
					   .rss_bytes = 1 << 20};
	const uint8_t runs[] = {0x01, 0x05};
	const struct mft_snapshot_map map = {.kind = MFT_MAP_ANON,
					     .start = SEED_DUMP_HEAP,
					     .length = 8192,
					     .resident_bytes = 8192,
					     .runs = {runs, sizeof(runs)}};
	struct mft_scan_word last = {0};
	struct mft_encoder encoder;
	struct mft_long words;

	memcpy(snap.header.magic, MFT_SNAP_MAGIC, MFT_MAGIC_BYTES);
	mft_encoder_init(&encoder, snap.records,
			 snap.records + sizeof(snap.records) - MFT_ENCODE_SLACK, 0);
	(void)mft_put_snapshot(&encoder, &pages);
	(void)mft_put_snapshot_map(&encoder, &map);
	mft_long_begin(&encoder, &words, 0);
	(void)mft_long_end(&encoder, &words, MFT_OP_SNAPSHOT_END);
	(void)mft_put_scan(&encoder, &scan);
	(void)mft_put_scan_root(&encoder, &root);
	mft_long_begin(&encoder, &words, 600);
	for (uint64_t i = 0; i < 30; i++)
		mft_long_scan_word(&words, &last, 0x7000000 + 8 * i,
				   SEED_DUMP_HEAP + 16 + 64 * i);
	(void)mft_long_end(&encoder, &words, MFT_OP_SCAN_WORDS);
	(void)mft_put_scan_end(&encoder, &end);
	snap.header.records_bytes = (uint64_t)(encoder.pos - snap.records);
	save("outside", "snapshot", &snap,
	     sizeof(snap.header) + sizeof(snap.cuts) + snap.header.records_bytes);
}

/* A note's head, and what it says, padded to words. */
static uint8_t *put_note(uint8_t *p, uint32_t type, const void *data, size_t bytes)
{
	const Elf64_Nhdr head = {5, (uint32_t)bytes, type};

	memcpy(p, &head, sizeof(head));
	memcpy(p + sizeof(head), "CORE\0\0\0", 8);
	memcpy(p + sizeof(head) + 8, data, bytes);
	return p + sizeof(head) + 8 + ((bytes + 3) & ~(size_t)3);
}

static Elf64_Phdr load(unsigned flags, uint64_t address, uint64_t offset, uint64_t bytes)
{
	return (Elf64_Phdr){.p_type = PT_LOAD,
			    .p_flags = flags,
			    .p_offset = offset,
			    .p_vaddr = address,
			    .p_filesz = bytes,
			    .p_memsz = bytes};
}

/* The program's header, its data, and the heap of an arena (arena.c of glibc). */
static void put_modules(uint8_t *core, Elf64_Phdr *segments)
{
	const uint64_t arena = (uint64_t)64 << 20;
	const uint64_t heap_info[4] = {arena + 0x30, 0, 4096, 4096};
	const Elf64_Phdr parts[2] = {load(PF_R | PF_X, 0, 0, 0x10000),
				     load(PF_R | PF_W, 0x10000, 0x10000, 4096)};
	Elf64_Ehdr head = {.e_type = ET_DYN,
			   .e_phoff = sizeof(head),
			   .e_phentsize = sizeof(parts[0]),
			   .e_phnum = 2};

	memcpy(head.e_ident, ELFMAG, SELFMAG);
	head.e_ident[EI_CLASS] = ELFCLASS64;
	segments[0] = load(PF_R, SEED_DUMP_PROGRAM, 20480, 4096);
	segments[1] = load(PF_R | PF_W, SEED_DUMP_PROGRAM + 0x10000, 24576, 4096);
	segments[2] = load(PF_R | PF_W, arena, 28672, 4096);
	memcpy(core + 20480, &head, sizeof(head));
	memcpy(core + 20480 + sizeof(head), parts, sizeof(parts));
	memcpy(core + 28672, heap_info, sizeof(heap_info));
	for (uint64_t i = 0; i < 40; i++) {
		/* An array behind its count, and a table of constants. */
		const uint64_t words[2] = {SEED_DUMP_HEAP + 24 + 64 * i,
					   SEED_DUMP_PROGRAM + 8 * i};
		const uint64_t count = 3 + i;

		memcpy(core + 24576 + 16 * i, words, sizeof(words));
		memcpy(core + 8192 + 16 + 64 * i, &count, sizeof(count));
		memcpy(core + 8192 + 32 + 64 * i, &words[1], sizeof(words[1]));
	}
}

/* One thread, one file, the heap and a stack that points into it. */
static void save_core(const char *name, bool with_modules)
{
	static union {
		Elf64_Ehdr head;
		uint8_t bytes[32 * 1024];
	} core;
	struct elf_prstatus status = {.pr_pid = SEED_DUMP_PID};
	struct elf_prpsinfo info = {.pr_pid = SEED_DUMP_PID};
	const struct {
		uint64_t head[2], entry[3];
		char path[16];
	} files = {{1, 4096},
		   {SEED_DUMP_PROGRAM, SEED_DUMP_PROGRAM + 0x10000, 0},
		   "/bin/prog"};
	Elf64_Phdr segments[6] = {
		{.p_type = PT_NOTE, .p_offset = 4096},
		load(PF_R | PF_W, SEED_DUMP_HEAP, 8192, 8192),
		load(PF_R | PF_W, 0x7ffff0000000, 16384, 4096),
	};
	uint8_t *note = core.bytes + 4096;

	core.head = (Elf64_Ehdr){.e_type = ET_CORE,
				 .e_version = EV_CURRENT,
				 .e_phoff = sizeof(core.head),
				 .e_ehsize = sizeof(core.head),
				 .e_phentsize = sizeof(segments[0]),
				 .e_phnum = with_modules ? 6 : 3};
#if defined(__x86_64__)
	core.head.e_machine = EM_X86_64;
#elif defined(__aarch64__)
	core.head.e_machine = EM_AARCH64;
#endif
	memcpy(core.head.e_ident, ELFMAG, SELFMAG);
	core.head.e_ident[EI_CLASS] = ELFCLASS64;
	core.head.e_ident[EI_DATA] = ELFDATA2LSB;
	core.head.e_ident[EI_VERSION] = EV_CURRENT;
	memset(&status.pr_reg, 0x11, sizeof(status.pr_reg));
	note = put_note(note, NT_PRSTATUS, &status, sizeof(status));
	note = put_note(note, NT_PRPSINFO, &info, sizeof(info));
	note = put_note(note, NT_FILE, &files, sizeof(files));
	segments[0].p_filesz = (Elf64_Xword)(note - core.bytes) - 4096;
	if (with_modules)
		put_modules(core.bytes, segments + 3);
	memcpy(core.bytes + sizeof(core.head), segments, sizeof(segments));
	for (uint64_t i = 0; i < 100; i++) {
		uint64_t block = SEED_DUMP_HEAP + 16 + 64 * i;

		memcpy(core.bytes + 16384 + 8 * i, &block, sizeof(block));
	}
	save("outside", name, core.bytes, with_modules ? sizeof(core.bytes) : 20480);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make_seeds DIRECTORY\n");
		return 2;
	}
	directory = argv[1];
	save_dump("whole", SEED_DUMP_CHUNK_BYTES, false);
	save_dump("sealed", SEED_DUMP_CHUNK_BYTES, true);
	save("dump", "empty", "", 0);
	save_header("header_bytes", offsetof(struct mft_header, header_bytes), 100);
	save_header("chunk_bytes", offsetof(struct mft_header, chunk_bytes), 8);
	save_header("page_bytes", offsetof(struct mft_header, page_bytes), 4095);
	save_header("control", offsetof(struct mft_header, control), 77);
	save_nodes();
	save_ring("ring", false);
	save_ring("ring_within_step", true);
	save_parts("whole", SEED_DUMP_CHUNK_BYTES);
	save_snapshot();
	save_core("core", false);
	save_core("core_with_modules", true);
	return failed;
}
