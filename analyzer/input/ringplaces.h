/* SPDX-License-Identifier: MIT */
/*
 * ringplaces.h - the places in the file that hold a ring's state, and their bytes.
 *
 * The reader notes each chunk of the state that it comes by. Then all are read, a step
 * that did not end is taken back in their images (ringundo.h), and they are put in order,
 * so that the n-th chunk of a kind is found at once.
 * Guarantees: nothing outside of the state is read or changed; ringplaces_order succeeds
 * only if every chunk that the root counts is there once. Threads: one at a time. Memory:
 * an image of each place, which belongs to the ring; ring_free.
 * Not here: what the chunks hold (ring.h).
 */
#ifndef RINGPLACES_H
#define RINGPLACES_H

#include <stdbool.h>
#include <stdint.h>

struct mft_chunk;
struct reader;
struct ring;

/* What the reader found: a chunk at an offset, of a kind of the state. The root comes
 * first, offsets grow. Returns 0 or a negative errno. */
int ringplaces_note(struct ring *ring, struct reader *reader, const struct mft_chunk *chunk,
		    uint64_t offset);

/* Whether the journal is at an offset; its places have no headers of their own. */
bool ringplaces_is_journal(const struct ring *ring, uint64_t offset);

/* Reads what was noted and not read yet. Returns 0, -ENOMEM, or what pread says. */
int ringplaces_read(struct ring *ring, struct reader *reader);

/* Sets *ret_at to the image of the place that holds `bytes` bytes at an offset of the file:
 * perhaps of one that was given up in the step, and was no chunk any more. Before
 * ringplaces_order only. Returns 0, -EBADMSG: there can be none; -ENOMEM, or what pread
 * says. */
int ringplaces_bytes(struct ring *ring, struct reader *reader, uint64_t offset,
		     uint64_t bytes, uint8_t **ret_at);

/* Finds the first place of each kind, by the root. Returns 0, or -EBADMSG: one that counts
 * is not there, or there twice. */
int ringplaces_order(struct ring *ring);

/* Whether the places that count are what they were when the process ended and sealed them;
 * after ringplaces_order. Returns 0, also if it did not seal them; or -EBADMSG. */
int ringplaces_check_seals(const struct ring *ring);

#endif
