/* SPDX-License-Identifier: MIT */
/*
 * Threads that are cancelled between their allocations, deep in calls, with blocks that
 * cleanup handlers and destructors release while the stack is unwound; some catch it, do
 * more and throw it on. Others leave by pthread_exit.
 */
#include <atomic>
#include <cstdlib>
#include <cxxabi.h>
#include <pthread.h>
#include <unistd.h>

#include "truth.h"

namespace
{

constexpr int threads_total = 400;

struct counts {
	truth_count blocks;
	std::atomic<bool> begun;
};

TRUTH_SITE void *on_the_way(size_t size)
{
	return std::malloc(size);
}

class block
{
      public:
	block(counts *c, size_t size) : owner(c), bytes(size), memory(on_the_way(size))
	{
		truth_allocated(&owner->blocks, bytes);
	}
	~block()
	{
		std::free(memory);
		truth_freed(&owner->blocks, bytes);
		/* One more, while the thread is being unwound. */
		std::free(on_the_way(7));
		truth_allocated(&owner->blocks, 7);
		truth_freed(&owner->blocks, 7);
	}
	block(const block &) = delete;
	block &operator=(const block &) = delete;

      private:
	counts *owner;
	size_t bytes;
	void *memory;
};

volatile bool goes_on = true; /* nobody changes it: the thread is cancelled */

TRUTH_SITE void go_down(counts *c, int depth)
{
	block here(c, size_t(depth) + 10);

	if (depth > 0) {
		go_down(c, depth - 1);
		return;
	}
	c->begun = true;
	while (goes_on) {
		block inner(c, 100);

		pthread_testcancel();
		usleep(50);
	}
}

void *catches(void *argument)
{
	auto *c = static_cast<counts *>(argument);

	try {
		go_down(c, 12);
	} catch (abi::__forced_unwind &) {
		block another(c, 33);
		throw;
	}
	return nullptr;
}

void *passes(void *argument)
{
	go_down(static_cast<counts *>(argument), 25);
	return nullptr;
}

void *leaves(void *argument)
{
	auto *c = static_cast<counts *>(argument);
	block here(c, 64);

	c->begun = true;
	pthread_exit(nullptr);
}

} // namespace

int main()
{
	static void *(*const bodies[])(void *) = {catches, passes, leaves};
	truth_count sum = {};

	for (int i = 0; i < threads_total; i++) {
		auto *c = new counts();
		pthread_t thread;

		if (pthread_create(&thread, nullptr, bodies[i % 3], c))
			return 3;
		while (!c->begun)
			usleep(20);
		pthread_cancel(thread);
		pthread_join(thread, nullptr);
		sum.allocations += c->blocks.allocations;
		sum.allocated_bytes += c->blocks.allocated_bytes;
		sum.live_blocks += c->blocks.live_blocks;
		sum.live_bytes += c->blocks.live_bytes;
		delete c;
	}
	truth_site("on_the_way", &sum, nullptr);
	truth_print();
	return 0;
}
