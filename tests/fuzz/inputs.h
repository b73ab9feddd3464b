/* SPDX-License-Identifier: MIT */
/*
 * inputs.h - the files that a fuzz target is to be given without libFuzzer.
 *
 * Guarantees: directories in the order of their names, without what begins with a dot; each
 * file is named on standard error before it is taken, so that the last line tells which one
 * ended the program. Threads: none.
 * Errors: what cannot be read ends the program with status 2.
 */
#ifndef INPUTS_H
#define INPUTS_H

#include <stddef.h>
#include <stdint.h>

/* Takes one input of `count` bytes, which are gone afterwards. */
typedef void inputs_take_fn(const uint8_t *bytes, size_t count);

/* Gives all files at `paths`, which ends with NULL, and in those of them that are
 * directories. Returns how many. */
unsigned long inputs_give(char *const *paths, inputs_take_fn *take);

#endif
