/* SPDX-License-Identifier: MIT */
#include "samebuild.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "fingerprint.h"
#include "measured.h"

struct build {
	UT_hash_handle hh;
	char *key;
	const char *id; /* NULL: not known, or several */
};

struct samebuild {
	struct build *builds;
	bool in_the_dark; /* of one of the processes nothing is known */
};

struct samebuild *samebuild_new(void)
{
	return calloc(1, sizeof(struct samebuild));
}

static void build_free(struct build *build)
{
	free(build->key);
	free(build);
}

void samebuild_free(struct samebuild *same)
{
	struct build *build, *next;

	if (!same)
		return;
	HASH_ITER (hh, same->builds, build, next) {
		HASH_DEL(same->builds, build);
		build_free(build);
	}
	free(same);
}

/* Takes the key over. */
static int learn_module(struct samebuild *same, char *key, const char *id)
{
	struct build *build = NULL;

	HASH_FIND_STR(same->builds, key, build);
	if (build) {
		free(key);
		if (!build->id || !id || strcmp(build->id, id) != 0)
			build->id = NULL;
		return 0;
	}
	build = calloc(1, sizeof(*build));
	if (!build) {
		free(key);
		return -ENOMEM;
	}
	build->key = key;
	build->id = id;
	HASH_ADD_KEYPTR(hh, same->builds, build->key, strlen(build->key), build);
	if (!build->hh.tbl) {
		build_free(build);
		return -ENOMEM;
	}
	return 0;
}

int samebuild_learn(struct samebuild *same, const struct measured_process *process)
{
	if (process->modules_count == 0)
		same->in_the_dark = true;
	for (size_t i = 0; i < process->modules_count; i++) {
		const struct measured_module *module = &process->modules[i];
		char *key;
		int error;

		if (!*module->path) /* what the kernel maps has none */
			continue;
		key = strcmp(module->path, process->exe) == 0
			      ? strdup("")
			      : fingerprint_module_new(module->path);
		error = key ? learn_module(same, key, module->build_id) : -ENOMEM;
		if (error)
			return error;
	}
	return 0;
}

bool samebuild_holds(const struct samebuild *same, const char *module_key)
{
	struct build *build = NULL;

	if (same->in_the_dark || !module_key)
		return false;
	HASH_FIND_STR(same->builds, module_key, build);
	return build && build->id;
}
