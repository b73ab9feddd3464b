/* SPDX-License-Identifier: MIT */
/*
 * A library that stands in front of malloc, as the recorder does: before the recorder or
 * behind it. For every call of the program's it allocates and frees a block of its own.
 */
#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

#define BLOCK_BYTES 24

static __thread int inside;

static __attribute__((noinline)) void hook_block(void)
{
	free(malloc(BLOCK_BYTES));
}

void *malloc(size_t size)
{
	static void *(*next)(size_t);
	void *block;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "malloc");
	block = next(size);
	if (!inside) {
		inside = 1;
		hook_block();
		inside = 0;
	}
	return block;
}
