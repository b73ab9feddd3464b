/* SPDX-License-Identifier: MIT */
#include "workdir.h"

#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RANDOM_LETTERS 6 /* what mkdtemp chooses, in place of as many X */
#define DESCRIPTORS_MOST 8

static char path[256];
static pid_t owner;

static int remove_one(const char *name, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(name);
}

void workdir_remove(void)
{
	/* A copy of the process that exits does not own it. */
	if (!path[0] || owner != getpid())
		return;
	(void)nftw(path, remove_one, DESCRIPTORS_MOST, FTW_DEPTH | FTW_PHYS);
	path[0] = '\0';
}

const char *workdir_make(void)
{
	static bool registered;
	const char *parent = getenv("TMPDIR");
	int length = snprintf(path, sizeof(path) - RANDOM_LETTERS, "%s/mftrace-test.",
			      parent && *parent ? parent : "/tmp");

	if (length < 0 || (size_t)length >= sizeof(path) - RANDOM_LETTERS) {
		path[0] = '\0';
		errno = ENAMETOOLONG;
		return NULL;
	}
	memset(path + length, 'X', RANDOM_LETTERS);
	path[length + RANDOM_LETTERS] = '\0';
	if (!mkdtemp(path)) {
		path[0] = '\0';
		return NULL;
	}
	owner = getpid();
	if (!registered)
		registered = atexit(workdir_remove) == 0;
	return path;
}
