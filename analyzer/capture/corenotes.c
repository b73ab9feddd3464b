/* SPDX-License-Identifier: MIT */
#include "corenotes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>

#include <gelf.h>

#include "registers.h"

void corenotes_done(struct corenotes *notes)
{
	free(notes->threads);
	free(notes->files);
	free(notes->paths);
	memset(notes, 0, sizeof(*notes));
}

static int add_thread(struct corenotes *notes, const void *note, size_t bytes)
{
	struct image_thread *thread;
	struct elf_prstatus status;

	if (bytes < sizeof(status))
		return 0;
	memcpy(&status, note, sizeof(status));
	if (notes->threads_count == notes->threads_room) {
		size_t room = notes->threads_room ? 2 * notes->threads_room : 16;

		thread = reallocarray(notes->threads, room, sizeof(*thread));
		if (!thread)
			return -ENOMEM;
		notes->threads = thread;
		notes->threads_room = room;
	}
	thread = &notes->threads[notes->threads_count++];
	*thread = (struct image_thread){.tid = status.pr_pid, .stopped = true};
	registers_take_general(thread, &status.pr_reg, sizeof(status.pr_reg));
	return 0;
}

/* Count, page size; start, end, page of each; then the paths, each with its zero byte. */
static int take_files(struct corenotes *notes, const void *note, size_t bytes)
{
	const size_t entry_bytes = 3 * sizeof(uint64_t);
	uint64_t head[2], entry[3];
	const char *p = note, *path;
	size_t paths_bytes;

	if (notes->files || bytes < sizeof(head))
		return 0;
	memcpy(head, p, sizeof(head));
	if (head[0] > (bytes - sizeof(head)) / entry_bytes)
		return 0;
	p += sizeof(head);
	paths_bytes = bytes - sizeof(head) - (size_t)head[0] * entry_bytes;
	notes->files = calloc((size_t)head[0] + 1, sizeof(*notes->files));
	notes->paths = malloc(paths_bytes + 1);
	if (!notes->files || !notes->paths)
		return -ENOMEM;
	memcpy(notes->paths, p + head[0] * entry_bytes, paths_bytes);
	notes->paths[paths_bytes] = '\0';
	path = notes->paths;
	for (uint64_t i = 0; i < head[0] && path < notes->paths + paths_bytes; i++) {
		memcpy(entry, p + i * entry_bytes, sizeof(entry));
		notes->files[notes->files_count++] = (struct corenotes_file){
			.start = entry[0],
			.end = entry[1],
			.offset = entry[2] * head[1],
			.path = path,
		};
		path += strlen(path) + 1;
	}
	return 0;
}

static int take_note(struct corenotes *notes, uint32_t type, const void *note, size_t bytes)
{
	struct elf_prpsinfo info;

	switch (type) {
	case NT_PRSTATUS:
		return add_thread(notes, note, bytes);
	case NT_PRPSINFO:
		if (bytes >= sizeof(info)) {
			memcpy(&info, note, sizeof(info));
			notes->pid = info.pr_pid;
		}
		return 0;
	case NT_FILE:
		return take_files(notes, note, bytes);
	}
	return 0;
}

int corenotes_read(struct corenotes *notes, Elf *elf)
{
	size_t headers = 0;
	int r = 0;

	memset(notes, 0, sizeof(*notes));
	if (elf_getphdrnum(elf, &headers) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < headers; i++) {
		size_t at = 0, next, name, desc;
		Elf_Data *data;
		GElf_Phdr header;
		GElf_Nhdr note;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_NOTE)
			continue;
		data = elf_getdata_rawchunk(elf, (int64_t)header.p_offset, header.p_filesz,
					    ELF_T_NHDR);
		while (r == 0 && data &&
		       (next = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
			r = take_note(notes, note.n_type, (char *)data->d_buf + desc,
				      note.n_descsz);
			at = next;
		}
	}
	if (r < 0)
		corenotes_done(notes);
	return r;
}

const struct corenotes_file *corenotes_find(const struct corenotes *notes, uint64_t address)
{
	for (size_t i = 0; i < notes->files_count; i++) {
		if (address >= notes->files[i].start && address < notes->files[i].end)
			return &notes->files[i];
	}
	return NULL;
}
