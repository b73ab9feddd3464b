/* SPDX-License-Identifier: MIT */
/*
 * leak_plugin.h - the library that programs load while they run.
 *
 * Guarantees: plugin_keep allocates nothing itself; the first use of a thread-local
 * variable makes the loader allocate it. Threads: any. Memory: none. Not here: loading it.
 */
#ifndef LEAK_PLUGIN_H
#define LEAK_PLUGIN_H

enum plugin_place {
	PLUGIN_BSS = 0,
	PLUGIN_DATA,
	PLUGIN_TLS
};

typedef void (*plugin_keep_fn)(enum plugin_place place, void *block);

/* Puts a block's address into a variable of the library's. */
void plugin_keep(enum plugin_place place, void *block);

#endif
