/* SPDX-License-Identifier: MIT */
/*
 * listing_scan.h - the records of a scan for pointers as lines of text.
 *
 * Threads: one at a time. Memory: none.
 */
#ifndef LISTING_SCAN_H
#define LISTING_SCAN_H

#include <stdio.h>

struct mft_record;

/* Writes a record SCAN to SCAN_END, from where a line says what it is: one line, of words
 * one a word. Returns 0 or -EBADMSG. */
int listing_scan(FILE *out, const struct mft_record *record);

#endif
