/* SPDX-License-Identifier: MIT */
/*
 * Linked statically: no library can be preloaded into it.
 */
#include <stdlib.h>

#include "truth.h"

int main(void)
{
	struct truth_count count = {0};

	for (size_t i = 0; i < 100; i++) {
		void *block = malloc(i);

		if (!block)
			return 3;
		truth_allocated(&count, i);
		free(block);
		truth_freed(&count, i);
	}
	truth_site("main", &count, NULL);
	truth_print();
	return 0;
}
