/* SPDX-License-Identifier: MIT */
/*
 * storage_plugin.h - the functions of a plugin with thread-local storage.
 *
 * Guarantees: one malloc a call, from a frame of its own.
 * Threads: any. Memory: the caller's to free.
 * Not here: how much storage, and of which model; the build says so.
 */
#ifndef STORAGE_PLUGIN_H
#define STORAGE_PLUGIN_H

#include <stddef.h>

/* Touches the calling thread's storage and allocates size bytes in in_plugin. Returns NULL
 * without memory. */
void *plugin_use(size_t size);
void *in_plugin(size_t size);

#endif
