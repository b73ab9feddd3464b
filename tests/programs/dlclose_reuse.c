/* SPDX-License-Identifier: MIT */
/*
 * dlclose_reuse PLUGIN_A PLUGIN_B: loads and unloads the two in turn, so that the second is
 * mapped where the first was; the same addresses are then another function's. "reused"
 * counts how often that happened.
 */
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>

#include "plugin.h"
#include "truth.h"

#define PLACES 16
#define ROUNDS 100

/* Where libraries were, and which was there last. */
static struct place {
	uintptr_t base;
	const char *path;
} places[PLACES];
static long reused;

/* Counts a library that comes where another one was last. */
static void note_place(uintptr_t base, const char *path)
{
	struct place *place = places;

	while (place < places + PLACES - 1 && place->path && place->base != base)
		place++;
	reused += place->path && place->base == base && place->path != path;
	*place = (struct place){base, path};
}

static int use(const char *path, size_t size, struct truth_count *count)
{
	void *library = dlopen(path, RTLD_NOW);
	const struct plugin *loaded = library ? dlsym(library, "plugin") : NULL;
	struct link_map *map = library;

	if (!loaded)
		return -1;
	note_place(map->l_addr, path);
	free(loaded->allocate(size));
	truth_allocated(count, size);
	truth_freed(count, size);
	if (!loaded->allocate(2 * size)) /* left unfreed */
		return -1;
	truth_allocated(count, 2 * size);
	return dlclose(library);
}

int main(int argc, char **argv)
{
	struct truth_count a = {0}, b = {0};

	if (argc != 3)
		return 2;
	/* Taking turns in who comes first: where two places take turns too, each library
	 * still gets into both. */
	for (size_t i = 1; i <= ROUNDS; i += 2) {
		if (use(argv[1], i, &a) || use(argv[2], 1000 + i, &b) ||
		    use(argv[2], 1001 + i, &b) || use(argv[1], i + 1, &a))
			return 3;
	}
	truth_site("plugin_a_allocate", &a, NULL);
	truth_site("plugin_b_allocate", &b, NULL);
	truth_number("reused", reused);
	truth_print();
	return 0;
}
