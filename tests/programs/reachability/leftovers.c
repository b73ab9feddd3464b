/* SPDX-License-Identifier: MIT */
/*
 * A block that is not cleared holds what its memory held before. The program never reads
 * that, and memcheck knows so; by the words alone it is a pointer like any other.
 */
#include <string.h>

#include "leak_case.h"

static void *volatile kept;

static LEAK_SITE void build(void)
{
	void *former = calloc(1, 256);

	leak_escape(former);
	leak_put(former, 20, leak_block(220, LEAK_DEFINITE));
	free(former);
	former = malloc(256);
	leak_escape(former);
	memset(former, 0, 32);
	kept = former;
	leak_expect(LEAK_REACHABLE, 1, 256);
}

int main(void)
{
	return leak_case(build);
}
