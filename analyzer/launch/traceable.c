/* SPDX-License-Identifier: MIT */
#include "traceable.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <gelf.h>

#include "complaint.h"

/* The kernel follows so many interpreters of interpreters (BINPRM_MAX_RECURSION). */
#define SCRIPT_DEPTH_MAX 5
/* And reads so much of a script's first line (BINPRM_BUF_SIZE). */
#define SCRIPT_LINE_BYTES 256

static bool is_program(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       access(path, X_OK) == 0;
}

static int search_path(const char *program, char **ret_path, bool *ret_seen)
{
	const char *path = getenv("PATH");
	const char *part, *end;

	if (!path)
		path = "/bin:/usr/bin"; /* as execvp */
	*ret_seen = false;
	for (part = path;; part = end + 1) {
		char *candidate = NULL;
		int length;

		end = strchrnul(part, ':');
		length = (int)(end - part);
		if (asprintf(&candidate, "%.*s%s%s", length, part, length ? "/" : "",
			     program) < 0)
			return -ENOMEM;
		if (is_program(candidate)) {
			*ret_path = candidate;
			return 0;
		}
		*ret_seen = *ret_seen || access(candidate, F_OK) == 0;
		free(candidate);
		if (!*end)
			return -ENOENT;
	}
}

int traceable_find(const char *program, char **ret_path, struct complaint *complaint)
{
	struct stat status;
	bool seen = false;
	int error;

	if (!strchr(program, '/') && *program) {
		error = search_path(program, ret_path, &seen);
		if (error == -ENOENT && seen)
			error = -EACCES;
	} else if (is_program(program)) {
		*ret_path = strdup(program);
		error = *ret_path ? 0 : -ENOMEM;
	} else if (*program && stat(program, &status) == 0) {
		error = -EACCES;
		if (S_ISDIR(status.st_mode)) {
			complaint_set(complaint, "cannot be run: it is a directory");
			return error;
		}
	} else {
		error = *program ? -errno : -ENOENT;
	}
	if (error == -ENOENT)
		complaint_set(complaint, "program not found: %s",
			      strchr(program, '/') ? "no such file" : "it is not in PATH");
	else if (error == -EACCES)
		complaint_set(complaint, "cannot be run: it is not executable");
	else if (error)
		complaint_set(complaint, "cannot be run: %s", strerror(-error));
	return error;
}

/* Privileges that the file gives make the loader ignore LD_PRELOAD (ld.so(8), secure
 * execution). */
static int check_privileges(int fd, struct complaint *complaint)
{
	struct stat status;

	if (fstat(fd, &status) == 0 && (status.st_mode & (S_ISUID | S_ISGID))) {
		complaint_set(
			complaint,
			"cannot be recorded: it is %s, and the loader preloads nothing "
			"into such programs",
			status.st_mode & S_ISUID ? "setuid" : "setgid");
		return -EPERM;
	}
	if (fgetxattr(fd, "security.capability", NULL, 0) > 0) {
		complaint_set(
			complaint,
			"cannot be recorded: it has file capabilities, and the loader "
			"preloads nothing into such programs");
		return -EPERM;
	}
	return 0;
}

static const char *sanitizer_of_library(const char *name)
{
	static const char *const libraries[] = {"libasan.so", "libtsan.so", "libhwasan.so",
						"liblsan.so"};
	size_t i;

	for (i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++) {
		if (!strncmp(name, libraries[i], strlen(libraries[i])))
			return libraries[i];
	}
	return NULL;
}

static const char *sanitizer_of_symbol(const char *name)
{
	static const char *const symbols[] = {"__asan_init", "__tsan_init", "__msan_init",
					      "__hwasan_init", "__lsan_init"};
	size_t i;

	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		if (!strcmp(name, symbols[i]))
			return symbols[i];
	}
	return NULL;
}

/* The sanitizer that a section of dynamic entries or symbols shows, or NULL. */
static const char *sanitizer_in_section(Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	const char *name, *found = NULL;
	int i;

	for (i = 0; data && !found; i++) {
		GElf_Dyn entry;
		GElf_Sym symbol;

		if (header->sh_type == SHT_DYNAMIC) {
			if (!gelf_getdyn(data, i, &entry) || entry.d_tag == DT_NULL)
				break;
			if (entry.d_tag != DT_NEEDED)
				continue;
			name = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
			found = name ? sanitizer_of_library(name) : NULL;
		} else {
			if (!gelf_getsym(data, i, &symbol))
				break;
			name = elf_strptr(elf, header->sh_link, symbol.st_name);
			found = name ? sanitizer_of_symbol(name) : NULL;
		}
	}
	return found;
}

