/* SPDX-License-Identifier: MIT */
#include "cmd_complaining.h"

#include <stdio.h>
#include <stdlib.h>

#include "printable.h"

void complain(const char *about, const char *what)
{
	char *safe = printable_new(about);

	fprintf(stderr, "mftrace: %s: %s\n", safe ? safe : "?", what);
	free(safe);
}
