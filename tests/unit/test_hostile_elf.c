/* SPDX-License-Identifier: MIT */
/*
 * test_hostile_elf.c - damaged ELF files cost their names at most:
 * test_hostile_elf [-n COUNT] [-s SEED] FILE...
 *
 * Damages copies of the files, COUNT in all, each in one way: bytes anywhere, bytes of a
 * debug section, numbers of headers, a cut, a stretch overwritten. Each is asked for names
 * and for an object; the answer has to be names or one of the documented errors, within the
 * limits, and an undamaged file is read as well as before. Prints what became of them.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stringpool.h"
#include "symbolclient.h"
#include "workdir.h"

#define ADDRESSES 64u
#define NUMBERS_DAMAGED_MOST 4u

struct original {
	uint8_t *bytes;
	size_t size;
	char *path; /* absolute */
};

static char damaged_path[300];
static struct stringpool *pool;
static uint64_t state;
static unsigned named, nameless, refused, died, late;

/* A linear congruential generator with an output permutation (Knuth's constants). */
static uint32_t next(void)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((state ^ (state >> 22)) >> 22);
}

static uint32_t below(size_t bound)
{
	return bound ? next() % (uint32_t)bound : 0;
}

static void expect(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "test_hostile_elf: %s\n", what);
	exit(1);
}

static struct original read_whole(const char *path)
{
	struct original original = {.path = realpath(path, NULL)};
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	expect(original.path && fd >= 0 && fstat(fd, &status) == 0,
	       "a file cannot be read");
	original.size = (size_t)status.st_size;
	original.bytes = malloc(original.size);
	expect(original.bytes && original.size > sizeof(Elf64_Ehdr) &&
		       read(fd, original.bytes, original.size) == (ssize_t)original.size,
	       "a file cannot be read");
	close(fd);
	return original;
}

/* ---- Damage ----------------------------------------------------------------------- */

static void flip_bytes(uint8_t *bytes, size_t size)
{
	for (uint32_t count = 1 + below(32); size && count > 0; count--)
		bytes[below(size)] ^= (uint8_t)(1 + below(255));
}

/* A number as parsers like it least. */
static void damage_number(uint8_t *bytes, size_t count)
{
	static const uint64_t numbers[] = {
		0,	    1,	    UINT64_MAX, INT64_MAX,	   0x7fffffff,
		0xffffffff, 0xffff, 0x80000000, UINT64_MAX - 4095, 1ull << 40,
	};
	uint64_t number = below(3) ? numbers[below(sizeof(numbers) / sizeof(numbers[0]))]
				   : ((uint64_t)next() << 32 | next());

	memcpy(bytes, &number, count);
}

static void damage_headers(uint8_t *bytes, size_t size)
{
	const Elf64_Ehdr header = *(const Elf64_Ehdr *)(const void *)bytes;
	size_t sections = header.e_shoff,
	       sections_bytes = header.e_shnum * sizeof(Elf64_Shdr);

	for (uint32_t count = 1 + below(NUMBERS_DAMAGED_MOST); count > 0; count--) {
		size_t width = (size_t)1 << below(4);
		size_t at, room;

		switch (below(3)) {
		case 0:
			at = 16, room = sizeof(header) - 16;
			break;
		case 1:
			at = header.e_phoff;
			room = header.e_phnum * sizeof(Elf64_Phdr);
			break;
		default:
			at = sections, room = sections_bytes;
			break;
		}
		at += below(room / width) * width;
		if (at + width <= size)
			damage_number(bytes + at, width);
	}
}

/* The bytes of a section that debuggers read. */
static void damage_debug_section(uint8_t *bytes, size_t size)
{
	const Elf64_Ehdr *header = (const void *)bytes;
	const Elf64_Shdr *sections = (const void *)(bytes + header->e_shoff);

	for (unsigned tries = 0; tries < 100; tries++) {
		const Elf64_Shdr *section = &sections[below(header->e_shnum)];

		if ((section->sh_flags & SHF_ALLOC && section->sh_type != SHT_DYNSYM &&
		     section->sh_type != SHT_NOTE) ||
		    section->sh_type == SHT_NOBITS || section->sh_size == 0 ||
		    section->sh_offset + section->sh_size > size)
			continue;
		if (section->sh_flags & SHF_COMPRESSED && below(2))
			damage_number(bytes + section->sh_offset + 8, 8);
		else
			flip_bytes(bytes + section->sh_offset, section->sh_size);
		return;
	}
}

