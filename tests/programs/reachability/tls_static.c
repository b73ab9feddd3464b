/* SPDX-License-Identifier: MIT */
/*
 * Thread-local variables of the program: of the main thread, of a thread that is alive and
 * of one that has ended.
 */
#include <unistd.h>

#include "leak_case.h"
#include "leak_thread.h"

static __thread void *volatile zeroed;
static __thread void *volatile table[100] = {(void *)1};
static int pipe_fds[2];

static LEAK_SITE void fill(enum leak_kind kind, size_t bytes)
{
	zeroed = leak_block(bytes, kind);
	table[50] = leak_block(bytes + 1, kind);
	leak_put(table[50], 0,
		 leak_block(bytes + 2, kind == LEAK_DEFINITE ? LEAK_INDIRECT : kind));
}

static void *ends(void *unused)
{
	fill(LEAK_DEFINITE, 80);
	leak_scrub();
	return unused;
}

static void *lives(void *unused)
{
	char byte;

	fill(LEAK_REACHABLE, 90);
	leak_scrub();
	leak_thread_ready();
	for (;;)
		(void)!read(pipe_fds[0], &byte, 1);
	return unused;
}

static LEAK_SITE void build(void)
{
	pthread_t thread;

	if (pipe(pipe_fds))
		abort();
	if (pthread_create(&thread, NULL, ends, NULL) || pthread_join(thread, NULL))
		abort();
	/* Takes the ended thread's stack over. */
	leak_thread(lives, NULL, NULL);
	fill(LEAK_REACHABLE, 100);
}

int main(void)
{
	return leak_case(build);
}
