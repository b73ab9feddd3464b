/* SPDX-License-Identifier: MIT */
/*
 * wrong_frees HOW: releases what may not be released, after ten thousand good calls.
 * double, double_later, foreign (memory of mmap), inside (of a block), stack, realloc_wild,
 * realloc_freed, wild (an address that is none).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "truth.h"

#define GOOD 5000

static struct truth_count count;

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
	} else if (strcmp(how, "foreign") == 0) {
		free((char *)mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) +
		     4096);
	} else if (strcmp(how, "inside") == 0) {
		free(b + 16);
	} else if (strcmp(how, "stack") == 0) {
		free(on_stack + 32);
	} else if (strcmp(how, "realloc_wild") == 0) {
		b = realloc(on_stack + 32, 100);
	} else if (strcmp(how, "realloc_freed") == 0) {
		free(a);
		a = realloc(a, 1000000);
	} else if (strcmp(how, "wild") == 0) {
		free((void *)(uintptr_t)0xdead0000dead0);
	} else {
		return 2;
	}
	return 0;
}
