/* SPDX-License-Identifier: MIT */
/*
 * replay_inputs.c - a fuzz target over given inputs, without libFuzzer: TARGET PATH...
 *
 * A path is an input, or a directory of inputs. The program ends as its input makes it end;
 * its last line names the input. Without any input it fails.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;

static void replay(const char *path)
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
	(void)LLVMFuzzerTestOneInput(bytes, (size_t)status.st_size);
	free(bytes);
	inputs++;
}

static void replay_directory(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char *name = NULL;

		if (entries[i]->d_name[0] != '.' &&
		    asprintf(&name, "%s/%s", path, entries[i]->d_name) >= 0)
			replay(name);
		free(name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat status;

		if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
			replay_directory(argv[i]);
		else
			replay(argv[i]);
	}
	if (inputs == 0)
		fprintf(stderr, "no input\n");
	return inputs == 0;
}
