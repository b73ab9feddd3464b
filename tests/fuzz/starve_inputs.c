/* SPDX-License-Identifier: MIT */
/*
 * starve_inputs.c - gives files to a fuzz target again and again, each time with another
 * allocation that fails.
 *
 *   starve_TARGET [--most N] DIRECTORY|FILE...
 *
 * First every input runs with all that it asks for, which counts its allocations; then at
 * most N times (default: 40) with one of them refused, or with all from one on, spread over
 * the run. Only what the analyzer itself allocates is refused: the linker leads its calls
 * here (--wrap), those of libraries go on to the C library. What must hold is what the
 * target itself says: that it ends, and that a step which lacked memory says so.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inputs.h"
#include "starving.h"

#define MOST_DEFAULT 40u
/* All from one on are refused. */
#define ALL_FROM_THERE UINT64_MAX

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__real_reallocarray(void *block, size_t count, size_t bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t bytes);
FILE *__real_open_memstream(char **text, size_t *bytes);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_reallocarray(void *block, size_t count, size_t bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t bytes);
__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **ret_text,
							  const char *format, ...);
FILE *__wrap_open_memstream(char **text, size_t *bytes);

bool starving;
static uint64_t asked, refused_from, refused_count;
static unsigned long inputs, runs, most = MOST_DEFAULT;

static bool is_refused(void)
{
	const uint64_t number = asked++;

	if (number < refused_from || number - refused_from >= refused_count)
		return false;
	errno = ENOMEM;
	return true;
}

/* ---- What the linker puts in the place of the C library's --------------------------- */

void *__wrap_malloc(size_t bytes)
{
	return is_refused() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return is_refused() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *block, size_t bytes)
{
	return is_refused() ? NULL : __real_realloc(block, bytes);
}

void *__wrap_reallocarray(void *block, size_t count, size_t bytes)
{
	return is_refused() ? NULL : __real_reallocarray(block, count, bytes);
}

char *__wrap_strdup(const char *text)
{
	return is_refused() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t bytes)
{
	return is_refused() ? NULL : __real_strndup(text, bytes);
}

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list arguments;
	int length;

	if (is_refused()) {
		*ret_text = (char *)-1; /* not defined by asprintf */
		return -1;
	}
	va_start(arguments, format);
	length = vasprintf(ret_text, format, arguments);
	va_end(arguments);
	return length;
}

FILE *__wrap_open_memstream(char **text, size_t *bytes)
{
	return is_refused() ? NULL : __real_open_memstream(text, bytes);
}

/* ---- Inputs ------------------------------------------------------------------------- */

static void run(const uint8_t *bytes, size_t count, uint64_t from, uint64_t refused)
{
	asked = 0;
	refused_from = from;
	refused_count = refused;
	starving = refused > 0;
	(void)LLVMFuzzerTestOneInput(bytes, count);
	refused_count = 0;
	starving = false;
	runs++;
}

static void starve(const uint8_t *bytes, size_t count)
{
	uint64_t all, step, number = 0;

	run(bytes, count, 0, 0);
	all = asked;
	step = all / most + 1;
	/* The first ones, where most is set up, then one of each stretch. */
	for (uint64_t i = 0; i < all && number < most; number++) {
		run(bytes, count, i, number % 2 ? ALL_FROM_THERE : 1);
		i += i < most / 4 ? 1 : step + (inputs + number) % 3;
	}
	inputs++;
}

int main(int argc, char **argv)
{
	int i = 1;

	if (argc > 2 && strcmp(argv[1], "--most") == 0) {
		most = strtoul(argv[2], NULL, 10);
		most = most ? most : 1;
		i = 3;
	}
	(void)inputs_give(argv + i, starve);
	fprintf(stderr, "%lu inputs, %lu runs\n", inputs, runs);
	return inputs == 0;
}
