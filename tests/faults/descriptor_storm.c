/* SPDX-License-Identifier: MIT */
/*
 * Takes every descriptor number there is: dup2 onto all that the limit allows, close_range
 * over the whole range, and files of its own at numbers where a library may have hidden
 * one. All of them have to hold what was written, between allocations.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "truth.h"

#define ROUNDS 6
#define BLOCKS 20000

static struct truth_count count;

static TRUTH_SITE void *in_the_storm(size_t size)
{
	return malloc(size);
}

static void allocate(void)
{
	for (size_t i = 1; i <= BLOCKS; i++) {
		void *block = in_the_storm(i % 500);

		truth_allocated(&count, i % 500);
		if (i % 50) {
			free(block);
			truth_freed(&count, i % 500);
		}
	}
}

/* One file under all numbers but 0 to 2. Returns how many there are, or a negative one. */
static int take_all_numbers(int round, int most)
{
	char path[32], line[32];
	int fd, length, taken = 1;

	snprintf(path, sizeof(path), "storm%d", round);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd != 3)
		return -1;
	for (int number = 4; number < most; number++)
		taken += dup2(fd, number) == number;
	allocate();
	for (int number = 3; number < most; number += 97) {
		length = snprintf(line, sizeof(line), "%d\n", number);
		if (write(number, line, (size_t)length) != length)
			return -2;
	}
	return taken;
}

int main(void)
{
	struct rlimit limit;
	int most, taken = 0;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 2;
	most = limit.rlim_cur < 5000 ? (int)limit.rlim_cur : 5000;
	for (int round = 0; round < ROUNDS; round++) {
		if (round % 2)
			close_range(3, ~0u, 0);
		else
			for (int number = 3; number < most; number++)
				close(number);
		allocate();
		taken = take_all_numbers(round, most);
		if (taken < 0)
			return 3 - taken;
	}
	close_range(3, ~0u, 0);
	allocate();
	printf("%d numbers taken\n", taken);
	fflush(stdout);
	truth_site("in_the_storm", &count, NULL);
	truth_print();
	return 0;
}
