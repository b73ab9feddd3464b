/* SPDX-License-Identifier: MIT */
/* What the kernel's scan says of a large mapping is compared with the pages that were
 * written to, whatever room there is for the answer. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "pagescan.h"

#define PAGES (1u << 19)
#define WRITTEN 20000u

static struct {
	size_t page_bytes;
	uint8_t *start;
	uint8_t *is_written; /* by page */
	int pagemap;
} ground;

static int prepare(void **state)
{
	(void)state;
	ground.page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	ground.start = mmap(NULL, PAGES * ground.page_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ground.is_written = calloc(PAGES, 1);
	ground.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (ground.start == MAP_FAILED || !ground.is_written || ground.pagemap < 0)
		return -1;
	/* Huge pages would bring in what nobody wrote to. */
	(void)madvise(ground.start, PAGES * ground.page_bytes, MADV_NOHUGEPAGE);
	srand(7);
	for (unsigned i = 0; i < WRITTEN; i++) {
		size_t page = ((size_t)rand() << 10 ^ (size_t)rand()) % PAGES;

		ground.start[page * ground.page_bytes] = 1;
		ground.is_written[page] = 1;
	}
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	munmap(ground.start, PAGES * ground.page_bytes);
	free(ground.is_written);
	close(ground.pagemap);
	return 0;
}

static size_t page_of(uint64_t address)
{
	return (size_t)(address - (uintptr_t)ground.start) / ground.page_bytes;
}

/* Takes pages from *page on that were not written to, then those of the run that were. */
static void expect_run(const struct pagescan_run *run, size_t *page)
{
	assert_true(page_of(run->start) >= *page);
	while (*page < page_of(run->start))
		assert_false(ground.is_written[(*page)++]);
	while (*page < page_of(run->end))
		assert_true(ground.is_written[(*page)++]);
}

static void every_page_is_told(void **state)
{
	static const size_t rooms[] = {1, 3, 170, 512, 682, 1365, 4096};
	static struct pagescan_run runs[4096];
	const uintptr_t end = (uintptr_t)ground.start + PAGES * ground.page_bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		uintptr_t from = (uintptr_t)ground.start;
		size_t page = 0;

		while (from < end) {
			long count =
				pagescan(ground.pagemap, from, end, runs, rooms[i], &from);

			if (count == -ENOTTY)
				skip();
			assert_in_range(count, 0, rooms[i]);
			for (long run = 0; run < count; run++)
				expect_run(&runs[run], &page);
			assert_true(page <= page_of(from));
		}
		assert_int_equal(from, end);
		while (page < PAGES)
			assert_false(ground.is_written[page++]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_page_is_told),
	};

	return cmocka_run_group_tests(tests, prepare, clean_up);
}
