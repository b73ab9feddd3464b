/* SPDX-License-Identifier: MIT */
/*
 * lowered_file_limit: once it has begun, allows itself files of a few bytes only, and then
 * allocates and frees on. Its own writes stay below the limit; who writes beyond it gets
 * SIGXFSZ, which ends a process.
 */
#include <stdlib.h>
#include <sys/resource.h>

#include "truth.h"

#define LIMIT_BYTES 4096
#define PAIRS 400000

static TRUTH_SITE void *under_the_limit(size_t size)
{
	return malloc(size);
}

int main(void)
{
	const struct rlimit limit = {LIMIT_BYTES, LIMIT_BYTES};
	struct truth_count count = {0};

	free(under_the_limit(1));
	truth_allocated(&count, 1);
	truth_freed(&count, 1);
	if (setrlimit(RLIMIT_FSIZE, &limit))
		return 2;
	for (size_t i = 0; i < PAIRS; i++) {
		size_t size = 8 + i % 900;

		free(under_the_limit(size));
		truth_allocated(&count, size);
		truth_freed(&count, size);
	}
	truth_site("under_the_limit", &count, NULL);
	truth_number("pairs", PAIRS + 1);
	truth_print();
	return 0;
}
