/* SPDX-License-Identifier: MIT */
/*
 * A program that brings its own malloc: the dynamic linker gives it to the C library and
 * everybody else, and a preloaded one is never called.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

static _Alignas(16) char arena[1 << 20];
static size_t used;

void *malloc(size_t size)
{
	size_t place = used;

	if (size > sizeof(arena) - used - 32) {
		errno = ENOMEM;
		return NULL;
	}
	memcpy(arena + place, &size, sizeof(size));
	used += 16 + ((size + 15) & ~(size_t)15);
	return arena + place + 16;
}

void *calloc(size_t count, size_t size)
{
	return size && count > SIZE_MAX / size ? NULL : malloc(count * size);
}

void *realloc(void *block, size_t size)
{
	void *moved = malloc(size);
	size_t old = 0;

	if (block)
		memcpy(&old, (char *)block - 16, sizeof(old));
	if (moved && block)
		memcpy(moved, block, old < size ? old : size);
	return moved;
}

void free(void *block)
{
	(void)block;
}

int main(void)
{
	char *copy;

	for (size_t i = 0; i < 1000; i++)
		free(malloc(i));
	copy = strdup("the C library's own allocations go there, too");
	truth_string("copy", copy);
	truth_print();
	return 0;
}
