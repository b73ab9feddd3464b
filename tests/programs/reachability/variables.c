/* SPDX-License-Identifier: MIT */
/*
 * Variables of every section as roots: .bss, .data, static in a function, a large array in
 * .bss of which a few pages were touched, a structure's middle.
 */
#include "leak_case.h"

struct table {
	char name[24];
	void *volatile entry;
};

enum {
	LARGE = 1 << 20
};

void *volatile exported_bss;
static void *volatile in_data = (void *)1;
static void *volatile array[1000];
static void *volatile large[LARGE];
static struct table table = {"table", NULL};

static LEAK_SITE void build(void)
{
	static void *volatile local;

	exported_bss = leak_block(11, LEAK_REACHABLE);
	in_data = leak_block(12, LEAK_REACHABLE);
	local = leak_block(13, LEAK_REACHABLE);
	leak_escape(&local);
	table.entry = leak_block(14, LEAK_REACHABLE);
	for (size_t i = 0; i < 1000; i++)
		array[i] = leak_block(100 + i, LEAK_REACHABLE);
	for (size_t i = 0; i < LARGE; i += LARGE / 16 + 1)
		large[i] = leak_block(5000, LEAK_REACHABLE);
	large[LARGE - 1] = leak_block(5001, LEAK_REACHABLE);
	/* Overwritten: lost. */
	in_data = leak_block(15, LEAK_REACHABLE);
	leak_expect(LEAK_REACHABLE, (uint64_t)-1, (uint64_t)-12);
	leak_expect(LEAK_DEFINITE, 1, 12);
}

int main(void)
{
	return leak_case(build);
}
