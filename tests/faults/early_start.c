/* SPDX-License-Identifier: MIT */
/*
 * Allocates before there is a main: in a constructor and, built with WITH_RESOLVER, in a
 * function that chooses an implementation while the loader binds names (ifunc); and looks
 * for missing symbols between its allocations. Adds what a preloaded early_calloc did, if
 * there is one.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "early_calloc.h"

#define ROUNDS 500

#pragma weak early_calloc_truth

static struct truth_count constructor_count, main_count;

static TRUTH_SITE void *in_constructor(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_main(size_t size)
{
	return malloc(size);
}

#ifdef WITH_RESOLVER
static struct truth_count resolver_count;

static TRUTH_SITE void *in_resolver(size_t size)
{
	return malloc(size);
}

static int chosen(void)
{
	return 5;
}

/* GCC manual, "Common Function Attributes": called by the dynamic linker. */
__attribute__((used)) static int (*resolve(void))(void)
{
	for (size_t i = 1; i <= 20; i++) {
		void *block = in_resolver(i);

		truth_allocated(&resolver_count, i);
		if (i > 3) {
			free(block);
			truth_freed(&resolver_count, i);
		}
	}
	return chosen;
}

int choice(void) __attribute__((ifunc("resolve")));
#else
static int choice(void)
{
	return 5;
}
#endif

__attribute__((constructor(101))) static void construct(void)
{
	for (size_t i = 1; i <= 30; i++) {
		in_constructor(i);
		truth_allocated(&constructor_count, i);
	}
}

int main(void)
{
	for (size_t i = 1; i <= ROUNDS; i++) {
		void *block = in_main(i);

		truth_allocated(&main_count, i);
		if (dlsym(RTLD_DEFAULT, "there is no such symbol"))
			return 1;
		free(block);
		truth_freed(&main_count, i);
	}
#ifdef WITH_RESOLVER
	truth_site("in_resolver", &resolver_count, NULL);
#endif
	truth_site("in_constructor", &constructor_count, NULL);
	truth_site("in_main", &main_count, NULL);
	if (early_calloc_truth) {
		struct truth_count early = early_calloc_truth();

		truth_site("in_early_constructor", &early, NULL);
	}
	truth_print();
	return choice();
}
