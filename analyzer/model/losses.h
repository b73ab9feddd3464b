/* SPDX-License-Identifier: MIT */
/*
 * losses.h - whether a recording may lack frees, so that its unfreed blocks prove nothing.
 *
 * A process that was killed lacks nothing: all it did is there. Frees of blocks from before
 * the recording lack nothing either.
 * Threads: any. Memory: none.
 */
#ifndef LOSSES_H
#define LOSSES_H

struct profile;

/* Why frees may be missing, as a clause ("events were lost"), or NULL: none are. What a
 * profile says of its recording must be filled in. */
const char *losses_of(const struct profile *profile);

#endif
