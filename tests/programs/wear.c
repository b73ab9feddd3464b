/* SPDX-License-Identifier: MIT */
/*
 * wear ROUNDS LIBRARY: a server's weeks in short. In each round a plugin is loaded,
 * allocates, frees and is unloaded, and four threads live shortly and allocate; nothing
 * stays. Prints how much memory is resident after half of the rounds and at the end.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugin.h"
#include "truth.h"

#define THREADS 4
#define EACH 400

static TRUTH_SITE void *in_worker(size_t size)
{
	return malloc(size);
}

static void *live_shortly(void *argument)
{
	(void)argument;
	for (size_t i = 1; i <= EACH; i++)
		free(in_worker(i));
	return NULL;
}

static void start_threads(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, live_shortly, NULL))
			abort();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void use_plugin(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	const struct plugin *loaded = library ? dlsym(library, "plugin") : NULL;
	void *block = loaded ? loaded->allocate(100) : NULL;

	if (!block)
		abort();
	free(block);
	if (dlclose(library))
		abort();
}

static size_t resident_bytes(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	if (!statm || fscanf(statm, "%*u %lu", &pages) != 1)
		abort();
	(void)fclose(statm);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
	long rounds = argc == 3 ? atol(argv[1]) : 0;

	if (rounds < 2)
		return 2;
	for (long i = 0; i < rounds; i++) {
		use_plugin(argv[2]);
		start_threads();
		if (i == rounds / 2)
			truth_number("early_bytes", (long long)resident_bytes());
	}
	truth_number("late_bytes", (long long)resident_bytes());
	truth_number("threads", (long long)rounds * THREADS + 1);
	truth_print();
	return 0;
}
