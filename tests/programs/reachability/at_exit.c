/* SPDX-License-Identifier: MIT */
/*
 * Blocks made before main and after it: in a constructor and in a handler of atexit.
 */
#include "leak_case.h"

static void *volatile from_constructor, *volatile from_handler;

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
	from_constructor = leak_block(160, LEAK_REACHABLE);
	leak_block(161, LEAK_DEFINITE);
	leak_scrub();
}

static LEAK_SITE void build(void)
{
	if (atexit(handler))
		abort();
	leak_expect(LEAK_REACHABLE, 1, 162);
	leak_expect(LEAK_DEFINITE, 1, 163);
}

int main(void)
{
	return leak_case(build);
}
