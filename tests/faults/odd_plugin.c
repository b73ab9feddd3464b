/* SPDX-License-Identifier: MIT */
/* A library that is loaded in unusual ways: see loads_plugins.c. */
#include "odd_plugin.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
	return strdup(text);
}

static void *allocate(size_t size)
{
	return malloc(size);
}

static void release(void *block)
{
	free(block);
}

/* Loaded by its bare name: found through this library's own search path, $ORIGIN. */
static const char *dependency(void)
{
	void *library = dlopen("odd_dependency.so", RTLD_NOW);
	const char *(*name)(void) = NULL;

	if (library)
		*(void **)&name = dlsym(library, "dependency_name");
	return name ? name() : "nothing";
}

static size_t next_strlen(const char *text)
{
	size_t (*next)(const char *);

	*(void **)&next = dlsym(RTLD_NEXT, "strlen");
	return next ? next(text) : 0;
}

const struct odd_plugin odd_plugin = {copy, allocate, release, dependency, next_strlen};
