/* SPDX-License-Identifier: MIT */
/*
 * leak_plugin_load.h - loads the plugin that lies beside the program.
 *
 * Guarantees: plugin_load allocates nothing itself; the loader does.
 * Threads: any. Memory: none. Not here: what the plugin can do (leak_plugin.h).
 */
#ifndef LEAK_PLUGIN_LOAD_H
#define LEAK_PLUGIN_LOAD_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leak_plugin.h"

/* Returns the plugin's function; `ret_handle`: what dlclose wants. Ends the program where
 * the plugin cannot be loaded. */
static inline plugin_keep_fn plugin_load(const char *program, void **ret_handle)
{
	const char *slash = strrchr(program, '/');
	plugin_keep_fn keep;
	void *address;
	char path[4096];

	snprintf(path, sizeof(path), "%.*sleak_plugin.so",
		 slash ? (int)(slash + 1 - program) : 0, program);
	*ret_handle = dlopen(path, RTLD_NOW);
	address = *ret_handle ? dlsym(*ret_handle, "plugin_keep") : NULL;
	if (!address)
		abort();
	memcpy(&keep, &address, sizeof(keep));
	return keep;
}

#endif
