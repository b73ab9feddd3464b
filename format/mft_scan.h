/* SPDX-License-Identifier: MIT */
/*
 * mft_scan.h - the records of a scan for pointers: SCAN, SCAN_ROOT, SCAN_WORDS,
 * SCAN_CONTENTS, SCAN_END.
 *
 * Guarantees, threads, memory: as mft_codec.h.
 * Not here: what a scan means (docs/format.md, section 10).
 */
#ifndef MFT_SCAN_H
#define MFT_SCAN_H

#include "mft_codec.h"

/* SCAN: its instant is the clock of its SCAN_END, its reason that of a snapshot. */
struct mft_scan {
	uint32_t reason; /* enum mft_snapshot_reason */
};
int mft_decode_scan(struct mft_bytes payload, struct mft_scan *ret_scan);

struct mft_scan_root {
	uint32_t kind; /* enum mft_root_kind */
	uint64_t start;
	uint64_t length; /* bytes */
	uint32_t module; /* id, or 0: none */
	uint32_t tid;	 /* or 0: none */
};
int mft_decode_scan_root(struct mft_bytes payload, struct mft_scan_root *ret_root);

/* Where in a SCAN_WORDS or SCAN_CONTENTS record encoder and decoder stand: at the word
 * last put or taken. All zeros at its begin. */
struct mft_scan_word {
	uint64_t address; /* a multiple of 8 */
	uint64_t value;
};

/* No word takes more bytes: two varints, one of them with an escape in front. */
#define MFT_SCAN_WORD_BYTES_MAX 28u

/* Puts a word behind *last and makes it the last. */
void mft_long_scan_word(struct mft_long *record, struct mft_scan_word *last,
			uint64_t address, uint64_t value);
/* Takes the next word off the payload into *word, which was the last. Returns 1, 0 at the
 * end, -EBADMSG. */
int mft_next_scan_word(struct mft_bytes *payload, struct mft_scan_word *word);

struct mft_scan_end {
	uint32_t flags;		  /* MFT_SCAN_*: what is missing */
	uint32_t threads;	  /* other threads that were there */
	uint32_t threads_running; /* of these, not stopped */
	uint64_t absent_pages;	  /* swapped out or not to be read, and not looked at */
	uint64_t words_lost;	  /* that found no place */
	uint64_t duration_ns;
};
int mft_decode_scan_end(struct mft_bytes payload, struct mft_scan_end *ret_end);

/* The matching encoders. Return 0, or -ENOSPC: it did not fit. */
int mft_put_scan(struct mft_encoder *e, const struct mft_scan *scan);
int mft_put_scan_root(struct mft_encoder *e, const struct mft_scan_root *root);
int mft_put_scan_end(struct mft_encoder *e, const struct mft_scan_end *end);

#endif
