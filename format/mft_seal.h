/* SPDX-License-Identifier: MIT */
/*
 * mft_seal.h - seals: how much of a chunk or a header is protected, and its checksum.
 *
 * A seal is one word, so that a reader finds the old one or the new one and never half of
 * each: the number of bytes that are covered, from the beginning, and their CRC32C. 0 is
 * no seal.
 * Guarantees: no allocation, no state.
 * Threads: what is covered must not change while a seal is made of it.
 * Not here: when seals are put (preload/), what follows from a broken one (analyzer/).
 */
#ifndef MFT_SEAL_H
#define MFT_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "mft_format.h"

/* How many bytes a seal covers; 0: there is none. */
static inline uint32_t mft_seal_bytes(uint64_t seal)
{
	return (uint32_t)(seal >> 32);
}

/* Whether a chunk's header has a seal in it. */
static inline bool mft_seal_is_there(const struct mft_chunk *chunk)
{
	return chunk->header_bytes >=
		       __builtin_offsetof(struct mft_chunk, seal) + sizeof(chunk->seal) &&
	       chunk->seal != 0;
}

/* The seal of a chunk's first `bytes`, all of it or its header and some records. Members of
 * the header that change while the chunk is in use count only when it is all of it. */
uint64_t mft_seal_chunk(const struct mft_chunk *chunk, uint32_t bytes,
			uint32_t chunk_bytes);

/* Whether a seal can be one of a chunk: it covers the header, and no more than there is. */
bool mft_seal_fits_chunk(uint64_t seal, uint32_t chunk_bytes);

/* The seal of a ring's root (mft_ring.h), all of its place but the word that a reader of a
 * running process writes. */
uint64_t mft_seal_root(const struct mft_chunk *root, uint32_t chunk_bytes);

/* The seal of what a header says from the start on. */
uint64_t mft_seal_start(const struct mft_header *header);

/* The seal of what a header says at the end: all of it but `control`, or only what no other
 * thread can change any more. */
#define MFT_SEAL_END_WHOLE MFT_HEADER_BYTES
#define MFT_SEAL_END_OWN 280u
uint64_t mft_seal_end(const struct mft_header *header, uint32_t bytes);

#endif
