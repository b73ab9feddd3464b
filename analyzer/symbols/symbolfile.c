/* SPDX-License-Identifier: MIT */
#include "symbolfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>
#include <gelf.h>

#define BUILD_ID_BYTES_MAX 64

/* Where separate debug files are looked for: libdwfl's own default. */
static char *debuginfo_path;

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debuginfo_path,
};

static int open_regular(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/* Whether the file has this build-id. Returns 1, 0, or -ENOEXEC: it is no ELF file. */
static int has_build_id(int fd, const uint8_t *build_id, size_t build_id_bytes)
{
	const void *found;
	ssize_t found_bytes;
	int same = 0;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return -ENOEXEC;
	}
	found_bytes = dwelf_elf_gnu_build_id(elf, &found);
	if (build_id_bytes == 0)
		same = 1;
	else if (found_bytes > 0 && (size_t)found_bytes == build_id_bytes)
		same = !memcmp(found, build_id, build_id_bytes);
	elf_end(elf);
	return same;
}

/* Opens the file by its build-id in the system's store: the debug file first, because it
 * has the names; then the file itself. */
static int open_in_store(const uint8_t *build_id, size_t build_id_bytes, char *path,
			 size_t path_bytes)
{
	static const char *const endings[] = {".debug", ""};
	char hex[2 * BUILD_ID_BYTES_MAX + 1];
	size_t i;
	int fd = -ENOENT;

	if (build_id_bytes < 2 || build_id_bytes > BUILD_ID_BYTES_MAX)
		return -ENOENT;
	for (i = 0; i < build_id_bytes; i++)
		snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
	for (i = 0; i < 2; i++) {
		snprintf(path, path_bytes, "/usr/lib/debug/.build-id/%.2s/%s%s", hex,
			 hex + 2, endings[i]);
		fd = open_regular(path);
		if (fd < 0)
			continue;
		if (has_build_id(fd, build_id, build_id_bytes) == 1)
			return fd;
		close(fd);
		fd = -ENOENT;
	}
	return fd;
}

/* Hands fd to libdwfl, which owns it where this succeeds. */
static int load(int fd, const char *path, struct symbolfile *file)
{
	file->dwfl = dwfl_begin(&callbacks);
	if (!file->dwfl)
		return -ENOMEM;
	dwfl_report_begin(file->dwfl);
	file->module = dwfl_report_elf(file->dwfl, path, path, fd, 0, true);
	if (!file->module) {
		dwfl_end(file->dwfl);
		return -ENOEXEC;
	}
	dwfl_report_end(file->dwfl, NULL, NULL);
	return 0;
}

/* Lets libdwfl find the file by its build-id alone. */
static int load_remote(const uint8_t *build_id, size_t build_id_bytes,
		       struct symbolfile *file)
{
	GElf_Addr bias;

	file->dwfl = dwfl_begin(&callbacks);
	if (!file->dwfl)
		return -ENOMEM;
	dwfl_report_begin(file->dwfl);
	file->module = dwfl_report_module(file->dwfl, "", 0, UINT32_MAX);
	if (!file->module ||
	    dwfl_module_report_build_id(file->module, build_id, build_id_bytes, 0) != 0 ||
	    dwfl_report_end(file->dwfl, NULL, NULL) != 0 ||
	    !dwfl_module_getelf(file->module, &bias) || bias != 0) {
		dwfl_end(file->dwfl);
		return -ENOENT;
	}
	return 0;
}

int symbolfile_open(const char *path, const uint8_t *build_id, size_t build_id_bytes,
		    struct symbolfile *ret_file)
{
	struct symbolfile file = {.changed = false};
	char store_path[4 * BUILD_ID_BYTES_MAX];
	int fd = -ENOENT;
	int error = 0;

	ret_file->changed = false;
	if (path[0] == '/')
		fd = open_regular(path);
	if (fd >= 0) {
		int same = has_build_id(fd, build_id, build_id_bytes);

		if (same == 1)
			goto found;
		close(fd);
		file.changed = true;
	}
	path = store_path;
	fd = open_in_store(build_id, build_id_bytes, store_path, sizeof(store_path));
	if (fd >= 0)
		goto found;
	error = -ENOENT;
	if (build_id_bytes > 0 && getenv("DEBUGINFOD_URLS"))
		error = load_remote(build_id, build_id_bytes, &file);
	goto out;
found:
	error = load(fd, path, &file);
	if (error)
		close(fd);
out:
	if (error)
		ret_file->changed = file.changed;
	else
		*ret_file = file;
	return error;
}
