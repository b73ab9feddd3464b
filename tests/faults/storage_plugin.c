/* SPDX-License-Identifier: MIT */
/*
 * A plugin with STORAGE_BYTES of thread-local storage of STORAGE_MODEL, which it uses for
 * each of its allocations.
 */
#include <stdlib.h>

#include "storage_plugin.h"

static _Thread_local char storage[STORAGE_BYTES] __attribute__((tls_model(STORAGE_MODEL)));

__attribute__((noinline)) void *in_plugin(size_t size)
{
	return malloc(size);
}

/* The first use in a thread may allocate, but not in the name of in_plugin. */
__attribute__((noinline)) void *plugin_use(size_t size)
{
	storage[size % STORAGE_BYTES] = 1;
	return storage[size % STORAGE_BYTES] ? in_plugin(size) : NULL;
}