/* Returns the size that is left. */
static size_t damage(uint8_t *bytes, size_t size)
{
	size_t at;

	switch (below(8)) {
	case 0:
		flip_bytes(bytes, size);
		break;
	case 1:
	case 2:
		damage_headers(bytes, size);
		break;
	case 3:
		return below(size);
	case 4:
		at = below(size);
		memset(bytes + at, below(2) ? 0xff : 0,
		       below(size - at < 4096 ? size - at : 4096));
		break;
	default:
		damage_debug_section(bytes, size);
		break;
	}
	return size;
}

/* ---- Reading ---------------------------------------------------------------------- */

static int take(void *context, size_t index, const struct symbolclient_frame *frames,
		size_t count)
{
	unsigned *known = context;

	(void)index;
	for (size_t i = 0; i < count; i++)
		*known += frames[i].function != NULL;
	return 0;
}

static bool is_documented(int error)
{
	switch (error) {
	case 0:
	case -ENOEXEC:
	case -ETIMEDOUT:
	case -EPIPE:
	case -EPROTO:
	case -ENOBUFS:
		return true;
	}
	return false;
}

/* Asks for names all over the file. Returns what came of it. */
static int ask(const char *path, size_t size, unsigned *ret_known)
{
	const struct sandbox_limits limits = {.memory_bytes = 1u << 30, .cpu_seconds = 2};
	struct symbolclient *client = symbolclient_new(pool, NULL, &limits);
	struct symbolclient_file file = {.path = path};
	uint64_t addresses[ADDRESSES], offset;
	const char *name;
	int error, object_error = 0;

	expect(client != NULL, "memory is short");
	*ret_known = 0;
	for (unsigned i = 0; i < ADDRESSES; i++)
		addresses[i] = size / ADDRESSES * i;
	error = symbolclient_names(client, &file, addresses, ADDRESSES, take, ret_known);
	if (!error)
		object_error =
			symbolclient_object(client, &file, below(size), &name, &offset);
	symbolclient_free(client);
	expect(is_documented(error) && is_documented(object_error), "an error of its own");
	return error;
}

static void count_outcome(int error, unsigned known)
{
	if (error == -ENOEXEC)
		refused++;
	else if (error == -ETIMEDOUT)
		late++;
	else if (error)
		died++;
	else if (known)
		named++;
	else
		nameless++;
}

static void read_damaged(const struct original *original)
{
	uint8_t *bytes = malloc(original->size);
	unsigned known;
	size_t left;
	int fd = open(damaged_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	expect(bytes && fd >= 0, "nothing to write to");
	memcpy(bytes, original->bytes, original->size);
	left = damage(bytes, original->size);
	expect(write(fd, bytes, left) == (ssize_t)left, "nothing to write to");
	close(fd);
	free(bytes);
	count_outcome(ask(damaged_path, original->size, &known), known);
}

int main(int argc, char **argv)
{
	unsigned long count = 2000;
	const char *directory;
	uint64_t seed = 1;
	unsigned known;
	int option;

	while ((option = getopt(argc, argv, "n:s:")) != -1) {
		if (option == 'n')
			count = strtoul(optarg, NULL, 10);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	expect(optind < argc, "which file?");
	pool = stringpool_new();
	directory = workdir_make();
	expect(pool && directory, "no directory to work in");
	snprintf(damaged_path, sizeof(damaged_path), "%s/damaged", directory);
	for (unsigned long i = 0; i < count; i++) {
		struct original original = read_whole(
			argv[optind + (int)(i % (unsigned long)(argc - optind))]);

		state = seed * 1000003 + i;
		read_damaged(&original);
		if (i % 100 == 0)
			expect(ask(original.path, original.size, &known) == 0 && known > 0,
			       "an undamaged file has no names");
		free(original.bytes);
		free(original.path);
	}
	workdir_remove();
	stringpool_free(pool);
	printf("%lu damaged files (seed %" PRIu64 "): %u named, %u without names, "
	       "%u refused, %u ended their reader, %u took too long\n",
	       count, seed, named, nameless, refused, died, late);
	/* Damage of the DWARF leaves most names; if nothing is named, nothing was tried. */
	expect(named > count / 10, "next to no names");
	return 0;
}
