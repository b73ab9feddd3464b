/* SPDX-License-Identifier: MIT */
#include "matchkey.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "fingerprint.h"
#include "framerules.h"
#include "measured.h"
#include "samebuild.h"
#include "stringpool.h"

/* What is known of a function in a module, by the addresses of their strings; or of an
 * address in it that has no name. */
struct named {
	UT_hash_handle hh;
	struct {
		const char *function, *module, *exe;
		uint64_t address; /* 0: of a function, or of all of the module */
	} by;
	const char *function_key; /* pooled; NULL: not known */
	const char *module_key;
	uint32_t name, family; /* with template arguments and without */
	bool runtime;
	bool same_build; /* addresses in the module mean the same everywhere */
};

struct numbered {
	UT_hash_handle hh;
	const char *text; /* pooled */
	uint32_t number;
};

struct matchkeys {
	struct named *named;
	struct numbered *numbers;
	struct stringpool *strings;
	struct samebuild *same;
};

struct matchkeys *matchkeys_new(void)
{
	struct matchkeys *keys = calloc(1, sizeof(*keys));

	if (!keys)
		return NULL;
	keys->strings = stringpool_new();
	keys->same = samebuild_new();
	if (!keys->strings || !keys->same) {
		matchkeys_free(keys);
		return NULL;
	}
	return keys;
}

void matchkeys_free(struct matchkeys *keys)
{
	struct named *named, *next_named;
	struct numbered *number, *next_number;

	if (!keys)
		return;
	HASH_ITER (hh, keys->named, named, next_named) {
		HASH_DEL(keys->named, named);
		free(named);
	}
	HASH_ITER (hh, keys->numbers, number, next_number) {
		HASH_DEL(keys->numbers, number);
		free(number);
	}
	stringpool_free(keys->strings);
	samebuild_free(keys->same);
	free(keys);
}

int matchkeys_learn(struct matchkeys *keys, const struct measured_process *process)
{
	return samebuild_learn(keys->same, process);
}

size_t matchkeys_names(const struct matchkeys *keys)
{
	return HASH_COUNT(keys->numbers);
}

/* Takes over and frees text. Returns NULL: memory is short. */
static const char *pool(struct matchkeys *keys, char *text)
{
	const char *pooled = text ? stringpool_add(keys->strings, text) : NULL;

	free(text);
	return pooled;
}

static int number_of(struct matchkeys *keys, const char *pooled, uint32_t *ret_number)
{
	struct numbered *entry = NULL;

	HASH_FIND_PTR(keys->numbers, &pooled, entry);
	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		entry->text = pooled;
		entry->number = HASH_COUNT(keys->numbers);
		HASH_ADD_PTR(keys->numbers, text, entry);
		if (!entry->hh.tbl) {
			free(entry);
			return -ENOMEM;
		}
	}
	*ret_number = entry->number;
	return 0;
}

/* The key of an address without a name: "+0x12ab", behind the module's. */
static const char *address_key(struct matchkeys *keys, uint64_t address)
{
	char *text = NULL;

	if (asprintf(&text, "+0x%" PRIx64, address) < 0)
		return NULL;
	return pool(keys, text);
}

/* What stands for a frame that has no name. */
static const char *place_name(struct matchkeys *keys, const struct named *named)
{
	const char *module = named->module_key ? named->module_key : "?";
	char *text = NULL;

	if (!named->by.address)
		return stringpool_add(keys->strings, module);
	if (asprintf(&text, "%s%s", module, named->function_key) < 0)
		return NULL;
	return pool(keys, text);
}

static int describe_module(struct matchkeys *keys, struct named *named)
{
	if (named->by.module) {
		named->module_key = pool(keys, fingerprint_module_new(named->by.module));
		if (!named->module_key)
			return -ENOMEM;
	}
	named->runtime = framerules_runtime(named->by.function, named->module_key);
	if (named->module_key && strcmp(named->by.module, named->by.exe) == 0)
		named->module_key = "";
	named->same_build = samebuild_holds(keys->same, named->module_key);
	return 0;
}

static int describe(struct matchkeys *keys, struct named *named)
{
	const char *name, *family;

	if (describe_module(keys, named))
		return -ENOMEM;
	if (named->by.function)
		named->function_key =
			pool(keys, fingerprint_function_new(named->by.function));
	else if (named->by.address)
		named->function_key = address_key(keys, named->by.address);
	if ((named->by.function || named->by.address) && !named->function_key)
		return -ENOMEM;
	if (named->by.function) {
		name = named->function_key;
		family = pool(keys, fingerprint_untemplated_new(name));
	} else {
		family = name = place_name(keys, named);
	}
	if (!name || !family || number_of(keys, name, &named->name))
		return -ENOMEM;
	return number_of(keys, family, &named->family);
}

/* What is known by function, module, exe and address. Returns NULL: memory is short. */
static const struct named *named_by(struct matchkeys *keys, const char *function,
				    const char *module, const char *exe, uint64_t address)
{
	struct named *entry = NULL, *fresh = calloc(1, sizeof(*fresh));

	if (!fresh)
		return NULL;
	fresh->by.function = function;
	fresh->by.module = module;
	fresh->by.exe = exe;
	fresh->by.address = address;
	HASH_FIND(hh, keys->named, &fresh->by, sizeof(fresh->by), entry);
	if (entry) {
		free(fresh);
		return entry;
	}
	if (describe(keys, fresh)) {
		free(fresh);
		return NULL;
	}
	HASH_ADD(hh, keys->named, by, sizeof(fresh->by), fresh);
	if (!fresh->hh.tbl) {
		free(fresh);
		return NULL;
	}
	return fresh;
}

static const struct named *named_of(struct matchkeys *keys, const char *exe,
				    const struct measured_frame *frame)
{
	const struct named *named = named_by(keys, frame->function, frame->module, exe, 0);

	if (!named || frame->function || !named->same_build)
		return named;
	return named_by(keys, NULL, frame->module, exe, frame->address);
}

static bool repeats(const struct named *before, const struct named *named)
{
	return before && named->function_key &&
	       before->function_key == named->function_key &&
	       before->module_key == named->module_key;
}

int matchkeys_make(struct matchkeys *keys, const struct measured_process *process,
		   const struct measured_site *site, struct matchkey *ret_key)
{
	struct matchkey key = {.key = FINGERPRINT_EMPTY};
	size_t frames = site->shown_end - site->shown_begin;
	const struct named **all = calloc(frames + 1, sizeof(*all));
	const struct named *before = NULL;
	bool keep_runtime = true;
	int error = -ENOMEM;

	key.names = calloc(2 * MATCHKEY_NAMES_MAX, sizeof(key.names[0]));
	if (!all || !key.names)
		goto out;
	key.families = key.names + MATCHKEY_NAMES_MAX;
	for (size_t i = 0; i < frames; i++) {
		all[i] = named_of(keys, process->exe, &site->frames[site->shown_begin + i]);
		if (!all[i])
			goto out;
		keep_runtime = keep_runtime && all[i]->runtime;
	}
	for (size_t i = 0; i < frames; i++) {
		if ((all[i]->runtime && !keep_runtime) || repeats(before, all[i]))
			continue;
		key.key =
			fingerprint_add(key.key, all[i]->function_key, all[i]->module_key);
		if (key.count < MATCHKEY_NAMES_MAX) {
			key.names[key.count] = all[i]->name;
			key.families[key.count++] = all[i]->family;
		}
		before = all[i];
	}
	error = 0;
	*ret_key = key;
out:
	free(all);
	if (error)
		free(key.names);
	return error;
}
