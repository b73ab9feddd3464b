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

#define ROUNDS 100

static uintptr_t last_base;
static long reused;

static int use(const char *path, size_t size, struct truth_count *count)
{
	void *library = dlopen(path, RTLD_NOW);
	const struct plugin *loaded = library ? dlsym(library, "plugin") : NULL;
	struct link_map *map = library;

	if (!loaded)
		return -1;
	reused += map->l_addr == last_base;
	last_base = map->l_addr;
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
	for (size_t i = 1; i <= ROUNDS; i++)
		if (use(argv[1], i, &a) || use(argv[2], 1000 + i, &b))
			return 3;
	truth_site("plugin_a_allocate", &a, NULL);
	truth_site("plugin_b_allocate", &b, NULL);
	truth_number("reused", reused);
	truth_print();
	return 0;
}
