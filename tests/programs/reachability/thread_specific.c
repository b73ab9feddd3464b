/* SPDX-License-Identifier: MIT */
/*
 * What pthread_setspecific keeps for a thread that is alive is reachable; what an ended
 * thread had is lost, unless a destructor freed it.
 */
#include <unistd.h>

#include "leak_case.h"
#include "leak_thread.h"

static pthread_key_t with_destructor, without;
static int pipe_fds[2];

static LEAK_SITE void *ends(void *unused)
{
	void *freed = calloc(1, 71);

	pthread_setspecific(with_destructor, freed);
	pthread_setspecific(without, leak_block(72, LEAK_DEFINITE));
	leak_scrub();
	return unused;
}

static LEAK_SITE void *lives(void *unused)
{
	char byte;

	pthread_setspecific(with_destructor, leak_block(73, LEAK_REACHABLE));
	leak_scrub();
	leak_thread_ready();
	for (;;)
		(void)!read(pipe_fds[0], &byte, 1);
	return unused;
}

static LEAK_SITE void build(void)
{
	pthread_t thread;

	if (pipe(pipe_fds) || pthread_key_create(&with_destructor, free) ||
	    pthread_key_create(&without, NULL))
		abort();
	if (pthread_create(&thread, NULL, ends, NULL) || pthread_join(thread, NULL))
		abort();
	leak_thread(lives, NULL, NULL);
	pthread_setspecific(without, leak_block(74, LEAK_REACHABLE));
}

int main(void)
{
	return leak_case(build);
}
