/* SPDX-License-Identifier: MIT */
#include "outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "complaint.h"
#include "dumpset.h"
#include "mft_format.h"

#define DEFAULT_NAME "mftrace.%e.%p.mft"
/* The recorder may read a coarse clock, which lags by a timer tick. */
#define CLOCK_LAG_NS 100000000ull

/* Writes a part of the template: literal '%' and ':' are escaped; in a name, %p, %e, %%
 * and %: keep their meaning. */
static void write_escaped(FILE *stream, const char *text, bool is_template)
{
	for (; *text; text++) {
		if (is_template && *text == '%' && text[1] && strchr("pe%:", text[1])) {
			fputc(*text++, stream);
			fputc(*text, stream);
			continue;
		}
		if (*text == '%' || *text == ':')
			fputc('%', stream);
		fputc(*text, stream);
	}
}

/* Takes the path apart: directory (absolute, made where it ends in a slash) and name. */
static int split(const char *path, char **ret_directory, const char **ret_name,
		 struct complaint *complaint)
{
	const char *slash = strrchr(path, '/');
	struct stat status;
	char *directory, *absolute;
	int error = 0;

	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
		directory = strdup(path);
		*ret_name = DEFAULT_NAME;
	} else if (slash && !slash[1]) {
		directory = strdup(path);
		*ret_name = DEFAULT_NAME;
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			error = -errno;
	} else if (slash) {
		directory = strndup(path, slash == path ? 1 : (size_t)(slash - path));
		*ret_name = slash + 1;
	} else {
		directory = strdup(".");
		*ret_name = path;
	}
	if (!directory)
		return -ENOMEM;
	absolute = error ? NULL : realpath(directory, NULL);
	if (!error && !absolute)
		error = -errno;
	free(directory);
	if (error) {
		complaint_set(complaint, "dumps cannot be written there: %s",
			      strerror(-error));
		return error;
	}
	*ret_directory = absolute;
	return 0;
}

static char *make_option(const char *directory, const char *name)
{
	char *option = NULL;
	size_t length;
	FILE *stream = open_memstream(&option, &length);

	if (!stream)
		return NULL;
	fputs("output=", stream);
	write_escaped(stream, directory, false);
	if (directory[strlen(directory) - 1] != '/')
		fputc('/', stream);
	write_escaped(stream, name, true);
	if (fclose(stream) == EOF) {
		free(option);
		return NULL;
	}
	return option;
}

/* Asks by doing: rights alone do not tell of read-only or special file systems. */
static int try_directory(const char *directory)
{
	char *probe;
	int error = 0;
	int fd;

	if (asprintf(&probe, "%s/.mftrace.XXXXXX", directory) < 0)
		return -ENOMEM;
	fd = mkostemp(probe, O_CLOEXEC);
	if (fd < 0) {
		error = -errno;
	} else {
		unlink(probe);
		close(fd);
	}
	free(probe);
	return error;
}

int outputs_init(struct outputs *outputs, const char *path, struct complaint *complaint)
{
	struct timespec now;
	char *directory;
	const char *name;
	int error;

	memset(outputs, 0, sizeof(*outputs));
	if (path && !*path) {
		complaint_set(complaint, "dumps cannot be written there: empty path");
		return -EINVAL;
	}
	error = split(path ? path : "./" DEFAULT_NAME, &directory, &name, complaint);
	if (error)
		return error;
	error = try_directory(directory);
	if (error) {
		complaint_set(complaint, "dumps cannot be written to %s: %s", directory,
			      strerror(-error));
		free(directory);
		return error;
	}
	outputs->directory = directory;
	outputs->option = make_option(directory, name);
	if (!outputs->option) {
		outputs_done(outputs);
		return -ENOMEM;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	outputs->begun_unix_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return 0;
}

void outputs_done(struct outputs *outputs)
{
	free(outputs->directory);
	free(outputs->option);
	memset(outputs, 0, sizeof(*outputs));
}

struct candidate {
	struct mft_header header;
	bool ours;
};

/* Marks what descends from a marked one. Returns whether anything changed. */
static bool mark_children(struct candidate *candidates, size_t count)
{
	bool changed = false;
	size_t i, j;

	for (i = 0; i < count; i++) {
		struct candidate *child = &candidates[i];

		for (j = 0; j < count && !child->ours; j++) {
			const struct mft_header *parent = &candidates[j].header;

			if (!candidates[j].ours)
				continue;
			if (child->header.ppid == parent->pid ||
			    child->header.pid == parent->pid ||
			    !memcmp(child->header.parent_id, parent->dump_id,
				    sizeof(parent->dump_id)))
				child->ours = changed = true;
		}
	}
	return changed;
}

int outputs_collect(const struct outputs *outputs, pid_t pid, struct dumpset *set)
{
	struct candidate *candidates = NULL;
	struct complaint ignored;
	struct dumpset all;
	size_t i;
	int error = 0;

	dumpset_init(&all);
	error = dumpset_add(&all, outputs->directory, &ignored);
	if (error == -ENOENT)
		error = 0;
	if (error || all.count == 0)
		goto out;
	candidates = calloc(all.count, sizeof(*candidates));
	if (!candidates) {
		error = -ENOMEM;
		goto out;
	}
	for (i = 0; i < all.count; i++) {
		struct candidate *c = &candidates[i];

		/* A header that is older, or cut, has pid 0 here: nobody's. */
		if (!dumpset_header(all.items[i].path, &c->header) ||
		    c->header.start_unix_ns + CLOCK_LAG_NS < outputs->begun_unix_ns)
			memset(&c->header, 0, sizeof(c->header));
		else
			c->ours = c->header.pid == pid || c->header.ppid == pid;
	}
	while (mark_children(candidates, all.count))
		;
	for (i = 0; i < all.count && !error; i++) {
		if (candidates[i].ours)
			error = dumpset_add(set, all.items[i].path, &ignored);
	}
out:
	free(candidates);
	dumpset_done(&all);
	return error;
}
