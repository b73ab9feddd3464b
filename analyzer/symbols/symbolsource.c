/* SPDX-License-Identifier: MIT */
#include "symbolsource.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "elfsymbols.h"

struct symbolsource {
	struct symbolfile file;
	struct debuginfo *debuginfo; /* NULL: the file has no DWARF */
	struct elfsymbols *functions;
	struct elfsymbols *objects; /* NULL until they are asked for */
};

int symbolsource_open(int fd, const char *path, const uint8_t *build_id,
		      size_t build_id_bytes, symbolfile_fetch_fn *fetch,
		      struct symbolsource **ret_source)
{
	struct symbolsource *source = calloc(1, sizeof(*source));
	int error;

	if (!source)
		return -ENOMEM;
	error = symbolfile_load(fd, path, build_id, build_id_bytes, fetch, &source->file);
	if (error) {
		free(source);
		return error;
	}
	error = debuginfo_new(source->file.module, &source->debuginfo);
	if (error != -ENOMEM)
		error = elfsymbols_new(source->file.module, ELFSYMBOLS_FUNCTIONS,
				       &source->functions);
	if (error)
		symbolsource_close(source);
	else
		*ret_source = source;
	return error;
}

void symbolsource_close(struct symbolsource *source)
{
	if (!source)
		return;
	elfsymbols_free(source->functions);
	elfsymbols_free(source->objects);
	debuginfo_free(source->debuginfo);
	symbolfile_done(&source->file);
	free(source);
}

/* The outermost function falls back on the ELF symbol, which has the qualified name where
 * DWARF only has the bare one. */
static void fill(struct symbolsource_frame *frame, const struct debuginfo_frame *from,
		 const char *elf_name)
{
	const char *name = from->linker_name;

	if (!name && elf_name && (!from->name || !strncmp(elf_name, "_Z", 2)))
		name = elf_name;
	frame->name = name ? name : from->name;
	/* What the symbol table says comes first: it has the suffixes of clones. */
	frame->linker_name = elf_name ? elf_name : from->linker_name;
	frame->file = from->file;
	frame->line = from->line;
}

int symbolsource_at(struct symbolsource *source, uint64_t address,
		    struct symbolsource_frame ret_frames[DEBUGINFO_DEPTH_MAX])
{
	struct debuginfo_frame frames[DEBUGINFO_DEPTH_MAX] = {{.line = 0}};
	uint64_t offset;
	int count = 0;

	if (source->debuginfo)
		count = debuginfo_at(source->debuginfo, address, frames);
	if (count < 0)
		return count;
	if (count == 0)
		count = 1; /* no DWARF here: frames[0] is empty */
	for (int i = 0; i < count; i++)
		fill(&ret_frames[i], &frames[i],
		     i + 1 < count ? NULL
				   : elfsymbols_at(source->functions, address, &offset));
	return count;
}

int symbolsource_object_at(struct symbolsource *source, uint64_t address,
			   const char **ret_name, uint64_t *ret_offset)
{
	uint64_t offset = 0;
	int error = 0;

	if (!source->objects)
		error = elfsymbols_new(source->file.module, ELFSYMBOLS_OBJECTS,
				       &source->objects);
	if (error)
		return error;
	*ret_name = elfsymbols_at(source->objects, address, &offset);
	*ret_offset = offset;
	return 0;
}
