/* SPDX-License-Identifier: MIT */
/*
 * two_streams.h - a dump whose structure is known, to be damaged by a test.
 *
 * Two streams of releases and nothing else, written by turns, several chunks each.
 * Guarantees: the first error fails the test. Threads: one at a time. Memory: none is kept.
 * Not here: the damage, and what a reader makes of it.
 */
#ifndef TWO_STREAMS_H
#define TWO_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "dump_writer.h"

#define TWO_STREAMS_CHUNK 1024u /* bytes */
#define TWO_STREAMS_FREES 1000u /* of each stream */

/* Writes the dump to path, with checksums if it is to be sealed, and closes it with this
 * state. The streams are of the threads 10 and 20. */
void two_streams_write(const char *path, bool sealed, enum mft_state end);

/* Where in the file the chunk of a slot begins. */
uint64_t two_streams_chunk_offset(uint64_t slot);

#endif
