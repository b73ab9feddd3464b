/* SPDX-License-Identifier: MIT */
/*
 * wrong_frees HOW: releases what may not be released, after ten thousand good calls.
 * double, double_later, foreign (memory of mmap), inside (of a block), stack, realloc_wild,
 * realloc_freed, wild (an address that is none), realloc_none (the same, reallocated),
 * unmapped (memory that was given back), forbidden (memory that may not be read),
 * misaligned, static, last (the end of the address space).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "truth.h"

#define GOOD 5000

static struct truth_count count;

static char at_rest[4096] __attribute__((aligned(16)));

/* The second of two pages: the first one may be touched. */
static char *second_page(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	return pages + 4096;
}

/* What is no block, and why, or NULL. */
static void *no_block(const char *how, char *block)
{
	char *page;

	if (strcmp(how, "foreign") == 0)
		return second_page();
	if (strcmp(how, "inside") == 0)
		return block + 16;
	if (strcmp(how, "misaligned") == 0)
		return block + 1;
	if (strcmp(how, "static") == 0)
		return at_rest + 64;
	if (strcmp(how, "wild") == 0)
		return (void *)(uintptr_t)0xdead0000dead0;
	if (strcmp(how, "last") == 0)
		return (void *)(UINTPTR_MAX - 15);
	page = second_page();
	if (strcmp(how, "unmapped") == 0)
		munmap(page - 4096, 8192);
	else if (strcmp(how, "forbidden") == 0)
		mprotect(page - 4096, 8192, PROT_NONE);
	else
		return NULL;
	return page;
}

static TRUTH_SITE void *good(size_t size)
{
	return malloc(size);
}

int main(int argc, char **argv)
{
	const char *how = argc == 2 ? argv[1] : "";
	char *volatile a = malloc(100), *volatile b = malloc(5000);
	char on_stack[64] __attribute__((aligned(16)));

	for (size_t i = 0; i < GOOD; i++) {
		free(good(i));
		truth_allocated(&count, i);
		truth_freed(&count, i);
	}
	truth_site("good", &count, NULL);
	truth_print();
	memset(on_stack, 0, sizeof(on_stack));
	if (strcmp(how, "double") == 0) {
		free(a);
		free(a);
	} else if (strcmp(how, "double_later") == 0) {
		free(b);
		free(a);
		free(b);
	} else if (strcmp(how, "stack") == 0) {
		free(on_stack + 32);
	} else if (strcmp(how, "realloc_wild") == 0) {
		b = realloc(on_stack + 32, 100);
	} else if (strcmp(how, "realloc_freed") == 0) {
		free(a);
		a = realloc(a, 1000000);
	} else if (strcmp(how, "realloc_none") == 0) {
		a = realloc((void *)(uintptr_t)0xdead0000dead0, 100);
	} else {
		char *wrong = no_block(how, b);

		if (!wrong)
			return 2;
		free(wrong);
	}
	return 0;
}
