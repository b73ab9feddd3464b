/* SPDX-License-Identifier: MIT */
/*
 * dlopen_storm PLUGIN: one thread loads, uses and unloads a library all the time while
 * three others allocate; and each of them must come to its end.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "plugin.h"
#include "truth.h"

#define THREADS 3
#define LOADS 400
#define BLOCKS 200000

static TRUTH_SITE void *beside_the_loader(size_t size)
{
	return malloc(size);
}

static void *churn(void *argument)
{
	struct truth_count *count = argument;

	for (size_t i = 0; i < BLOCKS; i++) {
		size_t size = 8 + i % 900;
		void *block = beside_the_loader(size);

		truth_allocated(count, size);
		if (i % 1000) {
			free(block);
			truth_freed(count, size);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct truth_count counts[THREADS];
	struct truth_count sum = {0}, plugin_count = {0};
	pthread_t threads[THREADS];

	if (argc != 2)
		return 2;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, churn, &counts[i]))
			return 3;
	for (size_t i = 1; i <= LOADS; i++) {
		void *library = dlopen(argv[1], RTLD_NOW);
		const struct plugin *loaded = library ? dlsym(library, "plugin") : NULL;

		if (!loaded)
			return 4;
		free(loaded->allocate(i));
		truth_allocated(&plugin_count, i);
		truth_freed(&plugin_count, i);
		dlclose(library);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		sum.allocations += counts[i].allocations;
		sum.allocated_bytes += counts[i].allocated_bytes;
		sum.live_blocks += counts[i].live_blocks;
		sum.live_bytes += counts[i].live_bytes;
	}
	truth_site("beside_the_loader", &sum, NULL);
	truth_site("plugin_a_allocate", &plugin_count, NULL);
	truth_print();
	return 0;
}
