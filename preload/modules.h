/* SPDX-License-Identifier: MIT */
/*
 * modules.h - which libraries are mapped where, and since when.
 *
 * dlopen and dlclose are not wrapped. The dynamic linker allocates whenever it loads a
 * library and frees whenever it unloads one, through the interposed malloc: entry points
 * that find it as their caller call modules_touch, and the next stack that needs a name
 * looks again (dl_iterate_phdr).
 * Guarantees: no lock is waited for: while one thread looks, others go on with what is
 * known, and an address that is in no known module is recorded as it is.
 * Memory: a table of what is loaded now; it is replaced, never changed.
 */
#ifndef MODULES_H
#define MODULES_H

#include <stdbool.h>
#include <stdint.h>

struct recorder;

struct modules {
	uint32_t stale;	     /* atomic: the dynamic linker was at work */
	uint32_t generation; /* atomic: +1 whenever something had changed; never 0, which
			      * a thread has seen that has not looked yet */
	uint32_t unload_generation; /* atomic: +1 whenever a library was found gone */
	uintptr_t linker_start;	    /* the dynamic linker's own range */
	uintptr_t linker_bytes;
	uintptr_t own_start; /* this library's range */
	uintptr_t own_bytes;
};
extern struct modules modules;

static inline bool modules_is_own(uintptr_t address)
{
	return address - modules.own_start < modules.own_bytes;
}

/* What a thread has seen of modules.generation that has been in the loader since. */
#define MODULES_TOUCHED UINT32_MAX

/* The slow half of modules_touch. */
void modules_touched(void);

/* To be called with the return address of an entry point that was called. */
static inline void modules_touch(const void *caller)
{
	if (__builtin_expect(
		    (uintptr_t)caller - modules.linker_start < modules.linker_bytes, 0))
		modules_touched();
}

/* Finds the dynamic linker and this library. Once, at start. */
void modules_begin(void);

/* Whether anything changed, or may have, since modules.generation was `seen`. */
static inline bool modules_changed(uint32_t seen)
{
	return __atomic_load_n(&modules.stale, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&modules.generation, __ATOMIC_ACQUIRE) != seen;
}

/* Whether all that has come or gone is known: nothing may have since the last look, and no
 * thread is looking now. */
bool modules_are_settled(void);

/* Looks for libraries that came or went if modules.stale says so, and writes the changes
 * into the recorder's stream. */
void modules_refresh(struct recorder *recorder);

/* The module that holds address now. While another thread is looking, the loader is asked,
 * and the module is recorded under one more number. Returns its number in the dump and its
 * bias, or MFT_MODULE_NONE with a bias of 0. */
uint32_t modules_find(struct recorder *recorder, uintptr_t address, uintptr_t *ret_bias);

/* The module that was known to hold address when modules were last looked for; nothing is
 * asked of the loader. Returns its number, or MFT_MODULE_NONE; *ret_end is where its range
 * ends, or where the next one begins (UINTPTR_MAX: there is none). */
uint32_t modules_recall(uintptr_t address, uintptr_t *ret_end);

/* In a forked child: nothing has been written into the new dump yet. */
void modules_forget(void);

#endif
