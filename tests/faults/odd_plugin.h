/* SPDX-License-Identifier: MIT */
/*
 * odd_plugin.h - what odd_plugin.c offers to loads_plugins.c: the object `odd_plugin`,
 * found by dlsym. Memory: what copy and allocate return is the plugin's allocator's.
 */
#ifndef ODD_PLUGIN_H
#define ODD_PLUGIN_H

#include <stddef.h>

struct odd_plugin {
	/* A copy, made by the C library inside (strdup). */
	char *(*copy)(const char *text);
	void *(*allocate)(size_t size);
	void (*release)(void *block);
	/* Which library the plugin's own search path led to. */
	const char *(*dependency)(void);
	/* strlen as dlsym(RTLD_NEXT) gives it to the plugin. */
	size_t (*next_strlen)(const char *text);
};

#endif
