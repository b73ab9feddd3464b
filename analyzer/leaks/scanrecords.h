/* SPDX-License-Identifier: MIT */
/*
 * scanrecords.h - a scan for pointers while its records come in.
 *
 * Guarantees: what records say is checked: kinds, order of words, sizes. A scan without its
 * end is none. Of several scans in a dump the last one counts.
 * Threads: one at a time. Memory: the scan's, pointers.h.
 */
#ifndef SCANRECORDS_H
#define SCANRECORDS_H

#include <stdbool.h>
#include <stdint.h>

struct blocks;
struct mft_record;
struct modulemap;
struct pointers;

/* One stream's; all zeros before its first scan. */
struct scanrecords {
	struct pointers *open; /* NULL: none is under way */
};

/* Frees a scan that is under way. */
void scanrecords_done(struct scanrecords *records);

/* Takes in a record SCAN to SCAN_CONTENTS. Returns 0; -EBADMSG: it makes no sense, and the
 * scan under way, if any, is dropped; -ENOMEM. */
int scanrecords_add(struct scanrecords *records, const struct mft_record *record,
		    struct modulemap *modules);

/* Takes in SCAN_END. blocks: those that live where it stands. On success *ret_pointers is
 * the scan, yet to be sealed, and the caller's: pointers_done, then free. Returns as
 * scanrecords_add does. */
int scanrecords_end(struct scanrecords *records, const struct mft_record *record,
		    const struct blocks *blocks, struct pointers **ret_pointers);

#endif
