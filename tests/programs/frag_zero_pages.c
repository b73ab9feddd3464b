/* SPDX-License-Identifier: MIT */
/*
 * frag_zero_pages alone|forked: a table of zeros of which every page is read and every
 * eighth is written. What was only read is the kernel's one page of zeros, and no part of
 * RSS. With "forked" another process shares what was written, until this one has ended.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frag_rss.h"
#include "truth.h"

#define PAGE_BYTES ((size_t)4096)
#define PAGES 8192
#define WRITTEN_OF 8

static struct truth_count count;

static TRUTH_SITE char *sparse_table(size_t bytes)
{
	return calloc(1, bytes);
}

static void wait_for_the_other_end(const int ends[2])
{
	char byte;

	close(ends[1]);
	(void)!read(ends[0], &byte, 1);
	_exit(0);
}

int main(int argc, char **argv)
{
	long long before = frag_rss_anonymous_bytes(), sum = 0;
	volatile char *table = sparse_table(PAGES * PAGE_BYTES);
	int ends[2];

	if (argc < 2 || !table || pipe(ends))
		return 2;
	truth_allocated(&count, PAGES * PAGE_BYTES);
	for (size_t i = 0; i < PAGES; i++) {
		if (i % WRITTEN_OF == 0)
			table[i * PAGE_BYTES] = 1;
		sum += table[i * PAGE_BYTES + 100];
	}
	truth_number("sum", sum);
	truth_number("written_bytes", (long long)(PAGES / WRITTEN_OF * PAGE_BYTES));
	truth_number("anonymous_bytes", frag_rss_anonymous_bytes() - before);
	truth_site("sparse_table", &count, NULL);
	if (!strcmp(argv[1], "forked") && fork() == 0)
		wait_for_the_other_end(ends);
	truth_print();
	return 0;
}
