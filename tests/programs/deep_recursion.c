/* SPDX-License-Identifier: MIT */
/*
 * deep_recursion DEPTH: allocates at every depth of a recursion, from 1 call to DEPTH calls
 * below main, so that each stack is one frame longer than the one before.
 */
#include <stdlib.h>

#include "truth.h"

static struct truth_count count;
static size_t depth_max;

static TRUTH_SITE void *at_the_bottom(size_t size)
{
	return malloc(size);
}

/* Not the last thing it does, or it would be no call. */
static TRUTH_SITE int descend(size_t depth)
{
	free(at_the_bottom(depth));
	truth_allocated(&count, depth);
	truth_freed(&count, depth);
	if (depth < depth_max)
		return descend(depth + 1) + 1;
	return 0;
}

int main(int argc, char **argv)
{
	depth_max = argc == 2 ? (size_t)atol(argv[1]) : 0;
	descend(1);
	truth_site("at_the_bottom", &count, NULL);
	truth_print();
	return 0;
}
