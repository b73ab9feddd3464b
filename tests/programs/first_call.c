/* SPDX-License-Identifier: MIT */
/*
 * Whether libc's locks are as they should be after the first allocation of the process was
 * made while one of them was held (first_call_library.c): takes the same locks again, for
 * writing, which hangs where one was left in a bad state, and for reading.
 */
#include <dlfcn.h>
#include <libintl.h>
#include <stdlib.h>
#include <string.h>

#include "truth.h"

int first_call_library_done(void);

static void nothing(void)
{
}

int main(void)
{
	/* Nobody has failed to find anything yet. */
	if (dlerror())
		return 3;
	if (!first_call_library_done())
		return 4;
	for (int i = 0; i < 3; i++) {
		if (!bindtextdomain("first_call", "/nonexistent/too") || atexit(nothing))
			return 5;
		if (strcmp(dgettext("first_call", "as it is"), "as it is") != 0)
			return 6;
	}
	truth_print();
	return 0;
}
