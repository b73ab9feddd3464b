/* SPDX-License-Identifier: MIT */
/*
 * thread_storage PLUGIN...: loads each plugin, which has thread-local storage of its own,
 * and uses it in threads that come and go. The first use of such storage in a thread may
 * allocate within the loader.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

#include "truth.h"

#define PLUGINS_MOST 64
#define THREADS 40

typedef void *plugin_function(size_t size);

static plugin_function *functions[PLUGINS_MOST];
static int plugins;

static void *use_all(void *argument)
{
	for (int i = 0; i < plugins; i++)
		for (size_t size = 1; size <= 5; size++)
			free(functions[i](size));
	return argument;
}

int main(int argc, char **argv)
{
	struct truth_count count = {0};

	for (int i = 1; i < argc && plugins < PLUGINS_MOST; i++) {
		void *library = dlopen(argv[i], RTLD_NOW);

		if (!library)
			return 2;
		*(void **)&functions[plugins] = dlsym(library, "plugin_use");
		if (!functions[plugins++])
			return 3;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, use_all, NULL))
			return 4;
		pthread_join(thread, NULL);
	}
	count.allocations = (uint64_t)THREADS * (uint64_t)plugins * 5;
	count.allocated_bytes = count.allocations * 3;
	truth_site("in_plugin", &count, NULL);
	truth_number("plugins", plugins);
	truth_print();
	return 0;
}
