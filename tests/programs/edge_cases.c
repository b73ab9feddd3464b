/* SPDX-License-Identifier: MIT */
/*
 * Calls the allocation functions at their edges and prints what came back: whether memory
 * was returned, errno and the content. A traced run must print the same line, and record
 * exactly the failures counted here.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

#define ERRNO_BEFORE 4711 /* no call may change errno unless it is documented to */

static long long failed;

static void result(const char *name, const void *block, int status)
{
	static char key[64];

	strcpy(key, name);
	strcat(key, " errno");
	truth_number(name, block ? 1 : status);
	truth_number(key, errno);
	errno = ERRNO_BEFORE;
}

static TRUTH_SITE void fail_plain(void)
{
	volatile size_t huge = PTRDIFF_MAX, wide = SIZE_MAX / 2, top = SIZE_MAX;
	void *block = NULL;

	result("malloc huge", malloc(huge), 0);
	result("malloc top", malloc(top), 0);
	result("calloc overflow", calloc(wide, 3), 0);
	result("calloc huge", calloc(huge, 1), 0);
	result("realloc null huge", realloc(NULL, huge), 0);
	result("reallocarray null overflow", reallocarray(NULL, wide, 3), 0);
	result("aligned_alloc huge", aligned_alloc(64, huge), 0);
	result("memalign huge", memalign(64, huge), 0);
	result("valloc huge", valloc(huge), 0);
	result("pvalloc top", pvalloc(top), 0);
	result("posix_memalign huge", block, posix_memalign(&block, 64, huge));
	failed += 11;
}

/* EINVAL is returned, errno stays, and the caller's pointer is not touched. */
static TRUTH_SITE void fail_alignment(void)
{
	char mark;
	void *block = &mark;
	volatile size_t alignments[] = {0, 1, 3, 24, sizeof(void *) / 2};

	for (size_t i = 0; i < sizeof(alignments) / sizeof(alignments[0]); i++) {
		int status = posix_memalign(&block, alignments[i], 100);

		result("posix_memalign bad alignment", NULL,
		       status * 10 + (block == &mark));
		failed++;
	}
}

static TRUTH_SITE void fail_realloc(struct truth_count *count)
{
	volatile size_t huge = PTRDIFF_MAX, wide = SIZE_MAX / 2;
	/* Volatile, because the compiler holds a block for gone after a realloc. */
	unsigned char *volatile block = malloc(1000);
	int intact = 1;

	truth_allocated(count, 1000);
	memset(block, 0xa5, 1000);
	errno = ERRNO_BEFORE;
	result("realloc huge", realloc(block, huge), 0);
	result("reallocarray overflow", reallocarray(block, wide, 3), 0);
	failed += 2;
	for (int i = 0; i < 1000; i++)
		intact &= block[i] == 0xa5;
	truth_number("failed realloc keeps the content", intact);
	/* The block stays live: realloc must not have freed it in the books either. */
}

static TRUTH_SITE void zero_sizes(struct truth_count *count)
{
	void *blocks[7] = {0};

	blocks[0] = malloc(0);
	result("malloc zero", blocks[0], 0);
	blocks[1] = calloc(0, 5);
	result("calloc zero", blocks[1], 0);
	blocks[2] = realloc(NULL, 0);
	result("realloc null zero", blocks[2], 0);
	result("posix_memalign zero", NULL, posix_memalign(&blocks[3], 64, 0));
	blocks[4] = aligned_alloc(64, 0);
	result("aligned_alloc zero", blocks[4], 0);
	blocks[5] = memalign(64, 0);
	result("memalign zero", blocks[5], 0);
	blocks[6] = reallocarray(NULL, 0, 3);
	result("reallocarray null zero", blocks[6], 0);
	for (int i = 0; i < 7; i++) {
		truth_allocated(count, 0);
		for (int j = 0; j < i; j++)
			truth_number("zero-sized blocks differ", blocks[i] != blocks[j]);
	}
	/* Three of seven stay live, as blocks of no bytes. */
	for (int i = 3; i < 7; i++) {
		free(blocks[i]);
		truth_freed(count, 0);
	}
}

static TRUTH_SITE void realloc_to_zero(struct truth_count *count)
{
	volatile size_t nothing = 0;
	void *block = malloc(77);

	truth_allocated(count, 77);
	errno = ERRNO_BEFORE;
	result("realloc to zero", realloc(block, nothing), 0);
	truth_freed(count, 77);
	block = malloc(78);
	truth_allocated(count, 78);
	errno = ERRNO_BEFORE;
	result("reallocarray to zero", reallocarray(block, nothing, 8), 0);
	truth_freed(count, 78);
}

static TRUTH_SITE void keep_errno(struct truth_count *count)
{
	void *block;

	errno = ERRNO_BEFORE;
	for (size_t size = 1; size < 1 << 22; size *= 3) {
		block = malloc(size);
		truth_allocated(count, size);
		free(block);
		truth_freed(count, size);
	}
	free(NULL);
	truth_number("usable of null", (long long)malloc_usable_size(NULL));
	result("errno after malloc and free", NULL, 0);
}

int main(void)
{
	struct truth_count realloc_count = {0}, zero_count = {0};
	struct truth_count to_zero_count = {0}, errno_count = {0};

	errno = ERRNO_BEFORE;
	fail_plain();
	fail_alignment();
	fail_realloc(&realloc_count);
	zero_sizes(&zero_count);
	realloc_to_zero(&to_zero_count);
	keep_errno(&errno_count);
	truth_site("fail_realloc", &realloc_count, NULL);
	truth_site("zero_sizes", &zero_count, NULL);
	truth_site("realloc_to_zero", &to_zero_count, NULL);
	truth_site("keep_errno", &errno_count, NULL);
	truth_number("failed", failed);
	truth_print();
	return 0;
}
