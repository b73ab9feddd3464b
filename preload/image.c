/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <elf.h>
#include <string.h>

bool image_find_range(uintptr_t bias, const ElfW(Phdr) * segments, unsigned count,
		      struct image_range *ret_range)
{
	struct image_range range = {UINTPTR_MAX, 0};

	for (unsigned i = 0; i < count; i++) {
		const uintptr_t start = bias + segments[i].p_vaddr;

		if (segments[i].p_type != PT_LOAD)
			continue;
		if (start < range.start)
			range.start = start;
		if (start + segments[i].p_memsz > range.end)
			range.end = start + segments[i].p_memsz;
	}
	*ret_range = range;
	return range.end != 0;
}

struct mft_bytes image_build_id(uintptr_t bias, const ElfW(Phdr) * segments, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const ElfW(Phdr) *segment = &segments[i];
		const uint8_t *p, *end;

		if (segment->p_type != PT_NOTE)
			continue;
		p = (const uint8_t *)(bias + segment->p_vaddr);
		end = p + segment->p_memsz;
		while ((size_t)(end - p) >= sizeof(ElfW(Nhdr))) {
			ElfW(Nhdr) note;
			size_t name, data;

			memcpy(&note, p, sizeof(note));
			p += sizeof(note);
			name = (note.n_namesz + 3u) & ~3u;
			data = (note.n_descsz + 3u) & ~3u;
			if (name > (size_t)(end - p) || data > (size_t)(end - p) - name)
				break;
			if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
			    memcmp(p, "GNU", 4) == 0)
				return (struct mft_bytes){p + name, note.n_descsz};
			p += name + data;
		}
	}
	return (struct mft_bytes){NULL, 0};
}
