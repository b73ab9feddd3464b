/* SPDX-License-Identifier: MIT */
/*
 * loader_torture SECONDS PLUGIN JOINING: two threads load and unload libraries, two throw
 * exceptions, two allocate; and a library whose constructor waits for a thread that
 * allocates is loaded again and again. Every one of them must come to its end.
 */
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <dlfcn.h>
#include <pthread.h>

#include "plugin.h"
#include "truth.h"

namespace
{

enum role {
	LOADING,
	LOADING_JOINING,
	THROWING,
	ALLOCATING,
	ROLES
};

constexpr int threads_per_role = 2;

struct worker {
	role what;
	const char *library;
	truth_count count;
	bool failed;
};

std::atomic<bool> over;

struct thrown {
	int depth;
	void *block;
};

TRUTH_SITE void *beside_the_loader(size_t size)
{
	return std::malloc(size);
}

TRUTH_SITE void throw_from(int depth, worker *self)
{
	if (depth > 0) {
		throw_from(depth - 1, self);
		return;
	}
	void *block = beside_the_loader(50);

	truth_allocated(&self->count, 50);
	throw thrown{depth, block};
}

void load(worker *self)
{
	void *library = dlopen(self->library, RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		self->failed = true;
		return;
	}
	const auto *loaded = static_cast<const struct plugin *>(dlsym(library, "plugin"));

	if (loaded)
		std::free(loaded->allocate(30));
	dlclose(library);
}

void step(worker *self, size_t round)
{
	switch (self->what) {
	case LOADING:
	case LOADING_JOINING:
		load(self);
		return;
	case THROWING:
		try {
			throw_from(int(round % 20), self);
		} catch (const thrown &caught) {
			std::free(caught.block);
			truth_freed(&self->count, 50);
		}
		return;
	default:
		std::free(beside_the_loader(round % 500));
		truth_allocated(&self->count, round % 500);
		truth_freed(&self->count, round % 500);
	}
}

void *work(void *argument)
{
	auto *self = static_cast<worker *>(argument);

	for (size_t round = 1; !over && !self->failed; round++)
		step(self, round);
	return nullptr;
}

} // namespace

int main(int argc, char **argv)
{
	static worker workers[ROLES * threads_per_role];
	pthread_t threads[ROLES * threads_per_role];
	truth_count sum = {};
	timespec span = {};
	bool failed = false;

	if (argc != 4)
		return 2;
	span.tv_sec = std::atol(argv[1]);
	for (int i = 0; i < ROLES * threads_per_role; i++) {
		workers[i].what = role(i / threads_per_role);
		workers[i].library = argv[workers[i].what == LOADING_JOINING ? 3 : 2];
		if (pthread_create(&threads[i], nullptr, work, &workers[i]))
			return 3;
	}
	nanosleep(&span, nullptr);
	over = true;
	for (int i = 0; i < ROLES * threads_per_role; i++) {
		pthread_join(threads[i], nullptr);
		sum.allocations += workers[i].count.allocations;
		sum.allocated_bytes += workers[i].count.allocated_bytes;
		failed |= workers[i].failed;
	}
	truth_site("beside_the_loader", &sum, nullptr);
	truth_number("bad", failed);
	truth_print();
	return 0;
}
