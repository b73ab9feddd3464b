/* SPDX-License-Identifier: MIT */
/*
 * The C library keeps a program's blocks in its own variables: an environment string, the
 * buffer of a stream. What it allocates in the program's name is the program's.
 */
#include <stdio.h>
#include <string.h>

#include "leak_case.h"

static void *volatile kept[2];

static LEAK_SITE void put_environment(void)
{
	char *string = leak_block(190, LEAK_REACHABLE);

	strcpy(string, "LEAK_CASE=kept");
	if (putenv(string))
		abort();
}

static LEAK_SITE void copies(void)
{
	static const char text[] = "a text of thirty characters...";
	char *formatted;

	kept[0] = strdup(text);
	leak_expect(LEAK_REACHABLE, 1, sizeof(text));
	leak_escape(strdup(text));
	leak_expect(LEAK_DEFINITE, 1, sizeof(text));
	kept[1] = strndup(text, 9) + 3;
	leak_expect(LEAK_POSSIBLE, 1, 10);
	/* It grows its block, and cuts it to size at its end. */
	if (asprintf(&formatted, "%s%s", text, text) < 0)
		abort();
	leak_escape(formatted);
	leak_expect(LEAK_DEFINITE, 1, 2 * sizeof(text) - 1);
}

static LEAK_SITE void build(void)
{
	put_environment();
	setvbuf(stdin, leak_block(4096, LEAK_REACHABLE), _IOFBF, 4096);
	copies();
}

int main(void)
{
	return leak_case(build);
}
