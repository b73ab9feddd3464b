/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "debuginfo.h"
#include "elfsymbols.h"
#include "printable.h"
#include "stringpool.h"
#include "symbolfile.h"
#include "symbolname.h"

struct cached {
	UT_hash_handle hh;
	uint64_t address;
	struct symbol_list list;
	struct symbol symbols[];
};

/* Linker names are demangled once each, not once for every address in the function. */
struct readable {
	UT_hash_handle hh;
	const char *linker_name; /* key: pooled */
	const char *name;
};

struct symbol_module {
	UT_hash_handle hh;
	struct cached *cache;
	bool opened;
	bool changed;
	struct symbolfile file; /* counts where file.dwfl is set */
	struct elfsymbols *elf;
	struct elfsymbols *objects; /* NULL until they are asked for */
	struct debuginfo *debuginfo;
	const char *path;
	size_t build_id_bytes;
	uint8_t build_id[64];
	size_t key_bytes;
	char key[]; /* build-id, then path */
};

struct symbols {
	struct stringpool *strings;
	struct readable *readable;
	struct symbol_module *modules;
};

struct symbols *symbols_new(void)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->strings = stringpool_new();
	if (!symbols->strings) {
		free(symbols);
		return NULL;
	}
	return symbols;
}

static void free_module(struct symbol_module *module)
{
	struct cached *cached, *next;

	HASH_ITER (hh, module->cache, cached, next) {
		HASH_DEL(module->cache, cached);
		free(cached);
	}
	elfsymbols_free(module->elf);
	elfsymbols_free(module->objects);
	debuginfo_free(module->debuginfo);
	if (module->file.dwfl)
		dwfl_end(module->file.dwfl);
	free(module);
}

void symbols_free(struct symbols *symbols)
{
	struct symbol_module *module, *next_module;
	struct readable *readable, *next_readable;

	if (!symbols)
		return;
	HASH_ITER (hh, symbols->modules, module, next_module) {
		HASH_DEL(symbols->modules, module);
		free_module(module);
	}
	HASH_ITER (hh, symbols->readable, readable, next_readable) {
		HASH_DEL(symbols->readable, readable);
		free(readable);
	}
	stringpool_free(symbols->strings);
	free(symbols);
}

const char *symbols_string(struct symbols *symbols, const char *text)
{
	char *safe = printable_new(text);
	const char *pooled = safe ? stringpool_add(symbols->strings, safe) : NULL;

	free(safe);
	return pooled;
}

/* The readable form of a linker name; NULL: memory is short. */
static const char *readable_name(struct symbols *symbols, const char *linker_name)
{
	const char *key = stringpool_add(symbols->strings, linker_name);
	struct readable *readable = NULL;
	char *name;

	if (!key)
		return NULL;
	HASH_FIND_PTR(symbols->readable, &key, readable);
	if (readable)
		return readable->name;
	readable = calloc(1, sizeof(*readable));
	name = symbolname_new(linker_name);
	if (!readable || !name)
		goto fail;
	readable->linker_name = key;
	readable->name = stringpool_add(symbols->strings, name);
	if (!readable->name)
		goto fail;
	HASH_ADD_PTR(symbols->readable, linker_name, readable);
	if (!readable->hh.tbl)
		goto fail;
	free(name);
	return readable->name;
fail:
	free(name);
	free(readable);
	return NULL;
}

int symbols_module(struct symbols *symbols, const char *path, const uint8_t *build_id,
		   size_t build_id_bytes, struct symbol_module **ret_module)
{
	size_t path_bytes = strlen(path);
	struct symbol_module *module, *found = NULL;

	if (build_id_bytes > sizeof(module->build_id))
		build_id_bytes = 0;
	module = calloc(1, sizeof(*module) + build_id_bytes + path_bytes + 1);
	if (!module)
		return -ENOMEM;
	memcpy(module->build_id, build_id, build_id_bytes);
	module->build_id_bytes = build_id_bytes;
	memcpy(module->key, build_id, build_id_bytes);
	memcpy(module->key + build_id_bytes, path, path_bytes + 1);
	module->key_bytes = build_id_bytes + path_bytes;
	module->path = module->key + build_id_bytes;
	HASH_FIND(hh, symbols->modules, module->key, module->key_bytes, found);
	if (found) {
		free(module);
		*ret_module = found;
		return 0;
	}
	HASH_ADD_KEYPTR(hh, symbols->modules, module->key, module->key_bytes, module);
	if (!module->hh.tbl) {
		free(module);
		return -ENOMEM;
	}
	*ret_module = module;
	return 0;
}

static int open_module(struct symbol_module *module)
{
	int error;

	module->opened = true;
	error = symbolfile_open(module->path, module->build_id, module->build_id_bytes,
				&module->file);
	if (error) {
		module->changed = module->file.changed;
		module->file.dwfl = NULL;
		return error == -ENOMEM ? error : 0;
	}
	error = debuginfo_new(module->file.module, &module->debuginfo);
	if (error == -ENOMEM)
		return error;
	return elfsymbols_new(module->file.module, ELFSYMBOLS_FUNCTIONS, &module->elf);
}

