/* SPDX-License-Identifier: MIT */
/*
 * exec_chain N: allocates 1000 + N times, prints its truth and executes itself with N - 1;
 * with 0 it ends. Every image is the same process and has a dump of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "truth.h"

static TRUTH_SITE void *in_image(size_t size)
{
	return malloc(size);
}

int main(int argc, char **argv)
{
	struct truth_count count = {0};
	int left = argc == 2 ? atoi(argv[1]) : -1;
	char next[16];

	if (left < 0)
		return 2;
	for (size_t i = 1; i <= 1000 + (size_t)left; i++) {
		void *block = in_image(i);

		truth_allocated(&count, i);
		if (i % 2) {
			free(block);
			truth_freed(&count, i);
		}
	}
	truth_site("in_image", &count, NULL);
	truth_number("left", left);
	truth_number("pid", getpid());
	truth_print();
	if (left == 0)
		return 0;
	snprintf(next, sizeof(next), "%d", left - 1);
	execl(argv[0], argv[0], next, (char *)NULL);
	return 3;
}
