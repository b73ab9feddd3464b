/* SPDX-License-Identifier: MIT */
#include "symbolfile.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>
#include <gelf.h>

/* Where separate debug files are looked for: libdwfl's own default. */
static char *debuginfo_path;

static symbolfile_fetch_fn *fetch_debug;

/* Whether a file that libdwfl looks for is the one that several debug files share (dwz):
 * it has a build-id of its own, which the DWARF of the module names. */
static bool is_shared_part(Dwfl_Module *module, const char *name)
{
	const char *link;
	GElf_Word crc;
	GElf_Addr bias;
	Elf *elf;

	if (!name)
		return false;
	elf = dwfl_module_getelf(module, &bias);
	link = elf ? dwelf_elf_gnu_debuglink(elf, &crc) : NULL;
	return !link || strcmp(link, name) != 0;
}

static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name,
			  Dwarf_Addr base, const char *file_name, const char *link,
			  GElf_Word crc, char **ret_name)
{
	const unsigned char *build_id = NULL;
	const void *shared_id = NULL;
	const char *shared_name;
	GElf_Addr address, bias;
	ssize_t bytes;
	int fd = dwfl_standard_find_debuginfo(module, userdata, name, base, file_name, link,
					      crc, ret_name);

	if (fd >= 0 || !fetch_debug)
		return fd;
	if (crc == 0 && is_shared_part(module, link)) {
		Dwarf *dwarf = dwfl_module_getdwarf(module, &bias);

		bytes = dwarf ? dwelf_dwarf_gnu_debugaltlink(dwarf, &shared_name,
							     &shared_id)
			      : -1;
		build_id = shared_id;
	} else {
		bytes = dwfl_module_build_id(module, &build_id, &address);
	}
	if (bytes <= 0 || !build_id)
		return -1;
	fd = fetch_debug(build_id, (size_t)bytes);
	return fd < 0 ? -1 : fd;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf,
	.find_debuginfo = find_debuginfo,
	.debuginfo_path = &debuginfo_path,
};

/* Returns 0, -ESTALE or -ENOEXEC. */
static int check_build_id(int fd, const uint8_t *build_id, size_t build_id_bytes)
{
	const void *found;
	ssize_t found_bytes;
	int error = -ESTALE;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return -ENOEXEC;
	}
	found_bytes = dwelf_elf_gnu_build_id(elf, &found);
	if (build_id_bytes == 0 ||
	    (found_bytes > 0 && (size_t)found_bytes == build_id_bytes &&
	     !memcmp(found, build_id, build_id_bytes)))
		error = 0;
	elf_end(elf);
	return error;
}

int symbolfile_load(int fd, const char *path, const uint8_t *build_id,
		    size_t build_id_bytes, symbolfile_fetch_fn *fetch,
		    struct symbolfile *ret_file)
{
	struct symbolfile file;
	int error = check_build_id(fd, build_id, build_id_bytes);

	if (error)
		return error;
	fetch_debug = fetch;
	file.dwfl = dwfl_begin(&callbacks);
	if (!file.dwfl)
		return -ENOMEM;
	dwfl_report_begin(file.dwfl);
	file.module = dwfl_report_elf(file.dwfl, path, path, fd, 0, true);
	if (!file.module) {
		dwfl_end(file.dwfl);
		return -ENOEXEC;
	}
	dwfl_report_end(file.dwfl, NULL, NULL);
	*ret_file = file;
	return 0;
}

void symbolfile_done(struct symbolfile *file)
{
	dwfl_end(file->dwfl);
}