/* Without the version that symbol tables add. Returns 0 or -ENOMEM. */
static int fill_linker_name(struct symbols *symbols, const char *name,
			    struct symbol *symbol)
{
	char *plain;
	int error = 0;

	if (!name || !symbol->function)
		return 0;
	plain = strndup(name, strcspn(name, "@"));
	if (!plain)
		return -ENOMEM;
	if (strcmp(plain, symbol->function) != 0) {
		symbol->linker_name = symbols_string(symbols, plain);
		error = symbol->linker_name ? 0 : -ENOMEM;
	}
	free(plain);
	return error;
}

/* Fills in one symbol from DWARF; the outermost falls back on the ELF symbol, which has
 * the qualified name where DWARF only has the bare one. Returns 0 or -ENOMEM. */
static int fill_symbol(struct symbols *symbols, const struct debuginfo_frame *frame,
		       const char *elf_name, struct symbol *symbol)
{
	const char *name = frame->linker_name;

	if (!name && elf_name && (!frame->name || !strncmp(elf_name, "_Z", 2)))
		name = elf_name;
	if (!name)
		name = frame->name;
	*symbol = (struct symbol){.line = frame->line};
	if (name) {
		symbol->function = readable_name(symbols, name);
		if (!symbol->function)
			return -ENOMEM;
	}
	/* What the symbol table says comes first: it has the suffixes of clones. */
	if (fill_linker_name(symbols, elf_name ? elf_name : frame->linker_name, symbol))
		return -ENOMEM;
	if (frame->file) {
		symbol->file = symbols_string(symbols, frame->file);
		if (!symbol->file)
			return -ENOMEM;
	}
	return 0;
}

static int look_up(struct symbols *symbols, struct symbol_module *module, uint64_t address,
		   struct cached **ret_cached)
{
	struct debuginfo_frame frames[DEBUGINFO_DEPTH_MAX] = {{.line = 0}};
	const char *elf_name = NULL;
	struct cached *cached;
	uint64_t offset;
	int count = 0;
	int i;

	if (module->debuginfo)
		count = debuginfo_at(module->debuginfo, address, frames);
	if (count < 0)
		return count;
	if (module->elf)
		elf_name = elfsymbols_at(module->elf, address, &offset);
	if (count == 0)
		count = 1; /* no DWARF here: frames[0] is empty */
	cached = calloc(1, sizeof(*cached) + (size_t)count * sizeof(struct symbol));
	if (!cached)
		return -ENOMEM;
	cached->address = address;
	cached->list.count = (size_t)count;
	cached->list.symbols = cached->symbols;
	for (i = 0; i < count; i++) {
		struct symbol *symbol = &cached->symbols[i];
		bool inlined = i + 1 < count;

		if (fill_symbol(symbols, &frames[i], inlined ? NULL : elf_name, symbol)) {
			free(cached);
			return -ENOMEM;
		}
		symbol->inlined = inlined;
	}
	*ret_cached = cached;
	return 0;
}

int symbols_at(struct symbols *symbols, struct symbol_module *module, uint64_t address,
	       bool exact, const struct symbol_list **ret_list)
{
	struct cached *cached = NULL;
	int error;

	if (!module->opened) {
		error = open_module(module);
		if (error)
			return error;
	}
	/* A return address may already be the next line's, or the next function's. */
	if (!exact && address > 0)
		address--;
	HASH_FIND(hh, module->cache, &address, sizeof(address), cached);
	if (!cached) {
		error = look_up(symbols, module, address, &cached);
		if (error)
			return error;
		HASH_ADD(hh, module->cache, address, sizeof(cached->address), cached);
		if (!cached->hh.tbl) {
			free(cached);
			return -ENOMEM;
		}
	}
	*ret_list = &cached->list;
	return 0;
}

void symbols_each_trouble(const struct symbols *symbols, symbols_trouble_fn *say,
			  void *context)
{
	const struct symbol_module *module;

	for (module = symbols->modules; module; module = module->hh.next) {
		if (!module->opened || module->file.dwfl || module->path[0] != '/')
			continue;
		say(context, module->path,
		    module->changed ? "binary changed since recording" : "file not found");
	}
}

int symbols_object_at(struct symbols *symbols, struct symbol_module *module,
		      uint64_t address, const char **ret_name, uint64_t *ret_offset)
{
	const char *name;
	uint64_t offset;
	int error = module->opened ? 0 : open_module(module);

	if (!error && module->file.dwfl && !module->objects)
		error = elfsymbols_new(module->file.module, ELFSYMBOLS_OBJECTS,
				       &module->objects);
	if (error)
		return error;
	name = module->objects ? elfsymbols_at(module->objects, address, &offset) : NULL;
	if (!name) {
		*ret_name = NULL;
		return 0;
	}
	name = readable_name(symbols, name);
	if (!name)
		return -ENOMEM;
	*ret_name = name;
	*ret_offset = offset;
	return 0;
}
