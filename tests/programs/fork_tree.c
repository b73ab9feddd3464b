/* SPDX-License-Identifier: MIT */
/*
 * Forks a binary tree of processes, three generations deep. Each process allocates an
 * amount that depends on its place, frees one block that it inherited, and prints a truth
 * of its own (one line each, written at once).
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "truth.h"

#define GENERATIONS 3

static TRUTH_SITE void *in_tree(size_t size)
{
	return malloc(size);
}

/* Allocates `blocks` blocks, frees all but three. */
static void churn(size_t blocks, struct truth_count *count)
{
	for (size_t i = 1; i <= blocks; i++) {
		void *block = in_tree(i);

		truth_allocated(count, i);
		if (i > 3) {
			free(block);
			truth_freed(count, i);
		}
	}
}

/* One process; place is 1 for the first one, 2n and 2n + 1 for the children of n. */
static int grow(size_t place, int generation, void *inherited)
{
	struct truth_count count = {0};
	int bad = 0;

	free(inherited); /* the copy that this process got of its parent's block */
	churn(100 * place, &count);
	for (size_t i = 0; generation < GENERATIONS && i < 2; i++) {
		void *block = in_tree(555);
		pid_t pid;
		int status;

		truth_allocated(&count, 555);
		pid = fork();
		if (pid < 0)
			return 3;
		if (pid == 0)
			_exit(grow(2 * place + i, generation + 1, block));
		bad |= waitpid(pid, &status, 0) != pid || status != 0;
		free(block);
		truth_freed(&count, 555);
	}
	truth_number("pid", getpid());
	truth_number("ppid", place == 1 ? 0 : getppid());
	truth_number("inherited", inherited != NULL);
	truth_site("in_tree", &count, NULL);
	truth_print();
	return bad;
}

int main(void)
{
	return grow(1, 0, NULL);
}
