/* SPDX-License-Identifier: MIT */
/*
 * closes_descriptors DIRECTORY: closes every descriptor from 3 on, by numbers it never
 * opened, opens twelve files of its own and fills them between 250,000 allocations. The
 * files' content is known: nobody else may have written into them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "truth.h"

#define FILES 12
#define LINES 100

static struct truth_count count;

static TRUTH_SITE void *between_files(size_t size)
{
	return malloc(size);
}

static void churn(void)
{
	for (size_t i = 0; i < 2500; i++) {
		size_t size = 30 + i % 200;

		free(between_files(size));
		truth_allocated(&count, size);
		truth_freed(&count, size);
	}
}

int main(int argc, char **argv)
{
	int files[FILES];

	if (argc != 2)
		return 2;
	churn();
	closefrom(3);
	for (int i = 0; i < FILES; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/file%d", argv[1], i);
		files[i] = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		if (files[i] != 3 + i)
			return 3;
	}
	for (int line = 0; line < LINES; line++) {
		churn();
		for (int i = 0; i < FILES; i++) {
			char text[32];
			int length = snprintf(text, sizeof(text), "%d %d\n", i, line);

			if (write(files[i], text, (size_t)length) != length)
				return 4;
		}
		if (line == LINES / 2)
			for (int fd = 3 + FILES; fd < 70000; fd++)
				close(fd);
	}
	truth_site("between_files", &count, NULL);
	truth_number("lines", LINES);
	truth_number("files", FILES);
	truth_print();
	return 0;
}
