/* SPDX-License-Identifier: MIT */
/*
 * Allocates from a conservative garbage collector (libgc), whose roots are all the data
 * that it finds mapped, and with malloc beside it. What is reachable must
 * still be there after its collections.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "truth.h"

#define CELLS 20000
#define ROUNDS 20

struct cell {
	struct cell *next;
	uintptr_t number;
};

static void *(*collected)(size_t);
static void (*collect)(void);
static struct cell *list; /* a root */
static struct truth_count count;

static TRUTH_SITE void *beside(size_t size)
{
	return malloc(size);
}

static void add_cells(uintptr_t first)
{
	for (uintptr_t i = 0; i < CELLS; i++) {
		struct cell *cell = collected(sizeof(*cell));
		void *block = beside(1 + i % 100);

		truth_allocated(&count, 1 + i % 100);
		if (i % 50) {
			free(block);
			truth_freed(&count, 1 + i % 100);
		}
		cell->number = first + i;
		/* Most of them are garbage at once. */
		if (i % 10 == 0) {
			cell->next = list;
			list = cell;
		}
	}
}

static long count_wrong(uintptr_t last)
{
	uintptr_t expected = last;
	long wrong = 0;

	for (const struct cell *cell = list; cell; cell = cell->next, expected -= 10)
		wrong += cell->number != expected;
	return wrong;
}

int main(void)
{
	void *library = dlopen("libgc.so.1", RTLD_NOW | RTLD_GLOBAL);
	void (*begin)(void);
	long wrong = 0;

	if (!library)
		return 2;
	*(void **)&begin = dlsym(library, "GC_init");
	*(void **)&collected = dlsym(library, "GC_malloc");
	*(void **)&collect = dlsym(library, "GC_gcollect");
	if (!begin || !collected || !collect)
		return 3;
	begin();
	for (uintptr_t round = 0; round < ROUNDS; round++) {
		add_cells(round * CELLS);
		collect();
		wrong += count_wrong(round * CELLS + CELLS - 10);
	}
	truth_site("beside", &count, NULL);
	truth_number("pid", getpid());
	truth_number("wrong", wrong);
	truth_print();
	return wrong != 0;
}
