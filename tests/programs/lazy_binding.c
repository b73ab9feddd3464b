/* SPDX-License-Identifier: MIT */
/*
 * Allocates while the dynamic linker binds a name at its first call: its own code, whose
 * frame is found by a register that its callees have saved, is in the middle of the stack.
 */
#include <stdlib.h>

#include "chosen_late.h"
#include "truth.h"

#define KEEP(p) __asm__ volatile("" : : "r"(p) : "memory")

static struct truth_count count;

static TRUTH_SITE int choose(void)
{
	for (size_t size = 1; size <= 500; size++) {
		void *block = malloc(size);

		truth_allocated(&count, size);
		KEEP(block);
		free(block);
		truth_freed(&count, size);
	}
	return 2;
}

static TRUTH_SITE int call_for_the_first_time(void)
{
	int chosen = chosen_late();

	KEEP(&chosen);
	return chosen;
}

int main(void)
{
	chosen_late_by(choose);
	truth_number("chosen", call_for_the_first_time());
	truth_site("choose", &count, NULL);
	truth_print();
	return 0;
}
