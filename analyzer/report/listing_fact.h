/* SPDX-License-Identifier: MIT */
/*
 * listing_fact.h - records that tell of the process and not of one event, as lines of text.
 *
 * Who it is, its threads and modules, its snapshots, and notices. Guarantees: whatever the
 * traced program called itself, no control character reaches the output. Threads: none.
 * Memory: none that stays.
 * Not here: records with call stacks (listing.h), scans for pointers (listing_scan.h).
 */
#ifndef LISTING_FACT_H
#define LISTING_FACT_H

#include <stdint.h>
#include <stdio.h>

struct mft_record;

/* What a record of that opcode is called in a listing. */
const char *listing_label(uint8_t op);

/* Writes the rest of the line of a long record, after time and thread; of one that is not
 * known its opcode and size. Returns 0 or -EBADMSG: nothing was written. */
int listing_fact(FILE *out, const struct mft_record *record);

#endif
