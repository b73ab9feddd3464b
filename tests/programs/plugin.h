/* SPDX-License-Identifier: MIT */
/*
 * plugin.h - what a library for dlopen() offers: one object, `plugin`, through which its
 * allocating function is reached.
 */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stddef.h>

struct plugin {
	/* malloc(size), called from a function whose name only this library has. */
	void *(*allocate)(size_t size);
};

extern const struct plugin plugin;

#endif
