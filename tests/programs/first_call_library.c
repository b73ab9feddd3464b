/* SPDX-License-Identifier: MIT */
/*
 * A library whose constructor makes the first allocation of the process within libc, which
 * holds a lock of its own then. Built twice: bindtextdomain keeps what it is given, and
 * atexit makes room for more functions than its first block holds (32, glibc).
 */
#include <libintl.h>
#include <stdlib.h>

int first_call_library_done(void);

static int done;

#ifdef FIRST_CALL_ATEXIT

#define FUNCTIONS 40

static void nothing(void)
{
}

static __attribute__((constructor)) void construct(void)
{
	int added = 0;

	for (int i = 0; i < FUNCTIONS; i++)
		added += atexit(nothing) == 0;
	done = added == FUNCTIONS;
}

#else

static __attribute__((constructor)) void construct(void)
{
	done = bindtextdomain("first_call_library", "/nonexistent") != NULL;
}

#endif

/* Whether all of it worked. */
int first_call_library_done(void)
{
	return done;
}
