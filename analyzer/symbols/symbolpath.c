/* SPDX-License-Identifier: MIT */
#include "symbolpath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BUILD_ID_BYTES_MAX 64u

struct root {
	char *path; /* without links and without a '/' at the end: "" for "/" */
	int fd;	    /* O_PATH */
};

struct symbolpath {
	size_t count;
	struct root roots[];
};

/* ---- The roots -------------------------------------------------------------------- */

/* Adds a directory; one that is not there has no files, and is left out. */
static int add_root(struct symbolpath *paths, const char *path)
{
	struct root *root = &paths->roots[paths->count];

	root->path = realpath(path, NULL);
	if (!root->path)
		return errno == ENOMEM ? -ENOMEM : 0;
	root->fd = open(root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root->fd < 0) {
		free(root->path);
		return 0;
	}
	if (!strcmp(root->path, "/"))
		root->path[0] = '\0';
	paths->count++;
	return 0;
}

struct symbolpath *symbolpath_new(const char *roots)
{
	struct symbolpath *paths;
	size_t most = 1;
	char *list, *next, *root;
	int error = 0;

	if (!roots || !*roots)
		roots = "/";
	for (const char *p = roots; *p; p++)
		most += *p == ':';
	paths = calloc(1, sizeof(*paths) + most * sizeof(paths->roots[0]));
	list = strdup(roots);
	if (!paths || !list)
		error = -ENOMEM;
	next = list;
	while (!error && (root = strsep(&next, ":"))) {
		if (*root)
			error = add_root(paths, root);
	}
	free(list);
	if (!error)
		return paths;
	symbolpath_free(paths);
	return NULL;
}

void symbolpath_free(struct symbolpath *paths)
{
	if (!paths)
		return;
	for (size_t i = 0; i < paths->count; i++) {
		free(paths->roots[i].path);
		close(paths->roots[i].fd);
	}
	free(paths);
}

/* What of a path is below the root; NULL: it is not inside. */
static const char *below(const struct root *root, const char *path)
{
	size_t length = strlen(root->path);

	if (strncmp(path, root->path, length) != 0 || path[length] != '/')
		return NULL;
	return path + length + 1;
}

/* ---- One file --------------------------------------------------------------------- */

/* File systems whose files are the kernel's words, and can do something when opened. */
static bool is_of_the_kernel(int fd)
{
	static const long types[] = {
		PROC_SUPER_MAGIC,   SYSFS_MAGIC,	 DEBUGFS_MAGIC,
		TRACEFS_MAGIC,	    SECURITYFS_MAGIC,	 DEVPTS_SUPER_MAGIC,
		CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, BPF_FS_MAGIC,
		AUTOFS_SUPER_MAGIC, SELINUX_MAGIC,
	};
	struct statfs status;

	if (fstatfs(fd, &status) < 0)
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if ((long)status.f_type == types[i])
			return true;
	}
	return false;
}

/* The path of an open file as the kernel knows it; NULL: not known (no /proc). */
static char *true_path(int fd)
{
	char link[32], path[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path));
	if (length <= 0 || (size_t)length >= sizeof(path))
		return NULL;
	path[length] = '\0';
	return strdup(path);
}

/* Kernels before 5.6 cannot keep a look-up inside of a directory: what was opened is looked
 * at then. */
static int open_and_look(const struct root *root, const char *path, int flags)
{
	int fd = openat(root->fd, path, flags);
	char *found;

	if (fd < 0)
		return -errno;
	found = true_path(fd);
	if (!found || !below(root, found)) {
		free(found);
		close(fd);
		return -EXDEV;
	}
	free(found);
	return fd;
}

static int open_within(const struct root *root, const char *path, int flags)
{
	const struct open_how how = {
		.flags = (unsigned)flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	path += strspn(path, "/");
	fd = syscall(SYS_openat2, root->fd, path, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_and_look(root, path, flags);
	return fd < 0 ? -errno : (int)fd;
}

/* Looks at the file before it is opened for reading, and whether it is the same one then.
 * Returns a descriptor or a negative errno. */
static int open_regular(const struct root *root, const char *path)
{
	struct stat seen, got;
	int fd = open_within(root, path, O_PATH | O_CLOEXEC);
	bool fine;

	if (fd < 0)
		return fd;
	fine = fstat(fd, &seen) == 0 && S_ISREG(seen.st_mode) && !is_of_the_kernel(fd);
	close(fd);
	if (!fine)
		return -EINVAL;
	fd = open_within(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	if (fstat(fd, &got) == 0 && got.st_dev == seen.st_dev && got.st_ino == seen.st_ino)
		return fd;
	close(fd);
	return -EINVAL;
}

static int finish(int fd, const char *path, int *ret_fd, char **ret_name)
{
	char *name;

	if (ret_name) {
		name = true_path(fd);
		if (!name)
			name = strdup(path);
		if (!name) {
			close(fd);
			return -ENOMEM;
		}
		*ret_name = name;
	}
	*ret_fd = fd;
	return 0;
}

int symbolpath_open(const struct symbolpath *paths, const char *path, int *ret_fd,
		    char **ret_name)
{
	bool inside = false;
	int error = -ENOENT;

	if (path[0] != '/')
		return -EINVAL;
	for (size_t i = 0; i < paths->count; i++) {
		const struct root *root = &paths->roots[i];
		const char *rest = below(root, path);
		int fd = -ENOENT;

		inside = inside || rest;
		if (rest)
			fd = open_regular(root, rest);
		if (fd < 0 && root->path[0]) {
			int other = open_regular(root, path);

			if (other >= 0 || !rest)
				fd = other;
		}
		if (fd >= 0)
			return finish(fd, path, ret_fd, ret_name);
		if (fd != -ENOENT)
			error = fd;
	}
	return error == -ENOENT && !inside ? -EXDEV : error;
}

int symbolpath_open_stored(const struct symbolpath *paths, const uint8_t *build_id,
			   size_t build_id_bytes, bool debug, int *ret_fd, char **ret_name)
{
	static const char *const stores[] = {"usr/lib/debug/.build-id", ".build-id"};
	char hex[2 * BUILD_ID_BYTES_MAX + 1], path[4 * BUILD_ID_BYTES_MAX];

	if (build_id_bytes < 2 || build_id_bytes > BUILD_ID_BYTES_MAX)
		return -ENOENT;
	for (size_t i = 0; i < build_id_bytes; i++)
		snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
	for (size_t i = 0; i < paths->count; i++) {
		const struct root *root = &paths->roots[i];

		/* "/.build-id" is nobody's store. */
		for (size_t store = 0; store < (root->path[0] ? 2u : 1u); store++) {
			int fd;

			snprintf(path, sizeof(path), "%s/%.2s/%s%s", stores[store], hex,
				 hex + 2, debug ? ".debug" : "");
			fd = open_regular(root, path);
			if (fd >= 0)
				return finish(fd, path, ret_fd, ret_name);
		}
	}
	return -ENOENT;
}
