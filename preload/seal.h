/* SPDX-License-Identifier: MIT */
/*
 * seal.h - puts checksums on what a recorder has written.
 *
 * A chunk is sealed whole by its owner when it goes on to the next one. When the process
 * exits, the chunks at hand are sealed too: whole where nobody is left who could write to
 * them, and otherwise as far as their records are committed.
 * Guarantees: a seal never covers what may still change; what is written after the process
 * has said that it exits is recorded all the same, behind what is sealed. No allocation, no
 * lock. A chunk of 64 KiB takes some microseconds.
 * Not here: what a seal is (mft_seal.h).
 */
#ifndef SEAL_H
#define SEAL_H

struct recorder;

/* Seals the recorder's chunk, which its owner is about to leave. */
void seal_left(struct recorder *recorder);

/* Makes a chunk that was sealed at exit ready for more records, and its header for more
 * counting. The caller is its owner, and recorder->sealed is set. */
void seal_break(struct recorder *recorder);

/* Seals everything that the exiting process has at hand, its header last. */
void seal_process(void);

#endif
