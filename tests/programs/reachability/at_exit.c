/* SPDX-License-Identifier: MIT */
/*
 * Blocks made before main and after it: in a constructor, in a handler of atexit and in a
 * destructor.
 */
#include "leak_case.h"

static void *volatile from_constructor, *volatile from_handler, *volatile from_destructor;

static LEAK_SITE void handler(void)
{
	void *block = calloc(1, 162);

	leak_escape(block);
	from_handler = block;
	block = calloc(1, 163);
	leak_escape(block);
	leak_scrub();
}

static __attribute__((constructor)) LEAK_SITE void before_main(void)
{
	/* Freed after the truth was told. */
	from_constructor = calloc(1, 160);
	leak_block(161, LEAK_DEFINITE);
	leak_scrub();
}

static __attribute__((destructor)) LEAK_SITE void after_main(void)
{
	void *block = calloc(1, 164);

	leak_escape(block);
	from_destructor = block;
	block = calloc(1, 165);
	leak_escape(block);
	free(from_constructor);
	leak_scrub();
}

static LEAK_SITE void build(void)
{
	if (atexit(handler))
		abort();
	leak_expect(LEAK_REACHABLE, 1, 162);
	leak_expect(LEAK_DEFINITE, 1, 163);
	leak_expect(LEAK_REACHABLE, 1, 164);
	leak_expect(LEAK_DEFINITE, 1, 165);
}

int main(void)
{
	return leak_case(build);
}
