/* SPDX-License-Identifier: MIT */
/* A library whose function is chosen when its name is bound, by code that allocates. */
#include <stddef.h>

#include "chosen_late.h"

static chosen_late_choose *chooser;

void chosen_late_by(chosen_late_choose *choose)
{
	chooser = choose;
}

static int first(void)
{
	return 1;
}

static int second(void)
{
	return 2;
}

/* GCC manual, "Common Function Attributes": called by the dynamic linker. */
__attribute__((used)) static int (*resolve(void))(void)
{
	return chooser && chooser() == 2 ? second : first;
}

int chosen_late(void) __attribute__((ifunc("resolve")));
