/* SPDX-License-Identifier: MIT */
#include "dumpset.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "complaint.h"
#include "mft_format.h"

void dumpset_init(struct dumpset *set)
{
	memset(set, 0, sizeof(*set));
}

void dumpset_done(struct dumpset *set)
{
	size_t i;

	for (i = 0; i < set->count; i++)
		free(set->items[i].path);
	free(set->items);
	dumpset_init(set);
}

/* Reads the first bytes of a regular file. Returns how many, 0 where it cannot be read. */
static size_t read_beginning(const char *path, void *buffer, size_t bytes)
{
	struct stat status;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return 0;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		got = pread(fd, buffer, bytes, 0);
	close(fd);
	return got > 0 ? (size_t)got : 0;
}

bool dumpset_header(const char *path, struct mft_header *ret_header)
{
	struct mft_header header;

	if (read_beginning(path, &header, sizeof(header)) != sizeof(header) ||
	    memcmp(header.magic, MFT_MAGIC, MFT_MAGIC_BYTES) != 0 ||
	    header.version_major != MFT_VERSION_MAJOR)
		return false;
	*ret_header = header;
	return true;
}

static bool looks_like_dump(const char *path)
{
	char magic[MFT_MAGIC_BYTES];

	return read_beginning(path, magic, sizeof(magic)) == sizeof(magic) &&
	       !memcmp(magic, MFT_MAGIC, MFT_MAGIC_BYTES);
}

/* Takes path over, also on failure. */
static int append(struct dumpset *set, char *path, bool from_directory)
{
	if (!path)
		return -ENOMEM;
	if (set->count == set->room) {
		size_t room = set->room ? 2 * set->room : 16;
		struct dumpset_item *moved = realloc(set->items, room * sizeof(*moved));

		if (!moved) {
			free(path);
			return -ENOMEM;
		}
		set->items = moved;
		set->room = room;
	}
	set->items[set->count++] = (struct dumpset_item){path, from_directory};
	return 0;
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct dumpset_item *)a)->path,
		      ((const struct dumpset_item *)b)->path);
}

static int add_directory(struct dumpset *set, const char *path, struct complaint *complaint)
{
	size_t before = set->count;
	struct dirent *entry;
	DIR *directory = opendir(path);
	int error = 0;

	if (!directory) {
		error = -errno;
		complaint_set(complaint, "cannot be listed: %s", strerror(errno));
		return error;
	}
	while (!error && (entry = readdir(directory))) {
		char *file = NULL;

		if (entry->d_name[0] == '.' &&
		    (!entry->d_name[1] || !strcmp(entry->d_name, "..")))
			continue;
		if (asprintf(&file, "%s%s%s", path,
			     path[strlen(path) - 1] == '/' ? "" : "/", entry->d_name) < 0)
			file = NULL;
		if (file && !looks_like_dump(file))
			free(file);
		else
			error = append(set, file, true);
	}
	closedir(directory);
	if (!error && set->count == before) {
		complaint_set(complaint, "no dump: the directory holds none");
		return -ENOENT;
	}
	if (error) {
		complaint_set(complaint, "cannot be listed: %s", strerror(-error));
		return error;
	}
	qsort(set->items + before, set->count - before, sizeof(set->items[0]),
	      compare_items);
	return 0;
}

int dumpset_add(struct dumpset *set, const char *path, struct complaint *complaint)
{
	struct stat status;
	int error;

	if (!*path || stat(path, &status) < 0) {
		error = *path ? -errno : -ENOENT;
		complaint_set(complaint, "cannot be opened: %s", strerror(-error));
		return error;
	}
	if (S_ISDIR(status.st_mode))
		return add_directory(set, path, complaint);
	error = append(set, strdup(path), false);
	if (error)
		complaint_set(complaint, "cannot be read: %s", strerror(-error));
	return error;
}
