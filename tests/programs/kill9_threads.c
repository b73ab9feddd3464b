/* SPDX-License-Identifier: MIT */
/*
 * kill9_threads FILE [MICROSECONDS]: four threads pass blocks round through shared slots,
 * and count what is complete in FILE, a shared mapping of their own that survives any
 * death. They go on until they are killed; with MICROSECONDS by the program itself, after
 * so long.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "truth.h"

#define THREADS 4
#define SLOTS 4096

/* The file's content: for each thread a cache line of its own. */
struct completed {
	_Atomic uint64_t allocations;
	_Atomic uint64_t frees;
	uint64_t unused[6];
};

struct worker {
	pthread_t thread;
	unsigned number;
	struct completed *completed;
};

static _Atomic(void *) slots[SLOTS];

#define WORKER(n)                                                                          \
	static TRUTH_SITE void *until_killed_##n(void *block, size_t size)                 \
	{                                                                                  \
		return realloc(block, size);                                               \
	}
WORKER(0)
WORKER(1)
WORKER(2)
WORKER(3)

static void *(*const allocate[THREADS])(void *, size_t) = {until_killed_0, until_killed_1,
							   until_killed_2, until_killed_3};

static void count(_Atomic uint64_t *what)
{
	atomic_store_explicit(what, atomic_load_explicit(what, memory_order_relaxed) + 1,
			      memory_order_release);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct completed *completed = worker->completed;
	uint64_t state = 99 + worker->number;

	for (;;) {
		void *block, *found;

		state = state * 6364136223846793005ull + 1442695040888963407ull;
		block = allocate[worker->number](NULL, 16 + (state >> 50 & 1023));
		count(&completed->allocations);
		if (state >> 33 & 1) {
			block = allocate[worker->number](block, 16 + (state >> 40 & 2047));
			count(&completed->allocations);
			count(&completed->frees);
		}
		found = atomic_exchange(&slots[state >> 52], block);
		if (found) {
			free(found);
			count(&completed->frees);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[THREADS];
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600) : -1;
	struct completed *map;

	if (fd < 0 || ftruncate(fd, 4096))
		return 2;
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 2;
	close(fd);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i].number = i;
		workers[i].completed = &map[i];
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 3;
	}
	if (argc > 2) {
		usleep((useconds_t)atol(argv[2]));
		raise(SIGKILL);
	}
	pause();
	return 1;
}
