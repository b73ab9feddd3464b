/* SPDX-License-Identifier: MIT */
/*
 * vfork_first HOW: threads whose first allocation is made by a vfork child of theirs, each
 * begun while the ones before it allocate. HOW the child leaves: _exit, exec, missing (an
 * exec that fails, then _exit), system (the call itself, without libc), killed.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define THREADS 8
#define ROUNDS 4
/* Long enough for several chunks, so that two that share one would meet. */
#define BLOCKS 12000

static TRUTH_SITE void *in_child(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_parent(size_t size)
{
	return malloc(size);
}

static const char *how;
static atomic_uint begun;
static atomic_int bad;

static void leave(void)
{
	char nowhere[] = "/there/is/no/such", true_path[] = "/bin/true";

	if (strcmp(how, "exec") == 0)
		execl(true_path, true_path, (char *)NULL);
	else if (strcmp(how, "missing") == 0)
		execl(nowhere, nowhere, (char *)NULL);
	else if (strcmp(how, "system") == 0)
		syscall(SYS_exit, 0);
	else if (strcmp(how, "killed") == 0)
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
	_exit(0);
}

static bool ended_as_meant(int status)
{
	if (strcmp(how, "killed") == 0)
		return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void *run(void *argument)
{
	void *volatile from_child = NULL;
	pid_t pid;
	int status;

	(void)argument;
	pid = vfork();
	if (pid == 0) {
		from_child = in_child(100);
		leave();
	}
	if (waitpid(pid, &status, 0) != pid || !ended_as_meant(status))
		atomic_fetch_add(&bad, 1);
	free(from_child);
	for (size_t i = 0; i < BLOCKS; i++) {
		void *block = in_parent(1 + i % 200);

		if (i == BLOCKS / 20)
			atomic_fetch_add(&begun, 1);
		if (i % 16)
			free(block);
	}
	return NULL;
}

static void count(struct truth_count *child, struct truth_count *parent)
{
	for (size_t thread = 0; thread < (size_t)THREADS * ROUNDS; thread++) {
		truth_allocated(child, 100);
		truth_freed(child, 100);
		for (size_t i = 0; i < BLOCKS; i++) {
			truth_allocated(parent, 1 + i % 200);
			if (i % 16)
				truth_freed(parent, 1 + i % 200);
		}
	}
}

int main(int argc, char **argv)
{
	struct truth_count child = {0}, parent = {0};
	pthread_t threads[THREADS];

	if (argc != 2)
		return 2;
	how = argv[1];
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < THREADS; i++) {
			if (pthread_create(&threads[i], NULL, run, NULL))
				return 3;
			/* The next one begins while this one allocates. */
			while (atomic_load(&begun) < round * THREADS + i + 1)
				sched_yield();
		}
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
	}
	count(&child, &parent);
	truth_site("in_child", &child, NULL);
	truth_site("in_parent", &parent, NULL);
	truth_number("pid", getpid());
	truth_number("bad", atomic_load(&bad));
	truth_print();
	return 0;
}
