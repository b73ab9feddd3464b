/* SPDX-License-Identifier: MIT */
/*
 * samebuild.h - which modules are the same file in all runs that are compared.
 *
 * A stripped library gives its functions no names, and addresses in it mean nothing in
 * another build of it. Where every process that has the module recorded one and the same
 * build-id, they do: then an address stands for the function.
 * Modules are known by the keys that fingerprints have (fingerprint.h), the program itself
 * by "". Two files of one key are no same build.
 * Guarantees: a process of which no modules are known - read from a report that was stored
 * without them - makes that no module counts as the same.
 * Threads: none. Memory: samebuild_free.
 */
#ifndef SAMEBUILD_H
#define SAMEBUILD_H

#include <stdbool.h>

struct measured_process;
struct samebuild;

/* Returns NULL where memory is short. */
struct samebuild *samebuild_new(void);
void samebuild_free(struct samebuild *same);

/* Looks at the modules of a process; all have to be seen before the first question. The
 * process must outlive it. Returns 0 or -ENOMEM. */
int samebuild_learn(struct samebuild *same, const struct measured_process *process);

bool samebuild_holds(const struct samebuild *same, const char *module_key);

#endif
