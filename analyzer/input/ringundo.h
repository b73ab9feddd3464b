/* SPDX-License-Identifier: MIT */
/*
 * ringundo.h - takes back a step of a ring's fold that did not end.
 *
 * A step changes the state in place, and notes in the journal what was there before. If
 * the process ended within a step, these old bytes go back, the last ones first.
 * Guarantees: the journal is believed only where it refers to the state; the file is not
 * written to. Threads: one at a time. Memory: the journal, until the call ends.
 * Not here: the images that bytes are put back into (ringplaces.h).
 */
#ifndef RINGUNDO_H
#define RINGUNDO_H

struct reader;
struct ring;

/* Puts the images of all places, and the root, back to where the last whole step ended.
 * Returns 0; -EBADMSG: the journal makes no sense; -ENOMEM, or what pread says. */
int ringundo_step(struct ring *ring, struct reader *reader);

#endif
