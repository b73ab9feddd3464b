/* SPDX-License-Identifier: MIT */
/*
 * kill9 FILE [EVENTS]: makes events (an allocation, then every second time a release) and
 * counts each that is complete in FILE, a shared mapping of its own that survives any
 * death. With EVENTS it kills itself after as many; without, it goes on until it is killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "truth.h"

#define HELD 512

/* The file's content, in the order of its members. */
struct completed {
	_Atomic uint64_t allocations;
	_Atomic uint64_t frees;
};

static TRUTH_SITE void *until_killed(size_t size)
{
	return malloc(size);
}

static struct completed *map_completed(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	void *map;

	if (fd < 0 || ftruncate(fd, 4096))
		return NULL;
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map == MAP_FAILED ? NULL : map;
}

int main(int argc, char **argv)
{
	static void *held[HELD];
	uint64_t limit = argc == 3 ? strtoull(argv[2], NULL, 10) : UINT64_MAX;
	struct completed *completed = argc > 1 ? map_completed(argv[1]) : NULL;
	uint64_t events = 0;

	if (!completed)
		return 2;
	for (size_t i = 0;; i++) {
		void **slot = &held[i * 7 % HELD];

		if (*slot) {
			free(*slot);
			atomic_fetch_add_explicit(&completed->frees, 1,
						  memory_order_release);
			if (++events == limit)
				break;
		}
		*slot = until_killed(16 + i % 300);
		atomic_fetch_add_explicit(&completed->allocations, 1, memory_order_release);
		if (++events == limit)
			break;
	}
	raise(SIGKILL);
	return 1;
}
