/* SPDX-License-Identifier: MIT */
/*
 * fuzz_symbols.c - libFuzzer target: any bytes as an ELF file that names are wanted from.
 *
 * What otherwise runs in a confined process runs here in this one, so that the sanitizers
 * see it: the build-id, symbol tables, DWARF with its inlined calls and line numbers, and
 * the names made readable. Addresses are taken from all over the file. The debug files that
 * an input may name are looked for where libdwfl looks by itself; what is fetched by
 * build-id is the input once more.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "starving.h"
#include "symbolname.h"
#include "symbolsource.h"

#define ADDRESSES 96u
#define COLUMNS 60u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int input_fd;

static int fetch(const uint8_t *build_id, size_t bytes)
{
	(void)build_id;
	return bytes > 0 ? fcntl(input_fd, F_DUPFD_CLOEXEC, 0) : -1;
}

static void expect(int condition)
{
	if (!condition)
		abort();
}

static void make_readable(const char *name)
{
	char *readable, *shorter;

	if (!name)
		return;
	readable = symbolname_new(name);
	expect(readable || may_lack_memory());
	shorter = readable ? symbolname_short_new(readable, COLUMNS) : NULL;
	expect(shorter || may_lack_memory());
	free(shorter);
	free(readable);
}

static void look_up(struct symbolsource *source, uint64_t address)
{
	struct symbolsource_frame frames[DEBUGINFO_DEPTH_MAX];
	int count = symbolsource_at(source, address, frames);
	const char *object;
	uint64_t offset;

	expect((count >= 1 && count <= DEBUGINFO_DEPTH_MAX) ||
	       (count == -ENOMEM && may_lack_memory()));
	for (int i = 0; i < count; i++) {
		make_readable(frames[i].name);
		make_readable(frames[i].linker_name);
		expect(!frames[i].file || strlen(frames[i].file) < SIZE_MAX);
	}
	count = symbolsource_object_at(source, address, &object, &offset);
	expect(count == 0 || (count == -ENOMEM && may_lack_memory()));
	if (count == 0)
		make_readable(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbolsource *source;
	int fd = memfd_create("elf", MFD_CLOEXEC);

	expect(fd >= 0);
	input_fd = fd;
	expect(size == 0 || write(fd, data, size) == (ssize_t)size);
	if (symbolsource_open(fd, "/nonexistent/fuzzed", NULL, 0, fetch, &source)) {
		close(fd);
		return 0;
	}
	for (uint64_t i = 0; i < ADDRESSES; i++)
		look_up(source, size * i / ADDRESSES);
	symbolsource_close(source);
	return 0;
}
