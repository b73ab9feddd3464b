/* SPDX-License-Identifier: MIT */
/* The recorder's own memory: zero-filled, known as ours while it is mapped, kept apart. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"

#define PAGE 4096u
#define THREADS 4
#define ROUNDS 400
#define HELD 8

static bool is_own(const void *start, size_t offset, size_t bytes)
{
	return memory_is_own((uintptr_t)start + offset, (uintptr_t)start + offset + bytes);
}

static void a_mapping_is_ours_to_its_ends(void **state)
{
	unsigned char *p = memory_map(4 * PAGE);

	(void)state;
	assert_non_null(p);
	assert_true(is_own(p, 0, 4 * PAGE));
	assert_true(is_own(p, 0, 1));
	assert_true(is_own(p, 2 * PAGE, PAGE));
	assert_true(is_own(p, 4 * PAGE - 1, 1));
	/* It reaches in from either side, or around. */
	assert_true(is_own(p - PAGE, 0, PAGE + 1));
	assert_true(is_own(p, 4 * PAGE - 1, PAGE));
	assert_true(is_own(p - PAGE, 0, 6 * PAGE));
	memory_unmap(p, 4 * PAGE);
}

static void the_page_beside_is_not(void **state)
{
	unsigned char *p = memory_map(PAGE), *heap = malloc(PAGE), local;

	(void)state;
	assert_non_null(p);
	assert_false(memory_is_own((uintptr_t)heap, (uintptr_t)heap + PAGE));
	assert_false(memory_is_own((uintptr_t)&local, (uintptr_t)&local + 1));
	assert_false(memory_is_own((uintptr_t)p - 1, (uintptr_t)p));
	assert_false(memory_is_own((uintptr_t)p + PAGE, (uintptr_t)p + PAGE + 1));
	assert_false(memory_is_own(0, PAGE));
	memory_unmap(p, PAGE);
	free(heap);
}

static void what_is_unmapped_is_not_ours(void **state)
{
	unsigned char *a = memory_map(PAGE), *b = memory_map(3 * PAGE);

	(void)state;
	memory_unmap(a, PAGE);
	assert_false(is_own(a, 0, PAGE));
	assert_true(is_own(b, 0, PAGE));
	memory_unmap(b, 3 * PAGE);
	assert_false(is_own(b, 0, 3 * PAGE));
	/* The place of a small mapping in the list is taken by a large one, and back. */
	for (unsigned pages = 1; pages < 9; pages++) {
		a = memory_map(pages * PAGE);
		assert_true(is_own(a, (pages - 1) * PAGE, PAGE));
		assert_false(is_own(a, pages * PAGE, 1));
		memory_unmap(a, pages * PAGE);
	}
}

static void it_is_zero(void **state)
{
	(void)state;
	for (int round = 0; round < 4; round++) {
		unsigned char *p = memory_map(16 * PAGE);

		for (unsigned i = 0; i < 16 * PAGE; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, 16 * PAGE);
		memory_unmap(p, 16 * PAGE);
	}
}

static void too_much_is_refused(void **state)
{
	(void)state;
	errno = 77;
	assert_null(memory_map((size_t)1 << 62));
	assert_null(memory_map(0));
	assert_int_equal(errno, 77);
}

/* The flags of the mapping that holds p: proc(5), VmFlags. */
static void read_flags(const void *p, char *flags, int bytes)
{
	FILE *maps = fopen("/proc/self/smaps", "re");
	bool here = false, found = false;
	char line[512];

	assert_non_null(maps);
	while (!found && fgets(line, sizeof(line), maps)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = (uintptr_t)p >= start && (uintptr_t)p < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = snprintf(flags, (size_t)bytes, "%s", line) > 0;
	}
	(void)fclose(maps);
	assert_true(found);
}

static void it_stays_out_of_core_dumps(void **state)
{
	unsigned char *p = memory_map(PAGE);
	char flags[256];

	(void)state;
	read_flags(p, flags, sizeof(flags));
	assert_non_null(strstr(flags, " dd"));
	memory_unmap(p, PAGE);
}

/* Maps and unmaps in its own rhythm; what it holds is ours at every instant. */
static void *churn(void *argument)
{
	unsigned char *held[HELD] = {NULL};
	size_t pages[HELD] = {0};
	unsigned seed = (unsigned)(uintptr_t)argument;
	uintptr_t missed = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int i = rand_r(&seed) % HELD;

		if (held[i])
			memory_unmap(held[i], pages[i] * PAGE);
		pages[i] = (size_t)(rand_r(&seed) % 5 + 1);
		held[i] = memory_map(pages[i] * PAGE);
		for (int k = 0; k < HELD; k++)
			missed += held[k] && !(is_own(held[k], 0, 1) &&
					       is_own(held[k], pages[k] * PAGE - 1, 1));
	}
	for (int i = 0; i < HELD; i++)
		if (held[i])
			memory_unmap(held[i], pages[i] * PAGE);
	return (void *)missed;
}

static void threads_do_not_lose_each_others(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)),
				 0);
	for (int i = 0; i < THREADS; i++) {
		void *missed;

		assert_int_equal(pthread_join(threads[i], &missed), 0);
		assert_null(missed);
	}
	/* And nothing is left behind. */
	assert_false(memory_is_own(1, UINTPTR_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_is_ours_to_its_ends),
		cmocka_unit_test(the_page_beside_is_not),
		cmocka_unit_test(what_is_unmapped_is_not_ours),
		cmocka_unit_test(it_is_zero),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(it_stays_out_of_core_dumps),
		cmocka_unit_test(threads_do_not_lose_each_others),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
