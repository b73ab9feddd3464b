/* SPDX-License-Identifier: MIT */
#include "inputs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void give_file(const char *path, inputs_take_fn *take)
{
	FILE *file = fopen(path, "re");
	struct stat status;
	uint8_t *bytes;

	if (!file || fstat(fileno(file), &status) < 0 ||
	    (bytes = malloc((size_t)status.st_size + 1)) == NULL ||
	    fread(bytes, 1, (size_t)status.st_size, file) != (size_t)status.st_size) {
		fprintf(stderr, "%s: cannot be read\n", path);
		exit(2);
	}
	fclose(file);
	fprintf(stderr, "%s\n", path);
	take(bytes, (size_t)status.st_size);
	free(bytes);
}

static unsigned long give_directory(const char *path, inputs_take_fn *take)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	unsigned long given = 0;

	for (int i = 0; i < count; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			give_file(name, take);
			given++;
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return given;
}

unsigned long inputs_give(char *const *paths, inputs_take_fn *take)
{
	unsigned long given = 0;

	for (; *paths; paths++) {
		struct stat status;

		if (stat(*paths, &status) == 0 && S_ISDIR(status.st_mode)) {
			given += give_directory(*paths, take);
		} else {
			give_file(*paths, take);
			given++;
		}
	}
	return given;
}
