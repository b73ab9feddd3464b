/* SPDX-License-Identifier: MIT */
/*
 * A process with kept and lost blocks forks; parent and child each keep and lose more. The
 * child hangs a block to the end of the list that it inherited. Each prints its own truth.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "leak_case.h"

static void *volatile head, *volatile own;

static LEAK_SITE void before(void)
{
	void *tail;

	head = leak_block(130, LEAK_REACHABLE);
	tail = leak_block(131, LEAK_REACHABLE);
	leak_put(head, 0, tail);
	leak_block(132, LEAK_DEFINITE);
}

static LEAK_SITE void in_child(void)
{
	void *tail = *(void **)head;

	leak_put(tail, 4, leak_block(140, LEAK_REACHABLE));
	own = leak_block(141, LEAK_REACHABLE);
	leak_put(leak_block(142, LEAK_DEFINITE), 1, leak_block(143, LEAK_INDIRECT));
}

/* The child frees the head; the parent has its own. */
static LEAK_SITE void free_head(void)
{
	void *tail = *(void **)head;

	free(head);
	head = tail;
	leak_expect(LEAK_REACHABLE, (uint64_t)-1, (uint64_t)-130);
}

static LEAK_SITE void in_parent(void)
{
	own = leak_inside(leak_block(150, LEAK_POSSIBLE), 3);
	leak_block(151, LEAK_DEFINITE);
}

static LEAK_SITE int both(void)
{
	pid_t child;
	int status;

	before();
	child = fork();
	if (child < 0)
		return 3;
	if (!child) {
		in_child();
		free_head();
		leak_scrub();
		leak_print("\"child\"");
		return 0;
	}
	if (waitpid(child, &status, 0) != child || status)
		return 4;
	in_parent();
	leak_scrub();
	leak_print("\"parent\"");
	return 0;
}

int main(void)
{
	return both();
}
