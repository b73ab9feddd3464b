/* SPDX-License-Identifier: MIT */
#include "symbols.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "printable.h"
#include "stringpool.h"
#include "symbolclient.h"
#include "symbolpath.h"
#include "symbolwire.h"

struct cached {
	UT_hash_handle hh;
	uint64_t address;
	struct symbol_list list;
	struct symbol *own; /* what list shows, unless there is nothing to show */
};

struct symbol_module {
	UT_hash_handle hh;
	struct cached *cache; /* wanted ones too, which have nothing to show yet */
	uint64_t *wanted;
	size_t wanted_count, wanted_room;
	bool opened;
	int trouble; /* why there are no names, or no more; 0: none */
	struct symbolclient_file file;
	uint8_t build_id[SYMBOLWIRE_BUILD_ID_BYTES];
	size_t key_bytes;
	char key[]; /* build-id, then path */
};

struct symbols {
	struct stringpool *strings;
	struct symbolclient *client;
	struct symbol_module *modules;
};

struct symbols *symbols_new(void)
{
	const struct sandbox_limits limits = SYMBOLCLIENT_LIMITS;
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return NULL;
	symbols->strings = stringpool_new();
	if (symbols->strings)
		symbols->client = symbolclient_new(symbols->strings,
						   getenv(SYMBOLPATH_VARIABLE), &limits);
	if (symbols->client)
		return symbols;
	symbols_free(symbols);
	return NULL;
}

static void free_module(struct symbol_module *module)
{
	struct cached *cached, *next;

	HASH_ITER (hh, module->cache, cached, next) {
		HASH_DEL(module->cache, cached);
		free(cached->own);
		free(cached);
	}
	free(module->wanted);
	free(module);
}

void symbols_free(struct symbols *symbols)
{
	struct symbol_module *module, *next;

	if (!symbols)
		return;
	HASH_ITER (hh, symbols->modules, module, next) {
		HASH_DEL(symbols->modules, module);
		free_module(module);
	}
	symbolclient_free(symbols->client);
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
	module->file.build_id = module->build_id;
	module->file.build_id_bytes = build_id_bytes;
	memcpy(module->key, build_id, build_id_bytes);
	memcpy(module->key + build_id_bytes, path, path_bytes + 1);
	module->key_bytes = build_id_bytes + path_bytes;
	module->file.path = module->key + build_id_bytes;
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

/* ---- Answers ---------------------------------------------------------------------- */

static const struct symbol nothing;

static struct cached *find_cached(const struct symbol_module *module, uint64_t address)
{
	struct cached *cached = NULL;

	HASH_FIND(hh, module->cache, &address, sizeof(address), cached);
	return cached;
}

/* Takes what is at the address of wanted[index]. */
static int take(void *context, size_t index, const struct symbolclient_frame *frames,
		size_t count)
{
	struct symbol_module *module = context;
	struct cached *cached = find_cached(module, module->wanted[index]);
	struct symbol *symbols = calloc(count, sizeof(*symbols));

	if (!symbols)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		symbols[i] = (struct symbol){
			.function = frames[i].function,
			.linker_name = frames[i].linker_name,
			.file = frames[i].file,
			.line = frames[i].line,
			.inlined = i + 1 < count,
		};
	}
	cached->list.symbols = cached->own = symbols;
	cached->list.count = count;
	return 0;
}

/* Asks for all that is wanted. A file without names is no error. Returns 0 or -ENOMEM. */
static int ask(struct symbols *symbols, struct symbol_module *module)
{
	int error;

	module->opened = true;
	error = module->trouble
			? module->trouble
			: symbolclient_names(symbols->client, &module->file, module->wanted,
					     module->wanted_count, take, module);
	if (error == -ENOMEM)
		return error;
	module->trouble = error;
	module->wanted_count = 0;
	return 0;
}

int symbols_want(struct symbols *symbols, struct symbol_module *module, uint64_t address,
		 bool exact)
{
	struct cached *cached;

	(void)symbols;
	/* A return address may already be the next line's, or the next function's. */
	if (!exact && address > 0)
		address--;
	if (find_cached(module, address))
		return 0;
	if (module->wanted_count == module->wanted_room) {
		size_t room = module->wanted_room ? 2 * module->wanted_room : 64;
		uint64_t *moved = realloc(module->wanted, room * sizeof(*moved));

		if (!moved)
			return -ENOMEM;
		module->wanted = moved;
		module->wanted_room = room;
	}
	cached = calloc(1, sizeof(*cached));
	if (!cached)
		return -ENOMEM;
	cached->address = address;
	cached->list = (struct symbol_list){1, &nothing};
	HASH_ADD(hh, module->cache, address, sizeof(cached->address), cached);
	if (!cached->hh.tbl) {
		free(cached);
		return -ENOMEM;
	}
	module->wanted[module->wanted_count++] = address;
	return 0;
}

int symbols_at(struct symbols *symbols, struct symbol_module *module, uint64_t address,
	       bool exact, const struct symbol_list **ret_list)
{
	int error = symbols_want(symbols, module, address, exact);

	if (!error && module->wanted_count)
		error = ask(symbols, module);
	if (error)
		return error;
	if (!exact && address > 0)
		address--;
	*ret_list = &find_cached(module, address)->list;
	return 0;
}

static const char *trouble_words(int error)
{
	switch (error) {
	case -ESTALE:
		return "binary changed since recording";
	case -EINVAL:
		return "not a regular file";
	case -EXDEV:
		return "outside of " SYMBOLPATH_VARIABLE;
	case -ENOEXEC:
		return "not an ELF file";
	case -ETIMEDOUT:
		return "reading it took too long, and was given up";
	case -ENOBUFS:
		return "reading it takes more memory than is allowed";
	case -EPIPE:
		return "the process that read it died";
	case -EPROTO:
		return "the process that read it talked nonsense";
	case -ECANCELED:
		return "not read, since too many files before it could not be";
	default:
		return "file not found";
	}
}

void symbols_each_trouble(const struct symbols *symbols, symbols_trouble_fn *say,
			  void *context)
{
	const struct symbol_module *module;

	for (module = symbols->modules; module; module = module->hh.next) {
		if (module->opened && module->trouble && module->file.path[0] == '/')
			say(context, module->file.path, trouble_words(module->trouble));
	}
}

int symbols_object_at(struct symbols *symbols, struct symbol_module *module,
		      uint64_t address, const char **ret_name, uint64_t *ret_offset)
{
	const char *name = NULL;
	uint64_t offset = 0;
	int error = module->trouble;

	module->opened = true;
	if (!error)
		error = symbolclient_object(symbols->client, &module->file, address, &name,
					    &offset);
	if (error == -ENOMEM)
		return error;
	module->trouble = error;
	*ret_name = name;
	*ret_offset = offset;
	return 0;
}
