// SPDX-License-Identifier: MIT
/*
 * C++ objects of thread storage duration whose destructors free and allocate while their
 * thread, and at last the main thread, ends.
 */
#include <pthread.h>

#include "truth.h"

namespace
{

constexpr int threads = 200;
truth_count before, during;

TRUTH_SITE char *before_thread_end()
{
	return new char[111];
}

TRUTH_SITE char *during_thread_end()
{
	return new char[222];
}

struct held {
	char *block = before_thread_end();
	~held();
};

held::~held()
{
	char *volatile last = during_thread_end();

	delete[] last;
	delete[] block;
	last = during_thread_end(); /* left unfreed */
}

thread_local held mine;

/* Naming the object makes it. */
void *touch(void *)
{
	return mine.block;
}

} // namespace

int main()
{
	for (int i = 0; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, nullptr, touch, nullptr))
			return 3;
		pthread_join(thread, nullptr);
	}
	touch(nullptr);
	/* The main thread's own object is destroyed after this; it is counted ahead. */
	for (int i = 0; i < threads + 1; i++) {
		truth_allocated(&before, 111);
		truth_freed(&before, 111);
		truth_allocated(&during, 222);
		truth_freed(&during, 222);
		truth_allocated(&during, 222);
	}
	truth_site("before_thread_end", &before, nullptr);
	truth_site("during_thread_end", &during, nullptr);
	truth_print();
	return 0;
}
