/* SPDX-License-Identifier: MIT */
/*
 * Blocks from the aligned entry points begin where their pointer points; a block that the
 * program aligned itself is held by its middle only.
 */
#include <malloc.h>
#include <string.h>

#include "leak_case.h"

static void *volatile kept[8];

static void *cleared(void *block, size_t bytes, enum leak_kind kind)
{
	memset(block, 0, bytes);
	leak_escape(block);
	leak_expect(kind, 1, bytes);
	return block;
}

static LEAK_SITE void build(void)
{
	void *block;
	uintptr_t address;

	if (posix_memalign(&block, 64, 1000))
		abort();
	kept[0] = cleared(block, 1000, LEAK_REACHABLE);
	kept[1] = cleared(aligned_alloc(256, 512), 512, LEAK_REACHABLE);
	kept[2] = cleared(memalign(4096, 333), 333, LEAK_REACHABLE);
	kept[3] = cleared(valloc(5000), 5000, LEAK_REACHABLE);
	if (posix_memalign(&block, 4096, 100))
		abort();
	cleared(block, 100, LEAK_DEFINITE);
	block = cleared(aligned_alloc(1024, 2048), 2048, LEAK_DEFINITE);
	leak_put(block, 100, cleared(memalign(32, 77), 77, LEAK_INDIRECT));
	kept[4] = leak_inside(cleared(memalign(512, 600), 600, LEAK_POSSIBLE), 512);

	/* Aligned by hand. */
	block = leak_block(1000 + 512, LEAK_POSSIBLE);
	address = ((uintptr_t)block + 512) & ~(uintptr_t)511;
	kept[5] = (void *)(address == (uintptr_t)block ? address + 16 : address);
}

int main(void)
{
	return leak_case(build);
}
