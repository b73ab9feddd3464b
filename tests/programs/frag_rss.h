/* SPDX-License-Identifier: MIT */
/*
 * frag_rss.h - this process's RSS as the kernel counts it page by page
 * (/proc/self/smaps_rollup; statm's sums are brought up to date now and then only).
 *
 * Guarantees: allocates nothing. Threads: one. Memory: a static buffer.
 */
#ifndef FRAG_RSS_H
#define FRAG_RSS_H

/* Bytes, or a negative errno. */
long long frag_rss_bytes(void);

/* Of these, in anonymous pages: a recorder's windows onto its dump are not among them. */
long long frag_rss_anonymous_bytes(void);

#endif
