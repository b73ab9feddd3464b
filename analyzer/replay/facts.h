/* SPDX-License-Identifier: MIT */
/*
 * facts.h - what a dump says about its process in words: command line, allocator, notices.
 *
 * Threads: one at a time. Memory: the profile's.
 */
#ifndef FACTS_H
#define FACTS_H

#include "mft_codec.h"

struct profile;

/* Each takes the payload of a record into the profile. PROCESS and ALLOCATOR: the first
 * record counts. Returns 0, -EBADMSG or -ENOMEM; the profile changes only on success. */
int facts_process(struct profile *profile, struct mft_bytes payload);
int facts_allocator(struct profile *profile, struct mft_bytes payload);
/* Adds a thread to the list. Returns 0 or -ENOMEM. */
int facts_thread(struct profile *profile, const struct mft_thread *thread);
/* A sentence for the reader of a report; the same one is kept once. */
int facts_notice(struct profile *profile, struct mft_bytes payload);

/* Gives every string that no record filled in its empty value. Returns 0 or -ENOMEM. */
int facts_complete(struct profile *profile);

#endif
