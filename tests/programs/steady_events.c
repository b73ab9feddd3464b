/* SPDX-License-Identifier: MIT */
/*
 * steady_events BLOCKS [FILE]: allocates and frees so many blocks, all but one in a
 * hundred, and ends with status 5. Its truth goes to FILE, made at the end, or to standard
 * output.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "truth.h"

static TRUTH_SITE void *steadily(size_t size)
{
	return malloc(size);
}

int main(int argc, char **argv)
{
	struct truth_count count = {0};
	size_t blocks = argc > 1 ? (size_t)atol(argv[1]) : 0;

	for (size_t i = 0; i < blocks; i++) {
		size_t size = 1 + i % 123;
		void *block = steadily(size);

		if (!block)
			return 4;
		truth_allocated(&count, size);
		if (i % 100) {
			free(block);
			truth_freed(&count, size);
		}
	}
	truth_site("steadily", &count, NULL);
	truth_number("pid", getpid());
	truth_number("frees", (long long)(count.allocations - count.live_blocks));
	if (argc > 2) {
		int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);

		if (fd < 0)
			return 3;
		truth_number("descriptor", fd);
		truth_print_to(fd);
	} else {
		truth_print();
	}
	return 5;
}
