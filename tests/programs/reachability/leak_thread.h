/* SPDX-License-Identifier: MIT */
/*
 * leak_thread.h - threads that a program leaves running when it ends.
 *
 * Guarantees: leak_thread() returns when the new thread has called leak_thread_ready(), so
 * that what it does before happens before what its creator does next.
 * Threads: leak_thread() from one thread at a time. Memory: none but the thread's own.
 * Not here: what the thread waits for; it has to outlive the process's last line.
 */
#ifndef LEAK_THREAD_H
#define LEAK_THREAD_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_int leak_threads_ready;

static inline void leak_thread_ready(void)
{
	/* Pairs with the load in leak_thread. */
	atomic_fetch_add_explicit(&leak_threads_ready, 1, memory_order_release);
}

/* Starts a thread, which is not joined, with attributes or NULL, and waits for it. */
static inline void leak_thread(void *(*body)(void *), void *argument,
			       const pthread_attr_t *attributes)
{
	int before = atomic_load_explicit(&leak_threads_ready, memory_order_relaxed);
	pthread_t thread;

	if (pthread_create(&thread, attributes, body, argument))
		abort();
	/* Pairs with leak_thread_ready. */
	while (atomic_load_explicit(&leak_threads_ready, memory_order_acquire) == before)
		sched_yield();
}

#endif
