/* SPDX-License-Identifier: MIT */
/*
 * Allocates at 10,000 call sites, each in a function of its own, and frees it all.
 *
 *     ten_thousand_sites           that
 *     ten_thousand_sites new       and loses one block of 32 bytes at a site of its own
 *     ten_thousand_sites known     and one block of the site in site_4711
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static void *volatile lost;

#define SITE(n)                                                                            \
	__attribute__((noinline)) static void *site_##n(size_t bytes)                      \
	{                                                                                  \
		void *volatile block = malloc(bytes);                                      \
                                                                                           \
		return block;                                                              \
	}
#define NAME(n) site_##n,

#define TEN(what, n)                                                                       \
	what(n##0) what(n##1) what(n##2) what(n##3) what(n##4) what(n##5) what(n##6)       \
		what(n##7) what(n##8) what(n##9)
#define HUNDRED(what, n)                                                                   \
	TEN(what, n##0)                                                                    \
	TEN(what, n##1)                                                                    \
	TEN(what, n##2)                                                                    \
	TEN(what, n##3)                                                                    \
	TEN(what, n##4)                                                                    \
	TEN(what, n##5) TEN(what, n##6) TEN(what, n##7) TEN(what, n##8) TEN(what, n##9)
#define THOUSAND(what, n)                                                                  \
	HUNDRED(what, n##0)                                                                \
	HUNDRED(what, n##1)                                                                \
	HUNDRED(what, n##2)                                                                \
	HUNDRED(what, n##3)                                                                \
	HUNDRED(what, n##4)                                                                \
	HUNDRED(what, n##5)                                                                \
	HUNDRED(what, n##6) HUNDRED(what, n##7) HUNDRED(what, n##8) HUNDRED(what, n##9)
#define ALL(what)                                                                          \
	THOUSAND(what, 0)                                                                  \
	THOUSAND(what, 1)                                                                  \
	THOUSAND(what, 2)                                                                  \
	THOUSAND(what, 3)                                                                  \
	THOUSAND(what, 4)                                                                  \
	THOUSAND(what, 5)                                                                  \
	THOUSAND(what, 6) THOUSAND(what, 7) THOUSAND(what, 8) THOUSAND(what, 9)

ALL(SITE)
static void *(*const sites[])(size_t bytes) = {ALL(NAME)};

__attribute__((noinline)) static void lose_one(void)
{
	lost = malloc(32);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++)
		free(sites[i](16 + i % 64));
	if (strcmp(what, "new") == 0)
		lose_one();
	if (strcmp(what, "known") == 0)
		lost = site_4711(32);
	lost = NULL;
	return 0;
}
