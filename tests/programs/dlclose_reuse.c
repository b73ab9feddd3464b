/* SPDX-License-Identifier: MIT */
/*
 * dlclose_reuse PLUGIN_A PLUGIN_B [ROUNDS [elsewhere]]: loads and unloads the two in turn,
 * so that the second is mapped where the first was; the same addresses are then another
 * function's. "reused" counts how often that happened. elsewhere: another thread calls what
 * this one loads, and sees nothing of the loading itself.
 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
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

/* What the other thread is to call, and what came of it. */
static struct {
	bool used;
	sem_t wanted, done;
	const struct plugin *library; /* NULL: it is to end */
	size_t size;
	void *block;
} elsewhere;

static void *call_elsewhere(void *unused)
{
	(void)unused;
	while (sem_wait(&elsewhere.wanted) == 0 && elsewhere.library) {
		elsewhere.block = elsewhere.library->allocate(elsewhere.size);
		sem_post(&elsewhere.done);
	}
	return NULL;
}

static void *allocate(const struct plugin *library, size_t size)
{
	if (!elsewhere.used)
		return library->allocate(size);
	elsewhere.library = library;
	elsewhere.size = size;
	sem_post(&elsewhere.wanted);
	sem_wait(&elsewhere.done);
	return elsewhere.block;
}

static int use(const char *path, size_t size, struct truth_count *count)
{
	void *library = dlopen(path, RTLD_NOW);
	const struct plugin *loaded = library ? dlsym(library, "plugin") : NULL;
	struct link_map *map = library;

	if (!loaded)
		return -1;
	note_place(map->l_addr, path);
	free(allocate(loaded, size));
	truth_allocated(count, size);
	truth_freed(count, size);
	if (!allocate(loaded, 2 * size)) /* left unfreed */
		return -1;
	truth_allocated(count, 2 * size);
	return dlclose(library);
}

int main(int argc, char **argv)
{
	const size_t rounds = argc >= 4 ? (size_t)atol(argv[3]) : ROUNDS;
	struct truth_count a = {0}, b = {0};
	pthread_t thread;

	if (argc < 3 || argc > 5)
		return 2;
	elsewhere.used = argc == 5;
	if (elsewhere.used &&
	    (sem_init(&elsewhere.wanted, 0, 0) || sem_init(&elsewhere.done, 0, 0) ||
	     pthread_create(&thread, NULL, call_elsewhere, NULL)))
		return 2;
	/* Taking turns in who comes first: where two places take turns too, each library
	 * still gets into both. */
	for (size_t i = 1; i <= rounds; i += 2) {
		if (use(argv[1], i, &a) || use(argv[2], 1000 + i, &b) ||
		    use(argv[2], 1001 + i, &b) || use(argv[1], i + 1, &a))
			return 3;
	}
	if (elsewhere.used) {
		elsewhere.library = NULL;
		sem_post(&elsewhere.wanted);
		pthread_join(thread, NULL);
	}
	truth_site("plugin_a_allocate", &a, NULL);
	truth_site("plugin_b_allocate", &b, NULL);
	truth_number("reused", reused);
	truth_print();
	return 0;
}
