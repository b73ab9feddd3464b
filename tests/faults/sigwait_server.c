/* SPDX-License-Identifier: MIT */
/*
 * A server that takes its signals by sigwait: all are blocked in its first thread before
 * there is another one, so any thread that somebody else had started would be given them.
 * Sends itself signals whose default is to end the process, and counts what arrives.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "truth.h"

#define SIGNALS 3000

static struct truth_count count;

static TRUTH_SITE void *between_signals(size_t size)
{
	return malloc(size);
}

static void *serve(void *argument)
{
	const sigset_t *wanted = argument;

	for (size_t i = 1; i <= SIGNALS; i++) {
		const struct timespec patience = {5, 0};
		int got = sigtimedwait(wanted, NULL, &patience);

		if (got != SIGTERM && got != SIGUSR1 && got != SIGHUP)
			_exit(4);
		free(between_signals(i));
		truth_allocated(&count, i);
		truth_freed(&count, i);
		if (kill(getpid(), SIGALRM))
			_exit(5);
	}
	return NULL;
}

int main(void)
{
	static const int sent[] = {SIGTERM, SIGUSR1, SIGHUP};
	sigset_t all, wanted, answer;
	pthread_t server;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	sigemptyset(&wanted);
	for (size_t i = 0; i < 3; i++)
		sigaddset(&wanted, sent[i]);
	sigemptyset(&answer);
	sigaddset(&answer, SIGALRM);
	if (pthread_create(&server, NULL, serve, &wanted))
		return 2;
	for (int i = 0; i < SIGNALS; i++) {
		int got;

		if (kill(getpid(), sent[i % 3]) || sigwait(&answer, &got))
			return 3;
	}
	pthread_join(server, NULL);
	truth_site("between_signals", &count, NULL);
	truth_print();
	return 0;
}
