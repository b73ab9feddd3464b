/* SPDX-License-Identifier: MIT */
/*
 * spawn_ways CHILD: starts CHILD in every way that shares memory with the parent until the
 * exec: posix_spawn with file actions and attributes, vfork from several threads that
 * allocate before the exec and after the child has gone, and vfork of a program that does
 * not exist. CHILD's output goes to the file "out" by the file actions.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define THREADS 3
#define PER_THREAD 30
#define SPAWNS 30

static const char *child_path;
static long bad;

static TRUTH_SITE void *in_spawner(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_vfork_child(size_t size)
{
	return malloc(size);
}

struct spawner {
	pthread_t thread;
	struct truth_count own, borrowed;
	void *volatile from_child;
	long bad;
};

/* The child's steps until there is another program, in the parent's memory. */
static pid_t start_by_vfork(struct spawner *spawner, size_t size, const char *path)
{
	pid_t pid = vfork();

	if (pid == 0) {
		spawner->from_child = in_vfork_child(size);
		execl(path, path, (char *)NULL);
		_exit(9);
	}
	return pid;
}

static void *by_vfork(void *argument)
{
	struct spawner *spawner = argument;

	for (size_t i = 1; i <= PER_THREAD; i++) {
		bool missing = i % 3 == 0;
		pid_t pid = start_by_vfork(spawner, i,
					   missing ? "/there/is/no/such" : child_path);
		int status;

		spawner->bad += waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
				WEXITSTATUS(status) != (missing ? 9 : 0);
		truth_allocated(&spawner->borrowed, i);
		free(spawner->from_child);
		truth_freed(&spawner->borrowed, i);
		in_spawner(i);
		truth_allocated(&spawner->own, i);
	}
	return NULL;
}

static void by_spawn(void)
{
	char *arguments[] = {(char *)child_path, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;
	int status;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "out", O_WRONLY | O_CREAT | O_APPEND,
					 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 7);
	posix_spawn_file_actions_addclose(&actions, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, 8);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
				 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &none);
	if (posix_spawn(&pid, child_path, &actions, &attributes, arguments, environ))
		bad++;
	else
		bad += waitpid(pid, &status, 0) != pid || status;
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
}

int main(int argc, char **argv)
{
	static struct spawner spawners[THREADS];
	struct truth_count own = {0}, borrowed = {0};

	if (argc != 2)
		return 2;
	child_path = argv[1];
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&spawners[i].thread, NULL, by_vfork, &spawners[i]))
			return 3;
	for (int i = 0; i < SPAWNS; i++)
		by_spawn();
	for (int i = 0; i < THREADS; i++) {
		pthread_join(spawners[i].thread, NULL);
		own.allocations += spawners[i].own.allocations;
		own.allocated_bytes += spawners[i].own.allocated_bytes;
		own.live_blocks += spawners[i].own.live_blocks;
		own.live_bytes += spawners[i].own.live_bytes;
		borrowed.allocations += spawners[i].borrowed.allocations;
		borrowed.allocated_bytes += spawners[i].borrowed.allocated_bytes;
		bad += spawners[i].bad;
	}
	truth_site("in_spawner", &own, NULL);
	truth_site("in_vfork_child", &borrowed, NULL);
	truth_number("pid", getpid());
	truth_number("bad", bad);
	truth_print();
	return bad != 0;
}
