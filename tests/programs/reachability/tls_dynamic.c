/* SPDX-License-Identifier: MIT */
/*
 * Thread-local variables of a library that was loaded by dlopen: the loader allocates them
 * at first use, for the main thread and for one that is alive at the end.
 */
#include "leak_case.h"
#include "leak_plugin_load.h"
#include "leak_thread.h"

static const char *program;
static plugin_keep_fn keep;
static int pipe_fds[2];

static LEAK_SITE void *lives(void *unused)
{
	char byte;

	keep(PLUGIN_TLS, leak_block(120, LEAK_REACHABLE));
	leak_scrub();
	leak_thread_ready();
	for (;;)
		(void)!read(pipe_fds[0], &byte, 1);
	return unused;
}

static LEAK_SITE void build(void)
{
	void *handle;

	if (pipe(pipe_fds))
		abort();
	keep = plugin_load(program, &handle);
	keep(PLUGIN_TLS, leak_block(121, LEAK_REACHABLE));
	leak_thread(lives, NULL, NULL);
	/* Overwritten: the first one is lost. */
	keep(PLUGIN_TLS, leak_block(122, LEAK_REACHABLE));
	leak_expect(LEAK_REACHABLE, (uint64_t)-1, (uint64_t)-121);
	leak_expect(LEAK_DEFINITE, 1, 121);
}

int main(int argc, char **argv)
{
	(void)argc;
	program = argv[0];
	return leak_case(build);
}