static const char *find_sanitizer(Elf *elf)
{
	Elf_Scn *section = NULL;
	const char *found = NULL;

	while (!found && (section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) &&
		    (header.sh_type == SHT_DYNAMIC || header.sh_type == SHT_DYNSYM ||
		     header.sh_type == SHT_SYMTAB))
			found = sanitizer_in_section(elf, section, &header);
	}
	return found;
}

static bool has_interpreter(Elf *elf)
{
	size_t count, i;

	if (elf_getphdrnum(elf, &count) < 0)
		return false;
	for (i = 0; i < count; i++) {
		GElf_Phdr header;

		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* Our own class and machine are those that libmftrace.so is built for. */
static int own_header(GElf_Ehdr *ret_header)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int error = -ENOEXEC;
	Elf *elf;

	if (fd < 0)
		return -errno;
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && gelf_getehdr(elf, ret_header))
		error = 0;
	elf_end(elf);
	close(fd);
	return error;
}

static int check_elf(int fd, bool force, struct complaint *complaint)
{
	GElf_Ehdr header, own;
	const char *sanitizer;
	int error = -ENOEXEC;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header)) {
		complaint_set(complaint, "cannot be recorded: damaged ELF file");
		goto out;
	}
	error = own_header(&own);
	if (error == 0 && (own.e_ident[EI_CLASS] != header.e_ident[EI_CLASS] ||
			   own.e_ident[EI_DATA] != header.e_ident[EI_DATA] ||
			   own.e_machine != header.e_machine)) {
		complaint_set(complaint, "cannot be recorded: it is built for another "
					 "architecture than mftrace");
		error = -ENOEXEC;
		goto out;
	}
	error = 0;
	if (!has_interpreter(elf)) {
		complaint_set(complaint, "cannot be recorded: it is statically linked, so "
					 "nothing can be preloaded");
		error = -ENOEXEC;
		goto out;
	}
	sanitizer = force ? NULL : find_sanitizer(elf);
	if (sanitizer) {
		complaint_set(
			complaint,
			"cannot be recorded: it is built with a sanitizer (%s), which "
			"replaces malloc itself; --force tries nevertheless",
			sanitizer);
		error = -ENOTSUP;
	}
out:
	elf_end(elf);
	return error;
}

/* The interpreter in a script's first line: "#! /usr/bin/env python3". In place. */
static char *interpreter_of(char *line)
{
	char *begin = line + 2;
	char *end;

	while (*begin == ' ' || *begin == '\t')
		begin++;
	for (end = begin; *end && !isspace((unsigned char)*end); end++)
		;
	*end = '\0';
	return begin;
}

int traceable_check(const char *path, bool force, struct complaint *complaint)
{
	char line[SCRIPT_LINE_BYTES + 1];
	char next[SCRIPT_LINE_BYTES + 1];
	unsigned depth;

	for (depth = 0; depth < SCRIPT_DEPTH_MAX; depth++) {
		int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		int error = 0;
		ssize_t got;

		if (fd < 0) {
			error = -errno;
			/* A program may be executable and not readable: let it try. */
			if (error == -EACCES && depth == 0)
				return 0;
			complaint_set(complaint, "cannot be run: %s%s%s", depth ? path : "",
				      depth ? ": " : "", strerror(-error));
			return error;
		}
		got = pread(fd, line, SCRIPT_LINE_BYTES, 0);
		line[got > 0 ? got : 0] = '\0';
		if (!force)
			error = check_privileges(fd, complaint);
		if (!error && got >= 4 && !memcmp(line, ELFMAG, SELFMAG)) {
			error = check_elf(fd, force, complaint);
			close(fd);
			return error;
		}
		close(fd);
		if (error)
			return error;
		/* Without "#!" execvp hands the file to the shell. */
		snprintf(next, sizeof(next), "%s",
			 strncmp(line, "#!", 2) ? "/bin/sh" : interpreter_of(line));
		path = next;
	}
	complaint_set(complaint, "cannot be run: too many interpreters of interpreters");
	return -ELOOP;
}
