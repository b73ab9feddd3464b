/* SPDX-License-Identifier: MIT */
/*
 * process_end WAY: allocates, and again in handlers while it ends in one of the ways that a
 * process can end: return, exit, quick_exit, _exit, abort, segv, kill. Prints its truth,
 * that of the handlers included, before it ends.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "truth.h"

#define BEFORE 2000
#define IN_HANDLER 30

static void *volatile kept;

static TRUTH_SITE void *before_the_end(size_t size)
{
	return malloc(size);
}

static TRUTH_SITE void *in_end_handler(size_t size)
{
	return malloc(size);
}

/* All but the last block are freed. */
static void handler(void)
{
	for (size_t i = 1; i <= IN_HANDLER; i++) {
		kept = in_end_handler(i);
		if (i < IN_HANDLER)
			free(kept);
	}
}

static void handler_with_status(int status, void *argument)
{
	(void)status;
	(void)argument;
	handler();
}

static void end(const char *way)
{
	static int *volatile nowhere;

	if (!strcmp(way, "exit"))
		exit(7);
	if (!strcmp(way, "quick_exit"))
		quick_exit(8);
	if (!strcmp(way, "_exit"))
		_exit(9);
	if (!strcmp(way, "abort"))
		abort();
	if (!strcmp(way, "segv"))
		*nowhere = 1;
	if (!strcmp(way, "kill"))
		raise(SIGKILL);
}

static void count_handler(struct truth_count *count)
{
	for (size_t i = 1; i <= IN_HANDLER; i++) {
		truth_allocated(count, i);
		if (i < IN_HANDLER)
			truth_freed(count, i);
	}
}

int main(int argc, char **argv)
{
	struct truth_count before = {0}, in_handler = {0};

	if (argc != 2)
		return 2;
	atexit(handler);
	on_exit(handler_with_status, NULL);
	at_quick_exit(handler);
	for (size_t i = 1; i <= BEFORE; i++) {
		kept = before_the_end(i);
		truth_allocated(&before, i);
		if (i % 10) {
			free(kept);
			truth_freed(&before, i);
		}
	}
	if (!strcmp(argv[1], "return") || !strcmp(argv[1], "exit")) {
		count_handler(&in_handler);
		count_handler(&in_handler);
	} else if (!strcmp(argv[1], "quick_exit")) {
		count_handler(&in_handler);
	}
	truth_site("before_the_end", &before, NULL);
	truth_site("in_end_handler", &in_handler, NULL);
	truth_print();
	end(argv[1]);
	return 6;
}
