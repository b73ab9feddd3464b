/* SPDX-License-Identifier: MIT */
/*
 * report_text.h - the reports for people.
 *
 * Guarantees: fits in the terminal's width, 80 columns where it is none; the most important
 * comes first; never silent about what was lost or could not be named.
 * Threads: none. Memory: none that stays.
 * All functions return 0 or -ENOMEM; errors of writing show in ferror(terminal->out).
 */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

struct report;
struct terminal;

/* Totals, peak, unfreed blocks, fragmentation, top call sites. */
int report_text_overview(const struct report *report, const struct terminal *terminal);

/* What was live when most was live, by call site. */
int report_text_peak(const struct report *report, const struct terminal *terminal);

/* What leaks or was never freed: how much of each kind; the call sites of those kinds whose
 * bit (1 << enum profile_leak_kind) is set; cycles; what grows. */
int report_text_leaks(const struct report *report, const struct terminal *terminal,
		      unsigned kinds);

/* The heap at its worst: resident, usable, asked for; pages; who pins them. */
int report_text_frag(const struct report *report, const struct terminal *terminal);

/* Header, modules and health of each dump. */
int report_text_info(const struct report *report, const struct terminal *terminal);

#endif
