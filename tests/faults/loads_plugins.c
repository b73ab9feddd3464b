/* SPDX-License-Identifier: MIT */
/*
 * loads_plugins HOW PLUGIN ROUNDS: loads a library in an unusual way, lets it allocate,
 * release and look names up, and says what it found.
 * HOW: local, deepbind (RTLD_DEEPBIND), namespace (dlmopen), origin (by a path that holds
 * for the library that asks for it only).
 */
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "odd_plugin.h"
#include "truth.h"

static TRUTH_SITE void *from_outside(size_t size)
{
	return malloc(size);
}

static void *load(const char *how, const char *path)
{
	if (strcmp(how, "deepbind") == 0)
		return dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
	if (strcmp(how, "namespace") == 0)
		return dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* Blocks of each side, released by the other; a namespace of its own has its own heap. */
static void exchange(const char *how, const struct odd_plugin *plugin, long rounds,
		     struct truth_count *count)
{
	const int share_heap = strcmp(how, "namespace") != 0;

	for (long i = 1; i <= rounds; i++) {
		char *text = plugin->copy("a text of some length");
		void *block = from_outside((size_t)i), *theirs = plugin->allocate(50);

		truth_allocated(count, (size_t)i);
		truth_freed(count, (size_t)i);
		if (strcmp(text, "a text of some length") != 0)
			exit(5);
		if (share_heap) {
			free(text);
			free(theirs);
			plugin->release(block);
		} else {
			plugin->release(text);
			plugin->release(theirs);
			free(block);
		}
	}
}

int main(int argc, char **argv)
{
	struct truth_count count = {0};
	const struct odd_plugin *plugin;
	void *library;

	if (argc != 4)
		return 2;
	library = load(argv[1], argv[2]);
	plugin = library ? dlsym(library, "odd_plugin") : NULL;
	if (!plugin) {
		fprintf(stderr, "%s\n", dlerror());
		return 3;
	}
	printf("depends on %s\n", plugin->dependency());
	printf("next strlen counts %zu\n", plugin->next_strlen("four"));
	exchange(argv[1], plugin, atol(argv[3]), &count);
	printf("closed %d\n", dlclose(library));
	fflush(stdout);
	truth_site("from_outside", &count, NULL);
	truth_number("rounds", atol(argv[3]));
	truth_print();
	return 0;
}
