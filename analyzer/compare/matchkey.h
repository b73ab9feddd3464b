/* SPDX-License-Identifier: MIT */
/*
 * matchkey.h - call stacks as sequences of names, for finding the same stack elsewhere.
 *
 * A key is the fingerprint (fingerprint.h) but that the traced program's own module has no
 * name: a copy of it called otherwise is still it. It is made of the names, not of the id
 * that was printed, so that it does not matter from what the site was read. A frame without
 * a name goes by its address in a module that is the same build on both sides
 * (samebuild.h), and by the module alone in others.
 * Guarantees: names are numbered; equal numbers mean equal names, across all sites that one
 * struct matchkeys has seen, from whichever side.
 * Threads: none. Memory: matchkeys_free; the sites' strings must outlive it.
 * Not here: likeness (sitematch.h).
 */
#ifndef MATCHKEY_H
#define MATCHKEY_H

#include <stddef.h>
#include <stdint.h>

struct measured_process;
struct measured_site;

/* More frames than this at the inner end are not compared by likeness. */
#define MATCHKEY_NAMES_MAX 64u

struct matchkey {
	uint64_t key;
	/* The function keys, or modules and addresses without one, innermost first; and
	 * after MATCHKEY_NAMES_MAX places the same without template arguments. */
	uint32_t *names;
	uint32_t *families;
	size_t count;
};

struct matchkeys;

struct matchkeys *matchkeys_new(void);
void matchkeys_free(struct matchkeys *keys);

/* Looks at the modules of a process; all have to be seen before the first key is made.
 * Returns 0 or -ENOMEM. */
int matchkeys_learn(struct matchkeys *keys, const struct measured_process *process);

/* Makes the key of a process's site; ret_key->names is the caller's (free), and families a
 * part of it. Returns 0 or -ENOMEM. */
int matchkeys_make(struct matchkeys *keys, const struct measured_process *process,
		   const struct measured_site *site, struct matchkey *ret_key);

/* Names are numbered from 0 to this, exclusive. */
size_t matchkeys_names(const struct matchkeys *keys);

#endif
