/* SPDX-License-Identifier: MIT */
/*
 * slots.h - the chunks of a dump, place by place.
 *
 * Behind its header a dump is places of one size, each for a chunk. Goes through all of
 * them and takes in the chunks that it finds, in the order in which they lie. Guarantees:
 * space that was reserved and never used costs no reading; what is no chunk where one has
 * to be is noted as damage, and what comes after it is found all the same. Threads: one at
 * a time. Memory: about 48 bytes a chunk, which belong to the reader. Not here: the header
 * (dumpheader.h), which chunks make a stream (reader.h), what the chunks of a ring's state
 * hold (ringplaces.h).
 */
#ifndef SLOTS_H
#define SLOTS_H

struct reader;

/* Adds the chunks of events to reader->chunks and what they count to the reader's sums;
 * places of a ring's state are noted in reader->ring. Returns 0, -ENOMEM, or what pread
 * says. */
int slots_find_chunks(struct reader *reader);

/* Notes as damage that chunks at the file's end are missing, if more of them are than an
 * ended process can have left unwritten. After the streams are known. */
void slots_check_tail(struct reader *reader);

#endif
