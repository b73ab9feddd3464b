/* SPDX-License-Identifier: MIT */
/*
 * leak_heap.c - a large heap full of pointers, part of which is lost.
 *
 * leak_heap BLOCKS: blocks of 16 to 400 bytes (208 on average: 5,000,000 are about 1 GiB),
 * with a pointer or two each. Of ten blocks eight belong to a list that a variable leads
 * to, in which every second block hangs beside the one before, one to lost lists of 100
 * blocks, and one to lost rings of 10. The order in which they are made is the order of
 * none of these. Prints as JSON how many blocks and bytes are of each kind.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LIST_BLOCKS = 100,
	RING_BLOCKS = 10,
	SIZE_MIN = 16,
	SIZE_SPAN = 385
};

struct amount {
	uint64_t bytes, blocks;
};

/* Addresses in disguise: this table holds none of the blocks. */
static uintptr_t *hidden;
static uint16_t *sizes;
static void *volatile root;
static struct amount definite, indirect, reachable;

static uint64_t next_random(uint64_t *state)
{
	/* Marsaglia, "Xorshift RNGs", 2003. */
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void **block_at(size_t i)
{
	return (void **)~hidden[i];
}

static void add(struct amount *amount, size_t i)
{
	amount->bytes += sizes[i];
	amount->blocks++;
}

static void shuffle(size_t *order, size_t count, uint64_t *random)
{
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	for (size_t i = count - 1; i > 0; i--) {
		size_t other = next_random(random) % (i + 1), kept = order[i];

		order[i] = order[other];
		order[other] = kept;
	}
}

static __attribute__((noinline)) void make_blocks(const size_t *order, size_t count,
						  uint64_t *random)
{
	for (size_t i = 0; i < count; i++) {
		size_t size = SIZE_MIN + next_random(random) % SIZE_SPAN;
		void *block = malloc(size);

		if (!block)
			abort();
		memset(block, 1, size);
		*(void **)block = NULL;
		hidden[order[i]] = ~(uintptr_t)block;
		sizes[order[i]] = (uint16_t)size;
	}
}

/* Blocks 0 to count - 1: the even ones in a row, each with the next odd one beside it,
 * which points back. */
static void link_kept(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		void **block = block_at(i);
		size_t last = sizes[i] / sizeof(void *) - 1;

		if (i % 2 == 0) {
			block[0] = i + 2 < count ? block_at(i + 2) : NULL;
			block[last] = i + 1 < count ? block_at(i + 1) : NULL;
		} else {
			block[last] = block_at(i - 1);
		}
		add(&reachable, i);
	}
	root = block_at(0);
}

static void link_chains(size_t from, size_t count, size_t length, int closed)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = i % length;
		size_t next = at + 1 < length && i + 1 < count ? i + 1 : i - at;

		if (next > i || closed)
			block_at(from + i)[0] = block_at(from + next);
		add(at ? &indirect : &definite, from + i);
	}
}

/* What calls before have left on the stack must not hold a block. */
static __attribute__((noinline)) void scrub(void)
{
	volatile char pad[65536];

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = 0;
}

static __attribute__((noinline)) void build(size_t count)
{
	uint64_t random = 88172645463325252u;
	size_t *order = malloc(count * sizeof(*order));
	size_t kept = count / 10 * 8, lists = count / 10;

	hidden = malloc(count * sizeof(*hidden));
	sizes = malloc(count * sizeof(*sizes));
	if (!order || !hidden || !sizes)
		abort();
	shuffle(order, count, &random);
	make_blocks(order, count, &random);
	free(order);
	link_kept(kept);
	link_chains(kept, lists, LIST_BLOCKS, 0);
	link_chains(kept + lists, count - kept - lists, RING_BLOCKS, 1);
	free(hidden);
	free(sizes);
}

int main(int argc, char **argv)
{
	size_t count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	char line[256];

	if (count < 10) {
		fprintf(stderr, "usage: leak_heap BLOCKS\n");
		return 2;
	}
	build(count);
	scrub();
	snprintf(line, sizeof(line),
		 "{\"definite\": {\"bytes\": %llu, \"blocks\": %llu}, "
		 "\"indirect\": {\"bytes\": %llu, \"blocks\": %llu}, "
		 "\"reachable\": {\"bytes\": %llu, \"blocks\": %llu}}",
		 (unsigned long long)definite.bytes, (unsigned long long)definite.blocks,
		 (unsigned long long)indirect.bytes, (unsigned long long)indirect.blocks,
		 (unsigned long long)reachable.bytes, (unsigned long long)reachable.blocks);
	setvbuf(stdout, NULL, _IONBF, 0);
	puts(line);
	return 0;
}
